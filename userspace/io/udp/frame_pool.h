// FramePool: numbered frames of one length, each free, out with a user, or waiting to be sent. A
// step from a wrong state stops the process. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/assert.h"
#include "base/bytes.h"

namespace xdhcpd {

class FramePool {
  public:
    FramePool(std::uint32_t count, std::size_t frame_len)
        : frame_len_{frame_len}, memory_(count * frame_len), states_(count, State::kFree) {
        for (std::uint32_t index = count; index > 0; --index) {
            free_.push_back(index - 1);
        }
    }

    [[nodiscard]] std::uint32_t count() const noexcept {
        return static_cast<std::uint32_t>(states_.size());
    }
    [[nodiscard]] std::size_t free_count() const noexcept { return free_.size(); }
    [[nodiscard]] std::byte* at(std::uint32_t index) noexcept {
        return memory_.data() + index * frame_len_;
    }
    // The free frame that take() gives after `distance` others.
    [[nodiscard]] std::uint32_t peek(std::size_t distance) const noexcept {
        return free_[free_.size() - 1 - distance];
    }
    [[nodiscard]] std::optional<std::uint32_t> take() noexcept {
        if (free_.empty()) {
            return std::nullopt;
        }
        const std::uint32_t index = free_.back();
        free_.pop_back();
        states_[index] = State::kOut;
        return index;
    }
    // Of the first `used.size()` free frames those that are used become out.
    void take_used(std::span<const bool> used) noexcept {
        const std::size_t first = free_.size() - used.size();
        std::size_t kept = first;
        for (std::size_t i = used.size(); i > 0; --i) {
            const std::uint32_t index = free_[first + used.size() - i];
            if (used[i - 1]) {
                states_[index] = State::kOut;
            } else {
                free_[kept++] = index;
            }
        }
        free_.resize(kept);
    }
    void put_back(std::uint32_t index) noexcept { release(index, State::kOut); }
    void queue(std::uint32_t index) noexcept {
        XD_ASSERT(index < states_.size() && states_[index] == State::kOut);
        states_[index] = State::kQueued;
    }
    void unqueue(std::uint32_t index) noexcept {
        XD_ASSERT(index < states_.size() && states_[index] == State::kQueued);
        states_[index] = State::kOut;
    }
    void put_back_sent(std::uint32_t index) noexcept { release(index, State::kQueued); }

  private:
    enum class State : std::uint8_t { kFree, kOut, kQueued };
    void release(std::uint32_t index, State from) noexcept {
        XD_ASSERT(index < states_.size() && states_[index] == from);
        states_[index] = State::kFree;
        free_.push_back(index);
    }

    std::size_t frame_len_;
    std::vector<std::byte> memory_;
    std::vector<State> states_;
    std::vector<std::uint32_t> free_;
};

}  // namespace xdhcpd
