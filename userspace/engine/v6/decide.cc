#include "engine/v6/decide.h"

#include <algorithm>

#include "engine/v6/addressing.h"
#include "engine/v6/ia_plan.h"
#include "engine/v6/lease_note.h"
#include "engine/v6/places.h"
#include "engine/v6/reply.h"
#include "engine/v6/unit_chooser.h"

namespace xdhcpd::engine::v6 {
namespace {

using dhcp6::MessageType;
using dhcp6::OptionCode;
using dhcp6::StatusCode;
using lease::kNoUnit;
using lease::LeaseState;
using lease::Unit;
using Plans = InlineVector<IaPlan, kMaxUnitsPerMessage>;

// A message with the transaction of the last one is a retransmission within this time (the answer
// to a client's first transmissions takes no longer: RFC 8415 section 7.6) or a quarter of the
// lease, whichever is shorter.
constexpr std::uint32_t kRetransmissionWindow = kLeaseSlack;

// The valid lifetime that the client was told last; `record` is kLeased.
[[nodiscard]] std::uint32_t told_time(const lease::Record& record) noexcept {
    return record.expiry.is_never() ? BootSeconds::kNeverValue
                                    : client_expiry(record).value - record.started.value;
}

[[nodiscard]] std::uint32_t share(std::uint32_t whole, std::uint32_t permille) noexcept {
    return whole == dhcp6::kInfiniteLifetime
               ? whole
               : static_cast<std::uint32_t>(std::uint64_t{whole} * permille / 1000);
}

[[nodiscard]] StatusCode none_available(Association association) noexcept {
    return association == Association::kAddress ? StatusCode::kNoAddrsAvail
                                                : StatusCode::kNoPrefixAvail;
}

class Decider {
  public:
    Decider(const Request& request, lease::Shard& shard, BootTime now, Journal journal,
            MutableBytes out) noexcept
        : request_{request},
          message_{request.message()},
          ipv6_{request.snapshot().ipv6},
          shard_{shard},
          time_{now},
          now_{to_boot_seconds(now)},
          journal_{journal},
          out_{out},
          places_{request, shard.store()},
          chooser_{request, places_, shard, add_seconds(now_, ipv6_.offer_time),
                   message_.type() == MessageType::kSolicit} {}

    [[nodiscard]] Decision run() noexcept;

  private:
    [[nodiscard]] Decision solicit() noexcept;
    [[nodiscard]] Decision request() noexcept;
    [[nodiscard]] Decision extend() noexcept;
    [[nodiscard]] Decision confirm() noexcept;
    [[nodiscard]] Decision decline() noexcept;
    [[nodiscard]] Decision release() noexcept;
    [[nodiscard]] Decision inform() noexcept;

    void collect() noexcept;
    [[nodiscard]] Unit find_held(IaPlan& plan) noexcept;
    [[nodiscard]] std::size_t rank_of(const IaPlan& plan) const noexcept;
    void assign(IaPlan& plan) noexcept;
    void extend(IaPlan& plan) noexcept;
    void recreate(IaPlan& plan) noexcept;
    [[nodiscard]] bool names_foreign_address(const IaPlan& plan) const noexcept;

    // Whether the journal takes what granting these IAs would write.
    [[nodiscard]] bool must_wait_for_journal() noexcept;
    void set_terms(IaPlan& plan, Unit unit) noexcept;
    void find_others(IaPlan& plan) noexcept;
    [[nodiscard]] bool is_retransmission(const lease::Record& record,
                                         std::uint32_t valid) const noexcept;
    [[nodiscard]] std::uint32_t message_stamp() const noexcept {
        return static_cast<std::uint32_t>(message_.type()) << 24 | message_.transaction_id();
    }
    [[nodiscard]] Decision advertise() noexcept;
    [[nodiscard]] Decision grant(bool rapid_commit) noexcept;
    void commit(IaPlan& plan, Decision& decision) noexcept;
    void undo() noexcept;
    [[nodiscard]] bool remember_client(const IaPlan& plan) noexcept;
    void remember_name(const IaPlan& plan) noexcept;
    void give_up(Unit unit) noexcept;
    [[nodiscard]] Decision end_listed(bool is_decline) noexcept;
    void end_listed(IaPlan& plan, bool is_decline) noexcept;

