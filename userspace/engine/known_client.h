// The name under which the engine would know a client that is described outside a message: a line
// of a lease file. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/addresses.h"
#include "base/bytes.h"
#include "base/result.h"
#include "engine/request.h"
#include "model/snapshot.h"
#include "model/vlan_range.h"

namespace xdhcpd::engine {

struct ClientDescription {
    std::uint8_t hw_type = 1;
    ByteView hw_address{};         // 0..16 bytes
    ByteView client_id{};          // option 61, 0..255 bytes
    ByteView relay_information{};  // option 82, likewise; with some, the client is relayed
    std::optional<Ipv4> relay{};   // giaddr
    std::optional<model::VlanIds> vlan{};
};

enum class DescriptionError : std::uint8_t {
    kNoIdentity,  // neither address nor client identifier
    kTooLong,     // with the VLANs in front
    kNoVlan,      // VLANs are part of the name, and it is not said which
    kNoRelay,     // circuits name clients, and it is not said at which relay
    kBadRelayInformation,
};

struct KnownClient {
    ClientKey key;
    const model::Reservation* reservation = nullptr;  // of this client on the link of the subnet
};

// What Request::parse() makes of a message of that client, which asks for an address of `subnet`; a
// test compares them. The rules stand twice because the other one is on the way of every packet.
[[nodiscard]] Result<KnownClient, DescriptionError> know_client(
    const ClientDescription& client, const model::Snapshot& snapshot,
    const model::Subnet& subnet) noexcept;

}  // namespace xdhcpd::engine
