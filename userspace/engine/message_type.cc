#include "engine/message_type.h"

namespace xdhcpd::engine {
namespace {

constexpr std::size_t kDhcp6Start = dhcp4::kMessageTypeCount;
constexpr std::size_t kNdStart = kDhcp6Start + dhcp6::kMessageTypeCount;
// Codes of Neighbor Discovery begin here; the place in front of them is for none.
constexpr std::uint8_t kFirstNd = static_cast<std::uint8_t>(nd::MessageType::kRouterSolicitation);

}  // namespace

std::string_view name(Protocol protocol) noexcept {
    switch (protocol) {
        case Protocol::kDhcp4:
            return "dhcp4";
        case Protocol::kDhcp6:
            return "dhcp6";
        case Protocol::kNd:
            break;
    }
    return "nd";
}

std::size_t MessageType::index() const noexcept {
    switch (protocol_) {
        case Protocol::kDhcp4:
            return code_ < dhcp4::kMessageTypeCount ? code_ : 0;
        case Protocol::kDhcp6:
            return kDhcp6Start + (code_ < dhcp6::kMessageTypeCount ? code_ : 0);
        case Protocol::kNd:
            break;
    }
    const bool is_known = code_ >= kFirstNd && code_ - kFirstNd + 1u < kNdCount;
    return kNdStart + (is_known ? code_ - kFirstNd + 1u : 0u);
}

MessageType MessageType::from_index(std::size_t index) noexcept {
    MessageType type;
    if (index < kDhcp6Start) {
        type.code_ = static_cast<std::uint8_t>(index);
    } else if (index < kNdStart) {
        type.protocol_ = Protocol::kDhcp6;
        type.code_ = static_cast<std::uint8_t>(index - kDhcp6Start);
    } else {
        type.protocol_ = Protocol::kNd;
        type.code_ = index == kNdStart
                         ? std::uint8_t{0}
                         : static_cast<std::uint8_t>(kFirstNd + (index - kNdStart - 1));
    }
    return type;
}

std::string_view MessageType::name() const noexcept {
    switch (protocol_) {
        case Protocol::kDhcp4:
            return dhcp4::name(static_cast<dhcp4::MessageType>(code_));
        case Protocol::kDhcp6:
            return dhcp6::name(static_cast<dhcp6::MessageType>(code_));
        case Protocol::kNd:
            break;
    }
    return code_ == 0 ? "none" : nd::name(static_cast<nd::MessageType>(code_));
}

}  // namespace xdhcpd::engine
