#include "sim/message.h"

#include "base/bytes.h"

namespace xdhcpd::sim {

std::uint32_t type_number(const Sent& sent) noexcept {
    return sent.v6 ? number(sent.v6->type) : static_cast<std::uint32_t>(sent.type);
}

std::uint32_t type_number(const Answer& answer) noexcept {
    return answer.v6 ? number(answer.v6->type) : static_cast<std::uint32_t>(answer.type);
}

std::uint32_t unit_number(const Sent& sent) noexcept {
    if (!sent.v6) {
        return sent.address.value;
    }
    const bool has_any = !sent.v6->parts.empty() && sent.v6->parts[0].listed;
    return has_any ? number(*sent.v6->parts[0].listed) : 0;
}

std::uint32_t unit_number(const Answer& answer) noexcept {
    if (!answer.v6) {
        return answer.address.value;
    }
    const bool has_any = !answer.v6->parts.empty() && answer.v6->parts[0].lease;
    return has_any ? number(*answer.v6->parts[0].lease) : 0;
}

std::optional<Answer> read_answer(ByteView frame) {
    if (auto answer = read_answer6(frame)) {
        return answer;
    }
    constexpr std::size_t kHeaders = 14 + 20 + 8;
    constexpr std::size_t kOptions = kHeaders + 240;
    if (frame.size() < kOptions || frame[kHeaders] != std::byte{2}) {
        return std::nullopt;
    }
    const auto at = [&](std::size_t offset) { return std::to_integer<int>(frame[offset]); };
    Answer answer;
    answer.xid = load_be32(frame.data() + kHeaders + 4);
    answer.address = Ipv4::load(frame.data() + kHeaders + 16);
    // The inverse of testing::mac().
    answer.client = (at(kHeaders + 28 + 4) - 0x53) * 256 + at(kHeaders + 28 + 5);
    for (std::size_t option = kOptions; option + 1 < frame.size() && at(option) != 255;) {
        if (at(option) == 0) {
            ++option;
            continue;
        }
        const std::byte* const value = frame.data() + option + 2;
        const auto len = static_cast<std::size_t>(at(option + 1));
        if (option + 2 + len > frame.size()) {
            return std::nullopt;
        }
        switch (at(option)) {
            case 51:
                answer.lease_time = load_be32(value);
                break;
            case 53:
                answer.type = static_cast<dhcp4::MessageType>(std::to_integer<int>(*value));
                break;
            case 54:
                answer.server = Ipv4::load(value);
                break;
            default:
                break;
        }
        option += 2 + len;
    }
    return answer;
}

}  // namespace xdhcpd::sim
