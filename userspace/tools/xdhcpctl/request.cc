#include "tools/xdhcpctl/request.h"

#include <algorithm>

#include "base/addresses.h"

namespace xdhcpd::xdhcpctl {
namespace {

[[nodiscard]] bool is_hex_digit(char c) {
    return ('0' <= c && c <= '9') || ('a' <= c && c <= 'f') || ('A' <= c && c <= 'F');
}

// "0x0102", or pairs between colons. A name may consist of hexadecimal digits alone, but has
// neither.
[[nodiscard]] bool is_hex_bytes(const std::string& text) {
    constexpr std::size_t kStep = 3;
    if (text.starts_with("0x")) {
        return text.size() > 2 && text.size() % 2 == 0 &&
               std::all_of(text.begin() + 2, text.end(), is_hex_digit);
    }
    if (text.size() % kStep != 2 || text.size() < kStep) {
        return false;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (i % kStep == 2 ? text[i] != ':' : !is_hex_digit(text[i])) {
            return false;
        }
    }
    return true;
}

}  // namespace

nlohmann::json find_request(const std::string& what) {
    nlohmann::json request = {{"command", "leases"}, {"action", "find"}};
    // Eight pairs between colons could be an IPv6 address as well, though hardly anybody has one.
    const bool is_address =
        parse_ipv4(what) || (parse_ipv6(what) && !is_hex_bytes(what)) || parse_ipv6_prefix(what);
    const char* const key = is_address           ? "address"
                            : parse_mac(what)    ? "hw_address"
                            : is_hex_bytes(what) ? "client_id"
                                                 : "hostname";
    request[key] = what;
    return request;
}

}  // namespace xdhcpd::xdhcpctl
