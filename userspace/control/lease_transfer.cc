#include "control/lease_transfer.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "control/control.h"
#include "control/lease_import.h"
#include "control/lease_pages.h"
#include "control/stored.h"
#include "dhcp4/relay.h"
#include "dhcp6/duid.h"
#include "engine/request.h"
#include "engine/v6/known_client.h"
#include "lease_files/json.h"
#include "model/listed_units.h"

namespace xdhcpd::control {
namespace {

using engine::ClientKey;
using lease_files::Entry;
using lease_files::EntryState;
using model::IdentifierKind;
using nlohmann::json;

// When the machine started, to the second: the same whenever somebody asks.
[[nodiscard]] std::int64_t boot_epoch(const ServerState& state) {
    return std::chrono::round<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch() - state.now().time_since_epoch())
        .count();
}

[[nodiscard]] constexpr std::uint8_t reserved(IdentifierKind kind) noexcept {
    return static_cast<std::uint8_t>(ClientKey::kReserved + static_cast<std::uint8_t>(kind));
}

void assign(std::vector<std::byte>& to, ByteView from) {
    to.assign(from.begin(), from.end());
}

// Type, then address.
void set_hw_address(Entry& entry, ByteView value) {
    if (!value.empty()) {
        entry.hw_type = load_u8(value.data());
        assign(entry.hw_address, value.subspan(1));
    }
}

// For a client that a sub-option names, should the rest of its option 82 not have been kept.
void add_suboption(Entry& entry, dhcp4::RelaySuboption code, ByteView value) {
    if (entry.relay_information.empty() && value.size() <= Entry::kMaxBytes - 2) {
        entry.relay_information = {static_cast<std::byte>(code),
                                   static_cast<std::byte>(value.size())};
        entry.relay_information.insert(entry.relay_information.end(), value.begin(), value.end());
    }
}

// What the name under which the engine knows the client says of it.
void describe_client(Entry& entry, ByteView identity) {
    constexpr std::size_t kVlanLen = 4;
    constexpr std::size_t kAddressLen = 4;
    if (identity.empty()) {
        return;
    }
    const std::uint8_t kind = load_u8(identity.data());
    ByteView value = identity.subspan(1);
    if ((kind == ClientKey::kVlanHwAddress || kind == ClientKey::kVlanClientId) &&
        value.size() >= kVlanLen) {
        if (const std::uint16_t outer = load_be16(value.data()); outer != 0) {
            entry.vlan = lease_files::Vlan{outer, load_be16(value.data() + 2)};
        }
        value = value.subspan(kVlanLen);
    }
    switch (kind) {
        case ClientKey::kHwAddress:
        case ClientKey::kVlanHwAddress:
        case reserved(IdentifierKind::kHwAddress):
            set_hw_address(entry, value);
            break;
        case ClientKey::kClientId:
        case ClientKey::kVlanClientId:
        case reserved(IdentifierKind::kClientId):
            assign(entry.client_id, value);
            break;
        case ClientKey::kCircuitId:
            if (value.size() >= kAddressLen) {
                entry.relay = Ipv4::load(value.data());
                add_suboption(entry, dhcp4::RelaySuboption::kCircuitId, value.subspan(kAddressLen));
            }
            break;
        case reserved(IdentifierKind::kCircuitId):
            add_suboption(entry, dhcp4::RelaySuboption::kCircuitId, value);
            break;
        case reserved(IdentifierKind::kRemoteId):
            add_suboption(entry, dhcp4::RelaySuboption::kRemoteId, value);
            break;
        default:
            break;
    }
}

// It is not kept with a lease, since it follows from the configuration.
void set_preferred(const ServerState& state, const NamedSpace& space, Entry& entry) {
    const model::Snapshot6& ipv6 = state.parts.snapshots.newest().ipv6;
    const model::SpaceOwner* const owner = space.is_ipv6 ? ipv6.find_owner(space.id) : nullptr;
    if (owner == nullptr || entry.state != EntryState::kLeased) {
        return;
    }
    std::uint32_t preferred = ipv6.subnets[owner->subnet].lifetimes.preferred;
    if (entry.expires && entry.started) {
        const std::int64_t valid = std::max<std::int64_t>(*entry.expires - *entry.started, 0);
        preferred = static_cast<std::uint32_t>(std::min<std::int64_t>(preferred, valid));
    }
    entry.dhcp6->preferred = preferred;
}

[[nodiscard]] Result<std::vector<Entry>, std::string> entries_argument(const json& request) {
    const auto found = request.find("leases");
    if (found == request.end() || !found->is_array() || found->size() > kMaxTransfer) {
        return Unexpected{"leases wants a list of at most " + std::to_string(kMaxTransfer) +
                          " leases"};
    }
    std::vector<Entry> entries;
    entries.reserve(found->size());
    for (const json& object : *found) {
        auto entry = lease_files::from_json(object);
        if (!entry) {
            return Unexpected{"lease " + std::to_string(entries.size() + 1) + ": " +
                              entry.error().member + (entry.error().member.empty() ? "" : ": ") +
                              entry.error().text};
        }
        entries.push_back(std::move(*entry));
    }
    return entries;
}

[[nodiscard]] LeaseImport make_import(const ServerState& state) {
    return {state.parts.workers,
            state.parts.snapshots.newest(),
            state.parts.registry.ipv6(),
            {to_boot_seconds(state.now()), boot_epoch(state)}};
}

// Units for what is to be imported into a pool that is larger than its space.
void list_units(ServerState& state, std::span<const Entry> entries) {
    model::SpaceRegistry6& registry = state.parts.registry.ipv6();
    const model::Snapshot& snapshot = state.parts.snapshots.newest();
    std::vector<model::What6> added;
    bool has_new_list = false;
    for (const auto& [subnet, what] : make_import(state).unlisted(entries)) {
        if (const auto unit = registry.listed_unit(subnet, what.kind, what.prefix)) {
            added.push_back(what);
            has_new_list |=
                snapshot.ipv6.find_owner(registry.store().space_of(*unit).id()) == nullptr;
        }
    }
    if (has_new_list) {
        state.remake_snapshot();
    } else if (!added.empty()) {
        model::apply_listed_policy6(snapshot.ipv6, state.parts.configuration, registry, added);
    }
}

// What the name under which the engine knows an association says of it.
void describe_dhcp6(Entry& entry, const HeldLease& lease) {
    constexpr std::size_t kHwTypeLen = 2;
    const auto client = engine::v6::describe_client(lease.identity);
    lease_files::Dhcp6Lease& dhcp6 = *entry.dhcp6;
    dhcp6.iaid = client.iaid;
    assign(dhcp6.duid, client.duid);
    assign(dhcp6.relay_id, client.relay_id);
    assign(dhcp6.remote_id, client.remote_id);
    assign(dhcp6.subscriber_id, client.subscriber_id);
    // A reservation knows it by its address; its DUID is not kept. Another server will know it if
    // it makes its DUID of that, as many do.
    if (!client.hw_address.empty()) {
        dhcp6.duid = {std::byte{0}, static_cast<std::byte>(dhcp6::DuidType::kLinkLayer)};
        dhcp6.duid.resize(dhcp6.duid.size() + kHwTypeLen);
        store_be16(dhcp6.duid.data() + dhcp6::kDuidTypeLen, client.hw_type);
        dhcp6.duid.insert(dhcp6.duid.end(), client.hw_address.begin(), client.hw_address.end());
    }
}

}  // namespace

