#include "engine/v6/lease_note.h"

#include <gtest/gtest.h>

#include "support/engine6_harness.h"

namespace xdhcpd::engine::v6 {
namespace {

using testing::bytes;
using testing::Bytes;
using testing::Engine6;
using testing::Message6;
using testing::option6;

[[nodiscard]] Bytes encoded(const LeaseNote& note) {
    Bytes out(kMaxLeaseNoteLen);
    out.resize(encode(note, out));
    return out;
}
[[nodiscard]] LeaseNote note_of(const Engine6& engine, const std::string& what) {
    return decode_lease_note(engine.shard.relay_information(*engine.find(what))).value();
}

TEST(LeaseNoteTest, ReadsWhatItWrites) {
    LeaseNote note;
    note.next_hop = *parse_ipv6("fe80::1");
    note.interface = "enp1s0f1np1.100";  // the longest
    note.vlan = {100, 4094};
    note.link_address = *parse_ipv6("2001:db8::1");
    note.peer_address = *parse_ipv6("fe80::2");
    const Bytes id = bytes({1, 2, 3});
    note.interface_id = id;
    note.remote_id = id;
    note.subscriber_id = ByteView{id}.first(1);
    const Bytes written = encoded(note);
    const auto read = decode_lease_note(written);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->next_hop, note.next_hop);
    EXPECT_EQ(read->interface, note.interface);
    EXPECT_EQ(read->vlan, note.vlan);
    EXPECT_EQ(read->link_address, note.link_address);
    EXPECT_EQ(read->peer_address, note.peer_address);
    EXPECT_TRUE(equal_bytes(read->interface_id, id));
    EXPECT_TRUE(equal_bytes(read->remote_id, id));
    EXPECT_TRUE(equal_bytes(read->subscriber_id, bytes({1})));
    EXPECT_EQ(encoded(*read), written);
}

TEST(LeaseNoteTest, KeepsWhatReconfigureNeeds) {
    LeaseNote note;
    const Bytes duid = testing::duid_of(3);
    note.reconfigure_duid = duid;
    note.relay_address = *parse_ipv6("2001:db8::5");
    note.relay_port = 1547;
    const Bytes written = encoded(note);
    const auto read = decode_lease_note(written);
    ASSERT_TRUE(read);
    EXPECT_TRUE(equal_bytes(read->reconfigure_duid, duid));
    EXPECT_EQ(read->relay_address, note.relay_address);
    EXPECT_EQ(read->relay_port, 1547);
    EXPECT_EQ(encoded(*read), written);
    // A relay that would not know where to send is of no use.
    const Bytes id(240, std::byte{9});
    note.interface_id = id;
    EXPECT_FALSE(decode_lease_note(encoded(note))->relay_address);
    EXPECT_FALSE(decode_lease_note(bytes({8, 2, 0, 3})));     // no DUID
    EXPECT_FALSE(decode_lease_note(bytes({9, 3, 0, 3, 0})));  // no address
}

TEST(LeaseNoteTest, WhatDoesNotFitIsCut) {
    LeaseNote note;
    note.link_address = *parse_ipv6("2001:db8::1");
    const Bytes id(200, std::byte{9});
    note.interface_id = id;
    note.remote_id = id;
    note.subscriber_id = id;
    const Bytes written = encoded(note);
    EXPECT_LE(written.size(), kMaxLeaseNoteLen);
    const auto read = decode_lease_note(written);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->interface_id.size(), 200u);
    EXPECT_EQ(read->remote_id.size(), kMaxLeaseNoteLen - 18 - 202 - 2);
    EXPECT_TRUE(read->subscriber_id.empty());
}

TEST(LeaseNoteTest, NothingIsTheShortestNote) {
    EXPECT_TRUE(encoded({}).empty());
    EXPECT_TRUE(decode_lease_note({}).has_value());
}

TEST(LeaseNoteTest, UnknownTagsAreSteppedOverAndBrokenNotesRefused) {
    EXPECT_TRUE(decode_lease_note(bytes({99, 2, 1, 2, 5, 1, 5})));
    EXPECT_EQ(decode_lease_note(bytes({99, 2, 1, 2, 5, 1, 5}))->interface_id[0], std::byte{5});
    EXPECT_FALSE(decode_lease_note(bytes({1})));
    EXPECT_FALSE(decode_lease_note(bytes({1, 16, 0})));
    EXPECT_FALSE(decode_lease_note(bytes({1, 1, 0})));
    EXPECT_FALSE(decode_lease_note(bytes({3, 1, 0})));
    EXPECT_FALSE(decode_lease_note(bytes({2, 0})));
}

TEST(LeaseNoteTest, ADelegatedPrefixKnowsTheWayToItsClient) {
    Engine6 engine;
    const LeaseNote note = note_of(engine, engine.get_prefix(4));
    EXPECT_EQ(note.next_hop, testing::link_local_of(4));
    EXPECT_EQ(note.interface, "eth1");
    EXPECT_FALSE(note.link_address);
}

