// Watcher: tells that interfaces or addresses of this network namespace change (rtnetlink
// multicast). It says *that* something changed, not what: whoever hears it reads the host anew,
// which also holds when messages were lost. The one thing that no reading shows is that an
// interface left and came back meanwhile; those are named. One thread.
#pragma once

#include <memory>
#include <vector>

#include "base/error.h"
#include "base/result.h"
#include "host/netlink_messages.h"

namespace xdhcpd::host {

struct HostChanges {
    bool any = false;
    // The kernel dropped messages because nobody read them in time: departures may be missing.
    bool lost = false;
    std::vector<LinkDeparture> departures;  // in their order
};

class Watcher {
  public:
    // From now on nothing is missed. Needs no privileges.
    [[nodiscard]] static Result<std::unique_ptr<Watcher>, Error> open();
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;
    ~Watcher();

    // Readable when something has changed.
    [[nodiscard]] int fd() const noexcept { return fd_; }
    // Takes everything that has come, without waiting.
    [[nodiscard]] HostChanges drain();

  private:
    explicit Watcher(int fd) noexcept : fd_{fd} {}

    int fd_;
};

}  // namespace xdhcpd::host
