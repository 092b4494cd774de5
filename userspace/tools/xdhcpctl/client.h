// Client: a connection to the control socket of xdhcpd. One thread; blocks, within limits of time.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/result.h"

namespace xdhcpd::xdhcpctl {

class Client {
  public:
    // Error: "cannot connect to SOCKET: ...; is xdhcpd running?"
    [[nodiscard]] static Result<Client, Error> connect(const std::string& path);
    Client(Client&& other) noexcept;
    Client& operator=(Client&&) = delete;
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client();

    // Sends one request and waits for its answer, a JSON object.
    [[nodiscard]] Result<nlohmann::json, Error> ask(const nlohmann::json& request);

    // For an answer that turns the connection into a stream: the socket, and what came behind the
    // answer.
    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] std::string take_received() { return std::exchange(received_, {}); }

  private:
    Client(int fd, std::string path) : fd_{fd}, path_{std::move(path)} {}

    int fd_;
    std::string path_;
    std::string received_;  // behind the last answer
};

}  // namespace xdhcpd::xdhcpctl
