#include "io/packet/packet_port.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <iterator>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/owned_fd.h"
#include "io/packet/request_filter.h"
#include "packet/headers.h"
#include "packet/vlan.h"

namespace xdhcpd {
namespace {

// Messages per system call.
constexpr std::uint32_t kBatch = 64;
// Bytes of a frame without the room in front for a tag that comes beside it. DHCP messages are at
// most one MTU.
constexpr std::uint32_t kFrameLen = 2048;
constexpr std::uint32_t kSlotLen = kFrameLen + VlanTags::kTagLen;
constexpr std::uint32_t kMaxFrameCount = 1U << 20;
// What may stand in front of an MTU's worth of IP.
constexpr std::uint32_t kLinkHeaderLen = kEthernetLen + VlanTags::kMaxCount * VlanTags::kTagLen;
constexpr std::size_t kMacsLen = 2 * Mac::kLen;

constexpr std::uint16_t kFragmentMask = 0x3fff;  // RFC 791: more fragments, offset
constexpr std::uint8_t kBootReply = 2;           // RFC 2131 section 2, op
constexpr std::uint16_t kClientPort = 68;
constexpr std::uint16_t kRelayPort = 67;
constexpr std::uint16_t kEtherTypeArp = 0x0806;
constexpr std::uint16_t kArpRequest = 1;  // RFC 826

// Classic BPF that accepts BOOTREPLYs to the ports of clients and relays, ARP requests, and their
// like of IPv6. As for RequestFilter there is at most one tag to step over.
class ReplyFilter {
  public:
    ReplyFilter() {
        add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE));
        add(kEqual, PACKET_OUTGOING, 0, 1);
        add(BPF_RET | BPF_K, 0);
        add(kLoadHalf, kMacsLen);
        judge(kEthernetLen);
        add(kEqual, kEtherTypeVlan, 2, 0);
        add(kEqual, kEtherTypeQinq, 1, 0);
        add(BPF_RET | BPF_K, 0);
        add(kLoadHalf, kEthernetLen + 2);
        judge(kEthernetLen + VlanTags::kTagLen);
        add(BPF_RET | BPF_K, 0);
    }

    [[nodiscard]] sock_fprog program() noexcept {
        return {.len = static_cast<unsigned short>(code_.size()), .filter = code_.data()};
    }

  private:
    // RFC 4861 section 4; RFC 8415 sections 7.2 and 7.3.
    static constexpr std::uint32_t kIcmpv6 = 58;
    static constexpr std::uint32_t kRouterAdvertisement = 134;
    static constexpr std::uint32_t kNeighborAdvertisement = 136;
    static constexpr std::uint32_t kClientPort6 = 546;
    static constexpr std::uint32_t kRelayPort6 = 547;
    static constexpr std::uint32_t kAdvertise6 = 2;
    static constexpr std::uint32_t kReply6 = 7;
    static constexpr std::uint32_t kRelayReply6 = 13;
    static constexpr std::uint32_t kEqual = BPF_JMP | BPF_JEQ | BPF_K;
    static constexpr std::uint32_t kLoadHalf = BPF_LD | BPF_H | BPF_ABS;
    static constexpr std::uint32_t kAcceptAll = 0xffffffff;  // bytes to keep

