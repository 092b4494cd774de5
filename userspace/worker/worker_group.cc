#include "worker/worker_group.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/assert.h"

namespace xdhcpd::worker {
namespace {

// The worker with the first port of each interface.
[[nodiscard]] std::vector<AdvertisingWorker> advertising_of(
    const std::vector<std::vector<Port*>>& by_worker) {
    std::vector<AdvertisingWorker> advertising;
    for (std::size_t worker = 0; worker < by_worker.size(); ++worker) {
        for (const Port* const port : by_worker[worker]) {
            const bool is_known = std::any_of(advertising.begin(), advertising.end(),
                                              [port](const AdvertisingWorker& one) {
                                                  return one.interface == port->interface_name();
                                              });
            if (!is_known && may_advertise(*port)) {
                advertising.push_back(
                    {std::string{port->interface_name()}, static_cast<std::uint32_t>(worker)});
            }
        }
    }
    return advertising;
}

}  // namespace

Result<std::unique_ptr<WorkerGroup>, Error> WorkerGroup::make(std::vector<Member> members,
                                                              const SnapshotSlot& snapshots,
                                                              std::size_t message_slots) {
    XD_ASSERT(!members.empty());
    std::unique_ptr<WorkerGroup> group{new WorkerGroup};
    if (members.size() > 1) {
        const auto count = static_cast<std::uint32_t>(members.size());
        group->exchange_ = std::make_unique<Exchange>(
            count, message_slots != 0 ? message_slots : Exchange::slots_for(count));
    }
    for (Member& member : members) {
        member.options.id = group->count();
        member.options.exchange = group->exchange_.get();
        auto made = Worker::make(member.options, std::move(member.shard), {}, snapshots);
        if (!made) {
            return Unexpected{made.error()};
        }
        group->workers_.push_back(std::move(*made));
    }
    return group;
}

WorkerGroup::~WorkerGroup() {
    stop();
}

std::vector<Worker*> WorkerGroup::all() const {
    std::vector<Worker*> result;
    for (const auto& worker : workers_) {
        result.push_back(worker.get());
    }
    return result;
}

void WorkerGroup::replace_ports(std::vector<std::vector<Port*>> by_worker) {
    XD_ASSERT(by_worker.size() == workers_.size());
    const std::vector<AdvertisingWorker> advertising = advertising_of(by_worker);
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        Worker& worker = *workers_[i];
        std::vector<Port*> gone;
        run_on(worker, [&] { gone = worker.change_ports(std::move(by_worker[i])); });
        for (const auto& other : workers_) {
            if (!gone.empty() && other.get() != &worker) {
                run_on(*other, [&] { other->give_back_all(worker.id(), gone); });
            }
        }
        run_on(worker, [&] { worker.forget_ports(gone); });
    }
    if (count() > 1) {
        for (const auto& worker : workers_) {
            run_on(*worker, [&] { worker->set_advertising(advertising); });
        }
    }
}

void WorkerGroup::start(const std::function<void(std::uint32_t)>& begin) {
    XD_ASSERT(threads_.empty());
    for (const auto& worker : workers_) {
        threads_.emplace_back([&worker = *worker, begin] {
            begin(worker.id());
            worker.run();
        });
    }
}

void WorkerGroup::stop() {
    if (threads_.empty()) {
        return;
    }
    for (const auto& worker : workers_) {
        worker->stop();
    }
    for (std::thread& thread : threads_) {
        thread.join();
    }
    threads_.clear();
    for (const auto& worker : workers_) {
        worker->settle();
    }
    for (const auto& worker : workers_) {
        worker->collect_last();
    }
}

void WorkerGroup::run_on(Worker& worker, const std::function<void()>& work) const {
    if (threads_.empty()) {
        work();
    } else {
        worker.call(work);
    }
}

}  // namespace xdhcpd::worker
