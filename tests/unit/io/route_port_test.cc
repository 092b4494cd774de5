// RoutePort on the loopback interface, with ports that the kernel chooses: no privileges.
#include "io/udp/route_port.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/owned_fd.h"
#include "packet/frame_writer.h"
#include "packet/frame_writer6.h"

namespace xdhcpd {
namespace {

using Bytes = std::vector<std::byte>;

constexpr Ipv4 kLoopback{0x7f000001};
constexpr Ipv6 kLoopback6 = Ipv6::of_groups({0, 0, 0, 0, 0, 0, 0, 1});
constexpr VlanTags kTwoTags{.tags = {VlanTag{kEtherTypeQinq, 1}, VlanTag{kEtherTypeVlan, 2}},
                            .count = 2};

// A plain socket at which replies arrive.
template <typename Address>
class Listener {
  public:
    explicit Listener(Address address)
        : fd_{::socket(reinterpret_cast<const sockaddr*>(&address)->sa_family,
                       SOCK_DGRAM | SOCK_CLOEXEC, 0)} {
        socklen_t len = sizeof address;
        is_open_ =
            ::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
            ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &len) == 0;
        address_ = address;
    }
    [[nodiscard]] bool is_open() const { return is_open_; }
    [[nodiscard]] const Address& address() const { return address_; }
    [[nodiscard]] std::optional<Bytes> receive() const {
        pollfd ready{.fd = fd_.get(), .events = POLLIN, .revents = 0};
        Bytes buffer(2048);
        if (::poll(&ready, 1, 2000) != 1) {
            return std::nullopt;
        }
        buffer.resize(static_cast<std::size_t>(::recv(fd_.get(), buffer.data(), buffer.size(), 0)));
        return buffer;
    }

  private:
    OwnedFd fd_;
    bool is_open_ = false;
    Address address_{};
};

[[nodiscard]] sockaddr_in loopback() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(kLoopback.value);
    return address;
}
[[nodiscard]] sockaddr_in6 loopback6() {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    return address;
}
[[nodiscard]] Bytes message(int fill) {
    return Bytes(300, static_cast<std::byte>(fill));
}

class RoutePortTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!listener6_.is_open()) {
            GTEST_SKIP() << "no IPv6 on the loopback interface";
        }
    }
    void open(std::optional<std::uint16_t> server_port6) {
        auto opened = RoutePort::open({.server_port = 0, .server_port6 = server_port6});
        ASSERT_TRUE(opened) << opened.error().message;
        port_ = std::move(*opened);
    }
    void submit(const Bytes& payload, std::optional<std::uint16_t> port = {}) {
        const Udp4Headers headers{
            .destination_mac = {},
            .source_mac = {},
            .tags = kTwoTags,
            .source = kLoopback,
            .destination = kLoopback,
            .source_port = 67,
            .destination_port = port.value_or(ntohs(listener_.address().sin_port))};
        auto frame = port_->lend();
        ASSERT_TRUE(frame);
        copy_bytes(frame->bytes().data() + udp4_payload_offset(headers.tags.count), payload);
        const std::size_t len = write_udp4_headers(frame->bytes(), headers, payload.size());
        port_->submit(std::move(*frame), {.frame_len = static_cast<std::uint32_t>(len)});
    }
    void submit6(const Bytes& payload, std::optional<std::uint16_t> port = {}) {
        Udp6Headers headers;
        headers.ip.tags = kTwoTags;
        headers.ip.source = headers.ip.destination = kLoopback6;
        headers.source_port = 547;
        headers.destination_port = port.value_or(ntohs(listener6_.address().sin6_port));
        auto frame = port_->lend();
        ASSERT_TRUE(frame);
        copy_bytes(frame->bytes().data() + udp6_payload_offset(headers.ip.tags.count), payload);
        const std::size_t len = write_udp6_headers(frame->bytes(), headers, payload.size());
        port_->submit(std::move(*frame), {.frame_len = static_cast<std::uint32_t>(len)});
    }

    Listener<sockaddr_in> listener_{loopback()};
    Listener<sockaddr_in6> listener6_{loopback6()};
    std::unique_ptr<RoutePort> port_;
};

TEST_F(RoutePortTest, SendsBothFamiliesAndCountsThemTogether) {
    open(0);
    for (int i = 0; i < 3; ++i) {
        submit(message(2 * i));
        submit6(message(2 * i + 1));
    }
    EXPECT_EQ(port_->counters().tx_frames.value(), 0U);
    port_->flush();
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(listener_.receive(), message(2 * i));
        EXPECT_EQ(listener6_.receive(), message(2 * i + 1));
    }
    EXPECT_EQ(port_->counters().tx_frames.value(), 6U);
    EXPECT_EQ(port_->counters().tx_errors.value(), 0U);
}

TEST_F(RoutePortTest, WithoutDhcpv6ItIsOfOneFamily) {
    open(std::nullopt);
    submit6(message(1));
    submit(message(2));
    port_->flush();
    EXPECT_EQ(listener_.receive(), message(2));
    EXPECT_EQ(port_->counters().tx_frames.value(), 1U);
    EXPECT_EQ(port_->counters().tx_errors.value(), 1U);
}

TEST_F(RoutePortTest, HasEachFrameBackAfterItIsSent) {
    open(0);
    for (std::uint32_t i = 0; i < 2 * port_->tx_frame_count(); ++i) {
        submit6(message(7));
        port_->flush();
        ASSERT_TRUE(listener6_.receive());
    }
    std::vector<TxFrame> lent;
    for (std::uint32_t i = 0; i < port_->tx_frame_count(); ++i) {
        auto frame = port_->lend();
        ASSERT_TRUE(frame);
        lent.push_back(std::move(*frame));
    }
    EXPECT_FALSE(port_->lend());
}

// Port 0 is nowhere: the kernel refuses it.
TEST_F(RoutePortTest, TellsWhatTheKernelRefusesAndHasItsFramesBack) {
    open(0);
    for (std::uint32_t round = 0; round < 2 * port_->tx_frame_count(); ++round) {
        submit(message(1), 0);
        submit6(message(2), 0);
        submit(message(3));
        port_->flush();
        std::vector<std::byte> unsent;
        port_->take_unsent([&](const UnsentFrame& one) {
            unsent.push_back(one.frame.bytes()[one.info.frame_len - 1]);
        });
        ASSERT_EQ(unsent, (Bytes{std::byte{1}, std::byte{2}}));
        ASSERT_EQ(listener_.receive(), message(3));
    }
    port_->take_unsent([](const UnsentFrame&) { FAIL() << "told twice"; });
    EXPECT_EQ(port_->counters().tx_errors.value(), std::uint64_t{4} * port_->tx_frame_count());
    submit(message(1), 0);
    port_->flush();  // told to nobody: the port ends with the frame
}

TEST_F(RoutePortTest, TellsOfIpv6WithoutDhcpv6) {
    open(std::nullopt);
    submit6(message(1));
    port_->flush();
    int unsent = 0;
    port_->take_unsent([&](const UnsentFrame&) { ++unsent; });
    EXPECT_EQ(unsent, 1);
}

TEST_F(RoutePortTest, ReceivesNothing) {
    open(0);
    std::array<RxFrame, 1> batch;
    EXPECT_EQ(port_->receive(batch), 0U);
    EXPECT_EQ(port_->role(), PortRole::kRoute);
}

}  // namespace
}  // namespace xdhcpd