    void add(std::uint32_t code, std::uint32_t operand, std::uint8_t if_true = 0,
             std::uint8_t if_false = 0) {
        code_.push_back({.code = static_cast<std::uint16_t>(code),
                         .jt = if_true,
                         .jf = if_false,
                         .k = operand});
    }
    // The accumulator holds an EtherType, and what it announces stands at `at`. Continues behind
    // these 36 instructions when it is neither ARP nor IP; jumps count from the next instruction.
    void judge(std::uint32_t at) {
        add(kEqual, kEtherTypeArp, 0, 4);
        add(kLoadHalf, at + 6);
        add(kEqual, kArpRequest, 0, 1);
        add(BPF_RET | BPF_K, kAcceptAll);
        add(BPF_RET | BPF_K, 0);
        add(kEqual, kEtherTypeIpv4, 0, 12);
        add(BPF_LD | BPF_B | BPF_ABS, at + 9);
        add(kEqual, kProtocolUdpNumber, 0, 9);
        add(kLoadHalf, at + 6);
        add(BPF_JMP | BPF_JSET | BPF_K, kFragmentMask, 7, 0);
        add(BPF_LDX | BPF_B | BPF_MSH, at);
        add(BPF_LD | BPF_H | BPF_IND, at + 2);
        add(kEqual, kClientPort, 1, 0);
        add(kEqual, kRelayPort, 0, 3);
        add(BPF_LD | BPF_B | BPF_IND, static_cast<std::uint32_t>(at + kUdpLen));
        add(kEqual, kBootReply, 0, 1);
        add(BPF_RET | BPF_K, kAcceptAll);
        add(BPF_RET | BPF_K, 0);
        judge_ipv6(at);
    }
    // Advertisements and Neighbor Solicitations; Advertise, Reply and Relay-reply of DHCPv6.
    void judge_ipv6(std::uint32_t at) {
        const std::uint32_t payload = at + static_cast<std::uint32_t>(kIpv6Len);
        add(kEqual, kEtherTypeIpv6, 0, 17);
        add(BPF_LD | BPF_B | BPF_ABS, at + 6);
        add(kEqual, kIcmpv6, 0, 5);
        add(BPF_LD | BPF_B | BPF_ABS, payload);
        add(BPF_JMP | BPF_JGE | BPF_K, kRouterAdvertisement, 0, 2);
        add(BPF_JMP | BPF_JGT | BPF_K, kNeighborAdvertisement, 1, 0);
        add(BPF_RET | BPF_K, kAcceptAll);
        add(BPF_RET | BPF_K, 0);
        add(kEqual, kProtocolUdpNumber, 0, 8);
        add(kLoadHalf, payload + 2);
        add(kEqual, kClientPort6, 1, 0);
        add(kEqual, kRelayPort6, 0, 5);
        add(BPF_LD | BPF_B | BPF_ABS, static_cast<std::uint32_t>(payload + kUdpLen));
        add(kEqual, kAdvertise6, 2, 0);
        add(kEqual, kReply6, 1, 0);
        add(kEqual, kRelayReply6, 0, 1);
        add(BPF_RET | BPF_K, kAcceptAll);
        add(BPF_RET | BPF_K, 0);
    }

    std::vector<sock_filter> code_;
};

bool is_temporary(int error) noexcept {
    return error == EAGAIN || error == EBUSY || error == ENOBUFS || error == ENETDOWN ||
           error == EINTR;
}

// Since the kernel took the frame in, by `control` (SCM_TIMESTAMPNS). The stamp is of the wall
// clock, which may step: never negative.
std::chrono::nanoseconds waiting_time(const cmsghdr& control,
                                      std::chrono::nanoseconds now) noexcept {
    timespec arrival{};
    std::memcpy(&arrival, CMSG_DATA(&control), sizeof arrival);
    const auto arrived =
        std::chrono::seconds{arrival.tv_sec} + std::chrono::nanoseconds{arrival.tv_nsec};
    return std::max<std::chrono::nanoseconds>(now - arrived, std::chrono::nanoseconds{0});
}

std::chrono::nanoseconds wall_time() noexcept {
    return std::chrono::system_clock::now().time_since_epoch();
}

}  // namespace

struct PacketPort::State {
    enum class FrameState : std::uint8_t { kFree, kOut, kPending };
    struct Pending {
        std::uint32_t index = 0;
        std::uint32_t len = 0;
    };
    // A union to get the alignment that CMSG_FIRSTHDR expects.
    union Control {
        cmsghdr alignment;
        std::array<std::byte, CMSG_SPACE(sizeof(tpacket_auxdata)) + CMSG_SPACE(sizeof(timespec))>
            bytes;
    };

    explicit State(const PacketOptions& wanted)
        : options{wanted},
          rx_memory(std::size_t{wanted.rx_frame_count} * kSlotLen),
          tx_memory(std::size_t{wanted.tx_frame_count} * kFrameLen),
          rx_states(wanted.rx_frame_count, FrameState::kFree),
          tx_states(wanted.tx_frame_count, FrameState::kFree) {
        for (std::uint32_t i = wanted.rx_frame_count; i > 0; --i) {
            rx_free.push_back(i - 1);
        }
        for (std::uint32_t i = wanted.tx_frame_count; i > 0; --i) {
            tx_free.push_back(i - 1);
        }
        pending.reserve(wanted.tx_frame_count);
    }

