#include "journal/committer.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <random>
#include <utility>

#include "journal/codec/record.h"
#include "journal/directory.h"

namespace xdhcpd::journal {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

// One sync covers at most so many groups, so that the first of them does not wait for all.
constexpr int kGroupsPerSync = 4;
constexpr std::chrono::milliseconds kFirstBackoff = 100ms;
constexpr std::chrono::milliseconds kLongestBackoff = 1000ms;
constexpr nanoseconds kLongestPause = 1ms;
constexpr int kPausePerProcessorTime = 10;
// Durability async: what a power cut may take.
constexpr nanoseconds kAsyncInterval = 1s;
constexpr std::uint64_t kSecond = 1'000'000'000;

// A group has at most this share of a segment, because a segment ends where the largest would not
// fit any more.
constexpr std::uint64_t kGroupsPerSegment = 16;

[[nodiscard]] std::size_t group_len_of(std::uint64_t segment_len) noexcept {
    return static_cast<std::size_t>(std::clamp<std::uint64_t>(
        segment_len / kGroupsPerSegment / kGroupAlign * kGroupAlign, kGroupAlign, kMaxGroupLen));
}

[[nodiscard]] nanoseconds processor_time() noexcept {
    timespec time{};
    static_cast<void>(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time));
    return std::chrono::seconds{time.tv_sec} + nanoseconds{time.tv_nsec};
}

[[nodiscard]] std::uint64_t random_salt() {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
}

[[nodiscard]] std::vector<std::string> needed_names(const Chain::State& state) {
    std::vector<std::string> names;
    if (state.snapshot) {
        names.push_back(snapshot_name(state.snapshot->generation));
    }
    for (const ClosedSegment& segment : state.closed) {
        names.push_back(segment_name(segment.generation));
    }
    return names;
}

[[nodiscard]] bool contains(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// With it went leases that only it had: nothing else on disk could stand for them.
[[nodiscard]] Error gone(const std::string& path) {
    return {0, path +
                   " is gone: nothing is stored until it is put back. If it is lost: 'xdhcpctl "
                   "leases export', restart, 'xdhcpctl leases import'; a restart alone forgets all "
                   "leases"};
}

}  // namespace

Committer::Committer(const JournalOptions& options, FileLayer& files, Chain& chain,
                     std::vector<std::unique_ptr<Ring>>& rings, std::optional<ClosedSegment> last)
    : options_{options},
      files_{files},
      chain_{chain},
      rings_{rings},
      group_{group_len_of(options.segment_len)},
      previous_{last} {}

bool Committer::has_waiting() const {
    return std::any_of(rings_.begin(), rings_.end(),
                       [](const auto& ring) { return ring->has_waiting(); });
}

bool Committer::is_sync_due(SteadyTime now) const {
    if (options_.durability == Durability::kSync || is_failing_) {
        return true;
    }
    return now - dirty_since_ >= kAsyncInterval ||
           std::any_of(rings_.begin(), rings_.end(),
                       [](const auto& ring) { return ring->undurable_len() >= ring->len() / 4; });
}

void Committer::turn(SteadyTime now) {
    if (is_failing_ && now < retry_at_) {
        return;
    }
    // A disk may stand still in a write as well as in a sync.
    sync_began_.store(std::chrono::steady_clock::now().time_since_epoch().count(),
                      std::memory_order_relaxed);
    work(now);
    sync_began_.store(0, std::memory_order_relaxed);
}

void Committer::work(SteadyTime now) {
    if (!ensure_segment(now)) {
        return;
    }
    for (int i = 0; i < kGroupsPerSync && has_waiting(); ++i) {
        if (!write_group(now)) {
            return;
        }
    }
    if (current_->offset != current_->durable && is_sync_due(now)) {
        static_cast<void>(sync(now));
    } else if (current_->offset == current_->durable) {
        recover();  // nothing waits, and beginning a segment has worked
    }
}

bool Committer::finish(SteadyTime now) {
    turn(now);
    // What a failure gave back waits in the rings.
    return !has_waiting() && (!current_ || current_->offset == current_->durable || sync(now));
}

SteadyTime Committer::next_turn(SteadyTime now) const {
    if (is_failing_) {
        return retry_at_;
    }
    if (!current_ || has_waiting()) {
        return now;
    }
    return current_->offset != current_->durable ? dirty_since_ + kAsyncInterval
                                                 : SteadyTime::max();
}

