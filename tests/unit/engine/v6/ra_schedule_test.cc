#include "engine/v6/ra_schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "support/frames.h"

namespace xdhcpd::engine::v6 {
namespace {

using std::chrono::milliseconds;

constexpr BootTime kStart{seconds{1000}};

Ipv6 host(int number) {
    Ipv6 address = *parse_ipv6("fe80::");
    address.octets[14] = static_cast<std::byte>(number >> 8);
    address.octets[15] = static_cast<std::byte>(number & 0xff);
    return address;
}

// A schedule and a clock that goes from one due time to the next.
class Link {
  public:
    explicit Link(std::uint64_t seed = 1, std::uint32_t min = 200, std::uint32_t max = 600)
        : schedule{min, max, kStart, seed} {}

    // Lets time go on to the next thing due and takes it.
    RaSchedule::Due take() {
        now = std::max(now, schedule.due_at());
        const auto due = schedule.next(now);
        EXPECT_TRUE(due);
        return due.value_or(RaSchedule::Due{});
    }
    // The instants of the next `count` multicasts.
    std::vector<BootTime> multicasts(int count) {
        std::vector<BootTime> times;
        while (static_cast<int>(times.size()) < count) {
            if (!take().to) {
                times.push_back(now);
            }
        }
        return times;
    }
    // Everything due up to `end`, unicasts counted.
    int unicasts_until(BootTime end) {
        int count = 0;
        while (schedule.due_at() <= end) {
            count += take().to ? 1 : 0;
        }
        now = end;
        return count;
    }
    void solicit(int from, bool by_unicast = true) {
        schedule.solicit(host(from), testing::mac(from), by_unicast, now);
    }

    RaSchedule schedule;
    BootTime now = kStart;
};

// A link where the initial advertisements are over and nothing was sent for a while.
Link quiet_link(std::uint64_t seed = 1) {
    Link link{seed, 1000, 1800};
    static_cast<void>(link.multicasts(3));
    link.now += seconds{60};
    return link;
}

TEST(RaScheduleTest, BeginsAtOnceWithThreeThatAreSixteenSecondsApartAtMost) {
    RecordProperty("rfc", "4861 6.2.4");
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        Link link{seed};
        const auto times = link.multicasts(5);
        EXPECT_EQ(times[0], kStart);
        EXPECT_EQ(times[1] - times[0], seconds{16});
        EXPECT_EQ(times[2] - times[1], seconds{16});
        EXPECT_GE(times[3] - times[2], seconds{200});
        EXPECT_GE(times[4] - times[3], seconds{200});
    }
}

TEST(RaScheduleTest, ShortIntervalsAreNotStretchedAtTheBeginning) {
    RecordProperty("rfc", "4861 6.2.4");
    Link link{1, 3, 4};
    const auto times = link.multicasts(3);
    EXPECT_LE(times[1] - times[0], seconds{4});
    EXPECT_GE(times[1] - times[0], seconds{3});
}

TEST(RaScheduleTest, IntervalsAreEvenlySpreadBetweenTheTwo) {
    RecordProperty("rfc", "4861 6.2.4");
    Link link;
    auto before = link.multicasts(3).back();
    constexpr int kCount = 4000;
    std::array<int, 8> buckets{};
    for (int i = 0; i < kCount; ++i) {
        const BootTime at = link.multicasts(1).back();
        const auto interval = at - before;
        before = at;
        ASSERT_GE(interval, seconds{200});
        ASSERT_LE(interval, seconds{600});
        ++buckets[std::min<std::size_t>(
            7, static_cast<std::size_t>((interval - seconds{200}) / seconds{50}))];
    }
    for (const int bucket : buckets) {
        EXPECT_NEAR(bucket, kCount / 8, kCount / 40);
    }
}

TEST(RaScheduleTest, ASolicitationIsAnsweredWithinHalfASecondByUnicast) {
    RecordProperty("rfc", "4861 6.2.6");
    BootTime::duration shortest = seconds{9};
    BootTime::duration longest{0};
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        Link link = quiet_link(seed);
        const BootTime asked = link.now;
        link.solicit(7);
        const auto due = link.take();
        ASSERT_TRUE(due.to);
        EXPECT_EQ(*due.to, host(7));
        EXPECT_EQ(due.mac, testing::mac(7));
        EXPECT_FALSE(link.schedule.next(link.now));
        shortest = std::min(shortest, link.now - asked);
        longest = std::max(longest, link.now - asked);
    }
    EXPECT_LT(shortest, milliseconds{20});
    EXPECT_GT(longest, milliseconds{480});
    EXPECT_LE(longest, milliseconds{500});
}

