#include "control/control.h"

#include <sched.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <exception>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <thread>

#include "control/captures.h"
#include "control/changes.h"
#include "control/lease_query.h"
#include "control/metrics_page.h"
#include "control/text.h"
#include "dhcp4/options.h"
#include "engine/drop_reason.h"
#include "lease/store.h"

namespace xdhcpd::control {
namespace {

using model::LogLevel;
using nlohmann::json;

// An answer, or why there is none.
using Answer = Result<json, std::string>;

// A worker that does not move for so long is out of order: it wakes every 100 ms even without
// packets.
constexpr std::chrono::seconds kWorkerPatience{5};
// Likewise for the control thread, which a reload of many leases may keep busy for a while.
constexpr std::chrono::seconds kControlPatience{30};
// How often interfaces and addresses are looked at.
constexpr std::chrono::seconds kHostInterval{10};
// How long a reload waits until every worker uses a new snapshot; they wake every 100 ms, see
// above.
constexpr std::chrono::seconds kFenceTime{1};
constexpr std::chrono::milliseconds kFenceStep{1};

[[nodiscard]] BootTime boot_clock() noexcept {
    timespec time{};
    static_cast<void>(clock_gettime(CLOCK_BOOTTIME, &time));  // cannot fail on Linux >= 2.6.39
    return BootTime{std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec}};
}

[[nodiscard]] double to_seconds(BootTime::duration duration) noexcept {
    return std::chrono::duration<double>{duration}.count();
}

[[nodiscard]] std::string whole_seconds(BootTime::duration duration) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count()) +
           " s";
}

[[nodiscard]] json failure(std::string text) {
    return {{"ok", false}, {"error", std::move(text)}};
}

// An argument of a request that may be missing.
template <typename T>
using Argument = Result<std::optional<T>, std::string>;

[[nodiscard]] Argument<std::string> text_argument(const json& request, const char* name) {
    const auto found = request.find(name);
    if (found == request.end() || found->is_null()) {
        return std::optional<std::string>{};
    }
    if (!found->is_string()) {
        return Unexpected{std::string{name} + " wants text"};
    }
    return std::optional{found->get<std::string>()};
}

// An argument that `parse` understands; `meant` says what that is.
template <typename Parse>
[[nodiscard]] auto parsed_argument(const json& request, const char* name, const Parse& parse,
                                   std::string_view meant)
    -> Argument<typename decltype(parse(std::string_view{}))::value_type> {
    auto text = text_argument(request, name);
    if (!text) {
        return Unexpected{text.error()};
    }
    if (!*text) {
        return {std::nullopt};
    }
    auto value = parse(**text);
    if (!value) {
        return Unexpected{std::string{name} + " wants " + std::string{meant} + ", got '" + **text +
                          "'"};
    }
    return value;
}

[[nodiscard]] Argument<std::uint64_t> count_argument(const json& request, const char* name) {
    const auto found = request.find(name);
    if (found == request.end() || found->is_null()) {
        return std::optional<std::uint64_t>{};
    }
    if (!found->is_number_integer() || *found <= 0) {
        return Unexpected{std::string{name} + " wants a number above 0"};
    }
    return std::optional{found->get<std::uint64_t>()};
}

[[nodiscard]] std::string_view name_of(lease::LeaseState state) noexcept {
    switch (state) {
        case lease::LeaseState::kOffered:
            return "offered";
        case lease::LeaseState::kLeased:
            return "leased";
        case lease::LeaseState::kDeclined:
            return "declined";
        default:
            return "free";
    }
}

// A space of the store and the subnet that it stands for.
struct NamedSpace {
    Ipv4Prefix prefix;
    lease::SpaceId id;

    [[nodiscard]] Ipv4 address(std::uint32_t index) const noexcept {
        return Ipv4{prefix.address.value + index};
    }
};

// Where a list of leases goes on: "10.77.0.0/24,10.77.0.57", behind that address of that subnet.
struct Cursor {
    Ipv4Prefix prefix;
    Ipv4 address;
};
[[nodiscard]] std::optional<Cursor> parse_cursor(std::string_view text) {
    const std::size_t comma = text.find(',');
    if (comma == std::string_view::npos) {
        return std::nullopt;
    }
    const auto prefix = parse_ipv4_prefix(text.substr(0, comma));
    const auto address = parse_ipv4(text.substr(comma + 1));
    if (!prefix || !address || !prefix->contains(*address)) {
        return std::nullopt;
    }
    return Cursor{*prefix, *address};
}
[[nodiscard]] std::string to_string(const Cursor& cursor) {
    return xdhcpd::to_string(cursor.prefix) + "," + xdhcpd::to_string(cursor.address);
}

// What of the host matters to a snapshot: the interfaces served, and everybody's addresses.
[[nodiscard]] model::HostState relevant(const model::HostState& host,
                                        const model::Configuration& configuration) {
    model::HostState result;
    for (const model::HostInterface& interface : host.interfaces) {
        const bool served =
            std::any_of(configuration.interfaces.begin(), configuration.interfaces.end(),
                        [&](const auto& wanted) { return wanted.name == interface.name; });
        if (served || !interface.addresses.empty()) {
            result.interfaces.push_back(interface);
            result.interfaces.back().up = true;
        }
    }
    return result;
}

[[nodiscard]] bool is_same(const model::HostState& a, const model::HostState& b) {
    return std::equal(a.interfaces.begin(), a.interfaces.end(), b.interfaces.begin(),
                      b.interfaces.end(), [](const auto& x, const auto& y) {
                          return x.ifindex == y.ifindex && x.name == y.name && x.mac == y.mac &&
                                 x.mtu == y.mtu && x.addresses == y.addresses;
                      });
}

// Different prefixes with addresses in common.
[[nodiscard]] bool overlap(Ipv4Prefix a, Ipv4Prefix b) noexcept {
    return a != b && (a.contains(b.address) || b.contains(a.address));
}

// "capture 3 of process 1234"
[[nodiscard]] std::string describe(const CaptureStatus& capture) {
    return "capture " + std::to_string(capture.id) + " of process " + std::to_string(capture.pid);
}

[[nodiscard]] json json_of(const CaptureStatus& capture) {
    const worker::TapFilter& filter = capture.options.filter;
    return {{"id", capture.id},
            {"pid", capture.pid},
            {"interface", filter.interface},
            {"hw_address", filter.hw_address ? xdhcpd::to_string(*filter.hw_address) : ""},
            {"dropped", filter.only_dropped},
            {"snaplen", capture.options.snaplen},
            {"seconds", capture.seconds},
            {"packets", capture.packets},
            {"missed", capture.missed}};
}

