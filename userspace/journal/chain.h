// Chain: which files stand for the state of all units now. Shared by the journal thread, which adds
// segments, and the merge thread, which replaces them by snapshots; every call is a few
// instructions under a lock.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace xdhcpd::journal {

// A segment that nothing is added to any more.
struct ClosedSegment {
    std::uint64_t generation = 0;
    std::uint64_t end = 0;  // of what was durable
    bool is_sound = true;   // no write to it failed: it may be used again
};

struct SnapshotFacts {
    std::uint64_t generation = 0;
    std::uint64_t units = 0;
    std::uint64_t made = 0;  // Unix seconds
};

class Chain {
  public:
    struct State {
        std::optional<SnapshotFacts> snapshot;
        std::vector<ClosedSegment> closed;  // ascending
        std::vector<std::string> spares;    // names
        std::uint64_t last_generation = 0;  // given to any file
    };

    explicit Chain(State state) : state_{std::move(state)} {}

    [[nodiscard]] std::uint64_t next_generation() {
        const std::lock_guard lock{mutex_};
        return ++state_.last_generation;
    }
    void add_closed(const ClosedSegment& segment) {
        const std::lock_guard lock{mutex_};
        state_.closed.push_back(segment);
    }
    void add_spare(std::string name) {
        const std::lock_guard lock{mutex_};
        state_.spares.push_back(std::move(name));
    }
    [[nodiscard]] std::optional<std::string> take_spare() {
        const std::lock_guard lock{mutex_};
        if (state_.spares.empty()) {
            return std::nullopt;
        }
        std::optional<std::string> name{std::move(state_.spares.back())};
        state_.spares.pop_back();
        return name;
    }
    // From now on the snapshot stands for the segments below its generation.
    void replace(const SnapshotFacts& snapshot) {
        const std::lock_guard lock{mutex_};
        state_.snapshot = snapshot;
        std::erase_if(state_.closed, [&](const ClosedSegment& segment) {
            return segment.generation < snapshot.generation;
        });
    }
    [[nodiscard]] State state() const {
        const std::lock_guard lock{mutex_};
        return state_;
    }
    [[nodiscard]] bool has_spare() const {
        const std::lock_guard lock{mutex_};
        return !state_.spares.empty();
    }

  private:
    mutable std::mutex mutex_;
    State state_;
};

}  // namespace xdhcpd::journal
