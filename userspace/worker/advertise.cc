// Worker: the Router Advertisements that it sends.
#include <algorithm>
#include <utility>

#include "nd/message_view.h"
#include "worker/worker.h"

namespace xdhcpd::worker {

bool may_advertise(const Port& port) noexcept {
    return port.role() == PortRole::kDriver && port.driver() != "udp" && port.driver() != "udp6";
}

void Worker::set_advertising(std::vector<AdvertisingWorker> advertising) {
    if (advertising_ != advertising) {
        advertising_ = std::move(advertising);
        advertised_.reset();
    }
}

Port* Worker::advertising_port(const model::HostInterface& interface) const noexcept {
    const bool is_elsewhere =
        std::any_of(advertising_.begin(), advertising_.end(), [&](const AdvertisingWorker& one) {
            return one.interface == interface.name && one.worker != id_;
        });
    if (is_elsewhere) {
        return nullptr;
    }
    const auto found = std::find_if(ports_.begin(), ports_.end(), [&](const Port* port) {
        return may_advertise(*port) && port->interface_name() == interface.name;
    });
    return found != ports_.end() ? *found : nullptr;
}

void Worker::update_advertiser(const model::Snapshot& snapshot) {
    if (stop_requested_.load(std::memory_order_relaxed)) {
        return;  // leave has been taken, or will be
    }
    advertised_ = snapshot.generation;
    advertiser_.update(
        snapshot,
        [this](const model::HostInterface& interface) { return advertising_port(interface); },
        clock_());
}

void Worker::count_advertisement(const Port& port, const Mac& destination,
                                 ByteView frame) noexcept {
    counters_.sent_by_type[engine::MessageType{nd::MessageType::kRouterAdvertisement}.index()]
        .add();
    if (!taps_.empty()) {
        taps_.record_sent(port, destination.is_group() ? Mac{} : destination, frame, clock_());
    }
}

}  // namespace xdhcpd::worker
