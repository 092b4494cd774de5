// The load generator's IPv6 half: what it sends as another parser reads it, every reason for which
// a reply is bad, the ledger.
#include <gtest/gtest.h>

#include <functional>

#include "dhcp6/message_view.h"
#include "dhcp6/values.h"
#include "nd/message_view.h"
#include "support/dhcp6.h"
#include "tools/xdhcpgun/ledger6.h"
#include "tools/xdhcpgun/neighbor.h"
#include "tools/xdhcpgun/reply6.h"
#include "tools/xdhcpgun/request_frame6.h"

namespace xdhcpd::gun {
namespace {

using testing::Bytes;
using testing::bytes;
using testing::ia6;
using testing::ia_address6;
using testing::ia_prefix6;
using testing::join;
using testing::option6;
using Instead = RequestFrames6::Instead;

constexpr std::uint32_t kIndex = 7;

struct Spoilt {
    testing::FrameSpec6 frame;
    int type = 7;
    Bytes client_id;
    Bytes server_id = bytes({0, 3, 0, 1, 2, 0, 0, 0, 0, 1});
    Bytes association;
    Bytes more;
    std::uint32_t xid = 0;
    Expectation6 expected;
};

class Gun6Test : public ::testing::Test {
  protected:
    void make(PopulationSettings settings, Instead instead = Instead::kNothing) {
        settings.client_count = 100;
        population_.emplace(settings);
        frames_.emplace(*population_, *parse_mac("02:00:5e:00:53:77"), instead);
        reader_.emplace(*population_, *frames_);
    }
    // What the client sends, as the parser of the server reads it.
    void send(RequestKind kind, const RequestValues6& values = {}) {
        room_.resize(frames_->max_len());
        RequestValues6 filled = values;
        filled.index = kIndex;
        filled.xid = population_->xid6(kIndex, 1);
        const std::size_t len = frames_->write(room_, kind, filled);
        ASSERT_LE(len, room_.size());
        room_.resize(len);
        ASSERT_FALSE(sent_.read(room_).has_value());
        if (sent_.protocol == Protocol6::kUdp) {
            ASSERT_TRUE(message_.parse(sent_.payload).has_value());
        }
    }
    [[nodiscard]] Spoilt good() const {
        Spoilt s;
        const std::uint32_t iaid = RequestFrames6::iaid(population_->mac(kIndex));
        s.client_id.resize(RequestFrames6::kDuidLen);
        RequestFrames6::store_duid(s.client_id.data(), population_->mac(kIndex));
        s.association = ia6(3, iaid, ia_address6("2001:db8::7", 100, 200), 50, 80);
        s.xid = population_->xid6(kIndex, 1);
        s.frame.source_mac = *parse_mac("02:00:00:00:00:01");
        s.frame.destination_mac = population_->mac(kIndex);
        s.frame.source = *parse_ipv6("fe80::1");
        s.frame.destination = population_->link_local(kIndex);
        s.frame.source_port = 547;
        s.frame.destination_port = 546;
        s.expected = {.sent = RequestKind::kSelecting,
                      .address = *parse_ipv6_prefix("2001:db8::7/128"),
                      .any_address = false,
                      .server_id = ServerDuid{s.server_id}};
        return s;
    }
    [[nodiscard]] Bytes frame_of(const Spoilt& s) const {
        return testing::frame6(
            s.frame,
            testing::message6(
                s.type, {option6(1, s.client_id), option6(2, s.server_id), s.association, s.more},
                s.xid));
    }
    [[nodiscard]] std::optional<BadReply> verdict(const Spoilt& s) {
        frame_ = frame_of(s);
        const auto read = reader_->read(frame_);
        if (!read) {
            return read.error();
        }
        last_ = *read;
        return reader_->judge(last_, s.expected);
    }

