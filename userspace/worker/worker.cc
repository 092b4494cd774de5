#include "worker/worker.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <future>
#include <span>
#include <utility>

#include "base/assert.h"
#include "engine/decide.h"
#include "engine/shard_choice.h"
#include "engine/shedding.h"

namespace xdhcpd::worker {
namespace {

// A sleeping worker wakes at least this often, to let time pass and to announce a new snapshot.
constexpr int kPollTimeoutMs = 100;
// Units that may end in one round: a network of leases that all end at once must not stop the
// packets.
constexpr std::size_t kExpireBudget = 256;
constexpr std::chrono::milliseconds kDrainTime{500};
// Batches that are still taken from a port that goes: more than any receive ring holds.
constexpr int kLastRounds = 1024;
// Replies that wait for stable storage, over all ports; what all ports of a busy machine may park.
constexpr std::size_t kMaxParked = 1u << 14;

[[nodiscard]] BootTime boot_clock() noexcept {
    timespec time{};
    static_cast<void>(clock_gettime(CLOCK_BOOTTIME, &time));  // cannot fail on Linux >= 2.6.39
    return BootTime{std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec}};
}

// chaddr of an Ethernet client, else the frame's source; zero if neither could be read.
[[nodiscard]] Mac client_of(const engine::Request& request) noexcept {
    const dhcp4::MessageView& message = request.message();
    if (!message.payload().empty() && message.hlen() == Mac::kLen) {
        return Mac::load(message.chaddr().data());
    }
    return request.has_frame() ? request.frame().source_mac : Mac{};
}

}  // namespace

Result<std::unique_ptr<Worker>, Error> Worker::make(const WorkerOptions& options,
                                                    std::unique_ptr<lease::Shard> shard,
                                                    std::vector<Port*> ports,
                                                    const SnapshotSlot& snapshots) {
    const int wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake_fd < 0) {
        return Unexpected{system_error(errno, "eventfd for worker")};
    }
    return std::unique_ptr<Worker>{
        new Worker{options, std::move(shard), std::move(ports), snapshots, wake_fd}};
}

Worker::Worker(const WorkerOptions& options, std::unique_ptr<lease::Shard> shard,
               std::vector<Port*> ports, const SnapshotSlot& snapshots, int wake_fd)
    : id_{options.id},
      clock_{options.clock != nullptr ? options.clock : boot_clock},
      shard_{std::move(shard)},
      snapshots_{snapshots},
      drop_log_{options.drop_log_len},
      parked_{options.ring != nullptr ? kMaxParked : 1},
      requests_{std::make_unique<engine::Request[]>(kBatchLen)},
      wake_up_{wake_fd} {
    if (options.exchange != nullptr) {
        options.exchange->set_wake_up(id_, wake_up_);
        hand_over_.emplace(*options.exchange, id_);
    }
    if (options.ring != nullptr) {
        log_.emplace(*options.ring, options.disk_time);
        shard_->set_change_sink(&*log_);
    }
    replace_ports(std::move(ports));
}

Worker::~Worker() {
    shard_->set_change_sink(nullptr);
}

void Worker::replace_ports(std::vector<Port*> ports) {
    forget_ports(change_ports(std::move(ports)));
}

std::vector<Port*> Worker::change_ports(std::vector<Port*> ports) {
    std::vector<Port*> gone;
    const model::Snapshot* const snapshot = snapshots_.acquire(announcement_);
    for (Port* const port : ports_) {
        if (std::find(ports.begin(), ports.end(), port) != ports.end()) {
            continue;
        }
        for (int round = 0; snapshot != nullptr && round < kLastRounds; ++round) {
            if (serve(*port, *snapshot) == 0) {
                break;
            }
        }
        gone.push_back(port);
    }
    ports_ = std::move(ports);
    poll_set_.clear();
    for (const Port* const port : ports_) {
        if (port->fd() >= 0) {
            poll_set_.push_back({port->fd(), POLLIN, 0});
        }
    }
    poll_set_.push_back({wake_up_.fd(), POLLIN, 0});
    return gone;
}

