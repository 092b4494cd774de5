#include "daemon/log.h"

#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace xdhcpd::daemon {
namespace {

[[nodiscard]] spdlog::level::level_enum to_spdlog(model::LogLevel level) {
    switch (level) {
        case model::LogLevel::kDebug:
            return spdlog::level::debug;
        case model::LogLevel::kInfo:
            return spdlog::level::info;
        case model::LogLevel::kWarning:
            return spdlog::level::warn;
        case model::LogLevel::kError:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

// {"time":1700000000.123,"level":"info","message":"..."}: a message may hold any character.
class JsonFormatter final : public spdlog::formatter {
  public:
    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
        const std::chrono::duration<double> since_epoch = message.time.time_since_epoch();
        const auto level = spdlog::level::to_string_view(message.level);
        const nlohmann::ordered_json line = {
            {"time", since_epoch.count()},
            {"level", std::string{level.data(), level.size()}},
            {"message", std::string{message.payload.data(), message.payload.size()}}};
        const std::string text =
            line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
        out.append(text.data(), text.data() + text.size());
    }
    [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
        return std::make_unique<JsonFormatter>();
    }
};

}  // namespace

void set_up_log(const model::LogConfiguration& configuration) {
    auto logger = std::make_shared<spdlog::logger>(
        "xdhcpd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    if (configuration.format == model::LogFormat::kJson) {
        logger->set_formatter(std::make_unique<JsonFormatter>());
    } else {
        logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l: %v");
    }
    logger->set_level(to_spdlog(configuration.level));
    logger->flush_on(spdlog::level::debug);
    spdlog::set_default_logger(std::move(logger));
}

void log_line(model::LogLevel level, const std::string& line) {
    switch (level) {
        case model::LogLevel::kDebug:
            spdlog::debug("{}", line);
            break;
        case model::LogLevel::kInfo:
            spdlog::info("{}", line);
            break;
        case model::LogLevel::kWarning:
            spdlog::warn("{}", line);
            break;
        case model::LogLevel::kError:
            spdlog::error("{}", line);
            break;
    }
}

}  // namespace xdhcpd::daemon
