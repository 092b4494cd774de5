#include "engine/reply.h"

#include <algorithm>

#include "dhcp4/writer.h"
#include "engine/addressing.h"
#include "engine/reply_options.h"
#include "packet/checksum.h"
#include "packet/headers.h"

namespace xdhcpd::engine {
namespace {

using dhcp4::MessageType;
using dhcp4::OptionCode;

constexpr std::uint16_t kMinMaxMessageSize = 576;  // RFC 2132 section 9.10
constexpr std::uint8_t kHtypeEthernet = 1;         // IANA "Hardware Types"
constexpr std::uint32_t kInfinite = 0xffffffff;    // RFC 2131 section 3.3

// Bytes that option 82 takes on the wire, split as RFC 3396 says.
[[nodiscard]] std::size_t encoded_len(ByteView relay_information) noexcept {
    if (relay_information.empty()) [[likely]] {
        return 0;
    }
    constexpr std::size_t kPartLen = 255;
    const std::size_t parts = (relay_information.size() + kPartLen - 1) / kPartLen;
    return relay_information.size() + 2 * parts;
}

// The longest DHCP message that the client takes; option 82 does not count, for the relay takes it
// off.
[[nodiscard]] std::size_t max_message_len(const Request& request) noexcept {
    const std::uint16_t asked = request.message().max_message_size().value_or(kMinMaxMessageSize);
    return std::max(asked, kMinMaxMessageSize) - kIpv4MinLen - kUdpLen;
}

// What fits the frame, and leaves the interface in one piece.
[[nodiscard]] std::size_t room_for_message(const Request& request,
                                           std::size_t frame_room) noexcept {
    if (request.ingress() == nullptr || request.ingress()->interface.mtu < kMinMaxMessageSize) {
        return frame_room;
    }
    return std::min<std::size_t>(frame_room,
                                 request.ingress()->interface.mtu - kIpv4MinLen - kUdpLen);
}

// Spreads the renewals of clients that all came at once. The same for every transmission of one
// message: a retransmitted request must get the same answer.
[[nodiscard]] std::uint32_t jitter_permille(const Request& request) noexcept {
    const std::uint32_t most = request.snapshot().renew_jitter_permille;
    return most == 0 ? 0
                     : static_cast<std::uint32_t>((request.key().hash ^ request.message().xid()) %
                                                  (most + 1));
}

// Options 58 and 59, seconds (RFC 2131 section 4.4.5).
struct RenewalTimes {
    std::uint32_t renewal = 0;
    std::uint32_t rebinding = 0;
};
[[nodiscard, gnu::always_inline]] inline RenewalTimes renewal_times(
    const Request& request, std::uint32_t lease_time) noexcept {
    const model::Snapshot& snapshot = request.snapshot();
    const auto share = [](std::uint32_t whole, std::uint32_t permille) {
        return static_cast<std::uint32_t>(std::uint64_t{whole} * permille / 1000);
    };
    const std::uint32_t renewal = share(lease_time, snapshot.renew_time_permille);
    return {renewal - share(renewal, jitter_permille(request)),
            share(lease_time, snapshot.rebind_time_permille)};
}

// Adds options once each. What the client asked for and finds no room is left out (RFC 2131
// section 4.3.1); what the protocol needs is not: ok() says so.
class OptionList {
  public:
    OptionList(dhcp4::ReplyWriter& writer, const Request& request, const ReplyTerms& terms) noexcept
        : writer_{writer}, request_{request}, terms_{terms} {}

    void add_protocol_options() noexcept;
    void add_requested() noexcept;
    [[nodiscard]] bool ok() const noexcept { return ok_; }

  private:
    void must(bool added) noexcept { ok_ = ok_ && added; }

