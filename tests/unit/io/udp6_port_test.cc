// Udp6Port on the loopback interface, with a port that the kernel chooses: no privileges.
#include "io/udp/udp6_port.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "packet/frame_view6.h"
#include "packet/frame_writer6.h"
#include "packet/headers.h"

namespace xdhcpd {
namespace {

using Bytes = std::vector<std::byte>;

constexpr Ipv6 kLoopback = Ipv6::of_groups({0, 0, 0, 0, 0, 0, 0, 1});
// Nobody's.
constexpr Ipv6 kForeign = Ipv6::of_groups({0x2001, 0xdb8, 0, 0, 0, 0, 0, 1});

// A plain socket as the client.
class Client {
  public:
    Client() : fd_{::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)} {
        sockaddr_in6 address = address_of(0);
        is_open_ = ::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
        socklen_t address_len = sizeof address;
        is_open_ = is_open_ &&
                   ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &address_len) == 0;
        port_ = ntohs(address.sin6_port);
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client() { static_cast<void>(::close(fd_)); }

    [[nodiscard]] bool is_open() const { return is_open_; }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    void set(int option, int value) const {
        ASSERT_EQ(::setsockopt(fd_, IPPROTO_IPV6, option, &value, sizeof value), 0);
    }
    // Needs CAP_NET_RAW.
    [[nodiscard]] bool set_destination_options(ByteView value) const {
        return ::setsockopt(fd_, IPPROTO_IPV6, IPV6_DSTOPTS, value.data(),
                            static_cast<socklen_t>(value.size())) == 0;
    }
    void send(std::uint16_t port, ByteView payload) const {
        const sockaddr_in6 address = address_of(port);
        ASSERT_EQ(::sendto(fd_, payload.data(), payload.size(), 0,
                           reinterpret_cast<const sockaddr*>(&address), sizeof address),
                  static_cast<ssize_t>(payload.size()));
    }
    [[nodiscard]] std::optional<Bytes> receive(int timeout_ms = 2000) const {
        pollfd ready{.fd = fd_, .events = POLLIN, .revents = 0};
        Bytes buffer(65536);
        if (::poll(&ready, 1, timeout_ms) != 1) {
            return std::nullopt;
        }
        const ssize_t len = ::recv(fd_, buffer.data(), buffer.size(), 0);
        if (len < 0) {
            return std::nullopt;
        }
        buffer.resize(static_cast<std::size_t>(len));
        return buffer;
    }

  private:
    static sockaddr_in6 address_of(std::uint16_t port) {
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_addr = in6addr_loopback;
        address.sin6_port = htons(port);
        return address;
    }

    int fd_;
    bool is_open_ = false;
    std::uint16_t port_ = 0;
};

Bytes message(std::size_t len) {
    Bytes bytes(len, std::byte{0x2a});
    if (len > 0) {
        bytes[0] = std::byte{1};
    }
    return bytes;
}

class Udp6PortTest : public testing::Test {
  protected:
    void SetUp() override {
        if (!client_.is_open()) {
            GTEST_SKIP() << "no IPv6 on the loopback interface";
        }
        open({});
    }

    void open(std::optional<std::uint32_t> copied_payload_len, PortRole role = PortRole::kDriver) {
        auto port = Udp6Port::open({.interface_name = "",
                                    .server_port = 0,
                                    .role = role,
                                    .copied_payload_len = copied_payload_len});
        ASSERT_TRUE(port) << port.error().message;
        port_ = std::move(*port);
        ASSERT_NE(port_->local_port(), 0);
    }
    std::optional<Bytes> receive_one(std::uint32_t* ifindex = nullptr) {
        pollfd ready{.fd = port_->fd(), .events = POLLIN, .revents = 0};
        std::array<RxFrame, 4> batch;
        if (::poll(&ready, 1, 2000) != 1) {
            return std::nullopt;
        }
        const auto received = std::span{batch}.first(port_->receive(batch));
        if (received.empty()) {
            return std::nullopt;
        }
        Bytes copy(batch[0].bytes.begin(), batch[0].bytes.end());
        if (ifindex != nullptr) {
            *ifindex = batch[0].ifindex;
        }
        port_->release(received);
        return copy;
    }
    void submit(const Udp6Headers& headers, const Bytes& payload, const TxInfo& info = {}) {
        auto frame = port_->lend();
        ASSERT_TRUE(frame);
        const std::size_t offset = udp6_payload_offset(headers.ip.tags.count);
        copy_bytes(frame->bytes().data() + offset, payload);
        TxInfo complete = info;
        complete.frame_len =
            static_cast<std::uint32_t>(write_udp6_headers(frame->bytes(), headers, payload.size()));
        port_->submit(std::move(*frame), complete);
    }
    [[nodiscard]] Udp6Headers reply_headers() const {
        Udp6Headers headers;
        headers.ip.source = kLoopback;
        headers.ip.destination = kLoopback;
        headers.source_port = port_->local_port();
        headers.destination_port = client_.port();
        return headers;
    }

