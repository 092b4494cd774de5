#include "journal/codec/clock_file.h"

#include <array>
#include <charconv>
#include <optional>

#include "base/bytes.h"
#include "journal/codec/crc32c.h"

namespace xdhcpd::journal {
namespace {

constexpr std::string_view kHeading = "xdhcpd clock ";
constexpr std::uint32_t kFormat = 2;
constexpr std::size_t kChecksumDigits = 8;

[[nodiscard]] std::string checksum_of(std::string_view text) {
    std::uint32_t value = crc32c(Seed{}, as_bytes(text));
    std::string digits(kChecksumDigits, '0');
    for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit, value >>= 4) {
        *digit = "0123456789abcdef"[value & 0xf];
    }
    return digits;
}

// Takes a number and what must follow it off the front of `text`.
template <typename Number>
[[nodiscard]] std::optional<Number> take_number(std::string_view& text, char behind) noexcept {
    Number value{};
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    if (read.ec != std::errc{} || read.ptr == end || *read.ptr != behind) {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()) + 1);
    return value;
}

}  // namespace

std::string_view to_text(ClockFileError error) noexcept {
    return error == ClockFileError::kNewerFormat
               ? "has a newer format: it needs a newer xdhcpd"
               : "is damaged: remove it if the wall clock is right";
}

std::string encode_clock(std::int64_t difference) {
    const std::string text =
        std::string{kHeading} + std::to_string(kFormat) + "\n" + std::to_string(difference);
    return text + " " + checksum_of(text) + "\n";
}

Result<std::int64_t, ClockFileError> decode_clock(std::string_view text) {
    const Unexpected damaged{ClockFileError::kDamaged};
    const std::string_view whole = text;
    if (!text.starts_with(kHeading)) {
        return damaged;
    }
    text.remove_prefix(kHeading.size());
    const auto format = take_number<std::uint32_t>(text, '\n');
    if (!format || *format == 0) {
        return damaged;
    }
    if (*format > kFormat) {
        return Unexpected{ClockFileError::kNewerFormat};
    }
    const auto difference = take_number<std::int64_t>(text, *format == 1 ? '\n' : ' ');
    if (!difference || *difference > kMaxClockDifference || *difference < -kMaxClockDifference) {
        return damaged;
    }
    if (*format == 1) {
        return text.empty() ? Result<std::int64_t, ClockFileError>{*difference} : damaged;
    }
    const std::string_view summed = whole.substr(0, whole.size() - text.size() - 1);
    if (text != checksum_of(summed) + "\n") {
        return damaged;
    }
    return *difference;
}

}  // namespace xdhcpd::journal
