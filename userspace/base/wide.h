// IPv6 addresses as numbers of 128 bits, for what counts with them.
#pragma once

#include <cstdint>

#include "base/addresses.h"
#include "base/bytes.h"

namespace xdhcpd {

__extension__ using Wide = unsigned __int128;

[[nodiscard]] inline Wide to_wide(const Ipv6& address) noexcept {
    return Wide{load_be64(address.octets.data())} << 64 | load_be64(address.octets.data() + 8);
}
[[nodiscard]] inline Ipv6 to_ipv6(Wide value) noexcept {
    Ipv6 address;
    store_be64(address.octets.data(), static_cast<std::uint64_t>(value >> 64));
    store_be64(address.octets.data() + 8, static_cast<std::uint64_t>(value));
    return address;
}

}  // namespace xdhcpd
