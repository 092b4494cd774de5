// ReplyWriter: a BOOTREPLY written into a buffer that the caller lends, option by option.
//
// Order of use: construct, add..., finish once. One thread. No allocation; never writes outside the
// buffer and leaves no octet below the returned length as it found it. Invariant: what has been
// added can always be ended, within both the client's limit and the buffer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/addresses.h"
#include "base/bytes.h"
#include "dhcp4/message_view.h"
#include "dhcp4/options.h"

namespace xdhcpd::dhcp4 {

// The fixed fields of a reply. `op` is always BOOTREPLY; RFC 2131 section 4.3.1, table 3 says what
// goes where.
struct ReplyHeader {
    std::uint8_t htype = 0;
    std::uint8_t hlen = 0;  // as the client sent it, 0..kChaddrLen
    std::uint8_t hops = 0;
    std::uint32_t xid = 0;
    std::uint16_t secs = 0;
    std::uint16_t flags = 0;
    Ipv4 ciaddr;
    Ipv4 yiaddr;
    Ipv4 siaddr;
    Ipv4 giaddr;
    ByteView chaddr;  // up to kChaddrLen octets
    ByteView sname;   // up to kSnameLen octets; empty leaves the field to options that do not fit
                      // elsewhere
    ByteView file;    // up to kFileLen octets; likewise
};

class ReplyWriter {
  public:
    // `out` has room for kMinBootpLen octets at least. `max_len` is the longest DHCP message that
    // the client takes, headers of IP and UDP off; below kMinBootpLen it counts as kMinBootpLen.
    ReplyWriter(MutableBytes out, const ReplyHeader& header, std::size_t max_len) noexcept;
    ReplyWriter(const ReplyWriter&) = delete;
    ReplyWriter& operator=(const ReplyWriter&) = delete;

    // Appends an option; false if there is no room for it anywhere, and then nothing has been
    // written. A value above 255 octets is split (RFC 3396 section 6). What does not fit the
    // options area goes into file, then sname, with option 52, unless the header uses the field;
    // only a value above 255 octets is divided between areas. Add each code once: a receiver joins
    // equal codes. PAD, END and option 52 are refused.
    [[nodiscard]] bool add(OptionCode code, ByteView value) noexcept;
    [[nodiscard]] bool add_u8(OptionCode code, std::uint8_t value) noexcept;
    [[nodiscard]] bool add_u16(OptionCode code, std::uint16_t value) noexcept;
    [[nodiscard]] bool add_u32(OptionCode code, std::uint32_t value) noexcept;
    [[nodiscard]] bool add_ipv4(OptionCode code, Ipv4 value) noexcept;
    [[nodiscard]] bool add_message_type(MessageType type) noexcept;
    // Copies complete options (code, length, value...; no PAD, END or option 52) into the options
    // area; false, and nothing written, if the block does not fit there as a whole.
    [[nodiscard]] bool add_encoded(ByteView options) noexcept;

    // Ends the message: option 82 octet for octet as the last option (not counted against the
    // client's limit, for the relay takes it off; absent if empty), END, and zeros up to
    // kMinBootpLen. Returns the message's length, kMinBootpLen..out.size(). Call once. Source: RFC
    // 3046 section 2.2; RFC 1542 section 2.1.
    [[nodiscard]] std::size_t finish(ByteView relay_agent_information) noexcept;
    // Whether finish() found no room for option 82: the reply is valid without (RFC 3046 section
    // 2.2), count it.
    [[nodiscard]] bool relay_information_dropped() const noexcept {
        return relay_information_dropped_;
    }

  private:
    // Where the next option of an area goes, and the end of its room (an octet for END is behind
    // it).
    struct Area {
        std::size_t at = 0;
        std::size_t end = 0;

        [[nodiscard]] std::size_t room() const noexcept { return end - at; }
    };
    static constexpr std::size_t kOverloadOptionLen = 3;

    template <typename Integer>
    [[nodiscard]] bool add_integer(OptionCode code, Integer value) noexcept;
    [[nodiscard]] bool add_long(OptionCode code, ByteView value) noexcept;
    void put(Area& area, OptionCode code, ByteView value) noexcept;
    void overload(std::uint8_t bit) noexcept;

    MutableBytes out_;
    Area options_;
    Area file_;   // no room at all while the header uses the field
    Area sname_;  // likewise
    std::size_t reserve_ =
        0;  // octets of the options area kept for option 52 while it may yet come
    std::size_t overload_at_ = 0;  // offset of the value of option 52; 0 while there is none
    bool relay_information_dropped_ = false;
};

}  // namespace xdhcpd::dhcp4
