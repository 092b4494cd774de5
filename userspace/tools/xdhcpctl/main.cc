// xdhcpctl: asks and steers a running xdhcpd over its control socket.
#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lease_files/format.h"
#include "tools/xdhcpctl/capture.h"
#include "tools/xdhcpctl/client.h"
#include "tools/xdhcpctl/journal.h"
#include "tools/xdhcpctl/lease_export.h"
#include "tools/xdhcpctl/lease_import.h"
#include "tools/xdhcpctl/pages.h"
#include "tools/xdhcpctl/request.h"

namespace {

using nlohmann::json;
using namespace xdhcpd;
using namespace xdhcpd::xdhcpctl;

constexpr int kOk = 0;
constexpr int kRefused = 1;  // by the server, or there is none
constexpr int kUsage = 2;
constexpr int kNotStored = 3;  // the server answers clients, but cannot store leases

struct Options {
    std::string socket = "/run/xdhcpd/control.sock";
    bool as_json = false;
    std::string subnet;
    std::uint64_t limit = 0;   // 0: none
    std::uint64_t family = 0;  // 4, 6 or 0: both
    std::string what;
    std::string address;
    std::string mac;
    bool dry_run = false;
    bool all = false;
    bool rebind = false;
    CaptureArguments capture;
    std::string directory;
    LeaseExportArguments lease_export;
    LeaseImportArguments lease_import;
};

void print(const json& answer) {
    std::cout << answer.dump(2, ' ', true, json::error_handler_t::replace) << '\n';
}

// The server's answer if it said yes; otherwise its no has been printed.
[[nodiscard]] std::optional<json> ask(Client& client, const json& request, bool as_json) {
    auto answer = client.ask(request);
    if (!answer) {
        std::cerr << "xdhcpctl: " << answer.error().message << '\n';
        return std::nullopt;
    }
    const auto ok = answer->find("ok");
    if (ok != answer->end() && ok->is_boolean() && ok->get<bool>()) {
        return std::move(*answer);
    }
    if (as_json) {
        print(*answer);
    } else {
        std::cerr << error_text(*answer);
    }
    return std::nullopt;
}

template <typename Page>
[[nodiscard]] int show(Client& client, const Options& options, const json& request,
                       const Page& page) {
    const auto answer = ask(client, request, options.as_json);
    if (!answer) {
        return kRefused;
    }
    if (options.as_json) {
        print(*answer);
    } else {
        std::cout << page(*answer);
    }
    return kOk;
}

[[nodiscard]] int show_status(Client& client, const Options& options) {
    const auto answer = ask(client, {{"command", "status"}}, options.as_json);
    if (!answer) {
        return kRefused;
    }
    if (options.as_json) {
        print(*answer);
    } else {
        std::cout << status_page(*answer);
    }
    const auto state = answer->find("state");
    if (state == answer->end() || *state != "serving") {
        return kRefused;
    }
    return journal_problem(*answer).empty() ? kOk : kNotStored;
}

// A long list comes in parts; people see each as it comes, programs get one object.
[[nodiscard]] int show_leases(Client& client, const Options& options, json request) {
    json all;
    std::uint64_t count = 0;
    for (bool first = true;; first = false) {
        if (options.limit != 0) {
            request["limit"] = options.limit - count;
        }
        auto answer = ask(client, request, options.as_json);
        if (!answer) {
            return kRefused;
        }
        const bool has_list = answer->contains("leases") && (*answer)["leases"].is_array();
        const std::size_t len = has_list ? (*answer)["leases"].size() : 0;
        count += len;
        const std::string next = answer->value("next", "");
        answer->erase("next");
        if (!options.as_json) {
            std::cout << leases_page(*answer, first);
        } else if (first) {
            all = std::move(*answer);
        } else if (has_list) {
            for (json& lease : (*answer)["leases"]) {
                all["leases"].push_back(std::move(lease));
            }
        }
        if (next.empty() || len == 0 || (options.limit != 0 && count >= options.limit)) {
            break;
        }
        request["after"] = next;
    }
    if (options.as_json) {
        print(all);
    }
    return kOk;
}

// Page by page, as leases are listed.
[[nodiscard]] int run_reconfigure(Client& client, const Options& options) {
    const std::string_view verb = options.rebind ? "rebind" : "renew";
    json request = {{"command", "reconfigure"}, {"wanted", verb}, {"all", options.all}};
    if (!options.what.empty()) {
        const json found = find_request(options.what);
        const char* const kind = found.contains("address") ? "address" : "client_id";
        if (!found.contains(kind)) {
            std::cerr << "xdhcpctl: " << options.what << " is no address, prefix or DUID\n";
            return kUsage;
        }
        request[kind] = options.what;
    }
    if (!options.subnet.empty()) {
        request["subnet"] = options.subnet;
    }
    json all = {{"ok", true}, {"asked", 0U}, {"again", 0U}, {"unwilling", 0U}, {"unreachable", 0U}};
    for (;;) {
        const auto answer = ask(client, request, options.as_json);
        if (!answer) {
            return kRefused;
        }
        for (const char* const name : {"asked", "again", "unwilling", "unreachable"}) {
            all[name] = all[name].get<std::uint64_t>() + answer->value(name, std::uint64_t{0});
        }
        if (!answer->contains("next")) {
            break;
        }
        request["after"] = (*answer)["next"];
    }
    if (options.as_json) {
        print(all);
    } else {
        std::cout << reconfigure_page(all, verb);
    }
    return kOk;
}

// Formats of lease files, for the command line.
void add_family(CLI::App& command, std::uint64_t& family) {
    auto* const only4 = command.add_flag_callback(
        "-4", [&family] { family = 4; }, "Only those of DHCPv4");
    command
        .add_flag_callback(
            "-6", [&family] { family = 6; }, "Only those of DHCPv6")
        ->excludes(only4);
}

[[nodiscard]] json with_family(json request, const Options& options) {
    if (options.family != 0) {
        request["family"] = options.family;
    }
    return request;
}

[[nodiscard]] std::vector<std::string> format_names(const char* first = nullptr) {
    std::vector<std::string> names{lease_files::kFormatNames.begin(),
                                   lease_files::kFormatNames.end()};
    if (first != nullptr) {
        names.insert(names.begin(), first);
    }
    return names;
}

int run(int argc, char** argv) {
    Options options;
    CLI::App app{"Asks and steers a running xdhcpd.", "xdhcpctl"};
    app.set_version_flag("--version", std::string{"xdhcpctl "} + XDHCPD_VERSION);
    app.require_subcommand(1);
    app.fallthrough();  // --json may stand behind the command
    app.add_option("-s,--socket", options.socket, "The control socket")->capture_default_str();
    app.add_flag("--json", options.as_json, "Print the answer as JSON");

    const auto* const status = app.add_subcommand("status", "Interfaces, counters, state");
    auto* const leases =
        app.add_subcommand("leases", "List, find, delete, export or import leases");
    leases->require_subcommand(0, 1);
    auto* const list = leases->add_subcommand("list", "All leases, or those of a subnet");
    for (CLI::App* const command : {leases, list}) {
        command->add_option("--subnet", options.subnet, "Only those of this subnet");
        command->add_option("--limit", options.limit, "At most so many")
            ->check(CLI::PositiveNumber);
        add_family(*command, options.family);
    }
    auto* const find =
        leases->add_subcommand("find", "Leases of an address, prefix, MAC, DUID or hostname");
    find->add_option("what", options.what, "What to look for")->required();
    add_family(*find, options.family);
    auto* const remove = leases->add_subcommand("delete", "Forget a lease: the address is free");
    remove->add_option("address", options.address, "Its address or prefix")->required();
    auto* const to_file = leases->add_subcommand("export", "Write leases as a lease file");
    to_file->add_option("--format", options.lease_export.format, "What kind of file")
        ->check(CLI::IsMember(format_names()))
        ->capture_default_str();
    to_file->add_option("-o,--output", options.lease_export.file, "Where to; default: -");
    to_file->add_option("--subnet", options.lease_export.subnet, "Only those of this subnet");
    to_file->add_option("--kea-subnet-id", options.lease_export.kea_subnet_ids,
                        "PREFIX=ID: Kea's number of a subnet");
    add_family(*to_file, options.lease_export.family);
    auto* const from_file = leases->add_subcommand("import", "Take over the leases of a file");
    from_file->add_option("--format", options.lease_import.format, "What kind of file")
        ->check(CLI::IsMember(format_names("auto")))
        ->capture_default_str();
    from_file->add_flag("--dry-run", options.lease_import.is_dry_run,
                        "Only say what would become of them");
    from_file->add_flag("-q,--quiet", options.lease_import.is_quiet, "Only print the counts");
    from_file->add_option("file", options.lease_import.file, "The file; -: standard input")
        ->required();
    const auto* const subnets = app.add_subcommand("subnets", "Addresses of subnets, by state");
    const auto* const workers = app.add_subcommand("workers", "Worker threads, memory, latency");
    auto* const reload = app.add_subcommand("reload", "Read the configuration again");
    reload->add_flag("--dry-run", options.dry_run, "Only say what would change");
    auto* const reconfigure =
        app.add_subcommand("reconfigure", "Ask clients of DHCPv6 to renew what they have");
    reconfigure->add_option("what", options.what, "An address, a prefix, or a client's DUID");
    reconfigure->add_option("--subnet", options.subnet, "All clients of this subnet");
    reconfigure->add_flag("--all", options.all, "All clients");
    reconfigure->add_flag("--rebind", options.rebind, "To rebind rather than renew");
    auto* const explain = app.add_subcommand("explain", "Messages that got no answer, and why");
    explain->add_option("client", options.mac, "Only those of this hardware address or DUID");
    auto* const capture = app.add_subcommand(
        "capture", "Requests and replies as they come, with what became of them");
    auto* const file =
        capture->add_option("-w", options.capture.file, "Write pcapng to this file; -: to a pipe");
    capture->add_option("--interface", options.capture.interface, "Only packets of this one");
    capture->add_option("--hw-address", options.capture.hw_address, "Only those of this client");
    capture->add_flag("--dropped", options.capture.dropped, "Only messages that get no answer");
    capture->add_option("--snaplen", options.capture.snaplen, "Keep so many bytes of a frame")
        ->check(CLI::PositiveNumber)
        ->needs(file);
    capture->add_option("-c,--count", options.capture.count, "End after so many packets")
        ->check(CLI::PositiveNumber);
    capture->add_option("--duration", options.capture.duration, "End after this time, e.g. 10s");
    auto* const journal =
        app.add_subcommand("journal", "Look after a state directory that no server uses");
    journal->require_subcommand(1);
    auto* const journal_check =
        journal->add_subcommand("check", "Say what it holds, change nothing");
    auto* const journal_repair = journal->add_subcommand("repair", "Keep what is readable");
    auto* const journal_dump = journal->add_subcommand("dump", "Print every unit");
    for (CLI::App* const command : {journal_check, journal_repair, journal_dump}) {
        command->add_option("directory", options.directory, "The state directory")->required();
    }
    const auto* const stop = app.add_subcommand("stop", "Answer what has come, then end");

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kOk : kUsage;  // --help and --version are fine
    }

