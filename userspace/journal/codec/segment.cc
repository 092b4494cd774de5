#include "journal/codec/segment.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "journal/codec/file_header.h"
#include "journal/codec/little_endian.h"

namespace xdhcpd::journal {
namespace {

constexpr std::string_view kMagic = "xdhcpseg";

// Places in the header of a segment behind the common part.
constexpr std::size_t kPrevious = 40;
constexpr std::size_t kPreviousEnd = 48;
// Where the page has the header once more.
constexpr std::size_t kHeaderCopy = 2048;

// Places in the header of a group.
constexpr std::uint32_t kGroupMagic = 0x70726758;  // "Xgrp"
constexpr std::size_t kChecksum = 4;
constexpr std::size_t kGeneration = 8;
constexpr std::size_t kOffset = 16;
constexpr std::size_t kDurable = 24;
constexpr std::size_t kStamp = 32;
constexpr std::size_t kLen = 40;
constexpr std::size_t kCount = 44;

[[nodiscard]] constexpr std::uint64_t align_group(std::uint64_t len) noexcept {
    return (len + kGroupAlign - 1) / kGroupAlign * kGroupAlign;
}

[[nodiscard]] std::uint32_t checksum(ByteView header, Seed seed) noexcept {
    return crc32c(seed, header.subspan(kGeneration, kGroupHeaderLen - kGeneration));
}

// Records of a group are whole: as many as its header says and nothing but padding behind them.
// `group` is all of it.
[[nodiscard]] bool is_whole(ByteView group, std::uint32_t count, Seed seed) noexcept {
    ByteView rest = group.subspan(kGroupHeaderLen);
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto record = first_record(rest);
        if (!record || !is_intact(*record, seed) || !decode(*record)) {
            return false;
        }
        rest = rest.subspan(record->size());
    }
    return rest.size() < kGroupAlign && std::all_of(rest.begin(), rest.end(), [](std::byte byte) {
               return byte == std::byte{};
           });
}

void visit_records(ByteView group, std::uint32_t count,
                   const std::function<void(ByteView)>& visit) {
    ByteView rest = group.subspan(kGroupHeaderLen);
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto record = first_record(rest);
        visit(*record);
        rest = rest.subspan(record->size());
    }
}

// A group of the file that is whole and ends within it.
[[nodiscard]] std::optional<GroupHeader> whole_group(ByteView file, const SegmentHeader& segment,
                                                     std::uint64_t offset) noexcept {
    const auto header = decode_group_header(file.subspan(offset), segment, offset);
    if (!header || header->len > file.size() - offset ||
        !is_whole(file.subspan(offset, header->len), header->count, segment.seed())) {
        return std::nullopt;
    }
    return header;
}

[[nodiscard]] Result<SegmentHeader, Damage> decode_header_at(ByteView file, std::size_t at) {
    if (file.size() < kSegmentHeaderLen) {
        return Unexpected{Damage{file.size(), "file ends within its header"}};
    }
    const ByteView header = file.subspan(at, kFileHeaderLen);
    const auto common = take_file_header(header, kMagic, "segment");
    if (!common) {
        return Unexpected{common.error()};
    }
    return SegmentHeader{common->generation, common->salt,
                         load_le<std::uint64_t>(header.data() + kPrevious),
                         load_le<std::uint64_t>(header.data() + kPreviousEnd), common->stamp};
}

// Whatever was begun at or behind `offset`, where no whole group is.
struct Leftovers {
    std::uint64_t end;      // of the last
    std::uint64_t durable;  // the farthest that one of them names
};
[[nodiscard]] Leftovers look_behind(ByteView file, const SegmentHeader& segment,
                                    std::uint64_t offset) noexcept {
    Leftovers found{offset, 0};
    for (std::uint64_t at = offset; at < file.size(); at += kGroupAlign) {
        if (const auto header = decode_group_header(file.subspan(at), segment, at)) {
            found.end = std::min<std::uint64_t>(at + header->len, file.size());
            found.durable = std::max(found.durable, header->durable);
        }
    }
    return found;
}

}  // namespace

void encode(const SegmentHeader& header, MutableBytes out) noexcept {
    XD_ASSERT(out.size() == kSegmentHeaderLen);
    std::fill(out.begin(), out.end(), std::byte{});
    store_le(out.data() + kPrevious, header.previous);
    store_le(out.data() + kPreviousEnd, header.previous_end);
    put_file_header(out.first(kFileHeaderLen), kMagic,
                    {header.generation, header.salt, header.stamp});
    copy_bytes(out.data() + kHeaderCopy, out.first(kFileHeaderLen));
}

Result<SegmentHeader, Damage> decode_segment_header(ByteView file) {
    return decode_header_at(file, 0);
}

Result<SegmentHeader, Damage> decode_segment_header_copy(ByteView file) {
    return decode_header_at(file, kHeaderCopy);
}

