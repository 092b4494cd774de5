#include "packet/checksum.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "support/frames.h"

namespace xdhcpd {
namespace {

using testing::Bytes;

// The worked example of RFC 1071 section 3.
TEST(ChecksumTest, SumsTheExampleOfTheStandard) {
    RecordProperty("rfc", "1071 3");
    EXPECT_EQ(ones_complement_sum(testing::bytes({0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7})),
              0xddf2);
}

TEST(ChecksumTest, AgreesWithTheObviousWayAtEveryLength) {
    Random random{7};
    for (std::size_t len = 0; len < 600; ++len) {
        Bytes data(len);
        for (std::byte& octet : data) {
            octet = static_cast<std::byte>(random.below(256));
        }
        const std::uint32_t initial = random.below(0x10000);
        EXPECT_EQ(ones_complement_sum(data, initial), testing::slow_sum(data, initial)) << len;
    }
}

TEST(ChecksumTest, CarriesSurviveAllOnes) {
    for (const std::size_t len : {1u, 2u, 15u, 16u, 17u, 1500u, 65535u}) {
        const Bytes ones(len, std::byte{0xff});
        EXPECT_EQ(ones_complement_sum(ones), testing::slow_sum(ones)) << len;
    }
}

TEST(ChecksumTest, UdpSumOfZeroIsSentAsAllOnes) {
    RecordProperty("rfc", "768");
    // Data chosen so that everything adds up to 0xffff, whose complement is zero.
    Bytes datagram = testing::bytes({0, 67, 0, 68, 0, 10, 0, 0, 0, 0});
    const std::uint16_t rest = testing::slow_sum(
        datagram, udp4_pseudo_header_sum(testing::ip("192.0.2.1"), testing::ip("192.0.2.2"), 10));
    const auto filler = static_cast<std::uint16_t>(0xffff - rest);
    datagram[8] = static_cast<std::byte>(filler >> 8);
    datagram[9] = static_cast<std::byte>(filler & 0xff);
    EXPECT_EQ(udp4_checksum(testing::ip("192.0.2.1"), testing::ip("192.0.2.2"), datagram), 0xffff);
}

}  // namespace
}  // namespace xdhcpd
