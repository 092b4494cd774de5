#include "sim/ledger.h"

#include <algorithm>
#include <string>

namespace xdhcpd::sim {
namespace {

using dhcp4::MessageType;

[[nodiscard]] std::string name_of(int client) {
    return "client " + std::to_string(client);
}

}  // namespace

bool Ledger::ends(const Sent& message, int client, int link, Ipv4 address, const Network& network) {
    if (message.v6 || message.client != client || message.link != link || message.other_server) {
        return false;
    }
    switch (message.type) {
        case MessageType::kRelease:
        case MessageType::kDecline:
            return message.address == address;
        case MessageType::kRequest:
            return !network.allows(client, address) ||
                   (message.address != address && !message.init_reboot);
        case MessageType::kDiscover:
            return !network.allows(client, address);
        default:
            return false;
    }
}

bool Ledger::ends_any(const Sent& message, const Answer& answer) {
    return std::ranges::any_of(answer.v6->parts, [&](const Answer6::Part& part) {
        return part.lease && Ledger6::ends(message, answer.client, part.ia, *part.lease);
    });
}

Heard Ledger::hear(Sent message, const Network& network, Nanoseconds now) {
    Heard heard{std::move(message), false};
    const Sent& sent = heard.message;
    if (sent.v6) {
        heard.is_owed = v6_.hear(sent, now);
        return heard;
    }
    heard.is_owed = must_have(sent, network, now);
    Entry& entry = entries_[{sent.client, sent.link}];
    if (entry.claim && ends(sent, sent.client, sent.link, entry.claim->address, network)) {
        entry.claim.reset();
    }
    return heard;
}

void Ledger::leave(const Answer& answer, std::span<const Heard> heard, const Network& network,
                   Nanoseconds now) {
    if (answer.v6) {
        v6_.leave(answer, heard, now);
        return;
    }
    switch (answer.type) {
        case MessageType::kOffer:
            offer(answer, network, now);
            break;
        case MessageType::kAck:
            acknowledge(answer, heard, network, now);
            break;
        case MessageType::kNak:
            refuse(answer, heard);
            break;
        default:
            throw Violation{"a reply of no kind that clients expect"};
    }
}

void Ledger::check_nobody_else(const Answer& answer, Nanoseconds now) const {
    for (const auto& [key, entry] : entries_) {
        if (key.first != answer.client && entry.claim && entry.claim->address == answer.address &&
            entry.claim->end > now) {
            throw Violation{
                to_string(answer.address) + " of " + name_of(key.first) + " is given to " +
                name_of(answer.client) + " " +
                std::to_string(static_cast<double>(entry.claim->end - now) / double{kSecond}) +
                " s before its lease ends"};
        }
    }
}

void Ledger::offer(const Answer& answer, const Network& network, Nanoseconds now) {
    check_nobody_else(answer, now);
    const int link = Network::link_of(Network::subnet_of(answer.address));
    const auto kept = claim(answer.client, link, now);
    if (kept && kept->address != answer.address && !is_reserved(network, answer.client)) {
        throw Violation{name_of(answer.client) + " is offered " + to_string(answer.address) +
                        " instead of its lease " + to_string(kept->address)};
    }
}

void Ledger::acknowledge(const Answer& answer, std::span<const Heard> heard, const Network& network,
                         Nanoseconds now) {
    check_nobody_else(answer, now);
    const int link = Network::link_of(Network::subnet_of(answer.address));
    Entry& entry = entries_[{answer.client, link}];
    if (entry.claim && entry.claim->end > now && entry.claim->address != answer.address) {
        throw Violation{name_of(answer.client) + " is given " + to_string(answer.address) +
                        " instead of its lease " + to_string(entry.claim->address)};
    }
    // An ACK may leave behind a RELEASE of the same step.
    const bool has_ended = std::any_of(heard.begin(), heard.end(), [&](const Heard& one) {
        return ends(one.message, answer.client, link, answer.address, network);
    });
    // The client may miss an ACK that tells a shorter time than the one before.
    const Nanoseconds before = entry.claim ? entry.claim->end : 0;
    entry.claim.reset();
    // It may also have waited while the operator closed the address and the client went elsewhere.
    if (!has_ended && network.allows(answer.client, answer.address)) {
        const Nanoseconds told = now + Nanoseconds{answer.lease_time} * kSecond;
        entry.claim = Claim{answer.client, link, answer.address, std::max(before, told)};
    }
}

// A NAK never waits: what it answers is among what was decided in this step.
void Ledger::refuse(const Answer& answer, std::span<const Heard> heard) {
    bool is_answer = false;
    bool is_right = false;
    for (const Heard& one : heard) {
        if (one.message.client == answer.client && one.message.xid == answer.xid) {
            is_answer = true;
            is_right = is_right || !one.is_owed;
        }
    }
    if (!is_answer) {
        throw Violation{"a NAK for " + name_of(answer.client) + " that answers nothing"};
    }
    if (!is_right) {
        throw Violation{name_of(answer.client) + " is refused its lease"};
    }
}

bool Ledger::must_have(const Sent& message, const Network& network, Nanoseconds now) const {
    const auto kept = claim(message.client, message.link, now);
    return message.type == MessageType::kRequest && !message.other_server && kept &&
           kept->address == message.address && network.allows(message.client, kept->address) &&
           (!is_reserved(network, message.client) || network.reserved.contains(kept->address));
}

// Somebody for whom an address is reserved is called to it whenever that is free.
bool Ledger::is_reserved(const Network& network, int client) {
    return std::any_of(network.reserved.begin(), network.reserved.end(),
                       [&](const auto& entry) { return entry.second == client; });
}

void Ledger::erase(Ipv4 address) {
    for (auto& [key, entry] : entries_) {
        if (entry.claim && entry.claim->address == address) {
            entry.claim.reset();
        }
    }
}

void Ledger::import(int client, Ipv4 address) {
    Entry& entry = entries_[{client, Network::link_of(Network::subnet_of(address))}];
    if (entry.claim && entry.claim->address != address) {
        entry.claim.reset();
    }
}

std::optional<Ledger::Claim> Ledger::claim(int client, int link, Nanoseconds now) const {
    const auto found = entries_.find({client, link});
    return found != entries_.end() && found->second.claim && found->second.claim->end > now
               ? found->second.claim
               : std::nullopt;
}

std::vector<Ledger::Claim> Ledger::claims(Nanoseconds now) const {
    std::vector<Claim> result;
    for (const auto& [key, entry] : entries_) {
        if (entry.claim && entry.claim->end > now) {
            result.push_back(*entry.claim);
        }
    }
    return result;
}

}  // namespace xdhcpd::sim