    [[nodiscard]] std::byte* rx_slot(std::uint32_t index) noexcept {
        return rx_memory.data() + std::size_t{index} * kSlotLen;
    }
    [[nodiscard]] std::byte* tx_frame(std::uint32_t index) noexcept {
        return tx_memory.data() + std::size_t{index} * kFrameLen;
    }
    static void change(std::vector<FrameState>& states, std::uint32_t index, FrameState from,
                       FrameState to) noexcept {
        XD_ASSERT(index < states.size() && states[index] == from);
        states[index] = to;
    }
    void free_tx(std::uint32_t index, FrameState from) noexcept {
        change(tx_states, index, from, FrameState::kFree);
        tx_free.push_back(index);
    }
    [[nodiscard]] RxFrame received_frame(std::uint32_t index, const mmsghdr& message,
                                         std::chrono::nanoseconds now) noexcept;
    [[nodiscard]] ByteView put_tag_back(std::uint32_t index, ByteView frame,
                                        const tpacket_auxdata& auxdata) noexcept;
    [[nodiscard]] std::size_t send_some(std::span<const Pending> frames, int& error) noexcept;

    PacketOptions options;
    OwnedFd fd;
    std::uint32_t ifindex = 0;
    Mac mac{};
    std::uint32_t max_tx_frame_len = kFrameLen;

    std::vector<std::byte> rx_memory;
    std::vector<std::byte> tx_memory;
    std::vector<FrameState> rx_states;
    std::vector<FrameState> tx_states;
    std::vector<std::uint32_t> rx_free;
    std::vector<std::uint32_t> tx_free;
    std::vector<Pending> pending;

    std::array<mmsghdr, kBatch> messages{};
    std::array<iovec, kBatch> buffers{};
    std::array<Control, kBatch> controls{};
};

// The frame in slot `index`, with the outer tag if the kernel keeps that beside it.
ByteView PacketPort::State::put_tag_back(std::uint32_t index, ByteView frame,
                                         const tpacket_auxdata& auxdata) noexcept {
    if ((auxdata.tp_status & TP_STATUS_VLAN_VALID) == 0 || frame.size() < kMacsLen) {
        return frame;
    }
    const bool has_tpid = (auxdata.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
    std::byte* const start = rx_slot(index);
    std::memmove(start, frame.data(), kMacsLen);
    store_be16(start + kMacsLen, has_tpid ? auxdata.tp_vlan_tpid : kEtherTypeVlan);
    store_be16(start + kMacsLen + 2, auxdata.tp_vlan_tci);
    return {start, frame.size() + VlanTags::kTagLen};
}

// What was received into slot `index`, with what `message`'s control data says about it.
RxFrame PacketPort::State::received_frame(std::uint32_t index, const mmsghdr& message,
                                          std::chrono::nanoseconds now) noexcept {
    RxFrame frame{.bytes = {rx_slot(index) + VlanTags::kTagLen, message.msg_len},
                  .ifindex = ifindex,
                  .token = index};
    msghdr header = message.msg_hdr;
    for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
         control = CMSG_NXTHDR(&header, control)) {
        if (control->cmsg_level == SOL_PACKET && control->cmsg_type == PACKET_AUXDATA &&
            control->cmsg_len >= CMSG_LEN(sizeof(tpacket_auxdata))) {
            tpacket_auxdata auxdata{};
            std::memcpy(&auxdata, CMSG_DATA(control), sizeof auxdata);
            frame.bytes = put_tag_back(index, frame.bytes, auxdata);
        } else if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_TIMESTAMPNS &&
                   control->cmsg_len >= CMSG_LEN(sizeof(timespec))) {
            frame.waited = waiting_time(*control, now);
        }
    }
    return frame;
}

