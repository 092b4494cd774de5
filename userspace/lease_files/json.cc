#include "lease_files/json.h"

#include <array>
#include <limits>
#include <utility>

#include "lease_files/formats.h"
#include "lease_files/text.h"

namespace xdhcpd::lease_files {
namespace {

using nlohmann::json;

constexpr const char* kMembers =
    "address, subnet, state, hw_type, hw_address, client_id, hostname, relay_information, relay, "
    "vlan, started, expires, duid, iaid, preferred_lifetime, relay_id, remote_id, subscriber_id";

[[nodiscard]] std::string text_of(const json& value) {
    return value.dump(-1, ' ', true, json::error_handler_t::replace);
}

[[nodiscard]] std::optional<std::uint64_t> whole_number(const json& value) {
    const bool is_whole =
        value.is_number_unsigned() || (value.is_number_integer() && value.get<std::int64_t>() >= 0);
    return is_whole ? std::optional{value.get<std::uint64_t>()} : std::nullopt;
}

// Reads members of one object; the first error stays.
class Members {
  public:
    explicit Members(const json& object) : object_{object} {}

    // Calls use(text) if the member is there; use returns whether it understood.
    template <typename Use>
    void text(const char* name, std::string_view meant, const Use& use) {
        const auto found = object_.find(name);
        if (found == object_.end()) {
            return;
        }
        ++known_;
        if (!found->is_string() || !use(found->get_ref<const std::string&>())) {
            fail(name, std::string{meant} + " was meant, not " + quote(text_of(*found)));
        }
    }
    void time(const char* name, std::optional<std::int64_t>& value) {
        const auto found = object_.find(name);
        if (found == object_.end()) {
            return;
        }
        ++known_;
        const auto number = whole_number(*found);
        if (found->is_null()) {
            value.reset();
        } else if (number && *number <= static_cast<std::uint64_t>(Entry::kMaxTime)) {
            value = static_cast<std::int64_t>(*number);
        } else {
            fail(name, "Unix seconds or null were meant, not " + quote(text_of(*found)));
        }
    }
    // `Number` is unsigned.
    template <typename Number>
    void number(const char* name, Number& value) {
        const auto found = object_.find(name);
        if (found == object_.end()) {
            return;
        }
        ++known_;
        constexpr std::uint64_t kMax = std::numeric_limits<Number>::max();
        const auto number = whole_number(*found);
        if (number && *number <= kMax) {
            value = static_cast<Number>(*number);
        } else {
            fail(name, "a number from 0 to " + std::to_string(kMax) + " was meant, not " +
                           quote(text_of(*found)));
        }
    }
    void fail(std::string name, std::string text) {
        if (!error_) {
            error_ = JsonError{std::move(name), std::move(text)};
        }
    }
    [[nodiscard]] bool has(const char* name) const { return object_.contains(name); }
    [[nodiscard]] std::size_t known() const noexcept { return known_; }
    [[nodiscard]] const std::optional<JsonError>& error() const noexcept { return error_; }

  private:
    const json& object_;
    std::size_t known_ = 0;
    std::optional<JsonError> error_;
};

template <typename T, typename Parse>
[[nodiscard]] auto into(T& value, const Parse& parse) {
    return [&value, &parse](const std::string& text) {
        auto parsed = parse(text);
        if (parsed) {
            value = std::move(*parsed);
        }
        return parsed.has_value();
    };
}

[[nodiscard]] std::optional<EntryState> parse_state(std::string_view text) {
    if (text == "leased") {
        return EntryState::kLeased;
    }
    if (text == "declined") {
        return EntryState::kDeclined;
    }
    return std::nullopt;
}

[[nodiscard]] std::string unknown_member(const json& object) {
    const std::string known = ", " + std::string{kMembers} + ",";
    for (const auto& item : object.items()) {
        if (known.find(", " + item.key() + ",") == std::string::npos) {
            return item.key();
        }
    }
    return {};
}

class JsonReader final : public Reader {
  public:
    explicit JsonReader(Receiver& receiver) : receiver_{receiver} {}

    bool line(std::string_view text) override {
        ++place_.line;
        if (text.find_first_not_of(" \t\r") == std::string_view::npos) {
            return true;
        }
        json object;
        try {
            object = json::parse(text);
        } catch (const json::exception& error) {
            const auto* const at = dynamic_cast<const json::parse_error*>(&error);
            receiver_.on_error({place_.line, at != nullptr && at->byte > 0 ? at->byte : 1},
                               "a JSON object per line was meant");
            return true;
        }
        const auto entry = from_json(object);
        if (entry) {
            receiver_.on_entry(*entry, place_);
            return true;
        }
        const std::size_t at = text.find('"' + entry.error().member + '"');
        receiver_.on_error(
            {place_.line, at == std::string_view::npos ? 1 : at + 1},
            entry.error().member + (entry.error().member.empty() ? "" : ": ") + entry.error().text);
        return true;
    }
    void end() override {}

