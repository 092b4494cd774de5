// Worker: a set of ports and one shard, served by one thread without locks. Receives in batches,
// decides, submits, and between batches lets time pass for the shard and does what its mailbox
// asks. With others beside it (an exchange), it hands over what belongs to their shards, and
// decides what they hand over (hand_over.h).
//
// Thread rules: run() and step() belong to one thread, and with them the ports and the shard.
// Everything under "any thread" may be called by others meanwhile.
#pragma once

#include <poll.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/mailbox.h"
#include "base/result.h"
#include "base/time.h"
#include "engine/rate_limiter.h"
#include "engine/reply_cache.h"
#include "engine/request.h"
#include "engine/shedding.h"
#include "engine/v6/decide.h"
#include "engine/v6/request.h"
#include "lease/shard.h"
#include "packet/port.h"
#include "worker/advertiser.h"
#include "worker/counters.h"
#include "worker/drop_log.h"
#include "worker/hand_over.h"
#include "worker/lease_log.h"
#include "worker/parked_replies.h"
#include "worker/port_ledger.h"
#include "worker/route_changes.h"
#include "worker/snapshot_slot.h"
#include "worker/tap.h"
#include "worker/wake_up.h"

namespace xdhcpd::worker {

struct WorkerOptions {
    std::uint32_t id = 0;  // also of its shard
    Exchange* exchange =
        nullptr;  // with the other workers, which outlives all; null: there are none
    std::size_t drop_log_len = 4096;
    // This worker's ring of the journal, which outlives the worker; null: leases are kept in memory
    // only.
    journal::Ring* ring = nullptr;
    DiskTime disk_time;
    // Gives the time; tests put in their own.
    BootTime (*clock)() noexcept = nullptr;  // null: CLOCK_BOOTTIME
    // Gives seconds since 1970, for what Router Advertisements say of the calendar.
    std::uint64_t (*unix_clock)() noexcept = nullptr;  // null: CLOCK_REALTIME
};

// Which worker sends the Router Advertisements of an interface: that with its first port.
struct AdvertisingWorker {
    std::string interface;
    std::uint32_t worker = 0;
    bool operator==(const AdvertisingWorker&) const = default;
};

// Whether whole frames may be sent by the port without a received one.
[[nodiscard]] bool may_advertise(const Port& port) noexcept;

class Worker {
  public:
    // Frames per receive(): enough to spread the price of a system call, small enough to bound
    // latency.
    static constexpr std::size_t kBatchLen = 64;

    // The slot outlives the worker, and so do its ports unless replace_ports() has taken them away.
    // The shard is made by the caller and given away.
    [[nodiscard]] static Result<std::unique_ptr<Worker>, Error> make(
        const WorkerOptions& options, std::unique_ptr<lease::Shard> shard, std::vector<Port*> ports,
        const SnapshotSlot& snapshots);
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker();

    // --- The worker's own thread
    // --------------------------------------------------------------------------- Serves until
    // stop(); then what is in the ports' rings is still answered.
    void run();
    // One round over all ports, other workers, time and mailbox, without sleeping. Returns how much
    // there was: frames received, messages of other workers, and what came back from them.
    std::size_t step();
    // From now on serves `ports` instead. What has arrived at a port that goes is still answered;
    // afterwards the worker touches it no more, and it may be destroyed. Also before run(). For a
    // worker without others; WorkerGroup::replace_ports() is for several.
    void replace_ports(std::vector<Port*> ports);

    // --- Steps of WorkerGroup, on the worker's thread or after its end.
    // From now on serves `ports` instead. What has arrived at those that go is answered or handed
    // over. Returns those: nothing is received from them any more, but frames may be at others.
    [[nodiscard]] std::vector<Port*> change_ports(std::vector<Port*> ports);
    // Decides all that worker `from` has handed over, and gives up the replies that wait in frames
    // of these ports of it.
    void give_back_all(std::uint32_t from, const std::vector<Port*>& gone);
    // Who advertises on which interface, this worker included; none for a worker alone, which does
    // so wherever it has a port.
    void set_advertising(std::vector<AdvertisingWorker> advertising);
    // After that of all others: collects and sends what came back, and touches the ports no more.
    void forget_ports(const std::vector<Port*>& gone);
    // All threads have ended. First of each worker: decides what was handed over last, and gives up
    // what still waits.
    void settle();
    // Then of each: sends what came back.
    void collect_last();
    // ---

