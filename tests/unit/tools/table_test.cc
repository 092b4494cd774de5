#include "tools/xdhcpctl/table.h"

#include <gtest/gtest.h>

namespace xdhcpd::xdhcpctl {
namespace {

TEST(Table, AlignsColumnsAndLeavesNoTrailingSpaces) {
    Table table{{{"NAME"}, {"COUNT", Table::Align::kRight}, {"NOTE"}}};
    table.add({"a", "1", ""});
    table.add({"longer", "1000", "x"});
    EXPECT_EQ(table.text(),
              "NAME    COUNT  NOTE\n"
              "a           1\n"
              "longer   1000  x\n");
    EXPECT_EQ(table.text(false),
              "a           1\n"
              "longer   1000  x\n");
}

TEST(Table, CountsCharactersNotBytes) {
    Table table{{{"N"}, {"X"}}};
    table.add({"\xc3\xa4\xc3\xb6", "1"});
    table.add({"ab", "2"});
    EXPECT_EQ(table.text(false), "\xc3\xa4\xc3\xb6  1\nab  2\n");
}

TEST(Printable, KeepsControlCharactersFromTheTerminal) {
    EXPECT_EQ(printable("a\x1b[31mb\r\n\tc\x7f"), "a?[31mb???c?");
    EXPECT_EQ(printable("\xc2\x9b"
                        "2J"),
              "?2J");  // CSI of C1
    EXPECT_EQ(printable("dr\xc3\xbc"
                        "cker"),
              "dr\xc3\xbc"
              "cker");
}

TEST(Duration, ShowsTheTwoLargestUnits) {
    EXPECT_EQ(duration(0), "0s");
    EXPECT_EQ(duration(59), "59s");
    EXPECT_EQ(duration(60), "1m 00s");
    EXPECT_EQ(duration(3599), "59m 59s");
    EXPECT_EQ(duration(3600), "1h 00m");
    EXPECT_EQ(duration(90061), "1d 01h");
}

TEST(Bytes, UsesBinaryUnits) {
    EXPECT_EQ(bytes(0), "0 B");
    EXPECT_EQ(bytes(1023), "1023 B");
    EXPECT_EQ(bytes(1536), "1.5 KiB");
    EXPECT_EQ(bytes(std::uint64_t{64} << 20), "64.0 MiB");
}

TEST(Microseconds, GoFromNanosecondsToSeconds) {
    EXPECT_EQ(microseconds(0), "0 ns");
    EXPECT_EQ(microseconds(0.85), "850 ns");
    EXPECT_EQ(microseconds(12.34), "12.3 us");
    EXPECT_EQ(microseconds(4500), "4.5 ms");
    EXPECT_EQ(microseconds(2e6), "2.0 s");
}

TEST(Counted, HasAPlural) {
    EXPECT_EQ(counted(1, "lease"), "1 lease");
    EXPECT_EQ(counted(2, "lease"), "2 leases");
}

}  // namespace
}  // namespace xdhcpd::xdhcpctl
