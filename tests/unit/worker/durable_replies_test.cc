// An ACK leaves only when its lease is on stable storage. The test plays the journal: it takes
// records off the ring and says when they are stored.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>

#include "engine/decide.h"
#include "journal/codec/record.h"
#include "journal/ring.h"
#include "support/worker_lab.h"

namespace xdhcpd::worker {
namespace {

using dhcp4::MessageType;
using journal::UnitStatus;
using testing::Bytes;
using testing::kEth1;
using testing::Message;

constexpr std::uint64_t kBootEpoch = 1'700'000'000;
std::uint32_t now_seconds = 1000;

Message selecting(int client, std::string_view address) {
    Message message{3, client};
    message.option_address(50, address).option_address(54, "192.0.2.1");
    return message;
}
Message renewing(int client, std::string_view address, std::uint32_t xid) {
    Message message{3, client};
    message.ciaddr(address).xid(xid);
    return message;
}

class DurableRepliesTest : public ::testing::Test {
  protected:
    explicit DurableRepliesTest(bool early = false, std::uint32_t tx_frames = 64)
        : ring_{1, early, waker_},
          lab_{{.port = {.interface_name = "m",
                         .queue = 0,
                         .rx_frame_count = 256,
                         .tx_frame_count = tx_frames,
                         .frame_len = 2048},
                .clock = []() noexcept { return BootTime{std::chrono::seconds{now_seconds}}; },
                .more_ports = {},
                .ring = &ring_,
                .disk_time = DiskTime{kBootEpoch},
                .limits = {}}} {
        now_seconds = 1000;
    }

    // Types of the replies that left.
    std::vector<MessageType> send(const Message& message) {
        EXPECT_TRUE(lab_.port->inject(testing::udp_frame({}, message.payload()), kEth1));
        lab_.worker->step();
        return sent();
    }
    std::vector<MessageType> sent() {
        std::vector<MessageType> types;
        for (const Bytes& frame : lab_.port->take_sent()) {
            dhcp4::MessageView message;
            EXPECT_TRUE(message.parse(FrameView::parse(frame).value().payload));
            types.push_back(message.type());
        }
        return types;
    }
    // What waits in the ring, oldest first.
    std::vector<journal::UnitState> take() {
        std::vector<journal::UnitState> states;
        for (ByteView record = ring_.take(); !record.empty(); record = ring_.take()) {
            states.push_back(journal::decode(record).value());
        }
        return states;
    }
    std::vector<MessageType> store() {
        static_cast<void>(take());
        ring_.release();
        lab_.worker->step();
        return sent();
    }
    [[nodiscard]] std::uint64_t dropped(engine::DropReason reason) const {
        return lab_.worker->counters().dropped[reason.index()].value();
    }

