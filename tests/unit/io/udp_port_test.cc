// UdpPort on the loopback interface, with a port that the kernel chooses: no privileges.
#include "io/udp/udp_port.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "packet/frame_view.h"
#include "packet/frame_writer.h"
#include "packet/headers.h"

namespace xdhcpd {
namespace {

using Bytes = std::vector<std::byte>;

constexpr Ipv4 kLoopback{0x7f000001};
constexpr Ipv4 kSecondLoopback{0x7f000002};
constexpr std::size_t kChaddrOffset = 28;
constexpr Mac kChaddr{{std::byte{0x02}, std::byte{0x00}, std::byte{0x5e}, std::byte{0x00},
                       std::byte{0x53}, std::byte{0x02}}};

// A plain socket as the client.
class Client {
  public:
    Client() : fd_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)} {
        sockaddr_in address = address_of(kLoopback, 0);
        EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        socklen_t address_len = sizeof address;
        EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &address_len), 0);
        port_ = ntohs(address.sin_port);
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client() { static_cast<void>(::close(fd_)); }

    [[nodiscard]] std::uint16_t port() const { return port_; }
    void send(Ipv4 to, std::uint16_t port, ByteView payload) const {
        const sockaddr_in address = address_of(to, port);
        ASSERT_EQ(::sendto(fd_, payload.data(), payload.size(), 0,
                           reinterpret_cast<const sockaddr*>(&address), sizeof address),
                  static_cast<ssize_t>(payload.size()));
    }
    struct Datagram {
        Ipv4 source;
        std::uint16_t source_port = 0;
        Bytes payload;
    };
    [[nodiscard]] std::optional<Datagram> receive(int timeout_ms = 2000) const {
        pollfd ready{.fd = fd_, .events = POLLIN, .revents = 0};
        if (::poll(&ready, 1, timeout_ms) != 1) {
            return std::nullopt;
        }
        Bytes buffer(65536);
        sockaddr_in from{};
        socklen_t from_len = sizeof from;
        const ssize_t len = ::recvfrom(fd_, buffer.data(), buffer.size(), 0,
                                       reinterpret_cast<sockaddr*>(&from), &from_len);
        if (len < 0) {
            return std::nullopt;
        }
        buffer.resize(static_cast<std::size_t>(len));
        return Datagram{Ipv4{ntohl(from.sin_addr.s_addr)}, ntohs(from.sin_port), buffer};
    }

  private:
    static sockaddr_in address_of(Ipv4 ip, std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(ip.value);
        address.sin_port = htons(port);
        return address;
    }

    int fd_;
    std::uint16_t port_ = 0;
};

Bytes message(std::size_t len, std::uint8_t htype = 1, std::uint8_t hlen = 6) {
    Bytes bytes(len, std::byte{0x2a});
    const std::array<std::uint8_t, 3> start{1, htype, hlen};
    for (std::size_t i = 0; i < std::min(len, start.size()); ++i) {
        bytes[i] = std::byte{start[i]};
    }
    if (len >= kChaddrOffset + Mac::kLen) {
        kChaddr.store(&bytes[kChaddrOffset]);
    }
    return bytes;
}

class UdpPortTest : public testing::Test {
  protected:
    void SetUp() override {
        auto port = UdpPort::open({.interface_name = "", .server_port = 0});
        ASSERT_TRUE(port) << port.error().message;
        port_ = std::move(*port);
        ASSERT_NE(port_->local_port(), 0);
    }

