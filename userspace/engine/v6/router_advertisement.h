// Frames of Router Advertisements (RFC 4861 section 4.2 and the options of nd/options.h). Pure.
#pragma once

#include <cstdint>

#include "base/addresses.h"
#include "base/bytes.h"
#include "model/snapshot.h"

namespace xdhcpd::engine::v6 {

struct AdvertisementTerms {
    // Where to: kAllNodes, or who asked, at `destination_mac` (that of the group for a group).
    Ipv6 destination = kAllNodes;
    Mac destination_mac = kAllNodes.multicast_mac();
    std::uint64_t unix_time = 0;  // seconds, for lifetimes that count down
    // We stop being a router there: router lifetime 0 (RFC 4861 section 6.2.5), and that of routes
    // (RFC 4191 section 4). Prefixes and servers stay: another router may offer the same.
    bool is_final = false;
    // Octets of an IPv6 packet on that link. What does not fit is left out: first the captive
    // portal, then what is searched for names, servers, PREF64, routes, and prefixes last.
    std::uint32_t mtu = 1500;
};
struct AdvertisementFrame {
    std::uint32_t frame_len = 0;  // 0: the interface has no link-local address of its own yet
    std::uint32_t left_out = 0;   // options that found no room
};

// Writes the frame, Ethernet header and tags included, to `out` (kMinTxFrameLen bytes at least).
// Its source is the first link-local address of the interface (RFC 4861 section 4.2), its hop limit
// 255. Prefixes with an `until` end there: their lifetimes are the configured ones until these
// reach beyond it, then what is left (RFC 4861 section 6.2.1). What was withdrawn has lifetimes of
// zero.
[[nodiscard]] AdvertisementFrame write_router_advertisement(
    const model::Advertisement& advertisement, const model::HostInterface& interface,
    const AdvertisementTerms& terms, MutableBytes out) noexcept;

}  // namespace xdhcpd::engine::v6
