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
    if (lease.what6 && lease.what6->kind == lease::SpaceKind::kIpv6Address) {
        client.address = lease.what6->prefix.address;
    }
    if (note && note->next_hop) {
        client.way = Way::kLink;
        client.destination = *note->next_hop;
        client.interface = note->interface;
        client.vlan = note->vlan;
    } else if (client.address) {
        client.way = Way::kAddress;
        client.destination = *client.address;
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

Reconfigurer::Ask Reconfigurer::ask(lease::SpaceId space, const std::string& subnet,
                                    const HeldLease& lease, dhcp6::MessageType wanted,
                                    BootTime now) {
    const auto note = engine::v6::decode_lease_note(lease.relay_information);
    if (!note || note->reconfigure_duid.empty()) {
        return Ask::kUnwilling;
    }
    Client client = way_to(lease);
    const auto [known, is_new] = clients_.try_emplace(Key{copy(note->reconfigure_duid), subnet});
    if (is_new && client.way == Way::kNone) {
        clients_.erase(known);
        return Ask::kUnreachable;
    }
    if (!client.address) {
        client.address = known->second.address;
    }
    if (client.way >= known->second.way) {
        client.space = space;
        client.due = known->second.due;
        known->second = std::move(client);
    } else {
        known->second.address = client.address;
        if (const auto kept = parts_.find(known->second.space, known->second.index)) {
            known->second.started = kept->started;
            known->second.last_xid = kept->last_xid;
        }
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

Reconfigurer::Since Reconfigurer::since_asked(const Client& client) const {
    const auto lease = parts_.find(client.space, client.index);
    if (!lease || lease->state != lease::LeaseState::kLeased) {
        return Since::kEnded;
    }
    return lease->started != client.started || lease->last_xid != client.last_xid ? Since::kRenewed
                                                                                  : Since::kNothing;
}

void Reconfigurer::tick(const std::optional<Terms>& terms, BootTime now,
                        const std::function<void(std::string)>& log) {
    for (std::size_t left = kBudget; left != 0 && !due_.empty(); --left) {
        if (due_.begin()->first > now) {
            break;
        }
        const auto client = clients_.find(*due_.begin()->second);
        const Since since =
            client->second.transmissions == 0 ? Since::kNothing : since_asked(client->second);
        if (since == Since::kRenewed) {
            ++counts_.answered;
            end(client);
        } else if (since == Since::kEnded || !terms ||
                   client->second.transmissions == kMaxTransmissions) {
            ++counts_.unanswered;
            end(client);
        } else {
            const Duid& duid = client->first.first;
            send(duid, client->second, *terms, now, log);
            ++client->second.transmissions;
            schedule(client, now + timeout(duid, client->second.transmissions));
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
    auto sent = parts_.send(datagram);
    if (!sent && client.way == Way::kLink && client.address) {
        // The host may have no interface for a VLAN that is served, but a route.
        datagram.destination = *client.address;
        datagram.interface.clear();
        datagram.vlan = {};
        sent = parts_.send(datagram);
    }
    if (sent) {
        ++counts_.sent;
        return;
    }
    ++counts_.refused;
    if (const auto left_out = problem_budget_.take(now)) {
        log("Reconfigure for " + to_hex(duid) + " not sent: " + sent.error().message +
            (*left_out == 0 ? "" : "; " + std::to_string(*left_out) + " more were not"));
    }
}

Reconfigurer::Counts Reconfigurer::counts() const noexcept {
    Counts counts = counts_;
    counts.waiting = clients_.size();
    return counts;
}

}  // namespace xdhcpd::control
