#include "worker/worker.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <future>
#include <span>
#include <utility>

#include "engine/decide.h"
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
      wake_fd_{wake_fd} {
    if (options.ring != nullptr) {
        log_.emplace(*options.ring, options.disk_time);
        shard_->set_change_sink(&*log_);
    }
    replace_ports(std::move(ports));
}

Worker::~Worker() {
    shard_->set_change_sink(nullptr);
    close(wake_fd_);
}

void Worker::replace_ports(std::vector<Port*> ports) {
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
        parked_.forget(*port,
                       [this](const ParkedReply& reply) { lose(reply, engine::Shed::kPortGone); });
    }
    port_ledger_.set_ports(ports);
    ports_ = std::move(ports);
    poll_set_.clear();
    for (const Port* const port : ports_) {
        if (port->fd() >= 0) {
            poll_set_.push_back({port->fd(), POLLIN, 0});
        }
    }
    poll_set_.push_back({wake_fd_, POLLIN, 0});
}

BootTime Worker::now() const noexcept {
    return clock_();
}

void Worker::run() {
    while (!stop_requested_.load(std::memory_order_acquire)) {
        if (step() == 0 && !behind_) {
            sleep();
        }
    }
    // What has arrived is still answered, but a flood does not keep the server from ending.
    const BootTime deadline = clock_() + kDrainTime;
    while (step() != 0 && clock_() < deadline) {
    }
    while (!parked_.empty() && clock_() < deadline) {
        sleep();
        step();
    }
    for (Port* const port : ports_) {
        parked_.forget(*port,
                       [this](const ParkedReply& reply) { lose(reply, engine::Shed::kNotStored); });
    }
}

std::size_t Worker::step() {
    send_stored();
    std::size_t received = 0;
    if (const model::Snapshot* const snapshot = snapshots_.acquire(announcement_)) {
        for (Port* const port : ports_) {
            if (port->role() != PortRole::kRoute) {  // nothing arrives there, see flush()
                received += serve(*port, *snapshot);
            }
        }
    }
    pass_time(clock_());
    mailbox_.run();
    if (log_) {
        log_->kick();
    }
    return received;
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

// Together with its route, so that a routed reply leaves with the batch that made it and waits for
// no other port's.
void Worker::flush(Port& port) {
    port.flush();
    if (port.route() != nullptr) {
        port.route()->flush();
    }
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
    counters_.answered.add();
    counters_.sent_by_type[static_cast<std::size_t>(decision.reply_type)].add();
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
    ParkedReply reply;
    reply.sequence = log_->last();
    reply.port = &port;
    reply.frame = std::move(frame);
    reply.info = info;
    reply.unit = *decision.promised;
    reply.version = shard_->record(reply.unit).version;
    reply.received = now;
    reply.client = client_of(request);
    reply.type = decision.reply_type;
    parked_.park(std::move(reply));
}

// Sends what has become durable meanwhile. The frames leave with the next flush of their ports.
void Worker::send_stored() {
    if (parked_.empty()) {
        return;
    }
    const std::uint64_t durable = log_->durable();
    const BootTime now = clock_();
    while (!parked_.empty() && parked_.front().sequence <= durable) {
        ParkedReply reply = parked_.take_front();
        const bool is_current = is_still_true(reply, now);
        if (reply.port == nullptr) {
            continue;  // lost meanwhile, and counted
        }
        if (!is_current) {
            lose(reply, engine::Shed::kStale);
            continue;
        }
        reply.port->submit(std::move(reply.frame), reply.info);
        counters_.answered.add();
        counters_.sent_by_type[static_cast<std::size_t>(reply.type)].add();
        counters_.latency.record(now - reply.received);
    }
}

// A reply promises a lease from the moment that it arrives, so it must not be late by more than the
// lease is kept beyond its time; and what its client did meanwhile (another request, a release) was
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
    return to_boot_seconds(now).value - record.started.value <= engine::kLeaseSlack;
}

void Worker::lose(const ParkedReply& reply, engine::DropReason reason) noexcept {
    counters_.dropped[reason.index()].add();
    Drop drop;
    drop.time = clock_();
    drop.reason = reason;
    drop.ifindex = reply.info.ifindex;
    drop.queue = reply.port->queue();
    drop.client = reply.client;
    drop.type = dhcp4::MessageType::kRequest;
    drop_log_.add(drop);
}

void Worker::explain(const Port& port, const engine::Request& request, engine::DropReason reason,
                     BootTime now) noexcept {
    counters_.dropped[reason.index()].add();
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
// flag.
void Worker::sleep() {
    sleeping_.store(true);
    const bool waits = !parked_.empty();
    const bool is_stored = waits && parked_.front().sequence <= log_->durable();
    if (!mailbox_.has_mail() && !is_stored && (waits || !stop_requested_.load())) {
        counters_.polls.add();
        static_cast<void>(poll(poll_set_.data(), poll_set_.size(), kPollTimeoutMs));
    }
    sleeping_.store(false, std::memory_order_relaxed);
    std::uint64_t ignored = 0;
    static_cast<void>(!read(wake_fd_, &ignored, sizeof ignored));
}

void Worker::wake() noexcept {
    if (sleeping_.load()) {
        const std::uint64_t one = 1;
        static_cast<void>(!write(wake_fd_, &one, sizeof one));
    }
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
