#include "lease/ipv6_names.h"

#include <array>
#include <bit>
#include <utility>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/wide.h"

namespace xdhcpd::lease {
namespace {

constexpr unsigned kRounds = 4;

// A Feistel network over numbers of `bits` bits (even), which is a permutation whatever the round
// function is.
class Feistel {
  public:
    Feistel(HashKey key, std::uint32_t bits) noexcept
        : key_{key}, half_{bits / 2}, mask_{(std::uint64_t{1} << half_) - 1} {}

    [[nodiscard]] std::uint64_t forward(std::uint64_t number) const noexcept {
        std::uint64_t left = number >> half_;
        std::uint64_t right = number & mask_;
        for (unsigned round = 0; round < kRounds; ++round) {
            left = std::exchange(right, left ^ mix(right, round));
        }
        return left << half_ | right;
    }
    [[nodiscard]] std::uint64_t backward(std::uint64_t number) const noexcept {
        std::uint64_t left = number >> half_;
        std::uint64_t right = number & mask_;
        for (unsigned round = kRounds; round-- > 0;) {
            right = std::exchange(left, right ^ mix(left, round));
        }
        return left << half_ | right;
    }

  private:
    [[nodiscard]] std::uint64_t mix(std::uint64_t half, unsigned round) const noexcept {
        return hash_word(key_, half << 8 | round) & mask_;
    }
    HashKey key_;
    std::uint32_t half_;
    std::uint64_t mask_;
};

}  // namespace

Ipv6Names Ipv6Names::range(const Ipv6& first, std::uint8_t length, std::uint64_t size,
                           std::uint32_t count, HashKey key) {
    XD_ASSERT(length >= 1 && length <= 128 && count >= 1 && count <= size && size <= kMaxRangeSize);
    Ipv6Names names;
    names.first_ = first;
    names.size_ = size;
    names.count_ = count;
    names.length_ = length;
    const auto bits = static_cast<std::uint32_t>(std::bit_width(size - 1));
    names.bits_ = bits + bits % 2;
    // Ranges of one secret must not be permuted alike.
    std::array<std::byte, Ipv6::kLen + 1> place{};
    first.store(place.data());
    place[Ipv6::kLen] = std::byte{length};
    names.key_ = {hash_bytes(key, place), key.k1};
    return names;
}

Ipv6Names Ipv6Names::list(std::uint8_t length, std::uint32_t capacity) {
    XD_ASSERT(length >= 1 && length <= 128 && capacity >= 1);
    Ipv6Names names;
    names.length_ = length;
    names.is_list_ = true;
    names.listed_ = VirtualArray<Ipv6>{capacity};
    return names;
}

// What the permutation puts behind the range is permuted again until it falls inside (cycle
// walking): at most four times as much on average, since the domain is at most four times as large.
Ipv6 Ipv6Names::at(std::uint32_t index) const noexcept {
    if (is_list_) {
        return listed_[index];
    }
    const Feistel permutation{key_, bits_};
    std::uint64_t number = index;
    do {
        number = permutation.forward(number);
    } while (number >= size_);
    return to_ipv6(to_wide(first_) + (Wide{number} << (128 - length_)));
}

std::optional<std::uint64_t> Ipv6Names::place_of(const Ipv6& address) const noexcept {
    if (is_list_ || address < first_) {
        return std::nullopt;
    }
    const unsigned shift = 128u - length_;
    const Wide offset = to_wide(address) - to_wide(first_);
    const Wide place = offset >> shift;
    if ((place << shift) != offset || place >= size_) {
        return std::nullopt;
    }
    return static_cast<std::uint64_t>(place);
}

std::optional<std::uint32_t> Ipv6Names::find(const Ipv6& address) const noexcept {
    const auto place = place_of(address);
    if (!place) {
        return std::nullopt;
    }
    const Feistel permutation{key_, bits_};
    std::uint64_t number = *place;
    do {
        number = permutation.backward(number);
    } while (number >= size_);
    return number < count_ ? std::optional{static_cast<std::uint32_t>(number)} : std::nullopt;
}

std::optional<std::uint32_t> Ipv6Names::add(const Ipv6& address) noexcept {
    if (added_ == listed_.size()) {
        return std::nullopt;
    }
    listed_[added_] = address;
    return added_++;
}

}  // namespace xdhcpd::lease
