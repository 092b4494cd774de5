#include "host/netlink_messages.h"

#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstddef>

namespace xdhcpd::host {
namespace {

// IFF_LOWER_UP of <linux/if.h>, which <net/if.h> and with it some builds hide.
constexpr unsigned kLowerUp = 1U << 16;

// The attributes of a message; walks no further than the message's own bytes. Lengths are in host
// order and alignment is not relied upon: bytes of a test or a file are as welcome as those of the
// kernel.
class Attributes {
  public:
    Attributes(ByteView message, std::size_t body_len) {
        const std::size_t start = MNL_NLMSG_HDRLEN + MNL_ALIGN(body_len);
        if (message.size() > start) {
            rest_ = message.subspan(start);
        }
    }
    // The attributes nested in another one.
    explicit Attributes(ByteView nested) : rest_{nested} {}

    struct Attribute {
        std::uint16_t type;
        ByteView value;
    };
    [[nodiscard]] std::optional<Attribute> next() noexcept {
        nlattr header{};
        if (rest_.size() < sizeof header) {
            return std::nullopt;
        }
        std::memcpy(&header, rest_.data(), sizeof header);
        if (header.nla_len < sizeof header || header.nla_len > rest_.size()) {
            return std::nullopt;
        }
        const ByteView value = rest_.subspan(sizeof header, header.nla_len - sizeof header);
        const std::size_t step = MNL_ALIGN(std::size_t{header.nla_len});
        rest_ = step < rest_.size() ? rest_.subspan(step) : ByteView{};
        return Attribute{static_cast<std::uint16_t>(header.nla_type & NLA_TYPE_MASK), value};
    }

