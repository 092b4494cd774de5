// What most clients send goes by short ways (FrameView::read_common, naming by MAC, replies from
// templates). Here the same messages go through one engine by these and through another by the long
// ones, and must come out the same, octet for octet.
#include <gtest/gtest.h>

#include "base/random.h"
#include "support/engine_harness.h"

namespace xdhcpd::engine {
namespace {

using testing::Bytes;
using testing::Engine;
using testing::FrameSpec;
using testing::Message;
using testing::Outcome;

constexpr int kClients = 24;

model::Configuration network(model::Identity identity) {
    auto configuration = testing::small_configuration();
    configuration.dhcp4.subnets[0].identity = identity;
    configuration.dhcp4.rapid_commit = true;
    configuration.dhcp4.options = {
        testing::option_value(6, testing::bytes({192, 0, 2, 53})),
        testing::option_value(15, Bytes(90, std::byte{'x'})),
        testing::option_value(42, testing::bytes({192, 0, 2, 123}), true)};
    model::SubnetConfiguration relayed;
    relayed.prefix = parse_ipv4_prefix("203.0.113.0/24").value();
    relayed.pools.push_back({testing::ip("203.0.113.10"), testing::ip("203.0.113.19")});
    relayed.v6only_wait = 1800;
    configuration.dhcp4.subnets.push_back(relayed);
    return configuration;
}

// A reservation that nobody has makes the engine look for one each time.
model::Configuration with_a_reservation(model::Configuration configuration) {
    model::ReservationConfiguration reservation;
    reservation.identifier = {model::IdentifierKind::kHwAddress,
                              testing::bytes({1, 0x0a, 9, 9, 9, 9, 9})};
    reservation.address = testing::ip("192.0.2.250");
    configuration.dhcp4.subnets[0].reservations.push_back(reservation);
    return configuration;
}

// Random messages: mostly sensible ones, of few clients and addresses, so that they meet.
class Traffic {
  public:
    struct Frame {
        Message message;
        FrameSpec spec;
        std::uint32_t ifindex = testing::kEth1;
    };

    Frame next() {
        const int client = static_cast<int>(random_.below(kClients));
        Frame frame{Message{one_of({1, 1, 1, 3, 3, 3, 3, 4, 7, 8, 0}), client}, {}};
        frame.spec.source_mac = testing::mac(client);
        frame.message.xid(random_.below(4));
        add_header(frame);
        add_options(frame.message, client);
        return frame;
    }
    [[nodiscard]] bool chance(std::uint32_t percent) { return random_.below(100) < percent; }
    [[nodiscard]] std::uint32_t below(std::uint32_t bound) { return random_.below(bound); }

  private:
    [[nodiscard]] int one_of(std::initializer_list<int> values) {
        return values.begin()[random_.below(static_cast<std::uint32_t>(values.size()))];
    }
    [[nodiscard]] std::string address() {
        return (chance(80) ? "192.0.2." : "203.0.113.") + std::to_string(8 + random_.below(14));
    }
    [[nodiscard]] Bytes some_bytes(std::size_t len) {
        Bytes bytes(len);
        for (std::byte& octet : bytes) {
            octet = static_cast<std::byte>(random_.below(3));
        }
        return bytes;
    }
    void add_header(Frame& frame) {
        if (chance(40)) {
            const std::string ciaddr = address();
            frame.message.ciaddr(ciaddr);
            if (chance(70)) {
                frame.spec.source = testing::ip(ciaddr);
                frame.spec.destination = testing::ip("192.0.2.1");
            }
        }
        if (chance(10)) {
            frame.message.giaddr("203.0.113.1");
            frame.spec.destination = testing::ip("192.0.2.1");
        }
        if (chance(20)) {
            frame.message.broadcast();
        }
        if (chance(5)) {
            frame.message.chaddr(some_bytes(6));
        }
        if (chance(5)) {
            frame.message.hlen(one_of({0, 1, 5, 7, 16, 17}));
        }
        if (chance(5)) {
            frame.message.htype(one_of({0, 6, 32}));
        }
    }
    void add_options(Message& message, int client) {
        if (chance(80)) {
            Bytes list;
            for (std::uint32_t len = random_.below(14); len > 0; --len) {
                list.push_back(static_cast<std::byte>(one_of({1, 3, 6, 15, 28, 42, 51, 99, 108})));
            }
            message.option(55, list);
        }
        if (chance(20)) {
            message.option(
                61, chance(80) ? testing::bytes({0, client}) : some_bytes(random_.below(256)));
        }
        if (chance(30)) {
            message.option_address(50, address());
        }
        if (chance(20)) {
            message.option_address(54, chance(80) ? "192.0.2.1" : "192.0.2.2");
        }
        if (chance(10)) {
            message.option(51, testing::bytes({one_of({0, 255}), 0, one_of({0, 255}), 9}));
        }
        if (chance(10)) {
            message.option(57, testing::bytes({one_of({0, 2, 5}), one_of({0, 100, 220})}));
        }
        if (chance(10)) {
            message.option(80, {});
        }
        if (chance(10)) {
            message.option(82, testing::bytes({1, 2, 0, client % 3}));
        }
        if (chance(3)) {
            message.option(82, testing::bytes({11, 4, 192, 0, 2, one_of({1, 77})}));
        }
        if (chance(3)) {
            message.option_address(118, address());
        }
        if (chance(3)) {
            message.option(one_of({50, 51, 54, 57, 118}), some_bytes(random_.below(6)));
        }
    }

    Random random_{0x70617468};
};

void compare(model::Identity identity) {
    Engine by_short_ways{network(identity)};
    Engine by_long_ways{with_a_reservation(network(identity))};
    by_long_ways.reply_cache = ReplyCache{0};
    Traffic traffic;
    std::size_t replies = 0;
    for (int i = 0; i < 20'000; ++i) {
        Traffic::Frame frame = traffic.next();
        by_long_ways.tx_len = by_short_ways.tx_len =
            traffic.chance(90) ? kMinTxFrameLen : 300 + traffic.below(400);
        const Outcome one = by_short_ways.send(frame.message, frame.spec, frame.ifindex);
        frame.spec.ip_options = testing::bytes({1, 1, 1, 0});
        const Outcome other = by_long_ways.send(frame.message, frame.spec, frame.ifindex);
        ASSERT_EQ(one.drop, other.drop) << i;
        ASSERT_EQ(one.reply.has_value(), other.reply.has_value()) << i;
        if (one.reply) {
            ++replies;
            ASSERT_EQ(to_hex(one.reply->bytes), to_hex(other.reply->bytes)) << i;
            ASSERT_EQ(one.reply->decision.promised, other.reply->decision.promised) << i;
            ASSERT_EQ(one.reply->decision.routable, other.reply->decision.routable) << i;
        }
        if (traffic.chance(10)) {
            const std::uint32_t seconds = traffic.below(60);
            by_short_ways.pass(seconds);
            by_long_ways.pass(seconds);
        }
    }
    EXPECT_GT(replies, 5'000u);  // or the messages were no good
    EXPECT_EQ(by_short_ways.shard.check_invariants(), "");
}

TEST(PathsTest, ShortAndLongWaysGiveTheSameReplies) {
    compare(model::Identity::kClientId);
}

TEST(PathsTest, LikewiseWhereClientsAreKnownByTheirAddress) {
    compare(model::Identity::kHwAddress);
}

TEST(PathsTest, LikewiseWhereClientsAreKnownByTheirCircuit) {
    compare(model::Identity::kCircuitId);
}

}  // namespace
}  // namespace xdhcpd::engine
