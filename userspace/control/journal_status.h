// How stable storage does, for status, metrics, health and the log.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "control/server_state.h"
#include "journal/journal.h"
#include "metrics/families.h"

namespace xdhcpd::control {

// {"state": "ok" | "stalled" | "failing", ...}
[[nodiscard]] nlohmann::json to_json(const journal::JournalHealth& health);
// A sentence about why nothing is stored now; empty: it is.
[[nodiscard]] std::string problem_of(const journal::JournalHealth& health);
void add_journal(std::vector<prometheus::MetricFamily>& families,
                 const journal::JournalHealth& health, std::uint64_t unwritten_ends);

// Logs when storage fails, stalls and recovers. Control thread.
class JournalWatch {
  public:
    void look(const ServerState& state);

  private:
    std::string problem_;
    std::string merge_problem_;
};

}  // namespace xdhcpd::control