std::optional<GroupHeader> decode_group_header(ByteView bytes, const SegmentHeader& segment,
                                               std::uint64_t offset) noexcept {
    if (bytes.size() < kGroupHeaderLen) {
        return std::nullopt;
    }
    const std::byte* const from = bytes.data();
    // These differ nearly always where there is no group, so the checksum is rarely computed.
    if (load_le<std::uint32_t>(from) != kGroupMagic ||
        load_le<std::uint64_t>(from + kGeneration) != segment.generation ||
        load_le<std::uint64_t>(from + kOffset) != offset ||
        load_le<std::uint32_t>(from + kChecksum) != checksum(bytes, segment.seed())) {
        return std::nullopt;
    }
    const GroupHeader header{
        offset, load_le<std::uint64_t>(from + kDurable), load_le<std::uint64_t>(from + kStamp),
        load_le<std::uint32_t>(from + kLen), load_le<std::uint32_t>(from + kCount)};
    const bool sane = header.len >= kGroupAlign && header.len <= kMaxGroupLen &&
                      header.len % kGroupAlign == 0 && header.durable <= offset;
    return sane ? std::optional{header} : std::nullopt;
}

GroupBuilder::GroupBuilder(std::size_t capacity) : bytes_(capacity) {
    XD_ASSERT(capacity % kGroupAlign == 0 && capacity <= kMaxGroupLen &&
              capacity >= kGroupHeaderLen + kMaxRecordLen);
}

void GroupBuilder::add(ByteView record) noexcept {
    XD_ASSERT(record.size() <= room());
    copy_bytes(bytes_.data() + used_, record);
    used_ += record.size();
    ++count_;
}

ByteView GroupBuilder::finish(const SegmentHeader& segment, const GroupHeader& header) noexcept {
    const MutableBytes group = MutableBytes{bytes_}.first(align_group(used_));
    const Seed seed = segment.seed();
    std::fill(group.begin() + static_cast<std::ptrdiff_t>(used_), group.end(), std::byte{});
    MutableBytes rest = group.subspan(kGroupHeaderLen);
    for (std::uint32_t i = 0; i < count_; ++i) {
        const std::size_t record_len = first_record(rest)->size();
        stamp(rest.first(record_len), seed);
        rest = rest.subspan(record_len);
    }
    std::byte* const to = group.data();
    std::memset(to, 0, kGroupHeaderLen);
    store_le(to, kGroupMagic);
    store_le(to + kGeneration, segment.generation);
    store_le(to + kOffset, header.offset);
    store_le(to + kDurable, header.durable);
    store_le(to + kStamp, header.stamp);
    store_le(to + kLen, static_cast<std::uint32_t>(group.size()));
    store_le(to + kCount, count_);
    store_le(to + kChecksum, checksum(group, seed));
    return group;
}

void GroupBuilder::clear() noexcept {
    used_ = kGroupHeaderLen;
    count_ = 0;
}

Result<SegmentScan, Damage> scan_segment(ByteView file, const SegmentHeader& header,
                                         std::optional<std::uint64_t> closed_at,
                                         const std::function<void(ByteView record)>& visit) {
    SegmentScan scan;
    scan.stamp = header.stamp;
    scan.durable = closed_at.value_or(kSegmentHeaderLen);
    const std::uint64_t limit =
        std::min<std::uint64_t>(closed_at.value_or(file.size()), file.size());
    const ByteView readable = file.first(limit);
    while (scan.end < limit) {
        const auto group = whole_group(readable, header, scan.end);
        if (!group) {
            break;
        }
        visit_records(readable.subspan(scan.end, group->len), group->count, visit);
        scan.end += group->len;
        scan.durable = std::max(scan.durable, group->durable);
        scan.stamp = std::max(scan.stamp, group->stamp);
        scan.records += group->count;
        ++scan.groups;
    }
    if (!closed_at) {
        const Leftovers leftovers = look_behind(file, header, scan.end);
        scan.durable = std::max(scan.durable, leftovers.durable);
        scan.cut_len = leftovers.end - scan.end;
    }
    if (scan.end < scan.durable) {
        return Unexpected{Damage{scan.end, "a group that was on stable storage is damaged"}};
    }
    return scan;
}

void read_groups(ByteView file, const SegmentHeader& header, std::uint64_t from, std::uint64_t to,
                 const std::function<void(ByteView record)>& visit) {
    const ByteView readable = file.first(std::min<std::uint64_t>(to, file.size()));
    while (from < readable.size()) {
        const auto group = whole_group(readable, header, from);
        if (!group) {
            return;
        }
        visit_records(readable.subspan(from, group->len), group->count, visit);
        from += group->len;
    }
}

void salvage_segment(ByteView file, const SegmentHeader& header, std::uint64_t end,
                     const std::function<void(ByteView record)>& visit) {
    ByteView rest = file.first(std::min<std::uint64_t>(end, file.size()));
    rest = rest.subspan(std::min(kSegmentHeaderLen, rest.size()));
    while (!rest.empty()) {
        const auto record = first_record(rest);
        if (record && is_intact(*record, header.seed()) && decode(*record)) {
            visit(*record);
            rest = rest.subspan(record->size());
        } else {
            rest = rest.subspan(std::min(kRecordAlign, rest.size()));
        }
    }
}

}  // namespace xdhcpd::journal
