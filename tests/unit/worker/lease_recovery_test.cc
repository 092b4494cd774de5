// What is on disk becomes what the shard holds, and what the shard holds what is on disk.
#include "worker/lease_recovery.h"

#include <gtest/gtest.h>

#include <deque>

#include "engine/decide.h"
#include "journal/codec/record.h"
#include "journal/ring.h"
#include "support/engine_harness.h"
#include "worker/lease_log.h"

namespace xdhcpd::worker {
namespace {

using journal::UnitState;
using journal::UnitStatus;
using lease::HeldCount;
using testing::Bytes;
using testing::bytes;
using testing::Engine;
using testing::Message;

constexpr std::uint64_t kBootEpoch = 1'700'000'000;
constexpr std::uint32_t kHour = 3600;

class LeaseRecoveryTest : public ::testing::Test {
  protected:
    // The lease of `client` on that address, as it is on disk.
    UnitState lease(std::string_view address, int client, std::uint64_t expiry) {
        UnitState state;
        state.key = journal::UnitKey::ipv4(testing::ip(address));
        state.version = 7;
        state.status = UnitStatus::kLeased;
        state.expiry = expiry;
        state.started = kBootEpoch + 10;
        state.mac = testing::mac(client);
        state.hw_type = 1;
        state.hw_len = 6;
        identities_.push_back(identity_of(client));
        state.identity = identities_.back();
        return state;
    }
    // As the engine names a client without option 61.
    static Bytes identity_of(int client) {
        Engine engine;
        static_cast<void>(engine.send(Message{1, client}));
        const lease::Space& space = engine.store.space(engine.snapshot().subnets[0].space);
        const ByteView identity = engine.shard.identity(space.unit_at(10));
        return {identity.begin(), identity.end()};
    }
    LeaseRecovery recovery(std::uint32_t grace_end = 0) {
        return {engine_.snapshot(),
                engine_.registry.ipv6(),
                {&engine_.shard},
                DiskTime{kBootEpoch},
                {1000},
                {grace_end}};
    }

