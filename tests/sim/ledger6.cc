#include "sim/ledger6.h"

#include <algorithm>
#include <string>

namespace xdhcpd::sim {
namespace {

using dhcp6::MessageType;

[[nodiscard]] std::string name_of(int client, const Ia6& ia) {
    return (ia.code == dhcp6::OptionCode::kIaNa ? "IA_NA " : "IA_PD ") + std::to_string(ia.iaid) +
           " of client " + std::to_string(client);
}

[[nodiscard]] bool overlaps(const Ipv6Prefix& one, const Ipv6Prefix& other) {
    const Ipv6 mask = Ipv6Prefix{{}, std::min(one.length, other.length)}.mask();
    for (std::size_t i = 0; i < Ipv6::kLen; ++i) {
        if (((one.address.octets[i] ^ other.address.octets[i]) & mask.octets[i]) != std::byte{0}) {
            return false;
        }
    }
    return true;
}

[[nodiscard]] bool asks(MessageType type) {
    return type == MessageType::kRequest || type == MessageType::kRenew ||
           type == MessageType::kRebind;
}

}  // namespace

bool Ledger6::ends(const Sent& message, int client, const Ia6& ia, const Ipv6Prefix& name) {
    if (!message.v6 || message.client != client || message.other_server ||
        (message.v6->type != MessageType::kRelease && message.v6->type != MessageType::kDecline)) {
        return false;
    }
    return std::ranges::any_of(message.v6->parts, [&](const Sent6::Part& part) {
        return part.ia == ia && part.listed == name;
    });
}

bool Ledger6::hear(const Sent& message, Nanoseconds now) {
    std::set<Ia6> owed;
    for (const Sent6::Part& part : message.v6->parts) {
        if (asks(message.v6->type) && !message.other_server &&
            claim(message.client, part.ia, now)) {
            owed.insert(part.ia);
        }
        const auto found = claims_.find({message.client, part.ia});
        if (found != claims_.end() && ends(message, message.client, part.ia, found->second.name)) {
            claims_.erase(found);
        }
    }
    const bool is_owed = !owed.empty();
    const auto [asked, is_first] =
        asked_.try_emplace({message.client, message.xid}, Asked{message.v6->type, owed});
    if (!is_first) {
        std::erase_if(asked->second.owed, [&](const Ia6& ia) { return !owed.contains(ia); });
    }
    return is_owed;
}

void Ledger6::leave(const Answer& answer, std::span<const Heard> heard, Nanoseconds now) {
    const Answer6& told = *answer.v6;
    const auto asked = asked_.find({answer.client, answer.xid});
    if (asked == asked_.end()) {
        throw Violation{"a reply to client " + std::to_string(answer.client) +
                        " that answers nothing"};
    }
    if (told.type == MessageType::kAdvertise) {
        advertise(answer, now);
        return;
    }
    if (told.type != MessageType::kReply) {
        throw Violation{"a reply of no kind that clients expect"};
    }
    if (asked->second.type == MessageType::kConfirm && told.status != 0) {
        throw Violation{"client " + std::to_string(answer.client) + " is told that it has moved"};
    }
    for (const Ia6& ia : asked->second.owed) {
        const auto part = std::ranges::find(told.parts, ia, &Answer6::Part::ia);
        if (part == told.parts.end() || !part->lease) {
            throw Violation{name_of(answer.client, ia) + " is refused its lease"};
        }
    }
    for (const Answer6::Part& part : told.parts) {
        if (part.lease) {
            acknowledge(answer, part, heard, now);
        }
    }
}

void Ledger6::check_nobody_else(const Answer& answer, const Answer6::Part& part,
                                Nanoseconds now) const {
    const Key own{answer.client, part.ia};
    for (const auto& [key, claim] : claims_) {
        if (key != own && claim.end > now && overlaps(claim.name, *part.lease)) {
            throw Violation{to_string(claim.name) + " of " + name_of(key.first, key.second) +
                            " is given to " + name_of(answer.client, part.ia) + " " +
                            std::to_string(static_cast<double>(claim.end - now) / double{kSecond}) +
                            " s before its lease ends"};
        }
    }
}

void Ledger6::advertise(const Answer& answer, Nanoseconds now) const {
    for (const Answer6::Part& part : answer.v6->parts) {
        const auto kept = claim(answer.client, part.ia, now);
        if (kept && part.lease != kept->name) {
            throw Violation{name_of(answer.client, part.ia) + " is not offered its lease " +
                            to_string(kept->name)};
        }
        if (part.lease) {
            check_nobody_else(answer, part, now);
        }
    }
}

void Ledger6::acknowledge(const Answer& answer, const Answer6::Part& part,
                          std::span<const Heard> heard, Nanoseconds now) {
    check_nobody_else(answer, part, now);
    const auto kept = claim(answer.client, part.ia, now);
    if (kept && kept->name != *part.lease) {
        throw Violation{name_of(answer.client, part.ia) + " is given " + to_string(*part.lease) +
                        " instead of its lease " + to_string(kept->name)};
    }
    // A reply may leave behind a RELEASE of the same step.
    if (std::ranges::any_of(heard, [&](const Heard& one) {
            return ends(one.message, answer.client, part.ia, *part.lease);
        })) {
        return;
    }
    const Nanoseconds told = now + Nanoseconds{part.valid} * kSecond;
    claims_[{answer.client, part.ia}] = {answer.client, part.ia, *part.lease,
                                         std::max(kept ? kept->end : 0, told)};
}

void Ledger6::erase(const Ipv6Prefix& name) {
    std::erase_if(claims_, [&](const auto& entry) { return entry.second.name == name; });
}

std::optional<Ledger6::Claim> Ledger6::claim(int client, const Ia6& ia, Nanoseconds now) const {
    const auto found = claims_.find({client, ia});
    return found != claims_.end() && found->second.end > now ? std::optional{found->second}
                                                             : std::nullopt;
}

std::vector<Ledger6::Claim> Ledger6::claims(Nanoseconds now) const {
    std::vector<Claim> result;
    for (const auto& [key, claim] : claims_) {
        if (claim.end > now) {
            result.push_back(claim);
        }
    }
    return result;
}

}  // namespace xdhcpd::sim
