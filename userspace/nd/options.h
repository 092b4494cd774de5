// Options of Neighbor Discovery: type, length in units of eight octets, value (RFC 4861
// section 4.6). OptionList is a view, valid as long as the bytes are, cheap to copy. One thread at
// a time. No allocation. Invariant: every option lies in the list as a whole and is eight octets or
// more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/addresses.h"
#include "base/bytes.h"
#include "base/result.h"

namespace xdhcpd::nd {

// Source: IANA "IPv6 Neighbor Discovery Option Formats".
enum class OptionType : std::uint8_t {
    kSourceLinkLayer = 1,    // RFC 4861 section 4.6.1
    kTargetLinkLayer = 2,    // RFC 4861 section 4.6.1
    kPrefixInformation = 3,  // RFC 4861 section 4.6.2, RFC 9762
    kMtu = 5,                // RFC 4861 section 4.6.4
    kRouteInformation = 24,  // RFC 4191 section 2.3
    kRdnss = 25,             // RFC 8106 section 5.1
    kDnssl = 31,             // RFC 8106 section 5.2
    kCaptivePortal = 37,     // RFC 8910 section 2.3
    kPref64 = 38,            // RFC 8781 section 4
};

inline constexpr std::size_t kOptionUnit = 8;
inline constexpr std::size_t kMaxOptionLen = 255 * kOptionUnit;
inline constexpr std::uint32_t kInfiniteLifetime = 0xffffffff;

// How a router or route ranks, two bits (RFC 4191 section 2.1). The fourth value is reserved: in a
// router's own it means medium, a route with it is ignored.
enum class Preference : std::uint8_t { kMedium = 0, kHigh = 1, kLow = 3 };

// Lifetimes are in seconds everywhere, kInfiniteLifetime without end where they have 32 bits.
struct PrefixInformation {
    Ipv6Prefix prefix;
    bool on_link = false;
    bool autonomous = false;
    bool router_address = false;  // `prefix.address` is the router's own (RFC 6275 section 7.2)
    bool pd_preferred = false;    // P: ask for a prefix by DHCPv6 instead (RFC 9762)
    std::uint32_t valid_lifetime = 0;
    std::uint32_t preferred_lifetime = 0;

    bool operator==(const PrefixInformation&) const = default;
};
struct RouteInformation {
    Ipv6Prefix prefix;
    Preference preference = Preference::kMedium;
    std::uint32_t lifetime = 0;

    bool operator==(const RouteInformation&) const = default;
};
struct Rdnss {
    std::uint32_t lifetime = 0;
    ByteView addresses;  // 16 octets each, one at least

    [[nodiscard]] std::size_t count() const noexcept { return addresses.size() / Ipv6::kLen; }
    [[nodiscard]] Ipv6 at(std::size_t index) const noexcept {
        return Ipv6::load(&addresses[index * Ipv6::kLen]);
    }
};
struct Dnssl {
    std::uint32_t lifetime = 0;
    ByteView names;  // RFC 1035 section 3.1, one after another, padded with zeros; not looked into
};
struct Pref64 {
    Ipv6Prefix prefix;           // of one of the lengths of is_pref64_length()
    std::uint16_t lifetime = 0;  // a multiple of 8, 0..65528

    bool operator==(const Pref64&) const = default;
};
// 32, 40, 48, 56, 64 and 96 (RFC 8781 section 4).
[[nodiscard]] bool is_pref64_length(std::uint8_t length) noexcept;

// Each reads an option as OptionList gives it. Nothing: it does not have the length or the values
// that the standard asks for, and must be ignored.
[[nodiscard]] std::optional<Mac> read_link_layer(ByteView option) noexcept;
[[nodiscard]] std::optional<PrefixInformation> read_prefix_information(ByteView option) noexcept;
[[nodiscard]] std::optional<std::uint32_t> read_mtu(ByteView option) noexcept;
[[nodiscard]] std::optional<RouteInformation> read_route_information(ByteView option) noexcept;
[[nodiscard]] std::optional<Rdnss> read_rdnss(ByteView option) noexcept;
[[nodiscard]] std::optional<Dnssl> read_dnssl(ByteView option) noexcept;
[[nodiscard]] std::optional<Pref64> read_pref64(ByteView option) noexcept;
// The URI without its padding; not empty.
[[nodiscard]] std::optional<std::string_view> read_captive_portal(ByteView option) noexcept;

enum class OptionError : std::uint8_t {
    kZeroLength,  // RFC 4861 section 4.6: the packet must be discarded
    kTruncated,   // runs past the end of the message
};

class OptionList {
  public:
    // No options.
    OptionList() noexcept = default;

    // Options fill `bytes` exactly. Types are not looked at: unknown ones are for the caller to
    // step over (RFC 4861 section 9).
    static Result<OptionList, OptionError> parse(ByteView bytes) noexcept;

    [[nodiscard]] ByteView bytes() const noexcept { return bytes_; }
    // The first option of a type, from its type octet on; empty if there is none.
    [[nodiscard]] ByteView find(OptionType type) const noexcept;
    // Calls visit(OptionType, ByteView option) for every option, in their order; the view begins
    // with the type octet and has 8..kMaxOptionLen octets.
    template <typename Visitor>
    void for_each(Visitor&& visit) const {
        for (ByteView left = bytes_; !left.empty();) {
            const std::size_t len = load_u8(&left[1]) * kOptionUnit;
            visit(static_cast<OptionType>(load_u8(left.data())), left.first(len));
            left = left.subspan(len);
        }
    }

  private:
    explicit OptionList(ByteView bytes) noexcept : bytes_{bytes} {}

    ByteView bytes_;
};

}  // namespace xdhcpd::nd
