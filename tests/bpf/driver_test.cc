// Every driver over a veth pair: what it receives, what it sends, and what it leaves to the kernel.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <poll.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "io/packet/packet_port.h"
#include "io/udp/udp_port.h"
#include "io/xsk/xdp_interface.h"
#include "lab.h"
#include "packet/frame_view.h"
#include "packet/headers.h"

namespace xdhcpd {
namespace {

using lab::Frame;
using std::chrono::milliseconds;

constexpr VlanTag kTag{.tpid = kEtherTypeVlan, .tci = 100};
constexpr VlanTag kOuter{.tpid = kEtherTypeQinq, .tci = 200};
constexpr VlanTag kInner{.tpid = kEtherTypeVlan, .tci = 300};
constexpr std::size_t kMtu = 1500;

// The longest frame that the packet socket at the far end sends: it grants room for a tag to 802.1Q
// only.
std::size_t longest_frame_len(const VlanTags& tags) {
    const bool has_room = tags.count > 0 && tags.tags[0].tpid == kEtherTypeVlan;
    return kMtu + kEthernetLen + (has_room ? VlanTags::kTagLen : 0);
}

std::vector<XdpLink> served_links() {
    return {{}, {.outer_vid = kTag.vid()}, {.outer_vid = kOuter.vid(), .inner_vid = kInner.vid()}};
}

// Waits until `port` has a frame, and copies it.
std::optional<Frame> receive_one(Port& port, milliseconds timeout = milliseconds{2000},
                                 std::chrono::nanoseconds* waited = nullptr) {
    pollfd ready{.fd = port.fd(), .events = POLLIN, .revents = 0};
    std::array<RxFrame, 1> batch;
    if (::poll(&ready, 1, static_cast<int>(timeout.count())) <= 0 || port.receive(batch) != 1) {
        return std::nullopt;
    }
    Frame copy(batch[0].bytes.begin(), batch[0].bytes.end());
    EXPECT_NE(batch[0].ifindex, 0U);
    EXPECT_GE(batch[0].waited.count(), 0);
    if (waited != nullptr) {
        *waited = batch[0].waited;
    }
    port.release(batch);
    return copy;
}

void send_frame(Port& port, const Frame& frame, std::uint32_t ifindex,
                bool unconfigured_destination = false) {
    auto lent = port.lend();
    ASSERT_TRUE(lent);
    ASSERT_GE(lent->bytes().size(), frame.size());
    copy_bytes(lent->bytes().data(), frame);
    port.submit(std::move(*lent), {.frame_len = static_cast<std::uint32_t>(frame.size()),
                                   .ifindex = ifindex,
                                   .unconfigured_destination = unconfigured_destination});
    port.flush();
}

std::uint64_t count_of(const XdpInterface& interface, std::string_view verdict) {
    const auto counters = interface.counters();
    EXPECT_TRUE(counters);
    for (const XdpVerdictCount& count : *counters) {
        if (count.name == verdict) {
            return count.frames;
        }
    }
    ADD_FAILURE() << "no verdict " << verdict;
    return 0;
}

class DriverTest : public testing::Test {
  protected:
    void SetUp() override {
        if (const auto reason = lab::missing_privilege()) {
            GTEST_SKIP() << *reason;
        }
        ASSERT_EQ(lab::enter_new_network(), "");
        peer_ = std::make_unique<lab::RawSocket>(lab::kPeerInterface);
        ASSERT_TRUE(peer_->is_open());
    }

    static Result<std::unique_ptr<XdpInterface>, Error> open_xdp(XdpMode mode) {
        auto interface = XdpInterface::open(
            {.interface_name = lab::kServerInterface, .mode = mode, .queues = {}});
        if (interface) {
            EXPECT_TRUE((*interface)->set_links(served_links()));
            EXPECT_TRUE((*interface)->set_local(std::vector{lab::kServerIp}));
        }
        return interface;
    }
    static Result<std::unique_ptr<UdpPort>, Error> open_udp(
        const std::string& interface_name = lab::kServerInterface) {
        return UdpPort::open({.interface_name = interface_name});
    }

