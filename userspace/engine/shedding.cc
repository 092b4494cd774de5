#include "engine/shedding.h"

namespace xdhcpd::engine {

using dhcp4::MessageType;

Load load_of(unsigned fill_permille, std::chrono::nanoseconds waited) noexcept {
    if (fill_permille >= kExtremeFillPermille || waited >= kExtremeWait) {
        return Load::kExtreme;
    }
    return fill_permille >= kHighFillPermille || waited >= kHighWait ? Load::kHigh : Load::kNormal;
}

std::optional<Shed> shed(const dhcp4::MessageView& message, std::chrono::nanoseconds waited,
                         Load load) noexcept {
    const MessageType type = message.type();
    const bool is_discover = type == MessageType::kDiscover || type == MessageType::kInform;
    // RFC 2131 section 4.3.2: RENEWING and REBINDING fill ciaddr in, the other states do not.
    const bool is_first_request = type == MessageType::kRequest && message.ciaddr().is_zero();
    if (!is_discover && !is_first_request) {
        return std::nullopt;
    }
    if (waited >= kStaleWait) {
        return Shed::kStale;
    }
    if (is_discover && load != Load::kNormal) {
        return Shed::kDiscover;
    }
    if (is_first_request && load == Load::kExtreme) {
        return Shed::kRequest;
    }
    return std::nullopt;
}

}  // namespace xdhcpd::engine
