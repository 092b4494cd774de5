#include "control/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace xdhcpd::control {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

// Length of the well-formed sequence at the start of `text`, 0 if there is none (RFC 3629 section
// 4).
[[nodiscard]] std::size_t sequence_len(std::string_view text) noexcept {
    const auto at = [&](std::size_t index) -> unsigned {
        return index < text.size() ? static_cast<unsigned char>(text[index]) : 0;
    };
    const auto is_tail = [&](std::size_t index) { return (at(index) & 0xc0) == 0x80; };
    const auto between = [&](unsigned low, unsigned high) { return low <= at(1) && at(1) <= high; };
    const unsigned first = at(0);
    if (first < 0x80) {
        return 1;
    }
    if (0xc2 <= first && first <= 0xdf) {
        return is_tail(1) ? 2 : 0;
    }
    if (0xe0 <= first && first <= 0xef) {  // no overlong forms, no surrogates
        const bool second = first == 0xe0   ? between(0xa0, 0xbf)
                            : first == 0xed ? between(0x80, 0x9f)
                                            : is_tail(1);
        return second && is_tail(2) ? 3 : 0;
    }
    if (0xf0 <= first && first <= 0xf4) {  // no overlong forms, nothing above U+10FFFF
        const bool second = first == 0xf0   ? between(0x90, 0xbf)
                            : first == 0xf4 ? between(0x80, 0x8f)
                                            : is_tail(1);
        return second && is_tail(2) && is_tail(3) ? 4 : 0;
    }
    return 0;
}

[[nodiscard]] std::string_view name_of(model::IdentifierKind kind) noexcept {
    switch (kind) {
        case model::IdentifierKind::kHwAddress:
            return "hw-address";
        case model::IdentifierKind::kClientId:
            return "client-id";
        case model::IdentifierKind::kCircuitId:
            return "circuit-id";
        case model::IdentifierKind::kRemoteId:
            return "remote-id";
    }
    return "identifier";
}

[[nodiscard]] bool is_printable(ByteView bytes) noexcept {
    return !bytes.empty() && std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) {
        const auto value = std::to_integer<unsigned>(byte);
        return 0x20 <= value && value < 0x7f;
    });
}

}  // namespace

std::string to_utf8(ByteView bytes) {
    std::string_view rest = as_text(bytes);
    std::string result;
    result.reserve(rest.size());
    while (!rest.empty()) {
        const std::size_t len = sequence_len(rest);
        result += len == 0 ? kReplacement : rest.substr(0, len);
        rest.remove_prefix(std::max<std::size_t>(len, 1));
    }
    return result;
}

std::string format_duration(std::uint32_t seconds) {
    if (seconds == 0xffffffff) {
        return "infinite";
    }
    struct Unit {
        std::uint32_t seconds;
        char letter;
    };
    constexpr std::array<Unit, 3> kUnits{{{86400, 'd'}, {3600, 'h'}, {60, 'm'}}};
    for (const Unit unit : kUnits) {
        if (seconds != 0 && seconds % unit.seconds == 0) {
            return std::to_string(seconds / unit.seconds) + unit.letter;
        }
    }
    return std::to_string(seconds) + 's';
}

double to_seconds(BootTime::duration duration) noexcept {
    return std::chrono::duration<double>{duration}.count();
}

std::string whole_seconds(BootTime::duration duration) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count()) +
           " s";
}

std::string format_time(std::int64_t unix_seconds) {
    constexpr std::int64_t kLast = 253402300799;  // 9999-12-31T23:59:59Z
    const std::time_t time = std::clamp<std::int64_t>(unix_seconds, 0, kLast);
    std::tm parts{};
    gmtime_r(&time, &parts);
    std::array<char, 32> text{};
    const std::size_t len = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {text.data(), len};
}

std::string describe(const model::Identifier& identifier) {
    std::string text{name_of(identifier.kind)};
    text += ' ';
    const ByteView value = identifier.value;
    if (identifier.kind == model::IdentifierKind::kHwAddress) {
        constexpr std::byte kEthernet{1};
        const bool ethernet = value.size() == 1 + Mac::kLen && value[0] == kEthernet;
        return text + (ethernet ? to_string(Mac::load(value.data() + 1)) : to_hex(value));
    }
    if (is_printable(value)) {
        text += '\'';
        text += as_text(value);
        return text + '\'';
    }
    return text + "0x" + to_hex(value, 0);
}

std::string describe(const VlanTags& tags) {
    std::string text;
    for (const VlanTag tag : tags.view()) {
        if (!text.empty()) {
            text += '.';
        }
        text += std::to_string(tag.vid());
    }
    return text;
}

std::optional<std::vector<std::byte>> parse_hex_bytes(std::string_view text) {
    if (text.starts_with("0x")) {
        text.remove_prefix(2);
    }
    std::vector<std::byte> bytes;
    const bool separated = text.size() > 2 && (text[2] == ':' || text[2] == '-');
    const std::size_t step = separated ? 3 : 2;
    for (std::size_t at = 0; at < text.size(); at += step) {
        if (separated && at != 0 && text[at - 1] != text[2]) {
            return std::nullopt;
        }
        const std::string_view pair = text.substr(at, 2);
        unsigned value = 0;
        const auto [end, error] =
            std::from_chars(pair.data(), pair.data() + pair.size(), value, 16);
        if (pair.size() != 2 || error != std::errc{} || end != pair.data() + 2) {
            return std::nullopt;
        }
        bytes.push_back(static_cast<std::byte>(value));
    }
    if (bytes.empty() || bytes.size() * step - (separated ? 1 : 0) != text.size()) {
        return std::nullopt;
    }
    return bytes;
}

}  // namespace xdhcpd::control
