// Control: what operators ask of a running server: its state, leases, a new configuration. Answers
// the requests of the control socket, rebuilds and publishes snapshots, watches pools and workers.
//
// Thread rules: everything belongs to the control thread, but for metrics_text() and health(),
// which any thread may call meanwhile. Shards are only touched on their workers' threads, through
// Worker::call() and in slices of at most kSliceLen leases, so that packets never wait long; the
// workers must be running until stop().
#pragma once

#include <poll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "base/result.h"
#include "base/time.h"
#include "config/load.h"
#include "control/advertised_sets.h"
#include "control/delegated_routes.h"
#include "control/file_handle.h"
#include "control/reconfigure_keyring.h"
#include "journal/journal.h"
#include "metrics/http_server.h"
#include "model/configuration.h"
#include "model/host_state.h"
#include "model/make_snapshot.h"
#include "model/snapshot.h"
#include "worker/snapshot_slot.h"
#include "worker/worker.h"

namespace xdhcpd::control {

// An interface of the configuration: how it is with it, and its driver while it has one.
struct InterfaceStatus {
    std::string name;
    std::string state = "serving";    // or "absent", "down", "refused"
    bool is_served = true;            // it has a driver, though its link may be down
    std::string detail;               // why it is not served, or not better
    std::uint64_t since_seconds = 0;  // for how long the state lasts
    std::uint64_t reopens = 0;
    bool up = true;
    bool carrier = true;
    std::string mac;
    std::uint32_t device_queues = 0;     // receive queues of the device
    std::vector<std::string> addresses;  // "192.0.2.1/24"
    std::uint32_t ifindex = 0;           // 0 while it does not exist
    std::string driver;
    std::string mode;
    std::string why;  // better drivers were not taken
    model::RateLimits rate_limits;
    bool zero_copy = false;
    std::uint32_t mtu = 0;
    std::uint32_t queues = 0;
    std::vector<std::pair<std::string, std::uint64_t>>
        verdicts;  // of the XDP program; name, frames
    // What the kernel dropped before a port could have it; reason, frames. A frame may be counted
    // under two reasons.
    struct PortDrops {
        std::uint32_t queue = 0;
        std::vector<std::pair<std::string, std::uint64_t>> reasons;
        std::string driver;  // of the port: a lane has queue 0 too
    };
    std::vector<PortDrops> kernel_drops;
};

// A datagram of the server's DHCPv6 port.
struct Datagram6 {
    Ipv6 destination;
    std::uint16_t destination_port = 0;
    std::string interface;  // of a link-local destination; else empty: by routing
    model::VlanIds vlan{};  // of that interface
    std::vector<std::byte> payload;
};

// What Control works on. References and workers outlive it. Functions are called on the control
// thread only.
struct ControlParts {
    std::string configuration_name;  // "FILE" or "quick start"
    std::function<config::LoadResult()> load;
    worker::SnapshotSlot& snapshots;  // the first snapshot is published and its policy applied
    model::SpaceRegistry& registry;
    std::vector<worker::Worker*> workers;  // by the ids of their shards
    std::string workers_reason{};          // why they are so many, for people
    // What a restart would change of that; empty: nothing. May be unset.
    std::function<std::string()> workers_advice{};
    HashKey hash_key;
    model::Configuration configuration;  // in force
    model::HostState host;               // that the first snapshot was made from
    std::function<Result<model::HostState, Error>()> host_state;
    std::function<std::vector<InterfaceStatus>()> interfaces;
    // Right before a new snapshot is published; may be empty. The daemon tells the XDP programs.
    std::function<void(const model::Snapshot&)> on_snapshot;
    // Before that, and before the snapshot's new subnets are served; may be empty. The daemon gives
    // them the leases that are on disk.
    std::function<void(const model::Snapshot&)> adopt_leases{};
    // What hosts were told by Router Advertisements; outlives Control, and knows the first
    // snapshot. Null: nothing is taken back.
    AdvertisedSets* advertised_sets = nullptr;
    // How stable storage does; empty when there is none. Any thread.
    std::function<journal::JournalHealth()> journal{};
    // Whenever the host was read or a configuration came into force, behind the publication of what
    // that changes; may be empty. The daemon opens and closes interfaces.
    std::function<void(const model::Configuration&, const model::HostState&)> on_host;
    std::function<void()> on_stop;  // the command `stop`; may be empty
    std::function<void(model::LogLevel, std::string)> log;
    // Applies log: on reload; empty: a change of it needs a restart.
    std::function<void(const model::LogConfiguration&)> on_log_configuration;
    BootTime (*clock)() noexcept = nullptr;  // null: CLOCK_BOOTTIME; that of the workers
    // Routes to delegated prefixes; empty: there are none.
    DelegatedRoutes::Kernel route_kernel{};
    std::uint64_t (*unix_time)() noexcept = nullptr;  // seconds; null: the wall clock
    // Sends one for Reconfigure, by this interface of the host or, if that is empty, by routing;
    // may be unset.
    std::function<Result<Success, Error>(const Datagram6&, const std::string& interface)>
        send_datagram{};
    // Outlives Control; null: nothing to keep.
    ReconfigureKeyring* reconfigure_keyring = nullptr;
};

struct ReloadOutcome {
    struct OutsideLease {
        std::string address;  // or prefix
        std::string hw_address;
    };
    bool ok = false;
    std::vector<std::string> errors;           // "FILE:3:5: error: ..."; empty if and only if ok
    std::vector<std::string> warnings;         // of the file and of joining it with the host
    std::vector<std::string> changes;          // lines for people
    std::vector<std::string> needs_restart;    // likewise: goes on as it was until a restart
    std::vector<OutsideLease> leases_outside;  // the first kMaxOutside of them
    std::uint64_t leases_outside_count = 0;
};

class Control {
  public:
    static constexpr std::size_t kSliceLen = 512;     // leases looked at in one Worker::call()
    static constexpr std::size_t kMaxLeases = 16384;  // in one answer; more come with "after"
    static constexpr std::size_t kMaxOutside = 1000;  // leases_outside
    static constexpr std::size_t kMaxDrops = 4096;    // explain

