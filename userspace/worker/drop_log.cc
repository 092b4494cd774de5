#include "worker/drop_log.h"

namespace xdhcpd::worker {

Mac client_of(const engine::Request& request) noexcept {
    const dhcp4::MessageView& message = request.message();
    if (!message.payload().empty() && message.hlen() == Mac::kLen) {
        return Mac::load(message.chaddr().data());
    }
    return request.has_frame() ? request.frame().source_mac : Mac{};
}

bool is_expected(engine::DropReason reason) noexcept {
    return reason == engine::Refusal::kReleased || reason == engine::Refusal::kDeclined ||
           reason == engine::Refusal6::kScheduled;
}

Drop describe(const Port& port, const engine::Request& request, engine::DropReason reason,
              BootTime now) noexcept {
    Drop drop;
    drop.time = now;
    drop.reason = reason;
    drop.ifindex = request.ifindex();
    drop.queue = port.queue();
    drop.client = client_of(request);
    if (request.has_frame()) {
        drop.tags = request.frame().tags;
    }
    const dhcp4::MessageView& message = request.message();
    if (!message.payload().empty()) {
        drop.giaddr = message.giaddr();
        drop.address = message.requested_address().value_or(message.ciaddr());
        drop.type = message.type();
    }
    return drop;
}

}  // namespace xdhcpd::worker
