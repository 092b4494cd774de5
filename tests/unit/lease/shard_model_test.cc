// A shard against a model so naive that it is plainly right: a vector with one entry per unit.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "lease/shard.h"
#include "tenants.h"

namespace xdhcpd::lease {
namespace {

constexpr std::uint32_t kNobody = 0xffffffff;
constexpr std::size_t kTenants = 40;

struct ModelUnit {
    LeaseState state = LeaseState::kNone;  // kNone: free
    std::uint32_t tenant = kNobody;        // of an offer or a lease
    std::uint32_t former = kNobody;        // who is welcome back; of a free unit
    bool was_granted = false;
    std::uint32_t expiry = 0;
    std::string hostname;
    bool allowed = false;

    [[nodiscard]] bool is_live() const {
        return state == LeaseState::kOffered || state == LeaseState::kLeased;
    }
    [[nodiscard]] bool is_free() const { return state == LeaseState::kNone; }
};

struct Case {
    std::uint64_t seed;
    std::vector<std::uint32_t> sizes;  // of the spaces
    std::uint32_t tags;                // tenants share that many tags
    bool is_roomy;                     // neither the index nor side memory runs out
};

// Runs random operations on both sides and compares after each.
class ModelRun {
  public:
    explicit ModelRun(const Case& what)
        : case_{what},
          random_{what.seed},
          shard_{store_,
                 {.capacity = what.is_roomy ? 100000u : 20u,
                  .side_memory = what.is_roomy ? std::size_t{1} << 20 : std::size_t{1024},
                  .id = 0}} {
        for (const std::uint32_t size : what.sizes) {
            spaces_.push_back(store_.add_space(SpaceKind::kIpv4, size).id());
            units_.emplace_back(size);
        }
        for (std::uint32_t i = 0; i < kTenants; ++i) {
            const std::uint64_t hash = std::uint64_t{(i % what.tags) * 0x01000193} << 32 | i;
            tenants_.emplace_back(i, i % 4 == 0 ? std::size_t{40} : std::size_t{7}, hash);
        }
    }

    void step() {
        space_ = random_.below(static_cast<std::uint32_t>(spaces_.size()));
        index_ = random_.below(case_.sizes[space_]);
        tenant_ = random_.below(kTenants);
        until_ = random_.below(50) == 0
                     ? BootSeconds::never()
                     : BootSeconds{now_ + 1 + random_.below(1u << random_.below(13))};
        switch (random_.below(24)) {
            case 0:
                return allow();
            case 1:
                return forbid();
            case 2:
            case 3:
                return take(/*reserved=*/false);
            case 4:
                return take(/*reserved=*/true);
            case 5:
            case 6:
            case 7:
            case 8:
                return take_next();
            case 9:
            case 10:
            case 11:
                return reclaim();
            case 12:
            case 13:
            case 14:
                return find();
            case 15:
                return quarantine_free();
            case 16:
                return expire();
            case 17:
                return walk();
            default:
                return change_held();
        }
    }

    void compare_all() {
        ASSERT_EQ(shard_.check_invariants(), "");
        for (space_ = 0; space_ < spaces_.size(); ++space_) {
            ASSERT_TRUE(space().bitmap().check_invariants());
            for (index_ = 0; index_ < case_.sizes[space_]; ++index_) {
                compare_unit();
                if (testing::Test::HasFatalFailure()) {
                    return;
                }
            }
        }
    }

  private:
    [[nodiscard]] Space& space() { return store_.space(spaces_[space_]); }
    [[nodiscard]] Unit unit() { return space().unit_at(index_); }
    [[nodiscard]] ModelUnit& model() { return units_[space_][index_]; }

    void compare_unit() {
        const ModelUnit& expected = model();
        ASSERT_EQ(shard_.holds(unit()), !expected.is_free());
        ASSERT_EQ(space().bitmap().taken(index_), !expected.is_free());
        ASSERT_EQ(space().bitmap().allowed(index_), expected.allowed);
        if (expected.is_free()) {
            return;
        }
        ASSERT_EQ(shard_.record(unit()).state, expected.state);
        ASSERT_EQ(shard_.record(unit()).expiry.value, expected.expiry);
        if (!expected.is_live()) {
            ASSERT_TRUE(shard_.identity(unit()).empty());
            return;
        }
        ASSERT_TRUE(equal_bytes(shard_.identity(unit()), tenants_[expected.tenant].get().identity));
        ASSERT_EQ(as_text(shard_.hostname(unit())), expected.hostname);
    }

