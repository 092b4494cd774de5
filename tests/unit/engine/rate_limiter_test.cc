#include "engine/rate_limiter.h"

#include <gtest/gtest.h>

#include "support/engine6_harness.h"
#include "support/engine_harness.h"

namespace xdhcpd::engine {
namespace {

using testing::FrameSpec;
using testing::Message;

constexpr std::string_view kServer = "192.0.2.1";
constexpr model::RateLimit kTwoAnHour{1, 3600, 2};

model::Configuration limited(const model::RateLimits& limits) {
    model::Configuration configuration = testing::small_configuration();
    for (model::InterfaceConfiguration& interface : configuration.interfaces) {
        interface.rate_limits = limits;
    }
    return configuration;
}

class RateLimiterTest : public ::testing::Test {
  protected:
    void set(const model::RateLimits& limits) { engine.reload(limited(limits)); }

    std::optional<Shed> take(const Message& message, const FrameSpec& spec = {},
                             std::uint32_t ifindex = testing::kEth1, bool is_filtered = false) {
        const testing::Bytes frame = testing::udp_frame(spec, message.payload());
        Request request;
        const auto parsed = request.parse(frame, ifindex, engine.snapshot());
        EXPECT_TRUE(parsed) << parsed.error().full_name();
        return limiter.take(request, is_filtered, engine.time());
    }
    // How many of ten are let through.
    int taken(const Message& message, const FrameSpec& spec = {},
              std::uint32_t ifindex = testing::kEth1, bool is_filtered = false) {
        int count = 0;
        for (int i = 0; i < 10; ++i) {
            count += take(message, spec, ifindex, is_filtered) ? 0 : 1;
        }
        return count;
    }
    static FrameSpec from(int client) {
        FrameSpec spec;
        spec.source_mac = testing::mac(client);
        return spec;
    }
    static FrameSpec unicast(int client) {
        FrameSpec spec = from(client);
        spec.destination_mac = testing::kServerMac;
        spec.source = testing::ip("192.0.2.10");
        spec.destination = testing::ip(kServer);
        return spec;
    }
    static FrameSpec relayed() {
        FrameSpec spec = unicast(0xee);
        spec.source = testing::ip("192.0.2.200");
        spec.source_port = 67;
        return spec;
    }

