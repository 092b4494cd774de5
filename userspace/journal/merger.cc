#include "journal/merger.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <memory>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "journal/codec/merge.h"
#include "journal/codec/record.h"
#include "journal/codec/snapshot.h"
#include "journal/directory.h"

namespace xdhcpd::journal {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWriteLen = std::size_t{1} << 20;
// Synced so often, because a disk that is busy with gigabytes of a snapshot lets the journal's
// syncs wait.
constexpr std::uint64_t kSyncEvery = std::uint64_t{4} << 20;
constexpr std::chrono::seconds kFirstBackoff = 1s;
constexpr std::chrono::seconds kLongestBackoff = 60s;
// A spare is prepared only while so many would have room.
constexpr std::uint64_t kSpareShare = 4;
constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr unsigned kMebibyteShift = 20;

// A file written from its beginning to its end in large pieces. After an error it writes no more,
// nor once `is_cancelled` (may be null) is set.
class Output {
  public:
    Output(std::unique_ptr<File> file, const std::atomic<bool>* is_cancelled)
        : file_{std::move(file)}, is_cancelled_{is_cancelled} {}

    // Room for `len` bytes, to be filled before the next call.
    [[nodiscard]] MutableBytes add(std::size_t len) {
        if (buffer_.size() + len > kWriteLen) {
            flush();
        }
        buffer_.resize(buffer_.size() + len);
        len_ += len;
        return MutableBytes{buffer_}.last(len);
    }
    [[nodiscard]] std::uint64_t len() const noexcept { return len_; }
    [[nodiscard]] const Status& status() const noexcept { return status_; }
    [[nodiscard]] Status finish() {
        flush();
        sync();
        return status_;
    }

  private:
    void flush() {
        if (status_ && is_cancelled_ != nullptr && is_cancelled_->load()) {
            status_ = Unexpected{Error{ECANCELED, "the journal is being closed"}};
        }
        if (status_) {
            status_ = file_->write(written_, buffer_);
        }
        written_ += buffer_.size();
        buffer_.clear();
        if (written_ - synced_ >= kSyncEvery) {
            sync();
        }
    }
    void sync() {
        if (status_) {
            status_ = file_->sync();
        }
        synced_ = written_;
    }

    std::unique_ptr<File> file_;
    const std::atomic<bool>* is_cancelled_;
    std::vector<std::byte> buffer_;
    std::uint64_t len_ = 0;
    std::uint64_t written_ = 0;
    std::uint64_t synced_ = 0;
    Status status_{Success{}};
};

// The newest records of all closed segments, sorted, and the latest stamp.
[[nodiscard]] Result<std::uint64_t, Error> read_closed(FileLayer& files,
                                                       const std::string& directory,
                                                       const std::vector<ClosedSegment>& closed,
                                                       LatestRecords& latest) {
    SegmentLoader loader{files, directory};
    std::uint64_t stamp = 0;
    for (const ClosedSegment& segment : closed) {
        const auto scan = loader.scan(segment.generation, segment.end,
                                      [&](ByteView record) { latest.add(record); });
        if (!scan) {
            return Unexpected{scan.error()};
        }
        stamp = std::max(stamp, scan->stamp);
    }
    latest.sort();
    return stamp;
}

}  // namespace

Result<SnapshotFacts, Error> write_snapshot(
    FileLayer& files, const std::string& directory, std::uint64_t generation, std::uint64_t stamp,
    std::uint64_t now, const std::function<Status(const std::function<void(ByteView)>&)>& produce,
    const std::atomic<bool>* is_cancelled) {
    std::random_device random;
    const SnapshotHeader header{generation, (std::uint64_t{random()} << 32) | random(), stamp};
    const std::string making = path_of(directory, kSnapshotInMaking);
    auto file = files.open(making, OpenMode::kCreate);
    if (!file) {
        return Unexpected{file.error()};
    }
    Output output{std::move(*file), is_cancelled};
    encode(header, output.add(kSnapshotHeaderLen));
    SnapshotFacts facts{generation, 0, now};
    Status done = produce([&](ByteView record) {
        const MutableBytes to = output.add(record.size());
        copy_bytes(to.data(), record);
        journal::stamp(to, header.seed());
        ++facts.units;
    });
    const std::uint64_t len = output.len() + kSnapshotFooterLen;
    encode(SnapshotFooter{header, facts.units, len}, output.add(kSnapshotFooterLen));
    const Status written = output.finish();
    if (done) {
        done = written;
    }
    if (done) {
        done = files.rename(making, path_of(directory, snapshot_name(generation)));
    }
    if (!done) {
        static_cast<void>(files.remove(making));
        return Unexpected{done.error()};
    }
    if (Status named = files.sync_directory(directory); !named) {
        return Unexpected{named.error()};  // it may stay: it is whole, whichever name is durable
    }
    return facts;
}

Result<SnapshotFacts, Error> make_snapshot(FileLayer& files, const JournalOptions& options,
                                           const Chain::State& state,
                                           const std::atomic<bool>* is_cancelled) {
    LatestRecords latest;
    const auto stamp = read_closed(files, options.directory, state.closed, latest);
    if (!stamp) {
        return Unexpected{stamp.error()};
    }
    std::optional<OpenSnapshot> old;
    if (state.snapshot) {
        auto opened = open_snapshot(files, options.directory, state.snapshot->generation);
        if (!opened) {
            return Unexpected{opened.error()};
        }
        old.emplace(std::move(*opened));
    }
    const std::uint64_t now = options.wall_clock() / kSecond;
    const auto keep = static_cast<std::uint64_t>(options.keep_former.count());
    const ForgetRule rule{now > keep ? now - keep : 0};
    return write_snapshot(
        files, options.directory, state.closed.back().generation + 1,
        std::max(*stamp, old ? old->reader.header().stamp : 0), now,
        [&](const std::function<void(ByteView)>& emit) -> Status {
            merge([&] { return old ? old->reader.next() : ByteView{}; }, latest, &rule, emit);
            if (old && old->reader.damage()) {
                return Unexpected{damage_error(old->path, *old->reader.damage())};
            }
            return Success{};
        },
        is_cancelled);
}

