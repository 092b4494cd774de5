#include "engine/decide.h"

#include <algorithm>
#include <array>

#include "engine/decider.h"

namespace xdhcpd::engine {
namespace {

using dhcp4::MessageType;
using dhcp4::OptionCode;
using lease::LeaseState;
using lease::TakeError;

// A REQUEST with the xid of the last one is a retransmission within this time (RFC 2131
// section 4.1: delays double up to 64 s) or a quarter of the lease, whichever is shorter: some
// clients never change their xid.
constexpr std::uint32_t kRetransmissionWindow = kLeaseSlack;
// Units of one tenant on one link, at most; more than one only after a reload has joined links.
constexpr std::size_t kMaxUnitsPerTenant = 8;

constexpr std::string_view kWrongLink = "address does not belong to this link";
constexpr std::string_view kTakenByOther = "address is in use by another client";
constexpr std::string_view kNotLeased = "address is not available";
constexpr std::string_view kOtherAddress = "another address is leased to this client";

// The lease time that the client was told last; `record` is kLeased.
[[nodiscard]] std::uint32_t granted_time(const lease::Record& record) noexcept {
    return record.expiry.is_never() ? BootSeconds::kNeverValue
                                    : client_expiry(record).value - record.started.value;
}

}  // namespace

inline Decision Decider::run() noexcept {
    held_at_first_ = held_unit();
    if (held_at_first_ == lease::kNoUnit) {
        adopt();
    }
    switch (message_.type()) {
        case MessageType::kDiscover:
            return discover();
        case MessageType::kRequest:
            return request();
        case MessageType::kDecline:
            return decline();
        case MessageType::kRelease:
            return release();
        case MessageType::kInform:
            return inform();
        case MessageType::kNone:
            return bootp();
        default:
            return refuse(Refusal::kUnexpectedType);
    }
}

// A reload that adds or removes a reservation changes the key by which its client is known: what
// the client holds under another of its keys goes on under the present one.
void Decider::adopt() noexcept {
    request_.visit_former_keys([this](const lease::Tenant& former) {
        const auto held = shard_.find(former, request_.link().spaces);
        if (!held || !shard_.replace_identity(*held, tenant_)) {
            return false;
        }
        held_at_first_ = *held;
        return true;
    });
}

// RFC 2131 section 4.3.2 tells the four states apart by options 54 and 50 and by ciaddr.
inline Decision Decider::request() noexcept {
    const auto server = message_.server_identifier();
    const auto asked = message_.requested_address();
    const Ipv4 ciaddr = message_.ciaddr();
    if (server && !server->is_zero()) {  // SELECTING
        if (is_other_server(*server)) {
            const Unit held = held_unit();
            if (held != lease::kNoUnit && shard_.record(held).state == LeaseState::kOffered) {
                shard_.withdraw(held);
            }
            return refuse(Refusal::kOtherServer);
        }
        // Clients exist that renew with option 54; then ciaddr is what they mean.
        const Ipv4 wanted = asked.value_or(ciaddr);
        return wanted.is_zero() ? refuse(Refusal::kIncompleteRequest) : confirm(wanted, false);
    }
    if (asked) {  // INIT-REBOOT
        return confirm(*asked, ciaddr.is_zero());
    }
    if (!ciaddr.is_zero()) {  // RENEWING or REBINDING
        return confirm(ciaddr, false);
    }
    return refuse(Refusal::kIncompleteRequest);
}

Decision Decider::confirm(Ipv4 wanted, bool init_reboot) noexcept {
    const auto place = place_of(wanted);
    if (!place) {
        return nak(request_.subnet(), kWrongLink);
    }
    const Unit unit = place->unit;
    const model::Subnet& subnet = *place->subnet;
    const auto reserved = reserved_address();
    const bool is_reserved = reserved == wanted;

    if (reserved && !is_reserved && may_have(*reserved)) {
        return nak(subnet, kOtherAddress);  // so that the client comes for what is reserved for it
    }
    if (holds(unit)) {
        if (!may_keep(unit, wanted)) {
            give_up(unit);
            return nak(subnet, kNotLeased);
        }
        return grant(unit, subnet, wanted);
    }
    if (!init_reboot) {
        return grant_unheld(unit, subnet, is_reserved);
    }
    if (held_unit() != lease::kNoUnit) {
        return nak(subnet, kOtherAddress);
    }
    if (journal_ == Journal::kBacklog) {
        return refuse(Shed::kJournalBacklog);
    }
    // A record of a lease that has ended counts, as long as nobody had the unit since.
    const auto former = shard_.reclaim(tenant_, request_.link().spaces, offer_expiry());
    if (!former) {
        return is_reserved ? grant_unheld(unit, subnet, true) : refuse(Refusal::kUnknownClient);
    }
    if (*former == unit && may_keep(unit)) {
        return grant(unit, subnet);
    }
    shard_.withdraw(*former);
    return nak(subnet, kOtherAddress);
}

// The tenant does not hold the unit: SELECTING after our offer was lost, RENEWING or REBINDING
// after the lease was.
Decision Decider::grant_unheld(Unit unit, const model::Subnet& subnet, bool is_reserved) noexcept {
    if (address_of(unit) == message_.giaddr()) {
        return nak(subnet, kNotLeased);
    }
    if (journal_ == Journal::kBacklog) {
        return refuse(Shed::kJournalBacklog);
    }
    const auto taken = is_reserved ? shard_.take_reserved(tenant_, unit, offer_expiry())
                                   : shard_.take(tenant_, unit, offer_expiry());
    if (!taken) {
        switch (taken.error()) {
            case TakeError::kFull:
                return refuse(Refusal::kClientTableFull);
            case TakeError::kTaken:
                return nak(subnet, kTakenByOther);
            default:
                return nak(subnet, kNotLeased);
        }
    }
    return grant(unit, subnet);
}

inline bool Decider::is_retransmission(const lease::Record& record) const noexcept {
    if (record.state != LeaseState::kLeased || record.last_xid != message_.xid() ||
        message_.type() != MessageType::kRequest) {
        return false;
    }
    return now_.value - record.started.value <
           std::min(kRetransmissionWindow, granted_time(record) / 4);
}

// The reply is written first: a lease whose ACK does not fit the frame is not granted.
Decision Decider::grant(Unit unit, const model::Subnet& subnet, Ipv4 address) noexcept {
    const lease::Record& record = shard_.record(unit);
    const bool is_again = is_retransmission(record);
    const bool is_new = record.state == LeaseState::kOffered;
    const std::uint32_t time =
        is_again ? std::min(granted_time(record), lease_time(subnet)) : lease_time(subnet);
    const BootSeconds told = add_seconds(now_, time);
    BootSeconds expiry = told.is_never() ? told : add_seconds(told, kLeaseSlack);
    if (!is_new && !record.expiry.is_never()) {
        // Nobody knows whether the client will hear that its time is shorter now.
        expiry = std::max(expiry, record.expiry);
    }
    const bool must_write =
        journal_ != Journal::kOff && !is_again && (is_new || expiry > record.horizon);
    if (must_write && journal_ == Journal::kBacklog) {
        return refuse(Shed::kJournalBacklog);
    }
    ReplyTerms terms;
    terms.type = MessageType::kAck;
    terms.yiaddr = address;
    terms.subnet = &subnet;
    terms.rapid_commit = message_.type() == MessageType::kDiscover;
    terms.lease_time = time;
    Decision decision = reply(terms);
    if (decision.drop) {
        return decision;
    }
    decision.promised = unit;
    if (is_again) {
        return decision;
    }
    shard_.grant(unit, {now_, expiry, message_.xid()});
    if (is_new || unit != held_at_first_) {  // the other lease of a client that has two
        give_up_others(unit);
    }
    remember_client(unit);
    if (must_write) {
        shard_.set_horizon(unit, horizon_of(expiry, time));
        decision.must_write = true;
    }
    return decision;
}

// One unit per client and link.
void Decider::give_up_others(Unit kept) noexcept {
    std::array<Unit, kMaxUnitsPerTenant> others;
    std::size_t count = 0;
    shard_.visit_units(tenant_, [&](Unit unit) {
        const auto& spaces = request_.link().spaces;
        const bool on_link = std::find(spaces.begin(), spaces.end(),
                                       shard_.store().space_of(unit).id()) != spaces.end();
        if (unit != kept && on_link) {
            others[count++] = unit;
        }
        return count == others.size();
    });
    for (std::size_t i = 0; i < count; ++i) {
        give_up(others[i]);
    }
}

// What operators want to see beside a lease: the client's name for itself, and where it is plugged
// in.
inline void Decider::remember_client(Unit unit) noexcept {
    const ByteView hostname = message_.option(OptionCode::kHostName);
    const ByteView relay_information = message_.relay_agent_information();
    if (!hostname.empty() && !equal_bytes(hostname, shard_.hostname(unit))) {
        shard_.set_hostname(unit, hostname);
    }
    if (!relay_information.empty() &&
        !equal_bytes(relay_information, shard_.relay_information(unit))) {
        shard_.set_relay_information(unit, relay_information);
    }
}

Decision Decider::nak(const model::Subnet& subnet, std::string_view why) noexcept {
    if (!subnet.authoritative) {
        return refuse(Refusal::kNotAuthoritative);
    }
    ReplyTerms terms;
    terms.type = MessageType::kNak;
    terms.message = why;
    return reply(terms);
}

bool Decider::may_have(Ipv4 reserved) const noexcept {
    const model::Subnet& subnet = snapshot_.subnets[request_.reservation()->subnet];
    const lease::Space& space = shard_.store().space(subnet.space);
    const std::uint32_t index = subnet.index(reserved);
    return !space.bitmap().taken(index) || holds(space.unit_at(index));
}

void Decider::give_up(Unit unit) noexcept {
    held_at_first_ = lease::kNoUnit;
    if (shard_.record(unit).state == LeaseState::kOffered) {
        shard_.withdraw(unit);
    } else {
        shard_.release(unit);
    }
}

BootSeconds client_expiry(const lease::Record& record) noexcept {
    return record.expiry.is_never() ? record.expiry
                                    : BootSeconds{record.expiry.value - kLeaseSlack};
}

BootSeconds horizon_of(BootSeconds expiry, std::uint32_t lease_time) noexcept {
    return add_seconds(expiry, lease_time);
}

Decision decide(const Request& request, lease::Shard& shard, ReplyCache& cache, BootTime now,
                Journal journal, MutableBytes out) noexcept {
    return Decider{request, shard, cache, now, journal, out}.run();
}

}  // namespace xdhcpd::engine
