// Which units of a space may be leased, as sets of indices, and how they get into its bitmap.
// Control thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lease/bitmap.h"
#include "lease/unit.h"

namespace xdhcpd::model {

// Indices of a space: those added, which are disjoint, without those removed. Any number of both.
class IndexSet {
  public:
    void add(lease::UnitRange range) { added_.push_back(range); }
    void remove(lease::UnitRange range) { removed_.push_back(range); }
    // Sorted and disjoint.
    [[nodiscard]] std::vector<lease::UnitRange> ranges();

  private:
    std::vector<lease::UnitRange> added_;
    std::vector<lease::UnitRange> removed_;
};

// Allows exactly `wanted`, which is sorted and disjoint. Bits that do not differ are not touched,
// not even for an instant.
void set_allowed(lease::UnitBitmap& bitmap, std::span<const lease::UnitRange> wanted);

}  // namespace xdhcpd::model
