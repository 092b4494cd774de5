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

Drop describe_reply(ByteView frame) noexcept {
    Drop drop;
    if (const auto ipv4 = FrameView::parse(frame)) {
        dhcp4::MessageView reply;
        if (!reply.parse(ipv4->payload)) {
            return drop;
        }
        drop.client = reply.hlen() == Mac::kLen ? Mac::load(reply.chaddr().data()) : Mac{};
        drop.giaddr = reply.giaddr();
        drop.address = reply.yiaddr();
        drop.type = reply.type();
        return drop;
    }
    const auto ipv6 = FrameView6::parse(frame);
    if (!ipv6) {
        return drop;
    }
    drop.client = ipv6->destination_mac;
    if (ipv6->protocol == Protocol6::kIcmpv6) {
        if (const auto message = nd::MessageView::parse(*ipv6)) {
            drop.type = message->type();
        }
        return drop;
    }
    dhcp6::MessageView reply;
    if (!reply.parse(ipv6->payload)) {
        return drop;
    }
    drop.type = reply.type();
    if (const dhcp6::Relay* const relay = reply.first_relay()) {
        drop.link_address = relay->link_address;
    }
    drop.duid_len = static_cast<std::uint8_t>(reply.client_id().size());
    copy_bytes(drop.duid_bytes.data(), reply.client_id());
    drop.address6 = reply.first_address();
    return drop;
}

}  // namespace xdhcpd::worker
