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
    void on_entry(const Entry& entry, Place place) override {
        entries.push_back(entry);
        places.push_back(std::to_string(place.line) + ":" + std::to_string(place.column));
    }
    void on_error(Place place, const std::string& text) override {
        errors.push_back(std::to_string(place.line) + ":" + std::to_string(place.column) + ": " +
                         text);
    }
    void on_temporary(Place place, const std::string& text) override {
        temporary.push_back(std::to_string(place.line) + ": " + text);
    }
    std::vector<Entry> entries;
    std::vector<std::string> places;
    std::vector<std::string> errors;
    std::vector<std::string> temporary;
    bool is_cut = false;  // the reader wanted no more
};

void read(Format format, std::string_view text, Everything& found) {
    const auto reader = make_reader(format, found);
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        if (!reader->line(text.substr(0, end))) {
            found.is_cut = true;
            return;
        }
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    reader->end();
}

// The only lease of a text.
[[nodiscard]] Entry one(Format format, std::string_view text) {
    Everything found;
    read(format, text, found);
    EXPECT_THAT(found.errors, IsEmpty());
    EXPECT_EQ(found.entries.size(), 1u);
    return found.entries.empty() ? Entry{} : found.entries.front();
}

[[nodiscard]] std::vector<std::string> errors(Format format, std::string_view text) {
    Everything found;
    read(format, text, found);
    return found.errors;
}

[[nodiscard]] std::string write(Format format, const Entry& entry) {
    std::string out;
    const auto writer = make_writer(
        format, {.now = 1767225600, .is_dhcp6 = entry.dhcp6.has_value(), .kea_subnet_id = {}});
    writer->begin(out);
    EXPECT_TRUE(writer->write(entry, out));
    return out;
}

[[nodiscard]] std::vector<std::byte> bytes(std::string_view text) {
    return {as_bytes(text).begin(), as_bytes(text).end()};
}

// Names of every kind of byte, and as much else as all formats can say.
[[nodiscard]] Entry full_entry() {
    Entry entry;
    entry.address = *parse_ipv4("192.0.2.10");
    entry.started = 1767225600;
    entry.expires = 1767229200;
    entry.hw_address = *parse_bytes("02:00:5e:00:53:01");
    entry.client_id = *parse_bytes("00:22:5c:0a:ff:2c:7b:7d:3b:23");
    entry.hostname = bytes("printer");
    return entry;
}

class RoundTripTest : public ::testing::TestWithParam<Format> {};
INSTANTIATE_TEST_SUITE_P(Formats, RoundTripTest,
                         ::testing::Values(Format::kJson, Format::kCsv, Format::kKea, Format::kIsc,
                                           Format::kDnsmasq),
                         [](const auto& of) { return std::string{name(of.param)}; });

TEST_P(RoundTripTest, WhatIsWrittenIsReadAgain) {
    Entry entry = full_entry();
    if (GetParam() == Format::kDnsmasq) {
        entry.started.reset();
    }
    EXPECT_EQ(one(GetParam(), write(GetParam(), entry)), entry);
    entry.expires.reset();
    entry.client_id.clear();
    EXPECT_EQ(one(GetParam(), write(GetParam(), entry)), entry) << "for ever";
}

TEST_P(RoundTripTest, OddNamesSurviveOrAreLeftOut) {
    Entry entry = full_entry();
    std::string name;
    for (int c = 0; c < 255; ++c) {
        name += static_cast<char>(c);
    }
    entry.hostname = bytes(name);
    const Entry again = one(GetParam(), write(GetParam(), entry));
    if (GetParam() == Format::kDnsmasq) {
        EXPECT_THAT(again.hostname, IsEmpty());
    } else {
        EXPECT_EQ(again.hostname, entry.hostname);
    }
    EXPECT_EQ(again.client_id, entry.client_id);
}

TEST_P(RoundTripTest, ItsOwnFileIsRecognised) {
    const std::string text = write(GetParam(), full_entry());
    EXPECT_EQ(detect(text.substr(0, text.find('\n'))), GetParam());
}

TEST_P(RoundTripTest, DeclinedAddressesAreKeptWhereThereAreWords) {
    Entry entry;
    entry.address = *parse_ipv4("192.0.2.10");
    entry.state = EntryState::kDeclined;
    entry.expires = 1767229200;
    if (GetParam() == Format::kDnsmasq) {
        std::string out;
        EXPECT_FALSE(make_writer(GetParam(), {})->write(entry, out));
        EXPECT_EQ(out, "");
        return;
    }
    const Entry again = one(GetParam(), write(GetParam(), entry));
    EXPECT_EQ(again.state, EntryState::kDeclined);
    EXPECT_EQ(again.expires, entry.expires);
}

