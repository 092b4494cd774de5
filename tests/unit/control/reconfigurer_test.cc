#include "control/reconfigurer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "base/random.h"
#include "dhcp6/message_view.h"
#include "dhcp6/reconfigure.h"
#include "engine/v6/lease_note.h"

namespace xdhcpd::control {
namespace {

using Ask = Reconfigurer::Ask;
using Bytes = std::vector<std::byte>;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr lease::SpaceId kAddresses{1};
constexpr lease::SpaceId kPrefixes{2};
const Bytes kServer = {std::byte{0}, std::byte{4}, std::byte{9}};

[[nodiscard]] Bytes duid(std::uint8_t client) {
    return {std::byte{0}, std::byte{3}, std::byte{0}, std::byte{1}, std::byte{client}};
}

// A lease of client n is at index n of its space.
[[nodiscard]] HeldLease lease_of(std::uint8_t client, lease::SpaceKind kind,
                                 engine::v6::LeaseNote note) {
    HeldLease lease;
    lease.index = client;
    lease.state = lease::LeaseState::kLeased;
    lease.started = {1000};
    lease.what6 = model::What6{kind, kind == lease::SpaceKind::kIpv6Address
                                         ? Ipv6Prefix{*parse_ipv6("2001:db8::99"), 128}
                                         : *parse_ipv6_prefix("2001:db8:100::/56")};
    Bytes encoded(engine::v6::kMaxLeaseNoteLen);
    encoded.resize(engine::v6::encode(note, encoded));
    lease.relay_information = encoded;
    return lease;
}

class ReconfigurerTest : public ::testing::Test {
  protected:
    ReconfigurerTest()
        : reconfigurer_{{.find = [this](lease::SpaceId space,
                                        std::uint32_t index) { return find(space, index); },
                         .send = [this](const Datagram6& datagram) -> Result<Success, Error> {
                             if (!problem_.empty() || datagram.interface == missing_) {
                                 return Unexpected{
                                     Error{0, problem_ + " to " + to_string(datagram.destination)}};
                             }
                             sent_.push_back(datagram);
                             return Success{};
                         }}} {}

    [[nodiscard]] std::optional<HeldLease> find(lease::SpaceId space, std::uint32_t index) {
        const auto found = leases_.find({space.value, index});
        return found == leases_.end() ? std::nullopt : std::optional{found->second};
    }
    Ask ask(std::uint8_t client, lease::SpaceKind kind, engine::v6::LeaseNote note,
            dhcp6::MessageType wanted = dhcp6::MessageType::kRenew) {
        const lease::SpaceId space =
            kind == lease::SpaceKind::kIpv6Address ? kAddresses : kPrefixes;
        const HeldLease lease = lease_of(client, kind, note);
        leases_[{space.value, client}] = lease;
        return reconfigurer_.ask(space, subnet_, lease, wanted, now());
    }
    [[nodiscard]] engine::v6::LeaseNote willing(std::uint8_t client) {
        duids_.push_back(std::make_unique<Bytes>(duid(client)));
        engine::v6::LeaseNote note;
        note.reconfigure_duid = *duids_.back();
        return note;
    }
    [[nodiscard]] engine::v6::LeaseNote on_link(std::uint8_t client) {
        engine::v6::LeaseNote note = willing(client);
        note.next_hop = *parse_ipv6("fe80::7");
        note.interface = "eth1";
        return note;
    }
    [[nodiscard]] BootTime now() const { return BootTime{std::chrono::milliseconds{now_}}; }
    void tick() {
        reconfigurer_.tick(terms_, now(),
                           [this](const std::string& line) { log_.push_back(line); });
    }
    // Ticks every 100 ms for so many seconds.
    void pass(std::uint32_t seconds) {
        for (std::uint32_t i = 0; i < 10 * seconds; ++i) {
            now_ += 100;
            tick();
        }
    }
    [[nodiscard]] static std::unique_ptr<dhcp6::MessageView> parsed(const Datagram6& datagram) {
        auto view = std::make_unique<dhcp6::MessageView>();
        EXPECT_TRUE(view->parse(datagram.payload));
        return view;
    }

