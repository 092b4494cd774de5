// The model by itself: what breaks a rule, and what does not.
#include "sim/ledger.h"

#include <gtest/gtest.h>

#include <array>

namespace xdhcpd::sim {
namespace {

using dhcp4::MessageType;

class LedgerTest : public ::testing::Test {
  protected:
    LedgerTest() { network_.pool_sizes = {10, 10, 10}; }

    static Ipv4 address(std::uint32_t index) { return Ipv4{Network::base(0).value + index}; }
    static Sent message(int client, MessageType type, Ipv4 address) {
        Sent sent;
        sent.client = client;
        sent.type = type;
        sent.address = address;
        sent.xid = 7;
        return sent;
    }
    static Answer answer(int client, MessageType type, Ipv4 address) {
        return {client, type, address, 100, {}, 7};
    }
    void hear(const Sent& sent, Nanoseconds now) {
        static_cast<void>(ledger_.hear(sent, network_, now));
    }
    void leave(const Answer& answer, Nanoseconds now) { ledger_.leave(answer, {}, network_, now); }
    void exchange(const Sent& sent, const Answer& answer, Nanoseconds now) {
        const Heard heard = ledger_.hear(sent, network_, now);
        ledger_.leave(answer, std::array{heard}, network_, now);
    }

    Network network_;
    Ledger ledger_;
};

TEST_F(LedgerTest, AnAddressIsNobodyElsesBeforeItsLeaseEnds) {
    leave(answer(1, MessageType::kAck, address(8)), 0);
    EXPECT_THROW(leave(answer(2, MessageType::kAck, address(8)), 100 * kSecond - 1), Violation);
    EXPECT_THROW(leave(answer(2, MessageType::kOffer, address(8)), 100 * kSecond - 1), Violation);
    EXPECT_NO_THROW(leave(answer(2, MessageType::kAck, address(8)), 100 * kSecond));
}

TEST_F(LedgerTest, AShorterTimeCountsOnlyForWhoHeardOfIt) {
    leave(answer(1, MessageType::kAck, address(8)), 0);
    Answer shorter = answer(1, MessageType::kAck, address(8));
    shorter.lease_time = 10;
    leave(shorter, 1);
    EXPECT_THROW(leave(answer(2, MessageType::kAck, address(8)), 90 * kSecond), Violation);
}

TEST_F(LedgerTest, WhoAsksForItsLeaseIsNotRefused) {
    leave(answer(1, MessageType::kAck, address(8)), 0);
    const Sent request = message(1, MessageType::kRequest, address(8));
    const Answer nak = answer(1, MessageType::kNak, {});
    EXPECT_THROW(exchange(request, nak, 1), Violation);
    EXPECT_THROW(leave(nak, 1), Violation) << "and a NAK answers something";
    EXPECT_NO_THROW(exchange(request, nak, 100 * kSecond));
    leave(answer(1, MessageType::kAck, address(8)), 0);
    network_.pool_sizes[0] = 0;
    EXPECT_NO_THROW(exchange(request, nak, 1)) << "the operator has closed it";
}

TEST_F(LedgerTest, AClientGetsWhatItHas) {
    leave(answer(1, MessageType::kAck, address(8)), 0);
    EXPECT_THROW(leave(answer(1, MessageType::kOffer, address(9)), 1), Violation);
    EXPECT_THROW(leave(answer(1, MessageType::kAck, address(9)), 1), Violation);
    EXPECT_NO_THROW(exchange(message(1, MessageType::kRequest, address(9)),
                             answer(1, MessageType::kAck, address(9)), 1))
        << "it has asked for another";
}

TEST_F(LedgerTest, AReleaseEndsALease) {
    leave(answer(1, MessageType::kAck, address(8)), 0);
    hear(message(1, MessageType::kRelease, address(9)), 1);
    hear(message(2, MessageType::kRelease, address(8)), 1);
    EXPECT_TRUE(ledger_.claim(1, kDirect, 1)) << "of another address, by another client";
    hear(message(1, MessageType::kRelease, address(8)), 1);
    EXPECT_FALSE(ledger_.claim(1, kDirect, 1));
    EXPECT_NO_THROW(leave(answer(2, MessageType::kAck, address(8)), 1));
}

TEST_F(LedgerTest, AnInitRebootForSomethingElseGivesNothingUp) {
    leave(answer(1, MessageType::kAck, address(8)), 0);
    Sent reboot = message(1, MessageType::kRequest, address(9));
    reboot.init_reboot = true;
    EXPECT_NO_THROW(exchange(reboot, answer(1, MessageType::kNak, {}), 1));
    EXPECT_TRUE(ledger_.claim(1, kDirect, 1));
}

}  // namespace
}  // namespace xdhcpd::sim
