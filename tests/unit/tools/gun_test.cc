// The load generator: every reason for which a reply is bad, checksums of patched requests, leases
// given twice, the ledger and the values of options.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "packet/frame_view.h"
#include "support/frames.h"
#include "tools/xdhcpgun/address_book.h"
#include "tools/xdhcpgun/arp.h"
#include "tools/xdhcpgun/ledger.h"
#include "tools/xdhcpgun/reply.h"
#include "tools/xdhcpgun/statistics.h"
#include "tools/xdhcpgun/values.h"

namespace xdhcpd::gun {
namespace {

using testing::Bytes;
using testing::FrameSpec;
using testing::ip;

constexpr std::uint32_t kIndex = 7;

// A reply as text-book as can be, and what a test may spoil of it.
struct Spoilt {
    FrameSpec frame;
    std::map<int, Bytes> options;
    Bytes fixed = Bytes(240);
    std::function<void(Bytes&)> payload = [](Bytes&) {};
    std::function<void(Bytes&)> whole = [](Bytes&) {};
    Expectation expected;
};

class GunReplyTest : public ::testing::Test {
  protected:
    void make(PopulationSettings settings) {
        settings.client_count = 100;
        population_.emplace(settings);
        frames_.emplace(*population_, parse_mac("02:00:5e:00:53:77").value());
        reader_.emplace(*population_, *frames_);
    }

    [[nodiscard]] Spoilt good() const {
        Spoilt s;
        const bool relayed = population_->relayed();
        s.frame.destination_mac = relayed ? frames_->own_mac() : population_->mac(kIndex);
        s.frame.source = ip("10.0.0.1");
        s.frame.destination = relayed ? population_->relay(kIndex) : ip("10.0.0.50");
        s.frame.source_port = 67;
        s.frame.destination_port = relayed ? 67 : 68;
        s.fixed[0] = std::byte{2};
        s.fixed[1] = std::byte{1};
        s.fixed[2] = std::byte{6};
        store_be32(&s.fixed[4], population_->xid(kIndex, 1));
        store_be32(&s.fixed[16], ip("10.0.0.50").value);
        store_be32(&s.fixed[24], population_->relay(kIndex).value);
        population_->mac(kIndex).store(&s.fixed[28]);
        store_be32(&s.fixed[236], 0x63825363);
        s.options = {{53, testing::bytes({5})},
                     {54, testing::bytes({10, 0, 0, 1})},
                     {51, testing::bytes({0, 0, 14, 16})},
                     {1, testing::bytes({255, 255, 255, 0})}};
        RequestFrames::OptionRoom room;
        const ByteView relay = frames_->relay_information(kIndex, room);
        if (!relay.empty()) {
            s.options[82] = Bytes{relay.begin(), relay.end()};
        }
        s.expected = {.sent = RequestKind::kSelecting,
                      .address = ip("10.0.0.50"),
                      .server_id = ip("10.0.0.1")};
        return s;
    }

    [[nodiscard]] std::optional<BadReply> verdict(const Spoilt& s) {
        Bytes payload = s.fixed;
        for (const auto& [code, value] : s.options) {
            payload.push_back(static_cast<std::byte>(code));
            payload.push_back(static_cast<std::byte>(value.size()));
            testing::append(payload, value);
        }
        payload.push_back(std::byte{255});
        s.payload(payload);
        Bytes frame = testing::udp_frame(s.frame, payload);
        s.whole(frame);
        const auto read = reader_->read(frame);
        return read ? reader_->judge(*read, s.expected) : std::optional{read.error()};
    }

    void expect(BadReply reason, const std::function<void(Spoilt&)>& spoil) {
        Spoilt s = good();
        ASSERT_EQ(verdict(s), std::nullopt) << name(verdict(s).value());
        spoil(s);
        const auto found = verdict(s);
        ASSERT_TRUE(found.has_value()) << "not found: " << name(reason);
        EXPECT_EQ(*found, reason) << name(*found) << " instead of " << name(reason);
    }

