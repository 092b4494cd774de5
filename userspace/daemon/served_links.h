// What a snapshot serves on one interface, in the words of the drivers: which links, whose
// solicitations, which groups. Pure; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "host/multicast_member.h"
#include "io/packet/request_filter.h"
#include "io/xsk/xdp_interface.h"
#include "model/snapshot.h"

namespace xdhcpd::daemon {

// The untagged link first, which is there always (relayed clients come by any interface), then one
// per VLAN in which something is served, in order. Zero MAC where the snapshot does not know the
// interface.
[[nodiscard]] std::vector<XdpLink> find_links(const model::Snapshot& snapshot,
                                              std::uint32_t ifindex);
// Of the interface's neighbor proxies, without those in VLANs unless `with_vlans`.
[[nodiscard]] std::vector<XdpNeighborTarget> find_targets(const model::Snapshot& snapshot,
                                                          std::uint32_t ifindex, bool with_vlans);
[[nodiscard]] PacketTake6 find_packet_take(const model::Snapshot& snapshot, std::uint32_t ifindex);
// What has to be received beyond the kernel's own groups and those of DHCPv6: all routers where we
// advertise, the solicited-node groups of single targets, all multicast for targets that are whole
// prefixes or too many.
[[nodiscard]] host::MulticastMember::Wanted find_multicast(const model::Snapshot& snapshot,
                                                           std::uint32_t ifindex);

}  // namespace xdhcpd::daemon
