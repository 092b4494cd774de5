// ManagedInterfaces: the life of the interfaces that the configuration names. Each is opened when
// it is there, closed when it leaves, opened anew when what it was opened for has changed, tried
// again when its driver refuses. Pure but for the functions it is given; time is an argument.
// Control thread.
//
// Every change of the host is one line in the log, whatever it leads to.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/result.h"
#include "base/time.h"
#include "host/netlink_messages.h"
#include "model/configuration.h"
#include "model/host_state.h"

namespace xdhcpd::daemon {

enum class InterfaceState : std::uint8_t {
    kAbsent,   // there is no interface of that name
    kDown,     // open, but the link is down: no frame can come
    kRefused,  // it is there, and its driver refused; tried again
    kServing,
};
[[nodiscard]] std::string_view name_of(InterfaceState state) noexcept;

// What came of opening an interface.
struct OpenedInterface {
    std::string text;               // "xdp native, 1 queue"
    std::string why;                // better drivers refused; empty without
    bool is_xdp = false;            // its frames fit the MTU, its sockets the queues
    std::uint32_t xdp_program = 0;  // our own, of an xdp driver
};

struct ManagedInterface {
    model::InterfaceConfiguration configuration;
    InterfaceState state = InterfaceState::kAbsent;
    std::string detail;                        // why it is not served, or not by a better driver
    BootTime since;                            // of the state
    std::optional<model::HostInterface> host;  // as last seen; none while absent
    std::uint32_t queue_count = 0;             // receive queues of the device; 0 while absent
    std::optional<OpenedInterface> opened;
    std::uint64_t reopens = 0;  // times it was opened after the first
    // Internal: when service ended, when to try again, and how long to wait after that.
    std::optional<BootTime> out_since;
    BootTime retry_at;
    std::chrono::milliseconds backoff{0};
    bool was_open = false;
    bool is_vanishing = false;  // gone, and nobody has said how
};

class ManagedInterfaces {
  public:
    // A refused driver is tried again after the first, then after twice as long, up to the last;
    // at once when something about the interface changes.
    static constexpr std::chrono::milliseconds kFirstRetry{1000};
    static constexpr std::chrono::milliseconds kLastRetry{30000};

    struct Functions {
        // Opens and hands to the worker.
        std::function<Result<OpenedInterface, Error>(const model::InterfaceConfiguration&,
                                                     const model::HostInterface&)>
            open;
        // Takes from the worker and closes; by name, of an open one.
        std::function<void(const std::string&)> close;
        // Receive queues of the device now; 0 when it cannot be said.
        std::function<std::uint32_t(const std::string&)> queue_count;
        std::function<void(model::LogLevel, const std::string&)> log;
        // The time after something took time; empty: it takes none.
        std::function<BootTime()> clock;
    };
    explicit ManagedInterfaces(Functions functions) : functions_{std::move(functions)} {}

    // What is wanted, and the host as it is now. `departures`: interfaces that left since the last
    // call, though they may be back. `lost`: there may have been more of these.
    void update(const std::vector<model::InterfaceConfiguration>& wanted,
                const model::HostState& host, const std::vector<host::LinkDeparture>& departures,
                bool lost, BootTime now);
    // The next update() opens what is open anew, because of `what`.
    void reopen_all(std::string what) { reopen_because_ = std::move(what); }
    // Tries again what is due, and looks after queue counts. About once a second.
    void tick(BootTime now);

    [[nodiscard]] const std::vector<ManagedInterface>& all() const noexcept { return interfaces_; }
    // Whether an interface is gone of which the kernel has not yet said where to: a moment later it
    // will have.
    [[nodiscard]] bool wants_another_look() const noexcept;
    // Whether the host should be looked at more often: somebody's XDP program is in the way, and
    // that it goes away is not always announced.
    [[nodiscard]] bool is_impatient() const noexcept;

  private:
    struct Change;
    void update_one(ManagedInterface& interface, const model::HostState& host,
                    const std::vector<host::LinkDeparture>& departures, bool lost, BootTime now);
    [[nodiscard]] Change compare(const ManagedInterface& interface,
                                 const model::HostInterface& seen) const;
    void leave(ManagedInterface& interface, const std::string& how, BootTime now);
    void close(ManagedInterface& interface, BootTime now);
    // Opens; the line begins with `what` happened, if anything did.
    void open(ManagedInterface& interface, const std::string& what, BootTime now);
    void settle(ManagedInterface& interface, BootTime now);
    void say(model::LogLevel level, const ManagedInterface& interface,
             const std::string& text) const;

    Functions functions_;
    std::vector<ManagedInterface> interfaces_;
    std::string reopen_because_;  // empty: not at all
};

}  // namespace xdhcpd::daemon
