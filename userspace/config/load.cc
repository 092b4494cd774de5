#include "config/load.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "config/option_reader.h"
#include "config/reader.h"
#include "config/subnet_reader.h"
#include "config/yaml_tree.h"

namespace xdhcpd::config {
namespace {

constexpr std::size_t kMaxInterfaceLen = 15;    // IFNAMSIZ less its NUL
constexpr std::size_t kMaxSocketPathLen = 107;  // sun_path less its NUL
constexpr std::size_t kMaxDirectoryLen = 3072;  // PATH_MAX, less room for the names of files
constexpr std::uint32_t kMaxQueueIndex = 4095;  // no driver of Linux has more
// Of one interface: each is an entry of the XDP program's map, which has room for a few others too.
constexpr std::uint32_t kMaxVlans = 16000;
constexpr std::uint32_t kMaxLeases = 1u << 26;  // units are numbered in 26 bits
constexpr std::uint64_t kMinSideMemory = std::uint64_t{64} << 10;
constexpr std::uint64_t kMaxSideMemory = std::uint64_t{64} << 30;
constexpr std::uint32_t kMaxOfferTime = 3600;
constexpr std::uint32_t kMaxDeclineTime = 365 * 86400;
constexpr std::uint16_t kServerPort = 67;  // RFC 2131 section 4.1
constexpr std::uint16_t kClientPort = 68;

using model::Driver;
using model::LogFormat;
using model::LogLevel;
using model::ZeroCopy;

constexpr Choice<Driver> kDrivers[] = {{"auto", Driver::kAuto},
                                       {"xdp", Driver::kXdp},
                                       {"xdp-generic", Driver::kXdpGeneric},
                                       {"packet", Driver::kPacket},
                                       {"udp", Driver::kUdp}};
constexpr Choice<ZeroCopy> kZeroCopies[] = {
    {"auto", ZeroCopy::kAuto}, {"on", ZeroCopy::kOn}, {"off", ZeroCopy::kOff}};
constexpr Choice<model::ReplyPath> kReplyPaths[] = {{"mirror", model::ReplyPath::kMirror},
                                                    {"route", model::ReplyPath::kRoute}};
constexpr Choice<LogLevel> kLogLevels[] = {{"debug", LogLevel::kDebug},
                                           {"info", LogLevel::kInfo},
                                           {"warning", LogLevel::kWarning},
                                           {"error", LogLevel::kError}};
constexpr Choice<LogFormat> kLogFormats[] = {{"text", LogFormat::kText},
                                             {"json", LogFormat::kJson}};

constexpr Choice<model::Durability> kDurabilities[] = {{"sync", model::Durability::kSync},
                                                       {"async", model::Durability::kAsync},
                                                       {"memory", model::Durability::kMemory}};

constexpr std::array<std::string_view, 10> kRootKeys{
    "log",        "interfaces",  "control-socket", "http", "durability", "state-directory",
    "max-leases", "side-memory", "ports",          "dhcp4"};
constexpr std::array<std::string_view, 5> kInterfaceKeys{"name", "driver", "queues", "zero-copy",
                                                         "reply-path"};
constexpr std::array<std::string_view, 12> kDhcp4Keys{"authoritative",
                                                      "lease-time",
                                                      "offer-lifetime",
                                                      "decline-quarantine",
                                                      "bootp",
                                                      "rapid-commit",
                                                      "renew-time-percent",
                                                      "rebind-time-percent",
                                                      "renew-jitter-percent",
                                                      "options",
                                                      "subnets",
                                                      "max-offers-per-relay"};

// Whether a missing part is a mistake of its own or the consequence of one that is reported.
enum class Completeness : std::uint8_t { kExpected, kReported };

// Reads a whole tree into a Configuration.
class Loader {
  public:
    explicit Loader(Reporter& reporter, Completeness completeness = Completeness::kExpected)
        : reporter_{reporter}, reader_{reporter}, completeness_{completeness} {}

    model::Configuration read(const Node& root);

  private:
    struct PlacedInterface {
        Place place;
        Driver driver = Driver::kAuto;
    };

