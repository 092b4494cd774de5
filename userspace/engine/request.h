// Request: a received frame on its way through the engine: parsed, its sender named, its subnet
// chosen.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "dhcp4/message_view.h"
#include "dhcp4/relay.h"
#include "engine/drop_reason.h"
#include "lease/tenant.h"
#include "model/snapshot.h"
#include "packet/frame_view.h"

namespace xdhcpd::engine {

// Who sends the message. The bytes live inside, so a key is moved with its request only.
// First byte: kind; then what the kind says. Two clients with equal bytes are one client.
struct ClientKey {
    static constexpr std::size_t kMaxValueLen = 255;
    // Kinds above kReserved come from a reservation's identifier of kind `value - kReserved`.
    enum Kind : std::uint8_t {
        kHwAddress = 1,
        kClientId = 2,
        kCircuitId = 3,
        kVlanHwAddress = 4,
        kVlanClientId = 5,
        kReserved = 16
    };

    std::array<std::byte, 1 + kMaxValueLen> bytes{};
    std::uint16_t len = 0;
    std::uint64_t hash = 0;  // keyed with the snapshot's key; names the shard

    [[nodiscard]] ByteView view() const noexcept { return {bytes.data(), len}; }
};

// Two steps for a batch, as in lease::Shard: prefetch_frame() for the one after next, parse() for
// this one. A frame that the kernel has copied is in no near cache. What is fetched is what a
// message without much in its options has; reading the rest in order brings it along.
inline void prefetch_frame(ByteView frame) noexcept {
    constexpr std::size_t kLineLen = 64;
    constexpr std::size_t kLines = 6;
    for (std::size_t line = 0; line < kLines; ++line) {
        __builtin_prefetch(frame.data() + line * kLineLen);
    }
}

// Reusable, never copied: workers keep one per place of a batch. Borrows the frame and the
// snapshot.
class Request {
  public:
    Request() = default;
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;

    // Reads `frame` as received on interface `ifindex` and prepares everything that does not depend
    // on leases. Pure; any thread. After an error only bytes(), frame() and message() may be looked
    // at, as far as they got.
    Result<Success, DropReason> parse(ByteView frame, std::uint32_t ifindex,
                                      const model::Snapshot& snapshot) noexcept;

    // The frame as it came, whatever became of it.
    [[nodiscard]] ByteView bytes() const noexcept { return bytes_; }
    [[nodiscard]] const FrameView& frame() const noexcept { return frame_; }
    [[nodiscard]] const dhcp4::MessageView& message() const noexcept { return message_; }
    [[nodiscard]] const dhcp4::RelayInformation& relay() const noexcept { return relay_; }
    [[nodiscard]] const ClientKey& key() const noexcept { return key_; }
    [[nodiscard]] std::uint32_t ifindex() const noexcept { return ifindex_; }
    [[nodiscard]] const model::Snapshot& snapshot() const noexcept { return *snapshot_; }
    // Null when the frame came in on an interface that has no direct clients of ours.
    [[nodiscard]] const model::Ingress* ingress() const noexcept { return ingress_; }
    [[nodiscard]] const model::Subnet& subnet() const noexcept { return *subnet_; }
    [[nodiscard]] const model::Link& link() const noexcept {
        return snapshot_->links[subnet_->link];
    }
    // The reservation of this client on this link, or null.
    [[nodiscard]] const model::Reservation* reservation() const noexcept { return reservation_; }
    [[nodiscard]] bool relayed() const noexcept { return !message_.giaddr().is_zero(); }
    // A reply may go to a relay, or to an address that the client has already.
    [[nodiscard]] bool may_be_routed() const noexcept {
        return relayed() || !message_.ciaddr().is_zero() || !frame_.source.is_zero();
    }
    // Sent to one of our addresses rather than broadcast.
    [[nodiscard]] bool unicast() const noexcept { return unicast_; }
    // What goes into option 54 and the source address (own_address() has the order; RFC 5107 comes
    // before it).
    [[nodiscard]] Ipv4 server_identifier() const noexcept { return server_identifier_; }
    // The IP source of replies: the server identifier if it is ours, else (RFC 5107: it is the
    // relay's) our own.
    [[nodiscard]] Ipv4 source_address() const noexcept { return source_address_; }
    // The client as the lease store knows it.
    [[nodiscard]] const lease::Tenant& tenant() const noexcept { return tenant_; }
    // Calls visit(Tenant) for every key under which this client may be known from before a reload,
    // until it returns true: those of its identifiers that a reservation might match, and the one
    // without any.
    template <typename Visit>
    void visit_former_keys(Visit&& visit) const {
        if (!reloaded()) {
            return;
        }
        for (const KeySource& source : former_key_sources()) {
            ClientKey former;
            if (fill_key(former, source) && !equal_bytes(former.view(), key_.view())) {
                lease::Tenant other = tenant();
                other.identity = former.view();
                other.hash = former.hash;
                if (visit(other)) {
                    return;
                }
            }
        }
    }
    // Whether frame() holds values although parse() failed later.
    [[nodiscard]] bool has_frame() const noexcept { return has_frame_; }

