// dnsmasq.leases: "EXPIRY HARDWARE-ADDRESS ADDRESS HOSTNAME CLIENT-ID" per line, where EXPIRY 0 is
// never and "*" is nothing. Leases of DHCPv6 have an IPv6 address, the IAID in the second field and
// the DUID in the last; a line "duid" before them says who the server is. Newer versions say at the
// end what vendor and relay have told of an address; that is not read.
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "lease_files/formats.h"
#include "lease_files/text.h"

namespace xdhcpd::lease_files {
namespace {

constexpr std::uint8_t kEthernet = 1;

class DnsmasqReader final : public Reader {
  public:
    explicit DnsmasqReader(Receiver& receiver) : receiver_{receiver} {}

    bool line(std::string_view text) override {
        ++line_;
        std::array<std::string_view, kFieldCount + 1> fields;
        std::size_t count = 0;
        for (std::size_t at = text.find_first_not_of(kSpace);
             at != std::string_view::npos && count < fields.size();
             at = text.find_first_not_of(kSpace, at)) {
            const std::size_t end = std::min(text.find_first_of(kSpace, at), text.size());
            fields[count++] = text.substr(at, end - at);
            at = end;
        }
        if (count == 0 || fields[0] == "vendorclass" || fields[0] == "agent-info") {
            return true;
        }
        if (fields[0] == "duid") {
            return true;
        }
        if (count > 2 && fields[1].starts_with('T') && parse_ipv6(fields[2])) {
            receiver_.on_temporary({line_, 1}, std::string{fields[2]} + " is a temporary address");
            return true;
        }
        const auto column = [&](std::size_t field) {
            return field < count ? static_cast<std::size_t>(fields[field].data() - text.data()) + 1
                                 : text.size() + 1;
        };
        if (count != kFieldCount) {
            receiver_.on_error({line_, column(std::min(count, kFieldCount))},
                               "five fields were meant: expiry, hardware address, address, "
                               "hostname, client identifier");
            return true;
        }
        Entry entry;
        if (const auto [field, meant] = read(fields, entry); meant != nullptr) {
            receiver_.on_error({line_, column(field)},
                               std::string{meant} + " was meant, not " + quote(fields[field]));
            return true;
        }
        if (const std::string wrong = check(entry); !wrong.empty()) {
            receiver_.on_error({line_, 1}, wrong);
            return true;
        }
        receiver_.on_entry(entry, {line_, 1});
        return true;
    }
    void end() override {}

  private:
    static constexpr std::size_t kFieldCount = 5;
    static constexpr std::string_view kSpace = " \t\r";

    // The field that is wrong and what was meant; null if none is.
    [[nodiscard]] static std::pair<std::size_t, const char*> read(
        const std::array<std::string_view, kFieldCount + 1>& fields, Entry& entry) {
        const auto expiry = parse_number(fields[0], static_cast<std::uint64_t>(Entry::kMaxTime));
        if (!expiry) {
            return {0, "Unix seconds, or 0 for never,"};
        }
        if (*expiry != 0) {
            entry.expires = static_cast<std::int64_t>(*expiry);
        }
        if (!set_name(entry, fields[2]) || (entry.dhcp6 && entry.dhcp6->is_prefix)) {
            return {2, "an address such as 192.0.2.10 or 2001:db8::10"};
        }
        if (entry.dhcp6) {
            const auto iaid = parse_number(fields[1], 0xffffffff);
            if (!iaid) {
                return {1, "the number of an association (IAID)"};
            }
            entry.dhcp6->iaid = static_cast<std::uint32_t>(*iaid);
        } else if (!read_hw_address(fields[1], entry)) {
            return {1, "a hardware address such as 02:00:5e:00:53:01 or 06-02:00:5e:00:53:01"};
        }
        if (fields[3] != "*") {
            const ByteView hostname = as_bytes(fields[3]);
            entry.hostname.assign(hostname.begin(), hostname.end());
        }
        if (fields[4] != "*") {
            auto client_id = parse_bytes(fields[4]);
            if (!client_id) {
                return {4, "a client identifier such as 01:02:5e, or *,"};
            }
            (entry.dhcp6 ? entry.dhcp6->duid : entry.client_id) = std::move(*client_id);
        }
        return {0, nullptr};
    }

    // The type stands in front, with a hyphen, unless it is Ethernet.
    [[nodiscard]] static bool read_hw_address(std::string_view text, Entry& entry) {
        if (const std::size_t hyphen = text.find('-'); hyphen != std::string_view::npos) {
            const auto type = parse_bytes(text.substr(0, hyphen));
            if (!type || type->size() != 1) {
                return false;
            }
            entry.hw_type = std::to_integer<std::uint8_t>(type->front());
            text.remove_prefix(hyphen + 1);
        }
        auto address = parse_bytes(text);
        if (!address) {
            return false;
        }
        entry.hw_address = std::move(*address);
        return true;
    }

    Receiver& receiver_;
    std::uint64_t line_ = 0;
};

// A name that its fields, which are parted by spaces, can hold.
[[nodiscard]] bool is_name(ByteView hostname) {
    constexpr std::string_view kMarks = "-._";
    return std::all_of(hostname.begin(), hostname.end(), [&](std::byte byte) {
        const char c = static_cast<char>(byte);
        return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') ||
               kMarks.find(c) != std::string_view::npos;
    });
}

class DnsmasqWriter final : public Writer {
  public:
    void begin(std::string&) const override {}

    bool write(const Entry& entry, std::string& out) const override {
        if (entry.state != EntryState::kLeased || entry.expires == 0) {
            return false;  // 0 is never
        }
        if (entry.dhcp6 && (entry.dhcp6->is_prefix || entry.dhcp6->duid.empty())) {
            return false;
        }
        out += std::to_string(entry.expires.value_or(0)) + " ";
        if (entry.dhcp6) {
            out += std::to_string(entry.dhcp6->iaid) + " " + name_of(entry) + " ";
            append_hostname(entry.hostname, out);
            out += " " + to_hex(entry.dhcp6->duid) + "\n";
            return true;
        }
        if (entry.hw_type != kEthernet || entry.hw_address.empty()) {
            const std::byte type{entry.hw_address.empty() ? std::uint8_t{0} : entry.hw_type};
            out += to_hex({&type, 1}) + "-";
        }
        out += to_hex(entry.hw_address) + " " + xdhcpd::to_string(entry.address) + " ";
        append_hostname(entry.hostname, out);
        out += " " + (entry.client_id.empty() ? "*" : to_hex(entry.client_id)) + "\n";
        return true;
    }

  private:
    static void append_hostname(ByteView hostname, std::string& out) {
        out += !hostname.empty() && is_name(hostname) ? as_text(hostname) : "*";
    }
};

}  // namespace

std::unique_ptr<Reader> make_dnsmasq_reader(Receiver& receiver) {
    return std::make_unique<DnsmasqReader>(receiver);
}

std::unique_ptr<Writer> make_dnsmasq_writer() {
    return std::make_unique<DnsmasqWriter>();
}

}  // namespace xdhcpd::lease_files
