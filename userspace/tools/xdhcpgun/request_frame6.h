// RequestFrames6: the frames that IPv6 clients send: DHCPv6 messages, direct or relayed, and
// solicitations of Neighbor Discovery. Immutable; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/addresses.h"
#include "base/bytes.h"
#include "tools/xdhcpgun/ledger6.h"
#include "tools/xdhcpgun/population.h"
#include "tools/xdhcpgun/request_frame.h"

namespace xdhcpd::gun {

// What differs from one request to the next beside the client itself.
struct RequestValues6 {
    std::uint32_t index = 0;  // the client
    std::uint32_t xid = 0;    // 24 bits
    std::uint16_t secs = 0;
    Ipv6Prefix address;    // in the IA; unspecified: none
    ServerDuid server_id;  // option 2 of Request and Renew
    Mac server_mac{};      // not used: clients send to a group
};

class RequestFrames6 {
  public:
    // What is sent for a RequestKind when it is not DHCPv6.
    enum class Instead : std::uint8_t { kNothing, kRouterSolicit, kNeighborSolicit };

    // `own_mac` is the source of relayed frames: the interface's own.
    RequestFrames6(const Population& population, Mac own_mac, Instead instead);

    // Longest frame of all kinds, in bytes.
    [[nodiscard]] std::size_t max_len() const noexcept;
    // Writes into `to`, at least max_len() bytes, and returns the frame's length. kDiscover and
    // kDiscoverAgain are Solicit, kSelecting is Request, kInitReboot Rebind, kRenewing Renew (RFC
    // 8415 section 18.2).
    [[nodiscard]] std::size_t write(MutableBytes to, RequestKind kind,
                                    const RequestValues6& values) const noexcept;

    // DUID-LL of the client (RFC 8415 section 11.4).
    static constexpr std::size_t kDuidLen = 10;
    static void store_duid(std::byte* to, Mac mac) noexcept;
    // The client whose DUID that is.
    [[nodiscard]] static std::optional<Mac> mac_of_duid(ByteView duid) noexcept;
    // What the relay says of the client; empty when it says nothing. `room` has kIndexTextLen
    // bytes.
    [[nodiscard]] ByteView interface_id(std::uint32_t index, MutableBytes room) const noexcept;
    // Identity association identifiers are the low half of the MAC address.
    [[nodiscard]] static std::uint32_t iaid(Mac mac) noexcept;

    [[nodiscard]] Mac own_mac() const noexcept { return own_mac_; }
    [[nodiscard]] Instead instead() const noexcept { return instead_; }

  private:
    [[nodiscard]] std::size_t write_solicitation(MutableBytes to,
                                                 const RequestValues6& values) const noexcept;
    [[nodiscard]] std::size_t write_message(std::byte* to, RequestKind kind,
                                            const RequestValues6& values) const noexcept;

    const Population& population_;
    Mac own_mac_;
    Instead instead_;
    std::vector<std::byte> option_request_;  // the whole option 6; empty without codes
};

}  // namespace xdhcpd::gun
