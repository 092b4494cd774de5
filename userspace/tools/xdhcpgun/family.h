// What differs between the families for the gun, as the parameter of BasicGun.
#pragma once

#include <chrono>
#include <cstdint>

#include "tools/xdhcpgun/client_table.h"
#include "tools/xdhcpgun/ledger.h"
#include "tools/xdhcpgun/ledger6.h"
#include "tools/xdhcpgun/population.h"
#include "tools/xdhcpgun/reply.h"
#include "tools/xdhcpgun/reply6.h"
#include "tools/xdhcpgun/request_frame.h"
#include "tools/xdhcpgun/request_frame6.h"

namespace xdhcpd::gun {

struct Dhcp4Family {
    using Address = Ipv4;
    using ServerId = Ipv4;
    using Frames = RequestFrames;
    using Values = RequestValues;
    using Reader = ReplyReader;
    using Reply = gun::Reply;
    using Expectation = gun::Expectation;
    using Entry = LedgerEntry;

    // RFC 2131 section 4.1: four seconds, doubled up to 64, each plus or minus one.
    static constexpr Time kFirstBackoff = std::chrono::seconds{4};
    static constexpr std::uint8_t kMaxBackoffShift = 4;
    static constexpr std::uint32_t kBackoffJitterNs = 2'000'000'000;
    // RFC 2131 section 3.1 (5): a client retransmits its DHCPREQUEST four times, then starts anew.
    static constexpr std::uint8_t kRequestAttempts = 4;

    [[nodiscard]] static std::uint32_t xid(const Population& population, std::uint32_t index,
                                           std::uint32_t exchange) noexcept {
        return population.xid(index, exchange);
    }
};

struct Dhcp6Family {
    using Address = Ipv6Prefix;  // an address has the length 128
    using ServerId = ServerDuid;
    using Frames = RequestFrames6;
    using Values = RequestValues6;
    using Reader = ReplyReader6;
    using Reply = Reply6;
    using Expectation = Expectation6;
    using Entry = LedgerEntry6;

    // RFC 8415 sections 7.6 and 15: SOL_TIMEOUT and REQ_TIMEOUT of one second, doubled, each plus
    // or minus a tenth; REQ_MAX_RC. Bounded by RetryTimers::kMaxDelay.
    static constexpr Time kFirstBackoff = std::chrono::seconds{1};
    static constexpr std::uint8_t kMaxBackoffShift = 5;
    static constexpr std::uint32_t kBackoffJitterNs = 200'000'000;
    static constexpr std::uint8_t kRequestAttempts = 10;

    [[nodiscard]] static std::uint32_t xid(const Population& population, std::uint32_t index,
                                           std::uint32_t exchange) noexcept {
        return population.xid6(index, exchange);
    }
};

}  // namespace xdhcpd::gun
