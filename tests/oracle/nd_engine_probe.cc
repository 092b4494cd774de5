// Frames that the engine makes of a configuration, as a program, for an oracle that is not ours: a
// command and hexadecimal per line in, a frame in hexadecimal out. test_nd_engine.py drives it.
#include <array>
#include <charconv>
#include <cstdint>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "engine/v6/neighbor_answer.h"
#include "engine/v6/router_advertisement.h"
#include "packet/port.h"

namespace {

using namespace xdhcpd;

constexpr std::uint64_t kNow = 1'800'000'000;

model::HostInterface own_interface() {
    model::HostInterface interface;
    interface.mac = *parse_mac("02:00:5e:00:53:64");
    interface.addresses6 = {*parse_ipv6_prefix("2001:db8:1::1/64"),
                            *parse_ipv6_prefix("fe80::1/64")};
    return interface;
}

model::AdvertisedPrefixConfiguration prefix(std::string_view text) {
    model::AdvertisedPrefixConfiguration made;
    made.prefix = *parse_ipv6_prefix(text);
    made.lifetimes = {14400, 86400};
    return made;
}

model::Advertisement everything() {
    model::Advertisement made;
    model::AdvertisementConfiguration& configuration = made.configuration;
    configuration.managed = true;
    configuration.preference = nd::Preference::kHigh;
    configuration.router_lifetime = 1800;
    configuration.mtu = 1480;
    configuration.prefixes = {prefix("2001:db8:1::/64"), prefix("2001:db8:2::/64")};
    configuration.prefixes[0].pd_preferred = true;
    configuration.prefixes[1].autonomous = false;
    configuration.prefixes[1].until = kNow + 1000;
    configuration.routes = {{.prefix = *parse_ipv6_prefix("2001:db8:9::/48"),
                             .preference = nd::Preference::kLow,
                             .lifetime = 600}};
    configuration.dns_servers = {*parse_ipv6("2001:db8::53"), *parse_ipv6("2001:db8::54")};
    configuration.dns_search = {"example.org", "lan.example.org"};
    configuration.dns_lifetime = 1200;
    configuration.pref64 = *parse_ipv6_prefix("64:ff9b::/96");
    configuration.captive_portal = "https://example.org/";
    made.withdrawn_prefixes = {prefix("2001:db8:3::/64")};
    made.withdrawn_dns_servers = {*parse_ipv6("2001:db8::99")};
    return made;
}

// "all", "final", or "vlan" with both tags; to who asked for "unicast".
std::string advertise(std::string_view what) {
    model::Advertisement advertisement = everything();
    engine::v6::AdvertisementTerms terms;
    terms.unix_time = kNow;
    terms.is_final = what == "final";
    if (what == "vlan") {
        advertisement.vlan = {100, 200};
    }
    if (what == "unicast") {
        terms.destination = *parse_ipv6("fe80::9");
        terms.destination_mac = *parse_mac("02:00:5e:00:53:09");
    }
    std::array<std::byte, kMinTxFrameLen> out{};
    const auto made =
        engine::v6::write_router_advertisement(advertisement, own_interface(), terms, out);
    return to_hex(ByteView{out}.first(made.frame_len), 0);
}

std::string answer(std::string_view hex) {
    std::vector<std::byte> frame;
    for (; hex.size() >= 2; hex.remove_prefix(2)) {
        unsigned value = 0;
        std::from_chars(hex.data(), hex.data() + 2, value, 16);
        frame.push_back(static_cast<std::byte>(value));
    }
    const auto packet = FrameView6::parse(frame);
    const auto view = packet ? nd::MessageView::parse(*packet) : Unexpected{nd::ParseError::kCount};
    if (!view) {
        return "error";
    }
    std::array<std::byte, kMinTxFrameLen> out{};
    const std::uint32_t len =
        engine::v6::answer_neighbor(*packet, *view, model::NeighborProxy{}, own_interface(), out);
    return to_hex(ByteView{out}.first(len), 0);
}

}  // namespace

int main() {
    std::string command;
    std::string argument;
    while (std::cin >> command >> argument) {
        std::cout << (command == "advertise" ? advertise(argument) : answer(argument)) << std::endl;
    }
    return 0;
}