  private:
    Receiver& receiver_;
    Place place_{0, 1};
};

class JsonWriter final : public Writer {
  public:
    void begin(std::string&) const override {}
    bool write(const Entry& entry, std::string& out) const override {
        out += to_json(entry).dump();
        out += '\n';
        return true;
    }
};

void add_dhcp6(const Dhcp6Lease& lease, json& object) {
    const auto add_bytes = [&object](const char* name, ByteView bytes) {
        if (!bytes.empty()) {
            object[name] = to_hex(bytes);
        }
    };
    object["iaid"] = lease.iaid;
    add_bytes("duid", lease.duid);
    add_bytes("relay_id", lease.relay_id);
    add_bytes("remote_id", lease.remote_id);
    add_bytes("subscriber_id", lease.subscriber_id);
    if (lease.preferred) {
        object["preferred_lifetime"] = *lease.preferred;
    }
    if (lease.subnet) {
        object["subnet"] = xdhcpd::to_string(*lease.subnet);
    }
}

// Of an object whose address is of DHCPv6.
void read_dhcp6(Members& members, Dhcp6Lease& lease) {
    constexpr std::string_view kBytes = "hexadecimal bytes such as 01:02:5e";
    members.text("duid", kBytes, into(lease.duid, parse_bytes));
    members.text("relay_id", kBytes, into(lease.relay_id, parse_bytes));
    members.text("remote_id", kBytes, into(lease.remote_id, parse_bytes));
    members.text("subscriber_id", kBytes, into(lease.subscriber_id, parse_bytes));
    members.text("subnet", "a prefix such as 2001:db8::/64", into(lease.subnet, parse_ipv6_prefix));
    members.number("iaid", lease.iaid);
    if (members.has("preferred_lifetime")) {
        members.number("preferred_lifetime", lease.preferred.emplace());
    }
}

}  // namespace

json to_json(const Entry& entry) {
    json object = {{"address", name_of(entry)},
                   {"state", entry.state == EntryState::kDeclined ? "declined" : "leased"},
                   {"expires", nullptr}};
    if (entry.expires) {
        object["expires"] = *entry.expires;
    }
    if (entry.started) {
        object["started"] = *entry.started;
    }
    if (entry.subnet) {
        object["subnet"] = xdhcpd::to_string(*entry.subnet);
    }
    if (!entry.hw_address.empty()) {
        object["hw_type"] = entry.hw_type;
        object["hw_address"] = to_hex(entry.hw_address);
    }
    if (!entry.client_id.empty()) {
        object["client_id"] = to_hex(entry.client_id);
    }
    if (!entry.hostname.empty()) {
        object["hostname"] = escape(entry.hostname);
    }
    if (!entry.relay_information.empty()) {
        object["relay_information"] = to_hex(entry.relay_information);
    }
    if (entry.relay) {
        object["relay"] = xdhcpd::to_string(*entry.relay);
    }
    if (entry.vlan) {
        object["vlan"] = to_string(*entry.vlan);
    }
    if (entry.dhcp6) {
        add_dhcp6(*entry.dhcp6, object);
    }
    return object;
}

Result<Entry, JsonError> from_json(const json& object) {
    if (!object.is_object()) {
        return Unexpected{JsonError{"", "a JSON object was meant"}};
    }
    constexpr std::string_view kBytes = "hexadecimal bytes such as 01:02:5e";
    Entry entry;
    Members members{object};
    members.text("address", "an address such as 192.0.2.10, 2001:db8::10 or 2001:db8:8000::/56",
                 [&entry](const std::string& text) { return set_name(entry, text); });
    if (entry.dhcp6) {
        read_dhcp6(members, *entry.dhcp6);
    } else {
        members.text("subnet", "a prefix such as 192.0.2.0/24",
                     into(entry.subnet, parse_ipv4_prefix));
    }
    members.text("state", "leased or declined", into(entry.state, parse_state));
    members.number("hw_type", entry.hw_type);
    members.text("hw_address", kBytes, into(entry.hw_address, parse_bytes));
    members.text("client_id", kBytes, into(entry.client_id, parse_bytes));
    members.text("hostname", "text, with \\xff for what is not printable",
                 into(entry.hostname, unescape));
    members.text("relay_information", kBytes, into(entry.relay_information, parse_bytes));
    members.text("relay", "an address such as 192.0.2.1", into(entry.relay, parse_ipv4));
    members.text("vlan", "VLAN identifiers such as 100 or 100.200", into(entry.vlan, parse_vlan));
    members.time("started", entry.started);
    members.time("expires", entry.expires);
    for (const char* const name : {"address", "expires"}) {
        if (!members.has(name)) {
            members.fail("", std::string{name} + " is missing");
        }
    }
    if (members.known() != object.size()) {
        members.fail(unknown_member(object),
                     std::string{"is unknown; one of these was meant: "} + kMembers);
    }
    if (std::string wrong = check(entry); !wrong.empty()) {
        members.fail("", std::move(wrong));
    }
    if (members.error()) {
        return Unexpected{*members.error()};
    }
    return entry;
}

std::unique_ptr<Reader> make_json_reader(Receiver& receiver) {
    return std::make_unique<JsonReader>(receiver);
}

std::unique_ptr<Writer> make_json_writer() {
    return std::make_unique<JsonWriter>();
}

}  // namespace xdhcpd::lease_files
