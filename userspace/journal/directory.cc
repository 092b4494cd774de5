#include "journal/directory.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "journal/codec/clock_file.h"
#include "journal/small_file.h"

namespace xdhcpd::journal {
namespace {

constexpr std::string_view kSegment = "segment-";
constexpr std::string_view kSnapshot = "snapshot-";
constexpr std::string_view kSpare = "spare-";
constexpr std::size_t kDigits = 10;  // so that a listing is in order for a few centuries

[[nodiscard]] std::string numbered(std::string_view prefix, std::uint64_t generation) {
    std::string digits = std::to_string(generation);
    if (digits.size() < kDigits) {
        digits.insert(0, kDigits - digits.size(), '0');
    }
    return std::string{prefix} + digits;
}

// The generation in a name that this prefix begins, in exactly the form that we write.
[[nodiscard]] std::optional<std::uint64_t> generation_in(std::string_view name,
                                                         std::string_view prefix) {
    if (!name.starts_with(prefix)) {
        return std::nullopt;
    }
    std::uint64_t generation = 0;
    const char* const end = name.data() + name.size();
    const auto read = std::from_chars(name.data() + prefix.size(), end, generation);
    if (read.ec != std::errc{} || read.ptr != end || numbered(prefix, generation) != name) {
        return std::nullopt;
    }
    return generation;
}

}  // namespace

std::string segment_name(std::uint64_t generation) {
    return numbered(kSegment, generation);
}
std::string snapshot_name(std::uint64_t generation) {
    return numbered(kSnapshot, generation);
}
std::string spare_name(std::uint64_t generation) {
    return numbered(kSpare, generation);
}

std::string path_of(const std::string& directory, const std::string& name) {
    return directory + "/" + name;
}

Error damage_error(const std::string& path, const Damage& damage) {
    return Error{0, path + ", offset " + std::to_string(damage.offset) + ": " + damage.what};
}

Result<Inventory, Error> take_inventory(FileLayer& files, const std::string& directory) {
    const auto names = files.list(directory);
    if (!names) {
        return Unexpected{names.error()};
    }
    Inventory found;
    std::vector<std::uint64_t> snapshots;
    std::vector<std::uint64_t> segments;
    const auto note = [&](std::uint64_t generation) {
        found.last_generation = std::max(found.last_generation, generation);
        return generation;
    };
    for (const std::string& name : *names) {
        if (const auto segment = generation_in(name, kSegment)) {
            segments.push_back(note(*segment));
        } else if (const auto snapshot = generation_in(name, kSnapshot)) {
            snapshots.push_back(note(*snapshot));
        } else if (const auto spare = generation_in(name, kSpare)) {
            note(*spare);
            found.spares.push_back(name);
        } else if (name == kSnapshotInMaking || name == kSegmentInMaking ||
                   name == kSpareInMaking || name == kClockInMaking || name == kIdentityInMaking ||
                   name == kAdvertisedInMaking || name == kReconfigureInMaking) {
            found.leftovers.push_back(name);
        }
    }
    std::sort(snapshots.begin(), snapshots.end());
    if (!snapshots.empty()) {
        found.snapshot = snapshots.back();
        snapshots.pop_back();
    }
    for (const std::uint64_t older : snapshots) {
        found.leftovers.push_back(snapshot_name(older));
    }
    found.older_snapshots = std::move(snapshots);
    std::sort(segments.begin(), segments.end());
    const auto first =
        std::lower_bound(segments.begin(), segments.end(), found.snapshot.value_or(0));
    found.merged.assign(segments.begin(), first);
    found.segments.assign(first, segments.end());
    return found;
}

Result<std::optional<std::string>, Error> load_clock(FileLayer& files,
                                                     const std::string& directory) {
    return load_small_file(files, directory, kClockName, kMaxClockFileLen);
}

Result<std::optional<std::int64_t>, Error> read_clock(FileLayer& files,
                                                      const std::string& directory) {
    const auto text = load_clock(files, directory);
    if (!text) {
        return Unexpected{text.error()};
    }
    if (!*text) {
        return std::optional<std::int64_t>{};
    }
    const auto difference = decode_clock(**text);
    if (!difference) {
        return Unexpected{Error{
            0, path_of(directory, kClockName) + " " + std::string{to_text(difference.error())}}};
    }
    return std::optional{*difference};
}

Status write_clock(FileLayer& files, const std::string& directory, std::int64_t difference) {
    return replace_small_file(files, directory, kClockName, encode_clock(difference));
}

Result<std::map<std::uint64_t, SegmentPlace>, Error> read_segment_headers(
    FileLayer& files, const std::string& directory, const Inventory& inventory) {
    std::map<std::uint64_t, SegmentPlace> places;
    for (const std::uint64_t generation : inventory.segments) {
        const std::string path = path_of(directory, segment_name(generation));
        const auto file = files.open(path, OpenMode::kRead);
        if (!file) {
            return Unexpected{file.error()};
        }
        std::array<std::byte, kSegmentHeaderLen> bytes{};
        const auto len = (*file)->read(0, bytes);
        if (!len) {
            return Unexpected{len.error()};
        }
        auto header = decode_segment_header(ByteView{bytes}.first(*len));
        if (!header) {
            return Unexpected{damage_error(path, header.error())};
        }
        if (header->generation != generation) {
            return Unexpected{damage_error(
                path, {0, "is segment " + std::to_string(header->generation) + " by its header"})};
        }
        places[generation].header = *header;
    }
    for (auto& [generation, place] : places) {
        const std::uint64_t previous = place.header.previous;
        if (const auto before = places.find(previous); before != places.end()) {
            before->second.closed_at = place.header.previous_end;
        } else if (previous != 0 && previous >= inventory.snapshot.value_or(0)) {
            return Unexpected{Error{
                0, path_of(directory, segment_name(previous)) +
                       " is missing: " + segment_name(generation) + " was written after it, and " +
                       (inventory.snapshot ? "the snapshot is older" : "there is no snapshot")}};
        }
    }
    return places;
}

SegmentLoader::SegmentLoader(FileLayer& files, std::string directory)
    : files_{files}, directory_{std::move(directory)} {}

Result<ByteView, Error> SegmentLoader::load(std::uint64_t generation) {
    const std::string path = path_of(directory_, segment_name(generation));
    const auto file = files_.open(path, OpenMode::kRead);
    if (!file) {
        return Unexpected{file.error()};
    }
    const auto size = (*file)->size();
    if (!size) {
        return Unexpected{size.error()};
    }
    if (bytes_.size() < *size) {
        bytes_.resize(*size);
    }
    const auto len = (*file)->read(0, MutableBytes{bytes_}.first(*size));
    if (!len) {
        return Unexpected{len.error()};
    }
    return ByteView{bytes_}.first(*len);
}

Result<SegmentScan, Error> SegmentLoader::scan(std::uint64_t generation,
                                               std::optional<std::uint64_t> closed_at,
                                               const std::function<void(ByteView)>& visit) {
    const auto file = load(generation);
    if (!file) {
        return Unexpected{file.error()};
    }
    const auto header = decode_segment_header(*file);
    auto scan = header ? scan_segment(*file, *header, closed_at, visit)
                       : Result<SegmentScan, Damage>{Unexpected{header.error()}};
    if (!scan) {
        return Unexpected{
            damage_error(path_of(directory_, segment_name(generation)), scan.error())};
    }
    return *scan;
}

Result<OpenSnapshot, Error> open_snapshot(FileLayer& files, const std::string& directory,
                                          std::uint64_t generation) {
    std::string path = path_of(directory, snapshot_name(generation));
    auto file = files.open(path, OpenMode::kRead);
    if (!file) {
        return Unexpected{file.error()};
    }
    const auto len = (*file)->size();
    if (!len) {
        return Unexpected{len.error()};
    }
    File& readable = **file;
    auto reader =
        SnapshotReader::open([&readable](std::uint64_t offset,
                                         MutableBytes into) { return readable.read(offset, into); },
                             *len);
    if (!reader) {
        return Unexpected{damage_error(path, reader.error())};
    }
    if (reader->header().generation != generation) {
        return Unexpected{damage_error(
            path,
            {0, "is snapshot " + std::to_string(reader->header().generation) + " by its header"})};
    }
    return OpenSnapshot{std::move(*file), std::move(path), *len, std::move(*reader)};
}

}  // namespace xdhcpd::journal
