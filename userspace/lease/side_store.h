// SideStore: what a shard keeps about its leases that does not fit into a record. Byte strings in
// one bounded arena of 32-byte granules. Free neighbours are merged at once and exact sizes are
// preferred, so that memory does not break into useless pieces. Owned by one shard, one thread.
// Memory is allocated by the constructor and by reserve() only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "lease/record.h"
#include "lease/virtual_array.h"

namespace xdhcpd::lease {

class SideStore {
  public:
    static constexpr std::size_t kGranuleLen = 32;
    static constexpr std::size_t kHeaderLen = 4;
    static constexpr std::size_t kMaxGranules = 64;  // of one entry
    static constexpr std::size_t kMaxEntryLen = kMaxGranules * kGranuleLen - kHeaderLen;

    // `bytes` is rounded down to granules; below two nothing can be stored.
    explicit SideStore(std::size_t bytes);

    // An entry of `len` bytes, contents unspecified; nullopt when there is no room or len >
    // kMaxEntryLen.
    [[nodiscard]] std::optional<SideRef> allocate(std::size_t len) noexcept;
    // An entry with a copy of `bytes`.
    [[nodiscard]] std::optional<SideRef> allocate(ByteView bytes) noexcept;
    // The next allocate() of at most `len` <= kMaxEntryLen bytes finds room, beyond the limit if
    // need be: for what must not be refused. False if that would be more than an arena can have.
    // Views of entries end.
    bool reserve(std::size_t len);
    // `ref` was returned by allocate() and not freed since.
    void free(SideRef ref) noexcept;
    // Makes the entry `len` bytes long without moving it; false if that needs another number of
    // granules.
    [[nodiscard]] bool resize(SideRef ref, std::size_t len) noexcept;
    // Valid until the entry is freed.
    [[nodiscard]] MutableBytes get(SideRef ref) noexcept;
    [[nodiscard]] ByteView get(SideRef ref) const noexcept;

    // Whole granules in use, in bytes, and how much there can be without reserve().
    [[nodiscard]] std::size_t used_bytes() const noexcept { return used_granules_ * kGranuleLen; }
    [[nodiscard]] std::size_t capacity_bytes() const noexcept { return limit_ * kGranuleLen; }
    // Walks the whole arena; for tests.
    [[nodiscard]] bool check_invariants() const noexcept;

  private:
    struct Granule {
        std::array<std::byte, kGranuleLen> bytes;
    };
    using Offset = std::uint32_t;  // of a granule; granule 0 is not used, 0 is none
    static constexpr std::size_t kLargeClass = kMaxGranules + 1;  // anything above kMaxGranules
    static constexpr std::size_t kClassCount = kLargeClass + 1;   // index = granules; 0 unused

    [[nodiscard]] static std::size_t granules_for(std::size_t len) noexcept {
        return (len + kHeaderLen + kGranuleLen - 1) / kGranuleLen;
    }
    [[nodiscard]] std::uint32_t word(Offset at, std::size_t byte) const noexcept;
    void set_word(Offset at, std::size_t byte, std::uint32_t value) noexcept;
    [[nodiscard]] bool is_used(Offset at) const noexcept;
    [[nodiscard]] bool is_previous_used(Offset at) const noexcept;
    [[nodiscard]] std::uint32_t size_at(Offset at) const noexcept;
    void set_previous_used(Offset at, bool used) noexcept;
    void add_free(Offset at, std::uint32_t granules) noexcept;
    void remove_free(Offset at, std::uint32_t granules) noexcept;
    [[nodiscard]] Offset find_free(std::uint32_t granules) const noexcept;
    // The free block at the end of the arena, 0 if that is in use.
    [[nodiscard]] Offset find_last_free() const noexcept;
    void grow(std::size_t granule_count);

    std::size_t granule_count_ = 0;  // offsets 1 .. granule_count_
    std::size_t limit_ = 0;          // of used_granules_, but for what was reserved
    std::size_t reserved_ = 0;  // granules that the next allocate() may have whatever the limit
    std::size_t used_granules_ = 0;
    VirtualArray<Granule> granules_;
    std::array<Offset, kClassCount> free_lists_{};
    std::array<std::uint64_t, 2> class_bits_{};  // which lists are not empty
};

}  // namespace xdhcpd::lease
