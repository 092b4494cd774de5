#include "model/vlan_range.h"

#include <charconv>
#include <optional>

namespace xdhcpd::model {
namespace {

constexpr std::string_view kNoVlan =
    "is not a VLAN; 100, 100-199, 100.200 or 100.200-299 was meant";
constexpr std::string_view kOutOfRange = "is out of range; VLAN identifiers are 1 to 4094";
constexpr std::string_view kBackwards = "ends before it begins";

struct Bounds {
    std::uint16_t first = 0;
    std::uint16_t last = 0;
};

std::optional<std::uint32_t> parse_number(std::string_view text) {
    std::uint32_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    const bool good = !text.empty() && error == std::errc{} && at == end && text.size() <= 6;
    return good ? std::optional{value} : std::nullopt;
}

Result<Bounds, std::string_view> parse_bounds(std::string_view text) {
    const std::size_t hyphen = text.find('-');
    const auto first = parse_number(text.substr(0, hyphen));
    const auto last =
        hyphen == std::string_view::npos ? first : parse_number(text.substr(hyphen + 1));
    if (!first || !last) {
        return Unexpected{kNoVlan};
    }
    if (*first == 0 || *last == 0 || *first > kMaxVlanId || *last > kMaxVlanId) {
        return Unexpected{kOutOfRange};
    }
    if (*first > *last) {
        return Unexpected{kBackwards};
    }
    return Bounds{static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
}

std::string describe(std::uint16_t first, std::uint16_t last) {
    return std::to_string(first) + (first == last ? "" : "-" + std::to_string(last));
}

}  // namespace

Result<VlanRange, std::string_view> parse_vlan_range(std::string_view text) {
    const std::size_t dot = text.find('.');
    const auto outer = parse_bounds(text.substr(0, dot));
    if (!outer) {
        return Unexpected{outer.error()};
    }
    VlanRange range{outer->first, outer->last, 0, 0};
    if (dot != std::string_view::npos) {
        const auto inner = parse_bounds(text.substr(dot + 1));
        if (!inner) {
            return Unexpected{inner.error()};
        }
        range.inner_first = inner->first;
        range.inner_last = inner->last;
    }
    return range;
}

std::string to_string(const VlanRange& range) {
    return describe(range.outer_first, range.outer_last) +
           (range.inner_first == 0 ? "" : "." + describe(range.inner_first, range.inner_last));
}

std::string to_string(VlanIds vlan) {
    return to_string(VlanRange{vlan.outer, vlan.outer, vlan.inner, vlan.inner});
}

std::string to_string(std::span<const VlanRange> ranges) {
    std::string text;
    for (const VlanRange& range : ranges) {
        text += (text.empty() ? "" : ", ") + to_string(range);
    }
    return text;
}

}  // namespace xdhcpd::model
