// The XDP driver and VLAN tags that are not in the frame but in its metadata.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "driver_lab.h"
#include "io/xsk/xdp_interface.h"

namespace xdhcpd {
namespace {

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

}  // namespace
}  // namespace xdhcpd