    std::map<std::pair<std::uint16_t, std::uint32_t>, HeldLease> leases_;
    std::vector<std::unique_ptr<Bytes>> duids_;
    std::vector<Datagram6> sent_;
    std::vector<std::string> log_;
    std::string problem_;
    std::string missing_ = "eth9";  // an interface that the host does not have
    std::string subnet_ = "2001:db8::/32";
    std::optional<Reconfigurer::Terms> terms_{
        Reconfigurer::Terms{kServer, {.secret = {std::byte{1}}, .replay_base = 5}, 547, 546}};
    std::uint64_t now_ = 1'000'000;
    Reconfigurer reconfigurer_;
};

TEST_F(ReconfigurerTest, AsksEightTimesAtGrowingIntervals) {
    RecordProperty("rfc", "8415 7.6, 15, 18.3.11");
    EXPECT_EQ(ask(1, lease::SpaceKind::kIpv6Address, on_link(1)), Ask::kAsked);
    tick();
    ASSERT_EQ(sent_.size(), 1u);
    EXPECT_EQ(sent_[0].destination, *parse_ipv6("fe80::7"));
    EXPECT_EQ(sent_[0].destination_port, 546);
    EXPECT_EQ(sent_[0].interface, "eth1");
    const auto message = parsed(sent_[0]);
    EXPECT_EQ(message->type(), dhcp6::MessageType::kReconfigure);
    EXPECT_TRUE(equal_bytes(message->client_id(), duid(1)));
    EXPECT_TRUE(equal_bytes(message->server_id(), kServer));
    std::vector<double> times;
    std::size_t seen = 1;
    const std::uint64_t begin = now_;
    for (int i = 0; i < 6500; ++i) {
        now_ += 100;
        tick();
        if (sent_.size() != seen) {
            seen = sent_.size();
            times.push_back(static_cast<double>(now_ - begin) / 1000);
        }
    }
    ASSERT_EQ(times.size(), Reconfigurer::kMaxTransmissions - 1);
    double last = 0;
    double expected = 2;
    for (const double time : times) {
        EXPECT_NEAR(time - last, expected, expected / 10 + 0.11) << time;
        last = time;
        expected *= 2;
    }
    const auto counts = reconfigurer_.counts();
    EXPECT_EQ(counts.waiting, 0u);
    EXPECT_EQ(counts.sent, 8u);
    EXPECT_EQ(counts.unanswered, 1u);
    EXPECT_EQ(counts.answered, 0u);
}

TEST_F(ReconfigurerTest, EveryMessageCountsHigher) {
    RecordProperty("rfc", "8415 20.3");
    ask(1, lease::SpaceKind::kIpv6Address, on_link(1));
    tick();
    pass(10);
    ASSERT_GE(sent_.size(), 3u);
    std::set<std::uint64_t> counters;
    for (const Datagram6& each : sent_) {
        const auto value = parsed(each)->options().find(dhcp6::OptionCode::kAuthentication);
        EXPECT_GT(load_be64(&(*value)[3]), counters.empty() ? 0 : *counters.rbegin());
        counters.insert(load_be64(&(*value)[3]));
    }
    EXPECT_EQ(*counters.begin(), 5u + 1'000'000'000u);
}

TEST_F(ReconfigurerTest, StopsWhenTheClientHasRenewedOrHasNoLease) {
    for (std::uint8_t client = 1; client <= 4; ++client) {
        ask(client, lease::SpaceKind::kIpv6Address, on_link(client));
    }
    tick();
    EXPECT_EQ(sent_.size(), 4u);
    leases_[{kAddresses.value, 1}].started = {1001};
    leases_[{kAddresses.value, 2}].last_xid = 77;  // within the same second
    leases_.erase({kAddresses.value, 3});
    pass(3);
    EXPECT_EQ(sent_.size(), 5u);
    EXPECT_EQ(reconfigurer_.counts().answered, 2u);
    EXPECT_EQ(reconfigurer_.counts().unanswered, 1u) << "its lease has ended: nobody knows more";
    EXPECT_EQ(reconfigurer_.counts().waiting, 1u);
    leases_[{kAddresses.value, 4}].state = lease::LeaseState::kOffered;
    pass(10);
    EXPECT_EQ(reconfigurer_.counts().answered, 2u);
    EXPECT_EQ(reconfigurer_.counts().unanswered, 2u);
}

TEST_F(ReconfigurerTest, AskedAgainByAWorseWayItBeginsAnew) {
    ask(1, lease::SpaceKind::kIpv6Address, on_link(1));
    tick();
    leases_[{kAddresses.value, 1}].last_xid = 77;  // it has renewed, and is to do so once more
    EXPECT_EQ(ask(1, lease::SpaceKind::kIpv6Prefix, willing(1)), Ask::kAgain);
    pass(3);
    EXPECT_EQ(reconfigurer_.counts().answered, 0u);
    EXPECT_EQ(sent_.size(), 3u);
}

TEST_F(ReconfigurerTest, AClientOfTwoSubnetsIsAskedOnBoth) {
    RecordProperty("rfc", "8415 11");
    EXPECT_EQ(ask(1, lease::SpaceKind::kIpv6Address, on_link(1)), Ask::kAsked);
    subnet_ = "2001:db9::/32";
    EXPECT_EQ(ask(1, lease::SpaceKind::kIpv6Prefix, on_link(1)), Ask::kAsked);
    tick();
    EXPECT_EQ(sent_.size(), 2u);
}

TEST_F(ReconfigurerTest, WhereTheHostIsNotInTheVlanItGoesToTheLeasedAddress) {
    engine::v6::LeaseNote note = on_link(1);
    note.interface = missing_;
    note.vlan = {100, 0};
    ask(1, lease::SpaceKind::kIpv6Prefix, note);
    tick();
    EXPECT_EQ(reconfigurer_.counts().refused, 1u);
    ask(1, lease::SpaceKind::kIpv6Address, note);
    ask(1, lease::SpaceKind::kIpv6Prefix, note);
    tick();
    ASSERT_EQ(sent_.size(), 1u);
    EXPECT_EQ(sent_[0].destination, *parse_ipv6("2001:db8::99"));
    EXPECT_EQ(sent_[0].interface, "");
    EXPECT_FALSE(sent_[0].vlan.tagged());
}

TEST_F(ReconfigurerTest, TakesTheBestWayOfAllLeasesOfAClient) {
    RecordProperty("rfc", "8415 18.3.11");
    engine::v6::LeaseNote relayed = willing(1);
    relayed.relay_address = *parse_ipv6("2001:db8::5");
    relayed.relay_port = 1547;
    relayed.link_address = *parse_ipv6("2001:db8:1::1");
    relayed.peer_address = *parse_ipv6("fe80::9");
    const Bytes id = {std::byte{'p'}};
    relayed.interface_id = id;
    EXPECT_EQ(ask(1, lease::SpaceKind::kIpv6Prefix, relayed), Ask::kAsked);
    tick();
    ASSERT_EQ(sent_.size(), 1u);
    EXPECT_EQ(sent_[0].destination, *parse_ipv6("2001:db8::5"));
    EXPECT_EQ(sent_[0].destination_port, 1547);
    EXPECT_EQ(sent_[0].interface, "");
    auto message = parsed(sent_[0]);
    EXPECT_EQ(message->relay_type(), dhcp6::MessageType::kRelayReply);
    ASSERT_EQ(message->relays().size(), 1u);
    EXPECT_EQ(message->relays()[0].peer_address, *parse_ipv6("fe80::9"));
    EXPECT_EQ(message->relays()[0].link_address, *parse_ipv6("2001:db8:1::1"));
    EXPECT_TRUE(equal_bytes(*message->relays()[0].interface_id(), id));
    EXPECT_TRUE(message->relays()[0].source_port());  // its reply goes to a port of its own
    EXPECT_EQ(message->type(), dhcp6::MessageType::kReconfigure);

    // By its address, once it has one; the prefix does not take that away.
    EXPECT_EQ(ask(1, lease::SpaceKind::kIpv6Address, relayed), Ask::kAgain);
    EXPECT_EQ(ask(1, lease::SpaceKind::kIpv6Prefix, relayed), Ask::kAgain);
    tick();
    ASSERT_EQ(sent_.size(), 2u);
    EXPECT_EQ(sent_[1].destination, *parse_ipv6("2001:db8::99"));
    EXPECT_EQ(sent_[1].destination_port, 546);
    EXPECT_EQ(ask(1, lease::SpaceKind::kIpv6Address, on_link(1)), Ask::kAgain);
    EXPECT_EQ(ask(1, lease::SpaceKind::kIpv6Address, relayed, dhcp6::MessageType::kRebind),
              Ask::kAgain);
    tick();
    ASSERT_EQ(sent_.size(), 3u);
    EXPECT_EQ(sent_[2].interface, "eth1");
    const auto wanted = parsed(sent_[2])->options().find(dhcp6::OptionCode::kReconfigureMessage);
    EXPECT_THAT(Bytes(wanted->begin(), wanted->end()), ElementsAre(std::byte{6}));
    EXPECT_EQ(reconfigurer_.counts().waiting, 1u);
}

TEST_F(ReconfigurerTest, WhoDoesNotAcceptItOrCannotBeReachedIsNotAsked) {
    engine::v6::LeaseNote unwilling = on_link(1);
    unwilling.reconfigure_duid = {};
    EXPECT_EQ(ask(1, lease::SpaceKind::kIpv6Address, unwilling), Ask::kUnwilling);
    EXPECT_EQ(ask(2, lease::SpaceKind::kIpv6Prefix, willing(2)), Ask::kUnreachable);
    EXPECT_EQ(ask(3, lease::SpaceKind::kIpv6Address, willing(3)), Ask::kAsked);
    // A lease by which it cannot be reached does not harm the other.
    EXPECT_EQ(ask(3, lease::SpaceKind::kIpv6Prefix, willing(3)), Ask::kAgain);
    pass(1);
    EXPECT_EQ(sent_.size(), 1u);
    EXPECT_EQ(reconfigurer_.counts().waiting, 1u);
}

TEST_F(ReconfigurerTest, RefusalsAreCountedAndSaidNowAndThen) {
    problem_ = "no route";
    for (std::uint8_t client = 1; client <= 100; ++client) {
        ask(client, lease::SpaceKind::kIpv6Address, on_link(client));
    }
    pass(3);
    EXPECT_EQ(reconfigurer_.counts().refused, 200u);
    ASSERT_EQ(log_.size(), 6u) << "a minute";
    EXPECT_THAT(log_[0], HasSubstr("no route"));
    problem_.clear();
    pass(10);
    EXPECT_GE(reconfigurer_.counts().sent, 100u);
}

TEST_F(ReconfigurerTest, SendsSoManyAtATimeAndAllInTheEnd) {
    for (int client = 0; client < 250; ++client) {
        ask(static_cast<std::uint8_t>(client), lease::SpaceKind::kIpv6Address,
            on_link(static_cast<std::uint8_t>(client)));
    }
    tick();
    EXPECT_EQ(sent_.size(), Reconfigurer::kBudget);
    tick();
    EXPECT_EQ(sent_.size(), 250u);
}

TEST_F(ReconfigurerTest, SwitchedOffNobodyWaits) {
    ask(1, lease::SpaceKind::kIpv6Address, on_link(1));
    terms_.reset();
    tick();
    EXPECT_TRUE(sent_.empty());
    EXPECT_EQ(reconfigurer_.counts().waiting, 0u);
    EXPECT_EQ(reconfigurer_.counts().unanswered, 1u);
}

// Whatever happens in whatever order: who was asked is waiting, has answered, or has not.
TEST_F(ReconfigurerTest, NobodyIsForgotten) {
    Random random{7};
    std::uint64_t asked = 0;
    for (int step = 0; step < 20'000; ++step) {
        const auto client = static_cast<std::uint8_t>(random.below(40));
        const auto kind =
            random.below(2) == 0 ? lease::SpaceKind::kIpv6Address : lease::SpaceKind::kIpv6Prefix;
        switch (random.below(6)) {
            case 0: {
                const auto note = random.below(3) == 0 ? willing(client) : on_link(client);
                asked += ask(client, kind, note) == Ask::kAsked ? 1 : 0;
                break;
            }
            case 1:
                for (auto& [key, lease] : leases_) {
                    lease.last_xid += key.second == client ? 1 : 0;
                }
                break;
            case 2:
                leases_.erase({kAddresses.value, client});
                break;
            default:
                now_ += random.below(20'000);
                tick();
        }
        const auto counts = reconfigurer_.counts();
        ASSERT_EQ(asked, counts.waiting + counts.answered + counts.unanswered) << step;
    }
    EXPECT_GT(reconfigurer_.counts().answered, 100u);
    pass(600);
    EXPECT_EQ(reconfigurer_.counts().waiting, 0u);
    EXPECT_GT(reconfigurer_.counts().unanswered, 0u);
}

}  // namespace
}  // namespace xdhcpd::control
