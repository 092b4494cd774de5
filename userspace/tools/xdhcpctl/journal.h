// `xdhcpctl journal`: looks after a state directory that no server uses.
#pragma once

#include <string>

namespace xdhcpd::xdhcpctl {

enum class JournalAction { kCheck, kRepair, kDump };

// Does it and prints what came out. Returns the exit code: 0 if a server would start with what is
// there now.
[[nodiscard]] int run_journal(JournalAction action, const std::string& directory, bool as_json);

}  // namespace xdhcpd::xdhcpctl
