#include "journal/journal.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "journal/chain.h"
#include "journal/committer.h"
#include "journal/directory.h"
#include "journal/merger.h"
#include "journal/recovery.h"

namespace xdhcpd::journal {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kMinSegmentLen = std::uint64_t{64} << 10;
constexpr std::uint64_t kMaxSegmentLen = std::uint64_t{1} << 30;
// Written before anything is served where no spare is left: at the first start, and after a crash
// that came before the first full one was ready. Enough for the seconds that making that one takes,
// and written in some ten milliseconds.
constexpr std::uint64_t kFirstSegmentLen = std::uint64_t{8} << 20;
constexpr auto kMergeInterval = 100ms;
// A tenth of a core beside busy workers. Not the lowest: files would pile up faster than they are
// merged.
constexpr int kMergeNice = 10;

[[nodiscard]] std::uint64_t system_wall_clock() {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                          std::chrono::system_clock::now().time_since_epoch())
                                          .count());
}

[[nodiscard]] int milliseconds_until(SteadyTime then, SteadyTime now) noexcept {
    if (then == SteadyTime::max()) {
        return -1;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(then - now).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

void name_thread(const char* name) noexcept {
    static_cast<void>(prctl(PR_SET_NAME, name));  // for people; failing does not matter
}

}  // namespace

struct Journal::Impl {
    Impl(JournalOptions opened_with, FileLayer& file_layer, std::unique_ptr<File> lock_file,
         Recovered recovered)
        : options{std::move(opened_with)},
          files{file_layer},
          lock{std::move(lock_file)},
          chain{std::move(recovered.chain)},
          rings{make_rings(options, waker)},
          committer{options, files, chain, rings, recovered.last},
          merger{options, files, chain} {}

    [[nodiscard]] static std::vector<std::unique_ptr<Ring>> make_rings(
        const JournalOptions& options, Waker& waker) {
        std::vector<std::unique_ptr<Ring>> rings;
        for (std::uint32_t i = 0; i < options.ring_count; ++i) {
            rings.push_back(std::make_unique<Ring>(
                options.ring_len, options.durability == Durability::kAsync, waker));
        }
        return rings;
    }

    // Failing costs time only: the segment grows.
    void prepare_first() {
        if (!chain.has_spare()) {
            static_cast<void>(make_spare(files, options.directory, chain,
                                         std::min(kFirstSegmentLen, options.segment_len)));
        }
    }
    void run_committer();
    void run_merger();
    void rest(SteadyTime now);

    const JournalOptions options;
    FileLayer& files;
    std::unique_ptr<File> lock;
    Waker waker;
    Chain chain;
    std::vector<std::unique_ptr<Ring>> rings;
    Committer committer;
    Merger merger;

    std::atomic<bool> is_stopping{false};
    bool is_all_durable = false;  // the journal thread's, read after it has ended
    std::thread committing;
    std::mutex merge_mutex;
    std::condition_variable merge_wake;
    std::thread merging;
};

void Journal::Impl::run_committer() {
    name_thread("journal");
    // Pauses are shorter than what the kernel adds to a sleep by itself.
    static_cast<void>(prctl(PR_SET_TIMERSLACK, 1000UL));
    while (!is_stopping.load()) {
        const SteadyTime now = Clock::now();
        if (committer.next_turn(now) > now) {
            rest(now);
            continue;
        }
        committer.turn(now);
        if (const auto pause = committer.pause(); pause > 0ns) {
            std::this_thread::sleep_for(pause);
        }
    }
    const SteadyTime deadline = Clock::now() + options.stop_patience;
    for (;;) {
        const SteadyTime now = Clock::now();
        is_all_durable = committer.finish(now);
        if (is_all_durable || now >= deadline) {
            return;
        }
        std::this_thread::sleep_for(10ms);
    }
}

void Journal::Impl::rest(SteadyTime now) {
    waker.announce();
    const SteadyTime next = committer.next_turn(now);
    if (next <= now || is_stopping.load()) {
        waker.withdraw();
    } else {
        waker.sleep(milliseconds_until(next, now));
    }
}

void Journal::Impl::run_merger() {
    name_thread("journal-merge");
    // Not SCHED_IDLE: this thread shares a lock and the file system's own locks with the journal
    // thread, and must not be kept from giving them back for long.
    static_cast<void>(
        setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kMergeNice));
    std::unique_lock guard{merge_mutex};
    while (!is_stopping.load()) {
        guard.unlock();
        merger.turn(Clock::now());
        guard.lock();
        merge_wake.wait_for(guard, kMergeInterval, [&] { return is_stopping.load(); });
    }
}

