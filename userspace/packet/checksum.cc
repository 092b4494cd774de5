#include "packet/checksum.h"

namespace xdhcpd {

std::uint16_t ones_complement_sum(ByteView bytes, std::uint32_t initial) noexcept {
    return fold_sum(std::uint64_t{network_order(fold_sum(raw_sum(bytes)))} + initial);
}

std::uint16_t ipv4_header_checksum(ByteView header) noexcept {
    return static_cast<std::uint16_t>(~ones_complement_sum(header));
}

std::uint16_t udp4_checksum(Ipv4 source, Ipv4 destination, ByteView datagram) noexcept {
    const auto udp_len = static_cast<std::uint16_t>(datagram.size());
    return udp_checksum_of(
        ones_complement_sum(datagram, udp4_pseudo_header_sum(source, destination, udp_len)));
}

}  // namespace xdhcpd
