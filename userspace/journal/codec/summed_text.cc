#include "journal/codec/summed_text.h"

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "journal/codec/crc32c.h"

namespace xdhcpd::journal {
namespace {

constexpr std::string_view kLabel = "crc32c ";
constexpr std::size_t kDigits = 8;
constexpr std::size_t kSumLineLen = kLabel.size() + kDigits + 1;

[[nodiscard]] std::array<char, kDigits> sum_of(std::string_view text) noexcept {
    std::array<char, kDigits> digits{};
    std::uint32_t value = crc32c(Seed{}, as_bytes(text));
    for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit, value >>= 4) {
        *digit = "0123456789abcdef"[value & 0xf];
    }
    return digits;
}

}  // namespace

std::string add_sum(std::string text) {
    const auto sum = sum_of(text);
    text += kLabel;
    text.append(sum.data(), sum.size());
    text += '\n';
    return text;
}

std::optional<std::string_view> without_sum(std::string_view file) noexcept {
    if (file.size() < kSumLineLen) {
        return std::nullopt;
    }
    const std::string_view text = file.substr(0, file.size() - kSumLineLen);
    std::string_view line = file.substr(text.size());
    const auto sum = sum_of(text);
    if (!line.starts_with(kLabel) || line.back() != '\n' ||
        line.substr(kLabel.size(), kDigits) != std::string_view{sum.data(), sum.size()} ||
        (!text.empty() && text.back() != '\n')) {
        return std::nullopt;
    }
    return text;
}

}  // namespace xdhcpd::journal