// For the description of an interface in a capture.
[[nodiscard]] std::string describe(const InterfaceStatus& interface) {
    std::string text = "driver " + interface.driver;
    if (!interface.mode.empty()) {
        text += ", " + interface.mode;
    }
    if (interface.driver == "udp") {
        text += ", Ethernet and IP headers are rebuilt";
    }
    return text;
}

// Sums over workers by the names of what is counted; zeros are left out.
template <typename Counters, typename Name>
void add_counts(json& object, const Counters& counters, const Name& name) {
    for (std::size_t i = 0; i < counters.size(); ++i) {
        const std::uint64_t value = counters[i].value();
        if (value != 0) {
            const std::string key{name(i)};
            object[key] = object.value(key, std::uint64_t{0}) + value;
        }
    }
}

}  // namespace

class Control::Implementation {
  public:
    explicit Implementation(ControlParts parts);

    [[nodiscard]] json handle(const json& request);
    ReloadOutcome reload(bool dry_run);
    void tick();
    void look_at_host();
    void stop() noexcept {
        stopping_.store(true, std::memory_order_relaxed);
        captures_.release_workers();
    }
    void stream(std::uint64_t number, FileHandle connection, std::string_view unsent);
    void end_streams() { captures_.finish(); }
    [[nodiscard]] bool stopping() const noexcept {
        return stopping_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] const model::Configuration& configuration() const noexcept {
        return parts_.configuration;
    }

    [[nodiscard]] std::string metrics_text() const;
    [[nodiscard]] metrics::Health health() const;

  private:
    [[nodiscard]] BootTime now() const noexcept {
        return parts_.clock != nullptr ? parts_.clock() : boot_clock();
    }
    void log(LogLevel level, const std::string& text) const { parts_.log(level, text); }

    // Commands.
    [[nodiscard]] Answer status() const;
    [[nodiscard]] Answer subnets() const;
    [[nodiscard]] Answer leases(const json& request);
    [[nodiscard]] Answer list_leases(const json& request, const LeaseFilter& filter);
    [[nodiscard]] Answer find_leases(const json& request);
    [[nodiscard]] Answer find_address(Ipv4 address);
    [[nodiscard]] Answer delete_lease(const json& request);
    [[nodiscard]] Answer workers() const;
    [[nodiscard]] Answer reload(const json& request);
    [[nodiscard]] Answer explain(const json& request) const;
    [[nodiscard]] Answer capture(const json& request);
    [[nodiscard]] Answer stop_server();
    [[nodiscard]] static json to_json(const InterfaceStatus& interface);
    [[nodiscard]] std::string_view state_name() const;  // "waiting": no interface has a driver
    [[nodiscard]] json to_json(const NamedSpace& space, const HeldLease& lease) const;
    [[nodiscard]] json to_json(const worker::Drop& drop, BootTime now) const;
    [[nodiscard]] std::string interface_name(std::uint32_t ifindex) const;

    // Reload.
    [[nodiscard]] ReloadOutcome attempt_reload(bool dry_run);
    void find_leases_outside(const model::Configuration& configuration, ReloadOutcome& outcome);
    [[nodiscard]] std::string find_overlap(const model::Configuration& configuration) const;
    // Makes sure that no worker leases addresses any more that go over to another subnet of
    // `wanted`. Empty, or why that is not so; then the configuration in force is published again.
    [[nodiscard]] std::string hand_over(const model::Configuration& wanted,
                                        const model::HostState& host);
    // Whether every worker uses the newest snapshot; waits for them, but no longer than kFenceTime.
    [[nodiscard]] bool wait_for_workers();
    // Makes a snapshot, carries its policy into the store and publishes it. Returns what it warns
    // of.
    std::vector<std::string> publish(const model::Configuration& configuration,
                                     const model::HostState& host, bool tell_drivers = true);
    // Likewise, and remembers what is in force now.
    std::vector<std::string> put_in_force(model::Configuration configuration,
                                          const model::HostState& host);
    void remember_spaces(const model::Snapshot& snapshot);
    void describe_for_metrics();
    [[nodiscard]] std::vector<NamedSpace> spaces() const;

    // Watching.
    [[nodiscard]] bool collect_snapshots();
    void watch_pools();
    void watch_workers(BootTime now);
    void read_host(BootTime current);
    void tell_of_host(const model::HostState& host) const;
    void watch_host(BootTime now);

    ControlParts parts_;
    Captures captures_{parts_.workers};
    BootTime started_;
    std::uint32_t generation_;
    std::map<Ipv4Prefix, lease::SpaceId> spaces_;  // that ever were in a snapshot
    std::map<Ipv4Prefix, bool> is_full_;           // of subnets with a pool
    model::HostState host_;                        // of the newest snapshot, what matters of it
    // Snapshot and bitmaps are not, or not certainly, what the configuration in force says: a
    // reload is on its way, or an exception ended it, and then the next tick() publishes again.
    bool unsettled_ = false;
    BootTime host_read_;
    std::string host_error_;                  // reported last
    std::vector<std::string> host_warnings_;  // of the newest snapshot

    std::atomic<bool> stopping_{false};
    std::atomic<std::uint64_t> reloads_ok_{0};
    std::atomic<std::uint64_t> reloads_failed_{0};
    std::atomic<BootTime::rep> ticked_;

    struct Progress {
        std::uint64_t count = 0;  // grows as long as the worker moves
        BootTime since;
        bool stands_still = false;
    };
    mutable std::mutex mutex_;  // over what follows
    std::vector<Progress> progress_;
    std::shared_ptr<const MetricsDescription> description_;
};

Control::Implementation::Implementation(ControlParts parts)
    : parts_{std::move(parts)},
      started_{now()},
      generation_{parts_.snapshots.newest().generation},
      host_read_{started_},
      ticked_{started_.time_since_epoch().count()},
      progress_(parts_.workers.size(), Progress{0, started_, false}) {
    host_ = relevant(parts_.host, parts_.configuration);
    parts_.host = {};
    remember_spaces(parts_.snapshots.newest());
    describe_for_metrics();
}

// == Requests ==