    Client client_;
    std::unique_ptr<Udp6Port> port_;
};

TEST_F(Udp6PortTest, MakesAFrameThatParses) {
    const Bytes payload = message(301);
    client_.set(IPV6_UNICAST_HOPS, 7);
    client_.send(port_->local_port(), payload);
    std::uint32_t ifindex = 0;
    const auto frame = receive_one(&ifindex);
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->size(), kUdp6HeadersLen + payload.size());
    EXPECT_EQ(ifindex, ::if_nametoindex("lo"));
    const auto view = FrameView6::parse(*frame);  // verifies lengths and the checksum
    ASSERT_TRUE(view) << name(view.error());
    EXPECT_TRUE(view->source_mac.is_zero());
    EXPECT_TRUE(view->destination_mac.is_zero());
    EXPECT_EQ(view->source, kLoopback);
    EXPECT_EQ(view->destination, kLoopback);
    EXPECT_EQ(view->hop_limit, 7);
    EXPECT_EQ(view->source_port, client_.port());
    EXPECT_EQ(view->destination_port, port_->local_port());
    EXPECT_EQ(view->checksum, ChecksumState::kFull);
    EXPECT_TRUE(equal_bytes(view->payload, payload));
    EXPECT_EQ(port_->counters().rx_frames.value(), 1U);
}

TEST_F(Udp6PortTest, DeliversEmptyAndLongestDatagramsAndCountsLonger) {
    constexpr std::size_t kLongest = Udp6Port::kMaxRxFrameLen - kUdp6HeadersLen;
    client_.send(port_->local_port(), Bytes{});
    EXPECT_EQ(receive_one()->size(), kUdp6HeadersLen);
    client_.send(port_->local_port(), message(kLongest));
    const auto frame = receive_one();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->size(), Udp6Port::kMaxRxFrameLen);
    EXPECT_TRUE(FrameView6::parse(*frame));
    client_.send(port_->local_port(), message(kLongest + 1));
    EXPECT_FALSE(receive_one());
    EXPECT_EQ(port_->counters().rx_truncated.value(), 1U);
}

TEST_F(Udp6PortTest, BesideAPacketSocketDeliversOnlyWhatThatLeavesOut) {
    open(500);
    client_.send(port_->local_port(), message(500));
    EXPECT_FALSE(receive_one());
    client_.send(port_->local_port(), message(501));
    EXPECT_TRUE(receive_one());
}

TEST_F(Udp6PortTest, BesideAPacketSocketDeliversWhatHadExtensionHeaders) {
    open(500);
    // Destination options: a header of eight octets that holds a PadN (RFC 8200 section 4.2).
    Bytes options(8);
    options[2] = std::byte{1};
    options[3] = std::byte{4};
    if (!client_.set_destination_options(options)) {
        GTEST_SKIP() << "needs CAP_NET_RAW";
    }
    client_.send(port_->local_port(), message(300));
    EXPECT_TRUE(receive_one());
    // So many that there is no room to say them; of a type for experiments, which is stepped over.
    constexpr std::byte kExperiment{0x1e};
    Bytes many(264);
    many[1] = std::byte{32};
    many[2] = many[132] = kExperiment;
    many[3] = std::byte{128};
    many[133] = std::byte{130};
    ASSERT_TRUE(client_.set_destination_options(many));
    client_.send(port_->local_port(), message(300));
    EXPECT_TRUE(receive_one());
    ASSERT_TRUE(client_.set_destination_options({}));
    client_.send(port_->local_port(), message(300));
    EXPECT_FALSE(receive_one());
}

TEST_F(Udp6PortTest, SendsThePayloadAfterFlush) {
    submit(reply_headers(), message(300));
    EXPECT_FALSE(client_.receive(0));
    port_->flush();
    EXPECT_EQ(client_.receive(), message(300));
    EXPECT_EQ(port_->counters().tx_frames.value(), 1U);
}

TEST_F(Udp6PortTest, FindsThePayloadBehindTags) {
    auto headers = reply_headers();
    headers.ip.tags = {.tags = {VlanTag{kEtherTypeQinq, 1}, VlanTag{kEtherTypeVlan, 2}},
                       .count = 2};
    submit(headers, message(333), {.ifindex = ::if_nametoindex("lo")});
    port_->flush();
    EXPECT_EQ(client_.receive(), message(333));
}