TEST(FormatTest, OwnFormatsSayEverything) {
    Entry entry = full_entry();
    entry.hw_type = 32;
    entry.relay_information = *parse_bytes("01:02:61:62:05:04:c0:00:02:00");
    entry.relay = *parse_ipv4("192.0.2.1");
    entry.vlan = Vlan{100, 200};
    entry.subnet = *parse_ipv4_prefix("192.0.2.0/24");
    for (const Format format : {Format::kJson, Format::kCsv}) {
        EXPECT_EQ(one(format, write(format, entry)), entry);
    }
}

TEST(FormatTest, FirstLinesTellFormats) {
    EXPECT_EQ(detect("# The format of this file is documented in the dhcpd.leases(5) manual page."),
              Format::kIsc);
    EXPECT_EQ(detect("authoring-byte-order little-endian;"), Format::kIsc);
    EXPECT_EQ(detect("lease 192.0.2.10 {"), Format::kIsc);
    EXPECT_EQ(detect("1767229200 02:00:5e:00:53:01 192.0.2.10 * *"), Format::kDnsmasq);
    EXPECT_EQ(detect("duid 00:01:00:01"), Format::kDnsmasq);
    EXPECT_EQ(detect("address,hwaddr,client_id,valid_lifetime,expire"), Format::kKea);
    EXPECT_EQ(detect("address,duid,valid_lifetime"), Format::kKea);
    EXPECT_EQ(detect("expires,address"), Format::kCsv);
    EXPECT_EQ(detect("{\"address\""), Format::kJson);
    for (const char* const other : {"", "1767229200", "hello world", "[1]", "PK\x03\x04"}) {
        EXPECT_EQ(detect(other), std::nullopt) << other;
    }
}

// == ISC dhcpd ==

constexpr std::string_view kIscFile =
    R"(# The format of this file is documented in the dhcpd.leases(5) manual page.
# This lease file was written by isc-dhcp-4.4.3-P1

# authoring-byte-order entry is generated, DO NOT DELETE
authoring-byte-order little-endian;

failover peer "x" state {
  my state normal at 3 2026/11/25 08:00:00;
}
host printer {
  dynamic;
  hardware ethernet 00:00:5e:00:53:09;
}
lease 192.0.2.10 {
  starts 3 2026/11/25 08:00:00;
  ends 3 2026/11/25 09:00:00; # a comment
  tstp 3 2026/11/25 09:00:00;
  cltt 3 2026/11/25 08:00:01;
  binding state active;
  next binding state free;
  rewind binding state free;
  hardware ethernet 02:00:5e:00:53:01;
  uid "\001\002\000^\000S\"\\";
  option agent.circuit-id "eth0/1";
  option agent.remote-id 0:4:ff;
  set vendor-class-identifier = "udhcp; 1.35 }";
  on expiry { set x = "y"; }
  client-hostname "printer";
}
lease 192.0.2.11 { ends never; binding state active; hardware token-ring 1:2:3:4:5:6; }
lease 192.0.2.12 { starts epoch 1767225600; # Thu
  ends epoch 1767229200; binding state abandoned; }
lease 192.0.2.10 { ends 3 2026/11/25 09:30:00; binding state free; hardware ethernet 02:00:5e:00:53:01; }
)";

TEST(IscTest, EveryStatementOfALeaseIsUnderstood) {
    Everything found;
    read(Format::kIsc, kIscFile, found);
    EXPECT_THAT(found.errors, IsEmpty());
    ASSERT_EQ(found.entries.size(), 4u);
    EXPECT_THAT(found.places, ElementsAre("14:1", "30:1", "31:1", "33:1"));
    const Entry& first = found.entries[0];
    EXPECT_EQ(first.expires, 1795597200);
    EXPECT_EQ(first.started, 1795593601) << "the client's last transmission";
    EXPECT_EQ(to_hex(first.hw_address), "02:00:5e:00:53:01");
    EXPECT_EQ(to_hex(first.client_id), "01:02:00:5e:00:53:22:5c");
    EXPECT_EQ(first.hostname, bytes("printer"));
    EXPECT_EQ(to_hex(first.relay_information), "01:06:65:74:68:30:2f:31:02:03:00:04:ff");
    EXPECT_EQ(found.entries[1].expires, std::nullopt);
    EXPECT_EQ(found.entries[1].hw_type, 6);
    EXPECT_EQ(to_hex(found.entries[1].hw_address), "01:02:03:04:05:06");
    EXPECT_EQ(found.entries[2].state, EntryState::kDeclined);
    EXPECT_EQ(found.entries[2].started, 1767225600);
    EXPECT_EQ(found.entries[3].state, EntryState::kEnded);
}

