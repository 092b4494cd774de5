// Several workers on memory ports: who knows a client decides, whoever receives its messages.
#include "worker/worker_group.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "journal/codec/record.h"
#include "support/worker_group_lab.h"
#include "worker/lease_recovery.h"

namespace xdhcpd::worker {
namespace {

using dhcp4::MessageType;
using model::IdentifierKind;
using testing::Bytes;
using testing::bytes;
using testing::kEth1;
using testing::Message;
using testing::WorkerGroupLab;
using testing::WorkerGroupLabOptions;

TEST(WorkerGroupTest, AClientGetsTheSameLeaseByWhateverQueueItComes) {
    const WorkerGroupLab lab{{.count = 3}};
    std::set<std::string> addresses;
    for (int client = 1; client <= 90; ++client) {
        const std::string address = lab.lease(Message{0, client}, client % 3, client / 3 % 3);
        EXPECT_TRUE(addresses.insert(address).second) << client << " " << address;
        EXPECT_EQ(lab.lease(Message{0, client}, (client + 1) % 3, client % 3), address);
    }
    std::uint64_t taken_over = 0;
    for (std::uint32_t id = 0; id < 3; ++id) {
        EXPECT_GT(lab.at(id).shard_counters().index_entries.value(), 10u);
        EXPECT_GT(lab.at(id).counters().handed_over.value(), 10u);
        taken_over += lab.at(id).counters().taken_over.value();
    }
    EXPECT_GT(taken_over, 100u);
    EXPECT_EQ(lab.check(), "");
    for (const auto& port : lab.ports) {
        EXPECT_EQ(port->tx_frames_out(), 0u);
    }
}

TEST(WorkerGroupTest, TheReceiverCountsAndTheOwnerExplains) {
    const WorkerGroupLab lab;
    Message reboot{3, lab.client_of(1)};  // unknown: no answer
    reboot.option_address(50, "10.77.1.9");
    lab.inject(0, reboot);
    lab.settle();
    EXPECT_EQ(lab.at(0).counters().received.value(), 1u);
    EXPECT_EQ(lab.dropped(0, engine::Refusal::kUnknownClient), 1u);
    EXPECT_EQ(lab.dropped(1, engine::Refusal::kUnknownClient), 0u);
    EXPECT_TRUE(lab.at(0).drop_log().newest(1).empty());
    const auto drops = lab.at(1).drop_log().newest(2);
    ASSERT_EQ(drops.size(), 1u);
    EXPECT_EQ(drops[0].queue, 0u) << "of the port that received it";
    EXPECT_EQ(to_string(drops[0].address), "10.77.1.9");

    lab.inject(0, Message{1, lab.client_of(1)});
    lab.settle();
    EXPECT_EQ(lab.at(0).counters().answered.value(), 1u);
    EXPECT_EQ(lab.at(0).counters().latency.count(), 1u);
    EXPECT_EQ(lab.at(0).counters().sent_by_type[2].value(), 1u);
    EXPECT_EQ(lab.at(1).counters().answered.value(), 0u);
    EXPECT_EQ(lab.sent(0).size(), 1u);
    EXPECT_TRUE(lab.sent(1).empty());
    EXPECT_EQ(lab.check(), "");
}

TEST(WorkerGroupTest, ACaptureShowsWhatIsHandedOverOnceAndWithItsPort) {
    const WorkerGroupLab lab;
    Tap first{{}};
    Tap second{{}};
    lab.at(0).taps().attach(first);
    lab.at(1).taps().attach(second);
    lab.inject(0, Message{1, lab.client_of(1)});
    lab.settle();
    EXPECT_EQ(first.taken(), 0u);
    ASSERT_EQ(second.taken(), 2u);
    EXPECT_EQ(second.front()->record.queue, 0u);
    EXPECT_FALSE(second.front()->record.outbound);
    second.pop();
    EXPECT_TRUE(second.front()->record.outbound);
}

// A slot that brought a long message brings short ones afterwards.
TEST(WorkerGroupTest, LongMessagesAreAnsweredAsWell) {
    const WorkerGroupLab lab{{.message_slots = 1, .port = {.frame_len = 16384}}};
    for (const int long_options : {25, 0, 25, 0}) {
        Message message{1, lab.client_of(1)};
        for (int i = 0; i < long_options; ++i) {
            message.option(150 + i, Bytes(200));
        }
        lab.inject(0, message);
        lab.settle();
        EXPECT_EQ(lab.sent(0).size(), 1u) << long_options;
    }
    EXPECT_EQ(lab.check(), "");
}

TEST(WorkerGroupTest, AFullRingShedsAndCounts) {
    const WorkerGroupLab lab{{.message_slots = 4}};
    int client = 0;
    for (int i = 0; i < 10; ++i) {
        client = lab.client_of(1, client + 1);
        lab.inject(0, Message{1, client});
    }
    lab.at(0).step();  // all ten; the other does not move meanwhile
    EXPECT_EQ(lab.dropped(0, engine::Shed::kHandOverFull), 6u);
    EXPECT_EQ(lab.at(0).counters().in_flight(), 4u);
    lab.settle();
    EXPECT_EQ(lab.sent(0).size(), 4u);
    EXPECT_EQ(lab.check(), "");
}

// The receiver stood still while the reply was in the ring. By now somebody else may have the
// address.
TEST(WorkerGroupTest, AnAckThatComesBackTooLateDoesNotLeave) {
    static BootTime now;
    for (const std::uint32_t late : {0u, 1u}) {
        now = BootTime{std::chrono::seconds{1000}};
        const WorkerGroupLab lab{{.clock = []() noexcept { return now; }}};
        const int client = lab.client_of(1);
        lab.inject(0, Message{1, client});
        lab.settle();
        Message request{3, client};
        request.option_address(50, lab.sent(0).at(0).yiaddr).option_address(54, "10.77.0.1");
        lab.inject(0, request);
        lab.at(0).step();
        now += std::chrono::milliseconds{10'900};
        lab.at(1).step();
        // The lease began with the second, and so does its end.
        now += std::chrono::seconds{engine::kLeaseSlack - 1 + late};
        lab.settle();
        EXPECT_EQ(lab.sent(0).size(), 1 - late);
        EXPECT_EQ(lab.dropped(0, engine::Shed::kStale), late);
        const auto drops = lab.at(0).drop_log().newest(1);
        ASSERT_EQ(drops.size(), late);
        if (late != 0) {
            EXPECT_EQ(drops[0].client, testing::mac(client));
        }
        EXPECT_EQ(lab.ports[0]->tx_frames_out(), 0u);
        EXPECT_EQ(lab.check(), "");
    }
}

TEST(WorkerGroupTest, AMessageWhoseClientChangedItsShardOnTheWayIsNotDecidedTwice) {
    auto configuration = WorkerGroupLabOptions::large_configuration();
    WorkerGroupLab lab;
    // Known by a client identifier on shard 1, and by its hardware address, reserved, on shard 0.
    const int client = lab.client_of(0);
    Bytes id = bytes({0, 0});
    while (lab.shard_of(Message{1, client}.option(61, id)) != 1) {
        id[1] = static_cast<std::byte>(std::to_integer<int>(id[1]) + 1);
    }
    lab.inject(0, Message{1, client}.option(61, id));
    lab.at(0).step();
    model::ReservationConfiguration reservation;
    Bytes hw = bytes({1});
    testing::append(hw, testing::mac(client).bytes());
    reservation.identifier = {IdentifierKind::kHwAddress, hw};
    reservation.address = testing::ip("10.77.1.200");
    configuration.dhcp4.subnets[0].reservations = {reservation};
    lab.publish(configuration);
    lab.settle();
    EXPECT_EQ(lab.dropped(0, engine::Shed::kHandOverMoved), 1u);
    EXPECT_EQ(lab.lease(Message{0, client}.option(61, id), 1, 0), "10.77.1.200");
    EXPECT_EQ(lab.check(), "");
}

// Whatever identifiers a message has beside it.
TEST(WorkerGroupTest, MessagesOfOneReservationMeetInOneShard) {
    auto configuration = WorkerGroupLabOptions::large_configuration();
    std::vector<model::ReservationConfiguration>& reservations =
        configuration.dhcp4.subnets[0].reservations;
    Bytes hw = bytes({1});
    testing::append(hw, testing::mac(1).bytes());
    reservations.resize(2);
    reservations[0].identifier = {IdentifierKind::kHwAddress, hw};
    reservations[0].address = testing::ip("10.77.1.200");
    reservations[1].identifier = {IdentifierKind::kClientId, bytes({0, 'x'})};
    reservations[1].address = testing::ip("10.77.1.201");
    const WorkerGroupLab lab{{.count = 3, .configuration = configuration}};
    for (int i = 0; i < 20; ++i) {
        const auto queue = static_cast<std::uint32_t>(i % 3);
        EXPECT_EQ(lab.lease(Message{0, 1}.option(61, {255, i, i}), queue, (queue + 1) % 3),
                  "10.77.1.200");
        EXPECT_EQ(lab.lease(Message{0, 100 + i}.option(61, {0, 'x'}), queue, (queue + 2) % 3),
                  "10.77.1.201");
    }
    EXPECT_EQ(lab.check(), "");
}

TEST(WorkerGroupTest, ARoutedReplyLeavesByTheRouteOfThePortThatReceived) {
    const WorkerGroupLab lab;
    MemoryPort route{{.interface_name = "route", .role = PortRole::kRoute}};
    lab.ports[0]->set_route(&route);
    lab.group->replace_ports({{lab.ports[0].get(), &route}, {lab.ports[1].get()}});
    const int client = lab.client_of(1);
    lab.inject(0, Message{1, client}.giaddr("10.77.0.200"));
    lab.settle();
    EXPECT_EQ(route.take_sent().size(), 1u);
    EXPECT_TRUE(lab.ports[0]->take_sent().empty());
    lab.inject(0, Message{1, client});  // nothing to route
    lab.settle();
    EXPECT_EQ(lab.ports[0]->take_sent().size(), 1u);
    EXPECT_EQ(route.tx_frames_out(), 0u);
    EXPECT_EQ(lab.check(), "");
    lab.group->replace_ports({{}, {}});
}

// A flood that comes by one way is held to one limit, however many shards share it.
TEST(WorkerGroupTest, OpenOffersAreLimitedOverAllShards) {
    auto configuration = WorkerGroupLabOptions::large_configuration();
    configuration.dhcp4.max_offers_per_relay = 40;
    const WorkerGroupLab lab{{.configuration = configuration}};
    for (int client = 1; client <= 200; ++client) {
        lab.inject(0, Message{1, client});
        lab.settle();
    }
    EXPECT_EQ(lab.sent(0).size(), 40u);
    EXPECT_EQ(lab.dropped(0, engine::Refusal::kOfferLimit), 160u);
}

// What two workers have written is read by three: each client finds its lease again.
TEST(WorkerGroupTest, LeasesGoToTheShardsOfTheirClientsWhenTheirNumberChanges) {
    constexpr std::uint64_t kBootEpoch = 1'700'000'000;
    WorkerGroupLab before{{.has_journal = true}};
    std::map<int, std::string> leases;
    for (int client = 1; client <= 60; ++client) {
        before.inject(0, Message{1, client});
        before.settle();
        Message request{3, client};
        leases[client] = before.sent(0).at(0).yiaddr;
        request.option_address(50, leases[client]).option_address(54, "10.77.0.1");
        before.inject(1, request);
        before.settle();
    }
    WorkerGroupLab after{{.count = 3}};
    std::vector<lease::Shard*> shards;
    for (Worker* const worker : after.group->all()) {
        shards.push_back(&worker->shard());
    }
    LeaseRecovery recovery{
        after.slot.newest(), after.registry.ipv6(), shards, DiskTime{kBootEpoch}, {1000}, {}};
    for (const auto& ring : before.rings) {
        for (ByteView record = ring->take(); !record.empty(); record = ring->take()) {
            recovery.add(journal::decode(record).value());
        }
    }
    recovery.finish();
    EXPECT_EQ(recovery.counts().leases, 60u);
    for (const auto& [client, address] : leases) {
        Message reboot{3, client};
        reboot.option_address(50, address);
        after.inject(static_cast<std::uint32_t>(client % 3), reboot);
        after.settle();
        const auto sent = after.sent(static_cast<std::uint32_t>(client % 3));
        ASSERT_EQ(sent.size(), 1u);
        EXPECT_EQ(sent[0].type, MessageType::kAck);
        EXPECT_EQ(sent[0].yiaddr, address);
    }
    EXPECT_EQ(after.check(), "");
}

// A subnet that comes by a reload: each shard takes what is its own.
TEST(WorkerGroupTest, ForeignLeasesAreAdoptedByTheShardsOfTheirClients) {
    WorkerGroupLab lab{{.count = 3}};
    std::vector<lease::Shard*> shards;
    for (Worker* const worker : lab.group->all()) {
        shards.push_back(&worker->shard());
    }
    LeaseRecovery recovery{
        lab.slot.newest(), lab.registry.ipv6(), shards, DiskTime{1'700'000'000}, {1000}, {}};
    std::vector<Bytes> identities;
    for (int client = 1; client <= 30; ++client) {
        Bytes identity = bytes({1, 1});
        testing::append(identity, testing::mac(client).bytes());
        journal::UnitState state;
        state.key = journal::UnitKey::ipv4(testing::ip("10.78.1." + std::to_string(client)));
        state.version = 3;
        state.status = client <= 20 ? journal::UnitStatus::kLeased : journal::UnitStatus::kDeclined;
        state.expiry = 1'700'005'000;
        state.identity = client <= 20 ? ByteView{identity} : ByteView{};
        recovery.add(state);
    }
    EXPECT_EQ(recovery.counts().foreign, 30u);
    auto configuration = WorkerGroupLabOptions::large_configuration();
    configuration.dhcp4.subnets.push_back(configuration.dhcp4.subnets[0]);
    configuration.dhcp4.subnets[1].prefix = parse_ipv4_prefix("10.78.0.0/16").value();
    configuration.dhcp4.subnets[1].interface.clear();
    configuration.dhcp4.subnets[1].pools.clear();
    lab.publish(configuration);
    for (std::uint32_t id = 0; id < 3; ++id) {
        recovery.adopt(lab.slot.newest(), {1000}, id);
        EXPECT_GT(shards[id]->counters().index_entries.value(), 2u);
    }
    EXPECT_EQ(recovery.counts().foreign, 0u);
    EXPECT_EQ(recovery.counts().leases, 20u);
    EXPECT_EQ(recovery.counts().declined, 10u);
    EXPECT_EQ(lab.check(), "");
}

class StoredGroupTest : public ::testing::Test {
  protected:
    StoredGroupTest() : lab_{{.port = {.tx_frame_count = 16}, .has_journal = true}} {}
    // An ACK by queue 0 of a client of shard 1 that waits there for its record.
    void wait_abroad(int client) {
        lab_.inject(0, Message{1, client});
        lab_.settle();
        const auto offers = lab_.sent(0);
        ASSERT_EQ(offers.size(), 1u);
        Message request{3, client};
        request.option_address(50, offers[0].yiaddr).option_address(54, "10.77.0.1");
        lab_.inject(0, request);
        lab_.settle();
    }

    WorkerGroupLab lab_;
};

TEST_F(StoredGroupTest, AReplyWaitsAtTheOwnerInAFrameOfTheReceiver) {
    RecordProperty("rfc", "2131 3.1");
    wait_abroad(lab_.client_of(1));
    EXPECT_TRUE(lab_.sent(0).empty());
    EXPECT_EQ(lab_.at(0).counters().in_flight(), 1u);
    EXPECT_EQ(lab_.ports[0]->parked(), 1u);
    EXPECT_GT(lab_.rings[1]->undurable_states(), 0u);
    EXPECT_EQ(lab_.rings[0]->undurable_states(), 0u);
    lab_.store_records();
    lab_.settle();
    const auto sent = lab_.sent(0);
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0].type, MessageType::kAck);
    EXPECT_EQ(lab_.ports[0]->tx_frames_out(), 0u);
    EXPECT_EQ(lab_.check(), "");
}

TEST_F(StoredGroupTest, HalfOfThePortsFramesWaitWhereverThatIs) {
    int client = 0;
    for (int i = 0; i < 12; ++i) {
        client = lab_.client_of(i % 2, client + 1);
        wait_abroad(client);
    }
    EXPECT_EQ(lab_.ports[0]->parked(), 8u);
    EXPECT_EQ(lab_.dropped(0, engine::Shed::kJournalBacklog), 4u);
    lab_.store_records();
    lab_.settle();
    EXPECT_EQ(lab_.sent(0).size(), 8u);
    EXPECT_EQ(lab_.ports[0]->tx_frames_out(), 0u);
    EXPECT_EQ(lab_.check(), "");
}

TEST_F(StoredGroupTest, APortThatGoesGetsItsFramesBackFromEverywhere) {
    wait_abroad(lab_.client_of(1));
    lab_.inject(0, Message{1, lab_.client_of(1, 50)});
    lab_.at(0).step();                                   // on its way
    lab_.inject(0, Message{1, lab_.client_of(1, 100)});  // has arrived
    lab_.group->replace_ports({{}, {lab_.ports[1].get()}});
    EXPECT_EQ(lab_.dropped(0, engine::Shed::kPortGone), 1u);
    EXPECT_EQ(lab_.sent(0).size(), 2u) << "what needs no record is answered";
    EXPECT_EQ(lab_.ports[0]->tx_frames_out(), 0u);
    EXPECT_EQ(lab_.ports[0]->parked(), 0u);
    EXPECT_EQ(lab_.check(), "");
    EXPECT_EQ(lab_.at(0).port_totals()[0].tx_frames, 3u) << "counted with the last of them";
    lab_.ports[0].reset();
    lab_.store_records();
    lab_.settle();
    EXPECT_EQ(lab_.check(), "");
}

TEST_F(StoredGroupTest, APortThatStaysKeepsWhatWaitsForIt) {
    wait_abroad(lab_.client_of(1));
    lab_.group->replace_ports({{lab_.ports[0].get()}, {}});
    lab_.store_records();
    lab_.settle();
    EXPECT_EQ(lab_.sent(0).size(), 1u);
    EXPECT_EQ(lab_.check(), "");
}

TEST(WorkerGroupThreadsTest, WhatHasArrivedIsAnsweredBeforeTheEnd) {
    const WorkerGroupLab lab{{.count = 3}};
    for (int client = 1; client <= 150; ++client) {
        lab.inject(static_cast<std::uint32_t>(client % 3), Message{1, client});
    }
    lab.group->start([](std::uint32_t) {});
    lab.group->stop();
    std::size_t sent = 0;
    for (std::uint32_t queue = 0; queue < 3; ++queue) {
        sent += lab.sent(queue).size();
    }
    EXPECT_EQ(sent, 150u);
    EXPECT_EQ(lab.check(), "");
}

BootTime real_clock() noexcept {
    timespec time{};
    static_cast<void>(clock_gettime(CLOCK_BOOTTIME, &time));
    return BootTime{std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec}};
}

TEST(WorkerGroupThreadsTest, TheEndDoesNotWaitForADiskThatStandsStill) {
    const WorkerGroupLab lab{{.clock = real_clock, .has_journal = true}};
    const int client = lab.client_of(1);
    lab.inject(0, Message{1, client});
    lab.settle();
    Message request{3, client};
    request.option_address(50, lab.sent(0).at(0).yiaddr).option_address(54, "10.77.0.1");
    lab.inject(0, request);
    lab.group->start([](std::uint32_t) {});
    lab.group->stop();
    EXPECT_EQ(lab.dropped(0, engine::Shed::kNotStored), 1u);
    EXPECT_EQ(lab.ports[0]->tx_frames_out(), 0u);
    EXPECT_EQ(lab.check(), "");
}

// Feeds itself: its worker's thread makes the frames that arrive and looks at what is sent.
class Player final : public MemoryPort {
  public:
    Player(std::uint32_t queue, int clients, std::uint64_t rounds)
        : MemoryPort{{.interface_name = "m", .queue = queue}}, clients_{clients}, rounds_{rounds} {}

