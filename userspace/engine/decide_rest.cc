// What becomes of DECLINE, RELEASE, INFORM, and of BOOTP.
#include "engine/decider.h"

namespace xdhcpd::engine {
namespace {

using dhcp4::MessageType;
using lease::LeaseState;

}  // namespace

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

}  // namespace xdhcpd::engine
