// Option values as people write and read them. Cold path (configuration, decoder, logs): allocates.
// Pure functions; any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "dhcp6/options.h"

namespace xdhcpd::dhcp6 {

// Bytes of an option's value from text, one element per value of a list:
//   addresses "2001:db8::1", numbers, seconds "3600", "90s", "15m", "12h", "7d" or "infinite",
//   names "example.org", texts as they are, option codes by number or name, options "1=0x0102",
//   "1=2001:db8::1" or bytes, bytes "0x0102" or "01:02"; of vendor options and classes the
//   enterprise number first, then options or texts; of time servers addresses, groups and names.
//   What only people read (IAs, status codes and their like) is taken as bytes.
// An option above the registry is bytes. Does not ask whether the option is configurable. The error
// is a sentence: "dns-servers wants IPv6 addresses, got 'foo'".
[[nodiscard]] Result<std::vector<std::byte>, std::string> encode_option(
    OptionCode code, std::span<const std::string> values);

// The value for people, list elements joined by ", "; what encode_option() accepts, where that is
// possible. A value that does not have its option's shape is printed as hexadecimal. Output has no
// control characters.
[[nodiscard]] std::string format_option(OptionCode code, ByteView value);

}  // namespace xdhcpd::dhcp6
