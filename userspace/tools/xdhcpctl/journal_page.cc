#include "tools/xdhcpctl/journal_page.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "base/addresses.h"
#include "engine/v6/known_client.h"
#include "tools/xdhcpctl/table.h"

namespace xdhcpd::xdhcpctl {
namespace {

using nlohmann::json;
using Align = Table::Align;

constexpr std::uint64_t kLastCalendarSecond = 253'402'300'799;  // of the year 9999
constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

[[nodiscard]] const char* to_text(journal::UnitStatus status) noexcept {
    switch (status) {
        case journal::UnitStatus::kFree:
            return "free";
        case journal::UnitStatus::kLeased:
            return "leased";
        case journal::UnitStatus::kDeclined:
            return "declined";
        case journal::UnitStatus::kReleased:
            return "released";
        case journal::UnitStatus::kExpired:
            return "expired";
    }
    return "unknown";
}

[[nodiscard]] std::string hw_address(const journal::UnitState& state) {
    const ByteView octets = state.mac.bytes();
    return to_hex(octets.first(std::min<std::size_t>(state.hw_len, octets.size())));
}

// The identity; of DHCPv6 what it says.
[[nodiscard]] std::string client_text(ByteView identity) {
    std::string text = " identity " + to_hex(identity);
    if (!engine::v6::is_v6_identity(identity)) {
        return text;
    }
    const auto client = engine::v6::describe_client(identity);
    return (client.duid.empty() ? text : " duid " + to_hex(client.duid)) + " iaid " +
           std::to_string(client.iaid);
}

[[nodiscard]] json time_json(std::uint64_t seconds) {
    return seconds == journal::kNever ? json(nullptr) : json(seconds);
}

[[nodiscard]] std::string summary(const journal::Recovery& found) {
    std::string text = counted(found.units, "unit") + ", " + std::to_string(found.leased) +
                       " of them leased, from " + counted(found.records, "record");
    if (found.wall_clock_stamp != 0) {
        text += "; last written " + unix_time(found.wall_clock_stamp / kNanosecondsPerSecond);
    }
    return text + "\n";
}

}  // namespace

std::string unix_time(std::uint64_t seconds) {
    if (seconds == journal::kNever) {
        return "never";
    }
    const auto time = static_cast<std::time_t>(seconds);
    std::tm parts{};
    std::array<char, 32> text{};
    if (seconds > kLastCalendarSecond || gmtime_r(&time, &parts) == nullptr ||
        std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        return std::to_string(seconds);
    }
    return text.data();
}

std::string unit_text(const journal::UnitKey& key) {
    if (key.kind == journal::UnitKind::kIpv4) {
        return to_string(key.to_ipv4());
    }
    std::string text = to_string(Ipv6{key.address});
    return key.kind == journal::UnitKind::kIpv6Prefix ? text + "/" + std::to_string(key.length)
                                                      : text;
}

std::string unit_line(const journal::UnitState& state) {
    std::string line = unit_text(state.key) + " " + to_text(state.status) + " version " +
                       std::to_string(state.version);
    if (state.status != journal::UnitStatus::kFree) {
        line += " until " + unix_time(state.expiry) + " told " + unix_time(state.told_expiry) +
                " granted " + unix_time(state.started);
    }
    if (state.hw_len != 0) {
        line += " hw-address " + hw_address(state);
    }
    if (!state.identity.empty()) {
        line += client_text(state.identity);
    }
    if (!state.hostname.empty()) {
        line += " hostname " + printable(as_text(state.hostname));
    }
    if (!state.relay_information.empty()) {
        line += " relay-information " + to_hex(state.relay_information);
    }
    return line + "\n";
}

json unit_json(const journal::UnitState& state) {
    json object = {{"unit", unit_text(state.key)},
                   {"status", to_text(state.status)},
                   {"version", state.version},
                   {"flags", state.flags},
                   {"expiry", time_json(state.expiry)},
                   {"told_expiry", time_json(state.told_expiry)},
                   {"started", state.started},
                   {"last_xid", state.last_xid},
                   {"hw_type", state.hw_type},
                   {"hw_address", hw_address(state)},
                   {"identity", to_hex(state.identity)},
                   {"hostname", std::string{as_text(state.hostname)}},
                   {"relay_information", to_hex(state.relay_information)}};
    if (engine::v6::is_v6_identity(state.identity)) {
        const auto client = engine::v6::describe_client(state.identity);
        object["duid"] = to_hex(client.duid);
        object["iaid"] = client.iaid;
    }
    return object;
}

std::string check_page(const journal::CheckResult& result) {
    Table table{{{"FILE"}, {"SIZE", Align::kRight}, {"RECORDS", Align::kRight}, {"NOTE"}}};
    for (const journal::FileFinding& file : result.files) {
        table.add({file.name, bytes(file.len), std::to_string(file.records),
                   file.note.empty() ? "good" : file.note});
    }
    std::string page = table.empty() ? "no files of a journal\n" : table.text();
    if (result.refusal.empty()) {
        return page + summary(result.found);
    }
    return page + "xdhcpd would not start: " + printable(result.refusal) + "\n";
}

json check_json(const journal::CheckResult& result) {
    json files = json::array();
    for (const journal::FileFinding& file : result.files) {
        files.push_back({{"name", file.name},
                         {"len", file.len},
                         {"records", file.records},
                         {"damaged", file.is_damaged},
                         {"newer_format", file.is_newer_format},
                         {"note", file.note}});
    }
    json answer = {{"usable", result.refusal.empty()}, {"files", std::move(files)}};
    if (!result.warning.empty()) {
        answer["warning"] = result.warning;
    }
    if (result.refusal.empty()) {
        answer["units"] = result.found.units;
        answer["leased"] = result.found.leased;
        answer["records"] = result.found.records;
        answer["cut_len"] = result.found.cut_len;
        answer["last_written"] = result.found.wall_clock_stamp / kNanosecondsPerSecond;
    } else {
        answer["refusal"] = result.refusal;
    }
    return answer;
}

std::string repair_page(const journal::RepairResult& result) {
    std::string page = check_page(result.before);
    if (!result.is_repaired) {
        return page + "nothing to repair\n";
    }
    page += "repaired: kept " + counted(result.units, "unit") + ", each with the newest record " +
            "that is intact\n";
    for (const std::string& name : result.moved) {
        page += "moved " + name + " to " + printable(result.aside) + "\n";
    }
    return page;
}

json repair_json(const journal::RepairResult& result) {
    return {{"repaired", result.is_repaired},
            {"units", result.is_repaired ? result.units : result.before.found.units},
            {"moved", result.moved},
            {"aside", result.aside},
            {"before", check_json(result.before)}};
}

}  // namespace xdhcpd::xdhcpctl
