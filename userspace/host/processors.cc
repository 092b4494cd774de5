#include "host/processors.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

namespace xdhcpd::host {
namespace {

namespace fs = std::filesystem;

// "MAX PERIOD" in microseconds, or "max PERIOD" for no limit.
[[nodiscard]] std::optional<double> read_cpu_max(const fs::path& group) {
    std::ifstream file{group / "cpu.max"};
    double quota = 0;
    double period = 0;
    if (!(file >> quota >> period) || quota <= 0 || period <= 0) {
        return std::nullopt;
    }
    return quota / period;
}

// The group of the unified hierarchy: the line "0::/path".
[[nodiscard]] std::optional<std::string> unified_group(std::string_view membership) {
    constexpr std::string_view kUnified = "0::/";
    std::istringstream lines{std::string{membership}};
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(kUnified)) {
            return line.substr(kUnified.size());
        }
    }
    return std::nullopt;
}

[[nodiscard]] std::uint32_t count_allowed() {
    // Sets larger than the usual one are for machines with more than 1024 processors.
    constexpr std::array<std::size_t, 3> kSizes{1024, 8192, 65536};
    for (const std::size_t size : kSizes) {
        cpu_set_t* const set = CPU_ALLOC(size);
        if (set == nullptr) {
            break;
        }
        const std::size_t len = CPU_ALLOC_SIZE(size);
        const bool is_read = sched_getaffinity(0, len, set) == 0;
        const int count = is_read ? CPU_COUNT_S(len, set) : 0;
        CPU_FREE(set);
        if (is_read) {
            return static_cast<std::uint32_t>(std::max(count, 1));
        }
    }
    return std::max(std::thread::hardware_concurrency(), 1u);
}

}  // namespace

Processors read_processors() {
    std::ifstream file{"/proc/self/cgroup"};
    std::stringstream membership;
    membership << file.rdbuf();
    return {count_allowed(), read_cpu_quota("/sys/fs/cgroup", membership.str())};
}

std::optional<double> read_cpu_quota(const fs::path& cgroup_root, std::string_view membership) {
    const auto group = unified_group(membership);
    if (!group) {
        return std::nullopt;
    }
    std::optional<double> tightest;
    fs::path path = *group;
    for (;;) {
        if (const auto quota = read_cpu_max(cgroup_root / path)) {
            tightest = std::min(tightest.value_or(*quota), *quota);
        }
        if (path.empty()) {
            return tightest;
        }
        path = path.parent_path();
    }
}

}  // namespace xdhcpd::host
