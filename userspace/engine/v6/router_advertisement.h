// Frames of Router Advertisements (RFC 4861 section 4.2 and the options of nd/options.h). Pure.
#pragma once

#include <cstdint>

#include "base/addresses.h"
#include "base/bytes.h"
#include "model/snapshot.h"

namespace xdhcpd::engine::v6 {

struct AdvertisementTerms {
    // Where to: kAllNodes, or who asked, at `destination_mac` (that of the group for a group).
    Ipv6 destination;
    Mac destination_mac;
    std::uint64_t unix_time = 0;  // for lifetimes that count down
    bool is_final = false;        // router lifetime 0: we stop (RFC 4861 section 6.2.5)
    // Octets of an IPv6 packet on that link. What does not fit is left out, least important last,
    // prefixes never... what was left out is counted by the return value.
    std::uint32_t mtu = 1500;
};
struct AdvertisementFrame {
    std::uint32_t frame_len = 0;  // 0: the interface has no link-local address of `host`
    std::uint32_t left_out = 0;   // options that found no room
};

// The source is the link-local address of the interface (RFC 4861 section 4.2).
[[nodiscard]] AdvertisementFrame write_router_advertisement(
    const model::Advertisement& advertisement, const model::HostInterface& interface,
    const AdvertisementTerms& terms, MutableBytes out) noexcept;

}  // namespace xdhcpd::engine::v6