    // What every successful take does.
    void model_bind() {
        ModelUnit& unit = model();
        unit.was_granted = unit.former == tenant_;
        unit.former = kNobody;
        unit.tenant = tenant_;
        unit.state = LeaseState::kOffered;
        unit.expiry = until_.value;
        unit.hostname.clear();
    }
    void model_free(bool keeps_former) {
        ModelUnit& unit = model();
        unit.former = keeps_former ? unit.tenant : kNobody;
        unit.tenant = kNobody;
        unit.state = LeaseState::kNone;
        unit.hostname.clear();
    }
    [[nodiscard]] std::size_t live_count() const {
        std::size_t count = 0;
        for (const auto& space : units_) {
            count += static_cast<std::size_t>(std::count_if(
                space.begin(), space.end(), [](const auto& u) { return u.is_live(); }));
        }
        return count;
    }
    // kFull is right when the shard is full; and a long identity may find side memory full.
    [[nodiscard]] bool may_be_full() const {
        return !case_.is_roomy && (live_count() == 20 || tenant_ % 4 == 0);
    }
    [[nodiscard]] bool must_be_full() const { return !case_.is_roomy && live_count() == 20; }

    void allow() {
        const UnitRange range = some_range();
        space().bitmap().allow(range);
        set_allowed(range, true);
    }
    void forbid() {
        const UnitRange range = some_range();
        space().bitmap().forbid(range);
        set_allowed(range, false);
    }
    void set_allowed(UnitRange range, bool allowed) {
        for (std::uint32_t i = range.first; i <= range.last; ++i) {
            units_[space_][i].allowed = allowed;
        }
    }
    [[nodiscard]] UnitRange some_range() {
        const std::uint32_t other = random_.below(case_.sizes[space_]);
        return {std::min(index_, other), std::max(index_, other)};
    }

    void take(bool reserved) {
        const auto result = reserved ? shard_.take_reserved(tenants_[tenant_], unit(), until_)
                                     : shard_.take(tenants_[tenant_], unit(), until_);
        if (must_be_full()) {
            ASSERT_FALSE(result);
            ASSERT_EQ(result.error(), TakeError::kFull);
        } else if (!reserved && !model().allowed) {
            ASSERT_FALSE(result);
            ASSERT_EQ(result.error(), TakeError::kNotAllowed);
        } else if (!model().is_free()) {
            ASSERT_FALSE(result);
            ASSERT_EQ(result.error(), TakeError::kTaken);
        } else if (!result) {
            ASSERT_EQ(result.error(), TakeError::kFull);
            ASSERT_TRUE(may_be_full());
        } else {
            ASSERT_EQ(*result, unit());
            model_bind();
        }
        compare_unit();
    }

    void take_next() {
        // Few ranges, so that the shard keeps a cursor for each.
        const std::uint32_t size = case_.sizes[space_];
        const UnitRange all{0, size - 1};
        const UnitRange within = random_.below(3) == 0 && size > 2 ? UnitRange{1, size - 2} : all;
        std::uint32_t& cursor =
            cursors_.try_emplace({space_, within.first}, within.first).first->second;
        std::optional<std::uint32_t> expected;
        for (std::uint32_t i = 0; i < within.size() && !expected; ++i) {
            const std::uint32_t at = within.first + (cursor - within.first + i) % within.size();
            if (units_[space_][at].allowed && units_[space_][at].is_free()) {
                expected = at;
            }
        }
        const auto result = shard_.take_next(tenants_[tenant_], spaces_[space_], within, until_);
        if (!result) {
            if (result.error() == TakeError::kFull) {
                ASSERT_TRUE(may_be_full());
            } else {
                ASSERT_EQ(result.error(), TakeError::kNoneFree);
                ASSERT_FALSE(expected);
            }
            return;
        }
        ASSERT_FALSE(must_be_full());
        ASSERT_TRUE(expected);
        index_ = *expected;
        ASSERT_EQ(*result, unit());
        cursor = index_ == within.last ? within.first : index_ + 1;
        model_bind();
        compare_unit();
    }

