#include "control/capture_stream.h"

#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>

#include "base/addresses.h"
#include "pcapng/writer.h"

namespace xdhcpd::control {
namespace {

// How often an empty ring is looked at: soon after a packet others follow, and a person who waits
// for the first one does not notice the longer time. Workers wake nobody: that is a system call.
constexpr int kBusyWaitMs = 1;
constexpr int kIdleWaitMs = 20;
constexpr std::chrono::milliseconds kBusyTime{100};
// Below the workers, who share the processors with it.
constexpr int kNiceness = 10;

[[nodiscard]] std::int64_t wall_clock_ns() noexcept {
    timespec time{};
    static_cast<void>(clock_gettime(CLOCK_REALTIME, &time));
    constexpr std::int64_t kNsPerSecond = 1'000'000'000;
    return std::int64_t{time.tv_sec} * kNsPerSecond + time.tv_nsec;
}

[[nodiscard]] pcapng::Reception reception_of(ByteView frame) noexcept {
    if (frame.size() < Mac::kLen) {
        return pcapng::Reception::kUnknown;
    }
    const Mac destination = Mac::load(frame.data());
    return destination == kBroadcastMac ? pcapng::Reception::kBroadcast
           : destination.is_group()     ? pcapng::Reception::kMulticast
                                        : pcapng::Reception::kUnicast;
}

}  // namespace

bool TappedWorkers::attach(const std::vector<std::unique_ptr<worker::Tap>>& taps) {
    const std::lock_guard lock{mutex_};
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        workers_[i]->call([&] { workers_[i]->taps().attach(*taps[i]); });
    }
    return !workers_.empty();
}

bool TappedWorkers::detach(const std::vector<std::unique_ptr<worker::Tap>>& taps) {
    const std::lock_guard lock{mutex_};
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        workers_[i]->call([&] { workers_[i]->taps().detach(*taps[i]); });
    }
    return !workers_.empty();
}

void TappedWorkers::release() noexcept {
    const std::lock_guard lock{mutex_};
    workers_.clear();
}

CaptureStream::CaptureStream(CaptureOptions options, TappedWorkers& workers, FileHandle connection,
                             std::string_view first)
    : options_{std::move(options)},
      workers_{workers},
      connection_{std::move(connection)},
      started_{options_.clock()} {
    for (std::size_t i = 0; i < workers.count(); ++i) {
        taps_.push_back(std::make_unique<worker::Tap>(options_.filter, options_.snaplen));
    }
    unix_offset_ns_ = wall_clock_ns() - started_.time_since_epoch().count();
    deadline_ = options_.duration.count() != 0 ? Clock::now() + options_.duration
                                               : Clock::time_point::max();
    out_.reserve(kBufferLen + std::size_t{2} * worker::kMaxSnaplen);
    open_file(first);
    // Here rather than in the thread: a capture that `status` shows misses nothing any more.
    detached_ = !workers_.attach(taps_);
    try {
        thread_ = std::thread{[this] { run(); }};
    } catch (...) {
        static_cast<void>(workers_.detach(taps_));
        throw;
    }
}

CaptureStream::~CaptureStream() {
    stop();
    thread_.join();
}

std::uint64_t CaptureStream::missed() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& tap : taps_) {
        sum += tap->missed();
    }
    return sum;
}

void CaptureStream::run() {
    pthread_setname_np(pthread_self(), "xdhcpd-capture");
    static_cast<void>(setpriority(PRIO_PROCESS, 0, kNiceness));  // of this thread; best effort
    try {
        while (!broken_ && !(closed_ && pending() == 0)) {
            const std::uint64_t before = packets_.value();
            fill();
            transmit();
            wait(packets_.value() != before && pending() == 0);
        }
        if (!ending_) {
            end();
        }
    } catch (const std::exception&) {  // out of memory: the other end sees a file without its end
        if (!detached_) {
            detached_ = workers_.detach(taps_);
        }
    }
    // In this order: whoever sees the end of the file finds the capture gone.
    finished_.store(detached_, std::memory_order_release);
    connection_ = FileHandle{};
}

void CaptureStream::open_file(std::string_view first) {
    const ByteView bytes = as_bytes(first);
    out_.assign(bytes.begin(), bytes.end());
    utsname system{};
    static_cast<void>(uname(&system));
    const std::string os = std::string{system.sysname} + " " + system.release;
    pcapng::append(out_, pcapng::Section{system.machine, os, options_.application});
    for (const CaptureOptions::Interface& interface : options_.interfaces) {
        interfaces_.push_back({interface.name, 0, 0});
        pcapng::append(out_,
                       pcapng::Interface{interface.name, interface.description, options_.snaplen});
    }
}

