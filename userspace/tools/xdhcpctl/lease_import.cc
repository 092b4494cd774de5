#include "tools/xdhcpctl/lease_import.h"

#include <array>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "lease_files/format.h"
#include "lease_files/json.h"
#include "tools/xdhcpctl/last_entries.h"
#include "tools/xdhcpctl/line_file.h"

namespace xdhcpd::xdhcpctl {
namespace {

using lease_files::Entry;
using lease_files::EntryState;
using lease_files::Format;
using lease_files::Place;
using nlohmann::json;

// Of a request: entries and about how many bytes; the server takes a line of a megabyte.
constexpr std::size_t kMaxBatch = 1024;
constexpr std::size_t kMaxBatchLen = std::size_t{1} << 19;

// Outcomes by what they mean for the exit code; the names are those of the server, but for
// "superseded", "temporary" and "error", which are ours.
constexpr std::array<std::string_view, 3> kTaken{"imported", "renewed", "unchanged"};
constexpr std::array<std::string_view, 3> kNothingLost{"superseded", "expired", "temporary"};

template <std::size_t N>
[[nodiscard]] bool is_among(const std::array<std::string_view, N>& names, std::string_view name) {
    for (const std::string_view each : names) {
        if (each == name) {
            return true;
        }
    }
    return false;
}

// What is said about the entries, and counted.
class Report {
  public:
    explicit Report(const LeaseImportArguments& arguments) : arguments_{arguments} {
        name_ = arguments.file == "-" ? "(standard input)" : arguments.file;
    }

    void count(const std::string& outcome, std::uint64_t by = 1) {
        if (by != 0) {
            counts_[outcome] += by;
        }
    }
    // Something that was not taken.
    void tell(Place place, const std::string& outcome, std::string_view address,
              std::string_view text) {
        count(outcome);
        if (arguments_.is_quiet) {
            return;
        }
        if (arguments_.as_json) {
            json line = {{"file", name_},
                         {"line", place.line},
                         {"column", place.column},
                         {"outcome", outcome},
                         {"text", text}};
            if (!address.empty()) {
                line["address"] = address;
            }
            std::cout << line.dump(-1, ' ', true, json::error_handler_t::replace) << '\n';
            return;
        }
        std::cout << name_ << ':' << place.line << ':' << place.column << ": " << outcome << ": ";
        if (!address.empty()) {
            std::cout << address << ": ";
        }
        std::cout << text << '\n';
    }
    void fail(const std::string& text) {
        has_failed_ = true;
        std::cerr << "xdhcpctl: " << text << '\n';
    }
    // Prints the counts and returns the exit code.
    [[nodiscard]] int finish() const {
        if (arguments_.as_json) {
            std::cout << json{{"dry_run", arguments_.is_dry_run}, {"counts", counts_}}.dump()
                      << '\n';
        } else {
            if (arguments_.is_dry_run) {
                std::cout << "dry run: nothing has been changed\n";
            }
            for (const auto& [outcome, count] : counts_) {
                std::cout << std::left << std::setw(12) << outcome << ' ' << count << '\n';
            }
            if (counts_.empty()) {
                std::cout << "no leases in " << name_ << '\n';
            }
        }
        bool is_complete = !has_failed_;
        for (const auto& [outcome, count] : counts_) {
            is_complete =
                is_complete && (is_among(kTaken, outcome) || is_among(kNothingLost, outcome));
        }
        return is_complete ? 0 : 1;
    }

  private:
    const LeaseImportArguments& arguments_;
    std::string name_;
    std::map<std::string, std::uint64_t> counts_;
    bool has_failed_ = false;
};

// Collects entries and gives them to the server.
class Sender {
  public:
    Sender(Client& client, const LeaseImportArguments& arguments, Report& report)
        : client_{client}, arguments_{arguments}, report_{report} {}

