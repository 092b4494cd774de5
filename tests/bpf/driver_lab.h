// What the tests of all drivers do with theirs: exchange frames over a veth pair in a network
// namespace of their own, whose far end is a raw socket.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "io/udp/udp_port.h"
#include "io/xsk/xdp_interface.h"
#include "lab.h"
#include "packet/headers.h"
#include "packet/port.h"

namespace xdhcpd {

using lab::Frame;
using std::chrono::milliseconds;

inline constexpr VlanTag kTag{.tpid = kEtherTypeVlan, .tci = 100};
inline constexpr VlanTag kOuter{.tpid = kEtherTypeQinq, .tci = 200};
inline constexpr VlanTag kInner{.tpid = kEtherTypeVlan, .tci = 300};
inline constexpr std::size_t kMtu = 1500;

// The longest frame that the packet socket at the far end sends: it grants room for a tag to 802.1Q
// only.
inline std::size_t longest_frame_len(const VlanTags& tags) {
    const bool has_room = tags.count > 0 && tags.tags[0].tpid == kEtherTypeVlan;
    return kMtu + kEthernetLen + (has_room ? VlanTags::kTagLen : 0);
}

inline std::vector<XdpLink> served_links() {
    return {{}, {.outer_vid = kTag.vid()}, {.outer_vid = kOuter.vid(), .inner_vid = kInner.vid()}};
}

// Waits until `port` has a frame, and copies it.
inline std::optional<Frame> receive_one(Port& port, milliseconds timeout = milliseconds{2000},
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

inline void send_frame(Port& port, const Frame& frame, std::uint32_t ifindex,
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

inline std::uint64_t count_of(const XdpInterface& interface, std::string_view verdict) {
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
        return UdpPort::open({.interface_name = interface_name, .server_port = 67});
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

}  // namespace xdhcpd
