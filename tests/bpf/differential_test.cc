// Holds three readers of the same frames against each other: the XDP program (attached as the
// daemon attaches it, its maps filled from a snapshot, run by bpf_prog_test_run), the packet driver
// (behind a real veth pair), and the engine. What XDP takes must be a request of a served link, or
// be refused for a reason that only userspace can know; what the packet driver would answer must be
// taken by XDP, or be left to the kernel lane for a documented reason.
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "daemon/drivers.h"
#include "engine/drop_reason.h"
#include "engine/request.h"
#include "io/packet/packet_port.h"
#include "lab.h"
#include "packet/headers.h"
#include "support/engine_harness.h"
#include "support/frames.h"
#include "support/test_run.h"

namespace xdhcpd {
namespace {

using engine::DropReason;
using engine::Refusal;
using testing::Bytes;

constexpr int kFrameCount = 32000;
constexpr std::size_t kBatchLen = 32;  // frames on the wire between two fences
constexpr std::uint64_t kDefaultSeed = 20240611;
constexpr std::uint32_t kMtu =
    3500;  // so that frames longer than an Ethernet MTU come in one piece

// XDP looks at headers only. What it takes may still be refused for these reasons, for which one
// has to sum the bytes up, read the message or know the leases.
const std::set<DropReason>& reasons_of_userspace() {
    static const std::set<DropReason> all = [] {
        std::set<DropReason> reasons{
            FrameError::kBadIpChecksum, FrameError::kBadUdpChecksum,
            Refusal::kBadSourceMac,  // needs no map lookup for each frame
            Refusal::kTooManyHops,      Refusal::kUnexpectedType,    Refusal::kBootpNotServed,
            Refusal::kNoClientIdentity, Refusal::kBadClientIdentity, Refusal::kBadClientAddress,
            Refusal::kBadRelayAddress,
            Refusal::kNoSubnet,  // of a relay; see is_direct()
            Refusal::kOtherServer,      Refusal::kIncompleteRequest, Refusal::kUnknownClient,
            Refusal::kNotOwner,         Refusal::kReleased,          Refusal::kDeclined};
        for (std::size_t i = 0; i < static_cast<std::size_t>(dhcp4::ParseError::kCount); ++i) {
            reasons.insert(static_cast<dhcp4::ParseError>(i));
        }
        return reasons;
    }();
    return all;
}

// What the packet driver reads and XDP leaves to the kernel's stack, where the lane has it: IP
// options, and Ethernet multicast (what goes to another host's address reaches nobody).
[[nodiscard]] bool is_for_the_lane(std::string_view verdict, ByteView frame) {
    return verdict == "pass_ip_options" ||
           (verdict == "pass_other_host" && Mac::load(frame.data()).is_group());
}

// A descriptor that is closed with its owner.
class OwnedFd {
  public:
    explicit OwnedFd(int fd) : fd_{fd} {}
    OwnedFd(const OwnedFd&) = delete;
    OwnedFd& operator=(const OwnedFd&) = delete;
    ~OwnedFd() { static_cast<void>(::close(fd_)); }
    [[nodiscard]] int get() const { return fd_; }

  private:
    int fd_;
};

// Makes frames that are nearly right: each field is mostly what a client would send, sometimes
// something else that occurs in networks, sometimes noise.
class FrameMaker {
  public:
    explicit FrameMaker(std::uint64_t seed) : random_{seed} {}

    [[nodiscard]] Bytes make() {
        const testing::FrameSpec spec = make_spec();
        Bytes frame = testing::udp_frame(spec, make_message());
        if (!one_in(3)) {
            mutate(frame, testing::ip_offset(spec));
        }
        if (one_in(12)) {
            frame.resize(
                std::max<std::size_t>(14, random_.below(static_cast<std::uint32_t>(frame.size()))));
        }
        return frame;
    }

  private:
    [[nodiscard]] bool one_in(std::uint32_t count) { return random_.below(count) == 0; }
    template <typename T>
    [[nodiscard]] T pick(std::initializer_list<T> values) {
        return values.begin()[random_.below(static_cast<std::uint32_t>(values.size()))];
    }

