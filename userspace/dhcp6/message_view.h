// MessageView: a DHCPv6 message with the relays that carried it, checked once, then read without
// failing.
//
// An object is reused for message after message and never copied. It borrows the payload:
// everything it returns is valid until the next parse() or until the payload goes. One thread at a
// time. No allocation, no recursion. Invariant: accessors never fail; before the first and after a
// failed parse() the message is empty (kNone, no options, no relays).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/addresses.h"
#include "base/bytes.h"
#include "base/result.h"
#include "dhcp6/option_list.h"
#include "dhcp6/options.h"
#include "dhcp6/values.h"

namespace xdhcpd::dhcp6 {

// RFC 8415 sections 7.1, 7.2, 7.6, 8 and 9.
inline constexpr std::uint16_t kServerPort = 547;
inline constexpr std::uint16_t kClientPort = 546;
inline constexpr Ipv6 kAllRelayAgentsAndServers = Ipv6::of_groups({0xff02, 0, 0, 0, 0, 0, 1, 2});
inline constexpr Ipv6 kAllServers = Ipv6::of_groups({0xff05, 0, 0, 0, 0, 0, 1, 3});
inline constexpr std::size_t kMessageHeaderLen = 4;
inline constexpr std::size_t kRelayHeaderLen = 34;
inline constexpr std::uint8_t kHopCountLimit = 8;
// The first relay writes 0, the last one the limit.
inline constexpr std::size_t kMaxRelayCount = kHopCountLimit + 1;
inline constexpr std::uint32_t kMaxTransactionId = 0xffffff;

// Why a message is dropped: one counter each. Sections are those of RFC 8415.
enum class ParseError : std::uint8_t {
    kTruncated,          // ends within its header, or a relay's
    kUnknownType,        // 16: must be discarded
    kOptionTruncated,    // an option runs past the end of what it stands in
    kBadDuid,            // an identifier that is not of 3..130 octets (11.1)
    kBadOptionLength,    // an option that the server reads does not have its length (21)
    kBadPrefixLength,    // above 128 (21.22)
    kDuplicateOption,    // one that may appear only once (21)
    kNestedIa,           // an IA inside an IA (21.4, 21.5, 21.21)
    kMisplacedOption,    // an address, prefix or relayed message where it may not stand (21.6,
                         // 21.10, 21.22)
    kRelayChainTooLong,  // hop count above the limit, or more relays than that allows (7.6, 19.1.2)
    kNoRelayedMessage,   // a relay's message without the option that carries one (19.2)
    kMixedRelayChain,    // Relay-forward and Relay-reply inside each other
    kCount
};
// "option-truncated"
[[nodiscard]] std::string_view name(ParseError error) noexcept;

// What one relay wrote (RFC 8415 section 9).
struct Relay {
    std::uint8_t hop_count = 0;
    Ipv6 link_address;
    Ipv6 peer_address;
    OptionList options;

    [[nodiscard]] std::optional<ByteView> interface_id() const noexcept {
        return options.find(OptionCode::kInterfaceId);
    }
    [[nodiscard]] std::optional<RemoteId> remote_id() const noexcept {
        const auto value = options.find(OptionCode::kRemoteId);
        return value ? read_remote_id(*value) : std::nullopt;
    }
    [[nodiscard]] std::optional<ByteView> subscriber_id() const noexcept {
        return options.find(OptionCode::kSubscriberId);
    }
    // DUID of the relay (RFC 5460 section 5.4.1).
    [[nodiscard]] std::optional<ByteView> relay_id() const noexcept {
        return options.find(OptionCode::kRelayId);
    }
    // Of the peer, where that is the client (RFC 6939 section 5).
    [[nodiscard]] std::optional<HardwareAddress> client_link_layer() const noexcept {
        const auto value = options.find(OptionCode::kClientLinkLayer);
        return value ? read_link_layer(*value) : std::nullopt;
    }
    // Present if this relay wants replies at the port that it sends from, which may be another than
    // 547. The value is its own business, the port of the relay before it or 0, and goes back
    // unchanged (RFC 8357).
    [[nodiscard]] std::optional<std::uint16_t> source_port() const noexcept {
        const auto value = options.find(OptionCode::kRelayPort);
        return value ? std::optional{load_be16(value->data())} : std::nullopt;
    }
};

class MessageView {
  public:
    MessageView() noexcept = default;
    MessageView(const MessageView&) = delete;
    MessageView& operator=(const MessageView&) = delete;

