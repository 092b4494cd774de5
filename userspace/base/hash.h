// Keyed hash of client identities (SipHash-1-3). The key is random per process, so a hostile client
// cannot choose identities that collide.
#pragma once

#include <bit>
#include <cstdint>

#include "base/bytes.h"

namespace xdhcpd {

struct HashKey {
    std::uint64_t k0 = 0;
    std::uint64_t k1 = 0;
};

// SipHash with one compression and three finalisation rounds (Aumasson, Bernstein 2012).
[[nodiscard]] inline std::uint64_t hash_bytes(HashKey key, ByteView bytes) noexcept {
    std::uint64_t v0 = key.k0 ^ 0x736f6d6570736575;
    std::uint64_t v1 = key.k1 ^ 0x646f72616e646f6d;
    std::uint64_t v2 = key.k0 ^ 0x6c7967656e657261;
    std::uint64_t v3 = key.k1 ^ 0x7465646279746573;
    const auto round = [&]() noexcept {
        v0 += v1;
        v1 = std::rotl(v1, 13) ^ v0;
        v0 = std::rotl(v0, 32);
        v2 += v3;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1;
        v1 = std::rotl(v1, 17) ^ v2;
        v2 = std::rotl(v2, 32);
    };
    const auto compress = [&](std::uint64_t word) noexcept {
        v3 ^= word;
        round();
        v0 ^= word;
    };
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; left -= 8, at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, at, 8);
        compress(word);
    }
    std::uint64_t last = static_cast<std::uint64_t>(bytes.size()) << 56;
    for (std::size_t i = 0; i < left; ++i) {
        last |= std::to_integer<std::uint64_t>(at[i]) << (8 * i);
    }
    compress(last);
    v2 ^= 0xff;
    round();
    round();
    round();
    return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace xdhcpd
