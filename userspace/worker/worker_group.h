// WorkerGroup: all workers of a server: their threads, their ports, and the ways between them. One
// worker alone has no way to any other, and nothing of this on the way of its packets.
//
// Owner: the control thread, which alone calls this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/result.h"
#include "worker/hand_over.h"
#include "worker/worker.h"

namespace xdhcpd::worker {

class WorkerGroup {
  public:
    // What a worker is made from; its number is its place.
    struct Member {
        WorkerOptions options;  // id and exchange are set by make()
        std::unique_ptr<lease::Shard> shard;
    };

    // Workers without ports; one or more. `message_slots`: of each way between
    // two of them, a power of two; 0: Exchange::slots_for().
    [[nodiscard]] static Result<std::unique_ptr<WorkerGroup>, Error> make(
        std::vector<Member> members, const SnapshotSlot& snapshots, std::size_t message_slots = 0);
    WorkerGroup(const WorkerGroup&) = delete;
    WorkerGroup& operator=(const WorkerGroup&) = delete;
    // As stop(). Before the ports are destroyed.
    ~WorkerGroup();

    [[nodiscard]] std::uint32_t count() const noexcept {
        return static_cast<std::uint32_t>(workers_.size());
    }
    [[nodiscard]] Worker& at(std::uint32_t id) const noexcept { return *workers_[id]; }
    [[nodiscard]] std::vector<Worker*> all() const;

    // From now on worker i serves by_worker[i], which has as many elements as there are workers.
    // What has arrived at a port that goes is still answered; afterwards no worker has a frame of
    // it, and it may be destroyed. A port never goes from one worker to another in one call.
    void replace_ports(std::vector<std::vector<Port*>> by_worker);
    // Starts the threads, which call `begin(id)` first. Once.
    void start(const std::function<void(std::uint32_t)>& begin);
    // Ends the threads; what is in the ports' rings and between the workers is still answered.
    // Afterwards no frame is lent to anybody but its own port's worker. Bounded in time.
    void stop();

  private:
    WorkerGroup() = default;
    // On the worker's thread, or here while there are no threads.
    void run_on(Worker& worker, const std::function<void()>& work) const;

    std::unique_ptr<Exchange> exchange_;  // null for one worker
    std::vector<std::unique_ptr<Worker>> workers_;
    std::vector<std::thread> threads_;
};

}  // namespace xdhcpd::worker
