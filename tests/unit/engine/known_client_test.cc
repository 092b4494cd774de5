// A client that a lease file describes has the name under which its messages are known.
#include "engine/known_client.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "support/engine_harness.h"

namespace xdhcpd {
namespace {

using engine::ClientDescription;
using engine::DescriptionError;
using engine::know_client;
using model::IdentifierKind;
using model::Identity;
using testing::Bytes;
using testing::bytes;
using testing::Engine;
using testing::FrameSpec;
using testing::ip;
using testing::mac;
using testing::Message;

const Bytes kClientId = bytes({0, 1, 2, 3, 4});
const Bytes kRelayInformation = bytes({1, 4, 'e', 't', 'h', '1', 2, 2, 'r', 'x'});
const Bytes kCircuit = bytes({'e', 't', 'h', '1'});
const Bytes kRemote = bytes({'r', 'x'});

struct Case {
    Identity identity = Identity::kClientId;
    bool vlan_identity = false;
    std::optional<IdentifierKind> reserved;  // by this of the client's names
    bool has_client_id = true;
    bool has_hw = true;
    bool is_relayed = false;
};

[[nodiscard]] model::Configuration configuration_of(const Case& of) {
    auto configuration = testing::small_configuration();
    model::SubnetConfiguration& subnet = configuration.dhcp4.subnets.front();
    subnet.identity = of.identity;
    if (of.vlan_identity) {
        subnet.vlans = {{100, 199, 0, 0}};
        subnet.vlan_identity = true;
    }
    if (of.reserved) {
        Bytes hw = bytes({1});
        testing::append(hw, mac(1).bytes());
        const std::vector<Bytes> values{hw, kClientId, kCircuit, kRemote};
        model::ReservationConfiguration reservation;
        reservation.identifier = {*of.reserved, values[static_cast<std::size_t>(*of.reserved)]};
        reservation.address = ip("192.0.2.5");
        subnet.reservations.push_back(reservation);
    }
    return configuration;
}

// Both names of a case's client are the same.
void compare(const Case& of) {
    Engine engine{configuration_of(of)};
    Message message{1, 1};
    FrameSpec spec;
    std::uint32_t ifindex = testing::kEth1;
    ClientDescription client;
    const Mac hw = mac(1);
    if (of.has_hw) {
        client.hw_address = hw.bytes();
    } else {
        message.hlen(0);
    }
    if (of.has_client_id) {
        message.option(61, kClientId);
        client.client_id = kClientId;
    }
    if (of.is_relayed) {
        message.giaddr("192.0.2.1").option(82, kRelayInformation);
        // The relay is not this host.
        message.giaddr("192.0.2.2");
        spec.destination_mac = testing::kServerMac;
        spec.source = ip("192.0.2.2");
        spec.destination = ip("198.51.100.1");
        spec.source_port = 67;
        ifindex = testing::kEth2;
        client.relay = ip("192.0.2.2");
        client.relay_information = kRelayInformation;
    } else if (of.vlan_identity) {
        spec.tags = {{0x8100, 100}};
        client.vlan = model::VlanIds{100, 0};
    }
    const Bytes frame = testing::udp_frame(spec, message.payload());
    engine::Request request;
    const auto parsed = request.parse(frame, ifindex, engine.snapshot());
    const auto known =
        know_client(client, engine.snapshot(), *engine.snapshot().find_subnet(ip("192.0.2.10")));
    ASSERT_EQ(parsed.has_value(), known.has_value());
    if (!parsed) {
        EXPECT_EQ(parsed.error(), engine::DropReason{engine::Refusal::kNoClientIdentity});
        EXPECT_EQ(known.error(), DescriptionError::kNoIdentity);
        return;
    }
    EXPECT_EQ(to_hex(known->key.view()), to_hex(request.key().view()));
    EXPECT_EQ(known->key.hash, request.key().hash);
    EXPECT_EQ(known->reservation, request.reservation());
}

TEST(KnownClientTest, NameIsThatOfTheClientsMessages) {
    const std::vector<std::optional<IdentifierKind>> reservations{
        std::nullopt, IdentifierKind::kHwAddress, IdentifierKind::kClientId,
        IdentifierKind::kCircuitId, IdentifierKind::kRemoteId};
    int cases = 0;
    for (const Identity identity :
         {Identity::kClientId, Identity::kHwAddress, Identity::kCircuitId}) {
        for (const auto& reserved : reservations) {
            for (unsigned bits = 0; bits < 16; ++bits) {
                const Case one{identity,        (bits & 1) != 0, reserved,
                               (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0};
                SCOPED_TRACE(++cases);
                compare(one);
            }
        }
    }
}

TEST(KnownClientTest, WhatIsNotSaidIsMissed) {
    Case vlan;
    vlan.vlan_identity = true;
    Engine tagged{configuration_of(vlan)};
    const Mac hw = mac(1);
    const auto know = [&](const Engine& engine, const ClientDescription& client) {
        return know_client(client, engine.snapshot(),
                           *engine.snapshot().find_subnet(ip("192.0.2.10")));
    };
    ClientDescription client{.hw_address = hw.bytes()};
    EXPECT_EQ(know(tagged, client).error(), DescriptionError::kNoVlan);

    auto one_vlan = configuration_of(vlan);
    one_vlan.dhcp4.subnets.front().vlans = {{100, 100, 0, 0}};
    client.vlan = model::VlanIds{100, 0};
    const auto said = know(tagged, client);
    client.vlan.reset();
    EXPECT_EQ(to_hex(know(Engine{one_vlan}, client)->key.view()), to_hex(said->key.view()))
        << "there is only one VLAN that it can be in";

    Case circuit;
    circuit.identity = Identity::kCircuitId;
    client.relay_information = kRelayInformation;
    EXPECT_EQ(know(Engine{configuration_of(circuit)}, client).error(), DescriptionError::kNoRelay);
    auto one_relay = configuration_of(circuit);
    one_relay.dhcp4.subnets.front().relays = {ip("192.0.2.2")};
    EXPECT_TRUE(know(Engine{one_relay}, client)) << "no other relay may ask for it";

    client.relay_information = ByteView{kRelayInformation}.first(3);
    EXPECT_EQ(know(tagged, client).error(), DescriptionError::kBadRelayInformation);
}

}  // namespace
}  // namespace xdhcpd
