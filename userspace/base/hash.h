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

namespace detail {
// The four words of SipHash. All inline: a call for each round would cost more than the round.
class SipState {
  public:
    explicit SipState(HashKey key) noexcept
        : v0_{key.k0 ^ 0x736f6d6570736575},
          v1_{key.k1 ^ 0x646f72616e646f6d},
          v2_{key.k0 ^ 0x6c7967656e657261},
          v3_{key.k1 ^ 0x7465646279746573} {}

    [[gnu::always_inline]] void compress(std::uint64_t word) noexcept {
        v3_ ^= word;
        round();
        v0_ ^= word;
    }
    [[nodiscard, gnu::always_inline]] std::uint64_t finish() noexcept {
        v2_ ^= 0xff;
        round();
        round();
        round();
        return v0_ ^ v1_ ^ v2_ ^ v3_;
    }

  private:
    [[gnu::always_inline]] void round() noexcept {
        v0_ += v1_;
        v1_ = std::rotl(v1_, 13) ^ v0_;
        v0_ = std::rotl(v0_, 32);
        v2_ += v3_;
        v3_ = std::rotl(v3_, 16) ^ v2_;
        v0_ += v3_;
        v3_ = std::rotl(v3_, 21) ^ v0_;
        v2_ += v1_;
        v1_ = std::rotl(v1_, 17) ^ v2_;
        v2_ = std::rotl(v2_, 32);
    }

    std::uint64_t v0_;
    std::uint64_t v1_;
    std::uint64_t v2_;
    std::uint64_t v3_;
};
}  // namespace detail

// SipHash with one compression and three finalisation rounds (Aumasson, Bernstein 2012).
[[nodiscard]] inline std::uint64_t hash_bytes(HashKey key, ByteView bytes) noexcept {
    detail::SipState state{key};
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; left -= 8, at += 8) {
        state.compress(load_raw<std::uint64_t>(at));
    }
    std::uint64_t last = static_cast<std::uint64_t>(bytes.size()) << 56;
    for (std::size_t i = 0; i < left; ++i) {
        last |= std::to_integer<std::uint64_t>(at[i]) << (8 * i);
    }
    state.compress(last);
    return state.finish();
}
// The same of the eight bytes of `word` as it lies in memory, which is what a client without an
// identifier of its own comes down to.
[[nodiscard, gnu::always_inline]] inline std::uint64_t hash_word(HashKey key,
                                                                 std::uint64_t word) noexcept {
    detail::SipState state{key};
    state.compress(word);
    state.compress(std::uint64_t{sizeof word} << 56);
    return state.finish();
}

}  // namespace xdhcpd
