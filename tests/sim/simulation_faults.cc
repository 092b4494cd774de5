// Disks that fail, power that is cut, operators who change things: see simulation.h.
#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "sim/simulation.h"

namespace xdhcpd::sim {
namespace {

using dhcp6::OptionCode;
using Loss = journal::FaultyFiles::Loss;

}  // namespace

// == What goes wrong ==

void Simulation::fail_disk() {
    constexpr std::array kErrors{EIO, ENOSPC, EROFS};
    const int error = kErrors[random_.below(kErrors.size())];
    const std::uint64_t first = machine_.files.calls() + 1 + random_.below(12);
    const std::uint64_t count = chance(50) ? 1 : 1 + random_.below(60);
    machine_.files.fail_calls(first, error, count);
    note(What::kFault, static_cast<std::uint32_t>(error), static_cast<std::uint32_t>(first),
         static_cast<std::uint32_t>(count));
    is_faulty_ = true;
    ++statistics_.disk_faults;
}

void Simulation::arm_crash() {
    const std::uint64_t call = machine_.files.calls() + 1 + random_.below(60);
    machine_.files.crash_at(call);
    note(What::kCrashDue, static_cast<std::uint32_t>(call));
}

void Simulation::stall() {
    is_stalled_ = !is_stalled_ && chance(60);
    statistics_.stalls += is_stalled_ ? 1 : 0;
    note(What::kStall, is_stalled_ ? 1 : 0);
}

void Simulation::fill_disk() {
    const bool is_full = chance(50);
    machine_.files.set_free_len(is_full ? 0 : std::uint64_t{1} << 40);
    note(What::kNoSpace, is_full ? 1 : 0);
}

void Simulation::cut_power() {
    constexpr std::array kLosses{Loss::kAll, Loss::kTorn, Loss::kReordered};
    const Loss loss = kLosses[random_.below(kLosses.size())];
    note(What::kPowerLost, static_cast<std::uint32_t>(loss));
    ++statistics_.power_cuts;
    restart(loss);
}

void Simulation::kill() {
    note(What::kKilled);
    ++statistics_.kills;
    restart(Loss::kNone);
}

// What has arrived is answered, the journal is given two seconds, and the workers settle what is
// between them.
void Simulation::stop() {
    const auto all = [this](const std::function<void(std::uint32_t)>& work) {
        for (std::uint32_t i = 0; i < server_->worker_count(); ++i) {
            work(i);
        }
    };
    all([this](std::uint32_t i) { work_on(i); });
    bool is_durable = false;
    for (int i = 0; i < 20 && !is_durable && !machine_.files.crashed(); ++i) {
        is_durable = server_->finish();
        machine_.pass(kSecond / 10);
    }
    all([this](std::uint32_t i) { work_on(i); });
    all([this](std::uint32_t i) {
        work_on(i, [this, i] {
            server_->settle(i);
            return std::nullopt;
        });
    });
    all([this](std::uint32_t i) {
        work_on(i, [this, i] {
            server_->collect_last(i);
            return std::nullopt;
        });
    });
    if (server_->worker_count() > 1) {
        check_nothing_is_left();
    }
    note(What::kStopped, is_durable ? 1 : 0);
    ++statistics_.stops;
    restart(machine_.files.crashed() ? Loss::kTorn : Loss::kNone);
}

void Simulation::count_end() {
    if (server_) {
        const journal::JournalHealth health = server_->health();
        statistics_.syncs += health.syncs;
        statistics_.merges += health.merges;
        const auto dropped = [this](std::uint32_t worker, engine::DropReason reason) {
            return server_->worker(worker).counters().dropped[reason.index()].value();
        };
        for (std::uint32_t i = 0; i < server_->worker_count(); ++i) {
            statistics_.backlogged += dropped(i, engine::Shed::kJournalBacklog);
            statistics_.refused_ways += dropped(i, engine::Shed::kHandOverFull);
            statistics_.handed_over += server_->worker(i).counters().handed_over.value();
        }
        statistics_.died_abroad += abroad_->count();
    }
}

// The server is gone, whatever it was doing; another is started, of another size maybe, as often as
// it takes.
void Simulation::restart(Loss loss) {
    count_end();
    server_.reset();
    in_ports_.clear();
    is_stalled_ = false;
    bool is_power = loss != Loss::kNone;
    for (;;) {
        machine_.files.restart(loss, random_);
        if (is_power) {
            machine_.reboot(Nanoseconds{1 + random_.below(120)} * kSecond);
        }
        if (chance(10)) {  // a clock without a battery
            const std::int64_t back = -static_cast<std::int64_t>(random_.below(20'000));
            machine_.step_wall_clock(back);
            note(What::kWallStep, static_cast<std::uint32_t>(back));
        }
        is_faulty_ = false;
        if (chance(15)) {
            fail_disk();
        } else if (chance(10)) {
            arm_crash();
        }
        options_.workers = 1 + random_.below(4);
        options_.clock_is_trusted = chance(70);
        options_.hash_key = {random_.next(), random_.next()};
        auto started = Server::start(machine_, options_, network_, remembered_);
        if (started) {
            server_ = std::move(*started);
            in_ports_.assign(server_->worker_count(), {});
            abroad_.emplace(server_->exchange(), server_->worker_count());
            note(What::kStarted, server_->worker_count(),
                 static_cast<std::uint32_t>(server_->restored_leases()),
                 static_cast<std::uint32_t>(server_->restored_former()));
            return;
        }
        note(What::kRefused, is_faulty_ || machine_.files.crashed() ? 1 : 0);
        if (!is_faulty_ && !machine_.files.crashed()) {
            throw Violation{"a start was refused: " + started.error().message};
        }
        ++statistics_.refused_starts;
        is_power = machine_.files.crashed();
        loss = is_power ? Loss::kTorn : Loss::kNone;
        machine_.pass(kSecond);
    }
}

// == The operator ==

// Pools shrink and grow, subnets but the first go and come back.
void Simulation::reload() {
    for (std::size_t i = 0; i < Network::kSubnetCount; ++i) {
        const std::uint32_t whole = whole_network_.pool_sizes[i];
        if (chance(50)) {
            network_.pool_sizes[i] = whole;
        } else if (chance(50)) {
            network_.pool_sizes[i] = 1 + random_.below(whole);
        } else if (i != 0 && chance(50)) {
            network_.pool_sizes[i] = 0;
        }
    }
    server_->reload(network_);
    note(What::kReloaded, network_.pool_sizes[0], network_.pool_sizes[1], network_.pool_sizes[2]);
    ++statistics_.reloads;
}

Ipv4 Simulation::some_address() {
    const std::uint32_t subnet = random_.below(Network::kSubnetCount);
    return Ipv4{Network::base(subnet).value + Network::kFirstOfPool +
                random_.below(whole_network_.pool_sizes[subnet])};
}

void Simulation::erase() {
    const Ipv4 address = some_address();
    if (server_->erase(address)) {
        ledger_.erase(address);
        abroad_->end_if([&](const Abroad::Loan& loan) {
            return loan.where == Abroad::Where::kComingBack && loan.answer.address == address;
        });
        note(What::kErased, address.value);
        ++statistics_.deletes;
    }
}

void Simulation::erase6() {
    const OptionCode kind = chance(50) ? OptionCode::kIaNa : OptionCode::kIaPd;
    const Ipv6Prefix name = Network::unit6(kind, random_.below(network_.pool6_size_for(kind)));
    if (server_->erase(name)) {
        ledger_.erase(name);
        abroad_->end_if([&](const Abroad::Loan& loan) {
            return loan.where == Abroad::Where::kComingBack && loan.answer.v6 &&
                   std::ranges::any_of(loan.answer.v6->parts, [&](const Answer6::Part& part) {
                       return part.lease == name;
                   });
        });
        note(What::kErased, number(name));
        ++statistics_.deletes;
    }
}

void Simulation::import() {
    const Ipv4 address = some_address();
    const Client& client = clients_[random_.below(static_cast<std::uint32_t>(clients_.size()))];
    if (!network_.allows(client.id(), address)) {
        return;
    }
    const bool is_done =
        server_->import(client.id(), client.client_id(), address, 60 + random_.below(1200));
    note(What::kImported, static_cast<std::uint32_t>(client.id()), address.value, is_done ? 1 : 0);
    if (is_done) {
        ledger_.import(client.id(), address);
        abroad_->end_if([&](const Abroad::Loan& loan) {
            return loan.where == Abroad::Where::kComingBack && loan.answer.client == client.id() &&
                   loan.answer.address != address &&
                   loan.heard.message.link == Network::link_of(Network::subnet_of(address));
        });
        ++statistics_.imports;
    }
}

}  // namespace xdhcpd::sim
