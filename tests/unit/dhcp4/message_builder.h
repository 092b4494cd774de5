// Builds DHCPv4 messages octet by octet, independent of the code under test.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace xdhcpd::dhcp4::testing {

using Bytes = std::vector<std::byte>;

inline Bytes bytes(std::initializer_list<unsigned> values) {
    Bytes result;
    for (const unsigned value : values) {
        result.push_back(static_cast<std::byte>(value));
    }
    return result;
}

inline Bytes filled(std::size_t len, unsigned value) {
    return Bytes(len, static_cast<std::byte>(value));
}

inline Bytes counting(std::size_t len, unsigned first = 0) {
    Bytes result(len);
    for (std::size_t i = 0; i < len; ++i) {
        result[i] = static_cast<std::byte>(first + i);
    }
    return result;
}

inline Bytes to_bytes(ByteView view) {
    return {view.begin(), view.end()};
}

inline Bytes to_bytes(std::string_view text) {
    return to_bytes(as_bytes(text));
}

inline Bytes operator+(Bytes left, const Bytes& right) {
    for (const std::byte octet : right) {  // insert() gets a false warning from GCC 12
        left.push_back(octet);
    }
    return left;
}

inline Bytes option(unsigned code, const Bytes& value) {
    return bytes({code, static_cast<unsigned>(value.size())}) + value;
}

inline const Bytes kEndOption = bytes({255});

// Fixed fields and cookie of a request from 02:00:5e:00:53:01; every field differs from every
// other.
inline Bytes fixed_part() {
    Bytes message = bytes({1,    1,    6,    3,     // op, htype, hlen, hops
                           0xde, 0xad, 0xbe, 0xef,  // xid
                           0x01, 0x02, 0x80, 0x00,  // secs, flags
                           192,  0,    2,    1,     // ciaddr
                           192,  0,    2,    2,     // yiaddr
                           192,  0,    2,    3,     // siaddr
                           192,  0,    2,    4,     // giaddr
                           0x02, 0x00, 0x5e, 0x00, 0x53, 0x01}) +
                    filled(10, 0xcc) + filled(64, 0) + filled(128, 0) + bytes({99, 130, 83, 99});
    return message;
}

inline Bytes message(const Bytes& options) {
    return fixed_part() + options;
}

// Puts `area` at the start of sname (offset 44) or file (offset 108).
inline Bytes with_area(Bytes whole, std::size_t offset, const Bytes& area) {
    for (std::size_t i = 0; i < area.size(); ++i) {
        whole.at(offset + i) = area[i];
    }
    return whole;
}
inline constexpr std::size_t kSnameOffset = 44;
inline constexpr std::size_t kFileOffset = 108;

}  // namespace xdhcpd::dhcp4::testing
