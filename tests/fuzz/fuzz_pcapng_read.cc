// Reads any bytes as a capture: what is accepted lies inside the input, and a packet read and
// written again reads the same.
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "pcapng/reader.h"
#include "pcapng/writer.h"

using namespace xdhcpd;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ByteView rest{reinterpret_cast<const std::byte*>(data), size};
    for (;;) {
        const auto block = pcapng::first_block(rest);
        if (!block || !*block) {
            return 0;
        }
        XD_ASSERT((*block)->bytes.size() >= pcapng::kBlockOverheadLen);
        rest = rest.subspan((*block)->bytes.size());
        static_cast<void>(pcapng::read_section(**block));
        static_cast<void>(pcapng::read_interface(**block));
        static_cast<void>(pcapng::read_statistics(**block));
        const auto packet = pcapng::read_packet(**block);
        if (!packet || packet->frame.size() > pcapng::kMaxBlockLen / 2) {
            continue;
        }
        std::vector<std::byte> out;
        pcapng::append(out, *packet);
        const auto again_block = pcapng::first_block(out);
        const auto again = pcapng::read_packet(**again_block);
        XD_ASSERT(again && equal_bytes(again->frame, packet->frame) &&
                  again->time_ns == packet->time_ns && again->queue == packet->queue &&
                  again->direction == packet->direction &&
                  again->missed_before == packet->missed_before);
    }
}
