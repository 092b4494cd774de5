// AddressSet: a fixed set of IPv4 addresses, asked several times for each packet. Open addressing
// at a quarter of its load, so that a look is one multiplication and mostly one comparison. Built
// by the control thread, immutable afterwards.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "base/addresses.h"

namespace xdhcpd::model {

class AddressSet {
  public:
    AddressSet() = default;
    // Duplicates and 0.0.0.0, which nobody has, are left out.
    explicit AddressSet(std::span<const Ipv4> addresses)
        : slots_(std::bit_ceil(4 * addresses.size() + 2)),
          shift_{64 - std::countr_zero(slots_.size())} {
        for (const Ipv4 address : addresses) {
            std::size_t at = home(address);
            while (!slots_[at].is_zero() && slots_[at] != address) {
                at = (at + 1) & (slots_.size() - 1);
            }
            slots_[at] = address;
        }
    }

    [[nodiscard]] bool contains(Ipv4 address) const noexcept {
        std::size_t at = home(address);
        while (!slots_[at].is_zero()) {
            if (slots_[at] == address) {
                return true;
            }
            at = (at + 1) & (slots_.size() - 1);
        }
        return false;
    }
    // In no order.
    [[nodiscard]] std::vector<Ipv4> all() const {
        std::vector<Ipv4> result;
        for (const Ipv4 slot : slots_) {
            if (!slot.is_zero()) {
                result.push_back(slot);
            }
        }
        return result;
    }

  private:
    [[nodiscard]] std::size_t home(Ipv4 address) const noexcept {
        constexpr std::uint64_t kMultiplier = 0x9e3779b97f4a7c15;
        return static_cast<std::size_t>((address.value * kMultiplier) >> shift_);
    }

    // A power of two of at least two, so that a shift by 64 never happens; zero: empty.
    std::vector<Ipv4> slots_ = std::vector<Ipv4>(2);
    int shift_ = 63;
};

}  // namespace xdhcpd::model
