// The DHCPv6 server's mind: one request in, one decision out (RFC 8415, RFC 9915). Pure but for the
// shard that is passed in. All IAs of a message are one transaction: what its reply promises leaves
// when all of it is on stable storage, and nothing has changed if it cannot be written.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "base/time.h"
#include "dhcp6/options.h"
#include "engine/decide.h"
#include "engine/drop_reason.h"
#include "engine/v6/request.h"
#include "lease/shard.h"

namespace xdhcpd::engine::v6 {

// Units that one message may be granted or end; further IAs are answered as if nothing were free.
inline constexpr std::size_t kMaxUnitsPerMessage = 16;

struct Promise {
    lease::Unit unit;
    bool must_write = false;  // a record of it must be written
    bool is_moved = false;    // how its client is reached (LeaseNote) is new or has changed
};

struct Decision {
    std::optional<DropReason> drop;  // empty: there is a reply
    dhcp6::MessageType reply_type = dhcp6::MessageType::kNone;
    std::uint32_t frame_len = 0;  // bytes of the finished frame in `out`
    bool routable = false;        // to a relay
    // Units whose leases the reply confirms. It must not leave before the last record written of
    // each is on stable storage.
    std::array<Promise, kMaxUnitsPerMessage> promised{};
    std::size_t promised_count = 0;
    [[nodiscard]] std::span<const Promise> promises() const noexcept {
        return std::span{promised}.first(promised_count);
    }
};

// Answers `request`, whose key belongs to `shard`, at time `now`. The whole reply frame, Ethernet
// header included, is written to `out`, which has room for kMinTxFrameLen bytes at least. Thread of
// the shard only. Equal input, equal output. Journal::kBacklog: as in engine::decide. With kOpen
// there is room for kMaxUnitsPerMessage records and as many ends.
[[nodiscard]] Decision decide(const Request& request, lease::Shard& shard, BootTime now,
                              Journal journal, MutableBytes out) noexcept;

}  // namespace xdhcpd::engine::v6
