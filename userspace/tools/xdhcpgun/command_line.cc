#include "tools/xdhcpgun/command_line.h"

#include <CLI/CLI.hpp>
#include <bit>
#include <initializer_list>
#include <map>
#include <optional>
#include <utility>

#include "tools/xdhcpgun/population.h"
#include "tools/xdhcpgun/values.h"

namespace xdhcpd::gun {
namespace {

constexpr std::size_t kMaxText = 64;  // of a hostname or relay sub-option
constexpr std::size_t kMaxParameters = 128;
constexpr std::uint16_t kQinqTpid = 0x88a8;
constexpr int kMaxCpu = 1023;
// Of an AF_XDP ring: a batch, and 64 MiB of frames for each queue.
constexpr std::uint32_t kMinRing = 64;
constexpr std::uint32_t kMaxRing = 32768;

// Options as text, and which were there.
struct Words {
    std::string duration, warmup, timeout, spread, progress;
    std::string first_mac, relay, server, server_mac, vlan, outer_tpid, parameters;
    std::string hostname, circuit_id, remote_id;
    std::string scenario, driver, verify_by;
    std::string first_target, option_request, association;
};

// Parses `text` if given; throws what CLI11 prints.
template <typename Parsed, typename Value>
void take(const CLI::Option* option, const Parsed& parsed, Value& value, const char* meant) {
    if (option->count() == 0) {
        return;
    }
    if (!parsed) {
        throw CLI::ValidationError(option->get_name(),
                                   "'" + option->as<std::string>() + "' is not " + meant);
    }
    value = *parsed;
}

void take_text(const CLI::Option* option, const std::string& text,
               std::optional<std::string>& value) {
    if (option->count() == 0) {
        return;
    }
    if (text.size() > kMaxText) {
        throw CLI::ValidationError(option->get_name(), "longer than 64 octets");
    }
    value = text;
}

[[noreturn]] void refuse(const std::string& why) {
    throw CLI::ValidationError(why);
}

// What options mean together.
void check(const Settings& settings) {
    const PopulationSettings& who = settings.population;
    if (who.client_count == 0 || who.client_count > kMaxClientCount) {
        refuse("--clients: from 1 to " + std::to_string(kMaxClientCount));
    }
    constexpr std::uint64_t kLastMac = 0xffffffffffff;
    if (to_number(who.first_mac) + who.client_count - 1 > kLastMac || who.first_mac.is_group()) {
        refuse("--first-mac: a unicast address with room for all clients above it");
    }
    const bool has_server = !who.server.is_zero() || !who.server6.is_unspecified();
    const bool relayed = !who.relays.empty() || !who.relays6.empty();
    if (relayed && (!has_server || who.server_mac.is_zero())) {
        refuse("--relay needs --server and --server-mac: where relayed requests go to");
    }
    if (!relayed && has_server) {
        refuse("--server is for relayed clients: --relay is missing");
    }
    if (!relayed && (who.circuit_id || who.remote_id)) {
        refuse("--circuit-id and --remote-id are what a relay adds: --relay is missing");
    }
    const bool discovery = settings.scenario == Scenario::kRouterSolicit ||
                           settings.scenario == Scenario::kNeighborSolicit;
    if (discovery && settings.family != Family::kIpv6) {
        refuse("--scenario router-solicit and neighbor-solicit are of IPv6: --family 6 is missing");
    }
    if (discovery && relayed) {
        refuse("Neighbor Discovery knows no relays");
    }
    if (settings.scenario == Scenario::kNeighborSolicit && who.first_target.is_unspecified()) {
        refuse("--scenario neighbor-solicit needs --first-target");
    }
    if (who.prefix_length > 128) {
        refuse("--prefix-length: from 1 to 128");
    }
    if (who.prefix_length != 0 && who.association != Association::kPrefix) {
        refuse("--prefix-length is for --association prefix");
    }
    if (who.outer_tpid != kEtherTypeVlan && who.vlan.tag_count == 0) {
        refuse("--outer-tpid needs --vlan");
    }
    if (settings.window == 0) {
        refuse("--window: at least 1");
    }
    if (settings.rate < 0 || settings.rate > 1e8) {
        refuse("--rate: exchanges per second, up to 100000000");
    }
    if (settings.timeout.count() <= 0 || settings.timeout > std::chrono::seconds{60}) {
        refuse("--timeout: above 0, up to 60s");
    }
    if (settings.storm_spread > std::chrono::seconds{60}) {
        refuse("--storm-spread: up to 60s");
    }
    if (!std::has_single_bit(settings.ring_size) || settings.ring_size < kMinRing ||
        settings.ring_size > kMaxRing) {
        refuse("--ring: a power of two from 64 to 32768");
    }
    if (settings.retries > 100) {
        refuse("--retries: up to 100");
    }
    if (settings.max_loss < 0 || settings.max_loss > 1) {
        refuse("--max-loss: a share from 0 to 1");
    }
    if (settings.scenario == Scenario::kStorm && settings.rate > 0) {
        refuse("--rate does not go with a storm: all clients start at once");
    }
    if (!settings.leases_path.empty() && settings.scenario != Scenario::kRenew) {
        refuse("--leases is for --scenario renew");
    }
    if (!settings.verify_path.empty() && settings.verify_path == settings.ledger_path) {
        refuse("--verify and --ledger name the same file");
    }
}

}  // namespace

Result<Settings, NoRun> parse_command_line(int argc, const char* const* argv) {
    Settings settings;
    Words words;
    CLI::App app{"xdhcpgun: loads a DHCP server with simulated clients and checks its answers"};
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    PopulationSettings& who = settings.population;
    app.add_option("-i,--interface", settings.interface_name, "interface of the clients")
        ->required();
    auto* driver = app.add_option("--driver", words.driver, "auto, xdp or packet")
                       ->check(CLI::IsMember({"auto", "xdp", "packet"}));
    int family_number = 4;
    app.add_option("--family", family_number, "4 or 6: DHCPv4 or IPv6 (4)")
        ->check(CLI::IsMember({4, 6}));
    auto* scenario =
        app.add_option("--scenario", words.scenario,
                       "dora, renew, discover, storm; of IPv6 router-solicit, neighbor-solicit too")
            ->check(CLI::IsMember(
                {"dora", "renew", "discover", "storm", "router-solicit", "neighbor-solicit"}));
    auto* association =
        app.add_option("--association", words.association, "IPv6: address or prefix (address)")
            ->check(CLI::IsMember({"address", "prefix"}));
    auto* prefix_length = app.add_option("--prefix-length", who.prefix_length,
                                         "IPv6: length of the prefix that is asked for");
    auto* rapid_commit = app.add_flag("--rapid-commit", who.rapid_commit, "IPv6: option 14");
    auto* option_request =
        app.add_option("--option-request", words.option_request, "IPv6: option 6 (23,24)");
    auto* first_target = app.add_option("--first-target", words.first_target,
                                        "IPv6: whom the first client solicits");
    app.add_option("--clients", who.client_count, "number of clients (10000)");
    auto* first_mac = app.add_option("--first-mac", words.first_mac, "of the first client");
    app.add_option("--seed", who.seed, "of everything random (1)");
    auto* window = app.add_option("--window", settings.window, "exchanges in flight (64)");
    app.add_option("--rate", settings.rate, "exchanges per second, evenly paced")->excludes(window);
    auto* duration = app.add_option("--duration", words.duration, "of the measurement (10s)");
    auto* count = app.add_option("--count", settings.exchange_limit, "end after so many exchanges");
    auto* warmup = app.add_option("--warmup", words.warmup, "before the measurement (1s)");
    auto* timeout = app.add_option("--timeout", words.timeout, "for an answer (1s)");
    auto* retries = app.add_option("--retries", settings.retries, "requests sent again (0)");
    app.add_flag("--retransmit", settings.retransmit, "as RFC 2131 section 4.1 wants it");
    auto* spread = app.add_option("--storm-spread", words.spread, "clients start within (1s)");
    auto* relay = app.add_option("--relay", words.relay, "giaddr of relayed clients, or several");
    auto* server = app.add_option("--server", words.server, "address that relays send to");
    auto* server_mac = app.add_option("--server-mac", words.server_mac, "its MAC address");
    auto* circuit_id =
        app.add_option("--circuit-id", words.circuit_id, "option 82; without text one per client")
            ->expected(0, 1);
    auto* remote_id =
        app.add_option("--remote-id", words.remote_id, "option 82; without text one per client")
            ->expected(0, 1);
    auto* vlan = app.add_option("--vlan", words.vlan, "100, 100.200 or 100.200-299");
    auto* tpid = app.add_option("--outer-tpid", words.outer_tpid, "0x8100 or 0x88a8")
                     ->check(CLI::IsMember({"0x8100", "0x88a8"}));
    const auto* broadcast =
        app.add_flag("--broadcast-flag", who.broadcast_flag, "clients ask for broadcast replies");
    auto* parameters = app.add_option("--parameter-list", words.parameters, "1,3,6,15,51,54");
    const auto* client_id = app.add_flag("--client-id", who.client_id, "clients send option 61");
    auto* hostname =
        app.add_option("--hostname", words.hostname, "option 12; without text one per client")
            ->expected(0, 1);
    app.add_flag("--json", settings.json, "the result as one JSON object");
    app.add_flag("--quiet", settings.quiet, "nothing on standard error but errors");
    auto* progress =
        app.add_option("--progress", words.progress, "a line every so often (1s)")->expected(0, 1);
    app.add_option("--ledger", settings.ledger_path, "file for acknowledged leases");
    app.add_option("--verify", settings.verify_path, "ask again for each lease of a ledger");
    auto* verify_by = app.add_option("--verify-by", words.verify_by, "how they ask")
                          ->check(CLI::IsMember({"init-reboot", "renew", "discover"}));
    app.add_option("--leases", settings.leases_path, "ledger of leases to renew");
    app.add_option("--max-loss", settings.max_loss, "share of exchanges that may be lost (1)");
    auto* ring = app.add_option("--ring", settings.ring_size, "slots of an AF_XDP ring (4096)");
    app.add_flag("--spread-queues", settings.spread_queues,
                 "send by all AF_XDP queues in turn, not by the first");
    app.add_option("--cpu", settings.cpu, "run on this CPU")->check(CLI::Range(0, kMaxCpu));

    try {
        app.parse(argc, argv);
        static const std::map<std::string, Scenario> scenarios_by_name{
            {"dora", Scenario::kDora},
            {"renew", Scenario::kRenew},
            {"discover", Scenario::kDiscover},
            {"storm", Scenario::kStorm},
            {"router-solicit", Scenario::kRouterSolicit},
            {"neighbor-solicit", Scenario::kNeighborSolicit}};
        static const std::map<std::string, VerifyBy> verify_by_name{
            {"init-reboot", VerifyBy::kInitReboot},
            {"renew", VerifyBy::kRenew},
            {"discover", VerifyBy::kDiscover}};
        const bool verifies = !settings.verify_path.empty();
        if (verifies == (scenario->count() > 0)) {
            refuse("either --scenario or --verify is needed");
        }
        if (verify_by->count() > 0 && !verifies) {
            refuse("--verify-by needs --verify");
        }
        settings.scenario = verifies ? Scenario::kVerify : scenarios_by_name.at(words.scenario);
        if (verify_by->count() > 0) {
            settings.verify_by = verify_by_name.at(words.verify_by);
        }
        if (driver->count() > 0 && words.driver != "auto") {
            settings.driver = words.driver == "xdp" ? Driver::kXdp : Driver::kPacket;
        }
        if (settings.scenario == Scenario::kStorm) {
            settings.duration = std::chrono::seconds{120};
        }
        if (count->count() > 0) {
            settings.warmup = std::chrono::nanoseconds{0};
        }
        if (verifies) {
            settings.retries = 3;
            if (retries->count() > 0) {
                settings.retries = retries->as<std::uint32_t>();
            }
        }
        constexpr const char* kDuration = "a time like 10s, 500ms or 2m";
        take(duration, parse_duration(words.duration), settings.duration, kDuration);
        take(warmup, parse_duration(words.warmup), settings.warmup, kDuration);
        take(timeout, parse_duration(words.timeout), settings.timeout, kDuration);
        take(spread, parse_duration(words.spread), settings.storm_spread, kDuration);
        take(progress, parse_duration(words.progress.empty() ? "1s" : words.progress),
             settings.progress, kDuration);
        take(first_mac, parse_mac(words.first_mac), who.first_mac, "a MAC address");
        settings.family = family_number == 6 ? Family::kIpv6 : Family::kIpv4;
        if (settings.family == Family::kIpv6) {
            for (const CLI::Option* other : std::initializer_list<const CLI::Option*>{
                     broadcast, client_id, hostname, parameters}) {
                if (other->count() > 0) {
                    refuse(other->get_name() + " is for --family 4");
                }
            }
            take(relay, parse_addresses6(words.relay), who.relays6, "a list of IPv6 addresses");
            take(server, parse_ipv6(words.server), who.server6, "an IPv6 address");
        } else {
            for (const CLI::Option* other : std::initializer_list<const CLI::Option*>{
                     association, prefix_length, rapid_commit, option_request, first_target}) {
                if (other->count() > 0) {
                    refuse(other->get_name() + " is for --family 6");
                }
            }
            take(relay, parse_addresses(words.relay), who.relays, "a list of IPv4 addresses");
            take(server, parse_ipv4(words.server), who.server, "an IPv4 address");
        }
        if (words.association == "prefix") {
            who.association = Association::kPrefix;
        }
        take(option_request, parse_codes6(words.option_request), who.option_request,
             "a list of option codes");
        take(first_target, parse_ipv6(words.first_target), who.first_target, "an IPv6 address");
        take(server_mac, parse_mac(words.server_mac), who.server_mac, "a MAC address");
        take(vlan, parse_vlan(words.vlan), who.vlan, "100, 100.200 or 100.200-299");
        who.outer_tpid =
            tpid->count() > 0 && words.outer_tpid == "0x88a8" ? kQinqTpid : who.outer_tpid;
        take(parameters, parse_codes(words.parameters), who.parameter_list,
             "a list of option codes");
        if (who.parameter_list.size() > kMaxParameters ||
            who.option_request.size() > kMaxParameters) {
            refuse("--parameter-list and --option-request: at most 128 codes");
        }
        take_text(hostname, words.hostname, who.hostname);
        take_text(circuit_id, words.circuit_id, who.circuit_id);
        take_text(remote_id, words.remote_id, who.remote_id);
        if (ring->count() > 0 && settings.driver == Driver::kPacket) {
            refuse("--ring is for AF_XDP, and --driver packet has none");
        }
        check(settings);
    } catch (const CLI::CallForHelp&) {
        return Unexpected{NoRun{app.help(), 0}};
    } catch (const CLI::Error& error) {
        return Unexpected{NoRun{std::string{"xdhcpgun: "} + error.what() + "\n", 2}};
    }
    return settings;
}

}  // namespace xdhcpd::gun
