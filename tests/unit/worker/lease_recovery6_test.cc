// Addresses and prefixes on disk find their units again, whatever has become of ranges and shards.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "engine/shard_choice.h"
#include "engine/v6/request.h"
#include "journal/codec/record.h"
#include "journal/ring.h"
#include "model/make_snapshot.h"
#include "support/frames.h"
#include "worker/lease_log.h"
#include "worker/lease_recovery.h"

namespace xdhcpd::worker {
namespace {

using engine::v6::Association;
using journal::UnitKind;
using journal::UnitState;
using journal::UnitStatus;
using lease::SpaceKind;
using testing::Bytes;

constexpr std::uint64_t kBootEpoch = 1'700'000'000;
constexpr std::uint32_t kNow = 1000;
constexpr std::uint64_t kLater = kBootEpoch + kNow + 3600;
constexpr HashKey kHashKey{1, 2};

Ipv6Prefix prefix(std::string_view text) {
    return parse_ipv6_prefix(text).value();
}
Ipv6Prefix address(std::string_view text) {
    return {parse_ipv6(text).value(), 128};
}

// What a subnet lets.
struct Terms {
    std::string subnet = "2001:db8:1::/64";
    std::string first = "2001:db8:1::1000";  // pool of addresses
    std::string last = "2001:db8:1::1fff";
    std::string prefix_pool = "2001:db8:8000::/40";
    int delegated_length = 56;
    std::vector<std::string> reserved{};
};

// A store with its shards, and the snapshot of one configuration after the other.
class Server {
  public:
    explicit Server(std::uint32_t shard_count = 1, std::uint32_t capacity = 1024)
        : store{shard_count} {
        for (std::uint32_t id = 0; id < shard_count; ++id) {
            shards.push_back(std::make_unique<lease::Shard>(
                store, lease::ShardOptions{.capacity = capacity,
                                           .side_memory = 1 << 16,
                                           .id = static_cast<std::uint16_t>(id),
                                           .now = {kNow}}));
        }
        registry.ipv6().set_names_key({5, 6});
    }

    // One link per subnet.
    void serve(const std::vector<Terms>& subnets) {
        auto next = std::make_unique<model::Snapshot>();
        next->hash_key = kHashKey;
        model::Snapshot6& ipv6 = next->ipv6;
        for (const Terms& terms : subnets) {
            model::Subnet6 subnet;
            subnet.prefix = prefix(terms.subnet);
            subnet.link = subnet.index_in_snapshot =
                static_cast<std::uint32_t>(ipv6.subnets.size());
            subnet.pools.push_back(pool(
                model::address_range(address(terms.first).address, address(terms.last).address)));
            subnet.prefix_pools.push_back(pool(model::prefix_range(
                prefix(terms.prefix_pool), static_cast<std::uint8_t>(terms.delegated_length))));
            ipv6.subnets.push_back(subnet);
            ipv6.links.emplace_back();
            for (const std::string& reserved : terms.reserved) {
                static_cast<void>(registry.ipv6().listed_unit(
                    subnet.prefix, SpaceKind::kIpv6Address, address(reserved)));
            }
        }
        for (const model::Subnet6& subnet : ipv6.subnets) {
            const auto own = [&](lease::SpaceId space) {
                ipv6.owners.resize(std::max<std::size_t>(ipv6.owners.size(), space.value + 1u));
                ipv6.owners[space.value].subnet = subnet.index_in_snapshot;
            };
            own(subnet.pools[0].space);
            own(subnet.prefix_pools[0].space);
            for (const auto kind : {SpaceKind::kIpv6Address, SpaceKind::kIpv6Prefix}) {
                for (const auto space : registry.ipv6().list_spaces(subnet.prefix, kind)) {
                    own(space);
                }
            }
        }
        snapshots.push_back(std::move(next));
    }

    [[nodiscard]] const model::Snapshot& snapshot() const { return *snapshots.back(); }
    [[nodiscard]] LeaseRecovery recovery() {
        std::vector<lease::Shard*> all;
        for (const auto& shard : shards) {
            all.push_back(shard.get());
        }
        return {snapshot(), registry.ipv6(), all, DiskTime{kBootEpoch}, {kNow}, {}};
    }
    // Every lease by what it is, with the number of its shard; as leases on a list with a star.
    [[nodiscard]] std::map<std::string, std::string> leases() const {
        std::map<std::string, std::string> result;
        for (const auto& shard : shards) {
            for (std::uint16_t id = 0; id < store.space_limit(); ++id) {
                for (std::uint32_t from = 0; from != lease::Shard::kWalkEnd;) {
                    from = shard->walk(
                        {id}, from, 64, [&](lease::Unit unit, const lease::Record& record) {
                            const bool is_list = store.space_of(unit).ipv6_names().is_list();
                            const std::string name =
                                to_string(key_of(store.space_of(unit), unit).to_ipv6());
                            EXPECT_FALSE(result.contains(name)) << name << " twice";
                            EXPECT_EQ(record.state, lease::LeaseState::kLeased);
                            result[name] = std::to_string(shard->id()) + (is_list ? "*" : "");
                        });
                }
            }
            EXPECT_EQ(shard->check_invariants(), "");
        }
        return result;
    }

