#include "engine/rate_limiter.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"
#include "base/hash.h"
#include "dhcp6/message_view.h"
#include "model/snapshot.h"
#include "model/vlan_range.h"

namespace xdhcpd::engine {
namespace {

// As many as the XDP program knows of each interface (XD_MAX_CLIENTS); 16 bytes each.
constexpr std::size_t kClientSlots = std::size_t{1} << 16;
constexpr std::size_t kRelaySlots = std::size_t{1} << 14;
constexpr std::size_t kLinkSlots = std::size_t{1} << 14;

// One byte for the kind of owner, then where, then who.
constexpr std::size_t kPlaceLen = 4 + 2 + 2;  // interface and VLANs
constexpr std::size_t kMaxOwnerLen = 1 + kPlaceLen + 16 + dhcp4::kChaddrLen;

enum class Owner : std::uint8_t {
    kDirect,
    kBehind,
    kNameless,
    kRelay,
    kLink,
    kDirect6,
    kBehind6,
    kRelay6,
    kLink6,
};

// The bytes that tell one owner from another.
class OwnerKey {
  public:
    OwnerKey(Owner kind, std::uint32_t ifindex) noexcept {
        bytes_[len_++] = static_cast<std::byte>(kind);
        store_be32(bytes_.data() + len_, ifindex);
        len_ += 4;
    }
    OwnerKey& add(model::VlanIds vlan) noexcept {
        store_be16(bytes_.data() + len_, vlan.outer);
        store_be16(bytes_.data() + len_ + 2, vlan.inner);
        len_ += 4;
        return *this;
    }
    OwnerKey& add(Ipv4 address) noexcept {
        address.store(bytes_.data() + len_);
        len_ += 4;
        return *this;
    }
    OwnerKey& add(const Ipv6& address) noexcept { return add(address.bytes()); }
    // At most kChaddrLen bytes, which those of an address are not more than.
    OwnerKey& add(ByteView bytes) noexcept {
        copy_bytes(bytes_.data() + len_, bytes);
        len_ += bytes.size();
        return *this;
    }
    [[nodiscard]] std::uint64_t hash(HashKey key) const noexcept {
        return hash_bytes(key, ByteView{bytes_}.first(len_));
    }