void Worker::forget_ports(const std::vector<Port*>& gone) {
    if (hand_over_) {
        static_cast<void>(collect());
    }
    for (Port* const port : gone) {
        parked_.forget(*port,
                       [this](const ParkedReply& reply) { lose(reply, engine::Shed::kPortGone); });
        if (hand_over_) {
            XD_ASSERT(!hand_over_->has_loan_of(*port));
            flush(*port);  // what came back last
        }
    }
    if (hand_over_) {
        hand_over_->publish();
    }
    port_ledger_.set_ports(ports_);
}

BootTime Worker::now() const noexcept {
    return clock_();
}

void Worker::run() {
    while (!stop_requested_.load(std::memory_order_acquire)) {
        if (step() == 0 && !behind_) {
            sleep([this] { return !stop_requested_.load(); });
        }
    }
    // What has arrived is still answered, but a flood does not keep the server from ending. Who has
    // nothing more to expect goes on for the others until none of them has.
    const BootTime deadline = clock_() + kDrainTime;
    const auto must_go_on = [this] {
        return hand_over_ ? !hand_over_->exchange().are_all_done() : expects_something();
    };
    bool has_said_done = false;
    do {
        if (step() != 0) {
            continue;
        }
        if (hand_over_ && !has_said_done && !expects_something()) {
            has_said_done = true;
            hand_over_->exchange().say_done();
        }
        if (!must_go_on()) {
            break;
        }
        sleep(must_go_on);
    } while (clock_() < deadline);
    if (!hand_over_) {  // with others, settle() is the end
        lose_all_parked();
    }
}

void Worker::settle() {
    if (!hand_over_) {
        return;
    }
    hand_over_->visit_peers([this](std::uint32_t peer) { serve_all_of(peer); });
    send_stored();
    lose_all_parked();
    hand_over_->publish();
}

void Worker::collect_last() {
    if (!hand_over_) {
        return;
    }
    static_cast<void>(collect());
    for (Port* const port : ports_) {
        flush(*port);
    }
}

void Worker::lose_all_parked() {
    parked_.forget_all([this](const ParkedReply& reply) { lose(reply, engine::Shed::kNotStored); });
}

std::size_t Worker::step() {
    send_stored();
    std::size_t done = 0;
    if (const model::Snapshot* const snapshot = snapshots_.acquire(announcement_)) {
        if (hand_over_) [[unlikely]] {
            done += exchange(*snapshot);
        }
        for (Port* const port : ports_) {
            if (port->role() != PortRole::kRoute) {  // nothing arrives there, see flush()
                done += serve(*port, *snapshot);
            }
        }
    }
    pass_time(clock_());
    mailbox_.run();
    if (log_) {
        log_->kick();
    }
    return done;
}

// Before the ports have their turn, so that what came back leaves with their flush.
std::size_t Worker::exchange(const model::Snapshot& snapshot) {
    std::size_t done = collect();
    hand_over_->visit_peers([&](std::uint32_t peer) { done += serve_peer(peer, snapshot); });
    return done;
}

std::size_t Worker::collect() {
    const BootTime now = clock_();
    return hand_over_->collect(
        [&](Loans::Loan loan, const HandedReply& reply) { finish(std::move(loan), reply, now); });
}

// A message that was handed over is answered, or known not to be.
void Worker::finish(Loans::Loan loan, const HandedReply& reply, BootTime now) {
    if (const auto drop = reply.drop()) {
        counters_.dropped[drop->index()].add();
        return;
    }
    if (reply.late_from <= to_boot_seconds(now)) [[unlikely]] {
        lose_late(loan, reply, now);
        return;
    }
    TxInfo info;
    info.frame_len = reply.frame_len;
    info.ifindex = loan.ifindex;
    info.unconfigured_destination = reply.unconfigured_destination;
    const ByteView bytes = loan.frame.bytes().first(reply.frame_len);
    if (loan.routed && reply.routable && bytes.size() <= loan.routed.bytes().size()) {
        copy_bytes(loan.routed.bytes().data(), bytes);
        loan.port->route()->submit(std::move(loan.routed), info);
    } else {
        loan.port->submit(std::move(loan.frame), info);
    }
    count_answer(reply.type);
    counters_.latency.record(now - loan.received);
}

