// Ipv6Names: which address or prefix each unit of an IPv6 space is. Unit i of a range is the
// address at P(i), a permutation with a secret key, so that leased addresses cannot be guessed (RFC
// 7824 section 4.3) though units are let one after the other; a range with more addresses than the
// space has units is used in part, here and there. Reserved units outside all ranges are a list.
//
// Any thread may read; a list grows by its control thread only, and a unit is read by others after
// it has been published to them. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/addresses.h"
#include "base/hash.h"
#include "lease/virtual_array.h"

namespace xdhcpd::lease {

class Ipv6Names {
  public:
    // Larger ranges are used up to here.
    static constexpr std::uint64_t kMaxRangeSize = std::uint64_t{1} << 62;

    // Of `size` prefixes of `length` >= 1 bits (128: addresses) in a row from `first` on, `count`
    // units: 1 <= count <= size <= kMaxRangeSize. The same range, length, size and key give the
    // same order, whatever `count` is.
    [[nodiscard]] static Ipv6Names range(const Ipv6& first, std::uint8_t length, std::uint64_t size,
                                         std::uint32_t count, HashKey key);
    // A list of up to `capacity` prefixes of `length` bits, empty at first.
    [[nodiscard]] static Ipv6Names list(std::uint8_t length, std::uint32_t capacity);

    [[nodiscard]] std::uint8_t length() const noexcept { return length_; }
    [[nodiscard]] bool is_list() const noexcept { return is_list_; }
    // Of a range: `count`; of a list: its capacity.
    [[nodiscard]] std::uint32_t unit_count() const noexcept {
        return is_list_ ? static_cast<std::uint32_t>(listed_.size()) : count_;
    }
    // Of a range: whether `address` is one of its `size`, though perhaps not a unit.
    [[nodiscard]] bool covers(const Ipv6& address) const noexcept {
        return place_of(address).has_value();
    }
    // `index` < count, or < added().
    [[nodiscard]] Ipv6 at(std::uint32_t index) const noexcept;
    // The index of this address or network; nothing outside the range, between prefixes, or where
    // the permutation leads beyond the space. Not for a list.
    [[nodiscard]] std::optional<std::uint32_t> find(const Ipv6& address) const noexcept;

    // A list's: appends, or nothing if it is full.
    std::optional<std::uint32_t> add(const Ipv6& address) noexcept;
    [[nodiscard]] std::uint32_t added() const noexcept { return added_; }

  private:
    Ipv6Names() = default;
    // Which of the `size` in a row it is.
    [[nodiscard]] std::optional<std::uint64_t> place_of(const Ipv6& address) const noexcept;

    Ipv6 first_;
    std::uint64_t size_ = 0;
    std::uint32_t count_ = 0;
    std::uint8_t length_ = 128;
    bool is_list_ = false;
    std::uint32_t bits_ = 0;  // of the permutation's domain, even
    HashKey key_;
    VirtualArray<Ipv6> listed_;
    std::uint32_t added_ = 0;
};

}  // namespace xdhcpd::lease
