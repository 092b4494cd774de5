// One text per mistake, with all that the loader says about it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"

namespace xdhcpd::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> texts(const LoadResult& result) {
    std::vector<std::string> lines;
    for (const Diagnostic& diagnostic : result.diagnostics) {
        lines.push_back(to_string(diagnostic));
    }
    return lines;
}

// Three good lines, then `line`, which is the fourth.
std::string root(const std::string& line) {
    return "interfaces: [{name: eth1}]\ndhcp4:\n  subnets: [{subnet: 192.0.2.0/24, pools: [{range: "
           "192.0.2.10-192.0.2.99}]}]\n" +
           line + "\n";
}
// Likewise, within dhcp4.
std::string dhcp4(const std::string& line) {
    return root("  " + line);
}
// Five good lines, then `line` within the subnet, which is the sixth; its text begins in column 7.
std::string subnet(const std::string& line) {
    return "interfaces: [{name: eth1}]\ndhcp4:\n  subnets:\n    - subnet: 192.0.2.0/24\n      "
           "pools: "
           "[{range: 192.0.2.10-192.0.2.99}]\n      " +
           line + "\n";
}
// Six good lines, then `element` of reservations, which is the seventh; it begins in column 9.
std::string reservation(const std::string& element) {
    return subnet("reservations:\n      - " + element);
}
// A first line with interfaces, then subnets as JSON would write them.
std::string subnets(const std::string& interfaces, const std::vector<std::string>& elements) {
    std::string text = "interfaces: " + interfaces + "\ndhcp4:\n  subnets:\n";
    for (const std::string& element : elements) {
        text += "    - {" + element + "}\n";  // from line 4, column 8
    }
    return text;
}

struct Mistake {
    const char* claim;  // the test's name
    std::string yaml;
    const char* expected;  // "LINE:COLUMN: error: MESSAGE"
};

// NOLINTNEXTLINE(readability-identifier-naming): the name that GoogleTest looks for
void PrintTo(const Mistake& mistake, std::ostream* stream) {
    *stream << mistake.claim;
}

class Mistakes : public testing::TestWithParam<Mistake> {};

TEST_P(Mistakes, IsTheOnlyThingReported) {
    const LoadResult result = load_text(GetParam().yaml, "t.yaml");
    EXPECT_THAT(texts(result), ElementsAre("t.yaml:" + std::string{GetParam().expected}));
    const bool is_error =
        std::string_view{GetParam().expected}.find(": error: ") != std::string::npos;
    EXPECT_EQ(result.configuration.has_value(), !is_error);
}

std::string claim_of(const testing::TestParamInfo<Mistake>& info) {
    return info.param.claim;
}

const Mistake structure_mistakes[] = {
    {"UnknownKey", root("htpt: off"), "4:1: error: unknown key 'htpt'; 'http' was meant?"},
    {"UnknownKeyLikeNoOther", root("log: {colour: red}"),
     "4:7: error: log: unknown key 'colour'; one of level, format was meant"},
    {"UnknownKeyOfASubnet", subnet("interfac: eth1"),
     "6:7: error: subnets: unknown key 'interfac'; 'interface' was meant?"},
    {"UnknownKeyOfAReservation", reservation("{hw-adress: \"02:00:5e:00:53:01\"}"),
     "7:10: error: reservations: unknown key 'hw-adress'; 'hw-address' was meant?"},
    {"MergeKey", root("log: {<<: x}"),
     "4:7: error: log: unknown key '<<'; merge keys are not supported"},
    {"DuplicateKey", root("http: off\nhttp: off"),
     "5:1: error: duplicate key 'http'; it is first on line 4"},
    {"DuplicateDhcp4", root("dhcp4: {}"),
     "4:1: error: duplicate key 'dhcp4'; it is first on line 2"},
    {"KeyThatIsAList", root("log: {[a]: x}"), "4:7: error: log: a list stands here as a key"},
    {"KeyWithoutValue", root("http:"),
     "4:1: error: http: has no value; give it one or leave the key out"},
    {"ScalarForMap", root("log: info"),
     "4:6: error: log: a single value stands here; a map was meant, such as {level: ...}"},
    {"ListForMap", root("log: [info]"),
     "4:6: error: log: a list stands here; a map was meant, such as {level: ...}"},
    {"MapForScalar", root("http: {port: 80}"),
     "4:7: error: http: ADDRESS:PORT such as 127.0.0.1:9767 or [::1]:9767, or off, was meant"},
    {"ScalarForList", subnet("exclude: 192.0.2.10"),
     "6:16: error: exclude: a single value stands here; a list was meant, such as [192.0.2.10]"},
    {"MapForList", subnet("relays: {a: b}"),
     "6:15: error: relays: a map stands here; a list was meant"},
    {"EmptyElementOfABlockList",
     subnet("exclude:\n      - 192.0.2.10\n      -\n      identity: client-id"),
     "8:7: error: exclude: an empty element"},
    {"EmptyElementOfAFlowList", subnet("exclude: [192.0.2.10, , 192.0.2.11]"),
     "6:27: error: exclude: an empty element"},
    {"EmptyElementBeforeAKeyThatBeginsWithN",
     subnet("exclude:\n      -\n      next-server: 192.0.2.1"),
     "7:7: error: exclude: an empty element"},
    {"NullElement", subnet("exclude: [~]"), "6:17: error: exclude: an empty element"},
    {"RootIsAList", "- a\n", "1:1: error: a list stands here; a map was meant, such as {log: ...}"},
    {"RootIsText", "hello\n",
     "1:1: error: a single value stands here; a map was meant, such as {log: ...}"},
    {"Tag", root("http: !foo off"),
     "4:7: error: tags such as '!foo' mean nothing here; leave it out"},
    {"SecondDocument", root("---\nhttp: off"),
     "5:1: error: a second document starts here; one file is one document"},
    {"NoWorkers", root("workers: 0"),
     "4:10: error: workers: must be a whole number from 1 to 64 or auto, not '0'"},
    {"TooManyWorkers", root("workers: 65"),
     "4:10: error: workers: must be a whole number from 1 to 64 or auto, not '65'"},
    {"WorkersBeyondAllNumbers", root("workers: 99999999999999999999"),
     "4:10: error: workers: must be a whole number from 1 to 64 or auto, not "
     "'99999999999999999999'"},
    {"WorkersNegative", root("workers: -1"),
     "4:10: error: workers: must be a whole number from 1 to 64 or auto, not '-1'"},
    {"WorkersInParts", root("workers: 1.5"),
     "4:10: error: workers: must be a whole number from 1 to 64 or auto, not '1.5'"},
    {"WorkersByAWord", root("workers: all"),
     "4:10: error: workers: must be a whole number from 1 to 64 or auto, not 'all'"},
    {"WorkersAsList", root("workers: [2]"),
     "4:10: error: workers: a list stands here; a whole number from 1 to 64 or auto was meant"},
    {"NumberWithLeadingZero", root("max-leases: 0100"),
     "4:13: error: max-leases: must be a whole number from 1 to 67108864, not '0100'; 100 "
     "was meant? (a leading zero means octal to some readers)"},
    {"NumberWithExponent", root("max-leases: 1e3"),
     "4:13: error: max-leases: must be a whole number from 1 to 67108864, not '1e3'"},
    {"NumberInQuotes", root("max-leases: \"100\""),
     "4:13: error: max-leases: must be a whole number from 1 to 67108864, not '100' in "
     "quotes; 100 without quotes was meant?"},
    {"NumberThatIsAWord", root("max-leases: many"),
     "4:13: error: max-leases: must be a whole number from 1 to 67108864, not 'many'"},
    {"BooleanYes", dhcp4("bootp: yes"),
     "4:10: error: bootp: 'yes' is not a boolean; true was meant?"},
    {"BooleanOff", dhcp4("bootp: Off"),
     "4:10: error: bootp: 'Off' is not a boolean; false was meant?"},
    {"BooleanInQuotes", dhcp4("bootp: 'true'"),
     "4:10: error: bootp: 'true' in quotes is not a boolean; true was meant?"},
    {"BooleanWord", dhcp4("bootp: maybe"),
     "4:10: error: bootp: 'maybe' is not a boolean; true or false was meant"},
    {"ControlCharacterByEscape", subnet("shared-network: \"a\\0b\""),
     "6:23: error: shared-network: 'a\\x00b' has a control character"},
    {"EmptyText", subnet("boot-file-name: ''"),
     "6:23: error: boot-file-name: the text is empty; leave the key out, or give it a value"},
};
INSTANTIATE_TEST_SUITE_P(Structure, Mistakes, testing::ValuesIn(structure_mistakes), claim_of);

