// Journal: keeps the state of every unit on stable storage. Workers append states to rings; one
// thread writes them in groups and syncs once per group; a reply leaves when the sequence of its
// state is durable. A second thread of low priority merges closed segments into a snapshot, from
// files alone. What all files say together is told once, by open().
//
// Owner: the daemon, which opens it before the workers begin and stops it after they have ended.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/error.h"
#include "base/result.h"
#include "journal/codec/unit_state.h"
#include "journal/file_layer.h"
#include "journal/options.h"
#include "journal/ring.h"

namespace xdhcpd::journal {

class Journal {
  public:
    using Visit = std::function<void(const UnitState&)>;

    // Locks the directory, reads all files and tells `visit` once per unit what its final state is,
    // in the order of keys; free units as well, for their version must go on. Cuts torn tails.
    // Refuses what it does not understand (damage, a newer format) with file and offset; then it
    // has changed no file, and what it told is not all. `files` outlives the journal. Blocks.
    [[nodiscard]] static Result<std::unique_ptr<Journal>, Error> open(const JournalOptions& options,
                                                                      FileLayer& files,
                                                                      const Visit& visit,
                                                                      Recovery& found);
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;
    ~Journal();  // as stop()

    // Called on the journal thread with the number of a ring after its durable() has moved. Before
    // start(). Not called under durability async, where durable() moves with append().
    void on_durable(std::function<void(std::uint32_t ring_index)> callback);

    // Starts both threads. Once.
    void start();
    // Instead of start(): one turn of the journal thread, its last ones (until true: everything is
    // durable), and one of the merge thread, for who plays the threads and the time (simulator).
    void turn(std::chrono::steady_clock::time_point now);
    [[nodiscard]] bool finish(std::chrono::steady_clock::time_point now);
    void merge(std::chrono::steady_clock::time_point now);
    // Writes and syncs what was handed over, for as long as options.stop_patience if the disk
    // refuses, and ends both threads. Nobody appends any more. True if everything is durable. Waits
    // for a system call that does not return, as the end of a process does as well.
    bool stop();

    // `ring_index` < ring_count. Each ring has one producer. May be filled before start().
    [[nodiscard]] Ring& ring(std::uint32_t ring_index) noexcept;

    // Any thread.
    [[nodiscard]] JournalHealth health() const;

  private:
    struct Impl;
    explicit Journal(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace xdhcpd::journal