// Returns how many the kernel took; when none, `error` says why.
std::size_t PacketPort::State::send_some(std::span<const Pending> frames, int& error) noexcept {
    const std::size_t count = std::min<std::size_t>(frames.size(), kBatch);
    for (std::size_t i = 0; i < count; ++i) {
        buffers[i] = {.iov_base = tx_frame(frames[i].index), .iov_len = frames[i].len};
        messages[i] = {};
        messages[i].msg_hdr.msg_iov = &buffers[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int sent =
        ::sendmmsg(fd.get(), messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
    error = sent < 0 ? errno : 0;
    return sent < 0 ? 0 : static_cast<std::size_t>(sent);
}

Result<std::unique_ptr<PacketPort>, Error> PacketPort::open(const PacketOptions& options) {
    const std::string& name = options.interface_name;
    if (name.empty() || name.size() >= IFNAMSIZ || options.server_port == 0 ||
        options.rx_frame_count == 0 || options.rx_frame_count > kMaxFrameCount ||
        options.tx_frame_count == 0 || options.tx_frame_count > kMaxFrameCount) {
        return Unexpected{system_error(EINVAL, "packet socket options of '" + name + "'")};
    }
    auto state = std::make_unique<State>(options);
    state->ifindex = ::if_nametoindex(name.c_str());
    if (state->ifindex == 0) {
        return Unexpected{system_error(errno, "interface " + name)};
    }
    // Protocol 0 receives nothing until it is bound, when the filter is in place.
    state->fd = OwnedFd{::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    const int fd = state->fd.get();
    if (fd < 0) {
        Error error = system_error(errno, "packet socket for " + name);
        if (error.errno_value == EPERM) {
            error.message += " (needs CAP_NET_RAW)";
        }
        return Unexpected{std::move(error)};
    }

    ifreq request{};
    name.copy(request.ifr_name, sizeof request.ifr_name - 1);
    if (::ioctl(fd, SIOCGIFHWADDR, &request) != 0) {
        return Unexpected{system_error(errno, "read MAC address of " + name)};
    }
    std::memcpy(state->mac.octets.data(), request.ifr_hwaddr.sa_data, Mac::kLen);
    if (::ioctl(fd, SIOCGIFMTU, &request) != 0) {
        return Unexpected{system_error(errno, "read MTU of " + name)};
    }
    state->max_tx_frame_len =
        std::min(kFrameLen, static_cast<std::uint32_t>(request.ifr_mtu) + kLinkHeaderLen);

    const bool takes_replies = options.take == PacketTake::kReplies;
    RequestFilter request_filter{
        options.server_port, options.server_port6, {}, kMaxPayloadLen, kFrameLen};
    ReplyFilter reply_filter;
    const sock_fprog program = takes_replies ? reply_filter.program() : request_filter.program();
    if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) {
        return Unexpected{system_error(errno, "attach packet filter for " + name)};
    }
    const int on = 1;
    if (::setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) != 0) {
        return Unexpected{system_error(errno, "ask for VLAN tags of " + name)};
    }
    // Without it nothing is known of how long a frame has waited.
    static_cast<void>(::setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on));
    // Linux 4.20; the filter rejects our own frames as well.
    static_cast<void>(::setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on));
    const int buffer_len = static_cast<int>(
        std::min<std::uint32_t>(options.receive_buffer_len, std::uint32_t{1} << 30));
    if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_len, sizeof buffer_len) != 0) {
        static_cast<void>(::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_len, sizeof buffer_len));
    }

    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(state->ifindex);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return Unexpected{system_error(errno, "bind packet socket to " + name)};
    }
    packet_mreq membership{};
    membership.mr_ifindex = static_cast<int>(state->ifindex);
    membership.mr_type = PACKET_MR_PROMISC;
    if (takes_replies &&
        ::setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof membership) != 0) {
        return Unexpected{system_error(errno, "make " + name + " promiscuous")};
    }
    return std::unique_ptr<PacketPort>{new PacketPort{std::move(state)}};
}

PacketPort::PacketPort(std::unique_ptr<State> state) noexcept : state_{std::move(state)} {}

PacketPort::~PacketPort() = default;

std::string_view PacketPort::interface_name() const noexcept {
    return state_->options.interface_name;
}

int PacketPort::fd() const noexcept {
    return state_->fd.get();
}

std::uint32_t PacketPort::ifindex() const noexcept {
    return state_->ifindex;
}

Mac PacketPort::mac() const noexcept {
    return state_->mac;
}

std::uint64_t PacketPort::kernel_drops() const noexcept {
    std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
    socklen_t info_len = sizeof info;
    if (::getsockopt(fd(), SOL_SOCKET, SO_MEMINFO, info.data(), &info_len) != 0) {
        return 0;
    }
    return info[SK_MEMINFO_DROPS];
}

