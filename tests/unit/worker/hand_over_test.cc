// The ways between workers, without workers.
#include "worker/hand_over.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <memory>
#include <vector>

#include "io/memory/memory_port.h"
#include "support/frames.h"

namespace xdhcpd::worker {
namespace {

using testing::Bytes;
using testing::bytes;

class HandOverTest : public ::testing::Test {
  protected:
    static constexpr std::size_t kSlots = 4;

    HandOverTest() {
        for (std::uint32_t id = 0; id < 2; ++id) {
            wake_ups_.push_back(std::make_unique<WakeUp>(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)));
            exchange_.set_wake_up(id, *wake_ups_.back());
        }
        port_.set_route(&route_);
    }
    std::optional<engine::Shed> give(bool may_be_routed = false) {
        const Bytes frame = bytes({1, 2, 3});
        return a_.give(1, port_,
                       {.frame = frame,
                        .ifindex = 7,
                        .may_be_routed = may_be_routed,
                        .received = BootTime{std::chrono::seconds{5}}});
    }
    // B gives back what it has been given, with `reason` if it is not kAnswered.
    void give_back(std::uint16_t reason = HandedReply::kAnswered) {
        auto& messages = b_.messages_of(0);
        const std::size_t count = messages.waiting();
        for (std::size_t i = 0; i < count; ++i) {
            HandedReply reply;
            reply.loan = messages.at(i).loan;
            reply.reason = reason;
            b_.give_back(0, reply);
        }
        messages.release(count);
        b_.publish();
    }
    std::size_t collect() {
        return a_.collect([](Loans::Loan, const HandedReply&) {});
    }

    Exchange exchange_{2, kSlots};
    std::vector<std::unique_ptr<WakeUp>> wake_ups_;
    MemoryPort port_{{.interface_name = "m", .queue = 0, .rx_frame_count = 8, .tx_frame_count = 4}};
    MemoryPort route_{{.interface_name = "r", .role = PortRole::kRoute}};
    HandOver a_{exchange_, 0};
    HandOver b_{exchange_, 1};
};

TEST_F(HandOverTest, AMessageArrivesWithTheBytesOfALentFrame) {
    ASSERT_FALSE(give());
    EXPECT_EQ(b_.messages_of(0).waiting(), 0u) << "not published yet";
    a_.publish();
    ASSERT_EQ(b_.messages_of(0).waiting(), 1u);
    EXPECT_TRUE(b_.has_waiting());
    const HandedMessage& message = b_.messages_of(0).at(0);
    EXPECT_TRUE(equal_bytes(message.frame(), bytes({1, 2, 3})));
    EXPECT_EQ(message.ifindex, 7u);
    EXPECT_EQ(message.port, &port_);
    EXPECT_GE(message.out.size(), kMinTxFrameLen);
    EXPECT_EQ(port_.tx_frames_out(), 1u);
    EXPECT_EQ(a_.loans_out(), 1u);
    EXPECT_TRUE(a_.has_loan_of(port_));
}

TEST_F(HandOverTest, WhatComesBackIsTheFrameAndWhatBecameOfIt) {
    ASSERT_FALSE(give());
    a_.publish();
    b_.messages_of(0).at(0).out[0] = std::byte{42};
    give_back(engine::DropReason{engine::Refusal::kNoSubnet}.index());
    const std::size_t count = a_.collect([&](Loans::Loan loan, const HandedReply& reply) {
        EXPECT_EQ(loan.port, &port_);
        EXPECT_EQ(loan.frame.bytes()[0], std::byte{42});
        EXPECT_FALSE(loan.routed);
        EXPECT_EQ(loan.ifindex, 7u);
        EXPECT_EQ(to_boot_seconds(loan.received).value, 5u);
        EXPECT_EQ(reply.drop(), engine::DropReason{engine::Refusal::kNoSubnet});
    });
    EXPECT_EQ(count, 1u);
    EXPECT_EQ(a_.loans_out(), 0u);
    EXPECT_EQ(port_.tx_frames_out(), 0u) << "who does not submit it gives it back";
}

TEST_F(HandOverTest, AFullRingTakesNothingAndLendsNothing) {
    MemoryPort wide{{.interface_name = "w", .tx_frame_count = 64}};
    const Bytes frame = bytes({1});
    const HandOver::Message message{frame, 7, false, {}};
    for (std::size_t i = 0; i < kSlots; ++i) {
        ASSERT_FALSE(a_.give(1, wide, message));
    }
    EXPECT_EQ(a_.give(1, wide, message), engine::Shed::kHandOverFull);
    EXPECT_EQ(wide.tx_frames_out(), kSlots);
    a_.publish();
    give_back();
    EXPECT_EQ(collect(), kSlots);
    EXPECT_FALSE(a_.give(1, wide, message));
    a_.publish();
    give_back();
    collect();
}

TEST_F(HandOverTest, AMessageLongerThanASlotArrivesWhole) {
    Bytes longer(9000, std::byte{1});
    longer.back() = std::byte{2};
    const Bytes longest(HandedMessage::kMaxLen, std::byte{3});
    ASSERT_FALSE(a_.give(1, port_, {longer, 7, false, {}}));
    ASSERT_FALSE(a_.give(1, port_, {longest, 7, false, {}}));
    a_.publish();
    EXPECT_TRUE(equal_bytes(b_.messages_of(0).at(0).frame(), longer));
    EXPECT_TRUE(equal_bytes(b_.messages_of(0).at(1).frame(), longest));
    EXPECT_EQ(b_.messages_of(0).at(1).long_bytes, nullptr);
}

TEST_F(HandOverTest, NoMoreThanHalfOfThePortsFramesMayWaitForStableStorage) {
    for (int i = 0; i < 4; ++i) {
        ASSERT_FALSE(give());
    }
    EXPECT_EQ(port_.parked(), 2u);
    a_.publish();
    std::size_t may_wait = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        may_wait += b_.messages_of(0).at(i).may_wait ? 1 : 0;
    }
    EXPECT_EQ(may_wait, 2u);
    give_back();
    collect();
    EXPECT_EQ(port_.parked(), 0u);
}

