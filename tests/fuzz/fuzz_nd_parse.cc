// Any ICMPv6 message from and to any address: the first 33 octets are source, destination and hop
// limit. What is accepted keeps the rules of RFC 4861, every option reads without harm, and what
// reads as an option of an advertisement is written and read again the same.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "nd/message_view.h"
#include "nd/options.h"
#include "nd/writer.h"

namespace {

using namespace xdhcpd;
using namespace xdhcpd::nd;

constexpr std::size_t kPacketLen = 2 * Ipv6::kLen + 1;

// The last option that `writer` has written.
ByteView last_option(ByteView out, const RouterAdvertisementWriter& writer) {
    ByteView last;
    const auto options = OptionList::parse(
        out.subspan(kRouterAdvertisementLen, writer.length() - kRouterAdvertisementLen));
    XD_ASSERT(options.has_value());
    options->for_each([&](OptionType, ByteView option) { last = option; });
    return last;
}

void write_again(OptionType type, ByteView option) {
    std::array<std::byte, kRouterAdvertisementLen + kMaxOptionLen> out;
    RouterAdvertisementWriter writer{out, {}};
    const auto last = [&](bool added) {
        XD_ASSERT(added);
        return last_option(out, writer);
    };
    if (const auto mac = read_link_layer(option); mac && type == OptionType::kSourceLinkLayer) {
        XD_ASSERT(read_link_layer(last(writer.add_source_link_layer(*mac))) == mac);
    } else if (auto prefix = read_prefix_information(option);
               prefix && type == OptionType::kPrefixInformation) {
        if (!prefix->router_address) {
            prefix->prefix.address = prefix->prefix.network();
        }
        XD_ASSERT(read_prefix_information(last(writer.add_prefix_information(*prefix))) == prefix);
    } else if (const auto mtu = read_mtu(option); mtu && type == OptionType::kMtu) {
        XD_ASSERT(read_mtu(last(writer.add_mtu(*mtu))) == mtu);
    } else if (auto route = read_route_information(option);
               route && type == OptionType::kRouteInformation) {
        route->prefix.address = route->prefix.network();
        XD_ASSERT(read_route_information(last(writer.add_route_information(*route))) == route);
    } else if (const auto rdnss = read_rdnss(option); rdnss && type == OptionType::kRdnss) {
        std::vector<Ipv6> servers;
        for (std::size_t i = 0; i < rdnss->count(); ++i) {
            servers.push_back(rdnss->at(i));
        }
        const auto read = read_rdnss(last(writer.add_rdnss(rdnss->lifetime, servers)));
        XD_ASSERT(read && read->lifetime == rdnss->lifetime &&
                  equal_bytes(read->addresses, rdnss->addresses));
    } else if (const auto dnssl = read_dnssl(option); dnssl && type == OptionType::kDnssl) {
        const auto read = read_dnssl(last(writer.add_dnssl(dnssl->lifetime, dnssl->names)));
        XD_ASSERT(read && read->lifetime == dnssl->lifetime &&
                  equal_bytes(read->names, dnssl->names));
    } else if (auto pref64 = read_pref64(option); pref64 && type == OptionType::kPref64) {
        pref64->prefix.address = pref64->prefix.network();
        XD_ASSERT(read_pref64(last(writer.add_pref64(pref64->prefix, pref64->lifetime))) == pref64);
    } else if (const auto uri = read_captive_portal(option);
               uri && type == OptionType::kCaptivePortal) {
        XD_ASSERT(read_captive_portal(last(writer.add_captive_portal(*uri))) == uri);
    }
}

void check_rules(const MessageView& view) {
    const bool has_source_link_layer = !view.options().find(OptionType::kSourceLinkLayer).empty();
    switch (view.type()) {
        case MessageType::kRouterSolicitation:
            XD_ASSERT(!view.source().is_unspecified() || !has_source_link_layer);
            break;
        case MessageType::kRouterAdvertisement:
            XD_ASSERT(view.source().is_link_local());
            break;
        case MessageType::kNeighborSolicitation:
            XD_ASSERT(!view.target().is_multicast());
            XD_ASSERT(!view.detects_duplicates() ||
                      (!has_source_link_layer && view.destination().is_multicast()));
            XD_ASSERT(answer_address(view).is_solicited != view.detects_duplicates());
            break;
        case MessageType::kNeighborAdvertisement:
            XD_ASSERT(!view.target().is_multicast());
            XD_ASSERT(!view.is_solicited() || !view.destination().is_multicast());
            break;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView input{reinterpret_cast<const std::byte*>(data), size};
    if (size < kPacketLen) {
        return 0;
    }
    FrameView6 packet;
    packet.protocol = Protocol6::kIcmpv6;
    packet.source = Ipv6::load(&input[0]);
    packet.destination = Ipv6::load(&input[Ipv6::kLen]);
    packet.hop_limit = load_u8(&input[kPacketLen - 1]);
    packet.payload = input.subspan(kPacketLen);
    const auto view = MessageView::parse(packet);
    if (!view) {
        XD_ASSERT(view.error() < ParseError::kCount);
        return 0;
    }
    XD_ASSERT(packet.hop_limit == 255);
    check_rules(*view);
    static_cast<void>(view->router_advertisement());
    view->options().for_each(write_again);
    return 0;
}