    // `port` receives requests and sends replies as they are, with no, one and two tags and at the
    // longest.
    void exchange_frames(Port& port, std::uint32_t ifindex) {
        for (const VlanTags& tags : {VlanTags{}, lab::tags(kTag), lab::tags(kOuter, kInner)}) {
            const std::size_t longest = longest_frame_len(tags) - udp4_payload_offset(tags.count);
            for (const std::size_t len : {std::size_t{240}, std::size_t{300}, longest}) {
                SCOPED_TRACE(std::to_string(tags.count) + " tags, " + std::to_string(len));
                auto headers = lab::broadcast_request();
                headers.tags = tags;
                const Frame request = lab::frame(headers, lab::kBootRequest, len);
                ASSERT_TRUE(peer_->send(request));
                const auto received = receive_one(port);
                ASSERT_TRUE(received);
                EXPECT_EQ(*received, request);

                headers = lab::unicast_reply();
                headers.tags = tags;
                const Frame reply = lab::frame(headers, lab::kBootReply, len);
                send_frame(port, reply, ifindex);
                const auto answered = peer_->receive_reply();
                ASSERT_TRUE(answered);
                EXPECT_EQ(*answered, reply);
            }
        }
    }
    // Nothing of this reaches `port`: the next frame it receives is the request behind it.
    void expect_foreign_frames_ignored(Port& port) {
        auto headers = lab::broadcast_request();
        ASSERT_TRUE(peer_->send(lab::frame(headers, lab::kBootReply)));
        headers.destination_port = 53;
        ASSERT_TRUE(peer_->send(lab::frame(headers)));
        headers = lab::broadcast_request();
        headers.destination_mac = lab::kOtherMac;
        ASSERT_TRUE(peer_->send(lab::frame(headers)));
        Frame fragment = lab::frame(lab::broadcast_request());
        fragment[kEthernetLen + 6] = std::byte{0x20};
        ASSERT_TRUE(peer_->send(fragment));
        const Frame request = lab::frame(lab::broadcast_request(), lab::kBootRequest, 333);
        ASSERT_TRUE(peer_->send(request));
        EXPECT_EQ(receive_one(port), request);
    }
    // A frame says how long it lay in the socket, and the next one does not repeat it. More frames
    // than there are buffers, so that each is used again.
    void expect_waiting_times(Port& port) {
        constexpr milliseconds kWait{300};
        constexpr milliseconds kTick{20};  // of the coarse clock, twice
        constexpr milliseconds kSoon{150};
        const Frame request = lab::frame(lab::broadcast_request());
        ASSERT_TRUE(peer_->send(request));  // the kernel starts to keep time stamps some time later
        ASSERT_TRUE(receive_one(port));
        std::this_thread::sleep_for(milliseconds{50});
        for (int round = 0; round < 3; ++round) {
            std::chrono::nanoseconds waited{0};
            ASSERT_TRUE(peer_->send(request));
            std::this_thread::sleep_for(kWait);
            ASSERT_TRUE(receive_one(port, milliseconds{2000}, &waited));
            EXPECT_GE(waited, kWait - kTick);
            EXPECT_LE(waited, kWait + kSoon);
            for (int i = 0; i < 50; ++i) {
                ASSERT_TRUE(peer_->send(request));
                ASSERT_TRUE(receive_one(port, milliseconds{2000}, &waited));
                ASSERT_LT(waited, kSoon) << i;
            }
        }
    }
    // Thousands of frames through every ring and pool of `port`, some lent frames parked all the
    // while.
    void echo_burst(Port& port, std::uint32_t ifindex) {
        constexpr std::size_t kFrames = 6000;
        constexpr std::size_t kWindow = 200;
        std::vector<TxFrame> parked;
        for (int i = 0; i < 50; ++i) {
            auto frame = port.lend();
            ASSERT_TRUE(frame);
            parked.push_back(std::move(*frame));
        }
        const Frame request = lab::frame(lab::broadcast_request());
        const Frame reply = lab::frame(lab::unicast_reply(), lab::kBootReply);
        std::size_t echoed = 0;
        while (echoed < kFrames) {
            for (std::size_t i = 0; i < kWindow; ++i) {
                ASSERT_TRUE(peer_->send(request));
            }
            std::size_t answered = 0;
            for (int idle = 0; answered < kWindow && idle < 200;) {
                std::array<RxFrame, 32> batch;
                const std::size_t count = port.receive(batch);
                for (std::size_t i = 0; i < count; ++i) {
                    auto frame = port.lend();
                    ASSERT_TRUE(frame);
                    copy_bytes(frame->bytes().data(), reply);
                    port.submit(std::move(*frame),
                                {.frame_len = static_cast<std::uint32_t>(reply.size()),
                                 .ifindex = ifindex});
                }
                port.release(std::span{batch}.first(count));
                port.flush();
                answered += count;
                if (count == 0) {
                    ++idle;
                    std::this_thread::sleep_for(milliseconds{1});
                }
            }
            ASSERT_EQ(answered, kWindow);
            for (std::size_t i = 0; i < kWindow; ++i) {
                const auto seen = peer_->receive_reply();
                ASSERT_TRUE(seen) << "reply " << i << " after " << echoed;
                ASSERT_EQ(*seen, reply);
            }
            echoed += kWindow;
        }
        for (int i = 0; i < 100 && port.counters().tx_frames.value() < kFrames; ++i) {
            std::this_thread::sleep_for(milliseconds{1});
            port.flush();
        }
        EXPECT_EQ(port.counters().rx_frames.value(), kFrames);
        EXPECT_EQ(port.counters().tx_frames.value(), kFrames);
        EXPECT_EQ(port.counters().tx_errors.value(), 0U);
        EXPECT_EQ(port.counters().tx_no_frame.value(), 0U);
    }
    // Every frame can be lent, one more cannot, and all come back.
    static void lend_everything(Port& port) {
        for (int round = 0; round < 2; ++round) {
            std::vector<TxFrame> all;
            while (auto frame = port.lend()) {
                all.push_back(std::move(*frame));
                ASSERT_LE(all.size(), 100000U);
            }
            EXPECT_GE(all.size(), 1024U);
            EXPECT_EQ(port.counters().tx_no_frame.value(), static_cast<std::uint64_t>(round + 1));
        }
    }
    // More frames at once than the kernel sends per call, and than a ring has slots.
    void send_burst(Port& port, std::uint32_t ifindex, std::size_t count) {
        const Frame reply = lab::frame(lab::unicast_reply(), lab::kBootReply);
        for (std::size_t i = 0; i < count; ++i) {
            auto frame = port.lend();
            ASSERT_TRUE(frame);
            copy_bytes(frame->bytes().data(), reply);
            port.submit(std::move(*frame), {.frame_len = static_cast<std::uint32_t>(reply.size()),
                                            .ifindex = ifindex});
        }
        for (int i = 0; i < 200 && port.counters().tx_frames.value() < count; ++i) {
            port.flush();
            std::this_thread::sleep_for(milliseconds{1});
        }
        EXPECT_EQ(port.counters().tx_frames.value(), count);
        for (std::size_t i = 0; i < count; ++i) {
            ASSERT_TRUE(peer_->receive_reply()) << i;
        }
    }