Journal::Journal(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}

Journal::~Journal() {
    static_cast<void>(stop());
}

Result<std::unique_ptr<Journal>, Error> Journal::open(const JournalOptions& options,
                                                      FileLayer& files, const Visit& visit,
                                                      Recovery& found) {
    const auto began = Clock::now();
    JournalOptions used = options;
    if (!used.wall_clock) {
        used.wall_clock = system_wall_clock;
    }
    used.segment_len = std::clamp(used.segment_len, kMinSegmentLen, kMaxSegmentLen) /
                       kSegmentHeaderLen * kSegmentHeaderLen;
    used.compact_at = std::max(used.compact_at, 1u);
    used.ring_count = std::max(used.ring_count, 1u);

    if (Status made = files.make_directory(used.directory); !made) {
        return Unexpected{made.error()};
    }
    auto lock = files.lock(path_of(used.directory, kLockName));
    if (!lock) {
        return Unexpected{lock.error()};
    }
    auto recovered = recover(files, used, visit, found);
    found.duration = Clock::now() - began;
    if (!recovered) {
        Error error = recovered.error();
        if (error.errno_value == 0) {
            error.message += " (see: xdhcpctl journal check " + used.directory + ")";
        }
        return Unexpected{std::move(error)};
    }
    const std::vector<std::byte> tail = std::move(recovered->tail);
    const std::vector<std::string> obsolete = std::move(recovered->obsolete);
    std::unique_ptr<Journal> journal{new Journal{
        std::make_unique<Impl>(std::move(used), files, std::move(*lock), std::move(*recovered))}};
    journal->impl_->prepare_first();
    if (const Status adopted = journal->impl_->committer.adopt(tail, obsolete); !adopted) {
        return Unexpected{adopted.error()};
    }
    found.duration = Clock::now() - began;
    return journal;
}

void Journal::on_durable(std::function<void(std::uint32_t)> callback) {
    impl_->committer.on_durable(std::move(callback));
}

void Journal::start() {
    XD_ASSERT(!impl_->committing.joinable());
    impl_->committing = std::thread{[this] { impl_->run_committer(); }};
    impl_->merging = std::thread{[this] { impl_->run_merger(); }};
}

void Journal::turn(SteadyTime now) {
    impl_->committer.turn(now);
}

bool Journal::finish(SteadyTime now) {
    return impl_->committer.finish(now);
}

void Journal::merge(SteadyTime now) {
    impl_->merger.turn(now);
}

bool Journal::stop() {
    if (impl_->committing.joinable()) {
        {
            const std::lock_guard guard{impl_->merge_mutex};
            impl_->is_stopping.store(true);
        }
        impl_->merger.stop();
        impl_->merge_wake.notify_all();
        impl_->waker.wake();
        impl_->committing.join();
        impl_->merging.join();
    }
    return impl_->is_all_durable;
}

Ring& Journal::ring(std::uint32_t ring_index) noexcept {
    return *impl_->rings[ring_index];
}

JournalHealth Journal::health() const {
    JournalHealth health;
    impl_->committer.add_health(health);
    impl_->merger.add_health(health);
    return health;
}

}  // namespace xdhcpd::journal
