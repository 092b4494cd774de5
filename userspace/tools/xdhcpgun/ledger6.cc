#include "tools/xdhcpgun/ledger6.h"

#include <optional>

#include "tools/xdhcpgun/ledger_lines.h"

namespace xdhcpd::gun {
namespace {

[[nodiscard]] std::optional<ServerDuid> parse_duid(std::string_view text) noexcept {
    constexpr int kHexadecimal = 16;
    ServerDuid duid;
    if (text.empty() || text.size() % 2 != 0 || text.size() > 2 * ServerDuid::kMaxLen) {
        return std::nullopt;
    }
    for (; !text.empty(); text.remove_prefix(2)) {
        std::uint8_t octet = 0;
        const auto result = std::from_chars(text.data(), text.data() + 2, octet, kHexadecimal);
        if (result.ec != std::errc{} || result.ptr != text.data() + 2) {
            return std::nullopt;
        }
        duid.octets[duid.len++] = std::byte{octet};
    }
    return duid;
}

[[nodiscard]] std::optional<LedgerEntry6> parse_line(std::string_view line) noexcept {
    const auto mac = parse_mac(take_word(line));
    const auto address = parse_ipv6_prefix(take_word(line));
    const auto time = parse_number<std::uint64_t>(take_word(line));
    const auto lease = parse_number<std::uint32_t>(take_word(line));
    const auto server_id = parse_duid(take_word(line));
    if (!mac || !address || address->address.is_unspecified() || !time || !lease || !server_id ||
        !line.empty()) {
        return std::nullopt;
    }
    return LedgerEntry6{*mac, *address, *time, *lease, *server_id};
}

}  // namespace

void append_line(std::string& to, const LedgerEntry6& entry) {
    to += to_string(entry.mac);
    to += ' ';
    to += to_string(entry.address);
    to += ' ';
    to += std::to_string(entry.unix_seconds);
    to += ' ';
    to += std::to_string(entry.lease_seconds);
    to += ' ';
    to += to_hex(entry.server_id.view(), 0);
    to += '\n';
}

Result<std::vector<LedgerEntry6>, std::string> parse_ledger6(std::string_view text) {
    return parse_lines<LedgerEntry6>(text, kLedgerHeader6,
                                     "MAC PREFIX/LENGTH UNIX-SECONDS LEASE-SECONDS SERVER-DUID",
                                     parse_line);
}

}  // namespace xdhcpd::gun
