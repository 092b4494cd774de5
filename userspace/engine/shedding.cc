#include "engine/shedding.h"

namespace xdhcpd::engine {

namespace {

// `is_first`: what comes before an address is asked for; `is_second`: what asks for one.
[[nodiscard]] std::optional<Shed> shed(bool is_first, bool is_second, bool is_stale,
                                       Load load) noexcept {
    if (!is_first && !is_second) {
        return std::nullopt;
    }
    if (is_stale) {
        return Shed::kStale;
    }
    if (is_first && load != Load::kNormal) {
        return Shed::kDiscover;
    }
    if (is_second && load == Load::kExtreme) {
        return Shed::kRequest;
    }
    return std::nullopt;
}

}  // namespace

Load load_of(unsigned fill_permille, std::chrono::nanoseconds waited) noexcept {
    if (fill_permille >= kExtremeFillPermille || waited >= kExtremeWait) {
        return Load::kExtreme;
    }
    return fill_permille >= kHighFillPermille || waited >= kHighWait ? Load::kHigh : Load::kNormal;
}

std::optional<Shed> shed(const dhcp4::MessageView& message, std::chrono::nanoseconds waited,
                         Load load) noexcept {
    using dhcp4::MessageType;
    const MessageType type = message.type();
    const bool is_discover = type == MessageType::kDiscover || type == MessageType::kInform;
    // RFC 2131 section 4.3.2: RENEWING and REBINDING fill ciaddr in, the other states do not.
    const bool is_first_request = type == MessageType::kRequest && message.ciaddr().is_zero();
    return shed(is_discover, is_first_request, waited >= kStaleWait, load);
}

std::optional<Shed> shed(dhcp6::MessageType type, std::chrono::nanoseconds waited,
                         Load load) noexcept {
    using dhcp6::MessageType;
    return shed(type == MessageType::kSolicit || type == MessageType::kInformationRequest,
                type == MessageType::kRequest || type == MessageType::kConfirm,
                waited >= kStaleWait6, load);
}

}  // namespace xdhcpd::engine
