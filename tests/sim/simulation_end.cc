// How a run ends: everything is mended, and every promise asked for. See simulation.h.
#include <algorithm>
#include <array>
#include <utility>

#include "sim/simulation.h"

namespace xdhcpd::sim {
namespace {

using dhcp4::MessageType;
using dhcp6::OptionCode;

}  // namespace

// == The end ==

// The disk is well again, and everything that waits becomes durable.
void Simulation::heal() {
    machine_.files.fail_calls(0, 0, 0);
    machine_.files.crash_at(0);
    machine_.files.set_free_len(std::uint64_t{1} << 40);
    is_stalled_ = false;
    for (int i = 0; i < 4; ++i) {
        machine_.pass(kSecond);
        settle();
    }
    const journal::JournalHealth health = server_->health();
    if (health.failing || health.undurable_states != 0) {
        throw Violation{"the disk is well, and the journal is not: " + health.problem};
    }
    check_nothing_is_left();
}

void Simulation::settle() {
    for (int i = 0; i < 3; ++i) {
        for (std::uint32_t worker = 0; worker < server_->worker_count(); ++worker) {
            work_on(worker);
        }
        server_->turn();
    }
    for (std::uint32_t worker = 0; worker < server_->worker_count(); ++worker) {
        work_on(worker);
    }
}

// Everybody asks for what was promised, and must get it.
void Simulation::audit() {
    if (chance(50)) {
        kill();
    } else if (chance(50)) {
        cut_power();
    }
    heal();
    const std::vector<Ledger::Claim> claims = ledger_.claims(now());
    note(What::kAudit, static_cast<std::uint32_t>(claims.size()));
    ++statistics_.audits;
    for (const Ledger::Claim& claim : claims) {
        ask_for(claim);
    }
    for (Client6& client : clients6_) {
        ask_for_leases_of(client);
    }
}

// All in one message.
void Simulation::ask_for_leases_of(Client6& client) {
    std::vector<Sent6::Part> parts;
    for (const Ledger6::Claim& claim : ledger_.v6().claims(now())) {
        if (claim.client == client.id()) {
            parts.push_back({claim.ia, claim.name});
            note(What::kRenewed, static_cast<std::uint32_t>(claim.client), number(claim.name));
        }
    }
    if (parts.empty()) {
        return;
    }
    Sent sent = client.ask_again(parts, random_, now());
    statistics_.audited += parts.size();
    const std::uint64_t replies = statistics_.replies;
    put_in_port(std::move(sent));
    settle();
    if (statistics_.replies == replies) {
        throw Violation{"client " + std::to_string(client.id()) +
                        " asks for its leases and is not answered"};
    }
}

void Simulation::ask_for(const Ledger::Claim& claim) {
    const auto client = std::find_if(clients_.begin(), clients_.end(),
                                     [&](const Client& one) { return one.id() == claim.client; });
    const Sent sent = client->ask_again(claim.link, claim.address, random_, now());
    if (!ledger_.must_have(sent, network_, now())) {
        return;
    }
    note(What::kRenewed, static_cast<std::uint32_t>(claim.client), claim.address.value);
    ++statistics_.audited;
    const std::uint64_t acks = statistics_.acks;
    put_in_port(sent);
    settle();
    if (statistics_.acks == acks) {
        throw Violation{"client " + std::to_string(claim.client) + " asks for its lease " +
                        to_string(claim.address) + " and is not answered"};
    }
}

bool Simulation::get_lease(Client& client) {
    for (int attempt = 0; attempt < 2; ++attempt) {
        const Sent discover = client.discover(client.home(), random_, now());
        replies_.clear();
        put_in_port(discover);
        settle();
        if (replies_.empty() || replies_.back().type != MessageType::kOffer) {
            return false;
        }
        const Ipv4 offered = replies_.back().address;
        replies_.clear();
        put_in_port(client.select(client.home(), offered, random_, now()));
        settle();
        if (!replies_.empty() && replies_.back().type == MessageType::kAck) {
            return true;
        }
    }
    return false;
}

// When all has ended, everybody can be served, as far as there are addresses.
void Simulation::serve_everybody() {
    network_ = whole_network_;
    server_->reload(network_);
    pass(Nanoseconds{4 * network_.max_time + network_.decline_time + 600} * kSecond);
    for (int i = 0; i < 4; ++i) {
        settle();
        machine_.pass(kSecond);
    }
    std::array<std::uint32_t, kLinkCount> served{};
    std::array<std::uint32_t, kLinkCount> wanted{};
    for (Client& client : clients_) {
        const bool is_reserved = client.id() <= kReservedCount;
        const auto link = static_cast<std::size_t>(client.home());
        const bool is_served = get_lease(client);
        if (is_reserved && !is_served) {
            throw Violation{"client " + std::to_string(client.id()) +
                            " does not get the address that is reserved for it"};
        }
        served[link] += !is_reserved && is_served ? 1 : 0;
        wanted[link] += is_reserved ? 0 : 1;
    }
    for (int link = 0; link < kLinkCount; ++link) {
        const auto index = static_cast<std::size_t>(link);
        if (served[index] != std::min(wanted[index], network_.pool_size(link))) {
            throw Violation{"of " + std::to_string(wanted[index]) + " clients " +
                            std::to_string(served[index]) + " are served, with " +
                            std::to_string(network_.pool_size(link)) + " addresses"};
        }
    }
    serve_everybody6();
}

void Simulation::serve_everybody6() {
    for (const OptionCode kind : {OptionCode::kIaNa, OptionCode::kIaPd}) {
        std::size_t wanted = 0;
        std::size_t served = 0;
        for (Client6& client : clients6_) {
            wanted += client.count(kind);
            served += static_cast<std::size_t>(std::ranges::count_if(
                get_leases(client),
                [kind](const Answer6::Part& part) { return part.ia.code == kind && part.lease; }));
        }
        if (served != std::min<std::size_t>(wanted, network_.pool6_size_for(kind))) {
            throw Violation{"of " + std::to_string(wanted) + " IAs " + std::to_string(served) +
                            " are served, with " + std::to_string(network_.pool6_size_for(kind)) +
                            " units"};
        }
    }
}

std::vector<Answer6::Part> Simulation::get_leases(Client6& client) {
    const auto ask = [this](Sent sent) {
        replies_.clear();
        put_in_port(std::move(sent));
        settle();
    };
    const auto has_all = [this] {
        return replies_.back().v6->type == dhcp6::MessageType::kReply &&
               std::ranges::all_of(replies_.back().v6->parts, [](const Answer6::Part& part) {
                   return part.lease.has_value();
               });
    };
    ask(client.solicit(random_, now()));
    // What a Solicit takes for its first IAs counts as offers, by the number of workers, so the
    // last unit of a pool may be left for a Request.
    if (!replies_.empty() && !has_all()) {
        const Answer told = replies_.back();
        ask(client.select(told, now()));
    }
    return replies_.empty() ? std::vector<Answer6::Part>{} : replies_.back().v6->parts;
}

}  // namespace xdhcpd::sim