    ~Player() override { close(event_fd_); }

    std::size_t receive(std::span<RxFrame> batch) override {
        // Now and then nothing, so that a port may leave.
        const bool is_silent = ++calls_ % 8 == 0;
        for (int i = 0; !is_silent && i < 16 && made_ < rounds_; ++i) {
            // Every queue brings messages of every client.
            const int client = 1 + static_cast<int>(made_ * 7 + queue()) % clients_;
            Message message{made_ % 2 == 0 ? 1 : 3, client};
            if (made_ % 2 != 0) {
                const auto offered = offers_.find(client);
                message = Message{offered == offers_.end() ? 1 : 3, client};
                if (offered != offers_.end()) {
                    message.option_address(50, offered->second).option_address(54, "10.77.0.1");
                }
            }
            if (!inject(testing::udp_frame({}, message.payload()), kEth1)) {
                break;
            }
            ++made_;
        }
        is_over_ = made_ >= rounds_;
        return MemoryPort::receive(batch);
    }
    void flush() override {
        MemoryPort::flush();
        drain_sent([this](ByteView frame, const TxInfo&) {
            dhcp4::MessageView message;
            if (!message.parse(FrameView::parse(frame).value().payload)) {
                ++broken;
                return;
            }
            const Mac mac = Mac::load(message.chaddr().data());
            const int client = (std::to_integer<int>(mac.octets[4]) - 0x53) * 256 +
                               std::to_integer<int>(mac.octets[5]);
            if (message.type() == MessageType::kOffer) {
                offers_[client] = to_string(message.yiaddr());
            } else if (message.type() == MessageType::kAck) {
                granted[client].insert(to_string(message.yiaddr()));
            }
        });
    }
    // Always readable: nobody sleeps for long while there is more to come.
    [[nodiscard]] int fd() const noexcept override { return event_fd_; }
    [[nodiscard]] bool is_over() const noexcept { return is_over_; }