    [[nodiscard]] ReplyTerms terms_with_options() const noexcept;
    [[nodiscard]] Decision reply(ReplyTerms terms) noexcept;
    [[nodiscard]] static Decision refuse(DropReason why) noexcept {
        Decision decision;
        decision.drop = why;
        return decision;
    }
    [[nodiscard]] bool accepts_reconfigure() const noexcept {
        return ipv6_.reconfigure && message_.accepts_reconfigure() && !message_.client_id().empty();
    }
    [[nodiscard]] bool has_any_unit() const noexcept {
        return std::ranges::any_of(plans_, [](const IaPlan& plan) { return plan.unit != kNoUnit; });
    }

    const Request& request_;
    const dhcp6::MessageView& message_;
    const model::Snapshot6& ipv6_;
    lease::Shard& shard_;
    const BootTime time_;
    const BootSeconds now_;
    const Journal journal_;
    const MutableBytes out_;
    Places places_;
    UnitChooser chooser_;
    bool has_rest_ = false;  // more IAs than may be planned
    Plans plans_;
};

Decision Decider::run() noexcept {
    switch (message_.type()) {
        case MessageType::kSolicit:
            return solicit();
        case MessageType::kRequest:
            return request();
        case MessageType::kRenew:
        case MessageType::kRebind:
            return extend();
        case MessageType::kConfirm:
            return confirm();
        case MessageType::kDecline:
            return decline();
        case MessageType::kRelease:
            return release();
        case MessageType::kInformationRequest:
            return inform();
        default:
            return refuse(dhcp6::Refusal::kNotForServers);
    }
}

// == What the message asks for ==

// An IA that comes twice is one. IA_TA is ignored (RFC 9915 section 21.5).
void Decider::collect() noexcept {
    bool is_first = true;
    for (const dhcp6::Option option : message_.options()) {
        if (option.code != OptionCode::kIaNa && option.code != OptionCode::kIaPd) {
            continue;
        }
        const auto ia = dhcp6::read_ia(option);
        const Association association =
            option.code == OptionCode::kIaPd ? Association::kPrefix : Association::kAddress;
        if (!ia || std::ranges::any_of(plans_, [&](const IaPlan& plan) {
                return plan.association == association && plan.iaid == ia->iaid;
            })) {
            continue;
        }
        if (plans_.full()) {
            has_rest_ = true;
            return;
        }
        IaPlan& plan = plans_.emplace_back(association, ia->iaid, ia->options);
        if (is_first) {
            plan.tenant = &request_.first_tenant();
        } else {
            request_.fill_tenant(association, ia->iaid, plan.tenant_bytes);
            plan.tenant = &plan.tenant_bytes.tenant();
        }
        is_first = false;
        plan.reservation =
            request_.reservation() != nullptr ? request_.reservation_for(ia->iaid) : nullptr;
        plan.held = find_held(plan);
    }
}

// What the IA holds on its link. A reload that adds or removes a reservation changes the name by
// which it is known: what it holds under another goes on under the present one.
Unit Decider::find_held(IaPlan& plan) noexcept {
    const auto spaces = places_.spaces(plan.association);
    Unit held = shard_.find_held(*plan.tenant, spaces);
    if (held != kNoUnit) {
        return held;
    }
    AssociationTenant scratch;
    request_.visit_former_tenants(
        plan.association, plan.iaid, scratch, [&](const lease::Tenant& former) {
            const Unit found = shard_.find_held(former, spaces);
            if (found == kNoUnit || !shard_.replace_identity(found, *plan.tenant)) {
                return false;
            }
            held = found;
            return true;
        });
    return held;
}

// Of the IAs that share a reservation, the one with the smallest IAID gets what it names first.
std::size_t Decider::rank_of(const IaPlan& plan) const noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(plans_, [&plan](const IaPlan& other) {
        return other.association == plan.association && other.reservation == plan.reservation &&
               other.iaid < plan.iaid;
    }));
}

// == Which unit ==

// As for a client that has nothing yet, or that the server may give something else.
void Decider::assign(IaPlan& plan) noexcept {
    // While nothing can be written, nobody moves.
    const bool may_move = plan.held == kNoUnit || journal_ != Journal::kBacklog ||
                          message_.type() == MessageType::kSolicit;
    Unit unit = kNoUnit;
    if (plan.reservation != nullptr && may_move) {
        unit = chooser_.reserved(plan, rank_of(plan));
    }
    if (unit == kNoUnit && plan.held != kNoUnit && chooser_.may_keep(plan, plan.held)) {
        unit = plan.held;
    }
    if (unit == kNoUnit) {
        unit = chooser_.take_any(plan);
    }
    if (unit == kNoUnit) {
        plan.status = none_available(plan.association);
        return;
    }
    set_terms(plan, unit);
}

