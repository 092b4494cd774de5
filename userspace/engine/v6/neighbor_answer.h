// Answers to Neighbor Solicitations for configured targets (RFC 4861 sections 7.2.4 and 7.2.8).
// Pure.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "engine/v6/request.h"
#include "model/host_state.h"
#include "model/snapshot6.h"
#include "nd/message_view.h"
#include "packet/frame_view6.h"

namespace xdhcpd::engine::v6 {

// Writes the whole frame of the Neighbor Advertisement to `out` (kMinTxFrameLen bytes at least) and
// returns its length; 0 if `interface`, which the solicitation came in on, has no link-local
// address that may be used as the source. It goes to the MAC that sent the frame, with its tags.
// The override flag is clear (7.2.8), the target link-layer address is always there. Not delayed:
// an operator sets up one proxy for a target, and then 7.2.8 asks for no delay.
[[nodiscard]] std::uint32_t answer_neighbor(const FrameView6& frame,
                                            const nd::MessageView& solicitation,
                                            const model::NeighborProxy& proxy,
                                            const model::HostInterface& interface,
                                            MutableBytes out) noexcept;
// The same for a request. Precondition: request.proxy() is not null.
[[nodiscard]] inline std::uint32_t answer_neighbor(const Request& request,
                                                   MutableBytes out) noexcept {
    return request.ingress() == nullptr
               ? 0
               : answer_neighbor(request.frame(), request.nd(), *request.proxy(),
                                 request.ingress()->interface, out);
}

}  // namespace xdhcpd::engine::v6
