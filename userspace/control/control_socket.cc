#include "control/control_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace xdhcpd::control {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr int kBacklog = 64;
constexpr mode_t kSocketMode = 0660;
constexpr mode_t kDirectoryMode = 0755;
// Read at a time; a client that sends without end must not keep the others waiting.
constexpr std::size_t kReadLen = 65536;
// After running out of file descriptors.
constexpr std::chrono::milliseconds kAcceptPause{200};

[[nodiscard]] std::string to_line(const json& answer) {
    return answer.dump(-1, ' ', true, json::error_handler_t::replace) + '\n';
}

[[nodiscard]] std::string failure_line(std::string_view text) {
    return to_line({{"ok", false}, {"error", text}});
}

// What an answer makes of its connection, if anything.
[[nodiscard]] std::optional<std::uint64_t> stream_of(const json& answer) {
    if (!answer.is_object() || !answer.contains("stream") || !answer.value("ok", false)) {
        return std::nullopt;
    }
    return answer["stream"].get<std::uint64_t>();
}

struct Answer {
    std::string line;
    std::optional<std::uint64_t> stream;
};

[[nodiscard]] Answer answer_to(std::string_view line, const ControlSocket::Handler& handler) {
    try {
        const json request = json::parse(line, nullptr, false);
        if (request.is_discarded()) {
            return {failure_line("not a JSON object"), std::nullopt};
        }
        const json answer = handler(request);
        return {to_line(answer), stream_of(answer)};
    } catch (const std::exception& error) {  // out of memory, most likely
        return {failure_line(error.what()), std::nullopt};
    }
}

struct Client {
    FileHandle fd;
    std::string input;
    std::size_t scanned = 0;  // of input, without newline
    std::string output;
    std::size_t sent = 0;     // of output
    Clock::time_point moved;  // when it last took something of the output, or had none
    bool finished = false;    // sends no more
    bool broken = false;
    std::optional<std::uint64_t> stream;  // what it becomes

    [[nodiscard]] std::size_t pending() const noexcept { return output.size() - sent; }
    [[nodiscard]] bool wants_input() const noexcept {
        return !finished && pending() <= ControlSocket::kMaxPendingLen;
    }
};