    std::optional<Bytes> receive_one(std::uint32_t* ifindex = nullptr) {
        pollfd ready{.fd = port_->fd(), .events = POLLIN, .revents = 0};
        std::array<RxFrame, 1> batch;
        if (::poll(&ready, 1, 2000) != 1 || port_->receive(batch) != 1) {
            return std::nullopt;
        }
        Bytes copy(batch[0].bytes.begin(), batch[0].bytes.end());
        if (ifindex != nullptr) {
            *ifindex = batch[0].ifindex;
        }
        port_->release(batch);
        return copy;
    }
    void submit(const Udp4Headers& headers, const Bytes& payload, const TxInfo& info = {}) {
        auto frame = port_->lend();
        ASSERT_TRUE(frame);
        const std::size_t offset = udp4_payload_offset(headers.tags.count);
        copy_bytes(frame->bytes().data() + offset, payload);
        TxInfo complete = info;
        complete.frame_len =
            static_cast<std::uint32_t>(write_udp4_headers(frame->bytes(), headers, payload.size()));
        port_->submit(std::move(*frame), complete);
    }
    [[nodiscard]] Udp4Headers reply_headers() const {
        return {.destination_mac = kChaddr,
                .source_mac = {},
                .tags = {},
                .source = kLoopback,
                .destination = kLoopback,
                .source_port = port_->local_port(),
                .destination_port = client_.port()};
    }

    Client client_;
    std::unique_ptr<UdpPort> port_;
};

TEST_F(UdpPortTest, MakesAFrameThatParses) {
    const Bytes payload = message(300);
    client_.send(kLoopback, port_->local_port(), payload);
    std::uint32_t ifindex = 0;
    const auto frame = receive_one(&ifindex);
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->size(), kUdp4HeadersLen + payload.size());
    EXPECT_EQ(ifindex, ::if_nametoindex("lo"));
    const auto view = FrameView::parse(*frame);  // verifies lengths and the IPv4 checksum
    ASSERT_TRUE(view) << name(view.error());
    EXPECT_EQ(view->source_mac, kChaddr);
    EXPECT_TRUE(view->destination_mac.is_zero());
    EXPECT_EQ(view->source, kLoopback);
    EXPECT_EQ(view->destination, kLoopback);
    EXPECT_EQ(view->source_port, client_.port());
    EXPECT_EQ(view->destination_port, port_->local_port());
    EXPECT_EQ(view->checksum, ChecksumState::kZero);
    EXPECT_TRUE(equal_bytes(view->payload, payload));
    EXPECT_EQ(port_->counters().rx_frames.value(), 1U);
}

TEST_F(UdpPortTest, TellsTheAddressThatTheDatagramWentTo) {
    client_.send(kSecondLoopback, port_->local_port(), message(240));
    const auto frame = receive_one();
    ASSERT_TRUE(frame);
    EXPECT_EQ(FrameView::parse(*frame)->destination, kSecondLoopback);
}

TEST_F(UdpPortTest, TakesTheSourceMacFromEthernetMessagesOnly) {
    const auto source_mac_of = [this](const Bytes& payload) {
        client_.send(kLoopback, port_->local_port(), payload);
        const auto frame = receive_one();
        return frame ? Mac::load(frame->data() + Mac::kLen) : kBroadcastMac;
    };
    EXPECT_EQ(source_mac_of(message(kChaddrOffset + Mac::kLen)), kChaddr);
    EXPECT_EQ(source_mac_of(message(kChaddrOffset + Mac::kLen - 1)), Mac{});
    EXPECT_EQ(source_mac_of(message(300, /*htype=*/6)), Mac{});
    EXPECT_EQ(source_mac_of(message(300, /*htype=*/1, /*hlen=*/16)), Mac{});
    EXPECT_EQ(source_mac_of(message(1)), Mac{});
}

TEST_F(UdpPortTest, DeliversEmptyAndLongestDatagramsAndCountsLonger) {
    constexpr std::size_t kLongest = UdpPort::kMaxRxFrameLen - kUdp4HeadersLen;
    client_.send(kLoopback, port_->local_port(), Bytes{});
    auto frame = receive_one();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->size(), kUdp4HeadersLen);
    client_.send(kLoopback, port_->local_port(), message(kLongest));
    frame = receive_one();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->size(), UdpPort::kMaxRxFrameLen);
    EXPECT_TRUE(FrameView::parse(*frame));
    client_.send(kLoopback, port_->local_port(), message(kLongest + 1));
    EXPECT_FALSE(receive_one());
    EXPECT_EQ(port_->counters().rx_truncated.value(), 1U);
    client_.send(kLoopback, port_->local_port(), message(300));
    EXPECT_TRUE(receive_one());
}