TEST(IscTest, MistakesAreToldWithTheirPlaceAndTheRestIsRead) {
    EXPECT_THAT(
        errors(Format::kIsc,
               "lease 192.0.2.10 {\n  ends tomorrow;\n}\n"
               "lease 192.0.2.11 {\n  binding state odd;\n ends never; }\n"
               "lease nowhere {\n}\n"
               "lease {\n interface \"eth0\";\n}\n"
               "lease 192.0.2.12 {\n  uid \"\\001;\n  ends never;\n}\n"
               "lease 192.0.2.13 {\n  hardware ethernet 02:xx;\n  ends never;\n}\n"
               "lease 192.0.2.14 {\n  binding state active;\n"
               "  hardware ethernet 02:00:5e:00:53:01; }\n"
               "lease 192.0.2.15 {\n  ends never;\n}\n"
               "}\n"
               "lease 192.0.2.16 {\n  ends never;\n"),
        ElementsAre(
            HasSubstr("2:3: 'ends WEEKDAY"), HasSubstr("5:17: active, free"),
            HasSubstr("7:1: an address"), HasSubstr("9:1: 'lease {' without an address"),
            HasSubstr("13:7: the string has no closing quote"),
            HasSubstr("17:3: 'hardware ethernet"), HasSubstr("20:1: the lease has no 'ends'"),
            HasSubstr("23:1: nothing names the client"), HasSubstr("26:1: '}' closes nothing"),
            HasSubstr("29:1: the file ends in the middle of the lease of 192.0.2.16")));
}

TEST(IscTest, TimesAreThoseOfTheCalendar) {
    const auto time = [](const std::string& text) {
        return one(Format::kIsc,
                   "lease 192.0.2.1 { hardware ethernet 2:0:5e:0:53:1; ends " + text + "; }")
            .expires;
    };
    EXPECT_EQ(time("4 1970/01/01 00:00:00"), 0);
    EXPECT_EQ(time("2 2000/02/29 23:59:59"), 951868799);
    EXPECT_EQ(time("5 9999/12/31 23:59:59"), Entry::kMaxTime);
    for (const char* const wrong : {"1 2026/02/29 00:00:00", "1 1969/12/31 23:59:59",
                                    "1 2026/1/1 24:00:00", "1 2026/01 00:00:00", "soon", ""}) {
        EXPECT_THAT(errors(Format::kIsc, "lease 192.0.2.1 { ends " + std::string{wrong} + "; }"),
                    ElementsAre(HasSubstr("'ends WEEKDAY")))
            << wrong;
    }
}

// == Kea ==

constexpr std::string_view kKeaHead =
    "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,"
    "user_context\n";

TEST(KeaTest, ColumnsAreFoundByTheirNames) {
    const Entry entry =
        one(Format::kKea, std::string{kKeaHead} +
                              "192.0.2.10,02:00:5e:00:53:01,01:02:00:5e:00:53:01,3600,1767229200,"
                              "7,1,1,a&#x2cb,0,{ \"ISC\": { \"relay-agent-info\": \"0x01026162\" }"
                              "&#x2c \"x\": 1 }\n");
    EXPECT_EQ(entry.started, 1767225600);
    EXPECT_EQ(entry.expires, 1767229200);
    EXPECT_EQ(entry.hostname, bytes("a,b"));
    EXPECT_EQ(to_hex(entry.relay_information), "01:02:61:62");
    const Entry newer =
        one(Format::kKea,
            "expire,address,valid_lifetime,client_id,hwaddr,pool_id,user_context\n"
            "1767229200,192.0.2.10,3600,,02:00:5e:00:53:01,0,"
            "{ \"ISC\": { \"relay-agent-info\": { \"sub-options\": \"0x01026162\" } } }\n");
    EXPECT_EQ(newer.expires, 1767229200);
    EXPECT_EQ(newer.relay_information, entry.relay_information);
}

