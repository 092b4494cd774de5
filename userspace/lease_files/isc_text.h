// Values as files of ISC dhcpd have them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "lease_files/isc_lexer.h"

namespace xdhcpd::lease_files {

// Text between quotes, or hexadecimal bytes between colons.
[[nodiscard]] std::optional<std::vector<std::byte>> isc_bytes(const IscLexer::Token& token);

// A time, or never.
struct IscTime {
    std::optional<std::int64_t> at;
};
// Of "ends 3 2026/11/25 08:30:00", "ends epoch 1767225600" or "ends never", all of the statement.
[[nodiscard]] std::optional<IscTime> isc_time(std::span<const IscLexer::Token> statement);

// "  ends 3 2026/11/25 08:30:00;" and a newline.
void append_isc_time(std::string_view name, std::optional<std::int64_t> time, std::string& out);
// Between quotes; what is not printable as three octal digits.
void append_isc_string(ByteView bytes, std::string& out);

}  // namespace xdhcpd::lease_files
