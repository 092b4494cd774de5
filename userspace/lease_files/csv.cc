// Our own table: a line of column names, then a line per lease. RFC 4180 quoting, no newlines in
// fields.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lease_files/formats.h"
#include "lease_files/table_reader.h"
#include "lease_files/text.h"

namespace xdhcpd::lease_files {
namespace {

enum Column : std::size_t {
    kAddress,
    kSubnet,
    kState,
    kHwType,
    kHwAddress,
    kClientId,
    kHostname,
    kRelayInformation,
    kRelay,
    kVlan,
    kStarted,
    kExpires,
    kDuid,
    kIaid,
    kPreferredLifetime,
    kRelayId,
    kRemoteId,
    kSubscriberId,
    kColumnCount
};
constexpr std::array<std::string_view, kColumnCount> kColumns{"address",
                                                              "subnet",
                                                              "state",
                                                              "hw_type",
                                                              "hw_address",
                                                              "client_id",
                                                              "hostname",
                                                              "relay_information",
                                                              "relay",
                                                              "vlan",
                                                              "started",
                                                              "expires",
                                                              "duid",
                                                              "iaid",
                                                              "preferred_lifetime",
                                                              "relay_id",
                                                              "remote_id",
                                                              "subscriber_id"};

[[nodiscard]] std::string column_names() {
    std::string names;
    for (const std::string_view column : kColumns) {
        names += (names.empty() ? "" : ",") + std::string{column};
    }
    return names;
}

struct Field {
    std::string text;
    std::size_t column = 1;
};

// The fields of a line; nothing after a quote that is not closed, or closed too early.
[[nodiscard]] std::optional<std::vector<Field>> split(std::string_view line) {
    std::vector<Field> fields;
    std::size_t at = 0;
    while (true) {
        Field field{{}, at + 1};
        if (at < line.size() && line[at] == '"') {
            for (++at;; ++at) {
                if (at >= line.size()) {
                    return std::nullopt;
                }
                if (line[at] == '"' && (at + 1 >= line.size() || line[at + 1] != '"')) {
                    ++at;
                    break;
                }
                at += line[at] == '"' ? 1 : 0;
                field.text += line[at];
            }
        } else {
            const std::size_t end = std::min(line.find(',', at), line.size());
            field.text = line.substr(at, end - at);
            at = end;
        }
        fields.push_back(std::move(field));
        if (at >= line.size()) {
            return fields;
        }
        if (line[at] != ',') {
            return std::nullopt;
        }
        ++at;
    }
}

class CsvReader final : public TableReader {
  public:
    using TableReader::TableReader;

  private:
    [[nodiscard]] bool read(std::string_view text) override {
        const auto fields = split(text);
        if (!fields) {
            receiver().on_error(
                place(), "fields between commas were meant, \"...\" around those with a comma");
            return !columns_.empty();
        }
        if (columns_.empty()) {
            return read_names(*fields);
        }
        read_lease(*fields);
        return true;
    }

    [[nodiscard]] bool read_names(const std::vector<Field>& fields) {
        for (const Field& field : fields) {
            const auto* const found = std::find(kColumns.begin(), kColumns.end(), field.text);
            if (found == kColumns.end()) {
                receiver().on_error(place(field.column), "column " + quote(field.text) +
                                                             " is unknown; the columns are " +
                                                             column_names());
                return false;
            }
            columns_.push_back(static_cast<Column>(found - kColumns.begin()));
        }
        for (const Column needed : {kAddress, kExpires}) {
            if (std::find(columns_.begin(), columns_.end(), needed) == columns_.end()) {
                receiver().on_error(place(),
                                    "column " + std::string{kColumns[needed]} + " is missing");
                return false;
            }
        }
        return true;
    }

    void read_lease(const std::vector<Field>& fields) {
        if (fields.size() != columns_.size()) {
            receiver().on_error(place(), std::to_string(columns_.size()) +
                                             " fields were meant, not " +
                                             std::to_string(fields.size()));
            return;
        }
        Entry entry;
        // What the others mean depends on the address.
        const auto address = static_cast<std::size_t>(
            std::find(columns_.begin(), columns_.end(), kAddress) - columns_.begin());
        if (!set_name(entry, fields[address].text)) {
            receiver().on_error(place(fields[address].column),
                                "address: an address such as 192.0.2.10, 2001:db8::10 or "
                                "2001:db8:8000::/56 was meant, not " +
                                    quote(fields[address].text));
            return;
        }
        for (std::size_t i = 0; i < fields.size(); ++i) {
            if (const char* const meant = read_field(columns_[i], fields[i].text, entry)) {
                receiver().on_error(place(fields[i].column), std::string{kColumns[columns_[i]]} +
                                                                 ": " + meant + " was meant, not " +
                                                                 quote(fields[i].text));
                return;
            }
        }
        give(entry);
    }

