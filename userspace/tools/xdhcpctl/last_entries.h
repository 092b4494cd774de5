// LastEntries: which entries of a file count, when the last one of each address does. Eight bytes
// per address. One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "base/addresses.h"

namespace xdhcpd::xdhcpctl {

class LastEntries {
  public:
    // The entries of the file in their order.
    void add(Ipv4 address);
    // After the last: how many entries there are that do not count.
    std::uint64_t finish();
    // Then, for the same entries in their order again: whether it counts.
    [[nodiscard]] bool next_counts() noexcept;

  private:
    void compact();

    std::vector<std::uint64_t> entries_;  // address << 32 | place in the file
    std::vector<std::uint32_t> places_;   // of what counts, in order
    std::size_t compact_at_ = 1 << 16;
    std::uint32_t count_ = 0;
    std::uint32_t asked_ = 0;
    std::size_t next_ = 0;  // of places_
};

}  // namespace xdhcpd::xdhcpctl