const Mistake syntax_mistakes[] = {
    {"UnclosedList", root("http: [off"),
     "4:7: error: not YAML: this list is never closed; ']' or ',' was meant"},
    {"UnclosedMap", root("log: {level: info"),
     "4:6: error: not YAML: this map is never closed; '}' or ',' was meant"},
    {"UnclosedListInTheMiddle", root("side-memory: [1\nhttp: off"),
     "5:5: error: not YAML: ']' or ',' was meant here, to go on with the list of line 4"},
    {"IndentationOfAMap", root("log:\n    level: info\n  format: text"),
     "6:3: error: not YAML: this line does not continue the map above it; indentation?"},
    {"BracketThatClosesNothing", root("http: off\n]"),
     "5:1: error: not YAML: this closes nothing; was the list or map closed before?"},
    {"CommaAtTheStart", ",", "1:1: error: not YAML: this belongs to nothing"},
    {"UnclosedQuote", root("http: \"off"), "4:7: error: not YAML: this quote is never closed"},
    {"UnclosedSingleQuote", root("http: 'it''s"),
     "4:7: error: not YAML: this quote is never closed"},
    {"ColonInText", root("http: a: b"),
     "4:8: error: not YAML: ':' in a place where no 'key: value' can stand; indentation, or quotes "
     "around the text?"},
    {"TabIndentation", root("log:\n\tlevel: info"),
     "5:1: error: not YAML: a tab in the indentation; spaces were meant"},
    {"UnknownAnchor", root("http: *x"),
     "4:7: error: not YAML: the referenced anchor is not defined"},
    {"AliasOfItself", root("log: &x {level: *x}"),
     "4:17: error: not YAML: this alias stands inside what it names"},
    {"TooDeep", root("log: " + std::string(100, '[') + std::string(100, ']')),
     "4:37: error: not YAML: nested deeper than 32 levels"},
    {"ControlCharacter", root("# \x04"), "4:3: error: control character 0x04 in the text"},
    {"NotUtf8", root("# caf\xe9"), "4:6: error: byte 0xe9 is not UTF-8; save the file as UTF-8"},
    {"OverlongUtf8", root("# \xc0\xaf"),
     "4:3: error: byte 0xc0 is not UTF-8; save the file as UTF-8"},
    {"Surrogate", root("# \xed\xa0\x80"),
     "4:3: error: byte 0xed is not UTF-8; save the file as UTF-8"},
    {"CutUtf8", root("http: off") + "# \xf0\x9f\x98",
     "5:3: error: byte 0xf0 is not UTF-8; save the file as UTF-8"},
};
INSTANTIATE_TEST_SUITE_P(Syntax, Mistakes, testing::ValuesIn(syntax_mistakes), claim_of);

constexpr const char* kSubnet = "subnet: 192.0.2.0/24, pools: [{range: 192.0.2.10-192.0.2.99}]";

