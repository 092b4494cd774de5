// Any bytes as a server's reply to the load generator: it says good or bad, and nothing else.
#include <cstdint>
#include <cstdlib>

#include "tools/xdhcpgun/arp.h"
#include "tools/xdhcpgun/reply.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace xdhcpd;
    using namespace xdhcpd::gun;
    static const Population population{PopulationSettings{}};
    static const RequestFrames frames{population, Mac{}};
    static ReplyReader reader{population, frames};
    const ByteView frame{reinterpret_cast<const std::byte*>(data), size};
    static_cast<void>(reader.guess_index(frame));
    static_cast<void>(parse_arp_request(frame));
    if (const auto reply = reader.read(frame)) {
        if (reply->index >= population.size()) {
            std::abort();
        }
        for (int kind = 0; kind < static_cast<int>(RequestKind::kCount); ++kind) {
            static_cast<void>(reader.judge(*reply, {.sent = static_cast<RequestKind>(kind)}));
        }
    }
    return 0;
}
