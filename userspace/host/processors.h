// How much of the machine this process may use: its CPU affinity (cpusets included) and the CPU
// quota of its control groups. Control thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace xdhcpd::host {

struct Processors {
    std::uint32_t allowed = 1;    // processors that this process may run on; 1 or more
    std::optional<double> quota;  // processors' worth of time that it gets; none: no limit
};

[[nodiscard]] Processors read_processors();

// The tightest cpu.max (cgroup v2) of a group and all above it. `cgroup_root` is where the
// hierarchy is mounted, `membership` the text of /proc/self/cgroup. None without a limit, and for
// version 1.
[[nodiscard]] std::optional<double> read_cpu_quota(const std::filesystem::path& cgroup_root,
                                                   std::string_view membership);

}  // namespace xdhcpd::host