    std::optional<Population> population_;
    std::optional<RequestFrames6> frames_;
    std::optional<ReplyReader6> reader_;
    Bytes room_;
    Bytes frame_;
    FrameView6 sent_;
    dhcp6::MessageView message_;
    Reply6 last_;
};

TEST_F(Gun6Test, SolicitIsReadAsOneByTheServersParser) {
    make({});
    send(RequestKind::kDiscover);
    EXPECT_EQ(message_.type(), dhcp6::MessageType::kSolicit);
    EXPECT_EQ(message_.transaction_id(), population_->xid6(kIndex, 1));
    EXPECT_EQ(RequestFrames6::mac_of_duid(message_.client_id()), population_->mac(kIndex));
    EXPECT_TRUE(message_.server_id().empty());
    EXPECT_TRUE(message_.elapsed_time().has_value());
    EXPECT_TRUE(message_.requests(dhcp6::OptionCode::kDnsServers));
    EXPECT_EQ(sent_.destination, dhcp6::kAllRelayAgentsAndServers);
    EXPECT_EQ(sent_.source, population_->link_local(kIndex));
    int count = 0;
    message_.for_each_ia([&](const dhcp6::IdentityAssociation& ia) {
        ++count;
        EXPECT_EQ(ia.code, dhcp6::OptionCode::kIaNa);
        EXPECT_EQ(ia.iaid, RequestFrames6::iaid(population_->mac(kIndex)));
        EXPECT_TRUE(ia.options.empty());
    });
    EXPECT_EQ(count, 1);
}

TEST_F(Gun6Test, KindsHaveTheirTypesIdentifiersAndAddresses) {
    PopulationSettings settings;
    settings.association = Association::kPrefix;
    settings.rapid_commit = true;
    make(settings);
    const Bytes server = bytes({0, 3, 0, 1, 2, 0, 0, 0, 0, 1});
    const RequestValues6 values{.address = *parse_ipv6_prefix("2001:db8:77::/56"),
                                .server_id = ServerDuid{server}};
    const std::array<std::tuple<RequestKind, dhcp6::MessageType, bool>, 4> kinds{
        {{RequestKind::kDiscoverAgain, dhcp6::MessageType::kSolicit, false},
         {RequestKind::kSelecting, dhcp6::MessageType::kRequest, true},
         {RequestKind::kRenewing, dhcp6::MessageType::kRenew, true},
         {RequestKind::kInitReboot, dhcp6::MessageType::kRebind, false}}};
    for (const auto& [kind, type, has_server] : kinds) {
        send(kind, values);
        EXPECT_EQ(message_.type(), type);
        EXPECT_EQ(message_.server_id().empty(), !has_server);
        EXPECT_EQ(message_.rapid_commit(), type == dhcp6::MessageType::kSolicit);
        message_.for_each_ia([&](const dhcp6::IdentityAssociation& ia) {
            const auto value = ia.options.find(dhcp6::OptionCode::kIaPrefix);
            ASSERT_TRUE(value.has_value());
            EXPECT_EQ(dhcp6::read_ia_prefix(*value)->prefix, values.address);
        });
    }
}

TEST_F(Gun6Test, RelayedMessagesCarryWhatARelaySays) {
    PopulationSettings settings;
    settings.relays6 = {*parse_ipv6("2001:db8:5::1")};
    settings.server6 = *parse_ipv6("2001:db8:5::53");
    settings.server_mac = *parse_mac("02:00:00:00:00:99");
    settings.circuit_id = "";
    settings.remote_id = "house";
    make(settings);
    send(RequestKind::kDiscover);
    ASSERT_EQ(message_.relays().size(), 1u);
    const dhcp6::Relay& relay = message_.relays().front();
    EXPECT_EQ(relay.link_address, settings.relays6[0]);
    EXPECT_EQ(relay.peer_address, population_->link_local(kIndex));
    EXPECT_EQ(as_text(*relay.interface_id()), "00000007");
    EXPECT_EQ(as_text(relay.remote_id()->id), "house");
    EXPECT_EQ(sent_.destination, settings.server6);
    EXPECT_EQ(sent_.destination_mac, settings.server_mac);
    EXPECT_EQ(sent_.source_port, 547);
}

// RFC 4861 sections 6.1.1 and 7.1.1.
TEST_F(Gun6Test, SolicitationsOfNeighborDiscoveryAreValid) {
    PopulationSettings settings;
    settings.first_target = *parse_ipv6("2001:db8:2::10");
    make(settings, Instead::kRouterSolicit);
    send(RequestKind::kDiscover);
    auto message = nd::MessageView::parse(sent_);
    ASSERT_TRUE(message.has_value());
    EXPECT_EQ(message->type(), nd::MessageType::kRouterSolicitation);
    EXPECT_EQ(message->source_link_layer(), population_->mac(kIndex));
    make(settings, Instead::kNeighborSolicit);
    send(RequestKind::kDiscover);
    message = nd::MessageView::parse(sent_);
    ASSERT_TRUE(message.has_value());
    EXPECT_EQ(message->target(), *parse_ipv6("2001:db8:2::17"));
    EXPECT_EQ(sent_.destination, message->target().solicited_node());
}

TEST_F(Gun6Test, GoodRepliesAreGood) {
    make({});
    EXPECT_EQ(verdict(good()), std::nullopt);
    EXPECT_EQ(last_.address, *parse_ipv6_prefix("2001:db8::7/128"));
    EXPECT_EQ(last_.lease_seconds, 200u);
    Spoilt offer = good();
    offer.type = 2;
    offer.expected.sent = RequestKind::kDiscover;
    EXPECT_EQ(verdict(offer), std::nullopt);
    EXPECT_TRUE(last_.is_offer());
    Spoilt refused = good();
    refused.association =
        ia6(3, RequestFrames6::iaid(population_->mac(kIndex)), option6(13, bytes({0, 2})));
    EXPECT_EQ(verdict(refused), std::nullopt);
    EXPECT_TRUE(last_.is_refusal());
}

TEST_F(Gun6Test, EachFaultHasItsName) {
    make({});
    const std::uint32_t iaid = RequestFrames6::iaid(population_->mac(kIndex));
    const std::vector<std::pair<BadReply, std::function<void(Spoilt&)>>> faults{
        {BadReply::kClientId,
         [](Spoilt& s) {
             s.client_id = bytes({0, 3, 0, 1, 9, 9, 9, 9, 9, 9});
         }},
        {BadReply::kMessageType, [](Spoilt& s) { s.type = 2; }},
        {BadReply::kServerIdChanged,
         [](Spoilt& s) {
             s.server_id = bytes({0, 3, 0, 1, 2, 0, 0, 0, 0, 2});
         }},
        {BadReply::kAssociationMissing, [](Spoilt& s) { s.association.clear(); }},
        {BadReply::kAssociationMissing,
         [iaid](Spoilt& s) { s.association = ia6(3, iaid + 1, ia_address6("2001:db8::7", 1, 2)); }},
        {BadReply::kLifetimes,
         [iaid](Spoilt& s) { s.association = ia6(3, iaid, ia_address6("2001:db8::7", 3, 2)); }},
        {BadReply::kLifetimes,
         [iaid](Spoilt& s) {
             s.association = ia6(3, iaid, ia_address6("2001:db8::7", 1, 2), 80, 50);
         }},
        {BadReply::kAddressChanged,
         [iaid](Spoilt& s) { s.association = ia6(3, iaid, ia_address6("2001:db8::8", 1, 2)); }},
        {BadReply::kPorts, [](Spoilt& s) { s.frame.destination_port = 547; }},
        {BadReply::kDestinationIp,
         [this](Spoilt& s) { s.frame.destination = population_->link_local(kIndex + 1); }},
        {BadReply::kDestinationMac,
         [this](Spoilt& s) { s.frame.destination_mac = population_->mac(kIndex + 1); }},
        {BadReply::kVlanTags,
         [](Spoilt& s) {
             s.frame.tags = {{0x8100, 5}};
         }},
        {BadReply::kOptions,
         [](Spoilt& s) {
             s.more = bytes({0, 1});
         }},
    };
    for (const auto& [reason, spoil] : faults) {
        Spoilt s = good();
        spoil(s);
        EXPECT_EQ(verdict(s), reason) << name(reason);
    }
    Bytes broken = frame_of(good());
    broken.back() ^= std::byte{1};
    const auto read = reader_->read(broken);
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error(), BadReply::kUdpChecksum);
}

TEST_F(Gun6Test, NeighborRequestsAreAnswered) {
    PopulationSettings settings;
    settings.first_target = *parse_ipv6("2001:db8:2::10");
    make(settings, Instead::kNeighborSolicit);
    send(RequestKind::kDiscover);
    const auto request = parse_neighbor_request(room_);
    ASSERT_TRUE(request.has_value());
    Bytes answer(100);
    const Mac mac = *parse_mac("02:00:00:00:00:42");
    answer.resize(write_neighbor_answer(answer, *request, mac));
    const auto read = reader_->read(answer);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->index, kIndex);
    EXPECT_TRUE(read->is_offer());
}

TEST(GunLedger6Test, LinesComeBackAndTheLastOneOfAClientCounts) {
    const Bytes duid = bytes({0, 3, 0, 1, 2, 0, 0, 0, 0, 1});
    LedgerEntry6 entry{*parse_mac("02:00:00:00:00:05"), *parse_ipv6_prefix("2001:db8:77::/56"),
                       1000, 3600, ServerDuid{duid}};
    std::string text{kLedgerHeader6};
    append_line(text, entry);
    entry.address = *parse_ipv6_prefix("2001:db8::5/128");
    append_line(text, entry);
    const auto entries = parse_ledger6(text + "02:00:00:00:00:06 2001:db8::6/12");
    ASSERT_TRUE(entries.has_value());
    ASSERT_EQ(entries->size(), 1u);
    EXPECT_EQ(entries->front(), entry);
    EXPECT_FALSE(parse_ledger6("# xdhcpgun-ledger 1\n").has_value());
    EXPECT_FALSE(parse_ledger6(text + "02:00:00:00:00:06 2001:db8::6 1 2 00\n").has_value());
}

}  // namespace
}  // namespace xdhcpd::gun