    dhcp4::ReplyWriter& writer_;
    const Request& request_;
    const ReplyTerms& terms_;
    bool ok_ = true;
};

void OptionList::add_protocol_options() noexcept {
    const dhcp4::MessageView& message = request_.message();
    if (terms_.type != MessageType::kNone) {
        must(writer_.add_message_type(terms_.type));
        must(writer_.add_ipv4(OptionCode::kServerIdentifier, request_.server_identifier()));
    }
    if (terms_.lease_time) {
        const std::uint32_t lease_time = *terms_.lease_time;
        must(writer_.add_u32(OptionCode::kLeaseTime, lease_time));
        if (lease_time != kInfinite) {
            const RenewalTimes times = renewal_times(request_, lease_time);
            must(writer_.add_u32(OptionCode::kRenewalTime, times.renewal));
            must(writer_.add_u32(OptionCode::kRebindingTime, times.rebinding));
        }
    }
    if (terms_.rapid_commit) {
        must(writer_.add(OptionCode::kRapidCommit, {}));
    }
    if (!terms_.message.empty()) {
        must(writer_.add(OptionCode::kMessage, as_bytes(terms_.message)));
    }
    // RFC 6842 section 3: returned unaltered in every reply.
    if (message.has(OptionCode::kClientIdentifier) && terms_.type != MessageType::kNone) {
        must(writer_.add(OptionCode::kClientIdentifier, message.client_identifier()));
    }
    // RFC 3011 section 2: so that the client sees that it was understood.
    if (message.has(OptionCode::kSubnetSelection) && terms_.type != MessageType::kNak) {
        must(writer_.add(OptionCode::kSubnetSelection,
                         message.option(OptionCode::kSubnetSelection)));
    }
    if (terms_.type != MessageType::kNak && terms_.subnet != nullptr) {
        // Before option 3 (RFC 2132 section 3.3).
        const model::OptionTable& options = terms_.subnet->options;
        if (options.has(OptionCode::kSubnetMask)) {
            must(writer_.add(OptionCode::kSubnetMask, options.value(OptionCode::kSubnetMask)));
        } else {
            must(writer_.add_ipv4(OptionCode::kSubnetMask, terms_.subnet->prefix.mask()));
        }
    }
}

void OptionList::add_requested() noexcept {
    const model::Reservation* const reservation = request_.reservation();
    const model::OptionTable* const own =
        reservation != nullptr && reservation->options ? &*reservation->options : nullptr;
    visit_requested_options(*terms_.subnet, own, request_.message().parameter_request_list(),
                            [this](OptionCode code, ByteView value) {
                                static_cast<void>(writer_.add(code, value));
                                return true;
                            });
}

[[nodiscard]] dhcp4::ReplyHeader make_header(const Request& request, const ReplyTerms& terms,
                                             const Addressing& addressing) noexcept {
    const dhcp4::MessageView& message = request.message();
    dhcp4::ReplyHeader header;
    header.htype = message.htype();
    header.hlen = message.hlen();
    header.xid = message.xid();
    header.flags = message.flags();
    if (addressing.set_broadcast_flag) {
        header.flags |= dhcp4::kBroadcastFlag;
    }
    header.giaddr = message.giaddr();
    header.chaddr = message.chaddr();
    if (terms.type == MessageType::kNak) {
        return header;
    }
    if (terms.type == MessageType::kAck) {
        header.ciaddr = message.ciaddr();
    }
    header.yiaddr = terms.yiaddr;
    if (terms.subnet == nullptr) {
        return header;
    }
    header.siaddr = terms.subnet->next_server;
    header.sname = as_bytes(terms.subnet->server_hostname);
    header.file = as_bytes(terms.subnet->boot_file_name);
    if (const model::Reservation* const reservation = request.reservation()) {
        header.siaddr = reservation->next_server.value_or(header.siaddr);
        if (!reservation->boot_file_name.empty()) {
            header.file = as_bytes(reservation->boot_file_name);
        }
    }
    return header;
}

// What a reply may take: the longest message with option 82, and without.
struct Room {
    std::size_t with_relay_information = 0;
    std::size_t message = 0;
};

// Whether the reply is one of those that ReplyCache has templates of.
[[nodiscard]] bool fits_template(const Request& request, const ReplyTerms& terms) noexcept {
    const dhcp4::MessageView& message = request.message();
    const model::Reservation* const reservation = request.reservation();
    return (terms.type == MessageType::kOffer || terms.type == MessageType::kAck) &&
           terms.lease_time && *terms.lease_time != kInfinite && !terms.rapid_commit &&
           message.htype() == kHtypeEthernet && message.hlen() == Mac::kLen &&
           !message.has(OptionCode::kSubnetSelection) &&
           (reservation == nullptr || (!reservation->options && !reservation->next_server &&
                                       reservation->boot_file_name.empty()));
}

// Writes what varies into a copy of a template, and adds up the message's ones' complement sum on
// the way: the template's own sum is known, and only what is stored here is added. Offsets count
// from the message's first octet.
class TemplateWriter {
  public:
    TemplateWriter(std::byte* out, const ReplyTemplate& reply) noexcept
        : out_{out}, even_{reply.head_sum} {
        copy_fixed<ReplyTemplate::kHeadLen>(out_, reply.head.data());
    }

