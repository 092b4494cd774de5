#include "daemon/server_identity.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/bytes.h"
#include "dhcp6/duid.h"
#include "journal/codec/summed_text.h"
#include "journal/directory.h"
#include "journal/small_file.h"

namespace xdhcpd::daemon {
namespace {

constexpr std::string_view kHeading = "xdhcpd identity ";
constexpr std::uint32_t kFormat = 1;
constexpr std::size_t kMaxFileLen = 1024;
constexpr std::size_t kKeyLen = 16;
constexpr std::uint16_t kEthernet = 1;             // IANA "Hardware Types"
constexpr std::uint64_t kDuidEpoch = 946'684'800;  // 2000-01-01 00:00 UTC (RFC 8415 section 11.2)

using Bytes = std::vector<std::byte>;

void append(Bytes& to, ByteView more) {
    to.insert(to.end(), more.begin(), more.end());
}
template <std::size_t kLen>
[[nodiscard]] std::array<std::byte, kLen> part(const IdentitySeed& seed, std::size_t at) noexcept {
    std::array<std::byte, kLen> bytes{};
    std::copy_n(seed.random.begin() + static_cast<std::ptrdiff_t>(at), kLen, bytes.begin());
    return bytes;
}

[[nodiscard]] Bytes duid_of_type(dhcp6::DuidType type) {
    Bytes duid(dhcp6::kDuidTypeLen);
    store_be16(duid.data(), static_cast<std::uint16_t>(type));
    return duid;
}
[[nodiscard]] Bytes duid_llt(Mac mac, std::uint64_t unix_time) {
    Bytes duid = duid_of_type(dhcp6::DuidType::kLinkLayerTime);
    std::array<std::byte, 6> values{};
    store_be16(values.data(), kEthernet);
    store_be32(&values[2], static_cast<std::uint32_t>(unix_time - std::min(unix_time, kDuidEpoch)));
    append(duid, values);
    append(duid, mac.bytes());
    return duid;
}
[[nodiscard]] Bytes duid_ll(Mac mac) {
    Bytes duid = duid_of_type(dhcp6::DuidType::kLinkLayer);
    std::array<std::byte, 2> type{};
    store_be16(type.data(), kEthernet);
    append(duid, type);
    append(duid, mac.bytes());
    return duid;
}
// A random UUID (RFC 9562 section 5.4: version 4, variant 10).
[[nodiscard]] Bytes duid_uuid(const IdentitySeed& seed) {
    auto uuid = part<kKeyLen>(seed, 0);
    uuid[6] = (uuid[6] & std::byte{0x0f}) | std::byte{0x40};
    uuid[8] = (uuid[8] & std::byte{0x3f}) | std::byte{0x80};
    Bytes duid = duid_of_type(dhcp6::DuidType::kUuid);
    append(duid, uuid);
    return duid;
}

[[nodiscard]] ServerIdentity with_key(Bytes duid, const IdentitySeed& seed) {
    const auto key = part<kKeyLen>(seed, kKeyLen);
    return {std::move(duid), {load_be64(key.data()), load_be64(&key[8])}};
}

[[nodiscard]] std::string line(std::string_view label, ByteView value) {
    return std::string{label} + " " + to_hex(value, 0) + "\n";
}
// Takes a line "LABEL HEXADECIMAL" off the front of `text`.
[[nodiscard]] std::optional<Bytes> take_line(std::string_view& text, std::string_view label) {
    const std::size_t end = text.find('\n');
    if (end == text.npos) {
        return std::nullopt;
    }
    std::string_view digits = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (!digits.starts_with(label) || digits.size() <= label.size() ||
        digits[label.size()] != ' ') {
        return std::nullopt;
    }
    digits.remove_prefix(label.size() + 1);
    Bytes bytes;
    for (; digits.size() >= 2; digits.remove_prefix(2)) {
        std::uint8_t value = 0;
        const auto read = std::from_chars(digits.data(), digits.data() + 2, value, 16);
        if (read.ec != std::errc{} || read.ptr != digits.data() + 2) {
            return std::nullopt;
        }
        bytes.push_back(static_cast<std::byte>(value));
    }
    return digits.empty() ? std::optional{std::move(bytes)} : std::nullopt;
}

[[nodiscard]] Error of_file(const std::string& directory, std::string_view what) {
    return {0, journal::path_of(directory, journal::kIdentityName) + " " + std::string{what}};
}

}  // namespace

Mac first_mac(const model::Configuration& configuration, const model::HostState& host) noexcept {
    for (const model::InterfaceConfiguration& configured : configuration.interfaces) {
        const model::HostInterface* const interface = host.find(configured.name);
        if (interface != nullptr && !interface->mac.is_zero()) {
            return interface->mac;
        }
    }
    return {};
}

ServerIdentity make_identity(const IdentitySeed& seed) {
    return with_key(seed.mac.is_zero() ? duid_uuid(seed) : duid_llt(seed.mac, seed.unix_time),
                    seed);
}

ServerIdentity make_passing_identity(const IdentitySeed& seed) {
    return with_key(seed.mac.is_zero() ? duid_uuid(seed) : duid_ll(seed.mac), seed);
}

std::string_view to_text(IdentityFileError error) noexcept {
    return error == IdentityFileError::kNewerFormat
               ? "has a newer format: it needs a newer xdhcpd"
               : "is damaged: put a copy of it back, or remove it if DHCPv6 clients may see "
                 "another "
                 "server (to keep the server's DUID, set server-duid)";
}

std::string encode_identity(const ServerIdentity& identity) {
    std::array<std::byte, kKeyLen> key{};
    store_be64(key.data(), identity.names_key.k0);
    store_be64(&key[8], identity.names_key.k1);
    return journal::add_sum(std::string{kHeading} + std::to_string(kFormat) + "\n" +
                            line("duid", identity.duid) + line("names-key", key));
}

Result<ServerIdentity, IdentityFileError> decode_identity(std::string_view text) {
    const Unexpected damaged{IdentityFileError::kDamaged};
    const auto checked = journal::without_sum(text);
    if (!checked || !checked->starts_with(kHeading)) {
        return damaged;
    }
    std::string_view left = checked->substr(kHeading.size());
    std::uint32_t format = 0;
    const auto read = std::from_chars(left.data(), left.data() + left.size(), format);
    if (read.ec != std::errc{} || format == 0) {
        return damaged;
    }
    if (format > kFormat) {
        return Unexpected{IdentityFileError::kNewerFormat};
    }
    left.remove_prefix(static_cast<std::size_t>(read.ptr - left.data()));
    if (!left.starts_with('\n')) {
        return damaged;
    }
    left.remove_prefix(1);
    const auto duid = take_line(left, "duid");
    const auto key = take_line(left, "names-key");
    if (!duid || !dhcp6::is_duid_length(duid->size()) || !key || key->size() != kKeyLen ||
        !left.empty()) {
        return damaged;
    }
    ServerIdentity identity;
    identity.duid = *duid;
    identity.names_key = {load_be64(key->data()), load_be64(key->data() + 8)};
    return identity;
}

Result<ServerIdentity, Error> load_identity(journal::FileLayer& files, const std::string& directory,
                                            const IdentitySeed& seed) {
    if (auto made = files.make_directory(directory); !made) {
        return Unexpected{made.error()};
    }
    const auto text =
        journal::load_small_file(files, directory, journal::kIdentityName, kMaxFileLen);
    if (!text) {
        return Unexpected{text.error()};
    }
    if (*text) {
        auto identity = decode_identity(**text);
        if (!identity) {
            return Unexpected{of_file(directory, to_text(identity.error()))};
        }
        return std::move(*identity);
    }
    ServerIdentity identity = make_identity(seed);
    if (auto written = journal::replace_small_file(files, directory, journal::kIdentityName,
                                                   encode_identity(identity));
        !written) {
        return Unexpected{written.error()};
    }
    return identity;
}

}  // namespace xdhcpd::daemon