    [[nodiscard]] testing::FrameSpec make_spec() {
        testing::FrameSpec spec;
        spec.source_mac = testing::mac(static_cast<int>(random_.below(200)));
        const auto how = random_.below(4);
        if (how == 0) {  // unicast
            spec.destination_mac = lab::kServerMac;
            spec.destination = lab::kServerIp;
            spec.source = testing::ip("192.0.2.50");
        } else if (how == 1) {  // from a relay
            spec.destination_mac = lab::kServerMac;
            spec.destination = lab::kServerIp;
            spec.source = testing::ip("198.51.100.1");
            spec.source_port = 67;
        }
        if (one_in(8)) {
            Mac nearly = lab::kServerMac;
            nearly.octets[random_.below(6)] ^= std::byte{1};
            spec.destination_mac = pick({lab::kServerMac, kBroadcastMac, lab::kOtherMac, nearly,
                                         parse_mac("01:00:5e:00:00:01").value(), Mac{}});
        }
        if (one_in(8)) {
            spec.destination = pick({kBroadcastIpv4, lab::kServerIp, testing::ip("192.0.2.255"),
                                     testing::ip("127.0.0.1"), testing::ip("203.0.113.9"),
                                     testing::ip("224.0.0.1"), testing::ip("192.0.2.0"), Ipv4{}});
        }
        if (one_in(16)) {
            spec.source_mac = pick({lab::kServerMac, kBroadcastMac, Mac{}});
        }
        if (one_in(10)) {
            spec.destination_port = pick<std::uint16_t>({66, 68, 0, 17152, 547, 4011});
        }
        if (one_in(10)) {
            spec.ip_options = pick({testing::bytes({7, 3, 4, 0}), testing::bytes({148, 4, 0, 0}),
                                    testing::bytes({1, 1, 1, 0})});
        }
        if (one_in(6)) {
            spec.padding.resize(random_.below(60));
        }
        add_tags(spec);
        return spec;
    }

    void add_tags(testing::FrameSpec& spec) {
        const auto tag = [this](std::uint16_t vid) {
            const auto priority = static_cast<std::uint16_t>(random_.below(16) << 12);
            return std::pair{pick<std::uint16_t>({0x8100, 0x8100, 0x88a8}),
                             static_cast<std::uint16_t>(priority | vid)};
        };
        const auto shape = random_.below(10);
        if (shape < 5) {
            return;
        }
        if (shape < 7) {
            spec.tags = {tag(100)};
        } else if (shape < 9) {
            spec.tags = {tag(200), tag(300)};
        } else {
            for (std::uint32_t i = 1 + random_.below(3); i > 0; --i) {
                spec.tags.push_back(tag(pick<std::uint16_t>({0, 100, 101, 200, 300, 4095})));
            }
        }
    }

    [[nodiscard]] Bytes make_message() {
        const auto client = static_cast<int>(random_.below(200));
        if (!one_in(3)) {
            return testing::Message{1, client}.payload();
        }
        testing::Message message{pick({1, 1, 1, 3, 3, 8, 4, 7, 2, 0, 18, 19}), client};
        if (one_in(3)) {
            message.giaddr(pick({"198.51.100.1", "10.77.0.1", "203.0.113.77", "127.0.0.1"}));
        }
        if (one_in(4)) {
            message.ciaddr(pick({"192.0.2.50", "10.77.0.99", "192.0.2.1"}));
        }
        if (one_in(3)) {
            message.option_address(50, pick({"192.0.2.50", "10.77.0.50", "0.0.0.0"}));
        }
        if (one_in(4)) {
            message.option_address(54, pick({"192.0.2.1", "203.0.113.1"}));
        }
        if (one_in(12)) {
            message.option_address(118, "10.78.0.0");
        }
        if (one_in(12)) {
            message.op(pick({0, 2, 3, 255}));
        }
        if (one_in(20)) {
            message.hlen(pick({0, 1, 16, 17}));
        }
        if (one_in(20)) {
            message.hops(pick({1, 16, 17}));
        }
        if (one_in(6)) {  // up to and beyond what the drivers take in one frame
            for (std::uint32_t i = random_.below(10); i > 0; --i) {
                message.option(224, Bytes(250));
            }
        }
        Bytes payload = message.payload(!one_in(8));
        if (one_in(12)) {
            payload.resize(random_.below(static_cast<std::uint32_t>(payload.size())));
        }
        return payload;
    }

