#include "packet/checksum.h"

namespace xdhcpd {
namespace {

// Two words side by side: what GCC and clang make vector instructions of, on every architecture.
using Pair [[gnu::vector_size(16)]] = std::uint64_t;

[[nodiscard]] Pair load_pair(const std::byte* from) noexcept {
    Pair pair;
    std::memcpy(&pair, from, sizeof pair);
    return pair;
}

// The sum of the 32-bit halves of each word: no carry is lost before 2^32 of them.
[[nodiscard]] Pair add_halves(Pair pair) noexcept {
    return (pair & 0xffffffff) + (pair >> 32);
}

[[nodiscard]] std::uint64_t load_word(const std::byte* from) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, from, sizeof word);
    return word;
}

// The last `left` bytes, 1..7, from `at` on, as a word whose other bytes are zero. Where eight
// bytes end there, one load and a shift do it, without a call.
[[nodiscard]] std::uint64_t load_tail(const std::byte* first, const std::byte* at,
                                      std::size_t left) noexcept {
    if (at != first) [[likely]] {
        const std::uint64_t word = load_word(at + left - 8);
        const std::size_t bits = 8 * (8 - left);
        return std::endian::native == std::endian::little ? word >> bits : word << bits;
    }
    std::uint64_t word = 0;
    std::memcpy(&word, at, left);
    return word;
}

}  // namespace

// The sum is the same in either byte order up to a final swap (RFC 1071 section 2 (B)), and wider
// words add up to the same 16-bit sum (section 2 (C)), so the bytes are taken in the machine's
// order, two times eight at a time. (128-bit integers, whose upper half counts the carries, would
// take an addition less, but GCC 12 spills them.)
std::uint16_t ones_complement_sum(ByteView bytes, std::uint32_t initial) noexcept {
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    Pair sums{};
    Pair others{};  // two chains, so that additions do not wait for each other
    for (; left >= 32; left -= 32, at += 32) {
        sums += add_halves(load_pair(at));
        others += add_halves(load_pair(at + 16));
    }
    if (left >= 16) {
        sums += add_halves(load_pair(at));
        left -= 16;
        at += 16;
    }
    sums += others;
    std::uint64_t sum = sums[0] + sums[1];
    const auto add = [&sum](std::uint64_t word) { sum += (word & 0xffffffff) + (word >> 32); };
    if (left >= 8) {
        add(load_word(at));
        left -= 8;
        at += 8;
    }
    if (left != 0) {
        add(load_tail(bytes.data(), at, left));
    }
    return fold_sum(std::uint64_t{detail::network_order(fold_sum(sum))} + initial);
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