    std::unique_ptr<lab::RawSocket> peer_;
};

class XdpDriverTest : public DriverTest, public testing::WithParamInterface<XdpMode> {
  protected:
    void SetUp() override {
        DriverTest::SetUp();
        if (testing::Test::IsSkipped()) {
            return;
        }
        auto interface = open_xdp(GetParam());
        ASSERT_TRUE(interface) << interface.error().message;
        interface_ = std::move(*interface);
        port_ = interface_->ports()[0];
    }

    std::unique_ptr<XdpInterface> interface_;
    Port* port_ = nullptr;
};

TEST_P(XdpDriverTest, ReportsWhatItObtained) {
    const XdpFacts& facts = interface_->facts();
    EXPECT_EQ(facts.driver_name, "veth");
    EXPECT_EQ(facts.mac, lab::kServerMac);
    EXPECT_EQ(facts.mtu, kMtu);
    EXPECT_EQ(facts.queue_count, 1U);
    EXPECT_EQ(facts.mode, GetParam());
    EXPECT_NE(facts.program_id, 0U);
    EXPECT_EQ(facts.max_frame_len, 1792U);
    EXPECT_EQ(interface_->ports().size(), 1U);
    EXPECT_EQ(port_->driver(), GetParam() == XdpMode::kNative ? "xdp" : "xdp-generic");
    EXPECT_EQ(port_->interface_name(), lab::kServerInterface);
    EXPECT_EQ(port_->queue(), 0U);
}

TEST_P(XdpDriverTest, ReceivesAndSendsByteForByte) {
    exchange_frames(*port_, interface_->facts().ifindex);
    EXPECT_EQ(count_of(*interface_, "redirected"), 9U);
}

TEST_P(XdpDriverTest, LeavesForeignFramesAlone) {
    expect_foreign_frames_ignored(*port_);
}

TEST_P(XdpDriverTest, EchoesThousandsWhileFramesAreParked) {
    echo_burst(*port_, interface_->facts().ifindex);
    const auto statistics = interface_->statistics(0);
    ASSERT_TRUE(statistics);
    EXPECT_EQ(statistics->rx_dropped, 0U);
    EXPECT_EQ(statistics->tx_invalid_descriptors, 0U);
}

TEST_P(XdpDriverTest, LendsEveryFrame) {
    lend_everything(*port_);
}

TEST_P(XdpDriverTest, SendsMoreThanOneCallTakes) {
    send_burst(*port_, interface_->facts().ifindex, 2048);
}

TEST_P(XdpDriverTest, LeavesRequestsToTheKernelWhenDisabledOrUnserved) {
    auto udp = open_udp();
    ASSERT_TRUE(udp) << udp.error().message;
    const Frame request = lab::frame(lab::broadcast_request());

    ASSERT_TRUE(interface_->set_enabled(false));
    ASSERT_TRUE(peer_->send(request));
    EXPECT_TRUE(receive_one(**udp));
    EXPECT_EQ(count_of(*interface_, "pass_disabled"), 1U);

    ASSERT_TRUE(interface_->set_enabled(true));
    ASSERT_TRUE(peer_->send(request));
    EXPECT_EQ(receive_one(*port_), request);

    ASSERT_TRUE(interface_->set_links({}));
    ASSERT_TRUE(peer_->send(request));
    EXPECT_TRUE(receive_one(**udp));
    EXPECT_EQ(count_of(*interface_, "pass_unknown_link"), 1U);
    EXPECT_FALSE(receive_one(*port_, milliseconds{1}));
}

TEST_P(XdpDriverTest, SaysHowLongAFrameWaited) {
    expect_waiting_times(*port_);
}

TEST_P(XdpDriverTest, SetsReplaceWhatWasThere) {
    auto headers = lab::broadcast_request();
    headers.source = lab::kClientIp;
    headers.destination_mac = lab::kServerMac;
    headers.destination = lab::kServerIp;
    const Frame renewal = lab::frame(headers);
    ASSERT_TRUE(peer_->send(renewal));
    EXPECT_EQ(receive_one(*port_), renewal);

    constexpr Ipv4 kNewIp{0xc0000202};
    ASSERT_TRUE(interface_->set_local(std::vector{kNewIp}));
    ASSERT_TRUE(peer_->send(renewal));
    headers.destination = kNewIp;
    const Frame to_new = lab::frame(headers);
    ASSERT_TRUE(peer_->send(to_new));
    EXPECT_EQ(receive_one(*port_), to_new);
    EXPECT_EQ(count_of(*interface_, "pass_not_local"), 1U);

    ASSERT_TRUE(interface_->set_links(std::vector<XdpLink>{{.outer_vid = kTag.vid()}, {}}));
    ASSERT_TRUE(peer_->send(to_new));
    EXPECT_EQ(receive_one(*port_), to_new);
    headers.tags = lab::tags(kOuter, kInner);
    ASSERT_TRUE(peer_->send(lab::frame(headers)));
    EXPECT_FALSE(receive_one(*port_, milliseconds{50}));
}

TEST_P(XdpDriverTest, ReopensAtOnceAndLeavesNothingBehind) {
    for (int i = 0; i < 3; ++i) {
        interface_.reset();
        EXPECT_TRUE(lab::ip(std::string{"-o link show dev "} + lab::kServerInterface +
                            " | grep -q prog/xdp && exit 1 || exit 0"));
        auto again = open_xdp(GetParam());
        ASSERT_TRUE(again) << again.error().message;
        interface_ = std::move(*again);
    }
    const Frame request = lab::frame(lab::broadcast_request());
    ASSERT_TRUE(peer_->send(request));
    EXPECT_EQ(receive_one(*interface_->ports()[0]), request);
}

TEST_P(XdpDriverTest, NamesTheProgramThatIsInTheWay) {
    const auto second = open_xdp(GetParam());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().errno_value, EBUSY);
    const std::string expected =
        "(program " + std::to_string(interface_->facts().program_id) + " 'xd_ingress";
    EXPECT_NE(second.error().message.find(expected), std::string::npos) << second.error().message;
    // The first is unharmed.
    const Frame request = lab::frame(lab::broadcast_request());
    ASSERT_TRUE(peer_->send(request));
    EXPECT_EQ(receive_one(*port_), request);
}

INSTANTIATE_TEST_SUITE_P(Modes, XdpDriverTest, testing::Values(XdpMode::kNative, XdpMode::kGeneric),
                         [](const auto& instance) {
                             return instance.param == XdpMode::kNative ? "Native" : "Generic";
                         });

TEST_F(DriverTest, XdpSendsThroughASmallRing) {
    auto interface = XdpInterface::open({.interface_name = lab::kServerInterface,
                                         .queues = {0},
                                         .ring_size = 64,
                                         .frame_count = 64 + 1024});
    ASSERT_TRUE(interface) << interface.error().message;
    send_burst(*(*interface)->ports()[0], (*interface)->facts().ifindex, 1024);
}

TEST_F(DriverTest, XdpTakesEveryQueue) {
    ASSERT_EQ(lab::enter_new_network(4), "");
    auto interface = open_xdp(XdpMode::kNative);
    ASSERT_TRUE(interface) << interface.error().message;
    EXPECT_EQ((*interface)->facts().queue_count, 4U);
    ASSERT_EQ((*interface)->ports().size(), 4U);
    for (std::uint32_t queue = 0; queue < 4; ++queue) {
        EXPECT_EQ((*interface)->ports()[queue]->queue(), queue);
    }
}

// Pushes a VLAN tag into the metadata of whatever leaves `interface_name`, as a VLAN interface
// there would.
class MetadataTagger {
  public:
    MetadataTagger(const char* interface_name, VlanTag tag) {
        const auto insn = [](std::uint8_t code, std::uint8_t reg, std::int32_t imm) {
            bpf_insn result{};
            result.code = code;
            result.dst_reg = reg & 0xf;
            result.imm = imm;
            return result;
        };
        constexpr std::uint8_t kMov = BPF_ALU64 | BPF_MOV | BPF_K;
        const std::array<bpf_insn, 5> code{
            insn(kMov, BPF_REG_2, htons(tag.tpid)), insn(kMov, BPF_REG_3, tag.tci),
            insn(BPF_JMP | BPF_CALL, 0, BPF_FUNC_skb_vlan_push), insn(kMov, BPF_REG_0, 0),
            insn(BPF_JMP | BPF_EXIT, 0, 0)};
        fd_ = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "tagger", "GPL", code.data(), code.size(),
                            nullptr);
        hook_.sz = sizeof hook_;
        hook_.ifindex = static_cast<int>(::if_nametoindex(interface_name));
        hook_.attach_point = BPF_TC_EGRESS;
        options_.sz = sizeof options_;
        options_.prog_fd = fd_;
        is_attached_ =
            fd_ >= 0 && bpf_tc_hook_create(&hook_) == 0 && bpf_tc_attach(&hook_, &options_) == 0;
    }
    MetadataTagger(const MetadataTagger&) = delete;
    MetadataTagger& operator=(const MetadataTagger&) = delete;
    ~MetadataTagger() { static_cast<void>(::close(fd_)); }