  private:
    std::array<std::byte, kMaxOwnerLen> bytes_{};
    std::size_t len_ = 0;
};

[[nodiscard]] ByteView mac_of_chaddr(const dhcp4::MessageView& message) noexcept {
    return message.chaddr_field().first(Mac::kLen);
}

// Whether the frame's source is whom the client bucket counts. The same question as
// xd_is_direct() in bpf/xd_rate.bpf.h, which must not answer it otherwise.
[[nodiscard]] bool is_direct(const Request& request) noexcept {
    const dhcp4::MessageView& message = request.message();
    if (request.relayed()) {
        return false;
    }
    const FrameView& frame = request.frame();
    const bool may_be_routed = frame.destination != kBroadcastIpv4 && !message.ciaddr().is_zero();
    return !may_be_routed || frame.source_mac.is_zero() ||
           equal_bytes(frame.source_mac.bytes(), mac_of_chaddr(message));
}

[[nodiscard]] std::uint64_t client_of(const Request& request, bool is_direct,
                                      HashKey key) noexcept {
    const dhcp4::MessageView& message = request.message();
    const FrameView& frame = request.frame();
    if (is_direct) {
        const bool has_source = !frame.source_mac.is_zero();  // the udp driver has none
        return OwnerKey{Owner::kDirect, request.ifindex()}
            .add(model::vlan_ids(frame.tags))
            .add(has_source ? frame.source_mac.bytes() : mac_of_chaddr(message))
            .hash(key);
    }
    const OwnerKey behind =
        OwnerKey{Owner::kBehind, request.ifindex()}.add(message.giaddr()).add(message.chaddr());
    if (!message.chaddr().empty()) {
        return behind.hash(key);
    }
    // Known by its client identifier alone.
    return OwnerKey{Owner::kNameless, request.ifindex()}.add(message.giaddr()).hash(key) ^
           std::rotl(request.key().hash, 1);
}

[[nodiscard]] std::uint64_t relay_of(const Request& request, HashKey key) noexcept {
    return OwnerKey{Owner::kRelay, request.ifindex()}.add(request.message().giaddr()).hash(key) ^
           std::rotl(hash_bytes(key, request.relay().suboption(dhcp4::RelaySuboption::kCircuitId)),
                     1);
}

[[nodiscard]] std::uint64_t link_of(const Request& request, HashKey key) noexcept {
    return OwnerKey{Owner::kLink, request.ifindex()}
        .add(model::vlan_ids(request.frame().tags))
        .hash(key);
}

// == DHCPv6 ==

[[nodiscard]] bool is_direct(const v6::Request& request) noexcept {
    return !request.relayed();
}

[[nodiscard]] Ipv6 link_address(const v6::Request& request) noexcept {
    const dhcp6::Relay* const relay = request.message().first_relay();
    return relay != nullptr ? relay->link_address : Ipv6{};
}

[[nodiscard]] std::uint64_t client_of(const v6::Request& request, bool is_direct,
                                      HashKey key) noexcept {
    const FrameView6& frame = request.frame();
    if (is_direct) {
        const OwnerKey direct =
            OwnerKey{Owner::kDirect6, request.ifindex()}.add(model::vlan_ids(frame.tags));
        return frame.source_mac.is_zero()  // the udp driver has none
                   ? OwnerKey{direct}.add(frame.source).hash(key)
                   : OwnerKey{direct}.add(frame.source_mac.bytes()).hash(key);
    }
    return OwnerKey{Owner::kBehind6, request.ifindex()}.add(link_address(request)).hash(key) ^
           std::rotl(hash_bytes(key, request.message().client_id()), 1);
}

[[nodiscard]] std::uint64_t relay_of(const v6::Request& request, HashKey key) noexcept {
    const dhcp6::Relay* const relay = request.message().first_relay();
    const ByteView port =
        relay != nullptr ? relay->interface_id().value_or(ByteView{}) : ByteView{};
    return OwnerKey{Owner::kRelay6, request.ifindex()}.add(link_address(request)).hash(key) ^
           std::rotl(hash_bytes(key, port), 1);
}

[[nodiscard]] std::uint64_t link_of(const v6::Request& request, HashKey key) noexcept {
    return OwnerKey{Owner::kLink6, request.ifindex()}
        .add(model::vlan_ids(request.frame().tags))
        .hash(key);
}

[[nodiscard]] bool is_limited(const model::Ingress* ingress) noexcept {
    return ingress != nullptr && ingress->is_limited;
}

[[nodiscard]] std::uint64_t nanoseconds(BootTime now) noexcept {
    return static_cast<std::uint64_t>(now.time_since_epoch().count());
}

}  // namespace

BucketTable::BucketTable(std::size_t size) : slots_{size} {
    XD_ASSERT(size >= kWays && std::has_single_bit(size));
}

bool BucketTable::take(std::uint64_t owner, std::uint64_t now, const RateTerms& terms) noexcept {
    Slot* const set = slots_.data() + (owner & (slots_.size() - 1) & ~(kWays - 1));
    Slot* const found =
        std::find_if(set, set + kWays, [owner](const Slot& slot) { return slot.owner == owner; });
    if (found != set + kWays) {
        return take_token(found->full_at, now, terms);
    }
    Slot& oldest = *std::min_element(
        set, set + kWays, [](const Slot& a, const Slot& b) { return a.full_at < b.full_at; });
    oldest = {owner, 0};
    return take_token(oldest.full_at, now, terms);
}

RateLimiter::RateLimiter() : clients_{kClientSlots}, relays_{kRelaySlots}, links_{kLinkSlots} {}

std::optional<Shed> RateLimiter::take(const Request& request, bool is_filtered,
                                      BootTime now) noexcept {
    return is_limited(request.ingress()) ? take_limited(request, is_filtered, nanoseconds(now))
                                         : std::nullopt;
}

std::optional<Shed> RateLimiter::take(const v6::Request& request, bool is_filtered,
                                      BootTime now) noexcept {
    return request.is_dhcp6() && is_limited(request.ingress())
               ? take_limited(request, is_filtered, nanoseconds(now))
               : std::nullopt;
}

// Who sends too much is stopped by its own bucket first, so that it does not empty those it shares.
template <typename Request>
std::optional<Shed> RateLimiter::take_limited(const Request& request, bool is_filtered,
                                              std::uint64_t now) noexcept {
    const model::Ingress& ingress = *request.ingress();
    const HashKey key = request.snapshot().hash_key;
    if (ingress.client_terms.limited()) {
        const bool direct = is_direct(request);
        if (!(direct && is_filtered) &&
            !clients_.take(client_of(request, direct, key), now, ingress.client_terms)) {
            return Shed::kClientRate;
        }
    }
    if (ingress.relay_terms.limited() && request.relayed() &&
        !relays_.take(relay_of(request, key), now, ingress.relay_terms)) {
        return Shed::kRelayRate;
    }
    if (ingress.link_terms.limited() && !is_filtered &&
        !links_.take(link_of(request, key), now, ingress.link_terms)) {
        return Shed::kLinkRate;
    }
    return std::nullopt;
}

}  // namespace xdhcpd::engine
