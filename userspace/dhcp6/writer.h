// ReplyWriter: a DHCPv6 message in a buffer that the caller lends, option by option, inside the
// Relay-reply messages that take it back through the relays which brought the request.
//
// Order of use: begin, add and open/close..., finish once. One thread. No allocation; never writes
// outside the buffer. Invariant: an option is there as a whole or not at all, and the length of
// what is open is filled in when it is closed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/addresses.h"
#include "base/bytes.h"
#include "dhcp6/message_view.h"
#include "dhcp6/options.h"
#include "dhcp6/values.h"

namespace xdhcpd::dhcp6 {

class ReplyWriter {
  public:
    // How far the message had got: see rewind().
    struct Mark {
        std::size_t at;
        std::size_t depth;
    };

    // Starts a message behind a Relay-reply for each of `relays`, those of the request: with its
    // hop count, link and peer address, and its interface identifier, relay port and what its echo
    // request asks for, octet for octet (RFC 8415 section 19.3, RFC 8357, RFC 4994 section
    // 5). Nothing if `out`, of which at most 65535 octets are used, has no room for that.
    // `relays` is not kept. Precondition: transaction_id <= kMaxTransactionId, relays.size() <=
    // kMaxRelayCount.
    [[nodiscard]] static std::optional<ReplyWriter> begin(MutableBytes out, MessageType type,
                                                          std::uint32_t transaction_id,
                                                          std::span<const Relay> relays) noexcept;

    // Each appends an option, inside of what is open; false if there is no room, and then nothing
    // has been written.
    [[nodiscard]] bool add(OptionCode code, ByteView value) noexcept;
    [[nodiscard]] bool add_u8(OptionCode code, std::uint8_t value) noexcept;
    [[nodiscard]] bool add_u16(OptionCode code, std::uint16_t value) noexcept;
    [[nodiscard]] bool add_u32(OptionCode code, std::uint32_t value) noexcept;
    [[nodiscard]] bool add_ipv6(OptionCode code, const Ipv6& value) noexcept;
    // `message` is UTF-8 for people (RFC 8415 section 21.13).
    [[nodiscard]] bool add_status(StatusCode code, std::string_view message) noexcept;
    // Complete options, copied as they are; all or nothing.
    [[nodiscard]] bool add_encoded(ByteView options) noexcept;

    // Each begins an option that holds options, until the close() that belongs to it; false if
    // there is no room for what it begins with, and then nothing is open that was not before. Times
    // are in seconds. At most two are open at a time: an IA, and an address or prefix in it.
    [[nodiscard]] bool open_ia_na(std::uint32_t iaid, std::uint32_t t1, std::uint32_t t2) noexcept;
    [[nodiscard]] bool open_ia_pd(std::uint32_t iaid, std::uint32_t t1, std::uint32_t t2) noexcept;
    [[nodiscard]] bool open_address(const Ipv6& address, std::uint32_t preferred_lifetime,
                                    std::uint32_t valid_lifetime) noexcept;
    // Bits behind the prefix's length are written as zero.
    [[nodiscard]] bool open_prefix(const Ipv6Prefix& prefix, std::uint32_t preferred_lifetime,
                                   std::uint32_t valid_lifetime) noexcept;
    // Ends the innermost open option. Precondition: there is one.
    void close() noexcept;

    [[nodiscard]] Mark mark() const noexcept { return {at_, depth_}; }
    // Takes back everything since `mark`. Precondition: it is of this message, and what was open
    // then is open still.
    void rewind(Mark mark) noexcept;

    // Octets that are still free.
    [[nodiscard]] std::size_t room() const noexcept { return out_.size() - at_; }
    // Fills in the lengths of the relays' options and returns that of the whole message.
    // Precondition: nothing is open.
    [[nodiscard]] std::size_t finish() noexcept;

  private:
    static constexpr std::size_t kMaxDepth = 2;

    explicit ReplyWriter(MutableBytes out) noexcept : out_{out} {}
    [[nodiscard]] bool begin_relay(const Relay& relay) noexcept;
    [[nodiscard]] bool echo(const Relay& relay) noexcept;
    // Code and length of an option, then `len` octets for the caller to fill; null without room.
    [[nodiscard]] std::byte* option(OptionCode code, std::size_t len) noexcept;
    [[nodiscard]] std::byte* open(OptionCode code, std::size_t fixed_len) noexcept;
    [[nodiscard]] bool open_ia(OptionCode code, std::uint32_t iaid, std::uint32_t t1,
                               std::uint32_t t2) noexcept;
    // Fills in the length of the option that begins at `begin` and ends here.
    void end_option(std::size_t begin) noexcept;

    MutableBytes out_;
    std::size_t at_ = 0;
    std::array<std::size_t, kMaxRelayCount> relayed_{};  // where options that hold messages begin
    std::size_t relay_count_ = 0;
    std::array<std::size_t, kMaxDepth> open_{};  // where open options begin
    std::size_t depth_ = 0;
};

}  // namespace xdhcpd::dhcp6
