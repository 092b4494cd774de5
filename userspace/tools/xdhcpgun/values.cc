#include "tools/xdhcpgun/values.h"

#include <array>
#include <charconv>
#include <cmath>
#include <tuple>
#include <utility>

namespace xdhcpd::gun {
namespace {

template <typename Number>
[[nodiscard]] std::optional<Number> parse_number(std::string_view text, Number first, Number last) {
    Number number = 0;
    const char* const end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, number);
    const bool whole = result.ec == std::errc{} && result.ptr == end && !text.empty();
    return whole && number >= first && number <= last ? std::optional{number} : std::nullopt;
}

// Calls visit(part) for the parts between commas; false as soon as it says so.
template <typename Visit>
[[nodiscard]] bool for_each_part(std::string_view text, Visit&& visit) {
    while (true) {
        const std::size_t comma = text.find(',');
        if (!visit(text.substr(0, comma))) {
            return false;
        }
        if (comma == std::string_view::npos) {
            return true;
        }
        text.remove_prefix(comma + 1);
    }
}

using VidRange = std::pair<std::uint16_t, std::uint16_t>;

[[nodiscard]] std::optional<VidRange> parse_vids(std::string_view text) {
    constexpr std::uint16_t kLastVid = 4094;  // IEEE 802.1Q: 0 and 4095 are reserved
    const std::size_t dash = text.find('-');
    const auto first = parse_number<std::uint16_t>(text.substr(0, dash), 1, kLastVid);
    const auto last = dash == std::string_view::npos
                          ? first
                          : parse_number<std::uint16_t>(text.substr(dash + 1), 1, kLastVid);
    if (!first || !last || *first > *last) {
        return std::nullopt;
    }
    return VidRange{*first, *last};
}

}  // namespace

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
    double value = 0;
    const char* const end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    if (result.ec != std::errc{} || !std::isfinite(value) || value < 0) {
        return std::nullopt;
    }
    const std::string_view unit{result.ptr, static_cast<std::size_t>(end - result.ptr)};
    static constexpr std::array<std::pair<std::string_view, double>, 6> kUnits{
        {{"", 1e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"m", 60e9}, {"h", 3600e9}}};
    constexpr double kLongest = 1e18;  // 31 years
    for (const auto& [name, factor] : kUnits) {
        if (name == unit && value * factor <= kLongest) {
            return std::chrono::nanoseconds{static_cast<std::int64_t>(value * factor)};
        }
    }
    return std::nullopt;
}

std::optional<VlanRange> parse_vlan(std::string_view text) {
    const std::size_t dot = text.find('.');
    const auto outer = parse_vids(text.substr(0, dot));
    if (!outer) {
        return std::nullopt;
    }
    VlanRange range;
    range.tag_count = 1;
    std::tie(range.outer_first, range.outer_last) = *outer;
    if (dot != std::string_view::npos) {
        const auto inner = parse_vids(text.substr(dot + 1));
        if (!inner) {
            return std::nullopt;
        }
        range.tag_count = 2;
        std::tie(range.inner_first, range.inner_last) = *inner;
    }
    return range;
}

std::optional<std::vector<std::uint8_t>> parse_codes(std::string_view text) {
    std::vector<std::uint8_t> codes;
    constexpr std::uint8_t kLastCode = 254;
    const bool good = text.empty() || for_each_part(text, [&](std::string_view part) {
                          const auto code = parse_number<std::uint8_t>(part, 1, kLastCode);
                          codes.push_back(code.value_or(0));
                          return code.has_value();
                      });
    return good ? std::optional{codes} : std::nullopt;
}

std::optional<std::vector<std::uint16_t>> parse_codes6(std::string_view text) {
    std::vector<std::uint16_t> codes;
    constexpr std::uint16_t kLastCode = 0xffff;
    const bool good = text.empty() || for_each_part(text, [&](std::string_view part) {
                          const auto code = parse_number<std::uint16_t>(part, 1, kLastCode);
                          codes.push_back(code.value_or(0));
                          return code.has_value();
                      });
    return good ? std::optional{codes} : std::nullopt;
}

std::optional<std::vector<Ipv6>> parse_addresses6(std::string_view text) {
    std::vector<Ipv6> addresses;
    const bool good = for_each_part(text, [&](std::string_view part) {
        const auto address = parse_ipv6(part);
        addresses.push_back(address.value_or(Ipv6{}));
        return address.has_value() && !address->is_unspecified();
    });
    return good ? std::optional{addresses} : std::nullopt;
}

std::optional<std::vector<Ipv4>> parse_addresses(std::string_view text) {
    std::vector<Ipv4> addresses;
    const bool good = for_each_part(text, [&](std::string_view part) {
        const auto address = parse_ipv4(part);
        addresses.push_back(address.value_or(Ipv4{}));
        return address.has_value() && !address->is_zero();
    });
    return good ? std::optional{addresses} : std::nullopt;
}

}  // namespace xdhcpd::gun