json Control::Implementation::handle(const json& request) {
    if (!request.is_object()) {
        return failure("a request is a JSON object with \"command\"");
    }
    const auto command = text_argument(request, "command");
    if (!command || !*command) {
        return failure(
            "\"command\" is missing; status, leases, subnets, workers, reload, explain, capture "
            "or stop was meant");
    }
    using Method = Answer (*)(Implementation&, const json&);
    struct Entry {
        std::string_view name;
        bool needs_workers;
        Method method;
    };
    static constexpr std::array<Entry, 8> kCommands{{
        {"status", false, [](Implementation& self, const json&) { return self.status(); }},
        {"subnets", false, [](Implementation& self, const json&) { return self.subnets(); }},
        {"leases", true, [](Implementation& self, const json& from) { return self.leases(from); }},
        {"workers", true, [](Implementation& self, const json&) { return self.workers(); }},
        {"reload", true, [](Implementation& self, const json& from) { return self.reload(from); }},
        {"explain", true,
         [](Implementation& self, const json& from) { return self.explain(from); }},
        {"capture", true,
         [](Implementation& self, const json& from) { return self.capture(from); }},
        {"stop", false, [](Implementation& self, const json&) { return self.stop_server(); }},
    }};
    const auto entry = std::find_if(kCommands.begin(), kCommands.end(),
                                    [&](const Entry& other) { return other.name == **command; });
    if (entry == kCommands.end()) {
        return failure("unknown command '" + **command +
                       "'; status, leases, subnets, workers, reload, explain, "
                       "capture or stop was meant");
    }
    if (entry->needs_workers && stopping()) {
        return failure("xdhcpd is stopping");
    }
    Answer answer = entry->method(*this, request);
    if (!answer) {
        return failure(answer.error());
    }
    json result = std::move(*answer);
    if (!result.contains("ok")) {
        result["ok"] = true;
    }
    return result;
}

Answer Control::Implementation::status() const {
    json answer = {{"version", XDHCPD_VERSION},
                   {"state", state_name()},
                   {"uptime_seconds", static_cast<std::uint64_t>(to_seconds(now() - started_))},
                   {"generation", generation_},
                   {"configuration", parts_.configuration_name},
                   {"durability", "memory"}};
    const std::vector<InterfaceStatus> interfaces = parts_.interfaces();
    json xdp = json::object();
    json interface_list = json::array();
    for (const InterfaceStatus& interface : interfaces) {
        interface_list.push_back(to_json(interface));
        if (interface.verdicts.empty()) {
            continue;
        }
        json verdicts = json::object();
        for (const auto& [verdict, count] : interface.verdicts) {
            verdicts[verdict] = count;
        }
        xdp[interface.name] = std::move(verdicts);
    }
    json ports = json::array();
    json received_by_type = json::object();
    json sent_by_type = json::object();
    json dropped = json::object();
    Accounts sum;
    const auto type_name = [](std::size_t i) {
        return dhcp4::name(static_cast<dhcp4::MessageType>(i));
    };
    for (const worker::Worker* const worker : parts_.workers) {
        for (const worker::PortTotals& port : worker->port_totals()) {
            if (!port.open) {
                continue;
            }
            const auto found = std::find_if(
                interfaces.begin(), interfaces.end(),
                [&](const auto& interface) { return interface.name == port.interface_name; });
            const InterfaceStatus none;
            const InterfaceStatus& interface = found == interfaces.end() ? none : *found;
            const bool of_driver = port.role == PortRole::kDriver;
            json kernel_drops = json::object();
            for (const InterfaceStatus::PortDrops& drops : interface.kernel_drops) {
                for (const auto& [reason, frames] : drops.reasons) {
                    if (drops.queue == port.queue && drops.driver == port.driver) {
                        kernel_drops[reason] = frames;
                    }
                }
            }
            ports.push_back({{"interface", port.interface_name},
                             {"ifindex", interface.ifindex},
                             {"queue", port.queue},
                             {"driver", port.driver},
                             {"role", name(port.role)},
                             {"mode", of_driver ? interface.mode : std::string{}},
                             {"zero_copy", of_driver && interface.zero_copy},
                             {"why", of_driver ? interface.why : std::string{}},
                             {"mtu", interface.mtu},
                             {"rx_frames", port.rx_frames},
                             {"rx_truncated", port.rx_truncated},
                             {"tx_frames", port.tx_frames},
                             {"tx_errors", port.tx_errors},
                             {"tx_no_frame", port.tx_no_frame},
                             {"kick_retries", port.kick_retries},
                             {"kernel_drops", std::move(kernel_drops)}});
        }
        const worker::WorkerCounters& counters = worker->counters();
        add_counts(received_by_type, counters.received_by_type, type_name);
        add_counts(sent_by_type, counters.sent_by_type, type_name);
        add_counts(dropped, counters.dropped,
                   [](std::size_t i) { return engine::DropReason::from_index(i).full_name(); });
        const Accounts accounts = accounts_of(counters);
        sum.received += accounts.received;
        sum.answered += accounts.answered;
        sum.explained += accounts.explained;
        sum.in_flight += accounts.in_flight;
    }
    answer["interfaces"] = std::move(interface_list);
    answer["ports"] = std::move(ports);
    answer["received"] = sum.received;
    answer["answered"] = sum.answered;
    answer["explained"] = sum.explained;
    answer["in_flight"] = sum.in_flight;
    answer["received_by_type"] = std::move(received_by_type);
    answer["sent_by_type"] = std::move(sent_by_type);
    answer["dropped"] = std::move(dropped);
    answer["xdp"] = std::move(xdp);
    json captures = json::array();
    for (const CaptureStatus& one : captures_.status()) {
        captures.push_back(json_of(one));
    }
    answer["captures"] = std::move(captures);
    return answer;
}

json Control::Implementation::to_json(const InterfaceStatus& interface) {
    return {{"name", interface.name},
            {"state", interface.state},
            {"detail", interface.detail},
            {"since_seconds", interface.since_seconds},
            {"reopens", interface.reopens},
            {"driver", interface.driver},
            {"mode", interface.mode},
            {"zero_copy", interface.zero_copy},
            {"why", interface.why},
            {"ifindex", interface.ifindex},
            {"link", interface.ifindex == 0 ? "absent"
                     : !interface.up        ? "set down"
                     : !interface.carrier   ? "no carrier"
                                            : "up"},
            {"mtu", interface.mtu},
            {"mac", interface.mac},
            {"queues", interface.queues},
            {"device_queues", interface.device_queues},
            {"addresses", interface.addresses},
            {"rate_limit", to_string(interface.rate_limits)}};
}

std::string_view Control::Implementation::state_name() const {
    if (stopping()) {
        return "draining";
    }
    const std::vector<InterfaceStatus> interfaces = parts_.interfaces();
    const bool is_any_served = std::any_of(interfaces.begin(), interfaces.end(),
                                           [](const auto& each) { return each.is_served; });
    return is_any_served ? "serving" : "waiting";
}

