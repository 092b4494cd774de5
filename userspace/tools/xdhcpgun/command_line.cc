#include "tools/xdhcpgun/command_line.h"

#include <CLI/CLI.hpp>
#include <bit>
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
    if (!who.relays.empty() && (who.server.is_zero() || who.server_mac.is_zero())) {
        refuse("--relay needs --server and --server-mac: where relayed requests go to");
    }
    if (who.relays.empty() && !who.server.is_zero()) {
        refuse("--server is for relayed clients: --relay is missing");
    }
    if (who.relays.empty() && (who.circuit_id || who.remote_id)) {
        refuse("--circuit-id and --remote-id are what a relay adds: --relay is missing");
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
    CLI::App app{"xdhcpgun: loads a DHCPv4 server with simulated clients and checks its answers"};
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    PopulationSettings& who = settings.population;
    app.add_option("-i,--interface", settings.interface_name, "interface of the clients")
        ->required();
    auto* driver = app.add_option("--driver", words.driver, "auto, xdp or packet")
                       ->check(CLI::IsMember({"auto", "xdp", "packet"}));
    auto* scenario = app.add_option("--scenario", words.scenario, "dora, renew, discover or storm")
                         ->check(CLI::IsMember({"dora", "renew", "discover", "storm"}));
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
    app.add_flag("--broadcast-flag", who.broadcast_flag, "clients ask for broadcast replies");
    auto* parameters = app.add_option("--parameter-list", words.parameters, "1,3,6,15,51,54");
    app.add_flag("--client-id", who.client_id, "clients send option 61");
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
            {"storm", Scenario::kStorm}};
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
        take(relay, parse_addresses(words.relay), who.relays, "a list of IPv4 addresses");
        take(server, parse_ipv4(words.server), who.server, "an IPv4 address");
        take(server_mac, parse_mac(words.server_mac), who.server_mac, "a MAC address");
        take(vlan, parse_vlan(words.vlan), who.vlan, "100, 100.200 or 100.200-299");
        who.outer_tpid =
            tpid->count() > 0 && words.outer_tpid == "0x88a8" ? kQinqTpid : who.outer_tpid;
        take(parameters, parse_codes(words.parameters), who.parameter_list,
             "a list of option codes");
        if (who.parameter_list.size() > kMaxParameters) {
            refuse("--parameter-list: at most 128 codes");
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
