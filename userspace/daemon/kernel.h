// What only the kernel knows: a clock and chance. Any thread.
#pragma once

#include <sys/random.h>

#include <chrono>
#include <cstdint>
#include <ctime>
#include <span>

#include "base/bytes.h"
#include "base/time.h"

namespace xdhcpd::daemon {

// CLOCK_BOOTTIME.
[[nodiscard]] inline BootTime boot_time() noexcept {
    timespec time{};
    static_cast<void>(clock_gettime(CLOCK_BOOTTIME, &time));
    return BootTime{std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec}};
}
[[nodiscard]] inline BootSeconds boot_seconds() noexcept {
    return to_boot_seconds(boot_time());
}
// The wall clock, in seconds.
[[nodiscard]] inline std::uint64_t unix_seconds() noexcept {
    return static_cast<std::uint64_t>(std::time(nullptr));
}

// Unpredictable bytes, at most 256. Blocks only before the kernel has gathered its first entropy,
// and cannot fail otherwise.
inline void fill_random(std::span<std::byte> bytes) noexcept {
    while (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    }
}
[[nodiscard]] inline std::uint64_t random_number() noexcept {
    std::uint64_t value = 0;
    fill_random(std::as_writable_bytes(std::span{&value, 1}));
    return value;
}

}  // namespace xdhcpd::daemon
