// MessageView: a DHCPv4 message, checked once, then read without failing.
//
// An object is reused for message after message and never copied (about 2.5 KiB, of which a message
// without split options touches little). It borrows the payload: everything it returns is valid
// until the next parse() or until the payload goes. One thread at a time. No allocation. Invariant:
// accessors never fail; before the first and after a failed parse() the message is empty (all zero,
// no options).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/addresses.h"
#include "base/bytes.h"
#include "base/result.h"
#include "dhcp4/options.h"

namespace xdhcpd::dhcp4 {

// RFC 2131 section 2, figure 1, and section 4.1.
inline constexpr std::uint16_t kServerPort = 67;
inline constexpr std::uint16_t kClientPort = 68;
inline constexpr std::size_t kFixedLen = 236;
inline constexpr std::size_t kMagicLen = 4;
inline constexpr std::uint32_t kMagicCookie = 0x63825363;  // 99.130.83.99
inline constexpr std::size_t kOptionsOffset = kFixedLen + kMagicLen;
inline constexpr std::size_t kChaddrLen = 16;
inline constexpr std::size_t kSnameLen = 64;
inline constexpr std::size_t kFileLen = 128;
inline constexpr std::uint8_t kBootRequest = 1;
inline constexpr std::uint8_t kBootReply = 2;
inline constexpr std::uint16_t kBroadcastFlag = 0x8000;
// Some BOOTP clients and relays drop anything shorter (RFC 1542 section 2.1, RFC 951 section 3).
inline constexpr std::size_t kMinBootpLen = 300;
// What a client takes that sends no option 57: an IP datagram of 576 octets (RFC 2131 section 2),
// its headers off.
inline constexpr std::size_t kDefaultMaxLen = 576 - 20 - 8;
// The longest UDP payload over IPv4; offsets into a message fit 16 bits.
inline constexpr std::size_t kMaxMessageLen = 65535 - 20 - 8;

namespace field {
inline constexpr std::size_t kOp = 0;
inline constexpr std::size_t kHtype = 1;
inline constexpr std::size_t kHlen = 2;
inline constexpr std::size_t kHops = 3;
inline constexpr std::size_t kXid = 4;
inline constexpr std::size_t kSecs = 8;
inline constexpr std::size_t kFlags = 10;
inline constexpr std::size_t kCiaddr = 12;
inline constexpr std::size_t kYiaddr = 16;
inline constexpr std::size_t kSiaddr = 20;
inline constexpr std::size_t kGiaddr = 24;
inline constexpr std::size_t kChaddr = 28;
inline constexpr std::size_t kSname = 44;
inline constexpr std::size_t kFile = 108;
static_assert(kChaddr + kChaddrLen == kSname && kSname + kSnameLen == kFile &&
              kFile + kFileLen == kFixedLen);
}  // namespace field

// Value of option 52, a set of bits (RFC 2132 section 9.3).
inline constexpr std::uint8_t kOverloadFile = 1;
inline constexpr std::uint8_t kOverloadSname = 2;

// Why a message is dropped: one counter each.
enum class ParseError : std::uint8_t {
    kTruncated,  // ends before or within the magic cookie
    kOversized,  // longer than kMaxMessageLen
    kBadOp,      // neither BOOTREQUEST nor BOOTREPLY
    kBadHlen,    // hardware address longer than chaddr
    kBadMagic,   // no magic cookie: RFC 951 BOOTP without vendor extensions, or something else
    kOptionTruncated,      // an option runs past the end of its area
    kBadOverload,          // option 52: length not 1, value not 1..3, or inside an overloaded field
    kBadMessageType,       // option 53: length not 1, or value not 1..18
    kBadOptionLength,      // option 50, 51, 54, 57 or 118 does not have its fixed length
    kOptionTooLong,        // options in several parts do not fit the room for joining them
    kBadRelayInformation,  // option 82: sub-options do not fill it exactly, or 5 or 11 is not an
                           // address
    kCount
};
// "bad-magic"
[[nodiscard]] std::string_view name(ParseError error) noexcept;

class MessageView {
  public:
    // Room for joining options that came in several parts: all that a message in one Ethernet frame
    // (1472 octets) can carry in its three areas.
    static constexpr std::size_t kJoinRoom = 1472 - kOptionsOffset + kFileLen + kSnameLen;

