// The names in a state directory, and reading its files into memory. Any thread.
//
//   lock                   says who holds the directory, which itself is locked (flock)
//   segment-GENERATION     records as they came; the highest one is being written
//   snapshot-GENERATION    the state of all units before that segment
//   spare-GENERATION       a segment to be: its blocks have been written, so that syncs are cheap
//   clock                  by how much the wall clock is wrong; see codec/clock_file.h
//   identity               who we are to DHCPv6 clients; see daemon/server_identity.h
//   advertised             what Router Advertisements said; see control/advertised_sets.h
//   *.new                  what a crash left half made
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/result.h"
#include "journal/codec/segment.h"
#include "journal/codec/snapshot.h"
#include "journal/file_layer.h"

namespace xdhcpd::journal {

inline constexpr const char* kLockName = "lock";
inline constexpr const char* kClockName = "clock";
inline constexpr const char* kClockInMaking = "clock.new";
inline constexpr const char* kIdentityName = "identity";
inline constexpr const char* kIdentityInMaking = "identity.new";
inline constexpr const char* kAdvertisedName = "advertised";
inline constexpr const char* kAdvertisedInMaking = "advertised.new";
inline constexpr const char* kReconfigureName = "reconfigure";
inline constexpr const char* kReconfigureInMaking = "reconfigure.new";
inline constexpr const char* kSnapshotInMaking = "snapshot.new";
inline constexpr const char* kSegmentInMaking = "segment.new";
inline constexpr const char* kSpareInMaking = "spare.new";

[[nodiscard]] std::string segment_name(std::uint64_t generation);
[[nodiscard]] std::string snapshot_name(std::uint64_t generation);
[[nodiscard]] std::string spare_name(std::uint64_t generation);
[[nodiscard]] std::string path_of(const std::string& directory, const std::string& name);

// "DIR/segment-0000000007, offset 4096: group is damaged"
[[nodiscard]] Error damage_error(const std::string& path, const Damage& damage);

// What the directory holds, by names alone.
struct Inventory {
    std::optional<std::uint64_t> snapshot;       // the latest
    std::vector<std::uint64_t> older_snapshots;  // ascending; a crash left them, see leftovers
    std::vector<std::uint64_t> segments;         // ascending, those not in the snapshot
    std::vector<std::uint64_t> merged;           // ascending, those that the snapshot stands for
    std::vector<std::string> spares;
    std::vector<std::string> leftovers;  // older snapshots, things half made: of no use
    std::uint64_t last_generation = 0;   // the highest that any name has
};
[[nodiscard]] Result<Inventory, Error> take_inventory(FileLayer& files,
                                                      const std::string& directory);

// What the file `clock` says; nullopt if there is none. An error names it.
[[nodiscard]] Result<std::optional<std::int64_t>, Error> read_clock(FileLayer& files,
                                                                    const std::string& directory);
// The same undecoded, at most kMaxClockFileLen bytes of it.
[[nodiscard]] Result<std::optional<std::string>, Error> load_clock(FileLayer& files,
                                                                   const std::string& directory);
// A crash leaves the old file or the new one.
[[nodiscard]] Status write_clock(FileLayer& files, const std::string& directory,
                                 std::int64_t difference);

// A segment as its own header and the next one's describe it.
struct SegmentPlace {
    SegmentHeader header;
    std::optional<std::uint64_t> closed_at;  // where it ends; none: to be found
};
// All of inventory.segments, by generation. An error if one is damaged, of a newer format, or
// missing between others.
[[nodiscard]] Result<std::map<std::uint64_t, SegmentPlace>, Error> read_segment_headers(
    FileLayer& files, const std::string& directory, const Inventory& inventory);

// Reads whole segments, one after another, into memory that it keeps.
class SegmentLoader {
  public:
    SegmentLoader(FileLayer& files, std::string directory);

    // The file, valid until the next call.
    [[nodiscard]] Result<ByteView, Error> load(std::uint64_t generation);
    // Loads and scans it.
    [[nodiscard]] Result<SegmentScan, Error> scan(std::uint64_t generation,
                                                  std::optional<std::uint64_t> closed_at,
                                                  const std::function<void(ByteView)>& visit);

  private:
    FileLayer& files_;
    std::string directory_;
    std::vector<std::byte> bytes_;
};

// An open snapshot with its file.
struct OpenSnapshot {
    std::unique_ptr<File> file;
    std::string path;
    std::uint64_t len = 0;
    SnapshotReader reader;
};
[[nodiscard]] Result<OpenSnapshot, Error> open_snapshot(FileLayer& files,
                                                        const std::string& directory,
                                                        std::uint64_t generation);

}  // namespace xdhcpd::journal