    [[nodiscard]] bool is_attached() const { return is_attached_; }

  private:
    int fd_ = -1;
    bpf_tc_hook hook_{};
    bpf_tc_opts options_{};
    bool is_attached_ = false;
};

bool kernel_has_vlan_metadata() {
    utsname name{};
    int major = 0;
    int minor = 0;
    // NOLINTNEXTLINE(cert-err34-c): the kernel wrote it
    return ::uname(&name) == 0 && std::sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
           (major > 6 || (major == 6 && minor >= 8));
}

// A tag in metadata is put back before the frame is redirected; unserved, the frame passes.
TEST_F(DriverTest, XdpShowsTagsThatAreInMetadata) {
    auto interface = open_xdp(XdpMode::kNative);
    ASSERT_TRUE(interface) << interface.error().message;
    if (!kernel_has_vlan_metadata()) {
        GTEST_SKIP() << "needs Linux 6.8 (bpf_xdp_metadata_rx_vlan_tag)";
    }
    ASSERT_TRUE((*interface)->facts().sees_stripped_tags);
    Port& port = *(*interface)->ports()[0];
    const MetadataTagger tagger{lab::kPeerInterface, {.tpid = kTag.tpid, .tci = 0x6000 | kTag.tci}};
    ASSERT_TRUE(tagger.is_attached());

    auto headers = lab::broadcast_request();
    ASSERT_TRUE(peer_->send(lab::frame(headers)));
    headers.tags = lab::tags({.tpid = kTag.tpid, .tci = 0x6000 | kTag.tci});
    const auto received = receive_one(port);
    ASSERT_TRUE(received);
    EXPECT_EQ(*received, lab::frame(headers));

    ASSERT_TRUE((*interface)->set_links(std::vector<XdpLink>{{}}));
    headers.tags = {};
    ASSERT_TRUE(peer_->send(lab::frame(headers)));
    EXPECT_FALSE(receive_one(port, milliseconds{50}));
    EXPECT_EQ(count_of(**interface, "pass_unknown_link"), 1U);
}

