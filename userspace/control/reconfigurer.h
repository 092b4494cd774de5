// Reconfigurer: asks DHCPv6 clients to renew or rebind (RFC 8415 section 18.3.11), again and again
// until they do. It knows clients by their leases: who accepts Reconfigure, and how it is reached,
// stands in the note of each (engine::v6::LeaseNote). Control thread; pure but for `Parts`.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/addresses.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/result.h"
#include "base/time.h"
#include "control/control.h"
#include "control/lease_query.h"
#include "control/log_budget.h"
#include "control/metrics_page.h"
#include "dhcp6/options.h"
#include "lease/unit.h"
#include "model/configuration6.h"

namespace xdhcpd::control {

class Reconfigurer {
  public:
    // RFC 8415 section 7.6.
    static constexpr std::chrono::seconds kFirstTimeout{2};  // REC_TIMEOUT
    static constexpr unsigned kMaxTransmissions = 8;         // REC_MAX_RC
    // Messages per tick().
    static constexpr std::size_t kBudget = 200;

    struct Parts {
        // The lease as it is now, if there is one.
        std::function<std::optional<HeldLease>(lease::SpaceId, std::uint32_t index)> find;
        std::function<Result<Success, Error>(const Datagram6&)> send;
    };
    // How this server speaks.
    struct Terms {
        std::vector<std::byte> server_duid;
        model::ReconfigureKeys keys;
        std::uint16_t server_port = 547;
        std::uint16_t client_port = 546;
    };
    using Counts = ReconfigureCounts;
    enum class Ask : std::uint8_t {
        kAsked,
        kAgain,        // is being asked already, because of another lease or an earlier command
        kUnwilling,    // its lease does not say that it accepts Reconfigure
        kUnreachable,  // nor how it is reached: it is behind several relays, or a link-local one,
                       // and has no address
    };

    explicit Reconfigurer(Parts parts) : parts_{std::move(parts)} {}

    // A client of which this is a lease, in `subnet` for people, is to send `wanted` (kRenew or
    // kRebind). Of several leases of a client in a subnet the best way to it counts: on the link,
    // then by its address, then by its relay.
    Ask ask(lease::SpaceId space, const std::string& subnet, const HeldLease& lease,
            dhcp6::MessageType wanted, BootTime now);
    // Sends what is due; nothing without terms. `log` takes lines for people, few of them.
    void tick(const std::optional<Terms>& terms, BootTime now,
              const std::function<void(std::string)>& log);
    [[nodiscard]] Counts counts() const noexcept;

  private:
    enum class Way : std::uint8_t { kNone, kRelay, kAddress, kLink };  // better ones last
    struct Client {
        lease::SpaceId space;
        std::uint32_t index = 0;
        BootSeconds started;  // of the lease, when the client was asked
        std::uint32_t last_xid = 0;
        dhcp6::MessageType wanted = dhcp6::MessageType::kRenew;
        unsigned transmissions = 0;
        BootTime due;
        Way way = Way::kNone;
        Ipv6 destination;
        std::optional<Ipv6> address;  // of a lease: where else it may be reached
        std::string interface;        // kLink
        model::VlanIds vlan;
        // kRelay
        std::uint16_t relay_port = 0;
        Ipv6 link_address;
        Ipv6 peer_address;
        std::vector<std::byte> interface_id;
    };
    using Duid = std::vector<std::byte>;
    // A machine may be a client of several subnets, with one DUID (RFC 8415 section 11).
    using Key = std::pair<Duid, std::string>;
    using Clients = std::map<Key, Client>;

    [[nodiscard]] static Client way_to(const HeldLease& lease);
    enum class Since : std::uint8_t { kNothing, kRenewed, kEnded };
    [[nodiscard]] Since since_asked(const Client& client) const;
    void send(const Duid& duid, const Client& client, const Terms& terms, BootTime now,
              const std::function<void(std::string)>& log);
    void schedule(Clients::iterator client, BootTime due);
    void end(Clients::iterator client);

    Parts parts_;
    Clients clients_;
    std::set<std::pair<BootTime, const Key*>> due_;  // a pair for each client, whose key it has
    Counts counts_;
    LogBudget problem_budget_{6};  // each names another client
};

}  // namespace xdhcpd::control
