#include "tools/xdhcpgun/request_frame.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/assert.h"
#include "dhcp4/message_view.h"
#include "dhcp4/options.h"
#include "packet/checksum.h"
#include "packet/frame_writer.h"
#include "packet/headers.h"

namespace xdhcpd::gun {
namespace {

namespace field = dhcp4::field;
using dhcp4::MessageType;
using dhcp4::OptionCode;
using dhcp4::RelaySuboption;

constexpr std::uint8_t kEthernetType = 1;  // htype (RFC 1700)
constexpr std::size_t kMaxPayloadLen = 1472;
constexpr std::uint16_t kMaxMessageSize = 1500;  // option 57: an Ethernet MTU
constexpr std::string_view kHostnamePrefix = "gun-";
constexpr std::size_t kIpSource = 12;
constexpr std::size_t kIpDestination = 16;
constexpr std::size_t kIpChecksum = 10;
constexpr std::size_t kUdpChecksum = 6;

// Appends options to a message; patched values are left zero and their offsets returned.
class OptionList {
  public:
    explicit OptionList(std::vector<std::byte>& message) : message_{message} {}

    // Returns the offset of the value in the message.
    std::size_t add(OptionCode code, ByteView value) {
        message_.push_back(static_cast<std::byte>(code));
        message_.push_back(static_cast<std::byte>(value.size()));
        const std::size_t at = message_.size();
        message_.insert(message_.end(), value.begin(), value.end());
        return at;
    }
    std::size_t add_zeros(OptionCode code, std::size_t len) {
        return add(code, std::vector<std::byte>(len));
    }
    void end() {
        message_.push_back(static_cast<std::byte>(OptionCode::kEnd));
        message_.resize(std::max(message_.size(), dhcp4::kMinBootpLen));
    }

