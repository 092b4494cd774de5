// Configuration from a YAML text or from the command line, checked as a whole. Every mistake is
// reported in one run. Cold path: allocates; load_file() reads the file, the others touch nothing
// but their arguments. Any thread; no exception leaves.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/addresses.h"
#include "config/diagnostic.h"
#include "config/values.h"
#include "model/configuration.h"

namespace xdhcpd::config {

struct LoadResult {
    using Places = std::map<std::string, Place, std::less<>>;

    std::optional<model::Configuration> configuration;  // empty if and only if there is an error
    std::vector<Diagnostic> diagnostics;                // in the order of the text
    // Where the values of the keys of the root stand, of those that are there, and the elements of
    // lists there ("hooks[0]"); empty without a text.
    Places places;
};

// The file at `path`, at most 64 MiB; diagnostics carry `path` as it was given.
[[nodiscard]] LoadResult load_file(const std::string& path);

// The same from memory; `file_name` only names the text in diagnostics.
[[nodiscard]] LoadResult load_text(std::string_view yaml, std::string_view file_name);

// The options of a start without file, as typed; empty: not given.
struct QuickStart {
    std::string interface;       // required
    std::string range;           // required: "A-B" or "A/L"
    std::string router;          // option 3
    std::string dns;             // option 6, addresses separated by commas
    std::string subnet;          // empty: the longest of `interface_addresses` that holds the range
    std::string lease_time;      // duration
    std::string driver;          // as driver: in the file
    std::string control_socket;  // as control-socket:
    std::string http;            // as http:
    std::string log_level;       // as log: {level}
    std::string state_directory;  // as state-directory: with durability sync; empty: memory
};

// `interface_addresses` are the addresses of `options.interface` with their prefix lengths.
// Diagnostics have "command line" for a file, no line, and a message that begins with the option:
// "--range: ...".
[[nodiscard]] LoadResult from_quick_start(const QuickStart& options,
                                          std::span<const Ipv4Prefix> interface_addresses);

}  // namespace xdhcpd::config
