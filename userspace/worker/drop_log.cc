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

Mac client_of(const engine::v6::Request& request) noexcept {
    if (!request.client_mac().is_zero() || !request.has_frame()) {
        return request.client_mac();
    }
    return request.frame().source_mac;
}

Drop describe(const Port& port, const engine::v6::Request& request, engine::DropReason reason,
              BootTime now) noexcept {
    Drop drop;
    drop.time = now;
    drop.reason = reason;
    drop.ifindex = request.ifindex();
    drop.queue = port.queue();
    drop.client = client_of(request);
    drop.type = request.type();
    if (request.has_frame()) {
        drop.tags = request.frame().tags;
        drop.source = request.frame().source;
    }
    const dhcp6::MessageView& message = request.message();
    if (const dhcp6::Relay* const relay = message.first_relay()) {
        drop.link_address = relay->link_address;
    }
    const ByteView duid = message.client_id();  // no longer than there is room for
    drop.duid_len = static_cast<std::uint8_t>(duid.size());
    copy_bytes(drop.duid_bytes.data(), duid);
    drop.address6 = request.has_nd() ? request.nd().target() : message.first_address();
    return drop;
}

}  // namespace xdhcpd::worker
