#include "io/udp/route_port.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "packet/headers.h"
#include "packet/vlan.h"

namespace xdhcpd {
namespace {

// Behind at most two tags, as replies are made.
[[nodiscard]] bool is_ipv6(ByteView frame) noexcept {
    std::size_t at = kEthernetLen - 2;
    for (std::size_t tags = 0; at + 2 <= frame.size(); ++tags, at += VlanTags::kTagLen) {
        const std::uint16_t type = load_be16(&frame[at]);
        if (tags == VlanTags::kMaxCount || (type != kEtherTypeVlan && type != kEtherTypeQinq)) {
            return type == kEtherTypeIpv6;
        }
    }
    return false;
}

}  // namespace

Result<std::unique_ptr<RoutePort>, Error> RoutePort::open(const RouteOptions& options) {
    UdpOptions ipv4_options;
    ipv4_options.server_port = options.server_port;
    ipv4_options.role = PortRole::kRoute;
    ipv4_options.rx_frame_count = 1;
    ipv4_options.receive_buffer_len = 0;
    auto ipv4 = UdpPort::open(ipv4_options);
    if (!ipv4) {
        return Unexpected{ipv4.error()};
    }
    std::unique_ptr<Udp6Port> ipv6;
    if (options.server_port6) {
        UdpOptions ipv6_options;
        ipv6_options.server_port = *options.server_port6;
        ipv6_options.role = PortRole::kRoute;
        ipv6_options.rx_frame_count = 1;
        ipv6_options.receive_buffer_len = 0;
        auto opened = Udp6Port::open(ipv6_options);
        if (!opened) {
            return Unexpected{opened.error()};
        }
        ipv6 = std::move(*opened);
    }
    return std::unique_ptr<RoutePort>{new RoutePort{std::move(*ipv4), std::move(ipv6)}};
}

void RoutePort::take_back(std::uint64_t /*token*/) noexcept {
    XD_ASSERT(false);  // frames are the IPv4 port's own
}

void RoutePort::submit(TxFrame frame, const TxInfo& info) {
    const ByteView bytes = frame.bytes().first(info.frame_len);
    if (!ipv6_ || !is_ipv6(bytes)) {
        ipv4_->submit(std::move(frame), info);
        return;
    }
    // The other pool is as large and nothing is kept of it, so it has room.
    if (auto copy = ipv6_->lend()) {
        copy_bytes(copy->bytes().data(), bytes);
        ipv6_->submit(std::move(*copy), info);
    }
}

RoutePort::Counted RoutePort::sums() const noexcept {
    Counted sums;
    const auto add = [&](const PortCounters& counters) {
        sums.tx_frames += counters.tx_frames.value();
        sums.tx_errors += counters.tx_errors.value();
        sums.tx_no_frame += counters.tx_no_frame.value();
        sums.kicks += counters.kicks.value();
        sums.kick_retries += counters.kick_retries.value();
    };
    add(ipv4_->counters());
    if (ipv6_) {
        add(ipv6_->counters());
    }
    return sums;
}

void RoutePort::flush() {
    ipv4_->flush();
    if (ipv6_) {
        ipv6_->flush();
    }
    const auto keep = [this](UnsentFrame& unsent) { unsent_.push_back(std::move(unsent)); };
    ipv4_->take_unsent(keep);
    if (ipv6_) {
        ipv6_->take_unsent(keep);
    }
    const Counted now = sums();
    counters_.tx_frames.add(now.tx_frames - counted_.tx_frames);
    counters_.tx_errors.add(now.tx_errors - counted_.tx_errors);
    counters_.tx_no_frame.add(now.tx_no_frame - counted_.tx_no_frame);
    counters_.kicks.add(now.kicks - counted_.kicks);
    counters_.kick_retries.add(now.kick_retries - counted_.kick_retries);
    counted_ = now;
}

}  // namespace xdhcpd
