// Request: a received IPv6 frame on its way through the engine: parsed, its sender named, its link
// chosen. DHCPv6 messages belong to the shard of their client; messages of Neighbor Discovery to
// nobody: who receives them answers.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "dhcp6/message_view.h"
#include "engine/drop_reason.h"
#include "engine/message_type.h"
#include "engine/shard_choice.h"
#include "lease/tenant.h"
#include "model/snapshot.h"
#include "nd/message_view.h"
#include "packet/frame_view6.h"

namespace xdhcpd::engine::v6 {

// Whether the frame is IPv6 behind at most two VLAN tags. Any length.
[[nodiscard]] bool is_ipv6(ByteView frame) noexcept;

// How identities of DHCPv6 begin in the lease store: kind, association, IAID; then what the kind
// says. The first octet is of one row with engine::ClientKey::Kind.
enum KeyKind : std::uint8_t {
    kDuid = kFirstKindOfDhcp6,
    kReserved6 = 40,  // + IdentifierKind6: of a reservation
};
enum class Association : std::uint8_t { kAddress = 1, kPrefix = 2 };  // IA_NA, IA_PD
// Kind, association, IAID (network order).
inline constexpr std::size_t kIdentityHeaderLen = kIdentityHeaderLen6;
[[nodiscard]] constexpr bool is_v6_identity(ByteView identity) noexcept {
    return identity.size() > kIdentityHeaderLen &&
           std::to_integer<std::uint8_t>(identity[0]) >= kDuid;
}

// Longer identifiers of reservations do not name a client.
inline constexpr std::size_t kMaxIdentifierLen = 255;

// The tenant of one association; its bytes live inside.
class AssociationTenant {
  public:
    AssociationTenant() = default;
    AssociationTenant(const AssociationTenant&) = delete;
    AssociationTenant& operator=(const AssociationTenant&) = delete;
    [[nodiscard]] const lease::Tenant& tenant() const noexcept { return tenant_; }

  private:
    friend class Request;
    std::array<std::byte, kIdentityHeaderLen + kMaxIdentifierLen> bytes_;  // as far as filled
    lease::Tenant tenant_;
};

// Reusable, never copied: workers keep one per place of a batch. Borrows the frame and the
// snapshot.
class Request {
  public:
    Request() = default;
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;

    // Reads `frame` as received on interface `ifindex` and prepares everything that does not depend
    // on leases. Pure; any thread. After an error only bytes(), frame(), type(), message() (empty
    // if it could not be read), client_mac() and has_nd() may be looked at, as far as they got.
    Result<Success, DropReason> parse(ByteView frame, std::uint32_t ifindex,
                                      const model::Snapshot& snapshot) noexcept;

    [[nodiscard]] ByteView bytes() const noexcept { return bytes_; }
    [[nodiscard]] bool has_frame() const noexcept { return has_frame_; }
    [[nodiscard]] const FrameView6& frame() const noexcept { return frame_; }
    [[nodiscard]] std::uint32_t ifindex() const noexcept { return ifindex_; }
    [[nodiscard]] const model::Snapshot& snapshot() const noexcept { return *snapshot_; }
    // Null when the frame came in on an interface that has no direct clients of ours.
    [[nodiscard]] const model::Ingress* ingress() const noexcept { return ingress_; }
    [[nodiscard]] MessageType type() const noexcept;
    [[nodiscard]] bool is_dhcp6() const noexcept { return protocol_ == Protocol::kDhcp6; }

    // --- Of DHCPv6.
    [[nodiscard]] const dhcp6::MessageView& message() const noexcept { return message_; }
    [[nodiscard]] bool relayed() const noexcept { return !message_.relays().empty(); }
    [[nodiscard]] const model::Link6& link() const noexcept { return snapshot_->ipv6.links[link_]; }
    // Of relayed clients the subnet of the link-address, of others the link's first one.
    [[nodiscard]] const model::Subnet6& subnet() const noexcept { return *subnet_; }
    // The reservation of this client on this link, or null. Of several, which are for one IAID
    // each, the one for all others, or any.
    [[nodiscard]] const model::Reservation6* reservation() const noexcept { return reservation_; }
    // The reservation for an IA of this client, or null.
    [[nodiscard]] const model::Reservation6* reservation_for(std::uint32_t iaid) const noexcept;
    // Hardware address of the client as far as it is known (see IdentifierKind6::kHwAddress).
    [[nodiscard]] Mac client_mac() const noexcept { return client_mac_; }
    // The part of the identity that names the shard: kind and identifier, 2..256 bytes; empty when
    // the message names no client (INFORMATION-REQUEST without one): then any shard may answer.
    [[nodiscard]] ByteView shard_key() const noexcept { return {key_.data(), key_len_}; }
    // Fills `to` with the tenant of an IA of this client; borrowed by nothing else.
    void fill_tenant(Association association, std::uint32_t iaid,
                     AssociationTenant& to) const noexcept {
        fill_tenant(key_[0], {key_.data() + 1, key_len_ - 1}, association, iaid, to);
    }
    // The tenant of the first IA_NA or IA_PD, for prefetching; identity empty if there is none.
    [[nodiscard]] const lease::Tenant& first_tenant() const noexcept { return first_.tenant(); }
    // Calls visit(Tenant) for every name under which this IA may be known from before a reload,
    // until it returns true; `scratch` holds them.
    template <typename Visit>
    void visit_former_tenants(Association association, std::uint32_t iaid,
                              AssociationTenant& scratch, Visit&& visit) const {
        if (snapshot_->generation <= 1) {
            return;
        }
        std::array<std::byte, kMaxIdentifierLen> bytes;
        for (std::size_t i = 0; i < 2 + model::kIdentifierKind6Count; ++i) {
            const auto [kind, identifier] = former_name(i, bytes);
            if (identifier.empty() ||
                (kind == key_[0] && equal_bytes(identifier, {key_.data() + 1, key_len_ - 1}))) {
                continue;
            }
            fill_tenant(kind, identifier, association, iaid, scratch);
            if (visit(scratch.tenant())) {
                return;
            }
        }
    }
    // What the relay that names the client's link says of it, or null for a direct client.
    [[nodiscard]] const dhcp6::Relay* link_relay() const noexcept { return link_relay_; }
    // The IP source of replies.
    [[nodiscard]] const Ipv6& source_address() const noexcept { return source_address_; }

