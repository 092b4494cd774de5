#include "tools/xdhcpgun/report.h"

#include <array>
#include <iomanip>
#include <sstream>

namespace xdhcpd::gun {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 7> kScenarioNames{
    "dora", "renew", "discover", "storm", "verify", "router-solicit", "neighbor-solicit"};

[[nodiscard]] double in_seconds(Time time) noexcept {
    return std::chrono::duration<double>(time).count();
}

[[nodiscard]] double loss_ratio(const Results& results) noexcept {
    const ExchangeCounts& e = results.exchanges;
    return e.started == 0 ? 0 : static_cast<double>(e.lost) / static_cast<double>(e.started);
}

[[nodiscard]] json latencies(const Latencies& from) {
    return {{"p50", from.quantile_us(0.5)},  {"p90", from.quantile_us(0.9)},
            {"p99", from.quantile_us(0.99)}, {"p999", from.quantile_us(0.999)},
            {"max", from.max_us()},          {"mean", from.mean_us()}};
}

[[nodiscard]] json storm_report(const Results& results) {
    static constexpr std::array<const char*, 4> kNames{"time_to_50_s", "time_to_90_s",
                                                       "time_to_99_s", "time_to_100_s"};
    const StormCounts& storm = results.storm;
    json report = json::object();
    for (std::size_t i = 0; i < kNames.size(); ++i) {
        report[kNames[i]] = storm.reached[i] ? json(in_seconds(*storm.reached[i])) : json();
    }
    report["leases"] = storm.leases;
    report["retransmissions"] = results.frames.retransmissions;
    report["given_twice"] = results.frames.given_twice;
    report["naks"] = results.frames.naks;
    report["curve"] = json::array();
    for (const StormSecond& second : storm.curve) {
        report["curve"].push_back({{"leases", second.leases},
                                   {"sent", second.sent},
                                   {"received", second.received},
                                   {"retransmissions", second.retransmissions}});
    }
    return report;
}

}  // namespace

json make_report(const Settings& settings, const Results& results, const RunFacts& facts) {
    const ExchangeCounts& e = results.exchanges;
    const FrameCounts& f = results.frames;
    const double elapsed = in_seconds(results.measured_for);
    const bool counted = settings.exchange_limit > 0 || settings.scenario == Scenario::kStorm ||
                         settings.scenario == Scenario::kVerify;
    const std::uint64_t in_time = counted ? e.completed : e.completed_in_time;
    json invalid = json::object();
    for (std::size_t i = 0; i < f.invalid.size(); ++i) {
        if (f.invalid[i] > 0) {
            invalid[std::string{name(static_cast<BadReply>(i))}] = f.invalid[i];
        }
    }
    json report{{"family", settings.family == Family::kIpv4 ? 4 : 6},
                {"scenario", kScenarioNames[static_cast<std::size_t>(settings.scenario)]},
                {"driver", facts.driver},
                {"interface", settings.interface_name},
                {"clients", settings.population.client_count},
                {"elapsed_s", elapsed},
                {"exchanges_started", e.started},
                {"exchanges_completed", e.completed},
                {"exchanges_per_s", elapsed > 0 ? static_cast<double>(in_time) / elapsed : 0},
                {"exchanges_refused", e.refused},
                {"frames_sent", f.sent},
                {"frames_received", f.received},
                {"arp_requests", f.arp_requests},
                {"arp_answers", f.arp_answers},
                {"lost", e.lost},
                {"loss_ratio", loss_ratio(results)},
                {"timeouts", f.timeouts},
                {"retransmissions", f.retransmissions},
                {"naks", f.naks},
                {"duplicate_replies", f.duplicate_replies},
                {"late_replies", f.late_replies},
                {"given_twice", f.given_twice},
                {"invalid", invalid},
                {"generator",
                 {{"tx_no_frame", facts.losses.tx_no_frame},
                  {"rx_ring_full", facts.losses.rx_ring_full},
                  {"rx_fill_ring_empty", facts.losses.rx_fill_ring_empty},
                  {"rx_dropped", facts.losses.rx_dropped},
                  {"kernel_tx_errors", facts.losses.kernel_tx_errors},
                  {"tx_not_completed", facts.losses.tx_not_completed},
                  {"clients_busy", f.clients_busy},
                  {"behind_schedule_s", in_seconds(results.behind_schedule)},
                  {"cpu_seconds", facts.cpu_seconds},
                  {"lost_in_generator", facts.losses.total()}}},
                {"latency_us",
                 {{"offer", latencies(e.offer)},
                  {"ack", latencies(e.ack)},
                  {"exchange", latencies(e.exchange)}}},
                {"storm", settings.scenario == Scenario::kStorm ? storm_report(results) : json()},
                {"leases_held", results.leases_held}};
    if (settings.scenario == Scenario::kVerify) {
        const VerifyCounts& v = results.verify;
        report["verify"] = {{"asked", v.asked},
                            {"same", v.same},
                            {"refused", v.refused},
                            {"silent", v.silent},
                            {"other_address", v.other_address},
                            {"expired", v.expired},
                            {"given_twice", f.given_twice}};
    }
    return report;
}

std::string page(const json& report) {
    std::ostringstream out;
    const auto row = [&out](std::string_view label, const json& value) {
        out << std::left << std::setw(34) << label << value << '\n';
    };
    out << std::fixed << std::setprecision(1);
    for (const char* key : {"family",
                            "scenario",
                            "driver",
                            "interface",
                            "clients",
                            "elapsed_s",
                            "exchanges_started",
                            "exchanges_completed",
                            "exchanges_per_s",
                            "exchanges_refused",
                            "lost",
                            "loss_ratio",
                            "frames_sent",
                            "frames_received",
                            "timeouts",
                            "retransmissions",
                            "naks",
                            "duplicate_replies",
                            "late_replies",
                            "given_twice",
                            "leases_held"}) {
        row(key, report.at(key));
    }
    for (const char* part : {"invalid", "generator", "verify"}) {
        if (report.contains(part)) {
            for (const auto& [key, value] : report.at(part).items()) {
                row(std::string{part} + " " + key, value);
            }
        }
    }
    for (const auto& [what, values] : report.at("latency_us").items()) {
        out << std::left << std::setw(34) << "latency " + what;
        for (const char* key : {"p50", "p90", "p99", "p999", "max", "mean"}) {
            out << key << ' ' << values.at(key).get<double>() << "  ";
        }
        out << "us\n";
    }
    if (report.at("storm").is_object()) {
        for (const char* key : {"time_to_50_s", "time_to_90_s", "time_to_99_s", "time_to_100_s"}) {
            row(std::string{"storm "} + key, report.at("storm").at(key));
        }
    }
    return out.str();
}

int exit_code(const Settings& settings, const Results& results) {
    const FrameCounts& f = results.frames;
    const VerifyCounts& v = results.verify;
    const bool good =
        loss_ratio(results) <= settings.max_loss && f.invalid_total() == 0 && f.given_twice == 0;
    const bool all_same = settings.scenario != Scenario::kVerify || v.same == v.asked;
    return good && all_same ? 0 : 1;
}

}  // namespace xdhcpd::gun
