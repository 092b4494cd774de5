#include "journal/offline.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "journal/codec/clock_file.h"
#include "journal/codec/merge.h"
#include "journal/codec/record.h"
#include "journal/directory.h"
#include "journal/merger.h"
#include "journal/recovery.h"

namespace xdhcpd::journal {
namespace {

[[nodiscard]] Result<std::unique_ptr<File>, Error> lock_directory(FileLayer& files,
                                                                  const std::string& directory) {
    // Before the lock, which would make a file in a directory that is no journal at all.
    if (const auto names = files.list(directory); !names) {
        return Unexpected{names.error()};
    }
    return files.lock(path_of(directory, kLockName));
}

// For looking only.
struct Look {
    std::unique_ptr<File> lock;  // null if somebody else has it
    std::string warning;         // then
};
[[nodiscard]] Result<Look, Error> look_at(FileLayer& files, const std::string& directory) {
    auto lock = files.lock_for_reading(path_of(directory, kLockName));
    if (lock) {
        return Look{std::move(*lock), {}};
    }
    if (lock.error().errno_value != EWOULDBLOCK) {
        return Unexpected{lock.error()};
    }
    return Look{nullptr, lock.error().message +
                             ": files change while they are read, and damage found in them may be "
                             "none"};
}

void note(FileFinding& finding, const Damage& damage) {
    finding.note = "offset " + std::to_string(damage.offset) + ": " + damage.what;
    finding.is_newer_format = damage.is_newer_format;
    finding.is_damaged = !damage.is_newer_format;
}

// What a segment says about itself and the one before, as far as it can be read.
struct Segment {
    ByteView file;  // valid until the loader loads another
    Result<SegmentHeader, Damage> header;
};
[[nodiscard]] Result<Segment, Error> load_segment(SegmentLoader& loader, std::uint64_t generation) {
    const auto file = loader.load(generation);
    if (!file) {
        return Unexpected{file.error()};
    }
    auto header = decode_segment_header(*file);
    if (header && header->generation != generation) {
        header = Unexpected{Damage{
            0, "is segment " + std::to_string(header->generation) + " by its header", false}};
    }
    return Segment{*file, std::move(header)};
}

[[nodiscard]] std::optional<FileFinding> check_clock(FileLayer& files,
                                                     const std::string& directory) {
    const auto text = load_clock(files, directory);
    if (text && !*text) {
        return std::nullopt;
    }
    FileFinding finding;
    finding.name = kClockName;
    if (!text) {
        note(finding, {0, text.error().message, false});
        return finding;
    }
    finding.len = (*text)->size();
    if (const auto difference = decode_clock(**text); difference) {
        finding.note = "the wall clock differs by " + std::to_string(*difference) + " s";
    } else {
        finding.note = to_text(difference.error());
        finding.is_newer_format = difference.error() == ClockFileError::kNewerFormat;
        finding.is_damaged = !finding.is_newer_format;
    }
    return finding;
}

using Ends = std::map<std::uint64_t, std::uint64_t>;  // of segments that another follows

// Where segments end, by the headers of those behind them, damaged ones by their copies.
[[nodiscard]] Ends find_ends(SegmentLoader& loader, const std::vector<std::uint64_t>& segments) {
    Ends ends;
    for (const std::uint64_t generation : segments) {
        const auto segment = load_segment(loader, generation);
        if (!segment) {
            continue;
        }
        const auto header =
            segment->header ? segment->header : decode_segment_header_copy(segment->file);
        if (header && header->previous != 0) {
            ends[header->previous] = header->previous_end;
        }
    }
    return ends;
}

[[nodiscard]] std::optional<std::uint64_t> end_of(const Ends& ends, std::uint64_t generation) {
    const auto found = ends.find(generation);
    return found != ends.end() ? std::optional{found->second} : std::nullopt;
}

[[nodiscard]] FileFinding check_segment(SegmentLoader& loader, std::uint64_t generation,
                                        std::optional<std::uint64_t> closed_at) {
    FileFinding finding;
    finding.name = segment_name(generation);
    const auto segment = load_segment(loader, generation);
    if (!segment) {
        note(finding, {0, segment.error().message, false});
        return finding;
    }
    finding.len = segment->file.size();
    if (!segment->header) {
        note(finding, segment->header.error());
        return finding;
    }
    const auto count = [&](ByteView) { ++finding.records; };
    const auto scan = scan_segment(segment->file, *segment->header, closed_at, count);
    if (!scan) {
        note(finding, scan.error());
    } else if (scan->cut_len != 0) {
        finding.note = "offset " + std::to_string(scan->end) + ": a torn tail of " +
                       std::to_string(scan->cut_len) + " bytes, which a start cuts";
    }
    return finding;
}

[[nodiscard]] FileFinding check_snapshot(FileLayer& files, const std::string& directory,
                                         std::uint64_t generation) {
    FileFinding finding;
    finding.name = snapshot_name(generation);
    auto file = files.open(path_of(directory, finding.name), OpenMode::kRead);
    if (!file) {
        note(finding, {0, file.error().message, false});
        return finding;
    }
    const auto len = (*file)->size();
    finding.len = len ? *len : 0;
    File& readable = **file;
    auto reader = SnapshotReader::open(
        [&](std::uint64_t offset, MutableBytes into) { return readable.read(offset, into); },
        finding.len);
    if (!reader) {
        note(finding, reader.error());
        return finding;
    }
    for (ByteView record = reader->next(); !record.empty(); record = reader->next()) {
        if (const auto state = decode(record); !state) {
            note(finding, {0, to_text(state.error()), false});
            return finding;
        }
        ++finding.records;
    }
    if (reader->damage()) {
        note(finding, *reader->damage());
    }
    return finding;
}

[[nodiscard]] Result<CheckResult, Error> check_locked(FileLayer& files,
                                                      const std::string& directory,
                                                      const Inventory& inventory) {
    CheckResult result;
    if (auto clock = check_clock(files, directory)) {
        result.files.push_back(std::move(*clock));
    }
    SegmentLoader loader{files, directory};
    const Ends ends = find_ends(loader, inventory.segments);
    for (const std::uint64_t generation : inventory.segments) {
        result.files.push_back(check_segment(loader, generation, end_of(ends, generation)));
    }
    if (inventory.snapshot) {
        result.files.push_back(check_snapshot(files, directory, *inventory.snapshot));
    }
    const auto contents = read_directory(
        files, directory, [](const UnitState&) {}, result.found);
    if (!contents) {
        result.refusal = contents.error().message;
    } else if (const auto clock = read_clock(files, directory); !clock) {
        result.refusal = clock.error().message;
    }
    return result;
}

// Every intact record of the segments goes into `latest`; returns the latest stamp.
[[nodiscard]] std::uint64_t salvage_segments(SegmentLoader& loader,
                                             const std::vector<std::uint64_t>& segments,
                                             LatestRecords& latest) {
    const Ends ends = find_ends(loader, segments);
    std::uint64_t stamp = 0;
    for (const std::uint64_t generation : segments) {
        const auto segment = load_segment(loader, generation);
        if (!segment) {
            continue;
        }
        const auto header =
            segment->header ? segment->header : decode_segment_header_copy(segment->file);
        if (!header || header->generation != generation) {
            continue;
        }
        const auto add = [&](ByteView record) { latest.add(record); };
        const auto closed_at = end_of(ends, generation);
        // Of an open segment only what a start would take, unless that is damaged.
        const auto scan = scan_segment(segment->file, *header, closed_at, add);
        if (!scan) {
            salvage_segment(segment->file, *header, closed_at.value_or(segment->file.size()), add);
        }
        stamp = std::max(stamp, scan ? scan->stamp : header->stamp);
    }
    return stamp;
}

// A snapshot in any condition; its reader has records as long as there are intact ones.
struct Remains {
    std::unique_ptr<File> file;
    std::optional<SnapshotReader> reader;
};
[[nodiscard]] Remains open_remains(FileLayer& files, const std::string& directory,
                                   std::uint64_t generation) {
    Remains remains;
    auto file = files.open(path_of(directory, snapshot_name(generation)), OpenMode::kRead);
    const auto len = file ? (*file)->size() : Result<std::uint64_t, Error>{0};
    if (!file || !len) {
        return remains;
    }
    remains.file = std::move(*file);
    auto reader = SnapshotReader::salvage(
        [&readable = *remains.file](std::uint64_t offset, MutableBytes into) {
            return readable.read(offset, into);
        },
        *len);
    if (reader) {
        remains.reader.emplace(std::move(*reader));
    }
    return remains;
}

[[nodiscard]] ByteView next_decodable(SnapshotReader& reader) {
    ByteView record = reader.next();
    while (!record.empty() && !decode(record)) {
        record = reader.next();
    }
    return record;
}

[[nodiscard]] Status set_damaged_aside(FileLayer& files, const std::string& directory,
                                       std::uint64_t now, RepairResult& result) {
    result.aside = path_of(directory, "damaged-" + std::to_string(now));
    if (Status made = files.make_directory(result.aside); !made) {
        return made;
    }
    for (const FileFinding& finding : result.before.files) {
        if (!finding.is_damaged) {
            continue;
        }
        if (Status moved =
                files.rename(path_of(directory, finding.name), path_of(result.aside, finding.name));
            !moved) {
            return moved;
        }
        result.moved.push_back(finding.name);
    }
    if (Status synced = files.sync_directory(result.aside); !synced) {
        return synced;
    }
    return files.sync_directory(directory);
}

}  // namespace

Result<CheckResult, Error> check_directory(FileLayer& files, const std::string& directory) {
    const auto look = look_at(files, directory);
    if (!look) {
        return Unexpected{look.error()};
    }
    const auto inventory = take_inventory(files, directory);
    if (!inventory) {
        return Unexpected{inventory.error()};
    }
    auto result = check_locked(files, directory, *inventory);
    if (result) {
        result->warning = look->warning;
    }
    return result;
}

Result<RepairResult, Error> repair_directory(FileLayer& files, const std::string& directory,
                                             std::uint64_t now) {
    const auto lock = lock_directory(files, directory);
    if (!lock) {
        return Unexpected{lock.error()};
    }
    const auto inventory = take_inventory(files, directory);
    if (!inventory) {
        return Unexpected{inventory.error()};
    }
    auto before = check_locked(files, directory, *inventory);
    if (!before) {
        return Unexpected{before.error()};
    }
    RepairResult result;
    result.before = std::move(*before);
    if (result.before.refusal.empty()) {
        return result;
    }
    for (const FileFinding& finding : result.before.files) {
        if (finding.is_newer_format) {
            return Unexpected{Error{0, path_of(directory, finding.name) + ", " + finding.note}};
        }
    }
    LatestRecords latest;
    SegmentLoader loader{files, directory};
    std::vector<std::uint64_t> segments = inventory->segments;
    const bool is_snapshot_damaged = inventory->snapshot && result.before.files.back().is_damaged;
    if (is_snapshot_damaged) {
        // Segments it stands for may still be there, and make good for what it has lost.
        segments.insert(segments.begin(), inventory->merged.begin(), inventory->merged.end());
        // So may the snapshots before it, if a crash kept them from being removed.
        for (const std::uint64_t generation : inventory->older_snapshots) {
            Remains older = open_remains(files, directory, generation);
            for (ByteView record = older.reader ? next_decodable(*older.reader) : ByteView{};
                 !record.empty(); record = next_decodable(*older.reader)) {
                latest.add(record);
            }
        }
    }
    std::uint64_t stamp = salvage_segments(loader, segments, latest);
    latest.sort();
    Remains remains;
    if (inventory->snapshot) {
        remains = open_remains(files, directory, *inventory->snapshot);
    }
    std::optional<SnapshotReader>& old = remains.reader;
    if (old) {
        stamp = std::max(stamp, old->header().stamp);
    }
    const auto made = write_snapshot(
        files, directory, inventory->last_generation + 1, stamp, now,
        [&](const std::function<void(ByteView)>& emit) -> Status {
            merge([&] { return old ? next_decodable(*old) : ByteView{}; }, latest, nullptr, emit);
            return Success{};
        });
    if (!made) {
        return Unexpected{made.error()};
    }
    result.units = made->units;
    if (Status moved = set_damaged_aside(files, directory, now, result); !moved) {
        return Unexpected{moved.error()};
    }
    result.is_repaired = true;
    return result;
}

Result<Recovery, Error> dump_directory(FileLayer& files, const std::string& directory,
                                       const std::function<void(const UnitState&)>& visit) {
    const auto look = look_at(files, directory);
    if (!look) {
        return Unexpected{look.error()};
    }
    Recovery found;
    if (!look->warning.empty()) {
        found.reports.push_back(look->warning);
    }
    const auto contents = read_directory(files, directory, visit, found);
    if (!contents) {
        return Unexpected{contents.error()};
    }
    return found;
}

}  // namespace xdhcpd::journal