void transmit(Client& client) {
    while (client.pending() != 0) {
        const ssize_t len = send(client.fd.get(), client.output.data() + client.sent,
                                 client.pending(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (len < 0) {
            client.broken = errno != EAGAIN && errno != EINTR;
            return;
        }
        client.sent += static_cast<std::size_t>(len);
        client.moved = Clock::now();
    }
    client.output.clear();
    client.output.shrink_to_fit();  // a long list of leases is not kept
    client.sent = 0;
}

void receive(Client& client) {
    std::string buffer(kReadLen, '\0');
    const ssize_t len = recv(client.fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (len < 0) {
        client.broken = errno != EAGAIN && errno != EINTR;
        return;
    }
    client.finished = len == 0;
    client.input.append(buffer, 0, static_cast<std::size_t>(len));
}

// Answers whole lines as long as the client takes the answers.
void answer(Client& client, const ControlSocket::Handler& handler) {
    std::size_t start = 0;
    while (client.pending() <= ControlSocket::kMaxPendingLen && !client.broken && !client.stream) {
        const std::size_t end = client.input.find('\n', std::max(start, client.scanned));
        if (end == std::string::npos) {
            client.scanned = client.input.size();
            break;
        }
        const std::string_view line = std::string_view{client.input}.substr(start, end - start);
        start = end + 1;
        client.scanned = start;
        if (line.size() > ControlSocket::kMaxLineLen) {
            client.output += failure_line("the request is too long");
        } else if (!line.empty()) {
            Answer answered = answer_to(line, handler);
            client.output += answered.line;
            client.stream = answered.stream;
        }
        if (!client.stream) {  // which sends its answer itself, once it is ready
            transmit(client);
        }
    }
    client.input.erase(0, start);
    client.scanned -= std::min(client.scanned, start);
    if (client.input.size() > ControlSocket::kMaxLineLen && client.scanned == client.input.size()) {
        // Where the next request begins cannot be known.
        client.output += failure_line("the request is too long");
        client.input.clear();
        client.scanned = 0;
        client.finished = true;
        transmit(client);
    }
}

[[nodiscard]] Result<sockaddr_un, Error> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) {
        return Unexpected{system_error(ENAMETOOLONG, "control socket " + path)};
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

// Makes way for our socket: nothing there, or one that nobody serves any more.
[[nodiscard]] Result<Success, Error> clear_path(const std::string& path,
                                                const sockaddr_un& address) {
    const std::string what = "control socket " + path;
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) {
        if (errno == ENOENT) {
            return Success{};
        }
        return Unexpected{system_error(errno, what)};
    }
    if (!S_ISSOCK(status.st_mode)) {
        return Unexpected{Error{EEXIST, what + ": a file that is no socket is in the way"}};
    }
    const FileHandle probe{socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (probe.get() < 0) {
        return Unexpected{system_error(errno, what)};
    }
    const int connected =
        connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    // EAGAIN: its backlog is full, so somebody listens.
    if (connected == 0 || errno == EAGAIN) {
        return Unexpected{Error{EADDRINUSE, what + ": another xdhcpd answers there"}};
    }
    if (errno != ECONNREFUSED) {
        return Unexpected{system_error(errno, what)};
    }
    if (unlink(path.c_str()) != 0 && errno != ENOENT) {
        return Unexpected{system_error(errno, what)};
    }
    return Success{};
}

}  // namespace

class ControlSocket::Implementation {
  public:
    Implementation(std::string path, FileHandle listener)
        : path_{std::move(path)}, fd_{std::move(listener)} {
        struct stat status {};
        if (lstat(path_.c_str(), &status) == 0) {
            device_ = status.st_dev;
            inode_ = status.st_ino;
        }
    }
    Implementation(const Implementation&) = delete;
    Implementation& operator=(const Implementation&) = delete;
    ~Implementation() {
        struct stat status {};
        if (lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ &&
            status.st_ino == inode_) {
            unlink(path_.c_str());
        }
    }

    void append_poll_fds(std::vector<pollfd>& fds) const {
        const bool accepts = Clock::now() >= accept_again_;
        fds.push_back({fd_.get(), static_cast<short>(accepts ? POLLIN : 0), 0});
        for (const Client& client : clients_) {
            const int events =
                (client.wants_input() ? POLLIN : 0) | (client.pending() != 0 ? POLLOUT : 0);
            fds.push_back({client.fd.get(), static_cast<short>(events), 0});
        }
    }

    void handle(std::span<const pollfd> fds, const Handler& handler, const StreamHandler& streams) {
        const auto revents_of = [fds](int fd) {
            const auto found = std::find_if(fds.begin(), fds.end(),
                                            [fd](const pollfd& one) { return one.fd == fd; });
            return found == fds.end() ? short{0} : found->revents;
        };
        const Clock::time_point now = Clock::now();
        for (Client& client : clients_) {
            const short revents = revents_of(client.fd.get());
            if (revents != 0) {
                serve(client, revents, handler);
            }
            if (client.stream) {
                if (streams) {
                    streams(*client.stream, std::move(client.fd),
                            std::string_view{client.output}.substr(client.sent));
                }
                client.broken = true;  // as a client of ours
            }
            if (client.pending() == 0) {
                client.moved = now;
            }
        }
        std::erase_if(clients_, [now](const Client& client) {
            return client.broken || (client.finished && client.pending() == 0) ||
                   now - client.moved > kStallLimit;
        });
        if (revents_of(fd_.get()) != 0) {
            accept_one(now);
        }
    }

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] std::size_t client_count() const noexcept { return clients_.size(); }

  private:
    static void serve(Client& client, short revents, const Handler& handler) {
        if ((revents & (POLLERR | POLLNVAL)) != 0) {
            client.broken = true;
            return;
        }
        if (client.pending() != 0) {
            transmit(client);
        }
        // A client that has only shut down its sending half still gets its answers.
        if (client.wants_input() && (revents & (POLLIN | POLLHUP)) != 0) {
            receive(client);
        } else if ((revents & POLLHUP) != 0 && client.pending() != 0) {
            client.broken = true;  // nobody is left to read them
        }
        answer(client, handler);
    }

    void accept_one(Clock::time_point now) {
        FileHandle fd{accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
        if (fd.get() < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                // The listener stays readable; trying again at once would spin.
                accept_again_ = now + kAcceptPause;
            }
            return;
        }
        if (clients_.size() >= kMaxClients) {
            const std::string line = failure_line("too many clients");
            static_cast<void>(
                send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
            return;
        }
        Client client;
        client.fd = std::move(fd);
        client.moved = now;
        clients_.push_back(std::move(client));
    }

    std::string path_;
    FileHandle fd_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
    Clock::time_point accept_again_;
    std::vector<Client> clients_;
};

Result<std::unique_ptr<ControlSocket>, Error> ControlSocket::open(const std::string& path) {
    const std::string what = "control socket " + path;
    const auto address = address_of(path);
    if (!address) {
        return Unexpected{address.error()};
    }
    const std::filesystem::path parent = std::filesystem::path{path}.parent_path();
    if (!parent.empty() && mkdir(parent.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
        return Unexpected{system_error(errno, "directory " + parent.string())};
    }
    if (auto cleared = clear_path(path, *address); !cleared) {
        return Unexpected{cleared.error()};
    }
    FileHandle listener{socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    // The mode is set before the file exists, so that it is never wider; and again, as umask
    // narrows it.
    if (listener.get() < 0 || fchmod(listener.get(), kSocketMode) != 0 ||
        bind(listener.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0 ||
        chmod(path.c_str(), kSocketMode) != 0 || listen(listener.get(), kBacklog) != 0) {
        return Unexpected{system_error(errno, what)};
    }
    return std::unique_ptr<ControlSocket>{
        new ControlSocket{std::make_unique<Implementation>(path, std::move(listener))}};
}

ControlSocket::ControlSocket(std::unique_ptr<Implementation> implementation)
    : implementation_{std::move(implementation)} {}
ControlSocket::~ControlSocket() = default;

void ControlSocket::append_poll_fds(std::vector<pollfd>& fds) const {
    implementation_->append_poll_fds(fds);
}

void ControlSocket::handle(std::span<const pollfd> fds, const Handler& handler,
                           const StreamHandler& streams) {
    implementation_->handle(fds, handler, streams);
}

const std::string& ControlSocket::path() const noexcept {
    return implementation_->path();
}

std::size_t ControlSocket::client_count() const noexcept {
    return implementation_->client_count();
}

}  // namespace xdhcpd::control
