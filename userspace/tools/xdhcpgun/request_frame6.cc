#include "tools/xdhcpgun/request_frame6.h"

#include "base/assert.h"
#include "dhcp6/duid.h"
#include "dhcp6/message_view.h"
#include "dhcp6/options.h"
#include "nd/message_view.h"
#include "nd/options.h"
#include "packet/frame_writer6.h"

namespace xdhcpd::gun {
namespace {

using dhcp6::MessageType;
using dhcp6::OptionCode;

constexpr std::uint16_t kEthernetHardware = 1;
constexpr std::size_t kMaxRelayText = 64;         // see command_line.cc
constexpr std::uint32_t kEnterprise = 0;          // of the remote-id (RFC 4649 section 3)
constexpr std::uint8_t kDiscoveryHopLimit = 255;  // RFC 4861 sections 6.1.1 and 7.1.1

// Appends options at `at`.
class OptionCursor {
  public:
    explicit OptionCursor(std::byte* at) noexcept : at_{at} {}

    std::byte* add(OptionCode code, std::size_t len) noexcept {
        store_be16(at_, static_cast<std::uint16_t>(code));
        store_be16(at_ + 2, static_cast<std::uint16_t>(len));
        std::byte* const value = at_ + dhcp6::kOptionHeaderLen;
        at_ = value + len;
        return value;
    }
    void add(OptionCode code, ByteView value) noexcept {
        copy_bytes(add(code, value.size()), value);
    }
    void copy(ByteView options) noexcept {
        copy_bytes(at_, options);
        at_ += options.size();
    }
    [[nodiscard]] std::byte* at() const noexcept { return at_; }