    // --- Of Neighbor Discovery: a Router Solicitation on a link where we advertise, or a Neighbor
    // Solicitation for a target that we answer for.
    [[nodiscard]] bool has_nd() const noexcept { return nd_.has_value(); }
    [[nodiscard]] const nd::MessageView& nd() const noexcept { return *nd_; }
    [[nodiscard]] const model::Advertisement* advertisement() const noexcept {
        return advertisement_;
    }
    [[nodiscard]] const model::NeighborProxy* proxy() const noexcept { return proxy_; }

  private:
    // The steps of parse(), which is their only caller.
    [[nodiscard]] std::optional<DropReason> read_link() noexcept;
    [[nodiscard]] std::optional<DropReason> read_nd() noexcept;
    [[nodiscard]] std::optional<DropReason> read_dhcp6() noexcept;
    [[nodiscard]] std::optional<DropReason> choose_subnet() noexcept;
    [[nodiscard]] std::optional<DropReason> choose_relayed_subnet() noexcept;
    [[nodiscard]] std::optional<DropReason> name_client() noexcept;
    [[nodiscard]] std::optional<DropReason> choose_source() noexcept;
    [[nodiscard]] bool is_own(const Ipv6& address) const noexcept;
    void find_client_mac() noexcept;
    // What a reservation of that kind would be matched by; empty if the message does not say it, or
    // if it is longer than `scratch` where that is needed.
    [[nodiscard]] ByteView identifier(
        model::IdentifierKind6 kind, bool with_interface_id,
        std::array<std::byte, kMaxIdentifierLen>& scratch) const noexcept;
    struct Name {
        std::byte kind{};
        ByteView identifier;
    };
    // `index` < 2 + kIdentifierKind6Count; see visit_former_tenants().
    [[nodiscard]] Name former_name(
        std::size_t index, std::array<std::byte, kMaxIdentifierLen>& scratch) const noexcept;
    void fill_tenant(std::byte kind, ByteView identifier, Association association,
                     std::uint32_t iaid, AssociationTenant& to) const noexcept;

    ByteView bytes_;
    FrameView6 frame_;
    dhcp6::MessageView message_;
    std::optional<nd::MessageView> nd_;
    Protocol protocol_ = Protocol::kDhcp6;
    std::array<std::byte, 1 + kMaxIdentifierLen> key_{};
    std::size_t key_len_ = 0;
    AssociationTenant first_;
    std::uint32_t ifindex_ = 0;
    std::uint32_t link_ = 0;
    model::VlanIds vlan_;
    std::optional<std::uint32_t> direct_link_;  // of who sends with these tags here
    Mac client_mac_;
    dhcp6::HardwareAddress hardware_;  // of the client; empty: not known
    Ipv6 source_address_;
    const dhcp6::Relay* link_relay_ = nullptr;
    const model::Snapshot* snapshot_ = nullptr;
    const model::Ingress* ingress_ = nullptr;
    const model::Subnet6* subnet_ = nullptr;
    const model::Reservation6* reservation_ = nullptr;
    const model::Advertisement* advertisement_ = nullptr;
    const model::NeighborProxy* proxy_ = nullptr;
    bool has_frame_ = false;
};

// The shard of `count` that decides a DHCPv6 request; the same as engine::shard_of() of each of its
// tenants. Requires a shard_key().
[[nodiscard]] std::uint32_t shard_of(const Request& request, std::uint32_t count) noexcept;

}  // namespace xdhcpd::engine::v6
