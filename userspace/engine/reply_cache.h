// ReplyCache: replies that are finished but for what belongs to one client: one per (subnet,
// message type, parameter request list). A client asks with the same list every time, and a network
// has a few dozen kinds of clients, so most replies are two copies and a handful of stores.
//
// One per worker, its thread only. No allocation after construction. Invariant: a reply made from
// here is, octet for octet, what writing it option by option gives; what depends on more than the
// key is not in here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "dhcp4/message_view.h"
#include "dhcp4/options.h"
#include "model/snapshot.h"

namespace xdhcpd::engine {

// A reply to an Ethernet client (htype 1, hlen 6) that grants or offers a lease of finite length.
// Fields and values that vary are zero.
struct ReplyTemplate {
    // The message up to option 59: header, cookie, options 53, 54, 51, 58, 59 in this order.
    static constexpr std::size_t kHeadLen = dhcp4::kOptionsOffset + 3 + 6 + 6 + 6 + 6;
    // Where the values of 54, 51, 58 and 59 stand, all at odd offsets.
    static constexpr std::size_t kServerIdentifierAt = dhcp4::kOptionsOffset + 3 + 2;
    static constexpr std::size_t kLeaseTimeAt = kServerIdentifierAt + 6;
    static constexpr std::size_t kRenewalTimeAt = kLeaseTimeAt + 6;
    static constexpr std::size_t kRebindingTimeAt = kRenewalTimeAt + 6;
    static constexpr std::size_t kMaxTailLen = 512;

    std::array<std::byte, kHeadLen> head;
    // Complete options: the subnet mask, then what the client asked for.
    std::array<std::byte, kMaxTailLen> tail;
    std::uint16_t tail_len = 0;
    // Ones' complement sums, each as if it began at an even offset.
    std::uint16_t head_sum = 0;
    std::uint16_t tail_sum = 0;
};

class ReplyCache {
  public:
    // Enough for the kinds of clients of a busy network, at 900 bytes each. A hostile client that
    // makes up lists evicts others; what they lose is one serialisation.
    static constexpr std::size_t kDefaultEntryCount = 512;
    static constexpr std::size_t kMaxListLen = 64;  // longer lists are not cached

    // `entry_count` is a power of two, or 0: find() never has anything.
    explicit ReplyCache(std::size_t entry_count = kDefaultEntryCount) : entries_(entry_count) {}

    // `type` is kOffer or kAck. Null
    // when there is no template: the list is too long, or its options are. Valid until the next
    // call.
    [[nodiscard]] const ReplyTemplate* find(const model::Snapshot& snapshot,
                                            const model::Subnet& subnet, dhcp4::MessageType type,
                                            ByteView list) noexcept;

  private:
    struct Entry {
        std::uint32_t generation = 0;  // of the snapshot; 0: unused
        std::uint32_t subnet = 0;      // Subnet::index_in_snapshot
        dhcp4::MessageType type{};
        std::uint8_t list_len = 0;
        std::uint64_t last_codes = 0;  // of the list, see reply_cache.cc
        bool fits = false;
        std::array<std::byte, kMaxListLen> list;
        ReplyTemplate reply;
    };

    std::vector<Entry> entries_;
};

}  // namespace xdhcpd::engine
