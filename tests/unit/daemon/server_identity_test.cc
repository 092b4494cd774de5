#include "daemon/server_identity.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "journal/directory.h"
#include "support/faulty_files.h"

namespace xdhcpd::daemon {
namespace {

using journal::FaultyFiles;

const std::string kDirectory = "state";
const Mac kMac = *parse_mac("02:00:5e:00:53:01");

IdentitySeed seed(std::uint64_t number = 1, Mac mac = kMac) {
    IdentitySeed made{.mac = mac, .unix_time = 946'684'800 + 0x01020304};
    Random random{number};
    for (std::byte& octet : made.random) {
        octet = static_cast<std::byte>(random.below(256));
    }
    return made;
}

TEST(ServerIdentityTest, ANewOneHasADuidOfLinkLayerAddressAndTime) {
    RecordProperty("rfc", "8415 11.2");
    EXPECT_EQ(to_hex(make_identity(seed()).duid, 0),
              "0001000101020304"
              "02005e005301");
}

TEST(ServerIdentityTest, WithoutAnInterfaceItIsARandomUuid) {
    RecordProperty("rfc", "6355, 9562 5.4");
    for (const auto& make : {make_identity, make_passing_identity}) {
        const auto duid = make(seed(1, Mac{})).duid;
        ASSERT_EQ(duid.size(), 18u);
        EXPECT_EQ(load_be16(duid.data()), 4);
        EXPECT_EQ(std::to_integer<int>(duid[8]) >> 4, 4);
        EXPECT_EQ(std::to_integer<int>(duid[10]) >> 6, 2);
        EXPECT_NE(duid, make(seed(2, Mac{})).duid);
    }
}

TEST(ServerIdentityTest, APassingOneHasADuidThatIsTheSameNextTime) {
    RecordProperty("rfc", "8415 11.4");
    EXPECT_EQ(to_hex(make_passing_identity(seed(1)).duid, 0), "0003000102005e005301");
    EXPECT_EQ(make_passing_identity(seed(1)).duid, make_passing_identity(seed(2)).duid);
    EXPECT_FALSE(make_passing_identity(seed(1)) == make_passing_identity(seed(2))) << "keys";
}

TEST(ServerIdentityTest, AClockBeforeTheEpochOfDuidsIsItsBeginning) {
    IdentitySeed early = seed();
    early.unix_time = 5;
    EXPECT_EQ(to_hex(make_identity(early).duid, 0),
              "0001000100000000"
              "02005e005301");
}

TEST(ServerIdentityTest, TheKeyIsAPartOfTheSeedThatTheDuidDoesNotTell) {
    const auto identity = make_identity(seed(1, Mac{}));
    EXPECT_NE(identity.names_key.k0, identity.names_key.k1);
    std::array<std::byte, 16> key;
    store_be64(key.data(), identity.names_key.k0);
    store_be64(&key[8], identity.names_key.k1);
    EXPECT_FALSE(equal_bytes(key, ByteView{identity.duid}.subspan(2)));
    IdentitySeed changed = seed();
    changed.random[16] ^= std::byte{1};
    EXPECT_NE(make_identity(changed).names_key.k0, make_identity(seed()).names_key.k0);
    changed = seed();
    changed.random[31] ^= std::byte{1};
    EXPECT_NE(make_identity(changed).names_key.k1, make_identity(seed()).names_key.k1);
}

TEST(ServerIdentityTest, TheFirstConfiguredInterfaceThatIsThereNamesUs) {
    model::Configuration configuration;
    configuration.interfaces.resize(3);
    configuration.interfaces[0].name = "absent";
    configuration.interfaces[1].name = "lo";
    configuration.interfaces[2].name = "eth1";
    model::HostState host;
    EXPECT_TRUE(first_mac(configuration, host).is_zero());
    host.interfaces.resize(2);
    host.interfaces[0].name = "lo";
    host.interfaces[1].name = "eth1";
    host.interfaces[1].mac = kMac;
    EXPECT_EQ(first_mac(configuration, host), kMac);
}

TEST(ServerIdentityTest, IsMadeOnceAndStaysWhateverHappensToInterfacesAndClock) {
    FaultyFiles files;
    const auto made = load_identity(files, kDirectory, seed(1));
    ASSERT_TRUE(made);
    IdentitySeed other = seed(2, *parse_mac("02:00:5e:00:53:77"));
    other.unix_time += 1000;
    const auto again = load_identity(files, kDirectory, other);
    ASSERT_TRUE(again);
    EXPECT_TRUE(*again == *made);
}

TEST(ServerIdentityTest, TheTextIsReadAgain) {
    const auto identity = make_identity(seed());
    const std::string text = encode_identity(identity);
    EXPECT_EQ(text.substr(0, 52), "xdhcpd identity 1\nduid 000100010102030402005e005301\n");
    const auto read = decode_identity(text);
    ASSERT_TRUE(read);
    EXPECT_TRUE(*read == identity);
}

TEST(ServerIdentityTest, EveryChangeOfTheFileIsNoticed) {
    const std::string text = encode_identity(make_identity(seed()));
    for (std::size_t at = 0; at < text.size(); ++at) {
        std::string changed = text;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        EXPECT_FALSE(decode_identity(changed)) << at;
        EXPECT_FALSE(decode_identity(text.substr(0, at))) << at;
    }
}

TEST(ServerIdentityTest, ADamagedFileIsAnErrorThatSaysWhatToDoAndIsNotReplaced) {
    FaultyFiles files;
    const auto made = load_identity(files, kDirectory, seed(1));
    ASSERT_TRUE(made);
    files.flip(kDirectory + "/identity", 30);
    for (int i = 0; i < 2; ++i) {
        const auto refused = load_identity(files, kDirectory, seed(2));
        ASSERT_FALSE(refused);
        EXPECT_NE(refused.error().message.find("state/identity is damaged"), std::string::npos)
            << refused.error().message;
        EXPECT_NE(refused.error().message.find("put a copy of it back"), std::string::npos);
    }
    files.flip(kDirectory + "/identity", 30);
    EXPECT_TRUE(*load_identity(files, kDirectory, seed(2)) == *made);
}

TEST(ServerIdentityTest, AnEmptyFileIsDamaged) {
    FaultyFiles files;
    ASSERT_TRUE(files.make_directory(kDirectory));
    ASSERT_TRUE(files.open(kDirectory + "/identity", journal::OpenMode::kCreate));
    EXPECT_FALSE(load_identity(files, kDirectory, seed()));
}

TEST(ServerIdentityTest, WhatCannotBeKeptIsNoIdentity) {
    std::uint64_t first = 0;
    {
        FaultyFiles files;
        ASSERT_TRUE(load_identity(files, kDirectory, seed()));
        first = files.calls();
    }
    for (std::uint64_t call = 1; call <= first; ++call) {
        FaultyFiles files;
        files.fail_calls(call, EIO);
        EXPECT_FALSE(load_identity(files, kDirectory, seed())) << call;
    }
}

// A power cut at any call: the next start finds the identity that was told, or makes another.
TEST(ServerIdentityTest, WhatWasToldSurvivesAPowerCut) {
    for (const auto loss :
         {FaultyFiles::Loss::kAll, FaultyFiles::Loss::kTorn, FaultyFiles::Loss::kReordered}) {
        bool is_done = false;
        for (std::uint64_t call = 1; !is_done; ++call) {
            Random random{call};
            FaultyFiles files;
            files.crash_at(call);
            const auto told = load_identity(files, kDirectory, seed(1));
            is_done = told && !files.crashed();
            files.restart(loss, random);
            const auto found = load_identity(files, kDirectory, seed(2));
            ASSERT_TRUE(found) << call;
            if (is_done) {
                EXPECT_TRUE(*found == *told);
            }
        }
    }
}

}  // namespace
}  // namespace xdhcpd::daemon
