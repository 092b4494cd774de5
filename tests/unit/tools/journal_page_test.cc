#include "tools/xdhcpctl/journal_page.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace xdhcpd::xdhcpctl {
namespace {

using journal::UnitKey;
using journal::UnitKind;
using journal::UnitState;
using journal::UnitStatus;

UnitState lease(ByteView identity) {
    UnitState state;
    state.key = UnitKey::ipv4(Ipv4{0xc0000205});
    state.version = 3;
    state.status = UnitStatus::kLeased;
    state.expiry = 1'800'000'000;
    state.told_expiry = journal::kNever;
    state.started = 1'700'000'000;
    state.hw_type = 1;
    state.hw_len = 6;
    state.mac = *parse_mac("00:00:5e:00:53:01");
    state.identity = identity;
    state.hostname = as_bytes("a\x1b[2Jb");
    return state;
}

TEST(JournalPageTest, ALineSaysAllAboutAUnitAndSteersNoTerminal) {
    const std::array<std::byte, 3> identity{std::byte{61}, std::byte{1}, std::byte{0xab}};
    EXPECT_EQ(unit_line(lease(identity)),
              "192.0.2.5 leased version 3 until 2027-01-15T08:00:00Z told never granted "
              "2023-11-14T22:13:20Z hw-address 00:00:5e:00:53:01 identity 3d:01:ab hostname "
              "a?[2Jb\n");
    UnitState free;
    free.key = UnitKey::ipv4(Ipv4{0xc0000206});
    free.version = 9;
    EXPECT_EQ(unit_line(free), "192.0.2.6 free version 9\n");
}

TEST(JournalPageTest, OfDhcp6ItSaysDuidAndIaid) {
    const std::array<std::byte, 9> identity{std::byte{32}, std::byte{2}, std::byte{0},
                                            std::byte{0},  std::byte{1}, std::byte{4},
                                            std::byte{0},  std::byte{3}, std::byte{0xab}};
    UnitState state = lease(identity);
    state.key = UnitKey::ipv6(UnitKind::kIpv6Prefix, *parse_ipv6_prefix("2001:db8::/56"));
    state.hostname = {};
    EXPECT_EQ(unit_line(state),
              "2001:db8::/56 leased version 3 until 2027-01-15T08:00:00Z told never granted "
              "2023-11-14T22:13:20Z hw-address 00:00:5e:00:53:01 duid 00:03:ab iaid 260\n");
    EXPECT_EQ(unit_json(state)["duid"], "00:03:ab");
    EXPECT_EQ(unit_json(state)["iaid"], 260);
    EXPECT_FALSE(unit_json(lease({})).contains("duid"));
}

TEST(JournalPageTest, JsonHasSecondsAndNullForNever) {
    const auto json = unit_json(lease({}));
    EXPECT_EQ(json["unit"], "192.0.2.5");
    EXPECT_EQ(json["status"], "leased");
    EXPECT_EQ(json["expiry"], 1'800'000'000u);
    EXPECT_TRUE(json["told_expiry"].is_null());
    EXPECT_EQ(json["hw_address"], "00:00:5e:00:53:01");
}

TEST(JournalPageTest, UnitsAreNamedAsPeopleWriteThem) {
    UnitKey key{UnitKind::kIpv6Prefix,
                56,
                {std::byte{0x20}, std::byte{1}, std::byte{0xd}, std::byte{0xb8}}};
    EXPECT_EQ(unit_text(key), "2001:db8::/56");
    key.kind = UnitKind::kIpv6Address;
    key.length = 128;
    EXPECT_EQ(unit_text(key), "2001:db8::");
}

TEST(JournalPageTest, TimesOutsideAnyCalendarAreNumbers) {
    EXPECT_EQ(unix_time(0), "1970-01-01T00:00:00Z");
    EXPECT_EQ(unix_time(253'402'300'799), "9999-12-31T23:59:59Z");
    EXPECT_EQ(unix_time(253'402'300'800), "253402300800");
    EXPECT_EQ(unix_time(journal::kNever - 1), "18446744073709551614");
}

TEST(JournalPageTest, ACheckSaysFileByFileWhatIsThereAndWhetherAServerWouldStart) {
    journal::CheckResult result;
    result.files.push_back({"segment-0000000003", 64 << 20, 1000, "", false, false});
    result.found.units = 10;
    result.found.leased = 7;
    result.found.records = 1000;
    result.found.wall_clock_stamp = 1'700'000'000'000'000'000;
    EXPECT_NE(check_page(result).find("good"), std::string::npos);
    EXPECT_NE(check_page(result).find("10 units, 7 of them leased, from 1000 records; last written "
                                      "2023-11-14T22:13:20Z"),
              std::string::npos)
        << check_page(result);
    EXPECT_EQ(check_json(result)["usable"], true);
    EXPECT_EQ(check_json(result)["last_written"], 1'700'000'000u);
    result.files[0].note = "offset 4096: a group that was on stable storage is damaged";
    result.files[0].is_damaged = true;
    result.refusal = "state/segment-0000000003, offset 4096: damaged";
    EXPECT_NE(check_page(result).find("xdhcpd would not start: state/segment"), std::string::npos);
    EXPECT_EQ(check_json(result)["usable"], false);
    EXPECT_EQ(check_json(result)["files"][0]["damaged"], true);
}

TEST(JournalPageTest, ARepairSaysWhatWasKeptAndMoved) {
    journal::RepairResult result;
    EXPECT_NE(repair_page(result).find("nothing to repair"), std::string::npos);
    result.is_repaired = true;
    result.units = 10;
    result.aside = "state/damaged-1";
    result.moved = {"segment-0000000003"};
    const std::string page = repair_page(result);
    EXPECT_NE(page.find("kept 10 units"), std::string::npos) << page;
    EXPECT_NE(page.find("moved segment-0000000003 to state/damaged-1"), std::string::npos) << page;
    EXPECT_EQ(repair_json(result)["moved"][0], "segment-0000000003");
}

}  // namespace
}  // namespace xdhcpd::xdhcpctl