// An address in the IA that no subnet of the link has (RFC 8415 section 18.3.2).
bool Decider::names_foreign_address(const IaPlan& plan) const noexcept {
    if (plan.association != Association::kAddress) {
        return false;
    }
    return std::ranges::any_of(plan.listed, [&](dhcp6::Option option) {
        const auto what = listed_in(option);
        return what && !what->address.is_unspecified() &&
               !places_.is_appropriate(plan.association, *what);
    });
}

// RFC 8415 sections 18.3.4 and 18.3.5.
void Decider::extend(IaPlan& plan) noexcept {
    if (plan.held == kNoUnit) {
        recreate(plan);
        return;
    }
    plan.end_listed = EndListed::kOthers;
    assign(plan);
    if (plan.unit == kNoUnit && shard_.record(plan.held).state == LeaseState::kLeased) {
        plan.status.reset();  // what it has ends now, which says enough
    }
}

// Nothing is known of the IA. What it lists was once given to it; if that is free and in a pool of
// ours, it goes on with it: only this server can have given it.
void Decider::recreate(IaPlan& plan) noexcept {
    const bool is_rebind = message_.type() == MessageType::kRebind;
    bool lists_any = false;
    bool lists_ours = false;
    bool lists_elsewhere = false;
    for (const dhcp6::Option option : plan.listed) {
        const auto what = listed_in(option);
        if (!what || what->address.is_unspecified()) {
            continue;
        }
        lists_any = true;
        if (places_.is_appropriate(plan.association, *what)) {
            lists_ours = lists_ours || !is_rebind ||
                         places_.find_pooled(plan.association, *what).has_value();
        } else {
            lists_elsewhere =
                lists_elsewhere || !is_rebind || places_.is_elsewhere(plan.association, *what);
        }
    }
    if (!lists_any) {
        // A binding that the client would like to have as well. Another server may get the same
        // REBIND, hence the rule of rapid commit (RFC 8415 section 18.3.5).
        if (is_rebind && !request_.subnet().rapid_commit) {
            plan.is_silent = true;
            return;
        }
        assign(plan);
        return;
    }
    plan.end_listed = is_rebind ? EndListed::kElsewhere : EndListed::kInappropriate;
    if (const Unit unit = chooser_.take_listed(plan); unit != kNoUnit) {
        set_terms(plan, unit);
        plan.end_listed = EndListed::kOthers;
    } else if (lists_ours) {
        plan.status = StatusCode::kNoBinding;
    } else {
        plan.is_silent = !lists_elsewhere;
    }
}

// == What it means for the lease ==

bool Decider::is_retransmission(const lease::Record& record, std::uint32_t valid) const noexcept {
    if (record.state != LeaseState::kLeased || record.last_xid != message_stamp()) {
        return false;
    }
    return now_.value - record.started.value <
           std::min(kRetransmissionWindow, std::min(told_time(record), valid) / 4);
}

void Decider::set_terms(IaPlan& plan, Unit unit) noexcept {
    const lease::Record& record = shard_.record(unit);
    const model::Subnet6& subnet = places_.subnet_of(unit);
    plan.unit = unit;
    plan.what = places_.name_of(unit);
    plan.lifetimes = subnet.lifetimes;
    if (plan.association == Association::kPrefix) {
        const model::Pool6* const pool = places_.pool_of(unit);
        if (pool != nullptr && pool->excluded) {
            // The bits behind the delegated prefix are the same in all of the pool.
            Ipv6Prefix excluded{plan.what.address, pool->excluded->length};
            const Ipv6 mask = Ipv6Prefix{{}, plan.what.length}.mask();
            for (std::size_t i = 0; i < Ipv6::kLen; ++i) {
                excluded.address.octets[i] |= pool->excluded->address.octets[i] & ~mask.octets[i];
            }
            plan.excluded = excluded;
        }
    }
    plan.is_new = record.state == LeaseState::kOffered;
    plan.is_again = is_retransmission(record, subnet.lifetimes.valid);
    if (plan.is_again) {
        plan.lifetimes.valid = std::min(told_time(record), plan.lifetimes.valid);
        plan.lifetimes.preferred = std::min(plan.lifetimes.preferred, plan.lifetimes.valid);
    }
    const BootSeconds told = add_seconds(now_, plan.lifetimes.valid);
    plan.expiry = told.is_never() ? told : add_seconds(told, kLeaseSlack);
    if (!plan.is_new && !record.expiry.is_never()) {
        // Nobody knows whether the client will hear that its time is shorter now.
        plan.expiry = std::max(plan.expiry, record.expiry);
    }
    plan.must_write = journal_ != Journal::kOff && !plan.is_again &&
                      (plan.is_new || plan.expiry > record.horizon);
}

