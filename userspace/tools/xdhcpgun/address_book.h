// AddressBook: which client had an address acknowledged last. Exact: no filter, no sampling. Open
// addressing; grows by itself, but never when it was made for enough addresses. One thread.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/addresses.h"

namespace xdhcpd::gun {

class AddressBook {
  public:
    struct Entry {
        Ipv4 address;  // zero: the slot is free
        std::uint32_t client = 0;
        std::uint64_t expiry = 0;  // of the lease, in nanoseconds of the run
    };

    explicit AddressBook(std::size_t expected_count)
        : slots_(std::bit_ceil(expected_count * 2 + kMinSlots)) {}

    // Writes the entry of a non-zero address; returns what stood there before.
    std::optional<Entry> put(const Entry& entry) {
        if ((count_ + 1) * 4 > slots_.size() * 3) {
            grow();
        }
        Entry& slot = slots_[find_slot(entry.address)];
        const std::optional<Entry> before =
            slot.address.is_zero() ? std::nullopt : std::optional{slot};
        count_ += before.has_value() ? 0 : 1;
        slot = entry;
        return before;
    }
    [[nodiscard]] std::optional<Entry> find(Ipv4 address) const noexcept {
        const Entry& slot = slots_[find_slot(address)];
        return address.is_zero() || slot.address.is_zero() ? std::nullopt : std::optional{slot};
    }
    void prefetch(Ipv4 address) const noexcept { __builtin_prefetch(&slots_[home(address)]); }
    [[nodiscard]] std::size_t size() const noexcept { return count_; }

  private:
    static constexpr std::size_t kMinSlots = 64;

    // Addresses of a pool follow each other: spread by Fibonacci hashing.
    [[nodiscard]] std::size_t home(Ipv4 address) const noexcept {
        return (address.value * std::uint64_t{0x9e3779b97f4a7c15} >> 32) & (slots_.size() - 1);
    }
    [[nodiscard]] std::size_t find_slot(Ipv4 address) const noexcept {
        std::size_t at = home(address);
        while (!slots_[at].address.is_zero() && slots_[at].address != address) {
            at = (at + 1) & (slots_.size() - 1);
        }
        return at;
    }
    void grow() {
        std::vector<Entry> old(slots_.size() * 2);
        old.swap(slots_);
        for (const Entry& entry : old) {
            if (!entry.address.is_zero()) {
                slots_[find_slot(entry.address)] = entry;
            }
        }
    }

    std::vector<Entry> slots_;
    std::size_t count_ = 0;
};

}  // namespace xdhcpd::gun
