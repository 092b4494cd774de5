// SnapshotSlot: hands snapshots from the control thread to workers. The control thread publishes;
// each worker takes the newest at every batch and announces its generation; a snapshot is freed
// once every worker has announced a later one. (std::atomic<std::shared_ptr> of GCC 12 takes a
// lock.)
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/assert.h"
#include "model/snapshot.h"

namespace xdhcpd::worker {

// One per worker, written by it.
struct alignas(64) Announcement {
    std::atomic<std::uint32_t> generation{0};  // 0: none yet
};

class SnapshotSlot {
  public:
    // Control thread, before and between workers' batches. Generations grow.
    void publish(std::unique_ptr<const model::Snapshot> snapshot) {
        XD_ASSERT(kept_.empty() || kept_.back()->generation < snapshot->generation);
        const model::Snapshot* const newest = snapshot.get();
        kept_.push_back(std::move(snapshot));
        current_.store(newest, std::memory_order_release);
    }

    // Control thread: frees what nobody uses any more. `announcements` are those of all running
    // workers. Returns whether all of them use the newest.
    bool collect(const std::vector<const Announcement*>& announcements) {
        std::uint32_t oldest = kept_.empty() ? 0 : kept_.back()->generation;
        const std::uint32_t newest = oldest;
        for (const Announcement* const announcement : announcements) {
            oldest = std::min(oldest, announcement->generation.load(std::memory_order_acquire));
        }
        std::erase_if(kept_, [&](const auto& snapshot) { return snapshot->generation < oldest; });
        return oldest == newest;
    }

    // Worker: the newest snapshot, valid until the worker's next call. Null before the first
    // publish().
    [[nodiscard]] const model::Snapshot* acquire(Announcement& announcement) const noexcept {
        const model::Snapshot* const snapshot = current_.load(std::memory_order_acquire);
        if (snapshot != nullptr &&
            announcement.generation.load(std::memory_order_relaxed) != snapshot->generation) {
            announcement.generation.store(snapshot->generation, std::memory_order_release);
        }
        return snapshot;
    }

    // Control thread.
    [[nodiscard]] const model::Snapshot& newest() const noexcept { return *kept_.back(); }

  private:
    std::atomic<const model::Snapshot*> current_{nullptr};
    std::vector<std::unique_ptr<const model::Snapshot>> kept_;  // oldest first
};

}  // namespace xdhcpd::worker
