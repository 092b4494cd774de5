#include "tools/xdhcpgun/neighbor.h"

#include "nd/message_view.h"
#include "nd/writer.h"
#include "packet/frame_writer6.h"

namespace xdhcpd::gun {

std::optional<NeighborRequest> parse_neighbor_request(ByteView frame) noexcept {
    NeighborRequest request;
    if (request.frame.read(frame) || request.frame.protocol != Protocol6::kIcmpv6) {
        return std::nullopt;
    }
    const auto message = nd::MessageView::parse(request.frame);
    if (!message || message->type() != nd::MessageType::kNeighborSolicitation ||
        message->detects_duplicates()) {
        return std::nullopt;
    }
    request.target = message->target();
    return request;
}

std::size_t write_neighbor_answer(MutableBytes to, const NeighborRequest& request,
                                  Mac mac) noexcept {
    constexpr std::uint8_t kDiscoveryHopLimit = 255;
    Ipv6Headers headers;
    headers.destination_mac = request.frame.source_mac;
    headers.source_mac = mac;
    headers.tags = request.frame.tags;
    headers.source = request.target;
    headers.destination = request.frame.source;
    headers.hop_limit = kDiscoveryHopLimit;
    nd::NeighborAdvertisement answer;
    answer.target = request.target;
    answer.is_solicited = true;
    answer.overrides = true;
    answer.target_link_layer = mac;
    const std::size_t len =
        nd::write_neighbor_advertisement(to.subspan(icmp6_offset(headers.tags.count)), answer);
    return write_icmp6_headers(to, headers, len);
}

}  // namespace xdhcpd::gun
