// RoutePort: sends replies of both families by the kernel's routing (reply-path: route) and
// receives nothing. A UdpPort with a Udp6Port beside it where DHCPv6 is served; frames are lent by
// the first, and those of IPv6 are copied to the second. Belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/error.h"
#include "base/result.h"
#include "io/udp/udp6_port.h"
#include "io/udp/udp_port.h"
#include "packet/port.h"

namespace xdhcpd {

struct RouteOptions {
    std::uint16_t server_port = 67;
    std::optional<std::uint16_t> server_port6;  // none: IPv4 only
};

class RoutePort final : public Port {
  public:
    [[nodiscard]] static Result<std::unique_ptr<RoutePort>, Error> open(
        const RouteOptions& options);

    ~RoutePort() override { unsent_.clear(); }

    [[nodiscard]] std::string_view driver() const noexcept override { return "udp"; }
    [[nodiscard]] PortRole role() const noexcept override { return PortRole::kRoute; }
    [[nodiscard]] std::string_view interface_name() const noexcept override { return ""; }
    [[nodiscard]] std::uint32_t queue() const noexcept override { return 0; }
    [[nodiscard]] std::size_t receive(std::span<RxFrame> /*batch*/) override { return 0; }
    void release(std::span<const RxFrame> /*batch*/) override {}
    [[nodiscard]] std::uint32_t tx_frame_count() const noexcept override {
        return ipv4_->tx_frame_count();
    }
    [[nodiscard]] std::optional<TxFrame> lend() override { return ipv4_->lend(); }
    void submit(TxFrame frame, const TxInfo& info) override;
    void flush() override;
    [[nodiscard]] int fd() const noexcept override { return ipv4_->fd(); }

  private:
    // What has been added to counters_ already.
    struct Counted {
        std::uint64_t tx_frames = 0;
        std::uint64_t tx_errors = 0;
        std::uint64_t tx_no_frame = 0;
        std::uint64_t kicks = 0;
        std::uint64_t kick_retries = 0;
    };
    RoutePort(std::unique_ptr<UdpPort> ipv4, std::unique_ptr<Udp6Port> ipv6)
        : ipv4_{std::move(ipv4)}, ipv6_{std::move(ipv6)} {
        unsent_.reserve(std::size_t{2} * tx_frame_count());
    }
    void take_back(std::uint64_t token) noexcept override;
    [[nodiscard]] Counted sums() const noexcept;

    std::unique_ptr<UdpPort> ipv4_;
    std::unique_ptr<Udp6Port> ipv6_;
    Counted counted_;
};

}  // namespace xdhcpd
