#include "engine/decide.h"

#include <algorithm>
#include <array>
#include <bit>

#include "engine/reply.h"
#include "engine/reply_options.h"

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
constexpr std::uint32_t kRetransmissionWindow = kLeaseSlack;
// Open offers of one source, as multiples of the units that are left: a quarter of a pool stays for
// the others.
constexpr std::uint64_t kOffersPerFreeUnit = 3;
// Spaces up to this size are counted exactly where an estimate would refuse an offer.
constexpr std::uint32_t kExactCountUnits = 1u << 16;
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

// An address in one of the link's subnets, as the store knows it.
struct Place {
    const model::Subnet* subnet = nullptr;
    Unit unit;
};

class Decider {
  public:
    Decider(const Request& request, lease::Shard& shard, ReplyCache& cache, BootTime now,
            Journal journal, MutableBytes out) noexcept
        : request_{request},
          message_{request.message()},
          snapshot_{request.snapshot()},
          shard_{shard},
          cache_{cache},
          tenant_{request.tenant()},
          now_{to_boot_seconds(now)},
          journal_{journal},
          out_{out} {}

    [[nodiscard]] Decision run() noexcept;

  private:
    [[nodiscard]] Decision discover() noexcept;
    [[nodiscard]] Decision offer_nothing(const model::Subnet& subnet) noexcept;
    [[nodiscard]] Decision request() noexcept;
    [[nodiscard]] Decision confirm(Ipv4 wanted, bool init_reboot) noexcept;
    [[nodiscard]] Decision grant_unheld(Unit unit, const model::Subnet& subnet,
                                        bool is_reserved) noexcept;
    [[nodiscard]] Decision decline() noexcept;
    [[nodiscard]] Decision release() noexcept;
    [[nodiscard]] Decision inform() noexcept;
    [[nodiscard]] Decision bootp() noexcept;

    [[nodiscard]] Unit kept_unit() noexcept;
    [[nodiscard]] Result<Unit, Refusal> unit_to_offer() noexcept;
    [[nodiscard]] std::optional<Unit> reserved_unit() noexcept;
    void adopt() noexcept;
    [[nodiscard]] std::optional<Unit> asked_for() noexcept;
    [[nodiscard]] Result<Unit, Refusal> next_free() noexcept;
    [[nodiscard]] Result<Unit, Refusal> next_free_in(const model::Subnet& subnet) noexcept;
    [[nodiscard]] bool may_offer_more(lease::OfferSource source) const noexcept;
    [[nodiscard]] std::uint64_t free_units() const noexcept;

    [[nodiscard]] Decision grant(Unit unit, const model::Subnet& subnet) noexcept {
        return grant(unit, subnet, address_of(unit));
    }
    [[nodiscard]] Decision grant(Unit unit, const model::Subnet& subnet, Ipv4 address) noexcept;
    void give_up_others(Unit kept) noexcept;
    [[nodiscard, gnu::always_inline]] inline bool is_retransmission(
        const lease::Record& record) const noexcept;
    void remember_client(Unit unit) noexcept;
    [[nodiscard]] Decision nak(const model::Subnet& subnet, std::string_view why) noexcept;
    [[nodiscard]] static Decision refuse(DropReason why) noexcept {
        Decision decision;
        decision.drop = why;
        return decision;
    }
    [[nodiscard]] Decision reply(const ReplyTerms& terms) noexcept;

