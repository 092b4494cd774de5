// PortSpread: which workers serve the queues of an interface. An interface keeps its workers for as
// long as the server runs, however often it is opened, so that a queue never changes its worker.
// Pure. Control thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace xdhcpd::daemon {

class PortSpread {
  public:
    explicit PortSpread(std::uint32_t worker_count) : loads_(worker_count) {}

    [[nodiscard]] std::uint32_t worker_count() const noexcept {
        return static_cast<std::uint32_t>(loads_.size());
    }
    // The worker of the first port of the interface; the others follow round. A new interface
    // begins with the worker that has the fewest ports so far.
    [[nodiscard]] std::uint32_t first_for(const std::string& interface_name,
                                          std::uint32_t queue_count) {
        const auto known = first_.find(interface_name);
        if (known != first_.end()) {
            return known->second;
        }
        const auto least = std::min_element(loads_.begin(), loads_.end());
        const auto first = static_cast<std::uint32_t>(least - loads_.begin());
        for (std::uint32_t queue = 0; queue < queue_count; ++queue) {
            ++loads_[(first + queue) % loads_.size()];
        }
        first_.emplace(interface_name, first);
        return first;
    }

  private:
    std::vector<std::uint32_t> loads_;  // ports, by worker
    std::map<std::string, std::uint32_t> first_;
};

}  // namespace xdhcpd::daemon
