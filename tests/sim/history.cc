#include "sim/history.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "base/addresses.h"

namespace xdhcpd::sim {
namespace {

// How values are shown: n number, i signed number, a address, t message type, x hexadecimal.
struct Form {
    std::string_view name;
    std::array<std::string_view, 4> values{};
};

constexpr std::array<Form, static_cast<std::size_t>(What::kCount)> kForms{{
    {"sent", {"nclient", "t", "a", "xxid"}},
    {"lost", {"nclient", "t", "xxid"}},
    {"arrived", {"nworker", "nclient", "t", "xxid"}},
    {"step", {"nworker", "nreceived", "ntaken over", "nsent"}},
    {"reply", {"nclient", "t", "a", "nlease"}},
    {"heard", {"nclient", "t", "a"}},
    {"turn", {"ncalls"}},
    {"merge", {"ncalls"}},
    {"passed", {"nms"}},
    {"wall clock stepped", {"is"}},
    {"disk will fail", {"nerrno", "nfirst", "ncount"}},
    {"power will fail", {"ncall"}},
    {"stall", {"n"}},
    {"no space", {"n"}},
    {"power lost", {"nloss"}},
    {"killed", {}},
    {"stopped", {"ndurable"}},
    {"started", {"nworkers", "nleases", "nformer"}},
    {"start refused", {"nfaulty"}},
    {"reloaded", {"npool", "npool", "npool"}},
    {"erased", {"a"}},
    {"imported", {"nclient", "a", "ndone"}},
    {"audit", {"nclaims"}},
    {"audit asks", {"nclient", "a"}},
}};

constexpr std::array<std::string_view, 9> kTypes{
    "none", "DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM"};
// Of DHCPv6, behind kFirstOfDhcp6.
constexpr std::array<std::string_view, 10> kTypes6{"none",    "Solicit", "Advertise", "Request",
                                                   "Confirm", "Renew",   "Rebind",    "Reply",
                                                   "Release", "Decline"};
constexpr std::uint32_t kFirstOfDhcp6 = 0x600;

[[nodiscard]] std::string shown(std::string_view form, std::uint32_t value) {
    std::string text{form.substr(1)};
    text += text.empty() ? "" : " ";
    switch (form[0]) {
        case 'a':
            return text + to_string(Ipv4{value});
        case 't':
            return text + std::string{value < kFirstOfDhcp6
                                          ? kTypes[std::min<std::size_t>(value, kTypes.size() - 1)]
                                          : kTypes6[std::min<std::size_t>(value - kFirstOfDhcp6,
                                                                          kTypes6.size() - 1)]};
        case 'i':
            return text + std::to_string(static_cast<std::int32_t>(value));
        case 'x': {
            std::array<char, 16> digits{};
            static_cast<void>(std::snprintf(digits.data(), digits.size(), "%x", value));
            return text + digits.data();
        }
        default:
            return text + std::to_string(value);
    }
}

}  // namespace

void History::add(Nanoseconds time, What what, std::uint32_t a, std::uint32_t b, std::uint32_t c,
                  std::uint32_t d) {
    Event& event = events_[count_++ % kKept];
    event = {time, what, {a, b, c, d}};
    const auto mix = [this](std::uint64_t value) {
        hash_ = (hash_ ^ value) * 0x100000001b3;
        hash_ ^= hash_ >> 29;
    };
    mix(static_cast<std::uint64_t>(time));
    mix(static_cast<std::uint64_t>(what));
    for (const std::uint32_t value : event.values) {
        mix(value);
    }
}

std::string History::text(std::size_t max) const {
    const std::uint64_t shown_count = std::min<std::uint64_t>({max, kKept, count_});
    std::string text;
    for (std::uint64_t i = count_ - shown_count; i < count_; ++i) {
        const Event& event = events_[i % kKept];
        std::array<char, 48> time{};
        static_cast<void>(std::snprintf(time.data(), time.size(), "%10.3f  ",
                                        static_cast<double>(event.time) / double{kSecond}));
        const Form& form = kForms[static_cast<std::size_t>(event.what)];
        text += time.data();
        text += form.name;
        for (std::size_t value = 0; value < form.values.size(); ++value) {
            if (!form.values[value].empty()) {
                text += ", " + shown(form.values[value], event.values[value]);
            }
        }
        text += '\n';
    }
    return text;
}

}  // namespace xdhcpd::sim