    // Null, or what was meant.
    [[nodiscard]] static const char* read_field(Column column, const std::string& text,
                                                Entry& entry) {
        const auto into = [&text](auto& value, const auto& parse) {
            if (auto parsed = parse(text)) {
                value = std::move(*parsed);
                return true;
            }
            return false;
        };
        if (column == kAddress || (text.empty() && column != kExpires)) {
            return nullptr;
        }
        const auto time = [](const std::string& digits) {
            return parse_number(digits, static_cast<std::uint64_t>(Entry::kMaxTime));
        };
        constexpr const char* kBytes = "hexadecimal bytes such as 01:02:5e";
        switch (column) {
            case kSubnet:
                if (entry.dhcp6) {
                    return into(entry.dhcp6->subnet, parse_ipv6_prefix)
                               ? nullptr
                               : "a prefix such as 2001:db8::/64";
                }
                return into(entry.subnet, parse_ipv4_prefix) ? nullptr
                                                             : "a prefix such as 192.0.2.0/24";
            case kState:
                entry.state = text == "declined" ? EntryState::kDeclined : EntryState::kLeased;
                return text == "leased" || text == "declined" ? nullptr : "leased or declined";
            case kHwType: {
                const auto number = parse_number(text, 0xff);
                entry.hw_type = static_cast<std::uint8_t>(number.value_or(0));
                return number ? nullptr : "a number from 0 to 255";
            }
            case kHwAddress:
                return into(entry.hw_address, parse_bytes) ? nullptr : kBytes;
            case kClientId:
                return into(entry.client_id, parse_bytes) ? nullptr : kBytes;
            case kHostname:
                return into(entry.hostname, unescape)
                           ? nullptr
                           : "text, with \\xff for what is not printable";
            case kRelayInformation:
                return into(entry.relay_information, parse_bytes) ? nullptr : kBytes;
            case kRelay:
                return into(entry.relay, parse_ipv4) ? nullptr : "an address such as 192.0.2.1";
            case kVlan:
                return into(entry.vlan, parse_vlan) ? nullptr
                                                    : "VLAN identifiers such as 100 or 100.200";
            case kStarted:
                return into(entry.started, time) ? nullptr : "Unix seconds";
            case kExpires:
                return text == "never" || into(entry.expires, time) ? nullptr
                                                                    : "Unix seconds or never";
            default:
                return entry.dhcp6 ? read_field6(column, text, *entry.dhcp6)
                                   : "nothing, since the address is of DHCPv4,";
        }
    }

    [[nodiscard]] static const char* read_field6(Column column, const std::string& text,
                                                 Dhcp6Lease& lease) {
        if (column == kIaid || column == kPreferredLifetime) {
            const auto number = parse_number(text, 0xffffffff);
            if (!number) {
                return "a number of 32 bits";
            }
            (column == kIaid ? lease.iaid : lease.preferred.emplace()) =
                static_cast<std::uint32_t>(*number);
            return nullptr;
        }
        auto bytes = parse_bytes(text);
        if (!bytes) {
            return "hexadecimal bytes such as 01:02:5e";
        }
        (column == kDuid       ? lease.duid
         : column == kRelayId  ? lease.relay_id
         : column == kRemoteId ? lease.remote_id
                               : lease.subscriber_id) = std::move(*bytes);
        return nullptr;
    }

    std::vector<Column> columns_;
};

class CsvWriter final : public Writer {
  public:
    void begin(std::string& out) const override { out += column_names() + "\n"; }

    bool write(const Entry& entry, std::string& out) const override {
        std::array<std::string, kColumnCount> fields;
        fields[kAddress] = name_of(entry);
        fields[kSubnet] = entry.subnet ? xdhcpd::to_string(*entry.subnet) : "";
        fields[kState] = entry.state == EntryState::kDeclined ? "declined" : "leased";
        fields[kHwType] = entry.hw_address.empty() ? "" : std::to_string(entry.hw_type);
        fields[kHwAddress] = to_hex(entry.hw_address);
        fields[kClientId] = to_hex(entry.client_id);
        fields[kHostname] = escape(entry.hostname);
        fields[kRelayInformation] = to_hex(entry.relay_information);
        fields[kRelay] = entry.relay ? xdhcpd::to_string(*entry.relay) : "";
        fields[kVlan] = entry.vlan ? to_string(*entry.vlan) : "";
        fields[kStarted] = entry.started ? std::to_string(*entry.started) : "";
        fields[kExpires] = entry.expires ? std::to_string(*entry.expires) : "never";
        if (entry.dhcp6) {
            const Dhcp6Lease& lease = *entry.dhcp6;
            fields[kSubnet] = lease.subnet ? xdhcpd::to_string(*lease.subnet) : "";
            fields[kDuid] = to_hex(lease.duid);
            fields[kIaid] = std::to_string(lease.iaid);
            fields[kPreferredLifetime] = lease.preferred ? std::to_string(*lease.preferred) : "";
            fields[kRelayId] = to_hex(lease.relay_id);
            fields[kRemoteId] = to_hex(lease.remote_id);
            fields[kSubscriberId] = to_hex(lease.subscriber_id);
        }
        for (std::size_t i = 0; i < fields.size(); ++i) {
            out += i == 0 ? "" : ",";
            append(fields[i], out);
        }
        out += '\n';
        return true;
    }

  private:
    static void append(const std::string& field, std::string& out) {
        if (field.find_first_of(",\"") == std::string::npos) {
            out += field;
            return;
        }
        out += '"';
        for (const char c : field) {
            out += c;
            if (c == '"') {
                out += '"';
            }
        }
        out += '"';
    }
};

}  // namespace

std::unique_ptr<Reader> make_csv_reader(Receiver& receiver) {
    return std::make_unique<CsvReader>(receiver);
}

std::unique_ptr<Writer> make_csv_writer() {
    return std::make_unique<CsvWriter>();
}

}  // namespace xdhcpd::lease_files
