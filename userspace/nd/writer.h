// Advertisements of Neighbor Discovery, written into a buffer that the caller lends: the ICMPv6
// message from its type on, its checksum zero until write_icmp6_headers() fills it. One thread. No
// allocation; never writes outside the buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/addresses.h"
#include "base/bytes.h"
#include "nd/message_view.h"
#include "nd/options.h"

namespace xdhcpd::nd {

// A Router Advertisement, option by option. Order of use: construct, add..., length().
class RouterAdvertisementWriter {
  public:
    // `out` has room for kRouterAdvertisementLen octets at least. Without a router lifetime the
    // preference is written as medium (RFC 4191 section 2.2).
    RouterAdvertisementWriter(MutableBytes out, const RouterAdvertisement& header) noexcept;
    RouterAdvertisementWriter(const RouterAdvertisementWriter&) = delete;
    RouterAdvertisementWriter& operator=(const RouterAdvertisementWriter&) = delete;

    // Each appends an option; false if it does not fit the buffer or the longest option, and then
    // nothing has been written. Bits behind a prefix's length are written as zero.
    [[nodiscard]] bool add_source_link_layer(Mac address) noexcept;
    [[nodiscard]] bool add_mtu(std::uint32_t mtu) noexcept;
    // With `router_address` the bits behind the length stay: they are the router's (RFC 6275
    // section 7.2). Precondition of this and the next: a length up to 128.
    [[nodiscard]] bool add_prefix_information(const PrefixInformation& information) noexcept;
    // As short as the prefix allows (RFC 4191 section 2.3).
    [[nodiscard]] bool add_route_information(const RouteInformation& information) noexcept;
    // 1..127 addresses.
    [[nodiscard]] bool add_rdnss(std::uint32_t lifetime, std::span<const Ipv6> servers) noexcept;
    // `names` as of RFC 1035 section 3.1, one after another; not empty.
    [[nodiscard]] bool add_dnssl(std::uint32_t lifetime, ByteView names) noexcept;
    // The same of names as text: labels of 1..63 octets with dots between them, a dot behind the
    // last one or none, no escapes, 253 octets at most without it. False as well if one is no such
    // name.
    [[nodiscard]] bool add_dnssl(std::uint32_t lifetime,
                                 std::span<const std::string> names) noexcept;
    // The lifetime, in seconds, is rounded up to a multiple of 8 and bounded by 65528 (RFC 8781
    // section 4.1). Precondition: is_pref64_length(prefix.length).
    [[nodiscard]] bool add_pref64(const Ipv6Prefix& prefix, std::uint32_t lifetime) noexcept;
    // Not empty.
    [[nodiscard]] bool add_captive_portal(std::string_view uri) noexcept;

    // Octets of the message so far.
    [[nodiscard]] std::size_t length() const noexcept { return at_; }

  private:
    // The next `len` octets (rounded up to whole units), zeroed, with type and length; empty if
    // there is no room.
    [[nodiscard]] MutableBytes option(OptionType type, std::size_t len) noexcept;

    MutableBytes out_;
    std::size_t at_ = 0;
};

// A Neighbor Advertisement (RFC 4861 section 4.4).
struct NeighborAdvertisement {
    Ipv6 target;
    bool is_router = false;
    bool is_solicited = false;
    bool overrides = false;  // replaces what the receiver knows; never of a proxy (7.2.8)
    std::optional<Mac> target_link_layer;
};
inline constexpr std::size_t kMaxNeighborAdvertisementLen = kNeighborMessageLen + kOptionUnit;
// Returns the message's length. Precondition: `out` has kMaxNeighborAdvertisementLen octets.
[[nodiscard]] std::size_t write_neighbor_advertisement(
    MutableBytes out, const NeighborAdvertisement& advertisement) noexcept;

// Where the answer to a Neighbor Solicitation goes, and its solicited flag: to who asked, or to all
// nodes, unsolicited, if nobody can be answered because the address is being tried out (RFC 4861
// section 7.2.4).
struct AnswerAddress {
    Ipv6 destination;
    bool is_solicited = false;

    bool operator==(const AnswerAddress&) const = default;
};
[[nodiscard]] AnswerAddress answer_address(const MessageView& solicitation) noexcept;

}  // namespace xdhcpd::nd
