// Values of options, taken apart: identity associations and what they hold, status codes, what
// relays and clients say of themselves. Views, valid as long as the bytes are. Pure; no allocation.
//
// Each read_ function returns nothing if the value does not have the shape of its option.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/addresses.h"
#include "base/bytes.h"
#include "dhcp6/duid.h"
#include "dhcp6/option_list.h"
#include "dhcp6/options.h"

namespace xdhcpd::dhcp6 {

inline constexpr std::uint32_t kInfiniteLifetime = 0xffffffff;  // RFC 8415 section 7.7

// Octets in front of the options inside an option (RFC 8415 sections 21.4 to 21.6, 21.21, 21.22).
inline constexpr std::size_t kIaNaLen = 12;
inline constexpr std::size_t kIaTaLen = 4;
inline constexpr std::size_t kIaPdLen = 12;
inline constexpr std::size_t kIaAddressLen = 24;
inline constexpr std::size_t kIaPrefixLen = 25;
inline constexpr std::uint8_t kMaxPrefixLength = 128;

// IA_NA, IA_TA or IA_PD; `code` says which. Times are in seconds, kInfiniteLifetime without end.
struct IdentityAssociation {
    OptionCode code = OptionCode::kIaNa;
    std::uint32_t iaid = 0;
    std::uint32_t t1 = 0;  // 0 for IA_TA, which has none
    std::uint32_t t2 = 0;
    OptionList options;
};
[[nodiscard]] constexpr bool is_ia(OptionCode code) noexcept {
    return code == OptionCode::kIaNa || code == OptionCode::kIaTa || code == OptionCode::kIaPd;
}
[[nodiscard]] std::optional<IdentityAssociation> read_ia(Option option) noexcept;

struct IaAddress {
    Ipv6 address;
    std::uint32_t preferred_lifetime = 0;
    std::uint32_t valid_lifetime = 0;
    OptionList options;
};
[[nodiscard]] std::optional<IaAddress> read_ia_address(ByteView value) noexcept;

struct IaPrefix {
    Ipv6Prefix prefix;  // of a client: a hint, perhaps a length alone
    std::uint32_t preferred_lifetime = 0;
    std::uint32_t valid_lifetime = 0;
    OptionList options;
};
[[nodiscard]] std::optional<IaPrefix> read_ia_prefix(ByteView value) noexcept;

struct Status {
    StatusCode code = StatusCode::kSuccess;
    std::string_view message;  // as sent, any octets
};
[[nodiscard]] std::optional<Status> read_status(ByteView value) noexcept;

// Option 37 (RFC 4649).
struct RemoteId {
    std::uint32_t enterprise = 0;
    ByteView id;
};
[[nodiscard]] std::optional<RemoteId> read_remote_id(ByteView value) noexcept;
// Option 79 (RFC 6939).
[[nodiscard]] std::optional<HardwareAddress> read_link_layer(ByteView value) noexcept;

// Data behind 16 bits of length each: user class, boot file parameters. Calls visit(ByteView) for
// each; false if they do not fill the value, after visiting those in front of the fault.
template <typename Visitor>
bool for_each_text(ByteView value, Visitor&& visit) {
    while (!value.empty()) {
        if (value.size() < 2 || load_be16(value.data()) > value.size() - 2) {
            return false;
        }
        const std::size_t len = load_be16(value.data());
        visit(value.subspan(2, len));
        value = value.subspan(2 + len);
    }
    return true;
}

// Options 16 and 17: whose, and its data for for_each_text(), or its options (RFC 8415 sections
// 21.16 and 21.17).
struct VendorClass {
    std::uint32_t enterprise = 0;
    ByteView data;
};
[[nodiscard]] std::optional<VendorClass> read_vendor_class(ByteView value) noexcept;
struct VendorOptions {
    std::uint32_t enterprise = 0;
    OptionList options;
};
[[nodiscard]] std::optional<VendorOptions> read_vendor_options(ByteView value) noexcept;

// Option 39 (RFC 4704 section 4).
struct ClientFqdn {
    bool server_updates = false;    // S: the server should do AAAA
    bool server_overrides = false;  // O: it has overridden S
    bool no_updates = false;        // N
    ByteView name;  // RFC 1035 section 3.1 without compression; partial if no root ends it
};
[[nodiscard]] std::optional<ClientFqdn> read_client_fqdn(ByteView value) noexcept;
// "host.example.org" of such a name, octets of labels as they are; returns its length, 0 if `out`
// is too small. 254 octets are enough for every name that DNS has.
[[nodiscard]] std::size_t write_name_text(ByteView name, MutableBytes out) noexcept;

// Option 67 (RFC 6603 section 4.2): a longer prefix inside a delegated one that stays with the
// delegating router, as its length and the bits that it adds.
struct PdExclude {
    std::array<std::byte, 1 + Ipv6::kLen> octets{};
    std::size_t len = 0;  // 2..17

    [[nodiscard]] ByteView bytes() const noexcept { return ByteView{octets}.first(len); }
};
// Nothing unless `excluded` lies in `delegated` and is longer.
[[nodiscard]] std::optional<PdExclude> make_pd_exclude(const Ipv6Prefix& delegated,
                                                       const Ipv6Prefix& excluded) noexcept;
[[nodiscard]] std::optional<Ipv6Prefix> read_pd_exclude(const Ipv6Prefix& delegated,
                                                        ByteView value) noexcept;

}  // namespace xdhcpd::dhcp6
