// The file `clock` of a state directory: by how many seconds the wall clock differs from disk time.
// Text, since an operator may have to look at it:
//
//   xdhcpd clock 2
//   -86400 0a1b2c3d
//
// The second number is CRC32C, in hexadecimal, of all before the space in front of it. Format 1 has
// no checksum; it is read and not written any more.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace xdhcpd::journal {

// No clock is wrong by more, and sums of it cannot overflow; about 8,700 years.
inline constexpr std::int64_t kMaxClockDifference = std::int64_t{1} << 38;
// Of any form of the file.
inline constexpr std::size_t kMaxClockFileLen = 64;

enum class ClockFileError : std::uint8_t { kDamaged, kNewerFormat };
// "is damaged: ..."
[[nodiscard]] std::string_view to_text(ClockFileError error) noexcept;

[[nodiscard]] std::string encode_clock(std::int64_t difference);
[[nodiscard]] Result<std::int64_t, ClockFileError> decode_clock(std::string_view text);

}  // namespace xdhcpd::journal