// The kernel exchanges the filter as a whole, under the receiver's feet if need be.
Result<Success, Error> PacketPort::set_take6(const PacketTake6& take) {
    XD_ASSERT(state_->options.take == PacketTake::kRequests);
    const PacketOptions& options = state_->options;
    RequestFilter filter{options.server_port, options.server_port6, take, kMaxPayloadLen,
                         kFrameLen};
    const sock_fprog program = filter.program();
    if (::setsockopt(fd(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) {
        return Unexpected{
            system_error(errno, "attach packet filter for " + options.interface_name)};
    }
    return Success{};
}

std::size_t PacketPort::receive(std::span<RxFrame> batch) {
    State& s = *state_;
    const std::size_t wanted = std::min({batch.size(), s.rx_free.size(), std::size_t{kBatch}});
    if (wanted == 0) {
        return 0;
    }
    const auto slots = std::span{s.rx_free}.last(wanted);
    for (std::size_t i = 0; i < wanted; ++i) {
        s.buffers[i] = {.iov_base = s.rx_slot(slots[i]) + VlanTags::kTagLen, .iov_len = kFrameLen};
        s.messages[i] = {};
        s.messages[i].msg_hdr.msg_iov = &s.buffers[i];
        s.messages[i].msg_hdr.msg_iovlen = 1;
        s.messages[i].msg_hdr.msg_control = s.controls[i].bytes.data();
        s.messages[i].msg_hdr.msg_controllen = s.controls[i].bytes.size();
    }
    const int received = ::recvmmsg(s.fd.get(), s.messages.data(), static_cast<unsigned>(wanted),
                                    MSG_DONTWAIT, nullptr);
    if (received <= 0) {
        return 0;
    }

    const std::chrono::nanoseconds now = wall_time();
    std::size_t delivered = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(received); ++i) {
        if ((s.messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) {
            counters_.rx_truncated.add();
            continue;
        }
        const std::uint32_t index = slots[i];
        State::change(s.rx_states, index, State::FrameState::kFree, State::FrameState::kOut);
        batch[delivered++] = s.received_frame(index, s.messages[i], now);
    }
    // Takes the delivered slots off the stack; the others of `slots` stay.
    std::size_t kept = s.rx_free.size() - wanted;
    for (const std::uint32_t index : slots) {
        if (s.rx_states[index] == State::FrameState::kFree) {
            s.rx_free[kept++] = index;
        }
    }
    s.rx_free.resize(kept);
    counters_.rx_frames.add(delivered);
    return delivered;
}

void PacketPort::release(std::span<const RxFrame> batch) {
    for (const RxFrame& frame : batch) {
        const auto index = static_cast<std::uint32_t>(frame.token);
        State::change(state_->rx_states, index, State::FrameState::kOut, State::FrameState::kFree);
        state_->rx_free.push_back(index);
    }
}

std::uint32_t PacketPort::tx_frame_count() const noexcept {
    return static_cast<std::uint32_t>(state_->tx_states.size());
}

std::optional<TxFrame> PacketPort::lend() {
    State& s = *state_;
    if (s.tx_free.empty()) {
        counters_.tx_no_frame.add();
        return std::nullopt;
    }
    const std::uint32_t index = s.tx_free.back();
    s.tx_free.pop_back();
    State::change(s.tx_states, index, State::FrameState::kFree, State::FrameState::kOut);
    return TxFrame{*this, MutableBytes{s.tx_frame(index), s.max_tx_frame_len}, index};
}

void PacketPort::take_back(std::uint64_t token) noexcept {
    state_->free_tx(static_cast<std::uint32_t>(token), State::FrameState::kOut);
}

void PacketPort::submit(TxFrame frame, const TxInfo& info) {
    State& s = *state_;
    const auto index = static_cast<std::uint32_t>(frame.token());
    XD_ASSERT(info.frame_len > 0 && info.frame_len <= s.max_tx_frame_len);
    State::change(s.tx_states, index, State::FrameState::kOut, State::FrameState::kPending);
    frame.forget();
    s.pending.push_back({.index = index, .len = info.frame_len});
}

void PacketPort::flush() {
    State& s = *state_;
    std::size_t done = 0;
    while (done < s.pending.size()) {
        int error = 0;
        counters_.kicks.add();
        const std::size_t sent = s.send_some(std::span{s.pending}.subspan(done), error);
        counters_.tx_frames.add(sent);
        std::size_t finished = sent;
        if (sent == 0) {
            if (is_temporary(error)) {
                counters_.kick_retries.add();
                break;
            }
            counters_.tx_errors.add();
            finished = 1;
        }
        for (std::size_t i = 0; i < finished; ++i) {
            s.free_tx(s.pending[done + i].index, State::FrameState::kPending);
        }
        done += finished;
    }
    s.pending.erase(s.pending.begin(),
                    std::next(s.pending.begin(), static_cast<std::ptrdiff_t>(done)));
}

}  // namespace xdhcpd