// An IA has one unit: what else it holds on the link is told to be over.
void Decider::find_others(IaPlan& plan) noexcept {
    if (plan.held == kNoUnit || plan.status == StatusCode::kNotOnLink) {
        return;
    }
    shard_.visit_units(*plan.tenant, [&](Unit unit) {
        if (unit != plan.unit && places_.is_on_link(unit, plan.association) &&
            shard_.record(unit).state == LeaseState::kLeased) {
            plan.others.emplace_back(unit);
        }
        return plan.others.full();
    });
}

// Before anything is taken: what needs a record is refused as a whole.
bool Decider::must_wait_for_journal() noexcept {
    if (journal_ != Journal::kBacklog) {
        return false;
    }
    return std::ranges::any_of(plans_, [this](const IaPlan& plan) {
        if (plan.held == kNoUnit || !chooser_.may_keep(plan, plan.held)) {
            return chooser_.can_have(plan);
        }
        IaPlan probe{plan.association, plan.iaid, plan.listed};
        set_terms(probe, plan.held);
        return probe.must_write;
    });
}

// == Messages ==

// RFC 8415 section 18.3.1.
Decision Decider::solicit() noexcept {
    collect();
    for (IaPlan& plan : plans_) {
        assign(plan);
    }
    if (!plans_.empty() && !has_any_unit() && chooser_.obstacle()) {
        return refuse(*chooser_.obstacle());
    }
    // An Advertise is the answer as well when nothing can be committed now.
    const bool commits = message_.rapid_commit() && request_.subnet().rapid_commit &&
                         has_any_unit() && journal_ != Journal::kBacklog;
    return commits ? grant(true) : advertise();
}

Decision Decider::request() noexcept {
    collect();
    if (must_wait_for_journal()) {
        return refuse(Shed::kJournalBacklog);
    }
    for (IaPlan& plan : plans_) {
        if (names_foreign_address(plan)) {
            plan.status = StatusCode::kNotOnLink;
        } else {
            assign(plan);
        }
    }
    if (!plans_.empty() && !has_any_unit() && chooser_.obstacle()) {
        return refuse(*chooser_.obstacle());
    }
    return grant(false);
}

Decision Decider::extend() noexcept {
    collect();
    if (must_wait_for_journal()) {
        return refuse(Shed::kJournalBacklog);
    }
    for (IaPlan& plan : plans_) {
        extend(plan);
    }
    if (message_.type() == MessageType::kRebind && !has_rest_ &&
        std::ranges::all_of(plans_, &IaPlan::is_silent)) {
        return refuse(Refusal6::kUnknownBinding);
    }
    return grant(false);
}

// RFC 8415 section 18.3.3: a question about the link, not about bindings.
Decision Decider::confirm() noexcept {
    bool has_any = false;
    bool all_here = true;
    message_.for_each_ia([&](const dhcp6::IdentityAssociation& ia) {
        if (ia.code != OptionCode::kIaNa) {
            return;
        }
        for (const dhcp6::Option option : ia.options) {
            if (const auto what = listed_in(option)) {
                has_any = true;
                all_here = all_here && places_.is_appropriate(Association::kAddress, *what);
            }
        }
    });
    if (!has_any) {
        return refuse(Refusal6::kNothingToConfirm);
    }
    ReplyTerms terms;
    terms.status = all_here ? StatusCode::kSuccess : StatusCode::kNotOnLink;
    return reply(terms);
}

Decision Decider::decline() noexcept {
    return end_listed(true);
}

Decision Decider::release() noexcept {
    return end_listed(false);
}

// RFC 8415 sections 18.3.7 and 18.3.8.
Decision Decider::end_listed(bool is_decline) noexcept {
    collect();
    for (IaPlan& plan : plans_) {
        shard_.visit_units(*plan.tenant, [&plan](Unit) { return plan.is_silent = true; });
        if (!plan.is_silent) {
            plan.status = StatusCode::kNoBinding;
        }
    }
    ReplyTerms terms;
    terms.status = StatusCode::kSuccess;
    terms.rest = has_rest_ ? std::optional{StatusCode::kNoBinding} : std::nullopt;
    const Decision decision = reply(terms);
    if (!decision.drop) {
        for (IaPlan& plan : plans_) {
            end_listed(plan, is_decline);
        }
    }
    return decision;
}

