#include "dhcp4/relay.h"

namespace xdhcpd::dhcp4 {

Result<RelayInformation, ParseError> RelayInformation::parse(ByteView value) noexcept {
    for (std::size_t at = 0; at < value.size();) {
        if (value.size() - at < 2) {
            return Unexpected{ParseError::kBadRelayInformation};
        }
        const auto code = static_cast<RelaySuboption>(load_u8(&value[at]));
        const std::size_t len = load_u8(&value[at + 1]);
        const bool address =
            code == RelaySuboption::kLinkSelection || code == RelaySuboption::kServerIdOverride;
        if (len > value.size() - at - 2 || (address && len != 4)) {
            return Unexpected{ParseError::kBadRelayInformation};
        }
        at += 2 + len;
    }
    return RelayInformation{value};
}

std::optional<ByteView> RelayInformation::find(RelaySuboption code) const noexcept {
    for (std::size_t at = 0; at < value_.size();) {
        const std::size_t len = load_u8(&value_[at + 1]);
        if (static_cast<RelaySuboption>(load_u8(&value_[at])) == code) {
            return value_.subspan(at + 2, len);
        }
        at += 2 + len;
    }
    return std::nullopt;
}

std::optional<Ipv4> RelayInformation::find_address(RelaySuboption code) const noexcept {
    const auto value = find(code);
    return value ? std::optional{Ipv4::load(value->data())} : std::nullopt;
}

}  // namespace xdhcpd::dhcp4