    MessageView() noexcept {}  // leaves what present_ does not vouch for as it is
    MessageView(const MessageView&) = delete;
    MessageView& operator=(const MessageView&) = delete;

    // Reads a UDP payload of any length. PAD may stand anywhere, END may be missing, octets behind
    // END are ignored; parts of an option are joined in the order options area, file, sname (RFC
    // 3396 section 5). Message type and the options of kBadOptionLength are checked; every other
    // value is as the sender wrote it, also an empty one.
    Result<Success, ParseError> parse(ByteView payload) noexcept;
    // Forgets the message, and with it the payload.
    void clear() noexcept {
        base_ = kNoMessage.data();
        payload_len_ = 0;
        present_ = {};
        joined_ = {};
        overload_ = 0;
        type_ = MessageType::kNone;
    }

    // The whole message as parsed; empty if there is none.
    [[nodiscard]] ByteView payload() const noexcept {
        return {payload_len_ == 0 ? nullptr : base_, payload_len_};
    }

    [[nodiscard]] std::uint8_t op() const noexcept {
        return load_u8(base_ + field::kOp);
    }  // kBootRequest, kBootReply
    [[nodiscard]] std::uint8_t htype() const noexcept { return load_u8(base_ + field::kHtype); }
    [[nodiscard]] std::uint8_t hlen() const noexcept {
        return load_u8(base_ + field::kHlen);
    }  // 0..kChaddrLen
    [[nodiscard]] std::uint8_t hops() const noexcept { return load_u8(base_ + field::kHops); }
    [[nodiscard]] std::uint32_t xid() const noexcept { return load_be32(base_ + field::kXid); }
    [[nodiscard]] std::uint16_t secs() const noexcept { return load_be16(base_ + field::kSecs); }
    [[nodiscard]] std::uint16_t flags() const noexcept { return load_be16(base_ + field::kFlags); }
    [[nodiscard]] bool broadcast() const noexcept { return (flags() & kBroadcastFlag) != 0; }
    [[nodiscard]] Ipv4 ciaddr() const noexcept { return Ipv4::load(base_ + field::kCiaddr); }
    [[nodiscard]] Ipv4 yiaddr() const noexcept { return Ipv4::load(base_ + field::kYiaddr); }
    [[nodiscard]] Ipv4 siaddr() const noexcept { return Ipv4::load(base_ + field::kSiaddr); }
    [[nodiscard]] Ipv4 giaddr() const noexcept { return Ipv4::load(base_ + field::kGiaddr); }
    // The hardware address, hlen() octets.
    [[nodiscard]] ByteView chaddr() const noexcept { return {base_ + field::kChaddr, hlen()}; }
    // The field that it stands in, whatever hlen() is.
    [[nodiscard]] ByteView chaddr_field() const noexcept {
        return {base_ + field::kChaddr, kChaddrLen};
    }
    // The raw fields, kSnameLen and kFileLen octets, also when they hold options.
    [[nodiscard]] ByteView sname() const noexcept { return {base_ + field::kSname, kSnameLen}; }
    [[nodiscard]] ByteView file() const noexcept { return {base_ + field::kFile, kFileLen}; }

    // Option 53, or kNone without it.
    [[nodiscard]] MessageType type() const noexcept { return type_; }

    [[nodiscard]] bool has(OptionCode code) const noexcept { return test(present_, index(code)); }
    // The joined value; empty if the option is absent or has no value (has() tells them apart).
    [[nodiscard]] ByteView option(OptionCode code) const noexcept {
        if (!has(code)) {
            return {};
        }
        const Slot slot = slots_[index(code)];
        return {(test(joined_, index(code)) ? join_room_.data() : base_) + slot.offset(),
                slot.len()};
    }

