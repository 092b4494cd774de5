// StateFiles: what stands in the state directory beside leases, in a small file each: who the
// server is, what it advertised, and the keys of Reconfigure. With durability memory nothing is
// kept. Main thread.
#pragma once

#include <string>

#include "base/error.h"
#include "base/result.h"
#include "control/advertised_sets.h"
#include "control/reconfigure_keyring.h"
#include "daemon/server_identity.h"
#include "journal/file_layer.h"
#include "model/configuration.h"
#include "model/host_state.h"

namespace xdhcpd::daemon {

// So that who reads the error knows which line of the configuration to look at.
[[nodiscard]] Error of_state_directory(const Error& error);

class StateFiles {
  public:
    // `files` outlives it.
    explicit StateFiles(journal::FileLayer& files) noexcept : files_{files} {}

    // Reads identity and advertised sets of the configuration's directory; an identity is made if
    // there is none. `host` names it.
    [[nodiscard]] Result<Success, Error> open(const model::Configuration& configuration,
                                              const model::HostState& host);
    // Adds to a configuration what it does not say: who we are, and keys of Reconfigure if it wants
    // them. Those are made when they are first wanted; without their file clients have other keys
    // after a restart, which is said and no reason not to serve.
    void complete(model::Configuration& configuration);

    [[nodiscard]] const ServerIdentity& identity() const noexcept { return identity_; }
    [[nodiscard]] control::AdvertisedSets& advertised_sets() noexcept { return advertised_sets_; }
    [[nodiscard]] control::ReconfigureKeyring& reconfigure_keyring() noexcept { return keyring_; }

  private:
    void open_keyring();

    journal::FileLayer& files_;
    std::string directory_;  // empty: nothing is kept
    ServerIdentity identity_;
    control::AdvertisedSets advertised_sets_;
    control::ReconfigureKeyring keyring_;
    bool has_keyring_ = false;
};

}  // namespace xdhcpd::daemon
