// How a record names its tenant, and a share what is held: what the files of Shard have in common.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/assert.h"
#include "base/bytes.h"
#include "lease/record.h"
#include "lease/space.h"
#include "lease/tenant.h"
#include "lease/tenant_index.h"

namespace xdhcpd::lease {

// Of a long identity, a record keeps the tenant's hash and the first bytes.
inline constexpr std::size_t kHashLen = sizeof(std::uint64_t);
inline constexpr std::size_t kPrefixLen = Record::kInlineIdentityLen - kHashLen;
static_assert(kPrefixLen < Record::kInlineIdentityLen);
[[nodiscard]] inline bool is_long(const Tenant& tenant) noexcept {
    return tenant.identity.size() > Record::kInlineIdentityLen;
}

// What `Record::identity` holds for this tenant.
[[nodiscard]] inline std::array<std::byte, Record::kInlineIdentityLen> inline_identity(
    const Tenant& tenant) noexcept {
    std::array<std::byte, Record::kInlineIdentityLen> bytes{};
    if (is_long(tenant)) {
        std::memcpy(bytes.data(), &tenant.hash, kHashLen);
        copy_bytes(bytes.data() + kHashLen, tenant.identity.first(kPrefixLen));
    } else {
        copy_bytes(bytes.data(), tenant.identity);
    }
    return bytes;
}

[[nodiscard]] inline std::uint8_t identity_len_of(const Tenant& tenant) noexcept {
    return is_long(tenant) ? Record::kLongIdentity
                           : static_cast<std::uint8_t>(tenant.identity.size());
}

// Compares `len` <= 24 bytes, without a call: this is on the way of every message.
[[nodiscard, gnu::always_inline]] inline bool equal_short(const std::byte* a, const std::byte* b,
                                                          std::size_t len) noexcept {
    const auto load = load_raw<std::uint64_t>;
    if (len < sizeof(std::uint64_t)) [[unlikely]] {
        for (std::size_t i = 0; i < len; ++i) {
            if (a[i] != b[i]) {
                return false;
            }
        }
        return true;
    }
    // The first, the middle and the last eight bytes; they overlap unless there are 24.
    std::uint64_t difference = load(a) ^ load(b);
    difference |= load(a + len - 8) ^ load(b + len - 8);
    if (len > 16) {
        difference |= load(a + 8) ^ load(b + 8);
    }
    return difference == 0;
}

// Certain for a short identity; for a long one as certain as 64 keyed hash bits and 16 bytes of it.
[[nodiscard, gnu::always_inline]] inline bool matches_inline(const Record& record,
                                                             const Tenant& tenant) noexcept {
    if (is_long(tenant)) [[unlikely]] {
        return record.identity_len == Record::kLongIdentity &&
               std::memcmp(record.identity.data(), &tenant.hash, kHashLen) == 0 &&
               std::memcmp(record.identity.data() + kHashLen, tenant.identity.data(), kPrefixLen) ==
                   0;
    }
    return record.identity_len == tenant.identity.size() &&
           equal_short(record.identity.data(), tenant.identity.data(), tenant.identity.size());
}

inline void write_tenant(Record& record, const Tenant& tenant) noexcept {
    record.tag = TenantIndex::tag_of(tenant.hash);
    record.identity_len = identity_len_of(tenant);
    record.identity = inline_identity(tenant);
    record.mac = tenant.hw;
    record.hw_len = tenant.hw_len;
    record.hw_type = tenant.hw_type;
}

// Everything but the version, and the side entry, which must be free already.
inline void clear(Record& record, const Space& space, std::uint8_t shard) noexcept {
    Record cleared;
    cleared.version = std::max(record.version, space.version_floor());
    cleared.shard = shard;
    record = cleared;
}

[[nodiscard]] inline HeldCount count_of(LeaseState state) noexcept {
    switch (state) {
        case LeaseState::kOffered:
            return HeldCount::kOffered;
        case LeaseState::kLeased:
            return HeldCount::kLeased;
        default:
            XD_ASSERT(state == LeaseState::kDeclined);
            return HeldCount::kDeclined;
    }
}

// In one shard's view of a space; `index` of a unit.
[[nodiscard]] inline bool is_held(const SpaceShare& share, std::uint32_t index) noexcept {
    return (share.held[index / 64] >> (index % 64) & 1) != 0;
}

}  // namespace xdhcpd::lease
