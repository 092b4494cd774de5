// The model of DHCPv6 by itself: what breaks a rule, and what does not.
#include "sim/ledger6.h"

#include <gtest/gtest.h>

#include <array>

#include "sim/network.h"

namespace xdhcpd::sim {
namespace {

using dhcp6::MessageType;
using dhcp6::OptionCode;

constexpr Ia6 kNa{OptionCode::kIaNa, 1};
constexpr Ia6 kPd{OptionCode::kIaPd, 1};

Ipv6Prefix address(std::uint32_t index) {
    return Network::unit6(OptionCode::kIaNa, index);
}
Ipv6Prefix prefix(std::uint32_t index) {
    return Network::unit6(OptionCode::kIaPd, index);
}

class Ledger6Test : public ::testing::Test {
  protected:
    static Sent message(int client, MessageType type, std::vector<Sent6::Part> parts,
                        std::uint32_t xid = 7) {
        Sent sent;
        sent.client = client;
        sent.xid = xid;
        sent.v6 = {type, std::move(parts)};
        return sent;
    }
    static Answer answer(int client, MessageType type, std::vector<Answer6::Part> parts,
                         std::uint32_t xid = 7) {
        Answer answer;
        answer.client = client;
        answer.xid = xid;
        answer.v6 = {type, 0, std::move(parts)};
        return answer;
    }
    static Answer6::Part lease(Ia6 ia, const Ipv6Prefix& name) { return {ia, name, 100}; }
    void hear(const Sent& sent, Nanoseconds now) { static_cast<void>(ledger_.hear(sent, now)); }
    // A client gets what it asks for.
    void give(int client, const std::vector<Answer6::Part>& parts, Nanoseconds now) {
        Sent asked = message(client, MessageType::kRequest, {});
        for (const Answer6::Part& part : parts) {
            asked.v6->parts.push_back({part.ia, part.lease});
        }
        hear(asked, now);
        ledger_.leave(answer(client, MessageType::kReply, parts), {}, now);
    }

    Ledger6 ledger_;
};

TEST_F(Ledger6Test, NothingIsSomebodyElsesBeforeItsLeaseEnds) {
    give(1, {lease(kNa, address(1)), lease(kPd, prefix(1))}, 0);
    EXPECT_THROW(give(2, {lease(kNa, address(1))}, 100 * kSecond - 1), Violation);
    EXPECT_THROW(give(2, {lease(kPd, prefix(1))}, 100 * kSecond - 1), Violation);
    EXPECT_THROW(give(1, {lease({OptionCode::kIaPd, 2}, prefix(1))}, 1), Violation)
        << "nor another IA's of the same client";
    const Ipv6Prefix longer{prefix(1).address, 64};
    EXPECT_THROW(give(2, {lease(kPd, longer)}, 1), Violation) << "nor a part of it";
    hear(message(2, MessageType::kSolicit, {{kPd, {}}}, 8), 1);
    EXPECT_THROW(
        ledger_.leave(answer(2, MessageType::kAdvertise, {lease(kPd, prefix(1))}, 8), {}, 1),
        Violation);
    EXPECT_NO_THROW(give(2, {lease(kNa, address(1)), lease(kPd, prefix(1))}, 100 * kSecond));
}

TEST_F(Ledger6Test, EachIaOfAMessageIsOwedItsLease) {
    give(1, {lease(kNa, address(1)), lease(kPd, prefix(1))}, 0);
    const Sent renew = message(1, MessageType::kRenew, {{kNa, address(1)}, {kPd, prefix(1)}}, 8);
    EXPECT_TRUE(ledger_.hear(renew, 1));
    const auto reply = [this](std::vector<Answer6::Part> parts) {
        ledger_.leave(answer(1, MessageType::kReply, std::move(parts), 8), {}, 1);
    };
    EXPECT_THROW(reply({lease(kNa, address(1))}), Violation) << "one is missing";
    EXPECT_THROW(reply({lease(kNa, address(1)), {kPd, {}, 0}}), Violation) << "one is refused";
    EXPECT_THROW(reply({lease(kNa, address(1)), lease(kPd, prefix(2))}), Violation);
    EXPECT_NO_THROW(reply({lease(kNa, address(1)), lease(kPd, prefix(1))}));
}

TEST_F(Ledger6Test, WhatOneCopyOfAMessageWasNotOwedIsNotMissed) {
    const Sent renew = message(1, MessageType::kRenew, {{kNa, address(1)}}, 8);
    EXPECT_FALSE(ledger_.hear(renew, 0));
    give(1, {lease(kNa, address(1))}, 0);
    EXPECT_TRUE(ledger_.hear(renew, 1));
    EXPECT_NO_THROW(ledger_.leave(answer(1, MessageType::kReply, {{kNa, {}, 0}}, 8), {}, 1));
}

TEST_F(Ledger6Test, AReleaseEndsTheLeaseThatItNames) {
    give(1, {lease(kNa, address(1)), lease(kPd, prefix(1))}, 0);
    hear(message(1, MessageType::kRelease, {{kNa, address(2)}}, 8), 1);
    hear(message(2, MessageType::kRelease, {{kNa, address(1)}}, 8), 1);
    EXPECT_TRUE(ledger_.claim(1, kNa, 1)) << "of another address, by another client";
    const Sent release = message(1, MessageType::kRelease, {{kNa, address(1)}}, 9);
    hear(release, 1);
    EXPECT_FALSE(ledger_.claim(1, kNa, 1));
    EXPECT_TRUE(ledger_.claim(1, kPd, 1));
    // What was on its way in the same step does not bring it back.
    hear(message(1, MessageType::kRequest, {{kNa, address(1)}}, 10), 1);
    ledger_.leave(answer(1, MessageType::kReply, {lease(kNa, address(1))}, 10),
                  std::array{Heard{release, false}}, 1);
    EXPECT_FALSE(ledger_.claim(1, kNa, 1));
}

TEST_F(Ledger6Test, AClientOnItsLinkIsConfirmed) {
    hear(message(1, MessageType::kConfirm, {{kNa, address(1)}}), 0);
    Answer told = answer(1, MessageType::kReply, {});
    EXPECT_NO_THROW(ledger_.leave(told, {}, 0));
    told.v6->status = 4;
    EXPECT_THROW(ledger_.leave(told, {}, 0), Violation);
}

TEST_F(Ledger6Test, WhatNobodyAskedIsNoReply) {
    EXPECT_THROW(ledger_.leave(answer(1, MessageType::kReply, {}), {}, 0), Violation);
}

}  // namespace
}  // namespace xdhcpd::sim
