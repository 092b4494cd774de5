// Leases of DHCPv6 in every format.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lease_files/format.h"
#include "lease_files/json.h"
#include "lease_files/text.h"

namespace xdhcpd::lease_files {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Everything final : public Receiver {
  public:
    void on_entry(const Entry& entry, Place) override { entries.push_back(entry); }
    void on_error(Place place, const std::string& text) override {
        errors.push_back(std::to_string(place.line) + ":" + std::to_string(place.column) + ": " +
                         text);
    }
    void on_temporary(Place place, const std::string& text) override {
        temporary.push_back(std::to_string(place.line) + ": " + text);
    }
    std::vector<Entry> entries;
    std::vector<std::string> errors;
    std::vector<std::string> temporary;
};

Everything& read(Format format, std::string_view text, Everything& found) {
    const auto reader = make_reader(format, found);
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        if (!reader->line(text.substr(0, end))) {
            return found;
        }
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    reader->end();
    return found;
}

std::vector<std::string> errors(Format format, std::string_view text) {
    Everything found;
    return read(format, text, found).errors;
}

std::vector<std::byte> bytes(std::string_view text) {
    return parse_bytes(text).value();
}

constexpr std::string_view kDuid = "00:03:00:01:02:00:5e:00:53:31";

Entry lease(std::string_view what) {
    Entry entry;
    EXPECT_TRUE(set_name(entry, what)) << what;
    entry.started = 1767225600;
    entry.expires = 1767232800;
    entry.dhcp6->duid = bytes(kDuid);
    entry.dhcp6->iaid = 0x5e005331;
    entry.dhcp6->preferred = 3600;
    return entry;
}

std::string write(Format format, const Entry& entry) {
    std::string out;
    const auto writer = make_writer(format, {.now = 1767225600, .is_dhcp6 = true});
    writer->begin(out);
    EXPECT_TRUE(writer->write(entry, out));
    return out;
}

Entry again(Format format, const Entry& entry) {
    Everything found;
    const std::string text = write(format, entry);
    read(format, text, found);
    EXPECT_THAT(found.errors, IsEmpty()) << text;
    EXPECT_EQ(found.entries.size(), 1u) << text;
    return found.entries.empty() ? Entry{} : found.entries.front();
}

// What the same client asked of four servers of other kinds; files of the programs of Debian 12.
void expect_real(Format format, std::string_view text, const std::vector<std::string>& names,
                 std::optional<std::int64_t> started) {
    EXPECT_EQ(detect(text.substr(0, text.find('\n'))), format);
    Everything found;
    read(format, text, found);
    EXPECT_THAT(found.errors, IsEmpty());
    std::vector<std::string> found_names;
    for (const Entry& entry : found.entries) {
        found_names.push_back(name_of(entry));
        EXPECT_EQ(entry.state, EntryState::kLeased);
        EXPECT_EQ(entry.started, started);
        EXPECT_EQ(entry.dhcp6->duid, bytes(kDuid));
        EXPECT_EQ(entry.dhcp6->iaid, 0x5e005331u);
        if (started) {
            EXPECT_EQ(entry.expires, *started + 7200);
            EXPECT_EQ(entry.dhcp6->preferred, 3600u);
        }
    }
    EXPECT_EQ(found_names, names);
}

TEST(RealFile6Test, Dhcpd) {
    expect_real(Format::kIsc,
                R"(# The format of this file is documented in the dhcpd.leases(5) manual page.
# This lease file was written by isc-dhcp-4.4.3-P1

# authoring-byte-order entry is generated, DO NOT DELETE
authoring-byte-order little-endian;

server-duid "\000\001\000\0012\236\317\352\256`\020\007)\242";

ia-na "1S\000^\000\003\000\001\002\000^\000S1" {
  cltt 0 2026/11/29 11:58:39;
  iaaddr 2001:db8:1::1c19 {
    binding state active;
    preferred-life 3600;
    max-life 7200;
    ends 0 2026/11/29 13:58:39;
  }
}

ia-pd "1S\000^\000\003\000\001\002\000^\000S1" {
  cltt 0 2026/11/29 11:58:39;
  iaprefix 2001:db8:80ff:ff00::/56 {
    binding state active;
    preferred-life 3600;
    max-life 7200;
    ends 0 2026/11/29 13:58:39;
  }
}
)",
                {"2001:db8:1::1c19", "2001:db8:80ff:ff00::/56"}, 1795953519);
}

