#include "nd/writer.h"

#include <algorithm>

#include "base/assert.h"
#include "nd/layout.h"

namespace xdhcpd::nd {
namespace {

constexpr std::uint8_t kRouterFlag = 0x80;
constexpr std::uint8_t kSolicitedFlag = 0x40;
constexpr std::uint8_t kOverrideFlag = 0x20;

[[nodiscard]] std::uint8_t flag(bool set, std::uint8_t bit) noexcept {
    return set ? bit : std::uint8_t{0};
}
[[nodiscard]] std::uint8_t preference_bits(Preference preference) noexcept {
    return static_cast<std::uint8_t>(static_cast<unsigned>(preference) << kPreferenceShift);
}

constexpr std::size_t kMaxLabelLen = 63;  // RFC 1035 section 2.3.4
constexpr std::size_t kMaxNameTextLen = 253;

// Octets of `name` on the wire (RFC 1035 section 3.1); 0 if it is none.
[[nodiscard]] std::size_t name_len(std::string_view name) noexcept {
    if (name.ends_with('.')) {
        name.remove_suffix(1);
    }
    if (name.empty() || name.size() > kMaxNameTextLen || name.find('\\') != name.npos) {
        return 0;
    }
    for (std::string_view left = name;;) {
        const std::size_t label_len = std::min(left.find('.'), left.size());
        if (label_len == 0 || label_len > kMaxLabelLen) {
            return 0;
        }
        if (label_len == left.size()) {
            return name.size() + 2;  // a length in place of each dot, one in front, the root
        }
        left.remove_prefix(label_len + 1);
    }
}

// Precondition: name_len(name) > 0, which is what `out` has room for. Returns it.
std::size_t write_name(std::byte* out, std::string_view name) noexcept {
    const std::size_t len = name_len(name);
    std::size_t at = 0;
    while (at + 1 < len) {
        const std::size_t label_len = std::min(name.find('.'), name.size());
        store_u8(out + at, static_cast<std::uint8_t>(label_len));
        copy_bytes(out + at + 1, as_bytes(name.substr(0, label_len)));
        at += 1 + label_len;
        name.remove_prefix(std::min(label_len + 1, name.size()));
    }
    store_u8(out + at, 0);
    return len;
}

}  // namespace

RouterAdvertisementWriter::RouterAdvertisementWriter(MutableBytes out,
                                                     const RouterAdvertisement& header) noexcept
    : out_{out}, at_{kRouterAdvertisementLen} {
    XD_ASSERT(out.size() >= kRouterAdvertisementLen);
    const Preference preference =
        header.router_lifetime == 0 ? Preference::kMedium : header.preference;
    store_u8(&out[0], static_cast<std::uint8_t>(MessageType::kRouterAdvertisement));
    store_u8(&out[1], 0);
    store_be16(&out[2], 0);
    store_u8(&out[4], header.hop_limit);
    store_u8(&out[5], static_cast<std::uint8_t>(flag(header.managed, kManagedFlag) |
                                                flag(header.other, kOtherFlag) |
                                                preference_bits(preference)));
    store_be16(&out[6], header.router_lifetime);
    store_be32(&out[8], header.reachable_time);
    store_be32(&out[12], header.retransmit_timer);
}

MutableBytes RouterAdvertisementWriter::option(OptionType type, std::size_t len) noexcept {
    if (len > kMaxOptionLen) {
        return {};
    }
    const std::size_t units = (len + kOptionUnit - 1) / kOptionUnit;
    if (units * kOptionUnit > out_.size() - at_) {
        return {};
    }
    const MutableBytes room = out_.subspan(at_, units * kOptionUnit);
    std::ranges::fill(room, std::byte{0});
    store_u8(&room[0], static_cast<std::uint8_t>(type));
    store_u8(&room[1], static_cast<std::uint8_t>(units));
    at_ += room.size();
    return room;
}

bool RouterAdvertisementWriter::add_source_link_layer(Mac address) noexcept {
    const MutableBytes room = option(OptionType::kSourceLinkLayer, kLinkLayerLen);
    if (room.empty()) {
        return false;
    }
    address.store(&room[2]);
    return true;
}

bool RouterAdvertisementWriter::add_mtu(std::uint32_t mtu) noexcept {
    const MutableBytes room = option(OptionType::kMtu, kMtuLen);
    if (room.empty()) {
        return false;
    }
    store_be32(&room[4], mtu);
    return true;
}

bool RouterAdvertisementWriter::add_prefix_information(
    const PrefixInformation& information) noexcept {
    XD_ASSERT(information.prefix.length <= kMaxPrefixLength);
    const MutableBytes room = option(OptionType::kPrefixInformation, kPrefixInformationLen);
    if (room.empty()) {
        return false;
    }
    store_u8(&room[2], information.prefix.length);
    store_u8(&room[3],
             static_cast<std::uint8_t>(flag(information.on_link, kOnLinkFlag) |
                                       flag(information.autonomous, kAutonomousFlag) |
                                       flag(information.router_address, kRouterAddressFlag) |
                                       flag(information.pd_preferred, kPdPreferredFlag)));
    store_be32(&room[4], information.valid_lifetime);
    store_be32(&room[8], information.preferred_lifetime);
    const Ipv6 address =
        information.router_address ? information.prefix.address : information.prefix.network();
    address.store(&room[16]);
    return true;
}

bool RouterAdvertisementWriter::add_route_information(
    const RouteInformation& information) noexcept {
    XD_ASSERT(information.prefix.length <= kMaxPrefixLength);
    const std::size_t len = route_information_len(information.prefix.length);
    const MutableBytes room = option(OptionType::kRouteInformation, len);
    if (room.empty()) {
        return false;
    }
    store_u8(&room[2], information.prefix.length);
    store_u8(&room[3], preference_bits(information.preference));
    store_be32(&room[4], information.lifetime);
    const Ipv6 network = information.prefix.network();
    copy_bytes(room.data() + kRoutePrefixAt, network.bytes().first(len - kRoutePrefixAt));
    return true;
}

bool RouterAdvertisementWriter::add_rdnss(std::uint32_t lifetime,
                                          std::span<const Ipv6> servers) noexcept {
    const std::size_t len = kDnsValueAt + servers.size() * Ipv6::kLen;
    const MutableBytes room = servers.empty() ? MutableBytes{} : option(OptionType::kRdnss, len);
    if (room.empty()) {
        return false;
    }
    store_be32(&room[4], lifetime);
    std::byte* at = &room[kDnsValueAt];
    for (const Ipv6& server : servers) {
        server.store(at);
        at += Ipv6::kLen;
    }
    return true;
}

bool RouterAdvertisementWriter::add_dnssl(std::uint32_t lifetime, ByteView names) noexcept {
    const MutableBytes room =
        names.empty() ? MutableBytes{} : option(OptionType::kDnssl, kDnsValueAt + names.size());
    if (room.empty()) {
        return false;
    }
    store_be32(&room[4], lifetime);
    copy_bytes(&room[kDnsValueAt], names);
    return true;
}

bool RouterAdvertisementWriter::add_dnssl(std::uint32_t lifetime,
                                          std::span<const std::string> names) noexcept {
    std::size_t names_len = 0;
    for (const std::string& name : names) {
        const std::size_t len = name_len(name);
        if (len == 0) {
            return false;
        }
        names_len += len;
    }
    const MutableBytes room =
        names.empty() ? MutableBytes{} : option(OptionType::kDnssl, kDnsValueAt + names_len);
    if (room.empty()) {
        return false;
    }
    store_be32(&room[4], lifetime);
    std::byte* at = &room[kDnsValueAt];
    for (const std::string& name : names) {
        at += write_name(at, name);
    }
    return true;
}

bool RouterAdvertisementWriter::add_pref64(const Ipv6Prefix& prefix,
                                           std::uint32_t lifetime) noexcept {
    XD_ASSERT(is_pref64_length(prefix.length));
    const MutableBytes room = option(OptionType::kPref64, kPref64Len);
    if (room.empty()) {
        return false;
    }
    const std::uint32_t bounded = std::min(lifetime, kMaxPref64Lifetime);
    const std::uint32_t scaled = (bounded + kPref64LifetimeUnit - 1) & ~(kPref64LifetimeUnit - 1);
    const auto code = std::ranges::find(kPref64Lengths, prefix.length) - kPref64Lengths.begin();
    store_be16(&room[2], static_cast<std::uint16_t>(scaled | static_cast<std::uint32_t>(code)));
    const Ipv6 network = prefix.network();
    copy_bytes(&room[4], network.bytes().first(kPref64PrefixLen));
    return true;
}

bool RouterAdvertisementWriter::add_captive_portal(std::string_view uri) noexcept {
    const MutableBytes room =
        uri.empty() ? MutableBytes{} : option(OptionType::kCaptivePortal, 2 + uri.size());
    if (room.empty()) {
        return false;
    }
    copy_bytes(&room[2], as_bytes(uri));
    return true;
}

std::size_t write_neighbor_advertisement(MutableBytes out,
                                         const NeighborAdvertisement& advertisement) noexcept {
    XD_ASSERT(out.size() >= kMaxNeighborAdvertisementLen);
    store_u8(&out[0], static_cast<std::uint8_t>(MessageType::kNeighborAdvertisement));
    store_u8(&out[1], 0);
    store_be16(&out[2], 0);
    store_be32(&out[4], 0);
    store_u8(&out[4], static_cast<std::uint8_t>(flag(advertisement.is_router, kRouterFlag) |
                                                flag(advertisement.is_solicited, kSolicitedFlag) |
                                                flag(advertisement.overrides, kOverrideFlag)));
    advertisement.target.store(&out[8]);
    if (!advertisement.target_link_layer) {
        return kNeighborMessageLen;
    }
    store_u8(&out[24], static_cast<std::uint8_t>(OptionType::kTargetLinkLayer));
    store_u8(&out[25], static_cast<std::uint8_t>(kLinkLayerLen / kOptionUnit));
    advertisement.target_link_layer->store(&out[26]);
    return kMaxNeighborAdvertisementLen;
}

AnswerAddress answer_address(const MessageView& solicitation) noexcept {
    return solicitation.source().is_unspecified() ? AnswerAddress{kAllNodes, false}
                                                  : AnswerAddress{solicitation.source(), true};
}

}  // namespace xdhcpd::nd
