// Any sequence of operations on two shards that share two spaces, with invariants checked on the
// way. Input: a byte of settings, then operations of four bytes: what, tenant, unit, time.
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/assert.h"
#include "base/hash.h"
#include "lease/shard.h"

namespace {

using namespace xdhcpd;         // NOLINT(google-build-using-namespace): a fuzz target is no header
using namespace xdhcpd::lease;  // NOLINT(google-build-using-namespace)

constexpr std::uint32_t kFirstUnits = 70;
constexpr std::uint32_t kSecondUnits = 9;

class Machine {
  public:
    explicit Machine(std::uint8_t settings)
        : has_collisions_{(settings & 1) != 0},
          first_{store_.add_space(SpaceKind::kIpv4, kFirstUnits)},
          second_{store_.add_space(SpaceKind::kIpv6Prefix, kSecondUnits)},
          shards_{Shard{store_, options(settings, 0)}, Shard{store_, options(settings, 1)}} {
        first_.bitmap().allow(first_.all());
        second_.bitmap().allow({1, kSecondUnits - 1});
    }

    void step(const std::uint8_t* bytes) {
        Shard& shard = shards_[bytes[0] & 1];
        Space& space = (bytes[2] & 0x80) != 0 ? second_ : first_;
        const Unit unit = space.unit_at((bytes[2] & 0x7f) % space.unit_count());
        const std::array<SpaceId, 2> both{second_.id(), first_.id()};
        const Tenant tenant = tenant_of(bytes[1]);
        const BootSeconds until = bytes[3] == 0xff
                                      ? BootSeconds::never()
                                      : BootSeconds{now_ + (1u << (bytes[3] % 22)) + bytes[3]};
        const UnitRange range{space.index_of(unit), space.unit_count() - 1};
        const bool is_held = shard.holds(unit);
        const bool is_live = is_held && shard.record(unit).is_live();
        const bool is_offered = is_held && shard.record(unit).state == LeaseState::kOffered;
        switch ((bytes[0] >> 1) % 22) {
            case 0:
                return taken(shard, tenant, shard.take(tenant, unit, until));
            case 1:
                return taken(shard, tenant, shard.take_reserved(tenant, unit, until));
            case 2:
            case 3:
                return taken(shard, tenant, shard.take_next(tenant, space.id(), range, until));
            case 4:
            case 5:
                return taken(shard, tenant, shard.reclaim(tenant, both, until));
            case 6:
                space.bitmap().forbid(range);
                return;
            case 7:
                space.bitmap().allow({0, range.first});
                return;
            case 8:
                static_cast<void>(shard.quarantine_free(unit, until));
                return;
            case 9:
                now_ += 1u << (bytes[3] % 21);
                static_cast<void>(
                    shard.expire(BootSeconds{now_}, bytes[1], [&](Unit, LeaseState) {}));
                return;
            case 10:
                if (is_held) {
                    shard.erase(unit);
                }
                return;
            case 11:
                if (is_held) {
                    shard.quarantine(unit, until);
                }
                return;
            case 12:
                if (is_offered) {
                    shard.withdraw(unit);
                }
                return;
            case 13:
                if (is_offered) {
                    shard.offer(unit, until);
                }
                return;
            case 14:
                if (is_live) {
                    shard.release(unit);
                }
                return;
            case 15:
                if (is_live) {
                    static_cast<void>(shard.replace_identity(unit, tenant));
                }
                return;
            case 16:
                if (is_live) {
                    shard.set_hostname(unit,
                                       tenant.identity.first(bytes[3] % tenant.identity.size()));
                }
                return;
            case 17:
                if (is_live) {
                    shard.set_relay_information(unit, shard.identity(unit).first(1));
                }
                return;
            case 18:
                walk(shard, space, range.first, bytes[3] % 8);
                return;
            default:
                if (is_live) {
                    shard.grant(unit, {.now = BootSeconds{now_}, .expiry = until, .xid = bytes[1]});
                }
        }
    }

    void check() const {
        for (const Shard& shard : shards_) {
            XD_ASSERT(shard.check_invariants().empty());
        }
        for (const Space* const space : {&first_, &second_}) {
            XD_ASSERT(space->bitmap().check_invariants());
            std::uint64_t held = 0;
            for (const HeldCount which :
                 {HeldCount::kOffered, HeldCount::kLeased, HeldCount::kDeclined}) {
                held += space->held_total(which);
            }
            XD_ASSERT(held == space->bitmap().taken_count());
        }
    }

  private:
    static ShardOptions options(std::uint8_t settings, std::uint16_t id) {
        return {.capacity = (settings & 2) != 0 ? 5u : 200u,
                .side_memory = (settings & 4) != 0 ? 256u : 16384u,
                .id = id};
    }

    // Tenant of that number; identities of 1..60 bytes.
    Tenant tenant_of(std::uint8_t number) {
        identity_.assign(number % 4 == 0 ? 1 + number % 60 : 7, std::byte{number});
        const std::uint64_t hash = hash_bytes({1, 2}, identity_);
        return {
            .identity = identity_, .hw = {}, .hash = has_collisions_ ? hash & 0xffffffff : hash};
    }

    static void taken(const Shard& shard, const Tenant& tenant,
                      const Result<Unit, TakeError>& result) {
        if (result) {
            XD_ASSERT(shard.holds(*result));
            XD_ASSERT(shard.record(*result).state == LeaseState::kOffered);
            XD_ASSERT(equal_bytes(shard.identity(*result), tenant.identity));
            bool is_found = false;
            shard.visit_units(tenant, [&](Unit unit) { return is_found = unit == *result; });
            XD_ASSERT(is_found);
        }
    }

    static void walk(const Shard& shard, const Space& space, std::uint32_t from, std::size_t max) {
        std::size_t seen = 0;
        const std::uint32_t next = shard.walk(space.id(), from, max, [&](Unit unit, const Record&) {
            XD_ASSERT(shard.holds(unit) && space.index_of(unit) >= from);
            ++seen;
        });
        XD_ASSERT(seen <= max && (next == Shard::kWalkEnd || next < space.unit_count()));
    }

    bool has_collisions_;
    Store store_{2};
    Space& first_;
    Space& second_;
    std::array<Shard, 2> shards_;
    std::uint32_t now_ = 0;
    std::vector<std::byte> identity_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t kStepLen = 4;
    constexpr std::size_t kCheckEvery = 64;
    if (size == 0 || size > 4096) {
        return 0;
    }
    Machine machine{data[0]};
    std::size_t steps = 0;
    for (std::size_t at = 1; at + kStepLen <= size; at += kStepLen) {
        machine.step(data + at);
        if (++steps % kCheckEvery == 0) {
            machine.check();
        }
    }
    machine.check();
    return 0;
}