    // Spaces in random order, some left out.
    [[nodiscard]] std::vector<std::size_t> some_spaces() {
        std::vector<std::size_t> chosen;
        for (std::size_t i = 0; i < spaces_.size(); ++i) {
            if (random_.below(3) > 0) {
                chosen.insert(
                    chosen.begin() + random_.below(static_cast<std::uint32_t>(chosen.size()) + 1),
                    i);
            }
        }
        return chosen;
    }
    [[nodiscard]] std::vector<SpaceId> ids(const std::vector<std::size_t>& chosen) const {
        std::vector<SpaceId> ids;
        for (const std::size_t i : chosen) {
            ids.push_back(spaces_[i]);
        }
        return ids;
    }
    // Finds the space of a unit that the shard returned, and selects both.
    void select(Unit found) {
        for (space_ = 0; spaces_[space_] != store_.space_of(found).id(); ++space_) {
        }
        index_ = space().index_of(found);
    }
    template <typename Matches>
    [[nodiscard]] std::optional<std::size_t> first_space(const std::vector<std::size_t>& chosen,
                                                         Matches matches) const {
        for (const std::size_t i : chosen) {
            if (std::any_of(units_[i].begin(), units_[i].end(), matches)) {
                return i;
            }
        }
        return std::nullopt;
    }

    void reclaim() {
        const auto chosen = some_spaces();
        const auto expected = first_space(chosen, [this](const ModelUnit& unit) {
            return unit.is_free() && unit.allowed && unit.former == tenant_;
        });
        const auto result = shard_.reclaim(tenants_[tenant_], ids(chosen), until_);
        if (!result) {
            if (result.error() == TakeError::kFull) {
                ASSERT_TRUE(may_be_full());
            } else {
                ASSERT_EQ(result.error(), TakeError::kNoneFree);
                // A small index may have dropped the entry.
                ASSERT_TRUE(!expected || !case_.is_roomy);
            }
            return;
        }
        ASSERT_FALSE(must_be_full());
        select(*result);
        ASSERT_TRUE(expected);
        if (case_.is_roomy) {
            ASSERT_EQ(space_, *expected);
        }
        ASSERT_EQ(model().former, tenant_);
        ASSERT_TRUE(model().is_free() && model().allowed);
        model_bind();
        compare_unit();
    }

    void find() {
        const auto chosen = some_spaces();
        const auto leased = first_space(chosen, [this](const ModelUnit& unit) {
            return unit.state == LeaseState::kLeased && unit.tenant == tenant_;
        });
        const auto held = first_space(chosen, [this](const ModelUnit& unit) {
            return unit.is_live() && unit.tenant == tenant_;
        });
        const auto expected = leased ? leased : held;
        shard_.prefetch(tenants_[tenant_]);
        shard_.prefetch_record(tenants_[tenant_]);
        const auto found = shard_.find(tenants_[tenant_], ids(chosen));
        ASSERT_EQ(found.has_value(), expected.has_value());
        if (found) {
            select(*found);
            ASSERT_EQ(space_, *expected);
            ASSERT_EQ(model().tenant, tenant_);
        }
    }

    void quarantine_free() {
        ASSERT_EQ(shard_.quarantine_free(unit(), until_), model().is_free());
        if (model().is_free()) {
            model().state = LeaseState::kDeclined;
            model().former = kNobody;
            model().expiry = until_.value;
        }
        compare_unit();
    }

    void expire() {
        now_ += random_.below(1u << random_.below(12));
        std::size_t ended = 0;
        const std::size_t budget = 1 + random_.below(40);
        std::size_t done = 0;
        do {
            done = shard_.expire(BootSeconds{now_}, budget, [&](Unit expired, LeaseState before) {
                select(expired);
                ASSERT_EQ(before, model().state);
                ASSERT_LE(model().expiry, now_);
                compare_unit();
                model_free(model().state == LeaseState::kLeased || model().was_granted);
                ++ended;
            });
        } while (done == budget);
        for (const auto& space : units_) {
            for (const ModelUnit& left : space) {
                ASSERT_TRUE(left.is_free() || left.expiry > now_);
            }
        }
    }

    void walk() {
        std::vector<std::uint32_t> seen;
        std::uint32_t from = index_;
        while (from != Shard::kWalkEnd) {
            from = shard_.walk(
                spaces_[space_], from, 1 + random_.below(9),
                [&](Unit held, const Record&) { seen.push_back(space().index_of(held)); });
        }
        std::vector<std::uint32_t> expected;
        for (std::uint32_t i = index_; i < case_.sizes[space_]; ++i) {
            if (!units_[space_][i].is_free()) {
                expected.push_back(i);
            }
        }
        ASSERT_EQ(seen, expected);
    }