  private:
    // The steps of parse(), which is their only caller.
    [[nodiscard, gnu::always_inline]] inline Result<Success, DropReason>
    check_destination() noexcept;
    [[nodiscard, gnu::always_inline]] inline Result<Success, DropReason> choose_subnet() noexcept;
    [[nodiscard]] Result<Success, DropReason> choose_subnet_by_relay() noexcept;
    [[nodiscard, gnu::always_inline]] inline const model::Subnet* direct_subnet() const noexcept;
    [[nodiscard, gnu::always_inline]] inline bool name_by_mac() noexcept;
    [[nodiscard]] Result<Success, DropReason> name_client() noexcept;
    [[nodiscard]] bool match_reservation(model::IdentifierKind kind, ByteView value) noexcept;
    // What a key is made of: kind, and bytes of the message (`prefix` and `value` may be empty).
    struct KeySource {
        std::uint8_t kind = 0;
        ByteView prefix;
        ByteView value;
    };
    // False, and nothing is filled, if the source has no bytes or too many.
    [[nodiscard]] bool fill_key(ClientKey& key, const KeySource& source) const noexcept;
    [[nodiscard]] std::array<KeySource, 6> former_key_sources() const noexcept;
    [[nodiscard]] bool reloaded() const noexcept { return snapshot_->generation > 1; }
    [[gnu::always_inline]] inline void make_tenant() noexcept;
    // Key of a client without a reservation, its VLANs before it where they are part of it.
    [[nodiscard]] KeySource own_key(ClientKey::Kind kind, ByteView value) const noexcept;
    [[nodiscard, gnu::always_inline]] inline Ipv4 own_address() const noexcept;

    ByteView bytes_;
    FrameView frame_;
    dhcp4::MessageView message_;
    dhcp4::RelayInformation relay_;
    ClientKey key_;
    lease::Tenant tenant_;                               // borrows key_
    std::array<std::byte, 1 + dhcp4::kChaddrLen> hw_{};  // hardware type and address as one value
    std::uint8_t hw_len_ = 0;                            // of hw_; 0 without a usable address
    std::array<std::byte, 4> vlan_{};                    // identifiers of the frame's tags
    std::optional<std::uint32_t> direct_link_;           // of who sends with these tags here
    std::uint32_t ifindex_ = 0;
    const model::Snapshot* snapshot_ = nullptr;
    const model::Ingress* ingress_ = nullptr;
    const model::Subnet* subnet_ = nullptr;
    const model::Reservation* reservation_ = nullptr;
    Ipv4 server_identifier_;
    Ipv4 source_address_;
    bool unicast_ = false;
    bool has_frame_ = false;
};

}  // namespace xdhcpd::engine
