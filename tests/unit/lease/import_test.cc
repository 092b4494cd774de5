// Leases of other servers that a serving shard takes over.
#include <gtest/gtest.h>

#include "lease/shard.h"
#include "tenants.h"

namespace xdhcpd::lease {
namespace {

constexpr BootSeconds kNow{1000};
constexpr BootSeconds kExpiry{4600};
constexpr BootSeconds kLater{9000};
const TestTenant kAlice{1};
const TestTenant kBob{2};

class Journal final : public ChangeSink {
  public:
    void on_end(const Shard&, Unit, LeaseState next, std::uint32_t) noexcept override {
        next_ = next;
    }
    [[nodiscard]] bool has_room() const noexcept override { return has_room_; }
    void on_import(const Shard& shard, Unit unit) noexcept override {
        unit_ = unit;
        record_ = shard.record(unit);
        hostname_ = std::string{as_text(shard.hostname(unit))};
        ++imports_;
    }
    bool has_room_ = true;
    LeaseState next_ = LeaseState::kNone;
    Unit unit_;
    Record record_;
    std::string hostname_;
    int imports_ = 0;
};

class ImportTest : public testing::Test {
  protected:
    ImportTest() {
        space_.bitmap().allow({10, 99});
        shard_.set_change_sink(&journal_);
    }
    ~ImportTest() override { EXPECT_EQ(shard_.check_invariants(), ""); }
    [[nodiscard]] Unit unit(std::uint32_t index) const { return space_.unit_at(index); }

    Store store_{1};
    Space& space_ = store_.add_space(SpaceKind::kIpv4, 256);
    Shard shard_{store_, {.capacity = 4, .side_memory = 64 * 1024, .id = 0, .now = kNow}};
    Journal journal_;
    const Imported lease_{.expiry = kExpiry,
                          .started = {500},
                          .flags = 0x02,
                          .hostname = as_bytes("printer"),
                          .relay_information = as_bytes("\x01\x01x")};
};

TEST_F(ImportTest, ImportedLeaseIsHeldFoundAndWritten) {
    ASSERT_TRUE(shard_.import_lease(kAlice, unit(20), lease_));
    const Record& record = shard_.record(unit(20));
    EXPECT_EQ(record.state, LeaseState::kLeased);
    EXPECT_EQ(record.expiry, kExpiry);
    EXPECT_EQ(record.horizon, kExpiry);
    EXPECT_EQ(record.started, BootSeconds{500});
    EXPECT_EQ(record.last_xid, 0u);
    EXPECT_EQ(record.flags & Record::kEngineFlags, 0x02);
    EXPECT_EQ(shard_.find(kAlice, std::vector{space_.id()}), unit(20));
    EXPECT_EQ(as_text(shard_.relay_information(unit(20))), "\x01\x01x");
    EXPECT_EQ(journal_.imports_, 1);
    EXPECT_EQ(journal_.unit_, unit(20));
    EXPECT_EQ(journal_.record_.version, record.version);
    EXPECT_EQ(journal_.record_.horizon, kExpiry);
    EXPECT_EQ(journal_.hostname_, "printer");
    // It ends like any other, and its tenant gets it again.
    shard_.expire(kExpiry, 100, [](Unit, LeaseState) {});
    EXPECT_FALSE(shard_.holds(unit(20)));
    EXPECT_TRUE(shard_.reclaim(kAlice, std::vector{space_.id()}, kLater));
}

TEST_F(ImportTest, OwnLeaseGrowsAndItsVersionToo) {
    ASSERT_TRUE(shard_.import_lease(kAlice, unit(20), lease_));
    const std::uint32_t version = shard_.record(unit(20)).version;
    ASSERT_TRUE(shard_.import_lease(kAlice, unit(20), {.expiry = kLater, .started = kNow}));
    EXPECT_EQ(shard_.record(unit(20)).expiry, kLater);
    EXPECT_GT(shard_.record(unit(20)).version, version);
    EXPECT_EQ(as_text(shard_.hostname(unit(20))), "printer") << "the file knows no better";
    EXPECT_EQ(journal_.imports_, 2);
}

TEST_F(ImportTest, OtherTenantsAndFullTablesAreErrorsThatChangeNothing) {
    ASSERT_TRUE(shard_.import_lease(kAlice, unit(20), lease_));
    const auto taken = shard_.import_lease(kBob, unit(20), lease_);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error(), ImportError::kTaken);
    EXPECT_EQ(shard_.find(kAlice, std::vector{space_.id()}), unit(20));
    for (std::uint32_t i = 0; i < 3; ++i) {
        ASSERT_TRUE(shard_.import_lease(TestTenant{10 + i}, unit(30 + i), lease_));
    }
    const auto full = shard_.import_lease(kBob, unit(40), lease_);
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error(), ImportError::kFull);
    EXPECT_FALSE(space_.bitmap().taken(40));
    EXPECT_EQ(journal_.imports_, 4);
}

TEST_F(ImportTest, NothingIsTakenThatCannotBeWritten) {
    journal_.has_room_ = false;
    const auto lease = shard_.import_lease(kAlice, unit(20), lease_);
    ASSERT_FALSE(lease);
    EXPECT_EQ(lease.error(), ImportError::kBacklog);
    const auto quarantine = shard_.import_quarantine(unit(21), kExpiry);
    ASSERT_FALSE(quarantine);
    EXPECT_EQ(quarantine.error(), ImportError::kBacklog);
    EXPECT_FALSE(space_.bitmap().taken(20));
    EXPECT_FALSE(space_.bitmap().taken(21));
    shard_.set_change_sink(nullptr);
    EXPECT_TRUE(shard_.import_lease(kAlice, unit(20), lease_)) << "leases in memory only";
}

TEST_F(ImportTest, QuarantineIsImportedUnlessSomebodyHoldsTheUnit) {
    ASSERT_TRUE(shard_.import_quarantine(unit(21), kExpiry));
    EXPECT_EQ(shard_.record(unit(21)).state, LeaseState::kDeclined);
    EXPECT_EQ(journal_.next_, LeaseState::kDeclined);
    ASSERT_TRUE(shard_.import_quarantine(unit(21), kLater));
    EXPECT_EQ(shard_.record(unit(21)).expiry, kLater);
    ASSERT_TRUE(shard_.import_lease(kAlice, unit(20), lease_));
    EXPECT_EQ(shard_.import_quarantine(unit(20), kLater).error(), ImportError::kTaken);
}

}  // namespace
}  // namespace xdhcpd::lease
