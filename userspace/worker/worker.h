// Worker: a set of ports and one shard, served by one thread without locks. Receives in batches,
// decides, submits, and between batches lets time pass for the shard and does what its mailbox
// asks.
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
#include <vector>

#include "base/error.h"
#include "base/mailbox.h"
#include "base/result.h"
#include "base/time.h"
#include "engine/rate_limiter.h"
#include "engine/reply_cache.h"
#include "engine/request.h"
#include "lease/shard.h"
#include "packet/port.h"
#include "worker/counters.h"
#include "worker/drop_log.h"
#include "worker/lease_log.h"
#include "worker/parked_replies.h"
#include "worker/port_ledger.h"
#include "worker/snapshot_slot.h"
#include "worker/tap.h"

namespace xdhcpd::worker {

struct WorkerOptions {
    std::uint32_t id = 0;
    std::size_t drop_log_len = 4096;
    // This worker's ring of the journal, which outlives the worker; null: leases are kept in memory
    // only.
    journal::Ring* ring = nullptr;
    DiskTime disk_time;
    // Gives the time; tests put in their own.
    BootTime (*clock)() noexcept = nullptr;  // null: CLOCK_BOOTTIME
};

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
    // One round over all ports, time and mailbox, without sleeping. Returns how many frames were
    // received.
    std::size_t step();
    // From now on serves `ports` instead. What has arrived at a port that goes is still answered;
    // afterwards the worker touches it no more, and it may be destroyed: no frame of it is kept
    // from one round to the next. Also before run().
    void replace_ports(std::vector<Port*> ports);
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
    [[nodiscard]] const Announcement& announcement() const noexcept { return announcement_; }
    // The ports it has, and has had.
    [[nodiscard]] std::vector<PortTotals> port_totals() const { return port_ledger_.totals(); }
    // Ends that found no room in the journal.
    [[nodiscard]] std::uint64_t unwritten_ends() const noexcept {
        return log_ ? log_->unwritten_ends().value() : 0;
    }
    // Capacity and gauges of the shard may be read by any thread.
    [[nodiscard]] const lease::ShardCounters& shard_counters() const noexcept {
        return shard_->counters();
    }

  private:
    Worker(const WorkerOptions& options, std::unique_ptr<lease::Shard> shard,
           std::vector<Port*> ports, const SnapshotSlot& snapshots, int wake_fd);

    [[nodiscard]] std::size_t serve(Port& port, const model::Snapshot& snapshot);
    static void flush(Port& port);
    void count_arrival(const engine::Request& request) noexcept;
    void answer(Port& port, engine::Request& request, BootTime now, std::size_t& answered);
    // Whether a decision may need a record now, and its reply may wait for it on that port.
    [[nodiscard]] engine::Journal journal_for(const Port& port) noexcept;
    [[nodiscard]] bool must_wait(const engine::Decision& decision) noexcept;
    void park(Port& port, TxFrame frame, const TxInfo& info, const engine::Request& request,
              const engine::Decision& decision, BootTime now);
    void send_stored();
    [[nodiscard]] bool is_still_true(const ParkedReply& reply, BootTime now) noexcept;
    void lose(const ParkedReply& reply, engine::DropReason reason) noexcept;
    void explain(const Port& port, const engine::Request& request, engine::DropReason reason,
                 BootTime now) noexcept;
    void pass_time(BootTime now);
    void sleep();

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
    ParkedReplies parked_;
    engine::RateLimiter rate_limiter_;
    TapSet taps_;
    Announcement announcement_;
    std::unique_ptr<engine::Request[]> requests_;  // kBatchLen, reused
    BootSeconds last_tick_;
    bool behind_ = false;  // more has ended than one round lets go

    Mailbox mailbox_;
    int wake_fd_;                   // eventfd
    std::vector<pollfd> poll_set_;  // ports, then wake_fd_
    std::atomic<bool> sleeping_{false};
    std::atomic<bool> stop_requested_{false};
};

}  // namespace xdhcpd::worker
