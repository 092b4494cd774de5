#include "worker/worker.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <future>
#include <utility>

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

[[nodiscard]] std::uint64_t unix_clock() noexcept {
    timespec time{};
    static_cast<void>(clock_gettime(CLOCK_REALTIME, &time));  // cannot fail
    return static_cast<std::uint64_t>(std::max<std::time_t>(time.tv_sec, 0));
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
      route_changes_{clock_},
      parked_{options.ring != nullptr ? kMaxParked : 1},
      requests_{std::make_unique<engine::Request[]>(kBatchLen)},
      requests6_{std::make_unique<engine::v6::Request[]>(kBatchLen)},
      advertiser_{options.unix_clock != nullptr ? options.unix_clock : unix_clock,
                  [this](const Port& port, const Mac& destination, ByteView frame) {
                      count_advertisement(port, destination, frame);
                  }},
      wake_up_{wake_fd} {
    if (options.exchange != nullptr) {
        options.exchange->set_wake_up(id_, wake_up_);
        hand_over_.emplace(*options.exchange, id_);
    }
    if (options.ring != nullptr) {
        log_.emplace(*options.ring, options.disk_time);
        route_changes_.set_next(&*log_);
    }
    shard_->set_change_sink(&route_changes_);
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
    if (snapshot != nullptr) {
        update_advertiser(*snapshot);  // the ports that go send what takes leave
    }
    for (Port* const port : ports_) {
        if (std::find(ports.begin(), ports.end(), port) != ports.end()) {
            continue;
        }
        for (int round = 0; snapshot != nullptr && round < kLastRounds; ++round) {
            if (serve(*port, *snapshot) == 0) {
                break;
            }
        }
        advertiser_.forget(*port);
        gone.push_back(port);
    }
    ports_ = std::move(ports);
    advertised_.reset();
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
    advertiser_.send_final();
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

std::size_t Worker::step() {
    send_stored();
    std::size_t done = 0;
    if (const model::Snapshot* const snapshot = snapshots_.acquire(announcement_)) {
        if (advertised_ != snapshot->generation) [[unlikely]] {
            update_advertiser(*snapshot);
        }
        if (hand_over_) [[unlikely]] {
            done += exchange(*snapshot);
        }
        for (Port* const port : ports_) {
            if (port->role() != PortRole::kRoute) {  // nothing arrives there, see flush()
                done += serve(*port, *snapshot);
            }
        }
    }
    const BootTime now = clock_();
    pass_time(now);
    if (advertiser_.due_at() <= now) {
        advertiser_.send_due(now);
    }
    mailbox_.run();
    route_changes_.publish();
    if (log_) {
        log_->kick();
    }
    return done;
}

void Worker::pass_time(BootTime now) {
    const BootSeconds second = to_boot_seconds(now);
    if (second == last_tick_ && !behind_) {
        return;
    }
    const std::size_t ended =
        shard_->expire(second, kExpireBudget, [this](lease::Unit unit, lease::LeaseState before) {
            counters_.expired.add();
            if (before == lease::LeaseState::kLeased) {
                route_changes_.note_end(*shard_, unit);
            }
        });
    last_tick_ = second;
    behind_ = ended == kExpireBudget;  // then go on in the next round, without sleeping
}

// Advertisements are not late by the whole of kPollTimeoutMs.
int Worker::poll_timeout() const noexcept {
    if (advertiser_.due_at() == BootTime::max()) {
        return kPollTimeoutMs;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(advertiser_.due_at() - clock_());
    return static_cast<int>(
        std::clamp<std::chrono::milliseconds::rep>(left.count(), 0, kPollTimeoutMs));
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
        static_cast<void>(poll(poll_set_.data(), poll_set_.size(), poll_timeout()));
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