Answer Control::Implementation::subnets() const {
    const model::Snapshot& snapshot = parts_.snapshots.newest();
    std::vector<std::uint64_t> reservations(snapshot.subnets.size());
    for (const model::Reservation& reservation : snapshot.reservations) {
        ++reservations[reservation.subnet];
    }
    json list = json::array();
    for (std::size_t i = 0; i < snapshot.subnets.size(); ++i) {
        const model::Subnet& subnet = snapshot.subnets[i];
        const lease::Space& space = parts_.registry.store().space(subnet.space);
        list.push_back({{"subnet", xdhcpd::to_string(subnet.prefix)},
                        {"interface", subnet.interface},
                        {"vlan", model::to_string(subnet.vlans)},
                        {"shared_network", subnet.shared_network},
                        {"size", subnet.prefix.size()},
                        {"pool_addresses", space.bitmap().allowed_count()},
                        {"free", space.bitmap().free_count()},
                        {"offered", space.held_total(lease::HeldCount::kOffered)},
                        {"leased", space.held_total(lease::HeldCount::kLeased)},
                        {"declined", space.held_total(lease::HeldCount::kDeclined)},
                        {"reservations", reservations[i]}});
    }
    return json{{"subnets", std::move(list)}};
}

Answer Control::Implementation::leases(const json& request) {
    const auto action = text_argument(request, "action");
    if (!action) {
        return Unexpected{action.error()};
    }
    const std::string name = action->value_or("list");
    if (name == "list") {
        return list_leases(request, {});
    }
    if (name == "find") {
        return find_leases(request);
    }
    if (name == "delete") {
        return delete_lease(request);
    }
    return Unexpected{"unknown action '" + name + "'; list, find or delete was meant"};
}

Answer Control::Implementation::list_leases(const json& request, const LeaseFilter& filter) {
    const auto subnet =
        parsed_argument(request, "subnet", parse_ipv4_prefix, "a prefix such as 192.0.2.0/24");
    const auto limit = count_argument(request, "limit");
    const auto after =
        parsed_argument(request, "after", parse_cursor, "what \"next\" of an answer said");
    if (!subnet || !limit || !after) {
        return Unexpected{!subnet ? subnet.error() : !limit ? limit.error() : after.error()};
    }
    if (*subnet && !spaces_.contains(**subnet)) {
        return Unexpected{"there is no subnet " + xdhcpd::to_string(**subnet)};
    }
    std::size_t room = std::min<std::uint64_t>(limit->value_or(kMaxLeases), kMaxLeases);
    json list = json::array();
    std::optional<Cursor> next;
    for (const NamedSpace& space : spaces()) {
        if ((*subnet && space.prefix != **subnet) || (*after && space.prefix < (*after)->prefix)) {
            continue;
        }
        std::uint32_t from = 0;
        if (*after && space.prefix == (*after)->prefix) {
            from = (*after)->address.value - space.prefix.address.value + 1;
        }
        const LeasePage page =
            collect_leases(parts_.workers, space.id, from, room, filter, kSliceLen);
        for (const HeldLease& lease : page.leases) {
            list.push_back(to_json(space, lease));
        }
        room -= page.leases.size();
        if (room == 0) {
            next = Cursor{space.prefix, space.address(page.leases.back().index)};
            break;
        }
    }
    json answer{{"leases", std::move(list)}};
    // Only a list that we cut ourselves goes on; who sets a limit has what he wanted.
    if (next && limit->value_or(kMaxLeases + 1) > kMaxLeases) {
        answer["next"] = to_string(*next);
    }
    return answer;
}

Answer Control::Implementation::find_leases(const json& request) {
    const auto hw_address = parsed_argument(request, "hw_address", parse_mac,
                                            "a MAC address such as 02:00:5e:00:53:01");
    const auto address =
        parsed_argument(request, "address", parse_ipv4, "an address such as 192.0.2.1");
    const auto client_id =
        parsed_argument(request, "client_id", parse_hex_bytes, "hexadecimal bytes");
    const auto hostname = text_argument(request, "hostname");
    if (!hw_address || !address || !client_id || !hostname) {
        return Unexpected{!hw_address  ? hw_address.error()
                          : !address   ? address.error()
                          : !client_id ? client_id.error()
                                       : hostname.error()};
    }
    if (*address) {
        return find_address(**address);
    }
    if (!*hw_address && !*client_id && !*hostname) {
        return Unexpected{std::string{"find wants hw_address, address, client_id or hostname"}};
    }
    return list_leases(request, {*hw_address, *client_id, *hostname});
}

Answer Control::Implementation::find_address(Ipv4 address) {
    json list = json::array();
    for (const NamedSpace& space : spaces()) {
        if (!space.prefix.contains(address)) {
            continue;
        }
        const std::uint32_t index = address.value - space.prefix.address.value;
        if (const auto lease = find_lease(parts_.workers, space.id, index)) {
            list.push_back(to_json(space, *lease));
        }
    }
    return json{{"leases", std::move(list)}};
}

Answer Control::Implementation::delete_lease(const json& request) {
    const auto address =
        parsed_argument(request, "address", parse_ipv4, "an address such as 192.0.2.1");
    if (!address || !*address) {
        return Unexpected{address ? std::string{"delete wants address"} : address.error()};
    }
    json list = json::array();
    for (const NamedSpace& space : spaces()) {
        if (!space.prefix.contains(**address)) {
            continue;
        }
        const std::uint32_t index = (*address)->value - space.prefix.address.value;
        if (const auto lease = erase_lease(parts_.workers, space.id, index)) {
            log(LogLevel::kInfo, "lease of " + xdhcpd::to_string(**address) + " (" +
                                     lease->hw_address() + ") deleted by an operator");
            list.push_back(to_json(space, *lease));
        }
    }
    if (list.empty()) {
        return Unexpected{"there is no lease of " + xdhcpd::to_string(**address)};
    }
    return json{{"leases", std::move(list)}};
}

