// Kea's memfile for DHCPv4: CSV without quotes, where "&#x2c" stands for a comma. Rows are a log:
// the last one of an address counts. A file for DHCPv6 has a column "duid" and is refused.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
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
        kHwAddress,
        kClientId,
        kValidLifetime,
        kExpire,
        kHostname,
        kState,
        kUserContext,
        kColumnCount
    };
    static constexpr std::array<std::string_view, kColumnCount> kColumns{
        "address", "hwaddr",   "client_id", "valid_lifetime",
        "expire",  "hostname", "state",     "user_context"};
    static constexpr std::size_t kNeeded = kExpire + 1;  // the others came later

    [[nodiscard]] bool read_names(const std::vector<std::string_view>& fields) {
        has_names_ = true;
        if (std::find(fields.begin(), fields.end(), "duid") != fields.end()) {
            receiver().on_dhcp6(place(),
                                "the column \"duid\" says that this is Kea's file for DHCPv6 "
                                "(kea-leases6.csv); this version serves DHCPv4 only, so "
                                "kea-leases4.csv was meant");
            return false;
        }
        for (std::size_t i = 0; i < kColumnCount; ++i) {
            const auto found = std::find(fields.begin(), fields.end(), kColumns[i]);
            if (found != fields.end()) {
                index_[i] = static_cast<std::size_t>(found - fields.begin());
            } else if (i < kNeeded) {
                receiver().on_error(place(),
                                    "column " + std::string{kColumns[i]} +
                                        " is missing; a file of Kea begins with "
                                        "address,hwaddr,client_id,valid_lifetime,expire,...");
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
        for (std::size_t i = 0; i < kNeeded; ++i) {
            if (*index_[i] >= fields.size()) {
                receiver().on_error(place(line.size() + 1),
                                    "field " + std::string{kColumns[i]} + " is missing");
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
        const auto address = parse_ipv4(field(kAddress));
        if (!address) {
            return complain(kAddress, "an address such as 192.0.2.10");
        }
        entry.address = *address;
        auto hw_address = parse_bytes(field(kHwAddress));
        auto client_id = parse_bytes(field(kClientId));
        if (!hw_address || !client_id) {
            return complain(!hw_address ? kHwAddress : kClientId,
                            "hexadecimal bytes such as 01:02:5e");
        }
        entry.hw_address = std::move(*hw_address);
        entry.client_id = std::move(*client_id);
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
        entry.relay_information = relay_information_in(unescape_field(field(kUserContext)));
        give(entry);
    }

    bool has_names_ = false;
    std::array<std::optional<std::size_t>, kColumnCount> index_;
};

class KeaWriter final : public Writer {
  public:
    explicit KeaWriter(WriterOptions options) : options_{std::move(options)} {}

    void begin(std::string& out) const override {
        out +=
            "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,"
            "state,user_context\n";
    }

    bool write(const Entry& entry, std::string& out) const override {
        if (entry.hw_type != kEthernet && !entry.hw_address.empty()) {
            return false;  // Kea takes every address of its file for Ethernet
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
        out += xdhcpd::to_string(entry.address) + "," + to_hex(entry.hw_address) + "," +
               to_hex(entry.client_id) + "," + std::to_string(lifetime) + "," +
               std::to_string(started + lifetime) + "," +
               std::to_string(options_.kea_subnet_id ? options_.kea_subnet_id(entry.subnet) : 1) +
               ",0,0,";
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
