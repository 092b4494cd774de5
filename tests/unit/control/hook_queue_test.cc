// Events that wait for a hook: order, one per prefix, and what is lost when there are too many.
#include "control/hook_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace xdhcpd::control {
namespace {

Ipv6Prefix prefix(int number) {
    return *parse_ipv6_prefix("2001:db8:" + std::to_string(number) + "::/48");
}
HookNews added(int number, int hop) {
    return {model::HookEvent::kRouteAdded, prefix(number),
            *parse_ipv6("fe80::" + std::to_string(hop)), "eth1"};
}
HookNews removed(int number) {
    return {model::HookEvent::kRouteRemoved, prefix(number), {}, {}};
}

TEST(HookQueue, GivesThemInTheOrderOfTheirComing) {
    HookQueue queue;
    EXPECT_FALSE(queue.pop());
    queue.push(added(1, 1));
    queue.push(removed(2));
    EXPECT_EQ(queue.size(), 2u);
    EXPECT_EQ(queue.pop(), added(1, 1));
    EXPECT_EQ(queue.pop(), removed(2));
    EXPECT_FALSE(queue.pop());
    EXPECT_EQ(queue.lost(), 0u);
}

TEST(HookQueue, NewsOfAPrefixTakeThePlaceOfOldOnes) {
    HookQueue queue;
    queue.push(added(1, 1));
    queue.push(added(2, 1));
    for (int i = 0; i < 10'000; ++i) {
        queue.push(removed(1));
        queue.push(added(1, i));
    }
    EXPECT_EQ(queue.size(), 2u);
    EXPECT_EQ(queue.pop(), added(1, 9999));
    queue.push(removed(1));  // what was taken out does not count any more
    EXPECT_EQ(queue.pop(), added(2, 1));
    EXPECT_EQ(queue.pop(), removed(1));
}

TEST(HookQueue, WhatIsForgottenTakesNoRoom) {
    HookQueue queue{3};
    queue.push(added(1, 1));
    for (int i = 2; i < 10'000; ++i) {
        queue.push(added(2, i));
        queue.push(added(3, i));
        queue.forget(prefix(3));
        queue.forget(prefix(4));
        queue.forget(prefix(2));
        ASSERT_EQ(queue.size(), 1u);
    }
    queue.push(removed(5));
    EXPECT_EQ(queue.pop(), added(1, 1));
    EXPECT_EQ(queue.pop(), removed(5));
    EXPECT_FALSE(queue.pop());
    EXPECT_EQ(queue.lost(), 0u);
}

TEST(HookQueue, LosesTheOldestAndCountsIt) {
    HookQueue queue{2};
    queue.push(added(1, 1));
    queue.push(added(2, 1));
    queue.push(added(3, 1));
    EXPECT_EQ(queue.lost(), 1u);
    queue.push(removed(2));  // replaced: nothing is lost
    EXPECT_EQ(queue.lost(), 1u);
    EXPECT_EQ(queue.pop(), removed(2));
    EXPECT_EQ(queue.pop(), added(3, 1));
}

TEST(HookQueue, HoldsWhatItPromises) {
    HookQueue queue;
    for (int i = 0; i < 5000; ++i) {
        HookNews news = removed(0);
        news.prefix.address.octets[5] = static_cast<std::byte>(i >> 8);
        news.prefix.address.octets[4] = static_cast<std::byte>(i);
        queue.push(news);
    }
    EXPECT_EQ(queue.size(), HookQueue::kCapacity);
    EXPECT_EQ(queue.lost(), 5000 - HookQueue::kCapacity);
}

// A list that is searched from end to end.
class NaiveQueue {
  public:
    explicit NaiveQueue(std::size_t capacity) : capacity_{capacity} {}
    void push(const HookNews& news) {
        const auto same = std::ranges::find(all_, news.prefix, &HookNews::prefix);
        if (same != all_.end()) {
            *same = news;
            return;
        }
        if (all_.size() == capacity_) {
            all_.erase(all_.begin());
            ++lost_;
        }
        all_.push_back(news);
    }
    std::optional<HookNews> pop() {
        if (all_.empty()) {
            return std::nullopt;
        }
        const HookNews first = all_.front();
        all_.erase(all_.begin());
        return first;
    }
    void forget(const Ipv6Prefix& prefix) {
        std::erase_if(all_, [&](const HookNews& news) { return news.prefix == prefix; });
    }
    std::size_t size() const { return all_.size(); }
    std::uint64_t lost() const { return lost_; }

  private:
    std::size_t capacity_;
    std::vector<HookNews> all_;
    std::uint64_t lost_ = 0;
};

TEST(HookQueue, DoesWhatANaiveOneDoes) {
    for (unsigned seed = 0; seed < 50; ++seed) {
        std::mt19937 random{seed};
        const auto below = [&random](int limit) {
            return std::uniform_int_distribution<int>{0, limit - 1}(random);
        };
        const std::size_t capacity = static_cast<std::size_t>(1 + below(8));
        HookQueue queue{capacity};
        NaiveQueue naive{capacity};
        for (int step = 0; step < 2000; ++step) {
            if (below(5) == 0) {
                const Ipv6Prefix which = prefix(1 + below(12));
                queue.forget(which);
                naive.forget(which);
            } else if (below(5) < 3) {
                const int number = 1 + below(12);
                const HookNews news = below(2) == 0 ? removed(number) : added(number, below(9000));
                queue.push(news);
                naive.push(news);
            } else {
                ASSERT_EQ(queue.pop(), naive.pop()) << "seed " << seed << " step " << step;
            }
            ASSERT_EQ(queue.size(), naive.size()) << "seed " << seed << " step " << step;
            ASSERT_EQ(queue.lost(), naive.lost()) << "seed " << seed << " step " << step;
        }
    }
}

}  // namespace
}  // namespace xdhcpd::control
