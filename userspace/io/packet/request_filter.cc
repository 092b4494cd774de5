#include "io/packet/request_filter.h"

#include <linux/if_packet.h>

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/bytes.h"
#include "packet/headers.h"
#include "packet/vlan.h"

namespace xdhcpd {
namespace {

constexpr std::uint32_t kEqual = BPF_JMP | BPF_JEQ | BPF_K;
constexpr std::uint32_t kGreater = BPF_JMP | BPF_JGT | BPF_K;
constexpr std::uint32_t kHasBit = BPF_JMP | BPF_JSET | BPF_K;
constexpr std::uint32_t kReturn = BPF_RET | BPF_K;
// Relative to the index register, which holds where the IPv6 header stands.
constexpr std::uint32_t kByteAt = BPF_LD | BPF_B | BPF_IND;
constexpr std::uint32_t kHalfAt = BPF_LD | BPF_H | BPF_IND;
constexpr std::uint32_t kWordAt = BPF_LD | BPF_W | BPF_IND;

constexpr std::uint8_t kBootRequest = 1;         // RFC 2131 section 2, op
constexpr std::uint16_t kFragmentMask = 0x3fff;  // RFC 791: more fragments, offset
constexpr std::uint32_t kMacsLen = 2 * Mac::kLen;

// RFC 8415 section 7.3: SOLICIT, REQUEST, CONFIRM, RENEW, REBIND, RELEASE, DECLINE,
// INFORMATION-REQUEST, RELAY-FORW.
constexpr std::uint32_t kLastToServers = 12;
constexpr std::uint32_t kToServers = 1U << 1 | 1U << 3 | 1U << 4 | 1U << 5 | 1U << 6 | 1U << 8 |
                                     1U << 9 | 1U << 11 | 1U << kLastToServers;

// Offsets from the IPv6 header.
constexpr std::uint32_t kNextHeaderAt = 6;
constexpr std::uint32_t kHopLimitAt = 7;
constexpr std::uint32_t kUpperAt = kIpv6Len;
constexpr std::uint32_t kTargetAt = kUpperAt + 8;  // RFC 4861 section 4.3
constexpr std::uint8_t kRouterSolicitation = 133;
constexpr std::uint8_t kNeighborSolicitation = 135;

}  // namespace

RequestFilter::RequestFilter(std::uint16_t server_port, std::uint16_t server_port6,
                             const PacketTake6& take6, std::uint32_t max_payload_len,
                             std::uint32_t max_frame_len)
    : max_payload_len_{max_payload_len}, max_frame_len_{max_frame_len} {
    // Sent by this host or addressed to another one (promiscuous mode).
    add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE));
    reject_if_equal(PACKET_OTHERHOST);
    reject_if_equal(PACKET_OUTGOING);
    add(BPF_LD | BPF_H | BPF_ABS, kMacsLen);
    accept_udp4(kEthernetLen, server_port);
    go_to_ipv6(kEthernetLen);
    add(kEqual, kEtherTypeVlan, 2, 0);
    reject_unless_equal(kEtherTypeQinq);
    add(BPF_LD | BPF_H | BPF_ABS, kEthernetLen + 2);
    accept_udp4(kEthernetLen + VlanTags::kTagLen, server_port);
    go_to_ipv6(kEthernetLen + VlanTags::kTagLen);
    reject();
    for (const std::size_t jump : to_ipv6_) {
        code_[jump].k = static_cast<std::uint32_t>(code_.size() - jump - 1);
    }
    accept_ipv6(server_port6, take6);
}

void RequestFilter::add(std::uint32_t code, std::uint32_t operand, std::uint8_t if_true,
                        std::uint8_t if_false) {
    code_.push_back(
        {.code = static_cast<std::uint16_t>(code), .jt = if_true, .jf = if_false, .k = operand});
}

void RequestFilter::accept() {
    add(kReturn, max_frame_len_);  // bytes to keep: a padded frame is cut, its datagram is not
}

void RequestFilter::reject() {
    add(kReturn, 0);
}

void RequestFilter::reject_if_equal(std::uint32_t value) {
    add(kEqual, value, 0, 1);
    reject();
}

void RequestFilter::reject_unless_equal(std::uint32_t value) {
    add(kEqual, value, 1, 0);
    reject();
}

