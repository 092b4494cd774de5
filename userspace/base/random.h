// Random: a small seeded generator (xoshiro256**), passed as an argument so that every run can be
// repeated. Not for secrets. One thread per object.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace xdhcpd {

class Random {
  public:
    // Any seed is fine; equal seeds give equal sequences.
    explicit Random(std::uint64_t seed) noexcept {
        for (std::uint64_t& word : state_) {  // splitmix64, as the authors of xoshiro advise
            seed += 0x9e3779b97f4a7c15;
            std::uint64_t z = seed;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
            z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
            word = z ^ (z >> 31);
        }
    }

    [[nodiscard]] std::uint64_t next() noexcept {
        const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
        const std::uint64_t t = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= t;
        state_[3] = std::rotl(state_[3], 45);
        return result;
    }

    // Evenly distributed in [0, bound); bound > 0.
    [[nodiscard]] std::uint32_t below(std::uint32_t bound) noexcept {
        return static_cast<std::uint32_t>(((next() >> 32) * bound) >> 32);
    }

  private:
    std::array<std::uint64_t, 4> state_{};
};

}  // namespace xdhcpd
