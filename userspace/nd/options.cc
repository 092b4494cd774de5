#include "nd/options.h"

#include <algorithm>
#include <array>

#include "nd/layout.h"

namespace xdhcpd::nd {
namespace {

// Length of the prefix that a prefix length code means.
[[nodiscard]] std::optional<std::uint8_t> pref64_length(std::size_t code) noexcept {
    return code < kPref64Lengths.size() ? std::optional{kPref64Lengths[code]} : std::nullopt;
}

}  // namespace

bool is_pref64_length(std::uint8_t length) noexcept {
    return std::ranges::find(kPref64Lengths, length) != kPref64Lengths.end();
}

std::optional<Mac> read_link_layer(ByteView option) noexcept {
    if (option.size() != kLinkLayerLen) {
        return std::nullopt;
    }
    return Mac::load(&option[2]);
}

std::optional<PrefixInformation> read_prefix_information(ByteView option) noexcept {
    if (option.size() != kPrefixInformationLen || load_u8(&option[2]) > kMaxPrefixLength) {
        return std::nullopt;
    }
    const std::uint8_t flags = load_u8(&option[3]);
    return PrefixInformation{.prefix = {Ipv6::load(&option[16]), load_u8(&option[2])},
                             .on_link = (flags & kOnLinkFlag) != 0,
                             .autonomous = (flags & kAutonomousFlag) != 0,
                             .router_address = (flags & kRouterAddressFlag) != 0,
                             .pd_preferred = (flags & kPdPreferredFlag) != 0,
                             .valid_lifetime = load_be32(&option[4]),
                             .preferred_lifetime = load_be32(&option[8])};
}

std::optional<std::uint32_t> read_mtu(ByteView option) noexcept {
    return option.size() == kMtuLen ? std::optional{load_be32(&option[4])} : std::nullopt;
}

std::optional<RouteInformation> read_route_information(ByteView option) noexcept {
    if (option.size() > kMaxRouteInformationLen) {
        return std::nullopt;
    }
    const std::uint8_t length = load_u8(&option[2]);
    const std::size_t preference = (load_u8(&option[3]) >> kPreferenceShift) & kPreferenceMask;
    if (length > kMaxPrefixLength || option.size() < route_information_len(length) ||
        preference == kReservedPreference) {
        return std::nullopt;
    }
    std::array<std::byte, Ipv6::kLen> address{};
    copy_bytes(address.data(), option.subspan(kRoutePrefixAt));
    return RouteInformation{.prefix = {Ipv6{address}, length},
                            .preference = static_cast<Preference>(preference),
                            .lifetime = load_be32(&option[4])};
}

std::optional<Rdnss> read_rdnss(ByteView option) noexcept {
    const std::size_t addresses_len = option.size() - kDnsValueAt;
    if (addresses_len == 0 || addresses_len % Ipv6::kLen != 0) {
        return std::nullopt;
    }
    return Rdnss{load_be32(&option[4]), option.subspan(kDnsValueAt)};
}

std::optional<Dnssl> read_dnssl(ByteView option) noexcept {
    if (option.size() <= kDnsValueAt) {
        return std::nullopt;
    }
    return Dnssl{load_be32(&option[4]), option.subspan(kDnsValueAt)};
}

std::optional<Pref64> read_pref64(ByteView option) noexcept {
    if (option.size() != kPref64Len) {
        return std::nullopt;
    }
    const std::uint16_t lifetime_and_code = load_be16(&option[2]);
    const auto length = pref64_length(lifetime_and_code & kPref64CodeMask);
    if (!length) {
        return std::nullopt;
    }
    std::array<std::byte, Ipv6::kLen> address{};
    copy_bytes(address.data(), option.subspan(4, kPref64PrefixLen));
    return Pref64{.prefix = {Ipv6{address}, *length},
                  .lifetime = static_cast<std::uint16_t>(lifetime_and_code & ~kPref64CodeMask)};
}

std::optional<std::string_view> read_captive_portal(ByteView option) noexcept {
    const std::string_view padded = as_text(option.subspan(2));
    const std::string_view uri = padded.substr(0, padded.find('\0'));
    return uri.empty() ? std::nullopt : std::optional{uri};
}

Result<OptionList, OptionError> OptionList::parse(ByteView bytes) noexcept {
    for (ByteView left = bytes; !left.empty();) {
        if (left.size() < 2) {
            return Unexpected{OptionError::kTruncated};
        }
        const std::size_t len = load_u8(&left[1]) * kOptionUnit;
        if (len == 0) {
            return Unexpected{OptionError::kZeroLength};
        }
        if (len > left.size()) {
            return Unexpected{OptionError::kTruncated};
        }
        left = left.subspan(len);
    }
    return OptionList{bytes};
}

ByteView OptionList::find(OptionType type) const noexcept {
    for (ByteView left = bytes_; !left.empty();) {
        const std::size_t len = load_u8(&left[1]) * kOptionUnit;
        if (load_u8(left.data()) == static_cast<std::uint8_t>(type)) {
            return left.first(len);
        }
        left = left.subspan(len);
    }
    return {};
}

}  // namespace xdhcpd::nd
