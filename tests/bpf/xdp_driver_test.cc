// The XDP driver, in each of its modes.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "driver_lab.h"
#include "io/xsk/xdp_interface.h"

namespace xdhcpd {
namespace {

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

}  // namespace
}  // namespace xdhcpd
