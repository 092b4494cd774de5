// DHCPv6 through workers: one message may be granted several leases, and belongs to one shard.
#include <gtest/gtest.h>

#include <set>

#include "support/worker6_lab.h"

namespace xdhcpd::worker {
namespace {

using engine::Refusal6;
using engine::Shed;
using testing::Message6;
using testing::Worker6Lab;
using Lab = Worker6Lab;

constexpr int kAdvertise = 2;
constexpr int kReply = 7;

Message6 request_of_three(int client, std::uint32_t xid = 7) {
    return Message6{Message6::kRequest, client}.xid(xid).na(1).na(2).pd(3);
}

TEST(Ipv6Worker, AnswersSolicitAndRequest) {
    RecordProperty("rfc", "8415 18.3");
    const Lab lab;
    lab.inject(Message6{Message6::kSolicit, 1}.na(1));
    lab.settle();
    const auto advertised = lab.replies();
    ASSERT_EQ(advertised.size(), 1u);
    EXPECT_EQ(advertised[0].type(), kAdvertise);
    const std::string address = advertised[0].na(1).lease();
    EXPECT_NE(address, "");
    lab.inject(Message6{Message6::kRequest, 1}.na(1, {address}));
    lab.settle();
    const auto replied = lab.replies();
    ASSERT_EQ(replied.size(), 1u);
    EXPECT_EQ(replied[0].na(1).lease(), address);
    const WorkerCounters& counters = lab.at().counters();
    const auto count = [&](const auto& row, dhcp6::MessageType type) {
        return row[engine::MessageType{type}.index()].value();
    };
    EXPECT_EQ(count(counters.received_by_type, dhcp6::MessageType::kSolicit), 1u);
    EXPECT_EQ(count(counters.received_by_type, dhcp6::MessageType::kRequest), 1u);
    EXPECT_EQ(count(counters.sent_by_type, dhcp6::MessageType::kAdvertise), 1u);
    EXPECT_EQ(count(counters.sent_by_type, dhcp6::MessageType::kReply), 1u);
    EXPECT_EQ(lab.check(), "");
}

TEST(Ipv6Worker, ServesBothFamiliesOfOneBatch) {
    const Lab lab;
    const testing::Bytes discover = testing::udp_frame({}, testing::Message{1, 5}.payload());
    lab.inject(discover);
    lab.inject(Message6{Message6::kSolicit, 1}.na(1));
    lab.inject(discover);
    lab.settle();
    EXPECT_EQ(lab.replies().size(), 1u);
    EXPECT_EQ(lab.at().counters().received.value(), 3u);
    EXPECT_EQ(lab.dropped(engine::Refusal::kNoSubnet), 2u) << "there is no IPv4 here";
    EXPECT_EQ(lab.check(), "");
}

TEST(Ipv6Worker, ReadsFramesBehindTagsAndExplainsThem) {
    const Lab lab;
    testing::FrameSpec6 spec = testing::Engine6::direct(3);
    spec.tags = {{0x8100, 100}};
    lab.inject(testing::frame6(spec, Message6{Message6::kSolicit, 3}.na(1).payload()));
    lab.settle();
    EXPECT_EQ(lab.dropped(Refusal6::kUnservedVlan), 1u);
    const auto drops = lab.at().drop_log().newest(9);
    ASSERT_EQ(drops.size(), 1u);
    EXPECT_EQ(drops[0].client, testing::mac(3));
    EXPECT_EQ(drops[0].source, testing::link_local_of(3));
    EXPECT_EQ(drops[0].tags.count, 1u);
}

TEST(Ipv6Worker, ExplainsByDuidRelayAndAddress) {
    const Lab lab;
    testing::FrameSpec6 spec;
    spec.source_mac = testing::mac(0xee);
    spec.source = *parse_ipv6("2001:db8:ffff::99");
    spec.destination = testing::kServerGlobal;
    spec.source_port = 547;
    const auto asked = Message6{Message6::kSolicit, 4}.na(1, {"2001:db8:1::77"}).payload();
    lab.inject(
        testing::frame6(spec, testing::relay6(12, 0, "2001:db8:9::1", "fe80::4", {}, asked)));
    lab.settle();
    EXPECT_EQ(lab.dropped(Refusal6::kNoSubnet), 1u);
    const auto drops = lab.at().drop_log().newest(9);
    ASSERT_EQ(drops.size(), 1u);
    EXPECT_EQ(to_string(drops[0].link_address), "2001:db8:9::1");
    EXPECT_EQ(to_string(drops[0].address6), "2001:db8:1::77");
    EXPECT_TRUE(equal_bytes(drops[0].duid(), testing::duid_of(4)));
    EXPECT_EQ(drops[0].type, engine::MessageType{dhcp6::MessageType::kSolicit});
}

// == Stable storage ==

TEST(Ipv6Worker, AReplyWaitsForTheRecordsOfAllItsLeases) {
    RecordProperty("rfc", "8415 18.3.2");
    const Lab lab{{.has_journal = true}};
    lab.inject(request_of_three(1));
    lab.settle();
    EXPECT_EQ(lab.frames().size(), 0u);
    EXPECT_EQ(lab.at().counters().in_flight(), 1u);
    const auto states = lab.take();
    ASSERT_EQ(states.size(), 3u);
    EXPECT_EQ(states[0].key.kind, journal::UnitKind::kIpv6Address);
    EXPECT_EQ(states[2].key.kind, journal::UnitKind::kIpv6Prefix);
    lab.settle();
    EXPECT_EQ(lab.frames().size(), 0u) << "taken is not stored";
    lab.rings[0]->release();
    lab.settle();
    const auto replies = lab.replies();
    ASSERT_EQ(replies.size(), 1u);
    EXPECT_EQ(replies[0].type(), kReply);
    EXPECT_NE(replies[0].na(1).lease(), "");
    EXPECT_NE(replies[0].na(2).lease(), "");
    EXPECT_NE(replies[0].pd(3).lease(), "");
    EXPECT_EQ(lab.check(), "");
}

TEST(Ipv6Worker, ARetransmissionWaitsAsWellAndNothingIsWrittenTwice) {
    const Lab lab{{.has_journal = true}};
    lab.inject(request_of_three(1));
    lab.settle();
    EXPECT_EQ(lab.take().size(), 3u);
    lab.inject(request_of_three(1));
    lab.settle();
    EXPECT_EQ(lab.take().size(), 0u);
    EXPECT_EQ(lab.frames().size(), 0u);
    lab.rings[0]->release();
    lab.settle();
    EXPECT_EQ(lab.replies().size(), 2u);
    // Stored: the next one waits for nothing.
    lab.inject(request_of_three(1));
    lab.settle();
    EXPECT_EQ(lab.replies().size(), 1u);
    EXPECT_EQ(lab.check(), "");
}

// Each of its leases must still be what the reply says.
TEST(Ipv6Worker, AReplyOfWhichOneLeaseHasEndedIsStale) {
    for (const int ended : {1, 2, 3}) {
        const Lab lab{{.has_journal = true}};
        lab.inject(request_of_three(1));
        lab.settle();
        const auto states = lab.take();
        ASSERT_EQ(states.size(), 3u);
        const journal::UnitKey& key = states[static_cast<std::size_t>(ended - 1)].key;
        const auto kind = key.kind == journal::UnitKind::kIpv6Prefix
                              ? lease::SpaceKind::kIpv6Prefix
                              : lease::SpaceKind::kIpv6Address;
        const lease::Unit unit =
            lab.registry.ipv6().find_unit(kind, {Ipv6{key.address}, key.length}).value();
        lab.at().shard().release(unit);
        lab.store();
        EXPECT_EQ(lab.replies().size(), 0u) << ended;
        EXPECT_EQ(lab.dropped(Shed::kStale), 1u) << ended;
        EXPECT_EQ(lab.check(), "");
    }
}

TEST(Ipv6Worker, ManyAssociationsOfOneMessageLeaveTheOthersTheirPlaces) {
    model::Configuration configuration = testing::small_configuration6();
    configuration.dhcp6.subnets[0].pools[0].last = *parse_ipv6("2001:db8:1::1fff");
    const Lab lab{{.has_journal = true, .configuration = configuration}};
    Message6 many{Message6::kRequest, 1};
    for (std::uint32_t iaid = 1; iaid <= engine::v6::kMaxUnitsPerMessage; ++iaid) {
        many.na(iaid);
    }
    lab.inject(many);
    lab.inject(Message6{Message6::kRequest, 2}.na(1), 2);
    lab.settle();
    EXPECT_EQ(lab.take().size(), engine::v6::kMaxUnitsPerMessage + 1);
    lab.rings[0]->release();
    lab.settle();
    const auto replies = lab.replies();
    ASSERT_EQ(replies.size(), 2u);
    std::set<std::string> addresses{replies[1].na(1).lease()};
    for (std::uint32_t iaid = 1; iaid <= engine::v6::kMaxUnitsPerMessage; ++iaid) {
        addresses.insert(replies[0].na(iaid).lease());
    }
    EXPECT_EQ(addresses.size(), engine::v6::kMaxUnitsPerMessage + 1) << "nothing twice";
    EXPECT_EQ(lab.check(), "");
}

TEST(Ipv6Worker, WhatStillWaitsAtTheEndIsDroppedOnce) {
    const Lab lab{{.has_journal = true}};
    lab.inject(request_of_three(1));
    lab.settle();
    lab.at().replace_ports({});
    EXPECT_EQ(lab.dropped(Shed::kPortGone), 1u);
    lab.store();
    EXPECT_EQ(lab.dropped(Shed::kStale), 0u);
    EXPECT_EQ(lab.check(), "");
    EXPECT_EQ(lab.frames().size(), 0u);
}

// No more than half of a port's frames wait; what would need a record then is not decided.
TEST(Ipv6Worker, WithoutRoomToWaitNothingIsGranted) {
    model::Configuration configuration = testing::small_configuration6();
    configuration.dhcp6.subnets[0].pools[0].last = *parse_ipv6("2001:db8:1::1fff");
    const Lab lab{{.has_journal = true, .configuration = configuration, .tx_frame_count = 8}};
    for (int client = 1; client <= 6; ++client) {
        lab.inject(Message6{Message6::kRequest, client}.na(1).na(2), client);
        lab.settle();
    }
    EXPECT_EQ(lab.at().counters().in_flight(), 4u);
    EXPECT_EQ(lab.dropped(Shed::kJournalBacklog), 2u);
    EXPECT_EQ(lab.take().size(), 8u);
    lab.rings[0]->release();
    lab.settle();
    EXPECT_EQ(lab.replies().size(), 4u);
    EXPECT_EQ(lab.check(), "");
}

// == Several workers ==

TEST(Ipv6Worker, AMessageIsDecidedWhereItsClientIsKnown) {
    const Lab lab{{.count = 2}};
    const int client = lab.client_of(1);
    lab.inject(Message6{Message6::kSolicit, client}.na(1).pd(9), client, 0);
    lab.settle();
    const auto advertised = lab.replies(0);
    ASSERT_EQ(advertised.size(), 1u) << "by the queue that it came by";
    lab.inject(Message6{Message6::kRequest, client}
                   .na(1, {advertised[0].na(1).lease()})
                   .pd(9, {advertised[0].pd(9).lease()}),
               client, 1);
    lab.settle();
    const auto replied = lab.replies(1);
    ASSERT_EQ(replied.size(), 1u);
    EXPECT_EQ(replied[0].na(1).lease(), advertised[0].na(1).lease());
    EXPECT_EQ(replied[0].pd(9).lease(), advertised[0].pd(9).lease());
    EXPECT_EQ(lab.at(0).counters().handed_over.value(), 1u);
    EXPECT_EQ(lab.at(1).counters().taken_over.value(), 1u);
    EXPECT_EQ(lab.at(0).counters().answered.value(), 1u);
    EXPECT_EQ(lab.check(), "");
}

TEST(Ipv6Worker, AReplyOfAnotherWorkerWaitsForAllItsRecordsToo) {
    const Lab lab{{.count = 2, .has_journal = true}};
    const int client = lab.client_of(1);
    lab.inject(request_of_three(client), client, 0);
    lab.settle();
    EXPECT_EQ(lab.frames(0).size(), 0u);
    EXPECT_EQ(lab.take(0).size(), 0u);
    EXPECT_EQ(lab.take(1).size(), 3u) << "in the ring of who decides";
    lab.rings[1]->release();
    lab.settle();
    ASSERT_EQ(lab.replies(0).size(), 1u);
    EXPECT_EQ(lab.frames(1).size(), 0u);
    EXPECT_EQ(lab.check(), "");
}

TEST(Ipv6Worker, WhoNamesNoClientIsAnsweredByTheReceiver) {
    RecordProperty("rfc", "8415 18.3.6");
    const Lab lab{{.count = 2}};
    for (const std::uint32_t queue : {0u, 1u}) {
        lab.inject(Message6::empty(Message6::kInformationRequest), 1, queue);
        lab.settle();
        EXPECT_EQ(lab.replies(queue).size(), 1u);
    }
    EXPECT_EQ(lab.at(0).counters().handed_over.value(), 0u);
    EXPECT_EQ(lab.check(), "");
}

}  // namespace
}  // namespace xdhcpd::worker
