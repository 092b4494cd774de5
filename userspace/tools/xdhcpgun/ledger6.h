// The ledger of a DHCPv6 run: as ledger.h, but of addresses and delegated prefixes.
//
//   # xdhcpgun-ledger6 1
//   MAC PREFIX/LENGTH UNIX-SECONDS LEASE-SECONDS SERVER-DUID
//
// An address is written with the length 128, the DUID in hexadecimal digits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/addresses.h"
#include "base/bytes.h"
#include "base/result.h"

namespace xdhcpd::gun {

inline constexpr std::string_view kLedgerHeader6 = "# xdhcpgun-ledger6 1\n";

// A server's DUID; empty for none.
struct ServerDuid {
    static constexpr std::size_t kMaxLen = 130;  // RFC 8415 section 11.1

    std::array<std::byte, kMaxLen> octets{};
    std::uint8_t len = 0;

    ServerDuid() = default;
    // At most kMaxLen bytes.
    explicit ServerDuid(ByteView from) noexcept : len{static_cast<std::uint8_t>(from.size())} {
        copy_bytes(octets.data(), from);
    }
    [[nodiscard]] ByteView view() const noexcept { return ByteView{octets}.first(len); }
    [[nodiscard]] bool is_zero() const noexcept { return len == 0; }
    bool operator==(const ServerDuid&) const = default;
};

struct LedgerEntry6 {
    Mac mac;
    Ipv6Prefix address;
    std::uint64_t unix_seconds = 0;
    std::uint32_t lease_seconds = 0;  // the valid lifetime; 0xffffffff is infinite
    ServerDuid server_id;

    bool operator==(const LedgerEntry6&) const = default;
    [[nodiscard]] bool expired(std::uint64_t now_unix) const noexcept {
        return lease_seconds != 0xffffffff && unix_seconds + lease_seconds <= now_unix;
    }
};

void append_line(std::string& to, const LedgerEntry6& entry);
// As parse_ledger().
[[nodiscard]] Result<std::vector<LedgerEntry6>, std::string> parse_ledger6(std::string_view text);

}  // namespace xdhcpd::gun
