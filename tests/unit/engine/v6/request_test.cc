#include "engine/v6/request.h"

#include <gtest/gtest.h>

#include <deque>
#include <utility>

#include "support/engine6_harness.h"

namespace xdhcpd::engine::v6 {
namespace {

using testing::bytes;
using testing::Bytes;
using testing::Engine6;
using testing::frame6;
using testing::FrameSpec6;
using testing::kLan;
using testing::kUplink;
using testing::Message6;
using testing::option6;
using testing::Relay6;
using testing::small_configuration6;

// Requests borrow their frames, which live as long as the program.
[[nodiscard]] std::string parse(const Engine6& engine, Request& request, Bytes given,
                                std::uint32_t ifindex = kLan) {
    static std::deque<Bytes> frames;
    const Bytes& frame = frames.emplace_back(std::move(given));
    const auto parsed = request.parse(frame, ifindex, engine.snapshot());
    return parsed ? "ok" : parsed.error().full_name();
}
[[nodiscard]] std::string parse(const Engine6& engine, const FrameSpec6& spec, ByteView payload,
                                std::uint32_t ifindex = kLan) {
    Request request;
    return parse(engine, request, frame6(spec, payload), ifindex);
}
[[nodiscard]] Bytes solicit(int client = 1) {
    return Message6{Message6::kSolicit, client}.na(1).payload();
}

TEST(Request6Test, KnowsIpv6BehindUpToTwoTags) {
    FrameSpec6 spec;
    EXPECT_TRUE(is_ipv6(frame6(spec, {})));
    spec.tags = {{0x8100, 5}};
    EXPECT_TRUE(is_ipv6(frame6(spec, {})));
    spec.tags = {{0x88a8, 5}, {0x8100, 6}};
    EXPECT_TRUE(is_ipv6(frame6(spec, {})));
    spec.tags = {{0x88a8, 5}, {0x8100, 6}, {0x8100, 7}};
    EXPECT_FALSE(is_ipv6(frame6(spec, {})));
    EXPECT_FALSE(is_ipv6(testing::udp_frame({}, {})));
    EXPECT_FALSE(is_ipv6(Bytes(13)));
    EXPECT_FALSE(is_ipv6({}));
}

// == Who the frame is for ==

TEST(Request6Test, TakesWhatIsSentToTheGroupsOfServers) {
    RecordProperty("rfc", "8415 7.1");
    const Engine6 engine;
    FrameSpec6 spec;
    EXPECT_EQ(parse(engine, spec, solicit()), "ok");
    spec.destination = *parse_ipv6("ff05::1:3");
    EXPECT_EQ(parse(engine, spec, solicit()), "ok");
    for (const char* const other : {"ff02::1:3", "ff02::1", "2001:db8:1::2"}) {
        spec.destination = *parse_ipv6(other);
        EXPECT_EQ(parse(engine, spec, solicit()), "engine6.not-for-us") << other;
    }
    spec = {};
    spec.destination_port = 546;
    EXPECT_EQ(parse(engine, spec, solicit()), "engine6.not-for-us");
}

TEST(Request6Test, UnicastIsForRelaysOnly) {
    RecordProperty("rfc", "9915 16");
    const Engine6 engine;
    FrameSpec6 spec;
    spec.destination = testing::kServerGlobal;
    EXPECT_EQ(parse(engine, spec, solicit()), "dhcp6.unicast");
    const Bytes relayed = Engine6::relayed(Message6{Message6::kSolicit}.na(1), {{"2001:db8:1::5"}});
    EXPECT_EQ(parse(engine, spec, relayed), "ok");
}

TEST(Request6Test, RefusesSourcesThatNobodyCanHave) {
    const Engine6 engine;
    FrameSpec6 spec;
    spec.source_mac = testing::kServerMac6;
    EXPECT_EQ(parse(engine, spec, solicit()), "engine6.bad-source-mac");
    spec.source_mac = kBroadcastMac;
    EXPECT_EQ(parse(engine, spec, solicit()), "engine6.bad-source-mac");
    spec = {};
    for (const char* const source : {"::", "::1", "fe80::53fe", "2001:db8:1::1"}) {
        spec.source = *parse_ipv6(source);
        EXPECT_EQ(parse(engine, spec, solicit()), "engine6.bad-source") << source;
    }
}

TEST(Request6Test, AnotherInterfaceMayHaveOurLinkLocalAddress) {
    Engine6 engine;
    engine.host.interfaces[0].addresses6[0] = *parse_ipv6_prefix("fe80::77/64");
    engine.reload(small_configuration6());
    FrameSpec6 spec;
    spec.source = testing::kServerLinkLocal;  // of eth2
    EXPECT_EQ(parse(engine, spec, solicit()), "ok");
}

TEST(Request6Test, WithoutSubnetsNothingIsServed) {
    auto configuration = small_configuration6();
    configuration.dhcp6.subnets.clear();
    EXPECT_EQ(parse(Engine6{configuration}, {}, solicit()), "engine6.not-served");
}

TEST(Request6Test, PassesOnWhatTheCodecRefuses) {
    const Engine6 engine;
    EXPECT_EQ(parse(engine, {}, bytes({1, 2})), "message6.truncated");
    EXPECT_EQ(parse(engine, {}, testing::message6(1, {option6(3, Bytes(12))})),
              "dhcp6.no-client-id");
    EXPECT_EQ(parse(engine, {}, Message6{2}.payload()), "dhcp6.not-for-servers");
    EXPECT_EQ(
        parse(engine, {}, Message6{Message6::kSolicit}.option(2, testing::kServerDuid).payload()),
        "dhcp6.unexpected-server-id");
    Request request;
    EXPECT_EQ(parse(engine, request, bytes({1, 2, 3})), "frame6.truncated-ethernet");
    EXPECT_FALSE(request.has_frame());
}

TEST(Request6Test, AnotherServersMessageIsNotOurs) {
    RecordProperty("rfc", "8415 16.4");
    const Engine6 engine;
    auto other = testing::kServerDuid;
    other.back() = std::byte{1};
    EXPECT_EQ(parse(engine, {},
                    testing::message6(3, {option6(1, testing::duid_of(1)), option6(2, other)})),
              "dhcp6.other-server");
}

TEST(Request6Test, TypeIsKnownOfWhatIsRefused) {
    const Engine6 engine;
    Request request;
    FrameSpec6 spec;
    spec.destination = testing::kServerGlobal;
    EXPECT_EQ(parse(engine, request, frame6(spec, solicit())), "dhcp6.unicast");
    EXPECT_EQ(request.type(), MessageType{dhcp6::MessageType::kSolicit});
    EXPECT_EQ(parse(engine, request, bytes({1})), "frame6.truncated-ethernet");
    EXPECT_EQ(request.type(), MessageType{dhcp6::MessageType::kNone});
}

// == Which link ==

TEST(Request6Test, DirectClientsAreOnTheirInterface) {
    const Engine6 engine;
    Request request;
    ASSERT_EQ(parse(engine, request, frame6({}, solicit())), "ok");
    EXPECT_EQ(to_string(request.subnet().prefix), "2001:db8:1::/64");
    EXPECT_FALSE(request.relayed());
    EXPECT_EQ(request.link_relay(), nullptr);
    EXPECT_EQ(parse(engine, request, frame6({}, solicit()), kUplink), "engine6.no-subnet");
}

[[nodiscard]] model::Configuration vlan_configuration() {
    auto configuration = small_configuration6();
    auto& tagged = configuration.dhcp6.subnets.emplace_back();
    tagged.prefix = *parse_ipv6_prefix("2001:db8:2::/64");
    tagged.interface = "eth1";
    tagged.vlans = {*model::parse_vlan_range("20-29")};
    tagged.pools.push_back({*parse_ipv6("2001:db8:2::10"), *parse_ipv6("2001:db8:2::1f")});
    return configuration;
}

TEST(Request6Test, TagsNameTheLink) {
    const Engine6 engine{vlan_configuration()};
    Request request;
    FrameSpec6 spec;
    spec.tags = {{0x8100, 25}};
    ASSERT_EQ(parse(engine, request, frame6(spec, solicit())), "ok");
    EXPECT_EQ(to_string(request.subnet().prefix), "2001:db8:2::/64");
    spec.tags = {{0x8100, 30}};
    EXPECT_EQ(parse(engine, request, frame6(spec, solicit())), "engine6.unserved-vlan");
    spec.tags = {{0x8100, 7 << 13}};  // priority only
    ASSERT_EQ(parse(engine, request, frame6(spec, solicit())), "ok");
    EXPECT_EQ(to_string(request.subnet().prefix), "2001:db8:1::/64");
}

[[nodiscard]] model::Configuration relay_configuration() {
    auto configuration = small_configuration6();
    for (const int number : {5, 6}) {
        auto& subnet = configuration.dhcp6.subnets.emplace_back();
        const std::string base = "2001:db8:" + std::to_string(number) + "::";
        subnet.prefix = *parse_ipv6_prefix(base + "/64");
        subnet.relays = {*parse_ipv6(base + "1")};
        subnet.pools.push_back({*parse_ipv6(base + "10"), *parse_ipv6(base + "1f")});
        subnet.interface_id = number == 6 ? bytes({'p', '6'}) : Bytes{};
    }
    return configuration;
}
[[nodiscard]] std::string link_of(const Engine6& engine, const std::vector<Relay6>& relays,
                                  const std::string& source = "2001:db8:ffff::99",
                                  std::uint32_t ifindex = kUplink) {
    FrameSpec6 spec;
    spec.source = *parse_ipv6(source);
    spec.destination = *parse_ipv6("ff05::1:3");
    Request request;
    const std::string result =
        parse(engine, request,
              frame6(spec, Engine6::relayed(Message6{Message6::kSolicit}.na(1), relays)), ifindex);
    return result == "ok" ? to_string(request.subnet().prefix) : result;
}

TEST(Request6Test, TheRelayNextToTheClientNamesTheLink) {
    RecordProperty("rfc", "8415 13.1");
    const Engine6 engine{relay_configuration()};
    EXPECT_EQ(link_of(engine, {{"2001:db8:5::1"}}), "2001:db8:5::/64");
    EXPECT_EQ(link_of(engine, {{"2001:db8:5::1"}, {"2001:db8:6::1"}}), "2001:db8:5::/64");
    EXPECT_EQ(link_of(engine, {{"2001:db8:5::1"}, {"::"}, {"::"}}), "2001:db8:5::/64");
    EXPECT_EQ(link_of(engine, {{"2001:db8:77::1"}, {"2001:db8:5::1"}}), "engine6.no-subnet");
}

TEST(Request6Test, ALayer2RelayLeavesTheLinkToTheNextOne) {
    RecordProperty("rfc", "6221 5.3");
    const Engine6 engine{relay_configuration()};
    EXPECT_EQ(link_of(engine, {{"::", option6(18, {1})}, {"2001:db8:5::1"}}), "2001:db8:5::/64");
    EXPECT_EQ(link_of(engine, {{"fe80::1"}, {"2001:db8:5::1"}}), "2001:db8:5::/64");
    // With no other relay, it is on the link of the frame.
    EXPECT_EQ(link_of(engine, {{"::"}}, "fe80::99", kLan), "2001:db8:1::/64");
    EXPECT_EQ(link_of(engine, {{"::"}}, "2001:db8:ffff::99", kLan), "engine6.no-subnet");
    EXPECT_EQ(link_of(engine, {{"::"}}, "fe80::99", kUplink), "engine6.no-subnet");
}

TEST(Request6Test, AnInterfaceIdNamesTheLink) {
    const Engine6 engine{relay_configuration()};
    const Bytes id = option6(18, bytes({'p', '6'}));
    EXPECT_EQ(link_of(engine, {{"2001:db8:6::1", id}}), "2001:db8:6::/64");
    EXPECT_EQ(link_of(engine, {{"2001:db8:5::1", id}}), "engine6.relay-not-allowed");
    EXPECT_EQ(link_of(engine, {{"2001:db8:5::1", option6(18, bytes({'p', '7'}))}}),
              "2001:db8:5::/64");
}

TEST(Request6Test, AnInterfaceIdIsEnoughWithoutALinkAddress) {
    auto configuration = relay_configuration();
    configuration.dhcp6.subnets[2].relays.clear();
    const Engine6 engine{configuration};
    EXPECT_EQ(link_of(engine, {{"::", option6(18, bytes({'p', '6'}))}}), "2001:db8:6::/64");
}

TEST(Request6Test, OnlyTheSubnetsRelaysMayAskForIt) {
    const Engine6 engine{relay_configuration()};
    EXPECT_EQ(link_of(engine, {{"2001:db8:5::2"}}), "engine6.relay-not-allowed");
    EXPECT_EQ(link_of(engine, {{"2001:db8:1::2"}}), "2001:db8:1::/64");  // any
}

// == Who ==

TEST(Request6Test, TheFirstIaIsATenantAndOneShardKnowsThemAll) {
    const Engine6 engine;
    for (int client = 1; client <= 50; ++client) {
        Request request;
        ASSERT_EQ(parse(engine, request,
                        frame6(Engine6::direct(client), Message6{Message6::kSolicit, client}
                                                            .raw(option6(4, Bytes(4)))
                                                            .pd(0x01020304)
                                                            .na(5)
                                                            .payload())),
                  "ok");
        const lease::Tenant& first = request.first_tenant();
        Bytes expected = bytes({32, 2, 1, 2, 3, 4});
        testing::append(expected, testing::duid_of(client));
        EXPECT_TRUE(equal_bytes(first.identity, expected));
        EXPECT_TRUE(is_v6_identity(first.identity));
        EXPECT_EQ(first.hash, hash_bytes(engine.snapshot().hash_key, expected));
        EXPECT_EQ(first.hw, testing::mac(client));
        EXPECT_TRUE(equal_bytes(request.shard_key().subspan(1), testing::duid_of(client)));
        AssociationTenant other;
        request.fill_tenant(Association::kAddress, 5, other);
        EXPECT_FALSE(equal_bytes(other.tenant().identity, first.identity));
        for (const std::uint32_t count : {1u, 2u, 3u, 8u}) {
            const std::uint32_t shard = shard_of(request, count);
            EXPECT_EQ(shard, engine::shard_of(first.identity, engine.snapshot().hash_key, count));
            EXPECT_EQ(shard,
                      engine::shard_of(other.tenant().identity, engine.snapshot().hash_key, count));
        }
    }
}

TEST(Request6Test, AMessageWithoutAClientIdentifierNamesNobody) {
    const Engine6 engine;
    Request request;
    ASSERT_EQ(parse(engine, request,
                    frame6({}, Message6::empty(Message6::kInformationRequest).payload())),
              "ok");
    EXPECT_TRUE(request.shard_key().empty());
    EXPECT_TRUE(request.first_tenant().identity.empty());
}

TEST(Request6Test, TheHardwareAddressIsTheRelaysWordThenTheDuidsThenTheFrames) {
    RecordProperty("rfc", "6939 6");
    const Engine6 engine{relay_configuration()};
    const auto mac_of = [&engine](const Bytes& frame, std::uint32_t ifindex) {
        Request request;
        EXPECT_EQ(parse(engine, request, frame, ifindex), "ok");
        return to_string(request.client_mac());
    };
    FrameSpec6 relay;
    relay.source = *parse_ipv6("2001:db8:ffff::99");
    relay.destination = *parse_ipv6("2001:db8:ffff::1");
    const Bytes said = testing::join({bytes({0, 1}), testing::mac(77).bytes()});
    const Message6 message = Message6{Message6::kSolicit, 3}.na(1);
    EXPECT_EQ(
        mac_of(frame6(relay, Engine6::relayed(message, {{"2001:db8:5::1", option6(79, said)}})),
               kUplink),
        to_string(testing::mac(77)));
    EXPECT_EQ(mac_of(frame6(relay, Engine6::relayed(message, {{"2001:db8:5::1"}})), kUplink),
              to_string(testing::mac(3)));
    const Bytes uuid = bytes({0, 4, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
    const Bytes by_uuid = testing::message6(1, {option6(1, uuid)});
    FrameSpec6 direct = Engine6::direct(9);
    EXPECT_EQ(mac_of(frame6(direct, by_uuid), kLan), to_string(testing::mac(9)));
}

// == Neighbor Discovery ==

[[nodiscard]] model::Configuration router_configuration() {
    auto configuration = small_configuration6();
    auto& advertisement = configuration.router_advertisements.emplace_back();
    advertisement.interface = "eth1";
    auto& tagged = configuration.router_advertisements.emplace_back();
    tagged.interface = "eth1";
    tagged.vlan = *model::parse_vlan_range("30");
    auto& proxy = configuration.neighbor_proxies.emplace_back();
    proxy.interface = "eth1";
    proxy.targets = {*parse_ipv6_prefix("2001:db8:7::/64")};
    return configuration;
}
[[nodiscard]] FrameSpec6 nd_spec(const std::string& destination) {
    FrameSpec6 spec;
    spec.next_header = 58;
    spec.hop_limit = 255;
    spec.destination = *parse_ipv6(destination);
    return spec;
}
[[nodiscard]] Bytes router_solicitation() {
    return bytes({133, 0, 0, 0, 0, 0, 0, 0});
}
[[nodiscard]] Bytes neighbor_solicitation(const std::string& target) {
    return testing::join({bytes({135, 0, 0, 0, 0, 0, 0, 0}), testing::address6(target)});
}

TEST(Request6Test, ARouterSolicitationFindsItsAdvertisement) {
    RecordProperty("rfc", "4861 6.2.6");
    const Engine6 engine{router_configuration()};
    Request request;
    ASSERT_EQ(parse(engine, request, frame6(nd_spec("ff02::2"), router_solicitation())), "ok");
    EXPECT_FALSE(request.is_dhcp6());
    EXPECT_EQ(request.type(), MessageType{nd::MessageType::kRouterSolicitation});
    EXPECT_EQ(request.advertisement(), &engine.snapshot().ipv6.advertisements[0]);
    FrameSpec6 tagged = nd_spec("ff02::2");
    tagged.tags = {{0x8100, 30}};
    ASSERT_EQ(parse(engine, request, frame6(tagged, router_solicitation())), "ok");
    EXPECT_EQ(request.advertisement(), &engine.snapshot().ipv6.advertisements[1]);
    EXPECT_EQ(parse(engine, nd_spec("fe80::53fe"), router_solicitation()), "ok");
}

TEST(Request6Test, ARouterSolicitationElsewhereIsRefused) {
    const Engine6 engine{router_configuration()};
    EXPECT_EQ(parse(engine, nd_spec("ff02::2"), router_solicitation(), kUplink),
              "engine6.not-all-routers");
    EXPECT_EQ(parse(engine, nd_spec("ff02::1"), router_solicitation()), "engine6.not-for-us");
    FrameSpec6 spec = nd_spec("ff02::2");
    spec.hop_limit = 64;
    EXPECT_EQ(parse(engine, spec, router_solicitation()), "nd.bad-hop-limit");
    spec = nd_spec("ff02::2");
    spec.source = testing::kServerLinkLocal;
    EXPECT_EQ(parse(engine, spec, router_solicitation()), "engine6.bad-source");
    spec = nd_spec("ff02::2");
    spec.tags = {{0x8100, 31}};
    EXPECT_EQ(parse(engine, spec, router_solicitation()), "engine6.not-all-routers");
}

TEST(Request6Test, ANeighborSolicitationFindsItsProxy) {
    RecordProperty("rfc", "4861 7.2.8");
    const Engine6 engine{router_configuration()};
    const Ipv6 target = *parse_ipv6("2001:db8:7::9");
    Request request;
    const Bytes asked = neighbor_solicitation("2001:db8:7::9");
    ASSERT_EQ(parse(engine, request, frame6(nd_spec(to_string(target.solicited_node())), asked)),
              "ok");
    EXPECT_EQ(request.proxy(), &engine.snapshot().ipv6.proxies[0]);
    EXPECT_EQ(request.nd().target(), target);
    EXPECT_EQ(parse(engine, nd_spec("2001:db8:7::9"), asked), "ok");
    EXPECT_EQ(parse(engine, nd_spec("ff02::1"), asked), "engine6.not-for-us");
    EXPECT_EQ(parse(engine, nd_spec("ff02::1:ff00:9"), neighbor_solicitation("2001:db8:8::9")),
              "engine6.not-our-target");
    FrameSpec6 probe = nd_spec("ff02::1:ff00:9");
    probe.source = {};
    EXPECT_EQ(parse(engine, probe, asked), "ok");
}

TEST(Request6Test, OtherMessagesOfNeighborDiscoveryAreRefused) {
    const Engine6 engine{router_configuration()};
    EXPECT_EQ(parse(engine, nd_spec("ff02::1"), Bytes(128)), "nd.other-message");
    Bytes advertisement(16);
    advertisement[0] = std::byte{134};
    EXPECT_EQ(parse(engine, nd_spec("ff02::1"), advertisement), "nd.other-message");
    Bytes answer(24);
    answer[0] = std::byte{136};
    EXPECT_EQ(parse(engine, nd_spec("fe80::53fe"), answer), "nd.other-message");
}

}  // namespace
}  // namespace xdhcpd::engine::v6