    lease::Store store;
    model::SpaceRegistry registry{store};
    std::vector<std::unique_ptr<lease::Shard>> shards;
    std::vector<std::unique_ptr<model::Snapshot>> snapshots;

  private:
    [[nodiscard]] model::Pool6 pool(const model::Range6& range) {
        const lease::SpaceId space = registry.ipv6().space_for(range);
        return {range.first, range.last(), range.unit_length, space, store.space(space).all(), {}};
    }
};

// Identities live as long as the process.
ByteView identity(Association association, std::uint8_t client, std::uint32_t iaid = 1) {
    static std::deque<Bytes> kept;
    Bytes bytes(6 + 10);
    bytes[0] = std::byte{engine::v6::kDuid};
    bytes[1] = static_cast<std::byte>(association);
    store_be32(bytes.data() + 2, iaid);
    bytes[7] = std::byte{3};
    bytes[9] = std::byte{1};
    bytes[15] = std::byte{client};
    return kept.emplace_back(std::move(bytes));
}

UnitState lease_of(const Ipv6Prefix& what, std::uint8_t client, std::uint64_t expiry = kLater,
                   std::uint32_t iaid = 1) {
    const bool is_address = what.length == 128;
    UnitState state;
    state.key =
        journal::UnitKey::ipv6(is_address ? UnitKind::kIpv6Address : UnitKind::kIpv6Prefix, what);
    state.version = 7;
    state.status = UnitStatus::kLeased;
    state.expiry = expiry;
    state.started = kBootEpoch + 10;
    state.identity =
        identity(is_address ? Association::kAddress : Association::kPrefix, client, iaid);
    return state;
}

TEST(LeaseRecovery6Test, AddressesAndPrefixesComeBackToTheShardsOfTheirClients) {
    for (const std::uint32_t shard_count : {1u, 2u, 5u}) {
        Server server{shard_count};
        server.serve({{}});
        LeaseRecovery recovery = server.recovery();
        std::map<std::string, std::string> expected;
        for (std::uint8_t client = 0; client < 40; ++client) {
            for (const Ipv6Prefix& what :
                 {Ipv6Prefix{Ipv6::of_groups({0x2001, 0xdb8, 1, 0, 0, 0, 0,
                                              static_cast<std::uint16_t>(0x1100 + client)}),
                             128},
                  Ipv6Prefix{Ipv6::of_groups({0x2001, 0xdb8, 0x8000,
                                              static_cast<std::uint16_t>(client << 8), 0, 0, 0, 0}),
                             56}}) {
                const UnitState state = lease_of(what, client);
                recovery.add(state);
                expected[to_string(what)] =
                    std::to_string(engine::shard_of(state.identity, kHashKey, shard_count));
            }
        }
        recovery.finish();
        EXPECT_EQ(recovery.counts().leases, 80u);
        EXPECT_EQ(recovery.counts().foreign, 0u);
        EXPECT_EQ(server.leases(), expected) << "an address and a prefix of a client in one shard";
        EXPECT_TRUE(server.registry.ipv6().listed().empty());
    }
}

TEST(LeaseRecovery6Test, WhatIsWrittenIsRestoredUnderAnotherKeyOfNames) {
    Server before;
    before.serve({{}});
    journal::Waker waker;
    journal::Ring ring{1, false, waker};
    LeaseLog log{ring, DiskTime{kBootEpoch}};
    lease::Shard& shard = *before.shards[0];
    for (std::uint8_t client = 0; client < 10; ++client) {
        for (const auto association : {Association::kAddress, Association::kPrefix}) {
            const ByteView bytes = identity(association, client);
            const lease::Tenant tenant{.identity = bytes,
                                       .hw = testing::mac(client),
                                       .hw_len = 6,
                                       .hw_type = 1,
                                       .hash = hash_bytes(kHashKey, bytes)};
            const model::Subnet6& subnet = before.snapshot().ipv6.subnets[0];
            const lease::SpaceId space = association == Association::kAddress
                                             ? subnet.pools[0].space
                                             : subnet.prefix_pools[0].space;
            lease::Space& units = before.store.space(space);
            units.bitmap().allow(units.all());
            const lease::Unit unit =
                shard.take_next(tenant, space, units.all(), {kNow + 10}).value();
            shard.grant(unit, {{kNow}, {kNow + 500}, 0});
            shard.set_horizon(unit, {kNow + 900});
            log.write(shard, unit);
        }
    }
    log.kick();
    Server after{3};
    after.registry.ipv6().set_names_key({77, 78});
    after.serve({{}});
    LeaseRecovery recovery = after.recovery();
    for (ByteView record = ring.take(); !record.empty(); record = ring.take()) {
        recovery.add(journal::decode(record).value());
    }
    recovery.finish();
    EXPECT_EQ(recovery.counts().leases, 20u);
    std::set<std::string> names;
    for (const auto& [name, shard_id] : after.leases()) {
        EXPECT_EQ(shard_id.find('*'), std::string::npos) << name << " is listed";
        names.insert(name);
    }
    std::set<std::string> names_before;
    for (const auto& [name, shard_id] : before.leases()) {
        names_before.insert(name);
    }
    EXPECT_EQ(names, names_before);
}

// Of a /64 the store uses a window, which another key puts elsewhere.
TEST(LeaseRecovery6Test, LeasesBeyondTheWindowAreListed) {
    Server server{2};
    server.registry.ipv6().set_max_leases(1);
    const Terms terms{.first = "2001:db8:1::", .last = "2001:db8:1::ffff:ffff:ffff:ffff"};
    server.serve({terms});
    {
        LeaseRecovery recovery = server.recovery();
        recovery.add(lease_of(address("2001:db8:1::77"), 1));
        recovery.add(lease_of(address("2001:db8:1::78"), 2, kBootEpoch + 5));
        recovery.finish();
        EXPECT_EQ(recovery.counts().leases, 1u);
        EXPECT_EQ(recovery.counts().foreign, 1u) << "ended, and no unit of ours";
    }
    EXPECT_EQ(server.registry.ipv6().listed().size(), 1u);
    const auto leases = server.leases();
    ASSERT_EQ(leases.size(), 1u);
    EXPECT_TRUE(leases.at("2001:db8:1::77/128").ends_with("*"));
    server.serve({terms});
    EXPECT_EQ(server.registry.ipv6()
                  .list_spaces(prefix("2001:db8:1::/64"), SpaceKind::kIpv6Address)
                  .size(),
              1u);
}

TEST(LeaseRecovery6Test, ALeasedPrefixOfAnotherLengthIsListed) {
    Server server;
    server.serve({{.delegated_length = 60}});
    LeaseRecovery recovery = server.recovery();
    recovery.add(lease_of(prefix("2001:db8:8012:3400::/56"), 1));
    recovery.add(lease_of(prefix("2001:db8:7012:3400::/56"), 2));
    recovery.finish();
    EXPECT_EQ(recovery.counts().leases, 1u);
    EXPECT_EQ(recovery.counts().foreign, 1u) << "outside the pool";
    EXPECT_EQ(server.leases().at("2001:db8:8012:3400::/56"), "0*");
}

TEST(LeaseRecovery6Test, ReservedAddressesOutsideThePoolsComeBack) {
    Server server;
    server.serve({{.reserved = {"2001:db8:1::50"}}});
    LeaseRecovery recovery = server.recovery();
    recovery.add(lease_of(address("2001:db8:1::50"), 1));
    recovery.add(lease_of(address("2001:db8:1::51"), 2));
    recovery.finish();
    EXPECT_EQ(recovery.counts().leases, 1u);
    EXPECT_EQ(recovery.counts().foreign, 1u) << "not reserved any more";
    EXPECT_EQ(server.leases().at("2001:db8:1::50/128"), "0*");
}

TEST(LeaseRecovery6Test, WhatIsForeignWaitsForItsPool) {
    Server server{3};
    server.serve({{}});
    LeaseRecovery recovery = server.recovery();
    constexpr std::uint8_t kClients = 20;
    for (std::uint8_t client = 0; client < kClients; ++client) {
        recovery.add(
            lease_of({Ipv6::of_groups({0x2001, 0xdb8, 2, 0, 0, 0, 0, client}), 128}, client));
        recovery.add(
            lease_of({Ipv6::of_groups({0x2001, 0xdb8, 0x9000, client, 0, 0, 0, 0}), 64}, client));
    }
    UnitState declined;
    declined.key = journal::UnitKey::ipv6(UnitKind::kIpv6Address, address("2001:db8:2::ff"));
    declined.version = 3;
    declined.status = UnitStatus::kDeclined;
    declined.expiry = kLater;
    recovery.add(declined);
    recovery.finish();
    EXPECT_EQ(recovery.counts().leases, 0u);
    EXPECT_EQ(recovery.counts().foreign, 41u);
    server.registry.ipv6().set_max_leases(1);
    server.serve({{},
                  {.subnet = "2001:db8:2::/64",
                   .first = "2001:db8:2::",
                   .last = "2001:db8:2::ffff:ffff:ffff:ffff",
                   .prefix_pool = "2001:db8:9000::/48",
                   .delegated_length = 64}});
    for (std::uint32_t shard = 0; shard < 3; ++shard) {
        recovery.adopt(server.snapshot(), {kNow}, shard);
    }
    EXPECT_EQ(recovery.counts().foreign, 0u);
    EXPECT_EQ(recovery.counts().leases, 2u * kClients);
    EXPECT_EQ(recovery.counts().declined, 1u);
    std::uint64_t held = 0;
    for (std::uint16_t id = 0; id < server.store.space_limit(); ++id) {
        held += server.store.space({id}).held_total(lease::HeldCount::kLeased);
    }
    EXPECT_EQ(held, 2u * kClients);
    for (const auto& shard : server.shards) {
        EXPECT_EQ(shard->check_invariants(), "");
    }
}

TEST(LeaseRecovery6Test, OfTwoLeasesOfAnAssociationTheLaterOneIsKept) {
    for (const bool first_is_later : {false, true}) {
        Server server;
        server.serve({{}});
        LeaseRecovery recovery = server.recovery();
        for (const bool first : {true, false}) {
            UnitState state = lease_of(address(first ? "2001:db8:1::1001" : "2001:db8:1::1002"), 3);
            state.started = kBootEpoch + (first == first_is_later ? 500 : 100);
            recovery.add(state);
        }
        recovery.finish();
        EXPECT_EQ(recovery.counts().leases, 1u);
        EXPECT_EQ(recovery.counts().former, 1u);
        const auto leases = server.leases();
        ASSERT_EQ(leases.size(), 1u);
        EXPECT_EQ(leases.begin()->first,
                  first_is_later ? "2001:db8:1::1001/128" : "2001:db8:1::1002/128");
    }
}

// One of each per association, and per link.
TEST(LeaseRecovery6Test, AssociationsOfAClientDoNotExcludeEachOther) {
    Server server;
    server.serve({{},
                  {.subnet = "2001:db8:2::/64",
                   .first = "2001:db8:2::1",
                   .last = "2001:db8:2::ff",
                   .prefix_pool = "2001:db8:9000::/48",
                   .delegated_length = 64}});
    LeaseRecovery recovery = server.recovery();
    std::uint64_t start = kBootEpoch;
    for (const auto& [what, iaid] :
         std::vector<std::pair<Ipv6Prefix, std::uint32_t>>{{address("2001:db8:1::1001"), 1},
                                                           {address("2001:db8:1::1002"), 2},
                                                           {prefix("2001:db8:8000:100::/56"), 1},
                                                           {prefix("2001:db8:8000:200::/56"), 2},
                                                           {address("2001:db8:2::2"), 1}}) {
        UnitState state = lease_of(what, 3, kLater, iaid);
        state.started = ++start;
        recovery.add(state);
    }
    recovery.finish();
    EXPECT_EQ(recovery.counts().leases, 5u);
    EXPECT_EQ(server.leases().size(), 5u);
}

TEST(LeaseRecovery6Test, NewUnitsComeBehindTheOneGrantedLast) {
    Server server;
    server.serve({{}});
    const model::Pool6& pool = server.snapshot().ipv6.subnets[0].pools[0];
    lease::Space& space = server.store.space(pool.space);
    LeaseRecovery recovery = server.recovery();
    recovery.add(lease_of({space.ipv6_names().at(99), 128}, 1));
    recovery.finish();
    space.bitmap().allow(space.all());
    const ByteView bytes = identity(Association::kAddress, 9);
    const auto unit =
        server.shards[0]->take_next({.identity = bytes, .hash = hash_bytes(kHashKey, bytes)},
                                    pool.space, pool.units, {kNow + 10});
    EXPECT_EQ(space.index_of(unit.value()), 100u);
}

TEST(LeaseRecovery6Test, AMessageOfManyAssociationsHasRoomForItsRecords) {
    journal::Waker waker;
    journal::Ring ring{1, false, waker};
    LeaseLog log{ring, DiskTime{kBootEpoch}};
    std::size_t states = 0;
    UnitState state = lease_of(address("2001:db8:1::1000"), 1);
    const Bytes most(journal::kMaxIdentityLen);
    const Bytes text(journal::kMaxHostnameLen);
    state.identity = most;
    state.hostname = state.relay_information = text;
    while (log.state() == engine::Journal::kOpen) {
        ASSERT_TRUE(ring.has_room(2 * engine::v6::kMaxUnitsPerMessage));
        ring.append(state);
        ++states;
    }
    EXPECT_GT(states, 0u);
}

}  // namespace
}  // namespace xdhcpd::worker