void Decider::end_listed(IaPlan& plan, bool is_decline) noexcept {
    if (is_decline && plan.association != Association::kAddress) {
        return;
    }
    InlineVector<Unit, kMaxUnitsPerIa> ended;
    shard_.visit_units(*plan.tenant, [&](Unit unit) {
        const Ipv6Prefix name = places_.name_of(unit);
        if (std::ranges::any_of(
                plan.listed, [&name](dhcp6::Option option) { return listed_in(option) == name; })) {
            ended.emplace_back(unit);
        }
        return ended.full();
    });
    for (const Unit unit : ended) {
        // Only who was granted an address can have tried it: two messages must not cost a unit for
        // a day.
        if (is_decline && shard_.record(unit).state == LeaseState::kLeased) {
            shard_.quarantine(unit, add_seconds(now_, ipv6_.decline_time));
        } else {
            give_up(unit);
        }
    }
}

// RFC 8415 section 18.3.6.
Decision Decider::inform() noexcept {
    ReplyTerms terms = terms_with_options();
    terms.refresh_time = true;
    return reply(terms);
}

// == Answers ==

// Those of the subnet that the first lease is from, which on a shared network need not be the
// request's own.
ReplyTerms Decider::terms_with_options() const noexcept {
    ReplyTerms terms;
    terms.subnet = &request_.subnet();
    const model::Reservation6* reservation = request_.reservation();
    const auto leased =
        std::ranges::find_if(plans_, [](const IaPlan& plan) { return plan.unit != kNoUnit; });
    if (leased != plans_.end()) {
        terms.subnet = &places_.subnet_of(leased->unit);
        reservation = leased->reservation != nullptr ? leased->reservation : reservation;
    }
    terms.own_options =
        reservation != nullptr && reservation->options ? &*reservation->options : nullptr;
    // Who has no lease is not remembered, so no Reconfigure would come.
    terms.reconfigure_accept = accepts_reconfigure() && leased != plans_.end();
    return terms;
}

Decision Decider::reply(ReplyTerms terms) noexcept {
    terms.plans = plans_;
    // One T1 and T2 for all IAs, so that the client renews them together (RFC 8415 section 18.3.2).
    std::uint32_t preferred = dhcp6::kInfiniteLifetime;
    for (const IaPlan& plan : plans_) {
        if (plan.unit != kNoUnit) {
            preferred = std::min(preferred, plan.lifetimes.preferred);
        }
    }
    terms.t1 = share(preferred, ipv6_.renew_time_permille);
    terms.t2 = share(preferred, ipv6_.rebind_time_permille);
    if (terms.reconfigure_accept && terms.type == MessageType::kReply) {
        terms.reconfigure_key = dhcp6::carry_key(
            dhcp6::make_reconfigure_key(ipv6_.reconfigure->secret, message_.client_id()),
            ipv6_.reconfigure->replay(time_));
    }
    const ReplyFrame frame = write_reply(request_, places_, terms, out_);
    Decision decision;
    if (frame.len == 0) {
        decision.drop = DropReason{Refusal6::kReplyTooLong};
        return decision;
    }
    decision.reply_type = terms.type;
    decision.frame_len = frame.len;
    decision.routable = frame.routable;
    return decision;
}

Decision Decider::advertise() noexcept {
    ReplyTerms terms = terms_with_options();
    terms.type = MessageType::kAdvertise;
    terms.rest = has_rest_ ? std::optional{StatusCode::kNoAddrsAvail} : std::nullopt;
    const Decision decision = reply(terms);
    if (decision.drop) {
        undo();
        return decision;
    }
    for (const IaPlan& plan : plans_) {
        if (plan.unit != kNoUnit && plan.is_new) {
            shard_.offer(plan.unit, add_seconds(now_, ipv6_.offer_time));
        }
    }
    return decision;
}

// The reply is written first: what does not fit the frame is not granted.
Decision Decider::grant(bool rapid_commit) noexcept {
    for (IaPlan& plan : plans_) {
        find_others(plan);
    }
    ReplyTerms terms = terms_with_options();
    terms.rapid_commit = rapid_commit;
    terms.rest = has_rest_ ? std::optional{StatusCode::kNoAddrsAvail} : std::nullopt;
    Decision decision = reply(terms);
    if (decision.drop) {
        undo();
        return decision;
    }
    for (IaPlan& plan : plans_) {
        commit(plan, decision);
    }
    return decision;
}