const Mistake server_mistakes[] = {
    {"InterfacesMissing",
     "dhcp4: {subnets: [{subnet: 192.0.2.0/24, pools: [{range: 192.0.2.10/31}]}]}",
     "1:1: error: interfaces is missing; a list such as [{name: eth0}] was meant"},
    {"InterfacesEmpty", subnets("[]", {kSubnet}),
     "1:13: error: interfaces: the list is empty; {name: eth0} was meant"},
    {"InterfaceAsText", subnets("[eth1]", {kSubnet}),
     "1:14: error: interfaces: 'eth1' stands here; {name: eth1} was meant?"},
    {"InterfaceWithoutName", subnets("[{driver: udp}]", {kSubnet}),
     "1:14: error: interfaces: name is missing; {name: eth0} was meant"},
    {"InterfaceTwice", subnets("[{name: eth1}, {name: eth1}]", {kSubnet}),
     "1:35: error: name: interface 'eth1' is listed twice; it is first on line 1"},
    {"InterfaceNameTooLong", subnets("[{name: a234567890123456}]", {kSubnet}),
     "1:21: error: name: 'a234567890123456' is 16 bytes long; at most 15 have room"},
    {"InterfaceNameWithSlash", subnets("[{name: a/b}]", {kSubnet}),
     "1:21: error: name: 'a/b' cannot be the name of an interface"},
    {"UnknownDriver", subnets("[{name: eth1, driver: xpd}]", {kSubnet}),
     "1:35: error: driver: 'xpd' is unknown; 'xdp' was meant?"},
    {"QueueTwice", subnets("[{name: eth1, queues: [1, 1]}]", {kSubnet}),
     "1:39: error: queues: queue 1 is listed twice"},
    {"QueueNegative", subnets("[{name: eth1, queues: [-1]}]", {kSubnet}),
     "1:36: error: queues: must be a whole number from 0 to 4095, not '-1'"},
    {"QueueTooLarge", subnets("[{name: eth1, queues: [4096]}]", {kSubnet}),
     "1:36: error: queues: must be a whole number from 0 to 4095, not '4096'"},
    {"QueuesEmpty", subnets("[{name: eth1, queues: []}]", {kSubnet}),
     "1:35: error: queues: the list is empty; 'all' was meant?"},
    {"QueuesAsNumber", subnets("[{name: eth1, queues: 3}]", {kSubnet}),
     "1:35: error: queues: 'all' or a list of queue numbers, such as [0, 2], was meant"},
    {"QueuesWithoutQueues", subnets("[{name: eth1, driver: udp, queues: [0]}]", {kSubnet}),
     "1:48: warning: queues: no effect with drivers packet and udp, which have one queue"},
    {"ZeroCopyAsBoolean", subnets("[{name: eth1, zero-copy: true}]", {kSubnet}),
     "1:38: error: zero-copy: 'true' is unknown; 'on' was meant?"},
    {"ReplyPathMisspelt", subnets("[{name: eth1, reply-path: rout}]", {kSubnet}),
     "1:39: error: reply-path: 'rout' is unknown; 'route' was meant?"},
    {"RateLimitKeyMisspelt", subnets("[{name: eth1, rate-limits: {}}]", {kSubnet}),
     "1:27: error: interfaces: unknown key 'rate-limits'; 'rate-limit' was meant?"},
    {"RateLimitOfWhom", subnets("[{name: eth1, rate-limit: {per-clients: 10/s}}]", {kSubnet}),
     "1:40: error: rate-limit: unknown key 'per-clients'; 'per-client' was meant?"},
    {"RateLimitAsRate", subnets("[{name: eth1, rate-limit: 10/s}]", {kSubnet}),
     "1:39: error: rate-limit: a single value stands here; a map was meant, such as {per-client: "
     "...}"},
    {"RateLimitEmpty", subnets("[{name: eth1, rate-limit: {}}]", {kSubnet}),
     "1:39: warning: rate-limit: no effect; {per-client: 10/s} was meant?"},
    {"RateWithoutUnit", subnets("[{name: eth1, rate-limit: {per-link: 10}}]", {kSubnet}),
     "1:50: error: per-link: must be a whole number from 1 to 10000000 with /s, /m or /h behind "
     "it, such as 10/s, not '10'"},
    {"RateOfZero", subnets("[{name: eth1, rate-limit: {per-link: 0/s}}]", {kSubnet}),
     "1:50: error: per-link: must be a whole number from 1 to 10000000 with /s, /m or /h behind "
     "it, such as 10/s, not '0/s'"},
    {"RateOfTooMuch", subnets("[{name: eth1, rate-limit: {per-link: 10000001/s}}]", {kSubnet}),
     "1:50: error: per-link: must be a whole number from 1 to 10000000 with /s, /m or /h "
     "behind "
     "it, such as 10/s, not '10000001/s'"},
    {"RateAsList", subnets("[{name: eth1, rate-limit: {per-link: [10/s]}}]", {kSubnet}),
     "1:50: error: per-link: 10/s, or {rate: 10/s, burst: 20}, was meant"},
    {"RateMissing", subnets("[{name: eth1, rate-limit: {per-link: {burst: 8}}}]", {kSubnet}),
     "1:50: error: per-link: rate is missing; 10/s, or {rate: 10/s, burst: 20}, was meant"},
    {"RateKeyMisspelt",
     subnets("[{name: eth1, rate-limit: {per-link: {rate: 1/s, brust: 8}}}]", {kSubnet}),
     "1:62: error: per-link: unknown key 'brust'; 'burst' was meant?"},
    {"BurstOfZero",
     subnets("[{name: eth1, rate-limit: {per-link: {rate: 1/s, burst: 0}}}]", {kSubnet}),
     "1:69: error: burst: must be a whole number from 1 to 1000000, not '0'"},
    {"BurstTooSmallForAClient",
     subnets("[{name: eth1, rate-limit: {per-client: {rate: 1/s, burst: 3}}}]", {kSubnet}),
     "1:52: warning: per-client: a burst of 3 delays clients that start, which send 4 "
     "messages or "
     "more within seconds"},
    {"RateTooLowForRenewals", subnets("[{name: eth1, rate-limit: {per-client: 59/h}}]", {kSubnet}),
     "1:52: warning: per-client: less than 1/m keeps clients from renewing whose first "
     "message is "
     "lost: they ask again every minute (RFC 2131 section 4.4.5)"},
    {"LinkBelowClient",
     subnets("[{name: eth1, rate-limit: {per-client: 10/s, per-link: 9/s}}]", {kSubnet}),
     "1:68: warning: per-link: less than per-client: one client can use up what all of its "
     "link "
     "have"},
    {"ZeroCopyWithoutXdp", subnets("[{name: eth1, driver: packet, zero-copy: on}]", {kSubnet}),
     "1:54: warning: zero-copy: no effect; only driver xdp can do without copies"},
    {"InterfaceWithoutSubnet",
     subnets("[{name: eth1}, {name: eth2}]", {std::string{kSubnet} + ", interface: eth1"}),
     "1:35: warning: no subnet can be reached through interface 'eth2'"},
    {"LogLevel", root("log: {level: warn}"),
     "4:14: error: level: 'warn' is unknown; one of debug, info, warning, error was meant"},
    {"LogFormat", root("log: {format: jsn}"),
     "4:15: error: format: 'jsn' is unknown; 'json' was meant?"},
    {"ControlSocketRelative", root("control-socket: run/x"),
     "4:17: error: control-socket: 'run/x' is not an absolute path of a socket, such as "
     "/run/xdhcpd/control.sock"},
    {"HttpWithoutPort", root("http: 127.0.0.1"),
     "4:7: error: http: '127.0.0.1' is not an address and port; ADDRESS:PORT such as "
     "127.0.0.1:9767 or [::1]:9767, or off, was meant"},
    {"HttpPortZero", root("http: 127.0.0.1:0"),
     "4:7: error: http: '127.0.0.1:0' is not an address and port; ADDRESS:PORT such as "
     "127.0.0.1:9767 or [::1]:9767, or off, was meant"},
    {"HttpName", root("http: localhost:80"),
     "4:7: error: http: 'localhost:80' is not an address and port; ADDRESS:PORT such as "
     "127.0.0.1:9767 or [::1]:9767, or off, was meant"},
    {"DurabilityUnknown", root("durability: disk"),
     "4:13: error: durability: 'disk' is unknown; one of sync, async, memory was meant"},
    {"StateDirectoryRelative", root("state-directory: lib/x"),
     "4:18: error: state-directory: 'lib/x' is not an absolute path of a directory, such as "
     "/var/lib/xdhcpd"},
    {"StateDirectoryUnused", root("durability: memory\nstate-directory: /x"),
     "5:18: warning: state-directory: durability is memory: nothing is kept there"},
    {"MaxLeasesZero", root("max-leases: 0"),
     "4:13: error: max-leases: must be a whole number from 1 to 67108864, not '0'"},
    {"MaxLeasesBelowThePools", root("max-leases: 89"),
     "4:13: warning: max-leases: pools and reservations have 90 addresses, and no more than "
     "89 "
     "clients get one"},
    {"SizeInDecimalUnits", root("side-memory: 64MB"),
     "4:14: error: side-memory: must be a size from 64KiB to 64GiB, not '64MB'; 64MiB was "
     "meant?"},
    {"SizeWithoutMeaning", root("side-memory: big"),
     "4:14: error: side-memory: must be a size from 64KiB to 64GiB, not 'big'"},
    {"SizeTooSmall", root("side-memory: 4096"),
     "4:14: error: side-memory: must be a size from 64KiB to 64GiB, not '4096'"},
    {"ServerPortWithoutUdp", root("ports: {server: 6767}"),
     "4:17: error: server: a port other than 67 needs driver udp on every interface; leave it "
     "out, "
     "or set driver: udp"},
    {"ClientPortWithoutUdp", root("ports: {client: 6868}"),
     "4:17: error: client: a port other than 68 needs driver udp on every interface; leave it "
     "out, "
     "or set driver: udp"},
    {"ReplyToSourceWithoutUdp", root("ports: {reply-to-source: true}"),
     "4:26: error: reply-to-source: true needs driver udp on every interface; leave it out, "
     "or set "
     "driver: udp"},
    {"PortTooLarge", root("ports: {server: 65536}"),
     "4:17: error: server: must be a whole number from 1 to 65535, not '65536'"},
    {"Dhcp4Missing", "interfaces: [{name: eth1}]\n",
     "1:1: error: dhcp4 is missing; a map with subnets was meant, or dhcp6, router-advertisements "
     "or "
     "neighbor-proxies; nothing to serve"},
};
INSTANTIATE_TEST_SUITE_P(Server, Mistakes, testing::ValuesIn(server_mistakes), claim_of);

