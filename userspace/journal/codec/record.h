// Record: a UnitState as bytes, the same in rings, segments and snapshots. 80..1024 bytes, a
// multiple of 16; the byte diagram is in journal/README.md. Its checksum is stamped by whoever
// writes it to a file, because only he knows the file. Pure.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "journal/codec/crc32c.h"
#include "journal/codec/little_endian.h"
#include "journal/codec/unit_state.h"

namespace xdhcpd::journal {

inline constexpr std::size_t kRecordAlign = 16;
inline constexpr std::size_t kMaxRecordLen = 1024;

// Places in a record. The key is 18 bytes in the order of UnitKey, so that memcmp orders records.
namespace record_layout {
inline constexpr std::size_t kChecksum = 0;
inline constexpr std::size_t kLen = 4;
inline constexpr std::size_t kKey = 6;
inline constexpr std::size_t kKeyLen = 18;
inline constexpr std::size_t kVersion = 24;
inline constexpr std::size_t kLastXid = 28;
inline constexpr std::size_t kExpiry = 32;
inline constexpr std::size_t kToldExpiry = 40;
inline constexpr std::size_t kStarted = 48;
inline constexpr std::size_t kStatus = 56;
inline constexpr std::size_t kFlags = 57;
inline constexpr std::size_t kHwType = 58;
inline constexpr std::size_t kHwLen = 59;
inline constexpr std::size_t kSectionsLen = 60;
inline constexpr std::size_t kMac = 62;
inline constexpr std::size_t kSections = 68;
inline constexpr std::size_t kSectionHeaderLen = 3;  // type, length in two bytes
}  // namespace record_layout

[[nodiscard]] constexpr std::size_t align_record(std::size_t len) noexcept {
    return (len + kRecordAlign - 1) / kRecordAlign * kRecordAlign;
}
inline constexpr std::size_t kMinRecordLen = align_record(record_layout::kSections);
// The longest that encode() makes; the rest up to kMaxRecordLen is for sections to come.
inline constexpr std::size_t kMaxEncodedLen =
    align_record(record_layout::kSections + 3 * record_layout::kSectionHeaderLen + kMaxIdentityLen +
                 kMaxHostnameLen + kMaxRelayInformationLen);
static_assert(kMaxEncodedLen <= kMaxRecordLen);

enum class RecordError : std::uint8_t {
    kTruncated,    // the bytes end before the record
    kBadLength,    // shorter or longer than a record can be, or not a multiple of 16
    kBadChecksum,  // changed since it was stamped, or stamped for another file
    kBadKey,       // names no unit
    kBadStatus,
    kBadSection,  // runs over the end, or is longer than such a section can be
};
[[nodiscard]] const char* to_text(RecordError error) noexcept;

[[nodiscard]] std::size_t encoded_len(const UnitState& state) noexcept;
// Writes the record to the start of `out`, without checksum, and returns its length. Requires
// state.fits() and room for encoded_len(state), which is at most kMaxEncodedLen.
std::size_t encode(const UnitState& state, MutableBytes out) noexcept;
// What encode() wrote; the views point into `record`. Does not look at the checksum. Sections of
// unknown type are passed over.
[[nodiscard]] Result<UnitState, RecordError> decode(ByteView record) noexcept;

// The record at the start of `bytes`, by its length alone.
[[nodiscard]] Result<ByteView, RecordError> first_record(ByteView bytes) noexcept;

// `record` is what first_record() or encode() delimited.
void stamp(MutableBytes record, Seed seed) noexcept;
[[nodiscard]] bool is_intact(ByteView record, Seed seed) noexcept;

[[nodiscard]] inline ByteView key_of(ByteView record) noexcept {
    return record.subspan(record_layout::kKey, record_layout::kKeyLen);
}
[[nodiscard]] inline std::uint32_t version_of(ByteView record) noexcept {
    return load_le<std::uint32_t>(record.data() + record_layout::kVersion);
}
// Of the keys, as memcmp.
[[nodiscard]] inline int compare_keys(ByteView a, ByteView b) noexcept {
    return std::memcmp(a.data() + record_layout::kKey, b.data() + record_layout::kKey,
                       record_layout::kKeyLen);
}
// Whether `a` replaces `b`, both of one unit: by version; two of the same version are the same
// state written twice, and should they differ after all, the order of their bytes decides, so that
// any order of files gives one result.
[[nodiscard]] bool is_newer(ByteView a, ByteView b) noexcept;

}  // namespace xdhcpd::journal
