// Error: the environment refused something (system call, file, configuration). Cold path, may
// allocate.
#pragma once

#include <string>

#include "base/result.h"

namespace xdhcpd {

struct Error {
    int errno_value = 0;  // 0 when no system call was involved
    std::string message;  // a sentence that names the object: "bind eth0 queue 3: device busy"
};

// "<what>: <text of errno_value>", for `return Unexpected{system_error(errno, "bind eth0 queue
// 3")};`
[[nodiscard]] Error system_error(int errno_value, std::string what);

}  // namespace xdhcpd