    // Places that are zero in the template; `at` is even. The word is as it lies in memory.
    template <typename Word>
    void store(std::size_t at, Word word) noexcept {
        std::memcpy(out_ + at, &word, sizeof word);
        even_ += word;
    }
    template <typename Word>
    void copy(std::size_t at, const std::byte* from) noexcept {
        store(at, load_raw<Word>(from));
    }
    // Likewise a value in host order, at an odd place.
    void store_odd(std::size_t at, std::uint32_t value) noexcept {
        const std::uint32_t word = network_order(value);
        std::memcpy(out_ + at, &word, sizeof word);
        odd_ += word;
    }
    // Behind all that is there so far.
    void append_option(OptionCode code, ByteView value) noexcept {
        std::byte* const to = out_ + len_;
        store_u8(to, static_cast<std::uint8_t>(code));
        store_u8(to + 1, static_cast<std::uint8_t>(value.size()));
        copy_bytes(to + 2, value);
        add(raw_sum({to, 2 + value.size()}), 2 + value.size());
    }
    // The template's tail, and in any case kTailStep octets.
    void append_tail(const ReplyTemplate& reply) noexcept {
        std::byte* const to = out_ + len_;
        copy_fixed<ReplyTemplate::kTailStep>(to, reply.tail.data());
        const std::size_t with_end = reply.tail_len + std::size_t{1};
        if (with_end > ReplyTemplate::kTailStep) {
            copy_bytes(to + ReplyTemplate::kTailStep,
                       ByteView{reply.tail}.subspan(ReplyTemplate::kTailStep,
                                                    with_end - ReplyTemplate::kTailStep));
        }
        add(reply.tail_sum, reply.tail_len);
    }
    // END. What follows up to kMinBootpLen is zero already, by the tail. Returns the message's
    // length.
    [[nodiscard]] std::size_t finish() noexcept {
        constexpr std::uint8_t kEnd = static_cast<std::uint8_t>(OptionCode::kEnd);
        store_u8(out_ + len_, kEnd);
        add(network_order(static_cast<std::uint16_t>(kEnd << 8)), 1);
        return std::max(len_, dhcp4::kMinBootpLen);
    }
    // Of the whole message; what began at odd offsets counts with its octets swapped.
    [[nodiscard]] RawSum sum() const noexcept { return even_ + (odd_ << 8); }

  private:
    void add(RawSum sum, std::size_t len) noexcept {
        (len_ % 2 == 0 ? even_ : odd_) += sum;
        len_ += len;
    }