    Engine engine_;
    std::deque<Bytes> identities_;
};

TEST_F(LeaseRecoveryTest, AClientFindsItsLeaseAgain) {
    auto recovery = this->recovery();
    UnitState state = lease("192.0.2.15", 3, kBootEpoch + 1000 + kHour);
    const Bytes hostname = bytes({'a', 'b'});
    state.hostname = hostname;
    recovery.add(state);
    recovery.finish();
    EXPECT_EQ(recovery.counts().leases, 1u);
    Message reboot{3, 3};
    reboot.option_address(50, "192.0.2.15");
    engine_.journal = engine::Journal::kOpen;
    const auto outcome = engine_.send(reboot);
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->yiaddr(), "192.0.2.15");
    const lease::Record& record = engine_.shard.record(*outcome.reply->decision.promised);
    EXPECT_GT(record.version, 7u);
    EXPECT_TRUE(equal_bytes(engine_.shard.hostname(*outcome.reply->decision.promised), hostname));
    Message other{3, 4};
    other.option_address(50, "192.0.2.15").option_address(54, "192.0.2.1");
    EXPECT_EQ(engine_.send(other).reply->type(), dhcp4::MessageType::kNak);
    EXPECT_EQ(engine_.shard.check_invariants(), "");
}

TEST_F(LeaseRecoveryTest, WhatHasEndedIsAFormerTenants) {
    auto recovery = this->recovery();
    recovery.add(lease("192.0.2.15", 3, kBootEpoch + 999));
    UnitState released = lease("192.0.2.16", 4, kBootEpoch + 5000);
    released.status = UnitStatus::kReleased;
    recovery.add(released);
    UnitState erased = lease("192.0.2.17", 5, 0);
    erased.status = UnitStatus::kFree;
    erased.identity = {};
    recovery.add(erased);
    recovery.finish();
    EXPECT_EQ(recovery.counts().leases, 0u);
    EXPECT_EQ(recovery.counts().former, 2u);
    EXPECT_EQ(engine_.held(HeldCount::kLeased), 0u);
    EXPECT_EQ(engine_.get_lease(3), "192.0.2.15");
    EXPECT_EQ(engine_.get_lease(4), "192.0.2.16");
    EXPECT_EQ(engine_.get_lease(5), "192.0.2.18") << "behind the one that was granted last";
    EXPECT_EQ(engine_.shard.check_invariants(), "");
}

TEST_F(LeaseRecoveryTest, WithoutATrustedClockWhatSeemsToHaveEndedStaysForAWhile) {
    auto recovery = this->recovery(5000);
    recovery.add(lease("192.0.2.15", 3, kBootEpoch + 999));
    recovery.finish();
    EXPECT_EQ(engine_.held(HeldCount::kLeased), 1u);
    // What is on disk has ended: a renewal, however short, must be written.
    engine_.journal = engine::Journal::kOpen;
    Message renewal{3, 3};
    renewal.ciaddr("192.0.2.15").option_u32(51, 120);
    const auto outcome = engine_.send(renewal);
    ASSERT_TRUE(outcome.reply);
    EXPECT_TRUE(outcome.reply->decision.must_write);
    EXPECT_LT(outcome.reply->u32(51) + engine::kLeaseSlack, 4000u);
    engine_.pass(3999);
    EXPECT_EQ(engine_.held(HeldCount::kLeased), 1u) << "a shorter renewal takes nothing away";
    engine_.pass(2);
    EXPECT_EQ(engine_.held(HeldCount::kLeased), 0u);
}

TEST_F(LeaseRecoveryTest, NoAcknowledgedClientIsUnknownForWantOfRoom) {
    Engine small{testing::small_configuration(), 1};
    LeaseRecovery recovery{small.snapshot(), small.registry.ipv6(),
                           {&small.shard},   DiskTime{kBootEpoch},
                           {1000},           {2000}};
    recovery.add(lease("192.0.2.10", 1, kBootEpoch + 1000 + kHour));
    recovery.add(lease("192.0.2.11", 2, kBootEpoch + 1000 + kHour));
    recovery.add(lease("192.0.2.12", 3, kBootEpoch + 900));
    recovery.finish();
    EXPECT_EQ(recovery.counts().refused, 0u);
    EXPECT_EQ(recovery.counts().leases, 3u);
    for (const int client : {1, 2}) {
        Message renewal{3, client};
        renewal.ciaddr("192.0.2." + std::to_string(9 + client));
        EXPECT_TRUE(small.send(renewal).reply) << client;
    }
    EXPECT_EQ(small.get_lease(4), "no offer: engine.client-table-full");
    small.pass(24 * kHour);
    EXPECT_EQ(small.get_lease(4), "192.0.2.13");
}

// What is on disk of a lease lasts until its horizon, though its client may have let it end and got
// another one since.
TEST_F(LeaseRecoveryTest, OfTwoLeasesOfAClientTheLaterOneIsKept) {
    for (const bool first_is_later : {false, true}) {
        for (const std::uint64_t boot : {kBootEpoch, kBootEpoch + 100'000}) {  // before, or since
            Engine engine;
            LeaseRecovery recovery{engine.snapshot(),
                                   engine.registry.ipv6(),
                                   {&engine.shard},
                                   DiskTime{boot},
                                   {1000},
                                   {}};
            for (const bool first : {true, false}) {
                UnitState state =
                    lease(first ? "192.0.2.15" : "192.0.2.16", 3, boot + 1000 + kHour);
                state.started = kBootEpoch + (first == first_is_later ? 500 : 100);
                recovery.add(state);
            }
            recovery.finish();
            EXPECT_EQ(recovery.counts().leases, 1u);
            EXPECT_EQ(recovery.counts().former, 1u);
            EXPECT_EQ(engine.held(HeldCount::kLeased), 1u);
            EXPECT_EQ(engine.get_lease(3), first_is_later ? "192.0.2.15" : "192.0.2.16");
            EXPECT_EQ(engine.shard.check_invariants(), "");
        }
    }
}

TEST_F(LeaseRecoveryTest, WhichOfTwoLeasesIsLaterIsNotGuessed) {
    auto recovery = this->recovery();
    recovery.add(lease("192.0.2.15", 3, kBootEpoch + 1000 + kHour));
    recovery.add(lease("192.0.2.16", 3, kBootEpoch + 1000 + kHour));
    recovery.finish();
    EXPECT_EQ(recovery.counts().leases, 2u);
    EXPECT_EQ(engine_.held(HeldCount::kLeased), 2u);
}

TEST_F(LeaseRecoveryTest, AClientMayHaveALeaseOnEachLink) {
    auto configuration = testing::small_configuration();
    model::SubnetConfiguration other;
    other.prefix = parse_ipv4_prefix("203.0.113.0/24").value();
    other.pools = {{testing::ip("203.0.113.10"), testing::ip("203.0.113.99")}};
    configuration.dhcp4.subnets.push_back(other);
    engine_.reload(configuration);
    auto recovery = this->recovery();
    recovery.add(lease("192.0.2.15", 3, kBootEpoch + 1000 + kHour));
    recovery.add(lease("203.0.113.20", 3, kBootEpoch + 1000 + kHour));
    recovery.finish();
    EXPECT_EQ(recovery.counts().leases, 2u);
}

TEST_F(LeaseRecoveryTest, AQuarantineGoesOn) {
    auto recovery = this->recovery();
    UnitState declined;
    declined.key = journal::UnitKey::ipv4(testing::ip("192.0.2.10"));
    declined.version = 3;
    declined.status = UnitStatus::kDeclined;
    declined.expiry = kBootEpoch + 1000 + kHour;
    recovery.add(declined);
    recovery.finish();
    EXPECT_EQ(engine_.held(HeldCount::kDeclined), 1u);
    EXPECT_EQ(engine_.get_lease(1), "192.0.2.11");
}

TEST_F(LeaseRecoveryTest, UnitsOfNoSubnetWaitForOne) {
    auto recovery = this->recovery();
    recovery.add(lease("203.0.113.20", 3, kBootEpoch + 1000 + kHour));
    recovery.finish();
    EXPECT_EQ(recovery.counts().foreign, 1u);
    auto configuration = testing::small_configuration();
    configuration.dhcp4.subnets[0].prefix = parse_ipv4_prefix("203.0.113.0/24").value();
    configuration.dhcp4.subnets[0].pools = {
        {testing::ip("203.0.113.10"), testing::ip("203.0.113.99")}};
    configuration.dhcp4.subnets[0].options.clear();
    engine_.reload(configuration);
    recovery.adopt(engine_.snapshot(), {1000}, 0);
    EXPECT_EQ(recovery.counts().foreign, 0u);
    EXPECT_EQ(engine_.held(HeldCount::kLeased), 1u);
}

TEST_F(LeaseRecoveryTest, WhatIsWrittenIsRestored) {
    journal::Waker waker;
    journal::Ring ring{1, false, waker};
    engine_.journal = engine::Journal::kOpen;
    LeaseLog log{ring, DiskTime{kBootEpoch}};
    engine_.shard.set_change_sink(&log);
    for (int client = 1; client <= 4; ++client) {
        ASSERT_EQ(engine_.get_lease(client), "192.0.2." + std::to_string(9 + client));
    }
    engine_.shard.set_change_sink(nullptr);
    const lease::Space& space = engine_.store.space(engine_.snapshot().subnets[0].space);
    for (std::uint32_t index = 10; index <= 13; ++index) {
        log.write(engine_.shard, space.unit_at(index));
    }
    log.kick();
    Engine second;
    LeaseRecovery recovery{second.snapshot(),
                           second.registry.ipv6(),
                           {&second.shard},
                           DiskTime{kBootEpoch - 50},
                           {1050},
                           {}};  // later boot
    for (ByteView record = ring.take(); !record.empty(); record = ring.take()) {
        recovery.add(journal::decode(record).value());
    }
    recovery.finish();
    EXPECT_EQ(recovery.counts().leases, 4u);
    const lease::Space& again = second.store.space(second.snapshot().subnets[0].space);
    for (std::uint32_t index = 10; index <= 13; ++index) {
        const lease::Record& before = engine_.shard.record(space.unit_at(index));
        const lease::Record& after = second.shard.record(again.unit_at(index));
        EXPECT_EQ(after.version, before.version);
        EXPECT_EQ(after.expiry.value, before.horizon.value + 50);
        EXPECT_EQ(after.mac, before.mac);
        EXPECT_TRUE(equal_bytes(second.shard.identity(again.unit_at(index)),
                                engine_.shard.identity(space.unit_at(index))));
    }
}

TEST(DiskNameTest, UnitsAreNamedByWhatTheyAre) {
    lease::Store store{1};
    const lease::Space& addresses = store.add_space(
        lease::SpaceKind::kIpv4, 300, {.first = testing::ip("10.255.255.250"), .version_floor = 0});
    EXPECT_EQ(to_string(key_of(addresses, addresses.unit_at(6)).to_ipv4()), "11.0.0.0");
    const auto pool = parse_ipv6_prefix("2001:db8:8000::/40").value();
    const lease::Space& prefixes =
        store.add_space6(lease::SpaceKind::kIpv6Prefix,
                         lease::Ipv6Names::range(pool.address, 56, 1 << 16, 1 << 16, {1, 2}), 0);
    const lease::Unit unit = prefixes.unit_at(0x1234);
    const journal::UnitKey key = key_of(prefixes, unit);
    EXPECT_EQ(key.kind, journal::UnitKind::kIpv6Prefix);
    EXPECT_EQ(key.length, 56);
    EXPECT_TRUE(pool.contains(key.to_ipv6()));
    EXPECT_EQ(prefixes.ipv6_names().find(key.to_ipv6().address), 0x1234u);
    lease::Space& listed =
        store.add_space6(lease::SpaceKind::kIpv6Address, lease::Ipv6Names::list(128, 10), 0);
    listed.ipv6_names().add(parse_ipv6("2001:db8::50").value());
    EXPECT_EQ(to_string(key_of(listed, listed.unit_at(0)).to_ipv6()), "2001:db8::50/128");
    EXPECT_EQ(key_of(listed, listed.unit_at(0)).kind, journal::UnitKind::kIpv6Address);
}

}  // namespace
}  // namespace xdhcpd::worker
