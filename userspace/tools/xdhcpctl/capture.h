// `xdhcpctl capture`: asks for a capture and writes it to a file or a pipe, or prints its packets,
// until it ends or a signal ends it. One thread.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "tools/xdhcpctl/client.h"

namespace xdhcpd::xdhcpctl {

struct CaptureArguments {
    std::string file;  // "-": standard output; empty: print packets
    std::string interface;
    std::string hw_address;
    bool dropped = false;
    std::uint64_t snaplen = 0;  // 0: whole frames
    std::uint64_t count = 0;    // 0: without end
    std::string duration;       // empty: without end
    bool as_json = false;
};

// Milliseconds of "500ms", "10s", "5m", "1h"; nothing for any other text, or for none at all.
[[nodiscard]] std::optional<std::uint64_t> parse_duration(std::string_view text);

// The request of the control protocol; nothing if the duration makes no sense.
[[nodiscard]] std::optional<nlohmann::json> capture_request(const CaptureArguments& arguments);

// Runs the capture. Returns the exit code; what went wrong has been printed.
[[nodiscard]] int run_capture(Client& client, const CaptureArguments& arguments);

}  // namespace xdhcpd::xdhcpctl