    // Headers mostly; then the checksums are mended or not, so that a change is not always hidden
    // behind a wrong sum.
    void mutate(Bytes& frame, std::size_t ip) {
        for (std::uint32_t i = random_.below(3); i > 0; --i) {
            const std::size_t reach = one_in(4) ? frame.size() : std::min(frame.size(), ip + 32);
            frame[random_.below(static_cast<std::uint32_t>(reach))] ^=
                std::byte{static_cast<std::uint8_t>(1U << random_.below(8))};
        }
        if (one_in(6)) {
            store_be16(&frame[ip + 6], pick<std::uint16_t>({0x2000, 0x4000, 0x0001, 0x20b9, 0x1000,
                                                            0x8000, 0x6000}));
        }
        if (one_in(6)) {
            const auto len = load_be16(&frame[ip + 2]);
            store_be16(&frame[ip + 2],
                       pick<std::uint16_t>({0, 19, 20, 28, 29, static_cast<std::uint16_t>(len - 1),
                                            static_cast<std::uint16_t>(len + 1), 0xffff}));
        }
        const std::size_t header_len = (load_u8(&frame[ip]) & 15u) * std::size_t{4};
        if (header_len < 20 || ip + header_len + 8 > frame.size()) {
            return;
        }
        const std::size_t udp = ip + header_len;
        if (one_in(6)) {
            const auto len = load_be16(&frame[udp + 4]);
            store_be16(&frame[udp + 4],
                       pick<std::uint16_t>({0, 7, 8, 9, static_cast<std::uint16_t>(len - 1),
                                            static_cast<std::uint16_t>(len + 1), 0xffff}));
        }
        if (!one_in(4)) {
            store_be16(&frame[ip + 10], 0);
            const ByteView header{&frame[ip], header_len};
            store_be16(&frame[ip + 10], static_cast<std::uint16_t>(~testing::slow_sum(header)));
        }
        if (!one_in(4)) {
            store_be16(&frame[udp + 6], 0);
        }
    }

    Random random_;
};

class DifferentialTest : public ::testing::Test {
  protected:
    // Three networks on one interface: untagged, in one VLAN, in two. Another is for relays only.
    static model::Configuration make_configuration() {
        model::Configuration configuration;
        configuration.interfaces.push_back({.name = lab::kServerInterface,
                                            .driver = model::Driver::kXdpGeneric,
                                            .queues = {},
                                            .zero_copy = {}});
        const auto add = [&](std::string_view prefix, std::string_view first, std::string_view last,
                             std::vector<model::VlanRange> vlans, bool direct = true) {
            model::SubnetConfiguration subnet;
            subnet.prefix = parse_ipv4_prefix(prefix).value();
            subnet.interface = direct ? lab::kServerInterface : "";
            subnet.pools.push_back({testing::ip(first), testing::ip(last)});
            subnet.vlans = std::move(vlans);
            configuration.dhcp4.subnets.push_back(std::move(subnet));
        };
        add("192.0.2.0/24", "192.0.2.10", "192.0.2.250", {});
        add("10.77.0.0/16", "10.77.1.0", "10.77.200.0", {{100, 100, 0, 0}});
        add("10.78.0.0/16", "10.78.1.0", "10.78.200.0", {{200, 200, 300, 300}});
        add("198.51.100.0/24", "198.51.100.10", "198.51.100.250", {}, false);
        configuration.dhcp4.max_offers_per_relay = 100000;
        configuration.dhcp4.decline_time = 1;
        return configuration;
    }