// As is_still_true() for what waited for stable storage: this worker stood still meanwhile, with
// the machine asleep, maybe.
void Worker::lose_late(const Loans::Loan& loan, const HandedReply& reply, BootTime now) noexcept {
    counters_.dropped[engine::DropReason{engine::Shed::kStale}.index()].add();
    Drop drop;
    drop.time = now;
    drop.reason = engine::Shed::kStale;
    drop.ifindex = loan.ifindex;
    drop.queue = loan.port->queue();
    const auto frame = FrameView::parse(loan.frame.bytes().first(reply.frame_len));
    dhcp4::MessageView message;
    if (frame && message.parse(frame->payload) && message.hlen() == Mac::kLen) {
        drop.client = Mac::load(message.chaddr().data());
    }
    drop.type = dhcp4::MessageType::kRequest;
    drop_log_.add(drop);
}

std::size_t Worker::serve_peer(std::uint32_t peer, const model::Snapshot& snapshot) {
    SpscRing<HandedMessage>& messages = hand_over_->messages_of(peer);
    const std::size_t count = std::min(messages.waiting(), kBatchLen);
    if (count == 0) {
        return 0;
    }
    const BootTime now = clock_();
    counters_.batches.add();
    counters_.taken_over.add(count);
    std::array<bool, kBatchLen> wanted{};
    for (std::size_t i = 0; i < count; ++i) {
        if (i + 2 < count) {
            engine::prefetch_frame(messages.at(i + 2).frame());
        }
        const HandedMessage& message = messages.at(i);
        // Anew, with the snapshot of this worker: whatever the request refers to is its own.
        const auto parsed = requests_[i].parse(message.frame(), message.ifindex, snapshot);
        if (!parsed) {
            refuse_peer(peer, message, requests_[i], parsed.error());
        } else if (shard_of(requests_[i]) != id_) {
            refuse_peer(peer, message, requests_[i], engine::Shed::kHandOverMoved);
        } else {
            wanted[i] = true;
            shard_->prefetch(requests_[i].tenant());
        }
    }
    for (std::size_t i = 0; i < count; ++i) {
        if (wanted[i]) {
            shard_->prefetch_record(requests_[i].tenant());
        }
    }
    for (std::size_t i = 0; i < count; ++i) {
        if (wanted[i]) {
            answer_peer(peer, messages.at(i), requests_[i], now);
        }
    }
    for (std::size_t i = 0; i < count; ++i) {
        if (messages.at(i).long_bytes != nullptr) [[unlikely]] {
            messages.at(i).long_bytes.reset();
        }
    }
    messages.release(count);
    if (log_) {
        log_->kick();
        send_stored();
    }
    hand_over_->publish();
    return count;
}

// Until the ring is empty, but no more than it can hold.
void Worker::serve_all_of(std::uint32_t peer) {
    const model::Snapshot* const snapshot = snapshots_.acquire(announcement_);
    std::size_t left = hand_over_->messages_of(peer).capacity();
    while (snapshot != nullptr && left != 0) {
        const std::size_t count = serve_peer(peer, *snapshot);
        if (count == 0) {
            break;
        }
        left -= std::min(left, count);
    }
}

void Worker::give_back_all(std::uint32_t from, const std::vector<Port*>& gone) {
    serve_all_of(from);
    for (const Port* const port : gone) {
        parked_.forget(*port,
                       [this](const ParkedReply& reply) { lose(reply, engine::Shed::kPortGone); });
    }
    hand_over_->publish();
}