TEST(RealFile6Test, Kea) {
    expect_real(
        Format::kKea,
        "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,"
        "fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source\n"
        "2001:db8:1::1000,00:03:00:01:02:00:5e:00:53:31,7200,1795960770,7,3600,0,1577079601,128,0,"
        "0,,02:00:5e:00:53:31,0,,1,2\n"
        "2001:db8:8000::,00:03:00:01:02:00:5e:00:53:31,7200,1795960770,7,3600,2,1577079601,56,0,0,"
        ",02:00:5e:00:53:31,0,,1,2\n",
        {"2001:db8:1::1000", "2001:db8:8000::/56"}, 1795953570);
}

TEST(RealFile6Test, Dnsmasq) {
    Everything found;
    expect_real(Format::kDnsmasq,
                "duid 00:01:00:01:32:9e:d0:07:9a:23:8f:99:6e:93\n"
                "1795960747 1577079601 2001:db8:1::1e73 * 00:03:00:01:02:00:5e:00:53:31\n",
                {"2001:db8:1::1e73"}, std::nullopt);
}

class RoundTrip6Test : public ::testing::TestWithParam<Format> {};
INSTANTIATE_TEST_SUITE_P(Formats, RoundTrip6Test,
                         ::testing::Values(Format::kJson, Format::kCsv, Format::kKea, Format::kIsc,
                                           Format::kDnsmasq),
                         [](const auto& of) { return std::string{name(of.param)}; });

TEST_P(RoundTrip6Test, WhatIsWrittenIsReadAgain) {
    for (const char* const what : {"2001:db8::10", "2001:db8:8000:100::/56", "2001:db8::7/128"}) {
        Entry entry = lease(what);
        if (GetParam() == Format::kDnsmasq) {
            entry.started.reset();
            entry.dhcp6->preferred.reset();
            if (entry.dhcp6->is_prefix) {
                std::string out;
                EXPECT_FALSE(make_writer(GetParam(), {})->write(entry, out));
                EXPECT_EQ(out, "");
                continue;
            }
        }
        EXPECT_EQ(again(GetParam(), entry), entry);
        entry.dhcp6->iaid = 0xfedcba98;
        entry.dhcp6->duid.assign(Dhcp6Lease::kMaxDuidLen, std::byte{0xf7});
        EXPECT_EQ(again(GetParam(), entry), entry);
        entry.expires.reset();
        entry.dhcp6->duid.resize(Dhcp6Lease::kMinDuidLen);
        EXPECT_EQ(again(GetParam(), entry), entry) << "for ever";
    }
}

TEST_P(RoundTrip6Test, ItsOwnFileIsRecognised) {
    const std::string text = write(GetParam(), lease("2001:db8::10"));
    EXPECT_EQ(detect(text.substr(0, text.find('\n'))), GetParam());
}

TEST_P(RoundTrip6Test, DeclinedAddressesAreKeptWhereThereAreWords) {
    Entry entry = lease("2001:db8::10");
    entry.state = EntryState::kDeclined;
    entry.dhcp6->duid.clear();
    entry.dhcp6->iaid = 0;
    if (GetParam() == Format::kDnsmasq) {
        std::string out;
        EXPECT_FALSE(make_writer(GetParam(), {.is_dhcp6 = true})->write(entry, out));
        EXPECT_EQ(out, "");
        return;
    }
    EXPECT_EQ(again(GetParam(), entry), entry);
}

TEST_P(RoundTrip6Test, OneFamilyPerFileWhereTheProgramHasItSo) {
    Entry other;
    other.address = *parse_ipv4("192.0.2.10");
    other.hw_address = bytes("02:00:5e:00:53:01");
    other.expires = 1767232800;
    const bool has_both = GetParam() != Format::kKea && GetParam() != Format::kIsc;
    std::string out;
    EXPECT_EQ(make_writer(GetParam(), {.is_dhcp6 = true})->write(other, out), has_both);
    out.clear();
    EXPECT_EQ(make_writer(GetParam(), {})->write(lease("2001:db8::10"), out), has_both);
}