TEST(KeaTest, StatesAndLifetimesSayWhatIsOver) {
    const auto state = [](const std::string& lifetime, const std::string& value) {
        return one(Format::kKea, std::string{kKeaHead} + "192.0.2.10,02:00:5e:00:53:01,," +
                                     lifetime + ",1767229200,1,0,0,," + value + ",\n")
            .state;
    };
    EXPECT_EQ(state("3600", "0"), EntryState::kLeased);
    EXPECT_EQ(state("3600", "1"), EntryState::kDeclined);
    EXPECT_EQ(state("3600", "2"), EntryState::kEnded);
    EXPECT_EQ(state("3600", "3"), EntryState::kEnded);
    EXPECT_EQ(state("0", "0"), EntryState::kEnded);
}

TEST(KeaTest, BrokenRowsAreTold) {
    Everything found;
    read(Format::kKea, "address,duid,valid_lifetime,expire\n2001:db8::1,00:01,1,1\n", found);
    EXPECT_TRUE(found.is_cut);
    EXPECT_THAT(found.errors, ElementsAre(HasSubstr("column lease_type is missing")));
    EXPECT_THAT(errors(Format::kKea, "address,expire\n"), ElementsAre(HasSubstr("column hwaddr")));
    EXPECT_THAT(
        errors(Format::kKea, std::string{kKeaHead} + "192.0.2,02:00:5e:00:53:01,,1,1,1,0,0,,0,\n"
                                                     "192.0.2.1,02:00:5e:00:53:01,,x,1,1,0,0,,0,\n"
                                                     "192.0.2.1,02:00:5e:00:53:01,,1,-1,1,0,0,,0,\n"
                                                     "192.0.2.1,02:00:5e:00:53:01\n"),
        ElementsAre(HasSubstr("2:1: address: "), HasSubstr("3:30: valid_lifetime: "),
                    HasSubstr("4:32: expire: "), HasSubstr("5:28: field client_id")));
}

TEST(KeaTest, AddressesOfOtherHardwareAreLeftOut) {
    Entry entry = full_entry();
    entry.hw_type = 6;
    std::string out;
    EXPECT_FALSE(make_writer(Format::kKea, {})->write(entry, out)) << "Kea would call it Ethernet";
    EXPECT_EQ(out, "");
}

// == dnsmasq ==

TEST(DnsmasqTest, LinesAreUnderstood) {
    Everything found;
    read(Format::kDnsmasq,
         "1767229200 02:00:5e:00:53:01 192.0.2.10 printer 01:02:00:5e:00:53:01\n"
         "0 06-02:00:5e:00:53:02 192.0.2.11 * *\n"
         "\n"
         "duid 00:01:00:01:2b\n"
         "1767229200 1 2001:db8::1 * 00:01:02\n"
         "1767229200 T1 2001:db8::2 * 00:01:02\n"
         "agent-info 192.0.2.10 01:02:61:62\n"
         "vendorclass 192.0.2.10 75:64:68\n",
         found);
    EXPECT_THAT(found.errors, IsEmpty());
    ASSERT_EQ(found.entries.size(), 3u);
    EXPECT_EQ(found.entries[0].expires, 1767229200);
    EXPECT_EQ(found.entries[0].hostname, bytes("printer"));
    EXPECT_EQ(found.entries[1].expires, std::nullopt);
    EXPECT_EQ(found.entries[1].hw_type, 6);
    EXPECT_THAT(found.entries[1].hostname, IsEmpty());
    EXPECT_EQ(name_of(found.entries[2]), "2001:db8::1");
    EXPECT_THAT(found.temporary, ElementsAre("6: 2001:db8::2 is a temporary address"));
}

TEST(DnsmasqTest, MistakesAreToldWithTheirPlace) {
    EXPECT_THAT(errors(Format::kDnsmasq,
                       "now 02:00:5e:00:53:01 192.0.2.10 * *\n"
                       "1 02:00:5e:00:53 192.0.2.10 *\n"
                       "1 zz 192.0.2.10 * *\n"
                       "1 02:00:5e:00:53:01 192.0.2.300 * *\n"
                       "1 02:00:5e:00:53:01 192.0.2.3 * x\n"
                       "1 02:00:5e:00:53:01 192.0.2.3 * * more\n"
                       "1 00- 192.0.2.3 * *\n"),
                ElementsAre(HasSubstr("1:1: Unix seconds"), HasSubstr("2:30: five fields"),
                            HasSubstr("3:3: a hardware address"), HasSubstr("4:21: an address"),
                            HasSubstr("5:33: a client identifier"), HasSubstr("6:35: five fields"),
                            HasSubstr("7:1: nothing names the client")));
}