    [[nodiscard]] std::optional<Ipv4> requested_address() const noexcept {
        return address_option(OptionCode::kRequestedAddress);
    }
    [[nodiscard]] std::optional<Ipv4> server_identifier() const noexcept {
        return address_option(OptionCode::kServerIdentifier);
    }
    [[nodiscard]] std::optional<Ipv4> subnet_selection() const noexcept {
        return address_option(OptionCode::kSubnetSelection);
    }
    // In seconds.
    [[nodiscard]] std::optional<std::uint32_t> lease_time() const noexcept {
        const ByteView value = option(OptionCode::kLeaseTime);
        return value.empty() ? std::nullopt : std::optional{load_be32(value.data())};
    }
    // As sent: the IP datagram's length, and perhaps below the 576 that RFC 2132 section 9.10
    // allows.
    [[nodiscard]] std::optional<std::uint16_t> max_message_size() const noexcept {
        const ByteView value = option(OptionCode::kMaxMessageSize);
        return value.empty() ? std::nullopt : std::optional{load_be16(value.data())};
    }
    // One octet per option code, in the client's order of preference.
    [[nodiscard]] ByteView parameter_request_list() const noexcept {
        return option(OptionCode::kParameterRequestList);
    }
    [[nodiscard]] ByteView client_identifier() const noexcept {
        return option(OptionCode::kClientIdentifier);
    }
    // The value of option 82 octet for octet; relay.h reads it.
    [[nodiscard]] ByteView relay_agent_information() const noexcept {
        return option(OptionCode::kRelayAgentInformation);
    }

    // Calls visit(OptionCode, ByteView value) for every option, in ascending order of codes.
    template <typename Visitor>
    void for_each_option(Visitor&& visit) const {
        for (std::size_t word = 0; word < present_.size(); ++word) {
            for (std::uint64_t left = present_[word]; left != 0; left &= left - 1) {
                const auto bit = static_cast<std::size_t>(std::countr_zero(left));
                const auto code = static_cast<OptionCode>(word * 64 + bit);
                visit(code, option(code));
            }
        }
    }
    [[nodiscard]] std::size_t option_count() const noexcept {
        std::size_t count = 0;
        for (const std::uint64_t word : present_) {
            count += static_cast<std::size_t>(std::popcount(word));
        }
        return count;
    }

  private:
    using Bits = std::array<std::uint64_t, kOptionCodeCount / 64>;
    // One word, written and read as a whole: a read of what two stores have just written waits
    // until both have reached the cache.
    class Slot {
      public:
        Slot() noexcept = default;
        Slot(std::size_t offset, std::size_t len) noexcept
            : packed_{static_cast<std::uint32_t>(offset | len << 16)} {}
        // From base_, or within join_room_ if the code is in joined_.
        [[nodiscard]] std::size_t offset() const noexcept { return packed_ & 0xffff; }
        // Of all parts together, which are in one message and so below 2^16.
        [[nodiscard]] std::size_t len() const noexcept { return packed_ >> 16; }

      private:
        std::uint32_t packed_;
    };
    // A part of the message that holds options, by offsets.
    struct Area {
        std::size_t begin;
        std::size_t end;
    };

    static constexpr std::array<std::byte, kFixedLen> kNoMessage{};

    [[nodiscard]] static constexpr std::size_t index(OptionCode code) noexcept {
        return static_cast<std::size_t>(code);
    }
    [[nodiscard]] static bool test(const Bits& bits, std::size_t at) noexcept {
        return ((bits[at / 64] >> (at % 64)) & 1) != 0;
    }
    static void set(Bits& bits, std::size_t at) noexcept {
        bits[at / 64] |= std::uint64_t{1} << (at % 64);
    }

    [[nodiscard]] std::optional<Ipv4> address_option(OptionCode code) const noexcept {
        const ByteView value = option(code);
        return value.empty() ? std::nullopt : std::optional{Ipv4::load(value.data())};
    }

    // Each returns false, or an error, where the message must be dropped. Those that are inline
    // have no other caller than parse(), or are worth a copy there.
    [[nodiscard, gnu::always_inline]] inline std::optional<ParseError> read(
        ByteView payload) noexcept;
    [[nodiscard, gnu::always_inline]] inline bool scan(Area area) noexcept;
    [[nodiscard]] std::optional<ParseError> scan_fields() noexcept;
    [[nodiscard, gnu::always_inline]] inline std::optional<ParseError> check_values() noexcept;
    [[nodiscard]] bool has_fixed_lengths() const noexcept;
    [[nodiscard]] bool join_parts() noexcept;
    void append_parts(Area area) noexcept;

    const std::byte* base_ = kNoMessage.data();  // kFixedLen octets at least
    std::size_t payload_len_ = 0;
    Bits present_{};
    Bits joined_{};  // codes in several parts: their value is in join_room_
    std::uint8_t overload_ = 0;
    MessageType type_ = MessageType::kNone;
    std::array<Slot, kOptionCodeCount> slots_;  // only those in present_ mean anything
    std::array<std::byte, kJoinRoom> join_room_;
};

}  // namespace xdhcpd::dhcp4