    std::byte* out_;
    std::size_t len_ = ReplyTemplate::kHeadLen;
    RawSum even_;
    RawSum odd_ = 0;
};

// The whole frame from a template; 0 if there is none, or too little room for all of its options.
[[nodiscard]] std::size_t write_from_template(const Request& request, const ReplyTerms& terms,
                                              const Addressing& addressing, Room room,
                                              ReplyCache& cache, MutableBytes out) noexcept {
    const dhcp4::MessageView& message = request.message();
    const ReplyTemplate* const reply =
        cache.find(request.snapshot(), *terms.subnet, terms.type, message.parameter_request_list());
    const ByteView client_id = message.client_identifier();
    const bool has_client_id = message.has(OptionCode::kClientIdentifier);
    const ByteView relay_information = message.relay_agent_information();
    // What would need option 52 or more than one part is left to the long way.
    constexpr std::size_t kMaxPartLen = 255;
    constexpr std::size_t kOverloadLen = 3;
    const std::size_t varying_len = has_client_id ? 2 + client_id.size() : 0;
    if (reply == nullptr || client_id.size() > kMaxPartLen ||
        relay_information.size() > kMaxPartLen ||
        ReplyTemplate::kHeadLen + varying_len +
                std::max<std::size_t>(reply->tail_len + kOverloadLen + 1,
                                      ReplyTemplate::kTailStep) >
            room.message) {
        return 0;
    }
    TemplateWriter writer{out.data() + udp4_payload_offset(addressing.headers.tags.count), *reply};
    const std::byte* const from = message.payload().data();
    std::uint16_t flags = message.flags();
    if (addressing.set_broadcast_flag) {
        flags |= dhcp4::kBroadcastFlag;
    }
    writer.copy<std::uint32_t>(dhcp4::field::kXid, from + dhcp4::field::kXid);
    writer.store(dhcp4::field::kFlags, network_order(flags));
    if (terms.type == MessageType::kAck) {
        writer.copy<std::uint32_t>(dhcp4::field::kCiaddr, from + dhcp4::field::kCiaddr);
    }
    writer.store(dhcp4::field::kYiaddr, network_order(terms.yiaddr.value));
    writer.copy<std::uint32_t>(dhcp4::field::kGiaddr, from + dhcp4::field::kGiaddr);
    writer.copy<std::uint32_t>(dhcp4::field::kChaddr, from + dhcp4::field::kChaddr);
    writer.copy<std::uint16_t>(dhcp4::field::kChaddr + 4, from + dhcp4::field::kChaddr + 4);
    const RenewalTimes times = renewal_times(request, *terms.lease_time);
    writer.store_odd(ReplyTemplate::kServerIdentifierAt, request.server_identifier().value);
    writer.store_odd(ReplyTemplate::kLeaseTimeAt, *terms.lease_time);
    writer.store_odd(ReplyTemplate::kRenewalTimeAt, times.renewal);
    writer.store_odd(ReplyTemplate::kRebindingTimeAt, times.rebinding);
    if (has_client_id) {
        writer.append_option(OptionCode::kClientIdentifier, client_id);
    }
    writer.append_tail(*reply);
    if (!relay_information.empty()) {
        writer.append_option(OptionCode::kRelayAgentInformation, relay_information);
    }
    const std::size_t payload_len = writer.finish();
    return write_udp4_headers(out, addressing.headers, payload_len, writer.sum());
}

[[nodiscard]] std::size_t write_option_by_option(const Request& request, const ReplyTerms& terms,
                                                 const Addressing& addressing, Room room,
                                                 MutableBytes out) noexcept {
    const std::size_t offset = udp4_payload_offset(addressing.headers.tags.count);
    dhcp4::ReplyWriter writer{out.subspan(offset, room.with_relay_information),
                              make_header(request, terms, addressing), room.message};
    OptionList options{writer, request, terms};
    options.add_protocol_options();
    if (terms.type != MessageType::kNak && terms.subnet != nullptr) {
        options.add_requested();
    }
    if (!options.ok()) {
        return 0;
    }
    const std::size_t payload_len = writer.finish(request.message().relay_agent_information());
    if (writer.relay_information_dropped()) {
        return 0;  // a relay that wants its option back drops a reply without it (RFC 3046
                   // section 2.1.1)
    }
    return write_udp4_headers(out, addressing.headers, payload_len);
}

}  // namespace

ReplyFrame write_reply(const Request& request, const ReplyTerms& terms, ReplyCache& cache,
                       MutableBytes out) noexcept {
    const Addressing addressing = choose_addressing(request, terms.type, terms.yiaddr);
    const std::size_t offset = udp4_payload_offset(addressing.headers.tags.count);
    if (out.size() < offset + dhcp4::kMinBootpLen) {
        return {};
    }
    Room room;
    room.with_relay_information = room_for_message(request, out.size() - offset);
    const std::size_t reserved = encoded_len(request.message().relay_agent_information());
    if (room.with_relay_information < dhcp4::kMinBootpLen + reserved) {
        return {};
    }
    room.message = std::min(max_message_len(request), room.with_relay_information - reserved);
    std::size_t frame_len = 0;
    if (fits_template(request, terms)) {
        frame_len = write_from_template(request, terms, addressing, room, cache, out);
    }
    if (frame_len == 0) {
        frame_len = write_option_by_option(request, terms, addressing, room, out);
    }
    return {static_cast<std::uint32_t>(frame_len), addressing.unconfigured_destination,
            addressing.routable};
}

}  // namespace xdhcpd::engine
