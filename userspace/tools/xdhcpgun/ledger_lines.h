// What the ledgers of both families have in common: words of a line, and the last line of each
// client. Pure.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace xdhcpd::gun {

// Takes the next word of `line`; empty at its end.
[[nodiscard]] inline std::string_view take_word(std::string_view& line) noexcept {
    const std::size_t len = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, len);
    line.remove_prefix(std::min(len + 1, line.size()));
    return word;
}

template <typename Number>
[[nodiscard]] std::optional<Number> parse_number(std::string_view text) noexcept {
    Number number = 0;
    const char* const end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, number);
    return result.ec == std::errc{} && result.ptr == end ? std::optional{number} : std::nullopt;
}

// The latest entry of each client of a ledger that begins with `header`, in ascending order of MAC
// addresses. `parse_line` gives an optional entry; `meant` is what a line should be.
template <typename Entry, typename ParseLine>
[[nodiscard]] Result<std::vector<Entry>, std::string> parse_lines(std::string_view text,
                                                                  std::string_view header,
                                                                  std::string_view meant,
                                                                  ParseLine&& parse_line) {
    if (text.substr(0, header.size()) != header) {
        return Unexpected{std::string{"line 1: not such a ledger; it begins with '"} +
                          std::string{header.substr(0, header.size() - 1)} + "'"};
    }
    std::vector<Entry> entries;
    std::size_t number = 0;
    while (true) {
        const std::size_t len = text.find('\n');
        if (len == std::string_view::npos) {
            break;
        }
        const std::string_view line = text.substr(0, len);
        text.remove_prefix(len + 1);
        ++number;
        if (line.empty() || line.front() == '#') {
            continue;
        }
        const std::optional<Entry> entry = parse_line(line);
        if (!entry) {
            return Unexpected{"line " + std::to_string(number) + ": not '" + std::string{meant} +
                              "'"};
        }
        entries.push_back(*entry);
    }
    // Keep the last line of each client.
    std::stable_sort(entries.begin(), entries.end(),
                     [](const Entry& a, const Entry& b) { return a.mac < b.mac; });
    std::vector<Entry> latest;
    for (const Entry& entry : entries) {
        if (!latest.empty() && latest.back().mac == entry.mac) {
            latest.back() = entry;
        } else {
            latest.push_back(entry);
        }
    }
    return latest;
}

}  // namespace xdhcpd::gun