    void SetUp() override {
        if (const auto reason = lab::missing_privilege()) {
            GTEST_SKIP() << *reason;
        }
        ASSERT_EQ(lab::enter_new_network(), "");
        for (const char* const name : {lab::kServerInterface, lab::kPeerInterface}) {
            ASSERT_TRUE(lab::ip("link set " + std::string{name} + " mtu " + std::to_string(kMtu)));
        }
        ifindex_ = ::if_nametoindex(lab::kServerInterface);
        const model::Configuration configuration = make_configuration();
        engine_ = std::make_unique<testing::Engine>(configuration, 65536);
        const model::HostInterface interface {
            .ifindex = ifindex_, .name = lab::kServerInterface, .mac = lab::kServerMac, .mtu = kMtu,
            .up = true, .addresses = {
                {lab::kServerIp, 24}
            }
        };
        engine_->host.interfaces = {{.ifindex = 1,
                                     .name = "lo",
                                     .mac = {},
                                     .mtu = 65536,
                                     .up = true,
                                     .addresses = {parse_ipv4_prefix("127.0.0.1/8").value()}},
                                    interface};
        engine_->reload(configuration);

        // Generic, because a program that is bound to a device cannot be run on test frames.
        auto opened = daemon::DrivenInterface::open(configuration.interfaces.front(), {}, interface,
                                                    {.has_vlans = false});
        ASSERT_TRUE(opened) << opened.error().message;
        driven_ = std::make_unique<daemon::DrivenInterface>(std::move(*opened));
        // It cannot know that nobody here strips tags.
        static_cast<void>(driven_->update(engine_->snapshot()));
        set_links();
        program_.emplace(bpf_prog_get_fd_by_id(driven_->xdp()->facts().program_id));
        ASSERT_GE(program_->get(), 0);

        auto port = PacketPort::open({.interface_name = lab::kServerInterface});
        ASSERT_TRUE(port) << port.error().message;
        packet_ = std::move(*port);
        wire_ = std::make_unique<lab::RawSocket>(lab::kPeerInterface);
        ASSERT_TRUE(wire_->is_open());
    }

    // As DrivenInterface::update() does where it may serve VLANs.
    void set_links() {
        std::vector<XdpLink> links{{0, 0, lab::kServerMac}};
        for (const auto& vlan : engine_->snapshot().find_ingress(ifindex_)->vlans) {
            links.push_back({vlan.ids.outer, vlan.ids.inner, lab::kServerMac});
        }
        ASSERT_EQ(links.size(), 3U);
        ASSERT_TRUE(driven_->xdp()->set_links(links));
    }

    [[nodiscard]] bool redirects(ByteView frame) const {
        const lab::XdpRun run = lab::run_xdp(program_->get(), ifindex_, frame);
        EXPECT_EQ(run.error, 0);
        return run.action == XDP_REDIRECT;
    }
    // The counter that another run moves.
    [[nodiscard]] std::string_view verdict(ByteView frame) const {
        const auto before = driven_->xdp()->counters();
        static_cast<void>(redirects(frame));
        const auto after = driven_->xdp()->counters();
        for (std::size_t i = 0; i < before->size(); ++i) {
            if ((*after)[i].frames != (*before)[i].frames) {
                return (*after)[i].name;
            }
        }
        return "none";
    }

    // Sends frames while XDP lets everything pass. Which of them the packet driver delivers; it
    // delivers in order, and a fence behind them says that there is nothing more to come.
    [[nodiscard]] std::vector<bool> delivered(const std::vector<Bytes>& frames) {
        EXPECT_TRUE(driven_->xdp()->set_enabled(false));
        const Bytes fence = testing::udp_frame({}, testing::Message{1, 999}.payload());
        for (const Bytes& frame : frames) {
            EXPECT_TRUE(wire_->send(frame)) << frame.size() << " bytes";
        }
        EXPECT_TRUE(wire_->send(fence));
        std::vector<bool> result(frames.size());
        std::size_t next = 0;
        bool fenced = false;
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{2};
        while (!fenced && std::chrono::steady_clock::now() < deadline) {
            std::array<RxFrame, kBatchLen> batch;
            const auto received = std::span{batch}.first(packet_->receive(batch));
            for (const RxFrame& frame : received) {
                if (equal_bytes(frame.bytes, fence)) {
                    fenced = true;
                    continue;
                }
                while (next < frames.size() && !is_delivery_of(frame.bytes, frames[next])) {
                    ++next;
                }
                EXPECT_LT(next, frames.size())
                    << "the packet driver delivered a frame that nobody sent: " << hex(frame.bytes);
                if (next < frames.size()) {
                    result[next++] = true;
                }
            }
            packet_->release(received);
            if (received.empty()) {
                std::this_thread::yield();
            }
        }
        EXPECT_TRUE(fenced);
        EXPECT_TRUE(driven_->xdp()->set_enabled(true));
        return result;
    }

    // The driver cuts what is longer than its buffers; a datagram that it takes is not.
    [[nodiscard]] static bool is_delivery_of(ByteView delivered, ByteView sent) {
        constexpr std::size_t kBufferLen = 2048;
        return equal_bytes(delivered, sent) ||
               (delivered.size() >= kBufferLen && delivered.size() < sent.size() &&
                equal_bytes(delivered, sent.first(delivered.size())));
    }