Entry entry_of(const NamedSpace& space, const HeldLease& lease, std::int64_t boot_epoch) {
    Entry entry;
    if (lease.what6) {
        entry.dhcp6.emplace();
        entry.dhcp6->is_prefix = lease.what6->kind == lease::SpaceKind::kIpv6Prefix;
        entry.dhcp6->what = lease.what6->prefix;
        entry.dhcp6->subnet = space.subnet6;
    } else {
        entry.address = space.address(lease.index);
        entry.subnet = space.prefix;
    }
    entry.state =
        lease.state == lease::LeaseState::kDeclined ? EntryState::kDeclined : EntryState::kLeased;
    const auto to_unix = [boot_epoch](BootSeconds time) {
        return std::clamp<std::int64_t>(boot_epoch + time.value, 0, Entry::kMaxTime);
    };
    if (!lease.expiry.is_never()) {
        entry.expires = to_unix(lease.expiry);
    }
    if (lease.started.value > kBeforeBoot.value) {
        entry.started = to_unix(lease.started);
    }
    entry.hw_type = lease.hw_type;
    assign(entry.hw_address,
           lease.mac.bytes().first(std::min<std::size_t>(lease.hw_len, Mac::kLen)));
    assign(entry.hostname, lease.hostname);
    assign(entry.relay_information, lease.relay_information);
    if (lease.what6) {
        describe_dhcp6(entry, lease);
    } else {
        describe_client(entry, lease.identity);
    }
    return entry;
}

Answer export_leases(const ServerState& state, const json& request) {
    const auto page = page_request(state, request, kMaxTransfer);
    if (!page) {
        return Unexpected{page.error()};
    }
    const std::int64_t epoch = boot_epoch(state);
    json answer{{"leases", json::array()}};
    const auto next =
        visit_page(state, *page, {}, [&](const NamedSpace& space, const HeldLease& lease) {
            if (lease.state != lease::LeaseState::kOffered) {  // an offer is no promise
                Entry entry = entry_of(space, lease, epoch);
                set_preferred(state, space, entry);
                answer["leases"].push_back(lease_files::to_json(entry));
            }
        });
    if (next) {
        answer["next"] = to_string(*next);
    }
    return answer;
}

Answer import_leases(ServerState& state, const json& request) {
    const auto dry_run = flag_argument(request, "dry_run");
    if (!dry_run) {
        return Unexpected{dry_run.error()};
    }
    const bool is_dry_run = *dry_run;
    const auto entries = entries_argument(request);
    if (!entries) {
        return Unexpected{entries.error()};
    }
    list_units(state, *entries);  // on trial too: what has no unit has no outcome
    const LeaseImport import = make_import(state);
    json outcomes = json::array();
    json reasons = json::object();
    std::size_t taken = 0;
    for (const ImportOutcome outcome : import.run(*entries, is_dry_run)) {
        outcomes.push_back(name(outcome));
        reasons[std::string{name(outcome)}] = text(outcome);
        taken += outcome == ImportOutcome::kImported || outcome == ImportOutcome::kRenewed ? 1 : 0;
    }
    if (taken != 0 && !is_dry_run) {
        state.log(model::LogLevel::kDebug,
                  std::to_string(taken) + " leases imported by an operator");
    }
    if (!is_dry_run) {  // also what an earlier attempt has brought in must be there by now
        if (const auto why = await_stored(state)) {
            return Unexpected{
                "the leases are in force, but not stored, and a crash may lose them: " + *why};
        }
    }
    return json{{"outcomes", std::move(outcomes)}, {"reasons", std::move(reasons)}};
}

}  // namespace xdhcpd::control
