#include "control/reconfigurer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dhcp6/reconfigure.h"
#include "dhcp6/writer.h"
#include "engine/v6/lease_note.h"

namespace xdhcpd::control {
namespace {

constexpr std::size_t kMaxMessageLen = 1232;  // IPv6's smallest MTU less IP and UDP headers

[[nodiscard]] std::vector<std::byte> copy(ByteView bytes) {
    return {bytes.begin(), bytes.end()};
}

// Up to a tenth more or less (RFC 8415 section 15), by who it is, so that clients that were asked
// together do not stay together.
[[nodiscard]] BootTime::duration timeout(ByteView duid, unsigned transmissions) {
    const BootTime::duration whole = Reconfigurer::kFirstTimeout * (1U << (transmissions - 1));
    std::uint32_t mix = transmissions;
    for (const std::byte octet : duid) {
        mix = mix * 31 + std::to_integer<std::uint32_t>(octet);
    }
    return whole + whole / 1000 * (static_cast<int>(mix % 200) - 100);
}

}  // namespace

Reconfigurer::Client Reconfigurer::way_to(const HeldLease& lease) {
    Client client;
    client.index = lease.index;
    client.started = lease.started;
    client.last_xid = lease.last_xid;
    const auto note = engine::v6::decode_lease_note(lease.relay_information);
    if (note && note->next_hop) {
        client.way = Way::kLink;
        client.destination = *note->next_hop;
        client.interface = note->interface;
        client.vlan = note->vlan;
    } else if (lease.what6 && lease.what6->kind == lease::SpaceKind::kIpv6Address) {
        client.way = Way::kAddress;
        client.destination = lease.what6->prefix.address;
    } else if (note && note->relay_address && note->link_address && note->peer_address) {
        client.way = Way::kRelay;
        client.destination = *note->relay_address;
        client.relay_port = note->relay_port;
        client.link_address = *note->link_address;
        client.peer_address = *note->peer_address;
        client.interface_id = copy(note->interface_id);
    }
    return client;
}

Reconfigurer::Ask Reconfigurer::ask(lease::SpaceId space, const HeldLease& lease,
                                    dhcp6::MessageType wanted, BootTime now) {
    const auto note = engine::v6::decode_lease_note(lease.relay_information);
    if (!note || note->reconfigure_duid.empty()) {
        return Ask::kUnwilling;
    }
    Client client = way_to(lease);
    const auto [known, is_new] = clients_.try_emplace(copy(note->reconfigure_duid));
    if (is_new && client.way == Way::kNone) {
        clients_.erase(known);
        return Ask::kUnreachable;
    }
    if (client.way >= known->second.way) {
        client.space = space;
        client.due = known->second.due;
        known->second = std::move(client);
    }
    known->second.wanted = wanted;
    known->second.transmissions = 0;
    schedule(known, now);
    return is_new ? Ask::kAsked : Ask::kAgain;
}

void Reconfigurer::schedule(Clients::iterator client, BootTime due) {
    due_.erase({client->second.due, &client->first});
    client->second.due = due;
    due_.emplace(due, &client->first);
}

void Reconfigurer::end(Clients::iterator client) {
    due_.erase({client->second.due, &client->first});
    clients_.erase(client);
}

// Whatever it does with its lease, it has heard.
bool Reconfigurer::has_answered(const Client& client) const {
    const auto lease = parts_.find(client.space, client.index);
    return !lease || lease->state != lease::LeaseState::kLeased ||
           lease->started != client.started || lease->last_xid != client.last_xid;
}

void Reconfigurer::tick(const std::optional<Terms>& terms, BootTime now,
                        const std::function<void(std::string)>& log) {
    for (std::size_t left = kBudget; left != 0 && !due_.empty(); --left) {
        if (due_.begin()->first > now) {
            break;
        }
        const auto client = clients_.find(*due_.begin()->second);
        if (client->second.transmissions != 0 && has_answered(client->second)) {
            ++counts_.answered;
            end(client);
        } else if (client->second.transmissions == kMaxTransmissions || !terms) {
            ++counts_.unanswered;
            end(client);
        } else {
            send(client->first, client->second, *terms, now, log);
            ++client->second.transmissions;
            schedule(client, now + timeout(client->first, client->second.transmissions));
        }
    }
}

void Reconfigurer::send(const Duid& duid, const Client& client, const Terms& terms, BootTime now,
                        const std::function<void(std::string)>& log) {
    Datagram6 datagram{client.destination, terms.client_port, client.interface, client.vlan,
                       std::vector<std::byte>(kMaxMessageLen)};
    dhcp6::Reconfigure message{.wanted = client.wanted,
                               .server_id = terms.server_duid,
                               .client_id = duid,
                               .key = dhcp6::make_reconfigure_key(terms.keys.secret, duid),
                               .replay = terms.keys.replay(now)};
    // As if the relay had just forwarded something (RFC 8415 section 19.3, RFC 8357).
    std::array<std::byte, engine::v6::kMaxLeaseNoteLen + 16> options{};
    std::array<dhcp6::Relay, 1> relays;
    if (client.way == Way::kRelay) {
        std::size_t len = 0;
        const auto add = [&](dhcp6::OptionCode code, ByteView value) {
            store_be16(&options[len], static_cast<std::uint16_t>(code));
            store_be16(&options[len + 2], static_cast<std::uint16_t>(value.size()));
            copy_bytes(&options[len + dhcp6::kOptionHeaderLen], value);
            len += dhcp6::kOptionHeaderLen + value.size();
        };
        if (!client.interface_id.empty()) {
            add(dhcp6::OptionCode::kInterfaceId, client.interface_id);
        }
        if (client.relay_port != terms.server_port) {
            add(dhcp6::OptionCode::kRelayPort, std::array<std::byte, 2>{});
        }
        relays[0].link_address = client.link_address;
        relays[0].peer_address = client.peer_address;
        relays[0].options = dhcp6::OptionList::parse(ByteView{options}.first(len)).value();
        message.relays = relays;
        datagram.destination_port = client.relay_port;
    }
    datagram.payload.resize(dhcp6::write_reconfigure(message, datagram.payload));
    if (const auto sent = parts_.send(datagram); sent) {
        ++counts_.sent;
    } else {
        ++counts_.refused;
        if (sent.error().message != last_problem_) {
            last_problem_ = sent.error().message;
            log("Reconfigure for " + to_hex(duid) + " not sent: " + last_problem_);
        }
    }
}

Reconfigurer::Counts Reconfigurer::counts() const noexcept {
    Counts counts = counts_;
    counts.waiting = clients_.size();
    return counts;
}

}  // namespace xdhcpd::control