// == Our own ==

TEST(CsvTest, ColumnsMayStandInAnyOrder) {
    const Entry entry = one(
        Format::kCsv,
        "expires,hostname,address,client_id\r\nnever,\"a \"\"b\"\", c\\\\\",192.0.2.10,0102\r\n");
    EXPECT_EQ(entry.expires, std::nullopt);
    EXPECT_EQ(entry.hostname, bytes("a \"b\", c\\"));
    EXPECT_EQ(to_hex(entry.client_id), "01:02");
}

TEST(CsvTest, MistakesAreToldWithTheirPlace) {
    EXPECT_THAT(errors(Format::kCsv, "address,expiry\n"),
                ElementsAre(HasSubstr("1:9: column 'expiry' is unknown; the columns are address")));
    EXPECT_THAT(errors(Format::kCsv, "address,hw_address\n"),
                ElementsAre(HasSubstr("column expires is missing")));
    EXPECT_THAT(errors(Format::kCsv,
                       "address,expires,hw_address,hostname\n"
                       "192.0.2.10,soon,02:00:5e:00:53:01,\n"
                       "192.0.2.10,1,02:00:5e:00:53:01\n"
                       "192.0.2.10,1,02:00:5e:00:53:01,\"x\n"
                       "192.0.2.10,1,02:00:5e:00:53:01,\\q\n"
                       "192.0.2.10,1,,\n"),
                ElementsAre(HasSubstr("2:12: expires: Unix seconds or never was meant, not 'soon'"),
                            HasSubstr("3:1: 4 fields"), HasSubstr("4:1: fields between commas"),
                            HasSubstr("5:32: hostname"), HasSubstr("6:1: nothing names")));
}

TEST(JsonTest, MistakesAreToldWithTheirPlace) {
    EXPECT_THAT(
        errors(Format::kJson,
               "{\"address\": \"192.0.2.10\", \"expires\": null, \"hw_adress\": \"02\"}\n"
               "{\"address\": \"192.0.2\", \"expires\": null, \"hw_address\": \"02\"}\n"
               "{\"address\": \"192.0.2.10\", \"expires\": -1, \"hw_address\": \"02\"}\n"
               "{\"address\": \"192.0.2.10\", \"expires\": 1.5, \"hw_address\": \"02\"}\n"
               "{\"address\": \"192.0.2.10\", \"hw_address\": \"02\"}\n"
               "{\"address\": \"192.0.2.10\", \"expires\": 1}\n"
               "{\"address\": \"192.0.2.10\"\n"
               "[]\n"
               "{\"address\": \"192.0.2.10\", \"expires\": 1, \"hw_address\": \"02\", \"vlan\": "
               "\"0\"}\n"),
        ElementsAre(HasSubstr("1:44: hw_adress: is unknown"), HasSubstr("2:2: address: an address"),
                    HasSubstr("3:27: expires: Unix seconds"), HasSubstr("4:27: expires: Unix"),
                    HasSubstr("5:1: expires is missing"),
                    HasSubstr("6:1: nothing names the client"), HasSubstr("7:25: a JSON object"),
                    HasSubstr("8:1: a JSON object"), HasSubstr("9:61: vlan: VLAN identifiers")));
}

TEST(TextTest, BytesAreReadInAllTheirForms) {
    for (const char* const text : {"01:02:5e", "01-02-5E", "1:2:5e", "0x01025e", "01025e"}) {
        ASSERT_TRUE(parse_bytes(text)) << text;
        EXPECT_EQ(to_hex(*parse_bytes(text)), "01:02:5e");
    }
    EXPECT_TRUE(parse_bytes("")->empty());
    for (const char* const text :
         {"0", "012", "0x", "01:", ":01", "01:023", "01:02-03", "zz", "1::2"}) {
        EXPECT_FALSE(parse_bytes(text)) << text;
    }
}

TEST(TextTest, LengthsBeyondThoseOfTheProtocolAreRefused) {
    Entry entry = full_entry();
    EXPECT_EQ(check(entry), "");
    entry.hw_address.resize(17);
    EXPECT_THAT(check(entry), HasSubstr("at most 16"));
    entry = full_entry();
    entry.hostname.resize(256);
    EXPECT_THAT(check(entry), HasSubstr("at most 255"));
}

}  // namespace
}  // namespace xdhcpd::lease_files
