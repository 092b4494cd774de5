// Kea's memfiles: CSV without quotes, where "&#x2c" stands for a comma. Rows are a log: the last
// one of an address counts. The one for DHCPv6 has a column "duid".
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lease_files/formats.h"
#include "lease_files/table_reader.h"
#include "lease_files/text.h"

namespace xdhcpd::lease_files {
namespace {

using nlohmann::json;

constexpr std::uint64_t kInfinite = 0xffffffff;  // valid_lifetime
constexpr std::uint64_t kUsualLifetime = 3600;   // where a lease does not say when it began
constexpr std::string_view kEscape = "&#x";
constexpr std::uint8_t kEthernet = 1;

// Of the column "state".
enum KeaState : std::uint64_t { kAssigned = 0, kDeclined = 1 };  // what is above has ended

[[nodiscard]] std::string unescape_field(std::string_view text) {
    constexpr std::size_t kEscapeLen = 5;  // &#x2c
    std::string out;
    while (!text.empty()) {
        if (text.starts_with(kEscape) && text.size() >= kEscapeLen) {
            if (const auto byte = parse_bytes(text.substr(kEscape.size(), 2));
                byte && byte->size() == 1) {
                out += static_cast<char>(byte->front());
                text.remove_prefix(kEscapeLen);
                continue;
            }
        }
        out += text.front();
        text.remove_prefix(1);
    }
    return out;
}

void append_escaped(std::string_view text, std::string& out) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool is_plain = ' ' <= c && c <= '~' && c != ',';
        if (is_plain && !text.substr(i).starts_with(kEscape)) {
            out += c;
        } else {
            const std::byte byte = static_cast<std::byte>(c);
            out += std::string{kEscape} + to_hex({&byte, 1});
        }
    }
}

// Of the column "lease_type".
enum KeaType : std::uint64_t { kAddressLease = 0, kTemporaryLease = 1, kPrefixLease = 2 };

// Of a declined address: no DUID is shorter (RFC 8415 section 11.1).
constexpr std::string_view kNoDuid = "00";

// Option 82 in a user context: as Kea 2.2 writes it, and as Kea 2.4 and newer do. None if it has
// none: what else a context says is not for us.
[[nodiscard]] std::vector<std::byte> relay_information_in(const std::string& context) {
    const json object = json::parse(context, nullptr, false);
    const json* found = &object;
    for (const char* const name : {"ISC", "relay-agent-info"}) {
        if (!found->is_object() || !found->contains(name)) {
            return {};
        }
        found = &(*found)[name];
    }
    if (found->is_object() && found->contains("sub-options")) {
        found = &(*found)["sub-options"];
    }
    if (!found->is_string()) {
        return {};
    }
    return parse_bytes(found->get<std::string>()).value_or(std::vector<std::byte>{});
}

class KeaReader final : public TableReader {
  public:
    using TableReader::TableReader;

  private:
    [[nodiscard]] bool read(std::string_view text) override {
        std::vector<std::string_view> fields;
        for (std::size_t at = 0; at <= text.size();) {
            const std::size_t end = std::min(text.find(',', at), text.size());
            fields.push_back(text.substr(at, end - at));
            at = end + 1;
        }
        if (!has_names_) {
            return read_names(fields);
        }
        read_lease(text, fields);
        return true;
    }

    enum Column : std::size_t {
        kAddress,
        kValidLifetime,
        kExpire,
        kHwAddress,
        kClientId,
        kHostname,
        kState,
        kUserContext,
        kDuid,
        kPreferredLifetime,
        kLeaseType,
        kIaid,
        kPrefixLength,
        kHwType,
        kColumnCount
    };
    static constexpr std::array<std::string_view, kColumnCount> kColumns{
        "address",    "valid_lifetime", "expire",       "hwaddr", "client_id",
        "hostname",   "state",          "user_context", "duid",   "pref_lifetime",
        "lease_type", "iaid",           "prefix_len",   "hwtype"};
    // The others came later, or say nothing that must be known.
    static constexpr std::array<Column, 5> kNeeded4{kAddress, kHwAddress, kClientId, kValidLifetime,
                                                    kExpire};
    static constexpr std::array<Column, 7> kNeeded6{kAddress,   kDuid, kValidLifetime, kExpire,
                                                    kLeaseType, kIaid, kPrefixLength};
    [[nodiscard]] std::span<const Column> needed() const noexcept {
        return is_dhcp6_ ? std::span<const Column>{kNeeded6} : std::span<const Column>{kNeeded4};
    }

    [[nodiscard]] bool read_names(const std::vector<std::string_view>& fields) {
        has_names_ = true;
        is_dhcp6_ = std::find(fields.begin(), fields.end(), "duid") != fields.end();
        for (std::size_t i = 0; i < kColumnCount; ++i) {
            const auto found = std::find(fields.begin(), fields.end(), kColumns[i]);
            if (found != fields.end()) {
                index_[i] = static_cast<std::size_t>(found - fields.begin());
            }
        }
        for (const Column column : needed()) {
            if (!index_[column]) {
                receiver().on_error(place(),
                                    "column " + std::string{kColumns[column]} +
                                        " is missing; a file of Kea begins with " +
                                        (is_dhcp6_ ? "address,duid,valid_lifetime,expire,..."
                                                   : "address,hwaddr,client_id,valid_lifetime,"
                                                     "expire,..."));
                return false;
            }
        }
        return true;
    }

