// The command line of a start without file, as the tree of the file that it stands for. One load,
// one thread.
#pragma once

#include <span>
#include <string_view>

#include "base/addresses.h"
#include "config/diagnostic.h"
#include "config/load.h"
#include "model/configuration.h"

namespace xdhcpd::config {

// What a place of the command line stands for, for the Reporter: "--range" and so on.
[[nodiscard]] std::span<const std::string_view> quick_start_option_names() noexcept;

// See from_quick_start(), which this is without the reporter.
[[nodiscard]] model::Configuration read_quick_start(
    Reporter& reporter, const QuickStart& options, std::span<const Ipv4Prefix> interface_addresses);

}  // namespace xdhcpd::config
