// Any sequence of solicitations, changes and waiting, with what RFC 4861 sections 6.2.4 and 6.2.6
// ask for checked at every step. Input: a byte of settings, then steps of three bytes: what, who,
// time.
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>

#include "base/assert.h"
#include "engine/v6/ra_schedule.h"

namespace {

using namespace xdhcpd;              // NOLINT(google-build-using-namespace): no header
using namespace xdhcpd::engine::v6;  // NOLINT(google-build-using-namespace)

class Machine {
  public:
    explicit Machine(std::uint8_t settings)
        : min_{3u + settings % 16},
          max_{min_ + settings / 16 * 100u},
          schedule_{min_, max_, now_, settings} {}

    void step(const std::uint8_t* bytes) {
        switch (bytes[0] % 8) {
            case 0:
                schedule_.restart(min_, max_, now_);
                break;
            case 1:
                schedule_.solicit(Ipv6{}, {}, true, now_);
                asked_all_ = asked_all_ ? asked_all_ : std::optional{now_};
                break;
            case 2:
                schedule_.solicit(host(bytes[1]), {}, false, now_);
                asked_all_ = asked_all_ ? asked_all_ : std::optional{now_};
                break;
            default:
                schedule_.solicit(host(bytes[1]), {}, true, now_);
                waiting_.emplace(host(bytes[1]), now_);
                is_crowded_ = is_crowded_ || waiting_.size() > RaSchedule::kMaxWaiting;
        }
        const BootTime until =
            now_ + std::chrono::milliseconds{bytes[2] < 128 ? bytes[2] : (bytes[2] - 127) * 500};
        while (schedule_.due_at() <= until) {
            now_ = std::max(now_, schedule_.due_at());
            const auto due = schedule_.next(now_);
            XD_ASSERT(due);
            due->to ? unicast(*due->to) : multicast();
        }
        XD_ASSERT(!schedule_.next(until));
        now_ = until;
        check();
    }

  private:
    [[nodiscard]] static Ipv6 host(std::uint8_t number) {
        Ipv6 address = Ipv6::of_groups({0xfe80, 0, 0, 0, 0, 0, 0, 0});
        address.octets[15] = static_cast<std::byte>(number);
        return address;
    }
    void unicast(const Ipv6& to) {
        const auto asked = waiting_.find(to);
        XD_ASSERT(asked != waiting_.end());
        // Who found no room may have asked once more.
        XD_ASSERT(is_crowded_ || now_ - asked->second <= kMaxDelay);
        waiting_.erase(asked);
    }
    void multicast() {
        XD_ASSERT(!last_ || now_ - *last_ >= kMinSpacing);
        last_ = now_;
        waiting_.clear();
        is_crowded_ = false;
        asked_all_.reset();
    }
    void check() const {
        const auto longest = kMinSpacing + kMaxDelay;
        for (const auto& [who, at] : waiting_) {
            XD_ASSERT(now_ - at <= longest);  // who found no room waits for a multicast
        }
        XD_ASSERT(!asked_all_ || now_ - *asked_all_ <= longest);
        XD_ASSERT(!last_ || now_ - *last_ <= std::chrono::seconds{max_} + kMinSpacing);
    }

    BootTime now_{std::chrono::seconds{1000}};
    std::uint32_t min_;
    std::uint32_t max_;
    RaSchedule schedule_;
    std::optional<BootTime> last_;
    std::optional<BootTime> asked_all_;  // the first that only a multicast answers
    std::map<Ipv6, BootTime> waiting_;   // when they asked first, since they were answered
    bool is_crowded_ = false;            // more than have room
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t kStepLen = 3;
    if (size == 0 || size > 8192) {
        return 0;
    }
    Machine machine{data[0]};
    for (std::size_t at = 1; at + kStepLen <= size; at += kStepLen) {
        machine.step(data + at);
    }
    return 0;
}