    void read_lease(std::string_view line, const std::vector<std::string_view>& fields) {
        const auto field = [&](Column column) {
            return index_[column] && *index_[column] < fields.size() ? fields[*index_[column]]
                                                                     : std::string_view{};
        };
        for (const Column column : needed()) {
            if (*index_[column] >= fields.size()) {
                receiver().on_error(place(line.size() + 1),
                                    "field " + std::string{kColumns[column]} + " is missing");
                return;
            }
        }
        const auto complain = [&](Column column, const char* meant) {
            const std::string_view text = field(column);
            receiver().on_error(
                place(static_cast<std::size_t>(text.data() - line.data()) + 1),
                std::string{kColumns[column]} + ": " + meant + " was meant, not " + quote(text));
        };
        Entry entry;
        if (is_dhcp6_ && parse_number(field(kLeaseType), kPrefixLease) == kTemporaryLease) {
            receiver().on_temporary(place(),
                                    std::string{field(kAddress)} + " is a temporary address");
            return;
        }
        if (const auto [column, meant] =
                is_dhcp6_ ? read_client6(field, entry) : read_client4(field, entry);
            meant != nullptr) {
            return complain(column, meant);
        }
        const auto lifetime = parse_number(field(kValidLifetime), kInfinite);
        if (!lifetime) {
            return complain(kValidLifetime, "seconds");
        }
        const auto expire =
            parse_number(field(kExpire), static_cast<std::uint64_t>(Entry::kMaxTime));
        if (!expire) {
            return complain(kExpire, "Unix seconds");
        }
        if (*expire >= *lifetime) {
            entry.started = static_cast<std::int64_t>(*expire - *lifetime);
        }
        if (*lifetime != kInfinite) {
            entry.expires = static_cast<std::int64_t>(*expire);
        }
        const auto state = field(kState).empty() ? std::optional<std::uint64_t>{kAssigned}
                                                 : parse_number(field(kState), 0xff);
        if (!state) {
            return complain(kState, "0 (assigned), 1 (declined) or 2 (reclaimed)");
        }
        // A lifetime of 0 is how a lease is taken back.
        entry.state = *lifetime == 0 || *state > kDeclined ? EntryState::kEnded
                      : *state == kDeclined                ? EntryState::kDeclined
                                                           : EntryState::kLeased;
        const std::string hostname = unescape_field(field(kHostname));
        entry.hostname.assign(as_bytes(hostname).begin(), as_bytes(hostname).end());
        if (!is_dhcp6_) {
            entry.relay_information = relay_information_in(unescape_field(field(kUserContext)));
        }
        give(entry);
    }

    // What is leased to whom: the column that is wrong and what was meant; null if none is.
    using Wrong = std::pair<Column, const char*>;
    static constexpr const char* kBytesMeant = "hexadecimal bytes such as 01:02:5e";

    template <typename Field>
    [[nodiscard]] static Wrong read_client4(const Field& field, Entry& entry) {
        const auto address = parse_ipv4(field(kAddress));
        if (!address) {
            return {kAddress, "an address such as 192.0.2.10"};
        }
        entry.address = *address;
        auto hw_address = parse_bytes(field(kHwAddress));
        auto client_id = parse_bytes(field(kClientId));
        if (!hw_address || !client_id) {
            return {!hw_address ? kHwAddress : kClientId, kBytesMeant};
        }
        entry.hw_address = std::move(*hw_address);
        entry.client_id = std::move(*client_id);
        return {kAddress, nullptr};
    }

    template <typename Field>
    [[nodiscard]] static Wrong read_client6(const Field& field, Entry& entry) {
        const auto address = parse_ipv6(field(kAddress));
        const auto type = parse_number(field(kLeaseType), kPrefixLease);
        const auto length = parse_number(field(kPrefixLength), 128);
        const auto iaid = parse_number(field(kIaid), 0xffffffff);
        const auto hw_type = parse_number(field(kHwType), 0xffff);
        auto duid = field(kDuid) == kNoDuid ? std::vector<std::byte>{} : parse_bytes(field(kDuid));
        auto hw_address = parse_bytes(field(kHwAddress));
        if (!address) {
            return {kAddress, "an address such as 2001:db8::10"};
        }
        if (!type) {
            return {kLeaseType, "0 (IA_NA), 1 (IA_TA) or 2 (IA_PD)"};
        }
        if (!iaid) {
            return {kIaid, "a number of 32 bits"};
        }
        if (!duid || !hw_address) {
            return {!duid ? kDuid : kHwAddress, kBytesMeant};
        }
        Dhcp6Lease& lease = entry.dhcp6.emplace();
        lease.is_prefix = *type == kPrefixLease;
        // Addresses of old files have a length of 0, or none.
        lease.what = {*address, lease.is_prefix ? static_cast<std::uint8_t>(length.value_or(0))
                                                : std::uint8_t{128}};
        if (!length && !field(kPrefixLength).empty()) {
            return {kPrefixLength, "a number from 0 to 128"};
        }
        lease.duid = std::move(*duid);
        lease.iaid = static_cast<std::uint32_t>(*iaid);
        if (const auto preferred = parse_number(field(kPreferredLifetime), kInfinite)) {
            lease.preferred = static_cast<std::uint32_t>(*preferred);
        }
        if (field(kHwType).empty() || (hw_type && *hw_type <= 0xff)) {
            entry.hw_type = static_cast<std::uint8_t>(hw_type.value_or(kEthernet));
            entry.hw_address = std::move(*hw_address);
        }
        return {kAddress, nullptr};
    }

