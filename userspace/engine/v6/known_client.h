// The name under which the engine would know an association of DHCPv6 that is described outside a
// message: a line of a lease file. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/addresses.h"
#include "base/bytes.h"
#include "base/result.h"
#include "engine/v6/request.h"
#include "lease/tenant.h"
#include "model/snapshot.h"

namespace xdhcpd::engine::v6 {

struct ClientDescription {
    Association association = Association::kAddress;
    std::uint32_t iaid = 0;
    ByteView duid{};  // 0..130 bytes
    // Where it is known otherwise than from the DUID; 0..20 bytes.
    std::uint16_t hw_type = 1;
    ByteView hw_address{};
    // What the relay next to the client says: see model::Identifier6.
    ByteView relay_id{};
    ByteView remote_id{};
    ByteView subscriber_id{};
};

enum class DescriptionError : std::uint8_t {
    kNoIdentity,  // neither a DUID nor anything that a reservation knows
    kTooLong,
};

// Owns the bytes of the name.
class KnownClient {
  public:
    [[nodiscard]] ByteView identity() const noexcept { return {bytes_.data(), len_}; }
    // Borrows the identity.
    [[nodiscard]] lease::Tenant tenant(HashKey key) const noexcept;
    // Of this association on the link of the subnet, or null.
    [[nodiscard]] const model::Reservation6* reservation() const noexcept { return reservation_; }

  private:
    friend class DescriptionReader;
    std::array<std::byte, kIdentityHeaderLen + kMaxIdentifierLen> bytes_{};
    std::size_t len_ = 0;
    Mac mac_;
    bool has_mac_ = false;
    const model::Reservation6* reservation_ = nullptr;
};

// What Request::parse() and reservation_for() make of a message of that client, which asks on the
// link of `subnet`; a test compares them. The rules stand twice because the other ones are on the
// way of every packet.
[[nodiscard]] Result<KnownClient, DescriptionError> know_client(
    const ClientDescription& client, const model::Snapshot& snapshot,
    const model::Subnet6& subnet) noexcept;

// And back: what an identity says of its client, as far as it does. Views into `identity`.
// hw_address stands there only if a reservation knows the client by it.
[[nodiscard]] ClientDescription describe_client(ByteView identity) noexcept;

}  // namespace xdhcpd::engine::v6
