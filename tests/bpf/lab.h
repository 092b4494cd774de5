// A veth pair in a network namespace of its own, frames to send over it, and a raw socket at its
// far end.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/addresses.h"
#include "base/bytes.h"
#include "packet/frame_writer.h"
#include "packet/vlan.h"

namespace xdhcpd::lab {

using Frame = std::vector<std::byte>;

inline constexpr const char* kServerInterface = "xdsrv";
inline constexpr const char* kPeerInterface = "xdpeer";
inline constexpr Mac kServerMac{{std::byte{0x02}, std::byte{0x00}, std::byte{0x5e}, std::byte{0x00},
                                 std::byte{0x53}, std::byte{0x01}}};
inline constexpr Mac kClientMac{{std::byte{0x02}, std::byte{0x00}, std::byte{0x5e}, std::byte{0x00},
                                 std::byte{0x53}, std::byte{0x02}}};
inline constexpr Mac kOtherMac{{std::byte{0x02}, std::byte{0x00}, std::byte{0x5e}, std::byte{0x00},
                                std::byte{0x53}, std::byte{0x99}}};
inline constexpr Ipv4 kServerIp{0xc0000201};  // 192.0.2.1
inline constexpr Ipv4 kClientIp{0xc0000232};  // 192.0.2.50
inline constexpr std::uint16_t kServerPort = 67;
inline constexpr std::uint16_t kClientPort = 68;
inline constexpr std::uint8_t kBootRequest = 1;
inline constexpr std::uint8_t kBootReply = 2;

// Why privileged tests cannot run here; nothing when they can.
[[nodiscard]] std::optional<std::string> missing_privilege();

// Moves this process into a new network namespace with the pair kServerInterface (kServerMac,
// kServerIp/24) and kPeerInterface (kClientMac), both up, each with `queue_count` queues. It goes
// away with the process. Returns what went wrong, or "".
[[nodiscard]] std::string enter_new_network(std::uint32_t queue_count = 1);

// Runs `ip <arguments>`; true on success.
bool ip(const std::string& arguments);

// A BOOTP message: `op`, Ethernet, kClientMac, then a pattern; `len` bytes.
[[nodiscard]] Frame message(std::uint8_t op, std::size_t len);
// The same inside UDP, IPv4 and Ethernet with correct lengths and checksums.
[[nodiscard]] Frame frame(const Udp4Headers& headers, std::uint8_t op = kBootRequest,
                          std::size_t message_len = 300);
// What a client without an address sends.
[[nodiscard]] Udp4Headers broadcast_request();
// What a server answers it, to its MAC.
[[nodiscard]] Udp4Headers unicast_reply();
// One tag.
[[nodiscard]] VlanTags tags(VlanTag outer);
// Two.
[[nodiscard]] VlanTags tags(VlanTag outer, VlanTag inner);

// A raw socket on an interface. Tags are seen in the frames, as on the wire.
class RawSocket {
  public:
    explicit RawSocket(const std::string& interface_name);
    RawSocket(const RawSocket&) = delete;
    RawSocket& operator=(const RawSocket&) = delete;
    ~RawSocket();

    [[nodiscard]] bool is_open() const { return fd_ >= 0; }
    [[nodiscard]] bool send(ByteView frame) const;
    // The next received frame that `accept` likes; nothing after `timeout`.
    [[nodiscard]] std::optional<Frame> receive(const std::function<bool(ByteView)>& accept,
                                               std::chrono::milliseconds timeout) const;
    // UDP to kClientPort.
    [[nodiscard]] std::optional<Frame> receive_reply(
        std::chrono::milliseconds timeout = std::chrono::milliseconds{2000}) const;

  private:
    int fd_ = -1;
};

}  // namespace xdhcpd::lab