// Takes from the rings what the buffer has room for, once all that it held is on its way.
void CaptureStream::fill() {
    if (pending() != 0 || closed_) {
        return;
    }
    out_.clear();
    sent_ = 0;
    if (!ending_ && (stop_.load(std::memory_order_relaxed) || Clock::now() >= deadline_)) {
        end();
    }
    bool more = false;
    for (const auto& tap : taps_) {
        while (!full()) {
            const auto packet = tap->front();
            if (!packet) {
                break;
            }
            if (out_.size() >= kBufferLen) {
                more = true;
                break;
            }
            write_packet(*packet);
            tap->pop();
        }
    }
    if (full() && !ending_) {
        end();
    }
    if (ending_ && !more) {
        close_file();
    }
}

// From now on nothing new comes into the rings.
void CaptureStream::end() {
    ending_ = true;
    if (!detached_) {
        detached_ = workers_.detach(taps_);
    }
    deadline_ = Clock::now() + kLingerTime;
}

void CaptureStream::write_packet(const worker::Tap::Packet& packet) {
    const worker::TapRecord& record = packet.record;
    last_interface_ = interface_id(record.interface());
    Tally& tally = interfaces_[last_interface_];
    tally.packets += 1;
    tally.missed += record.missed_before;
    std::string comment;
    if (const auto drop = record.drop()) {
        comment = drop->full_name();
        comment += ": ";
        comment += drop->text();
    } else if (!record.outbound) {
        comment = "answered";
    }
    pcapng::Packet block;
    block.interface_id = last_interface_;
    block.time_ns = unix_ns(record.time);
    block.frame = packet.bytes;
    block.frame_len = record.frame_len;
    block.direction = record.outbound ? pcapng::Direction::kOutbound : pcapng::Direction::kInbound;
    block.reception = reception_of(packet.bytes);
    block.queue = record.queue;
    block.missed_before = record.missed_before;
    block.comment = comment;
    pcapng::append(out_, block);
    packets_.add();
}

void CaptureStream::close_file() {
    std::uint64_t told = 0;
    for (const Tally& tally : interfaces_) {
        told += tally.missed;
    }
    // What was missed behind the last packet; with a full file nobody asks.
    if (!full() && !interfaces_.empty()) {
        interfaces_[last_interface_].missed += missed() - told;
    }
    const std::uint64_t now = unix_ns(options_.clock());
    for (std::uint32_t id = 0; id < interfaces_.size(); ++id) {
        const Tally& tally = interfaces_[id];
        pcapng::append(out_, pcapng::Statistics{.interface_id = id,
                                                .time_ns = now,
                                                .start_ns = unix_ns(started_),
                                                .end_ns = now,
                                                .packets = tally.packets + tally.missed,
                                                .missed = tally.missed});
    }
    closed_ = true;
}

void CaptureStream::transmit() {
    while (pending() != 0) {
        const ssize_t len =
            send(connection_.get(), out_.data() + sent_, pending(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (len < 0) {
            broken_ = errno != EAGAIN && errno != EINTR;
            return;
        }
        sent_ += static_cast<std::size_t>(len);
    }
}

// Sleeps until there is something to do; `busy`: more is probably there already.
void CaptureStream::wait(bool busy) {
    const Clock::time_point now = Clock::now();
    if (busy) {
        last_packet_ = now;
    }
    const bool recent = now - last_packet_ < kBusyTime;
    // After the other end has finished, its socket is readable for ever.
    pollfd one{connection_.get(),
               static_cast<short>((ending_ ? 0 : POLLIN) | (pending() != 0 ? POLLOUT : 0)), 0};
    const int timeout = busy || (closed_ && pending() == 0) ? 0
                        : recent                            ? kBusyWaitMs
                                                            : kIdleWaitMs;
    static_cast<void>(poll(&one, 1, timeout));
    if ((one.revents & (POLLERR | POLLNVAL | POLLHUP)) != 0) {
        broken_ = true;
        return;
    }
    if (!ending_ && (one.revents & POLLIN) != 0) {
        std::array<char, 4096> ignored;  // nothing is to be said
        if (recv(connection_.get(), ignored.data(), ignored.size(), MSG_DONTWAIT) == 0) {
            end();
        }
    }
    if (!ending_ && (stop_.load(std::memory_order_relaxed) || now >= deadline_)) {
        end();  // also while the reader stands still
    } else if (ending_ && now >= deadline_ && pending() != 0) {
        broken_ = true;
    }
}

std::uint32_t CaptureStream::interface_id(std::string_view name) {
    for (std::uint32_t id = 0; id < interfaces_.size(); ++id) {
        if (interfaces_[id].name == name) {
            return id;
        }
    }
    interfaces_.push_back({std::string{name}, 0, 0});
    pcapng::append(out_, pcapng::Interface{name, {}, options_.snaplen});
    return static_cast<std::uint32_t>(interfaces_.size() - 1);
}

std::uint64_t CaptureStream::unix_ns(BootTime time) const noexcept {
    return static_cast<std::uint64_t>(time.time_since_epoch().count() + unix_offset_ns_);
}

}  // namespace xdhcpd::control
