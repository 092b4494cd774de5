// An association that a lease file describes has the name under which its messages are known.
#include "engine/v6/known_client.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "engine/shard_choice.h"
#include "support/dhcp6.h"

namespace xdhcpd::engine::v6 {
namespace {

using model::IdentifierKind6;
using testing::Bytes;
using testing::bytes;
using testing::join;
using testing::option6;

constexpr std::uint32_t kIfindex = 7;
constexpr std::uint32_t kIaid = 0x5e005301;
constexpr HashKey kKey{3, 5};

const Bytes kDuid = testing::duid_of(3);
const Bytes kHardware = join({bytes({0, 1}), testing::mac(3).bytes()});
const Bytes kRelayDuid = bytes({0, 3, 0, 1, 9, 9});
const Bytes kInterfaceId = bytes({'e', 't', 'h', '1'});
const Bytes kRelayId = join({bytes({6}), kRelayDuid});
const Bytes kRelayIdOfPort = join({kRelayId, kInterfaceId});
const Bytes kRemoteId = bytes({0, 0, 0, 9, 'r'});
const Bytes kSubscriberId = bytes({'s', 'u', 'b'});

struct Case {
    std::optional<IdentifierKind6> reserved{};
    bool is_relayed = false;
    bool is_prefix = false;
    std::optional<std::uint32_t> iaid{};  // of the reservation
    bool has_two = false;                 // and one for all other associations
    bool of_port = false;                 // relay-id with interface-id
    bool elsewhere = false;               // of another link
};

const Bytes& value_of(const Case& of) {
    switch (of.reserved.value_or(IdentifierKind6::kDuid)) {
        case IdentifierKind6::kDuid:
            return kDuid;
        case IdentifierKind6::kHwAddress:
            return kHardware;
        case IdentifierKind6::kRelayId:
            return of.of_port ? kRelayIdOfPort : kRelayId;
        case IdentifierKind6::kRemoteId:
            return kRemoteId;
        default:
            return kSubscriberId;
    }
}

std::unique_ptr<model::Snapshot> snapshot_of(const Case& of) {
    auto snapshot = std::make_unique<model::Snapshot>();
    snapshot->generation = 1;
    snapshot->hash_key = kKey;
    model::Snapshot6& ipv6 = snapshot->ipv6;
    ipv6.server_duid = testing::duid_of(99);
    for (const std::uint32_t link : {0u, 1u}) {
        model::Subnet6& subnet = ipv6.subnets.emplace_back();
        subnet.prefix =
            parse_ipv6_prefix(link == 0 ? "2001:db8:1::/64" : "2001:db8:2::/64").value();
        subnet.link = subnet.index_in_snapshot = link;
        ipv6.links.emplace_back().subnets.push_back(link);
    }
    if (of.reserved) {
        model::Reservation6 reservation;
        reservation.identifier = {*of.reserved, value_of(of)};
        reservation.subnet = of.elsewhere ? 1 : 0;
        reservation.iaid = of.iaid;
        ipv6.reservations.push_back(reservation);
        if (of.has_two) {
            reservation.iaid.reset();
            ipv6.reservations.push_back(reservation);
        }
    }
    ipv6.index(kKey, {}, {});
    model::Ingress ingress;
    ingress.interface.ifindex = kIfindex;
    ingress.interface.name = "eth1";
    ingress.interface.mac = testing::mac(77);
    ingress.link6 = 0;
    snapshot->index({ingress}, {}, {});
    return snapshot;
}

Bytes frame_of(const Case& of) {
    const Bytes solicit = testing::message6(
        1, {option6(1, kDuid), testing::ia6(of.is_prefix ? 25 : 3, kIaid, {}), option6(8, {0, 0})});
    testing::FrameSpec6 spec;
    spec.source_mac = testing::mac(3);
    if (!of.is_relayed) {
        return testing::frame6(spec, solicit);
    }
    spec.source_port = 547;
    spec.source = parse_ipv6("fe80::1").value();
    const Bytes options = join({option6(18, kInterfaceId), option6(37, kRemoteId),
                                option6(38, kSubscriberId), option6(53, kRelayDuid)});
    return testing::frame6(spec,
                           testing::relay6(12, 0, "2001:db8:1::1", "fe80::3", options, solicit));
}

void compare(const Case& of) {
    const auto snapshot = snapshot_of(of);
    const Bytes frame = frame_of(of);
    Request request;
    const auto parsed = request.parse(frame, kIfindex, *snapshot);
    ASSERT_TRUE(parsed) << parsed.error().full_name();
    const auto association = of.is_prefix ? Association::kPrefix : Association::kAddress;
    ClientDescription client{.association = association, .iaid = kIaid, .duid = kDuid};
    if (of.is_relayed) {
        client.relay_id = kRelayIdOfPort;
        client.remote_id = kRemoteId;
        client.subscriber_id = kSubscriberId;
    }
    const auto known = know_client(client, *snapshot, snapshot->ipv6.subnets[0]);
    ASSERT_TRUE(known);
    AssociationTenant expected;
    request.fill_tenant(association, kIaid, expected);
    const lease::Tenant tenant = known->tenant(kKey);
    EXPECT_EQ(to_hex(tenant.identity), to_hex(expected.tenant().identity));
    EXPECT_EQ(tenant.hash, expected.tenant().hash);
    EXPECT_EQ(tenant.hw, expected.tenant().hw);
    EXPECT_EQ(tenant.hw_len, expected.tenant().hw_len);
    EXPECT_EQ(tenant.hw_type, expected.tenant().hw_type);
    EXPECT_EQ(known->reservation(), request.reservation_for(kIaid));
    EXPECT_EQ(engine::shard_of(tenant.identity, kKey, 7), shard_of(request, 7));
    const ClientDescription back = describe_client(tenant.identity);
    EXPECT_EQ(back.association, association);
    EXPECT_EQ(back.iaid, kIaid);
    const auto again = know_client({.association = back.association,
                                    .iaid = back.iaid,
                                    .duid = back.duid,
                                    .hw_type = back.hw_type,
                                    .hw_address = back.hw_address,
                                    .relay_id = back.relay_id,
                                    .remote_id = back.remote_id,
                                    .subscriber_id = back.subscriber_id},
                                   *snapshot, snapshot->ipv6.subnets[0]);
    ASSERT_TRUE(again);
    EXPECT_EQ(to_hex(again->identity()), to_hex(tenant.identity));
}

TEST(KnownClient6Test, ADescribedClientHasTheNameOfItsMessages) {
    for (const bool is_relayed : {false, true}) {
        for (const bool is_prefix : {false, true}) {
            compare({.reserved = {}, .is_relayed = is_relayed, .is_prefix = is_prefix});
            for (std::size_t i = 0; i < model::kIdentifierKind6Count; ++i) {
                const auto kind = static_cast<IdentifierKind6>(i);
                for (const auto iaid : {std::optional<std::uint32_t>{}, std::optional{kIaid},
                                        std::optional{kIaid + 1}}) {
                    for (const int more : {0, 1, 2, 3}) {
                        SCOPED_TRACE(std::to_string(i) + (is_relayed ? " relayed" : "") + " with " +
                                     std::to_string(more));
                        compare({.reserved = kind,
                                 .is_relayed = is_relayed,
                                 .is_prefix = is_prefix,
                                 .iaid = iaid,
                                 .has_two = more == 1,
                                 .of_port = more == 2,
                                 .elsewhere = more == 3});
                    }
                }
            }
        }
    }
}

TEST(KnownClient6Test, ReservationsNameTheClient) {
    const auto snapshot = snapshot_of({.reserved = IdentifierKind6::kHwAddress, .iaid = {}});
    const auto known =
        know_client({.iaid = 9, .duid = kDuid}, *snapshot, snapshot->ipv6.subnets[0]);
    ASSERT_TRUE(known);
    EXPECT_EQ(to_hex(known->identity()), "29:01:00:00:00:09:" + to_hex(kHardware));
    EXPECT_EQ(known->reservation(), &snapshot->ipv6.reservations[0]);
    const auto by_address = know_client({.iaid = 9, .hw_address = testing::mac(3).bytes()},
                                        *snapshot, snapshot->ipv6.subnets[0]);
    ASSERT_TRUE(by_address);
    EXPECT_EQ(to_hex(by_address->identity()), to_hex(known->identity()));
}

TEST(KnownClient6Test, WhoIsNotNamedIsNotKnown) {
    const auto snapshot = snapshot_of({});
    const auto nobody =
        know_client({.hw_address = testing::mac(3).bytes()}, *snapshot, snapshot->ipv6.subnets[0]);
    ASSERT_FALSE(nobody);
    EXPECT_EQ(nobody.error(), DescriptionError::kNoIdentity);
    const Bytes too_long(kMaxIdentifierLen + 1);
    const auto long_name = know_client({.duid = too_long}, *snapshot, snapshot->ipv6.subnets[0]);
    ASSERT_FALSE(long_name);
    EXPECT_EQ(long_name.error(), DescriptionError::kTooLong);
    EXPECT_TRUE(describe_client(bytes({1, 2, 3})).duid.empty());
    EXPECT_TRUE(describe_client({}).duid.empty());
}

}  // namespace
}  // namespace xdhcpd::engine::v6
