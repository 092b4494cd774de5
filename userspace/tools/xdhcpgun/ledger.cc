#include "tools/xdhcpgun/ledger.h"

#include <optional>

#include "tools/xdhcpgun/ledger_lines.h"

namespace xdhcpd::gun {
namespace {

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
    return parse_lines<LedgerEntry>(text, kLedgerHeader,
                                    "MAC ADDRESS UNIX-SECONDS LEASE-SECONDS SERVER-ID", parse_line);
}

}  // namespace xdhcpd::gun
