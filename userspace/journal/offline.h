// What can be done with a state directory without a server: say what it holds, print it, and make
// it usable again after damage. Repairing needs the lock of the directory. Looking changes nothing,
// so that it works on a copy that cannot be written: it keeps servers from starting meanwhile, and
// where one runs already it says that what it reads may change.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/result.h"
#include "journal/codec/unit_state.h"
#include "journal/file_layer.h"
#include "journal/options.h"

namespace xdhcpd::journal {

struct FileFinding {
    std::string name;
    std::uint64_t len = 0;      // bytes
    std::uint64_t records = 0;  // that can be read
    // A sentence, with the offset, when not all is well; a torn tail is no damage, and a file that
    // needs a newer xdhcpd is not damaged either.
    std::string note;
    bool is_damaged = false;
    bool is_newer_format = false;
};

struct CheckResult {
    std::vector<FileFinding> files;  // the clock, segments, the snapshot
    std::string warning;  // a sentence: somebody has locked the directory; empty: nobody has
    // What a server would find; `refusal` says why it would not start, and is empty if it would.
    Recovery found;
    std::string refusal;
};
[[nodiscard]] Result<CheckResult, Error> check_directory(FileLayer& files,
                                                         const std::string& directory);

struct RepairResult {
    CheckResult before;
    bool is_repaired = false;  // false: nothing was wrong, nothing was changed
    std::uint64_t units = 0;   // that are kept
    std::string aside;         // the directory to which damaged files were moved
    std::vector<std::string> moved;
};
// Collects every record that is intact anywhere, writes the newest of each unit as a new snapshot,
// and moves damaged files to a directory of their own below this one. Units of which the last
// states are lost keep the ones before. Refuses a directory that holds files of a newer format.
// `now` is Unix seconds.
[[nodiscard]] Result<RepairResult, Error> repair_directory(FileLayer& files,
                                                           const std::string& directory,
                                                           std::uint64_t now);

// Tells every unit in the order of keys, as a server would be told. Refuses what a server would.
// That somebody has locked the directory is among the reports.
[[nodiscard]] Result<Recovery, Error> dump_directory(
    FileLayer& files, const std::string& directory,
    const std::function<void(const UnitState&)>& visit);

}  // namespace xdhcpd::journal