TEST_F(HandOverTest, AReplyThatMayBeRoutedNeedsAFrameOfTheRoute) {
    ASSERT_FALSE(give(true));
    EXPECT_EQ(route_.tx_frames_out(), 1u);
    EXPECT_EQ(route_.parked(), 1u);
    a_.publish();
    give_back();
    EXPECT_EQ(
        a_.collect([](const Loans::Loan& loan, const HandedReply&) { EXPECT_TRUE(loan.routed); }),
        1u);
    EXPECT_EQ(route_.parked(), 0u);
    EXPECT_EQ(route_.tx_frames_out(), 0u);
}

TEST_F(HandOverTest, WithoutAFrameToLendNothingIsGiven) {
    for (int i = 0; i < 4; ++i) {
        ASSERT_FALSE(give());
    }
    a_.publish();
    auto& messages = b_.messages_of(0);
    messages.release(messages.waiting());
    EXPECT_EQ(give(), engine::Shed::kNoTxFrame);
    EXPECT_EQ(a_.loans_out(), 4u);
}

TEST_F(HandOverTest, OnlyWhoSleepsIsWoken) {
    const auto is_woken = [&] {
        std::uint64_t value = 0;
        return read(wake_ups_[1]->fd(), &value, sizeof value) > 0;
    };
    ASSERT_FALSE(give());
    a_.publish();
    EXPECT_FALSE(is_woken());
    wake_ups_[1]->announce();
    a_.publish();
    EXPECT_FALSE(is_woken()) << "there was nothing new";
    ASSERT_FALSE(give());
    a_.publish();
    EXPECT_TRUE(is_woken());
}

}  // namespace
}  // namespace xdhcpd::worker