const Mistake dhcp4_mistakes[] = {
    {"SubnetsMissing", "interfaces: [{name: eth1}]\ndhcp4: {bootp: true}\n",
     "2:8: error: dhcp4: subnets is missing; a list such as [{subnet: 192.0.2.0/24}] was meant; "
     "nothing to serve"},
    {"SubnetsEmpty", "interfaces: [{name: eth1}]\ndhcp4: {subnets: []}\n",
     "2:18: error: subnets: the list is empty; nothing to serve"},
    {"Duration", dhcp4("offer-lifetime: 5min"),
     "4:19: error: offer-lifetime: must be a duration from 1s to 1h, such as 90s, 15m, 12h or "
     "7d, not '5min'"},
    {"DurationZero", dhcp4("offer-lifetime: 0s"),
     "4:19: error: offer-lifetime: must be a duration from 1s to 1h, such as 90s, 15m, 12h "
     "or 7d, not '0s'"},
    {"DurationInfiniteWhereItCannotBe", dhcp4("decline-quarantine: infinite"),
     "4:23: error: decline-quarantine: must be a duration from 1s to 365d, such as 90s, 15m, 12h "
     "or 7d, not 'infinite'"},
    {"DurationAsList", dhcp4("offer-lifetime: [30s]"),
     "4:19: error: offer-lifetime: a list stands here; a duration was meant, such as 90s, 15m, "
     "12h "
     "or 7d"},
    {"LeaseTimeZero", dhcp4("lease-time: 0"),
     "4:15: error: lease-time: must be a duration from 1s to infinite, such as 90s, 15m, 12h "
     "or 7d, not '0'"},
    {"MinAboveMax", dhcp4("lease-time: {min: 2h, max: 1h}"),
     "4:21: error: min: '2h' is longer than max"},
    {"DefaultBelowMin", dhcp4("lease-time: {default: 1h, min: 2h}"),
     "4:25: error: default: '1h' is shorter than min"},
    {"DefaultAboveMax", dhcp4("lease-time: {default: infinite, max: 1d}"),
     "4:25: error: default: 'infinite' is longer than max"},
    {"RenewAfterRebind", dhcp4("renew-time-percent: 90"),
     "4:23: error: renew-time-percent: renewing (T1, 90) must come before rebinding (T2, "
     "87.5)"},
    {"RebindAtRenew", dhcp4("rebind-time-percent: 50"),
     "4:24: error: rebind-time-percent: renewing (T1, 50) must come before rebinding (T2, "
     "50)"},
    {"PercentTooLarge", dhcp4("renew-time-percent: 100"),
     "4:23: error: renew-time-percent: must be a whole number from 1 to 99, not '100'"},
    {"OptionUnknown", dhcp4("options: {dns-servers: 192.0.2.53}"),
     "4:13: error: unknown option 'dns-servers'; 'domain-name-servers' was meant?"},
    {"OptionUnlikeAnyOther", dhcp4("options: {qqqqqqqqqqqq: 1}"),
     "4:13: error: unknown option 'qqqqqqqqqqqq'; a name such as 'routers' or a number was "
     "meant"},
    {"OptionNumberTooLarge", dhcp4("options: {256: x}"),
     "4:13: error: unknown option '256'; numbers are 1 to 254, without leading zeros"},
    {"OptionNumberPad", dhcp4("options: {0: x}"),
     "4:13: error: option 'pad' carries no value; numbers are 1 to 254"},
    {"OptionThatTheServerComputes", dhcp4("options: {dhcp-lease-time: 3600}"),
     "4:13: error: option 'dhcp-lease-time' cannot be configured; the server computes it, or "
     "only "
     "clients and relays send it"},
    {"OptionByNameAndNumber", dhcp4("options: {routers: 192.0.2.1, 3: 192.0.2.2}"),
     "4:33: error: duplicate option 'routers'; it is first on line 4"},
    {"OptionWithoutValue", dhcp4("options: {routers: }"),
     "4:13: error: routers: has no value; give it one or leave the option out"},
    {"OptionWithEmptyList", dhcp4("options: {routers: []}"),
     "4:22: error: routers: the list is empty; leave the option out, or give it a value"},
    {"OptionValue", dhcp4("options: {routers: foo}"),
     "4:22: error: routers wants IPv4 addresses, got 'foo'"},
    {"OptionValueInAList", dhcp4("options: {routers: [192.0.2.1, foo]}"),
     "4:34: error: routers wants IPv4 addresses, got 'foo'"},
    {"OptionValueNested", dhcp4("options: {routers: [[192.0.2.1]]}"),
     "4:23: error: routers: a value or a list of values was meant here"},
    {"OptionControlCharacter", dhcp4("options: {domain-name: \"a\\nb\"}"),
     "4:26: error: domain-name: 'a\\x0ab' has a control character; {type: hex, value: ...} "
     "was "
     "meant?"},
    {"OptionTypeUnknown", dhcp4("options: {224: {type: hxe, value: 0x01}}"),
     "4:25: error: type: 'hxe' is unknown; 'hex' was meant?"},
    {"OptionMapWithoutValue", dhcp4("options: {224: {type: hex}}"),
     "4:18: error: option-224: value is missing; the value to send was meant"},
    {"OptionHex", dhcp4("options: {224: {type: hex, value: 0x012}}"),
     "4:37: error: option-224: '0x012' is not hexadecimal, such as 0x0102ff or 01:02:ff"},
    {"OptionIp", dhcp4("options: {224: {type: ip, value: 192.0.2}}"),
     "4:36: error: option-224: '192.0.2' is not an IPv4 address, such as 192.0.2.1"},
    {"OptionU8", dhcp4("options: {224: {type: u8, value: [1, 256]}}"),
     "4:40: error: option-224: must be a whole number from 0 to 255, not '256'"},
    {"OptionLen", dhcp4("options: {routers: {type: hex, value: 0x0102}}"),
     "4:41: error: routers: 2 bytes; at least 4 were meant (RFC 2132 section 3.5)"},
    {"OptionAlways", dhcp4("options: {routers: {value: 192.0.2.1, always: yes}}"),
     "4:49: error: always: 'yes' is not a boolean; true was meant?"},
    {"OptionsAsList", dhcp4("options: [routers]"),
     "4:12: error: options: a map was meant, such as {routers: [192.0.2.1]}"},
};
INSTANTIATE_TEST_SUITE_P(Dhcp4, Mistakes, testing::ValuesIn(dhcp4_mistakes), claim_of);

