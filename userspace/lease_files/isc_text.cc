#include "lease_files/isc_text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "lease_files/entry.h"
#include "lease_files/text.h"

namespace xdhcpd::lease_files {
namespace {

// "YYYY/MM/DD HH:MM:SS", the parts being two tokens.
[[nodiscard]] std::optional<std::int64_t> parse_moment(std::string_view date,
                                                       std::string_view time) {
    std::array<std::uint64_t, 6> parts{};
    std::size_t count = 0;
    for (const auto& [text, separator] : {std::pair{date, '/'}, std::pair{time, ':'}}) {
        std::string_view rest = text;
        for (int i = 0; i < 3; ++i) {
            const std::size_t end = i == 2 ? rest.size() : rest.find(separator);
            if (end == std::string_view::npos) {
                return std::nullopt;
            }
            const auto number = parse_number(rest.substr(0, end), 9999);
            if (!number) {
                return std::nullopt;
            }
            parts[count++] = *number;
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }
    const auto small = [&](std::size_t i) { return static_cast<unsigned>(parts[i]); };
    return from_calendar(
        {static_cast<std::int64_t>(parts[0]), small(1), small(2), small(3), small(4), small(5), 0});
}

}  // namespace

std::optional<std::vector<std::byte>> isc_bytes(const IscLexer::Token& token) {
    if (token.kind == IscLexer::Kind::kString) {
        const ByteView bytes = as_bytes(token.text);
        return std::vector<std::byte>{bytes.begin(), bytes.end()};
    }
    return token.text.find(':') == std::string::npos ? parse_bytes("0x" + token.text)
                                                     : parse_bytes(token.text);
}

std::optional<IscTime> isc_time(std::span<const IscLexer::Token> statement) {
    if (statement.size() == 2 && statement[1].is("never")) {
        return IscTime{};
    }
    std::optional<std::int64_t> time;
    if (statement.size() == 3 && statement[1].is("epoch")) {
        const auto number =
            parse_number(statement[2].text, static_cast<std::uint64_t>(Entry::kMaxTime));
        time = number ? std::optional{static_cast<std::int64_t>(*number)} : std::nullopt;
    } else if (statement.size() == 4) {
        time = parse_moment(statement[2].text, statement[3].text);
    }
    return time ? std::optional{IscTime{time}} : std::nullopt;
}

void append_isc_time(std::string_view name, std::optional<std::int64_t> time, std::string& out) {
    if (!time) {
        out += "  " + std::string{name} + " never;\n";
        return;
    }
    const CalendarTime at = to_calendar(*time);
    std::array<char, 64> buffer{};
    const int len = std::snprintf(
        buffer.data(), buffer.size(), " %u %04lld/%02u/%02u %02u:%02u:%02u;\n", at.weekday,
        static_cast<long long>(at.year), at.month, at.day, at.hour, at.minute, at.second);
    out += "  " + std::string{name};
    out.append(buffer.data(), static_cast<std::size_t>(len));
}

void append_isc_string(ByteView bytes, std::string& out) {
    out += '"';
    for (const std::byte byte : bytes) {
        const auto value = std::to_integer<unsigned>(byte);
        const char c = static_cast<char>(byte);
        if (c == '"' || c == '\\') {
            out += {'\\', c};
        } else if (' ' <= c && c <= '~') {
            out += c;
        } else {
            out +=
                {'\\', static_cast<char>('0' + (value >> 6)),
                 static_cast<char>('0' + (value >> 3 & 7)), static_cast<char>('0' + (value & 7))};
        }
    }
    out += '"';
}

}  // namespace xdhcpd::lease_files
