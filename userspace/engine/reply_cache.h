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
#include "packet/checksum.h"

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
    // Of the tail, this much is copied in one go whatever its length is: with END and the zeros
    // behind it, that fills the shortest message.
    static constexpr std::size_t kTailStep = 64;
    static_assert(kHeadLen + kTailStep >= dhcp4::kMinBootpLen);

    std::array<std::byte, kHeadLen> head;
    // Complete options (the subnet mask, then what the client asked for) and END; zeros behind it.
    std::array<std::byte, kMaxTailLen> tail;
    std::uint16_t tail_len = 0;  // without END
    RawSum head_sum = 0;
    RawSum tail_sum = 0;  // without END, as if it began at an even offset
};

class ReplyCache {
  public:
    // Enough for the kinds of clients of a busy network, at 900 bytes each. A hostile client that
    // makes up lists evicts others; what they lose is one serialisation.
    static constexpr std::size_t kDefaultEntryCount = 512;
    static constexpr std::size_t kMaxListLen = 64;  // longer lists are not cached

    // `entry_count` is a power of two, or 0: find() never has anything.
    explicit ReplyCache(std::size_t entry_count = kDefaultEntryCount) : entries_(entry_count) {}

    // `type` is kOffer or kAck. Null when there is no template: the list is too long, or its
    // options are. Valid until the next call.
    [[nodiscard, gnu::always_inline]] const ReplyTemplate* find(const model::Snapshot& snapshot,
                                                                const model::Subnet& subnet,
                                                                dhcp4::MessageType type,
                                                                ByteView list) noexcept {
        if (entries_.empty() || list.size() > kMaxListLen) {
            return nullptr;
        }
        const Key key{std::uint64_t{snapshot.generation} << 32 | subnet.index_in_snapshot,
                      last_codes(list), list.size() << 8 | static_cast<std::uint64_t>(type)};
        Entry& entry = entries_[hash_of(key) & (entries_.size() - 1)];
        const bool is_it =
            entry.key == key && (list.size() <= sizeof key.codes ||
                                 equal_bytes({entry.list.data(), list.size()}, list));
        if (!is_it) [[unlikely]] {
            fill(entry, key, subnet, type, list);
        }
        return entry.fits ? &entry.reply : nullptr;
    }

  private:
    struct Key {
        std::uint64_t place = 0;  // generation of the snapshot (0: unused), subnet in it
        std::uint64_t codes = 0;  // the last eight of the list
        std::uint64_t kind = 0;   // length of the list, type of the message
        // All at once: a branch for each would be a branch too many.
        [[nodiscard]] bool operator==(const Key& other) const noexcept {
            return ((place ^ other.place) | (codes ^ other.codes) | (kind ^ other.kind)) == 0;
        }
    };
    struct Entry {
        Key key;
        bool fits = false;
        std::array<std::byte, kMaxListLen> list;
        ReplyTemplate reply;
    };

    // The last eight codes of a list, zeros in front of shorter ones.
    [[nodiscard]] static std::uint64_t last_codes(ByteView list) noexcept {
        if (list.size() >= sizeof(std::uint64_t)) {
            return load_be64(list.data() + list.size() - sizeof(std::uint64_t));
        }
        if (list.size() >= sizeof(std::uint32_t)) {  // two halves that overlap
            const std::size_t bits = 8 * (list.size() - sizeof(std::uint32_t));
            return std::uint64_t{load_be32(list.data())} << bits |
                   load_be32(list.data() + list.size() - sizeof(std::uint32_t));
        }
        std::uint64_t word = 0;
        for (const std::byte code : list) {
            word = word << 8 | std::to_integer<std::uint64_t>(code);
        }
        return word;
    }
    // Lists differ in length, or in their last codes; what this does not tell apart shares a place.
    [[nodiscard]] static std::uint64_t hash_of(const Key& key) noexcept {
        constexpr std::uint64_t kMultiplier = 0x9e3779b97f4a7c15;
        return ((key.codes + (key.place << 16 ^ key.kind) * kMultiplier) * kMultiplier) >> 40;
    }
    static void fill(Entry& entry, const Key& key, const model::Subnet& subnet,
                     dhcp4::MessageType type, ByteView list) noexcept;

    std::vector<Entry> entries_;
};

}  // namespace xdhcpd::engine
