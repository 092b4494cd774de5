// The packet socket.
#include <gtest/gtest.h>

#include <string>

#include "driver_lab.h"
#include "io/packet/packet_port.h"

namespace xdhcpd {
namespace {

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

}  // namespace
}  // namespace xdhcpd
