#include "sim/simulation.h"

#include <algorithm>
#include <array>
#include <utility>

namespace xdhcpd::sim {
namespace {

using dhcp4::MessageType;
using dhcp6::OptionCode;
using Loss = journal::FaultyFiles::Loss;

constexpr std::size_t kMaxOnTheWay = 40;
// Messages that are older have died in the network.
constexpr Nanoseconds kMessageLife = 60 * kSecond;
constexpr std::size_t kMaxInPort = 8;
constexpr std::uint64_t kStepsPerCheck = 128;
constexpr std::uint32_t kMaxPool = 20;
constexpr std::uint8_t kMaxPrefixPoolBits = 5;

}  // namespace

Statistics& Statistics::operator+=(const Statistics& other) {
    runs += other.runs;
    steps += other.steps;
    sent += other.sent;
    offers += other.offers;
    acks += other.acks;
    naks += other.naks;
    advertises += other.advertises;
    replies += other.replies;
    joint_replies += other.joint_replies;
    power_cuts += other.power_cuts;
    kills += other.kills;
    stops += other.stops;
    refused_starts += other.refused_starts;
    disk_faults += other.disk_faults;
    stalls += other.stalls;
    syncs += other.syncs;
    merges += other.merges;
    reloads += other.reloads;
    deletes += other.deletes;
    imports += other.imports;
    wall_steps += other.wall_steps;
    audits += other.audits;
    audited += other.audited;
    backlogged += other.backlogged;
    handed_over += other.handed_over;
    refused_ways += other.refused_ways;
    died_abroad += other.died_abroad;
    seconds += other.seconds;
    return *this;
}

std::string Statistics::text() const {
    const auto line = [](const char* what, std::uint64_t value) {
        return std::string{what} + " " + std::to_string(value) + "\n";
    };
    return line("seeds", runs) + line("steps", steps) + line("messages sent", sent) +
           line("OFFERs", offers) + line("ACKs", acks) + line("NAKs", naks) +
           line("Advertises", advertises) + line("Replies with leases", replies) +
           line("of these to several IAs", joint_replies) + line("power cuts", power_cuts) +
           line("kills", kills) + line("orderly stops", stops) +
           line("starts that a bad disk refused", refused_starts) +
           line("windows of disk faults", disk_faults) + line("stalls", stalls) +
           line("syncs", syncs) + line("merges", merges) + line("reloads", reloads) +
           line("deletes", deletes) + line("imports", imports) +
           line("steps of the wall clock", wall_steps) + line("audits", audits) +
           line("leases asked for in audits", audited) +
           line("messages refused for backlog", backlogged) +
           line("messages handed over", handed_over) +
           line("messages that found no way", refused_ways) +
           line("messages between workers when the server died", died_abroad) +
           line("simulated seconds", seconds);
}

Simulation::Simulation(std::uint64_t seed, Plant plant)
    : seed_{seed}, plant_{plant}, random_{seed} {
    choose_sizes();
    choose_weights();
}

void Simulation::choose_sizes() {
    options_.plant = plant_;
    whole_network_.pool_sizes = {4 + random_.below(kMaxPool - 4), 2 + random_.below(10),
                                 4 + random_.below(kMaxPool - 4)};
    whole_network_.default_time = std::array{120u, 300u, 900u}[random_.below(3)];
    const auto direct =
        std::max(2u, whole_network_.pool_size(kDirect) * (60 + random_.below(70)) / 100);
    const auto relayed =
        std::max(2u, whole_network_.pool_size(kRelayed) * (60 + random_.below(70)) / 100);
    int id = 1;
    for (int i = 0; i < kReservedCount; ++i, ++id) {
        whole_network_.reserved[Ipv4{Network::base(0).value + 50 + static_cast<std::uint32_t>(i)}] =
            id;
        clients_.emplace_back(id, kDirect, true, random_);
    }
    for (std::uint32_t i = 0; i < direct + relayed; ++i, ++id) {
        clients_.emplace_back(id, i < direct ? kDirect : kRelayed, false, random_);
    }
    std::array<std::uint32_t, 2> wanted6{};
    const std::uint32_t count6 = 3 + random_.below(8);
    for (std::uint32_t i = 0; i < count6; ++i) {
        const Client6& client =
            clients6_.emplace_back(Client6::kFirstId + static_cast<int>(i), random_);
        wanted6[0] += static_cast<std::uint32_t>(client.count(OptionCode::kIaNa));
        wanted6[1] += static_cast<std::uint32_t>(client.count(OptionCode::kIaPd));
    }
    whole_network_.pool6_size = 2 + wanted6[0] * (60 + random_.below(70)) / 100;
    while (whole_network_.prefix_pool_bits < kMaxPrefixPoolBits &&
           (1u << whole_network_.prefix_pool_bits) < wanted6[1] * (50 + random_.below(90)) / 100) {
        ++whole_network_.prefix_pool_bits;
    }
    whole_network_.rapid_commit = chance(50);
    network_ = whole_network_;
    loss_percent_ = random_.below(20);
    copy_percent_ = random_.below(20);
    options_.segment_len = std::uint64_t{64} << (10 + random_.below(3));
    options_.compact_at = 1 + random_.below(3);
    options_.keep_former = chance(50) ? seconds{60} : seconds{2'592'000};
    options_.tx_frames = std::array{8u, 32u, 128u}[random_.below(3)];
    // Each IA is a client of the store.
    options_.client_limit =
        (static_cast<std::uint32_t>(clients_.size()) + wanted6[0] + wanted6[1]) *
        (chance(50) ? 1 : 4);
    options_.message_slots = std::array<std::size_t, 4>{1, 2, 8, 64}[random_.below(4)];
}

// How often what happens differs from run to run, and some things never do.
void Simulation::choose_weights() {
    const auto add = [this](std::uint32_t greatest, void (Simulation::*action)()) {
        const std::uint32_t weight = greatest == 0 || chance(20) ? 0 : 1 + random_.below(greatest);
        actions_.push_back({weight, action});
    };
    actions_ = {{300, &Simulation::send},
                {500, &Simulation::deliver},
                {500, &Simulation::work},
                {200, &Simulation::deliver_reply},
                {150 + random_.below(400), &Simulation::turn},
                {100, &Simulation::pass_little}};
    add(40, &Simulation::merge);
    add(20, &Simulation::pass_some);
    add(2, &Simulation::pass_long);
    add(4, &Simulation::step_wall_clock);
    add(8, &Simulation::fail_disk);
    add(4, &Simulation::arm_crash);
    add(4, &Simulation::stall);
    add(4, &Simulation::fill_disk);
    add(6, &Simulation::cut_power);
    add(4, &Simulation::kill);
    add(2, &Simulation::stop);
    add(4, &Simulation::reload);
    add(8, &Simulation::erase);
    add(4, &Simulation::erase6);
    add(8, &Simulation::import);
    add(2, &Simulation::audit);
    for (const Action& action : actions_) {
        weight_sum_ += action.weight;
    }
}

Report Simulation::run(std::uint64_t steps, std::size_t shown) {
    Report report;
    report.seed = seed_;
    try {
        restart(Loss::kNone);
        for (std::uint64_t i = 0; i < steps; ++i) {
            step();
            if (i % kStepsPerCheck == 0) {
                check();
            }
        }
        audit();
        serve_everybody();
        check();
        check_nothing_is_left();
    } catch (const Violation& violation) {
        report.violation = violation.what();
        report.history = history_.text(shown);
    }
    count_end();
    statistics_.runs = 1;
    statistics_.steps = steps;
    statistics_.seconds = static_cast<std::uint64_t>(now() / kSecond);
    report.hash = history_.hash();
    report.statistics = statistics_;
    return report;
}

void Simulation::step() {
    std::uint32_t dice = random_.below(weight_sum_);
    for (const Action& action : actions_) {
        if (dice < action.weight) {
            (this->*action.act)();
            return;
        }
        dice -= action.weight;
    }
}

// == The network ==

void Simulation::send() {
    if (messages_.size() >= kMaxOnTheWay) {
        return;
    }
    const std::size_t which =
        random_.below(static_cast<std::uint32_t>(clients_.size() + clients6_.size()));
    Sent sent = which < clients_.size() ? clients_[which].act(random_, now())
                                        : clients6_[which - clients_.size()].act(random_, now());
    note(What::kSent, static_cast<std::uint32_t>(sent.client), type_number(sent), unit_number(sent),
         sent.xid);
    ++statistics_.sent;
    messages_.push_back(std::move(sent));
}

// Any of those on the way: mostly the oldest. It may be lost, and it may come again.
void Simulation::deliver() {
    if (messages_.empty()) {
        return;
    }
    const auto count = static_cast<std::uint32_t>(messages_.size());
    const std::uint32_t which = chance(70) ? 0 : random_.below(count);
    Sent sent = messages_[which];
    const bool is_old = now() - sent.time > kMessageLife;
    if (is_old || !chance(copy_percent_)) {
        messages_.erase(messages_.begin() + which);
    }
    if (is_old || chance(loss_percent_)) {
        note(What::kLost, static_cast<std::uint32_t>(sent.client), type_number(sent), sent.xid);
        return;
    }
    put_in_port(std::move(sent));
}

// Whichever worker's: who gets a message says nothing about whose it is.
void Simulation::put_in_port(Sent sent) {
    const std::uint32_t worker = random_.below(server_->worker_count());
    if (in_ports_[worker].size() >= kMaxInPort ||
        !server_->port(worker).inject(sent.frame, sent.ifindex)) {
        return;
    }
    note(What::kArrived, worker, static_cast<std::uint32_t>(sent.client), type_number(sent),
         sent.xid);
    in_ports_[worker].push_back(std::move(sent));
    if (chance(60)) {
        work_on(worker);
    }
}

void Simulation::deliver_reply() {
    if (replies_.empty()) {
        return;
    }
    const auto count = static_cast<std::uint32_t>(replies_.size());
    const std::uint32_t which = chance(70) ? 0 : random_.below(count);
    const Answer answer = replies_[which];
    replies_.erase(replies_.begin() + which);
    if (chance(loss_percent_)) {
        return;
    }
    note(What::kHeard, static_cast<std::uint32_t>(answer.client), type_number(answer),
         unit_number(answer));
    const auto receive = [&](auto& clients) {
        for (auto& client : clients) {
            if (client.id() == answer.client) {
                client.receive(answer);
            }
        }
    };
    if (answer.v6) {
        receive(clients6_);
    } else {
        receive(clients_);
    }
}

// == The server ==

// Mostly one that has something to do.
void Simulation::work() {
    const std::uint32_t count = server_->worker_count();
    std::uint32_t worker = random_.below(count);
    if (chance(80)) {
        for (std::uint32_t i = 0; i < count && !server_->has_work(worker); ++i) {
            worker = (worker + 1) % count;
        }
    }
    work_on(worker);
}

void Simulation::work_on(std::uint32_t worker,
                         const std::function<std::optional<std::size_t>()>& how) {
    const std::vector<Sent> arrived = std::exchange(in_ports_[worker], {});
    const std::uint64_t bad_before = bad_drops(worker);
    abroad_->look_before(worker);
    const std::optional<std::size_t> done = how();
    std::vector<testing::Bytes> left;
    server_->drain_sent(worker,
                        [&](ByteView frame) { left.emplace_back(frame.begin(), frame.end()); });
    abroad_->look_after();
    const std::size_t expected =
        arrived.size() + abroad_->taken().size() + abroad_->returned().size();
    if (done && *done != expected) {
        throw Violation{"a worker received something else than what was sent"};
    }
    if (expected == 0 && left.empty()) {
        return;
    }
    note(What::kStep, worker, static_cast<std::uint32_t>(arrived.size()),
         static_cast<std::uint32_t>(abroad_->taken().size()),
         static_cast<std::uint32_t>(left.size()));
    // What others gave comes before the port has its turn.
    decided_.clear();
    for (Abroad::Loan* const loan : abroad_->taken()) {
        loan->heard = ledger_.hear(std::move(loan->heard.message), network_, now());
        decided_.push_back(loan->heard);
    }
    std::uint64_t excused = see_returned(left);
    for (const Sent& message : arrived) {
        if (!abroad_->was_handed_over(message)) {
            decided_.push_back(ledger_.hear(message, network_, now()));
            excused += decided_.back().is_owed ? 0 : 1;
        }
    }
    if (bad_drops(worker) - bad_before > excused) {
        throw Violation{"a client that asks for its lease is dropped"};
    }
    judge_given_back();
    for (const testing::Bytes& frame : left) {
        const auto answer = read_answer(frame);
        if (!answer) {
            throw Violation{"a reply that cannot be read"};
        }
        see_reply(*answer);
        ledger_.leave(*answer, decided_, network_, now());
    }
    check_accounts(worker);
}

// Replies that came back from other workers: they left as they were decided. Takes them out of
// `left`; returns how many may have been dropped for a reason that those must not suffer who ask
// for the lease that they have.
std::size_t Simulation::see_returned(std::vector<testing::Bytes>& left) {
    std::size_t excused = 0;
    for (const Abroad::Loan& loan : abroad_->returned()) {
        if (loan.drop) {
            excused += loan.heard.is_owed ? 0 : 1;
            continue;
        }
        const auto found = std::find(left.begin(), left.end(), loan.frame);
        if (found == left.end()) {
            continue;  // too late, and counted, or the accounts do not add up
        }
        left.erase(found);
        see_reply(loan.answer);
        // The others were judged when they were decided: they promise nothing.
        if (loan.answer.is_promise() && !loan.is_void) {
            ledger_.leave(loan.answer, {&loan.heard, 1}, network_, now());
        }
    }
    return excused;
}

// Replies that are on their way to the worker that received the message. What happens to a lease
// from now on may be overtaken by its ACK, as in the network.
void Simulation::judge_given_back() {
    for (const Abroad::Loan* const loan : abroad_->given_back()) {
        if (!loan->drop && !loan->answer.is_promise()) {
            ledger_.leave(loan->answer, {&loan->heard, 1}, network_, now());
        }
    }
    abroad_->end_if([this](const Abroad::Loan& loan) {
        // What waits for stable storage is looked at once more before it is given back, but for
        // addresses that the operator has closed.
        const bool is_coming = loan.where == Abroad::Where::kComingBack;
        const Sent& message = loan.heard.message;
        if (message.v6) {
            return is_coming && !loan.drop && std::ranges::any_of(decided_, [&](const Heard& one) {
                       return Ledger::ends_any(one.message, loan.answer);
                   });
        }
        const Ipv4 address = is_coming ? loan.answer.address : message.address;
        return (is_coming || !network_.allows(message.client, address)) &&
               std::any_of(decided_.begin(), decided_.end(), [&](const Heard& one) {
                   return Ledger::ends(one.message, message.client, message.link, address,
                                       network_);
               });
    });
}

void Simulation::see_reply(const Answer& answer) {
    note(What::kReply, static_cast<std::uint32_t>(answer.client), type_number(answer),
         unit_number(answer), answer.lease_time);
    if (answer.v6) {
        const auto leases = std::ranges::count_if(
            answer.v6->parts, [](const Answer6::Part& part) { return part.lease.has_value(); });
        statistics_.advertises += answer.is_promise() ? 0 : 1;
        statistics_.replies += answer.is_promise() && leases > 0 ? 1 : 0;
        statistics_.joint_replies += answer.is_promise() && leases > 1 ? 1 : 0;
    }
    statistics_.offers += answer.type == MessageType::kOffer ? 1 : 0;
    statistics_.acks += answer.type == MessageType::kAck ? 1 : 0;
    statistics_.naks += answer.type == MessageType::kNak ? 1 : 0;
    if (replies_.size() >= kMaxOnTheWay) {
        replies_.erase(replies_.begin());
    }
    replies_.push_back(answer);
}

// Drops that nobody may suffer who asks for the lease that he has.
std::uint64_t Simulation::bad_drops(std::uint32_t worker) {
    const auto& dropped = server_->worker(worker).counters().dropped;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < dropped.size(); ++i) {
        const auto reason = engine::DropReason::from_index(i);
        const bool is_excused =
            reason == engine::Shed::kJournalBacklog || reason == engine::Shed::kStale ||
            reason == engine::Shed::kNoTxFrame || reason == engine::Shed::kHandOverFull ||
            reason == engine::Shed::kNotStored;
        sum += is_excused ? 0 : dropped[i].value();
    }
    return sum;
}

