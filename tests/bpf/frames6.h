// IPv6 frames of a lab's network, what its links serve, and the rules by which the XDP program
// classifies, read byte by byte and written from the rules alone.
#pragma once

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "bpf/xdhcpd_abi.h"
#include "lab.h"
#include "packet/headers.h"
#include "support/dhcp6.h"
#include "support/frames.h"

namespace xdhcpd::lab {

using testing::Bytes;
using testing::bytes;
using testing::frame6;
using testing::FrameSpec6;
using Tags = std::vector<std::pair<std::uint16_t, std::uint16_t>>;

inline constexpr std::uint32_t kMaxFrameLen = 1792;
inline constexpr VlanTag kServedTag{.tpid = kEtherTypeVlan, .tci = 100};
inline constexpr VlanTag kServedOuter{.tpid = kEtherTypeQinq, .tci = 200};
inline constexpr VlanTag kServedInner{.tpid = kEtherTypeVlan, .tci = 300};

inline constexpr std::uint16_t kVlan = kServedTag.tci;
inline constexpr int kSolicit = 1;
inline constexpr int kRelayForw = 12;
inline constexpr std::uint32_t kAll =
    XD_LINK_DHCP4 | XD_LINK_DHCP6 | XD_LINK_ADVERTISE | XD_LINK_PROXY;

[[nodiscard]] inline Ipv6 ip6(std::string_view text) {
    return parse_ipv6(text).value();
}
[[nodiscard]] inline Mac mac_of(std::string_view text) {
    return parse_mac(text).value();
}

inline const Ipv6 kServerLinkLocal = ip6("fe80::5eff:fe00:5301");
inline const Ipv6 kServerGlobal = ip6("2001:db8:1::1");
// Inside a target prefix, and the host's own.
inline const Ipv6 kOwnTarget = ip6("2001:db8:2::1");
inline const Ipv6 kServersGroup = ip6("ff02::1:2");
inline const Ipv6 kSiteServersGroup = ip6("ff05::1:3");

struct Target {
    std::uint16_t outer;
    std::uint16_t inner;
    Ipv6Prefix prefix;
};
[[nodiscard]] inline std::vector<Target> targets() {
    return {{0, 0, parse_ipv6_prefix("2001:db8:2::/64").value()},
            {0, 0, parse_ipv6_prefix("2001:db8:3::53/128").value()},
            {0, 0, parse_ipv6_prefix("2001:db8:4:8000::/49").value()},
            {kVlan, 0, parse_ipv6_prefix("2001:db8:5::/64").value()}};
}

[[nodiscard]] inline Bytes solicit(int type = kSolicit) {
    return testing::message6(type, {testing::option6(1, testing::duid_of(1))});
}
[[nodiscard]] inline Bytes router_solicitation() {
    return bytes({133, 0, 0, 0, 0, 0, 0, 0});
}
[[nodiscard]] inline Bytes neighbor_solicitation(const Ipv6& target) {
    return testing::join(
        {bytes({135, 0, 0, 0, 0, 0, 0, 0}), target.bytes(), bytes({1, 1, 2, 0, 0x5e, 0, 0x53, 2})});
}
[[nodiscard]] inline FrameSpec6 nd_spec(const Ipv6& destination) {
    FrameSpec6 spec;
    spec.next_header = 58;
    spec.hop_limit = 255;
    spec.destination = destination;
    spec.destination_mac = destination.is_multicast() ? destination.multicast_mac() : kServerMac;
    return spec;
}
[[nodiscard]] inline FrameSpec6 rs_spec() {
    return nd_spec(kAllRouters);
}
[[nodiscard]] inline Frame neighbor_frame(const Ipv6& target, Tags tags = {}) {
    FrameSpec6 spec = nd_spec(target.solicited_node());
    spec.tags = std::move(tags);
    return frame6(spec, neighbor_solicitation(target));
}

// The rules once more, byte by byte, without any of the program's helpers.
class Rules {
  public:
    explicit Rules(std::uint32_t max_len) : max_len_{max_len} {}

    [[nodiscard]] xd_verdict judge(const Bytes& frame) const {
        std::size_t at = 14;
        std::vector<int> vids;
        for (int tags = 0; tags < 2 && is_tag(frame, at - 2); ++tags) {
            if (frame.size() < at + 4) {
                return XD_PASS_TRUNCATED;
            }
            if (const int vid = (octet(frame, at) & 15) * 256 + octet(frame, at + 1); vid != 0) {
                vids.push_back(vid);
            }
            at += 4;
        }
        if (octet(frame, at - 2) != 0x86 || octet(frame, at - 1) != 0xdd) {
            return XD_PASS_NOT_IP;
        }
        if (frame.size() < at + 40) {
            return XD_PASS_TRUNCATED;
        }
        if (octet(frame, at) / 16 != 6) {
            return XD_PASS_NOT_IP;
        }
        const int next = octet(frame, at + 6);
        return next == 17   ? judge_udp(frame, at, vids)
               : next == 58 ? judge_icmp(frame, at, vids)
                            : XD_PASS_OTHER_HEADER;
    }