TEST_F(Udp6PortTest, SendsFromAnAddressOfTheHostWhereTheReplysIsNot) {
    auto headers = reply_headers();
    headers.ip.source = kForeign;
    submit(headers, message(300));
    port_->flush();
    EXPECT_EQ(client_.receive(), message(300));
    EXPECT_EQ(port_->counters().tx_errors.value(), 0U);
}

TEST_F(Udp6PortTest, CountsWhatIsNoUdpAndWhatTheKernelRefuses) {
    auto noise = port_->lend();
    ASSERT_TRUE(noise);
    std::fill(noise->bytes().begin(), noise->bytes().begin() + 80, std::byte{0xff});
    port_->submit(std::move(*noise), {.frame_len = 80});
    EXPECT_EQ(port_->counters().tx_errors.value(), 1U);
    auto refused = reply_headers();
    refused.destination_port = 0;
    submit(refused, message(300));
    submit(reply_headers(), message(301));
    port_->flush();
    EXPECT_EQ(port_->counters().tx_errors.value(), 2U);
    EXPECT_EQ(port_->counters().tx_frames.value(), 1U);
    EXPECT_EQ(client_.receive(), message(301));
    std::vector<std::uint32_t> unsent;
    port_->take_unsent([&](const UnsentFrame& one) { unsent.push_back(one.info.frame_len); });
    EXPECT_EQ(unsent, (std::vector<std::uint32_t>{80, kUdp6HeadersLen + 300}));
    port_->take_unsent([](const UnsentFrame&) { FAIL() << "told twice"; });
}

// The kernel tells the error of one datagram to whoever sends or receives the next.
TEST_F(Udp6PortTest, AnErrorOfAnEarlierDatagramCostsNoOther) {
    std::uint16_t closed = 0;
    {
        const Client gone;
        closed = gone.port();
    }
    auto to_nobody = reply_headers();
    to_nobody.destination_port = closed;
    submit(to_nobody, message(300));
    port_->flush();  // ICMPv6 port unreachable is back when this returns
    submit(reply_headers(), message(301));
    port_->flush();
    EXPECT_EQ(client_.receive(), message(301));
    EXPECT_EQ(port_->counters().tx_frames.value(), 2U);
    EXPECT_EQ(port_->unreachable(), 1U);

    submit(to_nobody, message(300));
    port_->flush();
    client_.send(port_->local_port(), message(300));
    EXPECT_FALSE(receive_one());  // takes the error
    EXPECT_TRUE(receive_one());
    EXPECT_EQ(port_->unreachable(), 2U);
    EXPECT_EQ(port_->counters().tx_errors.value(), 0U);
}

TEST_F(Udp6PortTest, LendsEachFrameOnceAndSendsMoreThanOneBatch) {
    const std::uint32_t count = port_->tx_frame_count();
    {
        std::vector<TxFrame> lent;
        for (std::uint32_t i = 0; i < count; ++i) {
            auto frame = port_->lend();
            ASSERT_TRUE(frame);
            lent.push_back(std::move(*frame));
        }
        EXPECT_FALSE(port_->lend());
        EXPECT_EQ(port_->counters().tx_no_frame.value(), 1U);
    }
    constexpr std::size_t kCount = 150;
    for (std::size_t i = 0; i < kCount; ++i) {
        submit(reply_headers(), message(100 + i));
    }
    port_->flush();
    for (std::size_t i = 0; i < kCount; ++i) {
        EXPECT_EQ(client_.receive(), message(100 + i));
    }
}

TEST_F(Udp6PortTest, GivesReceivedFramesBackInAnyOrder) {
    for (int round = 0; round < 100; ++round) {
        for (std::size_t i = 0; i < 5; ++i) {
            client_.send(port_->local_port(), message(10 + i));
        }
        std::array<RxFrame, 5> batch;
        std::size_t received = 0;
        for (int tries = 0; received < batch.size() && tries < 1000; ++tries) {
            received += port_->receive(std::span{batch}.subspan(received));
        }
        ASSERT_EQ(received, batch.size());
        for (std::size_t i = 0; i < batch.size(); ++i) {
            EXPECT_EQ(batch[i].bytes.size(), kUdp6HeadersLen + 10 + i);
        }
        std::reverse(batch.begin(), batch.end());
        port_->release(batch);
    }
}

TEST_F(Udp6PortTest, ARoutePortSendsAndReceivesNothing) {
    open({}, PortRole::kRoute);
    client_.send(port_->local_port(), message(300));
    std::array<RxFrame, 1> batch;
    EXPECT_EQ(port_->receive(batch), 0U);
    submit(reply_headers(), message(300), {.ifindex = 12345});
    port_->flush();
    EXPECT_EQ(client_.receive(), message(300));
}

}  // namespace
}  // namespace xdhcpd