void Worker::refuse_peer(std::uint32_t peer, const HandedMessage& message,
                         const engine::Request& request, engine::DropReason reason) {
    tell(*message.port, request, reason, message.received);
    HandedReply reply;
    reply.loan = message.loan;
    reply.reason = static_cast<std::uint16_t>(reason.index());
    hand_over_->give_back(peer, reply);
}

// As answer(), but the reply goes back to the worker whose port received the message.
void Worker::answer_peer(std::uint32_t peer, const HandedMessage& message,
                         const engine::Request& request, BootTime now) {
    engine::Journal journal = engine::Journal::kOff;
    if (log_) {
        journal =
            message.may_wait && parked_.has_room() ? log_->state() : engine::Journal::kBacklog;
    }
    const engine::Decision decision =
        engine::decide(request, *shard_, reply_cache_, now, journal, message.out);
    if (decision.drop) {
        refuse_peer(peer, message, request, *decision.drop);
        return;
    }
    if (!taps_.empty()) {
        taps_.record_answer(*message.port, request, message.out.first(decision.frame_len),
                            message.received);
    }
    HandedReply reply;
    reply.loan = message.loan;
    reply.frame_len = decision.frame_len;
    reply.type = decision.reply_type;
    reply.routable = decision.routable;
    reply.unconfigured_destination = decision.unconfigured_destination;
    if (decision.promised) {
        reply.late_from =
            add_seconds(shard_->record(*decision.promised).started, engine::kLeaseSlack);
    }
    if (!log_ || !decision.promised || !must_wait(decision)) {
        hand_over_->give_back(peer, reply);
        return;
    }
    if (!message.may_wait || !parked_.has_room()) {
        refuse_peer(peer, message, request, engine::Shed::kJournalBacklog);
        return;
    }
    ParkedReply parked = make_parked(request, decision, message.received);
    parked.lender = peer;
    parked.handed = reply;
    parked.origin = message.port;
    parked.info.ifindex = message.ifindex;
    parked_.park(std::move(parked));
}

std::size_t Worker::serve(Port& port, const model::Snapshot& snapshot) {
    std::array<RxFrame, kBatchLen> frames;
    const std::size_t count = port.receive(frames);
    if (count == 0) {
        flush(port);  // completions, and what an earlier flush could not send
        return 0;
    }
    const BootTime now = clock_();
    // The first of a batch has waited longest.
    const engine::Load load = engine::load_of(port.fill_permille(), frames[0].waited);
    counters_.batches.add();
    counters_.received.add(count);

    // Two passes, so that the memory latencies of the batch overlap.
    std::array<bool, kBatchLen> wanted{};
    for (std::size_t i = 0; i < count; ++i) {
        if (i + 2 < count) {
            engine::prefetch_frame(frames[i + 2].bytes);
        }
        const auto parsed = requests_[i].parse(frames[i].bytes, frames[i].ifindex, snapshot);
        count_arrival(requests_[i]);
        if (!parsed) {
            explain(port, requests_[i], parsed.error(), now);
        } else if (const auto limit = rate_limiter_.take(requests_[i], port.filters_rate(), now)) {
            explain(port, requests_[i], *limit, now);
        } else if (const auto shed = engine::shed(requests_[i].message(), frames[i].waited, load)) {
            explain(port, requests_[i], *shed, now);
        } else if (is_mine(port, requests_[i], now)) {
            wanted[i] = true;
            shard_->prefetch(requests_[i].tenant());
        }
    }
    if (hand_over_) [[unlikely]] {
        hand_over_->publish();  // the others begin at once
    }
    for (std::size_t i = 0; i < count; ++i) {
        if (wanted[i]) {
            shard_->prefetch_record(requests_[i].tenant());
        }
    }
    std::size_t answered = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (wanted[i]) {
            answer(port, requests_[i], now, answered);
        }
    }
    if (log_) {
        log_->kick();  // the disk works while the frames leave
        send_stored();
    }
    flush(port);
    port.release(std::span{frames}.first(count));
    if (answered != 0) {
        counters_.latency.record(clock_() - now, answered);
    }
    return count;
}

