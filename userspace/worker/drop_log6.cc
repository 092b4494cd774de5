#include "worker/drop_log.h"

namespace xdhcpd::worker {

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
