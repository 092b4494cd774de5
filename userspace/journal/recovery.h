// Recovery: reads what a directory holds and tells the final state of every unit. At start, before
// any thread of the journal runs.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/result.h"
#include "journal/chain.h"
#include "journal/codec/unit_state.h"
#include "journal/directory.h"
#include "journal/file_layer.h"
#include "journal/options.h"

namespace xdhcpd::journal {

struct DirectoryContents {
    Inventory inventory;
    std::map<std::uint64_t, SegmentPlace> places;
    std::map<std::uint64_t, SegmentScan> scans;  // of the same segments
    std::uint64_t snapshot_units = 0;
    std::uint64_t snapshot_stamp = 0;  // Unix nanoseconds
};

// Reads everything and changes nothing. `found` but for `duration` is filled.
[[nodiscard]] Result<DirectoryContents, Error> read_directory(
    FileLayer& files, const std::string& directory,
    const std::function<void(const UnitState&)>& visit, Recovery& found);

struct Recovered {
    Chain::State chain;
    std::optional<ClosedSegment> last;  // which the next segment follows
    // Records that may be in the page cache only: written by a process that was killed, even clean
    // there if a sync had failed. They have been told, so Committer::adopt() must make them durable
    // before anything else happens. The files in which they are now are not touched, for a power
    // cut could then ruin what was acknowledged.
    std::vector<std::byte> tail;
    std::vector<std::string> obsolete;  // names of files that are of no use from then on
};

// As Journal::open() promises, for a directory that is locked, but for the tail.
[[nodiscard]] Result<Recovered, Error> recover(FileLayer& files, const JournalOptions& options,
                                               const std::function<void(const UnitState&)>& visit,
                                               Recovery& found);

}  // namespace xdhcpd::journal
