#include "control/captures.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace xdhcpd::control {

CaptureStatus Captures::Running::status() const {
    return {
        .id = id,
        .pid = pid,
        .options = stream->options(),
        .packets = stream->packets(),
        .missed = stream->missed(),
        .seconds = std::chrono::duration<double>{std::chrono::steady_clock::now() - since}.count()};
}

Result<std::uint64_t, std::string> Captures::prepare(CaptureOptions options) {
    const auto count = std::count_if(running_.begin(), running_.end(),
                                     [](const Running& one) { return !one.stream->finished(); });
    if (static_cast<std::size_t>(count) >= kMaxCount) {
        std::string pids;
        for (const Running& one : running_) {
            pids += " " + std::to_string(one.pid);
        }
        return Unexpected{std::to_string(count) +
                          " captures are running, and there can be no more; end one of the "
                          "processes" +
                          pids};
    }
    waiting_ = std::move(options);
    return ++last_id_;
}

std::optional<CaptureStatus> Captures::connect(std::uint64_t id, FileHandle connection,
                                               std::string_view first) {
    if (!waiting_ || id != last_id_) {
        return std::nullopt;
    }
    ucred credentials{};
    socklen_t len = sizeof credentials;
    static_cast<void>(getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &len));
    Running running;
    running.id = id;
    running.pid = credentials.pid;
    running.since = std::chrono::steady_clock::now();
    running_.reserve(running_.size() + 1);
    running.stream = std::make_unique<CaptureStream>(*std::exchange(waiting_, std::nullopt),
                                                     workers_, std::move(connection), first);
    running_.push_back(std::move(running));
    return running_.back().status();
}

std::vector<CaptureStatus> Captures::status() const {
    std::vector<CaptureStatus> all;
    for (const Running& one : running_) {
        if (!one.stream->finished()) {
            all.push_back(one.status());
        }
    }
    return all;
}

std::vector<CaptureStatus> Captures::collect() {
    std::vector<CaptureStatus> ended;
    std::erase_if(running_, [&](const Running& one) {
        const bool finished = one.stream->finished();
        if (finished) {
            ended.push_back(one.status());
        }
        return finished;
    });
    return ended;
}

void Captures::finish() {
    for (const Running& one : running_) {
        one.stream->stop();
    }
    running_.clear();  // waits for each
}

std::string describe(const CaptureStatus& capture) {
    return "capture " + std::to_string(capture.id) + " of process " + std::to_string(capture.pid);
}

}  // namespace xdhcpd::control