inline bool Worker::is_mine(Port& port, const engine::Request& request, BootTime now) {
    return !hand_over_ || is_mine_of_many(port, request, now);
}

bool Worker::is_mine_of_many(Port& port, const engine::Request& request, BootTime now) {
    const std::uint32_t owner = shard_of(request);
    if (owner == id_) {
        return true;
    }
    const auto refused = hand_over_->give(owner, port,
                                          {.frame = request.bytes(),
                                           .ifindex = request.ifindex(),
                                           .may_be_routed = request.may_be_routed(),
                                           .received = now});
    if (refused) {
        explain(port, request, *refused, now);
    } else {
        counters_.handed_over.add();
    }
    return false;
}

std::uint32_t Worker::shard_of(const engine::Request& request) const noexcept {
    return engine::shard_of(request.tenant().identity, request.snapshot().hash_key,
                            hand_over_->worker_count());
}

// Together with its route, so that a routed reply leaves with the batch that made it and waits for
// no other port's.
void Worker::flush(Port& port) {
    port.flush();
    port.take_unsent([&](const UnsentFrame& unsent) { take_answer_back(port, unsent); });
    if (Port* const route = port.route(); route != nullptr) {
        route->flush();
        route->take_unsent([&](const UnsentFrame& unsent) { take_answer_back(*route, unsent); });
    }
}

// Counted when it is given to its port, so that who has the reply finds it counted.
void Worker::count_answer(dhcp4::MessageType type) noexcept {
    counters_.answered.add();
    counters_.sent_by_type[static_cast<std::size_t>(type)].add();
}

// The kernel did not send it.
void Worker::take_answer_back(const Port& port, const UnsentFrame& unsent) noexcept {
    Drop drop;
    drop.time = clock_();
    drop.reason = engine::Shed::kNotSent;
    drop.ifindex = unsent.info.ifindex;
    drop.queue = port.queue();
    const auto frame = FrameView::parse(unsent.frame.bytes().first(unsent.info.frame_len));
    dhcp4::MessageView reply;
    XD_ASSERT(frame && reply.parse(frame->payload));  // we have written it
    if (reply.hlen() == Mac::kLen) {
        drop.client = Mac::load(reply.chaddr().data());
    }
    drop.giaddr = reply.giaddr();
    drop.address = reply.yiaddr();
    drop.type = reply.type();
    drop_log_.add(drop);
    Counter& sent = counters_.sent_by_type[static_cast<std::size_t>(reply.type())];
    sent.set(sent.value() - 1);
    counters_.answered.set(counters_.answered.value() - 1);
    counters_.dropped[drop.reason.index()].add();
}

// Counts what could be read, whether it will be answered or not.
void Worker::count_arrival(const engine::Request& request) noexcept {
    if (request.has_frame()) {
        counters_.checksums[request.frame().checksum].add();
    }
    if (!request.message().payload().empty()) {
        counters_.received_by_type[static_cast<std::size_t>(request.message().type())].add();
    }
}