const Mistake subnet_mistakes[] = {
    {"SubnetMissing", subnets("[{name: eth1}]", {"pools: [{range: 192.0.2.10/31}]"}),
     "4:7: error: subnets: subnet is missing; a prefix such as 192.0.2.0/24 was meant"},
    {"HostBits",
     subnets("[{name: eth1}]", {"subnet: 192.0.2.1/24, pools: [{range: 192.0.2.10/31}]"}),
     "4:16: error: subnet: 192.0.2.1/24 has host bits; 192.0.2.0/24 was meant?"},
    {"PrefixWithoutLength",
     subnets("[{name: eth1}]", {"subnet: 192.0.2.0, pools: [{range: 192.0.2.10/31}]"}),
     "4:16: error: subnet: '192.0.2.0' is an address; its prefix length is missing, such as "
     "192.0.2.0/24"},
    {"PrefixMalformed",
     subnets("[{name: eth1}]", {"subnet: 192.0.2/24, pools: [{range: 192.0.2.10/31}]"}),
     "4:16: error: subnet: '192.0.2/24' is not a prefix such as 192.0.2.0/24"},
    {"PrefixTooLarge",
     subnets("[{name: eth1}]", {"subnet: 10.0.0.0/7, pools: [{range: 10.0.0.10/31}]"}),
     "4:16: error: subnet: 10.0.0.0/7 is too large; /8 is the largest"},
    {"PrefixMulticast",
     subnets("[{name: eth1}]", {"subnet: 233.252.0.0/24, pools: [{range: 233.252.0.10/31}]"}),
     "4:16: error: subnet: 233.252.0.0/24 has no addresses of hosts"},
    {"SubnetTwice", subnets("[{name: eth1}]", {kSubnet, kSubnet}),
     "5:16: error: subnet: 192.0.2.0/24 is listed twice; it is first on line 4"},
    {"SubnetWithinAnEarlierOne",
     subnets("[{name: eth1}]",
             {kSubnet, "subnet: 192.0.2.128/25, pools: [{range: 192.0.2.130/31}]"}),
     "5:16: error: subnet: 192.0.2.128/25 overlaps 192.0.2.0/24 on line 4"},
    {"SubnetAroundAnEarlierOne",
     subnets("[{name: eth1}]",
             {"subnet: 192.0.2.128/25, pools: [{range: 192.0.2.130/31}]", kSubnet}),
     "5:16: error: subnet: 192.0.2.0/24 overlaps 192.0.2.128/25 on line 4"},
    {"SubnetOfAnUnlistedInterface", subnet("interface: eth2"),
     "6:18: error: interface: 'eth2' is not in interfaces; 'eth1' was meant?"},
    {"SharedNetworkAcrossInterfaces",
     subnets("[{name: eth1}, {name: eth2}]",
             {std::string{kSubnet} + ", interface: eth1, shared-network: a",
              "subnet: 198.51.100.0/24, pools: [{range: 198.51.100.2/31}], interface: eth2, "
              "shared-network: a"}),
     "5:79: error: shared-network: 'a' has 'eth2' here and 'eth1' on line 4; subnets of one link "
     "name the same interface"},
    {"SharedNetworkHalfWithoutInterface",
     subnets("[{name: eth1}]",
             {std::string{kSubnet} + ", interface: eth1, shared-network: a",
              "subnet: 198.51.100.0/24, pools: [{range: 198.51.100.2/31}], shared-network: a"}),
     "5:84: error: shared-network: 'a' has no interface here and 'eth1' on line 4; subnets of one "
     "link name the same interface"},
    {"ServerAddressMulticast", subnet("server-address: 233.252.0.1"),
     "6:23: error: server-address: '233.252.0.1' is a multicast address; the address of a host was "
     "meant"},
    {"ServerAddressBroadcast", subnet("server-address: 255.255.255.255"),
     "6:23: error: server-address: '255.255.255.255' is the broadcast address; the address of a "
     "host was meant"},
    {"ServerAddressDirectedBroadcast", subnet("server-address: 192.0.2.255"),
     "6:23: error: server-address: '192.0.2.255' is the network or broadcast address of "
     "192.0.2.0/24"},
    {"ServerAddressLoopback", subnet("server-address: 127.0.0.1"),
     "6:23: error: server-address: '127.0.0.1' is a loopback address; the address of a host was "
     "meant"},
    {"ServerAddressUnspecified", subnet("server-address: 0.0.0.0"),
     "6:23: error: server-address: '0.0.0.0' is no host's address; the address of a host was "
     "meant"},
    {"AddressMalformed", subnet("next-server: boot.example.org"),
     "6:20: error: next-server: 'boot.example.org' is not an IPv4 address, such as 192.0.2.1"},
    {"IdentityUnknown", subnet("identity: mac"),
     "6:17: error: identity: 'mac' is unknown; one of client-id, hw-address, circuit-id was meant"},
    {"RelayTwice", subnet("relays: [192.0.2.1, 192.0.2.1]"),
     "6:27: error: relays: '192.0.2.1' is listed twice"},
    {"ServerHostnameTooLong", subnet("server-hostname: " + std::string(64, 'a')),
     "6:24: error: server-hostname: "
     "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' is 64 bytes long; at most "
     "63 have room"},
    {"BootFileNameTooLong", subnet("boot-file-name: " + std::string(128, 'b')),
     "6:23: error: boot-file-name: "
     "'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb...' is 128 bytes long; at "
     "most 127 have room"},
    {"NothingToGive", subnets("[{name: eth1}]", {"subnet: 192.0.2.0/24"}),
     "4:16: warning: the subnet has neither pools nor reservations: nothing to give"},
    {"ExcludeOutside", subnet("exclude: [198.51.100.1]"),
     "6:17: error: exclude: '198.51.100.1' is not within subnet 192.0.2.0/24"},
    {"ExcludeMalformed", subnet("exclude: [192.0.2.10-20]"),
     "6:17: error: exclude: '192.0.2.10-20' is not a range; an address, a range or a prefix was "
     "meant"},
    {"RouterOutside", subnet("options: {routers: 198.51.100.1}"),
     "6:16: warning: routers: 198.51.100.1 is not within subnet 192.0.2.0/24"},
};
INSTANTIATE_TEST_SUITE_P(Subnets, Mistakes, testing::ValuesIn(subnet_mistakes), claim_of);

