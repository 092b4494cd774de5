// UDP sockets, alone and beside XDP.
#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "driver_lab.h"
#include "io/udp/udp_port.h"
#include "packet/frame_view.h"

namespace xdhcpd {
namespace {

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
