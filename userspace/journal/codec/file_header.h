// The first 64 bytes of segments and snapshots, alike in both. Pure.
//
//    0  magic       8
//    8  checksum    4   CRC32C of bytes 12..63
//   12  format      4
//   16  generation  8
//   24  salt        8
//   32  stamp       8   wall clock, Unix nanoseconds
//   40  the file's own
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "journal/codec/segment.h"

namespace xdhcpd::journal {

inline constexpr std::size_t kFileHeaderLen = 64;

struct FileHeader {
    std::uint64_t generation = 0;
    std::uint64_t salt = 0;
    std::uint64_t stamp = 0;
};

// `header` is kFileHeaderLen bytes, in which the file's own part has been written; `magic` is 8.
void put_file_header(MutableBytes header, std::string_view magic,
                     const FileHeader& common) noexcept;
// `kind` names the file in errors: "segment".
[[nodiscard]] Result<FileHeader, Damage> take_file_header(ByteView header, std::string_view magic,
                                                          std::string_view kind);

}  // namespace xdhcpd::journal