TEST(LeaseNoteTest, AClientInAVlanIsReachedThere) {
    auto configuration = testing::small_configuration6();
    configuration.dhcp6.subnets[0].vlans = {{100, 100, 200, 200}};
    Engine6 engine{configuration};
    testing::FrameSpec6 spec = Engine6::direct(1);
    spec.tags = {{0x88a8, 100}, {0x8100, 200}};
    const auto outcome =
        engine.send_frame(testing::frame6(spec, Message6{Message6::kRequest}.pd(1).payload()));
    ASSERT_TRUE(outcome.reply) << outcome.why();
    const LeaseNote note = note_of(engine, outcome.reply->pd(1).lease());
    EXPECT_EQ(note.next_hop, testing::link_local_of(1));
    EXPECT_EQ(note.interface, "eth1");
    EXPECT_EQ(note.vlan, (model::VlanIds{100, 200}));
}

TEST(LeaseNoteTest, AnAddressOfADirectClientNeedsNoNote) {
    Engine6 engine;
    const std::string address = engine.get_address(1);
    EXPECT_TRUE(engine.shard.relay_information(*engine.find(address)).empty());
    EXPECT_FALSE(engine.record(address).side);
}

TEST(LeaseNoteTest, ARelayedClientIsKnownByWhatItsRelaySays) {
    Engine6 engine;
    const Bytes remote = bytes({0, 0, 0, 9, 'r'});
    const Bytes options =
        testing::join({option6(18, bytes({'p'})), option6(37, remote), option6(38, bytes({'s'}))});
    const auto outcome =
        engine.send_relayed(Message6{Message6::kRequest}.na(1).pd(1),
                            {{"2001:db8:1::5", options, "fe80::7"}, {"::", option6(18, {1})}});
    for (const std::string& lease : {outcome.reply->na(1).lease(), outcome.reply->pd(1).lease()}) {
        const LeaseNote note = note_of(engine, lease);
        EXPECT_EQ(note.link_address, *parse_ipv6("2001:db8:1::5"));
        EXPECT_EQ(note.peer_address, *parse_ipv6("fe80::7"));
        EXPECT_TRUE(equal_bytes(note.interface_id, bytes({'p'})));
        EXPECT_TRUE(equal_bytes(note.remote_id, remote));
        EXPECT_TRUE(equal_bytes(note.subscriber_id, bytes({'s'})));
        EXPECT_FALSE(note.next_hop);
    }
}

TEST(LeaseNoteTest, WhoAcceptsReconfigureCanBeReached) {
    RecordProperty("rfc", "8415 18.3.11");
    auto configuration = testing::small_configuration6();
    configuration.dhcp6.reconfigure = true;
    Engine6 engine{configuration};
    const auto ask = [](int client) {
        return Message6{Message6::kRequest, client}.na(1).option(20);
    };
    const auto direct = engine.send(ask(1));
    LeaseNote note = note_of(engine, direct.reply->na(1).lease());
    EXPECT_TRUE(equal_bytes(note.reconfigure_duid, testing::duid_of(1)));
    EXPECT_TRUE(note.next_hop);
    EXPECT_EQ(note.interface, "eth1");

    const auto relayed = engine.send_relayed(ask(2), {{"2001:db8:1::5"}});
    note = note_of(engine, relayed.reply->na(1).lease());
    EXPECT_TRUE(note.relay_address);
    EXPECT_EQ(note.relay_port, 547);
    // RFC 8357 section 5.3: a port of its own only where the relay says so.
    testing::FrameSpec6 spec;
    spec.source_mac = testing::mac(0xee);
    spec.destination_mac = testing::kServerMac6;
    spec.source = *parse_ipv6("2001:db8:ffff::99");
    spec.destination = *parse_ipv6("2001:db8:ffff::1");
    spec.source_port = 40000;
    for (const bool says_so : {false, true}) {
        const auto options = says_so ? option6(135, {0, 0}) : Bytes{};
        const auto reply = engine.send_frame(
            testing::frame6(spec,
                            Engine6::relayed(ask(says_so ? 6 : 4), {{"2001:db8:1::5", options}})),
            testing::kUplink);
        EXPECT_EQ(note_of(engine, reply.reply->na(1).lease()).relay_port, says_so ? 40000 : 547);
    }
    spec.source = *parse_ipv6("fe80::99");
    const auto near = engine.send_frame(
        testing::frame6(spec, Engine6::relayed(ask(5), {{"2001:db8:1::5"}})), testing::kUplink);
    EXPECT_FALSE(note_of(engine, near.reply->na(1).lease()).relay_address);
    const auto far = engine.send_relayed(ask(3), {{"2001:db8:1::5"}, {"2001:db8:1::6"}});
    note = note_of(engine, far.reply->na(1).lease());
    EXPECT_FALSE(note.relay_address);
    EXPECT_TRUE(equal_bytes(note.reconfigure_duid, testing::duid_of(3)));

    // Who does not want it any more is not asked.
    const std::string address = direct.reply->na(1).lease();
    engine.send(Message6{Message6::kRenew, 1}.na(1, {address}));
    EXPECT_TRUE(engine.shard.relay_information(*engine.find(address)).empty());
}

TEST(LeaseNoteTest, AClientThatComesDirectlyNowLosesItsNote) {
    Engine6 engine;
    const auto outcome =
        engine.send_relayed(Message6{Message6::kRequest}.na(1), {{"2001:db8:1::5"}});
    const std::string address = outcome.reply->na(1).lease();
    ASSERT_FALSE(engine.shard.relay_information(*engine.find(address)).empty());
    engine.send(Message6{Message6::kRenew}.na(1, {address}));
    EXPECT_TRUE(engine.shard.relay_information(*engine.find(address)).empty());
}

}  // namespace
}  // namespace xdhcpd::engine::v6
