#include "io/memory/memory_port.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace xdhcpd {

MemoryPort::MemoryPort(const MemoryOptions& options)
    : name_{options.interface_name},
      queue_{options.queue},
      frame_len_{options.frame_len},
      role_{options.role},
      rx_memory_(std::size_t{options.rx_frame_count} * options.frame_len),
      tx_memory_(std::size_t{options.tx_frame_count} * options.frame_len),
      rx_state_(options.rx_frame_count, State::kFree),
      arrivals_(options.rx_frame_count),
      tx_state_(options.tx_frame_count, State::kFree),
      info_(options.tx_frame_count) {
    XD_ASSERT(options.rx_frame_count > 0 && options.tx_frame_count > 0 && options.frame_len > 0);
    rx_free_.reserve(options.rx_frame_count);
    tx_free_.reserve(options.tx_frame_count);
    pending_.reserve(options.tx_frame_count);
    sent_.reserve(options.tx_frame_count);
    for (std::uint32_t i = options.rx_frame_count; i > 0; --i) {
        rx_free_.push_back(i - 1);
    }
    for (std::uint32_t i = options.tx_frame_count; i > 0; --i) {
        tx_free_.push_back(i - 1);
    }
}

MemoryPort::~MemoryPort() = default;

MutableBytes MemoryPort::rx_frame(std::uint32_t index) noexcept {
    return MutableBytes{rx_memory_}.subspan(std::size_t{index} * frame_len_, frame_len_);
}

MutableBytes MemoryPort::tx_frame(std::uint32_t index) noexcept {
    return MutableBytes{tx_memory_}.subspan(std::size_t{index} * frame_len_, frame_len_);
}

bool MemoryPort::inject(ByteView frame, std::uint32_t ifindex, std::chrono::nanoseconds waited) {
    XD_ASSERT(ifindex != 0);
    if (frame.size() > frame_len_) {
        counters_.rx_truncated.add();
        return false;
    }
    if (rx_free_.empty()) {
        return false;
    }
    const std::uint32_t index = rx_free_.back();
    rx_free_.pop_back();
    rx_state_[index] = State::kQueued;
    copy_bytes(rx_frame(index).data(), frame);
    // One slot per frame, so the ring cannot be full.
    std::size_t tail = arrivals_head_ + arrivals_count_;
    tail -= tail >= arrivals_.size() ? arrivals_.size() : 0;
    arrivals_[tail] = {.index = index,
                       .len = static_cast<std::uint32_t>(frame.size()),
                       .ifindex = ifindex,
                       .waited = waited};
    ++arrivals_count_;
    return true;
}

std::size_t MemoryPort::receive(std::span<RxFrame> batch) {
    const std::size_t count = std::min(batch.size(), arrivals_count_);
    for (RxFrame& out : batch.first(count)) {
        const Arrival& arrival = arrivals_[arrivals_head_];
        XD_ASSERT(rx_state_[arrival.index] == State::kQueued);
        rx_state_[arrival.index] = State::kOut;
        out = {.bytes = rx_frame(arrival.index).first(arrival.len),
               .ifindex = arrival.ifindex,
               .token = arrival.index,
               .waited = arrival.waited};
        arrivals_head_ = arrivals_head_ + 1 == arrivals_.size() ? 0 : arrivals_head_ + 1;
    }
    arrivals_count_ -= count;
    counters_.rx_frames.add(count);
    return count;
}

void MemoryPort::release(std::span<const RxFrame> batch) {
    for (const RxFrame& frame : batch) {
        const auto index = static_cast<std::uint32_t>(frame.token);
        XD_ASSERT(index < rx_state_.size() && rx_state_[index] == State::kOut);
        rx_state_[index] = State::kFree;
        rx_free_.push_back(index);
    }
}

std::optional<TxFrame> MemoryPort::lend() {
    if (tx_free_.empty()) {
        counters_.tx_no_frame.add();
        return std::nullopt;
    }
    const std::uint32_t index = tx_free_.back();
    tx_free_.pop_back();
    tx_state_[index] = State::kOut;
    return TxFrame{*this, tx_frame(index), index};
}

void MemoryPort::take_back(std::uint64_t token) noexcept {
    const auto index = static_cast<std::uint32_t>(token);
    XD_ASSERT(index < tx_state_.size() && tx_state_[index] == State::kOut);
    tx_state_[index] = State::kFree;
    tx_free_.push_back(index);
}

void MemoryPort::submit(TxFrame frame, const TxInfo& info) {
    const auto index = static_cast<std::uint32_t>(frame.token());
    XD_ASSERT(index < tx_state_.size() && tx_state_[index] == State::kOut);
    XD_ASSERT(info.frame_len > 0 && info.frame_len <= frame_len_);
    frame.forget();
    tx_state_[index] = State::kQueued;
    info_[index] = info;
    pending_.push_back(index);
}

void MemoryPort::flush() {
    if (pending_.empty()) {
        return;
    }
    sent_.insert(sent_.end(), pending_.begin(), pending_.end());
    counters_.tx_frames.add(pending_.size());
    counters_.kicks.add();
    pending_.clear();
}

std::vector<std::vector<std::byte>> MemoryPort::take_sent() {
    std::vector<std::vector<std::byte>> frames;
    frames.reserve(sent_.size());
    static_cast<void>(drain_sent([&frames](ByteView frame, const TxInfo&) {
        frames.emplace_back(frame.begin(), frame.end());
    }));
    return frames;
}

std::size_t MemoryPort::reclaim_sent() noexcept {
    const std::size_t count = sent_.size();
    for (const std::uint32_t index : sent_) {
        tx_state_[index] = State::kFree;
        tx_free_.push_back(index);
    }
    sent_.clear();
    return count;
}

}  // namespace xdhcpd
