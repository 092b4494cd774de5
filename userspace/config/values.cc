#include "config/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace xdhcpd::config {
namespace {

constexpr std::size_t kMaxQuotedLen = 64;
// Longer words are nobody's misspelling of a key; the limit also bounds the edit distance's work.
constexpr std::size_t kMaxWordLen = 48;

bool is_digit(char character) {
    return character >= '0' && character <= '9';
}

std::size_t digit_count(std::string_view text) {
    std::size_t count = 0;
    while (count < text.size() && is_digit(text[count])) {
        ++count;
    }
    return count;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') {
        text.remove_prefix(1);
    }
    while (!text.empty() && text.back() == ' ') {
        text.remove_suffix(1);
    }
    return text;
}

std::optional<std::byte> parse_hex_pair(std::string_view text) {
    std::uint8_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (text.size() != 2 || error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return std::byte{value};
}

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

// A number and one of `units`, the product at most `max`.
std::optional<std::uint64_t> parse_quantity(std::string_view text, std::span<const Unit> units,
                                            std::uint64_t max) {
    const std::size_t digits = digit_count(text);
    const auto number = parse_number(text.substr(0, digits), max);
    const auto unit = std::ranges::find(units, text.substr(digits), &Unit::name);
    if (!number || unit == units.end() || *number > max / unit->factor) {
        return std::nullopt;
    }
    return *number * unit->factor;
}

// Optimal string alignment distance of words of at most kMaxWordLen bytes.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    using Row = std::array<std::size_t, kMaxWordLen + 1>;
    Row before_last{};
    Row last{};
    Row current{};
    for (std::size_t j = 0; j <= b.size(); ++j) {
        last[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        current[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            current[j] = std::min({replace, last[j] + 1, current[j - 1] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                current[j] = std::min(current[j], before_last[j - 2] + 1);
            }
        }
        before_last = last;
        last = current;
    }
    return last[b.size()];
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool leading_zero = text.size() > 1 && text.front() == '0';
    if (text.empty() || leading_zero || error != std::errc{} || end != text.data() + text.size() ||
        value > max) {
        return std::nullopt;
    }
    return value;
}

std::optional<std::uint32_t> parse_duration(std::string_view text) {
    constexpr std::array<Unit, 6> kUnits{
        {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}}};
    if (text == "infinite") {
        return kInfinite;
    }
    const auto value = parse_quantity(text, kUnits, kInfinite - 1);
    if (!value) {
        return std::nullopt;
    }
    return static_cast<std::uint32_t>(*value);
}

std::optional<std::uint32_t> parse_milliseconds(std::string_view text) {
    constexpr std::array<Unit, 5> kUnits{
        {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}}};
    const auto value = parse_quantity(text, kUnits, kInfinite - 1);
    return value ? std::optional{static_cast<std::uint32_t>(*value)} : std::nullopt;
}

std::optional<std::uint64_t> parse_instant(std::string_view text) {
    constexpr std::string_view kShape = "0000-00-00T00:00:00Z";
    constexpr std::size_t kDateLen = 10;
    if (const auto number = parse_number(text, ~std::uint64_t{0})) {
        return number;
    }
    if (text.size() != kShape.size() && text.size() != kDateLen) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (kShape[i] == '0' ? !is_digit(text[i]) : text[i] != kShape[i]) {
            return std::nullopt;
        }
    }
    const auto part = [text](std::size_t at, std::size_t len) {
        unsigned value = 0;
        std::from_chars(text.data() + at, text.data() + at + len, value);
        return value;
    };
    const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(part(0, 4))},
                                           std::chrono::month{part(5, 2)},
                                           std::chrono::day{part(8, 2)}};
    const bool has_time = text.size() > kDateLen;
    const unsigned hours = has_time ? part(11, 2) : 0;
    const unsigned minutes = has_time ? part(14, 2) : 0;
    const unsigned seconds = has_time ? part(17, 2) : 0;
    if (!date.ok() || hours > 23 || minutes > 59 || seconds > 59 ||
        date.year() < std::chrono::year{1970}) {
        return std::nullopt;
    }
    const std::chrono::seconds since{std::chrono::sys_days{date}.time_since_epoch()};
    return static_cast<std::uint64_t>(since.count()) + hours * std::uint64_t{3600} +
           minutes * std::uint64_t{60} + seconds;
}

