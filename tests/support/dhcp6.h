// Builders of DHCPv6 messages for tests, byte by byte and without the code under test.
#pragma once

#include <cstdint>
#include <string_view>

#include "support/frames.h"

namespace xdhcpd::testing {

[[nodiscard]] inline Bytes join(std::initializer_list<ByteView> parts) {
    Bytes result;
    for (const ByteView part : parts) {
        append(result, part);
    }
    return result;
}
[[nodiscard]] inline Bytes number32(std::uint32_t value) {
    Bytes result;
    append32(result, value);
    return result;
}
[[nodiscard]] inline Bytes address6(std::string_view text) {
    const Ipv6 address = *parse_ipv6(text);
    return {address.octets.begin(), address.octets.end()};
}

[[nodiscard]] inline Bytes option6(int code, ByteView value = {}) {
    Bytes result;
    append16(result, static_cast<std::uint16_t>(code));
    append16(result, static_cast<std::uint16_t>(value.size()));
    append(result, value);
    return result;
}
[[nodiscard]] inline Bytes option6(int code, std::initializer_list<int> value) {
    return option6(code, bytes(value));
}
[[nodiscard]] inline Bytes message6(int type, std::initializer_list<ByteView> options,
                                    std::uint32_t transaction_id = 0x123456) {
    return join({number32(static_cast<std::uint32_t>(type) << 24 | transaction_id), join(options)});
}
// A relay's message around `message`; `options` stand in front of it.
[[nodiscard]] inline Bytes relay6(int type, int hop_count, std::string_view link,
                                  std::string_view peer, ByteView options, ByteView message) {
    return join(
        {bytes({type, hop_count}), address6(link), address6(peer), options, option6(9, message)});
}

// DUID of type 3 with an Ethernet address.
[[nodiscard]] inline Bytes duid_of(int client) {
    return join({bytes({0, 3, 0, 1}), mac(client).bytes()});
}
// IA_NA or IA_PD.
[[nodiscard]] inline Bytes ia6(int code, std::uint32_t iaid, ByteView options, std::uint32_t t1 = 0,
                               std::uint32_t t2 = 0) {
    return option6(code, join({number32(iaid), number32(t1), number32(t2), options}));
}
[[nodiscard]] inline Bytes ia_address6(std::string_view address, std::uint32_t preferred,
                                       std::uint32_t valid, ByteView options = {}) {
    return option6(5, join({address6(address), number32(preferred), number32(valid), options}));
}
[[nodiscard]] inline Bytes ia_prefix6(std::string_view prefix, int length, std::uint32_t preferred,
                                      std::uint32_t valid, ByteView options = {}) {
    return option6(26, join({number32(preferred), number32(valid), bytes({length}),
                             address6(prefix), options}));
}

}  // namespace xdhcpd::testing