  private:
    std::vector<std::byte>& message_;
};

// Adds a relay sub-option; returns the offset of the digits to patch, or 0 for a fixed text.
std::uint16_t add_suboption(std::vector<std::byte>& to, RelaySuboption code,
                            const std::string& text) {
    const std::size_t len = text.empty() ? kIndexTextLen : text.size();
    to.push_back(static_cast<std::byte>(code));
    to.push_back(static_cast<std::byte>(len));
    const std::size_t at = to.size();
    if (text.empty()) {
        to.resize(at + len);
        return static_cast<std::uint16_t>(at);
    }
    const ByteView value = as_bytes(text);
    to.insert(to.end(), value.begin(), value.end());
    return 0;
}

// What `len` bytes at `at`, an offset from an even one, add to a ones' complement sum; a value at
// an odd offset counts with its bytes swapped (RFC 1071 section 2 (B)).
[[nodiscard]] std::uint32_t sum_at(const std::byte* base, std::size_t at,
                                   std::size_t len) noexcept {
    const std::uint16_t sum = ones_complement_sum({base + at, len});
    return at % 2 == 0 ? sum : static_cast<std::uint16_t>(sum << 8 | sum >> 8);
}

[[nodiscard]] std::uint16_t fold(std::uint32_t sum) noexcept {
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(sum);
}

}  // namespace

RequestFrames::RequestFrames(const Population& population, Mac own_mac)
    : population_{population},
      own_mac_{own_mac},
      dhcp_{udp4_payload_offset(population.tag_count())} {
    const PopulationSettings& settings = population.settings();
    if (settings.circuit_id.has_value()) {
        relay_circuit_text_ =
            add_suboption(relay_information_, RelaySuboption::kCircuitId, *settings.circuit_id);
    }
    if (settings.remote_id.has_value()) {
        relay_remote_text_ =
            add_suboption(relay_information_, RelaySuboption::kRemoteId, *settings.remote_id);
    }
    XD_ASSERT(relay_information_.size() <= kMaxOptionLen);
    for (std::size_t kind = 0; kind < templates_.size(); ++kind) {
        templates_[kind] = make(static_cast<RequestKind>(kind));
        max_len_ = std::max(max_len_, templates_[kind].bytes.size());
    }
}

RequestFrames::Template RequestFrames::make(RequestKind kind) const {
    const PopulationSettings& settings = population_.settings();
    Template made;
    made.unicast = kind == RequestKind::kRenewing;
    made.ciaddr = kind == RequestKind::kRenewing;
    // A client that renews does so without its relay (RFC 2131 section 4.3.2).
    const bool by_relay = population_.relayed() && !made.unicast;

    std::vector<std::byte> message(dhcp4::kOptionsOffset);
    store_u8(&message[field::kOp], dhcp4::kBootRequest);
    store_u8(&message[field::kHtype], kEthernetType);
    store_u8(&message[field::kHlen], Mac::kLen);
    store_u8(&message[field::kHops], by_relay ? 1 : 0);
    store_be16(&message[field::kFlags], settings.broadcast_flag ? dhcp4::kBroadcastFlag : 0);
    store_be32(&message[dhcp4::kFixedLen], dhcp4::kMagicCookie);

    const bool discovers = kind == RequestKind::kDiscover || kind == RequestKind::kDiscoverAgain;
    const std::byte type{
        static_cast<std::uint8_t>(discovers ? MessageType::kDiscover : MessageType::kRequest)};
    std::byte max_size[2];
    store_be16(max_size, kMaxMessageSize);
    const auto offset = [this](std::size_t at) { return static_cast<std::uint16_t>(dhcp_ + at); };
    OptionList options{message};
    options.add(OptionCode::kMessageType, {&type, 1});
    if (settings.client_id) {
        const std::size_t at = options.add_zeros(OptionCode::kClientIdentifier, 1 + Mac::kLen);
        store_u8(&message[at], kEthernetType);
        made.client_id = offset(at + 1);
    }
    if (kind == RequestKind::kSelecting || kind == RequestKind::kInitReboot ||
        kind == RequestKind::kDiscoverAgain) {
        made.requested = offset(options.add_zeros(OptionCode::kRequestedAddress, 4));
    }
    if (kind == RequestKind::kSelecting) {
        made.server_id = offset(options.add_zeros(OptionCode::kServerIdentifier, 4));
    }
    options.add(OptionCode::kMaxMessageSize, max_size);
    if (settings.hostname.has_value()) {
        if (settings.hostname->empty()) {
            const std::size_t at =
                options.add_zeros(OptionCode::kHostName, kHostnamePrefix.size() + kIndexTextLen);
            copy_bytes(&message[at], as_bytes(kHostnamePrefix));
            made.hostname = offset(at + kHostnamePrefix.size());
        } else {
            options.add(OptionCode::kHostName, as_bytes(*settings.hostname));
        }
    }
    if (!settings.parameter_list.empty()) {
        options.add(OptionCode::kParameterRequestList,
                    std::as_bytes(std::span{settings.parameter_list}));
    }
    if (by_relay && !relay_information_.empty()) {
        const std::size_t at = options.add(OptionCode::kRelayAgentInformation, relay_information_);
        made.circuit_id = relay_circuit_text_ == 0 ? 0 : offset(at + relay_circuit_text_);
        made.remote_id = relay_remote_text_ == 0 ? 0 : offset(at + relay_remote_text_);
    }
    options.end();
    XD_ASSERT(message.size() <= kMaxPayloadLen);

    made.bytes.resize(dhcp_ + message.size());
    copy_bytes(&made.bytes[dhcp_], message);
    Udp4Headers headers;
    headers.tags = population_.tags(0);
    headers.source_port = by_relay ? dhcp4::kServerPort : dhcp4::kClientPort;
    headers.destination_port = dhcp4::kServerPort;
    if (by_relay) {
        headers.source_mac = own_mac_;
        headers.destination_mac = settings.server_mac;
        headers.destination = settings.server;
    } else if (!made.unicast) {
        headers.destination_mac = kBroadcastMac;
        headers.destination = kBroadcastIpv4;
    }
    write_udp4_headers(made.bytes, headers, message.size());

    std::byte* const udp = &made.bytes[dhcp_ - kUdpLen];
    std::byte* const ip = udp - kIpv4MinLen;
    store_be16(ip + kIpChecksum, 0);
    store_be16(udp + kUdpChecksum, 0);
    const std::size_t udp_len = kUdpLen + message.size();
    made.ip_sum = ones_complement_sum({ip, kIpv4MinLen});
    made.udp_sum = ones_complement_sum({udp, udp_len},
                                       udp4_pseudo_header_sum(headers.source, headers.destination,
                                                              static_cast<std::uint16_t>(udp_len)));
    return made;
}

std::size_t RequestFrames::write(MutableBytes to, RequestKind kind,
                                 const RequestValues& values) const noexcept {
    const Template& made = templates_[static_cast<std::size_t>(kind)];
    XD_ASSERT(to.size() >= made.bytes.size());
    std::byte* const frame = to.data();
    std::memcpy(frame, made.bytes.data(), made.bytes.size());
    std::byte* const dhcp = frame + dhcp_;
    std::byte* const udp = dhcp - kUdpLen;
    std::byte* const ip = udp - kIpv4MinLen;
    const bool by_relay = population_.relayed() && !made.unicast;
    const Mac mac = population_.mac(values.index);
    std::uint32_t udp_sum = made.udp_sum;
    std::uint32_t ip_sum = made.ip_sum;
    const auto patched = [&](std::size_t at, std::size_t len) noexcept {
        udp_sum += sum_at(dhcp, at, len);
    };
    const auto patch_text = [&](std::uint16_t at) noexcept {
        if (at != 0) {
            Population::store_index_text(frame + at, values.index);
            patched(at - dhcp_, kIndexTextLen);
        }
    };

    if (population_.tag_count() > 0) {
        std::byte* at = frame + kEthernetLen;
        const VlanTags tags = population_.tags(values.index);
        for (const VlanTag& tag : tags.view()) {
            store_be16(at, tag.tci);
            at += VlanTags::kTagLen;
        }
    }
    if (!population_.relayed()) {
        mac.store(frame + Mac::kLen);
    }
    store_be32(dhcp + field::kXid, values.xid);
    patched(field::kXid, 4);
    store_be16(dhcp + field::kSecs, values.secs);
    udp_sum += values.secs;
    mac.store(dhcp + field::kChaddr);
    const std::uint32_t mac_sum = sum_at(dhcp, field::kChaddr, Mac::kLen);
    udp_sum += mac_sum;
    if (made.client_id != 0) {
        mac.store(frame + made.client_id);
        patched(made.client_id - dhcp_, Mac::kLen);
    }
    if (made.requested != 0) {
        values.address.store(frame + made.requested);
        patched(made.requested - dhcp_, 4);
    }
    if (made.server_id != 0) {
        values.server_id.store(frame + made.server_id);
        patched(made.server_id - dhcp_, 4);
    }
    patch_text(made.hostname);
    if (by_relay) {
        const Ipv4 relay = population_.relay(values.index);
        relay.store(dhcp + field::kGiaddr);
        relay.store(ip + kIpSource);
        const std::uint32_t sum = sum_at(ip, kIpSource, 4);
        ip_sum += sum;
        udp_sum += 2 * sum;  // giaddr, and the source in the pseudo-header
        patch_text(made.circuit_id);
        patch_text(made.remote_id);
    } else if (made.unicast) {
        values.address.store(dhcp + field::kCiaddr);
        values.address.store(ip + kIpSource);
        values.server_id.store(ip + kIpDestination);
        const std::uint32_t source_sum = sum_at(ip, kIpSource, 4);
        const std::uint32_t destination_sum = sum_at(ip, kIpDestination, 4);
        ip_sum += source_sum + destination_sum;
        udp_sum += 2 * source_sum + destination_sum;
        // Relayed clients are behind a router, which has the interface's own address.
        if (population_.relayed()) {
            population_.settings().server_mac.store(frame);
            own_mac_.store(frame + Mac::kLen);
        } else {
            values.server_mac.store(frame);
        }
    }
    store_be16(ip + kIpChecksum, static_cast<std::uint16_t>(~fold(ip_sum)));
    const auto udp_checksum = static_cast<std::uint16_t>(~fold(udp_sum));
    store_be16(udp + kUdpChecksum, udp_checksum == 0 ? std::uint16_t{0xffff} : udp_checksum);
    return made.bytes.size();
}

ByteView RequestFrames::client_id(std::uint32_t index, OptionRoom& room) const noexcept {
    if (!population_.settings().client_id) {
        return {};
    }
    store_u8(room.data(), kEthernetType);
    population_.mac(index).store(room.data() + 1);
    return ByteView{room}.first(1 + Mac::kLen);
}

ByteView RequestFrames::relay_information(std::uint32_t index, OptionRoom& room) const noexcept {
    copy_bytes(room.data(), relay_information_);
    for (const std::uint16_t at : {relay_circuit_text_, relay_remote_text_}) {
        if (at != 0) {
            Population::store_index_text(room.data() + at, index);
        }
    }
    return ByteView{room}.first(relay_information_.size());
}

}  // namespace xdhcpd::gun