    if (options.as_json && !options.capture.file.empty()) {
        std::cerr << "xdhcpctl: -w writes pcapng and --json prints lines: choose one of them\n";
        return kUsage;
    }
    options.capture.as_json = options.as_json;
    if (*to_file && options.as_json && options.lease_export.format != "json") {
        std::cerr << "xdhcpctl: --json and --format " << options.lease_export.format
                  << ": choose one of them\n";
        return kUsage;
    }
    if (!options.lease_export.kea_subnet_ids.empty() && options.lease_export.format != "kea") {
        std::cerr << "xdhcpctl: --kea-subnet-id is for --format kea\n";
        return kUsage;
    }
    options.lease_import.as_json = options.as_json;

    if (*journal) {
        const JournalAction action = *journal_check    ? JournalAction::kCheck
                                     : *journal_repair ? JournalAction::kRepair
                                                       : JournalAction::kDump;
        return run_journal(action, options.directory, options.as_json);
    }
    auto connected = Client::connect(options.socket);
    if (!connected) {
        std::cerr << "xdhcpctl: " << connected.error().message << '\n';
        return kRefused;
    }
    Client& client = *connected;
    if (*status) {
        return show_status(client, options);
    }
    if (*find) {
        return show_leases(client, options, with_family(find_request(options.what), options));
    }
    if (*remove) {
        return show(client, options,
                    {{"command", "leases"}, {"action", "delete"}, {"address", options.address}},
                    [](const json& answer) { return "deleted:\n" + leases_page(answer); });
    }
    if (*to_file) {
        return run_lease_export(client, options.lease_export);
    }
    if (*from_file) {
        return run_lease_import(client, options.lease_import);
    }
    if (*leases) {
        json request = {{"command", "leases"}, {"action", "list"}};
        if (!options.subnet.empty()) {
            request["subnet"] = options.subnet;
        }
        return show_leases(client, options, with_family(std::move(request), options));
    }
    if (*subnets) {
        return show(client, options, {{"command", "subnets"}}, subnets_page);
    }
    if (*workers) {
        return show(client, options, {{"command", "workers"}}, workers_page);
    }
    if (*reload) {
        return show(client, options, {{"command", "reload"}, {"dry_run", options.dry_run}},
                    [&](const json& answer) { return reload_page(answer, options.dry_run); });
    }
    if (*reconfigure) {
        return run_reconfigure(client, options);
    }
    if (*explain) {
        json request = {{"command", "explain"}};
        if (!options.mac.empty()) {
            request[parse_mac(options.mac) ? "hw_address" : "duid"] = options.mac;
        }
        return show(client, options, request, explain_page);
    }
    if (*capture) {
        return run_capture(client, options.capture);
    }
    if (*stop) {
        return show(client, options, {{"command", "stop"}},
                    [](const json&) { return std::string{"xdhcpd is stopping\n"}; });
    }
    return kUsage;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {  // no memory, or a bug of a library
        static_cast<void>(std::fprintf(stderr, "xdhcpctl: %s\n", error.what()));
        return kRefused;
    }
}
