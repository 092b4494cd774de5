#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "base/counters.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/histogram.h"
#include "base/mailbox.h"
#include "base/owned_fd.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"

namespace xdhcpd {
namespace {

TEST(OwnedFdTest, TheLastOwnerCloses) {
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    const OwnedFd reader{ends[0]};
    OwnedFd first{ends[1]};
    OwnedFd second{std::move(first)};
    OwnedFd third;
    EXPECT_FALSE(third.is_open());
    third = std::move(second);
    EXPECT_EQ(third.get(), ends[1]);
    char byte = 0;
    ASSERT_EQ(write(third.get(), "a", 1), 1) << "moving closes nothing";
    EXPECT_EQ(read(reader.get(), &byte, 1), 1);
    third.reset();
    EXPECT_FALSE(third.is_open());
    EXPECT_EQ(read(reader.get(), &byte, 1), 0) << "the end of the pipe";
}

TEST(ResultTest, HoldsAValueOrAnError) {
    const Result<int, std::string> good{7};
    ASSERT_TRUE(good);
    EXPECT_EQ(*good, 7);
    const Result<int, std::string> bad = Unexpected{std::string{"no"}};
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error(), "no");
}

TEST(ResultDeathTest, AskingForWhatIsNotThereStops) {
    const Result<int, int> bad = Unexpected{1};
    EXPECT_DEATH(static_cast<void>(*bad), "assertion failed");
}

TEST(ErrorTest, NamesTheObjectAndTheReason) {
    EXPECT_EQ(system_error(16, "bind eth0 queue 3").message,
              "bind eth0 queue 3: Device or resource busy");
}

// Vectors of the reference implementation's SipHash-1-3 are not published; what matters here is
// that the key and every byte count, and that equal input gives equal output.
TEST(HashTest, DependsOnKeyLengthAndEveryByte) {
    std::set<std::uint64_t> seen;
    std::array<std::byte, 33> input{};
    std::size_t tried = 0;
    for (std::size_t len = 0; len <= input.size(); ++len) {
        seen.insert(hash_bytes({1, 2}, ByteView{input}.first(len)));
        ++tried;
    }
    for (std::size_t at = 0; at < input.size(); ++at) {
        input[at] = std::byte{1};
        seen.insert(hash_bytes({1, 2}, input));
        seen.insert(hash_bytes({2, 2}, input));
        input[at] = std::byte{0};
        tried += 2;
    }
    EXPECT_EQ(seen.size(), tried);
    EXPECT_EQ(hash_bytes({1, 2}, input), hash_bytes({1, 2}, input));
}

TEST(HashTest, OfAWordIsThatOfItsBytes) {
    Random random{3};
    for (int i = 0; i < 100; ++i) {
        const std::uint64_t word = random.next();
        std::array<std::byte, sizeof word> input;
        store_raw(input.data(), word);
        EXPECT_EQ(hash_word({1, 2}, word), hash_bytes({1, 2}, input));
    }
}

TEST(RandomTest, RepeatsItselfAndStaysBelowTheBound) {
    Random a{42};
    Random b{42};
    std::set<std::uint32_t> seen;
    for (int i = 0; i < 1000; ++i) {
        const std::uint32_t value = a.below(10);
        EXPECT_EQ(value, b.below(10));
        EXPECT_LT(value, 10u);
        seen.insert(value);
    }
    EXPECT_EQ(seen.size(), 10u);
}

TEST(TimeTest, InfiniteAndOverflowingLeasesNeverEnd) {
    RecordProperty("rfc", "2131 3.3");
    EXPECT_EQ(add_seconds({100}, 50).value, 150u);
    EXPECT_TRUE(add_seconds({100}, 0xffffffff).is_never());
    EXPECT_TRUE(add_seconds({0xfffffff0}, 0x0f).is_never());
    EXPECT_FALSE(add_seconds({0xfffffff0}, 0x0e).is_never());
}

TEST(HistogramTest, QuantilesBoundTheObservations) {
    LatencyHistogram histogram;
    EXPECT_EQ(histogram.quantile_ns(0.5), 0u);
    for (int i = 0; i < 99; ++i) {
        histogram.record(std::chrono::microseconds{10});
    }
    histogram.record(std::chrono::milliseconds{5});
    EXPECT_GE(histogram.quantile_ns(0.5), 10'000u);
    EXPECT_LE(histogram.quantile_ns(0.5), 12'500u);
    EXPECT_GE(histogram.quantile_ns(0.995), 5'000'000u);
    EXPECT_EQ(histogram.max_ns(), 5'000'000u);
    EXPECT_EQ(histogram.count(), 100u);
    EXPECT_EQ(histogram.sum_ns(), 99u * 10'000 + 5'000'000);
}

// Each duration lies below its bucket's bound and not below the one before.
TEST(HistogramTest, BucketsTileTheRange) {
    for (std::uint64_t ns = 64; ns < (std::uint64_t{1} << 36); ns = ns * 9 / 8 + 1) {
        LatencyHistogram histogram;
        histogram.record(std::chrono::nanoseconds{ns});
        std::size_t at = 0;
        while (histogram.bucket(at) == 0) {
            ++at;
        }
        EXPECT_LT(ns, LatencyHistogram::upper_bound_ns(at));
        if (at > 0) {
            EXPECT_GE(ns, LatencyHistogram::upper_bound_ns(at - 1));
        }
    }
}

TEST(MailboxTest, WorkFromManyThreadsIsDoneOnceEach) {
    Mailbox mailbox;
    std::size_t done = 0;
    constexpr std::size_t kThreads = 4;
    constexpr std::size_t kEach = 1000;
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < kThreads; ++t) {
        threads.emplace_back([&] {
            for (std::size_t i = 0; i < kEach; ++i) {
                mailbox.post([&done] { ++done; });
            }
        });
    }
    while (done < kThreads * kEach) {
        mailbox.run();
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(done, kThreads * kEach);
    EXPECT_FALSE(mailbox.has_mail());
}

}  // namespace
}  // namespace xdhcpd
