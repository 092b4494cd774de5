// xdhcpd: command line.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "daemon/check_hooks.h"
#include "daemon/check_host.h"
#include "daemon/check_state.h"
#include "daemon/log.h"
#include "daemon/server.h"
#include "host/host.h"

namespace xdhcpd::daemon {
namespace {

void print(const std::vector<config::Diagnostic>& diagnostics) {
    for (const config::Diagnostic& diagnostic : diagnostics) {
        static_cast<void>(std::fprintf(stderr, "%s\n", to_string(diagnostic).c_str()));
    }
}

[[nodiscard]] std::uint64_t pool_addresses(const model::Configuration& configuration) {
    std::uint64_t sum = 0;
    for (const model::SubnetConfiguration& subnet : configuration.dhcp4.subnets) {
        for (const model::PoolConfiguration& pool : subnet.pools) {
            sum += std::uint64_t{pool.last.value} - pool.first.value + 1;
        }
    }
    return sum;
}

// Solicitations for a prefix come to any of 2^24 groups, which nobody can join.
void tell_of_multicast(const model::Configuration& configuration) {
    constexpr std::uint8_t kAddressBits = 128;
    for (const model::NeighborProxyConfiguration& proxy : configuration.neighbor_proxies) {
        for (const Ipv6Prefix& target : proxy.targets) {
            if (target.length < kAddressBits) {
                std::printf(
                    "  interface %s: receives all multicast because of neighbor-proxies target %s; "
                    "a switch that snoops MLD must send groups that nobody joined to this port "
                    "(ff02::1:ff00:0/104), or list single addresses, whose groups are joined\n",
                    proxy.interface.c_str(), to_string(target).c_str());
            }
        }
    }
}

// ", 2 IPv6 subnets, 1 advertising link"; empty without IPv6.
[[nodiscard]] std::string ipv6_part(const model::Configuration& configuration) {
    std::string text;
    const auto add = [&text](std::size_t count, std::string_view what) {
        if (count != 0) {
            text +=
                ", " + std::to_string(count) + " " + std::string{what} + (count == 1 ? "" : "s");
        }
    };
    add(configuration.dhcp6.subnets.size(), "IPv6 subnet");
    add(configuration.router_advertisements.size(), "advertising link");
    std::size_t targets = 0;
    for (const model::NeighborProxyConfiguration& proxy : configuration.neighbor_proxies) {
        targets += proxy.targets.size();
    }
    add(targets, "neighbor proxy target");
    return text;
}

[[nodiscard]] int check(const std::string& file) {
    const config::LoadResult loaded = config::load_file(file);
    print(loaded.diagnostics);
    if (!loaded.configuration) {
        return 1;
    }
    const std::vector<config::Diagnostic> findings = check_state_directory(file, loaded);
    print(findings);
    if (std::any_of(findings.begin(), findings.end(), [](const auto& finding) {
            return finding.severity == config::Diagnostic::Severity::kError;
        })) {
        return 1;
    }
    print(check_hooks(file, loaded));
    const std::size_t subnets = loaded.configuration->dhcp4.subnets.size();
    std::printf("%s: ok (%zu subnet%s, %llu addresses in pools%s)\n", file.c_str(), subnets,
                subnets == 1 ? "" : "s",
                static_cast<unsigned long long>(pool_addresses(*loaded.configuration)),
                ipv6_part(*loaded.configuration).c_str());
    for (const model::InterfaceConfiguration& interface : loaded.configuration->interfaces) {
        if (interface.rate_limits.any()) {
            std::printf("  interface %s: at most %s\n", interface.name.c_str(),
                        to_string(interface.rate_limits).c_str());
        }
    }
    tell_of_multicast(*loaded.configuration);
    return 0;
}

// The addresses of the interface decide which subnet the range belongs to.
[[nodiscard]] config::LoadResult load_quick_start(const config::QuickStart& quick_start) {
    std::vector<Ipv4Prefix> addresses;
    if (const auto host = host::read_host_state()) {
        if (const model::HostInterface* const interface = host->find(quick_start.interface)) {
            addresses = interface->addresses;
        }
    }
    return config::from_quick_start(quick_start, addresses);
}

[[nodiscard]] int serve(ServerOptions options) {
    const config::LoadResult loaded = options.load();
    print(loaded.diagnostics);
    if (!loaded.configuration) {
        return 1;
    }
    options.configuration = *loaded.configuration;
    set_up_log(options.configuration.log);
    auto server = Server::open(std::move(options));
    if (!server) {
        spdlog::error("{}", server.error().message);
        return 1;
    }
    (*server)->run();
    return 0;
}

[[nodiscard]] int run(int argc, char** argv) {
    CLI::App app{"DHCPv4 server on XDP and AF_XDP"};
    app.set_version_flag("--version", std::string{"xdhcpd "} + XDHCPD_VERSION);
    std::string file;
    CLI::Option* const file_option =
        app.add_option("-c,--config", file, "Configuration file (YAML)");
    config::QuickStart quick_start;
    CLI::Option* const interface_option =
        app.add_option("--interface", quick_start.interface, "Serve this interface without a file");
    const auto quick_option = [&](const char* name, std::string& value, const char* what) {
        app.add_option(name, value, what)->needs(interface_option)->excludes(file_option);
    };
    interface_option->excludes(file_option);
    quick_option("--range", quick_start.range, "Addresses to lease: A-B or A/LENGTH");
    quick_option("--router", quick_start.router, "Default router of the clients");
    quick_option("--dns", quick_start.dns, "Name servers, separated by commas");
    quick_option("--subnet", quick_start.subnet, "Subnet, if not that of the interface's address");
    quick_option("--lease-time", quick_start.lease_time, "Lease time: 90s, 15m, 12h, 7d");
    quick_option("--driver", quick_start.driver, "auto, xdp, xdp-generic, packet or udp");
    quick_option("--control-socket", quick_start.control_socket, "Socket for xdhcpctl");
    quick_option("--http", quick_start.http, "ADDRESS:PORT of metrics and health");
    quick_option("--state-directory", quick_start.state_directory,
                 "Keep leases on stable storage there; without, a restart forgets them");
    quick_option("--log-level", quick_start.log_level, "debug, info, warning or error");

    CLI::App* const check_command = app.add_subcommand("check", "Check a configuration file");
    std::string check_file;
    check_command->add_option("-c,--config", check_file, "Configuration file (YAML)");
    CheckHostOptions host_options;
    bool is_host_check = false;
    CLI::Option* const host_option = check_command->add_flag(
        "--host", is_host_check, "Look at kernel, privileges and network devices instead");
    check_command
        ->add_option("--interface", host_options.interfaces,
                     "Interfaces to look at; otherwise those of the file, or all that are up")
        ->needs(host_option);
    check_command->add_flag("--json", host_options.as_json, "Print JSON")->needs(host_option);
    CLI11_PARSE(app, argc, argv);

    if (check_command->parsed()) {
        if (is_host_check) {
            host_options.file = check_file;
            return check_host(host_options);
        }
        if (check_file.empty()) {
            static_cast<void>(std::fprintf(stderr, "xdhcpd check: -c FILE or --host is missing\n"));
            return 1;
        }
        return check(check_file);
    }
    ServerOptions options;
    if (!file.empty()) {
        options.configuration_name = file;
        options.load = [file] { return config::load_file(file); };
    } else if (!quick_start.interface.empty()) {
        options.configuration_name = "quick start";
        options.load = [quick_start] { return load_quick_start(quick_start); };
    } else {
        static_cast<void>(
            std::fprintf(stderr,
                         "xdhcpd: nothing to serve: give -c FILE, or --interface NAME and "
                         "--range A-B; --help says more\n"));
        return 1;
    }
    return serve(std::move(options));
}

}  // namespace
}  // namespace xdhcpd::daemon

int main(int argc, char** argv) {
    try {
        return xdhcpd::daemon::run(argc, argv);
    } catch (const std::exception& error) {  // no memory, or a bug of a library
        static_cast<void>(std::fprintf(stderr, "xdhcpd: %s\n", error.what()));
        return 1;
    }
}
