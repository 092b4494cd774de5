// Which shard knows a client. Pure; the same on every thread and for every message of the client.
#pragma once

#include <cstdint>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/hash.h"

namespace xdhcpd::engine {

// Identities of DHCPv6 begin with a kind from here on, then the association and its IAID.
inline constexpr std::uint8_t kFirstKindOfDhcp6 = 32;
inline constexpr std::size_t kIdentityHeaderLen6 = 6;

// Of an identifier without anything in front of it.
[[nodiscard]] inline std::uint32_t shard_of_identifier(ByteView identifier, HashKey key,
                                                       std::uint32_t count) noexcept {
    const std::uint64_t hash = hash_bytes(key, identifier) >> 32;
    return static_cast<std::uint32_t>((hash * count) >> 32);
}

// The shard of `count` (1 or more) that a client belongs to whose key is `identity`, as in
// ClientKey::view() or lease::Tenant::identity; not empty. `key` is the process's.
//
// The first byte, the key's kind, does not count: a client keeps its shard when a reload reserves
// something for the very identifier that it was known by before. Nor does the association of
// DHCPv6: one message, one shard. It is another hash than the one
// that the shard's index takes its tags from, so that these stay spread over all of their values.
[[nodiscard]] inline std::uint32_t shard_of(ByteView identity, HashKey key,
                                            std::uint32_t count) noexcept {
    XD_ASSERT(!identity.empty() && count != 0);
    const bool is_dhcp6 = std::to_integer<std::uint8_t>(identity[0]) >= kFirstKindOfDhcp6 &&
                          identity.size() > kIdentityHeaderLen6;
    return shard_of_identifier(identity.subspan(is_dhcp6 ? kIdentityHeaderLen6 : std::size_t{1}),
                               key, count);
}

}  // namespace xdhcpd::engine
