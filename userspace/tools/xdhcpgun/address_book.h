// AddressBook: which client had an address acknowledged last. Exact: no filter, no sampling. Open
// addressing; grows by itself, but never when it was made for enough addresses. One thread.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/addresses.h"
#include "base/bytes.h"

namespace xdhcpd::gun {

[[nodiscard]] inline bool is_none(Ipv4 address) noexcept {
    return address.is_zero();
}
[[nodiscard]] inline bool is_none(const Ipv6Prefix& prefix) noexcept {
    return prefix.address.is_unspecified();
}
// What tells addresses of one network apart.
[[nodiscard]] inline std::uint64_t number_of(Ipv4 address) noexcept {
    return address.value;
}
[[nodiscard]] inline std::uint64_t number_of(const Ipv6Prefix& prefix) noexcept {
    return load_be64(prefix.address.octets.data()) +
           load_be64(prefix.address.octets.data() + sizeof(std::uint64_t));
}

template <typename Address>
class AddressBook {
  public:
    struct Entry {
        Address address;  // none: the slot is free
        std::uint32_t client = 0;
        std::uint64_t expiry = 0;  // of the lease, in nanoseconds of the run
    };

    explicit AddressBook(std::size_t expected_count)
        : slots_(std::bit_ceil(expected_count * 2 + kMinSlots)) {}

    // Writes the entry of an address; returns what stood there before.
    std::optional<Entry> put(const Entry& entry) {
        if ((count_ + 1) * 4 > slots_.size() * 3) {
            grow();
        }
        Entry& slot = slots_[find_slot(entry.address)];
        const std::optional<Entry> before =
            is_none(slot.address) ? std::nullopt : std::optional{slot};
        count_ += before.has_value() ? 0 : 1;
        slot = entry;
        return before;
    }
    [[nodiscard]] std::optional<Entry> find(const Address& address) const noexcept {
        const Entry& slot = slots_[find_slot(address)];
        return is_none(address) || is_none(slot.address) ? std::nullopt : std::optional{slot};
    }
    void prefetch(const Address& address) const noexcept {
        __builtin_prefetch(&slots_[home(address)]);
    }
    [[nodiscard]] std::size_t size() const noexcept { return count_; }

  private:
    static constexpr std::size_t kMinSlots = 64;

    // Addresses of a pool follow each other: spread by Fibonacci hashing.
    [[nodiscard]] std::size_t home(const Address& address) const noexcept {
        return (number_of(address) * std::uint64_t{0x9e3779b97f4a7c15} >> 32) & (slots_.size() - 1);
    }
    [[nodiscard]] std::size_t find_slot(const Address& address) const noexcept {
        std::size_t at = home(address);
        while (!is_none(slots_[at].address) && slots_[at].address != address) {
            at = (at + 1) & (slots_.size() - 1);
        }
        return at;
    }
    void grow() {
        std::vector<Entry> old(slots_.size() * 2);
        old.swap(slots_);
        for (const Entry& entry : old) {
            if (!is_none(entry.address)) {
                slots_[find_slot(entry.address)] = entry;
            }
        }
    }

    std::vector<Entry> slots_;
    std::size_t count_ = 0;
};

}  // namespace xdhcpd::gun
