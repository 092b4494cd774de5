// Committer: writes what waits in the rings to the current segment, syncs, and gives the rings
// their room back. One thread, the journal's; health figures are for any.
//
// After a failed write or sync nothing since the last good sync counts, for Linux tells an error
// once and then takes the pages for clean. The segment is given up where it was last durable, all
// states since then wait again in their rings, and are written to a fresh segment.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/error.h"
#include "journal/chain.h"
#include "journal/codec/segment.h"
#include "journal/file_layer.h"
#include "journal/options.h"
#include "journal/ring.h"

namespace xdhcpd::journal {

using SteadyTime = std::chrono::steady_clock::time_point;

class Committer {
  public:
    // `last` is the latest segment there is. All references outlive the committer.
    Committer(const JournalOptions& options, FileLayer& files, Chain& chain,
              std::vector<std::unique_ptr<Ring>>& rings, std::optional<ClosedSegment> last);

    void on_durable(std::function<void(std::uint32_t)> callback) {
        on_durable_ = std::move(callback);
    }

    // Before the first turn: what recovery leaves to do. Begins a segment that has the records of
    // the tail in it from its first instant; on success they are durable.
    [[nodiscard]] Status adopt(ByteView tail, const std::vector<std::string>& obsolete);
    // Writes and syncs, as far as there is something to do now.
    void turn(SteadyTime now);
    // Writes and syncs everything, whatever the durability; true if all is on stable storage.
    bool finish(SteadyTime now);
    // When turn() has something to do next, as far as the rings are known; SteadyTime::max() when
    // only new states make work.
    [[nodiscard]] SteadyTime next_turn(SteadyTime now) const;
    // How long the next turn should wait after one: ten times the processor time of the last sync,
    // so that syncing costs a tenth of a core at most, but no more than a millisecond.
    [[nodiscard]] std::chrono::nanoseconds pause() const noexcept { return pause_; }

    // Any thread.
    void add_health(JournalHealth& health) const;

  private:
    struct Current {
        std::unique_ptr<File> file;
        std::string path;
        SegmentHeader header;
        std::uint64_t offset = kSegmentHeaderLen;   // where the next group goes
        std::uint64_t durable = kSegmentHeaderLen;  // all before is on stable storage
        bool prepared = false;                      // was a spare
        std::uint64_t len = 0;                      // that it may have
    };

    [[nodiscard]] bool has_waiting() const;
    [[nodiscard]] bool is_sync_due(SteadyTime now) const;
    void work(SteadyTime now);
    [[nodiscard]] bool ensure_segment(SteadyTime now);
    void close_segment(bool is_sound);
    // Removes the file if it has this path.
    void discard(const Current& segment, const std::string& path);
    [[nodiscard]] Status begin_segment(ByteView records);
    [[nodiscard]] Status check_files() const;
    // Makes a file of what is to be in it at first, and gives it its name.
    [[nodiscard]] Status begin_as(const std::string& temporary, OpenMode mode, ByteView records,
                                  Current& current);
    [[nodiscard]] Status write_records(ByteView records, Current& current);
    [[nodiscard]] ByteView finish_group(const Current& current);
    // Takes what fits into one group and writes it.
    [[nodiscard]] bool write_group(SteadyTime now);
    void collect();
    [[nodiscard]] bool sync(SteadyTime now);
    void fail(const Error& error, SteadyTime now);
    void recover();
    [[nodiscard]] std::uint64_t wall_clock() const { return options_.wall_clock(); }

    const JournalOptions& options_;
    FileLayer& files_;
    Chain& chain_;
    std::vector<std::unique_ptr<Ring>>& rings_;
    std::function<void(std::uint32_t)> on_durable_;

    GroupBuilder group_;
    std::size_t first_ring_ = 0;
    std::optional<Current> current_;
    std::optional<ClosedSegment> previous_;
    bool is_failing_ = false;
    SteadyTime retry_at_{};
    std::chrono::milliseconds backoff_{0};
    SteadyTime dirty_since_{};
    std::chrono::nanoseconds pause_{0};

    Counter states_;
    Counter groups_;
    Counter syncs_;
    Counter written_len_;
    Counter failures_;
    Counter last_sync_;
    Counter longest_sync_;
    std::atomic<std::int64_t> sync_began_{0};  // steady clock, ns; 0: none is under way
    mutable std::mutex mutex_;                 // of what follows
    Error problem_;
    std::uint64_t failing_since_ = 0;  // Unix seconds; 0: it does not fail
};

}  // namespace xdhcpd::journal
