// The server's log: text for people or one JSON object per line, on standard error. Never called
// per packet.
#pragma once

#include <spdlog/spdlog.h>

#include <string>

#include "model/configuration.h"

namespace xdhcpd::daemon {

// Makes the default logger of spdlog what the configuration says. Any thread may log afterwards.
void set_up_log(const model::LogConfiguration& configuration);

void log_line(model::LogLevel level, const std::string& line);

}  // namespace xdhcpd::daemon