TEST_F(DriverTest, XdpSaysHowLongAFrameWaitedWhoseTagIsInMetadata) {
    auto interface = open_xdp(XdpMode::kNative);
    ASSERT_TRUE(interface) << interface.error().message;
    if (!kernel_has_vlan_metadata()) {
        GTEST_SKIP() << "needs Linux 6.8 (bpf_xdp_metadata_rx_vlan_tag)";
    }
    const MetadataTagger tagger{lab::kPeerInterface, kTag};
    ASSERT_TRUE(tagger.is_attached());
    expect_waiting_times(*(*interface)->ports()[0]);
}

// Outer tag in metadata, inner one in the frame.
TEST_F(DriverTest, XdpShowsBothTagsWhenTheOuterIsInMetadata) {
    auto interface = open_xdp(XdpMode::kNative);
    ASSERT_TRUE(interface) << interface.error().message;
    if (!kernel_has_vlan_metadata()) {
        GTEST_SKIP() << "needs Linux 6.8 (bpf_xdp_metadata_rx_vlan_tag)";
    }
    ASSERT_TRUE((*interface)->facts().sees_stripped_tags);
    Port& port = *(*interface)->ports()[0];
    const MetadataTagger tagger{lab::kPeerInterface, kOuter};
    ASSERT_TRUE(tagger.is_attached());
    auto headers = lab::broadcast_request();
    headers.tags = lab::tags(kInner);
    ASSERT_TRUE(peer_->send(lab::frame(headers)));
    headers.tags = lab::tags(kOuter, kInner);
    EXPECT_EQ(receive_one(port), lab::frame(headers));
}