std::optional<Rate> parse_rate(std::string_view text) {
    constexpr std::array<Unit, 3> kPeriods{{{"/s", 1}, {"/m", 60}, {"/h", 3600}}};
    const std::size_t digits = digit_count(text);
    const auto count = parse_number(text.substr(0, digits), ~std::uint64_t{0});
    const auto period = std::ranges::find(kPeriods, text.substr(digits), &Unit::name);
    if (!count || period == kPeriods.end()) {
        return std::nullopt;
    }
    return Rate{*count, static_cast<std::uint32_t>(period->factor)};
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
    constexpr std::array<Unit, 4> kUnits{{{"", 1},
                                          {"KiB", std::uint64_t{1} << 10},
                                          {"MiB", std::uint64_t{1} << 20},
                                          {"GiB", std::uint64_t{1} << 30}}};
    return parse_quantity(text, kUnits, std::uint64_t{1} << 62);
}

std::optional<AddressRange> parse_range(std::string_view text) {
    const std::size_t hyphen = text.find('-');
    if (hyphen == std::string_view::npos) {
        return std::nullopt;
    }
    const auto first = parse_ipv4(trimmed(text.substr(0, hyphen)));
    const auto last = parse_ipv4(trimmed(text.substr(hyphen + 1)));
    if (!first || !last) {
        return std::nullopt;
    }
    return AddressRange{*first, *last};
}

std::optional<AddressRange6> parse_range6(std::string_view text) {
    const std::size_t hyphen = text.find('-');
    if (hyphen == std::string_view::npos) {
        return std::nullopt;
    }
    const auto first = parse_ipv6(trimmed(text.substr(0, hyphen)));
    const auto last = parse_ipv6(trimmed(text.substr(hyphen + 1)));
    if (!first || !last) {
        return std::nullopt;
    }
    return AddressRange6{*first, *last};
}

std::optional<std::vector<std::byte>> parse_hex(std::string_view text) {
    const bool prefixed = text.starts_with("0x") || text.starts_with("0X");
    const std::size_t step = prefixed ? 2 : 3;
    if (prefixed) {
        text.remove_prefix(2);
    }
    const char separator = !prefixed && text.size() > 2 ? text[2] : ':';
    if (text.size() < 2 || (text.size() + (prefixed ? 0 : 1)) % step != 0 ||
        (separator != ':' && separator != '-')) {
        return std::nullopt;
    }
    std::vector<std::byte> bytes;
    bytes.reserve(text.size() / step + 1);
    for (std::size_t at = 0; at < text.size(); at += step) {
        const auto byte = parse_hex_pair(text.substr(at, 2));
        const bool separated = prefixed || at + 2 == text.size() || text[at + 2] == separator;
        if (!byte || !separated) {
            return std::nullopt;
        }
        bytes.push_back(*byte);
    }
    return bytes;
}

std::string to_string(AddressRange range) {
    return xdhcpd::to_string(range.first) + "-" + xdhcpd::to_string(range.last);
}

std::string to_string(const AddressRange6& range) {
    return xdhcpd::to_string(range.first) + "-" + xdhcpd::to_string(range.last);
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
    std::string_view best;
    std::size_t best_distance = word.size() / 3 + 2;  // too far
    for (const std::string_view candidate : candidates) {
        if (word.size() > kMaxWordLen || candidate.size() > kMaxWordLen) {
            continue;
        }
        const std::size_t distance = edit_distance(word, candidate);
        if (distance < best_distance && distance < candidate.size()) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

std::string in_quotes(std::string_view text) {
    std::size_t len = std::min(text.size(), kMaxQuotedLen);
    while (len < text.size() && len > 0 && (static_cast<unsigned char>(text[len]) & 0xc0) == 0x80) {
        --len;  // not in the middle of a character
    }
    std::string result = "'";
    for (const char character : text.substr(0, len)) {
        const auto code = static_cast<unsigned char>(character);
        if (code < 0x20 || code == 0x7f) {
            result += "\\x";
            result += to_hex(as_bytes({&character, 1}));
        } else {
            result += character;
        }
    }
    return result + (len < text.size() ? "...'" : "'");
}

}  // namespace xdhcpd::config