json Control::Implementation::to_json(const NamedSpace& space, const HeldLease& lease) const {
    json object = {{"address", xdhcpd::to_string(space.address(lease.index))},
                   {"subnet", xdhcpd::to_string(space.prefix)},
                   {"state", name_of(lease.state)},
                   {"hw_address", lease.hw_address()},
                   {"client_id", to_hex(client_id_in(lease.identity), 0)},
                   {"hostname", to_utf8(lease.hostname)},
                   {"relay_information", to_hex(lease.relay_information, 0)},
                   {"expires_in", nullptr},
                   {"expires", nullptr}};
    if (!lease.expiry.is_never()) {
        const std::uint32_t current = to_boot_seconds(now()).value;
        const std::uint32_t left = lease.expiry.value - std::min(current, lease.expiry.value);
        // When the machine started, to the second: the same whenever somebody asks.
        const auto boot = std::chrono::round<std::chrono::seconds>(
            std::chrono::system_clock::now().time_since_epoch() - now().time_since_epoch());
        object["expires_in"] = left;
        object["expires"] = format_time(boot.count() + lease.expiry.value);
    }
    return object;
}

Answer Control::Implementation::workers() const {
    constexpr double kNsPerUs = 1000;
    const std::size_t count = parts_.workers.size();
    json list = json::array();
    for (worker::Worker* const worker : parts_.workers) {
        json ports = json::array();
        for (const worker::PortTotals& port : worker->port_totals()) {
            if (port.open) {
                ports.push_back(port.interface_name + ":" +
                                (port.role == PortRole::kDriver ? std::to_string(port.queue)
                                                                : std::string{name(port.role)}));
            }
        }
        int cpu = -1;
        worker->call([&] { cpu = sched_getcpu(); });
        const worker::WorkerCounters& counters = worker->counters();
        const lease::ShardCounters& shard = worker->shard_counters();
        const auto microseconds = [](std::uint64_t ns) {
            return static_cast<double>(ns) / kNsPerUs;
        };
        // A quantile is the upper edge of a bucket, which may lie above the greatest value in it.
        const auto quantile = [&](double share) {
            return microseconds(
                std::min(counters.latency.quantile_ns(share), counters.latency.max_ns()));
        };
        list.push_back({{"id", worker->id()},
                        {"ports", std::move(ports)},
                        {"cpu", cpu},
                        {"batches", counters.batches.value()},
                        {"messages", counters.received.value()},
                        {"polls", counters.polls.value()},
                        {"expired", counters.expired.value()},
                        {"index_entries", shard.index_entries.value()},
                        {"index_capacity", parts_.configuration.max_leases / count},
                        {"side_bytes", shard.side_bytes.value()},
                        {"side_capacity", parts_.configuration.side_memory / count},
                        {"side_failures", shard.side_failures.value()},
                        {"latency_us",
                         {{"p50", quantile(0.5)},
                          {"p99", quantile(0.99)},
                          {"max", microseconds(counters.latency.max_ns())}}}});
    }
    return json{{"workers", std::move(list)}};
}

std::string Control::Implementation::interface_name(std::uint32_t ifindex) const {
    const model::Ingress* const ingress = parts_.snapshots.newest().find_ingress(ifindex);
    return ingress != nullptr ? ingress->interface.name : "interface " + std::to_string(ifindex);
}

json Control::Implementation::to_json(const worker::Drop& drop, BootTime now) const {
    // What could not be read has no type; a message without one is BOOTP.
    const bool readable =
        drop.reason.stage() == engine::Stage::kEngine || drop.type != dhcp4::MessageType::kNone;
    json object = {{"age_seconds", std::max(to_seconds(now - drop.time), 0.0)},
                   {"hw_address", drop.client.is_zero() ? "" : xdhcpd::to_string(drop.client)},
                   {"interface", interface_name(drop.ifindex)},
                   {"queue", drop.queue},
                   {"vlan", describe(drop.tags)},
                   {"giaddr", xdhcpd::to_string(drop.giaddr)},
                   {"message_type", readable ? dhcp4::name(drop.type) : ""},
                   {"reason", drop.reason.full_name()},
                   {"text", drop.reason.text()}};
    if (!drop.address.is_zero()) {
        object["address"] = xdhcpd::to_string(drop.address);
    }
    return object;
}

Answer Control::Implementation::explain(const json& request) const {
    const auto hw_address = parsed_argument(request, "hw_address", parse_mac,
                                            "a MAC address such as 02:00:5e:00:53:01");
    if (!hw_address) {
        return Unexpected{hw_address.error()};
    }
    std::vector<worker::Drop> drops;
    for (worker::Worker* const worker : parts_.workers) {
        std::vector<worker::Drop> own;
        worker->call([&] { own = worker->drop_log().newest(kMaxDrops); });
        drops.insert(drops.end(), own.begin(), own.end());
    }
    if (*hw_address) {
        std::erase_if(drops, [&](const auto& drop) { return drop.client != **hw_address; });
    }
    std::stable_sort(drops.begin(), drops.end(),
                     [](const auto& a, const auto& b) { return a.time > b.time; });
    drops.resize(std::min(drops.size(), kMaxDrops));
    const BootTime current = now();
    json list = json::array();
    for (const worker::Drop& drop : drops) {
        list.push_back(to_json(drop, current));
    }
    return json{{"drops", std::move(list)}};
}

// Only checks what is asked for: the capture begins when its connection comes, see stream().
Answer Control::Implementation::capture(const json& request) {
    const auto interface = text_argument(request, "interface");
    const auto mac =
        parsed_argument(request, "hw_address", parse_mac, "a MAC such as 02:00:5e:00:53:01");
    const auto snaplen = count_argument(request, "snaplen");
    const auto count = count_argument(request, "count");
    const auto duration = count_argument(request, "duration_ms");
    if (!interface || !mac) {
        return Unexpected{!interface ? interface.error() : mac.error()};
    }
    for (const auto* const number : {&snaplen, &count, &duration}) {
        if (!*number) {
            return Unexpected{number->error()};
        }
    }
    if (snaplen->value_or(1) > worker::kMaxSnaplen) {
        return Unexpected{"snaplen wants a number from 1 to " +
                          std::to_string(worker::kMaxSnaplen)};
    }
    const auto dropped = request.find("dropped");
    if (dropped != request.end() && !dropped->is_boolean()) {
        return Unexpected{std::string{"dropped wants true or false"}};
    }
    constexpr std::chrono::milliseconds kLongest = std::chrono::hours{24 * 365};
    CaptureOptions options;
    options.filter = {interface->value_or(""), *mac,
                      dropped != request.end() && dropped->get<bool>()};
    options.snaplen = static_cast<std::uint32_t>(snaplen->value_or(worker::kMaxSnaplen));
    options.max_packets = count->value_or(0);
    options.duration = std::chrono::milliseconds{std::min<std::uint64_t>(
        duration->value_or(0), static_cast<std::uint64_t>(kLongest.count()))};
    options.application = std::string{"xdhcpd "} + XDHCPD_VERSION;
    options.clock = parts_.clock != nullptr ? parts_.clock : boot_clock;
    std::string served;
    for (const InterfaceStatus& one : parts_.interfaces()) {
        served += (served.empty() ? "" : ", ") + one.name;
        if (!*interface || **interface == one.name) {
            options.interfaces.push_back({one.name, describe(one)});
        }
    }
    if (*interface && options.interfaces.empty()) {
        return Unexpected{"interface '" + **interface + "' is not served; " + served + " is"};
    }
    const auto number = captures_.prepare(std::move(options));
    if (!number) {
        return Unexpected{number.error()};
    }
    return json{{"stream", *number}, {"format", "pcapng"}};
}

