#include "engine/reply.h"

#include <algorithm>
#include <bitset>

#include "dhcp4/writer.h"
#include "engine/addressing.h"
#include "packet/headers.h"

namespace xdhcpd::engine {
namespace {

using dhcp4::MessageType;
using dhcp4::OptionCode;

constexpr std::uint16_t kMinMaxMessageSize = 576;  // RFC 2132 section 9.10
constexpr std::uint32_t kInfinite = 0xffffffff;    // RFC 2131 section 3.3

// Bytes that option 82 takes on the wire, split as RFC 3396 says.
[[nodiscard]] std::size_t encoded_len(ByteView relay_information) noexcept {
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
    // Not to be added again; true the first time.
    [[nodiscard]] bool claim(OptionCode code) noexcept {
        const auto bit = static_cast<std::size_t>(code);
        const bool first = !done_.test(bit);
        done_.set(bit);
        return first;
    }
    [[nodiscard]] std::uint32_t jitter_permille() const noexcept;
    [[nodiscard]] const model::OptionTable* table_with(OptionCode code) const noexcept;
    void add_configured(OptionCode code) noexcept;
    void add_all(const model::OptionTable& table) noexcept;

    dhcp4::ReplyWriter& writer_;
    const Request& request_;
    const ReplyTerms& terms_;
    std::bitset<dhcp4::kOptionCodeCount> done_;
    bool ok_ = true;
};

void OptionList::add_protocol_options() noexcept {
    for (const OptionCode code :
         {OptionCode::kPad, OptionCode::kEnd, OptionCode::kMessageType,
          OptionCode::kServerIdentifier, OptionCode::kLeaseTime, OptionCode::kRenewalTime,
          OptionCode::kRebindingTime, OptionCode::kOverload, OptionCode::kRelayAgentInformation,
          OptionCode::kClientIdentifier, OptionCode::kRapidCommit, OptionCode::kMessage,
          OptionCode::kSubnetSelection}) {
        done_.set(static_cast<std::size_t>(code));
    }
    if (terms_.type != MessageType::kNone) {
        must(writer_.add_message_type(terms_.type));
        must(writer_.add_ipv4(OptionCode::kServerIdentifier, request_.server_identifier()));
    }
    if (terms_.lease_time) {
        const std::uint32_t lease_time = *terms_.lease_time;
        must(writer_.add_u32(OptionCode::kLeaseTime, lease_time));
        if (lease_time != kInfinite) {
            const model::Snapshot& snapshot = request_.snapshot();
            const auto share = [](std::uint32_t whole, std::uint32_t permille) {
                return static_cast<std::uint32_t>(std::uint64_t{whole} * permille / 1000);
            };
            const std::uint32_t renewal = share(lease_time, snapshot.renew_time_permille);
            must(writer_.add_u32(OptionCode::kRenewalTime,
                                 renewal - share(renewal, jitter_permille())));
            must(writer_.add_u32(OptionCode::kRebindingTime,
                                 share(lease_time, snapshot.rebind_time_permille)));
        }
    }
    if (terms_.rapid_commit) {
        must(writer_.add(OptionCode::kRapidCommit, {}));
    }
    if (!terms_.message.empty()) {
        must(writer_.add(OptionCode::kMessage, as_bytes(terms_.message)));
    }
    // RFC 6842 section 3: returned unaltered in every reply.
    if (request_.message().has(OptionCode::kClientIdentifier) &&
        terms_.type != MessageType::kNone) {
        must(writer_.add(OptionCode::kClientIdentifier, request_.message().client_identifier()));
    }
    // RFC 3011 section 2: so that the client sees that it was understood.
    if (request_.message().has(OptionCode::kSubnetSelection) && terms_.type != MessageType::kNak) {
        must(writer_.add(OptionCode::kSubnetSelection,
                         request_.message().option(OptionCode::kSubnetSelection)));
    }
    if (terms_.type != MessageType::kNak && terms_.subnet != nullptr) {
        if (claim(OptionCode::kSubnetMask)) {  // before option 3 (RFC 2132 section 3.3)
            const model::OptionTable& options = terms_.subnet->options;
            if (options.has(OptionCode::kSubnetMask)) {
                must(writer_.add(OptionCode::kSubnetMask, options.value(OptionCode::kSubnetMask)));
            } else {
                must(writer_.add_ipv4(OptionCode::kSubnetMask, terms_.subnet->prefix.mask()));
            }
        }
    }
}

// Spreads the renewals of clients that all came at once. The same for every transmission of one
// message: a retransmitted request must get the same answer.
std::uint32_t OptionList::jitter_permille() const noexcept {
    const std::uint32_t most = request_.snapshot().renew_jitter_permille;
    return most == 0 ? 0
                     : static_cast<std::uint32_t>((request_.key().hash ^ request_.message().xid()) %
                                                  (most + 1));
}

const model::OptionTable* OptionList::table_with(OptionCode code) const noexcept {
    const model::Reservation* const reservation = request_.reservation();
    if (reservation != nullptr && reservation->options && reservation->options->has(code)) {
        return &*reservation->options;
    }
    return terms_.subnet->options.has(code) ? &terms_.subnet->options : nullptr;
}

void OptionList::add_configured(OptionCode code) noexcept {
    if (!claim(code)) {
        return;
    }
    if (const model::OptionTable* const table = table_with(code)) {
        static_cast<void>(writer_.add(code, table->value(code)));
    } else if (code == OptionCode::kBroadcastAddress && terms_.subnet->prefix.has_broadcast()) {
        static_cast<void>(writer_.add_ipv4(code, terms_.subnet->prefix.broadcast()));
    }
}

void OptionList::add_all(const model::OptionTable& table) noexcept {
    for (const OptionCode code : table.codes()) {
        add_configured(code);
    }
}

// In the client's order; a client that names nothing gets everything (RFC 2131 section 4.3.1).
void OptionList::add_requested() noexcept {
    const ByteView requested = request_.message().parameter_request_list();
    for (const std::byte code : requested) {
        add_configured(static_cast<OptionCode>(code));
    }
    const model::Reservation* const reservation = request_.reservation();
    const bool has_own = reservation != nullptr && reservation->options;
    if (requested.empty()) {
        if (has_own) {
            add_all(*reservation->options);
        }
        add_all(terms_.subnet->options);
        return;
    }
    if (has_own) {
        for (const OptionCode code : reservation->options->always()) {
            add_configured(code);
        }
    }
    for (const OptionCode code : terms_.subnet->options.always()) {
        add_configured(code);
    }
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

}  // namespace

ReplyFrame write_reply(const Request& request, const ReplyTerms& terms, MutableBytes out) noexcept {
    const Addressing addressing = choose_addressing(request, terms.type, terms.yiaddr);
    const std::size_t offset = udp4_payload_offset(addressing.headers.tags.count);
    if (out.size() < offset + dhcp4::kMinBootpLen) {
        return {};
    }
    const std::size_t room = room_for_message(request, out.size() - offset);
    const ByteView relay_information = request.message().relay_agent_information();
    const std::size_t reserved = encoded_len(relay_information);
    if (room < dhcp4::kMinBootpLen + reserved) {
        return {};
    }
    dhcp4::ReplyWriter writer{out.subspan(offset, room), make_header(request, terms, addressing),
                              std::min(max_message_len(request), room - reserved)};
    OptionList options{writer, request, terms};
    options.add_protocol_options();
    if (terms.type != MessageType::kNak && terms.subnet != nullptr) {
        options.add_requested();
    }
    if (!options.ok()) {
        return {};
    }
    const std::size_t payload_len = writer.finish(relay_information);
    if (writer.relay_information_dropped()) {
        return {};  // a relay that wants its option back drops a reply without it (RFC 3046
                    // section 2.1.1)
    }
    return {static_cast<std::uint32_t>(write_udp4_headers(out, addressing.headers, payload_len)),
            addressing.unconfigured_destination};
}

}  // namespace xdhcpd::engine