// A subnet with these pools; the list begins in line 4, column 38, its first range in column 47.
std::string pools(const std::string& list, const std::string& more = "") {
    return subnets("[{name: eth1}]", {"subnet: 192.0.2.0/24, pools: " + list + more});
}

const Mistake pool_mistakes[] = {
    {"PoolOutside", pools("[{range: 192.0.2.250-192.0.3.9}]"),
     "4:46: error: range: 192.0.2.250-192.0.3.9 is not within subnet 192.0.2.0/24"},
    {"PoolBackwards", pools("[{range: 192.0.2.20-192.0.2.10}]"),
     "4:46: error: range: the range ends before it begins; 192.0.2.10-192.0.2.20 was meant?"},
    {"PoolMalformed", pools("[{range: 192.0.2.10}]"),
     "4:46: error: range: '192.0.2.10' is not a range; a range such as 192.0.2.10-192.0.2.99 was "
     "meant"},
    {"PoolPrefixWithHostBits", pools("[{range: 192.0.2.10/28}]"),
     "4:46: error: range: 192.0.2.10/28 has host bits; 192.0.2.0/28 was meant?"},
    {"PoolAsText", pools("[192.0.2.10-192.0.2.20]"),
     "4:38: error: pools: '192.0.2.10-192.0.2.20' stands here; {range: 192.0.2.10-192.0.2.20} was "
     "meant?"},
    {"PoolWithoutRange", pools("[{}]"),
     "4:38: error: pools: range is missing; {range: FIRST-LAST} was meant"},
    {"PoolOverlap", pools("[{range: 192.0.2.10-192.0.2.20}, {range: 192.0.2.20-192.0.2.30}]"),
     "4:78: error: range: 192.0.2.20-192.0.2.30 overlaps the pool 192.0.2.10-192.0.2.20 on line 4"},
    {"PoolOverlapOutOfOrder",
     pools("[{range: 192.0.2.20-192.0.2.30}, {range: 192.0.2.10-192.0.2.20}]"),
     "4:78: error: range: 192.0.2.10-192.0.2.20 overlaps the pool 192.0.2.20-192.0.2.30 on line 4"},
    {"PoolWithinAFarOne",
     pools("[{range: 192.0.2.10-192.0.2.99}, {range: 192.0.2.150/31}, {range: "
           "192.0.2.90-192.0.2.95}]"),
     "4:103: error: range: 192.0.2.90-192.0.2.95 overlaps the pool 192.0.2.10-192.0.2.99 on line "
     "4"},
    {"PoolWithNetworkAndBroadcast", pools("[{range: 192.0.2.0/24}]"),
     "4:46: warning: range: the pool contains 192.0.2.0 (network address), 192.0.2.255 (broadcast "
     "address): will not be leased"},
    {"PoolWithRouter", pools("[{range: 192.0.2.1-192.0.2.9}]", ", options: {routers: 192.0.2.1}"),
     "4:46: warning: range: the pool contains 192.0.2.1 (router): will not be leased"},
    {"PoolWithServerAddress",
     pools("[{range: 192.0.2.1-192.0.2.9}]", ", server-address: 192.0.2.2"),
     "4:46: warning: range: the pool contains 192.0.2.2 (server address): will not be leased"},
};
INSTANTIATE_TEST_SUITE_P(Pools, Mistakes, testing::ValuesIn(pool_mistakes), claim_of);

