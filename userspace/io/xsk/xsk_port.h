// XskPort: an AF_XDP socket with its own UMEM on one queue of one interface. Private to this
// module.
//
// Frames are numbered. The first `ring_size` circulate between fill ring, kernel, RX ring and the
// worker; the rest are lent to writers of replies. Each frame has one state, checked at every step:
// a frame given back twice or sent while it is in the kernel's hands would overwrite somebody's
// packet.
#pragma once

#include <xdp/xsk.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/result.h"
#include "packet/port.h"

namespace xdhcpd {

struct XskPortOptions {
    std::string interface_name;
    std::uint32_t ifindex = 0;
    std::uint32_t queue = 0;
    std::string_view driver;             // static storage
    std::uint32_t ring_size = 0;         // a power of two
    std::uint32_t frame_count = 0;       // more than ring_size
    std::uint32_t frame_len = 0;         // 2048 or 4096
    std::uint32_t max_tx_frame_len = 0;  // what the interface can send, at most frame_len
    std::uint16_t bind_flags = 0;        // XDP_COPY or XDP_ZEROCOPY or neither
};

// Anonymous memory that the kernel shares.
class UmemArea {
  public:
    UmemArea() = default;
    explicit UmemArea(std::size_t len);  // empty when there is no memory
    UmemArea(UmemArea&& other) noexcept;
    UmemArea& operator=(UmemArea&& other) noexcept;
    UmemArea(const UmemArea&) = delete;
    UmemArea& operator=(const UmemArea&) = delete;
    ~UmemArea();

    [[nodiscard]] MutableBytes bytes() const noexcept { return bytes_; }

  private:
    MutableBytes bytes_;
};

class XskPort final : public Port {
  public:
    // The socket is bound but in no map: it receives nothing yet.
    [[nodiscard]] static Result<std::unique_ptr<XskPort>, Error> open(
        const XskPortOptions& options);
    ~XskPort() override;

    [[nodiscard]] std::string_view driver() const noexcept override { return options_.driver; }
    [[nodiscard]] std::string_view interface_name() const noexcept override {
        return options_.interface_name;
    }
    [[nodiscard]] std::uint32_t queue() const noexcept override { return options_.queue; }
    [[nodiscard]] std::size_t receive(std::span<RxFrame> batch) override;
    [[nodiscard]] bool filters_rate() const noexcept override { return true; }
    [[nodiscard]] unsigned fill_permille() const noexcept override;
    void release(std::span<const RxFrame> batch) override;
    [[nodiscard]] std::uint32_t tx_frame_count() const noexcept override {
        return options_.frame_count - options_.ring_size;
    }
    [[nodiscard]] std::optional<TxFrame> lend() override;
    void submit(TxFrame frame, const TxInfo& info) override;
    void flush() override;
    [[nodiscard]] int fd() const noexcept override { return fd_; }

    [[nodiscard]] bool zero_copy() const noexcept { return zero_copy_; }

  private:
    enum class FrameState : std::uint8_t {
        kFilled,    // in the fill ring, the kernel or the RX ring
        kReceived,  // with the worker
        kFree,
        kLent,
        kPending,  // submitted, waits for flush() or room in the TX ring
        kSent,     // in the TX ring, the kernel or the completion ring
    };

    explicit XskPort(const XskPortOptions& options);
    // 0, or the errno of the step that is named in `step`.
    [[nodiscard]] int create(std::string_view& step);
    void destroy() noexcept;
    void take_back(std::uint64_t token) noexcept override;
    [[nodiscard]] std::byte* frame(std::uint32_t index) const noexcept;
    void change(std::uint32_t index, FrameState from, FrameState to) noexcept;
    void wake_receiver() noexcept;
    void collect_completions() noexcept;
    void fill_tx_ring() noexcept;
    void kick() noexcept;
    [[nodiscard]] std::uint32_t tx_ring_len() const noexcept;

    XskPortOptions options_;
    UmemArea area_;
    xsk_ring_prod fill_{};
    xsk_ring_cons completion_{};
    xsk_ring_cons rx_{};
    xsk_ring_prod tx_{};
    xsk_umem* umem_ = nullptr;
    xsk_socket* socket_ = nullptr;
    int fd_ = -1;  // owned by socket_
    bool zero_copy_ = false;

    struct Pending {
        std::uint32_t index = 0;
        std::uint32_t len = 0;
    };
    std::vector<FrameState> states_;   // by frame
    std::vector<std::uint32_t> free_;  // stack of frames to lend
    std::vector<Pending> pending_;     // in the order of submit()
    std::uint32_t outstanding_ = 0;    // frames in state kSent
};

}  // namespace xdhcpd
