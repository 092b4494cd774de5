// What names clients in reservations of either protocol. One load, one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/addresses.h"
#include "config/reader.h"

namespace xdhcpd::config {

// 'abc' in quotes of its own, inside those of YAML: the bytes between them.
[[nodiscard]] std::optional<std::vector<std::byte>> parse_quoted_text(std::string_view text);

// The address of a client; what is none is reported. `text` is that of `value`.
[[nodiscard]] std::optional<Mac> read_hw_address(const Reader& reader, const Value& value,
                                                 std::string_view text);

// Relays name circuits in text mostly, so that is what stands here without a mark; 0x is
// hexadecimal.
[[nodiscard]] std::optional<std::vector<std::byte>> read_relay_text(const Reader& reader,
                                                                    const Value& value,
                                                                    std::string_view text);

// Empty, or reported, if it is none.
[[nodiscard]] std::string read_hostname(const Reader& reader, const Value& value);

}  // namespace xdhcpd::config