TEST(Format6Test, OwnFormatsSayEverything) {
    Entry entry = lease("2001:db8:8000:100::/56");
    entry.hw_type = 32;
    entry.hw_address = bytes("02:00:5e:00:53:31");
    entry.hostname = bytes("70:72:ff:5c");
    entry.relay_information = bytes("01:02:03");
    entry.dhcp6->relay_id = bytes("03:00:01:02:65:74:68:31");
    entry.dhcp6->remote_id = bytes("00:00:00:09:61");
    entry.dhcp6->subscriber_id = bytes("73:75:62");
    entry.dhcp6->subnet = parse_ipv6_prefix("2001:db8::/64");
    EXPECT_EQ(again(Format::kJson, entry), entry);
    EXPECT_EQ(again(Format::kCsv, entry), entry);
    entry.dhcp6->duid.clear();
    EXPECT_EQ(again(Format::kJson, entry), entry) << "known by its relay";
    std::string out;
    EXPECT_FALSE(make_writer(Format::kKea, {.is_dhcp6 = true})->write(entry, out));
    EXPECT_FALSE(make_writer(Format::kIsc, {.is_dhcp6 = true})->write(entry, out));
    EXPECT_EQ(out, "");
}

TEST(Format6Test, WhatIsNotALeaseIsTold) {
    const auto wrong = [](const std::string& members) {
        const auto found = errors(Format::kJson, "{\"expires\":null," + members + "}");
        return found.size() == 1 ? found.front() : std::to_string(found.size()) + " errors";
    };
    EXPECT_THAT(wrong(R"("address":"2001:db8::1")"), HasSubstr("a DUID was meant"));
    EXPECT_THAT(wrong(R"("address":"2001:db8::1","duid":"00:01")"), HasSubstr("3 to 130 bytes"));
    EXPECT_THAT(wrong(R"("address":"2001:db8::1/64","duid":"00:01:02")"),
                HasSubstr("none behind them"));
    EXPECT_THAT(wrong(R"("address":"::/0","duid":"00:01:02")"), HasSubstr("1 to 128 bits"));
    EXPECT_THAT(wrong(R"("address":"2001:db8::1","duid":"00:01:02","iaid":4294967296)"),
                HasSubstr("0 to 4294967295"));
    EXPECT_THAT(wrong(R"("address":"2001:db8::1","duid":"00:01:02","client_id":"01:02")"),
                HasSubstr("of DHCPv4"));
    EXPECT_THAT(wrong(R"("address":"2001:db8::1","duid":"00:01:02","relay":"192.0.2.1")"),
                HasSubstr("of DHCPv4"));
    EXPECT_THAT(wrong(R"("address":"192.0.2.1","hw_address":"02:00:5e:00:53:01","iaid":1)"),
                HasSubstr("iaid"));
    EXPECT_THAT(errors(Format::kCsv,
                       "address,expires,duid\n2001:db8::1,never,x\n"
                       "192.0.2.1,never,00:01:02\n2001:db8::g,never,\n"),
                ElementsAre(HasSubstr("2:19: duid: hexadecimal"), HasSubstr("3:17: duid: nothing"),
                            HasSubstr("4:1: address")));
}

TEST(Isc6Test, StatesEndsAndByteOrders) {
    Everything found;
    read(Format::kIsc,
         "authoring-byte-order big-endian;\n"
         "ia-na \"\\000\\000\\000\\007\\000\\003\\000\\001abcdef\" {\n"
         "  cltt never;\n"
         "  iaaddr 2001:db8::1 { binding state expired; ends epoch 1767229200; }\n"
         "  iaaddr 2001:db8::2 { binding state active; ends never; set x = \"{\"; }\n"
         "  iaaddr 2001:db8::3 { binding state abandoned; ends epoch 1767229200; }\n"
         "}\n"
         "authoring-byte-order little-endian;\n"
         "ia-pd 07:00:00:00:00:03:00:01:61:62:63:64:65:66 {\n"
         "  iaprefix 2001:db8:8000::/56 { binding state released; ends never; }\n"
         "}\n"
         "ia-ta \"\\000\" { iaaddr 2001:db8::9 { ends never; } }\n",
         found);
    EXPECT_THAT(found.errors, IsEmpty());
    EXPECT_THAT(found.temporary, ElementsAre(HasSubstr("12: 'ia-ta'")));
    ASSERT_EQ(found.entries.size(), 4u);
    EXPECT_EQ(found.entries[0].state, EntryState::kEnded);
    EXPECT_EQ(found.entries[1].state, EntryState::kLeased);
    EXPECT_EQ(found.entries[1].expires, std::nullopt);
    EXPECT_EQ(found.entries[1].dhcp6->iaid, 7u);
    EXPECT_EQ(found.entries[2].state, EntryState::kDeclined);
    EXPECT_THAT(found.entries[2].dhcp6->duid, IsEmpty());
    EXPECT_EQ(found.entries[3].state, EntryState::kEnded);
    EXPECT_EQ(found.entries[3].dhcp6->iaid, 7u);
    EXPECT_EQ(found.entries[3].dhcp6->duid, found.entries[1].dhcp6->duid);
}

