#include "packet/checksum.h"

namespace xdhcpd {
namespace {

constexpr std::uint8_t kProtocolUdp = 17;

[[nodiscard]] std::uint16_t fold(std::uint64_t sum) noexcept {
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(sum);
}

}  // namespace

// The sum is the same in either byte order up to a final swap (RFC 1071 section 2 (B)), and 32-bit
// words add up to the same 16-bit sum (section 2 (C)), so eight bytes are taken at a time in the
// machine's order.
std::uint16_t ones_complement_sum(ByteView bytes, std::uint32_t initial) noexcept {
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    std::uint64_t sum = 0;
    std::uint64_t other = 0;  // two chains, so that additions do not wait for each other
    for (; left >= 16; left -= 16, at += 16) {
        std::uint64_t low = 0;
        std::uint64_t high = 0;
        std::memcpy(&low, at, 8);
        std::memcpy(&high, at + 8, 8);
        sum += (low & 0xffffffff) + (low >> 32);
        other += (high & 0xffffffff) + (high >> 32);
    }
    sum += other;
    for (; left >= 2; left -= 2, at += 2) {
        std::uint16_t word = 0;
        std::memcpy(&word, at, 2);
        sum += word;
    }
    if (left == 1) {
        std::uint16_t word = 0;
        std::memcpy(&word, at, 1);
        sum += word;
    }
    return fold(std::uint64_t{detail::network_order(fold(sum))} + initial);
}

std::uint16_t udp4_pseudo_header_sum(Ipv4 source, Ipv4 destination,
                                     std::uint16_t udp_len) noexcept {
    const std::uint64_t sum = std::uint64_t{source.value >> 16} + (source.value & 0xffff) +
                              (destination.value >> 16) + (destination.value & 0xffff) +
                              kProtocolUdp + udp_len;
    return fold(sum);
}

std::uint16_t ipv4_header_checksum(ByteView header) noexcept {
    return static_cast<std::uint16_t>(~ones_complement_sum(header));
}

std::uint16_t udp4_checksum(Ipv4 source, Ipv4 destination, ByteView datagram) noexcept {
    const auto udp_len = static_cast<std::uint16_t>(datagram.size());
    const auto checksum = static_cast<std::uint16_t>(
        ~ones_complement_sum(datagram, udp4_pseudo_header_sum(source, destination, udp_len)));
    return checksum == 0 ? std::uint16_t{0xffff} : checksum;
}

}  // namespace xdhcpd
