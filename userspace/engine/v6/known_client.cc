#include "engine/v6/known_client.h"

#include <algorithm>

#include "dhcp6/duid.h"

namespace xdhcpd::engine::v6 {
namespace {

using model::IdentifierKind6;

constexpr std::size_t kHardwareTypeLen = 2;
constexpr std::uint16_t kHardwareEthernet = 1;

[[nodiscard]] constexpr std::byte reserved_kind(IdentifierKind6 kind) noexcept {
    return static_cast<std::byte>(kReserved6 + static_cast<std::uint8_t>(kind));
}

}  // namespace

class DescriptionReader {
  public:
    DescriptionReader(const ClientDescription& client, const model::Snapshot& snapshot,
                      const model::Subnet6& subnet) noexcept
        : client_{client}, snapshot_{snapshot}, subnet_{subnet} {
        find_hardware();
    }

    [[nodiscard]] Result<KnownClient, DescriptionError> run() noexcept {
        for (std::size_t i = 0; i < model::kIdentifierKind6Count; ++i) {
            const auto kind = static_cast<IdentifierKind6>(i);
            if (!snapshot_.ipv6.has_reservations(kind)) {
                continue;
            }
            const ByteView value = identifier(kind);
            if (is_reserved(kind, value) ||
                (kind == IdentifierKind6::kRelayId && is_reserved(kind, without_interface()))) {
                return known_.len_ != 0 ? Result<KnownClient, DescriptionError>{known_}
                                        : Result<KnownClient, DescriptionError>{
                                              Unexpected{DescriptionError::kTooLong}};
            }
        }
        if (client_.duid.empty()) {
            return Unexpected{DescriptionError::kNoIdentity};
        }
        if (!fill(std::byte{kDuid}, client_.duid)) {
            return Unexpected{DescriptionError::kTooLong};
        }
        return known_;
    }

  private:
    void find_hardware() noexcept {
        dhcp6::HardwareAddress hardware{client_.hw_type, client_.hw_address};
        if (hardware.address.empty() && dhcp6::is_duid_length(client_.duid.size())) {
            hardware = dhcp6::hardware_address_of(client_.duid).value_or(dhcp6::HardwareAddress{});
        }
        if (hardware.address.empty() ||
            kHardwareTypeLen + hardware.address.size() > hardware_.size()) {
            return;
        }
        store_be16(hardware_.data(), hardware.type);
        copy_bytes(hardware_.data() + kHardwareTypeLen, hardware.address);
        hardware_len_ = kHardwareTypeLen + hardware.address.size();
        if (hardware.type == kHardwareEthernet && hardware.address.size() == Mac::kLen) {
            known_.mac_ = Mac::load(hardware.address.data());
            known_.has_mac_ = !known_.mac_.is_zero();
        }
    }

    [[nodiscard]] ByteView identifier(IdentifierKind6 kind) const noexcept {
        switch (kind) {
            case IdentifierKind6::kDuid:
                return client_.duid;
            case IdentifierKind6::kHwAddress:
                return ByteView{hardware_}.first(hardware_len_);
            case IdentifierKind6::kRelayId:
                return client_.relay_id;
            case IdentifierKind6::kRemoteId:
                return client_.remote_id;
            case IdentifierKind6::kSubscriberId:
                break;
        }
        return client_.subscriber_id;
    }
    [[nodiscard]] ByteView without_interface() const noexcept {
        const ByteView value = client_.relay_id;
        const std::size_t len = value.empty() ? 0 : std::size_t{1} + load_u8(value.data());
        return value.first(std::min(len, value.size()));
    }

    [[nodiscard]] bool fill(std::byte kind, ByteView identifier) noexcept {
        if (identifier.size() > kMaxIdentifierLen) {
            return false;
        }
        known_.bytes_[0] = kind;
        known_.bytes_[1] = static_cast<std::byte>(client_.association);
        store_be32(known_.bytes_.data() + 2, client_.iaid);
        copy_bytes(known_.bytes_.data() + kIdentityHeaderLen, identifier);
        known_.len_ = kIdentityHeaderLen + identifier.size();
        return true;
    }

    [[nodiscard]] bool is_reserved(IdentifierKind6 kind, ByteView value) noexcept {
        bool is_known = false;
        if (value.empty()) {
            return false;
        }
        const model::Reservation6* exact = nullptr;
        const model::Reservation6* general = nullptr;
        snapshot_.ipv6.visit_reservations(
            kind, value, snapshot_.hash_key, [&](const model::Reservation6& each) {
                is_known = true;
                const model::Subnet6& other = snapshot_.ipv6.subnets[each.subnet];
                if (other.link != subnet_.link) {
                    return;
                }
                if (each.iaid == client_.iaid) {
                    exact = &each;
                } else if (!each.iaid && (general == nullptr || &other == &subnet_)) {
                    general = &each;
                }
            });
        if (is_known && fill(reserved_kind(kind), value)) {
            known_.reservation_ = exact != nullptr ? exact : general;
        }
        return is_known;
    }

    const ClientDescription& client_;
    const model::Snapshot& snapshot_;
    const model::Subnet6& subnet_;
    std::array<std::byte, kMaxIdentifierLen> hardware_{};  // type and address
    std::size_t hardware_len_ = 0;
    KnownClient known_;
};

lease::Tenant KnownClient::tenant(HashKey key) const noexcept {
    return {.identity = identity(),
            .hw = mac_,
            .hw_len = has_mac_ ? static_cast<std::uint8_t>(Mac::kLen) : std::uint8_t{0},
            .hw_type = has_mac_ ? static_cast<std::uint8_t>(kHardwareEthernet) : std::uint8_t{0},
            .hash = hash_bytes(key, identity())};
}

Result<KnownClient, DescriptionError> know_client(const ClientDescription& client,
                                                  const model::Snapshot& snapshot,
                                                  const model::Subnet6& subnet) noexcept {
    return DescriptionReader{client, snapshot, subnet}.run();
}

ClientDescription describe_client(ByteView identity) noexcept {
    ClientDescription client;
    if (!is_v6_identity(identity)) {
        return client;
    }
    client.association = static_cast<Association>(identity[1]);
    client.iaid = load_be32(identity.data() + 2);
    const ByteView value = identity.subspan(kIdentityHeaderLen);
    const std::byte kind = identity[0];
    if (kind == std::byte{kDuid} || kind == reserved_kind(IdentifierKind6::kDuid)) {
        client.duid = value;
    } else if (kind == reserved_kind(IdentifierKind6::kHwAddress)) {
        if (value.size() > kHardwareTypeLen) {
            client.hw_type = load_be16(value.data());
            client.hw_address = value.subspan(kHardwareTypeLen);
        }
    } else if (kind == reserved_kind(IdentifierKind6::kRelayId)) {
        client.relay_id = value;
    } else if (kind == reserved_kind(IdentifierKind6::kRemoteId)) {
        client.remote_id = value;
    } else if (kind == reserved_kind(IdentifierKind6::kSubscriberId)) {
        client.subscriber_id = value;
    }
    return client;
}

}  // namespace xdhcpd::engine::v6
