#include "engine/v6/request.h"

#include <algorithm>

#include "dhcp6/validation.h"
#include "packet/ethernet.h"

namespace xdhcpd::engine::v6 {
namespace {

using dhcp6::OptionCode;
using model::IdentifierKind6;

constexpr std::uint16_t kHardwareEthernet = 1;  // IANA "Hardware Types"
constexpr std::size_t kHardwareTypeLen = 2;

[[nodiscard]] constexpr std::byte reserved_kind(IdentifierKind6 kind) noexcept {
    return static_cast<std::byte>(kReserved6 + static_cast<std::uint8_t>(kind));
}

[[nodiscard]] std::optional<std::uint32_t> find_link(const std::vector<model::VlanLink>& vlans,
                                                     model::VlanIds ids) noexcept {
    const auto at = std::ranges::lower_bound(vlans, ids, {}, &model::VlanLink::ids);
    return at != vlans.end() && at->ids == ids ? std::optional{at->link} : std::nullopt;
}

[[nodiscard]] Association association_of(OptionCode ia) noexcept {
    return ia == OptionCode::kIaPd ? Association::kPrefix : Association::kAddress;
}

}  // namespace

bool is_ipv6(ByteView frame) noexcept {
    EthernetHeader header;
    return !header.read(frame) && header.ether_type == kEtherTypeIpv6;
}

Result<Success, DropReason> Request::parse(ByteView frame, std::uint32_t ifindex,
                                           const model::Snapshot& snapshot) noexcept {
    snapshot_ = &snapshot;
    ifindex_ = ifindex;
    ingress_ = snapshot.find_ingress(ifindex);
    subnet_ = nullptr;
    reservation_ = nullptr;
    advertisement_ = nullptr;
    proxy_ = nullptr;
    link_relay_ = nullptr;
    bytes_ = frame;
    has_frame_ = false;
    protocol_ = Protocol::kDhcp6;
    nd_.reset();
    message_.clear();
    key_len_ = 0;
    first_.tenant_ = {};

    if (const auto error = frame_.read(frame)) {
        return Unexpected{DropReason{*error}};
    }
    has_frame_ = true;
    const bool is_nd = frame_.protocol == Protocol6::kIcmpv6;
    protocol_ = is_nd ? Protocol::kNd : Protocol::kDhcp6;
    std::optional<DropReason> drop = read_link();
    if (!drop) {
        drop = is_nd ? read_nd() : read_dhcp6();
    }
    if (drop) {
        return Unexpected{*drop};
    }
    return Success{};
}

MessageType Request::type() const noexcept {
    if (protocol_ == Protocol::kDhcp6) {
        return message_.type();
    }
    return nd_ ? MessageType{nd_->type()} : MessageType{nd::MessageType{}};
}

std::optional<DropReason> Request::read_link() noexcept {
    const Mac source = frame_.source_mac;
    const bool own = ingress_ != nullptr && source == ingress_->interface.mac;
    // The udp driver knows no source and writes zero there, but then no reply depends on it.
    if (source.is_group() || (own && !source.is_zero())) {
        return DropReason{Refusal6::kBadSourceMac};
    }
    direct_link_ = ingress_ != nullptr ? ingress_->link6 : std::nullopt;
    vlan_ = {};
    if (frame_.tags.count != 0) [[unlikely]] {
        vlan_ = model::vlan_ids(frame_.tags);
        if (vlan_.tagged()) {
            direct_link_ = ingress_ != nullptr ? find_link(ingress_->vlans6, vlan_) : std::nullopt;
        }
    }
    return std::nullopt;
}

// Link-local addresses are those of this interface only: others may have the same one elsewhere.
bool Request::is_own(const Ipv6& address) const noexcept {
    if (!address.is_link_local() || ingress_ == nullptr) {
        return snapshot_->ipv6.is_local(address);
    }
    return std::ranges::any_of(ingress_->interface.addresses6, [&address](const Ipv6Prefix& own) {
        return own.address == address;
    });
}

// == Neighbor Discovery ==

std::optional<DropReason> Request::read_nd() noexcept {
    const auto read = nd::MessageView::parse(frame_);
    if (!read) {
        return DropReason{read.error()};
    }
    nd_ = *read;
    if (is_own(frame_.source)) {
        return DropReason{Refusal6::kBadSource};
    }
    const Ipv6& destination = frame_.destination;
    switch (nd_->type()) {
        case nd::MessageType::kRouterSolicitation:
            advertisement_ = snapshot_->ipv6.find_advertisement(ifindex_, vlan_);
            if (advertisement_ == nullptr) {
                return DropReason{Refusal6::kNotAllRouters};
            }
            return destination == kAllRouters || is_own(destination)
                       ? std::nullopt
                       : std::optional{DropReason{Refusal6::kNotForUs}};
        case nd::MessageType::kNeighborSolicitation: {
            const Ipv6 target = nd_->target();
            proxy_ = snapshot_->ipv6.find_proxy(ifindex_, vlan_, target);
            if (proxy_ == nullptr) {
                return DropReason{Refusal6::kNotOurTarget};
            }
            return destination == target || destination == target.solicited_node()
                       ? std::nullopt
                       : std::optional{DropReason{Refusal6::kNotForUs}};
        }
        default:
            return DropReason{nd::ParseError::kOtherMessage};
    }
}

// == DHCPv6 ==

std::optional<DropReason> Request::read_dhcp6() noexcept {
    const model::Snapshot6& ipv6 = snapshot_->ipv6;
    const Ipv6& destination = frame_.destination;
    const bool is_group =
        destination == dhcp6::kAllRelayAgentsAndServers || destination == dhcp6::kAllServers;
    if (frame_.destination_port != ipv6.server_port || (!is_group && !ipv6.is_local(destination))) {
        return DropReason{Refusal6::kNotForUs};
    }
    if (!ipv6.serves_dhcp6() || ipv6.server_duid.empty()) {
        return DropReason{Refusal6::kNotServed};
    }
    if (vlan_.tagged() && !direct_link_) {
        return DropReason{Refusal6::kUnservedVlan};
    }
    // With replies to whatever port and address asks, this host may try itself.
    if (frame_.source.is_unspecified() ||
        (!snapshot_->ports.reply_to_source &&
         (frame_.source.is_loopback() || is_own(frame_.source)))) {
        return DropReason{Refusal6::kBadSource};
    }
    if (const auto read = message_.parse(frame_.payload); !read) {
        return DropReason{read.error()};
    }
    if (const auto refusal = dhcp6::check_for_server(message_, {ipv6.server_duid, !is_group})) {
        return DropReason{*refusal};
    }
    if (const auto drop = choose_subnet()) {
        return drop;
    }
    if (const auto drop = choose_source()) {
        return drop;
    }
    if (const auto drop = name_client()) {
        return drop;
    }
    for (const dhcp6::Option option : message_.options()) {
        if (key_len_ != 0 &&
            (option.code == OptionCode::kIaNa || option.code == OptionCode::kIaPd)) {
            fill_tenant(association_of(option.code), load_be32(option.value.data()), first_);
            break;
        }
    }
    return std::nullopt;
}

std::optional<DropReason> Request::choose_subnet() noexcept {
    if (relayed()) {
        if (const auto drop = choose_relayed_subnet()) {
            return drop;
        }
    } else if (direct_link_) {
        link_ = *direct_link_;
        subnet_ = &snapshot_->ipv6.subnets[link().subnets.front()];
    }
    return subnet_ != nullptr ? std::nullopt : std::optional{DropReason{Refusal6::kNoSubnet}};
}

// The relay next to the client knows best; a layer-2 relay says nothing by its link-address (RFC
// 6221 section 5.3.1), then the next one does, or the link that the frame came from.
std::optional<DropReason> Request::choose_relayed_subnet() noexcept {
    const model::Snapshot6& ipv6 = snapshot_->ipv6;
    const auto relays = message_.relays();
    for (std::size_t i = relays.size(); i-- > 0 && link_relay_ == nullptr;) {
        const dhcp6::Relay& relay = relays[i];
        const Ipv6& link_address = relay.link_address;
        const auto id = relay.interface_id();
        const auto by_id = id ? ipv6.find_interface_id(*id) : std::nullopt;
        const model::Subnet6* const by_address = ipv6.find_subnet(link_address);
        if (by_id) {
            link_ = *by_id;
            subnet_ = by_address != nullptr && by_address->link == link_
                          ? by_address
                          : &ipv6.subnets[link().subnets.front()];
        } else if (!link_address.is_unspecified() && !link_address.is_link_local()) {
            if (by_address == nullptr) {
                return DropReason{Refusal6::kNoSubnet};
            }
            link_ = by_address->link;
            subnet_ = by_address;
        } else {
            continue;
        }
        link_relay_ = &relay;
    }
    if (link_relay_ == nullptr) {
        if (!frame_.source.is_link_local() || !direct_link_) {
            return DropReason{Refusal6::kNoSubnet};
        }
        link_ = *direct_link_;
        subnet_ = &ipv6.subnets[link().subnets.front()];
        link_relay_ = message_.first_relay();
    }
    if (!subnet_->relays.empty() &&
        !std::binary_search(subnet_->relays.begin(), subnet_->relays.end(),
                            link_relay_->link_address)) {
        return DropReason{Refusal6::kRelayNotAllowed};
    }
    return std::nullopt;
}

// Where the sender reached us; else an address of the interface that the sender can answer to.
std::optional<DropReason> Request::choose_source() noexcept {
    if (!frame_.destination.is_multicast()) {
        source_address_ = frame_.destination;
        return std::nullopt;
    }
    if (ingress_ == nullptr) {
        return DropReason{Refusal6::kNotForUs};
    }
    const bool by_link_local = frame_.source.is_link_local();
    const std::vector<Ipv6Prefix>& own = ingress_->interface.addresses6;
    const auto fitting = std::ranges::find_if(own, [by_link_local](const Ipv6Prefix& prefix) {
        return prefix.address.is_link_local() == by_link_local;
    });
    source_address_ =
        fitting != own.end() ? fitting->address : Ipv6::link_local_of(ingress_->interface.mac);
    return std::nullopt;
}

// == Who ==

void Request::find_client_mac() noexcept {
    hardware_ = {};
    client_mac_ = {};
    const dhcp6::Relay* const relay = message_.first_relay();
    if (const auto said = relay != nullptr ? relay->client_link_layer() : std::nullopt) {
        hardware_ = *said;
    } else if (const ByteView duid = message_.client_id(); !duid.empty()) {
        hardware_ = dhcp6::hardware_address_of(duid).value_or(dhcp6::HardwareAddress{});
    }
    if (hardware_.address.empty() && relay == nullptr && !frame_.source_mac.is_zero()) {
        hardware_ = {kHardwareEthernet, frame_.source_mac.bytes()};
    }
    if (hardware_.type == kHardwareEthernet && hardware_.address.size() == Mac::kLen) {
        client_mac_ = Mac::load(hardware_.address.data());
    }
}

ByteView Request::identifier(IdentifierKind6 kind, bool with_interface_id,
                             std::array<std::byte, kMaxIdentifierLen>& scratch) const noexcept {
    const dhcp6::Relay* const relay = message_.first_relay();
    const auto relay_option = [relay](OptionCode code) {
        return relay != nullptr ? relay->options.find(code).value_or(ByteView{}) : ByteView{};
    };
    switch (kind) {
        case IdentifierKind6::kDuid:
            return message_.client_id();
        case IdentifierKind6::kHwAddress: {
            const std::size_t len = kHardwareTypeLen + hardware_.address.size();
            if (hardware_.address.empty() || len > scratch.size()) {
                return {};
            }
            store_be16(scratch.data(), hardware_.type);
            copy_bytes(scratch.data() + kHardwareTypeLen, hardware_.address);
            return ByteView{scratch}.first(len);
        }
        case IdentifierKind6::kRelayId: {
            const ByteView relay_id = relay_option(OptionCode::kRelayId);
            const ByteView interface_id =
                with_interface_id ? relay_option(OptionCode::kInterfaceId) : ByteView{};
            const std::size_t len = 1 + relay_id.size() + interface_id.size();
            if (relay_id.empty() || len > scratch.size()) {
                return {};
            }
            store_u8(scratch.data(), static_cast<std::uint8_t>(relay_id.size()));
            copy_bytes(scratch.data() + 1, relay_id);
            copy_bytes(scratch.data() + 1 + relay_id.size(), interface_id);
            return ByteView{scratch}.first(len);
        }
        case IdentifierKind6::kRemoteId:
            return relay_option(OptionCode::kRemoteId);
        case IdentifierKind6::kSubscriberId:
            return relay_option(OptionCode::kSubscriberId);
    }
    return {};
}

std::optional<DropReason> Request::name_client() noexcept {
    const ByteView duid = message_.client_id();
    if (duid.empty()) {
        client_mac_ = {};
        return std::nullopt;
    }
    find_client_mac();
    const model::Snapshot6& ipv6 = snapshot_->ipv6;
    std::array<std::byte, kMaxIdentifierLen> scratch;
    const auto match = [&](IdentifierKind6 kind, ByteView value) {
        bool known = false;
        ipv6.visit_reservations(
            kind, value, snapshot_->hash_key, [&](const model::Reservation6& each) {
                known = true;
                const model::Subnet6& subnet = ipv6.subnets[each.subnet];
                if (subnet.link == link_ &&
                    (reservation_ == nullptr || (reservation_->iaid && !each.iaid) ||
                     (&subnet == subnet_ &&
                      reservation_->iaid.has_value() == each.iaid.has_value()))) {
                    reservation_ = &each;
                }
            });
        if (known && value.size() <= kMaxIdentifierLen) {
            key_[0] = reserved_kind(kind);
            copy_bytes(key_.data() + 1, value);
            key_len_ = 1 + value.size();
        }
        return known;
    };
    if (!ipv6.reservations.empty()) [[unlikely]] {
        for (std::size_t i = 0; i < model::kIdentifierKind6Count; ++i) {
            const auto kind = static_cast<IdentifierKind6>(i);
            if (!ipv6.has_reservations(kind)) {
                continue;
            }
            const bool may_have_interface = kind == IdentifierKind6::kRelayId;
            if (match(kind, identifier(kind, may_have_interface, scratch)) ||
                (may_have_interface && match(kind, identifier(kind, false, scratch)))) {
                return key_len_ != 0 ? std::nullopt
                                     : std::optional{DropReason{Refusal6::kIdentityTooLong}};
            }
        }
    }
    key_[0] = std::byte{kDuid};
    copy_bytes(key_.data() + 1, duid);
    key_len_ = 1 + duid.size();
    return std::nullopt;
}

const model::Reservation6* Request::reservation_for(std::uint32_t iaid) const noexcept {
    if (reservation_ == nullptr) {
        return nullptr;
    }
    const model::Reservation6* found = nullptr;
    const model::Identifier6& identifier = reservation_->identifier;
    snapshot_->ipv6.visit_reservations(
        identifier.kind, identifier.value, snapshot_->hash_key,
        [&](const model::Reservation6& each) {
            const bool is_here = snapshot_->ipv6.subnets[each.subnet].link == link_;
            const bool is_exact = each.iaid == iaid;
            if (is_here && (is_exact || (!each.iaid && found == nullptr))) {
                found = &each;
            }
        });
    // Of those without an IAID it is the one that reservation() has.
    return found != nullptr && !found->iaid ? reservation_ : found;
}

void Request::fill_tenant(std::byte kind, ByteView identifier, Association association,
                          std::uint32_t iaid, AssociationTenant& to) const noexcept {
    XD_ASSERT(!identifier.empty() && identifier.size() <= kMaxIdentifierLen);
    std::byte* const bytes = to.bytes_.data();
    bytes[0] = kind;
    bytes[1] = static_cast<std::byte>(association);
    store_be32(bytes + 2, iaid);
    copy_bytes(bytes + kIdentityHeaderLen, identifier);
    lease::Tenant& tenant = to.tenant_;
    tenant.identity = {bytes, kIdentityHeaderLen + identifier.size()};
    tenant.hash = hash_bytes(snapshot_->hash_key, tenant.identity);
    const bool has_mac = !client_mac_.is_zero();
    tenant.hw = client_mac_;
    tenant.hw_len = has_mac ? static_cast<std::uint8_t>(Mac::kLen) : std::uint8_t{0};
    tenant.hw_type = has_mac ? static_cast<std::uint8_t>(kHardwareEthernet) : std::uint8_t{0};
}

Request::Name Request::former_name(
    std::size_t index, std::array<std::byte, kMaxIdentifierLen>& scratch) const noexcept {
    constexpr std::size_t kWithoutInterface = model::kIdentifierKind6Count;
    if (index > kWithoutInterface) {
        return {std::byte{kDuid}, message_.client_id()};
    }
    const IdentifierKind6 kind = index == kWithoutInterface ? IdentifierKind6::kRelayId
                                                            : static_cast<IdentifierKind6>(index);
    const ByteView value = identifier(kind, index != kWithoutInterface, scratch);
    return {reserved_kind(kind), value.size() <= kMaxIdentifierLen ? value : ByteView{}};
}

std::uint32_t shard_of(const Request& request, std::uint32_t count) noexcept {
    XD_ASSERT(!request.shard_key().empty() && count != 0);
    return shard_of_identifier(request.shard_key().subspan(1), request.snapshot().hash_key, count);
}

}  // namespace xdhcpd::engine::v6