    void change_held() {
        // The next unit that is held, if any.
        const std::uint32_t size = case_.sizes[space_];
        std::uint32_t tried = 0;
        while (model().is_free() && tried++ < size) {
            index_ = (index_ + 1) % size;
        }
        if (model().is_free()) {
            return;
        }
        if (model().state == LeaseState::kDeclined) {
            if (random_.below(2) == 0) {
                shard_.erase(unit());
                model_free(false);
            }
            return;
        }
        const std::uint32_t version = shard_.record(unit()).version;
        switch (random_.below(9)) {
            case 0:
                ASSERT_GT(shard_.release(unit()), version);
                model_free(true);
                break;
            case 1:
                ASSERT_GT(shard_.erase(unit()), version);
                model_free(false);
                break;
            case 2:
                shard_.quarantine(unit(), until_);
                model_free(false);
                model().state = LeaseState::kDeclined;
                model().expiry = until_.value;
                break;
            case 3:
                if (model().state == LeaseState::kOffered) {
                    shard_.withdraw(unit());
                    model_free(model().was_granted);
                    break;
                }
                [[fallthrough]];
            case 4: {
                const std::string hostname(random_.below(70),
                                           static_cast<char>('a' + tenant_ % 26));
                shard_.set_hostname(unit(), as_bytes(hostname));
                const std::string_view kept = as_text(shard_.hostname(unit()));
                ASSERT_TRUE(kept == hostname || (!case_.is_roomy && kept.empty()));
                model().hostname = kept;
                break;
            }
            case 5:
                if (shard_.replace_identity(unit(), tenants_[tenant_])) {
                    model().tenant = tenant_;
                } else {
                    ASSERT_FALSE(case_.is_roomy);
                }
                break;
            case 6:
                if (model().state == LeaseState::kOffered) {
                    shard_.offer(unit(), until_);
                    model().expiry = until_.value;
                    break;
                }
                [[fallthrough]];
            default:
                shard_.grant(unit(), {.now = BootSeconds{now_}, .expiry = until_, .xid = tenant_});
                ASSERT_EQ(shard_.record(unit()).version, version + 1);
                model().state = LeaseState::kLeased;
                model().was_granted = true;
                model().expiry = until_.value;
        }
        compare_unit();
    }

    Case case_;
    Random random_;
    Store store_{1};
    Shard shard_;
    std::vector<SpaceId> spaces_;
    std::vector<std::vector<ModelUnit>> units_;
    std::vector<TestTenant> tenants_;
    std::map<std::pair<std::size_t, std::uint32_t>, std::uint32_t> cursors_;
    std::uint32_t now_ = 0;
    // Chosen anew for each step.
    std::size_t space_ = 0;
    std::uint32_t index_ = 0;
    std::uint32_t tenant_ = 0;
    BootSeconds until_{};
};

class ShardModelTest : public testing::TestWithParam<Case> {};

TEST_P(ShardModelTest, AgreesWithTheModel) {
    constexpr int kSteps = 100000;
    ModelRun run{GetParam()};
    for (int step = 0; step < kSteps; ++step) {
        run.step();
        if (step % 500 == 0 || HasFatalFailure()) {
            run.compare_all();
        }
        ASSERT_FALSE(HasFatalFailure()) << "step " << step << " of seed " << GetParam().seed;
    }
}

INSTANTIATE_TEST_SUITE_P(Cases, ShardModelTest,
                         testing::Values(Case{1, {1}, 100, true}, Case{2, {2, 1}, 100, true},
                                         Case{3, {63}, 3, true}, Case{4, {64, 65}, 100, true},
                                         Case{5, {65, 2, 63}, 5, true}, Case{6, {4097}, 100, true},
                                         Case{7, {30, 30, 30}, 1, true},
                                         Case{8, {64, 64}, 100, false},
                                         Case{9, {4097, 5}, 7, false}, Case{10, {24}, 100, false}),
                         [](const auto& instance) {
                             return "Seed" + std::to_string(instance.param.seed);
                         });

}  // namespace
}  // namespace xdhcpd::lease