void Control::Implementation::stream(std::uint64_t number, FileHandle connection,
                                     std::string_view unsent) {
    try {
        if (const auto running = captures_.connect(number, std::move(connection), unsent)) {
            log(LogLevel::kInfo, describe(*running) + " has begun");
        }
    } catch (const std::exception& error) {  // no memory or no thread
        log(LogLevel::kError, std::string{"capture: "} + error.what());
    }
}

Answer Control::Implementation::stop_server() {
    log(LogLevel::kInfo, "stopping: an operator asked for it");
    stop();
    if (parts_.on_stop) {
        parts_.on_stop();
    }
    return json::object();
}

// == Reload ==

Answer Control::Implementation::reload(const json& request) {
    bool dry_run = false;
    if (const auto found = request.find("dry_run"); found != request.end()) {
        if (!found->is_boolean()) {
            return Unexpected{std::string{"dry_run wants true or false"}};
        }
        dry_run = found->get<bool>();
    }
    const ReloadOutcome outcome = reload(dry_run);
    json answer = {{"ok", outcome.ok}, {"warnings", outcome.warnings}};
    if (!outcome.ok) {
        answer["error"] = "the configuration has not been changed";
        answer["errors"] = outcome.errors;
        return answer;
    }
    answer["changes"] = outcome.changes;
    json outside = json::array();
    for (const ReloadOutcome::OutsideLease& lease : outcome.leases_outside) {
        outside.push_back(
            {{"address", xdhcpd::to_string(lease.address)}, {"hw_address", lease.hw_address}});
    }
    answer["leases_outside"] = std::move(outside);
    answer["leases_outside_count"] = outcome.leases_outside_count;
    return answer;
}

ReloadOutcome Control::Implementation::reload(bool dry_run) {
    if (stopping()) {
        ReloadOutcome outcome;
        outcome.errors.emplace_back("xdhcpd is stopping");
        return outcome;
    }
    ReloadOutcome outcome;
    try {
        outcome = attempt_reload(dry_run);
    } catch (const std::exception& error) {  // out of memory, most likely
        outcome = {};
        outcome.errors.push_back(parts_.configuration_name + ": error: " + error.what());
    }
    if (dry_run) {
        return outcome;
    }
    (outcome.ok ? reloads_ok_ : reloads_failed_).fetch_add(1, std::memory_order_relaxed);
    for (const std::string& error : outcome.errors) {
        log(LogLevel::kError, error);
    }
    for (const std::string& warning : outcome.warnings) {
        log(LogLevel::kWarning, warning);
    }
    for (const std::string& change : outcome.changes) {
        log(LogLevel::kInfo, "reload: " + change);
    }
    if (!outcome.ok) {
        log(LogLevel::kError, "reload failed; the configuration in force stays");
        return outcome;
    }
    if (outcome.leases_outside_count != 0) {
        log(LogLevel::kWarning, "reload: " + std::to_string(outcome.leases_outside_count) +
                                    " leases lie outside the new configuration: a client that "
                                    "renews one is refused and gets another address");
    }
    log(LogLevel::kInfo, "reload done, generation " + std::to_string(generation_));
    return outcome;
}

ReloadOutcome Control::Implementation::attempt_reload(bool dry_run) {
    ReloadOutcome outcome;
    const config::LoadResult loaded = parts_.load();
    for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
        const bool is_error = diagnostic.severity == config::Diagnostic::Severity::kError;
        (is_error ? outcome.errors : outcome.warnings).push_back(config::to_string(diagnostic));
    }
    if (!loaded.configuration) {
        return outcome;
    }
    const bool log_applies = static_cast<bool>(parts_.on_log_configuration);
    model::Configuration wanted =
        applicable(parts_.configuration, *loaded.configuration, log_applies);
    auto host = parts_.host_state();
    if (!host) {
        outcome.errors.push_back(host.error().message);
    }
    for (const std::string& problem : {check_room(wanted, parts_.registry), find_overlap(wanted)}) {
        if (!problem.empty()) {
            outcome.errors.push_back(parts_.configuration_name + ": error: " + problem);
        }
    }
    if (!outcome.errors.empty()) {
        return outcome;
    }
    outcome.ok = true;
    outcome.changes = describe_changes(parts_.configuration, *loaded.configuration, log_applies);
    find_leases_outside(wanted, outcome);
    if (dry_run) {
        return outcome;
    }
    if (const std::string problem = hand_over(wanted, *host); !problem.empty()) {
        ReloadOutcome refused;
        refused.warnings = std::move(outcome.warnings);
        refused.errors.push_back(parts_.configuration_name + ": error: " + problem);
        return refused;
    }
    if (log_applies) {
        parts_.on_log_configuration(wanted.log);
    }
    for (std::string& warning : put_in_force(std::move(wanted), *host)) {
        outcome.warnings.push_back(std::move(warning));
    }
    return outcome;
}

void Control::Implementation::find_leases_outside(const model::Configuration& configuration,
                                                  ReloadOutcome& outcome) {
    const Coverage coverage{configuration};
    for (const NamedSpace& space : spaces()) {
        std::uint32_t from = 0;
        for (bool complete = false; !complete;) {
            const LeasePage page =
                collect_leases(parts_.workers, space.id, from, kMaxLeases, {}, kSliceLen);
            for (const HeldLease& lease : page.leases) {
                const Ipv4 address = space.address(lease.index);
                if (lease.state != lease::LeaseState::kLeased || coverage.covers(address)) {
                    continue;
                }
                ++outcome.leases_outside_count;
                if (outcome.leases_outside.size() < kMaxOutside) {
                    outcome.leases_outside.push_back({address, lease.hw_address()});
                }
            }
            complete = page.complete;
            from = page.leases.empty() ? 0 : page.leases.back().index + 1;
        }
    }
}

