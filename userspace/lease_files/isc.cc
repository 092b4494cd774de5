// dhcpd.leases and dhcpd6.leases of ISC dhcpd: logs of "lease ADDRESS { STATEMENT; ... }" and of
// the associations of isc_association.h, of which the last one of an address counts. Times are UTC.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lease_files/formats.h"
#include "lease_files/isc_association.h"
#include "lease_files/isc_lexer.h"
#include "lease_files/isc_text.h"
#include "lease_files/text.h"

namespace xdhcpd::lease_files {
namespace {

using Token = IscLexer::Token;

struct HwType {
    std::string_view name;
    std::uint8_t type;  // RFC 1700, "Hardware Type"
};
constexpr std::array<HwType, 4> kHwTypes{
    {{"ethernet", 1}, {"token-ring", 6}, {"fddi", 8}, {"infiniband", 32}}};
constexpr std::string_view kUnknownHwType = "unknown-";

// Sub-options of option 82 (RFC 3046 section 3.1) by the names that dhcpd gives them.
struct Suboption {
    std::string_view name;
    std::uint8_t code;
};
constexpr std::array<Suboption, 2> kSuboptions{{{"agent.circuit-id", 1}, {"agent.remote-id", 2}}};

constexpr std::array<std::string_view, 6> kEndedStates{"free",  "expired", "released",
                                                       "reset", "backup",  "bootp"};

[[nodiscard]] std::optional<std::uint8_t> parse_hw_type(std::string_view name) {
    for (const HwType& known : kHwTypes) {
        if (known.name == name) {
            return known.type;
        }
    }
    if (!name.starts_with(kUnknownHwType)) {
        return std::nullopt;
    }
    const auto number = parse_number(name.substr(kUnknownHwType.size()), 0xff);
    return number ? std::optional{static_cast<std::uint8_t>(*number)} : std::nullopt;
}

[[nodiscard]] std::string hw_type_name(std::uint8_t type) {
    for (const HwType& known : kHwTypes) {
        if (known.type == type) {
            return std::string{known.name};
        }
    }
    return std::string{kUnknownHwType} + std::to_string(type);
}

class IscReader final : public Reader {
  public:
    explicit IscReader(Receiver& receiver) : receiver_{receiver} {}

    bool line(std::string_view text) override {
        ++line_;
        IscLexer lexer{text};
        while (auto token = lexer.next()) {
            take(std::move(*token));
        }
        return true;
    }

    void end() override {
        if (depth_ > 0 || !statement_.empty()) {
            receiver_.on_error({line_ + 1, 1},
                               "the file ends in the middle of " +
                                   (in_lease_ ? "the lease of " + xdhcpd::to_string(lease_.address)
                                    : in_association_ ? std::string{"an association"}
                                                      : std::string{"something"}) +
                                   "; '}' was meant");
        }
    }

  private:
    static constexpr std::size_t kMaxTokens = 64;  // of a statement; the rest says nothing to us

    void take(Token token) {
        if (token.kind == IscLexer::Kind::kBroken) {
            fail(token, "the string has no closing quote");
            association_.spoil();
            is_skipping_ = true;  // it has swallowed the end of its statement
        } else if (token.is("{")) {
            open(token);
        } else if (token.is("}")) {
            close(token);
        } else if (token.is(";")) {
            if (!statement_.empty() && !is_skipping_) {
                end_statement();
            }
            is_skipping_ = false;
            statement_.clear();
        } else if (statement_.size() < kMaxTokens) {
            statement_.push_back(std::move(token));
        }
    }

    void end_statement() {
        if (in_association_) {
            association_.statement(statement_, depth_, line_);
        } else if (depth_ == 1 && in_lease_) {
            read_statement();
        } else if (depth_ == 0 && statement_.size() == 2 &&
                   statement_[0].is("authoring-byte-order")) {
            association_.set_byte_order(statement_[1].text);
        }
    }

