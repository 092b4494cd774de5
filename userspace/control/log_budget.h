// LogBudget: so many lines of one kind in a minute, and a count of those that were left out. One
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/time.h"

namespace xdhcpd::control {

class LogBudget {
  public:
    explicit LogBudget(std::uint32_t lines_per_minute) : limit_{lines_per_minute} {}

    // How many lines were left out since the last one, if this one may be written.
    [[nodiscard]] std::optional<std::uint64_t> take(BootTime now) noexcept {
        if (!begun_ || now - *begun_ >= std::chrono::minutes{1}) {
            begun_ = now;
            count_ = 0;
        }
        if (count_ >= limit_) {
            ++left_out_;
            return std::nullopt;
        }
        ++count_;
        return std::exchange(left_out_, 0);
    }

  private:
    std::uint32_t limit_;
    std::optional<BootTime> begun_;
    std::uint32_t count_ = 0;
    std::uint64_t left_out_ = 0;
};

}  // namespace xdhcpd::control