void Decider::commit(IaPlan& plan, Decision& decision) noexcept {
    for (const Unit other : plan.others) {
        give_up(other);
    }
    if (plan.unit == kNoUnit) {
        return;
    }
    if (plan.held != kNoUnit && plan.held != plan.unit && shard_.holds(plan.held) &&
        shard_.record(plan.held).state == LeaseState::kOffered) {
        shard_.withdraw(plan.held);
    }
    Promise& promise = decision.promised[decision.promised_count++];
    promise.unit = plan.unit;
    if (plan.is_again) {
        return;
    }
    shard_.grant(plan.unit, {now_, plan.expiry, message_stamp()});
    remember_name(plan);
    const bool is_moved = remember_client(plan);
    promise.is_moved = is_moved;
    promise.must_write = plan.must_write || (is_moved && journal_ == Journal::kOpen);
    if (promise.must_write) {
        shard_.set_horizon(plan.unit, horizon_of(plan.expiry, plan.lifetimes.valid));
    }
}

// What was taken for this message. A lease that it would have moved to is the client's already.
void Decider::undo() noexcept {
    for (IaPlan& plan : plans_) {
        if (plan.unit != kNoUnit && plan.unit != plan.held &&
            shard_.record(plan.unit).state == LeaseState::kOffered) {
            shard_.withdraw(plan.unit);
        }
    }
}

// How the client is reached, for who has a route or a relay to be known by, or may be asked to
// renew; whether that changed.
bool Decider::remember_client(const IaPlan& plan) noexcept {
    const bool is_needed =
        plan.association == Association::kPrefix || request_.relayed() || accepts_reconfigure();
    if (!is_needed && !shard_.record(plan.unit).side) {
        return false;
    }
    LeaseNote note;
    if (const dhcp6::Relay* const relay = message_.first_relay()) {
        note.link_address = relay->link_address;
        note.peer_address = relay->peer_address;
        note.interface_id = relay->interface_id().value_or(ByteView{});
        note.remote_id = relay->options.find(OptionCode::kRemoteId).value_or(ByteView{});
        note.subscriber_id = relay->subscriber_id().value_or(ByteView{});
    } else if (is_needed && request_.ingress() != nullptr) {
        note.next_hop = request_.frame().source;
        note.interface = request_.ingress()->interface.name;
        note.vlan = model::vlan_ids(request_.frame().tags);
    }
    if (accepts_reconfigure()) {
        note.reconfigure_duid = message_.client_id();
        // Where replies go, which for a link-local relay is more than an address.
        if (message_.relays().size() == 1 && !request_.frame().source.is_link_local()) {
            note.relay_address = request_.frame().source;
            note.relay_port = choose_addressing(request_).headers.destination_port;
        }
    }
    std::array<std::byte, kMaxLeaseNoteLen> bytes;
    const ByteView encoded = ByteView{bytes}.first(encode(note, bytes));
    if (equal_bytes(encoded, shard_.relay_information(plan.unit))) {
        return false;
    }
    shard_.set_relay_information(plan.unit, encoded);
    return true;
}

// For people who look at leases: the name that is reserved, else the client's own (RFC 4704).
void Decider::remember_name(const IaPlan& plan) noexcept {
    constexpr std::size_t kMaxNameLen = 254;
    std::array<std::byte, kMaxNameLen> text;
    ByteView name;
    if (plan.reservation != nullptr && !plan.reservation->hostname.empty()) {
        name = as_bytes(plan.reservation->hostname);
    } else if (const auto option = message_.options().find(OptionCode::kClientFqdn)) {
        if (const auto fqdn = dhcp6::read_client_fqdn(*option)) {
            name = ByteView{text}.first(dhcp6::write_name_text(fqdn->name, text));
        }
    }
    if (!name.empty() && !equal_bytes(name, shard_.hostname(plan.unit))) {
        shard_.set_hostname(plan.unit, name);
    }
}

void Decider::give_up(Unit unit) noexcept {
    if (shard_.record(unit).state == LeaseState::kOffered) {
        shard_.withdraw(unit);
    } else {
        shard_.release(unit);
    }
}

}  // namespace

Decision decide(const Request& request, lease::Shard& shard, BootTime now, Journal journal,
                MutableBytes out) noexcept {
    return Decider{request, shard, now, journal, out}.run();
}

}  // namespace xdhcpd::engine::v6