// Leases live in the space of their subnet. A new subnet that shares addresses with another one
// that still has leases would let those addresses a second time.
std::string Control::Implementation::find_overlap(const model::Configuration& configuration) const {
    for (const model::SubnetConfiguration& subnet : configuration.dhcp4.subnets) {
        for (const auto& [prefix, id] : spaces_) {
            if (overlap(prefix, subnet.prefix) && !parts_.registry.store().space(id).is_drained()) {
                return "subnet " + xdhcpd::to_string(subnet.prefix) + " overlaps subnet " +
                       xdhcpd::to_string(prefix) +
                       ", which still has leases; remove that, wait for their end, then add this";
            }
        }
    }
    return {};
}

// That a space was drained a moment ago says little: a worker may just lease from it. So the old
// subnets are closed first, without the new ones; what is drained once every worker knows that
// stays drained.
std::string Control::Implementation::hand_over(const model::Configuration& wanted,
                                               const model::HostState& host) {
    const auto goes_over = [&](Ipv4Prefix prefix) {
        return std::any_of(wanted.dhcp4.subnets.begin(), wanted.dhcp4.subnets.end(),
                           [prefix](const auto& subnet) { return overlap(prefix, subnet.prefix); });
    };
    if (std::none_of(spaces_.begin(), spaces_.end(),
                     [&](const auto& space) { return goes_over(space.first); })) {
        return {};
    }
    model::Configuration without = parts_.configuration;
    std::erase_if(without.dhcp4.subnets, [&](const model::SubnetConfiguration& subnet) {
        if (!goes_over(subnet.prefix)) {
            return false;
        }
        log(LogLevel::kInfo, "subnet " + xdhcpd::to_string(subnet.prefix) +
                                 " is closed: its addresses go over to another one");
        return true;
    });
    if (without.dhcp4.subnets.size() != parts_.configuration.dhcp4.subnets.size()) {
        // The XDP programs go on as before: what belongs to nobody for a moment is only not
        // answered.
        static_cast<void>(publish(without, host, false));
    }
    std::string problem = wait_for_workers()
                              ? find_overlap(wanted)
                              : "addresses go over from one subnet to another, but a worker stands "
                                "still and may go on leasing them; try again";
    if (!problem.empty() && unsettled_) {
        static_cast<void>(put_in_force(parts_.configuration, host));
    }
    return problem;
}

bool Control::Implementation::wait_for_workers() {
    const auto deadline = std::chrono::steady_clock::now() + kFenceTime;
    while (!collect_snapshots()) {
        if (std::chrono::steady_clock::now() >= deadline) {
            return false;
        }
        std::this_thread::sleep_for(kFenceStep);
    }
    return true;
}

std::vector<std::string> Control::Implementation::publish(const model::Configuration& configuration,
                                                          const model::HostState& host,
                                                          bool tell_drivers) {
    unsettled_ = true;
    model::SnapshotResult made = model::make_snapshot(configuration, host, parts_.registry,
                                                      parts_.hash_key, generation_ + 1);
    remember_spaces(*made.snapshot);
    // Units that close must be closed, and those that open may be open, before workers see the
    // snapshot: what it says about pools is never wider than the bits.
    model::apply_policy(*made.snapshot, configuration, host, parts_.registry);
    if (tell_drivers && parts_.on_snapshot) {
        parts_.on_snapshot(*made.snapshot);
    }
    parts_.snapshots.publish(std::move(made.snapshot));
    ++generation_;
    return std::move(made.warnings);
}

std::vector<std::string> Control::Implementation::put_in_force(model::Configuration configuration,
                                                               const model::HostState& host) {
    model::HostState seen = relevant(host, configuration);
    std::vector<std::string> warnings = publish(configuration, host);
    // Nothing may fail between the publication and here.
    parts_.configuration = std::move(configuration);
    host_ = std::move(seen);
    unsettled_ = false;
    host_warnings_ = warnings;
    tell_of_host(host);
    describe_for_metrics();
    static_cast<void>(collect_snapshots());
    return warnings;
}

void Control::Implementation::remember_spaces(const model::Snapshot& snapshot) {
    for (const model::Subnet& subnet : snapshot.subnets) {
        spaces_.emplace(subnet.prefix, subnet.space);
    }
}

std::vector<NamedSpace> Control::Implementation::spaces() const {
    std::vector<NamedSpace> result;
    for (const auto& [prefix, id] : spaces_) {
        result.push_back({prefix, id});
    }
    return result;
}

void Control::Implementation::describe_for_metrics() {
    auto description = std::make_shared<MetricsDescription>();
    for (const model::Subnet& subnet : parts_.snapshots.newest().subnets) {
        description->subnets.push_back(
            {xdhcpd::to_string(subnet.prefix), &parts_.registry.store().space(subnet.space)});
    }
    description->interfaces = parts_.interfaces();
    const std::lock_guard lock{mutex_};
    description_ = std::move(description);
}

// == Watching ==

void Control::Implementation::tick() {
    const BootTime current = now();
    ticked_.store(current.time_since_epoch().count(), std::memory_order_relaxed);
    if (stopping()) {
        return;
    }
    try {
        static_cast<void>(collect_snapshots());
        for (const CaptureStatus& one : captures_.collect()) {
            log(LogLevel::kInfo, describe(one) + " has ended: " + std::to_string(one.packets) +
                                     " packets, " + std::to_string(one.missed) + " missed");
        }
        watch_workers(current);
        watch_pools();
        watch_host(current);
        describe_for_metrics();
    } catch (
        const std::exception& error) {  // out of memory, most likely: the next tick tries again
        log(LogLevel::kError, error.what());
    }
}

// Whether all workers use the newest one.
bool Control::Implementation::collect_snapshots() {
    std::vector<const worker::Announcement*> announcements;
    for (const worker::Worker* const worker : parts_.workers) {
        announcements.push_back(&worker->announcement());
    }
    return parts_.snapshots.collect(announcements);
}

void Control::Implementation::watch_pools() {
    std::map<Ipv4Prefix, bool> is_full;
    for (const model::Subnet& subnet : parts_.snapshots.newest().subnets) {
        const lease::UnitBitmap& bitmap = parts_.registry.store().space(subnet.space).bitmap();
        const std::uint32_t pool = bitmap.allowed_count();
        if (pool == 0) {
            continue;  // nothing to run out of
        }
        const std::uint32_t free = bitmap.free_count();
        const auto before = is_full_.find(subnet.prefix);
        const bool was_full = before != is_full_.end() && before->second;
        is_full.emplace(subnet.prefix, free == 0);
        const std::string name = "subnet " + xdhcpd::to_string(subnet.prefix);
        if (free == 0 && !was_full) {
            log(LogLevel::kWarning,
                name + ": all " + std::to_string(pool) + " addresses of its pools are taken");
        } else if (free != 0 && was_full) {
            log(LogLevel::kInfo, name + ": " + std::to_string(free) + " of " +
                                     std::to_string(pool) + " addresses are free again");
        }
    }
    is_full_ = std::move(is_full);
}