    testing::Engine engine;
    RateLimiter limiter;
};

TEST_F(RateLimiterTest, WithoutLimitsEverythingIsLetThrough) {
    EXPECT_EQ(taken(Message{1, 1}), 10);
}

TEST_F(RateLimiterTest, AClientHasABucketOfItsOwnInEachVlanAndOnEachInterface) {
    set({.per_client = kTwoAnHour, .per_relay = {}, .per_link = {}});
    EXPECT_EQ(taken(Message{1, 1}, from(1)), 2);
    EXPECT_EQ(take(Message{1, 1}, from(1)), Shed::kClientRate);
    EXPECT_EQ(taken(Message{1, 2}, from(2)), 2);
    FrameSpec priority_tagged = from(1);
    priority_tagged.tags = {{0x8100, 0xe000}};  // names no VLAN
    EXPECT_EQ(taken(Message{1, 1}, priority_tagged), 0);
    engine.now += 3600;
    EXPECT_EQ(taken(Message{1, 1}, from(1)), 1);
}

TEST_F(RateLimiterTest, ADirectClientIsItsFramesSourceWhateverItSays) {
    set({.per_client = kTwoAnHour, .per_relay = {}, .per_link = {}});
    EXPECT_EQ(take(Message{1, 1}, from(1)), std::nullopt);
    EXPECT_EQ(take(Message{1, 2}, from(1)), std::nullopt);
    EXPECT_EQ(take(Message{1, 3}, from(1)), Shed::kClientRate);
    // Nor does it help to send to our address without having one.
    EXPECT_EQ(take(Message{1, 4}, unicast(1)), Shed::kClientRate);
}

TEST_F(RateLimiterTest, ADriverThatDoesNotKnowTheSourceCountsTheHardwareAddress) {
    set({.per_client = kTwoAnHour, .per_relay = {}, .per_link = {}});
    FrameSpec spec;
    spec.source_mac = {};
    EXPECT_EQ(taken(Message{1, 1}, spec), 2);
    EXPECT_EQ(taken(Message{1, 2}, spec), 2);
    spec = unicast(0);
    spec.source_mac = {};
    EXPECT_EQ(taken(Message{3, 1}.ciaddr("192.0.2.10"), spec), 0);
}

TEST_F(RateLimiterTest, ClientsThatRenewThroughARouterAreToldApart) {
    set({.per_client = kTwoAnHour, .per_relay = {}, .per_link = {}});
    for (int client = 1; client <= 20; ++client) {
        const Message renewal = Message{3, client}.ciaddr("192.0.2.10");
        EXPECT_EQ(taken(renewal, unicast(0xee)), 2) << client;
    }
    // One that is on the link has its own frame's source.
    EXPECT_EQ(taken(Message{3, 1}.ciaddr("192.0.2.10"), unicast(1)), 2);
    EXPECT_EQ(taken(Message{1, 1}, from(1)), 0);
}

TEST_F(RateLimiterTest, BehindARelayAClientIsItsHardwareAddressOrItsIdentifier) {
    set({.per_client = kTwoAnHour, .per_relay = {}, .per_link = {}});
    EXPECT_EQ(taken(Message{1, 1}.giaddr("192.0.2.200"), relayed()), 2);
    EXPECT_EQ(taken(Message{1, 2}.giaddr("192.0.2.200"), relayed()), 2);
    EXPECT_EQ(taken(Message{1, 1}.giaddr("192.0.2.201"), relayed()), 2);
    const auto nameless = [](int id) {
        return Message{1, 1}.hlen(0).giaddr("192.0.2.200").option(61, {0, id});
    };
    EXPECT_EQ(taken(nameless(1), relayed()), 2);
    EXPECT_EQ(taken(nameless(2), relayed()), 2);
}

TEST_F(RateLimiterTest, ARelayIsCountedByItsPorts) {
    set({.per_client = {}, .per_relay = kTwoAnHour, .per_link = {}});
    const auto by_port = [](int client, int port) {
        return Message{1, client}.giaddr("192.0.2.200").option(82, {1, 1, port});
    };
    EXPECT_EQ(take(by_port(1, 1), relayed()), std::nullopt);
    EXPECT_EQ(take(by_port(2, 1), relayed()), std::nullopt);
    EXPECT_EQ(take(by_port(3, 1), relayed()), Shed::kRelayRate);
    EXPECT_EQ(taken(by_port(3, 2), relayed()), 2);
    EXPECT_EQ(taken(Message{1, 1}.giaddr("192.0.2.200"), relayed()), 2);
    EXPECT_EQ(taken(Message{1, 1}.giaddr("192.0.2.201"), relayed()), 2);
    EXPECT_EQ(taken(Message{1, 1}, from(1)), 10) << "not behind a relay";
}

TEST_F(RateLimiterTest, ALinkIsSharedByAllThatComesOverIt) {
    set({.per_client = {}, .per_relay = {}, .per_link = kTwoAnHour});
    EXPECT_EQ(take(Message{1, 1}, from(1)), std::nullopt);
    EXPECT_EQ(take(Message{1, 2}.giaddr("192.0.2.200"), relayed()), std::nullopt);
    EXPECT_EQ(take(Message{1, 3}, from(3)), Shed::kLinkRate);
    FrameSpec elsewhere = relayed();
    elsewhere.destination = testing::ip("198.51.100.1");
    EXPECT_EQ(taken(Message{1, 1}.giaddr("192.0.2.200"), elsewhere, testing::kEth2), 2);
}

TEST_F(RateLimiterTest, WhoSendsTooMuchDoesNotEmptyTheLink) {
    set({.per_client = kTwoAnHour, .per_relay = {}, .per_link = model::RateLimit{1, 3600, 4}});
    EXPECT_EQ(taken(Message{1, 1}, from(1)), 2);
    EXPECT_EQ(taken(Message{1, 2}, from(2)), 2);
    EXPECT_EQ(take(Message{1, 3}, from(3)), Shed::kLinkRate);
}

TEST_F(RateLimiterTest, WhatTheXdpProgramHasCountedIsNotCountedAgain) {
    set({.per_client = kTwoAnHour, .per_relay = {}, .per_link = kTwoAnHour});
    EXPECT_EQ(taken(Message{1, 1}, from(1), testing::kEth1, true), 10);
    const Message through_router = Message{3, 2}.ciaddr("192.0.2.10");
    EXPECT_EQ(taken(through_router, unicast(0xee), testing::kEth1, true), 2);
    EXPECT_EQ(taken(Message{1, 3}.giaddr("192.0.2.200"), relayed(), testing::kEth1, true), 2);
}

TEST_F(RateLimiterTest, AReloadChangesTheLimits) {
    set({.per_client = kTwoAnHour, .per_relay = {}, .per_link = {}});
    EXPECT_EQ(taken(Message{1, 1}, from(1)), 2);
    set({.per_client = model::RateLimit{100, 1, 5}, .per_relay = {}, .per_link = {}});
    EXPECT_EQ(taken(Message{1, 1}, from(1)), 5);
    set({});
    EXPECT_EQ(taken(Message{1, 1}, from(1)), 10);
}

// The least is forgotten with the bucket that is nearest to full.
TEST(BucketTableTest, AFullTableForgetsWhoHasWaitedLongest) {
    constexpr RateTerms kTerms{100, 0};
    BucketTable table{BucketTable::kWays};
    for (std::uint64_t owner = 1; owner <= 4; ++owner) {
        EXPECT_TRUE(table.take(owner << 8, 1000 + owner, kTerms));
    }
    EXPECT_TRUE(table.take(5 << 8, 1010, kTerms));
    EXPECT_FALSE(table.take(5 << 8, 1010, kTerms));
    EXPECT_FALSE(table.take(4 << 8, 1010, kTerms));
    EXPECT_FALSE(table.take(2 << 8, 1010, kTerms));
    EXPECT_TRUE(table.take(1 << 8, 1010, kTerms)) << "forgotten: full again";
}

TEST(RateLimitTest, SaysWhatItAllowsAndIsBoundedWhereArithmeticIs) {
    EXPECT_EQ(to_string(model::RateLimits{{{10, 1, 20}}, {{600, 60, 30}}, {{1, 3600, 1}}}),
              "10/s (burst 20) per client, 600/m (burst 30) per relay, 1/h (burst 1) per link");
    EXPECT_EQ(to_string(model::RateLimits{}), "");
    EXPECT_EQ((model::RateLimit{10, 1, 20}.terms()), (RateTerms{100'000'000, 1'900'000'000}));
    EXPECT_EQ(model::default_burst(10, 1), 20u);
    EXPECT_EQ(model::default_burst(5, 60), 8u);
    EXPECT_EQ(model::default_burst(model::RateLimit::kMaxCount, 1), model::RateLimit::kMaxBurst);
}

// == DHCPv6 ==

class RateLimiter6Test : public ::testing::Test {
  protected:
    void set(const model::RateLimits& limits) {
        model::Configuration configuration = testing::small_configuration6();
        for (model::InterfaceConfiguration& interface : configuration.interfaces) {
            interface.rate_limits = limits;
        }
        engine.reload(configuration);
    }
    int taken(const testing::Bytes& frame, std::uint32_t ifindex = testing::kLan,
              bool is_filtered = false) {
        int count = 0;
        for (int i = 0; i < 10; ++i) {
            v6::Request request;
            const auto parsed = request.parse(frame, ifindex, engine.snapshot());
            EXPECT_TRUE(parsed) << parsed.error().full_name();
            last = limiter.take(request, is_filtered, engine.time());
            count += last ? 0 : 1;
        }
        return count;
    }
    static testing::Bytes direct(int client, int duid) {
        return testing::frame6(
            testing::Engine6::direct(client),
            testing::Message6{testing::Message6::kSolicit, duid}.na(1).payload());
    }
    static testing::Bytes relayed(int client, const testing::Bytes& options = {}) {
        testing::FrameSpec6 spec;
        spec.source_mac = testing::mac(0xee);
        spec.source = *parse_ipv6("2001:db8:ffff::99");
        spec.destination = *parse_ipv6("2001:db8:ffff::1");
        spec.source_port = 547;
        const testing::Message6 message =
            testing::Message6{testing::Message6::kSolicit, client}.na(1);
        return testing::frame6(spec,
                               testing::Engine6::relayed(message, {{"2001:db8:1::9", options}}));
    }

    testing::Engine6 engine;
    RateLimiter limiter;
    std::optional<Shed> last;
};

TEST_F(RateLimiter6Test, ADirectClientIsItsMacWhateverDuidsItClaims) {
    EXPECT_EQ(taken(direct(1, 1)), 10) << "without limits";
    set({.per_client = kTwoAnHour, .per_relay = {}, .per_link = {}});
    EXPECT_EQ(taken(direct(1, 1)), 2);
    EXPECT_EQ(last, Shed::kClientRate);
    EXPECT_EQ(taken(direct(1, 2)), 0);
    EXPECT_EQ(taken(direct(2, 1)), 2);
    EXPECT_EQ(taken(direct(1, 1), testing::kLan, true), 10) << "the XDP program has counted";
}

TEST_F(RateLimiter6Test, BehindARelayAClientIsItsDuid) {
    set({.per_client = kTwoAnHour, .per_relay = {}, .per_link = {}});
    EXPECT_EQ(taken(relayed(1), testing::kUplink), 2);
    EXPECT_EQ(taken(relayed(2), testing::kUplink, true), 2) << "nobody else counts these";
}

TEST_F(RateLimiter6Test, ARelayIsItsLinkAndItsPort) {
    set({.per_client = {}, .per_relay = kTwoAnHour, .per_link = {}});
    EXPECT_EQ(taken(relayed(1), testing::kUplink), 2);
    EXPECT_EQ(taken(relayed(2), testing::kUplink), 0);
    EXPECT_EQ(last, Shed::kRelayRate);
    const testing::Bytes port = testing::option6(18, {1, 2});
    EXPECT_EQ(taken(relayed(3, port), testing::kUplink), 2);
    EXPECT_EQ(taken(direct(1, 1)), 10) << "not relayed";
}

TEST_F(RateLimiter6Test, ALinkIsAllThatComesOverIt) {
    set({.per_client = {}, .per_relay = {}, .per_link = kTwoAnHour});
    EXPECT_EQ(taken(direct(1, 1)) + taken(direct(2, 2)), 2);
    EXPECT_EQ(last, Shed::kLinkRate);
}

}  // namespace
}  // namespace xdhcpd::engine
