// Neighbor Solicitations (RFC 4861) as far as simulated hosts need them: somebody asks, we answer.
// Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/addresses.h"
#include "base/bytes.h"
#include "packet/frame_view6.h"

namespace xdhcpd::gun {

struct NeighborRequest {
    FrameView6 frame;
    Ipv6 target;
};

// Reads an Ethernet frame; nothing unless it is a valid solicitation from an address.
[[nodiscard]] std::optional<NeighborRequest> parse_neighbor_request(ByteView frame) noexcept;

// Writes the frame that answers with `mac`, at least 100 bytes of room; returns its length.
std::size_t write_neighbor_answer(MutableBytes to, const NeighborRequest& request,
                                  Mac mac) noexcept;

}  // namespace xdhcpd::gun