    // False: the server does not answer, or refuses everything; that has been told.
    [[nodiscard]] bool add(const Entry& entry, Place place) {
        constexpr std::size_t kFixedLen = 400;
        constexpr std::size_t kPerByte = 5;  // a byte that is not printable: \\x00
        len_ += kFixedLen + kPerByte * (entry.hw_address.size() + entry.client_id.size() +
                                        entry.hostname.size() + entry.relay_information.size());
        if (entry.dhcp6) {
            len_ += kPerByte * (entry.dhcp6->duid.size() + entry.dhcp6->relay_id.size() +
                                entry.dhcp6->remote_id.size() + entry.dhcp6->subscriber_id.size());
        }
        batch_.push_back(lease_files::to_json(entry));
        places_.push_back(place);
        return (batch_.size() < kMaxBatch && len_ < kMaxBatchLen) || flush();
    }
    [[nodiscard]] bool flush() {
        if (batch_.empty()) {
            return true;
        }
        const json request = {{"command", "leases"},
                              {"action", "import"},
                              {"dry_run", arguments_.is_dry_run},
                              {"leases", std::exchange(batch_, json::array())}};
        const std::vector<Place> places = std::exchange(places_, {});
        len_ = 0;
        const auto answer = client_.ask(request);
        if (!answer) {
            report_.fail(answer.error().message);
            return false;
        }
        const auto outcomes = answer->find("outcomes");
        if (outcomes == answer->end() || !outcomes->is_array() ||
            outcomes->size() != places.size()) {
            report_.fail(
                answer->value("error", std::string{"the server's answer has no outcomes"}));
            return false;
        }
        const json reasons = answer->value("reasons", json::object());
        for (std::size_t i = 0; i < places.size(); ++i) {
            const std::string outcome = (*outcomes)[i].is_string() ? (*outcomes)[i] : "error";
            if (is_among(kTaken, outcome)) {
                report_.count(outcome);
            } else {
                report_.tell(places[i], outcome, request["leases"][i]["address"].get<std::string>(),
                             reasons.value(outcome, std::string{}));
            }
        }
        return true;
    }

  private:
    Client& client_;
    const LeaseImportArguments& arguments_;
    Report& report_;
    json batch_ = json::array();
    std::vector<Place> places_;
    std::size_t len_ = 0;
};

// First pass: finds out which entries count.
class Survey final : public lease_files::Receiver {
  public:
    explicit Survey(LastEntries& last) : last_{last} {}
    void on_entry(const Entry& entry, Place) override { last_.add(entry); }
    void on_error(Place, const std::string&) override {}
    void on_temporary(Place, const std::string&) override {}

  private:
    LastEntries& last_;
};

// Second pass: sends them.
class Courier final : public lease_files::Receiver {
  public:
    Courier(LastEntries& last, Sender& sender, Report& report)
        : last_{last}, sender_{sender}, report_{report} {}

    void on_entry(const Entry& entry, Place place) override {
        if (!last_.next_counts() || is_lost_) {
            return;
        }
        if (entry.state == EntryState::kEnded) {
            report_.tell(place, "expired", name_of(entry),
                         "the lease had ended when the file was written");
            return;
        }
        is_lost_ = !sender_.add(entry, place);
    }
    void on_error(Place place, const std::string& text) override {
        report_.tell(place, "error", {}, text);
    }
    void on_temporary(Place place, const std::string& text) override {
        report_.tell(place, "temporary", {},
                     text + "; such are not served (RFC 9915), and their clients ask for others");
    }
    [[nodiscard]] bool is_lost() const noexcept { return is_lost_; }

  private:
    LastEntries& last_;
    Sender& sender_;
    Report& report_;
    bool is_lost_ = false;  // no server
};

// Feeds the file from its begin until `stop` says so.
template <typename Stop>
void feed(LineFile& file, lease_files::Reader& reader, const Stop& stop) {
    std::string_view line;
    while (!stop() && file.next(line)) {
        if (!reader.line(line)) {
            return;
        }
    }
    if (!stop() && file.error().empty()) {
        reader.end();
    }
}

[[nodiscard]] std::optional<Format> detect(LineFile& file) {
    std::string_view line;
    while (file.next(line)) {
        if (line.find_first_not_of(" \t\r") != std::string_view::npos) {
            return lease_files::detect(line);
        }
    }
    return Format::kJson;  // nothing in it
}

}  // namespace

int run_lease_import(Client& client, const LeaseImportArguments& arguments) {
    Report report{arguments};
    auto opened = LineFile::open(arguments.file);
    if (!opened) {
        report.fail(opened.error().message);
        return 1;
    }
    LineFile& file = *opened;
    auto format = lease_files::parse_format(arguments.format);
    if (!format) {
        format = detect(file);
        if (!format || !file.error().empty()) {
            report.fail(file.error().empty()
                            ? arguments.file +
                                  ": its first line looks like no lease file; say which one it is "
                                  "with --format json, csv, kea, isc or dnsmasq"
                            : file.error());
            return 1;
        }
        file.rewind();
    }

    LastEntries last;
    Survey survey{last};
    feed(file, *lease_files::make_reader(*format, survey), [] { return false; });
    if (!file.error().empty()) {
        report.fail(file.error());
        return 1;
    }
    report.count("superseded", last.finish());
    file.rewind();

    Sender sender{client, arguments, report};
    Courier courier{last, sender, report};
    feed(file, *lease_files::make_reader(*format, courier), [&] { return courier.is_lost(); });
    if (!file.error().empty()) {
        report.fail(file.error());
    }
    if (!courier.is_lost()) {
        static_cast<void>(sender.flush());
    }
    return report.finish();
}

}  // namespace xdhcpd::xdhcpctl
