// WakeUp: lets one thread sleep in poll() and others wake it. A system call only when it sleeps:
// the sleeper says so, looks for work once more, then polls; who brings work publishes it, then
// looks whether the other sleeps. Both in one total order (sequentially consistent), so one of them
// sees the other.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace xdhcpd::worker {

class WakeUp {
  public:
    // Takes the eventfd (non-blocking) and closes it.
    explicit WakeUp(int event_fd) noexcept : event_fd_{event_fd} {}
    WakeUp(const WakeUp&) = delete;
    WakeUp& operator=(const WakeUp&) = delete;
    ~WakeUp() { close(event_fd_); }

    // The sleeper: announce(), look once more, poll fd() or not, then withdraw().
    void announce() noexcept { sleeping_.store(true); }
    void withdraw() noexcept {
        sleeping_.store(false, std::memory_order_relaxed);
        std::uint64_t ignored = 0;
        static_cast<void>(!read(event_fd_, &ignored, sizeof ignored));
    }
    [[nodiscard]] int fd() const noexcept { return event_fd_; }

    // Any thread, behind what it has published.
    void wake() noexcept {
        if (sleeping_.load()) {
            const std::uint64_t one = 1;
            static_cast<void>(!write(event_fd_, &one, sizeof one));
        }
    }

  private:
    std::atomic<bool> sleeping_{false};
    int event_fd_;
};

}  // namespace xdhcpd::worker
