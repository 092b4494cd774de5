// Server: everything of a running xdhcpd, wired together: interfaces with their drivers, store,
// worker threads, control, HTTP. Made and run by the main thread, which is the control thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/result.h"
#include "config/load.h"
#include "model/configuration.h"

namespace xdhcpd::daemon {

struct ServerOptions {
    model::Configuration configuration;
    std::string configuration_name;            // for people: the file, or "quick start"
    std::function<config::LoadResult()> load;  // reads the configuration again, for reload
};

class Server {
  public:
    // Opens everything; nothing is served before run(). An error says what to do about it.
    [[nodiscard]] static Result<std::unique_ptr<Server>, Error> open(ServerOptions options);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();

    // Serves until SIGTERM, SIGINT or `xdhcpctl stop`, then drains. SIGHUP reloads.
    void run();

  private:
    class Implementation;
    explicit Server(std::unique_ptr<Implementation> implementation);

    std::unique_ptr<Implementation> implementation_;
};

}  // namespace xdhcpd::daemon