TEST_F(DriverTest, XdpOpensAtJumboMtu) {
    ASSERT_TRUE(lab::ip(std::string{"link set "} + lab::kServerInterface + " mtu 9000"));
    ASSERT_TRUE(lab::ip(std::string{"link set "} + lab::kPeerInterface + " mtu 9000"));
    auto interface = open_xdp(XdpMode::kNative);
    ASSERT_TRUE(interface) << interface.error().message;
    Port& port = *(*interface)->ports()[0];
    const std::uint32_t max_frame_len = (*interface)->facts().max_frame_len;
    EXPECT_EQ(max_frame_len, 3840U);

    const Frame request = lab::frame(lab::broadcast_request());
    ASSERT_TRUE(peer_->send(request));
    EXPECT_EQ(receive_one(port), request);
    ASSERT_TRUE(peer_->send(lab::frame(lab::broadcast_request(), lab::kBootRequest, 6000)));
    EXPECT_FALSE(receive_one(port, milliseconds{50}));
    EXPECT_EQ(count_of(**interface, "pass_too_long"), 1U);
}

TEST_F(DriverTest, XdpSaysWhyItCannotOpen) {
    const auto message_of = [](const XdpOptions& options) {
        const auto interface = XdpInterface::open(options);
        return interface ? std::string{"opened"} : interface.error().message;
    };
    EXPECT_EQ(message_of({.interface_name = "nowhere0", .queues = {}}),
              "interface nowhere0: No such device");
    EXPECT_EQ(message_of({.interface_name = "lo", .queues = {}}),
              "attach XDP to lo: Operation not supported (driver '' has no native XDP)");
    EXPECT_EQ(
        message_of(
            {.interface_name = lab::kServerInterface, .queues = {}, .zero_copy = XdpZeroCopy::kOn}),
        "bind AF_XDP socket to xdsrv queue 0: Operation not supported (zero-copy was asked for)");
    EXPECT_EQ(message_of({.interface_name = lab::kServerInterface, .queues = {1}}),
              "bind AF_XDP socket to xdsrv queue 1: Invalid argument");
    EXPECT_EQ(message_of({.interface_name = lab::kServerInterface, .queues = {0, 0}}),
              "queues of xdsrv (each once, below 256): Invalid argument");
    EXPECT_EQ(message_of({.interface_name = lab::kServerInterface, .queues = {}, .ring_size = 100}),
              "XDP options of xdsrv: Invalid argument");
    // None of the failures left something behind.
    EXPECT_EQ(message_of({.interface_name = lab::kServerInterface, .queues = {}}), "opened");
}

TEST_F(DriverTest, PacketReceivesAndSendsByteForByte) {
    auto port = PacketPort::open({.interface_name = lab::kServerInterface});
    ASSERT_TRUE(port) << port.error().message;
    EXPECT_EQ((*port)->driver(), "packet");
    EXPECT_EQ((*port)->mac(), lab::kServerMac);
    // The kernel lets packet sockets send one MTU with Ethernet header, and a tag if that is the
    // EtherType.
    exchange_frames(**port, (*port)->ifindex());
    EXPECT_EQ((*port)->kernel_drops(), 0U);
}

TEST_F(DriverTest, PacketLeavesForeignFramesAlone) {
    auto port = PacketPort::open({.interface_name = lab::kServerInterface});
    ASSERT_TRUE(port) << port.error().message;
    expect_foreign_frames_ignored(**port);
}

TEST_F(DriverTest, PacketSaysHowLongAFrameWaited) {
    auto port = PacketPort::open({.interface_name = lab::kServerInterface});
    ASSERT_TRUE(port) << port.error().message;
    expect_waiting_times(**port);
}

TEST_F(DriverTest, PacketDoesNotReceiveWhatItsHostSends) {
    auto port = PacketPort::open({.interface_name = lab::kServerInterface});
    ASSERT_TRUE(port) << port.error().message;
    send_frame(**port, lab::frame(lab::broadcast_request()), (*port)->ifindex());
    lab::RawSocket same_host{lab::kServerInterface};
    ASSERT_TRUE(same_host.send(lab::frame(lab::broadcast_request())));
    EXPECT_FALSE(receive_one(**port, milliseconds{50}));
}