    void open(const Token& brace) {
        const std::vector<Token> head = std::exchange(statement_, {});
        if (depth_++ > 0) {  // "on expiry { ... }"
            if (in_association_) {
                association_.open(head, depth_, line_);
            }
            return;
        }
        in_lease_ = false;
        in_association_ = false;
        if (head.empty()) {
            receiver_.on_error(place(brace), "'lease ADDRESS {' was meant");
            return;
        }
        if (IscAssociation::is_head(head)) {
            in_association_ = true;
            association_.begin(head, line_);
            return;
        }
        if (!head[0].is("lease")) {
            return;  // "failover peer ...", "host ...", "class ..."
        }
        const auto address = head.size() == 2 ? parse_ipv4(head[1].text) : std::nullopt;
        if (!address) {
            receiver_.on_error(
                place(head[0]),
                head.size() == 1
                    ? "'lease {' without an address is a file of dhclient; "
                      "dhcpd.leases was meant"
                    : "an address such as 192.0.2.10 was meant, not " + quote(head[1].text));
            return;
        }
        in_lease_ = true;
        is_broken_ = false;
        has_end_ = false;
        cltt_.reset();
        suboptions_ = {};
        lease_ = {};
        lease_.address = *address;
        lease_place_ = place(head[0]);
    }

    void close(const Token& brace) {
        if (!statement_.empty() && !is_skipping_) {
            if (depth_ == 1 && in_lease_) {
                fail(brace, "';' was meant");
            } else if (in_association_ && depth_ <= 2) {
                receiver_.on_error(place(brace), "';' was meant");
                association_.spoil();
            }
        }
        is_skipping_ = false;
        statement_.clear();
        if (depth_ == 0) {
            receiver_.on_error(place(brace), "'}' closes nothing");
            return;
        }
        if (in_association_) {
            association_.close(depth_);
            in_association_ = depth_ > 1;
        }
        if (--depth_ > 0 || !in_lease_) {
            return;
        }
        in_lease_ = false;
        if (is_broken_) {
            return;
        }
        if (lease_.state == EntryState::kLeased && !has_end_) {
            receiver_.on_error(lease_place_, "the lease has no 'ends'");
            return;
        }
        lease_.started = cltt_ ? cltt_ : lease_.started;
        for (std::size_t i = 0; i < kSuboptions.size(); ++i) {
            const std::vector<std::byte>& value = suboptions_[i];
            if (!value.empty() && value.size() <= Entry::kMaxBytes) {
                lease_.relay_information.push_back(std::byte{kSuboptions[i].code});
                lease_.relay_information.push_back(static_cast<std::byte>(value.size()));
                lease_.relay_information.insert(lease_.relay_information.end(), value.begin(),
                                                value.end());
            }
        }
        if (const std::string wrong = check(lease_); !wrong.empty()) {
            receiver_.on_error(lease_place_, wrong);
            return;
        }
        receiver_.on_entry(lease_, lease_place_);
    }

    void read_statement() {
        const Token& head = statement_[0];
        if (head.is("starts") || head.is("ends") || head.is("cltt")) {
            read_time(head);
        } else if (head.is("binding") && statement_.size() == 3) {
            read_state(statement_[2]);
        } else if (head.is("hardware")) {
            const auto type =
                statement_.size() == 3 ? parse_hw_type(statement_[1].text) : std::nullopt;
            auto address = statement_.size() == 3 ? parse_bytes(statement_[2].text) : std::nullopt;
            if (!type || !address) {
                return fail(head, "'hardware ethernet 02:00:5e:00:53:01' was meant");
            }
            lease_.hw_type = *type;
            lease_.hw_address = std::move(*address);
        } else if (head.is("uid")) {
            read_bytes(lease_.client_id, 1, "'uid \"...\"' was meant");
        } else if (head.is("client-hostname")) {
            read_bytes(lease_.hostname, 1, "'client-hostname \"...\"' was meant");
        } else if (head.is("option") && statement_.size() > 1) {
            for (std::size_t i = 0; i < kSuboptions.size(); ++i) {
                if (statement_[1].is(kSuboptions[i].name)) {
                    read_bytes(suboptions_[i], 2, "text in quotes or bytes such as 0:4 were meant");
                }
            }
        } else if (head.is("abandoned")) {
            lease_.state = EntryState::kDeclined;
        } else if (head.is("deleted")) {
            lease_.state = EntryState::kEnded;
        }
        // "tstp", "next binding state", "set ..." and the like say nothing about who has what.
    }

    void read_bytes(std::vector<std::byte>& into, std::size_t index, const char* meant) {
        auto bytes = statement_.size() == index + 1 ? isc_bytes(statement_[index]) : std::nullopt;
        if (!bytes) {
            return fail(statement_[0], meant);
        }
        into = std::move(*bytes);
    }

