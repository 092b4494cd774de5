// One engine with one shard and a small network, driven message by message with time as an
// argument.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dhcp4/message_view.h"
#include "engine/decide.h"
#include "engine/request.h"
#include "lease/shard.h"
#include "lease/store.h"
#include "model/make_snapshot.h"
#include "packet/frame_view.h"
#include "packet/port.h"
#include "support/frames.h"

namespace xdhcpd::testing {

inline constexpr std::uint32_t kEth1 = 3;
inline constexpr std::uint32_t kEth2 = 4;
inline const Mac kServerMac = parse_mac("00:00:5e:00:53:fe").value();

// A reply as the client sees it; the frame is kept for the view.
struct Reply {
    Bytes bytes;
    FrameView frame;
    std::unique_ptr<dhcp4::MessageView> message;
    engine::Decision decision;

    [[nodiscard]] ByteView option(int code) const {
        return message->option(static_cast<dhcp4::OptionCode>(code));
    }
    [[nodiscard]] bool has(int code) const {
        return message->has(static_cast<dhcp4::OptionCode>(code));
    }
    [[nodiscard]] std::uint32_t u32(int code) const { return load_be32(option(code).data()); }
    [[nodiscard]] std::string yiaddr() const { return to_string(message->yiaddr()); }
    [[nodiscard]] dhcp4::MessageType type() const { return message->type(); }
    // Option codes in the order on the wire, END not included; only meaningful without overload.
    [[nodiscard]] std::vector<int> order() const {
        std::vector<int> codes;
        const ByteView payload = frame.payload;
        for (std::size_t at = 240; at < payload.size() && payload[at] != std::byte{255};) {
            codes.push_back(std::to_integer<int>(payload[at]));
            at +=
                payload[at] == std::byte{0} ? 1 : 2 + std::to_integer<std::size_t>(payload[at + 1]);
        }
        return codes;
    }
};

// What came of one message: a reply or a reason.
struct Outcome {
    std::optional<Reply> reply;
    std::optional<engine::DropReason> drop;
};

[[nodiscard]] inline model::Configuration small_configuration() {
    model::Configuration configuration;
    configuration.interfaces.push_back(
        {.name = "eth1", .driver = {}, .queues = {}, .zero_copy = {}});
    configuration.interfaces.push_back(
        {.name = "eth2", .driver = {}, .queues = {}, .zero_copy = {}});
    model::SubnetConfiguration subnet;
    subnet.prefix = parse_ipv4_prefix("192.0.2.0/24").value();
    subnet.interface = "eth1";
    subnet.pools.push_back({ip("192.0.2.10"), ip("192.0.2.19")});
    configuration.dhcp4.subnets.push_back(subnet);
    return configuration;
}

[[nodiscard]] inline model::OptionValue option_value(int code, Bytes value, bool always = false) {
    return {static_cast<dhcp4::OptionCode>(code), std::move(value), always};
}

class Engine {
  public:
    explicit Engine(const model::Configuration& configuration = small_configuration(),
                    std::uint32_t capacity = 1024)
        : shard{store, {.capacity = capacity, .side_memory = 1 << 20, .id = 0, .now = {1000}}} {
        host.interfaces.push_back(
            {1, "lo", {}, 65536, true, {parse_ipv4_prefix("127.0.0.1/8").value()}});
        host.interfaces.push_back(
            {kEth1, "eth1", kServerMac, 1500, true, {parse_ipv4_prefix("192.0.2.1/24").value()}});
        host.interfaces.push_back({kEth2,
                                   "eth2",
                                   kServerMac,
                                   1500,
                                   true,
                                   {parse_ipv4_prefix("198.51.100.1/24").value()}});
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

    Outcome send_frame(ByteView frame, std::uint32_t ifindex = kEth1) {
        engine::Request request;
        Outcome outcome;
        if (const auto parsed = request.parse(frame, ifindex, snapshot()); !parsed) {
            outcome.drop = parsed.error();
            return outcome;
        }
        Bytes out(tx_len, std::byte{0xcc});
        const engine::Decision decision =
            engine::decide(request, shard, reply_cache, time(), journal, out);
        if (decision.drop) {
            outcome.drop = decision.drop;
            return outcome;
        }
        out.resize(decision.frame_len);
        Reply reply{std::move(out), {}, std::make_unique<dhcp4::MessageView>(), decision};
        reply.frame = FrameView::parse(reply.bytes).value();
        XD_ASSERT(reply.message->parse(reply.frame.payload));
        outcome.reply = std::move(reply);
        return outcome;
    }
    Outcome send(const Message& message, const FrameSpec& spec = {},
                 std::uint32_t ifindex = kEth1) {
        return send_frame(udp_frame(spec, message.payload()), ifindex);
    }
    // Frames of a relay come with the relay's addresses.
    Outcome send_relayed(const Message& message, std::string_view relay,
                         std::uint32_t ifindex = kEth2) {
        FrameSpec spec;
        spec.destination_mac = kServerMac;
        spec.source_mac = mac(0xee);
        spec.source = ip(relay);
        spec.destination = ip("198.51.100.1");
        spec.source_port = 67;
        return send(message, spec, ifindex);
    }
    // A client that has its address sends to the server's.
    Outcome send_unicast(const Message& message, std::string_view source) {
        FrameSpec spec;
        spec.destination_mac = kServerMac;
        spec.source = ip(source);
        spec.destination = ip("192.0.2.1");
        return send(message, spec);
    }

    // DISCOVER and REQUEST; the address that was granted.
    std::string get_lease(int client, std::string_view requested = {}) {
        Message discover{1, client};
        if (!requested.empty()) {
            discover.option_address(50, requested);
        }
        const Outcome offer = send(discover);
        if (!offer.reply) {
            return "no offer: " + offer.drop->full_name();
        }
        Message request{3, client};
        request.option_address(50, offer.reply->yiaddr()).option_address(54, "192.0.2.1");
        const Outcome ack = send(request);
        if (!ack.reply) {
            return "no ack: " + ack.drop->full_name();
        }
        return ack.reply->type() == dhcp4::MessageType::kAck ? ack.reply->yiaddr() : "nak";
    }
    // Lets time pass until `seconds` later.
    void pass(std::uint32_t seconds) {
        now += seconds;
        while (shard.expire({now}, 64, [](lease::Unit, lease::LeaseState) {}) == 64) {
        }
    }
    [[nodiscard]] std::uint64_t held(lease::HeldCount which) const {
        std::uint64_t sum = 0;
        for (const model::Subnet& subnet : snapshot().subnets) {
            sum += store.space(subnet.space).held_total(which);
        }
        return sum;
    }

    std::uint32_t now = 1000;
    engine::Journal journal = engine::Journal::kOff;
    std::size_t tx_len = kMinTxFrameLen;
    lease::Store store{1};
    model::SpaceRegistry registry{store};
    lease::Shard shard;
    engine::ReplyCache reply_cache;
    model::HostState host;
    std::uint32_t generation = 0;
    std::vector<std::unique_ptr<model::Snapshot>> snapshots;
    std::vector<std::string> warnings;
};

}  // namespace xdhcpd::testing