  private:
    std::byte* at_;
};

[[nodiscard]] MessageType type_of(RequestKind kind) noexcept {
    switch (kind) {
        case RequestKind::kSelecting:
            return MessageType::kRequest;
        case RequestKind::kInitReboot:
            return MessageType::kRebind;
        case RequestKind::kRenewing:
            return MessageType::kRenew;
        default:
            return MessageType::kSolicit;
    }
}

}  // namespace

RequestFrames6::RequestFrames6(const Population& population, Mac own_mac, Instead instead)
    : population_{population}, own_mac_{own_mac}, instead_{instead} {
    const auto& codes = population.settings().option_request;
    if (!codes.empty()) {
        option_request_.resize(dhcp6::kOptionHeaderLen + 2 * codes.size());
        std::byte* value =
            OptionCursor{option_request_.data()}.add(OptionCode::kOptionRequest, 2 * codes.size());
        for (const std::uint16_t code : codes) {
            store_be16(value, code);
            value += 2;
        }
    }
}

std::size_t RequestFrames6::max_len() const noexcept {
    constexpr std::size_t kFixed = 400;  // relay, identifiers, association and elapsed time
    return udp6_payload_offset(population_.tag_count()) + kFixed + 2 * kMaxRelayText +
           option_request_.size();
}

void RequestFrames6::store_duid(std::byte* to, Mac mac) noexcept {
    store_be16(to, static_cast<std::uint16_t>(dhcp6::DuidType::kLinkLayer));
    store_be16(to + 2, kEthernetHardware);
    mac.store(to + 4);
}

std::optional<Mac> RequestFrames6::mac_of_duid(ByteView duid) noexcept {
    const bool is_ours = duid.size() == kDuidLen &&
                         dhcp6::duid_type(duid) == dhcp6::DuidType::kLinkLayer &&
                         load_be16(duid.data() + 2) == kEthernetHardware;
    return is_ours ? std::optional{Mac::load(duid.data() + 4)} : std::nullopt;
}

std::uint32_t RequestFrames6::iaid(Mac mac) noexcept {
    return load_be32(mac.octets.data() + 2);
}

ByteView RequestFrames6::interface_id(std::uint32_t index, MutableBytes room) const noexcept {
    const auto& text = population_.settings().circuit_id;
    if (!text.has_value()) {
        return {};
    }
    if (!text->empty()) {
        return as_bytes(*text);
    }
    Population::store_index_text(room.data(), index);
    return ByteView{room}.first(kIndexTextLen);
}

std::size_t RequestFrames6::write_message(std::byte* to, RequestKind kind,
                                          const RequestValues6& values) const noexcept {
    const PopulationSettings& settings = population_.settings();
    const Mac mac = population_.mac(values.index);
    store_be32(to, static_cast<std::uint32_t>(type_of(kind)) << 24 | values.xid);
    OptionCursor options{to + dhcp6::kMessageHeaderLen};
    store_duid(options.add(OptionCode::kClientId, kDuidLen), mac);
    if (kind == RequestKind::kSelecting || kind == RequestKind::kRenewing) {
        options.add(OptionCode::kServerId, values.server_id.view());
    }
    constexpr std::uint32_t kHundredths = 100;
    store_be16(
        options.add(OptionCode::kElapsedTime, 2),
        static_cast<std::uint16_t>(std::min<std::uint32_t>(values.secs * kHundredths, 0xffff)));
    options.copy(option_request_);
    if (settings.rapid_commit && type_of(kind) == MessageType::kSolicit) {
        options.add(OptionCode::kRapidCommit, ByteView{});
    }
    const bool wants_prefix = settings.association == Association::kPrefix;
    const bool asks_length =
        wants_prefix && settings.prefix_length != 0 && values.address.address.is_unspecified();
    const bool has_value =
        asks_length || (!values.address.address.is_unspecified() && kind != RequestKind::kDiscover);
    const std::size_t value_len = wants_prefix ? dhcp6::kIaPrefixLen : dhcp6::kIaAddressLen;
    std::byte* const ia =
        options.add(wants_prefix ? OptionCode::kIaPd : OptionCode::kIaNa,
                    dhcp6::kIaNaLen + (has_value ? dhcp6::kOptionHeaderLen + value_len : 0));
    std::fill_n(ia, dhcp6::kIaNaLen, std::byte{0});
    store_be32(ia, iaid(mac));
    if (has_value) {
        std::byte* const value = OptionCursor{ia + dhcp6::kIaNaLen}.add(
            wants_prefix ? OptionCode::kIaPrefix : OptionCode::kIaAddress, value_len);
        std::fill_n(value, value_len, std::byte{0});
        constexpr std::size_t kPrefixAt = 9;  // two lifetimes and the length
        if (wants_prefix) {
            store_u8(value + 8, asks_length ? settings.prefix_length : values.address.length);
            values.address.address.store(value + kPrefixAt);
        } else {
            values.address.address.store(value);
        }
    }
    return static_cast<std::size_t>(options.at() - to);
}

std::size_t RequestFrames6::write_solicitation(MutableBytes to,
                                               const RequestValues6& values) const noexcept {
    const Mac mac = population_.mac(values.index);
    const bool is_router = instead_ == Instead::kRouterSolicit;
    Ipv6Headers headers;
    headers.tags = population_.tags(values.index);
    headers.source_mac = mac;
    headers.source = population_.link_local(values.index);
    headers.hop_limit = kDiscoveryHopLimit;
    const Ipv6 target = population_.target(values.index);
    headers.destination = is_router ? kAllRouters : target.solicited_node();
    headers.destination_mac = headers.destination.multicast_mac();
    std::byte* const message = to.data() + icmp6_offset(headers.tags.count);
    const std::size_t fixed = is_router ? nd::kRouterSolicitationLen : nd::kNeighborMessageLen;
    std::fill_n(message, fixed + nd::kOptionUnit, std::byte{0});
    store_u8(message,
             static_cast<std::uint8_t>(is_router ? nd::MessageType::kRouterSolicitation
                                                 : nd::MessageType::kNeighborSolicitation));
    if (!is_router) {
        target.store(message + 8);
    }
    store_u8(message + fixed, static_cast<std::uint8_t>(nd::OptionType::kSourceLinkLayer));
    store_u8(message + fixed + 1, 1);
    mac.store(message + fixed + 2);
    return write_icmp6_headers(to, headers, fixed + nd::kOptionUnit);
}

std::size_t RequestFrames6::write(MutableBytes to, RequestKind kind,
                                  const RequestValues6& values) const noexcept {
    XD_ASSERT(to.size() >= max_len());
    if (instead_ != Instead::kNothing) {
        return write_solicitation(to, values);
    }
    const PopulationSettings& settings = population_.settings();
    const Ipv6 client = population_.link_local(values.index);
    Udp6Headers headers;
    headers.ip.tags = population_.tags(values.index);
    headers.destination_port = dhcp6::kServerPort;
    std::byte* const payload = to.data() + udp6_payload_offset(headers.ip.tags.count);
    std::size_t len = 0;
    if (population_.relayed()) {
        const Ipv6 relay = population_.relay6(values.index);
        headers.ip.source_mac = own_mac_;
        headers.ip.destination_mac = settings.server_mac;
        headers.ip.source = relay;
        headers.ip.destination = settings.server6;
        headers.source_port = dhcp6::kServerPort;
        // RFC 8415 section 9: type, hop count, link-address, peer-address.
        store_u8(payload, static_cast<std::uint8_t>(MessageType::kRelayForward));
        store_u8(payload + 1, 0);
        relay.store(payload + 2);
        client.store(payload + 2 + Ipv6::kLen);
        OptionCursor options{payload + dhcp6::kRelayHeaderLen};
        std::array<std::byte, kIndexTextLen> room;
        if (settings.circuit_id.has_value()) {
            options.add(OptionCode::kInterfaceId, interface_id(values.index, room));
        }
        if (settings.remote_id.has_value()) {
            Population::store_index_text(room.data(), values.index);
            const ByteView text =
                settings.remote_id->empty() ? ByteView{room} : as_bytes(*settings.remote_id);
            std::byte* const value =
                options.add(OptionCode::kRemoteId, sizeof kEnterprise + text.size());
            store_be32(value, kEnterprise);
            copy_bytes(value + sizeof kEnterprise, text);
        }
        std::byte* const relayed = options.add(OptionCode::kRelayMessage, 0);
        const std::size_t message_len = write_message(relayed, kind, values);
        store_be16(relayed - 2, static_cast<std::uint16_t>(message_len));
        len = static_cast<std::size_t>(relayed - payload) + message_len;
    } else {
        headers.ip.source_mac = population_.mac(values.index);
        headers.ip.destination = dhcp6::kAllRelayAgentsAndServers;
        headers.ip.destination_mac = headers.ip.destination.multicast_mac();
        headers.ip.source = client;
        headers.ip.hop_limit = 1;
        headers.source_port = dhcp6::kClientPort;
        len = write_message(payload, kind, values);
    }
    return write_udp6_headers(to, headers, len);
}

}  // namespace xdhcpd::gun
