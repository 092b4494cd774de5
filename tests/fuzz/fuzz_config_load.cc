// Any text as a configuration file, and as the options of a quick start: no crash, and what comes
// out is what the model promises.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "config/load.h"

namespace {

using namespace xdhcpd;  // NOLINT(google-build-using-namespace): one short file

void check_times(const model::LeaseTimes& times) {
    XD_ASSERT(times.min_time >= 1);
    XD_ASSERT(times.min_time <= times.default_time && times.default_time <= times.max_time);
}

void check_options(const std::vector<model::OptionValue>& options) {
    for (const model::OptionValue& option : options) {
        XD_ASSERT(dhcp4::option_info(option.code).configurable);
        XD_ASSERT(option.value.size() <= 65535);
    }
}

void check_subnet(const model::SubnetConfiguration& subnet) {
    XD_ASSERT(subnet.prefix.length >= 8 && subnet.prefix.network() == subnet.prefix.address);
    XD_ASSERT(subnet.server_hostname.size() <= 63 && subnet.boot_file_name.size() <= 127);
    std::vector<model::PoolConfiguration> pools = subnet.pools;
    std::ranges::sort(pools, {}, &model::PoolConfiguration::first);
    for (std::size_t i = 0; i < pools.size(); ++i) {
        XD_ASSERT(pools[i].first <= pools[i].last);
        XD_ASSERT(subnet.prefix.contains(pools[i].first) && subnet.prefix.contains(pools[i].last));
        XD_ASSERT(i == 0 || pools[i - 1].last < pools[i].first);
    }
    for (const model::PoolConfiguration& excluded : subnet.excluded) {
        XD_ASSERT(excluded.first <= excluded.last && subnet.prefix.contains(excluded.first));
    }
    if (subnet.lease_time) {
        check_times(*subnet.lease_time);
    }
    check_options(subnet.options);
    for (const model::ReservationConfiguration& reservation : subnet.reservations) {
        const std::size_t len = reservation.identifier.value.size();
        XD_ASSERT(len >= 1 && len <= 255);
        XD_ASSERT(!reservation.address || subnet.prefix.contains(*reservation.address));
        check_options(reservation.options);
    }
}

void check(const config::LoadResult& result, std::string_view text) {
    const auto line_count = std::ranges::count(text, '\n') + 1;
    bool has_error = false;
    for (const config::Diagnostic& diagnostic : result.diagnostics) {
        XD_ASSERT(!diagnostic.message.empty() && !config::to_string(diagnostic).empty());
        XD_ASSERT(diagnostic.line >= 0 && diagnostic.line <= line_count + 1);
        XD_ASSERT((diagnostic.line == 0) == (diagnostic.column == 0));
        XD_ASSERT(diagnostic.column >= 0);
        has_error = has_error || diagnostic.severity == config::Diagnostic::Severity::kError;
    }
    XD_ASSERT(result.configuration.has_value() != has_error);
    if (!result.configuration) {
        return;
    }
    const model::Configuration& configuration = *result.configuration;
    XD_ASSERT(!configuration.interfaces.empty() && !configuration.dhcp4.subnets.empty());
    for (const model::InterfaceConfiguration& interface : configuration.interfaces) {
        XD_ASSERT(!interface.name.empty() && interface.name.size() <= 15);
    }
    check_times(configuration.dhcp4.lease_time);
    check_options(configuration.dhcp4.options);
    XD_ASSERT(configuration.dhcp4.renew_time_permille < configuration.dhcp4.rebind_time_permille);
    for (const model::SubnetConfiguration& subnet : configuration.dhcp4.subnets) {
        check_subnet(subnet);
        for (const model::SubnetConfiguration& other : configuration.dhcp4.subnets) {
            XD_ASSERT(&other == &subnet || !subnet.prefix.contains(other.prefix.address));
        }
    }
}

config::QuickStart quick_start(std::string_view text) {
    config::QuickStart options;
    for (std::string* option : {&options.interface, &options.range, &options.router, &options.dns,
                                &options.subnet, &options.lease_time, &options.driver,
                                &options.control_socket, &options.http, &options.log_level}) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        *option = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return options;
}

}  // namespace

// A text that begins with '!' is ten lines of a command line.
// NOLINTNEXTLINE(readability-identifier-naming): the name that libFuzzer looks for
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    if (text.starts_with('!')) {
        const std::vector<Ipv4Prefix> addresses{{Ipv4{0xc0000201}, 24}, {Ipv4{0xc0000201}, 16}};
        check(config::from_quick_start(quick_start(text.substr(1)), addresses), {});
    } else {
        check(config::load_text(text, "fuzz"), text);
    }
    return 0;
}
