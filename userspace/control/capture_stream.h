// CaptureStream: one running capture: a tap at each worker, and a thread that writes what the taps
// hold as pcapng to a connection. Its memory is a ring per worker and one buffer, however slowly
// the other end reads; then packets are missed, and the file says how many.
//
// It ends by itself when the other end closes or shuts down its sending half, or when count or
// duration are reached; and by stop(). Except when nobody reads any more, everything captured is
// still written, and statistics of each interface close the file.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/counters.h"
#include "base/time.h"
#include "control/file_handle.h"
#include "pcapng/blocks.h"
#include "worker/tap.h"
#include "worker/worker.h"

namespace xdhcpd::control {

// Workers as captures may call them: not any more once they are about to end. Any thread.
class TappedWorkers {
  public:
    explicit TappedWorkers(std::vector<worker::Worker*> workers) : workers_{std::move(workers)} {}

    [[nodiscard]] std::size_t count() const noexcept { return workers_.size(); }
    // One tap per worker. False if the workers may not be called any more.
    bool attach(const std::vector<std::unique_ptr<worker::Tap>>& taps);
    bool detach(const std::vector<std::unique_ptr<worker::Tap>>& taps);
    // Returns when no call is under way.
    void release() noexcept;

  private:
    std::mutex mutex_;
    std::vector<worker::Worker*> workers_;  // empty once released
};

struct CaptureOptions {
    worker::TapFilter filter;
    std::uint32_t snaplen = worker::kMaxSnaplen;
    std::uint64_t max_packets = 0;           // 0: any number
    std::chrono::milliseconds duration{0};   // 0: without end
    std::string application;                 // name and version of this program
    BootTime (*clock)() noexcept = nullptr;  // that of the workers
    struct Interface {
        std::string name;
        std::string description;
    };
    std::vector<Interface> interfaces;  // known at the start; more may come
};

class CaptureStream {
  public:
    // Bytes on their way to the connection, at most this and one packet.
    static constexpr std::size_t kBufferLen = std::size_t{1} << 18;
    // How long the end waits for a reader that does not read.
    static constexpr std::chrono::milliseconds kLingerTime{1000};

    // Attaches its taps and starts. `first` goes out in front of the file. `workers` outlives it.
    CaptureStream(CaptureOptions options, TappedWorkers& workers, FileHandle connection,
                  std::string_view first);
    CaptureStream(const CaptureStream&) = delete;
    CaptureStream& operator=(const CaptureStream&) = delete;
    // Stops and waits for the thread. If the taps are still attached, the workers have ended.
    ~CaptureStream();

    void stop() noexcept { stop_.store(true, std::memory_order_relaxed); }
    // The thread is done, and no worker has a tap of it.
    [[nodiscard]] bool finished() const noexcept {
        return finished_.load(std::memory_order_acquire);
    }
    [[nodiscard]] const CaptureOptions& options() const noexcept { return options_; }
    [[nodiscard]] std::uint64_t packets() const noexcept { return packets_.value(); }
    [[nodiscard]] std::uint64_t missed() const noexcept;

  private:
    using Clock = std::chrono::steady_clock;
    struct Tally {
        std::string name;
        std::uint64_t packets = 0;
        std::uint64_t missed = 0;
    };

    void run();
    void open_file(std::string_view first);
    void fill();
    void end();
    void write_packet(const worker::Tap::Packet& packet);
    void close_file();
    void transmit();
    void wait(bool busy);
    [[nodiscard]] std::uint32_t interface_id(std::string_view name);
    [[nodiscard]] std::uint64_t unix_ns(BootTime time) const noexcept;
    [[nodiscard]] std::size_t pending() const noexcept { return out_.size() - sent_; }
    [[nodiscard]] bool full() const noexcept {
        return options_.max_packets != 0 && packets_.value() >= options_.max_packets;
    }

    CaptureOptions options_;
    TappedWorkers& workers_;
    FileHandle connection_;
    std::vector<std::unique_ptr<worker::Tap>> taps_;  // one per worker
    std::int64_t unix_offset_ns_ = 0;                 // wall clock minus the workers' clock
    BootTime started_;
    Clock::time_point deadline_;     // of the duration, then of the linger time
    std::vector<Tally> interfaces_;  // by interface id
    std::uint32_t last_interface_ = 0;
    std::vector<std::byte> out_;
    std::size_t sent_ = 0;   // of out_
    bool ending_ = false;    // takes nothing new
    bool detached_ = false;  // no worker has a tap
    bool closed_ = false;    // out_ holds the end of the file
    bool broken_ = false;    // nobody reads
    Clock::time_point last_packet_;

    Counter packets_;  // written
    std::atomic<bool> stop_{false};
    std::atomic<bool> finished_{false};
    std::thread thread_;
};

}  // namespace xdhcpd::control