    // Reads a UDP payload of any length: the chain of relays, then the message that they carry.
    // What the server reads is checked as ParseError says; every other option is as the sender
    // wrote it.
    Result<Success, ParseError> parse(ByteView payload) noexcept;
    // Forgets the message, and with it the payload.
    void clear() noexcept;

    // From the outermost, which sent the datagram, to the one next to the client; empty if the
    // client sent it.
    [[nodiscard]] std::span<const Relay> relays() const noexcept {
        return {relays_.data(), relay_count_};
    }
    // kRelayForward or kRelayReply; kNone without relays.
    [[nodiscard]] MessageType relay_type() const noexcept { return relay_type_; }
    // The one next to the client, or null.
    [[nodiscard]] const Relay* first_relay() const noexcept {
        return relay_count_ == 0 ? nullptr : &relays_[relay_count_ - 1];
    }

    // The message that the relays carry, from its type on; empty if there is none.
    [[nodiscard]] ByteView message() const noexcept { return message_; }
    [[nodiscard]] MessageType type() const noexcept { return type_; }
    // 24 bits.
    [[nodiscard]] std::uint32_t transaction_id() const noexcept { return transaction_id_; }
    [[nodiscard]] const OptionList& options() const noexcept { return options_; }
    [[nodiscard]] bool has(OptionCode code) const noexcept { return options_.has(code); }

    // DUIDs of 3..130 octets; empty if absent.
    [[nodiscard]] ByteView client_id() const noexcept { return client_id_; }
    [[nodiscard]] ByteView server_id() const noexcept { return server_id_; }
    // Option 6: 16 bits per code, in the client's order.
    [[nodiscard]] ByteView option_request() const noexcept {
        return options_.find(OptionCode::kOptionRequest).value_or(ByteView{});
    }
    [[nodiscard]] bool requests(OptionCode code) const noexcept;
    // In hundredths of a second.
    [[nodiscard]] std::optional<std::uint16_t> elapsed_time() const noexcept {
        const auto value = options_.find(OptionCode::kElapsedTime);
        return value ? std::optional{load_be16(value->data())} : std::nullopt;
    }
    [[nodiscard]] bool rapid_commit() const noexcept { return has(OptionCode::kRapidCommit); }
    [[nodiscard]] bool accepts_reconfigure() const noexcept {
        return has(OptionCode::kReconfigureAccept);
    }
    [[nodiscard]] bool has_ia() const noexcept { return has_ia_; }
    // Calls visit(const IdentityAssociation&) for IA_NA, IA_TA and IA_PD, in their order.
    template <typename Visitor>
    void for_each_ia(Visitor&& visit) const {
        for (const Option option : options_) {
            if (const auto association = read_ia(option)) {
                visit(*association);
            }
        }
    }
    // The first address or prefix that stands in an IA; unspecified without one.
    [[nodiscard]] Ipv6 first_address() const noexcept;

  private:
    [[nodiscard]] std::optional<ParseError> read(ByteView payload) noexcept;
    // Takes the outermost relay off `left`.
    [[nodiscard]] std::optional<ParseError> read_relay(ByteView& left) noexcept;
    // `seen` collects what may come only once.
    [[nodiscard]] std::optional<ParseError> read_option(Option option,
                                                        std::uint64_t& seen) noexcept;

    std::array<Relay, kMaxRelayCount> relays_;
    std::size_t relay_count_ = 0;
    MessageType relay_type_ = MessageType::kNone;
    MessageType type_ = MessageType::kNone;
    std::uint32_t transaction_id_ = 0;
    bool has_ia_ = false;
    ByteView message_;
    OptionList options_;
    ByteView client_id_;
    ByteView server_id_;
};

}  // namespace xdhcpd::dhcp6
