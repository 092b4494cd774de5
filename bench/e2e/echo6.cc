// echo6: the echo of DHCPv6: answers every Solicit and Request of xdhcpgun and knows nothing: the
// ceiling of the frame rate of a DHCPv6 server on AF_XDP.
//
// The request is turned round where it lies: addresses and ports exchanged, the client identifier
// taken from where xdhcpgun puts it, one IA_NA with an address that is the low bits of the client's
// hardware address, one name server. There is no parser, no table and no state. UDP over IPv6 must
// have a checksum (RFC 8200 section 8.1).
#include <array>
#include <utility>

#include "reply.h"
#include "run.h"

namespace xdhcpd::bench {
namespace {

// Offsets within a frame without VLAN tag: RFC 8200 section 3, RFC 8415 sections 8 and 21.
constexpr std::size_t kIp6At = 14;
constexpr std::size_t kUdp6At = kIp6At + 40;
constexpr std::size_t kMessageAt = kUdp6At + 8;
constexpr std::size_t kClientIdAt = kMessageAt + 4;  // option 1, a DUID-LL of 10 octets
constexpr std::size_t kClientIdLen = 14;
constexpr std::size_t kMacAt = kClientIdAt + 8;
constexpr std::size_t kServerIdAt = kClientIdAt + kClientIdLen;
constexpr std::size_t kIaAt = kServerIdAt + 14;
constexpr std::size_t kIaLen = 4 + 12 + 4 + 24;
constexpr std::size_t kNameServerAt = kIaAt + kIaLen;
constexpr std::uint32_t kReplyLen = kNameServerAt + 4 + 16;

constexpr std::uint8_t kSolicit = 1;
constexpr std::uint8_t kAdvertise = 2;
constexpr std::uint8_t kReplyType = 7;

class Echo6 {
  public:
    explicit Echo6(const Mac& mac) noexcept : mac_{mac}, own_{Ipv6::link_local_of(mac)} {
        // Server identifier, IA_NA with one address, name server; what varies is zero.
        std::byte* at = fixed_.data();
        const auto put = [&at](std::uint16_t code, std::uint16_t len) {
            store_be16(at, code);
            store_be16(at + 2, len);
            at += 4;
        };
        put(2, 10);
        store_be32(at, 0x00030001);
        mac_.store(at + 4);
        at += 10;
        put(3, 12 + 28);
        store_be32(at + 4, 1800);
        store_be32(at + 8, 2880);
        at += 12;
        put(5, 24);
        store_be32(at, 0x20010db8);
        store_be32(at + 4, 0x00640000);
        store_be32(at + 16, 3600);
        store_be32(at + 20, 7200);
        at += 24;
        put(23, 16);
        store_be32(at, 0x20010db8);
        at[15] = std::byte{0x53};
    }

    void operator()(Packet* packets, std::uint32_t count) const noexcept {
        for (std::uint32_t i = 0; i < count; ++i) {
            answer(packets[i].data);
            packets[i].len = kReplyLen;
        }
    }

  private:
    void answer(std::byte* frame) const noexcept {
        const std::uint32_t number = load_be32(frame + kMacAt + 2);
        std::memcpy(frame, frame + Mac::kLen, Mac::kLen);
        mac_.store(frame + Mac::kLen);
        store_be16(frame + kIp6At + 4, kReplyLen - kUdp6At);
        store_be16(frame + kIp6At + 6, 17 << 8 | 64);
        std::memcpy(frame + kIp6At + 24, frame + kIp6At + 8, Ipv6::kLen);
        own_.store(frame + kIp6At + 8);
        store_be16(frame + kUdp6At, 547);
        store_be16(frame + kUdp6At + 2, 546);
        store_be16(frame + kUdp6At + 4, kReplyLen - kUdp6At);
        store_be16(frame + kUdp6At + 6, 0);
        const std::uint8_t type = load_u8(frame + kMessageAt);
        store_u8(frame + kMessageAt, type == kSolicit ? kAdvertise : kReplyType);
        std::memcpy(frame + kServerIdAt, fixed_.data(), fixed_.size());
        store_be32(frame + kIaAt + 4, number);
        store_be32(frame + kIaAt + 4 + 12 + 4 + 12, number);

        std::array<std::byte, 4> pseudo{};
        store_be16(pseudo.data(), kReplyLen - kUdp6At);
        store_be16(pseudo.data() + 2, 17);
        const std::uint64_t sum = raw_sum(frame + kIp6At + 8, 2 * Ipv6::kLen) +
                                  raw_sum(pseudo.data(), pseudo.size()) +
                                  raw_sum(frame + kUdp6At, kReplyLen - kUdp6At);
        auto checksum = static_cast<std::uint16_t>(~fold(sum));
        checksum = checksum == 0 ? std::uint16_t{0xffff} : checksum;
        std::memcpy(frame + kUdp6At + 6, &checksum, 2);
    }

    Mac mac_;
    Ipv6 own_;
    std::array<std::byte, kReplyLen - kServerIdAt> fixed_{};
};
static_assert((kReplyLen - kUdp6At) % 2 == 0);

}  // namespace
}  // namespace xdhcpd::bench

int main(int argc, char** argv) {
    using namespace xdhcpd::bench;
    return run_program(argc, argv,
                       {.name = "echo6",
                        .description = "Bare AF_XDP echo of DHCPv6 requests, for benchmarks",
                        .serve = [](Queue& queue) {
                            serve(queue, Echo6{queue.mac()});
                            print_counters(queue, 0);
                            return 0;
                        }});
}