    // "ends 3 2026/11/25 08:30:00", "ends epoch 1767225600" or "ends never".
    void read_time(const Token& head) {
        const auto read = isc_time(statement_);
        if (!read) {
            return fail(head, "'" + head.text + " WEEKDAY YYYY/MM/DD HH:MM:SS', '" + head.text +
                                  " epoch SECONDS' or '" + head.text + " never' was meant");
        }
        if (head.is("ends")) {
            has_end_ = true;
            lease_.expires = read->at;
        } else if (head.is("starts")) {
            lease_.started = read->at;
        } else {
            cltt_ = read->at;
        }
    }

    void read_state(const Token& state) {
        if (state.is("active")) {
            lease_.state = EntryState::kLeased;
        } else if (state.is("abandoned")) {
            lease_.state = EntryState::kDeclined;
        } else if (std::any_of(kEndedStates.begin(), kEndedStates.end(),
                               [&](std::string_view ended) { return state.is(ended); })) {
            lease_.state = EntryState::kEnded;
        } else {
            fail(state,
                 "active, free, expired, released, reset, backup or abandoned was meant, not " +
                     quote(state.text));
        }
    }

    void fail(const Token& token, const std::string& text) {
        receiver_.on_error(place(token), text);
        is_broken_ = true;
    }
    [[nodiscard]] Place place(const Token& token) const noexcept { return {line_, token.column}; }

    Receiver& receiver_;
    std::uint64_t line_ = 0;
    std::size_t depth_ = 0;
    std::vector<Token> statement_;  // read so far
    bool is_skipping_ = false;      // until its end

    bool in_association_ = false;
    IscAssociation association_{receiver_};
    bool in_lease_ = false;  // what stands at depth 1 is of lease_
    bool is_broken_ = false;
    bool has_end_ = false;
    Entry lease_;
    Place lease_place_;
    std::optional<std::int64_t> cltt_;
    std::array<std::vector<std::byte>, kSuboptions.size()> suboptions_;
};

class IscWriter final : public Writer {
  public:
    explicit IscWriter(bool is_dhcp6) : is_dhcp6_{is_dhcp6} {}

    void begin(std::string& out) const override {
        out +=
            "# Leases of xdhcpd, as ISC dhcpd 4.4 keeps them. Times are UTC.\n"
            "authoring-byte-order little-endian;\n\n";
    }

    bool write(const Entry& entry, std::string& out) const override {
        if (entry.dhcp6.has_value() != is_dhcp6_) {
            return false;
        }
        if (is_dhcp6_) {
            return append_isc_association(entry, out);
        }
        const bool is_leased = entry.state == EntryState::kLeased;
        out += "lease " + xdhcpd::to_string(entry.address) + " {\n";
        if (entry.started) {
            append_isc_time("starts", entry.started, out);
        }
        append_isc_time("ends", entry.expires, out);
        if (entry.started) {
            append_isc_time("cltt", entry.started, out);
        }
        out += is_leased ? "  binding state active;\n" : "  binding state abandoned;\n";
        out += "  next binding state free;\n";
        if (!entry.hw_address.empty()) {
            out += "  hardware " + hw_type_name(entry.hw_type) + " " + to_hex(entry.hw_address) +
                   ";\n";
        }
        if (!entry.client_id.empty()) {
            out += "  uid ";
            append_isc_string(entry.client_id, out);
            out += ";\n";
        }
        append_relay_information(entry.relay_information, out);
        if (!entry.hostname.empty()) {
            out += "  client-hostname ";
            append_isc_string(entry.hostname, out);
            out += ";\n";
        }
        out += "}\n";
        return true;
    }

  private:
    // The sub-options that dhcpd keeps by name.
    static void append_relay_information(ByteView rest, std::string& out) {
        while (rest.size() >= 2) {
            const std::uint8_t code = load_u8(rest.data());
            const std::size_t len =
                std::min<std::size_t>(load_u8(rest.data() + 1), rest.size() - 2);
            for (const Suboption& known : kSuboptions) {
                if (known.code == code && len > 0) {
                    out += "  option " + std::string{known.name} + " " +
                           to_hex(rest.subspan(2, len)) + ";\n";
                }
            }
            rest = rest.subspan(2 + len);
        }
    }

    bool is_dhcp6_;
};

}  // namespace

std::unique_ptr<Reader> make_isc_reader(Receiver& receiver) {
    return std::make_unique<IscReader>(receiver);
}

std::unique_ptr<Writer> make_isc_writer(const WriterOptions& options) {
    return std::make_unique<IscWriter>(options.is_dhcp6);
}

}  // namespace xdhcpd::lease_files
