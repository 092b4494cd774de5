#include "control/lease_cursor.h"

namespace xdhcpd::control {

std::optional<LeaseCursor> parse_lease_cursor(std::string_view text) {
    const std::size_t comma = text.find(',');
    if (comma == std::string_view::npos) {
        return std::nullopt;
    }
    const auto prefix = parse_ipv4_prefix(text.substr(0, comma));
    const auto address = parse_ipv4(text.substr(comma + 1));
    if (!prefix || !address || !prefix->contains(*address)) {
        return std::nullopt;
    }
    return LeaseCursor{*prefix, *address};
}

std::string to_string(const LeaseCursor& cursor) {
    return xdhcpd::to_string(cursor.prefix) + "," + xdhcpd::to_string(cursor.address);
}

}  // namespace xdhcpd::control
