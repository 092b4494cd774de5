#include "journal/recovery.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "journal/codec/merge.h"
#include "journal/codec/record.h"
#include "journal/merger.h"

namespace xdhcpd::journal {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

// Takes away what is of no use. A failure does not matter: the next start tries again.
void tidy(FileLayer& files, const JournalOptions& options, const Inventory& inventory,
          Chain::State& chain) {
    for (const std::string& name : inventory.leftovers) {
        static_cast<void>(files.remove(path_of(options.directory, name)));
    }
    for (const std::string& name : inventory.spares) {
        const std::string path = path_of(options.directory, name);
        const auto file = files.open(path, OpenMode::kRead);
        const auto size = file ? (*file)->size() : Result<std::uint64_t, Error>{0};
        if (size && *size == options.segment_len && chain.spares.size() < options.compact_at) {
            chain.spares.push_back(name);
        } else {
            static_cast<void>(files.remove(path));
        }
    }
    for (const std::uint64_t generation : inventory.merged) {
        auto spare = recycle_segment(files, options, {generation, 0}, chain.spares.size());
        if (spare && !spare->empty()) {
            chain.spares.push_back(std::move(*spare));
        }
    }
}

}  // namespace

Result<DirectoryContents, Error> read_directory(FileLayer& files, const std::string& directory,
                                                const std::function<void(const UnitState&)>& visit,
                                                Recovery& found) {
    auto inventory = take_inventory(files, directory);
    if (!inventory) {
        return Unexpected{inventory.error()};
    }
    auto places = read_segment_headers(files, directory, *inventory);
    if (!places) {
        return Unexpected{places.error()};
    }
    DirectoryContents contents{std::move(*inventory), std::move(*places), {}, 0, 0};

    LatestRecords latest;
    SegmentLoader loader{files, directory};
    for (const auto& [generation, place] : contents.places) {
        const auto scan =
            loader.scan(generation, place.closed_at, [&](ByteView record) { latest.add(record); });
        if (!scan) {
            return Unexpected{scan.error()};
        }
        if (scan->cut_len != 0) {
            found.reports.push_back(path_of(directory, segment_name(generation)) + ", offset " +
                                    std::to_string(scan->end) + ": cut a torn tail of " +
                                    std::to_string(scan->cut_len) +
                                    " bytes that was never acknowledged");
        }
        ++found.segments;
        found.records += scan->records;
        found.cut_len += scan->cut_len;
        found.wall_clock_stamp = std::max(found.wall_clock_stamp, scan->stamp);
        contents.scans.emplace(generation, *scan);
    }
    latest.sort();

    std::optional<OpenSnapshot> snapshot;
    if (contents.inventory.snapshot) {
        auto opened = open_snapshot(files, directory, *contents.inventory.snapshot);
        if (!opened) {
            return Unexpected{opened.error()};
        }
        snapshot.emplace(std::move(*opened));
        found.has_snapshot = true;
        found.records += snapshot->reader.count();
        contents.snapshot_units = snapshot->reader.count();
        contents.snapshot_stamp = snapshot->reader.header().stamp;
        found.wall_clock_stamp = std::max(found.wall_clock_stamp, contents.snapshot_stamp);
    }
    std::optional<RecordError> malformed;
    merge([&] { return snapshot && !malformed ? snapshot->reader.next() : ByteView{}; }, latest,
          nullptr,
          [&](ByteView record) {
              const auto state = decode(record);
              if (!state) {
                  malformed = state.error();  // can only be the snapshot's
                  return;
              }
              ++found.units;
              found.leased += state->status == UnitStatus::kLeased ? 1 : 0;
              visit(*state);
          });
    if (snapshot && snapshot->reader.damage()) {
        return Unexpected{damage_error(snapshot->path, *snapshot->reader.damage())};
    }
    if (malformed) {
        return Unexpected{Error{0, snapshot->path + ": " + to_text(*malformed)}};
    }
    return contents;
}

Result<Recovered, Error> recover(FileLayer& files, const JournalOptions& options,
                                 const std::function<void(const UnitState&)>& visit,
                                 Recovery& found) {
    auto contents = read_directory(files, options.directory, visit, found);
    if (!contents) {
        return Unexpected{contents.error()};
    }
    Recovered recovered;
    recovered.chain.last_generation = contents->inventory.last_generation;
    if (contents->inventory.snapshot) {
        recovered.chain.snapshot =
            SnapshotFacts{*contents->inventory.snapshot, contents->snapshot_units,
                          contents->snapshot_stamp / kSecond};
    }
    SegmentLoader loader{files, options.directory};
    for (const auto& [generation, place] : contents->places) {
        const SegmentScan& scan = contents->scans.at(generation);
        if (scan.durable < scan.end) {
            const auto file = loader.load(generation);
            if (!file) {
                return Unexpected{file.error()};
            }
            read_groups(*file, place.header, scan.durable, scan.end, [&](ByteView record) {
                recovered.tail.insert(recovered.tail.end(), record.begin(), record.end());
            });
        }
        if (scan.durable == kSegmentHeaderLen) {
            // Nothing is kept in it, so the next segment follows the one before.
            recovered.last = ClosedSegment{place.header.previous, place.header.previous_end};
            recovered.obsolete.push_back(segment_name(generation));
        } else {
            recovered.last = ClosedSegment{generation, scan.durable};
            recovered.chain.closed.push_back(*recovered.last);
        }
    }
    tidy(files, options, contents->inventory, recovered.chain);
    return recovered;
}

}  // namespace xdhcpd::journal
