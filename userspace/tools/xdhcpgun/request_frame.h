// RequestFrames: the frames that clients send, made beforehand once per kind and patched per
// client. Writing one is a copy and a few stores; both checksums are corrected by what was patched
// (RFC 1624), never computed over the frame. Immutable after construction; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/addresses.h"
#include "base/bytes.h"
#include "tools/xdhcpgun/population.h"

namespace xdhcpd::gun {

// RFC 2131 section 4.3.2 and table 5 say what each carries.
enum class RequestKind : std::uint8_t {
    kDiscover,
    kDiscoverAgain,  // with option 50, the address that the client had
    kSelecting,      // options 50 and 54
    kInitReboot,     // option 50
    kRenewing,       // ciaddr, unicast from it to the server
    kCount
};

// What differs from one request to the next beside the client itself.
struct RequestValues {
    std::uint32_t index = 0;  // the client
    std::uint32_t xid = 0;
    std::uint16_t secs = 0;
    Ipv4 address;      // option 50 or ciaddr
    Ipv4 server_id;    // option 54, and the destination of a renewal
    Mac server_mac{};  // destination of a renewal; relayed clients have it from the settings
};

class RequestFrames {
  public:
    // `own_mac` is the source of relayed frames: the interface's own.
    RequestFrames(const Population& population, Mac own_mac);

    // Longest frame of all kinds, in bytes.
    [[nodiscard]] std::size_t max_len() const noexcept { return max_len_; }
    // Writes into `to`, at least max_len() bytes, and returns the frame's length.
    [[nodiscard]] std::size_t write(MutableBytes to, RequestKind kind,
                                    const RequestValues& values) const noexcept;

    // The values of the options that a reply must give back: client identifier (empty without
    // --client-id) and relay agent information (empty when none is sent). The result is in `room`.
    static constexpr std::size_t kMaxOptionLen = 255;
    using OptionRoom = std::array<std::byte, kMaxOptionLen>;
    [[nodiscard]] ByteView client_id(std::uint32_t index, OptionRoom& room) const noexcept;
    [[nodiscard]] ByteView relay_information(std::uint32_t index, OptionRoom& room) const noexcept;

    [[nodiscard]] Mac own_mac() const noexcept { return own_mac_; }

  private:
    // Offsets from the start of the frame; 0 where the kind has no such field.
    struct Template {
        std::vector<std::byte> bytes;  // patched fields are zero
        std::uint32_t ip_sum = 0;      // of the header, without its checksum
        std::uint32_t udp_sum = 0;     // of pseudo-header and datagram, without its checksum
        std::uint16_t client_id = 0;   // the MAC address within option 61
        std::uint16_t hostname = 0;    // kIndexTextLen digits
        std::uint16_t circuit_id = 0;  // likewise
        std::uint16_t remote_id = 0;   // likewise
        std::uint16_t requested = 0;
        std::uint16_t server_id = 0;
        bool ciaddr = false;
        bool unicast = false;
    };

    [[nodiscard]] Template make(RequestKind kind) const;

    const Population& population_;
    Mac own_mac_;
    std::size_t dhcp_ = 0;  // offset of the DHCP message
    std::vector<std::byte> relay_information_;
    std::uint16_t relay_circuit_text_ = 0;  // offset of the digits in relay_information_; 0: none
    std::uint16_t relay_remote_text_ = 0;
    std::array<Template, static_cast<std::size_t>(RequestKind::kCount)> templates_;
    std::size_t max_len_ = 0;
};

}  // namespace xdhcpd::gun