    [[nodiscard]] lease::Shard& shard() noexcept { return *shard_; }
    [[nodiscard]] const DropLog& drop_log() const noexcept { return drop_log_; }
    // Captures attach here.
    [[nodiscard]] TapSet& taps() noexcept { return taps_; }
    [[nodiscard]] BootTime now() const noexcept;
    // For changes that do not come from a port: whether there is room for their records now, the
    // sequence of the last record up to now, and whether that is stored. Without a journal nothing
    // waits.
    [[nodiscard]] bool has_room_for_records() const noexcept { return !log_ || log_->has_room(); }
    [[nodiscard]] std::uint64_t last_record() const noexcept { return log_ ? log_->last() : 0; }
    [[nodiscard]] bool is_stored(std::uint64_t record) const noexcept {
        return !log_ || record <= log_->durable();
    }

    // --- Any thread
    // ----------------------------------------------------------------------------------------
    void stop() noexcept;
    // Something has become durable, or other work is there: the worker looks if it sleeps.
    void wake() noexcept;
    // Runs `work` on the worker's thread between two batches and waits for its end. Must not be
    // called by the worker's thread, nor after run() has returned. Keep it short: packets wait
    // meanwhile.
    void call(const std::function<void()>& work);
    [[nodiscard]] std::uint32_t id() const noexcept { return id_; }
    [[nodiscard]] const WorkerCounters& counters() const noexcept { return counters_; }
    // For the one thread that keeps routes.
    [[nodiscard]] RouteChanges& route_changes() noexcept { return route_changes_; }
    [[nodiscard]] const AdvertiserCounters& advertiser_counters() const noexcept {
        return advertiser_.counters();
    }
    [[nodiscard]] const Announcement& announcement() const noexcept { return announcement_; }
    // The ports it has, and has had.
    [[nodiscard]] std::vector<PortTotals> port_totals() const { return port_ledger_.totals(); }
    // Ends that found no room in the journal.
    [[nodiscard]] std::uint64_t unwritten_ends() const noexcept {
        return log_ ? log_->unwritten_ends().value() : 0;
    }
    // Clients that its shard has room for, and bytes for what is long.
    [[nodiscard]] std::uint32_t shard_capacity() const noexcept { return shard_->capacity(); }
    [[nodiscard]] std::size_t shard_side_capacity() const noexcept {
        return shard_->side_capacity();
    }
    // Capacity and gauges of the shard may be read by any thread.
    [[nodiscard]] const lease::ShardCounters& shard_counters() const noexcept {
        return shard_->counters();
    }

  private:
    Worker(const WorkerOptions& options, std::unique_ptr<lease::Shard> shard,
           std::vector<Port*> ports, const SnapshotSlot& snapshots, int wake_fd);

    [[nodiscard]] std::size_t serve(Port& port, const model::Snapshot& snapshot);
    [[nodiscard, gnu::noinline]] std::size_t exchange(const model::Snapshot& snapshot);
    [[nodiscard]] std::size_t collect();
    [[nodiscard]] std::size_t serve_peer(std::uint32_t peer, const model::Snapshot& snapshot);
    void serve_all_of(std::uint32_t peer);

    // Whether the request belongs to this worker. If not, it is on its way, or explained.
    [[nodiscard, gnu::always_inline]] inline bool is_mine(Port& port,
                                                          const engine::Request& request,
                                                          BootTime now);
    // Out of the way of one worker alone.
    template <typename Request>
    [[nodiscard, gnu::noinline]] bool is_mine_of_many(Port& port, const Request& request,
                                                      BootTime now);
    // The worker that answers it.
    [[nodiscard]] std::uint32_t owner_of(const engine::Request& request) const noexcept;
    [[nodiscard]] std::uint32_t owner_of(const engine::v6::Request& request) const noexcept;

    // A message that another worker has handed over.
    template <typename Request>
    [[nodiscard]] bool take_over(std::uint32_t peer, const HandedMessage& message, Request& request,
                                 const model::Snapshot& snapshot);
    template <typename Request>
    void answer_peer(std::uint32_t peer, const HandedMessage& message, Request& request,
                     BootTime now);
    template <typename Request>
    void refuse_peer(std::uint32_t peer, const HandedMessage& message, const Request& request,
                     engine::DropReason reason);
    void finish(Loans::Loan loan, const HandedReply& reply, BootTime now);
    [[gnu::noinline]] void lose_late(const Loans::Loan& loan, const HandedReply& reply,
                                     BootTime now) noexcept;
    void lose_all_parked();
    void flush(Port& port);
    void count_answer(engine::MessageType type) noexcept;
    [[gnu::noinline]] void take_answer_back(const Port& port, const UnsentFrame& unsent) noexcept;

