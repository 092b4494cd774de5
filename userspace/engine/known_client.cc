#include "engine/known_client.h"

#include <algorithm>
#include <array>

#include "dhcp4/message_view.h"
#include "dhcp4/relay.h"

namespace xdhcpd::engine {
namespace {

using dhcp4::RelaySuboption;
using model::IdentifierKind;

constexpr std::size_t kMinClientIdLen = 2;  // RFC 2132 section 9.14
constexpr std::size_t kVlanLen = 4;

class Namer {
  public:
    Namer(const ClientDescription& client, const model::Snapshot& snapshot,
          const model::Subnet& subnet) noexcept
        : client_{client}, snapshot_{snapshot}, subnet_{subnet} {}

    [[nodiscard]] Result<KnownClient, DescriptionError> run() noexcept {
        dhcp4::RelayInformation relay;
        if (!client_.relay_information.empty()) {
            const auto parsed = dhcp4::RelayInformation::parse(client_.relay_information);
            if (!parsed) {
                return Unexpected{DescriptionError::kBadRelayInformation};
            }
            relay = *parsed;
        }
        const bool all_zero = std::all_of(client_.hw_address.begin(), client_.hw_address.end(),
                                          [](std::byte byte) { return byte == std::byte{0}; });
        if (!all_zero && client_.hw_address.size() < hw_.size()) {
            hw_[0] = std::byte{client_.hw_type};
            copy_bytes(hw_.data() + 1, client_.hw_address);
            hw_len_ = 1 + client_.hw_address.size();
        }
        const ByteView hw{hw_.data(), hw_len_};
        const bool has_client_id = client_.client_id.size() >= kMinClientIdLen;
        const ByteView client_id = has_client_id ? client_.client_id : ByteView{};
        if (hw.empty() && !has_client_id) {
            return Unexpected{DescriptionError::kNoIdentity};
        }
        const ByteView circuit_id = relay.suboption(RelaySuboption::kCircuitId);
        if (is_reserved(IdentifierKind::kHwAddress, hw) ||
            is_reserved(IdentifierKind::kClientId, client_id) ||
            is_reserved(IdentifierKind::kCircuitId, circuit_id) ||
            is_reserved(IdentifierKind::kRemoteId, relay.suboption(RelaySuboption::kRemoteId))) {
            return known_;
        }
        if (subnet_.identity == model::Identity::kCircuitId && !circuit_id.empty()) {
            return name_by_circuit(circuit_id);
        }
        const bool by_hw =
            !hw.empty() && (client_id.empty() || subnet_.identity == model::Identity::kHwAddress);
        return by_hw ? name_own(ClientKey::kHwAddress, ClientKey::kVlanHwAddress, hw)
                     : name_own(ClientKey::kClientId, ClientKey::kVlanClientId, client_id);
    }

  private:
    [[nodiscard]] bool fill(std::uint8_t kind, ByteView prefix, ByteView value) noexcept {
        if (value.empty() || prefix.size() + value.size() > ClientKey::kMaxValueLen) {
            return false;
        }
        ClientKey& key = known_.key;
        key.bytes[0] = std::byte{kind};
        copy_bytes(key.bytes.data() + 1, prefix);
        copy_bytes(key.bytes.data() + 1 + prefix.size(), value);
        key.len = static_cast<std::uint16_t>(1 + prefix.size() + value.size());
        key.hash = hash_bytes(snapshot_.hash_key, key.view());
        return true;
    }

    [[nodiscard]] bool is_reserved(IdentifierKind kind, ByteView value) noexcept {
        if (value.empty() || !snapshot_.has_reservations(kind)) {
            return false;
        }
        bool is_known = false;
        snapshot_.visit_reservations(kind, value, [&](const model::Reservation& reservation) {
            is_known = true;
            const model::Subnet& other = snapshot_.subnets[reservation.subnet];
            if (other.link == subnet_.link &&
                (known_.reservation == nullptr || &other == &subnet_)) {
                known_.reservation = &reservation;
            }
        });
        const auto key_kind =
            static_cast<std::uint8_t>(ClientKey::kReserved + static_cast<std::uint8_t>(kind));
        return is_known && fill(key_kind, {}, value);
    }

    // Circuits are numbered by their relay; a subnet that only one may ask for says which.
    [[nodiscard]] Result<KnownClient, DescriptionError> name_by_circuit(
        ByteView circuit_id) noexcept {
        std::optional<Ipv4> relay = client_.relay;
        if (!relay && subnet_.relays.size() == 1) {
            relay = subnet_.relays.front();
        }
        if (!relay) {
            return Unexpected{DescriptionError::kNoRelay};
        }
        std::array<std::byte, 4> giaddr{};
        relay->store(giaddr.data());
        if (!fill(ClientKey::kCircuitId, giaddr, circuit_id)) {
            return Unexpected{DescriptionError::kTooLong};
        }
        return known_;
    }

    // The tags in front of a relayed client's message are its relay's.
    [[nodiscard]] Result<KnownClient, DescriptionError> name_own(ClientKey::Kind plain,
                                                                 ClientKey::Kind with_vlan,
                                                                 ByteView value) noexcept {
        const bool is_relayed =
            !client_.vlan && (client_.relay || !client_.relay_information.empty());
        bool filled = false;
        if (!subnet_.vlan_identity || is_relayed) {
            filled = fill(plain, {}, value);
        } else {
            const auto vlan = own_vlan();
            if (!vlan) {
                return Unexpected{DescriptionError::kNoVlan};
            }
            std::array<std::byte, kVlanLen> prefix{};
            store_be16(prefix.data(), vlan->outer);
            store_be16(prefix.data() + 2, vlan->inner);
            filled = fill(with_vlan, prefix, value);
        }
        if (!filled) {
            return Unexpected{DescriptionError::kTooLong};
        }
        return known_;
    }

    // As described, or the only one that the subnet has.
    [[nodiscard]] std::optional<model::VlanIds> own_vlan() const noexcept {
        if (client_.vlan || subnet_.vlans.size() != 1 || subnet_.vlans.front().size() != 1) {
            return client_.vlan;
        }
        return model::VlanIds{subnet_.vlans.front().outer_first, subnet_.vlans.front().inner_first};
    }

    const ClientDescription& client_;
    const model::Snapshot& snapshot_;
    const model::Subnet& subnet_;
    std::array<std::byte, 1 + dhcp4::kChaddrLen> hw_{};  // type and address as one value
    std::size_t hw_len_ = 0;
    KnownClient known_;
};

}  // namespace

Result<KnownClient, DescriptionError> know_client(const ClientDescription& client,
                                                  const model::Snapshot& snapshot,
                                                  const model::Subnet& subnet) noexcept {
    return Namer{client, snapshot, subnet}.run();
}

}  // namespace xdhcpd::engine
