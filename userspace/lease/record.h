// Record: everything known about one unit, in one cache line. Lives in an array of its Space;
// belongs to the shard that set the unit's taken bit, and nobody else reads or writes it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/addresses.h"
#include "base/time.h"

namespace xdhcpd::lease {

enum class LeaseState : std::uint8_t {
    kNone,      // never let, or erased
    kOffered,   // held for a tenant until `expiry`, not promised
    kLeased,    // granted until `expiry`
    kDeclined,  // somebody else uses the address: held without a tenant until `expiry`
    kReleased,  // free; the record still names the former tenant
    kExpired,   // likewise
};

// A place in the shard's SideStore; 0 is none.
struct SideRef {
    std::uint32_t value = 0;

    [[nodiscard]] explicit operator bool() const noexcept { return value != 0; }
    auto operator<=>(const SideRef&) const = default;
};

struct alignas(64) Record {
    // RFC 4361 client identifiers with a DUID-UUID, the longest in common use, are 23 bytes and one
    // for the kind.
    static constexpr std::size_t kInlineIdentityLen = 24;
    // identity_len of an identity that is in the side store; `identity` then holds its hash (8
    // bytes) and its first 16 bytes, which is what remains to recognise a former tenant by.
    static constexpr std::uint8_t kLongIdentity = 0xff;
    // Bits of `flags`. The first is kept by the shard: this tenant has been granted this unit
    // before, so losing an offer of it makes the tenant a former one again. The others are free for
    // the engine.
    static constexpr std::uint8_t kFlagGranted = 0x01;
    static constexpr std::uint8_t kEngineFlags = 0xfe;

    std::uint32_t version =
        0;                // grows with each change that belongs on disk, whoever the tenant is
    BootSeconds expiry;   // of the offer, lease or quarantine
    BootSeconds horizon;  // the expiry that is on disk, >= `expiry` when one is; kept by the engine
    BootSeconds started;  // last grant; 0 before the first
    // kLeased: xid of the message last granted, to recognise its retransmission. kOffered: places
    // of its OfferSource, or 0.
    std::uint32_t last_xid = 0;
    std::uint32_t tag = 0;  // the tenant's tag in the shard's index
    SideRef side;           // long identity, hostname, relay information; none unless held
    LeaseState state = LeaseState::kNone;
    std::uint8_t flags = 0;
    std::uint8_t identity_len = 0;  // 0 (no tenant) .. 24, or kLongIdentity
    std::uint8_t shard = 0;         // that wrote the record last
    Mac mac;
    std::uint8_t hw_len = 0;
    std::uint8_t hw_type = 0;
    std::array<std::byte, kInlineIdentityLen> identity{};

    // Held for a tenant.
    [[nodiscard]] bool is_live() const noexcept {
        return state == LeaseState::kOffered || state == LeaseState::kLeased;
    }
    [[nodiscard]] bool is_former() const noexcept {
        return state == LeaseState::kReleased || state == LeaseState::kExpired;
    }
};
static_assert(sizeof(Record) == 64);
static_assert(offsetof(Record, identity) + Record::kInlineIdentityLen == sizeof(Record));

}  // namespace xdhcpd::lease
