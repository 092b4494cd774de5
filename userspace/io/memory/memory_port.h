// MemoryPort: a port without a kernel, for tests, the simulator, the fuzzer and benchmarks.
//
// Frames go in by inject() and come out by drain_sent(). All memory is taken at construction; no
// call on the way of a packet allocates (take_sent() does, it is for tests). Deterministic, first
// in first out. One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "packet/port.h"

namespace xdhcpd {

struct MemoryOptions {
    std::string interface_name = "memory0";
    std::uint32_t queue = 0;
    std::uint32_t rx_frame_count = 256;  // injected and not yet released, at most
    std::uint32_t tx_frame_count = 256;  // lent, queued or sent and not yet drained, at most
    std::uint32_t frame_len = 2048;      // bytes of each frame
    PortRole role = PortRole::kDriver;
};

class MemoryPort : public Port {
  public:
    explicit MemoryPort(const MemoryOptions& options = {});
    ~MemoryPort() override;

    [[nodiscard]] std::string_view driver() const noexcept override { return "memory"; }
    [[nodiscard]] PortRole role() const noexcept override { return role_; }
    [[nodiscard]] std::string_view interface_name() const noexcept override { return name_; }
    [[nodiscard]] std::uint32_t queue() const noexcept override { return queue_; }
    [[nodiscard]] std::size_t receive(std::span<RxFrame> batch) override;
    void release(std::span<const RxFrame> batch) override;
    [[nodiscard]] unsigned fill_permille() const noexcept override {
        return static_cast<unsigned>(arrivals_count_ * 1000 / rx_state_.size());
    }
    [[nodiscard]] std::uint32_t tx_frame_count() const noexcept override {
        return static_cast<std::uint32_t>(tx_state_.size());
    }
    [[nodiscard]] std::optional<TxFrame> lend() override;
    void submit(TxFrame frame, const TxInfo& info) override;
    void flush() override;
    [[nodiscard]] int fd() const noexcept override { return -1; }

    // A frame "arrives" on interface `ifindex` (not 0), and will have `waited` when it is received.
    // False when every receive frame is taken, or the frame is longer than frame_len; that is
    // counted as rx_truncated.
    bool inject(ByteView frame, std::uint32_t ifindex = 1,
                std::chrono::nanoseconds waited = std::chrono::nanoseconds{0});

    // Calls visit(ByteView frame, const TxInfo& info) for each frame flushed so far, oldest first,
    // and takes their buffers back. Returns how many. visit() must not call this port.
    template <typename Visitor>
    std::size_t drain_sent(Visitor&& visit) {
        for (const std::uint32_t index : sent_) {
            visit(ByteView{tx_frame(index).first(info_[index].frame_len)}, info_[index]);
        }
        return reclaim_sent();
    }
    // The same as copies.
    [[nodiscard]] std::vector<std::vector<std::byte>> take_sent();

    // Frames that are lent, submitted or undrained: 0 when nothing has leaked and all was drained.
    [[nodiscard]] std::size_t tx_frames_out() const noexcept {
        return tx_state_.size() - tx_free_.size();
    }
    // Frames injected and not yet released.
    [[nodiscard]] std::size_t rx_frames_out() const noexcept {
        return rx_state_.size() - rx_free_.size();
    }

  private:
    enum class State : std::uint8_t {
        kFree,
        kQueued,
        kOut
    };  // queued: not yet received, or not yet drained
    struct Arrival {
        std::uint32_t index = 0;
        std::uint32_t len = 0;
        std::uint32_t ifindex = 0;
        std::chrono::nanoseconds waited{0};
    };

    void take_back(std::uint64_t token) noexcept override;
    std::size_t reclaim_sent() noexcept;
    [[nodiscard]] MutableBytes rx_frame(std::uint32_t index) noexcept;
    [[nodiscard]] MutableBytes tx_frame(std::uint32_t index) noexcept;

    std::string name_;
    std::uint32_t queue_;
    std::uint32_t frame_len_;
    PortRole role_;
    std::vector<std::byte> rx_memory_;
    std::vector<std::byte> tx_memory_;

    std::vector<State> rx_state_;
    std::vector<std::uint32_t> rx_free_;
    std::vector<Arrival> arrivals_;  // ring
    std::size_t arrivals_head_ = 0;
    std::size_t arrivals_count_ = 0;

    std::vector<State> tx_state_;
    std::vector<std::uint32_t> tx_free_;
    std::vector<TxInfo> info_;            // by frame index
    std::vector<std::uint32_t> pending_;  // submitted, not flushed
    std::vector<std::uint32_t> sent_;     // flushed, not drained
};

}  // namespace xdhcpd