TEST(RaScheduleTest, AUnicastAnswerDoesNotMoveTheNextMulticast) {
    RecordProperty("rfc", "4861 6.2.6");
    Link link = quiet_link();
    const BootTime multicast_at = link.schedule.due_at();
    link.solicit(7);
    EXPECT_TRUE(link.take().to);
    EXPECT_EQ(link.schedule.due_at(), multicast_at);
}

TEST(RaScheduleTest, WhoHasNoAddressIsAnsweredByMulticast) {
    RecordProperty("rfc", "4861 6.2.6");
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        Link link = quiet_link(seed);
        const BootTime asked = link.now;
        link.schedule.solicit(Ipv6{}, testing::mac(7), true, link.now);
        const auto due = link.take();
        EXPECT_FALSE(due.to);
        EXPECT_EQ(due.mac, kAllNodes.multicast_mac());
        EXPECT_LE(link.now - asked, milliseconds{500});
        // The interval begins again, as if it had not been solicited.
        EXPECT_GE(link.schedule.due_at() - link.now, seconds{1000});
    }
}

TEST(RaScheduleTest, WithoutUnicastEverybodyIsAnsweredByOneMulticast) {
    RecordProperty("rfc", "4861 6.2.6");
    Link link = quiet_link();
    const BootTime asked = link.now;
    for (int i = 0; i < 100; ++i) {
        link.solicit(i, false);
    }
    EXPECT_FALSE(link.take().to);
    EXPECT_LE(link.now - asked, milliseconds{500});
    EXPECT_GE(link.schedule.due_at() - link.now, seconds{1000});
}

TEST(RaScheduleTest, MulticastsAreThreeSecondsApartAndTheDelayComesOnTop) {
    RecordProperty("rfc", "4861 6.2.6");
    BootTime::duration longest{0};
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        Link link = quiet_link(seed);
        link.solicit(1, false);
        static_cast<void>(link.take());
        const BootTime sent = link.now;
        link.now += milliseconds{100};
        link.solicit(2, false);
        EXPECT_FALSE(link.take().to);
        EXPECT_GE(link.now - sent, seconds{3});
        longest = std::max(longest, link.now - sent);
    }
    EXPECT_GT(longest, milliseconds{3400});
    EXPECT_LE(longest, milliseconds{3500});
}

TEST(RaScheduleTest, AMulticastThatIsDueAnywayAnswersInsteadOfAUnicast) {
    RecordProperty("rfc", "4861 6.2.6");
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        Link link{seed};
        static_cast<void>(link.multicasts(4));
        const BootTime multicast_at = link.schedule.due_at();
        // So near that most delays would end behind it; a few that do not come first.
        link.now = multicast_at - milliseconds{100};
        link.solicit(7);
        int unicasts = 0;
        while (link.now < multicast_at) {
            unicasts += link.take().to ? 1 : 0;
        }
        EXPECT_EQ(link.now, multicast_at);
        EXPECT_LE(unicasts, 1);
        EXPECT_GT(link.schedule.due_at(), multicast_at + seconds{100});
    }
}

TEST(RaScheduleTest, AMulticastThatCameForwardAnswersWhoWaits) {
    RecordProperty("rfc", "4861 6.2.6");
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        Link link = quiet_link(seed);
        link.solicit(7);
        link.schedule.solicit(Ipv6{}, testing::mac(8), true, link.now);
        int unicasts = 0;
        while (link.take().to) {
            ++unicasts;
        }
        EXPECT_LE(unicasts, 1);
        EXPECT_GE(link.schedule.due_at() - link.now, seconds{1000});
    }
}

