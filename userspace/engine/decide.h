// The DHCPv4 server's mind: one request in, one decision out (RFC 2131). Pure but for the shard
// that is passed in.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/time.h"
#include "dhcp4/options.h"
#include "engine/drop_reason.h"
#include "engine/reply_cache.h"
#include "engine/request.h"
#include "lease/shard.h"

namespace xdhcpd::engine {

// What became of a request: a reply, or the reason why there is none.
struct Decision {
    std::optional<DropReason> drop;                             // empty: there is a reply
    dhcp4::MessageType reply_type = dhcp4::MessageType::kNone;  // kNone with a reply: BOOTP
    std::uint32_t frame_len = 0;            // bytes of the finished frame in `out`
    bool unconfigured_destination = false;  // see TxInfo
    bool routable = false;                  // to a relay, or to a client that has its address
    // The unit whose lease the reply confirms; none for other replies. The reply must not leave
    // before the last record written of it is on stable storage (RFC 2131 section 3.1 step 4).
    std::optional<lease::Unit> promised;
    // A record of it must be written: what stable storage knows ends before what the client is
    // told.
    bool must_write = false;
};

// How it stands with stable storage.
enum class Journal : std::uint8_t {
    kOff,      // leases are kept in memory only
    kOpen,     // takes at least one more record
    kBacklog,  // takes none: what needs one is not answered (Shed::kJournalBacklog), and changes
               // nothing
};

// Bit of lease::Record::flags: the last record written of this unit is not known to be on stable
// storage. Set and cleared by the worker.
inline constexpr std::uint8_t kFlagUnstored = 0x02;

// A lease is kept this many seconds longer than its client is told: the answer to a retransmitted
// request says the full time again, and nobody else may have the address before that has passed.
inline constexpr std::uint32_t kLeaseSlack = 64;

// Stable storage is told a time that is later by one more lease time: until then renewals need not
// be written, which are most of all messages. The price is paid after a crash only: the address of
// a client that has gone stays its own for that much longer.
[[nodiscard]] BootSeconds horizon_of(BootSeconds expiry, std::uint32_t lease_time) noexcept;

// When the client believes that its lease ends; `record` is kLeased.
[[nodiscard]] BootSeconds client_expiry(const lease::Record& record) noexcept;

// Answers `request`, whose key belongs to `shard`, at time `now`. The whole reply frame, Ethernet
// header included, is written to `out`, which has room for kMinBootpLen plus headers at least.
// Thread of the shard only. What `cache` holds changes nothing but the time it takes. What looks
// random in it (jitter, places in tables) comes from the snapshot's hash key: equal input, equal
// output.
[[nodiscard]] Decision decide(const Request& request, lease::Shard& shard, ReplyCache& cache,
                              BootTime now, Journal journal, MutableBytes out) noexcept;

}  // namespace xdhcpd::engine
