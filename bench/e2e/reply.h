// What the echo and the responder have in common: where things are in a request, and turning it
// into a reply where it lies. Addresses and options are the same for every client.
//
// Pure; any thread. Sources: RFC 2131 sections 2 and 4.1, RFC 2132.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/addresses.h"
#include "base/bytes.h"

namespace xdhcpd::bench {

// Offsets within a frame without VLAN tag or IP options.
inline constexpr std::size_t kIpAt = 14;
inline constexpr std::size_t kUdpAt = 34;
inline constexpr std::size_t kBootpAt = 42;
inline constexpr std::size_t kXidAt = kBootpAt + 4;
inline constexpr std::size_t kSecsAt = kBootpAt + 8;
inline constexpr std::size_t kFlagsAt = kBootpAt + 10;
inline constexpr std::size_t kCiaddrAt = kBootpAt + 12;
inline constexpr std::size_t kYiaddrAt = kBootpAt + 16;
inline constexpr std::size_t kSiaddrAt = kBootpAt + 20;
inline constexpr std::size_t kGiaddrAt = kBootpAt + 24;
inline constexpr std::size_t kChaddrAt = kBootpAt + 28;
inline constexpr std::size_t kSnameAt = kBootpAt + 44;
inline constexpr std::size_t kCookieAt = kBootpAt + 236;
inline constexpr std::size_t kOptionsAt = kBootpAt + 240;
// A BOOTP message has 300 octets at least (RFC 1542 section 2.1).
inline constexpr std::uint32_t kMinReplyLen = kBootpAt + 300;
inline constexpr std::uint32_t kCookie = 0x63825363;

inline constexpr std::uint8_t kDiscover = 1;
inline constexpr std::uint8_t kOffer = 2;
inline constexpr std::uint8_t kRequest = 3;
inline constexpr std::uint8_t kAck = 5;

// The network of the benchmark: 10.64.0.0/10, the server at 10.64.0.1, leases from 10.65.0.0 on.
inline constexpr Ipv4 kServerAddress{0x0a400001};
inline constexpr Ipv4 kNetmask{0xffc00000};
inline constexpr Ipv4 kNameServer{0xc0000235};
inline constexpr std::uint32_t kFirstAddress = 0x0a410000;
inline constexpr std::uint32_t kAddressCount = 1U << 21;

// Everything behind the magic cookie, message type first: server identifier, lease time, T1, T2,
// mask, router, name server. Without END: an echoed client identifier may follow.
struct ReplyOptions {
    static constexpr std::size_t kTypeAt = 2;
    static constexpr std::size_t kLen = 3 + 7 * 6;

    std::array<std::byte, kLen> bytes{};
};

[[nodiscard]] constexpr ReplyOptions make_options(std::uint8_t type) noexcept {
    ReplyOptions options;
    std::size_t at = 0;
    const auto put = [&](std::uint8_t value) { options.bytes[at++] = std::byte{value}; };
    const auto put_u32 = [&](std::uint8_t code, std::uint32_t value) {
        put(code);
        put(4);
        for (int shift = 24; shift >= 0; shift -= 8) {
            put(static_cast<std::uint8_t>(value >> shift));
        }
    };
    put(53);
    put(1);
    put(type);
    put_u32(54, kServerAddress.value);
    put_u32(51, 3600);
    put_u32(58, 1800);
    put_u32(59, 3150);
    put_u32(1, kNetmask.value);
    put_u32(3, kServerAddress.value);
    put_u32(6, kNameServer.value);
    return options;
}

// Ones' complement sum in the machine's order, not folded; `len` is even.
[[nodiscard]] inline std::uint64_t raw_sum(const std::byte* at, std::size_t len) noexcept {
    std::uint64_t sum = 0;
    std::uint64_t other = 0;
    for (; len >= 8; len -= 8, at += 8) {
        std::uint32_t low = 0;
        std::uint32_t high = 0;
        std::memcpy(&low, at, 4);
        std::memcpy(&high, at + 4, 4);
        sum += low;
        other += high;
    }
    for (; len >= 2; len -= 2, at += 2) {
        std::uint16_t word = 0;
        std::memcpy(&word, at, 2);
        other += word;
    }
    return sum + other;
}

[[nodiscard]] inline std::uint16_t fold(std::uint64_t sum) noexcept {
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(sum);
}

// Ethernet, IP and UDP headers of a reply of `frame_len` octets; where to is RFC 2131 section 4.1.
// The UDP checksum is 0, which means none (RFC 768). `frame` still has the request's headers.
inline void write_headers(std::byte* frame, const Mac& own_mac, Ipv4 yiaddr,
                          std::uint32_t frame_len) noexcept {
    const Ipv4 giaddr = Ipv4::load(frame + kGiaddrAt);
    const Ipv4 ciaddr = Ipv4::load(frame + kCiaddrAt);
    const bool broadcast = (load_u8(frame + kFlagsAt) & 0x80) != 0;
    Ipv4 destination = yiaddr;
    std::uint16_t port = 68;
    std::memcpy(frame, frame + Mac::kLen, Mac::kLen);  // back to where it came from
    if (!giaddr.is_zero()) {
        destination = giaddr;
        port = 67;
    } else if (!ciaddr.is_zero()) {
        destination = ciaddr;
    } else if (broadcast) {
        destination = kBroadcastIpv4;
        kBroadcastMac.store(frame);
    }
    own_mac.store(frame + Mac::kLen);

    std::byte* const ip = frame + kIpAt;
    store_be32(ip, 0x45000000U | (frame_len - static_cast<std::uint32_t>(kIpAt)));
    store_be32(ip + 4, 0x00004000);  // no identification, do not fragment
    store_be32(ip + 8, 0x40110000);  // TTL 64, UDP, checksum still 0
    kServerAddress.store(ip + 12);
    destination.store(ip + 16);
    const auto checksum = static_cast<std::uint16_t>(~fold(raw_sum(ip, 20)));
    std::memcpy(ip + 10, &checksum, 2);

    store_be16(frame + kUdpAt, 67);
    store_be16(frame + kUdpAt + 2, port);
    store_be32(frame + kUdpAt + 4, (frame_len - static_cast<std::uint32_t>(kUdpAt)) << 16);
}

}  // namespace xdhcpd::bench