    void read_log(const Value& value);
    void read_interfaces(const Value& value);
    void read_interface(const Value& value);
    void read_queues(const Value& value, model::InterfaceConfiguration& interface);
    void warn_of_driver(const MapReader& map, const model::InterfaceConfiguration& interface);
    void read_control_socket(const Value& value);
    void read_state_directory(const Value& value);
    void read_http(const Value& value);
    void read_ports(const Value& value);
    void read_dhcp4(const Value& value);
    void read_renewal(const MapReader& map);
    void read_subnets(const Value& value);
    void check_subnet_overlaps();
    void check_subnet_interfaces();
    void check_vlans();
    void check_shared_networks();
    void warn_of_unserved_interfaces();
    void settle_lease_count(const std::optional<Value>& max_leases);

    // A member whose absence is an error, if it has not been reported before.
    [[nodiscard]] std::optional<Value> member_of(const MapReader& map, std::string_view key,
                                                 std::string_view meant) const {
        return completeness_ == Completeness::kExpected ? map.require(key, meant) : map.find(key);
    }

    Reporter& reporter_;
    Reader reader_;
    Completeness completeness_;
    model::Configuration configuration_;
    std::unordered_map<std::string, PlacedInterface> interfaces_;
    std::vector<PlacedSubnet> subnets_;
};

model::Configuration Loader::read(const Node& root) {
    const MapReader map{reader_, {&root, {}}, kRootKeys};
    if (!map.is_map()) {
        return {};
    }
    if (const auto member = map.find("log")) {
        read_log(*member);
    }
    if (const auto member =
            member_of(map, "interfaces", "a list such as [{name: eth0}] was meant")) {
        read_interfaces(*member);
    }
    if (const auto member = map.find("control-socket")) {
        read_control_socket(*member);
    }
    if (const auto member = map.find("http")) {
        read_http(*member);
    }
    if (const auto member = map.find("durability")) {
        configuration_.durability =
            reader_.choice(*member, kDurabilities).value_or(configuration_.durability);
    }
    if (const auto member = map.find("state-directory")) {
        read_state_directory(*member);
    }
    const auto max_leases = map.find("max-leases");
    if (max_leases) {
        configuration_.max_leases =
            reader_.number(*max_leases, 1, kMaxLeases).value_or(configuration_.max_leases);
    }
    if (const auto member = map.find("side-memory")) {
        configuration_.side_memory = reader_.size(*member, kMinSideMemory, kMaxSideMemory)
                                         .value_or(configuration_.side_memory);
    }
    if (const auto member = map.find("ports")) {
        read_ports(*member);
    }
    if (const auto member =
            member_of(map, "dhcp4", "a map with subnets was meant; nothing to serve")) {
        read_dhcp4(*member);
    }
    warn_of_unserved_interfaces();
    settle_lease_count(max_leases);
    for (PlacedSubnet& placed : subnets_) {
        configuration_.dhcp4.subnets.push_back(std::move(placed.subnet));
    }
    return std::move(configuration_);
}

void Loader::read_log(const Value& value) {
    constexpr std::array<std::string_view, 2> kKeys{"level", "format"};
    const MapReader map{reader_, value, kKeys};
    model::LogConfiguration& log = configuration_.log;
    if (const auto member = map.find("level")) {
        log.level = reader_.choice(*member, kLogLevels).value_or(log.level);
    }
    if (const auto member = map.find("format")) {
        log.format = reader_.choice(*member, kLogFormats).value_or(log.format);
    }
}

void Loader::read_interfaces(const Value& value) {
    if (value.node->kind == Node::Kind::kSequence && value.node->children.empty()) {
        reporter_.error(value.place(), "interfaces: the list is empty; {name: eth0} was meant");
    }
    for (const Value& element : reader_.list(value)) {
        if (element.node->kind == Node::Kind::kScalar) {
            reader_.error(element, in_quotes(element.node->text) + " stands here; {name: " +
                                       element.node->text.substr(0, kMaxInterfaceLen) +
                                       "} was meant?");
        } else {
            read_interface(element);
        }
    }
}

void Loader::read_interface(const Value& value) {
    const MapReader map{reader_, value, kInterfaceKeys};
    if (!map.is_map()) {
        return;
    }
    model::InterfaceConfiguration interface;
    if (const auto member = map.find("driver")) {
        interface.driver = reader_.choice(*member, kDrivers).value_or(interface.driver);
    }
    if (const auto member = map.find("queues")) {
        read_queues(*member, interface);
    }
    if (const auto member = map.find("zero-copy")) {
        interface.zero_copy = reader_.choice(*member, kZeroCopies).value_or(interface.zero_copy);
    }
    if (const auto member = map.find("reply-path")) {
        interface.reply_path = reader_.choice(*member, kReplyPaths).value_or(interface.reply_path);
    }
    warn_of_driver(map, interface);
    const auto member = map.require("name", "{name: eth0} was meant");
    const auto name = member ? reader_.text(*member, kMaxInterfaceLen) : std::nullopt;
    if (!name) {
        return;
    }
    if (name->find_first_of("/ ") != std::string_view::npos || *name == "." || *name == "..") {
        reader_.error(*member, in_quotes(*name) + " cannot be the name of an interface");
        return;
    }
    interface.name = *name;
    const auto [first, is_new] =
        interfaces_.emplace(*name, PlacedInterface{member->place(), interface.driver});
    if (!is_new) {
        reader_.error(*member, "interface " + in_quotes(*name) +
                                   " is listed twice; it is first on " +
                                   to_string(first->second.place));
        return;
    }
    configuration_.interfaces.push_back(std::move(interface));
}

void Loader::read_queues(const Value& value, model::InterfaceConfiguration& interface) {
    if (value.node->kind != Node::Kind::kSequence) {
        if (value.node->text != "all") {
            reader_.error(value, "'all' or a list of queue numbers, such as [0, 2], was meant");
        }
        return;
    }
    if (value.node->children.empty()) {
        reader_.error(value, "the list is empty; 'all' was meant?");
    }
    for (const Value& element : reader_.list(value)) {
        const auto queue = reader_.number(element, 0, kMaxQueueIndex);
        if (!queue) {
            continue;
        }
        if (std::ranges::find(interface.queues, *queue) != interface.queues.end()) {
            reader_.error(element, "queue " + std::to_string(*queue) + " is listed twice");
            continue;
        }
        interface.queues.push_back(*queue);
    }
}

void Loader::warn_of_driver(const MapReader& map, const model::InterfaceConfiguration& interface) {
    const bool has_queues = interface.driver != Driver::kPacket && interface.driver != Driver::kUdp;
    const auto queues = map.find("queues");
    if (queues && !interface.queues.empty() && !has_queues) {
        reader_.warning(*queues, "no effect with drivers packet and udp, which have one queue");
    }
    const auto zero_copy = map.find("zero-copy");
    const bool can_zero_copy =
        interface.driver == Driver::kAuto || interface.driver == Driver::kXdp;
    if (zero_copy && interface.zero_copy == ZeroCopy::kOn && !can_zero_copy) {
        reader_.warning(*zero_copy, "no effect; only driver xdp can do without copies");
    }
}

void Loader::read_control_socket(const Value& value) {
    const auto path = reader_.text(value, kMaxSocketPathLen);
    if (!path) {
        return;
    }
    if (path->front() != '/' || path->back() == '/') {
        reader_.error(value, in_quotes(*path) + " is not an absolute path of a socket, such as " +
                                 configuration_.control_socket);
        return;
    }
    configuration_.control_socket = *path;
}

void Loader::read_state_directory(const Value& value) {
    const auto path = reader_.text(value, kMaxDirectoryLen);
    if (!path) {
        return;
    }
    if (path->front() != '/') {
        reader_.error(value, in_quotes(*path) +
                                 " is not an absolute path of a directory, such as " +
                                 configuration_.state_directory);
        return;
    }
    if (configuration_.durability == model::Durability::kMemory) {
        reader_.warning(value, "durability is memory: nothing is kept there");
    }
    configuration_.state_directory = *path;
}

void Loader::read_http(const Value& value) {
    constexpr std::string_view kMeant =
        "ADDRESS:PORT such as 127.0.0.1:9767 or [::1]:9767, or off, was meant";
    if (value.node->kind != Node::Kind::kScalar) {
        reader_.error(value, kMeant);
        return;
    }
    const std::string_view text = value.node->text;
    if (text == "off") {
        configuration_.http.clear();
        return;
    }
    const std::size_t colon = text.rfind(':');
    const std::string_view host = text.substr(0, colon == std::string_view::npos ? 0 : colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    const bool good_host = bracketed ? parse_ipv6(host.substr(1, host.size() - 2)).has_value()
                                     : parse_ipv4(host).has_value();
    const auto port = parse_number(text.substr(std::min(colon, text.size() - 1) + 1), 0xffff);
    if (colon == std::string_view::npos || !good_host || !port || *port == 0) {
        reader_.error(value,
                      in_quotes(text) + " is not an address and port; " + std::string{kMeant});
        return;
    }
    configuration_.http = text;
}

void Loader::read_ports(const Value& value) {
    constexpr std::array<std::string_view, 3> kKeys{"server", "client", "reply-to-source"};
    const MapReader map{reader_, value, kKeys};
    const auto udp_only = [&](const Value& member, std::string_view what) {
        const bool all_udp = std::ranges::all_of(
            interfaces_, [](const auto& entry) { return entry.second.driver == Driver::kUdp; });
        if (!all_udp) {
            reader_.error(member, std::string{what} +
                                      " needs driver udp on every interface; leave it out, or set "
                                      "driver: udp");
        }
    };
    const auto read_port = [&](std::string_view key, std::uint16_t standard) {
        const auto member = map.find(key);
        const auto port = member ? reader_.number(*member, 1, 0xffff) : std::nullopt;
        if (!port) {
            return standard;
        }
        if (*port != standard) {
            udp_only(*member, "a port other than " + std::to_string(standard));
        }
        return static_cast<std::uint16_t>(*port);
    };
    model::PortConfiguration& ports = configuration_.ports;
    ports.server = read_port("server", kServerPort);
    ports.client = read_port("client", kClientPort);
    if (const auto member = map.find("reply-to-source")) {
        ports.reply_to_source = reader_.boolean(*member).value_or(false);
        if (ports.reply_to_source) {
            udp_only(*member, "true");
        }
    }
}

void Loader::read_dhcp4(const Value& value) {
    const MapReader map{reader_, value, kDhcp4Keys};
    model::Dhcp4Configuration& dhcp4 = configuration_.dhcp4;
    const auto read_boolean = [&](std::string_view key, bool& to) {
        if (const auto member = map.find(key)) {
            to = reader_.boolean(*member).value_or(to);
        }
    };
    const auto read_duration = [&](std::string_view key, std::uint32_t max, std::uint32_t& to) {
        if (const auto member = map.find(key)) {
            to = reader_.duration(*member, 1, max).value_or(to);
        }
    };
    read_boolean("authoritative", dhcp4.authoritative);
    read_boolean("bootp", dhcp4.bootp);
    read_boolean("rapid-commit", dhcp4.rapid_commit);
    read_duration("offer-lifetime", kMaxOfferTime, dhcp4.offer_time);
    read_duration("decline-quarantine", kMaxDeclineTime, dhcp4.decline_time);
    if (const auto member = map.find("lease-time")) {
        dhcp4.lease_time =
            read_lease_time(reader_, *member, dhcp4.lease_time).value_or(dhcp4.lease_time);
    }
    if (const auto member = map.find("max-offers-per-relay")) {
        dhcp4.max_offers_per_relay =
            reader_.number(*member, 0, kMaxLeases).value_or(dhcp4.max_offers_per_relay);
    }
    read_renewal(map);
    if (const auto member = map.find("options")) {
        dhcp4.options = read_options(reader_, *member);
    }
    if (const auto member =
            member_of(map, "subnets",
                      "a list such as [{subnet: 192.0.2.0/24}] was meant; nothing to serve")) {
        read_subnets(*member);
    }
}

void Loader::read_renewal(const MapReader& map) {
    model::Dhcp4Configuration& dhcp4 = configuration_.dhcp4;
    const auto renew = map.find("renew-time-percent");
    const auto rebind = map.find("rebind-time-percent");
    bool good = true;
    const auto read = [&](const std::optional<Value>& member, std::uint32_t min, std::uint32_t max,
                          std::uint32_t& permille) {
        if (member) {
            const auto percent = reader_.number(*member, min, max);
            good = good && percent;
            permille = percent ? *percent * 10 : permille;
        }
    };
    read(renew, 1, 99, dhcp4.renew_time_permille);
    read(rebind, 1, 99, dhcp4.rebind_time_permille);
    read(map.find("renew-jitter-percent"), 0, 50, dhcp4.renew_jitter_permille);
    // RFC 2131 section 4.4.5: T1 before T2 before the end.
    if (good && (renew || rebind) && dhcp4.renew_time_permille >= dhcp4.rebind_time_permille) {
        const auto percent = [](std::uint32_t permille) {
            return std::to_string(permille / 10) + (permille % 10 == 0 ? "" : ".5");
        };
        reader_.error(renew ? *renew : *rebind, "renewing (T1, " +
                                                    percent(dhcp4.renew_time_permille) +
                                                    ") must come before rebinding (T2, " +
                                                    percent(dhcp4.rebind_time_permille) + ")");
    }
}

void Loader::read_subnets(const Value& value) {
    if (value.node->kind == Node::Kind::kSequence && value.node->children.empty()) {
        reporter_.error(value.place(), "subnets: the list is empty; nothing to serve");
    }
    SubnetReader subnet_reader{reader_, configuration_.dhcp4.lease_time,
                               configuration_.dhcp4.options};
    for (const Value& element : reader_.list(value)) {
        if (auto placed = subnet_reader.read(element)) {
            subnets_.push_back(std::move(*placed));
        }
    }
    check_subnet_overlaps();
    check_subnet_interfaces();
    check_vlans();
    check_shared_networks();
}

void Loader::check_subnet_overlaps() {
    std::vector<const PlacedSubnet*> sorted;
    for (const PlacedSubnet& placed : subnets_) {
        if (placed.has_prefix) {
            sorted.push_back(&placed);
        }
    }
    std::ranges::stable_sort(sorted, {}, [](const PlacedSubnet* placed) {
        return std::pair{placed->subnet.prefix.address, placed->subnet.prefix.length};
    });
    const PlacedSubnet* covering = nullptr;
    for (const PlacedSubnet* placed : sorted) {
        const bool overlaps =
            covering != nullptr && covering->subnet.prefix.contains(placed->subnet.prefix.address);
        if (!overlaps) {
            covering = placed;
            continue;
        }
        const bool in_order = covering->place < placed->place;
        const PlacedSubnet& earlier = in_order ? *covering : *placed;
        const PlacedSubnet& later = in_order ? *placed : *covering;
        const std::string name = xdhcpd::to_string(later.subnet.prefix);
        if (earlier.subnet.prefix == later.subnet.prefix) {
            reporter_.error(later.place, "subnet: " + name + " is listed twice; it is first on " +
                                             to_string(earlier.place));
        } else {
            reporter_.error(later.place, "subnet: " + name + " overlaps " +
                                             xdhcpd::to_string(earlier.subnet.prefix) + " on " +
                                             to_string(earlier.place));
        }
    }
}

void Loader::check_subnet_interfaces() {
    std::vector<std::string_view> names;
    for (const model::InterfaceConfiguration& interface : configuration_.interfaces) {
        names.push_back(interface.name);
    }
    for (const PlacedSubnet& placed : subnets_) {
        const std::string& name = placed.subnet.interface;
        if (name.empty() || names.empty() || interfaces_.contains(name)) {
            continue;
        }
        reporter_.error(placed.interface, "interface: " + in_quotes(name) +
                                              " is not in interfaces" + suggestion(name, names));
    }
}

// A tagged frame names one link.
void Loader::check_vlans() {
    std::unordered_map<std::string, std::uint32_t> counts;  // by interface
    for (std::size_t i = 0; i < subnets_.size(); ++i) {
        const PlacedSubnet& placed = subnets_[i];
        std::uint32_t& count = counts[placed.subnet.interface];
        for (const model::VlanRange& range : placed.subnet.vlans) {
            const bool had_room = count <= kMaxVlans;
            count = std::min(count + range.size(), 2 * kMaxVlans);
            if (had_room && count > kMaxVlans) {
                reporter_.error(placed.vlan, "vlan: interface " +
                                                 in_quotes(placed.subnet.interface) +
                                                 " has more than " + std::to_string(kMaxVlans) +
                                                 " VLANs with this; narrower ranges were meant");
            }
        }
        for (std::size_t j = 0; j < i; ++j) {
            const PlacedSubnet& other = subnets_[j];
            const bool one_link = !placed.subnet.shared_network.empty() &&
                                  placed.subnet.shared_network == other.subnet.shared_network;
            if (one_link || placed.subnet.interface != other.subnet.interface) {
                continue;
            }
            for (const model::VlanRange& range : placed.subnet.vlans) {
                const auto taken = std::ranges::find_if(
                    other.subnet.vlans,
                    [&](const model::VlanRange& have) { return have.overlaps(range); });
                if (taken != other.subnet.vlans.end()) {
                    reporter_.error(placed.vlan,
                                    "vlan: " + model::to_string(range) + " overlaps " +
                                        model::to_string(*taken) + " of subnet " +
                                        xdhcpd::to_string(other.subnet.prefix) + " on " +
                                        to_string(other.vlan) +
                                        "; subnets of one VLAN have the same shared-network");
                }
            }
        }
    }
}

void Loader::check_shared_networks() {
    std::unordered_map<std::string, const PlacedSubnet*> first_of;
    for (const PlacedSubnet& placed : subnets_) {
        if (placed.subnet.shared_network.empty()) {
            continue;
        }
        const auto [first, is_new] = first_of.emplace(placed.subnet.shared_network, &placed);
        const PlacedSubnet& other = *first->second;
        if (!is_new && placed.subnet.interface == other.subnet.interface &&
            placed.subnet.vlans != other.subnet.vlans) {
            const auto vlan_of = [](const PlacedSubnet& subnet) {
                return subnet.subnet.vlans.empty() ? std::string{"no vlan"}
                                                   : model::to_string(subnet.subnet.vlans);
            };
            reporter_.error(placed.subnet.vlans.empty() ? placed.shared_network : placed.vlan,
                            "shared-network: " + in_quotes(placed.subnet.shared_network) + " has " +
                                vlan_of(placed) + " here and " + vlan_of(other) + " on " +
                                to_string(other.place) +
                                "; subnets of one link name the same vlan");
        }
        if (is_new || placed.subnet.interface == other.subnet.interface) {
            continue;
        }
        const auto name_of = [](const PlacedSubnet& subnet) {
            return subnet.subnet.interface.empty() ? std::string{"no interface"}
                                                   : in_quotes(subnet.subnet.interface);
        };
        reporter_.error(placed.subnet.interface.empty() ? placed.shared_network : placed.interface,
                        "shared-network: " + in_quotes(placed.subnet.shared_network) + " has " +
                            name_of(placed) + " here and " + name_of(other) + " on " +
                            to_string(other.place) +
                            "; subnets of one link name the same interface");
    }
}

void Loader::warn_of_unserved_interfaces() {
    const bool any_interface = std::ranges::any_of(subnets_, [this](const PlacedSubnet& placed) {
        // One that is not listed may be a misspelt one, which is reported.
        return placed.subnet.interface.empty() || !placed.subnet.relays.empty() ||
               !interfaces_.contains(placed.subnet.interface);
    });
    if (any_interface || subnets_.empty()) {
        return;
    }
    for (const auto& [name, interface] : interfaces_) {
        const bool named = std::ranges::any_of(
            subnets_,
            [&name = name](const PlacedSubnet& placed) { return placed.subnet.interface == name; });
        if (!named) {
            reporter_.warning(interface.place,
                              "no subnet can be reached through interface " + in_quotes(name));
        }
    }
}

void Loader::settle_lease_count(const std::optional<Value>& max_leases) {
    std::uint64_t address_count = 0;
    for (const PlacedSubnet& placed : subnets_) {
        for (const model::PoolConfiguration& pool : placed.subnet.pools) {
            address_count += std::uint64_t{pool.last.value} - pool.first.value + 1;
        }
        address_count += placed.subnet.reservations.size();
    }
    if (!max_leases) {  // room for everybody; what is not used costs no memory
        configuration_.max_leases = static_cast<std::uint32_t>(
            std::clamp<std::uint64_t>(address_count, configuration_.max_leases, kMaxLeases));
    }
    if (address_count > configuration_.max_leases) {
        reporter_.warning(max_leases ? max_leases->place() : Place{},
                          "max-leases: pools and reservations have " +
                              std::to_string(address_count) + " addresses, and no more than " +
                              std::to_string(configuration_.max_leases) + " clients get one");
    }
}

LoadResult finish(Reporter& reporter, model::Configuration configuration) {
    LoadResult result;
    if (!reporter.failed()) {
        result.configuration = std::move(configuration);
    }
    result.diagnostics = reporter.take();
    return result;
}

LoadResult failure(std::string file, std::string message) {
    LoadResult result;
    result.diagnostics.push_back(
        {Diagnostic::Severity::kError, std::move(file), 0, 0, std::move(message)});
    return result;
}

LoadResult load_checked(std::string_view yaml, std::string_view file_name) {
    Reporter reporter{std::string{file_name}};
    const auto document = parse_yaml(yaml, reporter);
    if (document == nullptr) {
        return finish(reporter, {});
    }
    const Node* root = document->root();
    if (root == nullptr || root->kind == Node::Kind::kNull) {
        reporter.error({},
                       "the configuration is empty; interfaces and dhcp4 with subnets were "
                       "meant");
        return finish(reporter, {});
    }
    return finish(reporter, Loader{reporter}.read(*root));
}

// The command line as the tree of the file that it stands for.
class QuickStartTree {
  public:
    enum Option : int {
        kInterface,
        kRange,
        kRouter,
        kDns,
        kSubnet,
        kLeaseTime,
        kDriver,
        kControlSocket,
        kHttp,
        kLogLevel,
        kStateDirectory
    };
    static constexpr std::array<std::string_view, 11> kNames{
        "--interface", "--range",      "--router",         "--dns",
        "--subnet",    "--lease-time", "--driver",         "--control-socket",
        "--http",      "--log-level",  "--state-directory"};

    Node& map(Option option) { return document_.add(Node::Kind::kMap, {0, option}); }
    Node& list(Option option, const Node& element) {
        Node& node = document_.add(Node::Kind::kSequence, {0, option});
        node.children.push_back(&element);
        return node;
    }
    Node& scalar(Option option, std::string_view text) {
        return document_.add(Node::Kind::kScalar, {0, option}, std::string{text});
    }
    void put(Node& to, Option option, std::string_view key, const Node& value) {
        to.children.push_back(&scalar(option, key));
        to.children.push_back(&value);
    }
    // Likewise, if the option was given at all.
    void put_given(Node& to, Option option, std::string_view key, const std::string& text) {
        if (!text.empty()) {
            put(to, option, key, scalar(option, text));
        }
    }

  private:
    Document document_;
};
using Quick = QuickStartTree;

Place place_of(Quick::Option option) {
    return {0, option};
}

// --subnet, or the longest of the interface's prefixes around the range. Empty if there is none,
// which is reported unless the range itself is wrong and reported elsewhere.
std::string choose_subnet(Reporter& reporter, const QuickStart& options,
                          std::span<const Ipv4Prefix> interface_addresses) {
    if (!options.subnet.empty()) {
        return options.subnet;
    }
    auto range = parse_range(options.range);
    if (const auto prefix = parse_ipv4_prefix(options.range)) {
        range = AddressRange{prefix->network(), prefix->broadcast()};
    }
    if (!range) {
        return {};
    }
    const Ipv4Prefix* best = nullptr;
    std::string addresses;
    for (const Ipv4Prefix& address : interface_addresses) {
        addresses += (addresses.empty() ? "" : ", ") + xdhcpd::to_string(address);
        const bool fits = address.contains(range->first) && address.contains(range->last);
        if (fits && (best == nullptr || best->length < address.length)) {
            best = &address;
        }
    }
    if (best != nullptr) {
        return xdhcpd::to_string(Ipv4Prefix{best->network(), best->length});
    }
    reporter.error(place_of(Quick::kRange),
                   addresses.empty()
                       ? "interface " + in_quotes(options.interface) +
                             " has no IPv4 address that says which subnet this is; add --subnet "
                             "PREFIX, or give it an address"
                       : in_quotes(options.range) + " is in no network of interface " +
                             in_quotes(options.interface) + " (" + addresses +
                             "); another range, or --subnet PREFIX, was meant");
    return {};
}

// The addresses of a list with commas.
Node& comma_list(Quick& tree, Quick::Option option, std::string_view text) {
    Node* list = nullptr;
    while (true) {
        const std::size_t comma = std::min(text.find(','), text.size());
        Node& element = tree.scalar(option, text.substr(0, comma));
        if (list == nullptr) {
            list = &tree.list(option, element);
        } else {
            list->children.push_back(&element);
        }
        if (comma == text.size()) {
            return *list;
        }
        text.remove_prefix(comma + 1);
    }
}

LoadResult load_quick_start(const QuickStart& options,
                            std::span<const Ipv4Prefix> interface_addresses) {
    Reporter reporter{"command line", Quick::kNames};
    Quick tree;
    Node& root = tree.map(Quick::kInterface);
    if (options.interface.empty()) {
        reporter.error(place_of(Quick::kInterface), "is missing; the interface to serve was meant");
    } else {
        Node& interface = tree.map(Quick::kInterface);
        tree.put_given(interface, Quick::kInterface, "name", options.interface);
        tree.put_given(interface, Quick::kDriver, "driver", options.driver);
        tree.put(root, Quick::kInterface, "interfaces", tree.list(Quick::kInterface, interface));
    }
    if (options.range.empty()) {
        reporter.error(place_of(Quick::kRange), "is missing; FIRST-LAST was meant");
    }
    tree.put_given(root, Quick::kControlSocket, "control-socket", options.control_socket);
    tree.put_given(root, Quick::kHttp, "http", options.http);
    tree.put_given(root, Quick::kStateDirectory, "state-directory", options.state_directory);
    Node& log = tree.map(Quick::kLogLevel);
    tree.put_given(log, Quick::kLogLevel, "level", options.log_level);
    tree.put(root, Quick::kLogLevel, "log", log);

    Node& wire_options = tree.map(Quick::kRouter);
    if (!options.router.empty()) {
        tree.put(wire_options, Quick::kRouter, "routers",
                 comma_list(tree, Quick::kRouter, options.router));
    }
    if (!options.dns.empty()) {
        tree.put(wire_options, Quick::kDns, "domain-name-servers",
                 comma_list(tree, Quick::kDns, options.dns));
    }
    Node& dhcp4 = tree.map(Quick::kRange);
    tree.put_given(dhcp4, Quick::kLeaseTime, "lease-time", options.lease_time);
    const std::string prefix = choose_subnet(reporter, options, interface_addresses);
    const Node& range = tree.scalar(Quick::kRange, options.range);
    if (!prefix.empty() && !options.range.empty()) {
        const auto option = options.subnet.empty() ? Quick::kRange : Quick::kSubnet;
        Node& subnet = tree.map(option);
        tree.put(subnet, option, "subnet", tree.scalar(option, prefix));
        tree.put(subnet, Quick::kRouter, "options", wire_options);
        Node& pool = tree.map(Quick::kRange);
        tree.put(pool, Quick::kRange, "range", range);
        tree.put(subnet, Quick::kRange, "pools", tree.list(Quick::kRange, pool));
        tree.put(dhcp4, option, "subnets", tree.list(option, subnet));
    } else {
        // Why there is no subnet has been reported, unless it is the range; check the rest.
        tree.put(dhcp4, Quick::kRouter, "options", wire_options);
        if (!options.range.empty()) {
            static_cast<void>(Reader{reporter}.range({&range, "range"}, false));
        }
        if (!options.subnet.empty()) {
            const Node& given = tree.scalar(Quick::kSubnet, options.subnet);
            static_cast<void>(Reader{reporter}.prefix({&given, "subnet"}));
        }
    }
    tree.put(root, Quick::kRange, "dhcp4", dhcp4);
    Loader loader{reporter, Completeness::kReported};
    model::Configuration configuration = loader.read(root);
    for (model::SubnetConfiguration& subnet : configuration.dhcp4.subnets) {
        subnet.interface = options.interface;  // which has been checked under its own option
    }
    configuration.quick_start = true;
    if (options.state_directory.empty()) {
        configuration.durability = model::Durability::kMemory;
    }
    return finish(reporter, std::move(configuration));
}

// Nothing above throws on purpose; a lack of memory is the exception that is left.
template <typename Load>
LoadResult guarded(std::string_view file_name, Load load) {
    try {
        return load();
    } catch (const std::exception& error) {
        return failure(std::string{file_name}, std::string{"cannot be loaded: "} + error.what());
    }
}

struct FileCloser {
    void operator()(std::FILE* file) const noexcept { static_cast<void>(std::fclose(file)); }
};

}  // namespace

LoadResult load_text(std::string_view yaml, std::string_view file_name) {
    return guarded(file_name, [&] { return load_checked(yaml, file_name); });
}

LoadResult load_file(const std::string& path) {
    return guarded(path, [&] {
        const std::unique_ptr<std::FILE, FileCloser> file{std::fopen(path.c_str(), "re")};
        if (file == nullptr) {
            return failure(path, system_error(errno, "cannot be opened").message);
        }
        // One byte more than is allowed, so that the limit is seen to be exceeded.
        constexpr std::size_t kChunkLen = std::size_t{1} << 16;
        std::string text;
        std::size_t len = 0;
        do {
            text.resize(len + kChunkLen);
            len += std::fread(text.data() + len, 1, kChunkLen, file.get());
        } while (len == text.size() && len <= kMaxTextLen);
        if (std::ferror(file.get()) != 0) {
            return failure(path, system_error(errno, "cannot be read").message);
        }
        text.resize(len);
        return load_checked(text, path);
    });
}

LoadResult from_quick_start(const QuickStart& options,
                            std::span<const Ipv4Prefix> interface_addresses) {
    return guarded("command line", [&] { return load_quick_start(options, interface_addresses); });
}

}  // namespace xdhcpd::config
