#include "daemon/state_files.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "daemon/kernel.h"

namespace xdhcpd::daemon {

Error of_state_directory(const Error& error) {
    return {error.errno_value, "state-directory: " + error.message};
}

Result<Success, Error> StateFiles::open(const model::Configuration& configuration,
                                        const model::HostState& host) {
    IdentitySeed seed{
        .mac = first_mac(configuration, host), .unix_time = unix_seconds(), .random = {}};
    fill_random(seed.random);
    if (configuration.durability == model::Durability::kMemory) {
        identity_ = make_passing_identity(seed);
        return Success{};
    }
    directory_ = configuration.state_directory;
    auto known = load_identity(files_, directory_, seed);
    if (!known) {
        return Unexpected{of_state_directory(known.error())};
    }
    identity_ = std::move(*known);
    if (auto opened = advertised_sets_.open(files_, directory_); !opened) {
        return Unexpected{of_state_directory(opened.error())};
    }
    if (!advertised_sets_.problem().empty()) {
        spdlog::warn("{}", advertised_sets_.problem());
    }
    return Success{};
}

void StateFiles::complete(model::Configuration& configuration) {
    if (configuration.dhcp6.server_duid.empty()) {
        configuration.dhcp6.server_duid = identity_.duid;
    }
    if (configuration.dhcp6.reconfigure && !std::exchange(has_keyring_, true)) {
        open_keyring();
    }
    configuration.dhcp6.reconfigure_keys = keyring_.keys();
}

void StateFiles::open_keyring() {
    dhcp6::ReconfigureSecret fresh{};
    fill_random(fresh);
    if (directory_.empty()) {
        keyring_.open(fresh, unix_seconds(), boot_time());
    } else if (auto opened = keyring_.open(files_, directory_, fresh, unix_seconds(), boot_time());
               !opened) {
        spdlog::error("{}", of_state_directory(opened.error()).message);
    } else if (!keyring_.problem().empty()) {
        spdlog::warn("{}", keyring_.problem());
    }
}

}  // namespace xdhcpd::daemon
