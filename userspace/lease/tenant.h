// Tenant: who asks for a unit. A view made by the engine for one message; owns nothing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/addresses.h"
#include "base/bytes.h"

namespace xdhcpd::lease {

struct Tenant {
    // 1..kMaxIdentityLen bytes; the first is the kind. Two tenants are the same if and only if
    // these are.
    ByteView identity{};
    Mac hw{};
    std::uint8_t hw_len = 0;
    std::uint8_t hw_type = 0;
    // hash_bytes(key, identity) with the one key of the process.
    std::uint64_t hash = 0;
};

// Longer identities find no room (TakeError::kFull). Option 61 has at most 255 bytes, a DUID 130.
inline constexpr std::size_t kMaxIdentityLen = 1024;

}  // namespace xdhcpd::lease
