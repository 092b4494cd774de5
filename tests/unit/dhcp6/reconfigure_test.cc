// What Python's hmac and hashlib say is the oracle of the key and the digest.
#include "dhcp6/reconfigure.h"

#include <gtest/gtest.h>

#include "dhcp6/message_view.h"
#include "support/dhcp6.h"

namespace xdhcpd::dhcp6 {
namespace {

using testing::Bytes;
using testing::bytes;
using testing::option6;
using testing::relay6;

[[nodiscard]] Bytes of_hex(std::string_view text) {
    Bytes value;
    for (; text.size() >= 2; text.remove_prefix(2)) {
        value.push_back(
            static_cast<std::byte>(std::stoi(std::string{text.substr(0, 2)}, nullptr, 16)));
    }
    return value;
}

const Bytes kClient = of_hex("0003000102005e005301");
const Bytes kServer = of_hex("00030001aabbccddeeff");
constexpr std::uint64_t kReplay = 0x0102030405060708;

[[nodiscard]] ReconfigureKey key() {
    ReconfigureSecret secret;
    for (std::size_t i = 0; i < secret.size(); ++i) {
        secret[i] = static_cast<std::byte>(i);
    }
    return make_reconfigure_key(secret, kClient);
}
[[nodiscard]] Reconfigure message() {
    return {.server_id = kServer, .client_id = kClient, .key = key(), .replay = kReplay};
}
[[nodiscard]] Bytes written(const Reconfigure& reconfigure) {
    Bytes out(512);
    out.resize(write_reconfigure(reconfigure, out));
    return out;
}
const Bytes kMessage = of_hex(
    "0a0000000002000a00030001aabbccddeeff0001000a0003000102005e00530100130001"
    "05000b001c03010001020304050607080"
    "2d835e533692758b1a3f37e06cde42ff9");

TEST(ReconfigureTest, AKeyIsOfItsClientAndTheSecret) {
    EXPECT_TRUE(equal_bytes(key(), of_hex("4a72531d3f2fc3311210d097e1468b43")));
    EXPECT_NE(key(), make_reconfigure_key({}, kClient));
    EXPECT_NE(key(), make_reconfigure_key({}, kServer));
}

TEST(ReconfigureTest, TheKeyIsCarriedInAnAuthenticationOption) {
    RecordProperty("rfc", "8415 20.4.1, 21.11");
    Bytes expected = of_hex(
        "0301000102030405060708"
        "01");
    const ReconfigureKey carried = key();
    expected.insert(expected.end(), carried.begin(), carried.end());
    EXPECT_TRUE(equal_bytes(carry_key(carried, kReplay), expected));
}

TEST(ReconfigureTest, WritesTheMessageWithItsDigest) {
    RecordProperty("rfc", "8415 18.3.11, 20.4.2");
    EXPECT_EQ(written(message()), kMessage);
}

TEST(ReconfigureTest, ADigestIsOfTheClientsMessageAlone) {
    RecordProperty("rfc", "8415 18.3.11, 20.4.2");
    const Bytes interface_id = option6(18, {'p', '7'});
    const auto options = OptionList::parse(interface_id);
    const std::array<Relay, 1> relays{Relay{.hop_count = 0,
                                            .link_address = *parse_ipv6("2001:db8:1::1"),
                                            .peer_address = *parse_ipv6("fe80::7"),
                                            .options = *options}};
    Reconfigure relayed = message();
    relayed.relays = relays;
    EXPECT_EQ(written(relayed), relay6(13, 0, "2001:db8:1::1", "fe80::7", interface_id, kMessage));
}

TEST(ReconfigureTest, AMessageIsThereAsAWholeOrNotAtAll) {
    for (std::size_t room = 0; room < kMessage.size(); ++room) {
        Bytes out(room);
        EXPECT_EQ(write_reconfigure(message(), out), 0u) << room;
    }
    Bytes out(kMessage.size());
    EXPECT_EQ(write_reconfigure(message(), out), kMessage.size());
}

}  // namespace
}  // namespace xdhcpd::dhcp6