  private:
    static int octet(const Bytes& frame, std::size_t at) {
        return std::to_integer<int>(frame.at(at));
    }
    static bool is_tag(const Bytes& frame, std::size_t at) {
        const int type = octet(frame, at) * 256 + octet(frame, at + 1);
        return type == 0x8100 || type == 0x88a8;
    }
    static Ipv6 address(const Bytes& frame, std::size_t at) { return Ipv6::load(&frame.at(at)); }

    // Which flags there are on the link; nothing: unknown.
    static std::optional<std::uint32_t> flags_of(const std::vector<int>& vids) {
        if (vids.empty()) {
            return kAll;
        }
        if (vids == std::vector<int>{kVlan}) {
            return XD_LINK_DHCP6 | XD_LINK_PROXY;
        }
        if (vids == std::vector<int>{kServedOuter.tci, kServedInner.tci}) {
            return XD_LINK_DHCP4;
        }
        return std::nullopt;
    }
    static bool is_own(const Ipv6& address) {
        return address == kServerLinkLocal || address == kServerGlobal || address == kOwnTarget;
    }
    static std::optional<xd_verdict> judge_link(const Bytes& frame, std::size_t ip,
                                                const std::vector<int>& vids, std::uint32_t flag,
                                                bool is_group) {
        const auto flags = flags_of(vids);
        if (!flags) {
            return XD_PASS_UNKNOWN_LINK;
        }
        if ((*flags & flag) == 0) {
            return XD_PASS_NOT_SERVED;
        }
        const Mac mac = Mac::load(frame.data());
        const bool to_group = is_group && mac == address(frame, ip + 24).multicast_mac();
        return mac == kServerMac || to_group ? std::nullopt : std::optional{XD_PASS_OTHER_HOST};
    }

    [[nodiscard]] xd_verdict judge_udp(const Bytes& frame, std::size_t ip,
                                       const std::vector<int>& vids) const {
        static const std::set<int> kTypes{1, 3, 4, 5, 6, 8, 9, 11, 12};
        const std::size_t udp = ip + 40;
        if (frame.size() < udp + 8) {
            return XD_PASS_TRUNCATED;
        }
        if (octet(frame, udp + 2) * 256 + octet(frame, udp + 3) != 547) {
            return XD_PASS_OTHER_PORT;
        }
        if (frame.size() < udp + 9) {
            return XD_PASS_TRUNCATED;
        }
        if (frame.size() > max_len_) {
            return XD_PASS_TOO_LONG;
        }
        const int payload_len = octet(frame, ip + 4) * 256 + octet(frame, ip + 5);
        const int udp_len = octet(frame, udp + 4) * 256 + octet(frame, udp + 5);
        if (payload_len > static_cast<int>(frame.size() - udp) || udp_len > payload_len ||
            udp_len < 9) {
            return XD_PASS_TRUNCATED;
        }
        if (!kTypes.contains(octet(frame, udp + 8))) {
            return XD_PASS_NOT_REQUEST;
        }
        const Ipv6 destination = address(frame, ip + 24);
        const bool is_group = destination == kServersGroup || destination == kSiteServersGroup;
        if (const auto verdict = judge_link(frame, ip, vids, XD_LINK_DHCP6, is_group)) {
            return *verdict;
        }
        return is_group || is_own(destination) ? XD_REDIRECTED : XD_PASS_NOT_LOCAL;
    }

    [[nodiscard]] xd_verdict judge_icmp(const Bytes& frame, std::size_t ip,
                                        const std::vector<int>& vids) const {
        const std::size_t icmp = ip + 40;
        if (frame.size() < icmp + 8) {
            return XD_PASS_TRUNCATED;
        }
        const int type = octet(frame, icmp);
        if (type != 133 && type != 135) {
            return XD_PASS_OTHER_ICMP;
        }
        const std::size_t least_len = type == 133 ? 8 : 24;
        if (frame.size() < icmp + least_len) {
            return XD_PASS_TRUNCATED;
        }
        if (octet(frame, ip + 7) != 255 || octet(frame, icmp + 1) != 0) {
            return XD_PASS_BAD_ND;
        }
        if (frame.size() > max_len_) {
            return XD_PASS_TOO_LONG;
        }
        const int payload_len = octet(frame, ip + 4) * 256 + octet(frame, ip + 5);
        if (payload_len > static_cast<int>(frame.size() - icmp) ||
            payload_len < static_cast<int>(least_len)) {
            return XD_PASS_TRUNCATED;
        }
        const Ipv6 destination = address(frame, ip + 24);
        if (type == 133) {
            const bool is_group = destination == ip6("ff02::2");
            if (const auto verdict = judge_link(frame, ip, vids, XD_LINK_ADVERTISE, is_group)) {
                return *verdict;
            }
            return is_group || is_own(destination) ? XD_REDIRECTED : XD_PASS_NOT_LOCAL;
        }
        const Ipv6 target = address(frame, icmp + 8);
        const bool is_group = destination == target.solicited_node();
        if (const auto verdict = judge_link(frame, ip, vids, XD_LINK_PROXY, is_group)) {
            return *verdict;
        }
        if (!is_group && destination != target) {
            return XD_PASS_NOT_LOCAL;
        }
        const int vid = vids.empty() ? 0 : vids.front();
        const auto all = targets();
        const bool is_target = std::any_of(all.begin(), all.end(), [&](const Target& each) {
            return each.outer == vid && each.prefix.contains(target);
        });
        return is_target && !is_own(target) ? XD_REDIRECTED : XD_PASS_NO_TARGET;
    }

