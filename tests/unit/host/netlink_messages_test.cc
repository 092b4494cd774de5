#include "host/netlink_messages.h"

#include <gtest/gtest.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <string_view>
#include <utility>
#include <vector>

namespace xdhcpd::host {
namespace {

// A netlink message put together by hand, as the kernel sends it.
class Message {
  public:
    template <typename Body>
    Message(std::uint16_t type, const Body& body) : bytes_(sizeof(nlmsghdr)) {
        nlmsghdr header{};
        header.nlmsg_type = type;
        std::memcpy(bytes_.data(), &header, sizeof header);
        append(&body, sizeof body);
        set_len();
    }
    Message& attribute(std::uint16_t type, ByteView value) {
        nlattr header{};
        header.nla_len = static_cast<std::uint16_t>(sizeof header + value.size());
        header.nla_type = type;
        append(&header, sizeof header);
        append(value.data(), value.size());
        set_len();
        return *this;
    }
    Message& text(std::uint16_t type, std::string_view value) {
        std::vector<std::byte> bytes{as_bytes(value).begin(), as_bytes(value).end()};
        bytes.push_back(std::byte{0});
        return attribute(type, bytes);
    }
    [[nodiscard]] ByteView view() const { return bytes_; }

  private:
    void append(const void* from, std::size_t len) {
        const auto* const first = static_cast<const std::byte*>(from);
        bytes_.insert(bytes_.end(), first, first + len);
        bytes_.resize((bytes_.size() + 3) / 4 * 4);
    }
    void set_len() {
        const auto len = static_cast<std::uint32_t>(bytes_.size());
        std::memcpy(bytes_.data(), &len, sizeof len);
    }
    std::vector<std::byte> bytes_;
};

constexpr Mac kMac{{std::byte{0x02}, std::byte{0x00}, std::byte{0x5e}, std::byte{0x00},
                    std::byte{0x53}, std::byte{0x01}}};

[[nodiscard]] Message link_message(int ifindex, unsigned flags) {
    ifinfomsg body{};
    body.ifi_index = ifindex;
    body.ifi_flags = flags;
    return Message{RTM_NEWLINK, body};
}

[[nodiscard]] Message address_message(std::uint8_t family, std::uint8_t prefix_len) {
    ifaddrmsg body{};
    body.ifa_family = family;
    body.ifa_prefixlen = prefix_len;
    body.ifa_index = 7;
    return Message{RTM_NEWADDR, body};
}

[[nodiscard]] std::array<std::byte, 4> octets(Ipv4 address) {
    std::array<std::byte, 4> result{};
    address.store(result.data());
    return result;
}

TEST(ParseLink, ReadsNameMacMtuAndState) {
    Message message = link_message(7, IFF_UP);
    const std::uint32_t mtu = 9000;
    std::array<std::byte, 4> mtu_bytes{};
    std::memcpy(mtu_bytes.data(), &mtu, sizeof mtu);
    message.text(IFLA_IFNAME, "eth1").attribute(IFLA_ADDRESS, kMac.octets);
    message.attribute(IFLA_MTU, mtu_bytes);
    const auto link = parse_link(message.view());
    ASSERT_TRUE(link);
    EXPECT_EQ(link->ifindex, 7u);
    EXPECT_EQ(link->name, "eth1");
    EXPECT_EQ(link->mac, kMac);
    EXPECT_EQ(link->mtu, 9000u);
    EXPECT_TRUE(link->up);
    EXPECT_FALSE(parse_link(link_message(7, 0).text(IFLA_IFNAME, "eth1").view())->up);
}

TEST(ParseLink, TellsWhatAVlanBelongsTo) {
    const std::uint32_t lower = 7;
    std::array<std::byte, 4> lower_bytes{};
    std::memcpy(lower_bytes.data(), &lower, sizeof lower);
    const std::uint16_t id = 100;
    std::array<std::byte, 2> id_bytes{};
    std::memcpy(id_bytes.data(), &id, sizeof id);
    const auto link_of = [&](std::string_view kind) {
        const auto inside = [](const Message& message) {
            return message.view().subspan(sizeof(nlmsghdr) + sizeof(nlattr));
        };
        Message data{0, nlattr{}};
        data.attribute(IFLA_VLAN_ID, id_bytes);
        Message info{0, nlattr{}};
        info.text(IFLA_INFO_KIND, kind).attribute(IFLA_INFO_DATA, inside(data));
        return *parse_link(link_message(8, IFF_UP)
                               .text(IFLA_IFNAME, "eth1.100")
                               .attribute(IFLA_LINK, lower_bytes)
                               .attribute(IFLA_LINKINFO, inside(info))
                               .view());
    };
    EXPECT_EQ(link_of("vlan").vlan_of, 7u);
    EXPECT_EQ(link_of("vlan").vlan_id, 100);
    EXPECT_EQ(link_of("macvlan").vlan_of, 0u);
    EXPECT_EQ(link_of("macvlan").vlan_id, 0);
}

TEST(HostStateTest, FindsTheHostsInterfacesOfVlans) {
    const auto interface = [](std::uint32_t ifindex, const char* name, std::uint32_t vlan_of = 0,
                              std::uint16_t vlan_id = 0) {
        model::HostInterface made;
        made.ifindex = ifindex;
        made.name = name;
        made.vlan_of = vlan_of;
        made.vlan_id = vlan_id;
        return made;
    };
    const model::HostState host{{interface(1, "eth1"), interface(2, "eth2"),
                                 interface(3, "lan", 1, 100), interface(4, "customer", 3, 200),
                                 interface(5, "other", 2, 200)}};
    EXPECT_EQ(host.find("eth1", {})->name, "eth1");
    EXPECT_EQ(host.find("eth1", {100, 0})->name, "lan");
    EXPECT_EQ(host.find("eth1", {100, 200})->name, "customer");
    EXPECT_EQ(host.find("eth1", {200, 0}), nullptr);
    EXPECT_EQ(host.find("eth1", {200, 200}), nullptr);
    EXPECT_EQ(host.find("eth3", {100, 0}), nullptr);
}

TEST(ParseLink, LeavesTheMacZeroWithoutEthernetAddress) {
    const std::array<std::byte, 4> tunnel{std::byte{192}, std::byte{0}, std::byte{2}, std::byte{1}};
    const auto link = parse_link(
        link_message(3, 0).text(IFLA_IFNAME, "tunl0").attribute(IFLA_ADDRESS, tunnel).view());
    ASSERT_TRUE(link);
    EXPECT_TRUE(link->mac.is_zero());
}

TEST(ParseLink, RefusesWhatIsNoLink) {
    EXPECT_FALSE(parse_link({}));
    EXPECT_FALSE(parse_link(link_message(7, 0).view()));  // no name
    EXPECT_FALSE(parse_link(link_message(0, 0).text(IFLA_IFNAME, "eth1").view()));
    EXPECT_FALSE(parse_link(link_message(7, 0).text(IFLA_IFNAME, "").view()));
    EXPECT_FALSE(parse_link(link_message(7, 0).text(IFLA_IFNAME, "sixteen-letters-").view()));
    EXPECT_FALSE(parse_link(address_message(AF_INET, 24).view()));
}

TEST(ParseLink, SurvivesEveryTruncationAndEveryBadLength) {
    Message message = link_message(7, IFF_UP);
    message.text(IFLA_IFNAME, "eth1").attribute(IFLA_ADDRESS, kMac.octets);
    const ByteView whole = message.view();
    for (std::size_t len = 0; len < whole.size(); ++len) {
        const std::vector<std::byte> cut{whole.begin(), whole.begin() + static_cast<long>(len)};
        EXPECT_FALSE(parse_link(cut)) << len;  // its header claims more than there is
    }
    for (std::size_t at = 0; at < whole.size(); ++at) {
        for (const unsigned value : {0u, 1u, 3u, 0x7fu, 0xffu}) {
            std::vector<std::byte> bent{whole.begin(), whole.end()};
            bent[at] = static_cast<std::byte>(value);
            static_cast<void>(parse_link(bent));  // the sanitizers watch
        }
    }
}

TEST(ParseAddress, TakesTheLocalAddressNotThePeer) {
    Message message = address_message(AF_INET, 30);
    message.attribute(IFA_ADDRESS, octets(Ipv4{0xc0000202}));
    message.attribute(IFA_LOCAL, octets(Ipv4{0xc0000201}));
    const auto address = parse_address(message.view());
    ASSERT_TRUE(address);
    EXPECT_EQ(address->ifindex, 7u);
    EXPECT_EQ(address->prefix, (Ipv4Prefix{Ipv4{0xc0000201}, 30}));
}

TEST(ParseAddress, TakesTheAddressWhereThereIsNoLocalOne) {
    Message message = address_message(AF_INET, 24);
    message.attribute(IFA_ADDRESS, octets(Ipv4{0xc0000205}));
    EXPECT_EQ(parse_address(message.view())->prefix, (Ipv4Prefix{Ipv4{0xc0000205}, 24}));
}

TEST(ParseAddress, RefusesWhatIsNoIpv4Address) {
    const auto local = octets(Ipv4{0xc0000201});
    EXPECT_FALSE(parse_address({}));
    EXPECT_FALSE(parse_address(address_message(AF_INET, 24).view()));
    EXPECT_FALSE(parse_address(address_message(AF_INET6, 24).attribute(IFA_LOCAL, local).view()));
    EXPECT_FALSE(parse_address(address_message(AF_INET, 33).attribute(IFA_LOCAL, local).view()));
    const std::array<std::byte, 3> odd{};
    EXPECT_FALSE(parse_address(address_message(AF_INET, 24).attribute(IFA_LOCAL, odd).view()));
}

constexpr Ipv6 kLinkLocal = Ipv6::of_groups({0xfe80, 0, 0, 0, 0, 0, 0, 1});
constexpr Ipv6 kGlobal = Ipv6::of_groups({0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x53});

[[nodiscard]] Message address6_message(std::uint32_t flags) {
    std::array<std::byte, 4> bytes{};
    std::memcpy(bytes.data(), &flags, sizeof flags);
    Message message = address_message(AF_INET6, 64);
    message.attribute(IFA_ADDRESS, kGlobal.octets).attribute(IFA_FLAGS, bytes);
    return message;
}

TEST(ParseAddress6, TakesTheAddressOrTheLocalOneOfAPeer) {
    const auto plain = parse_address6(
        address_message(AF_INET6, 10).attribute(IFA_ADDRESS, kLinkLocal.octets).view());
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->ifindex, 7u);
    EXPECT_EQ(plain->prefix, (Ipv6Prefix{kLinkLocal, 10}));
    const auto with_peer = parse_address6(address_message(AF_INET6, 127)
                                              .attribute(IFA_ADDRESS, kLinkLocal.octets)
                                              .attribute(IFA_LOCAL, kGlobal.octets)
                                              .view());
    ASSERT_TRUE(with_peer);
    EXPECT_EQ(with_peer->prefix, (Ipv6Prefix{kGlobal, 127}));
}

TEST(ParseAddress6, LeavesOutWhatIsTentativeOrHasFailed) {
    RecordProperty("rfc", "4862 5.4");
    EXPECT_TRUE(parse_address6(address6_message(IFA_F_PERMANENT).view()));
    EXPECT_TRUE(parse_address6(address6_message(IFA_F_DEPRECATED).view()));
    EXPECT_TRUE(
        parse_address6(address6_message(IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE).view()));
    EXPECT_FALSE(parse_address6(address6_message(IFA_F_TENTATIVE).view()));
    EXPECT_FALSE(parse_address6(address6_message(IFA_F_OPTIMISTIC).view()));
    EXPECT_FALSE(parse_address6(address6_message(IFA_F_PERMANENT | IFA_F_DADFAILED).view()));
}

TEST(ParseAddress6, ReadsTheFlagsOfTheHeaderWhereThereAreNoOthers) {
    ifaddrmsg body{};
    body.ifa_family = AF_INET6;
    body.ifa_prefixlen = 64;
    body.ifa_index = 7;
    body.ifa_flags = IFA_F_TENTATIVE;
    EXPECT_FALSE(
        parse_address6(Message{RTM_NEWADDR, body}.attribute(IFA_ADDRESS, kGlobal.octets).view()));
    body.ifa_flags = IFA_F_PERMANENT;
    EXPECT_TRUE(
        parse_address6(Message{RTM_NEWADDR, body}.attribute(IFA_ADDRESS, kGlobal.octets).view()));
}

TEST(ParseAddress6, RefusesWhatIsNoIpv6Address) {
    EXPECT_FALSE(parse_address6({}));
    EXPECT_FALSE(parse_address6(address_message(AF_INET6, 64).view()));
    EXPECT_FALSE(parse_address6(
        address_message(AF_INET6, 129).attribute(IFA_ADDRESS, kGlobal.octets).view()));
    EXPECT_FALSE(
        parse_address6(address_message(AF_INET, 24).attribute(IFA_ADDRESS, kGlobal.octets).view()));
    EXPECT_FALSE(parse_address6(
        address_message(AF_INET6, 64).attribute(IFA_ADDRESS, octets(Ipv4{0xc0000201})).view()));
}

[[nodiscard]] Message departure_message(std::uint8_t family) {
    ifinfomsg body{};
    body.ifi_family = family;
    body.ifi_index = 7;
    return {RTM_DELLINK, body};
}

TEST(ParseLinkDeparture, TellsMovedFromDeleted) {
    EXPECT_EQ(parse_link_departure(departure_message(AF_UNSPEC).view()), (LinkDeparture{7, false}));
    const std::array<std::byte, 4> id{};
    EXPECT_EQ(
        parse_link_departure(departure_message(AF_UNSPEC).attribute(IFLA_NEW_NETNSID, id).view()),
        (LinkDeparture{7, true}));
}

TEST(ParseLinkDeparture, IsNotWhatABridgeSaysOfItsPort) {
    EXPECT_EQ(parse_link_departure(departure_message(AF_BRIDGE).view()), std::nullopt);
}

TEST(ParseLink, FindsTheXdpProgramOfTheDriver) {
    std::vector<std::byte> nested;
    for (const auto& [type, id] : {std::pair<std::uint16_t, std::uint32_t>{IFLA_XDP_SKB_PROG_ID, 3},
                                   {IFLA_XDP_DRV_PROG_ID, 9}}) {
        nlattr header{};
        header.nla_len = sizeof header + sizeof id;
        header.nla_type = type;
        const auto* const head = reinterpret_cast<const std::byte*>(&header);
        const auto* const value = reinterpret_cast<const std::byte*>(&id);
        nested.insert(nested.end(), head, head + sizeof header);
        nested.insert(nested.end(), value, value + sizeof id);
    }
    const auto interface = parse_link(
        link_message(7, IFF_UP).text(IFLA_IFNAME, "eth1").attribute(IFLA_XDP, nested).view());
    ASSERT_TRUE(interface);
    EXPECT_EQ(interface->xdp_program, 9u);
    EXPECT_FALSE(interface->carrier);
}

}  // namespace
}  // namespace xdhcpd::host