Result<std::string, Error> recycle_segment(FileLayer& files, const JournalOptions& options,
                                           const ClosedSegment& segment, std::size_t spare_count) {
    const std::string path = path_of(options.directory, segment_name(segment.generation));
    std::uint64_t len = 0;
    if (const auto file = files.open(path, OpenMode::kRead)) {
        const auto size = (*file)->size();
        len = size ? *size : 0;
    }
    if (!segment.is_sound || len != options.segment_len || spare_count >= options.compact_at) {
        if (Status removed = files.remove(path); !removed) {
            return Unexpected{removed.error()};
        }
        return std::string{};
    }
    std::string name = spare_name(segment.generation);
    if (Status renamed = files.rename(path, path_of(options.directory, name)); !renamed) {
        return Unexpected{renamed.error()};
    }
    return name;
}

Status make_spare(FileLayer& files, const std::string& directory, Chain& chain, std::uint64_t len,
                  const std::atomic<bool>* is_cancelled) {
    const auto free = files.free_len(directory);
    if (!free) {
        return Unexpected{free.error()};
    }
    // A segment that grows needs the last room more.
    if (*free < kSpareShare * len) {
        return Unexpected{
            Error{ENOSPC, directory + " has " + std::to_string(*free >> kMebibyteShift) +
                              " MiB free, less than " +
                              std::to_string((kSpareShare * len) >> kMebibyteShift) +
                              " MiB: no spare segment is prepared. Leases are still stored, more "
                              "slowly, but not once the disk is full: make room"}};
    }
    const std::string making = path_of(directory, kSpareInMaking);
    auto file = files.open(making, OpenMode::kCreate);
    if (!file) {
        return Unexpected{file.error()};
    }
    Output output{std::move(*file), is_cancelled};
    while (output.len() < len && output.status()) {
        const MutableBytes bytes =
            output.add(std::min<std::uint64_t>(kWriteLen, len - output.len()));
        std::fill(bytes.begin(), bytes.end(), std::byte{});
    }
    std::string name = spare_name(chain.next_generation());
    Status done = output.finish();
    if (done) {
        done = files.rename(making, path_of(directory, name));
    }
    if (!done) {
        static_cast<void>(files.remove(making));
        return done;
    }
    chain.add_spare(std::move(name));
    return Success{};
}

void Merger::turn(SteadyTime now) {
    if (now < retry_at_) {
        return;
    }
    try {
        note(work(), now);
    } catch (const std::exception& error) {  // no memory: the next attempt may find some
        note(Unexpected{Error{ENOMEM, std::string{"merging files: "} + error.what()}}, now);
    }
}

Status Merger::work() {
    Status status{Success{}};
    if (!chain_.has_spare()) {
        status =
            make_spare(files_, options_.directory, chain_, options_.segment_len, &is_stopping_);
    }
    // A full disk has no room for a spare, and merging is what makes room.
    if (const Chain::State state = chain_.state(); state.closed.size() >= options_.compact_at) {
        const Status merged = merge(state);
        status = merged ? status : merged;
    }
    return status;
}

Status Merger::merge(const Chain::State& state) {
    const auto made = make_snapshot(files_, options_, state, &is_stopping_);
    if (!made) {
        return Unexpected{made.error()};
    }
    chain_.replace(*made);
    merges_.add();
    // From here on nothing can be lost: what is not cleared away now, a start does.
    if (state.snapshot && state.snapshot->generation != made->generation) {
        if (Status removed = files_.remove(
                path_of(options_.directory, snapshot_name(state.snapshot->generation)));
            !removed) {
            return removed;
        }
    }
    for (const ClosedSegment& segment : state.closed) {
        auto spare = recycle_segment(files_, options_, segment, chain_.state().spares.size());
        if (!spare) {
            return Unexpected{spare.error()};
        }
        if (!spare->empty()) {
            chain_.add_spare(std::move(*spare));
        }
    }
    return Success{};
}

void Merger::note(const Status& status, SteadyTime now) {
    if (is_stopping_.load()) {
        return;  // what was cut short is made again after the next start
    }
    if (status) {
        backoff_ = 0s;
    } else {
        failures_.add();
        backoff_ = backoff_ == 0s ? kFirstBackoff : std::min(2 * backoff_, kLongestBackoff);
        retry_at_ = now + backoff_;
    }
    const std::lock_guard lock{mutex_};
    problem_ = status ? std::string{} : status.error().message;
}

void Merger::add_health(JournalHealth& health) const {
    const Chain::State state = chain_.state();
    health.segments = static_cast<std::uint32_t>(state.closed.size()) + 1;
    if (state.snapshot) {
        health.snapshot_stamp = state.snapshot->made;
        health.snapshot_units = state.snapshot->units;
    }
    health.merges = merges_.value();
    health.merge_failures = failures_.value();
    const std::lock_guard lock{mutex_};
    health.merge_problem = problem_;
}

}  // namespace xdhcpd::journal