    std::uint32_t max_len_;
};

// Frames that are nearly right: each field is mostly what is taken, sometimes something else.
class FrameMaker6 {
  public:
    explicit FrameMaker6(std::uint64_t seed) : random_{seed} {}

    [[nodiscard]] Bytes make() {
        FrameSpec6 spec;
        Bytes payload;
        const auto kind = random_.below(3);
        if (kind == 0) {
            payload = solicit(pick({1, 3, 4, 5, 6, 8, 9, 11, 12, 1, 3, 12, 2, 7, 13, 255}));
            spec.destination = pick({kServersGroup, kServersGroup, kSiteServersGroup, kServerGlobal,
                                     kServerLinkLocal, ip6("2001:db8:9::1"), kAllNodes});
            spec.destination_port = pick<std::uint16_t>({547, 547, 547, 547, 547, 547, 546, 67});
        } else {
            const Ipv6 target =
                pick({ip6("2001:db8:2::99"), ip6("2001:db8:3::53"), ip6("2001:db8:4:9000::1"),
                      ip6("2001:db8:5::1"), kOwnTarget, ip6("2001:db8:3::52"), ip6("fe80::9")});
            payload = kind == 1 ? router_solicitation() : neighbor_solicitation(target);
            spec = nd_spec(kind == 1 ? pick({kAllRouters, kAllRouters, kServerLinkLocal, kAllNodes})
                                     : pick({target.solicited_node(), target.solicited_node(),
                                             target, kAllNodes}));
            spec.hop_limit = one_in(10) ? pick({0, 1, 64, 254}) : 255;
        }
        spec.source_mac = one_in(20) ? kServerMac : kClientMac;
        spec.source = one_in(20) ? pick({Ipv6{}, kServerLinkLocal, kServersGroup})
                                 : ip6("fe80::5eff:fe00:5302");
        spec.destination_mac = spec.destination.is_multicast() && !one_in(5)
                                   ? spec.destination.multicast_mac()
                                   : kServerMac;
        if (one_in(10)) {
            spec.destination_mac = pick({kOtherMac, kBroadcastMac, kAllNodes.multicast_mac()});
        }
        if (one_in(12)) {
            spec.next_header = pick({0, 6, 17, 43, 44, 58, 59, 60});
        }
        if (one_in(8)) {
            spec.padding.resize(random_.below(60));
        }
        if (one_in(40)) {
            payload.resize(kMaxFrameLen - 70 + random_.below(20));
        }
        if (one_in(3)) {
            for (std::uint32_t i = 1 + random_.below(3); i > 0; --i) {
                spec.tags.emplace_back(
                    pick<std::uint16_t>({0x8100, 0x88a8}),
                    pick<std::uint16_t>({kVlan, kVlan, kServedOuter.tci, kServedInner.tci, 0, 101,
                                         0xf000 | kVlan}));
            }
        }
        Bytes frame = frame6(spec, payload);
        if (one_in(3)) {
            for (std::uint32_t i = 1 + random_.below(3); i > 0; --i) {
                const auto reach = static_cast<std::uint32_t>(one_in(2) ? 80 : frame.size());
                frame.at(
                    random_.below(std::min(reach, static_cast<std::uint32_t>(frame.size())))) ^=
                    std::byte{static_cast<std::uint8_t>(1U << random_.below(8))};
            }
        }
        if (one_in(10)) {
            frame.resize(std::max<std::size_t>(
                kEthernetLen, random_.below(static_cast<std::uint32_t>(frame.size()))));
        }
        return frame;
    }

  private:
    [[nodiscard]] bool one_in(std::uint32_t count) { return random_.below(count) == 0; }
    template <typename T>
    [[nodiscard]] T pick(std::initializer_list<T> values) {
        return values.begin()[random_.below(static_cast<std::uint32_t>(values.size()))];
    }

    Random random_;
};

}  // namespace xdhcpd::lab
