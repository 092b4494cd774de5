#include "engine/v6/reply.h"

#include <algorithm>
#include <array>
#include <bitset>

#include "dhcp6/writer.h"
#include "engine/v6/addressing.h"
#include "packet/headers.h"

namespace xdhcpd::engine::v6 {
namespace {

using dhcp6::OptionCode;
using dhcp6::StatusCode;

constexpr std::uint32_t kMinMtu = 1280;  // RFC 8200 section 5

[[nodiscard]] std::string_view text_of(StatusCode code) noexcept {
    switch (code) {
        case StatusCode::kSuccess:
            return "done";
        case StatusCode::kNoAddrsAvail:
            return "no address is available";
        case StatusCode::kNoBinding:
            return "no such binding";
        case StatusCode::kNotOnLink:
            return "address does not belong to this link";
        case StatusCode::kNoPrefixAvail:
            return "no prefix is available";
        default:
            return "";
    }
}

// What the protocol itself writes, or what makes no sense as a configured value.
[[nodiscard]] constexpr bool is_protocol_option(OptionCode code) noexcept {
    switch (code) {
        case OptionCode::kClientId:
        case OptionCode::kServerId:
        case OptionCode::kIaNa:
        case OptionCode::kIaTa:
        case OptionCode::kIaAddress:
        case OptionCode::kOptionRequest:
        case OptionCode::kPreference:
        case OptionCode::kElapsedTime:
        case OptionCode::kRelayMessage:
        case OptionCode::kAuthentication:
        case OptionCode::kUnicast:
        case OptionCode::kStatusCode:
        case OptionCode::kRapidCommit:
        case OptionCode::kInterfaceId:
        case OptionCode::kReconfigureMessage:
        case OptionCode::kReconfigureAccept:
        case OptionCode::kIaPd:
        case OptionCode::kIaPrefix:
        case OptionCode::kPdExclude:
            return true;
        default:
            return false;
    }
}

// Codes that have been written; few are above those that IANA has.
class CodeSet {
  public:
    // Whether it is new; false also when there is no room to remember it.
    [[nodiscard]] bool insert(OptionCode code) noexcept {
        const auto number = static_cast<std::size_t>(code);
        if (number < low_.size()) {
            const bool is_new = !low_.test(number);
            low_.set(number);
            return is_new;
        }
        const auto end = high_.begin() + static_cast<std::ptrdiff_t>(high_count_);
        if (high_count_ == high_.size() || std::find(high_.begin(), end, code) != end) {
            return false;
        }
        high_[high_count_++] = code;
        return true;
    }

  private:
    std::bitset<256> low_;
    std::array<OptionCode, 32> high_;
    std::size_t high_count_ = 0;
};

// Adds options. What the client asked for and finds no room is left out; what the protocol needs is
// not: ok() says so.
class Writer {
  public:
    Writer(dhcp6::ReplyWriter& out, const Request& request, const Places& places,
           const ReplyTerms& terms) noexcept
        : out_{out},
          request_{request},
          message_{request.message()},
          places_{places},
          terms_{terms},
          excludes_{message_.requests(OptionCode::kPdExclude)} {}

    void add_protocol_options() noexcept;
    void add_associations() noexcept;
    void add_requested() noexcept;
    [[nodiscard]] bool ok() const noexcept { return ok_; }

  private:
    void must(bool added) noexcept { ok_ = ok_ && added; }
    void add_plan(const IaPlan& plan) noexcept;
    void add_rest() noexcept;
    [[nodiscard]] bool open(Association association, std::uint32_t iaid, std::uint32_t t1,
                            std::uint32_t t2) noexcept {
        return association == Association::kAddress ? out_.open_ia_na(iaid, t1, t2)
                                                    : out_.open_ia_pd(iaid, t1, t2);
    }
    void add_lease(const IaPlan& plan) noexcept;
    void add_ended(const IaPlan& plan) noexcept;
    void add_ended(Association association, const Ipv6Prefix& what) noexcept;
    [[nodiscard]] bool is_over(const IaPlan& plan, const Ipv6Prefix& what) const noexcept;
    void give(OptionCode code) noexcept;

