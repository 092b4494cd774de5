// Ring: states on their way from one worker to the disk. Single producer (the worker), single
// consumer (the journal thread). A state stays in the ring until it is on stable storage, so that
// it can be written again elsewhere when a disk fails. No allocation, no lock, and no system call
// but the wake-up in kick().
//
//   producer   has_room() -> [decide] -> append() ... append() -> kick()   once per batch
//              durable() >= what append() returned: the reply may leave
//   consumer   take() ... take() -> write -> sync -> release(); after a failure rewind() and again
//
// A sequence is a place in the endless stream of bytes that has gone through the ring.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "journal/codec/unit_state.h"

namespace xdhcpd::journal {

// Wakes the journal thread when it sleeps; any thread. Producers publish, then look at the flag;
// the journal thread sets the flag, then looks at what was published; both in one total order, so
// one of them sees the other.
class Waker {
  public:
    Waker();
    Waker(const Waker&) = delete;
    Waker& operator=(const Waker&) = delete;
    ~Waker();

    // Any thread, after it has published something. A system call only when the sleeper sleeps.
    void wake() noexcept;

    // The sleeper: announce(), look for work once more, then sleep() or, if there is work,
    // withdraw(). sleep() ends with wake() or after `timeout_ms` (negative: never).
    void announce() noexcept { sleeping_.store(true); }
    void withdraw() noexcept { sleeping_.store(false); }
    void sleep(int timeout_ms) noexcept;

  private:
    std::atomic<bool> sleeping_{false};
    int fd_;  // an eventfd
};

class Ring {
  public:
    // `len` is rounded up to a power of two of at least 64 KiB. `early`: an appended state counts
    // as durable at once (durability async).
    Ring(std::size_t len, bool early, Waker& waker);
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    // Producer's thread -----------------------------------------------------------------------

    // Whether so many states may be appended, each counted at its greatest length. Ask before you
    // decide: what would have to be stored and cannot be is not decided at all. False means that
    // the disk is behind by a whole ring, or fails.
    [[nodiscard]] bool has_room(std::size_t states = 1) noexcept;
    // Puts the state behind the others; returns the sequence under which it will be durable.
    // Requires has_room() and state.fits(). Its way to the disk begins with kick().
    std::uint64_t append(const UnitState& state) noexcept;
    // Hands over what has been appended since the last kick(), and wakes the journal thread if it
    // sleeps. Cheap when nothing was appended.
    void kick() noexcept;

    // Any thread ------------------------------------------------------------------------------

    // All states with sequences <= this count as stored: on stable storage, or appended when
    // durability is async. Starts at 0, never falls.
    [[nodiscard]] std::uint64_t durable() const noexcept {
        return early_ ? appended_.load(std::memory_order_acquire)
                      : released_.load(std::memory_order_acquire);
    }
    // Handed over and not on stable storage (async: nor synced).
    [[nodiscard]] std::size_t undurable_len() const noexcept;
    [[nodiscard]] std::uint64_t undurable_states() const noexcept;
    [[nodiscard]] std::size_t len() const noexcept { return mask_ + 1; }

    // Journal thread --------------------------------------------------------------------------

    // Something was handed over that has not been taken.
    [[nodiscard]] bool has_waiting() const noexcept { return taken_ != appended_.load(); }
    // The next state as an encoded record, not stamped yet; empty when none waits. Valid until it
    // is released.
    [[nodiscard]] ByteView take() noexcept;
    // All that was taken up to now is stored: gives its room back and moves durable(). True if that
    // moved.
    bool release() noexcept;
    // All that was taken and not released waits again.
    void rewind() noexcept;

  private:
    [[nodiscard]] std::size_t room() noexcept;

    std::size_t mask_;
    std::unique_ptr<std::byte[]> bytes_;
    const bool early_;
    Waker& waker_;

    // The producer's; published by kick().
    alignas(64) std::uint64_t written_ = 0;
    std::uint64_t written_states_ = 0;
    std::uint64_t seen_released_ = 0;
    std::uint64_t published_ = 0;
    alignas(64) std::atomic<std::uint64_t> appended_{0};
    std::atomic<std::uint64_t> appended_states_{0};

    // The journal thread's; published by release().
    alignas(64) std::uint64_t taken_ = 0;
    std::uint64_t taken_states_ = 0;
    alignas(64) std::atomic<std::uint64_t> released_{0};
    std::atomic<std::uint64_t> released_states_{0};
};

}  // namespace xdhcpd::journal