    bool has_names_ = false;
    bool is_dhcp6_ = false;
    std::array<std::optional<std::size_t>, kColumnCount> index_;
};

class KeaWriter final : public Writer {
  public:
    explicit KeaWriter(WriterOptions options) : options_{std::move(options)} {}

    void begin(std::string& out) const override {
        if (options_.is_dhcp6) {
            out +=
                "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,"
                "prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,"
                "hwaddr_source\n";
            return;
        }
        out +=
            "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,"
            "state,user_context\n";
    }

    bool write(const Entry& entry, std::string& out) const override {
        if (entry.dhcp6.has_value() != options_.is_dhcp6) {
            return false;
        }
        if (!entry.dhcp6 && entry.hw_type != kEthernet && !entry.hw_address.empty()) {
            return false;  // Kea takes every address of its file for DHCPv4 for Ethernet
        }
        if (entry.dhcp6 && entry.state == EntryState::kLeased && entry.dhcp6->duid.empty()) {
            return false;
        }
        if (entry.expires == 0) {
            return false;  // a lifetime of 0 would take it back
        }
        // Kea computes the start from what it reads; it must lie before the end.
        std::uint64_t started = 0;
        if (entry.expires) {
            const auto last = static_cast<std::uint64_t>(*entry.expires);
            const std::uint64_t usual = last - std::min(last, kUsualLifetime);
            started = entry.started ? static_cast<std::uint64_t>(*entry.started) : usual;
            started = std::clamp(started, last - std::min(last, kInfinite - 1), last - 1);
        } else {
            constexpr std::int64_t kLatest = Entry::kMaxTime - std::int64_t{kInfinite};
            started =
                static_cast<std::uint64_t>(std::min(entry.started.value_or(options_.now), kLatest));
        }
        const std::uint64_t lifetime =
            entry.expires ? static_cast<std::uint64_t>(*entry.expires) - started : kInfinite;
        if (entry.dhcp6) {
            append6(entry, started, lifetime, out);
            return true;
        }
        out += xdhcpd::to_string(entry.address) + "," + to_hex(entry.hw_address) + "," +
               to_hex(entry.client_id) + "," + std::to_string(lifetime) + "," +
               std::to_string(started + lifetime) + "," + subnet_id(entry) + ",0,0,";
        append_escaped(as_text(entry.hostname), out);
        out += entry.state == EntryState::kDeclined ? ",1," : ",0,";
        if (!entry.relay_information.empty()) {
            append_escaped("{ \"ISC\": { \"relay-agent-info\": \"0x" +
                               to_hex(entry.relay_information, 0) + "\" } }",
                           out);
        }
        out += '\n';
        return true;
    }

  private:
    [[nodiscard]] std::string subnet_id(const Entry& entry) const {
        return std::to_string(options_.kea_subnet_id ? options_.kea_subnet_id(entry) : 1);
    }

    void append6(const Entry& entry, std::uint64_t started, std::uint64_t lifetime,
                 std::string& out) const {
        const Dhcp6Lease& lease = *entry.dhcp6;
        const std::uint64_t preferred =
            std::min<std::uint64_t>(lease.preferred.value_or(kInfinite), lifetime);
        const bool is_declined = entry.state == EntryState::kDeclined;
        out += xdhcpd::to_string(lease.what.address) + "," +
               (lease.duid.empty() ? std::string{kNoDuid} : to_hex(lease.duid)) + "," +
               std::to_string(lifetime) + "," + std::to_string(started + lifetime) + "," +
               subnet_id(entry) + "," + std::to_string(preferred) + "," +
               std::to_string(lease.is_prefix ? kPrefixLease : kAddressLease) + "," +
               std::to_string(lease.iaid) + "," + std::to_string(lease.what.length) + ",0,0,";
        append_escaped(as_text(entry.hostname), out);
        out += "," + to_hex(entry.hw_address) + (is_declined ? ",1,," : ",0,,");
        if (!entry.hw_address.empty()) {
            out += std::to_string(entry.hw_type) + ",0";
        } else {
            out += ",";
        }
        out += '\n';
    }

    WriterOptions options_;
};

}  // namespace

std::unique_ptr<Reader> make_kea_reader(Receiver& receiver) {
    return std::make_unique<KeaReader>(receiver);
}

std::unique_ptr<Writer> make_kea_writer(WriterOptions options) {
    return std::make_unique<KeaWriter>(std::move(options));
}

}  // namespace xdhcpd::lease_files
