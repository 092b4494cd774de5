// ControlSocket: the Unix stream socket on which operators ask: one JSON object per line in, one
// per line out, in order. An answer with "ok" true and a number "stream" is a connection's last: it
// goes to whoever serves that stream. Never blocks and never waits for a client; belongs to the
// control thread and its poll loop:
//
//     socket->append_poll_fds(fds);
//     poll(fds.data(), fds.size(), 1000);
//     socket->handle(fds, [&](const nlohmann::json& request) { return control.handle(request); });
#pragma once

#include <poll.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/result.h"
#include "control/file_handle.h"

namespace xdhcpd::control {

class ControlSocket {
  public:
    using Handler = std::function<nlohmann::json(const nlohmann::json&)>;
    // Takes a connection over: the answer's "stream", the non-blocking socket, and what has not
    // been sent yet of the answers up to this one. Must not throw.
    using StreamHandler =
        std::function<void(std::uint64_t stream, FileHandle connection, std::string_view unsent)>;

    static constexpr std::size_t kMaxLineLen = std::size_t{1}
                                               << 20;  // of a request, without newline
    static constexpr std::size_t kMaxClients = 64;
    // A client's further requests wait while more than this has not been read of its answers.
    static constexpr std::size_t kMaxPendingLen = std::size_t{1} << 20;
    // A client that reads nothing of a waiting answer for so long is disconnected.
    static constexpr std::chrono::seconds kStallLimit{30};

    // Makes the directory of `path` if it is missing (mode 0755), and the socket (mode 0660). A
    // socket left behind by a server that is gone is replaced; one on which a server answers, or a
    // file of another kind, is an error.
    [[nodiscard]] static Result<std::unique_ptr<ControlSocket>, Error> open(
        const std::string& path);
    ControlSocket(const ControlSocket&) = delete;
    ControlSocket& operator=(const ControlSocket&) = delete;
    // Closes all connections and removes the socket file if it is still this one.
    ~ControlSocket();

    // What to poll for; may be more than fds of this socket in the vector.
    void append_poll_fds(std::vector<pollfd>& fds) const;
    // Serves what poll() found ready; fds of others are ignored. Lines that are no JSON are
    // answered with ok:false. Without `streams` a connection that becomes a stream is closed.
    void handle(std::span<const pollfd> fds, const Handler& handler,
                const StreamHandler& streams = {});

    [[nodiscard]] const std::string& path() const noexcept;
    [[nodiscard]] std::size_t client_count() const noexcept;

  private:
    class Implementation;
    explicit ControlSocket(std::unique_ptr<Implementation> implementation);

    std::unique_ptr<Implementation> implementation_;
};

}  // namespace xdhcpd::control