TEST_F(UdpPortTest, SendsThePayloadFromTheFramesSourceAddress) {
    auto headers = reply_headers();
    headers.source = kSecondLoopback;
    submit(headers, message(300));
    EXPECT_FALSE(client_.receive(0));  // not before flush()
    port_->flush();
    const auto reply = client_.receive();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->payload, message(300));
    EXPECT_EQ(reply->source, kSecondLoopback);
    EXPECT_EQ(reply->source_port, port_->local_port());
    EXPECT_EQ(port_->counters().tx_frames.value(), 1U);
}

TEST_F(UdpPortTest, FindsThePayloadBehindTags) {
    auto headers = reply_headers();
    headers.tags = {.tags = {VlanTag{kEtherTypeQinq, 1}, VlanTag{kEtherTypeVlan, 2}}, .count = 2};
    submit(headers, message(333), {.ifindex = ::if_nametoindex("lo")});
    port_->flush();
    const auto reply = client_.receive();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->payload, message(333));
}

TEST_F(UdpPortTest, CountsFramesThatAreNoUdp) {
    auto frame = port_->lend();
    ASSERT_TRUE(frame);
    std::fill(frame->bytes().begin(), frame->bytes().begin() + 60, std::byte{0xff});
    port_->submit(std::move(*frame), {.frame_len = 60});
    port_->flush();
    EXPECT_EQ(port_->counters().tx_errors.value(), 1U);
    EXPECT_EQ(port_->counters().tx_frames.value(), 0U);
}

TEST_F(UdpPortTest, CountsWhatTheKernelRefusesAndSendsTheRest) {
    submit(reply_headers(), message(300));
    auto refused = reply_headers();
    refused.destination_port = 0;
    submit(refused, message(300));
    submit(reply_headers(), message(301));
    port_->flush();
    EXPECT_EQ(port_->counters().tx_errors.value(), 1U);
    EXPECT_EQ(port_->counters().tx_frames.value(), 2U);
    std::vector<std::uint16_t> unsent;
    port_->take_unsent([&](const UnsentFrame& one) {
        unsent.push_back(
            FrameView::parse(one.frame.bytes().first(one.info.frame_len))->destination_port);
    });
    EXPECT_EQ(unsent, std::vector<std::uint16_t>{0});
    port_->take_unsent([](const UnsentFrame&) { FAIL() << "told twice"; });
    EXPECT_EQ(client_.receive()->payload.size(), 300U);
    EXPECT_EQ(client_.receive()->payload.size(), 301U);
}

// The kernel tells the error of one datagram to whoever sends or receives the next.
TEST_F(UdpPortTest, AnErrorOfAnEarlierDatagramCostsNoOther) {
    std::uint16_t closed = 0;
    {
        const Client gone;
        closed = gone.port();
    }
    auto to_nobody = reply_headers();
    to_nobody.destination_port = closed;
    submit(to_nobody, message(300));
    port_->flush();  // ICMP port unreachable is back when this returns
    submit(reply_headers(), message(301));
    port_->flush();
    EXPECT_EQ(client_.receive()->payload.size(), 301U);
    EXPECT_EQ(port_->counters().tx_frames.value(), 2U);
    EXPECT_EQ(port_->unreachable(), 1U);

    submit(to_nobody, message(300));
    port_->flush();
    client_.send(kLoopback, port_->local_port(), message(300));
    EXPECT_FALSE(receive_one());  // takes the error
    EXPECT_TRUE(receive_one());
    EXPECT_EQ(port_->unreachable(), 2U);
    pollfd quiet{.fd = port_->fd(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&quiet, 1, 0), 0) << "a worker would never sleep again";
    EXPECT_EQ(port_->counters().tx_errors.value(), 0U);
}

TEST_F(UdpPortTest, APortThatOnlySendsIsNotPolled) {
    const auto route =
        UdpPort::open({.interface_name = "lo", .server_port = 0, .role = PortRole::kRoute});
    ASSERT_TRUE(route) << route.error().message;
    EXPECT_EQ((*route)->fd(), -1);
    EXPECT_EQ((*route)->kernel_drops(), 0U);
}