    explicit Control(ControlParts parts);
    Control(const Control&) = delete;
    Control& operator=(const Control&) = delete;
    ~Control();

    // == Control thread ==

    // Answers one request; whatever it is, the answer is an object with "ok".
    [[nodiscard]] nlohmann::json handle(const nlohmann::json& request);
    // Takes over the connection of a request whose answer had "stream": a capture, of which
    // `unsent` goes out first.
    void stream(std::uint64_t number, FileHandle connection, std::string_view unsent) noexcept;
    // Loads the configuration again and puts it in force. After an error the old one is in force,
    // even when memory runs out. A dry run only says what would change. The outcome is logged.
    // Takes up to kFenceTime longer when addresses go over from one subnet to another.
    ReloadOutcome reload(bool dry_run);
    // About once a second: frees old snapshots, watches pools and workers, and every few seconds
    // looks at the host even if nobody said that it has changed.
    void tick();
    // Several times a second while is_busy(), and when a descriptor of append_poll_fds() is ready:
    // brings the kernel's routes to delegated prefixes up to date, runs hooks, and sends
    // Reconfigure messages that are due.
    void keep_up();
    [[nodiscard]] bool is_busy() const noexcept;
    void append_poll_fds(std::vector<pollfd>& fds) const;
    // Looks at the host now: publishes a new snapshot if interfaces or addresses have changed.
    void look_at_host();
    // From now on state is "draining" and no worker is called any more; before the workers are
    // stopped.
    void stop() noexcept;
    // After the workers have ended: captures write what they have, and end.
    void end_streams();
    // Behind stop(): ends the commands of hooks, within Hooks::kStopTime.
    void end_hooks();
    [[nodiscard]] bool stopping() const noexcept;
    // In force: what reload() changes without a restart is new, the rest as at start.
    [[nodiscard]] const model::Configuration& configuration() const noexcept;

    // == Any thread ==

    [[nodiscard]] std::string metrics_text() const;
    // Not ok while draining, when a worker or the control thread stands still, or when an interface
    // of the configuration has no driver. A link that is down is no fault of the server's.
    [[nodiscard]] metrics::Health health() const;

  private:
    class Implementation;
    std::unique_ptr<Implementation> implementation_;
};

// Why the store has no room for the spaces of this configuration beside those it has; empty if it
// has. To be asked before make_snapshot(), which takes room for granted.
[[nodiscard]] std::string check_room(const model::Configuration& configuration,
                                     const model::SpaceRegistry& registry);

}  // namespace xdhcpd::control