TEST_F(DriverTest, PacketEchoesThousandsWhileFramesAreParked) {
    auto port = PacketPort::open({.interface_name = lab::kServerInterface});
    ASSERT_TRUE(port) << port.error().message;
    echo_burst(**port, (*port)->ifindex());
}

TEST_F(DriverTest, PacketLendsEveryFrameAndSendsThemAtOnce) {
    auto port = PacketPort::open({.interface_name = lab::kServerInterface});
    ASSERT_TRUE(port) << port.error().message;
    lend_everything(**port);
    send_burst(**port, (*port)->ifindex(), 1024);
}

TEST_F(DriverTest, PacketLeavesRequestsLongerThanItsBufferToTheKernel) {
    ASSERT_TRUE(lab::ip(std::string{"link set "} + lab::kServerInterface + " mtu 9000"));
    ASSERT_TRUE(lab::ip(std::string{"link set "} + lab::kPeerInterface + " mtu 9000"));
    auto port = PacketPort::open({.interface_name = lab::kServerInterface});
    ASSERT_TRUE(port) << port.error().message;
    const Frame at_limit =
        lab::frame(lab::broadcast_request(), lab::kBootRequest, PacketPort::kMaxPayloadLen);
    ASSERT_TRUE(peer_->send(at_limit));
    EXPECT_EQ(receive_one(**port), at_limit);
    ASSERT_TRUE(peer_->send(
        lab::frame(lab::broadcast_request(), lab::kBootRequest, PacketPort::kMaxPayloadLen + 1)));
    EXPECT_FALSE(receive_one(**port, milliseconds{100}));
    // Bytes behind the IP packet do not make a request too long; they are cut.
    Frame padded = at_limit;
    padded.resize(3000);
    ASSERT_TRUE(peer_->send(padded));
    padded.resize(2048);
    EXPECT_EQ(receive_one(**port), padded);
    EXPECT_EQ((*port)->counters().rx_truncated.value(), 0U);
    ASSERT_TRUE(peer_->send(at_limit));
    EXPECT_EQ(receive_one(**port), at_limit);
}

TEST_F(DriverTest, PacketSaysWhyItCannotOpen) {
    const auto port = PacketPort::open({.interface_name = "nowhere0"});
    ASSERT_FALSE(port);
    EXPECT_EQ(port.error().message, "interface nowhere0: No such device");
}

class UdpDriverTest : public DriverTest {
  protected:
    void SetUp() override {
        DriverTest::SetUp();
        if (testing::Test::IsSkipped()) {
            return;
        }
        ASSERT_TRUE(lab::ip("neigh add " + to_string(lab::kClientIp) + " lladdr " +
                            to_string(lab::kClientMac) + " dev " + lab::kServerInterface));
    }
    static void expect_same_datagram(const Frame& got, const Frame& wanted) {
        const auto got_view = FrameView::parse(got);
        const auto wanted_view = FrameView::parse(wanted);
        ASSERT_TRUE(got_view);
        ASSERT_TRUE(wanted_view);
        EXPECT_EQ(got_view->source, wanted_view->source);
        EXPECT_EQ(got_view->destination, wanted_view->destination);
        EXPECT_EQ(got_view->source_port, wanted_view->source_port);
        EXPECT_EQ(got_view->destination_port, wanted_view->destination_port);
        EXPECT_TRUE(equal_bytes(got_view->payload, wanted_view->payload));
    }
};

TEST_F(UdpDriverTest, ReceivesBroadcastRequestAsAFrame) {
    auto port = open_udp();
    ASSERT_TRUE(port) << port.error().message;
    const Frame request = lab::frame(lab::broadcast_request());
    ASSERT_TRUE(peer_->send(request));
    const auto received = receive_one(**port);
    ASSERT_TRUE(received);
    expect_same_datagram(*received, request);
    const auto view = FrameView::parse(*received);
    EXPECT_EQ(view->destination_mac, kBroadcastMac);
    EXPECT_EQ(view->source_mac, lab::kClientMac);
    EXPECT_EQ(view->checksum, ChecksumState::kZero);
    EXPECT_EQ(received->size(), request.size());
}

TEST_F(UdpDriverTest, SaysHowLongADatagramWaited) {
    auto port = open_udp();
    ASSERT_TRUE(port) << port.error().message;
    expect_waiting_times(**port);
}

TEST_F(UdpDriverTest, SendsUnicastFromTheServersAddress) {
    auto port = open_udp("");
    ASSERT_TRUE(port) << port.error().message;
    ASSERT_TRUE(lab::ip(std::string{"address add 192.0.2.2/24 dev "} + lab::kServerInterface));
    auto headers = lab::unicast_reply();
    headers.source = Ipv4{0xc0000202};
    const Frame reply = lab::frame(headers, lab::kBootReply);
    send_frame(**port, reply, 0);
    const auto answered = peer_->receive_reply();
    ASSERT_TRUE(answered);
    expect_same_datagram(*answered, reply);
}

