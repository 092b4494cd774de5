// Reads any bytes as a frame of IPv6; what is accepted must lie inside the input, and the writer
// makes the same frame of what was read, as far as the reader looks at it.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "packet/frame_view6.h"
#include "packet/frame_writer6.h"

namespace {

using namespace xdhcpd;

void write_again(const FrameView6& view) {
    const bool is_udp = view.protocol == Protocol6::kUdp;
    const std::size_t at =
        is_udp ? udp6_payload_offset(view.tags.count) : icmp6_offset(view.tags.count);
    std::vector<std::byte> frame(at + view.payload.size());
    copy_bytes(frame.data() + at, view.payload);
    const Ipv6Headers headers{.destination_mac = view.destination_mac,
                              .source_mac = view.source_mac,
                              .tags = view.tags,
                              .source = view.source,
                              .destination = view.destination,
                              .traffic_class = 0,
                              .hop_limit = view.hop_limit};
    const std::size_t len = is_udp ? write_udp6_headers(frame,
                                                        {.ip = headers,
                                                         .source_port = view.source_port,
                                                         .destination_port = view.destination_port},
                                                        view.payload.size())
                                   : write_icmp6_headers(frame, headers, view.payload.size());
    XD_ASSERT(len == frame.size());
    const auto again = FrameView6::parse(frame);
    XD_ASSERT(again.has_value() && again->checksum == ChecksumState::kFull);
    XD_ASSERT(again->source == view.source && again->destination == view.destination);
    XD_ASSERT(again->hop_limit == view.hop_limit && again->protocol == view.protocol);
    XD_ASSERT(again->source_port == view.source_port && again->tags == view.tags);
    XD_ASSERT(again->payload.size() == view.payload.size());
    // The checksum of an ICMPv6 message is part of it, and 0 and 0xffff are the same sum.
    XD_ASSERT(!is_udp || equal_bytes(again->payload, view.payload));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView frame{reinterpret_cast<const std::byte*>(data), size};
    const auto view = FrameView6::parse(frame);
    XD_ASSERT(view.has_value() || view.error() < FrameError6::kCount);
    if (view) {
        XD_ASSERT(view->payload.empty() ||
                  (view->payload.data() >= frame.data() &&
                   view->payload.data() + view->payload.size() <= frame.data() + frame.size()));
        write_again(*view);
    }
    return 0;
}
