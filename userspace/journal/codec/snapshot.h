// Snapshot: a file with the state of every unit at one time. A header, records in the order of
// their keys, a footer. It stands for all segments with generations below its own. Pure: bytes come
// through a function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/result.h"
#include "journal/codec/file_header.h"
#include "journal/codec/segment.h"

namespace xdhcpd::journal {

struct SnapshotHeader {
    std::uint64_t generation = 0;  // the first segment that is not in it
    std::uint64_t salt = 0;
    std::uint64_t stamp = 0;  // the latest wall clock in what it was made of, Unix nanoseconds

    [[nodiscard]] Seed seed() const noexcept { return make_seed(generation, salt); }
};
inline constexpr std::size_t kSnapshotHeaderLen = kFileHeaderLen;

// `out` is kSnapshotHeaderLen bytes.
void encode(const SnapshotHeader& header, MutableBytes out) noexcept;

struct SnapshotFooter {
    SnapshotHeader header;    // once more, for repair
    std::uint64_t count = 0;  // records
    std::uint64_t len = 0;    // of the file with this footer
};
inline constexpr std::size_t kSnapshotFooterLen = 64;

// `out` is kSnapshotFooterLen bytes.
void encode(const SnapshotFooter& footer, MutableBytes out) noexcept;

// Reads a snapshot from its beginning to its end with big reads.
class SnapshotReader {
  public:
    // Fills the bytes from the offset; less only at the end of the file.
    using Read = std::function<Result<std::size_t, Error>(std::uint64_t offset, MutableBytes into)>;

    // Checks header and footer. `file_len` is the length of the file.
    [[nodiscard]] static Result<SnapshotReader, Damage> open(Read read, std::uint64_t file_len);
    // For repair: content with header or footer; next() passes over what is not intact. damage()
    // says what was met first.
    [[nodiscard]] static Result<SnapshotReader, Damage> salvage(Read read, std::uint64_t file_len);

    [[nodiscard]] const SnapshotHeader& header() const noexcept { return header_; }
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

    // The next record, intact and behind the one before in the order of keys; valid until the next
    // call. Empty at the end or when damage() says so.
    [[nodiscard]] ByteView next();
    [[nodiscard]] const std::optional<Damage>& damage() const noexcept { return damage_; }

  private:
    static constexpr std::size_t kBufferLen = std::size_t{4} << 20;

    struct Ends;  // header and footer
    [[nodiscard]] static Ends read_ends(const Read& read, std::uint64_t file_len);

    SnapshotReader(Read read, const SnapshotHeader& header, std::uint64_t records_end,
                   std::uint64_t count);
    // At least kMaxRecordLen bytes from where the reader stands are in memory, or all there are.
    [[nodiscard]] bool fill();
    [[nodiscard]] ByteView fail(std::string what);

    Read read_;
    SnapshotHeader header_;
    Seed seed_;
    std::uint64_t records_end_;
    std::uint64_t count_;
    std::uint64_t seen_ = 0;
    std::uint64_t offset_ = kSnapshotHeaderLen;  // of buffer_[at_]
    std::vector<std::byte> buffer_;
    std::size_t at_ = 0;
    std::size_t end_ = 0;
    std::vector<std::byte> last_key_;
    bool salvaging_ = false;
    std::optional<Damage> damage_;
};

}  // namespace xdhcpd::journal
