#include "daemon/check_host.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "config/load.h"
#include "daemon/check_ipv6.h"
#include "host/advice.h"
#include "host/facts.h"
#include "host/host.h"

namespace xdhcpd::daemon {
namespace {

void print_table(const std::vector<host::Finding>& findings) {
    std::size_t subject_len = 0;
    std::size_t topic_len = 0;
    for (const host::Finding& finding : findings) {
        subject_len = std::max(subject_len, finding.subject.size());
        topic_len = std::max(topic_len, finding.topic.size());
    }
    for (const host::Finding& finding : findings) {
        std::printf("%-4s  %-*s  %-*s  %s\n", std::string{name_of(finding.level)}.c_str(),
                    static_cast<int>(subject_len), finding.subject.c_str(),
                    static_cast<int>(topic_len), finding.topic.c_str(), finding.text.c_str());
        if (!finding.command.empty()) {
            std::printf("%*s  -> %s\n", static_cast<int>(8 + subject_len + topic_len), "",
                        finding.command.c_str());
        }
    }
}

void print_json(const std::vector<host::Finding>& findings, bool is_good) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const host::Finding& finding : findings) {
        list.push_back({{"level", name_of(finding.level)},
                        {"subject", finding.subject},
                        {"topic", finding.topic},
                        {"text", finding.text},
                        {"command", finding.command}});
    }
    const nlohmann::ordered_json answer = {{"ok", is_good}, {"findings", std::move(list)}};
    std::printf("%s\n",
                answer.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

}  // namespace

int check_host(const CheckHostOptions& options) {
    std::vector<std::string> names = options.interfaces;
    std::vector<std::string> native;
    model::Configuration configuration;
    if (!options.file.empty()) {
        const config::LoadResult loaded = config::load_file(options.file);
        for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
            static_cast<void>(std::fprintf(stderr, "%s\n", to_string(diagnostic).c_str()));
        }
        if (!loaded.configuration) {
            return 1;
        }
        configuration = *loaded.configuration;
        for (const model::InterfaceConfiguration& interface : loaded.configuration->interfaces) {
            names.push_back(interface.name);
            if (interface.driver == model::Driver::kXdp) {
                native.push_back(interface.name);
            }
        }
    } else if (names.empty()) {
        if (const auto state = host::read_host_state()) {
            for (const model::HostInterface& interface : state->interfaces) {
                if (interface.up && interface.name != "lo") {
                    names.push_back(interface.name);
                }
            }
        }
    }
    host::HostFacts facts = host::read_facts(names);
    for (host::InterfaceFacts& interface : facts.interfaces) {
        interface.wants_native =
            std::find(native.begin(), native.end(), interface.name) != native.end();
    }
    std::vector<host::Finding> findings = host::judge(facts);
    if (const auto state = host::read_host_state()) {
        for (host::Finding& finding : check_ipv6(configuration, *state)) {
            findings.push_back(std::move(finding));
        }
    }
    const bool is_good = std::none_of(findings.begin(), findings.end(), [](const auto& finding) {
        return finding.level == host::Finding::Level::kMend;
    });
    if (options.as_json) {
        print_json(findings, is_good);
    } else {
        print_table(findings);
    }
    return is_good ? 0 : 1;
}

}  // namespace xdhcpd::daemon