  private:
    ByteView rest_;
};

// The message as its header claims it, if that is of the type, and its fixed part.
template <typename Body>
[[nodiscard]] std::optional<ByteView> read_body(ByteView message, std::uint16_t type, Body& body) {
    nlmsghdr header{};
    if (message.size() < sizeof header) {
        return std::nullopt;
    }
    std::memcpy(&header, message.data(), sizeof header);
    if (header.nlmsg_type != type || header.nlmsg_len > message.size() ||
        header.nlmsg_len < MNL_NLMSG_HDRLEN + sizeof body) {
        return std::nullopt;
    }
    std::memcpy(&body, message.data() + MNL_NLMSG_HDRLEN, sizeof body);
    return message.first(header.nlmsg_len);
}

// The program of an IFLA_XDP attribute: that of the driver first, for it is the one that counts.
[[nodiscard]] std::uint32_t find_xdp_program(ByteView nested) noexcept {
    std::uint32_t found = 0;
    Attributes attributes{nested};
    while (const auto attribute = attributes.next()) {
        const bool is_native = attribute->type == IFLA_XDP_DRV_PROG_ID;
        const bool is_id = is_native || attribute->type == IFLA_XDP_SKB_PROG_ID ||
                           attribute->type == IFLA_XDP_HW_PROG_ID;
        if (is_id && attribute->value.size() == sizeof found && (found == 0 || is_native)) {
            std::memcpy(&found, attribute->value.data(), sizeof found);
        }
    }
    return found;
}

// Value of a 16-bit attribute inside `nested`; 0 without it.
[[nodiscard]] std::uint16_t find_u16(ByteView nested, std::uint16_t type) noexcept {
    std::uint16_t found = 0;
    Attributes attributes{nested};
    while (const auto attribute = attributes.next()) {
        if (attribute->type == type && attribute->value.size() == sizeof found) {
            std::memcpy(&found, attribute->value.data(), sizeof found);
        }
    }
    return found;
}

// The VLAN identifier if an IFLA_LINKINFO attribute is of a VLAN sub-interface (0 if it does not
// say).
[[nodiscard]] std::optional<std::uint16_t> find_vlan_id(ByteView nested) noexcept {
    bool is_vlan = false;
    ByteView data;
    Attributes attributes{nested};
    while (const auto attribute = attributes.next()) {
        if (attribute->type == IFLA_INFO_KIND) {
            const std::string_view text = as_text(attribute->value);
            is_vlan = text.substr(0, text.find('\0')) == "vlan";
        } else if (attribute->type == IFLA_INFO_DATA) {
            data = attribute->value;
        }
    }
    return is_vlan ? std::optional{find_u16(data, IFLA_VLAN_ID)} : std::nullopt;
}

}  // namespace

std::optional<model::HostInterface> parse_link(ByteView message) {
    ifinfomsg body{};
    const auto whole = read_body(message, RTM_NEWLINK, body);
    if (!whole || body.ifi_index <= 0) {
        return std::nullopt;
    }
    model::HostInterface interface;
    interface.ifindex = static_cast<std::uint32_t>(body.ifi_index);
    interface.up = (body.ifi_flags & IFF_UP) != 0;
    interface.carrier = interface.up && (body.ifi_flags & kLowerUp) != 0;
    std::uint32_t lower = 0;
    std::optional<std::uint16_t> vlan_id;
    Attributes attributes{*whole, sizeof body};
    while (const auto attribute = attributes.next()) {
        const ByteView value = attribute->value;
        if (attribute->type == IFLA_LINK && value.size() == sizeof lower) {
            std::memcpy(&lower, value.data(), sizeof lower);
        } else if (attribute->type == IFLA_LINKINFO) {
            vlan_id = find_vlan_id(value);
        } else if (attribute->type == IFLA_IFNAME) {
            const std::string_view text = as_text(value);
            interface.name = text.substr(0, text.find('\0'));
        } else if (attribute->type == IFLA_ADDRESS && value.size() == Mac::kLen) {
            interface.mac = Mac::load(value.data());
        } else if (attribute->type == IFLA_MTU && value.size() == sizeof interface.mtu) {
            std::memcpy(&interface.mtu, value.data(), sizeof interface.mtu);
        } else if (attribute->type == IFLA_XDP) {
            interface.xdp_program = find_xdp_program(value);
        }
    }
    if (interface.name.empty() || interface.name.size() >= IFNAMSIZ) {
        return std::nullopt;
    }
    if (vlan_id) {
        interface.vlan_of = lower;
        interface.vlan_id = *vlan_id;
    }
    return interface;
}

std::optional<LinkDeparture> parse_link_departure(ByteView message) {
    ifinfomsg body{};
    const auto whole = read_body(message, RTM_DELLINK, body);
    if (!whole || body.ifi_index <= 0 || body.ifi_family != AF_UNSPEC) {
        return std::nullopt;
    }
    LinkDeparture departure;
    departure.ifindex = static_cast<std::uint32_t>(body.ifi_index);
    Attributes attributes{*whole, sizeof body};
    while (const auto attribute = attributes.next()) {
        departure.moved = departure.moved || attribute->type == IFLA_NEW_NETNSID;
    }
    return departure;
}

std::optional<AddressMessage> parse_address(ByteView message) {
    ifaddrmsg body{};
    const auto whole = read_body(message, RTM_NEWADDR, body);
    constexpr std::uint8_t kMaxLength = 32;
    if (!whole || body.ifa_family != AF_INET || body.ifa_index == 0 ||
        body.ifa_prefixlen > kMaxLength) {
        return std::nullopt;
    }
    std::optional<Ipv4> local;
    std::optional<Ipv4> address;
    Attributes attributes{*whole, sizeof body};
    while (const auto attribute = attributes.next()) {
        if (attribute->value.size() != sizeof(std::uint32_t)) {
            continue;
        }
        if (attribute->type == IFA_LOCAL) {
            local = Ipv4::load(attribute->value.data());
        } else if (attribute->type == IFA_ADDRESS) {
            address = Ipv4::load(attribute->value.data());
        }
    }
    if (!local && !address) {
        return std::nullopt;
    }
    return AddressMessage{body.ifa_index, {local ? *local : *address, body.ifa_prefixlen}};
}

std::optional<Address6Message> parse_address6(ByteView message) {
    ifaddrmsg body{};
    const auto whole = read_body(message, RTM_NEWADDR, body);
    constexpr std::uint8_t kMaxLength = 128;
    if (!whole || body.ifa_family != AF_INET6 || body.ifa_index == 0 ||
        body.ifa_prefixlen > kMaxLength) {
        return std::nullopt;
    }
    std::uint32_t flags = body.ifa_flags;
    std::optional<Ipv6> local;
    std::optional<Ipv6> address;
    Attributes attributes{*whole, sizeof body};
    while (const auto attribute = attributes.next()) {
        const ByteView value = attribute->value;
        if (attribute->type == IFA_FLAGS && value.size() == sizeof flags) {
            std::memcpy(&flags, value.data(), sizeof flags);  // all of them, the byte has not room
        } else if (attribute->type == IFA_LOCAL && value.size() == Ipv6::kLen) {
            local = Ipv6::load(value.data());
        } else if (attribute->type == IFA_ADDRESS && value.size() == Ipv6::kLen) {
            address = Ipv6::load(value.data());
        }
    }
    const bool is_usable = (flags & (IFA_F_TENTATIVE | IFA_F_OPTIMISTIC | IFA_F_DADFAILED)) == 0;
    if (!is_usable || (!local && !address)) {
        return std::nullopt;
    }
    return Address6Message{body.ifa_index, {local ? *local : *address, body.ifa_prefixlen}};
}

}  // namespace xdhcpd::host
