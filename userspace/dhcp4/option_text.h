// Option values as people write and read them. Cold path (configuration, decoder, logs): allocates.
// Pure functions; any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "dhcp4/options.h"

namespace xdhcpd::dhcp4 {

// Bytes of an option's value from text, one element per value of a list:
//   addresses "192.0.2.1", pairs "198.51.100.0 192.0.2.1", classless routes "198.51.100.0/24
//   192.0.2.1" (also with " - " between), flags "true"/"false", seconds "3600", "90s", "15m",
//   "12h", "7d" or "infinite", bytes "0x0102" or "01:02", sub-options "1=0x0102", "1=192.0.2.1" or
//   bytes, option codes by number or name, names "example.org".
// Does not ask whether the option is configurable. The error is a sentence: "routers wants IPv4
// addresses, got 'foo'".
[[nodiscard]] Result<std::vector<std::byte>, std::string> encode_option(
    const OptionInfo& option, std::span<const std::string> values);

// The value for people, list elements joined by ", "; what encode_option() accepts, where that is
// possible. A value that does not have its option's shape is printed as hexadecimal. Output has no
// control characters.
[[nodiscard]] std::string format_option(OptionCode code, ByteView value);

}  // namespace xdhcpd::dhcp4
