// One engine with one shard and a small IPv6 network, driven message by message with time as an
// argument.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dhcp6/message_view.h"
#include "engine/v6/decide.h"
#include "engine/v6/request.h"
#include "lease/shard.h"
#include "lease/store.h"
#include "model/make_snapshot.h"
#include "packet/frame_view6.h"
#include "packet/port.h"
#include "support/dhcp6.h"
#include "support/frames.h"

namespace xdhcpd::testing {

inline const Mac kServerMac6 = parse_mac("00:00:5e:00:53:fe").value();
inline const Bytes kServerDuid = join({bytes({0, 3, 0, 1}), kServerMac6.bytes()});
inline const Ipv6 kServerLinkLocal = *parse_ipv6("fe80::53fe");
inline const Ipv6 kServerGlobal = *parse_ipv6("2001:db8:1::1");
inline constexpr std::uint32_t kLan = 3;
inline constexpr std::uint32_t kUplink = 4;

[[nodiscard]] inline Ipv6 link_local_of(int client) {
    return Ipv6::link_local_of(mac(client));
}

// A client's message with its identifier, and that of the server where its type must have one.
class Message6 {
  public:
    enum Type {
        kSolicit = 1,
        kRequest = 3,
        kConfirm = 4,
        kRenew = 5,
        kRebind = 6,
        kRelease = 8,
        kDecline = 9,
        kInformationRequest = 11
    };

    explicit Message6(int type, int client = 1) : type_{type} {
        option(1, duid_of(client));
        if (type == kRequest || type == kRenew || type == kRelease || type == kDecline) {
            option(2, kServerDuid);
        }
    }
    // Without anything in it.
    [[nodiscard]] static Message6 empty(int type) {
        Message6 message{type};
        message.options_.clear();
        return message;
    }

    Message6& option(int code, ByteView value = {}) { return raw(option6(code, value)); }
    Message6& option(int code, std::initializer_list<int> value) {
        return raw(option6(code, value));
    }
    Message6& raw(ByteView options) {
        append(options_, options);
        return *this;
    }
    Message6& oro(std::initializer_list<int> codes) {
        Bytes value;
        for (const int code : codes) {
            append16(value, static_cast<std::uint16_t>(code));
        }
        return option(6, value);
    }
    // Addresses that the client names, with lifetimes that nobody should look at.
    Message6& na(std::uint32_t iaid, const std::vector<std::string>& addresses = {}) {
        Bytes listed;
        for (const std::string& address : addresses) {
            append(listed, ia_address6(address, 77, 99));
        }
        return raw(ia6(3, iaid, listed, 11, 22));
    }
    // "2001:db8::/56"
    Message6& pd(std::uint32_t iaid, const std::vector<std::string>& prefixes = {}) {
        Bytes listed;
        for (const std::string& text : prefixes) {
            const auto slash = text.find('/');
            append(listed,
                   ia_prefix6(text.substr(0, slash), std::stoi(text.substr(slash + 1)), 77, 99));
        }
        return raw(ia6(25, iaid, listed, 11, 22));
    }
    Message6& xid(std::uint32_t value) {
        xid_ = value;
        return *this;
    }
    [[nodiscard]] Bytes payload() const { return message6(type_, {options_}, xid_); }

  private:
    int type_;
    std::uint32_t xid_ = 0x123456;
    Bytes options_;
};

// What one IA of a reply says.
struct ReplyLease {
    std::string what;  // "2001:db8::1" or "2001:db8::/56"
    std::uint32_t preferred = 0;
    std::uint32_t valid = 0;
    bool operator==(const ReplyLease&) const = default;
};
struct ReplyIa {
    std::uint32_t t1 = 0;
    std::uint32_t t2 = 0;
    std::vector<ReplyLease> leases;
    std::optional<int> status;
    // The only one that is not over; empty if there is none.
    [[nodiscard]] std::string lease() const {
        std::string found;
        for (const ReplyLease& each : leases) {
            if (each.valid != 0) {
                found += (found.empty() ? "" : " and ") + each.what;
            }
        }
        return found;
    }
    [[nodiscard]] std::vector<std::string> over() const {
        std::vector<std::string> found;
        for (const ReplyLease& each : leases) {
            if (each.valid == 0 && each.preferred == 0) {
                found.push_back(each.what);
            }
        }
        return found;
    }
};

struct Reply6 {
    Bytes bytes;
    FrameView6 frame;
    std::unique_ptr<dhcp6::MessageView> message;
    engine::v6::Decision decision;

