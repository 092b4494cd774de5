#include "sim/client6.h"

#include <algorithm>
#include <array>

#include "support/dhcp6.h"
#include "support/engine_harness.h"

namespace xdhcpd::sim {
namespace {

using dhcp6::MessageType;
using dhcp6::OptionCode;
using testing::Bytes;

[[nodiscard]] bool chance(Random& random, std::uint32_t percent) {
    return random.below(100) < percent;
}

[[nodiscard]] bool names_server(MessageType type) {
    return type == MessageType::kRequest || type == MessageType::kRenew ||
           type == MessageType::kRelease || type == MessageType::kDecline;
}

}  // namespace

Client6::Client6(int id, Random& random) : id_{id} {
    constexpr std::array<std::array<int, 3>, 6> kKinds{
        {{3}, {25}, {3, 25}, {25, 3}, {3, 3, 25}, {3, 25, 25}}};
    const auto& kinds = kKinds[random.below(kKinds.size())];
    std::uint32_t iaid = random.below(3);
    for (const int code : kinds) {
        if (code != 0) {
            // An IA_NA and an IA_PD may have the same IAID.
            iaid +=
                chance(random, 50) && !ias_.empty() && static_cast<int>(ias_.back().ia.code) != code
                    ? 0
                    : 1;
            ias_.push_back({{static_cast<OptionCode>(code), iaid}, {}, {}});
        }
    }
}

std::size_t Client6::count(OptionCode code) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(ias_, [code](const State& state) { return state.ia.code == code; }));
}

bool Client6::has_bound() const {
    return std::ranges::any_of(ias_, [](const State& state) { return state.bound.has_value(); });
}

Sent Client6::make(Sent6 message, Nanoseconds now, Extra extra) {
    Bytes options = testing::option6(1, testing::duid_of(id_));
    Sent sent;
    if (names_server(message.type)) {
        sent.other_server = extra.other_server;
        testing::append(options, testing::option6(2, sent.other_server ? testing::duid_of(1)
                                                                       : Network::server_duid()));
    }
    if (extra.rapid_commit) {
        testing::append(options, testing::option6(14));
    }
    for (const Sent6::Part& part : message.parts) {
        Bytes listed;
        if (part.listed) {
            const std::string address = to_string(part.listed->address);
            listed = part.ia.code == OptionCode::kIaNa
                         ? testing::ia_address6(address, 0, 0)
                         : testing::ia_prefix6(address, part.listed->length, 0, 0);
        }
        testing::append(options,
                        testing::ia6(static_cast<int>(part.ia.code), part.ia.iaid, listed));
    }
    sent.client = id_;
    sent.link = kDirect;
    sent.xid = (static_cast<std::uint32_t>(id_ - kFirstId) << 16) + (++sequence_ & 0xffff);
    sent.time = now;
    sent.ifindex = testing::kEth1;
    testing::FrameSpec6 spec;
    spec.source_mac = testing::mac(id_);
    spec.source = Ipv6::link_local_of(spec.source_mac);
    sent.frame = testing::frame6(
        spec, testing::message6(static_cast<int>(message.type), {options}, sent.xid));
    sent.v6 = std::move(message);
    return sent;
}

Sent Client6::solicit(Random& random, Nanoseconds now) {
    Sent6 message{MessageType::kSolicit, {}};
    for (const State& state : ias_) {
        message.parts.push_back({state.ia, chance(random, 25) ? state.bound : std::nullopt});
    }
    return make(std::move(message), now, {.rapid_commit = chance(random, 30)});
}

Sent Client6::select(const Answer& advertised, Nanoseconds now) {
    Sent6 message{MessageType::kRequest, {}};
    for (const Answer6::Part& part : advertised.v6->parts) {
        message.parts.push_back({part.ia, part.lease});
    }
    return make(std::move(message), now, {});
}

Sent Client6::ask_again(const std::vector<Sent6::Part>& parts, Random& random, Nanoseconds now) {
    return make({chance(random, 50) ? MessageType::kRenew : MessageType::kRebind, parts}, now, {});
}

// One of its leases, or all.
Sent Client6::give_up(MessageType type, Random& random, Nanoseconds now) {
    Sent6 message{type, {}};
    const bool all = chance(random, 50);
    for (State& state : ias_) {
        const bool may = type == MessageType::kRelease || state.ia.code == OptionCode::kIaNa;
        if (may && state.bound && (all || message.parts.empty())) {
            message.parts.push_back({state.ia, state.bound});
            state.bound.reset();
        }
    }
    return make(std::move(message), now, {.other_server = chance(random, 3)});
}

Sent Client6::act_bound(Random& random, Nanoseconds now) {
    const std::uint32_t dice = random.below(100);
    if (dice >= 72 && dice < 86) {
        return give_up(MessageType::kRelease, random, now);
    }
    if (dice >= 86 && dice < 89) {
        return give_up(MessageType::kDecline, random, now);
    }
    if (dice >= 96) {
        return solicit(random, now);  // it has forgotten
    }
    // About all IAs, also those that have nothing yet, or about some.
    Sent6 message{MessageType::kRequest, {}};
    const bool is_some = chance(random, 30);
    for (const State& state : ias_) {
        if (!is_some || (state.bound && chance(random, 50))) {
            message.parts.push_back({state.ia, state.bound});
        }
    }
    if (dice < 60) {
        return ask_again(message.parts, random, now);
    }
    message.type = dice < 72 ? MessageType::kRequest : MessageType::kConfirm;
    return make(std::move(message), now, {.other_server = chance(random, 3)});
}

Sent Client6::act(Random& random, Nanoseconds now) {
    if (last_ && chance(random, 15)) {
        Sent again = *last_;
        again.time = now;
        return again;
    }
    for (State& state : ias_) {
        if (now >= state.end) {
            state.bound.reset();
        }
    }
    const bool has_offer =
        std::ranges::any_of(ias_, [](const State& state) { return state.offered.has_value(); });
    if (has_bound()) {
        last_ = act_bound(random, now);
    } else if (has_offer && chance(random, 85)) {
        Sent6 message{MessageType::kRequest, {}};
        for (State& state : ias_) {
            message.parts.push_back({state.ia, state.offered});
            state.offered.reset();
        }
        last_ = make(std::move(message), now, {.other_server = chance(random, 3)});
    } else if (chance(random, 8)) {
        // Something that nobody gave it.
        Sent6 message{};
        for (const State& state : ias_) {
            message.parts.push_back({state.ia, Network::unit6(state.ia.code, random.below(20))});
        }
        last_ = ask_again(message.parts, random, now);
    } else {
        last_ = solicit(random, now);
    }
    return *last_;
}

void Client6::receive(const Answer& answer) {
    if (!last_ || !answer.v6 || answer.xid != last_->xid) {
        return;
    }
    const MessageType asked = last_->v6->type;
    if (asked == MessageType::kRelease || asked == MessageType::kDecline ||
        asked == MessageType::kConfirm) {
        return;
    }
    for (const Answer6::Part& part : answer.v6->parts) {
        const auto state = std::ranges::find(ias_, part.ia, &State::ia);
        if (state == ias_.end()) {
            continue;
        }
        if (answer.v6->type == MessageType::kAdvertise) {
            state->offered = part.lease;
        } else {
            state->bound = part.lease;
            state->offered.reset();
            state->end = last_->time + Nanoseconds{part.valid} * kSecond;
        }
    }
}

}  // namespace xdhcpd::sim
