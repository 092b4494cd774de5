#include "dhcp6/values.h"

namespace xdhcpd::dhcp6 {
namespace {

constexpr std::size_t kEnterpriseLen = 4;
constexpr std::size_t kHardwareTypeLen = 2;
constexpr std::size_t kStatusCodeLen = 2;
constexpr std::size_t kMaxLabelLen = 63;           // RFC 1035 section 2.3.4; more is a pointer
constexpr std::uint8_t kFqdnServerUpdates = 0x01;  // RFC 4704 section 4.1
constexpr std::uint8_t kFqdnServerOverrides = 0x02;
constexpr std::uint8_t kFqdnNoUpdates = 0x04;

// Octets that the bits behind the delegated prefix need (RFC 6603 section 4.2).
std::size_t subnet_id_len(std::uint8_t delegated, std::uint8_t excluded) noexcept {
    return (std::size_t{excluded} - delegated - 1) / 8 + 1;
}

// Copies `count` bits; those of `to` must be zero.
void copy_bits(std::byte* to, std::size_t to_bit, const std::byte* from, std::size_t from_bit,
               std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t source = from_bit + i;
        const std::size_t target = to_bit + i;
        const std::byte bit = (from[source / 8] >> (7 - source % 8)) & std::byte{1};
        to[target / 8] |= bit << (7 - target % 8);
    }
}

}  // namespace

std::optional<IdentityAssociation> read_ia(Option option) noexcept {
    static_assert(kIaNaLen == kIaPdLen);
    const bool has_times = option.code != OptionCode::kIaTa;
    const std::size_t fixed_len = has_times ? kIaNaLen : kIaTaLen;
    if (!is_ia(option.code) || option.value.size() < fixed_len) {
        return std::nullopt;
    }
    const auto options = OptionList::parse(option.value.subspan(fixed_len));
    if (!options) {
        return std::nullopt;
    }
    const std::byte* const at = option.value.data();
    return IdentityAssociation{.code = option.code,
                               .iaid = load_be32(at),
                               .t1 = has_times ? load_be32(at + 4) : 0,
                               .t2 = has_times ? load_be32(at + 8) : 0,
                               .options = *options};
}

std::optional<IaAddress> read_ia_address(ByteView value) noexcept {
    if (value.size() < kIaAddressLen) {
        return std::nullopt;
    }
    const auto options = OptionList::parse(value.subspan(kIaAddressLen));
    if (!options) {
        return std::nullopt;
    }
    return IaAddress{.address = Ipv6::load(value.data()),
                     .preferred_lifetime = load_be32(&value[16]),
                     .valid_lifetime = load_be32(&value[20]),
                     .options = *options};
}

std::optional<IaPrefix> read_ia_prefix(ByteView value) noexcept {
    if (value.size() < kIaPrefixLen || load_u8(&value[8]) > kMaxPrefixLength) {
        return std::nullopt;
    }
    const auto options = OptionList::parse(value.subspan(kIaPrefixLen));
    if (!options) {
        return std::nullopt;
    }
    return IaPrefix{.prefix = {Ipv6::load(&value[9]), load_u8(&value[8])},
                    .preferred_lifetime = load_be32(value.data()),
                    .valid_lifetime = load_be32(&value[4]),
                    .options = *options};
}

std::optional<Status> read_status(ByteView value) noexcept {
    if (value.size() < kStatusCodeLen) {
        return std::nullopt;
    }
    return Status{static_cast<StatusCode>(load_be16(value.data())),
                  as_text(value.subspan(kStatusCodeLen))};
}

std::optional<RemoteId> read_remote_id(ByteView value) noexcept {
    if (value.size() < kEnterpriseLen) {
        return std::nullopt;
    }
    return RemoteId{load_be32(value.data()), value.subspan(kEnterpriseLen)};
}

std::optional<HardwareAddress> read_link_layer(ByteView value) noexcept {
    if (value.size() < kHardwareTypeLen) {
        return std::nullopt;
    }
    return HardwareAddress{load_be16(value.data()), value.subspan(kHardwareTypeLen)};
}

std::optional<VendorClass> read_vendor_class(ByteView value) noexcept {
    if (value.size() < kEnterpriseLen ||
        !for_each_text(value.subspan(kEnterpriseLen), [](ByteView) {})) {
        return std::nullopt;
    }
    return VendorClass{load_be32(value.data()), value.subspan(kEnterpriseLen)};
}

std::optional<VendorOptions> read_vendor_options(ByteView value) noexcept {
    if (value.size() < kEnterpriseLen) {
        return std::nullopt;
    }
    const auto options = OptionList::parse(value.subspan(kEnterpriseLen));
    if (!options) {
        return std::nullopt;
    }
    return VendorOptions{load_be32(value.data()), *options};
}

std::optional<ClientFqdn> read_client_fqdn(ByteView value) noexcept {
    if (value.empty()) {
        return std::nullopt;
    }
    const std::uint8_t flags = load_u8(value.data());
    const ByteView name = value.subspan(1);
    for (std::size_t at = 0; at < name.size();) {
        const std::size_t len = load_u8(&name[at]);
        const bool is_root = len == 0;
        if (len > kMaxLabelLen || len > name.size() - at - 1 ||
            (is_root && at + 1 != name.size())) {
            return std::nullopt;
        }
        at += 1 + len;
    }
    return ClientFqdn{.server_updates = (flags & kFqdnServerUpdates) != 0,
                      .server_overrides = (flags & kFqdnServerOverrides) != 0,
                      .no_updates = (flags & kFqdnNoUpdates) != 0,
                      .name = name};
}

std::size_t write_name_text(ByteView name, MutableBytes out) noexcept {
    std::size_t len = 0;
    for (std::size_t at = 0; at < name.size();) {
        const ByteView label = name.subspan(at + 1, load_u8(&name[at]));
        at += 1 + label.size();
        if (label.empty()) {
            break;  // the root
        }
        const std::size_t dot = len == 0 ? 0 : 1;
        if (dot + label.size() > out.size() - len) {
            return 0;
        }
        if (dot != 0) {
            out[len] = std::byte{'.'};
        }
        copy_bytes(&out[len + dot], label);
        len += dot + label.size();
    }
    return len;
}

std::optional<PdExclude> make_pd_exclude(const Ipv6Prefix& delegated,
                                         const Ipv6Prefix& excluded) noexcept {
    if (excluded.length > kMaxPrefixLength || excluded.length <= delegated.length ||
        !delegated.contains(excluded)) {
        return std::nullopt;
    }
    PdExclude made;
    made.len = 1 + subnet_id_len(delegated.length, excluded.length);
    made.octets[0] = std::byte{excluded.length};
    copy_bits(&made.octets[1], 0, excluded.address.octets.data(), delegated.length,
              std::size_t{excluded.length} - delegated.length);
    return made;
}

std::optional<Ipv6Prefix> read_pd_exclude(const Ipv6Prefix& delegated, ByteView value) noexcept {
    if (value.empty()) {
        return std::nullopt;
    }
    const std::uint8_t length = load_u8(value.data());
    if (length > kMaxPrefixLength || length <= delegated.length ||
        value.size() != 1 + subnet_id_len(delegated.length, length)) {
        return std::nullopt;
    }
    Ipv6Prefix excluded{delegated.network(), length};
    copy_bits(excluded.address.octets.data(), delegated.length, &value[1], 0,
              std::size_t{length} - delegated.length);
    return excluded;
}

}  // namespace xdhcpd::dhcp6
