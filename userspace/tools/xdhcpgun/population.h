// Population: who the simulated clients are. Client `index` has everything by arithmetic: MAC
// address, tags, relay, names. Immutable; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/addresses.h"
#include "base/bytes.h"
#include "packet/vlan.h"
#include "tools/xdhcpgun/settings.h"

namespace xdhcpd::gun {

// Text that stands for the client: eight hexadecimal digits.
inline constexpr std::size_t kIndexTextLen = 8;

class Population {
  public:
    // Precondition: the last client's MAC address does not run over (check_population()).
    explicit Population(const PopulationSettings& settings);

    [[nodiscard]] const PopulationSettings& settings() const noexcept { return settings_; }
    [[nodiscard]] std::uint32_t size() const noexcept { return settings_.client_count; }
    [[nodiscard]] bool relayed() const noexcept {
        return !settings_.relays.empty() || !settings_.relays6.empty();
    }

    [[nodiscard]] Mac mac(std::uint32_t index) const noexcept;
    // The client with this MAC address.
    [[nodiscard]] std::optional<std::uint32_t> find(Mac mac) const noexcept;
    [[nodiscard]] Ipv4 relay(std::uint32_t index) const noexcept;  // 0.0.0.0 for a direct client
    [[nodiscard]] bool is_relay(Ipv4 address) const noexcept;
    // The same of IPv6; unspecified for a direct client.
    [[nodiscard]] Ipv6 relay6(std::uint32_t index) const noexcept;
    [[nodiscard]] bool is_relay(const Ipv6& address) const noexcept;
    // Its link-local address (EUI-64), and the client with one.
    [[nodiscard]] Ipv6 link_local(std::uint32_t index) const noexcept;
    [[nodiscard]] std::optional<std::uint32_t> find(const Ipv6& link_local) const noexcept;
    // What the client asks for by a Neighbor Solicitation.
    [[nodiscard]] Ipv6 target(std::uint32_t index) const noexcept;
    [[nodiscard]] std::uint8_t tag_count() const noexcept { return settings_.vlan.tag_count; }
    [[nodiscard]] VlanTags tags(std::uint32_t index) const noexcept;
    static void store_index_text(std::byte* to, std::uint32_t index) noexcept;

    // Transaction identifiers hold the client's index and the low bits of the number of its
    // exchange, so that a reply finds its client without a search.
    [[nodiscard]] std::uint32_t xid(std::uint32_t index, std::uint32_t exchange) const noexcept {
        return (index | exchange << index_bits_) ^ xid_mask_;
    }
    // Of DHCPv6, in 24 bits, which do not tell the client of a large population.
    [[nodiscard]] std::uint32_t xid6(std::uint32_t index, std::uint32_t exchange) const noexcept {
        constexpr std::uint32_t kBits = 0xffffff;
        constexpr std::uint32_t kStep = 0x9e3779;  // odd: all numbers in turn
        return ((index + exchange * kStep) ^ xid_mask_) & kBits;
    }
    // The client that a transaction identifier names; may be size() or more when it is not ours.
    [[nodiscard]] std::uint32_t index_of(std::uint32_t xid) const noexcept {
        return (xid ^ xid_mask_) & index_mask_;
    }

  private:
    PopulationSettings settings_;
    std::uint64_t first_mac_ = 0;
    std::uint32_t index_bits_ = 0;
    std::uint32_t index_mask_ = 0;
    std::uint32_t xid_mask_ = 0;
    std::uint32_t outer_count_ = 1;
    std::uint32_t inner_count_ = 1;
};

// Most clients that one run may have; leaves 8 bits of the transaction identifier to exchanges.
inline constexpr std::uint32_t kMaxClientCount = 1U << 24;

// A MAC address as a number, and back.
[[nodiscard]] std::uint64_t to_number(Mac mac) noexcept;
[[nodiscard]] Mac to_mac(std::uint64_t number) noexcept;

}  // namespace xdhcpd::gun
