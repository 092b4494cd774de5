#include "engine/drop_reason.h"

namespace xdhcpd::engine {
namespace {

struct Explanation {
    std::string_view name;
    std::string_view text;
};

constexpr std::array<Explanation, static_cast<std::size_t>(Refusal::kCount)> kRefusals{{
    {"not-for-us", "the frame was sent to an address or port that is not this server's"},
    {"bad-source-mac", "the frame's source MAC is a group address, zero, or this server's own"},
    {"unserved-vlan", "the frame carries a VLAN tag that this server does not serve"},
    {"not-request", "the message is a BOOTREPLY: servers do not answer those"},
    {"too-many-hops", "the message has passed more than 16 relays"},
    {"unexpected-type", "the message type is not one that a client sends to this server"},
    {"bootp-not-served",
     "plain BOOTP without option 53, and bootp is off or nothing is reserved for it"},
    {"no-client-identity",
     "the client sent neither a usable hardware address nor a client identifier"},
    {"bad-client-identity", "the client identifier is longer than 255 bytes"},
    {"bad-client-address", "ciaddr is an address that no client can have"},
    {"bad-relay-address", "giaddr is an address that no relay can have"},
    {"no-subnet", "no configured subnet serves the link that the client is on"},
    {"relay-not-allowed", "the relay (giaddr) is not in the subnet's list of relays"},
    {"no-server-address", "this server has no address to put into the server identifier"},
    {"other-server", "the client chose another server"},
    {"incomplete-request", "a field or option that this message needs is missing"},
    {"unknown-client", "the client asked to confirm an address that this server has no record of"},
    {"not-authoritative",
     "the address is wrong, but the subnet is configured as not authoritative"},
    {"no-free-address", "every address of the client's link is taken"},
    {"offer-limit", "the client's relay or port holds as many open offers as it may"},
    {"client-table-full", "the server knows as many clients as max-leases allows"},
    {"not-owner", "the client released or declined an address that it does not hold"},
    {"released", "the lease was released; a release has no answer"},
    {"declined", "the address is in quarantine now; a decline has no answer"},
    {"reply-too-long", "the reply does not fit the frame"},
}};

constexpr std::array<Explanation, static_cast<std::size_t>(Shed::kCount)> kSheds{{
    {"no-tx-frame", "no frame was free to write a reply into: the server is overloaded"},
    {"stale",
     "the message or its finished reply waited too long, or the lease has changed meanwhile"},
    {"shed-discover", "the server is overloaded: clients that have no offer yet wait first"},
    {"shed-request", "the server is overloaded: only clients that have a lease are answered"},
    {"rate-limit-client", "the client sends more than rate-limit per-client allows"},
    {"rate-limit-relay", "the client's relay or port sends more than rate-limit per-relay allows"},
    {"rate-limit-link", "more comes over the client's link than rate-limit per-link allows"},
    {"not-stored", "the server ended before the lease was on stable storage"},
    {"journal-backlog",
     "the lease must be on stable storage before its answer, and the disk does not keep up"},
    {"port-gone", "the interface went away while the lease was being written to stable storage"},
    {"hand-over-full",
     "another worker knows the client, and does not keep up with what is handed over to it"},
    {"hand-over-moved",
     "the configuration changed while the message was on its way to the worker that knows the "
     "client"},
    {"not-sent",
     "the kernel refused to send the reply: it has no route to the client or relay, or no room for "
     "another neighbour (gc_thresh3 of net.ipv4.neigh.default or net.ipv6.neigh.default)"},
}};

constexpr std::array<Explanation, static_cast<std::size_t>(Refusal6::kCount)> kRefusals6{{
    {"not-for-us", "the frame was sent to an address or port that is not this server's"},
    {"bad-source-mac", "the frame's source MAC is a group address, zero, or this server's own"},
    {"unserved-vlan", "the frame carries a VLAN tag that this server does not serve"},
    {"bad-source", "the source is an address that no client or relay can have"},
    {"not-served", "DHCPv6 is not configured"},
    {"no-subnet", "no configured subnet serves the link that the client is on"},
    {"relay-not-allowed", "the relay's link-address is not in the subnet's list of relays"},
    {"identity-too-long", "the identifier that names the client is longer than 255 bytes"},
    {"nothing-to-confirm", "the client asked to confirm addresses and named none"},
    {"unknown-binding", "the client rebinds what this server has not given to it"},
    {"not-all-routers", "a router solicitation on a link where this server is no router"},
    {"not-our-target",
     "a neighbor solicitation for an address that this server does not answer for"},
    {"reply-too-long", "the reply does not fit the frame"},
    {"offer-limit", "the client's relay or port holds as many open offers as it may"},
    {"scheduled", "the router solicitation is answered by an advertisement that is due soon"},
    {"no-source-address", "the interface has no link-local address to answer from"},
}};

// By dhcp6::Refusal.
constexpr std::array<std::string_view, static_cast<std::size_t>(dhcp6::Refusal::kCount)>
    kRefusalTexts6{
        "the message is not one that a client or relay sends to a server",
        "the message was sent to a unicast address, which only relays may do",
        "the message has no client identifier",
        "the message has no server identifier",
        "the message must not have a server identifier",
        "the client chose another server",
        "an information request must not have an identity association",
    };

constexpr std::array<std::string_view, static_cast<std::size_t>(Stage::kCount)> kStageNames{
    "frame", "message", "engine", "worker", "frame6", "message6", "dhcp6", "nd", "engine6"};

}  // namespace

std::string_view name(Refusal6 refusal) noexcept {
    return kRefusals6[static_cast<std::size_t>(refusal)].name;
}

std::string_view name(Refusal refusal) noexcept {
    return kRefusals[static_cast<std::size_t>(refusal)].name;
}

std::string_view name(Shed shed) noexcept {
    return kSheds[static_cast<std::size_t>(shed)].name;
}

std::string_view name(Stage stage) noexcept {
    return kStageNames[static_cast<std::size_t>(stage)];
}

DropReason DropReason::from_index(std::size_t index) noexcept {
    XD_ASSERT(index < kCount);
    for (std::size_t stage = kStageStart.size(); stage-- > 0;) {
        if (index >= kStageStart[stage]) {
            return DropReason{static_cast<Stage>(stage),
                              static_cast<std::uint8_t>(index - kStageStart[stage])};
        }
    }
    return DropReason{Stage::kFrame, std::uint8_t{0}};
}

std::string_view DropReason::name() const noexcept {
    switch (stage_) {
        case Stage::kFrame:
            return xdhcpd::name(static_cast<FrameError>(code_));
        case Stage::kMessage:
            return dhcp4::name(static_cast<dhcp4::ParseError>(code_));
        case Stage::kEngine:
            return kRefusals[code_].name;
        case Stage::kWorker:
            return kSheds[code_].name;
        case Stage::kFrame6:
            return xdhcpd::name(static_cast<FrameError6>(code_));
        case Stage::kMessage6:
            return dhcp6::name(static_cast<dhcp6::ParseError>(code_));
        case Stage::kDhcp6:
            return dhcp6::name(static_cast<dhcp6::Refusal>(code_));
        case Stage::kNd:
            return nd::name(static_cast<nd::ParseError>(code_));
        case Stage::kEngine6:
            return kRefusals6[code_].name;
        case Stage::kCount:
            break;
    }
    return "unknown";
}

std::string DropReason::full_name() const {
    return std::string{engine::name(stage_)} + "." + std::string{name()};
}

std::string_view DropReason::text() const noexcept {
    switch (stage_) {
        case Stage::kFrame:
            return "the frame is not a well-formed UDP datagram over IPv4";
        case Stage::kMessage:
            return "the message is not well-formed DHCPv4";
        case Stage::kEngine:
            return kRefusals[code_].text;
        case Stage::kWorker:
            return kSheds[code_].text;
        case Stage::kFrame6:
            return "the frame is not a well-formed UDP datagram or ICMPv6 message over IPv6";
        case Stage::kMessage6:
            return "the message is not well-formed DHCPv6";
        case Stage::kDhcp6:
            return kRefusalTexts6[code_];
        case Stage::kNd:
            return "the message breaks a rule of Neighbor Discovery (RFC 4861)";
        case Stage::kEngine6:
            return kRefusals6[code_].text;
        case Stage::kCount:
            break;
    }
    return "unknown";
}

}  // namespace xdhcpd::engine