    [[nodiscard]] int type() const { return static_cast<int>(message->type()); }
    [[nodiscard]] bool has(int code) const {
        return message->has(static_cast<dhcp6::OptionCode>(code));
    }
    [[nodiscard]] Bytes option(int code) const {
        const auto value = message->options().find(static_cast<dhcp6::OptionCode>(code));
        return value ? Bytes{value->begin(), value->end()} : Bytes{};
    }
    // Of the whole message; -1 for none.
    [[nodiscard]] int status() const {
        const auto value = message->options().find(dhcp6::OptionCode::kStatusCode);
        return value ? load_be16(value->data()) : -1;
    }
    [[nodiscard]] std::vector<int> order() const {
        std::vector<int> codes;
        for (const dhcp6::Option option : message->options()) {
            codes.push_back(static_cast<int>(option.code));
        }
        return codes;
    }
    // Nothing if the reply does not have the IA.
    [[nodiscard]] std::optional<ReplyIa> ia(int code, std::uint32_t iaid) const {
        std::optional<ReplyIa> found;
        message->for_each_ia([&](const dhcp6::IdentityAssociation& ia) {
            if (static_cast<int>(ia.code) != code || ia.iaid != iaid) {
                return;
            }
            XD_ASSERT(!found);  // none comes twice
            found = ReplyIa{ia.t1, ia.t2, {}, {}};
            for (const dhcp6::Option option : ia.options) {
                if (const auto address = option.code == dhcp6::OptionCode::kIaAddress
                                             ? dhcp6::read_ia_address(option.value)
                                             : std::nullopt) {
                    found->leases.push_back({to_string(address->address),
                                             address->preferred_lifetime, address->valid_lifetime});
                } else if (const auto prefix = option.code == dhcp6::OptionCode::kIaPrefix
                                                   ? dhcp6::read_ia_prefix(option.value)
                                                   : std::nullopt) {
                    found->leases.push_back({to_string(prefix->prefix), prefix->preferred_lifetime,
                                             prefix->valid_lifetime});
                } else if (option.code == dhcp6::OptionCode::kStatusCode) {
                    found->status = load_be16(option.value.data());
                }
            }
        });
        return found;
    }
    [[nodiscard]] ReplyIa na(std::uint32_t iaid) const { return ia(3, iaid).value(); }
    [[nodiscard]] ReplyIa pd(std::uint32_t iaid) const { return ia(25, iaid).value(); }
};

struct Outcome6 {
    std::optional<Reply6> reply;
    std::optional<engine::DropReason> drop;
    [[nodiscard]] std::string why() const { return drop ? drop->full_name() : "answered"; }
};

[[nodiscard]] inline model::OptionValue6 option_value6(int code, Bytes value, bool always = false) {
    return {static_cast<dhcp6::OptionCode>(code), std::move(value), always};
}

// 2001:db8:1::/64 on eth1 with sixteen addresses, and sixteen prefixes of 56 bits.
[[nodiscard]] inline model::Configuration small_configuration6() {
    model::Configuration configuration;
    for (const char* const name : {"eth1", "eth2"}) {
        model::InterfaceConfiguration& interface = configuration.interfaces.emplace_back();
        interface.name = name;
    }
    configuration.dhcp6.server_duid = kServerDuid;
    model::Subnet6Configuration& subnet = configuration.dhcp6.subnets.emplace_back();
    subnet.prefix = *parse_ipv6_prefix("2001:db8:1::/64");
    subnet.interface = "eth1";
    subnet.pools.push_back({*parse_ipv6("2001:db8:1::1000"), *parse_ipv6("2001:db8:1::100f")});
    model::PrefixPoolConfiguration& prefixes = subnet.prefix_pools.emplace_back();
    prefixes.prefix = *parse_ipv6_prefix("2001:db8:100::/52");
    prefixes.delegated_length = 56;
    return configuration;
}

// One relay of a chain: its link-address, and options of its own.
struct Relay6 {
    std::string link;
    Bytes options{};
    std::string peer = "fe80::1";
};

class Engine6 {
  public:
    explicit Engine6(const model::Configuration& configuration = small_configuration6(),
                     std::uint32_t capacity = 1024)
        : shard{store, {.capacity = capacity, .side_memory = 1 << 20, .id = 0, .now = {1000}}} {
        registry.ipv6().set_names_key({3, 4});
        add_interface(kLan, "eth1", {"fe80::53fe/64", "2001:db8:1::1/64"});
        add_interface(kUplink, "eth2", {"fe80::53fe/64", "2001:db8:ffff::1/64"});
        reload(configuration);
    }

    void reload(const model::Configuration& configuration) {
        auto result = model::make_snapshot(configuration, host, registry, {1, 2}, ++generation);
        warnings = result.warnings;
        model::apply_policy(*result.snapshot, configuration, host, registry);
        snapshots.push_back(std::move(result.snapshot));
    }

    [[nodiscard]] const model::Snapshot& snapshot() const { return *snapshots.back(); }
    [[nodiscard]] BootTime time() const { return BootTime{std::chrono::seconds{now}}; }