TEST_F(UdpDriverTest, SendsFromItsOwnAddressWhenTheFramesIsNotLocal) {
    auto port = open_udp();
    ASSERT_TRUE(port) << port.error().message;
    auto headers = lab::unicast_reply();
    headers.source = Ipv4{0xcb007101};  // 203.0.113.1
    send_frame(**port, lab::frame(headers, lab::kBootReply), 0);
    const auto answered = peer_->receive_reply();
    ASSERT_TRUE(answered);
    expect_same_datagram(*answered, lab::frame(lab::unicast_reply(), lab::kBootReply));
    EXPECT_EQ((*port)->counters().tx_errors.value(), 0U);
}

TEST_F(UdpDriverTest, BroadcastsToClientsWithoutAnAddress) {
    testing::Test::RecordProperty("rfc", "2131 4.1");
    auto port = open_udp("");
    ASSERT_TRUE(port) << port.error().message;
    const Frame request = lab::frame(lab::broadcast_request());
    ASSERT_TRUE(peer_->send(request));
    std::array<RxFrame, 1> batch;
    pollfd ready{.fd = (*port)->fd(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&ready, 1, 2000), 1);
    ASSERT_EQ((*port)->receive(batch), 1U);
    const std::uint32_t ifindex = batch[0].ifindex;
    (*port)->release(batch);

    auto headers = lab::unicast_reply();
    send_frame(**port, lab::frame(headers, lab::kBootReply), ifindex,
               /*unconfigured_destination=*/true);
    const auto answered = peer_->receive_reply();
    ASSERT_TRUE(answered);
    headers.destination = kBroadcastIpv4;
    expect_same_datagram(*answered, lab::frame(headers, lab::kBootReply));
    EXPECT_EQ(FrameView::parse(*answered)->destination_mac, kBroadcastMac);
}

TEST_F(UdpDriverTest, CountsWhatCannotBeSentAndGoesOn) {
    auto port = open_udp("");
    ASSERT_TRUE(port) << port.error().message;
    auto headers = lab::unicast_reply();
    auto unroutable = headers;
    unroutable.destination = Ipv4{0xc6336401};  // 198.51.100.1, no route
    for (int i = 0; i < 3; ++i) {
        auto frame = (*port)->lend();
        const Frame bytes = lab::frame(i == 1 ? unroutable : headers, lab::kBootReply);
        copy_bytes(frame->bytes().data(), bytes);
        (*port)->submit(std::move(*frame), {.frame_len = static_cast<std::uint32_t>(bytes.size())});
    }
    (*port)->flush();
    EXPECT_EQ((*port)->counters().tx_errors.value(), 1U);
    EXPECT_EQ((*port)->counters().tx_frames.value(), 2U);
    EXPECT_TRUE(peer_->receive_reply());
    EXPECT_TRUE(peer_->receive_reply());
}

TEST_F(UdpDriverTest, ReceivesWhatXdpLeavesToTheKernel) {
    auto interface = open_xdp(XdpMode::kNative);
    ASSERT_TRUE(interface) << interface.error().message;
    auto port = open_udp();
    ASSERT_TRUE(port) << port.error().message;
    // Two fragments of one request: the XDP program passes both, the kernel reassembles.
    const Frame whole = lab::frame(lab::broadcast_request(), lab::kBootRequest, 600);
    constexpr std::size_t kFirstLen = 400;
    const std::size_t ip_data = kEthernetLen + kIpv4MinLen;
    Frame first(whole.begin(), whole.begin() + ip_data + kFirstLen);
    Frame second(whole.begin(), whole.begin() + ip_data);
    second.insert(second.end(), whole.begin() + ip_data + kFirstLen, whole.end());
    const auto finish = [](Frame& frame, std::uint16_t fragment) {
        std::byte* const ip = frame.data() + kEthernetLen;
        store_be16(ip + 2, static_cast<std::uint16_t>(frame.size() - kEthernetLen));
        store_be16(ip + 6, fragment);
        std::uint32_t sum = 0;
        store_be16(ip + 10, 0);
        for (std::size_t i = 0; i < kIpv4MinLen; i += 2) {
            sum += load_be16(ip + i);
        }
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        store_be16(ip + 10, static_cast<std::uint16_t>(~sum));
    };
    finish(first, 0x2000);
    finish(second, kFirstLen / 8);
    ASSERT_TRUE(peer_->send(first));
    ASSERT_TRUE(peer_->send(second));
    const auto received = receive_one(**port);
    ASSERT_TRUE(received);
    expect_same_datagram(*received, whole);
    EXPECT_EQ(count_of(**interface, "pass_fragment"), 2U);
}

}  // namespace
}  // namespace xdhcpd
