#include "engine/request.h"

#include <algorithm>

namespace xdhcpd::engine {
namespace {

using dhcp4::OptionCode;
using dhcp4::RelaySuboption;
using model::IdentifierKind;

constexpr std::uint8_t kMaxHops = 16;                       // RFC 1542 section 4.1.1
constexpr std::size_t kMinClientIdLen = 2;                  // RFC 2132 section 9.14
constexpr std::uint32_t kFirstReservedClassE = 0xf0000000;  // 240.0.0.0/4 (RFC 1112 section 4)

// An address that a host may carry (RFC 1122 section 3.2.1.3).
[[nodiscard]] bool is_host_address(Ipv4 address) noexcept {
    return (address.value >> 24) != 0 && !address.is_loopback() && !address.is_multicast() &&
           address.value < kFirstReservedClassE;
}

[[nodiscard]] std::uint8_t reserved_kind(IdentifierKind kind) noexcept {
    return static_cast<std::uint8_t>(ClientKey::kReserved + static_cast<std::uint8_t>(kind));
}

[[nodiscard]] bool all_zero(ByteView bytes) noexcept {
    return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

Result<Success, DropReason> Request::parse(ByteView frame, std::uint32_t ifindex,
                                           const model::Snapshot& snapshot) noexcept {
    snapshot_ = &snapshot;
    ifindex_ = ifindex;
    ingress_ = snapshot.find_ingress(ifindex);
    subnet_ = nullptr;
    reservation_ = nullptr;
    bytes_ = frame;
    has_frame_ = false;
    message_.clear();

    if (const auto error = frame_.read(frame)) {
        return Unexpected{DropReason{*error}};
    }
    has_frame_ = true;
    if (const auto checked = check_destination(); !checked) {
        return checked;
    }
    if (const auto read = message_.parse(frame_.payload); !read) {
        return Unexpected{DropReason{read.error()}};
    }
    if (message_.op() != dhcp4::kBootRequest) {
        return Unexpected{DropReason{Refusal::kNotRequest}};
    }
    if (message_.hops() > kMaxHops) {
        return Unexpected{DropReason{Refusal::kTooManyHops}};
    }
    relay_ = {};
    if (const ByteView information = message_.relay_agent_information(); !information.empty()) {
        const auto relay = dhcp4::RelayInformation::parse(information);
        if (!relay) {
            return Unexpected{DropReason{relay.error()}};
        }
        relay_ = *relay;
    }
    const Ipv4 giaddr = message_.giaddr();
    if (!giaddr.is_zero() && (!is_host_address(giaddr) || snapshot.is_local_broadcast(giaddr))) {
        return Unexpected{DropReason{Refusal::kBadRelayAddress}};
    }
    const Ipv4 ciaddr = message_.ciaddr();
    if (!ciaddr.is_zero() && (!is_host_address(ciaddr) || snapshot.is_local(ciaddr))) {
        return Unexpected{DropReason{Refusal::kBadClientAddress}};
    }
    if (const auto chosen = choose_subnet(); !chosen) {
        return chosen;
    }
    if (!name_by_mac()) {
        if (const auto named = name_client(); !named) {
            return named;
        }
    }
    make_tenant();
    source_address_ = own_address();
    server_identifier_ = source_address_;
    if (!relay_.empty()) [[unlikely]] {
        server_identifier_ = relay_.server_id_override().value_or(source_address_);
        if (snapshot_->is_local(server_identifier_)) {
            // Where clients will send to (RFC 5107 section 4).
            source_address_ = server_identifier_;
        }
    }
    if (source_address_.is_zero() || server_identifier_.is_zero()) {
        return Unexpected{DropReason{Refusal::kNoServerAddress}};
    }
    return Success{};
}

inline Result<Success, DropReason> Request::check_destination() noexcept {
    const Mac source = frame_.source_mac;
    const bool own = ingress_ != nullptr && source == ingress_->interface.mac;
    // The udp driver knows no source and writes zero there, but then no reply depends on it.
    if (source.is_group() || (own && !source.is_zero())) {
        return Unexpected{DropReason{Refusal::kBadSourceMac}};
    }
    direct_link_ = ingress_ != nullptr ? ingress_->link : std::nullopt;
    vlan_ = {};
    if (frame_.tags.count != 0) [[unlikely]] {
        const model::VlanIds vlan = model::vlan_ids(frame_.tags);
        if (vlan.tagged()) {
            direct_link_ = ingress_ != nullptr ? ingress_->find_vlan(vlan) : std::nullopt;
            if (!direct_link_) {
                return Unexpected{DropReason{Refusal::kUnservedVlan}};
            }
        }
        store_be16(vlan_.data(), vlan.outer);
        store_be16(vlan_.data() + 2, vlan.inner);
    }
    const bool broadcast =
        frame_.destination == kBroadcastIpv4 || snapshot_->is_local_broadcast(frame_.destination);
    unicast_ = !broadcast && snapshot_->is_local(frame_.destination);
    if (frame_.destination_port != snapshot_->ports.server || (!broadcast && !unicast_)) {
        return Unexpected{DropReason{Refusal::kNotForUs}};
    }
    return Success{};
}

// Without a relay or an option that says otherwise: the subnet of the address that the client
// already uses, if it could send to us by routing, else of the link that the frame came from. May
// be null.
inline const model::Subnet* Request::direct_subnet() const noexcept {
    const model::Subnet* const direct =
        direct_link_ ? &snapshot_->subnets[snapshot_->links[*direct_link_].subnets.front()]
                     : nullptr;
    const Ipv4 ciaddr = message_.ciaddr();
    if (!unicast_ || ciaddr.is_zero()) {
        return direct;
    }
    if (direct != nullptr && direct->prefix.contains(ciaddr)) {
        return direct;  // prefixes are disjoint: no search is needed
    }
    const model::Subnet* const found = snapshot_->find_subnet(ciaddr);
    return found != nullptr ? found : direct;
}

inline Result<Success, DropReason> Request::choose_subnet() noexcept {
    if (relayed() || !relay_.empty() || message_.has(OptionCode::kSubnetSelection)) [[unlikely]] {
        return choose_subnet_by_relay();
    }
    subnet_ = direct_subnet();
    if (subnet_ == nullptr) {
        return Unexpected{DropReason{Refusal::kNoSubnet}};
    }
    return Success{};
}

// RFC 3527 before RFC 3011 before giaddr (RFC 2131 section 4.3.1).
Result<Success, DropReason> Request::choose_subnet_by_relay() noexcept {
    const Ipv4 giaddr = message_.giaddr();
    const auto link_selection = relay_.link_selection();
    const auto subnet_selection = message_.subnet_selection();
    // A client that is not behind a relay must not choose such a subnet by an option either.
    const bool by_relay = relayed() || link_selection || subnet_selection;
    if (by_relay) {
        subnet_ = snapshot_->find_subnet(link_selection ? *link_selection
                                                        : subnet_selection.value_or(giaddr));
    } else {
        subnet_ = direct_subnet();
    }
    if (subnet_ == nullptr) {
        return Unexpected{DropReason{Refusal::kNoSubnet}};
    }
    if (by_relay && !subnet_->relays.empty() &&
        !std::binary_search(subnet_->relays.begin(), subnet_->relays.end(), giaddr)) {
        return Unexpected{DropReason{Refusal::kRelayNotAllowed}};
    }
    return Success{};
}

bool Request::match_reservation(IdentifierKind kind, ByteView value) noexcept {
    if (value.empty() || value.size() > ClientKey::kMaxValueLen ||
        !snapshot_->has_reservations(kind)) {
        return false;
    }
    bool known = false;
    snapshot_->visit_reservations(kind, value, [&](const model::Reservation& reservation) {
        known = true;
        const model::Subnet& subnet = snapshot_->subnets[reservation.subnet];
        if (subnet.link == subnet_->link && (reservation_ == nullptr || &subnet == subnet_)) {
            reservation_ = &reservation;
        }
    });
    return known && fill_key(key_, {reserved_kind(kind), {}, value});
}

bool Request::fill_key(ClientKey& key, const KeySource& source) const noexcept {
    const std::size_t value_len = source.prefix.size() + source.value.size();
    if (source.value.empty() || value_len > ClientKey::kMaxValueLen) {
        return false;
    }
    key.bytes[0] = std::byte{source.kind};
    copy_bytes(key.bytes.data() + 1, source.prefix);
    copy_bytes(key.bytes.data() + 1 + source.prefix.size(), source.value);
    key.len = static_cast<std::uint16_t>(1 + value_len);
    key.hash = hash_bytes(snapshot_->hash_key, key.view());
    return true;
}

std::array<Request::KeySource, 6> Request::former_key_sources() const noexcept {
    const ByteView hw{hw_.data(), hw_len_};
    const ByteView client_id = message_.client_identifier();
    const bool is_reserved = std::to_integer<std::uint8_t>(key_.bytes[0]) >= ClientKey::kReserved;
    // Without a reservation, now or then, client identifier and hardware address name two different
    // clients.
    return {{{reserved_kind(IdentifierKind::kHwAddress), {}, hw},
             {reserved_kind(IdentifierKind::kClientId), {}, client_id},
             {reserved_kind(IdentifierKind::kCircuitId),
              {},
              relay_.suboption(RelaySuboption::kCircuitId)},
             {reserved_kind(IdentifierKind::kRemoteId),
              {},
              relay_.suboption(RelaySuboption::kRemoteId)},
             own_key(ClientKey::kClientId, is_reserved ? client_id : ByteView{}),
             own_key(ClientKey::kHwAddress, is_reserved ? hw : ByteView{})}};
}

// A relayed client's tags are those of its relay.
Request::KeySource Request::own_key(ClientKey::Kind kind, ByteView value) const noexcept {
    if (!subnet_->vlan_identity || relayed()) {
        return {kind, {}, value};
    }
    return {kind == ClientKey::kHwAddress ? ClientKey::kVlanHwAddress : ClientKey::kVlanClientId,
            vlan_, value};
}

// What most clients are: an Ethernet address and no other name, nothing reserved, and a subnet
// whose clients are known by that. Does what name_client() does with them; false for all others.
inline bool Request::name_by_mac() noexcept {
    if (message_.hlen() != Mac::kLen || message_.has(OptionCode::kClientIdentifier) ||
        !snapshot_->reservations.empty() || subnet_->vlan_identity ||
        subnet_->identity == model::Identity::kCircuitId) {
        return false;
    }
    const std::byte* const chaddr = message_.chaddr_field().data();
    const std::uint64_t mac = std::uint64_t{load_be32(chaddr)} << 16 | load_be16(chaddr + 4);
    if (mac == 0) {
        return false;  // no address
    }
    // Kind, type and address fill one word.
    const std::uint64_t hw = std::uint64_t{message_.htype()} << 48 | mac;
    const std::uint64_t named = std::uint64_t{ClientKey::kHwAddress} << 56 | hw;
    store_be64(hw_.data(), hw << 8);
    hw_len_ = 1 + Mac::kLen;
    store_be64(key_.bytes.data(), named);
    key_.len = sizeof named;
    key_.hash = hash_word(snapshot_->hash_key, network_order(named));
    return true;
}

Result<Success, DropReason> Request::name_client() noexcept {
    const ByteView client_id = message_.client_identifier();
    const bool has_client_id = client_id.size() >= kMinClientIdLen;
    if (client_id.size() > ClientKey::kMaxValueLen) {
        return Unexpected{DropReason{Refusal::kBadClientIdentity}};
    }
    // An address means nothing without its type.
    const ByteView chaddr = message_.chaddr();
    const bool has_chaddr = !chaddr.empty() && !all_zero(chaddr);
    hw_[0] = std::byte{message_.htype()};
    copy_bytes(hw_.data() + 1, chaddr);
    hw_len_ = has_chaddr ? static_cast<std::uint8_t>(1 + chaddr.size()) : std::uint8_t{0};
    if (!has_chaddr && !has_client_id) {
        return Unexpected{DropReason{Refusal::kNoClientIdentity}};
    }
    const ByteView hw{hw_.data(), hw_len_};
    const ByteView circuit_id = relay_.suboption(RelaySuboption::kCircuitId);
    if (!snapshot_->reservations.empty() &&
        (match_reservation(IdentifierKind::kHwAddress, hw) ||
         match_reservation(IdentifierKind::kClientId, has_client_id ? client_id : ByteView{}) ||
         match_reservation(IdentifierKind::kCircuitId, circuit_id) ||
         match_reservation(IdentifierKind::kRemoteId,
                           relay_.suboption(RelaySuboption::kRemoteId)))) {
        return Success{};
    }

    std::array<std::byte, 4> giaddr{};  // circuits are numbered by their relay
    message_.giaddr().store(giaddr.data());
    if (subnet_->identity == model::Identity::kCircuitId &&
        fill_key(key_, {ClientKey::kCircuitId, giaddr, circuit_id})) {
        return Success{};
    }
    const bool by_hw =
        has_chaddr && (!has_client_id || subnet_->identity == model::Identity::kHwAddress);
    const bool filled = fill_key(key_, by_hw ? own_key(ClientKey::kHwAddress, hw)
                                             : own_key(ClientKey::kClientId, client_id));
    if (!filled) {  // both have bytes, but with the VLANs there may be too many
        return Unexpected{DropReason{Refusal::kBadClientIdentity}};
    }
    return Success{};
}

// What the operator set; then where the client already reached us; then our address on the client's
// subnet, or any of the interface.
inline Ipv4 Request::own_address() const noexcept {
    if (!subnet_->server_address.is_zero()) {
        return subnet_->server_address;
    }
    if (unicast_) {
        return frame_.destination;
    }
    if (ingress_ == nullptr || ingress_->interface.addresses.empty()) {
        return {};
    }
    for (const Ipv4Prefix& address : ingress_->interface.addresses) {
        if (subnet_->prefix.contains(address.address)) {
            return address.address;
        }
    }
    return ingress_->interface.addresses.front().address;
}

inline void Request::make_tenant() noexcept {
    tenant_.identity = key_.view();
    tenant_.hash = key_.hash;
    const std::size_t hlen = message_.hlen();
    tenant_.hw_len = static_cast<std::uint8_t>(std::min(hlen, Mac::kLen));
    tenant_.hw_type = message_.htype();
    // The field has room for 16; what is beyond the address counts as zero.
    std::memcpy(tenant_.hw.octets.data(), message_.chaddr_field().data(), Mac::kLen);
    if (hlen < Mac::kLen) [[unlikely]] {
        std::fill(tenant_.hw.octets.begin() + tenant_.hw_len, tenant_.hw.octets.end(),
                  std::byte{0});
    }
}

}  // namespace xdhcpd::engine