TEST(RaScheduleTest, EqualAskersAreAnsweredOnceByTheTimeOfTheFirst) {
    RecordProperty("rfc", "4861 6.2.6");
    Link link = quiet_link();
    link.solicit(7);
    const BootTime at = link.schedule.due_at();
    for (int i = 0; i < 100; ++i) {
        link.solicit(7);
    }
    EXPECT_EQ(link.schedule.due_at(), at);
    EXPECT_EQ(link.unicasts_until(link.now + seconds{1}), 1);
}

TEST(RaScheduleTest, UnicastsLeaveInTheOrderOfTheirTimes) {
    Link link = quiet_link();
    for (int i = 0; i < 40; ++i) {
        link.solicit(i);
    }
    std::vector<Ipv6> answered;
    BootTime before = link.now;
    for (int i = 0; i < 40; ++i) {
        const auto due = link.take();
        ASSERT_TRUE(due.to);
        answered.push_back(*due.to);
        EXPECT_GE(link.now, before);
        before = link.now;
    }
    std::sort(answered.begin(), answered.end());
    EXPECT_EQ(std::unique(answered.begin(), answered.end()), answered.end());
}

TEST(RaScheduleTest, WhoFindsNoRoomIsAnsweredByTheNextMulticast) {
    Link link = quiet_link();
    const BootTime asked = link.now;
    for (int i = 0; i < static_cast<int>(RaSchedule::kMaxWaiting); ++i) {
        link.solicit(i);
    }
    link.solicit(1000);
    bool is_multicast = false;
    while (!is_multicast) {
        const auto due = link.take();
        is_multicast = !due.to;
        EXPECT_NE(due.to, host(1000));
    }
    EXPECT_LE(link.now - asked, milliseconds{500});
}

TEST(RaScheduleTest, AFloodFromManySourcesIsBounded) {
    RecordProperty("rfc", "4861 6.2.6");
    Link link = quiet_link();
    const BootTime begin = link.now;
    int unicasts = 0;
    std::vector<BootTime> multicasts;
    for (int i = 0; i < 60'000; ++i) {  // 1,000 a second for a minute
        link.solicit(i);
        const BootTime next = begin + milliseconds{i + 1};
        while (link.schedule.due_at() <= next) {
            if (link.take().to) {
                ++unicasts;
            } else {
                multicasts.push_back(link.now);
            }
        }
        link.now = next;
    }
    EXPECT_LE(unicasts, 60 * 6 * static_cast<int>(RaSchedule::kMaxWaiting));
    EXPECT_LE(multicasts.size(), 21u);
    EXPECT_GE(multicasts.size(), 10u);
    for (std::size_t i = 1; i < multicasts.size(); ++i) {
        EXPECT_GE(multicasts[i] - multicasts[i - 1], seconds{3});
    }
}

TEST(RaScheduleTest, AChangeIsToldLikeABeginningThreeSecondsAfterTheLast) {
    RecordProperty("rfc", "4861 6.2.4");
    Link link = quiet_link();
    link.schedule.restart(200, 600, link.now);
    const auto times = link.multicasts(4);
    EXPECT_EQ(times[0], kStart + seconds{32 + 60});
    EXPECT_EQ(times[1] - times[0], seconds{16});
    EXPECT_EQ(times[2] - times[1], seconds{16});
    EXPECT_GE(times[3] - times[2], seconds{200});

    link.schedule.restart(200, 600, link.now);
    EXPECT_EQ(link.schedule.due_at(), link.now + seconds{3});
}

TEST(RaScheduleTest, NothingIsDueBeforeItsTime) {
    Link link = quiet_link();
    link.solicit(1);
    EXPECT_FALSE(link.schedule.next(link.schedule.due_at() - BootTime::duration{1}));
    EXPECT_TRUE(link.schedule.next(link.schedule.due_at()));
}

TEST(RaScheduleTest, EqualSeedsGiveEqualTimes) {
    Link first{9};
    Link second{9};
    Link third{10};
    const auto times = first.multicasts(10);
    EXPECT_EQ(times, second.multicasts(10));
    EXPECT_NE(times, third.multicasts(10));
}

}  // namespace
}  // namespace xdhcpd::engine::v6
