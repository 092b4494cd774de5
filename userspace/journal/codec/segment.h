// Segment: a file of the journal. A header page, then groups of records, each written with one call
// and aligned to the blocks that file systems write, so that no write ever touches a block with
// durable bytes in it. Pure: works on bytes in memory.
//
// What tells a torn tail from bit rot: each group says up to which offset its file was durable when
// it was written, and each segment says in its header where the one before it ended. A bad byte in
// front of such an offset was once on stable storage and has changed since: nobody may go on from
// there without looking. A bad byte behind the last of them was never acknowledged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "journal/codec/crc32c.h"
#include "journal/codec/record.h"

namespace xdhcpd::journal {

inline constexpr std::uint32_t kFormat = 1;  // of segments and snapshots
inline constexpr std::size_t kSegmentHeaderLen = 4096;
inline constexpr std::size_t kGroupHeaderLen = 64;
inline constexpr std::size_t kGroupAlign = 4096;
inline constexpr std::size_t kMaxGroupLen = std::size_t{1} << 20;
static_assert(kMaxGroupLen % kGroupAlign == 0 && kSegmentHeaderLen % kGroupAlign == 0);

// Why a file, or the rest of it, cannot be used.
struct Damage {
    std::uint64_t offset = 0;
    std::string what;              // "group is damaged"
    bool is_newer_format = false;  // intact, and not for this version
};

struct SegmentHeader {
    std::uint64_t generation = 0;  // also in the file's name; grows
    std::uint64_t salt = 0;
    // The segment that was written before this one, and where its durable part ends; what is behind
    // that was never acknowledged, or is in this one. 0: there was none.
    std::uint64_t previous = 0;
    std::uint64_t previous_end = 0;
    std::uint64_t stamp = 0;  // wall clock, Unix nanoseconds

    [[nodiscard]] Seed seed() const noexcept { return make_seed(generation, salt); }
};

// `out` is kSegmentHeaderLen bytes.
void encode(const SegmentHeader& header, MutableBytes out) noexcept;
[[nodiscard]] Result<SegmentHeader, Damage> decode_segment_header(ByteView file);
// From the copy that the page has in another sector, for repair: without its header, not one
// checksum of a file can be verified.
[[nodiscard]] Result<SegmentHeader, Damage> decode_segment_header_copy(ByteView file);

struct GroupHeader {
    std::uint64_t offset = 0;   // in its file
    std::uint64_t durable = 0;  // all of the file before this was on stable storage
    std::uint64_t stamp = 0;    // wall clock, Unix nanoseconds
    std::uint32_t len = 0;      // with this header and with padding
    std::uint32_t count = 0;    // records
};

// The header at the start of `bytes` if it is intact, of this segment and meant for `offset`.
[[nodiscard]] std::optional<GroupHeader> decode_group_header(ByteView bytes,
                                                             const SegmentHeader& segment,
                                                             std::uint64_t offset) noexcept;

// Collects records for one write. Allocates once.
class GroupBuilder {
  public:
    // Groups of at most `capacity` bytes, a multiple of kGroupAlign up to kMaxGroupLen.
    explicit GroupBuilder(std::size_t capacity);

    [[nodiscard]] std::size_t capacity() const noexcept { return bytes_.size(); }
    [[nodiscard]] std::size_t room() const noexcept { return bytes_.size() - used_; }
    [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
    // A copy of the record, which room() must hold.
    void add(ByteView record) noexcept;
    // Stamps records and header; the bytes are valid until the next call. len and count of `header`
    // are filled in.
    [[nodiscard]] ByteView finish(const SegmentHeader& segment, const GroupHeader& header) noexcept;
    void clear() noexcept;

  private:
    std::vector<std::byte> bytes_;
    std::size_t used_ = kGroupHeaderLen;
    std::uint32_t count_ = 0;
};

struct SegmentScan {
    std::uint64_t end = kSegmentHeaderLen;      // behind the last whole group
    std::uint64_t durable = kSegmentHeaderLen;  // known to have been on stable storage
    std::uint64_t cut_len = 0;                  // bytes of groups behind `end`
    std::uint64_t stamp = 0;                    // the latest
    std::uint64_t groups = 0;
    std::uint64_t records = 0;
};

// Reads the groups of a whole segment in memory and tells each record of whole groups. `closed_at`
// is where the next segment says that this one ends; without it the end is found. Damage in front
// of what was durable is an error; by then, records in front of it have been told.
[[nodiscard]] Result<SegmentScan, Damage> scan_segment(
    ByteView file, const SegmentHeader& header, std::optional<std::uint64_t> closed_at,
    const std::function<void(ByteView record)>& visit);

// Tells the records of the groups in [from, to), which a scan has found whole.
void read_groups(ByteView file, const SegmentHeader& header, std::uint64_t from, std::uint64_t to,
                 const std::function<void(ByteView record)>& visit);

// Tells every intact record before `end`, whatever is around it, for repair.
void salvage_segment(ByteView file, const SegmentHeader& header, std::uint64_t end,
                     const std::function<void(ByteView record)>& visit);

}  // namespace xdhcpd::journal
