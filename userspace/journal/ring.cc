#include "journal/ring.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <bit>

#include "base/assert.h"
#include "journal/codec/record.h"

namespace xdhcpd::journal {
namespace {

constexpr std::size_t kMinRingLen = std::size_t{64} << 10;

// A record of this length is none: the next one is at the start of the ring.
constexpr std::uint16_t kSkip = 0;

}  // namespace

Waker::Waker() : fd_{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)} {
    XD_ASSERT(fd_ >= 0);
}

Waker::~Waker() {
    close(fd_);
}

void Waker::wake() noexcept {
    if (sleeping_.load() && sleeping_.exchange(false)) {
        const std::uint64_t one = 1;
        static_cast<void>(!write(fd_, &one, sizeof one));  // full means that it is readable already
    }
}

void Waker::sleep(int timeout_ms) noexcept {
    pollfd waiting{fd_, POLLIN, 0};
    static_cast<void>(poll(&waiting, 1, timeout_ms));
    withdraw();
    std::uint64_t count = 0;
    static_cast<void>(!read(fd_, &count, sizeof count));
}

Ring::Ring(std::size_t len, bool early, Waker& waker)
    : mask_{std::bit_ceil(std::max(len, kMinRingLen)) - 1},
      bytes_{std::make_unique<std::byte[]>(mask_ + 1)},
      early_{early},
      waker_{waker} {}

std::size_t Ring::room() noexcept {
    return len() - static_cast<std::size_t>(written_ - seen_released_);
}

bool Ring::has_room(std::size_t states) noexcept {
    // One more, because the end of the ring may be too short for the next record.
    const std::size_t needed = (states + 1) * kMaxRecordLen;
    if (room() < needed) {
        seen_released_ = released_.load(std::memory_order_acquire);
    }
    return room() >= needed;
}

std::uint64_t Ring::append(const UnitState& state) noexcept {
    const std::size_t len_needed = encoded_len(state);
    const std::size_t until_end = len() - static_cast<std::size_t>(written_ & mask_);
    std::byte* to = bytes_.get() + (written_ & mask_);
    if (until_end < len_needed) {
        store_le(to + record_layout::kLen, kSkip);
        written_ += until_end;
        to = bytes_.get();
    }
    XD_ASSERT(room() >= len_needed);
    written_ += encode(state, {to, len_needed});
    ++written_states_;
    return written_;
}

void Ring::kick() noexcept {
    if (written_ == published_) {
        return;
    }
    published_ = written_;
    appended_states_.store(written_states_, std::memory_order_relaxed);
    appended_.store(written_);  // in one order with the sleeper's flag
    waker_.wake();
}

std::size_t Ring::undurable_len() const noexcept {
    // In this order, because both only grow.
    const std::uint64_t released = released_.load(std::memory_order_acquire);
    return static_cast<std::size_t>(appended_.load(std::memory_order_acquire) - released);
}

std::uint64_t Ring::undurable_states() const noexcept {
    const std::uint64_t released = released_states_.load(std::memory_order_acquire);
    return appended_states_.load(std::memory_order_acquire) - released;
}

ByteView Ring::take() noexcept {
    if (!has_waiting()) {
        return {};
    }
    const std::byte* from = bytes_.get() + (taken_ & mask_);
    std::size_t record_len = load_le<std::uint16_t>(from + record_layout::kLen);
    if (record_len == kSkip) {
        taken_ += len() - (taken_ & mask_);
        from = bytes_.get();
        record_len = load_le<std::uint16_t>(from + record_layout::kLen);
    }
    taken_ += record_len;
    ++taken_states_;
    return {from, record_len};
}

bool Ring::release() noexcept {
    if (taken_ == released_.load(std::memory_order_relaxed)) {
        return false;
    }
    released_states_.store(taken_states_, std::memory_order_release);
    released_.store(taken_);
    return true;
}

void Ring::rewind() noexcept {
    taken_ = released_.load(std::memory_order_relaxed);
    taken_states_ = released_states_.load(std::memory_order_relaxed);
}

}  // namespace xdhcpd::journal
