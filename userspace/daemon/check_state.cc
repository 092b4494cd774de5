#include "daemon/check_state.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/error.h"
#include "journal/directory.h"
#include "journal/options.h"
#include "journal/posix_files.h"

namespace xdhcpd::daemon {
namespace {

using Severity = config::Diagnostic::Severity;

constexpr unsigned kMebibyteShift = 20;

class Findings {
  public:
    Findings(const std::string& file, const config::LoadResult& loaded) : file_{file} {
        if (const auto place = loaded.places.find("state-directory");
            place != loaded.places.end()) {
            place_ = place->second;
        }
    }

    void add(Severity severity, const std::string& text) {
        all.push_back({severity, file_, place_.line, place_.line > 0 ? place_.column : 0,
                       "state-directory: " + text});
    }

    std::vector<config::Diagnostic> all;

  private:
    std::string file_;
    config::Place place_{};
};

[[nodiscard]] std::string who() {
    return "for the user who runs this check (uid " + std::to_string(geteuid()) + ")";
}

// Whether the file system that `path` is on takes files, and for how long.
void check_file_system(const std::string& path, Findings& findings) {
    struct statvfs room {};
    struct statfs kind {};
    if (statvfs(path.c_str(), &room) != 0 || statfs(path.c_str(), &kind) != 0) {
        findings.add(Severity::kWarning, system_error(errno, path).message);
        return;
    }
    if ((room.f_flag & ST_RDONLY) != 0) {
        findings.add(Severity::kError, path + " is on a file system that is mounted read-only");
        return;
    }
    const auto type = static_cast<std::uint64_t>(kind.f_type);
    if (type == TMPFS_MAGIC || type == RAMFS_MAGIC) {
        findings.add(Severity::kWarning,
                     path +
                         " is in memory (tmpfs), which is no stable storage: a power cut or a "
                         "restart of the machine forgets all leases");
    }
    const std::uint64_t free = std::uint64_t{room.f_bavail} * room.f_frsize;
    const std::uint64_t segment = journal::JournalOptions{}.segment_len;
    if (free < segment) {
        findings.add(Severity::kWarning, path + " has " + std::to_string(free >> kMebibyteShift) +
                                             " MiB free, less than one file of the journal (" +
                                             std::to_string(segment >> kMebibyteShift) +
                                             " MiB): on a full disk nobody gets a new lease");
    }
}

void check_missing(const std::string& path, Findings& findings) {
    const std::string parent = std::filesystem::path{path}.parent_path();
    struct stat facts {};
    if (stat(parent.c_str(), &facts) != 0) {
        findings.add(
            errno == EACCES ? Severity::kWarning : Severity::kError,
            path + " does not exist and cannot be made: " + system_error(errno, parent).message);
    } else if (!S_ISDIR(facts.st_mode)) {
        findings.add(Severity::kError, path + " does not exist and cannot be made: " + parent +
                                           " is not a directory");
    } else {
        check_file_system(parent, findings);
        if (findings.all.empty() && eaccess(parent.c_str(), W_OK | X_OK) != 0) {
            findings.add(Severity::kWarning, path + " does not exist and cannot be made " + who() +
                                                 ": " + parent + " is not writable");
        }
    }
}

void check_existing(const std::string& path, Findings& findings) {
    check_file_system(path, findings);
    if (eaccess(path.c_str(), R_OK | W_OK | X_OK) != 0 && errno != EROFS) {
        findings.add(Severity::kWarning, path + " is not writable " + who());
        return;
    }
    journal::PosixFiles files;
    const auto held = files.lock_for_reading(journal::path_of(path, journal::kLockName));
    if (!held && held.error().errno_value == EWOULDBLOCK) {
        findings.add(Severity::kNote, held.error().message + ": one xdhcpd at a time may use it");
    }
}

}  // namespace

std::vector<config::Diagnostic> check_state_directory(const std::string& file,
                                                      const config::LoadResult& loaded) {
    Findings findings{file, loaded};
    if (!loaded.configuration || loaded.configuration->durability == model::Durability::kMemory) {
        return {};
    }
    std::string path = loaded.configuration->state_directory;
    while (path.size() > 1 && path.back() == '/') {
        path.pop_back();
    }
    struct stat facts {};
    if (stat(path.c_str(), &facts) == 0) {
        if (S_ISDIR(facts.st_mode)) {
            check_existing(path, findings);
        } else {
            findings.add(Severity::kError, path + " is not a directory");
        }
    } else if (errno == ENOENT) {
        check_missing(path, findings);
    } else {
        findings.add(errno == EACCES ? Severity::kWarning : Severity::kError,
                     system_error(errno, path).message);
    }
    return std::move(findings.all);
}

}  // namespace xdhcpd::daemon