    std::optional<Population> population_;
    std::optional<RequestFrames> frames_;
    std::optional<ReplyReader> reader_;
};

TEST_F(GunReplyTest, EachFaultOfAReplyHasItsReason) {
    RecordProperty("rfc", "2131 4.1, 4.3.1; 6842 3");
    PopulationSettings settings;
    settings.client_id = true;
    make(settings);
    expect(BadReply::kFrame, [](Spoilt& s) { s.whole = [](Bytes& f) { f.resize(30); }; });
    expect(BadReply::kIpChecksum,
           [](Spoilt& s) { s.whole = [](Bytes& f) { f[24] ^= std::byte{1}; }; });
    expect(BadReply::kUdpChecksum,
           [](Spoilt& s) { s.whole = [](Bytes& f) { f[200] ^= std::byte{1}; }; });
    expect(BadReply::kPorts, [](Spoilt& s) { s.frame.source_port = 6767; });
    expect(BadReply::kPorts, [](Spoilt& s) { s.frame.destination_port = 67; });
    expect(BadReply::kMessage, [](Spoilt& s) { s.payload = [](Bytes& p) { p.resize(100); }; });
    expect(BadReply::kOp, [](Spoilt& s) { s.fixed[0] = std::byte{1}; });
    expect(BadReply::kCookie, [](Spoilt& s) { s.fixed[237] = std::byte{0}; });
    expect(BadReply::kOptions, [](Spoilt& s) {
        s.payload = [](Bytes& p) { p.back() = std::byte{12}, p.push_back(std::byte{9}); };
    });
    expect(BadReply::kHardwareType, [](Spoilt& s) { s.fixed[2] = std::byte{16}; });
    expect(BadReply::kXid,
           [this](Spoilt& s) { store_be32(&s.fixed[4], population_->xid(kIndex, 1) ^ 0x7f); });
    expect(BadReply::kChaddr, [](Spoilt& s) { s.fixed[33] ^= std::byte{1}; });
    expect(BadReply::kFlags, [](Spoilt& s) { s.fixed[10] = std::byte{0x80}; });
    expect(BadReply::kVlanTags, [](Spoilt& s) { s.frame.tags = {{0x8100, 5}}; });
    expect(BadReply::kGiaddr, [](Spoilt& s) { s.fixed[24] = std::byte{10}; });
    expect(BadReply::kRelayInformation, [](Spoilt& s) {
        s.options[82] = testing::bytes({1, 1, 1});
    });
    expect(BadReply::kClientId, [](Spoilt& s) { s.options[61] = testing::bytes({1, 2, 3}); });
    expect(BadReply::kServerIdMissing, [](Spoilt& s) { s.options.erase(54); });
    expect(BadReply::kServerIdChanged, [](Spoilt& s) {
        s.options[54] = testing::bytes({10, 0, 0, 2});
    });
    expect(BadReply::kMessageType, [](Spoilt& s) { s.options[53] = testing::bytes({2}); });
    expect(BadReply::kMessageType, [](Spoilt& s) { s.options.erase(53); });
    expect(BadReply::kDestinationMac, [](Spoilt& s) { s.frame.destination_mac = testing::mac(9); });
    expect(BadReply::kDestinationIp, [](Spoilt& s) { s.frame.destination = ip("10.0.0.51"); });
    expect(BadReply::kAddressMissing, [](Spoilt& s) { store_be32(&s.fixed[16], 0); });
    expect(BadReply::kAddressChanged,
           [](Spoilt& s) { store_be32(&s.fixed[16], ip("10.0.0.51").value); });
    expect(BadReply::kLeaseTimeMissing, [](Spoilt& s) { s.options.erase(51); });
    expect(BadReply::kSubnetMaskMissing, [](Spoilt& s) { s.options.erase(1); });
}

TEST_F(GunReplyTest, RelayedReplyGivesBackWhatTheRelayWrote) {
    RecordProperty("rfc", "3046 2.2");
    PopulationSettings settings;
    settings.relays = {ip("10.9.0.2")};
    settings.server = ip("10.0.0.1");
    settings.circuit_id = "";
    settings.remote_id = "port";
    make(settings);
    expect(BadReply::kRelayInformation, [](Spoilt& s) { s.options[82].back() ^= std::byte{1}; });
    expect(BadReply::kRelayInformation, [](Spoilt& s) { s.options.erase(82); });
    expect(BadReply::kGiaddr, [](Spoilt& s) { s.fixed[27] ^= std::byte{1}; });
    expect(BadReply::kDestinationIp, [](Spoilt& s) { s.frame.destination = ip("10.0.0.50"); });
}

TEST_F(GunReplyTest, PatchedRequestsHaveRightChecksums) {
    for (const bool relayed : {false, true}) {
        PopulationSettings settings;
        settings.client_id = true;
        settings.hostname = "";
        settings.vlan = parse_vlan("100.200-299").value();
        if (relayed) {
            settings.relays = {ip("10.9.0.2"), ip("10.9.0.3")};
            settings.server = ip("10.0.0.1");
            settings.circuit_id = "";
            settings.remote_id = "odd";
        }
        make(settings);
        for (int kind = 0; kind < static_cast<int>(RequestKind::kCount); ++kind) {
            for (std::uint32_t index = 0; index < 100; ++index) {
                Bytes room(frames_->max_len());
                const std::size_t len =
                    frames_->write(room, static_cast<RequestKind>(kind),
                                   {.index = index,
                                    .xid = population_->xid(index, index * 77),
                                    .secs = static_cast<std::uint16_t>(index * 655),
                                    .address = Ipv4{0x0a0000ff + index * 0x01010101},
                                    .server_id = ip("10.0.0.1")});
                const auto view = FrameView::parse(ByteView{room}.first(len));
                ASSERT_TRUE(view) << name(view.error()) << " kind " << kind;
                EXPECT_EQ(view->checksum, ChecksumState::kFull);
                EXPECT_EQ(view->tags, population_->tags(index));
                dhcp4::MessageView message;
                ASSERT_TRUE(message.parse(view->payload));
                EXPECT_TRUE(equal_bytes(message.chaddr(), population_->mac(index).bytes()));
                EXPECT_EQ(population_->index_of(message.xid()), index);
            }
        }
    }
}

TEST(GunAddressBookTest, PutTellsWhoHadTheAddressAndForgetsNothingAsItGrows) {
    AddressBook<Ipv4> book{1};
    for (std::uint32_t i = 1; i <= 10000; ++i) {
        EXPECT_FALSE(book.put({Ipv4{i}, i, 5}).has_value());
    }
    EXPECT_EQ(book.size(), 10000U);
    EXPECT_EQ(book.put({Ipv4{4711}, 1, 6})->client, 4711U);
    EXPECT_EQ(book.find(Ipv4{4711})->client, 1U);
    EXPECT_FALSE(book.find(Ipv4{10001}).has_value());
}

TEST(GunRetryTimersTest, FireOnceAndNeverEarly) {
    std::vector<BasicClient<Ipv4>> clients(100);
    RetryTimers<BasicClient<Ipv4>> timers{clients};
    std::map<std::uint32_t, Time> fired;
    for (std::uint32_t i = 0; i < 100; ++i) {
        timers.set(i, Time{}, std::chrono::milliseconds{i * 600});
    }
    timers.cancel(50);
    for (Time now{}; now < std::chrono::seconds{70}; now += std::chrono::milliseconds{1}) {
        timers.advance(now, 1000, [&](std::uint32_t index) {
            EXPECT_FALSE(fired.contains(index));
            fired[index] = now;
        });
    }
    EXPECT_EQ(fired.size(), 99U);
    for (const auto& [index, when] : fired) {
        EXPECT_GE(when, std::chrono::milliseconds{index * 600});
        EXPECT_LE(when, std::chrono::milliseconds{index * 600 + 2});
    }
}

TEST(GunLedgerTest, LatestLineCountsAndALineCutOffDoesNot) {
    const LedgerEntry entry{testing::mac(1), ip("10.0.0.5"), 1000, 60, ip("10.0.0.1")};
    LedgerEntry newer = entry;
    newer.address = ip("10.0.0.6");
    std::string text{kLedgerHeader};
    append_line(text, entry);
    append_line(text, newer);
    const auto read = parse_ledger(text + "02:00:5e:00:53:02 10.0.0");
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, std::vector<LedgerEntry>{newer});
    EXPECT_TRUE(newer.expired(1060));
    EXPECT_FALSE(newer.expired(1059));
    EXPECT_FALSE(parse_ledger("nonsense\n"));
    EXPECT_EQ(parse_ledger(std::string{kLedgerHeader} + "a b\n").error().substr(0, 7), "line 2:");
}

TEST(GunLatenciesTest, QuantilesAreWithinThreePercent) {
    Latencies latencies;
    for (int i = 1; i <= 1000; ++i) {
        latencies.record(std::chrono::microseconds{i});
    }
    EXPECT_NEAR(latencies.quantile_us(0.5), 500, 16);
    EXPECT_NEAR(latencies.quantile_us(0.99), 990, 31);
    EXPECT_EQ(latencies.max_us(), 1000);
    EXPECT_NEAR(latencies.mean_us(), 500.5, 0.1);
}

TEST(GunArpTest, AnswerGoesBackToTheAsker) {
    Bytes frame = testing::bytes({255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0,  9, 8, 6,
                                  0,   1,   8,   0,   6,   4,   0, 1, 2, 0, 0,  0, 0, 9,
                                  10,  0,   0,   1,   0,   0,   0, 0, 0, 0, 10, 0, 0, 5});
    const auto request = parse_arp_request(frame);
    ASSERT_TRUE(request);
    EXPECT_EQ(request->target, ip("10.0.0.5"));
    Bytes answer(60);
    EXPECT_EQ(write_arp_answer(answer, *request, testing::mac(1)), 42U);
    EXPECT_EQ(Mac::load(answer.data()), request->sender_mac);
    EXPECT_EQ(Ipv4::load(&answer[28]), ip("10.0.0.5"));
    frame[21] = std::byte{2};
    EXPECT_FALSE(parse_arp_request(frame));
}

TEST(GunValuesTest, ReadsWhatPeopleWriteAndRefusesTheRest) {
    EXPECT_EQ(parse_duration("500ms"), std::chrono::milliseconds{500});
    EXPECT_EQ(parse_duration("1.5"), std::chrono::milliseconds{1500});
    EXPECT_FALSE(parse_duration("10x"));
    EXPECT_FALSE(parse_duration("-1s"));
    EXPECT_EQ(parse_vlan("100.200-299")->inner_last, 299);
    for (const char* bad : {"", "0", "4095", "100.", "5-4", "1.2.3", "x"}) {
        EXPECT_FALSE(parse_vlan(bad)) << bad;
    }
    EXPECT_FALSE(parse_codes("1,256"));
    EXPECT_FALSE(parse_addresses("10.0.0.1,"));
}

}  // namespace
}  // namespace xdhcpd::gun
