// Judges HostFacts: what is good, what is worth knowing, what has to be mended and by which
// command. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "host/facts.h"

namespace xdhcpd::host {

struct Finding {
    enum class Level : std::uint8_t { kGood, kNote, kMend };

    Level level = Level::kGood;
    std::string subject;  // "host" or the name of an interface
    std::string topic;    // "kernel", "lro": one word
    std::string text;     // what is, and what that means
    std::string command;  // that mends it; empty when nothing is to be done
};
[[nodiscard]] std::string_view name_of(Finding::Level level) noexcept;

// One finding per topic at most; the host first, then its interfaces in their order.
[[nodiscard]] std::vector<Finding> judge(const HostFacts& facts);

}  // namespace xdhcpd::host