    std::map<int, std::set<std::string>> granted;  // by client
    int broken = 0;

  private:
    int clients_;
    std::uint64_t rounds_;
    int event_fd_ = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
    std::uint64_t calls_ = 0;
    std::uint64_t made_ = 0;
    std::atomic<bool> is_over_{false};
    std::map<int, std::string> offers_;
};

// Three threads hand over to each other as fast as they can, while ports come and go, a capture
// runs, snapshots change, and one thread plays the disk.
TEST(WorkerGroupStressTest, NoLeaseIsGivenTwiceAndNoFrameIsLost) {
    constexpr int kClients = 300;
    constexpr std::uint64_t kRounds = 20'000;
    constexpr std::uint32_t kCount = 3;
    WorkerGroupLab lab{
        {.count = kCount, .message_slots = 32, .clock = real_clock, .has_journal = true}};
    std::vector<std::unique_ptr<Player>> players;
    std::vector<std::vector<Port*>> by_worker(kCount);
    for (std::uint32_t id = 0; id < kCount; ++id) {
        players.push_back(std::make_unique<Player>(id, kClients, kRounds));
        by_worker[id] = {players.back().get()};
    }
    std::atomic<bool> is_disk_running{true};
    std::thread disk{[&] {
        while (is_disk_running.load()) {
            for (std::uint32_t id = 0; id < kCount; ++id) {
                while (!lab.rings[id]->take().empty()) {
                }
                if (lab.rings[id]->release()) {
                    lab.at(id).wake();
                }
            }
            std::this_thread::sleep_for(std::chrono::microseconds{200});
        }
    }};
    lab.group->start([](std::uint32_t) {});
    lab.group->replace_ports(by_worker);
    const auto is_over = [&] {
        return std::all_of(players.begin(), players.end(),
                           [](const auto& player) { return player->is_over(); });
    };
    Tap tap{{}, 512, std::size_t{1} << 16};
    for (int i = 0; !is_over(); ++i) {
        auto without = by_worker;
        without[static_cast<std::size_t>(i) % kCount].clear();
        lab.group->replace_ports(without);
        lab.publish(WorkerGroupLabOptions::large_configuration());
        lab.at(0).call([&] { lab.at(0).taps().attach(tap); });
        lab.group->replace_ports(by_worker);
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
        lab.at(0).call([&] { lab.at(0).taps().detach(tap); });
        while (tap.front()) {
            tap.pop();
        }
    }
    lab.group->stop();
    is_disk_running.store(false);
    disk.join();
    std::map<std::string, int> owners;
    for (const auto& player : players) {
        EXPECT_EQ(player->broken, 0);
        EXPECT_EQ(player->tx_frames_out(), 0u);
        EXPECT_EQ(player->rx_frames_out(), 0u);
        EXPECT_EQ(player->parked(), 0u);
        for (const auto& [client, addresses] : player->granted) {
            EXPECT_EQ(addresses.size(), 1u) << "client " << client;
            for (const std::string& address : addresses) {
                EXPECT_EQ(owners.emplace(address, client).first->second, client) << address;
            }
        }
    }
    EXPECT_GT(owners.size(), kClients / 2);
    EXPECT_EQ(lab.check(), "");
    lab.group->replace_ports(std::vector<std::vector<Port*>>(kCount));
}

}  // namespace
}  // namespace xdhcpd::worker
