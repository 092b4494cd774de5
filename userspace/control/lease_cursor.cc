#include "control/lease_cursor.h"

#include <charconv>
#include <system_error>

#include "lease/unit.h"

namespace xdhcpd::control {

namespace {

constexpr std::string_view kSpace = "space ";

template <typename Number>
[[nodiscard]] std::optional<Number> parse_number(std::string_view text) {
    Number number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional{number}
                                                                    : std::nullopt;
}

}  // namespace

std::optional<LeaseCursor> parse_lease_cursor(std::string_view text) {
    const std::size_t comma = text.find(',');
    if (comma == std::string_view::npos) {
        return std::nullopt;
    }
    if (text.starts_with(kSpace)) {
        const auto space =
            parse_number<std::uint16_t>(text.substr(kSpace.size(), comma - kSpace.size()));
        const auto index = parse_number<std::uint32_t>(text.substr(comma + 1));
        return space && index && *index < lease::kMaxSpaceUnits
                   ? std::optional{LeaseCursor{{}, {}, LeaseCursor::Unit6{*space, *index}}}
                   : std::nullopt;
    }
    const auto prefix = parse_ipv4_prefix(text.substr(0, comma));
    const auto address = parse_ipv4(text.substr(comma + 1));
    if (!prefix || !address || !prefix->contains(*address)) {
        return std::nullopt;
    }
    return LeaseCursor{*prefix, *address, std::nullopt};
}

std::string to_string(const LeaseCursor& cursor) {
    if (cursor.ipv6) {
        return std::string{kSpace} + std::to_string(cursor.ipv6->space) + "," +
               std::to_string(cursor.ipv6->index);
    }
    return xdhcpd::to_string(cursor.prefix) + "," + xdhcpd::to_string(cursor.address);
}

}  // namespace xdhcpd::control