bool Committer::ensure_segment(SteadyTime now) {
    if (current_) {
        const bool is_full = current_->offset + group_.capacity() > current_->len;
        // A segment that grows costs more per sync; it is left as soon as a prepared one is there.
        const bool is_better_there = !current_->prepared && chain_.has_spare();
        if (!is_full && !is_better_there) {
            return true;
        }
        if (current_->offset != current_->durable && !sync(now)) {
            return false;
        }
        close_segment(true);
    }
    if (const Status begun = begin_segment({}); !begun) {
        fail(begun.error(), now);
        return false;
    }
    return true;
}

void Committer::close_segment(bool is_sound) {
    // Where nothing became durable, nothing is kept: the next segment follows the one before.
    if (current_->durable != kSegmentHeaderLen) {
        previous_ = ClosedSegment{current_->header.generation, current_->durable, is_sound};
        chain_.add_closed(*previous_);
    } else {
        discard(*current_, current_->path);
    }
    current_.reset();
}

void Committer::discard(const Current& segment, const std::string& path) {
    if (segment.file && segment.file->is_at(path)) {
        static_cast<void>(files_.remove(path));
    }
}

// All files that a start would need must still be there: were the directory removed or something
// mounted over it, a fresh segment in it would be an island. What the merge thread replaces
// meanwhile is not missed.
Status Committer::check_files() const {
    const std::vector<std::string> before = needed_names(chain_.state());
    const auto names = files_.list(options_.directory);
    if (!names) {
        return Unexpected{names.error().errno_value == ENOENT ? gone(options_.directory)
                                                              : names.error()};
    }
    const std::vector<std::string> after = needed_names(chain_.state());
    for (const std::string& name : before) {
        if (!contains(*names, name) && contains(after, name)) {
            return Unexpected{gone(path_of(options_.directory, name))};
        }
    }
    return Success{};
}

Status Committer::adopt(ByteView tail, const std::vector<std::string>& obsolete) {
    if (!tail.empty()) {
        if (Status begun = begin_segment(tail); !begun) {
            return begun;
        }
    }
    for (const std::string& name : obsolete) {
        // What stays is read again by the next start, and holds nothing new.
        static_cast<void>(files_.remove(path_of(options_.directory, name)));
    }
    return Success{};
}

Status Committer::begin_segment(ByteView records) {
    if (Status checked = check_files(); !checked) {
        return checked;
    }
    Current current;
    current.header = {chain_.next_generation(), random_salt(),
                      previous_ ? previous_->generation : 0, previous_ ? previous_->end : 0,
                      wall_clock()};
    current.path = path_of(options_.directory, segment_name(current.header.generation));
    const auto spare = chain_.take_spare();
    current.prepared = spare.has_value();
    const std::string temporary =
        path_of(options_.directory, spare ? *spare : std::string{kSegmentInMaking});
    Status begun =
        begin_as(temporary, spare ? OpenMode::kReadWrite : OpenMode::kCreate, records, current);
    if (!begun) {
        // Whichever name it has now. Should this fail as well, what is left does no harm.
        discard(current, temporary);
        discard(current, current.path);
        return begun;
    }
    current_ = std::move(current);
    return Success{};
}

// The header is durable before the name is, so that a segment always has a good header; and the
// name is durable before more is written, so that no group is ever in a nameless file.
Status Committer::begin_as(const std::string& temporary, OpenMode mode, ByteView records,
                           Current& current) {
    auto file = files_.open(temporary, mode);
    if (!file) {
        return Unexpected{file.error()};
    }
    current.file = std::move(*file);
    current.len = options_.segment_len;
    if (current.prepared) {  // the first one is short
        const auto len = current.file->size();
        if (!len) {
            return Unexpected{len.error()};
        }
        current.len = std::min(*len, current.len);
    }
    std::array<std::byte, kSegmentHeaderLen> page{};
    encode(current.header, page);
    if (Status written = current.file->write(0, page); !written) {
        return written;
    }
    if (Status written = write_records(records, current); !written) {
        return written;
    }
    if (Status synced = current.file->sync(); !synced) {
        return synced;
    }
    current.durable = current.offset;
    if (Status renamed = files_.rename(temporary, current.path); !renamed) {
        return renamed;
    }
    return files_.sync_directory(options_.directory);
}

