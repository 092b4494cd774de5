// The XDP program on single frames by the kernel's own test run: which verdict, which counter, and
// whether the frame is as it was.
#pragma once

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <unistd.h>
#include <xdhcpd.skel.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "bpf/xdhcpd_abi.h"
#include "frames6.h"
#include "io/xsk/xsk_port.h"
#include "lab.h"
#include "packet/headers.h"
#include "support/test_run.h"

namespace xdhcpd::lab {

inline constexpr Ipv4 kDirectedBroadcast{0xc00002ff};  // 192.0.2.255

struct SkeletonDeleter {
    void operator()(xdhcpd_bpf* skeleton) const { xdhcpd_bpf__destroy(skeleton); }
};

struct Outcome {
    std::uint32_t action = 0;
    std::uint32_t verdict = XD_VERDICT_COUNT;  // the counter that moved by one, if exactly one did
    bool is_unchanged = false;
    bool has_metadata = false;  // in front of the frame
    xd_arrival arrival{};       // what is there
};

class VerdictTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (const auto reason = missing_privilege()) {
            GTEST_SKIP() << *reason;
        }
        ASSERT_EQ(enter_new_network(), "");
        ifindex_ = ::if_nametoindex(kServerInterface);
        skeleton_.reset(xdhcpd_bpf__open());
        ASSERT_TRUE(skeleton_);
        skeleton_->rodata->xd_max_frame_len = kMaxFrameLen;
        ASSERT_EQ(xdhcpd_bpf__load(skeleton_.get()), 0);

        serve({});
        serve(tags(kServedTag));
        serve(tags(kServedOuter, kServedInner));
        for (const Ipv4 address : {kServerIp, kDirectedBroadcast}) {
            const xd_local_key key{htonl(address.value)};
            const xd_local value{};
            put(skeleton_->maps.xd_local, key, value);
        }
        enable(true);
        auto port = XskPort::open({.interface_name = kServerInterface,
                                   .ifindex = ifindex_,
                                   .queue = 0,
                                   .driver = "xdp",
                                   .ring_size = 64,
                                   .frame_count = 128,
                                   .frame_len = 2048,
                                   .max_tx_frame_len = 1522,
                                   .bind_flags = 0});
        ASSERT_TRUE(port) << port.error().message;
        port_ = std::move(*port);
        const std::uint32_t queue = 0;
        put(skeleton_->maps.xd_sockets, queue, port_->fd());
    }

    template <typename Key, typename Value>
    static void put(const bpf_map* map, const Key& key, const Value& value) {
        ASSERT_EQ(bpf_map_update_elem(bpf_map__fd(map), &key, &value, BPF_ANY), 0);
    }
    void serve(const VlanTags& tags, std::uint32_t flags = XD_LINK_DHCP4) {
        xd_link_key key{};
        key.ifindex = ifindex_;
        if (tags.count > 0) {
            key.outer_vid = tags.tags[0].vid();
        }
        if (tags.count > 1) {
            key.inner_vid = tags.tags[1].vid();
        }
        xd_link value{};
        value.flags = flags;
        std::memcpy(value.mac, kServerMac.octets.data(), Mac::kLen);
        put(skeleton_->maps.xd_links, key, value);
    }
    void enable(bool on) { limit({}, {}, on); }
    // Rates of clients and of links.
    void limit(xd_rate client, xd_rate link, bool on = true) {
        const std::uint32_t key = 0;
        xd_settings value{};
        value.enabled = on ? 1 : 0;
        value.limited = client.interval != 0 || link.interval != 0 ? 1 : 0;
        value.client = client;
        value.link = link;
        put(skeleton_->maps.xd_settings, key, value);
    }
    // Gives the program a new map of clients.
    void forget_clients() {
        const int fd = bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "clients", sizeof(xd_client_key),
                                      sizeof(xd_client), 1024, nullptr);
        ASSERT_GE(fd, 0) << "errno " << errno;
        const std::uint32_t key = 0;
        put(skeleton_->maps.xd_clients, key, fd);
        ::close(fd);
    }

    [[nodiscard]] std::array<std::uint64_t, XD_VERDICT_COUNT> counters() const {
        std::vector<std::uint64_t> per_cpu(static_cast<std::size_t>(libbpf_num_possible_cpus()));
        std::array<std::uint64_t, XD_VERDICT_COUNT> sums{};
        for (std::uint32_t i = 0; i < XD_VERDICT_COUNT; ++i) {
            EXPECT_EQ(
                bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.xd_verdicts), &i, per_cpu.data()),
                0);
            for (const std::uint64_t count : per_cpu) {
                sums[i] += count;
            }
        }
        return sums;
    }

    [[nodiscard]] int program() const { return bpf_program__fd(skeleton_->progs.xd_ingress); }
    // The kernel accepts 14 bytes or more.
    Outcome run(const Frame& frame) {
        const auto before = counters();
        XdpRun done = run_xdp(program(), ifindex_, frame,
                              {.out_len = static_cast<std::uint32_t>(frame.size()) + 64});
        EXPECT_EQ(done.error, 0) << "frame of " << frame.size() << " bytes";
        Frame& out = done.out;

        Outcome outcome{.action = done.action};
        const std::size_t metadata_len = done.metadata_len;
        if (metadata_len >= sizeof outcome.arrival) {
            std::memcpy(&outcome.arrival, out.data(), sizeof outcome.arrival);
        }
        outcome.has_metadata = metadata_len != 0;
        out.erase(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(metadata_len));
        outcome.is_unchanged = out == frame;
        const auto after = counters();
        std::uint64_t moved = 0;
        for (std::uint32_t i = 0; i < XD_VERDICT_COUNT; ++i) {
            moved += after[i] - before[i];
            if (after[i] == before[i] + 1) {
                outcome.verdict = i;
            }
        }
        EXPECT_EQ(moved, 1U);
        return outcome;
    }
    void expect_pass(const Frame& frame, xd_verdict verdict, const std::string& what) {
        const Outcome outcome = run(frame);
        EXPECT_EQ(outcome.action, XDP_PASS) << what;
        EXPECT_EQ(outcome.verdict, static_cast<std::uint32_t>(verdict)) << what;
        EXPECT_TRUE(outcome.is_unchanged) << what;
        EXPECT_FALSE(outcome.has_metadata) << what;
    }
    void expect_redirect(const Frame& frame, const std::string& what) {
        const Outcome outcome = run(frame);
        EXPECT_EQ(outcome.action, XDP_REDIRECT) << what;
        EXPECT_EQ(outcome.verdict, static_cast<std::uint32_t>(XD_REDIRECTED)) << what;
        EXPECT_TRUE(outcome.is_unchanged) << what;
    }

    void expect_drop(const Frame& frame, xd_verdict verdict, const std::string& what) {
        const Outcome outcome = run(frame);
        EXPECT_EQ(outcome.action, XDP_DROP) << what;
        EXPECT_EQ(outcome.verdict, static_cast<std::uint32_t>(verdict)) << what;
    }

    std::uint32_t ifindex_ = 0;
    std::unique_ptr<xdhcpd_bpf, SkeletonDeleter> skeleton_;
    std::unique_ptr<XskPort> port_;
};

inline Frame patched(Frame frame, std::size_t offset, std::initializer_list<std::uint8_t> bytes) {
    for (const std::uint8_t byte : bytes) {
        frame.at(offset++) = std::byte{byte};
    }
    return frame;
}

}  // namespace xdhcpd::lab