void Worker::answer(Port& port, engine::Request& request, BootTime now, std::size_t& answered) {
    // Frames come first: a decision changes leases, and then its reply must be able to leave.
    std::optional<TxFrame> frame = port.lend();
    Port* const route = request.may_be_routed() ? port.route() : nullptr;
    std::optional<TxFrame> routed = route != nullptr ? route->lend() : std::nullopt;
    if (!frame || (route != nullptr && !routed)) {
        explain(port, request, engine::Shed::kNoTxFrame, now);
        return;
    }
    const engine::Decision decision =
        engine::decide(request, *shard_, reply_cache_, now, journal_for(port), frame->bytes());
    if (decision.drop) {
        explain(port, request, *decision.drop, now);
        return;
    }
    const ByteView reply = frame->bytes().first(decision.frame_len);
    if (!taps_.empty()) {
        taps_.record_answer(port, request, reply, now);
    }
    TxInfo info;
    info.frame_len = decision.frame_len;
    info.ifindex = request.ifindex();
    info.unconfigured_destination = decision.unconfigured_destination;
    Port* sender = &port;
    if (routed && decision.routable && reply.size() <= routed->bytes().size()) {
        copy_bytes(routed->bytes().data(), reply);
        frame = std::move(routed);
        sender = route;
    }
    if (log_ && decision.promised && must_wait(decision)) {
        // Room was looked for when a record may have been needed; a renewal that needs none waits
        // only if there is some.
        if (!parked_.has_room(*sender)) {
            explain(port, request, engine::Shed::kJournalBacklog, now);
            return;
        }
        park(*sender, std::move(*frame), info, request, decision, now);
        return;
    }
    sender->submit(std::move(*frame), info);
    count_answer(decision.reply_type);
    ++answered;
}

// A reply that may be routed waits on either port.
engine::Journal Worker::journal_for(const Port& port) noexcept {
    if (!log_) {
        return engine::Journal::kOff;
    }
    const bool has_room =
        parked_.has_room(port) && (port.route() == nullptr || parked_.has_room(*port.route()));
    return has_room ? log_->state() : engine::Journal::kBacklog;
}

// Writes the record that the decision asks for. A reply without one waits as well while the last
// record of its unit does.
bool Worker::must_wait(const engine::Decision& decision) noexcept {
    const lease::Unit unit = *decision.promised;
    if (decision.must_write) {
        if (log_->write(*shard_, unit) <= log_->durable()) {
            return false;
        }
        const std::uint8_t flags = shard_->record(unit).flags;
        shard_->set_flags(unit, static_cast<std::uint8_t>(flags | engine::kFlagUnstored));
        return true;
    }
    return (shard_->record(unit).flags & engine::kFlagUnstored) != 0;
}

void Worker::park(Port& port, TxFrame frame, const TxInfo& info, const engine::Request& request,
                  const engine::Decision& decision, BootTime now) {
    ParkedReply reply = make_parked(request, decision, now);
    reply.port = &port;
    reply.frame = std::move(frame);
    reply.info = info;
    reply.origin = &port;
    parked_.park(std::move(reply));
}

// Without the frame that it waits in.
ParkedReply Worker::make_parked(const engine::Request& request, const engine::Decision& decision,
                                BootTime received) const noexcept {
    ParkedReply reply;
    reply.sequence = log_->last();
    reply.unit = *decision.promised;
    reply.version = shard_->record(reply.unit).version;
    reply.received = received;
    reply.client = client_of(request);
    reply.type = decision.reply_type;
    return reply;
}

// Sends what has become durable meanwhile. The frames leave with the next flush of their ports.
void Worker::send_stored() {
    if (parked_.empty()) {
        return;
    }
    const std::uint64_t durable = log_->durable();
    const BootTime now = clock_();
    while (!parked_.empty() && parked_.front().sequence <= durable) {
        send_stored(parked_.take_front(), now);
    }
    if (hand_over_) {
        hand_over_->publish();
    }
}

void Worker::send_stored(ParkedReply reply, BootTime now) {
    const bool is_current = is_still_true(reply, now);
    if (reply.is_lost()) {
        return;  // meanwhile, and counted
    }
    if (!is_current) {
        lose(reply, engine::Shed::kStale);
        return;
    }
    if (reply.port == nullptr) {
        hand_over_->give_back(reply.lender, reply.handed);
        return;
    }
    reply.port->submit(std::move(reply.frame), reply.info);
    count_answer(reply.type);
    counters_.latency.record(now - reply.received);
}