Status Committer::write_records(ByteView records, Current& current) {
    while (!records.empty()) {
        group_.clear();
        for (auto record = first_record(records); record && record->size() <= group_.room();
             record = first_record(records)) {
            group_.add(*record);
            records = records.subspan(record->size());
        }
        const ByteView group = finish_group(current);
        if (Status written = current.file->write(current.offset, group); !written) {
            return written;
        }
        current.offset += group.size();
    }
    return Success{};
}

ByteView Committer::finish_group(const Current& current) {
    GroupHeader header;
    header.offset = current.offset;
    header.durable = current.durable;
    header.stamp = wall_clock();
    return group_.finish(current.header, header);
}

void Committer::collect() {
    // Each ring gets its share, and each is the first in turn, so that none waits for the others.
    const std::size_t share =
        std::max(group_.capacity() / rings_.size(), std::size_t{kMaxRecordLen});
    group_.clear();
    ++first_ring_;
    for (std::size_t i = 0; i < rings_.size(); ++i) {
        Ring& ring = *rings_[(first_ring_ + i) % rings_.size()];
        for (std::size_t taken = 0; taken < share && group_.room() >= kMaxRecordLen;) {
            const ByteView record = ring.take();
            if (record.empty()) {
                break;
            }
            taken += record.size();
            group_.add(record);
        }
    }
}

bool Committer::write_group(SteadyTime now) {
    if (!ensure_segment(now)) {
        return false;
    }
    collect();
    const ByteView group = finish_group(*current_);
    if (const Status written = current_->file->write(current_->offset, group); !written) {
        fail(written.error(), now);
        return false;
    }
    if (current_->offset == current_->durable) {
        dirty_since_ = now;
    }
    current_->offset += group.size();
    states_.add(group_.count());
    groups_.add();
    written_len_.add(group.size());
    return true;
}

bool Committer::sync(SteadyTime now) {
    const SteadyTime began = std::chrono::steady_clock::now();
    const nanoseconds processor_began = processor_time();
    Status synced = current_->file->sync();
    pause_ = std::min(kPausePerProcessorTime * (processor_time() - processor_began), kLongestPause);
    const nanoseconds took = std::chrono::steady_clock::now() - began;
    last_sync_.set(static_cast<std::uint64_t>(took.count()));
    longest_sync_.set(std::max(longest_sync_.value(), last_sync_.value()));
    // Syncing a file that was removed succeeds as well.
    if (synced && !current_->file->is_at(current_->path)) {
        synced = Unexpected{gone(current_->path)};
    }
    if (!synced) {
        fail(synced.error(), now);
        return false;
    }
    syncs_.add();
    current_->durable = current_->offset;
    recover();
    for (std::uint32_t index = 0; index < rings_.size(); ++index) {
        if (rings_[index]->release() && on_durable_ && options_.durability == Durability::kSync) {
            on_durable_(index);
        }
    }
    return true;
}

void Committer::fail(const Error& error, SteadyTime now) {
    failures_.add();
    if (current_) {
        close_segment(false);
    }
    for (const auto& ring : rings_) {
        ring->rewind();
    }
    backoff_ = is_failing_ ? std::min(2 * backoff_, kLongestBackoff) : kFirstBackoff;
    is_failing_ = true;
    retry_at_ = now + backoff_;
    const std::lock_guard lock{mutex_};
    problem_ = error;
    if (failing_since_ == 0) {
        failing_since_ = wall_clock() / kSecond;
    }
}

void Committer::recover() {
    if (is_failing_) {
        is_failing_ = false;
        const std::lock_guard lock{mutex_};
        problem_ = Error{};
        failing_since_ = 0;
    }
}

void Committer::add_health(JournalHealth& health) const {
    {
        const std::lock_guard lock{mutex_};
        health.failing = failing_since_ != 0;
        health.errno_value = problem_.errno_value;
        health.problem = problem_.message;
        health.since = failing_since_;
    }
    for (const auto& ring : rings_) {
        health.undurable_states += ring->undurable_states();
        health.undurable_len += ring->undurable_len();
    }
    if (const std::int64_t began = sync_began_.load(std::memory_order_relaxed); began != 0) {
        health.sync_running =
            std::max(std::chrono::steady_clock::now().time_since_epoch() - nanoseconds{began},
                     nanoseconds{0});
    }
    health.last_sync = nanoseconds{last_sync_.value()};
    health.longest_sync = nanoseconds{longest_sync_.value()};
    health.states = states_.value();
    health.groups = groups_.value();
    health.syncs = syncs_.value();
    health.written_len = written_len_.value();
    health.failures = failures_.value();
}

}  // namespace xdhcpd::journal
