// The result of a run, for programs and for people. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "tools/xdhcpgun/settings.h"
#include "tools/xdhcpgun/statistics.h"
#include "tools/xdhcpgun/wire.h"

namespace xdhcpd::gun {

struct RunFacts {
    std::string_view driver;
    double cpu_seconds = 0;
    WireLosses losses;
};

[[nodiscard]] nlohmann::json make_report(const Settings& settings, const Results& results,
                                         const RunFacts& facts);
[[nodiscard]] std::string page(const nlohmann::json& report);
// 0 or 1; xdhcpgun(8) says when.
[[nodiscard]] int exit_code(const Settings& settings, const Results& results);

}  // namespace xdhcpd::gun
