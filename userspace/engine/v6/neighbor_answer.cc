#include "engine/v6/neighbor_answer.h"

#include "engine/v6/link_local.h"
#include "nd/writer.h"
#include "packet/frame_writer6.h"

namespace xdhcpd::engine::v6 {

std::uint32_t answer_neighbor(const FrameView6& frame, const nd::MessageView& solicitation,
                              const model::NeighborProxy& proxy,
                              const model::HostInterface& interface, MutableBytes out) noexcept {
    const auto source = link_local_address(interface);
    if (!source) {
        return 0;
    }
    const nd::AnswerAddress address = nd::answer_address(solicitation);
    const std::size_t message_len = nd::write_neighbor_advertisement(
        out.subspan(icmp6_offset(frame.tags.count)), {.target = solicitation.target(),
                                                      .is_router = proxy.router,
                                                      .is_solicited = address.is_solicited,
                                                      .overrides = false,
                                                      .target_link_layer = interface.mac});
    Ipv6Headers headers;
    headers.destination_mac =
        address.is_solicited ? frame.source_mac : address.destination.multicast_mac();
    headers.source_mac = interface.mac;
    headers.tags = frame.tags;
    headers.source = *source;
    headers.destination = address.destination;
    headers.hop_limit = kMaxHopLimit;
    return static_cast<std::uint32_t>(write_icmp6_headers(out, headers, message_len));
}

}  // namespace xdhcpd::engine::v6
