// options: maps of the configuration, to values in wire form. One load, one thread.
#pragma once

#include <optional>
#include <vector>

#include "config/reader.h"
#include "model/configuration.h"

namespace xdhcpd::config {

// The options of a map, in its order; what is wrong is reported and left out.
// Keys are names or numbers of the registry; a value is a scalar, a list, or
// {type: hex|text|ip|u8|u16|u32, value: scalar or list, always: true|false}.
[[nodiscard]] std::vector<model::OptionValue> read_options(const Reader& reader,
                                                           const Value& options);

// Likewise of DHCPv6; `ip` is an IPv6 address.
[[nodiscard]] std::vector<model::OptionValue6> read_options6(const Reader& reader,
                                                             const Value& options);

// The value of `code` in `options`, or null.
[[nodiscard]] const model::OptionValue* find_value(const std::vector<model::OptionValue>& options,
                                                   dhcp4::OptionCode code) noexcept;

}  // namespace xdhcpd::config
