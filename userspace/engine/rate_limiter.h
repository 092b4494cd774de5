// RateLimiter: token buckets of clients, relays and links, for messages that could be read
// (interfaces[].rate-limit). Belongs to one worker; no allocation after construction. Pure but for
// its tables.
//
// Who is counted:
// - A direct client, by its VLANs and the MAC that its frame comes from, which switches can hold it
//   to, whatever chaddr it claims. Where the driver does not say (udp), by chaddr.
// - Behind a relay, or a router (a unicast message with ciaddr that another MAC passes on, as
//   renewing clients of other networks send): chaddr, and giaddr.
// - A relay by giaddr, and by its port if it tells that (option 82, circuit-id).
// - A link by interface and VLANs: all that comes over it, relayed or not.
//
// Of DHCPv6: a direct client likewise by VLANs and MAC, or by its address where no MAC is known;
// behind a relay by link-address and DUID; a relay by link-address, and by its port if it tells
// that (interface-id). Both families have buckets of their own. Neighbor Discovery is not counted.
//
// The XDP program counts direct clients and links before the worker sees a frame
// (bpf/xd_rate.bpf.h, with the same idea of who is direct); the rest is counted here alone.
//
// A table that is full forgets who has waited longest, which forgets least: a bucket that is
// forgotten is a full one. Tables are sets of four; a client cannot choose its set, for the hash is
// keyed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/gcra.h"
#include "base/time.h"
#include "engine/drop_reason.h"
#include "engine/request.h"
#include "engine/v6/request.h"
#include "lease/virtual_array.h"

namespace xdhcpd::engine {

// A fixed table of buckets by the hash of who owns them. Two owners of one hash would share a
// bucket: of 64 bits, that does not happen.
class BucketTable {
  public:
    static constexpr std::size_t kWays = 4;

    // `size`: a power of two, at least kWays. Pages that are not touched cost nothing.
    explicit BucketTable(std::size_t size);

    // Takes a token of `owner` at `now` (ns); false if it has none. `terms` are limited.
    [[nodiscard]] bool take(std::uint64_t owner, std::uint64_t now,
                            const RateTerms& terms) noexcept;

  private:
    struct Slot {
        std::uint64_t owner = 0;
        std::uint64_t full_at = 0;
    };
    lease::VirtualArray<Slot> slots_;
};

class RateLimiter {
  public:
    RateLimiter();

    // Takes the tokens that this message costs; why it must not be answered if one is missing.
    // `request` has been parsed without an error. `is_filtered`: it came through the XDP program
    // (Port::filters_rate()).
    [[nodiscard]] std::optional<Shed> take(const Request& request, bool is_filtered,
                                           BootTime now) noexcept;
    [[nodiscard]] std::optional<Shed> take(const v6::Request& request, bool is_filtered,
                                           BootTime now) noexcept;

  private:
    template <typename Request>
    [[nodiscard]] std::optional<Shed> take_limited(const Request& request, bool is_filtered,
                                                   std::uint64_t now) noexcept;

    BucketTable clients_;
    BucketTable relays_;
    BucketTable links_;
};

}  // namespace xdhcpd::engine
