#include "engine/decide.h"

#include <algorithm>
#include <array>

#include "engine/reply.h"

namespace xdhcpd::engine {
namespace {

using dhcp4::MessageType;
using dhcp4::OptionCode;
using lease::LeaseState;
using lease::TakeError;
using lease::Unit;

// A REQUEST with the xid of the last one is a retransmission within this time (RFC 2131
// section 4.1: delays double up to 64 s) or a quarter of the lease, whichever is shorter: some
// clients never change their xid.
constexpr std::uint32_t kRetransmissionWindow = 64;
// Open offers that any relay or port may hold, however small the pool is.
constexpr std::uint32_t kMinOfferLimit = 16;

constexpr std::string_view kWrongLink = "address does not belong to this link";
constexpr std::string_view kTakenByOther = "address is in use by another client";
constexpr std::string_view kNotLeased = "address is not available";
constexpr std::string_view kOtherAddress = "another address is leased to this client";

// An address in one of the link's subnets, as the store knows it.
struct Place {
    const model::Subnet* subnet = nullptr;
    Unit unit;
};

class Decider {
  public:
    Decider(const Request& request, lease::Shard& shard, BootTime now, MutableBytes out) noexcept
        : request_{request},
          message_{request.message()},
          snapshot_{request.snapshot()},
          shard_{shard},
          tenant_{request.tenant()},
          now_{to_boot_seconds(now)},
          out_{out} {}

    [[nodiscard]] Decision run() noexcept;

  private:
    [[nodiscard]] Decision discover() noexcept;
    [[nodiscard]] Decision request() noexcept;
    [[nodiscard]] Decision confirm(Ipv4 wanted, bool init_reboot) noexcept;
    [[nodiscard]] Decision grant_unheld(Unit unit, const model::Subnet& subnet,
                                        bool is_reserved) noexcept;
    [[nodiscard]] Decision decline() noexcept;
    [[nodiscard]] Decision release() noexcept;
    [[nodiscard]] Decision inform() noexcept;
    [[nodiscard]] Decision bootp() noexcept;

    [[nodiscard]] Result<Unit, Refusal> unit_to_offer() noexcept;
    [[nodiscard]] std::optional<Unit> reserved_unit() noexcept;
    [[nodiscard]] std::optional<Unit> asked_for() noexcept;
    [[nodiscard]] Result<Unit, Refusal> next_free() noexcept;
    [[nodiscard]] Result<Unit, Refusal> next_free_in(const model::Subnet& subnet) noexcept;
    [[nodiscard]] bool may_offer_more() const noexcept;

    [[nodiscard]] Decision grant(Unit unit, const model::Subnet& subnet) noexcept;
    [[nodiscard]] bool is_retransmission(const lease::Record& record) const noexcept;
    void remember_client(Unit unit) noexcept;
    [[nodiscard]] Decision nak(const model::Subnet& subnet, std::string_view why) noexcept;
    [[nodiscard]] static Decision refuse(Refusal why) noexcept {
        Decision decision;
        decision.drop = DropReason{why};
        return decision;
    }
    [[nodiscard]] Decision reply(const ReplyTerms& terms) noexcept;

    [[nodiscard]] std::uint32_t lease_time(const model::Subnet& subnet) const noexcept;
    [[nodiscard]] std::optional<Place> place_of(Ipv4 address) const noexcept;
    [[nodiscard]] const model::Subnet& subnet_of(Unit unit) const noexcept;
    [[nodiscard]] Ipv4 address_of(Unit unit) const noexcept;
    [[nodiscard]] std::optional<Unit> held_unit() const noexcept {
        return shard_.find(tenant_, request_.link().spaces);
    }
    // Policy lets this tenant keep the unit: in a pool, or reserved for it.
    [[nodiscard]] bool may_keep(Unit unit) const noexcept;
    [[nodiscard]] std::optional<Ipv4> reserved_address() const noexcept {
        return request_.reservation() != nullptr ? request_.reservation()->address : std::nullopt;
    }
    [[nodiscard]] BootSeconds offer_expiry() const noexcept {
        return add_seconds(now_, snapshot_.offer_time);
    }
    [[nodiscard]] bool is_other_server(Ipv4 server) const noexcept {
        return server != request_.server_identifier() && !snapshot_.is_local(server);
    }
    [[nodiscard]] lease::OfferSource offer_source() const noexcept;
    // The reserved address is free, or the tenant holds it already.
    [[nodiscard]] bool may_have(Ipv4 reserved) const noexcept;
    // The tenant has no use for this unit any more.
    void give_up(Unit unit) noexcept;