// What a worker has received and neither answered nor explained waits in a frame of its port: here
// for stable storage, or at another worker.
void Simulation::check_accounts(std::uint32_t worker) {
    const MemoryPort& port = server_->port(worker);
    const std::size_t abroad = abroad_->count_of(worker);
    const std::size_t parked = port.parked() - abroad_->waiting_of(worker);
    if (server_->worker(worker).counters().in_flight() != parked + abroad) {
        throw Violation{"received is not answered + explained + waiting"};
    }
    if (port.tx_frames_out() != parked + abroad) {
        throw Violation{"a frame is out for nothing"};
    }
}

// Sent is answered + explained.
void Simulation::check_nothing_is_left() {
    for (std::uint32_t i = 0; i < server_->worker_count(); ++i) {
        check_accounts(i);
        if (server_->worker(i).counters().in_flight() != 0) {
            throw Violation{"worker " + std::to_string(i) +
                            ": what was received is neither answered nor explained"};
        }
    }
}

void Simulation::turn() {
    if (is_stalled_) {
        return;
    }
    server_->turn();
    note(What::kTurn, static_cast<std::uint32_t>(machine_.files.calls()));
    if (machine_.files.crashed()) {
        cut_power();
    }
}

void Simulation::merge() {
    if (is_stalled_) {
        return;
    }
    server_->merge();
    note(What::kMerge, static_cast<std::uint32_t>(machine_.files.calls()));
    if (machine_.files.crashed()) {
        cut_power();
    }
}

void Simulation::check() {
    if (const std::string wrong = server_->check(); !wrong.empty()) {
        throw Violation{wrong};
    }
}

// == Time ==

void Simulation::pass(Nanoseconds time) {
    machine_.pass(time);
    note(What::kPassed, static_cast<std::uint32_t>(time / (kSecond / 1000)));
}

void Simulation::pass_little() {
    pass(Nanoseconds{random_.below(2'000'000)} * 1000);
}

void Simulation::pass_some() {
    pass(Nanoseconds{random_.below(90'000)} * (kSecond / 1000));
}

void Simulation::pass_long() {
    pass(Nanoseconds{random_.below(3'000)} * kSecond);
}

// While the server runs it sees any step of more than a minute.
void Simulation::step_wall_clock() {
    const std::int64_t size = std::int64_t{61} + random_.below(200'000);
    const std::int64_t seconds = chance(50) ? size : -size;
    machine_.step_wall_clock(seconds);
    machine_.tick();
    note(What::kWallStep, static_cast<std::uint32_t>(seconds));
    ++statistics_.wall_steps;
}

}  // namespace xdhcpd::sim
