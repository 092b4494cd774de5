// Merge: the newest state of every unit, from a snapshot and the segments after it. The same for
// recovery and for the next snapshot. Pure. Which file or in which order a record was read does not
// matter, and neither does reading it twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/bytes.h"

namespace xdhcpd::journal {

// The newest record of each unit among those that were added, in any order. Memory: 16..32 bytes
// and the record for each unit, and superseded records that were shorter or longer.
class LatestRecords {
  public:
    LatestRecords();

    // A copy, unless a newer one of the unit is there. Not after sort().
    void add(ByteView record);
    // Orders the records by key; after that they are read.
    void sort();

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    // In the order of keys; `index` < size(). Requires sort().
    [[nodiscard]] ByteView operator[](std::size_t index) const noexcept;

  private:
    struct Slot {
        std::uint64_t prefix = 0;  // the first eight bytes of the key: kind, length, address
        std::byte* record = nullptr;
    };
    static constexpr std::size_t kBlockLen = std::size_t{64} << 10;

    [[nodiscard]] Slot& find(std::uint64_t prefix, ByteView record) noexcept;
    void grow();
    [[nodiscard]] std::byte* store(ByteView record);

    std::vector<Slot> slots_;  // open addressing, a power of two; sorted and shorter after sort()
    std::size_t size_ = 0;
    std::vector<std::unique_ptr<std::byte[]>> blocks_;
    std::size_t block_used_ = kBlockLen;
};

// What a new snapshot leaves out. Only what the old snapshot already held: a state of the unit with
// a lower version may still come behind the state that ends it, from another worker's ring, but not
// later than in the next segment, and that is merged together with the snapshot that holds the end.
struct ForgetRule {
    std::uint64_t drop_before = 0;  // Unix seconds; former tenants whose lease ended before go
};
[[nodiscard]] bool is_forgotten(ByteView record, const ForgetRule& rule) noexcept;

// Tells the newest record of every unit, in the order of keys. `next_old` gives the old snapshot's
// records one by one in the order of keys, empty at the end; `newer` is sorted. Without `rule`
// nothing is left out. A record that `emit` gets is valid during the call.
void merge(const std::function<ByteView()>& next_old, const LatestRecords& newer,
           const ForgetRule* rule, const std::function<void(ByteView)>& emit);

}  // namespace xdhcpd::journal