    const Request& request_;
    const dhcp4::MessageView& message_;
    const model::Snapshot& snapshot_;
    lease::Shard& shard_;
    const lease::Tenant tenant_;
    const BootSeconds now_;
    const MutableBytes out_;
};

Decision Decider::run() noexcept {
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

// RFC 2131 section 4.3.1.
Decision Decider::discover() noexcept {
    const auto unit = unit_to_offer();
    if (!unit) {
        return refuse(unit.error());
    }
    const model::Subnet& subnet = subnet_of(*unit);
    if (snapshot_.rapid_commit && message_.has(OptionCode::kRapidCommit)) {
        return grant(*unit, subnet);
    }
    ReplyTerms terms;
    terms.type = MessageType::kOffer;
    terms.yiaddr = address_of(*unit);
    terms.lease_time = lease_time(subnet);
    terms.subnet = &subnet;
    return reply(terms);
}

// Reserved; then what the client holds; then what it had; then what it asks for; then anything.
Result<Unit, Refusal> Decider::unit_to_offer() noexcept {
    if (const auto reserved = reserved_unit()) {
        return *reserved;
    }
    if (const auto held = held_unit()) {
        if (may_keep(*held)) {
            if (shard_.record(*held).state == LeaseState::kOffered) {
                shard_.offer(*held, offer_expiry());
            }
            return *held;
        }
        give_up(*held);  // policy closed it meanwhile: the client moves
    }
    if (!may_offer_more()) {
        return Unexpected{Refusal::kOfferLimit};
    }
    const auto former = shard_.reclaim(tenant_, request_.link().spaces, offer_expiry());
    if (former) {
        if (address_of(*former) != message_.giaddr()) {
            shard_.set_offer_source(*former, offer_source());
            return *former;
        }
        shard_.withdraw(*former);
    } else if (former.error() == TakeError::kFull) {
        return Unexpected{Refusal::kClientTableFull};
    }
    if (const auto asked = asked_for()) {
        shard_.set_offer_source(*asked, offer_source());
        return *asked;
    }
    const auto next = next_free();
    if (next) {
        shard_.set_offer_source(*next, offer_source());
    }
    return next;
}

std::optional<Unit> Decider::reserved_unit() noexcept {
    const auto address = reserved_address();
    if (!address) {
        return std::nullopt;
    }
    const model::Subnet& subnet = snapshot_.subnets[request_.reservation()->subnet];
    const Unit unit = shard_.store().space(subnet.space).unit_at(subnet.index(*address));
    const auto held = held_unit();
    if (held == unit) {
        if (shard_.record(unit).state == LeaseState::kOffered) {
            shard_.offer(unit, offer_expiry());
        }
        return unit;
    }
    // Somebody may hold it who got it before it was reserved: until that ends, the client gets
    // another.
    const auto taken = shard_.take_reserved(tenant_, unit, offer_expiry());
    if (!taken) {
        return std::nullopt;
    }
    if (held) {  // the reservation says another address than before
        give_up(*held);
    }
    return *taken;
}

std::optional<Unit> Decider::asked_for() noexcept {
    const auto asked = message_.requested_address();
    if (!asked || *asked == message_.giaddr()) {
        return std::nullopt;
    }
    const auto place = place_of(*asked);
    if (!place) {
        return std::nullopt;
    }
    const auto taken = shard_.take(tenant_, place->unit, offer_expiry());
    return taken ? std::optional{*taken} : std::nullopt;
}

Result<Unit, Refusal> Decider::next_free() noexcept {
    const auto own = next_free_in(request_.subnet());
    if (own || own.error() != Refusal::kNoFreeAddress) {
        return own;
    }
    for (const std::uint32_t other : request_.link().subnets) {
        const model::Subnet& subnet = snapshot_.subnets[other];
        if (&subnet == &request_.subnet()) {
            continue;
        }
        const auto found = next_free_in(subnet);
        if (found || found.error() != Refusal::kNoFreeAddress) {
            return found;
        }
    }
    return Unexpected{Refusal::kNoFreeAddress};
}

Result<Unit, Refusal> Decider::next_free_in(const model::Subnet& subnet) noexcept {
    for (const lease::UnitRange pool : subnet.pools) {
        auto taken = shard_.take_next(tenant_, subnet.space, pool, offer_expiry());
        if (taken && address_of(*taken) == message_.giaddr()) {
            // The relay's own address. Take the next one before letting this one go.
            const Unit relays_own = *taken;
            taken = shard_.take_next(tenant_, subnet.space, pool, offer_expiry());
            shard_.withdraw(relays_own);
        }
        if (taken) {
            return *taken;
        }
        if (taken.error() == TakeError::kFull) {
            return Unexpected{Refusal::kClientTableFull};
        }
    }
    return Unexpected{Refusal::kNoFreeAddress};
}

// Which relay and port an offer counts against, or which interface.
lease::OfferSource Decider::offer_source() const noexcept {
    std::array<std::byte, 4 + 4 + 8> key{};
    message_.giaddr().store(key.data());
    if (!request_.relayed()) {
        store_be32(key.data() + 4, request_.ifindex());
        for (std::size_t i = 0; i < request_.frame().tags.count; ++i) {
            store_be16(key.data() + 8 + 2 * i, request_.frame().tags.tags[i].vid());
        }
    }
    const ByteView circuit_id = request_.relay().suboption(dhcp4::RelaySuboption::kCircuitId);
    const std::uint64_t hash =
        hash_bytes(snapshot_.hash_key, key) ^ hash_bytes(snapshot_.hash_key, circuit_id);
    return lease::OfferSource{static_cast<std::uint16_t>(hash % lease::OfferSource::kCount)};
}

// A flood of DISCOVERs through one relay or port must leave something for the others: without a
// configured limit it may hold as many open offers as there are units left.
bool Decider::may_offer_more() const noexcept {
    const std::uint32_t open = shard_.open_offers(offer_source());
    if (snapshot_.max_offers_per_relay != 0) {
        return open < snapshot_.max_offers_per_relay;
    }
    if (open < kMinOfferLimit) {
        return true;
    }
    std::uint64_t free = 0;
    for (const lease::SpaceId id : request_.link().spaces) {
        const lease::Space& space = shard_.store().space(id);
        const std::uint64_t held = space.held_total(lease::HeldCount::kOffered) +
                                   space.held_total(lease::HeldCount::kLeased) +
                                   space.held_total(lease::HeldCount::kDeclined);
        const std::uint64_t allowed = space.bitmap().allowed_count();
        free += allowed > held ? allowed - held : 0;
    }
    return open < free;
}

// RFC 2131 section 4.3.2 tells the four states apart by options 54 and 50 and by ciaddr.
Decision Decider::request() noexcept {
    const auto server = message_.server_identifier();
    const auto asked = message_.requested_address();
    const Ipv4 ciaddr = message_.ciaddr();
    if (server && !server->is_zero()) {  // SELECTING
        if (is_other_server(*server)) {
            const auto held = held_unit();
            if (held && shard_.record(*held).state == LeaseState::kOffered) {
                shard_.withdraw(*held);
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
    const auto held = held_unit();

    if (reserved && !is_reserved && may_have(*reserved)) {
        return nak(subnet, kOtherAddress);  // so that the client comes for what is reserved for it
    }
    if (held == unit) {
        if (!may_keep(unit) || wanted == message_.giaddr()) {
            give_up(unit);
            return nak(subnet, kNotLeased);
        }
        return grant(unit, subnet);
    }
    if (init_reboot) {
        if (held) {
            return nak(subnet, kOtherAddress);
        }
        // A record of a lease that has ended counts, as long as nobody had the unit since.
        const auto former = shard_.reclaim(tenant_, request_.link().spaces, offer_expiry());
        if (!former) {
            return is_reserved ? grant_unheld(unit, subnet, true) : refuse(Refusal::kUnknownClient);
        }
        if (*former == unit) {
            return grant(unit, subnet);
        }
        shard_.withdraw(*former);
        return nak(subnet, kOtherAddress);
    }
    return grant_unheld(unit, subnet, is_reserved);
}

// The tenant does not hold the unit: SELECTING after our offer was lost, RENEWING or REBINDING
// after the lease was.
Decision Decider::grant_unheld(Unit unit, const model::Subnet& subnet, bool is_reserved) noexcept {
    if (address_of(unit) == message_.giaddr()) {
        return nak(subnet, kNotLeased);
    }
    const auto held = held_unit();
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
    if (held) {  // one unit per client and link
        give_up(*held);
    }
    return grant(unit, subnet);
}

bool Decider::is_retransmission(const lease::Record& record) const noexcept {
    if (record.state != LeaseState::kLeased || record.last_xid != message_.xid() ||
        message_.type() != MessageType::kRequest) {
        return false;
    }
    const std::uint32_t length = record.expiry.is_never()
                                     ? BootSeconds::kNeverValue
                                     : record.expiry.value - record.started.value;
    return now_.value - record.started.value < std::min(kRetransmissionWindow, length / 4);
}

Decision Decider::grant(Unit unit, const model::Subnet& subnet) noexcept {
    const lease::Record& record = shard_.record(unit);
    ReplyTerms terms;
    terms.type = MessageType::kAck;
    terms.yiaddr = address_of(unit);
    terms.subnet = &subnet;
    terms.rapid_commit = message_.type() == MessageType::kDiscover;
    if (is_retransmission(record)) {
        terms.lease_time = record.expiry.is_never() ? BootSeconds::kNeverValue
                                                    : record.expiry.value - record.started.value;
        return reply(terms);
    }
    terms.lease_time = lease_time(subnet);
    shard_.grant(unit, {now_, add_seconds(now_, *terms.lease_time), message_.xid()});
    remember_client(unit);
    Decision decision = reply(terms);
    decision.journal_unit = unit;
    return decision;
}

// What operators want to see beside a lease: the client's name for itself, and where it is plugged
// in.
void Decider::remember_client(Unit unit) noexcept {
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

// RFC 2131 section 4.3.3.
Decision Decider::decline() noexcept {
    const auto server = message_.server_identifier();
    if (server && is_other_server(*server)) {
        return refuse(Refusal::kOtherServer);
    }
    const auto asked = message_.requested_address();
    if (!asked) {
        return refuse(Refusal::kIncompleteRequest);
    }
    const auto place = place_of(*asked);
    if (!place || held_unit() != place->unit) {
        return refuse(Refusal::kNotOwner);
    }
    shard_.quarantine(place->unit, add_seconds(now_, snapshot_.decline_time));
    Decision decision = refuse(Refusal::kDeclined);
    decision.journal_unit = place->unit;
    return decision;
}

// RFC 2131 section 4.3.4; only the owner may.
Decision Decider::release() noexcept {
    const auto server = message_.server_identifier();
    if (server && is_other_server(*server)) {
        return refuse(Refusal::kOtherServer);
    }
    if (message_.ciaddr().is_zero()) {
        return refuse(Refusal::kIncompleteRequest);
    }
    const auto place = place_of(message_.ciaddr());
    if (!place || held_unit() != place->unit) {
        return refuse(Refusal::kNotOwner);
    }
    Decision decision = refuse(Refusal::kReleased);
    if (shard_.record(place->unit).state == LeaseState::kLeased) {
        decision.journal_unit = place->unit;
    }
    give_up(place->unit);
    return decision;
}

// RFC 2131 section 4.3.5: parameters only, no lease, whatever address the client has.
Decision Decider::inform() noexcept {
    if (message_.ciaddr().is_zero() && request_.frame().source.is_zero()) {
        return refuse(Refusal::kIncompleteRequest);
    }
    ReplyTerms terms;
    terms.type = MessageType::kAck;
    terms.subnet = &request_.subnet();
    return reply(terms);
}

// RFC 951 and RFC 1534 section 2: a BOOTP client keeps its address for ever, so only reserved ones
// are given.
Decision Decider::bootp() noexcept {
    if (!snapshot_.bootp || !reserved_address()) {
        return refuse(Refusal::kBootpNotServed);
    }
    const auto unit = reserved_unit();
    if (!unit) {
        return refuse(Refusal::kNoFreeAddress);
    }
    shard_.grant(*unit, {now_, BootSeconds::never(), message_.xid()});
    ReplyTerms terms;
    terms.yiaddr = address_of(*unit);
    terms.subnet = &subnet_of(*unit);
    Decision decision = reply(terms);
    decision.journal_unit = unit;
    return decision;
}

Decision Decider::reply(const ReplyTerms& terms) noexcept {
    const ReplyFrame frame = write_reply(request_, terms, out_);
    if (frame.len == 0) {
        return refuse(Refusal::kReplyTooLong);
    }
    Decision decision;
    decision.reply_type = terms.type;
    decision.frame_len = frame.len;
    decision.unconfigured_destination = frame.unconfigured_destination;
    return decision;
}

// What the client asks for within what the operator allows (RFC 2131 section 4.3.1).
std::uint32_t Decider::lease_time(const model::Subnet& subnet) const noexcept {
    const model::LeaseTimes& times = subnet.lease_time;
    const auto asked = message_.lease_time();
    return asked ? std::clamp(*asked, times.min_time, times.max_time) : times.default_time;
}

std::optional<Place> Decider::place_of(Ipv4 address) const noexcept {
    const model::Subnet* const subnet = snapshot_.find_subnet(address);
    if (subnet == nullptr || subnet->link != request_.subnet().link) {
        return std::nullopt;
    }
    return Place{subnet, shard_.store().space(subnet->space).unit_at(subnet->index(address))};
}

const model::Subnet& Decider::subnet_of(Unit unit) const noexcept {
    const lease::SpaceId id = shard_.store().space_of(unit).id();
    if (request_.subnet().space == id) {
        return request_.subnet();
    }
    for (const std::uint32_t other : request_.link().subnets) {
        if (snapshot_.subnets[other].space == id) {
            return snapshot_.subnets[other];
        }
    }
    XD_ASSERT(false);  // units come from the link's spaces
}

Ipv4 Decider::address_of(Unit unit) const noexcept {
    return subnet_of(unit).address(shard_.store().space_of(unit).index_of(unit));
}

bool Decider::may_have(Ipv4 reserved) const noexcept {
    const model::Subnet& subnet = snapshot_.subnets[request_.reservation()->subnet];
    const lease::Space& space = shard_.store().space(subnet.space);
    const std::uint32_t index = subnet.index(reserved);
    return !space.bitmap().taken(index) || held_unit() == space.unit_at(index);
}

void Decider::give_up(Unit unit) noexcept {
    if (shard_.record(unit).state == LeaseState::kOffered) {
        shard_.withdraw(unit);
    } else {
        shard_.release(unit);
    }
}

bool Decider::may_keep(Unit unit) const noexcept {
    const lease::Space& space = shard_.store().space_of(unit);
    return space.bitmap().allowed(space.index_of(unit)) || reserved_address() == address_of(unit);
}

}  // namespace

Decision decide(const Request& request, lease::Shard& shard, BootTime now,
                MutableBytes out) noexcept {
    return Decider{request, shard, now, out}.run();
}

}  // namespace xdhcpd::engine