    // What the engine makes of it; nothing: a reply.
    [[nodiscard]] std::optional<DropReason> refusal(ByteView frame) {
        const testing::Outcome outcome = engine_->send_frame(frame, ifindex_);
        engine_->pass(1);
        return outcome.reply ? std::nullopt : outcome.drop;
    }

    // Neither a relay nor an option names the subnet: the link does.
    [[nodiscard]] bool is_direct(ByteView frame) const {
        engine::Request request;
        static_cast<void>(request.parse(frame, ifindex_, engine_->snapshot()));
        const dhcp4::MessageView& message = request.message();
        return message.giaddr().is_zero() && !message.subnet_selection() &&
               message.relay_agent_information().empty();
    }

    // A frame that XDP took, so without IP options, but longer than the packet driver's buffers, so
    // that its lane has it. Whatever the checksums are.
    [[nodiscard]] static bool is_long(ByteView frame) {
        std::size_t at = kEthernetLen;
        while (load_be16(&frame[at - 2]) != kEtherTypeIpv4) {
            at += VlanTags::kTagLen;
        }
        return load_be16(&frame[at + kIpv4MinLen + 4]) > kUdpLen + PacketPort::kMaxPayloadLen;
    }

    static std::string hex(ByteView bytes) {
        constexpr std::string_view kDigits = "0123456789abcdef";
        std::string text;
        for (const std::byte byte : bytes.first(std::min<std::size_t>(bytes.size(), 96))) {
            text += kDigits[std::to_integer<unsigned>(byte) >> 4];
            text += kDigits[std::to_integer<unsigned>(byte) & 15];
        }
        return text;
    }

    std::uint32_t ifindex_ = 0;
    std::unique_ptr<testing::Engine> engine_;
    std::unique_ptr<daemon::DrivenInterface> driven_;
    std::optional<OwnedFd> program_;
    std::unique_ptr<PacketPort> packet_;
    std::unique_ptr<lab::RawSocket> wire_;
};

TEST_F(DifferentialTest, XdpThePacketDriverAndTheEngineAgree) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    const char* const given = std::getenv("XDHCPD_SEED");
    const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 0) : kDefaultSeed;
    std::cout << "seed " << seed << " (XDHCPD_SEED chooses another)\n";
    FrameMaker maker{seed};
    int taken = 0, answered = 0, left_to_lane = 0, explained = 0;
    for (int round = 0; round < kFrameCount / static_cast<int>(kBatchLen); ++round) {
        std::vector<Bytes> frames(kBatchLen);
        std::generate(frames.begin(), frames.end(), [&] { return maker.make(); });
        const std::vector<bool> by_packet = delivered(frames);
        for (std::size_t i = 0; i < frames.size(); ++i) {
            const Bytes& frame = frames[i];
            const std::optional<DropReason> refused = refusal(frame);
            const std::string what = hex(frame);
            if (redirects(frame)) {
                ++taken;
                EXPECT_TRUE(by_packet[i] || is_long(frame))
                    << "taken by XDP, not by the packet driver: " << what;
                if (refused) {
                    ++explained;
                    EXPECT_TRUE(reasons_of_userspace().contains(*refused))
                        << "taken by XDP and refused as " << refused->full_name() << ": " << what;
                    EXPECT_FALSE(*refused == DropReason{Refusal::kNoSubnet} && is_direct(frame))
                        << "taken by XDP from a link that nobody serves: " << what;
                }
            } else if (by_packet[i] && !refused) {
                ++left_to_lane;
                EXPECT_TRUE(is_for_the_lane(verdict(frame), frame))
                    << "answered by the packet driver, " << verdict(frame) << " by XDP: " << what;
            }
            answered += by_packet[i] && !refused ? 1 : 0;
        }
        ASSERT_FALSE(HasFailure()) << "seed " << seed << ", round " << round;
    }
    std::cout << kFrameCount << " frames: " << taken << " taken by XDP, of them " << explained
              << " refused for a reason of userspace; " << answered
              << " answered under the packet driver, of them " << left_to_lane
              << " left to the lane by XDP\n";
    // Otherwise the frames prove nothing.
    EXPECT_GT(taken, kFrameCount / 10);
    EXPECT_GT(explained, kFrameCount / 100);
    EXPECT_GT(answered, kFrameCount / 20);
    EXPECT_GT(left_to_lane, kFrameCount / 1000);
}

}  // namespace
}  // namespace xdhcpd
