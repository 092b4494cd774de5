#include "tools/xdhcpctl/client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace xdhcpd::xdhcpctl {
namespace {

// A reload of many leases takes its time; a server that hangs must not hang us.
constexpr timeval kPatience{60, 0};

[[nodiscard]] Error cannot_connect(const std::string& path, int errno_value) {
    Error error = system_error(errno_value, "cannot connect to " + path);
    error.message += errno_value == EACCES || errno_value == EPERM
                         ? "; you need the rights of root or of the server's group"
                         : "; is xdhcpd running?";
    return error;
}

}  // namespace

Result<Client, Error> Client::connect(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return Unexpected{cannot_connect(path, ENAMETOOLONG)};
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    Client client{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), path};
    if (client.fd_ < 0 ||
        setsockopt(client.fd_, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience) != 0 ||
        setsockopt(client.fd_, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience) != 0 ||
        ::connect(client.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return Unexpected{cannot_connect(path, errno)};
    }
    return client;
}

Client::Client(Client&& other) noexcept
    : fd_{std::exchange(other.fd_, -1)},
      path_{std::move(other.path_)},
      received_{std::move(other.received_)} {}

Client::~Client() {
    if (fd_ >= 0) {
        close(fd_);
    }
}

Result<nlohmann::json, Error> Client::ask(const nlohmann::json& request) {
    using nlohmann::json;
    const std::string line = request.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    for (std::string_view rest = line; !rest.empty();) {
        const ssize_t len = send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (len < 0) {
            return Unexpected{system_error(errno, "ask xdhcpd at " + path_)};
        }
        rest.remove_prefix(static_cast<std::size_t>(len));
    }
    std::array<char, 65536> buffer;
    std::size_t end = received_.find('\n');
    while (end == std::string::npos) {
        const ssize_t len = recv(fd_, buffer.data(), buffer.size(), 0);
        if (len < 0 && errno == EINTR) {
            continue;
        }
        if (len < 0) {
            const int reason = errno == EAGAIN ? ETIMEDOUT : errno;
            return Unexpected{system_error(reason, "answer of xdhcpd at " + path_)};
        }
        if (len == 0) {
            return Unexpected{Error{0, "xdhcpd at " + path_ + " closed the connection"}};
        }
        const std::size_t before = received_.size();
        received_.append(buffer.data(), static_cast<std::size_t>(len));
        end = received_.find('\n', before);
    }
    json answer = json::parse(received_.begin(),
                              received_.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
    received_.erase(0, end + 1);
    if (!answer.is_object()) {
        return Unexpected{Error{0, path_ + " gave no JSON object for an answer"}};
    }
    return answer;
}

}  // namespace xdhcpd::xdhcpctl