    using Types = std::vector<MessageType>;
    journal::Waker waker_;
    journal::Ring ring_;
    testing::WorkerLab lab_;
};

TEST_F(DurableRepliesTest, AnOfferWaitsForNothingAndAnAckForItsRecord) {
    RecordProperty("rfc", "2131 3.1");
    EXPECT_EQ(send(Message{1, 1}), Types{MessageType::kOffer});
    EXPECT_EQ(send(selecting(1, "192.0.2.10")), Types{});
    EXPECT_EQ(lab_.worker->counters().in_flight(), 1u);
    const auto states = take();
    ASSERT_EQ(states.size(), 1u);
    EXPECT_EQ(to_string(states[0].key.to_ipv4()), "192.0.2.10");
    EXPECT_EQ(states[0].status, UnitStatus::kLeased);
    EXPECT_EQ(states[0].told_expiry, kBootEpoch + 1000 + 3600);
    EXPECT_EQ(states[0].expiry, kBootEpoch + 1000 + 2 * 3600 + engine::kLeaseSlack);
    EXPECT_EQ(states[0].mac, testing::mac(1));
    EXPECT_FALSE(states[0].identity.empty());
    lab_.worker->step();
    EXPECT_EQ(sent(), Types{}) << "taken is not stored";
    ring_.release();
    lab_.worker->step();
    EXPECT_EQ(sent(), Types{MessageType::kAck});
    EXPECT_EQ(lab_.worker->counters().in_flight(), 0u);
    EXPECT_EQ(lab_.worker->counters().answered.value(), 2u);
}

TEST_F(DurableRepliesTest, ARetransmissionWaitsForTheSameRecord) {
    send(Message{1, 1});
    EXPECT_EQ(send(selecting(1, "192.0.2.10")), Types{});
    EXPECT_EQ(send(selecting(1, "192.0.2.10")), Types{});
    EXPECT_EQ(take().size(), 1u) << "one record for both";
    EXPECT_EQ(store(), (Types{MessageType::kAck, MessageType::kAck}));
    EXPECT_EQ(send(selecting(1, "192.0.2.10")), Types{MessageType::kAck}) << "stored already";
}

TEST_F(DurableRepliesTest, ARenewalInsideTheHorizonWaitsOnlyWhileTheLastRecordDoes) {
    send(Message{1, 1});
    send(selecting(1, "192.0.2.10"));
    EXPECT_EQ(send(renewing(1, "192.0.2.10", 77)), Types{});
    // The first reply is older than what its client asked for since.
    EXPECT_EQ(store(), Types{MessageType::kAck});
    EXPECT_EQ(dropped(engine::Shed::kStale), 1u);
    EXPECT_EQ(send(renewing(1, "192.0.2.10", 78)), Types{MessageType::kAck});
    EXPECT_TRUE(take().empty());
}

TEST_F(DurableRepliesTest, AReleaseIsWrittenWithItsFormerTenant) {
    send(Message{1, 1});
    send(selecting(1, "192.0.2.10"));
    store();
    Message release{7, 1};
    release.ciaddr("192.0.2.10").option_address(54, "192.0.2.1");
    send(release);
    const auto states = take();
    ASSERT_EQ(states.size(), 1u);
    EXPECT_EQ(states[0].status, UnitStatus::kReleased);
    EXPECT_FALSE(states[0].identity.empty());
    EXPECT_GT(states[0].version, 1u);
}

TEST_F(DurableRepliesTest, AReplyToALeaseThatWasReleasedMeanwhileDoesNotLeave) {
    send(Message{1, 1});
    send(selecting(1, "192.0.2.10"));
    Message release{7, 1};
    release.ciaddr("192.0.2.10").option_address(54, "192.0.2.1");
    send(release);
    EXPECT_EQ(store(), Types{});
    EXPECT_EQ(dropped(engine::Shed::kStale), 1u);
    EXPECT_EQ(lab_.worker->counters().in_flight(), 0u);
}

// Whoever sees the whole second in which it began may be a second late.
TEST_F(DurableRepliesTest, AReplyThatWaitedAsLongAsTheSlackDoesNotLeave) {
    send(Message{1, 1});
    send(selecting(1, "192.0.2.10"));
    now_seconds += engine::kLeaseSlack - 1;
    EXPECT_EQ(store(), Types{MessageType::kAck});
    send(Message{1, 2});
    send(selecting(2, "192.0.2.11"));
    now_seconds += engine::kLeaseSlack;
    EXPECT_EQ(store(), Types{});
    EXPECT_EQ(dropped(engine::Shed::kStale), 1u);
}

TEST_F(DurableRepliesTest, WhenTheDiskStandsStillOffersAndRenewalsGoOn) {
    send(Message{1, 1});
    send(selecting(1, "192.0.2.10"));
    store();
    int client = 100;
    std::uint64_t acknowledged = 0;
    while (dropped(engine::Shed::kJournalBacklog) == 0) {
        const auto offer = send(Message{1, client});
        if (offer.empty()) {
            break;
        }
        Message request{3, client};
        request.option_address(50, "192.0.2." + std::to_string(11 + acknowledged))
            .option_address(54, "192.0.2.1");
        send(request);
        ++acknowledged;
        ++client;
    }
    // The pool is the smaller limit here: nine units are left in it.
    EXPECT_EQ(lab_.port->parked(), acknowledged);
    EXPECT_EQ(send(renewing(1, "192.0.2.10", 5)), Types{MessageType::kAck});
    EXPECT_EQ(store().size(), acknowledged);
    EXPECT_EQ(lab_.port->parked(), 0u);
}

class FewFramesTest : public DurableRepliesTest {
  protected:
    FewFramesTest() : DurableRepliesTest{false, 8} {}
};

TEST_F(FewFramesTest, HalfOfThePortsFramesWaitAndNoMore) {
    for (int client = 1; client <= 6; ++client) {
        EXPECT_EQ(send(Message{1, client}), Types{MessageType::kOffer}) << client;
        send(selecting(client, "192.0.2." + std::to_string(9 + client)));
    }
    EXPECT_EQ(lab_.port->parked(), 4u);
    EXPECT_EQ(dropped(engine::Shed::kJournalBacklog), 2u);
    // Who is refused keeps the offer, and gets the lease when there is room again.
    EXPECT_EQ(store(), Types(4, MessageType::kAck));
    EXPECT_EQ(send(selecting(5, "192.0.2.14")), Types{});
    EXPECT_EQ(store(), Types{MessageType::kAck});
    EXPECT_EQ(lab_.port->tx_frames_out(), 0u);
}

TEST_F(FewFramesTest, ARenewalThatWouldWaitWithoutRoomIsRefused) {
    for (int client = 1; client <= 4; ++client) {
        send(Message{1, client});
        send(selecting(client, "192.0.2." + std::to_string(9 + client)));
    }
    EXPECT_EQ(send(renewing(1, "192.0.2.10", 9)), Types{});
    EXPECT_EQ(dropped(engine::Shed::kJournalBacklog), 1u);
    EXPECT_EQ(lab_.port->parked(), 4u);
}

TEST_F(DurableRepliesTest, APortThatGoesTakesItsRepliesAlong) {
    send(Message{1, 1});
    send(selecting(1, "192.0.2.10"));
    lab_.worker->replace_ports({});
    EXPECT_EQ(lab_.port->parked(), 0u);
    EXPECT_EQ(lab_.port->tx_frames_out(), 0u);
    EXPECT_EQ(dropped(engine::Shed::kPortGone), 1u);
    lab_.port.reset();
    static_cast<void>(take());
    ring_.release();
    lab_.worker->step();
    EXPECT_EQ(lab_.worker->counters().in_flight(), 0u);
}

TEST(DrainTest, AReplyThatIsNotStoredByTheEndIsCounted) {
    static std::atomic<std::int64_t> milliseconds;
    milliseconds = 1'000'000;
    journal::Waker waker;
    journal::Ring ring{1, false, waker};
    testing::WorkerLabOptions options;
    options.clock = []() noexcept { return BootTime{std::chrono::milliseconds{++milliseconds}}; };
    options.ring = &ring;
    testing::WorkerLab lab{options};
    Message request{3, 1};
    request.option_address(50, "192.0.2.10").option_address(54, "192.0.2.1");
    ASSERT_TRUE(lab.port->inject(testing::udp_frame({}, request.payload()), kEth1));
    lab.worker->stop();
    lab.worker->run();
    const WorkerCounters& counters = lab.worker->counters();
    EXPECT_EQ(counters.dropped[engine::DropReason{engine::Shed::kNotStored}.index()].value(), 1u);
    EXPECT_EQ(counters.in_flight(), 0u);
    EXPECT_EQ(lab.port->parked(), 0u);
    EXPECT_EQ(lab.worker->drop_log().newest(1).at(0).client, testing::mac(1));
}

class AsyncRepliesTest : public DurableRepliesTest {
  protected:
    AsyncRepliesTest() : DurableRepliesTest{true} {}
};

TEST_F(AsyncRepliesTest, AnAckLeavesWithItsBatch) {
    send(Message{1, 1});
    EXPECT_EQ(send(selecting(1, "192.0.2.10")), Types{MessageType::kAck});
    EXPECT_EQ(take().size(), 1u);
}

}  // namespace
}  // namespace xdhcpd::worker
