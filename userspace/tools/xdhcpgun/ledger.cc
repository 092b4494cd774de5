#include "tools/xdhcpgun/ledger.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace xdhcpd::gun {
namespace {

// Takes the next word of `line`; empty at its end.
[[nodiscard]] std::string_view take_word(std::string_view& line) noexcept {
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

[[nodiscard]] std::optional<LedgerEntry> parse_line(std::string_view line) noexcept {
    const auto mac = parse_mac(take_word(line));
    const auto address = parse_ipv4(take_word(line));
    const auto time = parse_number<std::uint64_t>(take_word(line));
    const auto lease = parse_number<std::uint32_t>(take_word(line));
    const auto server_id = parse_ipv4(take_word(line));
    if (!mac || !address || address->is_zero() || !time || !lease || !server_id || !line.empty()) {
        return std::nullopt;
    }
    return LedgerEntry{*mac, *address, *time, *lease, *server_id};
}

}  // namespace

void append_line(std::string& to, const LedgerEntry& entry) {
    to += to_string(entry.mac);
    to += ' ';
    to += to_string(entry.address);
    to += ' ';
    to += std::to_string(entry.unix_seconds);
    to += ' ';
    to += std::to_string(entry.lease_seconds);
    to += ' ';
    to += to_string(entry.server_id);
    to += '\n';
}

Result<std::vector<LedgerEntry>, std::string> parse_ledger(std::string_view text) {
    if (text.substr(0, kLedgerHeader.size()) != kLedgerHeader) {
        return Unexpected{std::string{"line 1: not a ledger; it begins with '"} +
                          std::string{kLedgerHeader.substr(0, kLedgerHeader.size() - 1)} + "'"};
    }
    std::vector<LedgerEntry> entries;
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
        const auto entry = parse_line(line);
        if (!entry) {
            return Unexpected{"line " + std::to_string(number) +
                              ": not 'MAC ADDRESS UNIX-SECONDS LEASE-SECONDS SERVER-ID'"};
        }
        entries.push_back(*entry);
    }
    // Keep the last line of each client.
    std::stable_sort(entries.begin(), entries.end(),
                     [](const LedgerEntry& a, const LedgerEntry& b) { return a.mac < b.mac; });
    std::vector<LedgerEntry> latest;
    for (const LedgerEntry& entry : entries) {
        if (!latest.empty() && latest.back().mac == entry.mac) {
            latest.back() = entry;
        } else {
            latest.push_back(entry);
        }
    }
    return latest;
}

}  // namespace xdhcpd::gun
