#include "sim/message6.h"

#include <algorithm>

#include "base/bytes.h"
#include "sim/message.h"

namespace xdhcpd::sim {
namespace {

constexpr std::size_t kMessage = 14 + 40 + 8;

// Calls visit(code, value) for each option; false if one overruns the rest.
template <typename Visit>
[[nodiscard]] bool visit_options(ByteView options, Visit&& visit) {
    while (!options.empty()) {
        if (options.size() < 4 || options.size() - 4 < load_be16(options.data() + 2)) {
            return false;
        }
        const std::size_t len = load_be16(options.data() + 2);
        visit(load_be16(options.data()), options.subspan(4, len));
        options = options.subspan(4 + len);
    }
    return true;
}

[[nodiscard]] Ipv6 address_at(ByteView bytes, std::size_t offset) {
    Ipv6 address;
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), Ipv6::kLen,
                address.octets.begin());
    return address;
}

}  // namespace

std::uint32_t number(const Ipv6Prefix& name) noexcept {
    return load_be32(name.address.octets.data() + (name.length == 128 ? 12 : 4));
}

std::optional<Answer> read_answer6(ByteView frame) {
    if (frame.size() < kMessage + 4 || load_be16(frame.data() + 12) != 0x86dd) {
        return std::nullopt;
    }
    const ByteView message = frame.subspan(kMessage);
    Answer answer;
    Answer6& told = answer.v6.emplace();
    told.type = static_cast<dhcp6::MessageType>(std::to_integer<int>(message[0]));
    answer.xid = load_be32(message.data()) & 0xffffff;
    bool is_well = true;
    const auto read_ia = [&](Ia6 ia, ByteView options) {
        Answer6::Part& part = told.parts.emplace_back();
        part.ia = ia;
        return visit_options(options, [&](int code, ByteView value) {
            std::uint32_t valid = 0;
            Ipv6Prefix name;
            if (code == 5 && value.size() >= 24) {
                name = {address_at(value, 0), 128};
                valid = load_be32(value.data() + 20);
            } else if (code == 26 && value.size() >= 25) {
                name = {address_at(value, 9), std::to_integer<std::uint8_t>(value[8])};
                valid = load_be32(value.data() + 4);
            }
            if (valid != 0) {
                is_well = is_well && !part.lease;
                part.lease = name;
                part.valid = valid;
            }
        });
    };
    const bool is_whole = visit_options(message.subspan(4), [&](int code, ByteView value) {
        if (code == 1 && value.size() == 10) {
            // The inverse of testing::mac().
            answer.client =
                (std::to_integer<int>(value[8]) - 0x53) * 256 + std::to_integer<int>(value[9]);
        } else if (code == 13 && value.size() >= 2) {
            told.status = load_be16(value.data());
        } else if ((code == 3 || code == 25) && value.size() >= 12) {
            const Ia6 ia{static_cast<dhcp6::OptionCode>(code), load_be32(value.data())};
            is_well = read_ia(ia, value.subspan(12)) && is_well;
        }
    });
    return is_whole && is_well ? std::optional{answer} : std::nullopt;
}

}  // namespace xdhcpd::sim
