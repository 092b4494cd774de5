// LastEntries: which entries of a file count, when the last one of each address or prefix does.
// Eight bytes per address of DHCPv4, 24 of DHCPv6. One thread.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "base/addresses.h"
#include "lease_files/entry.h"

namespace xdhcpd::xdhcpctl {

class LastEntries {
  public:
    // The entries of the file in their order.
    void add(const lease_files::Entry& entry);
    // After the last: how many entries there are that do not count.
    std::uint64_t finish();
    // Then, for the same entries in their order again: whether it counts.
    [[nodiscard]] bool next_counts() noexcept;

  private:
    struct Item4 {
        std::uint32_t address;
        std::uint32_t place;  // in the file
        auto operator<=>(const Item4&) const = default;
        [[nodiscard]] bool is_of_same(const Item4& other) const noexcept {
            return address == other.address;
        }
    };
    struct Item6 {
        Ipv6 address;
        std::uint16_t kind;  // prefix or address, and its length
        std::uint32_t place;
        auto operator<=>(const Item6&) const = default;
        [[nodiscard]] bool is_of_same(const Item6& other) const noexcept {
            return address == other.address && kind == other.kind;
        }
    };
    // Keeps the last of each address.
    template <typename Item>
    static void compact(std::vector<Item>& items);
    void compact();

    std::vector<Item4> items4_;
    std::vector<Item6> items6_;
    std::vector<std::uint32_t> places_;  // of what counts, in order
    std::size_t compact_at_ = 1 << 16;
    std::uint32_t count_ = 0;
    std::uint32_t asked_ = 0;
    std::size_t next_ = 0;  // of places_
};

}  // namespace xdhcpd::xdhcpctl
