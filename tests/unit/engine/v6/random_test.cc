// Random messages of a few clients against a naive picture of who has what: no address or prefix is
// promised to two at a time, and equal input gives equal output.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "support/engine6_harness.h"

namespace xdhcpd::engine::v6 {
namespace {

using testing::Engine6;
using testing::Message6;
using testing::Outcome6;
using testing::Reply6;
using testing::small_configuration6;

// Who was promised what, and until when, as clients know it.
class Ledger {
  public:
    using Holder = std::pair<int, std::uint32_t>;  // client, IAID

    void hear(const Reply6& reply, int client, std::uint32_t now) {
        reply.message->for_each_ia([&](const dhcp6::IdentityAssociation& ia) {
            const auto answer = reply.ia(static_cast<int>(ia.code), ia.iaid).value();
            for (const testing::ReplyLease& lease : answer.leases) {
                auto& [holder, until] = promises_[lease.what];
                if (lease.valid == 0) {
                    if (holder == Holder{client, ia.iaid}) {
                        until = 0;
                    }
                    continue;
                }
                if (reply.type() != 7) {
                    EXPECT_TRUE(until < now || holder == (Holder{client, ia.iaid}))
                        << lease.what << " is offered while it is promised";
                    continue;
                }
                EXPECT_TRUE(until < now || holder == (Holder{client, ia.iaid}))
                    << lease.what << " is promised twice";
                holder = {client, ia.iaid};
                until = std::max(until, now + lease.valid);
                has_[holder] = lease.what;
            }
        });
    }
    void let_go(const std::string& what, int client, std::uint32_t iaid) {
        auto& [holder, until] = promises_[what];
        if (holder == Holder{client, iaid}) {
            until = 0;
        }
    }
    [[nodiscard]] std::string has(int client, std::uint32_t iaid) const {
        const auto found = has_.find({client, iaid});
        return found == has_.end() ? std::string{} : found->second;
    }
    [[nodiscard]] std::size_t promised(std::uint32_t now) const {
        return static_cast<std::size_t>(std::ranges::count_if(
            promises_, [now](const auto& promise) { return promise.second.second > now; }));
    }

  private:
    std::map<std::string, std::pair<Holder, std::uint32_t>> promises_;
    std::map<Holder, std::string> has_;
};

class Player {
  public:
    explicit Player(std::uint32_t seed) : random_{seed} {
        auto configuration = small_configuration6();
        configuration.dhcp6.rapid_commit = seed % 2 == 0;
        configuration.dhcp6.reconfigure = seed % 3 == 0;
        configuration.dhcp6.lifetimes = {300, 600};
        configuration.dhcp6.decline_time = 900;
        configuration.dhcp6.subnets[0].pools[0].last = *parse_ipv6("2001:db8:1::1005");
        auto& reservation = configuration.dhcp6.subnets[0].reservations.emplace_back();
        reservation.identifier = {model::IdentifierKind6::kDuid, testing::duid_of(1)};
        reservation.addresses = {*parse_ipv6("2001:db8:1::1002")};
        with_ = configuration;
        configuration.dhcp6.subnets[0].reservations.clear();
        without_ = configuration;
        first_.reload(with_);
        second_.reload(with_);
    }

    void step() {
        const int what = pick(20);
        if (what == 0) {
            const auto seconds = static_cast<std::uint32_t>(pick(700));
            first_.pass(seconds);
            second_.pass(seconds);
            return;
        }
        if (what == 1) {
            const auto& next = pick(2) == 0 ? with_ : without_;
            first_.reload(next);
            second_.reload(next);
            return;
        }
        const int client = 1 + pick(6);
        constexpr int kTypes[] = {1, 1, 3, 3, 4, 5, 5, 5, 6, 6, 8, 9, 11};
        const int type = kTypes[pick(std::size(kTypes))];
        Message6 message{type, client};
        message.xid(static_cast<std::uint32_t>(pick(0xffffff)));
        std::vector<std::pair<std::string, std::uint32_t>> named;
        if (type != 11) {
            for (int i = pick(3); i >= 0; --i) {
                const bool is_prefix = pick(2) == 0;
                const auto iaid = static_cast<std::uint32_t>((is_prefix ? 100 : 0) + pick(2));
                std::vector<std::string> listed;
                if (pick(4) != 0) {
                    const std::string own = ledger_.has(client, iaid);
                    listed.push_back(own.empty() || pick(4) == 0 ? any(is_prefix) : own);
                    named.emplace_back(listed.back(), iaid);
                }
                is_prefix ? message.pd(iaid, listed) : message.na(iaid, listed);
            }
        }
        if (type == 1 && pick(2) == 0) {
            message.option(14);
        }
        if (pick(2) == 0) {
            message.option(20);
        }
        const bool is_relayed = pick(3) == 0;
        const auto send = [&](Engine6& engine) {
            return is_relayed ? engine.send_relayed(message, {{"2001:db8:1::5"}})
                              : engine.send(message, client);
        };
        const Outcome6 outcome = send(first_);
        const Outcome6 again = send(second_);
        ASSERT_EQ(outcome.drop, again.drop);
        if (!outcome.reply) {
            return;
        }
        ASSERT_EQ(outcome.reply->bytes, again.reply->bytes);
        ledger_.hear(*outcome.reply, client, first_.now);
        if (type == 8 || type == 9) {
            for (const auto& [lease, iaid] : named) {
                ledger_.let_go(lease, client, iaid);
            }
        }
        ASSERT_EQ(first_.shard.check_invariants(), "");
        ASSERT_LE(ledger_.promised(first_.now), first_.held(lease::HeldCount::kLeased));
    }
    [[nodiscard]] std::size_t promised() const { return ledger_.promised(first_.now); }

  private:
    [[nodiscard]] int pick(std::size_t below) { return static_cast<int>(random_() % below); }
    [[nodiscard]] std::string any(bool is_prefix) {
        constexpr const char* kDigits = "0123456789abcdef";
        const char digit = kDigits[pick(16)];
        return is_prefix
                   ? std::string{"2001:db8:100"} +
                         (digit == '0' ? std::string{} : std::string{":"} + digit + "00") + "::/56"
                   : std::string{"2001:db8:1::100"} + digit;
    }

    std::mt19937 random_;
    model::Configuration with_;
    model::Configuration without_;
    Engine6 first_;
    Engine6 second_;
    Ledger ledger_;
};

TEST(Random6Test, NothingIsPromisedTwiceAndEqualInputGivesEqualOutput) {
    std::size_t promised = 0;
    for (std::uint32_t seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE(seed);
        Player player{seed};
        for (int i = 0; i < 400; ++i) {
            player.step();
            if (HasFatalFailure() || HasNonfatalFailure()) {
                return;
            }
        }
        promised += player.promised();
    }
    EXPECT_GT(promised, 40u);  // clients did get something
}

}  // namespace
}  // namespace xdhcpd::engine::v6
