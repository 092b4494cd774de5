// Captures: the running captures of a server. Control thread only.
//
// A capture is asked for by a request and then needs the connection that the request came by; the
// control socket hands it over right after the answer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/capture_stream.h"
#include "control/file_handle.h"
#include "worker/worker.h"

namespace xdhcpd::control {

struct CaptureStatus {
    std::uint64_t id = 0;
    std::int64_t pid = 0;  // who reads
    CaptureOptions options;
    std::uint64_t packets = 0;
    std::uint64_t missed = 0;
    double seconds = 0;
};

// "capture 3 of process 1234"
[[nodiscard]] std::string describe(const CaptureStatus& capture);

class Captures {
  public:
    static constexpr std::size_t kMaxCount = worker::TapSet::kMaxCount;

    explicit Captures(std::vector<worker::Worker*> workers) : workers_{std::move(workers)} {}
    Captures(const Captures&) = delete;
    Captures& operator=(const Captures&) = delete;
    // The workers have been released and have ended.
    ~Captures() { finish(); }

    // Returns the number of the capture, which connect() wants, or why there can be no more. A
    // capture that was not connected before the next one is asked for is forgotten.
    [[nodiscard]] Result<std::uint64_t, std::string> prepare(CaptureOptions options);
    // Starts it; `first` goes out before the file. Nothing happens to a number that is not waiting.
    // Returns what runs now.
    std::optional<CaptureStatus> connect(std::uint64_t id, FileHandle connection,
                                         std::string_view first);
    [[nodiscard]] std::vector<CaptureStatus> status() const;
    // Frees what has ended and returns it.
    std::vector<CaptureStatus> collect();

    // Before the workers are told to end: they are called no more. Captures go on.
    void release_workers() noexcept { workers_.release(); }
    // After the workers have ended: writes what is left, and waits for readers, but not for long.
    void finish();

  private:
    struct Running {
        std::uint64_t id = 0;
        std::int64_t pid = 0;
        std::chrono::steady_clock::time_point since;
        std::unique_ptr<CaptureStream> stream;

        [[nodiscard]] CaptureStatus status() const;
    };

    TappedWorkers workers_;
    std::uint64_t last_id_ = 0;
    std::optional<CaptureOptions> waiting_;  // has last_id_
    std::vector<Running> running_;
};

}  // namespace xdhcpd::control