void Control::Implementation::watch_workers(BootTime current) {
    std::vector<std::string> lines;
    {
        const std::lock_guard lock{mutex_};
        for (std::size_t i = 0; i < parts_.workers.size(); ++i) {
            const worker::WorkerCounters& counters = parts_.workers[i]->counters();
            const std::uint64_t count = counters.batches.value() + counters.polls.value();
            Progress& progress = progress_[i];
            if (count != progress.count) {
                if (progress.stands_still) {
                    lines.push_back("worker " + std::to_string(i) + " moves again");
                }
                progress = {count, current, false};
            } else if (!progress.stands_still && current - progress.since > kWorkerPatience) {
                progress.stands_still = true;
                lines.push_back("worker " + std::to_string(i) + " stands still since " +
                                whole_seconds(current - progress.since));
            }
        }
    }
    for (const std::string& line : lines) {
        log(LogLevel::kError, line);
    }
}

void Control::Implementation::watch_host(BootTime current) {
    if (unsettled_ || current - host_read_ >= kHostInterval) {
        read_host(current);
    }
}

void Control::Implementation::look_at_host() {
    if (stopping()) {
        return;
    }
    try {
        read_host(now());
        describe_for_metrics();
    } catch (const std::exception& error) {  // out of memory, most likely: tick() tries again
        log(LogLevel::kError, error.what());
    }
}

void Control::Implementation::read_host(BootTime current) {
    host_read_ = current;
    auto host = parts_.host_state();
    if (!host) {
        if (host.error().message != host_error_) {
            log(LogLevel::kWarning, host.error().message);
        }
        host_error_ = host.error().message;
        return;
    }
    host_error_.clear();
    if (!unsettled_ && is_same(relevant(*host, parts_.configuration), host_)) {
        tell_of_host(*host);
        return;
    }
    // Only what was not said before: a change of one interface is not news of all the others.
    const std::vector<std::string> known = host_warnings_;
    for (const std::string& warning : put_in_force(parts_.configuration, *host)) {
        if (std::find(known.begin(), known.end(), warning) == known.end() &&
            warning.find("does not exist") == std::string::npos) {
            log(LogLevel::kWarning, warning);
        }
    }
    log(LogLevel::kDebug, "interfaces or addresses of this host have changed, generation " +
                              std::to_string(generation_));
}

void Control::Implementation::tell_of_host(const model::HostState& host) const {
    if (parts_.on_host) {
        parts_.on_host(parts_.configuration, host);
    }
}

// == Any thread ==

std::string Control::Implementation::metrics_text() const {
    std::shared_ptr<const MetricsDescription> description;
    {
        const std::lock_guard lock{mutex_};
        description = description_;
    }
    return format_metrics({parts_.workers, *description, to_seconds(now() - started_),
                           reloads_ok_.load(std::memory_order_relaxed),
                           reloads_failed_.load(std::memory_order_relaxed)});
}

metrics::Health Control::Implementation::health() const {
    if (stopping()) {
        return {false, "xdhcpd is stopping"};
    }
    const BootTime current = now();
    const BootTime ticked{BootTime::duration{ticked_.load(std::memory_order_relaxed)}};
    if (current - ticked > kControlPatience) {
        return {false, "the control thread stands still since " + whole_seconds(current - ticked)};
    }
    const std::lock_guard lock{mutex_};
    for (std::size_t i = 0; i < progress_.size(); ++i) {
        if (progress_[i].stands_still) {
            return {false, "worker " + std::to_string(i) + " stands still since " +
                               whole_seconds(current - progress_[i].since)};
        }
    }
    for (const InterfaceStatus& interface : description_->interfaces) {
        if (!interface.is_served) {
            return {false, "interface " + interface.name + " is not served: " + interface.detail};
        }
    }
    return {};
}

// == Control ==

Control::Control(ControlParts parts)
    : implementation_{std::make_unique<Implementation>(std::move(parts))} {}
Control::~Control() = default;

json Control::handle(const json& request) {
    try {
        return implementation_->handle(request);
    } catch (const std::exception& error) {  // out of memory, most likely
        return failure(error.what());
    }
}

ReloadOutcome Control::reload(bool dry_run) {
    return implementation_->reload(dry_run);
}

void Control::tick() {
    implementation_->tick();
}

void Control::look_at_host() {
    implementation_->look_at_host();
}

void Control::stop() noexcept {
    implementation_->stop();
}

void Control::stream(std::uint64_t number, FileHandle connection,
                     std::string_view unsent) noexcept {
    implementation_->stream(number, std::move(connection), unsent);
}

void Control::end_streams() {
    implementation_->end_streams();
}

bool Control::stopping() const noexcept {
    return implementation_->stopping();
}

const model::Configuration& Control::configuration() const noexcept {
    return implementation_->configuration();
}

std::string Control::metrics_text() const {
    return implementation_->metrics_text();
}

metrics::Health Control::health() const {
    return implementation_->health();
}

std::string check_room(const model::Configuration& configuration,
                       const model::SpaceRegistry& registry) {
    // Spaces are never removed and occupy whole chunks from the lowest on, so that the sum decides.
    const auto chunks_of = [](std::uint64_t units) {
        return (units + lease::kChunkUnits - 1) / lease::kChunkUnits;
    };
    const auto& known = registry.spaces();
    std::uint64_t chunks = 1;  // the first is never given out
    std::size_t count = known.size();
    for (const auto& [key, id] : known) {
        chunks += chunks_of(registry.store().space(id).unit_count());
    }
    for (const model::SubnetConfiguration& subnet : configuration.dhcp4.subnets) {
        if (registry.find(subnet.prefix)) {
            continue;
        }
        chunks += chunks_of(subnet.prefix.size());
        ++count;
        if (subnet.prefix.size() > lease::kMaxSpaceUnits || chunks > lease::kMaxChunks ||
            count > lease::kMaxSpaces) {
            return "subnet " + xdhcpd::to_string(subnet.prefix) +
                   ": no room for so many addresses beside those of the other subnets, of which "
                   "removed ones count until a restart";
        }
    }
    return {};
}

}  // namespace xdhcpd::control
