#include "tools/xdhcpctl/journal.h"

#include <ctime>
#include <iostream>

#include "journal/offline.h"
#include "journal/posix_files.h"
#include "tools/xdhcpctl/journal_page.h"

namespace xdhcpd::xdhcpctl {
namespace {

using nlohmann::json;

constexpr int kOk = 0;
constexpr int kRefused = 1;

[[nodiscard]] std::string to_text(const json& answer, int indent) {
    return answer.dump(indent, ' ', true, json::error_handler_t::replace) + "\n";
}

[[nodiscard]] int refuse(const Error& error) {
    std::cerr << "xdhcpctl: " << error.message << '\n';
    return kRefused;
}

void warn(const std::string& text) {
    if (!text.empty()) {
        std::cerr << "xdhcpctl: " << text << '\n';
    }
}

[[nodiscard]] int check(journal::FileLayer& files, const std::string& directory, bool as_json) {
    const auto result = journal::check_directory(files, directory);
    if (!result) {
        return refuse(result.error());
    }
    warn(result->warning);
    std::cout << (as_json ? to_text(check_json(*result), 2) : check_page(*result));
    return result->refusal.empty() ? kOk : kRefused;
}

[[nodiscard]] int repair(journal::FileLayer& files, const std::string& directory, bool as_json) {
    const auto now = static_cast<std::uint64_t>(std::time(nullptr));
    const auto result = journal::repair_directory(files, directory, now);
    if (!result) {
        return refuse(result.error());
    }
    std::cout << (as_json ? to_text(repair_json(*result), 2) : repair_page(*result));
    return kOk;
}

[[nodiscard]] int dump(journal::FileLayer& files, const std::string& directory, bool as_json) {
    const auto found =
        journal::dump_directory(files, directory, [&](const journal::UnitState& state) {
            std::cout << (as_json ? to_text(unit_json(state), -1) : unit_line(state));
        });
    if (!found) {
        return refuse(found.error());
    }
    for (const std::string& report : found->reports) {
        warn(report);
    }
    return kOk;
}

}  // namespace

int run_journal(JournalAction action, const std::string& directory, bool as_json) {
    journal::PosixFiles files;
    switch (action) {
        case JournalAction::kCheck:
            return check(files, directory, as_json);
        case JournalAction::kRepair:
            return repair(files, directory, as_json);
        case JournalAction::kDump:
            return dump(files, directory, as_json);
    }
    return kRefused;
}

}  // namespace xdhcpd::xdhcpctl