std::string vlan_subnets(const std::string& first, const std::string& second) {
    return subnets(
        "[{name: eth1}]",
        {"subnet: 192.0.2.0/24, interface: eth1, pools: [{range: 192.0.2.1-192.0.2.9}], " + first,
         "subnet: 198.51.100.0/24, interface: eth1, pools: [{range: "
         "198.51.100.1-198.51.100.9}], " +
             second});
}

const Mistake vlan_mistakes[] = {
    {"VlanIsNoVlan", subnet("interface: eth1\n      vlan: blue"),
     "7:13: error: vlan: 'blue' is not a VLAN; 100, 100-199, 100.200 or 100.200-299 was meant"},
    {"VlanIsOutOfRange", subnet("interface: eth1\n      vlan: 4095"),
     "7:13: error: vlan: '4095' is out of range; VLAN identifiers are 1 to 4094"},
    {"InnerVlanIsZero", subnet("interface: eth1\n      vlan: 100.0"),
     "7:13: error: vlan: '100.0' is out of range; VLAN identifiers are 1 to 4094"},
    {"VlanRangeIsBackwards", subnet("interface: eth1\n      vlan: [5, 200-100]"),
     "7:17: error: vlan: '200-100' ends before it begins"},
    {"VlanNeedsAnInterface", subnet("vlan: 100"),
     "6:13: error: vlan: needs an interface beside it, the one that the tags come in on"},
    {"VlanTwiceInASubnet", subnet("interface: eth1\n      vlan: [5-9, 7]"),
     "7:19: error: vlan: '7' overlaps 5-9 of the same subnet"},
    {"VlanListIsEmpty", subnet("interface: eth1\n      vlan: []"),
     "7:13: error: vlan: the list is empty; a VLAN such as 100 was meant"},
    {"VlanIdentityNeedsAVlan", subnet("vlan-identity: true"),
     "6:22: error: vlan-identity: needs vlan: beside it"},
    {"TooManyVlans", subnet("interface: eth1\n      vlan: 1-4.1-4094"),
     "7:13: error: vlan: interface 'eth1' has more than 16000 VLANs with this; narrower ranges "
     "were meant"},
    {"VlanOfTwoSubnets", vlan_subnets("vlan: 100-199", "vlan: 150"),
     "5:101: error: vlan: 150 overlaps 100-199 of subnet 192.0.2.0/24 on line 4; subnets of one "
     "VLAN have the same shared-network"},
    {"SharedNetworkOverTwoVlans",
     vlan_subnets("vlan: 100, shared-network: a", "vlan: 150, shared-network: a"),
     "5:101: error: shared-network: 'a' has 150 here and 100 on line 4; subnets of one link name "
     "the same vlan"},
};
INSTANTIATE_TEST_SUITE_P(Vlans, Mistakes, testing::ValuesIn(vlan_mistakes), claim_of);

constexpr const char* kMac = "hw-address: \"02:00:5e:00:53:01\"";

