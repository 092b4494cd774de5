// Merger: makes a snapshot of the old snapshot and the closed segments, from files alone, and
// prepares spare segments. One thread of low priority; health figures are for any. Memory: the
// newest records of the units in the closed segments, one segment, and a few MiB.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "base/counters.h"
#include "base/error.h"
#include "base/result.h"
#include "journal/chain.h"
#include "journal/committer.h"
#include "journal/file_layer.h"
#include "journal/options.h"

namespace xdhcpd::journal {

// Writes, syncs and names a snapshot of the records that `produce` emits, in the order of keys; it
// gets its name only if `produce` succeeds. Ends soon with an error once `is_cancelled` is set.
[[nodiscard]] Result<SnapshotFacts, Error> write_snapshot(
    FileLayer& files, const std::string& directory, std::uint64_t generation, std::uint64_t stamp,
    std::uint64_t now, const std::function<Status(const std::function<void(ByteView)>&)>& produce,
    const std::atomic<bool>* is_cancelled = nullptr);

// Makes and names the snapshot that stands for `state`.snapshot and all of `state`.closed, which is
// not empty. Changes no other file. Without `forget` every unit is kept.
[[nodiscard]] Result<SnapshotFacts, Error> make_snapshot(
    FileLayer& files, const JournalOptions& options, const Chain::State& state,
    const std::atomic<bool>* is_cancelled = nullptr);

// Writes a spare of `len` bytes of zeros, syncs and names it, and adds it to the chain. Not with
// the last room on the disk: that is an error before anything is written.
[[nodiscard]] Status make_spare(FileLayer& files, const std::string& directory, Chain& chain,
                                std::uint64_t len, const std::atomic<bool>* is_cancelled = nullptr);

// Makes a spare of a segment that nobody needs any more if it has the right length and spares are
// few; otherwise removes it. The name of the spare, or empty.
[[nodiscard]] Result<std::string, Error> recycle_segment(FileLayer& files,
                                                         const JournalOptions& options,
                                                         const ClosedSegment& segment,
                                                         std::size_t spare_count);

class Merger {
  public:
    Merger(const JournalOptions& options, FileLayer& files, Chain& chain)
        : options_{options}, files_{files}, chain_{chain} {}

    // Does what there is to do: a spare if there is none, a snapshot if enough segments are closed.
    void turn(SteadyTime now);

    // Any thread: a turn that is under way ends within a write, and leaves nothing behind that a
    // start does not clear away.
    void stop() noexcept { is_stopping_.store(true); }
    void add_health(JournalHealth& health) const;

  private:
    [[nodiscard]] Status work();
    [[nodiscard]] Status merge(const Chain::State& state);
    void note(const Status& status, SteadyTime now);

    const JournalOptions& options_;
    FileLayer& files_;
    Chain& chain_;
    SteadyTime retry_at_{};
    std::chrono::seconds backoff_{0};

    std::atomic<bool> is_stopping_{false};
    Counter merges_;
    Counter failures_;
    mutable std::mutex mutex_;  // of what follows
    std::string problem_;
};

}  // namespace xdhcpd::journal