    [[nodiscard, gnu::always_inline]] inline std::uint32_t lease_time(
        const model::Subnet& subnet) const noexcept;
    [[nodiscard, gnu::always_inline]] inline std::optional<Place> place_of(
        Ipv4 address) const noexcept;
    [[nodiscard]] const model::Subnet& subnet_of(Unit unit) const noexcept;
    [[nodiscard]] Ipv4 address_of(Unit unit) const noexcept;
    // What the client holds on its link, or kNoUnit; if it is several units, any of them.
    [[nodiscard]] Unit held_unit() const noexcept {
        return shard_.find_held(tenant_, request_.link().spaces);
    }
    [[nodiscard]] bool holds(Unit unit) const noexcept {
        return unit == held_at_first_ || holds_by_record(unit);
    }
    [[nodiscard]] bool holds_by_record(Unit unit) const noexcept {
        return shard_.holds(unit) && equal_bytes(shard_.identity(unit), tenant_.identity);
    }
    // Policy lets this tenant keep the unit: in a pool, or reserved for it, and not the relay's
    // own.
    [[nodiscard]] bool may_keep(Unit unit) const noexcept {
        return may_keep(unit, address_of(unit));
    }
    [[nodiscard, gnu::always_inline]] inline bool may_keep(Unit unit, Ipv4 address) const noexcept;
    [[nodiscard]] std::optional<Ipv4> reserved_address() const noexcept {
        const model::Reservation* const reservation = request_.reservation();
        if (reservation == nullptr || !reservation->address) {
            return std::nullopt;
        }
        return std::optional{*reservation->address};
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
    ReplyCache& cache_;
    const lease::Tenant& tenant_;
    // What the client held when its message came; until the decision changes that, holds() need not
    // look.
    Unit held_at_first_ = lease::kNoUnit;
    const BootSeconds now_;
    const Journal journal_;
    const MutableBytes out_;
};

Decision Decider::run() noexcept {
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

// RFC 2131 section 4.3.1.
Decision Decider::discover() noexcept {
    if (request_.subnet().v6only_wait && asks_for_ipv6_only(message_.parameter_request_list()))
        [[unlikely]] {
        return offer_nothing(request_.subnet());
    }
    Unit unit = request_.reservation() == nullptr ? kept_unit() : lease::kNoUnit;
    if (unit == lease::kNoUnit) {
        const auto found = unit_to_offer();
        if (!found) {
            return refuse(found.error());
        }
        unit = *found;
    }
    const model::Subnet& subnet = subnet_of(unit);
    // An offer is the answer as well when nothing can be committed now (RFC 4039 section 3.1).
    if (snapshot_.rapid_commit && message_.has(OptionCode::kRapidCommit) &&
        journal_ != Journal::kBacklog) {
        return grant(unit, subnet);
    }
    ReplyTerms terms;
    terms.type = MessageType::kOffer;
    terms.yiaddr = address_of(unit);
    terms.lease_time = lease_time(subnet);
    terms.subnet = &subnet;
    return reply(terms);
}

// RFC 8925 section 3.3: a client that can do without IPv4 is offered 0.0.0.0 and told for how long
// to stay away. No address is held for it, nor committed by rapid commit; what it holds is left as
// it is. If it asks for an address all the same, it is a client like any other.
Decision Decider::offer_nothing(const model::Subnet& subnet) noexcept {
    ReplyTerms terms;
    terms.type = MessageType::kOffer;
    terms.lease_time = lease_time(subnet);
    terms.subnet = &subnet;
    return reply(terms);
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

// What the client holds, if it may go on holding it; else kNoUnit.
Unit Decider::kept_unit() noexcept {
    const Unit held = held_at_first_;
    if (held == lease::kNoUnit || !may_keep(held)) {
        return lease::kNoUnit;
    }
    if (shard_.record(held).state == LeaseState::kOffered) {
        shard_.offer(held, offer_expiry());
    }
    return held;
}

// Reserved; then what the client holds; then what it had; then what it asks for; then anything.
Result<Unit, Refusal> Decider::unit_to_offer() noexcept {
    if (request_.reservation() != nullptr) {
        if (const auto reserved = reserved_unit()) {
            return *reserved;
        }
    }
    if (const Unit kept = kept_unit(); kept != lease::kNoUnit) {
        return kept;
    }
    if (held_at_first_ != lease::kNoUnit) {
        give_up(held_at_first_);  // policy closed it meanwhile: the client moves
    }
    const lease::OfferSource source = offer_source();
    if (!may_offer_more(source)) {
        return Unexpected{Refusal::kOfferLimit};
    }
    const auto former = shard_.reclaim(tenant_, request_.link().spaces, offer_expiry());
    if (former) {
        if (may_keep(*former)) {
            shard_.set_offer_source(*former, source);
            return *former;
        }
        shard_.withdraw(*former);
    } else if (former.error() == TakeError::kFull) {
        return Unexpected{Refusal::kClientTableFull};
    }
    if (const auto asked = asked_for()) {
        shard_.set_offer_source(*asked, source);
        return *asked;
    }
    const auto next = next_free();
    if (next) {
        shard_.set_offer_source(*next, source);
    }
    return next;
}

// Another unit that the client holds stays its own until this one is granted.
std::optional<Unit> Decider::reserved_unit() noexcept {
    const auto address = reserved_address();
    if (!address || *address == message_.giaddr()) {
        return std::nullopt;
    }
    const model::Subnet& subnet = snapshot_.subnets[request_.reservation()->subnet];
    const Unit unit = shard_.store().space(subnet.space).unit_at(subnet.index(*address));
    if (holds(unit)) {
        if (shard_.record(unit).state == LeaseState::kOffered) {
            shard_.offer(unit, offer_expiry());
        }
        return unit;
    }
    // Somebody may hold it who got it before it was reserved: until that ends, the client gets
    // another.
    const auto taken = shard_.take_reserved(tenant_, unit, offer_expiry());
    return taken ? std::optional{*taken} : std::nullopt;
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

// An offer counts where its message came in (interface, tags and link, which a client cannot
// choose), and behind that at its relay and port.
lease::OfferSource Decider::offer_source() const noexcept {
    const auto place = [this](ByteView key, ByteView more) {
        std::uint64_t hash = hash_bytes(snapshot_.hash_key, key);
        if (!more.empty()) {
            hash ^= std::rotl(hash_bytes(snapshot_.hash_key, more), 1);
        }
        return static_cast<std::uint16_t>(hash % lease::OfferSource::kCount);
    };
    std::array<std::byte, 4 + 4 + 4> ingress{};
    store_be32(ingress.data(), request_.ifindex());
    store_be32(ingress.data() + 4, request_.subnet().link);
    for (std::size_t i = 0; i < request_.frame().tags.count; ++i) {
        store_be16(ingress.data() + 8 + 2 * i, request_.frame().tags.tags[i].vid());
    }
    lease::OfferSource source;
    source.ingress = place(ingress, {});
    source.relay = source.ingress;
    if (request_.relayed()) {
        std::array<std::byte, 4> giaddr{};
        message_.giaddr().store(giaddr.data());
        source.relay = place(giaddr, request_.relay().suboption(dhcp4::RelaySuboption::kCircuitId));
    }
    return source;
}

// A flood of DISCOVERs by one way must leave something for the clients that come by another.
bool Decider::may_offer_more(lease::OfferSource source) const noexcept {
    const std::uint32_t open_relay = shard_.open_offers(source.relay);
    const std::uint32_t limit = snapshot_.max_offers_per_relay;
    if (limit != 0) {
        return open_relay < limit;
    }
    const std::uint32_t open = std::max(open_relay, shard_.open_offers(source.ingress));
    return open < kOffersPerFreeUnit || open < kOffersPerFreeUnit * free_units();
}

// At least this many units of the link are free; exact for spaces that are small enough to count.
std::uint64_t Decider::free_units() const noexcept {
    std::uint64_t free = 0;
    for (const lease::SpaceId id : request_.link().spaces) {
        const lease::Space& space = shard_.store().space(id);
        if (space.unit_count() <= kExactCountUnits) {
            free += space.bitmap().free_count();
            continue;
        }
        const std::uint64_t held = space.held_total(lease::HeldCount::kOffered) +
                                   space.held_total(lease::HeldCount::kLeased) +
                                   space.held_total(lease::HeldCount::kDeclined);
        const std::uint64_t allowed = space.bitmap().allowed_count();
        free += allowed > held ? allowed - held : 0;
    }
    return free;
}

// RFC 2131 section 4.3.2 tells the four states apart by options 54 and 50 and by ciaddr.
Decision Decider::request() noexcept {
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
    if (is_new) {
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
    if (!place || !holds(place->unit)) {
        return refuse(Refusal::kNotOwner);
    }
    if (shard_.record(place->unit).state == LeaseState::kOffered) {
        // Only who was granted an address can have tried it: two messages must not cost a unit for
        // a day.
        shard_.withdraw(place->unit);
        return refuse(Refusal::kDeclined);
    }
    shard_.quarantine(place->unit, add_seconds(now_, snapshot_.decline_time));
    return refuse(Refusal::kDeclined);
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
    if (!place || !holds(place->unit)) {
        return refuse(Refusal::kNotOwner);
    }
    give_up(place->unit);
    return refuse(Refusal::kReleased);
}

// RFC 2131 section 4.3.5: parameters only, no lease, whatever address the client has.
Decision Decider::inform() noexcept {
    if (message_.ciaddr().is_zero() && request_.frame().source.is_zero()) {
        return refuse(Refusal::kIncompleteRequest);
    }
    // On a shared network the client's own address says which subnet's parameters are its.
    const Ipv4 address = message_.ciaddr().is_zero() ? request_.frame().source : message_.ciaddr();
    const auto place = place_of(address);
    ReplyTerms terms;
    terms.type = MessageType::kAck;
    terms.subnet = place ? place->subnet : &request_.subnet();
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
    const bool must_write = journal_ != Journal::kOff && !shard_.record(*unit).horizon.is_never();
    if (must_write && journal_ == Journal::kBacklog) {
        return refuse(Shed::kJournalBacklog);
    }
    ReplyTerms terms;
    terms.yiaddr = address_of(*unit);
    terms.subnet = &subnet_of(*unit);
    Decision decision = reply(terms);
    if (!decision.drop) {
        shard_.grant(*unit, {now_, BootSeconds::never(), message_.xid()});
        give_up_others(*unit);
        decision.promised = unit;
        decision.must_write = must_write;
        if (must_write) {
            shard_.set_horizon(*unit, BootSeconds::never());
        }
    }
    return decision;
}

// One object, returned by every way: it is made in the caller's place and not copied.
Decision Decider::reply(const ReplyTerms& terms) noexcept {
    const ReplyFrame frame = write_reply(request_, terms, cache_, out_);
    Decision decision;
    if (frame.len == 0) {
        decision.drop = DropReason{Refusal::kReplyTooLong};
        return decision;
    }
    decision.reply_type = terms.type;
    decision.frame_len = frame.len;
    decision.unconfigured_destination = frame.unconfigured_destination;
    decision.routable = frame.routable;
    return decision;
}

// What the client asks for within what the operator allows (RFC 2131 section 4.3.1).
inline std::uint32_t Decider::lease_time(const model::Subnet& subnet) const noexcept {
    const model::LeaseTimes& times = subnet.lease_time;
    const auto asked = message_.lease_time();
    return asked ? std::clamp(*asked, times.min_time, times.max_time) : times.default_time;
}

inline std::optional<Place> Decider::place_of(Ipv4 address) const noexcept {
    const model::Subnet* const subnet = request_.subnet().prefix.contains(address)
                                            ? &request_.subnet()
                                            : snapshot_.find_subnet(address);
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

// `address` is the unit's.
inline bool Decider::may_keep(Unit unit, Ipv4 address) const noexcept {
    const lease::Space& space = shard_.store().space_of(unit);
    return address != message_.giaddr() &&
           (space.bitmap().allowed(space.index_of(unit)) || reserved_address() == address);
}

}  // namespace

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
