// Reads any bytes as a frame; what is accepted must lie inside the input.
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
    return 0;
}
