// Builders of frames and DHCPv4 messages for tests, byte by byte and without the code under test:
// what the codecs say of themselves is checked against these.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "base/addresses.h"
#include "base/bytes.h"

namespace xdhcpd::testing {

using Bytes = std::vector<std::byte>;

[[nodiscard]] inline Bytes bytes(std::initializer_list<int> values) {
    Bytes result;
    for (const int value : values) {
        result.push_back(static_cast<std::byte>(value));
    }
    return result;
}
inline void append(Bytes& to, ByteView more) {
    to.insert(to.end(), more.begin(), more.end());
}
inline void append16(Bytes& to, std::uint16_t value) {
    to.push_back(static_cast<std::byte>(value >> 8));
    to.push_back(static_cast<std::byte>(value & 0xff));
}
inline void append32(Bytes& to, std::uint32_t value) {
    append16(to, static_cast<std::uint16_t>(value >> 16));
    append16(to, static_cast<std::uint16_t>(value & 0xffff));
}
[[nodiscard]] inline Ipv4 ip(std::string_view text) {
    return parse_ipv4(text).value();
}
[[nodiscard]] inline Mac mac(int last) {
    Mac result = parse_mac("02:00:5e:00:53:00").value();
    result.octets[4] = static_cast<std::byte>(0x53 + (last >> 8));
    result.octets[5] = static_cast<std::byte>(last & 0xff);
    return result;
}

// RFC 1071, the slow and obvious way.
[[nodiscard]] inline std::uint16_t slow_sum(ByteView data, std::uint32_t sum = 0) {
    for (std::size_t i = 0; i < data.size(); ++i) {
        const auto octet = std::to_integer<std::uint32_t>(data[i]);
        sum += i % 2 == 0 ? octet << 8 : octet;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
}

struct FrameSpec {
    Mac destination_mac = kBroadcastMac;
    Mac source_mac = mac(1);
    std::vector<std::pair<std::uint16_t, std::uint16_t>> tags;  // tpid, tci
    Ipv4 source;
    Ipv4 destination = kBroadcastIpv4;
    std::uint16_t source_port = 68;
    std::uint16_t destination_port = 67;
    Bytes ip_options;  // a multiple of four bytes
    Bytes padding;     // behind the datagram, as a switch adds it
};

// Offset of the IPv4 header of a frame made from `spec`.
[[nodiscard]] inline std::size_t ip_offset(const FrameSpec& spec) {
    return 14 + 4 * spec.tags.size();
}

[[nodiscard]] inline Bytes udp_frame(const FrameSpec& spec, ByteView payload) {
    Bytes frame;
    append(frame, spec.destination_mac.bytes());
    append(frame, spec.source_mac.bytes());
    for (const auto& [tpid, tci] : spec.tags) {
        append16(frame, tpid);
        append16(frame, tci);
    }
    append16(frame, 0x0800);

    Bytes header = bytes({0x45 + static_cast<int>(spec.ip_options.size() / 4), 0});
    append16(header, static_cast<std::uint16_t>(20 + spec.ip_options.size() + 8 + payload.size()));
    append32(header, 0);
    append(header, bytes({64, 17, 0, 0}));
    append32(header, spec.source.value);
    append32(header, spec.destination.value);
    append(header, spec.ip_options);
    const std::uint16_t checksum = static_cast<std::uint16_t>(~slow_sum(header));
    header[10] = static_cast<std::byte>(checksum >> 8);
    header[11] = static_cast<std::byte>(checksum & 0xff);

    Bytes udp;
    append16(udp, spec.source_port);
    append16(udp, spec.destination_port);
    append16(udp, static_cast<std::uint16_t>(8 + payload.size()));
    append16(udp, 0);
    append(udp, payload);
    Bytes pseudo;
    append32(pseudo, spec.source.value);
    append32(pseudo, spec.destination.value);
    append16(pseudo, 17);
    append16(pseudo, static_cast<std::uint16_t>(udp.size()));
    std::uint16_t udp_checksum = static_cast<std::uint16_t>(~slow_sum(udp, slow_sum(pseudo)));
    if (udp_checksum == 0) {
        udp_checksum = 0xffff;
    }
    udp[6] = static_cast<std::byte>(udp_checksum >> 8);
    udp[7] = static_cast<std::byte>(udp_checksum & 0xff);

    append(frame, header);
    append(frame, udp);
    append(frame, spec.padding);
    return frame;
}

struct FrameSpec6 {
    Mac destination_mac{
        {std::byte{0x33}, std::byte{0x33}, std::byte{0}, std::byte{1}, std::byte{0}, std::byte{2}}};
    Mac source_mac = mac(1);
    std::vector<std::pair<std::uint16_t, std::uint16_t>> tags{};  // tpid, tci
    Ipv6 source = *parse_ipv6("fe80::5eff:fe00:5301");
    Ipv6 destination = *parse_ipv6("ff02::1:2");
    int next_header = 17;  // other than 17 and 58: the payload stands behind the IPv6 header as is
    int hop_limit = 64;
    std::uint16_t source_port = 546;
    std::uint16_t destination_port = 547;
    Bytes padding{};  // behind the packet, as a switch adds it
};

// Offset of the IPv6 header of a frame made from `spec`.
[[nodiscard]] inline std::size_t ip_offset(const FrameSpec6& spec) {
    return 14 + 4 * spec.tags.size();
}

// `payload` is UDP data, or an ICMPv6 message whose checksum (octets 2 and 3) is filled in.
[[nodiscard]] inline Bytes frame6(const FrameSpec6& spec, ByteView payload) {
    Bytes upper;
    std::size_t checksum_at = 2;
    if (spec.next_header == 17) {
        checksum_at = 6;
        append16(upper, spec.source_port);
        append16(upper, spec.destination_port);
        append16(upper, static_cast<std::uint16_t>(8 + payload.size()));
        append16(upper, 0);
    }
    append(upper, payload);
    if ((spec.next_header == 17 || spec.next_header == 58) && upper.size() >= checksum_at + 2) {
        upper[checksum_at] = upper[checksum_at + 1] = std::byte{0};
        Bytes pseudo;
        append(pseudo, spec.source.bytes());
        append(pseudo, spec.destination.bytes());
        append32(pseudo, static_cast<std::uint32_t>(upper.size()));
        append32(pseudo, static_cast<std::uint32_t>(spec.next_header));
        auto checksum = static_cast<std::uint16_t>(~slow_sum(upper, slow_sum(pseudo)));
        if (checksum == 0 && spec.next_header == 17) {
            checksum = 0xffff;
        }
        upper[checksum_at] = static_cast<std::byte>(checksum >> 8);
        upper[checksum_at + 1] = static_cast<std::byte>(checksum & 0xff);
    }

    Bytes frame;
    append(frame, spec.destination_mac.bytes());
    append(frame, spec.source_mac.bytes());
    for (const auto& [tpid, tci] : spec.tags) {
        append16(frame, tpid);
        append16(frame, tci);
    }
    append16(frame, 0x86dd);
    append(frame, bytes({0x60, 0, 0, 0}));
    append16(frame, static_cast<std::uint16_t>(upper.size()));
    append(frame, bytes({spec.next_header, spec.hop_limit}));
    append(frame, spec.source.bytes());
    append(frame, spec.destination.bytes());
    append(frame, upper);
    append(frame, spec.padding);
    return frame;
}

// A DHCPv4 message. Options are appended in the order of the calls; bytes() ends them.
class Message {
  public:
    explicit Message(int type = 1, int client = 1) : fixed_(236) {
        fixed_[0] = std::byte{1};
        fixed_[1] = std::byte{1};
        fixed_[2] = std::byte{6};
        xid(0x10000000u + static_cast<std::uint32_t>(client));
        chaddr(mac(client).bytes());
        if (type != 0) {
            option(53, xdhcpd::testing::bytes({type}));
        }
    }

    Message& op(int value) { return at(0, xdhcpd::testing::bytes({value})); }
    Message& htype(int value) { return at(1, xdhcpd::testing::bytes({value})); }
    Message& hlen(int value) { return at(2, xdhcpd::testing::bytes({value})); }
    Message& hops(int value) { return at(3, xdhcpd::testing::bytes({value})); }
    Message& xid(std::uint32_t value) { return at32(4, value); }
    Message& secs(int value) { return at(8, xdhcpd::testing::bytes({value >> 8, value & 0xff})); }
    Message& broadcast() { return at(10, xdhcpd::testing::bytes({0x80, 0})); }
    Message& ciaddr(std::string_view address) { return at32(12, ip(address).value); }
    Message& yiaddr(std::string_view address) { return at32(16, ip(address).value); }
    Message& siaddr(std::string_view address) { return at32(20, ip(address).value); }
    Message& giaddr(std::string_view address) { return at32(24, ip(address).value); }
    Message& chaddr(ByteView address) {
        for (std::size_t i = 0; i < 16; ++i) {
            fixed_[28 + i] = i < address.size() ? address[i] : std::byte{0};
        }
        return *this;
    }
    Message& sname(ByteView value) { return at(44, value); }
    Message& file(ByteView value) { return at(108, value); }
    Message& option(int code, ByteView value) {
        options_.push_back(static_cast<std::byte>(code));
        options_.push_back(static_cast<std::byte>(value.size()));
        append(options_, value);
        return *this;
    }
    Message& option(int code, std::initializer_list<int> value) {
        return option(code, xdhcpd::testing::bytes(value));
    }
    Message& option_address(int code, std::string_view address) {
        Bytes value;
        append32(value, ip(address).value);
        return option(code, value);
    }
    Message& option_u32(int code, std::uint32_t number) {
        Bytes value;
        append32(value, number);
        return option(code, value);
    }
    Message& raw(ByteView more) {
        append(options_, more);
        return *this;
    }

    [[nodiscard]] Bytes payload(bool end = true) const {
        Bytes result = fixed_;
        append(result, xdhcpd::testing::bytes({99, 130, 83, 99}));
        append(result, options_);
        if (end) {
            result.push_back(std::byte{255});
        }
        return result;
    }

  private:
    Message& at(std::size_t offset, ByteView value) {
        copy_bytes(fixed_.data() + offset, value);
        return *this;
    }
    Message& at32(std::size_t offset, std::uint32_t value) {
        Bytes wire;
        append32(wire, value);
        return at(offset, wire);
    }

    Bytes fixed_;
    Bytes options_;
};

}  // namespace xdhcpd::testing