const Mistake reservation_mistakes[] = {
    {"ReservationOutside", reservation("{" + std::string{kMac} + ", address: 198.51.100.1}"),
     "7:52: error: address: '198.51.100.1' is not within subnet 192.0.2.0/24"},
    {"ReservationOfTheNetwork", reservation("{" + std::string{kMac} + ", address: 192.0.2.0}"),
     "7:52: error: address: '192.0.2.0' is the network address of 192.0.2.0/24"},
    {"ReservationOfTheBroadcast", reservation("{" + std::string{kMac} + ", address: 192.0.2.255}"),
     "7:52: error: address: '192.0.2.255' is the broadcast address of 192.0.2.0/24"},
    {"ReservationOfTheServer",
     subnet("server-address: 192.0.2.1\n      reservations:\n      - {" + std::string{kMac} +
            ", address: 192.0.2.1}"),
     "8:52: error: address: '192.0.2.1' is the server address of 192.0.2.0/24"},
    {"AddressTwice",
     reservation("{" + std::string{kMac} +
                 ", address: 192.0.2.7}\n      - {client-id: \"01:02\", address: 192.0.2.7}"),
     "8:39: error: address: '192.0.2.7' is already reserved on line 7"},
    {"IdentifierTwice",
     reservation("{" + std::string{kMac} +
                 ", address: 192.0.2.7}\n      - {hw-address: "
                 "02-00-5E-00-53-01, address: 192.0.2.8}"),
     "8:22: error: hw-address: '02-00-5E-00-53-01' is already reserved on line 7"},
    {"NoIdentifier", reservation("{address: 192.0.2.7}"),
     "7:9: error: reservations: no identifier; hw-address, client-id, circuit-id or remote-id was "
     "meant"},
    {"TwoIdentifiers", reservation("{" + std::string{kMac} + ", remote-id: x}"),
     "7:54: error: remote-id: the reservation already has hw-address; one identifier each"},
    {"HwAddressMalformed", reservation("{hw-address: \"02:00:5e:00:53\"}"),
     "7:22: error: hw-address: '02:00:5e:00:53' is not a hardware address, such as "
     "02:00:5e:00:53:01"},
    {"HwAddressOfAGroup", reservation("{hw-address: \"01:00:5e:00:53:01\"}"),
     "7:22: error: hw-address: '01:00:5e:00:53:01' is a group address; no client sends from it"},
    {"HwAddressZero", reservation("{hw-address: \"00:00:00:00:00:00\"}"),
     "7:22: error: hw-address: '00:00:00:00:00:00' is zero; no client sends from it"},
    {"ClientIdMalformed", reservation("{client-id: printer}"),
     "7:21: error: client-id: 'printer' is not a client identifier; bytes such as "
     "01:02:00:5e:00:53:01 or text such as \"'printer'\" were meant"},
    {"ClientIdTooLong", reservation("{client-id: 0x" + std::string(512, 'a') + "}"),
     "7:21: error: client-id: 256 bytes; at most 255 fit into an option"},
    {"RemoteIdMalformed", reservation("{remote-id: 0x001}"),
     "7:21: error: remote-id: '0x001' is not hexadecimal, such as 0x0102ff"},
    {"CircuitIdThatLooksLikeBytes", reservation("{circuit-id: \"00:04\"}"),
     "7:22: warning: circuit-id: '00:04' is taken as text; 0x0004 would be the bytes, \"'00:04'\" "
     "says that text was meant"},
    {"HostnameMalformed", reservation("{" + std::string{kMac} + ", hostname: print_er}"),
     "7:53: error: hostname: 'print_er' is not a host name; letters, digits and hyphens, parts "
     "joined by dots, were meant"},
    {"HostnameTwice",
     reservation("{" + std::string{kMac} + ", hostname: a, options: {host-name: b}}"),
     "7:53: error: hostname: option host-name says the same; leave one out"},
    {"ReservationBootFileName",
     reservation("{" + std::string{kMac} + ", boot-file-name: " + std::string(128, 'b') + "}"),
     "7:59: error: boot-file-name: "
     "'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb...' is 128 bytes long; at "
     "most 127 have room"},
};
INSTANTIATE_TEST_SUITE_P(Reservations, Mistakes, testing::ValuesIn(reservation_mistakes), claim_of);

class WholeText : public testing::TestWithParam<std::string> {};

TEST_P(WholeText, EmptyIsAnError) {
    const LoadResult result = load_text(GetParam(), "t.yaml");
    EXPECT_FALSE(result.configuration);
    EXPECT_THAT(texts(result), ElementsAre("t.yaml: error: the configuration is empty; interfaces "
                                           "and dhcp4 or dhcp6 with subnets were meant"));
}
INSTANTIATE_TEST_SUITE_P(Load, WholeText,
                         testing::Values("", "\n \n", "# nothing\n", "---\n", "~\n"));

TEST(Load, RefusesUtf16) {
    EXPECT_THAT(texts(load_text("\xff\xfei", "t.yaml")),
                ElementsAre("t.yaml: error: the text is UTF-16; save it as UTF-8"));
}

TEST(Load, BoundsWhatAliasesRepeat) {
    std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
    for (char name = 'b'; name <= 'j'; ++name) {
        const std::string inner = std::string{"*"} + static_cast<char>(name - 1);
        bomb += std::string{name} + ": &" + name + " [" + inner;
        for (int i = 0; i < 9; ++i) {
            bomb += ", " + inner;
        }
        bomb += "]\n";
    }
    EXPECT_THAT(texts(load_text(bomb, "t.yaml")),
                ElementsAre(HasSubstr("aliases repeat more than 1048576 elements")));
}

TEST(Load, SurvivesNestingOfAnyDepth) {
    for (const char* level : {"[", "{", "- ", "? ", "a: {", "[{a: "}) {
        std::string deep;
        for (int i = 0; i < 200000; ++i) {
            deep += level;
        }
        const LoadResult result = load_text(deep, "t.yaml");
        EXPECT_FALSE(result.configuration) << level;
        EXPECT_FALSE(result.diagnostics.empty()) << level;
    }
}

TEST(Load, ReportsEveryMistakeInOneRunInTheOrderOfTheText) {
    std::string text;
    std::size_t mistake_count = 0;
    text += "log: {level: loud, formt: text}\n";
    text += "interfaces: [{name: eth1, driver: dpdk, queues: [x]}, {name: eth1}]\n";
    text += "control-socket: x\nhttp: 80\ndurability: none\nmax-leases: 0x10\nside-memory: 1TB\n";
    text += "ports: {server: 1067, client: 068, reply-to-source: on}\n";
    mistake_count += 2 + 3 + 5 + 3;
    text += "dhcp4:\n  bootp: 1\n  lease-time: {default: 1h, min: 3h, max: 2h}\n";
    text += "  offer-lifetime: soon\n  options: {router: x, routers: y}\n  subnets:\n";
    mistake_count += 1 + 1 + 1 + 2;
    text += "    - {subnet: 192.0.2.9/24, pools: 7, interface: eth7}\n";
    text += "    - {subnet: 198.51.100.0/24, identity: x, pools: [{range: 1-2}], relays: [a, b]}\n";
    text += "    - {subnet: 198.51.100.0/25, reservations: [{hw-address: x}, {address: y}]}\n";
    mistake_count += 3 + 4 + 4;
    const LoadResult result = load_text(text, "t.yaml");
    EXPECT_FALSE(result.configuration);
    EXPECT_EQ(result.diagnostics.size(), mistake_count) << testing::PrintToString(texts(result));
    EXPECT_TRUE(std::ranges::is_sorted(result.diagnostics, {}, [](const Diagnostic& diagnostic) {
        return std::pair{diagnostic.line, diagnostic.column};
    }));
    int last_line = 0;
    for (const Diagnostic& diagnostic : result.diagnostics) {
        EXPECT_LE(diagnostic.line, last_line + 2) << to_string(diagnostic);
        EXPECT_GT(diagnostic.column, 0);
        last_line = diagnostic.line;
    }
}

}  // namespace
}  // namespace xdhcpd::config
