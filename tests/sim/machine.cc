#include "sim/machine.h"

#include <algorithm>
#include <cstdlib>

namespace xdhcpd::sim {

void Machine::settle(std::uint64_t stamp) noexcept {
    const std::int64_t now =
        std::max({wall() - difference_, static_cast<std::int64_t>(stamp / std::uint64_t{kSecond}),
                  uptime()});
    epoch_ = static_cast<std::uint64_t>(now - uptime());
}

void Machine::tick() noexcept {
    const std::int64_t difference = wall() - static_cast<std::int64_t>(epoch_) - uptime();
    if (std::abs(difference - difference_) > kTolerance) {
        difference_ = difference;
    }
}

std::uint64_t Machine::disk_now_ns() const noexcept {
    return epoch_ * std::uint64_t{kSecond} + static_cast<std::uint64_t>(now_ - booted_);
}

}  // namespace xdhcpd::sim