    Outcome6 send_frame(ByteView frame, std::uint32_t ifindex = kLan) {
        engine::v6::Request request;
        Outcome6 outcome;
        if (const auto parsed = request.parse(frame, ifindex, snapshot()); !parsed) {
            outcome.drop = parsed.error();
            return outcome;
        }
        Bytes out(tx_len, std::byte{0xcc});
        const auto decision = engine::v6::decide(request, shard, time(), journal, out);
        if (decision.drop) {
            outcome.drop = decision.drop;
            return outcome;
        }
        out.resize(decision.frame_len);
        Reply6 reply{std::move(out), {}, std::make_unique<dhcp6::MessageView>(), decision};
        reply.frame = FrameView6::parse(reply.bytes).value();
        XD_ASSERT(reply.message->parse(reply.frame.payload));
        outcome.reply = std::move(reply);
        return outcome;
    }
    // By multicast from a client on the link.
    Outcome6 send(const Message6& message, int client = 1, std::uint32_t ifindex = kLan) {
        return send_frame(frame6(direct(client), message.payload()), ifindex);
    }
    // Through relays, from the one next to the client on; the last one sends by unicast.
    Outcome6 send_relayed(const Message6& message, const std::vector<Relay6>& relays) {
        FrameSpec6 spec;
        spec.source_mac = mac(0xee);
        spec.destination_mac = kServerMac6;
        spec.source = *parse_ipv6("2001:db8:ffff::99");
        spec.destination = *parse_ipv6("2001:db8:ffff::1");
        spec.source_port = 547;
        return send_frame(frame6(spec, relayed(message, relays)), kUplink);
    }
    [[nodiscard]] static Bytes relayed(const Message6& message, const std::vector<Relay6>& relays) {
        Bytes payload = message.payload();
        int hops = 0;
        for (const Relay6& relay : relays) {
            payload = relay6(12, hops++, relay.link, relay.peer, relay.options, payload);
        }
        return payload;
    }
    [[nodiscard]] static FrameSpec6 direct(int client) {
        FrameSpec6 spec;
        spec.source_mac = mac(client);
        spec.source = link_local_of(client);
        return spec;
    }

    // SOLICIT and REQUEST of one address; what was granted.
    std::string get_address(int client, std::uint32_t iaid = 1) {
        const Outcome6 offer = send(Message6{Message6::kSolicit, client}.na(iaid), client);
        if (!offer.reply) {
            return "no advertise: " + offer.why();
        }
        return request(client, iaid, offer.reply->na(iaid).lease());
    }
    std::string request(int client, std::uint32_t iaid, const std::string& address) {
        const Outcome6 reply =
            send(Message6{Message6::kRequest, client}.xid(fresh()).na(iaid, {address}), client);
        return reply.reply ? reply.reply->na(iaid).lease() : "no reply: " + reply.why();
    }
    std::string get_prefix(int client, std::uint32_t iaid = 1) {
        const Outcome6 reply =
            send(Message6{Message6::kRequest, client}.xid(fresh()).pd(iaid), client);
        return reply.reply ? reply.reply->pd(iaid).lease() : "no reply: " + reply.why();
    }
    // A transaction that no message had yet.
    std::uint32_t fresh() { return ++transaction; }

    void pass(std::uint32_t seconds) {
        now += seconds;
        while (shard.expire({now}, 64, [](lease::Unit, lease::LeaseState) {}) == 64) {
        }
    }
    [[nodiscard]] std::uint64_t held(lease::HeldCount which) const {
        std::uint64_t sum = 0;
        for (std::uint32_t id = 0; id < store.space_limit(); ++id) {
            sum += store.space({static_cast<std::uint16_t>(id)}).held_total(which);
        }
        return sum;
    }
    // The record of the unit with this name.
    [[nodiscard]] std::optional<lease::Unit> find(const std::string& what) const {
        const bool is_prefix = what.find('/') != std::string::npos;
        return registry.ipv6().find_unit(
            is_prefix ? lease::SpaceKind::kIpv6Prefix : lease::SpaceKind::kIpv6Address,
            is_prefix ? *parse_ipv6_prefix(what) : Ipv6Prefix{*parse_ipv6(what), 128});
    }
    [[nodiscard]] const lease::Record& record(const std::string& what) const {
        return shard.record(find(what).value());
    }

    std::uint32_t now = 1000;
    std::uint32_t transaction = 0x100000;
    engine::Journal journal = engine::Journal::kOff;
    std::size_t tx_len = kMinTxFrameLen;
    lease::Store store{1};
    model::SpaceRegistry registry{store};
    lease::Shard shard;
    model::HostState host;
    std::uint32_t generation = 0;
    std::vector<std::unique_ptr<model::Snapshot>> snapshots;
    std::vector<std::string> warnings;

  private:
    void add_interface(std::uint32_t ifindex, const std::string& name,
                       const std::vector<std::string>& addresses) {
        model::HostInterface& interface = host.interfaces.emplace_back();
        interface.ifindex = ifindex;
        interface.name = name;
        interface.mac = kServerMac6;
        interface.up = true;
        for (const std::string& address : addresses) {
            interface.addresses6.push_back(*parse_ipv6_prefix(address));
        }
    }
};

}  // namespace xdhcpd::testing
