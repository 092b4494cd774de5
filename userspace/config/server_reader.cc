#include "config/server_reader.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/addresses.h"
#include "config/limits.h"
#include "config/values.h"

namespace xdhcpd::config {
namespace {

constexpr std::size_t kMaxSocketPathLen = 107;  // sun_path less its NUL
constexpr std::size_t kMaxDirectoryLen = 3072;  // PATH_MAX, less room for the names of files
constexpr std::uint16_t kServerPort = 67;       // RFC 2131 section 4.1
constexpr std::uint16_t kClientPort = 68;
constexpr std::uint16_t kServerPort6 = 547;  // RFC 8415 section 7.2
constexpr std::uint16_t kClientPort6 = 546;

using model::Driver;
using model::LogFormat;
using model::LogLevel;

constexpr Choice<LogLevel> kLogLevels[] = {{"debug", LogLevel::kDebug},
                                           {"info", LogLevel::kInfo},
                                           {"warning", LogLevel::kWarning},
                                           {"error", LogLevel::kError}};
constexpr Choice<model::Durability> kDurabilities[] = {{"sync", model::Durability::kSync},
                                                       {"async", model::Durability::kAsync},
                                                       {"memory", model::Durability::kMemory}};
constexpr Choice<LogFormat> kLogFormats[] = {{"text", LogFormat::kText},
                                             {"json", LogFormat::kJson}};

}  // namespace

void read_log(const Reader& reader, const Value& value, model::Configuration& configuration) {
    constexpr std::array<std::string_view, 2> kKeys{"level", "format"};
    const MapReader map{reader, value, kKeys};
    model::LogConfiguration& log = configuration.log;
    if (const auto member = map.find("level")) {
        log.level = reader.choice(*member, kLogLevels).value_or(log.level);
    }
    if (const auto member = map.find("format")) {
        log.format = reader.choice(*member, kLogFormats).value_or(log.format);
    }
}

void read_control_socket(const Reader& reader, const Value& value,
                         model::Configuration& configuration) {
    const auto path = reader.text(value, kMaxSocketPathLen);
    if (!path) {
        return;
    }
    if (path->front() != '/' || path->back() == '/') {
        reader.error(value, in_quotes(*path) + " is not an absolute path of a socket, such as " +
                                configuration.control_socket);
        return;
    }
    configuration.control_socket = *path;
}

void read_http(const Reader& reader, const Value& value, model::Configuration& configuration) {
    constexpr std::string_view kMeant =
        "ADDRESS:PORT such as 127.0.0.1:9767 or [::1]:9767, or off, was meant";
    if (value.node->kind != Node::Kind::kScalar) {
        reader.error(value, kMeant);
        return;
    }
    const std::string_view text = value.node->text;
    if (text == "off") {
        configuration.http.clear();
        return;
    }
    const std::size_t colon = text.rfind(':');
    const std::string_view host = text.substr(0, colon == std::string_view::npos ? 0 : colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    const bool good_host = bracketed ? parse_ipv6(host.substr(1, host.size() - 2)).has_value()
                                     : parse_ipv4(host).has_value();
    const auto port = parse_number(text.substr(std::min(colon, text.size() - 1) + 1), 0xffff);
    if (colon == std::string_view::npos || !good_host || !port || *port == 0) {
        reader.error(value,
                     in_quotes(text) + " is not an address and port; " + std::string{kMeant});
        return;
    }
    configuration.http = text;
}

void read_ports(const Reader& reader, const Value& value, const PlacedInterfaces& interfaces,
                model::Configuration& configuration) {
    constexpr std::array<std::string_view, 5> kKeys{"server", "client", "reply-to-source",
                                                    "server6", "client6"};
    const MapReader map{reader, value, kKeys};
    const auto udp_only = [&](const Value& member, std::string_view what) {
        const bool all_udp = std::ranges::all_of(
            interfaces, [](const auto& entry) { return entry.second.driver == Driver::kUdp; });
        if (!all_udp) {
            reader.error(member, std::string{what} +
                                     " needs driver udp on every interface; leave it out, or set "
                                     "driver: udp");
        }
    };
    const auto read_port = [&](std::string_view key, std::uint16_t standard) {
        const auto member = map.find(key);
        const auto port = member ? reader.number(*member, 1, 0xffff) : std::nullopt;
        if (!port) {
            return standard;
        }
        if (*port != standard) {
            udp_only(*member, "a port other than " + std::to_string(standard));
        }
        return static_cast<std::uint16_t>(*port);
    };
    model::PortConfiguration& ports = configuration.ports;
    ports.server = read_port("server", kServerPort);
    ports.client = read_port("client", kClientPort);
    ports.server6 = read_port("server6", kServerPort6);
    ports.client6 = read_port("client6", kClientPort6);
    if (const auto member = map.find("reply-to-source")) {
        ports.reply_to_source = reader.boolean(*member).value_or(false);
        if (ports.reply_to_source) {
            udp_only(*member, "true");
        }
    }
}

void read_workers(const Reader& reader, const Value& value, model::Configuration& configuration) {
    if (value.node->kind == Node::Kind::kScalar && value.node->text == "auto") {
        configuration.workers.reset();
    } else {
        configuration.workers = reader.number(value, 1, kMaxWorkers, " or auto");
    }
}

void read_durability(const Reader& reader, const Value& value,
                     model::Configuration& configuration) {
    configuration.durability =
        reader.choice(value, kDurabilities).value_or(configuration.durability);
}

void read_state_directory(const Reader& reader, const Value& value,
                          model::Configuration& configuration) {
    const auto path = reader.text(value, kMaxDirectoryLen);
    if (!path) {
        return;
    }
    if (path->front() != '/') {
        reader.error(value, in_quotes(*path) + " is not an absolute path of a directory, such as " +
                                configuration.state_directory);
        return;
    }
    if (configuration.durability == model::Durability::kMemory) {
        reader.warning(value, "durability is memory: nothing is kept there");
    }
    configuration.state_directory = *path;
}

}  // namespace xdhcpd::config