    // --- A frame of an own port.
    void count_arrival(const engine::Request& request) noexcept;
    void count_arrival(const engine::v6::Request& request) noexcept;
    // Reads an IPv6 frame. Whether it is to be answered here, in its turn.
    [[nodiscard, gnu::noinline]] bool admit(Port& port, const RxFrame& frame,
                                            const model::Snapshot& snapshot, engine::Load load,
                                            engine::v6::Request& request, BootTime now);
    template <typename Request>
    void answer(Port& port, Request& request, BootTime now, std::size_t& answered);
    void answer_neighbor(Port& port, const engine::v6::Request& request, BootTime now,
                         std::size_t& answered);
    // Takes a Router Solicitation; there is no answer now in any case, for the reason returned.
    [[nodiscard]] engine::DropReason solicit(const engine::v6::Request& request,
                                             BootTime now) noexcept;
    [[nodiscard]] engine::Decision decide(engine::Request& request, BootTime now,
                                          engine::Journal journal, MutableBytes out) noexcept;
    [[nodiscard]] engine::v6::Decision decide(engine::v6::Request& request, BootTime now,
                                              engine::Journal journal, MutableBytes out) noexcept;
    template <typename Request>
    [[gnu::noinline]] void explain(const Port& port, const Request& request,
                                   engine::DropReason reason, BootTime now) noexcept;
    // The same without counting.
    template <typename Request>
    void tell(const Port& port, const Request& request, engine::DropReason reason,
              BootTime now) noexcept;

    // --- Replies that wait.
    // Whether a decision that promises up to `units` may need records now, and its reply may wait
    // for them on that port.
    [[nodiscard]] engine::Journal journal_for(const Port& port, std::size_t units) noexcept;
    // Writes the records that the decision asks for. A reply without one waits as well while the
    // last record of one of its units does.
    template <typename Decision>
    [[nodiscard]] bool must_wait(const Decision& decision) noexcept;
    [[nodiscard]] bool must_wait(lease::Unit unit, bool must_write) noexcept;
    // `reply` knows its frame; this fills in what the decision promises.
    template <typename Request, typename Decision>
    void park(ParkedReply reply, const Request& request, const Decision& decision,
              BootTime received);
    void send_stored();
    void send_stored(ParkedReply reply, bool is_current, BootTime now);
    [[nodiscard]] bool is_still_true(const ParkedReply& reply, BootTime now) noexcept;
    void lose(const ParkedReply& reply, engine::DropReason reason) noexcept;

    // --- Advertisements.
    // Null where another worker advertises, or nobody can.
    [[nodiscard]] Port* advertising_port(const model::HostInterface& interface) const noexcept;
    void update_advertiser(const model::Snapshot& snapshot);
    void count_advertisement(const Port& port, const Mac& destination, ByteView frame) noexcept;
    void pass_time(BootTime now);
    // Something of this worker is not finished that does not depend on its ports.
    [[nodiscard]] bool expects_something() const noexcept {
        return !parked_.empty() || (hand_over_ && hand_over_->loans_out() != 0);
    }
    template <typename MayWait>
    void sleep(const MayWait& may_wait);
    [[nodiscard]] int poll_timeout() const noexcept;

    std::uint32_t id_;
    BootTime (*clock_)() noexcept;
    std::unique_ptr<lease::Shard> shard_;
    std::vector<Port*> ports_;
    PortLedger port_ledger_;
    const SnapshotSlot& snapshots_;
    WorkerCounters counters_;
    DropLog drop_log_;
    engine::ReplyCache reply_cache_;
    std::optional<LeaseLog> log_;
    RouteChanges route_changes_;         // in front of log_
    std::optional<HandOver> hand_over_;  // none without other workers
    ParkedReplies parked_;
    engine::RateLimiter rate_limiter_;
    TapSet taps_;
    Announcement announcement_;
    std::unique_ptr<engine::Request[]> requests_;       // kBatchLen, reused
    std::unique_ptr<engine::v6::Request[]> requests6_;  // likewise
    Advertiser advertiser_;
    std::vector<AdvertisingWorker> advertising_;
    std::optional<std::uint32_t> advertised_;  // generation; none: to be looked at again
    BootSeconds last_tick_;
    bool behind_ = false;  // more has ended than one round lets go

    Mailbox mailbox_;
    WakeUp wake_up_;
    std::vector<pollfd> poll_set_;  // ports, then wake_up_
    std::atomic<bool> stop_requested_{false};
};

}  // namespace xdhcpd::worker
