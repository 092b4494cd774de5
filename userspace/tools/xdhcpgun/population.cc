#include "tools/xdhcpgun/population.h"

#include <algorithm>
#include <bit>

#include "base/random.h"

namespace xdhcpd::gun {

std::uint64_t to_number(Mac mac) noexcept {
    std::uint64_t number = 0;
    for (const std::byte octet : mac.octets) {
        number = number << 8 | std::to_integer<std::uint64_t>(octet);
    }
    return number;
}

Mac to_mac(std::uint64_t number) noexcept {
    Mac mac;
    for (std::size_t i = Mac::kLen; i > 0; --i) {
        mac.octets[i - 1] = static_cast<std::byte>(number & 0xff);
        number >>= 8;
    }
    return mac;
}

Population::Population(const PopulationSettings& settings)
    : settings_{settings}, first_mac_{to_number(settings.first_mac)} {
    index_bits_ =
        std::max<std::uint32_t>(1, static_cast<std::uint32_t>(std::bit_width(size() - 1)));
    index_mask_ = (1U << index_bits_) - 1;
    Random random{settings_.seed};
    xid_mask_ = static_cast<std::uint32_t>(random.next());
    const VlanRange& vlan = settings_.vlan;
    outer_count_ = static_cast<std::uint32_t>(vlan.outer_last - vlan.outer_first + 1);
    inner_count_ = static_cast<std::uint32_t>(vlan.inner_last - vlan.inner_first + 1);
}

Mac Population::mac(std::uint32_t index) const noexcept {
    return to_mac(first_mac_ + index);
}

std::optional<std::uint32_t> Population::find(Mac mac) const noexcept {
    const std::uint64_t number = to_number(mac);
    if (number < first_mac_ || number - first_mac_ >= size()) {
        return std::nullopt;
    }
    return static_cast<std::uint32_t>(number - first_mac_);
}

Ipv4 Population::relay(std::uint32_t index) const noexcept {
    return relayed() ? settings_.relays[index % settings_.relays.size()] : Ipv4{};
}

bool Population::is_relay(Ipv4 address) const noexcept {
    return std::find(settings_.relays.begin(), settings_.relays.end(), address) !=
           settings_.relays.end();
}

Ipv6 Population::relay6(std::uint32_t index) const noexcept {
    return settings_.relays6.empty() ? Ipv6{} : settings_.relays6[index % settings_.relays6.size()];
}

bool Population::is_relay(const Ipv6& address) const noexcept {
    return std::find(settings_.relays6.begin(), settings_.relays6.end(), address) !=
           settings_.relays6.end();
}

Ipv6 Population::link_local(std::uint32_t index) const noexcept {
    return Ipv6::link_local_of(mac(index));
}

// RFC 4291 appendix A, backwards.
std::optional<std::uint32_t> Population::find(const Ipv6& link_local) const noexcept {
    Mac mac;
    const std::byte* const id = link_local.octets.data() + 8;
    std::copy(id, id + 3, mac.octets.begin());
    std::copy(id + 5, id + 8, mac.octets.begin() + 3);
    mac.octets[0] ^= std::byte{0x02};
    return Ipv6::link_local_of(mac) == link_local ? find(mac) : std::nullopt;
}

Ipv6 Population::target(std::uint32_t index) const noexcept {
    Ipv6 address = settings_.first_target;
    std::byte* const low = address.octets.data() + 8;
    store_be64(low, load_be64(low) + index);
    return address;
}

VlanTags Population::tags(std::uint32_t index) const noexcept {
    const VlanRange& vlan = settings_.vlan;
    VlanTags tags;
    tags.count = vlan.tag_count;
    if (tags.count > 0) {
        const std::uint32_t offset = tags.count == 1 ? index : index / inner_count_;
        tags.tags[0] = {settings_.outer_tpid,
                        static_cast<std::uint16_t>(vlan.outer_first + offset % outer_count_)};
    }
    if (tags.count > 1) {
        tags.tags[1] = {kEtherTypeVlan,
                        static_cast<std::uint16_t>(vlan.inner_first + index % inner_count_)};
    }
    return tags;
}

void Population::store_index_text(std::byte* to, std::uint32_t index) noexcept {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (std::size_t i = kIndexTextLen; i > 0; --i) {
        to[i - 1] = static_cast<std::byte>(kDigits[index & 0xf]);
        index >>= 4;
    }
}

}  // namespace xdhcpd::gun
