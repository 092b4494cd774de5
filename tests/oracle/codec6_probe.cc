// The codecs of DHCPv6 and Neighbor Discovery as a program, for an oracle that is not ours: a
// command and hexadecimal per line in, a line of "key=value" out. test_codec6.py drives it.
#include <array>
#include <charconv>
#include <cstdint>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "dhcp6/message_view.h"
#include "dhcp6/writer.h"
#include "nd/message_view.h"
#include "nd/writer.h"
#include "packet/frame_view6.h"
#include "packet/frame_writer6.h"

namespace {

using namespace xdhcpd;
using Bytes = std::vector<std::byte>;

Bytes from_hex(std::string_view text) {
    Bytes bytes;
    for (; text.size() >= 2; text.remove_prefix(2)) {
        unsigned value = 0;
        std::from_chars(text.data(), text.data() + 2, value, 16);
        bytes.push_back(static_cast<std::byte>(value));
    }
    return bytes;
}

std::string with(std::string_view key, std::string_view value) {
    return " " + std::string{key} + "=" + std::string{value};
}
std::string with(std::string_view key, std::uint64_t value) {
    return with(key, std::to_string(value));
}
std::string hex_of(std::string_view key, ByteView bytes) {
    return with(key, to_hex(bytes, 0));
}

std::string lease_of(dhcp6::Option option) {
    if (option.code == dhcp6::OptionCode::kIaAddress) {
        const auto address = dhcp6::read_ia_address(option.value);
        return with("address", to_string(address->address)) +
               with("preferred", address->preferred_lifetime) +
               with("valid", address->valid_lifetime);
    }
    if (option.code == dhcp6::OptionCode::kIaPrefix) {
        const auto prefix = dhcp6::read_ia_prefix(option.value);
        return with("prefix", to_string(prefix->prefix)) +
               with("preferred", prefix->preferred_lifetime) +
               with("valid", prefix->valid_lifetime);
    }
    return {};
}

std::string read_dhcp6(const Bytes& payload) {
    dhcp6::MessageView view;
    if (const auto result = view.parse(payload); !result) {
        return "error=" + std::string{name(result.error())};
    }
    std::string text = "type=" + std::to_string(static_cast<unsigned>(view.type()));
    text += with("xid", view.transaction_id()) + hex_of("client", view.client_id()) +
            hex_of("server", view.server_id()) + hex_of("oro", view.option_request());
    text += with("elapsed", view.elapsed_time().value_or(0)) + with("rapid", view.rapid_commit());
    for (const dhcp6::Relay& relay : view.relays()) {
        text += with("hop", relay.hop_count) + with("link", to_string(relay.link_address)) +
                with("peer", to_string(relay.peer_address)) +
                hex_of("interface", relay.interface_id().value_or(ByteView{})) +
                hex_of("subscriber", relay.subscriber_id().value_or(ByteView{}));
        if (const auto remote = relay.remote_id()) {
            text += with("enterprise", remote->enterprise) + hex_of("remote", remote->id);
        }
        if (const auto address = relay.client_link_layer()) {
            text += with("hwtype", address->type) + hex_of("hwaddr", address->address);
        }
    }
    view.for_each_ia([&](const dhcp6::IdentityAssociation& ia) {
        text += with("ia", static_cast<unsigned>(ia.code)) + with("iaid", ia.iaid) +
                with("t1", ia.t1) + with("t2", ia.t2);
        for (const dhcp6::Option option : ia.options) {
            text += lease_of(option);
        }
    });
    return text;
}

// A Reply with everything to the message in `payload`.
std::string reply_to(const Bytes& payload) {
    dhcp6::MessageView view;
    Bytes out(1500);
    if (!view.parse(payload)) {
        return "error";
    }
    auto writer = dhcp6::ReplyWriter::begin(out, dhcp6::MessageType::kReply, view.transaction_id(),
                                            view.relays());
    const Bytes domain = from_hex("076578616d706c65036f726700");
    bool good = writer && writer->add(dhcp6::OptionCode::kClientId, view.client_id());
    good = good && writer->open_ia_na(7, 1800, 2880) &&
           writer->open_address(*parse_ipv6("2001:db8::9"), 3600, 7200);
    if (good) {
        writer->close();
        good = writer->add_status(dhcp6::StatusCode::kSuccess, "granted");
        writer->close();
    }
    good = good && writer->open_ia_pd(8, 1, 2) &&
           writer->open_prefix(*parse_ipv6_prefix("2001:db8:100::/56"), 3, 4);
    if (good) {
        writer->close();
        writer->close();
    }
    good = good && writer->add_u8(dhcp6::OptionCode::kPreference, 255) &&
           writer->add_ipv6(dhcp6::OptionCode::kDnsServers, *parse_ipv6("2001:db8::53")) &&
           writer->add(dhcp6::OptionCode::kDomainSearch, domain) &&
           writer->add_u32(dhcp6::OptionCode::kInformationRefreshTime, 86400);
    return good ? to_hex(ByteView{out}.first(writer->finish()), 0) : "error";
}

std::string router_advertisement_of(const nd::MessageView& view) {
    const nd::RouterAdvertisement ra = view.router_advertisement();
    return with("hlim", ra.hop_limit) + with("m", ra.managed) + with("o", ra.other) +
           with("prf", static_cast<unsigned>(ra.preference)) + with("life", ra.router_lifetime) +
           with("reach", ra.reachable_time) + with("retrans", ra.retransmit_timer);
}

std::string option_of(nd::OptionType type, ByteView option) {
    if (const auto mtu = nd::read_mtu(option); mtu && type == nd::OptionType::kMtu) {
        return with("mtu", *mtu);
    }
    if (const auto prefix = nd::read_prefix_information(option);
        prefix && type == nd::OptionType::kPrefixInformation) {
        return with("pio", to_string(prefix->prefix)) + with("l", prefix->on_link) +
               with("a", prefix->autonomous) + with("pvalid", prefix->valid_lifetime) +
               with("ppreferred", prefix->preferred_lifetime);
    }
    if (const auto route = nd::read_route_information(option);
        route && type == nd::OptionType::kRouteInformation) {
        return with("route", to_string(route->prefix)) + with("rlife", route->lifetime) +
               with("rprf", static_cast<unsigned>(route->preference));
    }
    if (const auto rdnss = nd::read_rdnss(option); rdnss && type == nd::OptionType::kRdnss) {
        std::string text = with("dnslife", rdnss->lifetime);
        for (std::size_t i = 0; i < rdnss->count(); ++i) {
            text += with("dns", to_string(rdnss->at(i)));
        }
        return text;
    }
    if (const auto dnssl = nd::read_dnssl(option); dnssl && type == nd::OptionType::kDnssl) {
        return with("searchlife", dnssl->lifetime) + hex_of("search", dnssl->names);
    }
    return {};
}

std::string read_nd(const Bytes& frame) {
    const auto packet = FrameView6::parse(frame);
    if (!packet) {
        return "error=" + std::string{name(packet.error())};
    }
    const auto view = nd::MessageView::parse(*packet);
    if (!view) {
        return "error=" + std::string{name(view.error())};
    }
    std::string text = "type=" + std::to_string(static_cast<unsigned>(view->type()));
    text += with("target", to_string(view->target())) + with("r", view->is_router()) +
            with("s", view->is_solicited()) + with("v", view->overrides());
    if (const auto mac = view->source_link_layer()) {
        text += with("slla", to_string(*mac));
    }
    if (const auto mac = view->target_link_layer()) {
        text += with("tlla", to_string(*mac));
    }
    text += router_advertisement_of(*view);
    view->options().for_each(
        [&](nd::OptionType type, ByteView option) { text += option_of(type, option); });
    return text;
}

constexpr Ipv6 kRouter = Ipv6::of_groups({0xfe80, 0, 0, 0, 0, 0, 0, 1});

std::string frame_of(ByteView message, const Ipv6& destination) {
    std::array<std::byte, 1600> frame{};
    copy_bytes(frame.data() + icmp6_offset(0), message);
    Ipv6Headers headers;
    headers.destination_mac = destination.multicast_mac();
    headers.source_mac = *parse_mac("02:00:5e:00:53:64");
    headers.source = kRouter;
    headers.destination = destination;
    headers.hop_limit = kMaxHopLimit;
    const std::size_t len = write_icmp6_headers(frame, headers, message.size());
    return to_hex(ByteView{frame}.first(len), 0);
}

// An advertisement with every option.
std::string advertise() {
    Bytes out(1400);
    nd::RouterAdvertisementWriter writer{out,
                                         {.hop_limit = 64,
                                          .managed = true,
                                          .other = true,
                                          .preference = nd::Preference::kHigh,
                                          .router_lifetime = 1800,
                                          .reachable_time = 30000,
                                          .retransmit_timer = 1000}};
    const std::array servers{*parse_ipv6("2001:db8::53"), *parse_ipv6("2001:db8::54")};
    const Bytes names = from_hex("076578616d706c65036f726700");
    const bool good =
        writer.add_source_link_layer(*parse_mac("02:00:5e:00:53:64")) && writer.add_mtu(1480) &&
        writer.add_prefix_information({.prefix = *parse_ipv6_prefix("2001:db8:1::/64"),
                                       .on_link = true,
                                       .autonomous = true,
                                       .pd_preferred = true,
                                       .valid_lifetime = 86400,
                                       .preferred_lifetime = 14400}) &&
        writer.add_route_information({.prefix = *parse_ipv6_prefix("2001:db8:9::/48"),
                                      .preference = nd::Preference::kLow,
                                      .lifetime = 600}) &&
        writer.add_rdnss(1800, servers) && writer.add_dnssl(1200, names) &&
        writer.add_pref64(*parse_ipv6_prefix("64:ff9b::/96"), 600) &&
        writer.add_captive_portal("https://example.org/");
    return good ? frame_of(ByteView{out}.first(writer.length()), kAllNodes) : "error";
}

// The advertisement that answers the solicitation in `frame`.
std::string answer(const Bytes& frame) {
    const auto packet = FrameView6::parse(frame);
    const auto view = packet ? nd::MessageView::parse(*packet) : Unexpected{nd::ParseError::kCount};
    if (!view) {
        return "error";
    }
    const nd::AnswerAddress address = nd::answer_address(*view);
    std::array<std::byte, nd::kMaxNeighborAdvertisementLen> out{};
    const std::size_t len = nd::write_neighbor_advertisement(
        out, {.target = view->target(),
              .is_router = true,
              .is_solicited = address.is_solicited,
              .overrides = false,
              .target_link_layer = parse_mac("02:00:5e:00:53:64")});
    return frame_of(ByteView{out}.first(len), address.destination);
}

std::string run(std::string_view command, const Bytes& bytes) {
    if (command == "dhcp6") {
        return read_dhcp6(bytes);
    }
    if (command == "reply") {
        return reply_to(bytes);
    }
    if (command == "nd") {
        return read_nd(bytes);
    }
    if (command == "advertise") {
        return advertise();
    }
    return command == "answer" ? answer(bytes) : "unknown command";
}

}  // namespace

int main() {
    std::string command;
    std::string hex;
    while (std::cin >> command >> hex) {
        std::cout << run(command, from_hex(hex)) << std::endl;
    }
    return 0;
}