TEST(Isc6Test, MistakesAreToldWithTheirPlace) {
    EXPECT_THAT(
        errors(Format::kIsc,
               "ia-na \"short\" {\n  iaaddr 2001:db8::1 { ends never; }\n}\n"
               "ia-na \"\\007\\000\\000\\000\\000\\003\\000\\001abcdef\" {\n"
               "  iaaddr 192.0.2.1 { ends never; }\n"
               "  iaprefix 2001:db8::/56 { ends never; }\n"
               "  iaaddr 2001:db8::1 {\n    ends soon;\n  }\n"
               "  iaaddr 2001:db8::2 {\n    binding state odd;\n  }\n"
               "  iaaddr 2001:db8::3 {\n    preferred-life x;\n  }\n"
               "  iaaddr 2001:db8::4 {\n  }\n"
               "  iaaddr 2001:db8::5 { ends never }\n"
               "  cltt soon;\n"),
        ElementsAre(HasSubstr("1:1: 'ia-na"), HasSubstr("5:3: 'iaaddr"), HasSubstr("6:3: 'iaaddr"),
                    HasSubstr("8:5: 'ends"), HasSubstr("11:19: active"),
                    HasSubstr("14:5: 'preferred-life"), HasSubstr("16:3: the lease has no 'ends'"),
                    HasSubstr("18:35: ';'"), HasSubstr("19:3: 'cltt"),
                    HasSubstr("20:1: the file ends in the middle")));
}

TEST(Kea6Test, StatesAndOldColumns) {
    constexpr std::string_view kHead =
        "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,"
        "fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source\n";
    Everything found;
    read(Format::kKea,
         std::string{kHead} +
             "2001:db8::1,00,100,1767229200,1,50,0,0,128,0,0,,,1,,,\n"
             "2001:db8::2,00:01:02,0,1767229200,1,50,0,9,128,0,0,,,0,,,\n"
             "2001:db8::3,00:01:02,4294967295,6062192895,1,50,0,9,128,0,0,a&#x2cb,,0,,,\n"
             "2001:db8::4,00:01:02,100,1767229200,1,50,1,9,128,0,0,,,0,,,\n",
         found);
    EXPECT_THAT(found.errors, IsEmpty());
    ASSERT_EQ(found.entries.size(), 3u);
    EXPECT_EQ(found.entries[0].state, EntryState::kDeclined);
    EXPECT_EQ(found.entries[1].state, EntryState::kEnded);
    EXPECT_EQ(found.entries[2].expires, std::nullopt);
    EXPECT_EQ(found.entries[2].hostname, bytes("61:2c:62"));
    EXPECT_THAT(found.temporary, ElementsAre("5: 2001:db8::4 is a temporary address"));
    EXPECT_THAT(errors(Format::kKea, std::string{kHead} +
                                         "2001:db8::g,00:01:02,1,1,1,1,0,9,128,0,0,,,0,,,\n"
                                         "2001:db8::1,00:01:02,1,1,1,1,3,9,128,0,0,,,0,,,\n"
                                         "2001:db8::1,00:01:02,1,1,1,1,0,x,128,0,0,,,0,,,\n"
                                         "2001:db8::1,0g:01:02,1,1,1,1,0,9,128,0,0,,,0,,,\n"
                                         "2001:db8::1,00:01:02,1,1,1,1,2,9,129,0,0,,,0,,,\n"
                                         "2001:db8::1,00:01:02,1,1,1,1,2,9\n"),
                ElementsAre(HasSubstr("2:1: address"), HasSubstr("3:30: lease_type"),
                            HasSubstr("4:32: iaid"), HasSubstr("5:13: duid"),
                            HasSubstr("6:34: prefix_len"), HasSubstr("prefix_len is missing")));
}

}  // namespace
}  // namespace xdhcpd::lease_files