    dhcp6::ReplyWriter& out_;
    const Request& request_;
    const dhcp6::MessageView& message_;
    const Places& places_;
    const ReplyTerms& terms_;
    CodeSet done_;
    bool excludes_;
    bool ok_ = true;
};

void Writer::add_protocol_options() noexcept {
    const model::Snapshot6& ipv6 = request_.snapshot().ipv6;
    if (!message_.client_id().empty()) {
        must(out_.add(OptionCode::kClientId, message_.client_id()));
    }
    must(out_.add(OptionCode::kServerId, ipv6.server_duid));
    if (terms_.status) {
        must(out_.add_status(*terms_.status, text_of(*terms_.status)));
    }
    if (terms_.type == dhcp6::MessageType::kAdvertise && ipv6.preference) {
        must(out_.add_u8(OptionCode::kPreference, *ipv6.preference));
    }
    if (terms_.rapid_commit) {
        must(out_.add(OptionCode::kRapidCommit, {}));
    }
    if (terms_.reconfigure_accept) {
        must(out_.add(OptionCode::kReconfigureAccept, {}));
    }
    if (terms_.reconfigure_key) {
        must(out_.add(OptionCode::kAuthentication, *terms_.reconfigure_key));
    }
}

void Writer::add_associations() noexcept {
    for (const IaPlan& plan : terms_.plans) {
        if (!plan.is_silent) {
            add_plan(plan);
        }
    }
    if (terms_.rest) [[unlikely]] {
        add_rest();
    }
}

void Writer::add_plan(const IaPlan& plan) noexcept {
    const bool has_lease = plan.unit != lease::kNoUnit;
    if (!open(plan.association, plan.iaid, has_lease ? terms_.t1 : 0, has_lease ? terms_.t2 : 0)) {
        ok_ = false;
        return;
    }
    if (has_lease) {
        add_lease(plan);
    }
    add_ended(plan);
    if (plan.status) {
        must(out_.add_status(*plan.status, text_of(*plan.status)));
    }
    out_.close();
}

void Writer::add_lease(const IaPlan& plan) noexcept {
    if (plan.association == Association::kAddress) {
        if (!out_.open_address(plan.what.address, plan.lifetimes.preferred, plan.lifetimes.valid)) {
            ok_ = false;
            return;
        }
    } else {
        if (!out_.open_prefix(plan.what, plan.lifetimes.preferred, plan.lifetimes.valid)) {
            ok_ = false;
            return;
        }
        // RFC 6603 section 4.2: only for who understands it.
        if (plan.excluded && excludes_) {
            if (const auto value = dhcp6::make_pd_exclude(plan.what, *plan.excluded)) {
                must(out_.add(OptionCode::kPdExclude, value->bytes()));
            }
        }
    }
    out_.close();
}

void Writer::add_ended(const IaPlan& plan) noexcept {
    for (const lease::Unit other : plan.others) {
        add_ended(plan.association, places_.name_of(other));
    }
    if (plan.end_listed == EndListed::kNone) {
        return;
    }
    for (const dhcp6::Option option : plan.listed) {
        const auto what = listed_in(option);
        if (what && is_over(plan, *what)) {
            add_ended(plan.association, *what);
        }
    }
}

bool Writer::is_over(const IaPlan& plan, const Ipv6Prefix& what) const noexcept {
    if (what.address.is_unspecified()) {
        return false;  // a hint of a length
    }
    switch (plan.end_listed) {
        case EndListed::kNone:
            return false;
        case EndListed::kInappropriate:
            return !places_.is_appropriate(plan.association, what);
        case EndListed::kElsewhere:
            return places_.is_elsewhere(plan.association, what);
        case EndListed::kOthers:
            break;
    }
    return (plan.unit == lease::kNoUnit || what != plan.what) &&
           std::ranges::none_of(plan.others, [this, &what](lease::Unit other) {
               return places_.name_of(other) == what;
           });
}

void Writer::add_ended(Association association, const Ipv6Prefix& what) noexcept {
    const bool opened = association == Association::kAddress ? out_.open_address(what.address, 0, 0)
                                                             : out_.open_prefix(what, 0, 0);
    if (opened) {
        out_.close();
    } else {
        ok_ = false;
    }
}

// IAs beyond what one message may have are answered as if nothing were free.
void Writer::add_rest() noexcept {
    message_.for_each_ia([this](const dhcp6::IdentityAssociation& ia) {
        if (ia.code == OptionCode::kIaTa) {
            return;
        }
        const Association association =
            ia.code == OptionCode::kIaPd ? Association::kPrefix : Association::kAddress;
        const bool is_planned = std::ranges::any_of(terms_.plans, [&](const IaPlan& plan) {
            return plan.association == association && plan.iaid == ia.iaid;
        });
        if (is_planned) {
            return;
        }
        const StatusCode status =
            *terms_.rest == StatusCode::kNoAddrsAvail && association == Association::kPrefix
                ? StatusCode::kNoPrefixAvail
                : *terms_.rest;
        if (!open(association, ia.iaid, 0, 0)) {
            ok_ = false;
            return;
        }
        must(out_.add_status(status, text_of(status)));
        out_.close();
    });
}

void Writer::give(OptionCode code) noexcept {
    if (is_protocol_option(code)) {
        return;
    }
    ByteView option =
        terms_.own_options != nullptr ? terms_.own_options->encoded(code) : ByteView{};
    if (option.empty()) {
        option = terms_.subnet->options.encoded(code);
    }
    const bool is_refresh = code == OptionCode::kInformationRefreshTime;
    if (is_refresh && !terms_.refresh_time) {
        return;  // RFC 8415 section 21.23: in answers to Information-requests only
    }
    if ((option.empty() && !is_refresh) || !done_.insert(code)) {
        return;
    }
    static_cast<void>(option.empty()
                          ? out_.add_u32(code, request_.snapshot().ipv6.information_refresh_time)
                          : out_.add_encoded(option));
}

// In the client's order; then those that are sent always; a client that names nothing gets
// everything.
void Writer::add_requested() noexcept {
    if (terms_.subnet == nullptr) {
        return;
    }
    const auto give_all = [this](std::span<const OptionCode> codes) {
        for (const OptionCode code : codes) {
            give(code);
        }
    };
    const model::OptionTable6* const own = terms_.own_options;
    if (!message_.has(OptionCode::kOptionRequest)) {
        give(OptionCode::kInformationRefreshTime);
        if (own != nullptr) {
            give_all(own->codes());
        }
        give_all(terms_.subnet->options.codes());
        return;
    }
    for (ByteView left = message_.option_request(); !left.empty(); left = left.subspan(2)) {
        give(static_cast<OptionCode>(load_be16(left.data())));
    }
    if (own != nullptr) {
        give_all(own->always());
    }
    give_all(terms_.subnet->options.always());
}

// What fits the frame, and leaves the interface in one piece.
[[nodiscard]] std::size_t room_for_message(const Request& request,
                                           std::size_t frame_room) noexcept {
    if (request.ingress() == nullptr || request.ingress()->interface.mtu < kMinMtu) {
        return frame_room;
    }
    return std::min<std::size_t>(frame_room, request.ingress()->interface.mtu - kIpv6Len - kUdpLen);
}

}  // namespace

ReplyFrame write_reply(const Request& request, const Places& places, const ReplyTerms& terms,
                       MutableBytes out) noexcept {
    const Addressing addressing = choose_addressing(request);
    const std::size_t offset = udp6_payload_offset(addressing.headers.ip.tags.count);
    if (out.size() < offset) {
        return {};
    }
    auto begun = dhcp6::ReplyWriter::begin(
        out.subspan(offset, room_for_message(request, out.size() - offset)), terms.type,
        request.message().transaction_id(), request.message().relays());
    if (!begun) {
        return {};
    }
    Writer writer{*begun, request, places, terms};
    writer.add_protocol_options();
    writer.add_associations();
    if (!writer.ok()) {
        return {};
    }
    writer.add_requested();
    const std::size_t len = write_udp6_headers(out, addressing.headers, begun->finish());
    return {static_cast<std::uint32_t>(len), addressing.routable};
}

}  // namespace xdhcpd::engine::v6
