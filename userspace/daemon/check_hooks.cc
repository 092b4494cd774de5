#include "daemon/check_hooks.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "base/error.h"

namespace xdhcpd::daemon {
namespace {

// Empty: it could be run.
[[nodiscard]] std::string problem_of(const std::string& path) {
    struct stat facts {};
    if (stat(path.c_str(), &facts) != 0) {
        return system_error(errno, path).message;
    }
    if (!S_ISREG(facts.st_mode)) {
        return path + " is not a file";
    }
    if (eaccess(path.c_str(), X_OK) != 0) {
        return path + " is not executable for the user who runs this check (uid " +
               std::to_string(geteuid()) + ")";
    }
    return {};
}

}  // namespace

std::vector<config::Diagnostic> check_hooks(const std::string& file,
                                            const config::LoadResult& loaded) {
    std::vector<config::Diagnostic> findings;
    if (!loaded.configuration) {
        return findings;
    }
    const std::vector<model::HookConfiguration>& hooks = loaded.configuration->hooks;
    for (std::size_t i = 0; i < hooks.size(); ++i) {
        const std::string problem = problem_of(hooks[i].command.front());
        if (problem.empty()) {
            continue;
        }
        const auto place = loaded.places.find("hooks[" + std::to_string(i) + "]");
        const config::Place at = place != loaded.places.end() ? place->second : config::Place{};
        findings.push_back({config::Diagnostic::Severity::kWarning, file, at.line,
                            at.line > 0 ? at.column : 0, "command: " + problem});
    }
    return findings;
}

}  // namespace xdhcpd::daemon