// When the accumulator holds the EtherType of IPv4: at `ip` no fragment, UDP to the port, not too
// long, first byte of the data BOOTREQUEST.
void RequestFilter::accept_udp4(std::uint32_t ip, std::uint16_t server_port) {
    constexpr std::uint8_t kLen = 16;
    add(kEqual, kEtherTypeIpv4, 0, kLen);
    const std::size_t start = code_.size();
    add(BPF_LD | BPF_B | BPF_ABS, ip + 9);
    reject_unless_equal(kProtocolUdpNumber);
    add(BPF_LD | BPF_H | BPF_ABS, ip + 6);
    add(kHasBit, kFragmentMask, 3, 0);
    add(BPF_LDX | BPF_B | BPF_MSH, ip);
    add(kHalfAt, ip + 2);
    add(kEqual, server_port, 1, 0);
    reject();
    add(kHalfAt, ip + 4);
    add(kGreater, kUdpLen + max_payload_len_, 0, 1);
    reject();
    add(kByteAt, static_cast<std::uint32_t>(ip + kUdpLen));
    add(kEqual, kBootRequest, 1, 0);
    reject();
    accept();
    XD_ASSERT(code_.size() - start == kLen);
}

void RequestFilter::go_to_ipv6(std::uint32_t ip) {
    add(kEqual, kEtherTypeIpv6, 0, 2);
    add(BPF_LDX | BPF_IMM, ip);
    to_ipv6_.push_back(code_.size());
    add(BPF_JMP | BPF_JA, 0);
}

// No extension headers: they are left to the kernel's stack, fragments with them.
void RequestFilter::accept_ipv6(std::uint16_t server_port, const PacketTake6& take) {
    add(kByteAt, kNextHeaderAt);
    if (take.dhcp6) {
        accept_dhcp6(server_port);
    }
    if (take.advertise || !take.targets.empty()) {
        accept_solicitations(take);
    }
    reject();
}

// When the accumulator holds UDP; leaves it alone otherwise.
void RequestFilter::accept_dhcp6(std::uint16_t server_port) {
    constexpr std::uint8_t kLen = 15;
    add(kEqual, kProtocolUdpNumber, 0, kLen);
    const std::size_t start = code_.size();
    add(kHalfAt, kUpperAt + 2);
    reject_unless_equal(server_port);
    add(kHalfAt, kUpperAt + 4);
    add(kGreater, kUdpLen + max_payload_len_, 0, 1);
    reject();
    add(kByteAt, kUpperAt + kUdpLen);
    add(kGreater, kLastToServers, 0, 1);
    reject();
    add(BPF_MISC | BPF_TAX, 0);
    add(BPF_LD | BPF_IMM, 1);
    add(BPF_ALU | BPF_LSH | BPF_X, 0);
    add(kHasBit, kToServers, 1, 0);
    reject();
    accept();
    XD_ASSERT(code_.size() - start == kLen);
}

// The accumulator holds the next header.
void RequestFilter::accept_solicitations(const PacketTake6& take) {
    reject_unless_equal(kProtocolIcmpv6Number);
    add(kByteAt, kHopLimitAt);
    reject_unless_equal(kMaxHopLimit);
    add(kByteAt, kUpperAt + 1);  // code
    reject_unless_equal(0);
    add(kByteAt, kUpperAt);  // type
    if (take.advertise) {
        add(kEqual, kRouterSolicitation, 0, 1);
        accept();
    }
    reject_unless_equal(kNeighborSolicitation);
    accept_targets(take);
}

void RequestFilter::accept_targets(const PacketTake6& take) {
    std::vector<Ipv6> own;
    std::copy_if(
        take.own.begin(), take.own.end(), std::back_inserter(own), [&](const Ipv6& address) {
            return std::any_of(take.targets.begin(), take.targets.end(),
                               [&](const Ipv6Prefix& target) { return target.contains(address); });
        });
    if (own.size() + take.targets.size() > kMaxCompared) {
        accept();
        return;
    }
    for (const Ipv6& address : own) {
        judge_target({address, 128}, 0);
    }
    for (const Ipv6Prefix& target : take.targets) {
        judge_target(target, max_frame_len_);
    }
}

void RequestFilter::judge_target(const Ipv6Prefix& prefix, std::uint32_t verdict) {
    constexpr std::uint32_t kWordBits = 32;
    constexpr std::size_t kWordLen = 4;
    const Ipv6 network = prefix.network();
    const Ipv6 mask = prefix.mask();
    const std::size_t word_count = (prefix.length + kWordBits - 1) / kWordBits;
    const bool has_partial = prefix.length % kWordBits != 0;
    std::size_t left = 2 * word_count + (has_partial ? 1 : 0) + 1;  // instructions, this one's too
    for (std::size_t word = 0; word < word_count; ++word) {
        const std::size_t at = word * kWordLen;
        const std::uint32_t bits = load_be32(&mask.octets[at]);
        add(kWordAt, static_cast<std::uint32_t>(kTargetAt + at));
        left -= 2;
        if (bits != 0xffffffff) {
            add(BPF_ALU | BPF_AND | BPF_K, bits);
            --left;
        }
        add(kEqual, load_be32(&network.octets[at]), 0, static_cast<std::uint8_t>(left));
    }
    add(kReturn, verdict);
}

}  // namespace xdhcpd
