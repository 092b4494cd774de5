// The ledger: one line per acknowledged lease, so that another run can ask for each again.
//
//   # xdhcpgun-ledger 1
//   MAC ADDRESS UNIX-SECONDS LEASE-SECONDS SERVER-ID
//
// Text only; files are main.cc's business. The latest line of a client counts. A last line without
// newline is what a killed writer left and is not read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/addresses.h"
#include "base/result.h"

namespace xdhcpd::gun {

inline constexpr std::string_view kLedgerHeader = "# xdhcpgun-ledger 1\n";

struct LedgerEntry {
    Mac mac;
    Ipv4 address;
    std::uint64_t unix_seconds = 0;   // when it was acknowledged
    std::uint32_t lease_seconds = 0;  // 0xffffffff is infinite (RFC 2131 section 3.3)
    Ipv4 server_id;

    bool operator==(const LedgerEntry&) const = default;
    [[nodiscard]] bool expired(std::uint64_t now_unix) const noexcept {
        return lease_seconds != 0xffffffff && unix_seconds + lease_seconds <= now_unix;
    }
};

// Appends the entry's line.
void append_line(std::string& to, const LedgerEntry& entry);

// The latest entry of each client, in ascending order of MAC addresses. An error is a sentence with
// the line's number.
[[nodiscard]] Result<std::vector<LedgerEntry>, std::string> parse_ledger(std::string_view text);

}  // namespace xdhcpd::gun
