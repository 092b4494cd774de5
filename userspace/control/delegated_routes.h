// DelegatedRoutes: keeps the kernel's routes to delegated prefixes as leases want them (RFC 8415
// section 18.3, RFC 8987). What is wanted comes as changes from the workers, and as a whole after a
// start or when changes were lost; the kernel, if it is to be told, is told bit by bit, and again
// later where it refuses (an interface that is down, a next hop that is nobody's). Who else wants
// to know of a change is told at once. Control thread; pure but for `Kernel`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/addresses.h"
#include "base/error.h"
#include "base/result.h"
#include "base/time.h"
#include "host/route_table.h"
#include "model/host_state.h"

namespace xdhcpd::control {

// Where a delegated prefix is reached.
struct DelegatedRoute {
    Ipv6Prefix prefix;
    Ipv6 next_hop;          // link-local
    std::string interface;  // by name, as in the lease
    model::VlanIds vlan{};  // of that interface
    bool operator==(const DelegatedRoute&) const = default;
};

class DelegatedRoutes {
  public:
    // host::RouteTable, or a test.
    struct Kernel {
        std::function<Result<Success, Error>(const host::Route6&)> add;
        std::function<Result<Success, Error>(const Ipv6Prefix&)> remove;
        std::function<Result<std::vector<host::Route6>, Error>()> list;
    };
    struct Counts {
        std::uint64_t wanted = 0;     // leases that want a route
        std::uint64_t installed = 0;  // of those, with one in the kernel
        std::uint64_t added = 0;      // since the start
        std::uint64_t removed = 0;
        std::uint64_t failed = 0;  // refusals of the kernel
    };
    // Changes of the kernel per tick().
    static constexpr std::size_t kBudget = 500;
    static constexpr std::chrono::seconds kRetry{10};

    // What a lease wants from now on; null: there is none any more.
    using OnChange = std::function<void(const Ipv6Prefix&, const DelegatedRoute*)>;

    // Without a kernel there is none to tell; without `on_change` nobody else either.
    explicit DelegatedRoutes(Kernel kernel, OnChange on_change = {})
        : kernel_{std::move(kernel)}, on_change_{std::move(on_change)} {}

    // Whether the kernel is told; it is until this says something else. When that begins, what is
    // there is read, and when it ends, all of ours goes from the kernel, of an earlier run too;
    // bounded by what there is.
    void tell_kernel(bool is_told);

    // A lease wants this route from now on, or another one than before.
    void want(const DelegatedRoute& route);
    // A lease of the prefix has ended.
    void drop(const Ipv6Prefix& prefix);
    // Between the two, want() names all routes: what is in the kernel besides, of an earlier run or
    // of changes that were lost, goes.
    void begin_all();
    void end_all();
    // Interfaces have changed, and the kernel may have thrown routes away with them: what is there
    // is read anew.
    void recheck();
    // Tells the kernel, at most kBudget changes. `log` takes lines for people, few of them.
    void tick(const model::HostState& host, BootTime now,
              const std::function<void(std::string)>& log);
    // The wanted route of the lowest prefix behind this one, or of all; null: there is none. Valid
    // until the next change.
    [[nodiscard]] const DelegatedRoute* next_wanted(const std::optional<Ipv6Prefix>& behind) const;
    [[nodiscard]] Counts counts() const noexcept;
    [[nodiscard]] bool is_idle() const noexcept { return queue_.empty(); }

  private:
    struct Entry {
        DelegatedRoute route;
        bool is_wanted = false;
        bool is_queued = false;
        std::uint32_t installed_on = 0;  // ifindex; 0: not in the kernel
        Ipv6 installed_hop;
        std::uint32_t mark = 0;  // of the last begin_all() that named it
        BootTime retry_at{};
    };
    void enqueue(const Ipv6Prefix& prefix, Entry& entry);
    void set_unwanted(const Ipv6Prefix& prefix, Entry& entry);
    // What nobody wants and the kernel need not be told of.
    void forget_unwanted();
    // True when the kernel was asked.
    bool settle(const Ipv6Prefix& prefix, Entry& entry, const model::HostState& host, BootTime now,
                const std::function<void(std::string)>& log);
    void note_failure(const Error& error, const std::function<void(std::string)>& log);

    Kernel kernel_;
    OnChange on_change_;
    bool is_told_ = kernel_.list != nullptr;
    std::map<Ipv6Prefix, Entry> entries_;
    std::deque<Ipv6Prefix> queue_;    // to be settled
    std::deque<Ipv6Prefix> refused_;  // again at their retry_at, which grows
    std::uint32_t mark_ = 0;
    Counts counts_;
    std::string last_problem_;  // said once
};

}  // namespace xdhcpd::control