// A reply promises a lease from the moment that it arrives, so it must not be late by more than the
// lease is kept beyond its time, of which the clock may have passed a part of a second when that
// began; and what its client did meanwhile (another request, a release) was
// answered by itself.
bool Worker::is_still_true(const ParkedReply& reply, BootTime now) noexcept {
    if (!shard_->holds(reply.unit)) {
        return false;
    }
    const lease::Record& record = shard_->record(reply.unit);
    if (record.version != reply.version) {
        return false;
    }
    shard_->set_flags(reply.unit, static_cast<std::uint8_t>(record.flags & ~engine::kFlagUnstored));
    return to_boot_seconds(now).value - record.started.value < engine::kLeaseSlack;
}

void Worker::lose(const ParkedReply& reply, engine::DropReason reason) noexcept {
    if (reply.lender == ParkedReply::kNobody) {
        counters_.dropped[reason.index()].add();
    } else {
        HandedReply handed = reply.handed;
        handed.reason = static_cast<std::uint16_t>(reason.index());
        hand_over_->give_back(reply.lender, handed);
    }
    Drop drop;
    drop.time = clock_();
    drop.reason = reason;
    drop.ifindex = reply.info.ifindex;
    drop.queue = reply.origin->queue();
    drop.client = reply.client;
    drop.type = dhcp4::MessageType::kRequest;
    drop_log_.add(drop);
}

void Worker::explain(const Port& port, const engine::Request& request, engine::DropReason reason,
                     BootTime now) noexcept {
    counters_.dropped[reason.index()].add();
    tell(port, request, reason, now);
}

void Worker::tell(const Port& port, const engine::Request& request, engine::DropReason reason,
                  BootTime now) noexcept {
    if (!taps_.empty()) {
        taps_.record_drop(port, request, reason, now);
    }
    if (reason == engine::Refusal::kReleased || reason == engine::Refusal::kDeclined) {
        return;  // as it should be
    }
    Drop drop;
    drop.time = now;
    drop.reason = reason;
    drop.ifindex = request.ifindex();
    drop.queue = port.queue();
    drop.client = client_of(request);
    if (request.has_frame()) {
        drop.tags = request.frame().tags;
    }
    const dhcp4::MessageView& message = request.message();
    if (!message.payload().empty()) {
        drop.giaddr = message.giaddr();
        drop.address = message.requested_address().value_or(message.ciaddr());
        drop.type = message.type();
    }
    drop_log_.add(drop);
}

void Worker::pass_time(BootTime now) {
    const BootSeconds second = to_boot_seconds(now);
    if (second == last_tick_ && !behind_) {
        return;
    }
    const std::size_t ended = shard_->expire(
        second, kExpireBudget, [this](lease::Unit, lease::LeaseState) { counters_.expired.add(); });
    last_tick_ = second;
    behind_ = ended == kExpireBudget;  // then go on in the next round, without sleeping
}

// Publishes that it sleeps, looks once more, then polls: whoever posts after the look sees the
// flag. `may_wait`: answers whether nothing has ended that this would wait for.
template <typename MayWait>
void Worker::sleep(const MayWait& may_wait) {
    wake_up_.announce();
    const bool is_stored = !parked_.empty() && parked_.front().sequence <= log_->durable();
    if (!mailbox_.has_mail() && !is_stored && may_wait() &&
        !(hand_over_ && hand_over_->has_waiting())) {
        counters_.polls.add();
        static_cast<void>(poll(poll_set_.data(), poll_set_.size(), kPollTimeoutMs));
    }
    wake_up_.withdraw();
}

void Worker::wake() noexcept {
    wake_up_.wake();
}

void Worker::stop() noexcept {
    stop_requested_.store(true);
    wake();
}

void Worker::call(const std::function<void()>& work) {
    std::promise<void> done;
    mailbox_.post([&] {
        work();
        done.set_value();
    });
    wake();
    done.get_future().wait();
}

}  // namespace xdhcpd::worker
