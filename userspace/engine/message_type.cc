#include "engine/message_type.h"

namespace xdhcpd::engine {

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
    return code_ == 0 ? "unknown" : nd::name(static_cast<nd::MessageType>(code_));
}

std::string MessageType::full_name() const {
    std::string text;
    if (protocol_ != Protocol::kDhcp4) {
        text = engine::name(protocol_);
        text += '.';
    }
    text += name();
    return text;
}

}  // namespace xdhcpd::engine
