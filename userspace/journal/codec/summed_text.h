// Text of a small file of a state directory with CRC32C of it in its last line:
//
//   ...
//   crc32c 0a1b2c3d
//
// so that what a disk or an editor has changed is noticed. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace xdhcpd::journal {

// `text` consists of whole lines.
[[nodiscard]] std::string add_sum(std::string text);
// The lines before the last one; nothing if that is no checksum, or not theirs.
[[nodiscard]] std::optional<std::string_view> without_sum(std::string_view file) noexcept;

}  // namespace xdhcpd::journal
