#include "lease_files/text.h"

#include <charconv>
#include <chrono>

namespace xdhcpd::lease_files {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";
constexpr std::uint16_t kMaxVlanId = 4094;

[[nodiscard]] std::optional<unsigned> hex_digit(char c) noexcept {
    if ('0' <= c && c <= '9') {
        return c - '0';
    }
    if ('a' <= c && c <= 'f') {
        return c - 'a' + 10;
    }
    if ('A' <= c && c <= 'F') {
        return c - 'A' + 10;
    }
    return std::nullopt;
}

[[nodiscard]] std::optional<std::byte> hex_pair(std::string_view text) noexcept {
    const auto high = hex_digit(text[0]);
    const auto low = hex_digit(text[1]);
    if (!high || !low) {
        return std::nullopt;
    }
    return static_cast<std::byte>(*high << 4 | *low);
}

// Groups of one or two digits between separators.
[[nodiscard]] std::optional<std::vector<std::byte>> parse_groups(std::string_view text,
                                                                 char separator) {
    std::vector<std::byte> bytes;
    while (true) {
        const std::string_view group = text.substr(0, text.find(separator));
        if (group.empty() || group.size() > 2) {
            return std::nullopt;
        }
        const auto byte =
            hex_pair(group.size() == 2 ? std::string{group} : "0" + std::string{group});
        if (!byte) {
            return std::nullopt;
        }
        bytes.push_back(*byte);
        if (group.size() == text.size()) {
            return bytes;
        }
        text.remove_prefix(group.size() + 1);
    }
}

}  // namespace

std::string escape(ByteView bytes) {
    std::string text;
    for (const std::byte byte : bytes) {
        const auto value = std::to_integer<unsigned>(byte);
        if (value == '\\') {
            text += "\\\\";
        } else if (value >= ' ' && value <= '~') {
            text += static_cast<char>(value);
        } else {
            text += {'\\', 'x', kHexDigits[value >> 4], kHexDigits[value & 0xf]};
        }
    }
    return text;
}

std::optional<std::vector<std::byte>> unescape(std::string_view text) {
    constexpr std::size_t kEscapeLen = 4;  // \xff
    std::vector<std::byte> bytes;
    while (!text.empty()) {
        if (text.front() != '\\') {
            bytes.push_back(static_cast<std::byte>(text.front()));
            text.remove_prefix(1);
        } else if (text.starts_with("\\\\")) {
            bytes.push_back(std::byte{'\\'});
            text.remove_prefix(2);
        } else {
            const auto byte = text.size() >= kEscapeLen && text[1] == 'x' ? hex_pair(text.substr(2))
                                                                          : std::nullopt;
            if (!byte) {
                return std::nullopt;
            }
            bytes.push_back(*byte);
            text.remove_prefix(kEscapeLen);
        }
    }
    return bytes;
}

std::optional<std::vector<std::byte>> parse_bytes(std::string_view text) {
    std::vector<std::byte> bytes;
    if (text.empty()) {
        return bytes;
    }
    for (const char separator : {':', '-'}) {
        if (text.find(separator) != std::string_view::npos) {
            return parse_groups(text, separator);
        }
    }
    if (text.starts_with("0x") || text.starts_with("0X")) {
        text.remove_prefix(2);
    }
    if (text.empty() || text.size() % 2 != 0) {
        return std::nullopt;
    }
    for (; !text.empty(); text.remove_prefix(2)) {
        const auto byte = hex_pair(text);
        if (!byte) {
            return std::nullopt;
        }
        bytes.push_back(*byte);
    }
    return bytes;
}

std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > max) {
        return std::nullopt;
    }
    return value;
}

std::string to_string(Vlan vlan) {
    return std::to_string(vlan.outer) + (vlan.inner == 0 ? "" : "." + std::to_string(vlan.inner));
}

std::optional<Vlan> parse_vlan(std::string_view text) {
    const std::size_t dot = text.find('.');
    const auto outer = parse_number(text.substr(0, dot), kMaxVlanId);
    const auto inner = dot == std::string_view::npos
                           ? std::optional<std::uint64_t>{0}
                           : parse_number(text.substr(dot + 1), kMaxVlanId);
    if (!outer || !inner || *outer == 0 || (dot != std::string_view::npos && *inner == 0)) {
        return std::nullopt;
    }
    return Vlan{static_cast<std::uint16_t>(*outer), static_cast<std::uint16_t>(*inner)};
}

CalendarTime to_calendar(std::int64_t unix_seconds) {
    using namespace std::chrono;
    const sys_seconds moment{seconds{unix_seconds}};
    const auto midnight = floor<days>(moment);
    const year_month_day date{midnight};
    const hh_mm_ss time{moment - midnight};
    return {.year = static_cast<int>(date.year()),
            .month = static_cast<unsigned>(date.month()),
            .day = static_cast<unsigned>(date.day()),
            .hour = static_cast<unsigned>(time.hours().count()),
            .minute = static_cast<unsigned>(time.minutes().count()),
            .second = static_cast<unsigned>(time.seconds().count()),
            .weekday = weekday{midnight}.c_encoding()};
}

std::optional<std::int64_t> from_calendar(const CalendarTime& time) {
    using namespace std::chrono;
    constexpr std::int64_t kFirstYear = 1970;
    constexpr std::int64_t kLastYear = 9999;
    if (time.year < kFirstYear || time.year > kLastYear) {
        return std::nullopt;
    }
    const year_month_day date{year{static_cast<int>(time.year)}, month{time.month}, day{time.day}};
    if (!date.ok() || time.hour > 23 || time.minute > 59 || time.second > 59) {
        return std::nullopt;
    }
    const sys_seconds moment =
        sys_days{date} + hours{time.hour} + minutes{time.minute} + seconds{time.second};
    return moment.time_since_epoch().count();
}

std::string quote(std::string_view text) {
    constexpr std::size_t kShownLen = 40;
    const bool is_cut = text.size() > kShownLen;
    return "'" + escape(as_bytes(text.substr(0, kShownLen))) + (is_cut ? "...'" : "'");
}

}  // namespace xdhcpd::lease_files