TEST_F(UdpPortTest, SendsMoreThanOneBatch) {
    constexpr std::size_t kCount = 150;
    for (std::size_t i = 0; i < kCount; ++i) {
        submit(reply_headers(), message(100 + i));
    }
    port_->flush();
    EXPECT_EQ(port_->counters().tx_frames.value(), kCount);
    for (std::size_t i = 0; i < kCount; ++i) {
        const auto reply = client_.receive();
        ASSERT_TRUE(reply);
        EXPECT_EQ(reply->payload.size(), 100 + i);
    }
}

TEST_F(UdpPortTest, HoldsBackWhatWasNotReleased) {
    auto small = UdpPort::open({.interface_name = "", .server_port = 0, .rx_frame_count = 2});
    ASSERT_TRUE(small);
    for (int i = 0; i < 3; ++i) {
        client_.send(kLoopback, (*small)->local_port(), message(300));
    }
    std::array<RxFrame, 8> batch;
    ASSERT_EQ((*small)->receive(batch), 2U);
    std::array<RxFrame, 8> more;
    EXPECT_EQ((*small)->receive(more), 0U);
    (*small)->release(std::span{batch}.first(1));
    EXPECT_EQ((*small)->receive(more), 1U);
    EXPECT_EQ((*small)->kernel_drops(), 0U);
}

// The loopback interface never fragments: whatever comes here is what the packet socket has too.
TEST_F(UdpPortTest, BesideAPacketSocketItLeavesCopiesAlone) {
    auto lane = UdpPort::open({.interface_name = "lo",
                               .server_port = 0,
                               .role = PortRole::kLane,
                               .copied_payload_len = 1000});
    ASSERT_TRUE(lane) << lane.error().message;
    EXPECT_EQ((*lane)->role(), PortRole::kLane);
    client_.send(kLoopback, (*lane)->local_port(), message(300));
    client_.send(kLoopback, (*lane)->local_port(), message(1000));
    client_.send(kLoopback, (*lane)->local_port(), message(1001));
    std::array<RxFrame, 8> batch;
    ASSERT_EQ((*lane)->receive(batch), 1U);
    EXPECT_EQ(batch[0].bytes.size(), kUdp4HeadersLen + 1001);
    EXPECT_EQ((*lane)->counters().rx_frames.value(), 1U);
    (*lane)->release(std::span{batch}.first(1));
    EXPECT_EQ((*lane)->receive(batch), 0U);
}

TEST_F(UdpPortTest, SharesItsPortWithThoseWhoShareIt) {
    const auto first = UdpPort::open({.interface_name = "lo", .server_port = 0});
    ASSERT_TRUE(first) << first.error().message;
    const auto second =
        UdpPort::open({.interface_name = "lo", .server_port = (*first)->local_port()});
    EXPECT_TRUE(second) << second.error().message;
}

TEST_F(UdpPortTest, NamesThePortThatAnotherProgramHasForItself) {
    const auto refused = UdpPort::open({.interface_name = "lo", .server_port = client_.port()});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().errno_value, EADDRINUSE);
    EXPECT_EQ(refused.error().message, "bind UDP socket to port " + std::to_string(client_.port()) +
                                           " on lo: Address already in use");
}

TEST_F(UdpPortTest, LentFramesReturnWhenDropped) {
    auto small = UdpPort::open({.interface_name = "", .server_port = 0, .tx_frame_count = 2});
    ASSERT_TRUE(small);
    for (int round = 0; round < 3; ++round) {
        auto first = (*small)->lend();
        auto second = (*small)->lend();
        ASSERT_TRUE(first && second);
        EXPECT_GE(first->bytes().size(), kMinTxFrameLen);
        EXPECT_FALSE((*small)->lend());
    }
    EXPECT_EQ((*small)->counters().tx_no_frame.value(), 3U);
}

TEST_F(UdpPortTest, SaysWhatItCouldNotBind) {
    const auto port = UdpPort::open({.interface_name = "nowhere0", .server_port = 0});
    ASSERT_FALSE(port);
    EXPECT_EQ(port.error().message, "bind UDP socket to interface nowhere0: No such device");
}

}  // namespace
}  // namespace xdhcpd
