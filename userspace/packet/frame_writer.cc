#include "packet/frame_writer.h"

namespace xdhcpd {

std::size_t write_udp4_headers(MutableBytes frame, const Udp4Headers& headers,
                               std::size_t payload_len) noexcept {
    const std::size_t offset = udp4_payload_offset(headers.tags.count);
    XD_ASSERT(offset + payload_len <= frame.size());
    return write_udp4_headers(frame, headers, payload_len,
                              raw_sum(frame.subspan(offset, payload_len)));
}

}  // namespace xdhcpd
