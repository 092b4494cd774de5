// Reads any bytes as a frame; what is accepted must lie inside the input, and the short way accepts
// exactly the untagged frames without IP options that the long way accepts.
#include <cstdint>
#include <cstdlib>

#include "packet/frame_view.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const xdhcpd::ByteView frame{reinterpret_cast<const std::byte*>(data), size};
    const auto view = xdhcpd::FrameView::parse(frame);
    if (view && !view->payload.empty() &&
        (view->payload.data() < frame.data() ||
         view->payload.data() + view->payload.size() > frame.data() + frame.size())) {
        std::abort();
    }
    xdhcpd::FrameView by_short_way;
    xdhcpd::FrameView by_long_way;
    const bool is_plain =
        !by_long_way.read_any(frame) && by_long_way.tags.count == 0 && frame[14] == std::byte{0x45};
    if (by_short_way.read_common(frame) != is_plain) {
        std::abort();
    }
    return 0;
}
