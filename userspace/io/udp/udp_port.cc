#include "io/udp/udp_port.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <iterator>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/owned_fd.h"
#include "packet/checksum.h"
#include "packet/frame_view.h"
#include "packet/headers.h"

namespace xdhcpd {
namespace {

// Messages per system call.
constexpr std::uint32_t kBatch = 64;
// Bytes of a frame to send with the headers we make. Replies are at most one MTU.
constexpr std::uint32_t kTxFrameLen = 2048;
constexpr std::uint32_t kMaxPayloadLen = UdpPort::kMaxRxFrameLen - kUdp4HeadersLen;
constexpr std::uint32_t kMaxFrameCount = 1U << 20;

// BOOTP (RFC 2131 section 2): where a message names its sender's Ethernet address.
constexpr std::size_t kHtypeOffset = 1;
constexpr std::size_t kHlenOffset = 2;
constexpr std::size_t kGiaddrOffset = 24;
constexpr std::size_t kChaddrOffset = 28;
constexpr std::uint8_t kHtypeEthernet = 1;

Ipv4 from_wire(in_addr address) noexcept {
    return Ipv4{ntohl(address.s_addr)};
}
in_addr to_wire(Ipv4 address) noexcept {
    return in_addr{htonl(address.value)};
}

Mac sender_of(ByteView payload, Mac own) noexcept {
    if (payload.size() < kChaddrOffset + Mac::kLen ||
        load_u8(&payload[kHtypeOffset]) != kHtypeEthernet ||
        load_u8(&payload[kHlenOffset]) != Mac::kLen) {
        return Mac{};
    }
    const Mac chaddr = Mac::load(&payload[kChaddrOffset]);
    return chaddr.is_group() || chaddr == own ? Mac{} : chaddr;
}

// What the socket told about a datagram.
struct Datagram {
    Mac destination_mac;
    Mac interface_mac;  // of the interface it came in on; zero if it has none
    Ipv4 source;
    Ipv4 destination;
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::size_t payload_len = 0;
};

// Writes kUdp4HeadersLen bytes in front of the payload at `frame` + kUdp4HeadersLen.
void put_headers(std::byte* frame, const Datagram& datagram) noexcept {
    std::memset(frame, 0, kUdp4HeadersLen);
    datagram.destination_mac.store(frame);
    sender_of({frame + kUdp4HeadersLen, datagram.payload_len}, datagram.interface_mac)
        .store(frame + Mac::kLen);
    store_be16(frame + 2 * Mac::kLen, kEtherTypeIpv4);

    const auto udp_len = static_cast<std::uint16_t>(kUdpLen + datagram.payload_len);
    std::byte* const ip = frame + kEthernetLen;
    store_u8(ip, 0x45);  // version 4, five words
    store_be16(ip + 2, static_cast<std::uint16_t>(kIpv4MinLen + udp_len));
    store_u8(ip + 8, kDefaultTtl);
    store_u8(ip + 9, kProtocolUdpNumber);
    datagram.source.store(ip + 12);
    datagram.destination.store(ip + 16);
    store_be16(ip + 10, ipv4_header_checksum({ip, kIpv4MinLen}));

    std::byte* const udp = ip + kIpv4MinLen;
    store_be16(udp, datagram.source_port);
    store_be16(udp + 2, datagram.destination_port);
    store_be16(udp + 4, udp_len);
}

// Errors that are taken off the socket's queue at a time: the socket says when more are left.
constexpr int kErrorBudget = 256;

// Of a list of the interface's prefixes.
constexpr std::chrono::seconds kOnLinkAge{1};

// On one interface, or on all of them if the name is empty.
std::vector<Ipv4Prefix> read_prefixes(const std::string& interface_name) {
    std::vector<Ipv4Prefix> prefixes;
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) {
        return prefixes;
    }
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
        if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET ||
            entry->ifa_netmask == nullptr ||
            (!interface_name.empty() && interface_name != entry->ifa_name)) {
            continue;
        }
        sockaddr_in address{};
        sockaddr_in mask{};
        std::memcpy(&address, entry->ifa_addr, sizeof address);
        std::memcpy(&mask, entry->ifa_netmask, sizeof mask);
        const auto length = std::popcount(from_wire(mask.sin_addr).value);
        prefixes.push_back({from_wire(address.sin_addr), static_cast<std::uint8_t>(length)});
    }
    ::freeifaddrs(list);
    return prefixes;
}

bool is_relayed(ByteView payload) noexcept {
    return payload.size() < kChaddrOffset || !Ipv4::load(&payload[kGiaddrOffset]).is_zero();
}

bool is_temporary(int error) noexcept {
    return error == EAGAIN || error == EBUSY || error == ENETDOWN || error == EINTR;
}

// Since the kernel took the datagram in, by `control` (SCM_TIMESTAMPNS). The stamp is of the wall
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

// What kernels say to a source address that is not one of the host's, beside other meanings.
bool is_source_error(int error) noexcept {
    return error == EINVAL || error == EADDRNOTAVAIL || error == ENETUNREACH;
}

}  // namespace

struct UdpPort::State {
    enum class FrameState : std::uint8_t { kFree, kOut, kPending };
    struct Pending {
        std::uint32_t index = 0;
        std::uint32_t ifindex = 0;
        std::uint32_t payload_offset = 0;
        std::uint32_t payload_len = 0;
        Ipv4 source;  // zero: the kernel chooses
        Ipv4 destination;
        std::uint16_t destination_port = 0;
        bool retried = false;  // behind an error that was about another datagram
        TxInfo info;
    };
    // Unions to get the alignment that CMSG_FIRSTHDR expects.
    union RxControl {
        cmsghdr alignment;
        std::array<std::byte, CMSG_SPACE(sizeof(in_pktinfo)) + CMSG_SPACE(sizeof(int)) +
                                  CMSG_SPACE(sizeof(timespec))>
            bytes;
    };
    union TxControl {
        cmsghdr alignment;
        std::array<std::byte, CMSG_SPACE(sizeof(in_pktinfo))> bytes;
    };
    // What one direction hands to the kernel in one call.
    template <typename Control>
    struct Batch {
        std::array<mmsghdr, kBatch> messages{};
        std::array<iovec, kBatch> buffers{};
        std::array<sockaddr_in, kBatch> peers{};
        std::array<Control, kBatch> controls{};

        msghdr& prepare(std::size_t i, const iovec& buffer) noexcept {
            buffers[i] = buffer;
            messages[i] = {};
            msghdr& header = messages[i].msg_hdr;
            header.msg_name = &peers[i];
            header.msg_namelen = sizeof peers[i];
            header.msg_iov = &buffers[i];
            header.msg_iovlen = 1;
            header.msg_control = controls[i].bytes.data();
            header.msg_controllen = controls[i].bytes.size();
            return header;
        }
    };

    explicit State(const UdpOptions& wanted)
        : options{wanted},
          rx_memory(std::size_t{wanted.rx_frame_count} * kMaxRxFrameLen),
          tx_memory(std::size_t{wanted.tx_frame_count} * kTxFrameLen),
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

    [[nodiscard]] std::byte* rx_frame(std::uint32_t index) noexcept {
        return rx_memory.data() + std::size_t{index} * kMaxRxFrameLen;
    }
    [[nodiscard]] std::byte* tx_frame(std::uint32_t index) noexcept {
        return tx_memory.data() + std::size_t{index} * kTxFrameLen;
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
    [[nodiscard]] Result<Success, Error> open_socket();
    [[nodiscard]] std::optional<RxFrame> received_frame(std::uint32_t index, const mmsghdr& message,
                                                        const sockaddr_in& from,
                                                        std::chrono::nanoseconds now) noexcept;
    [[nodiscard]] std::size_t send_some(std::span<const Pending> frames, int& error) noexcept;
    [[nodiscard]] bool collect_errors() noexcept;
    [[nodiscard]] bool is_on_link(Ipv4 address);
    [[nodiscard]] bool send_past_neighbours(const Pending& reply);

    UdpOptions options;
    OwnedFd fd;
    Mac mac{};  // of the interface bound to
    Counter unreachable;
    OwnedFd link;                     // packet socket that receives nothing; -1 without privileges
    std::vector<Ipv4Prefix> on_link;  // of the interface, as of link_read
    std::chrono::nanoseconds link_read{0};
    std::uint16_t local_port = 0;

    std::vector<std::byte> rx_memory;
    std::vector<std::byte> tx_memory;
    std::vector<FrameState> rx_states;
    std::vector<FrameState> tx_states;
    std::vector<std::uint32_t> rx_free;
    std::vector<std::uint32_t> tx_free;
    std::vector<Pending> pending;

    Batch<RxControl> rx;
    Batch<TxControl> tx;
    // The first slots of `rx` are ready for the top of rx_free: a lane is asked often and has
    // nothing.
    std::size_t armed = 0;
};

Result<Success, Error> UdpPort::State::open_socket() {
    const std::string& name = options.interface_name;
    fd = OwnedFd{::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (fd.get() < 0) {
        return Unexpected{system_error(errno, "open UDP socket")};
    }
    const int on = 1;
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::setsockopt(fd.get(), SOL_SOCKET, SO_BROADCAST, &on, sizeof on) != 0 ||
        ::setsockopt(fd.get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof on) != 0) {
        return Unexpected{system_error(errno, "set options of UDP socket")};
    }
    // Without it the kernel drops a datagram for which it has no neighbour entry and says that it
    // was sent.
    if (::setsockopt(fd.get(), IPPROTO_IP, IP_RECVERR, &on, sizeof on) != 0) {
        return Unexpected{system_error(errno, "ask for errors of UDP socket")};
    }
    // Without it nothing is known of how long a datagram has waited.
    static_cast<void>(::setsockopt(fd.get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on));
    if (options.copied_payload_len &&
        ::setsockopt(fd.get(), IPPROTO_IP, IP_RECVFRAGSIZE, &on, sizeof on) != 0) {
        return Unexpected{system_error(errno, "ask which datagrams came in fragments")};
    }
    if (!name.empty()) {
        if (::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, name.c_str(),
                         static_cast<socklen_t>(name.size())) != 0) {
            return Unexpected{system_error(errno, "bind UDP socket to interface " + name)};
        }
        ifreq request{};
        name.copy(request.ifr_name, sizeof request.ifr_name - 1);
        if (::ioctl(fd.get(), SIOCGIFHWADDR, &request) != 0) {
            return Unexpected{system_error(errno, "read MAC address of " + name)};
        }
        std::memcpy(mac.octets.data(), request.ifr_hwaddr.sa_data, Mac::kLen);
    }
    if (options.role == PortRole::kRoute) {
        // Others may listen on the same port, and sockets of ours do: nothing is queued here.
        std::array<sock_filter, 1> drop_all{{BPF_STMT(BPF_RET | BPF_K, 0)}};
        const sock_fprog program{.len = drop_all.size(), .filter = drop_all.data()};
        if (::setsockopt(fd.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) {
            return Unexpected{system_error(errno, "set filter of UDP socket")};
        }
    }
    const int buffer_len = static_cast<int>(
        std::min<std::uint32_t>(options.receive_buffer_len, std::uint32_t{1} << 30));
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer_len, sizeof buffer_len) != 0) {
        static_cast<void>(
            ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &buffer_len, sizeof buffer_len));
    }

    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr = to_wire(options.address);
    address.sin_port = htons(options.server_port);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return Unexpected{system_error(errno, "bind UDP socket to " + to_string(options.address) +
                                                  " port " + std::to_string(options.server_port) +
                                                  (name.empty() ? "" : " on " + name))};
    }
    // For when the kernel has no room for neighbours; who lacks the privilege does without.
    link = OwnedFd{::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    socklen_t address_len = sizeof address;
    if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &address_len) != 0) {
        return Unexpected{system_error(errno, "read address of UDP socket")};
    }
    local_port = ntohs(address.sin_port);
    return Success{};
}

// Nothing when the kernel did not say where the datagram came in, or when the packet socket beside
// this one has it.
std::optional<RxFrame> UdpPort::State::received_frame(std::uint32_t index, const mmsghdr& message,
                                                      const sockaddr_in& from,
                                                      std::chrono::nanoseconds now) noexcept {
    std::optional<in_pktinfo> info;
    bool reassembled = false;
    std::chrono::nanoseconds waited{0};
    msghdr header = message.msg_hdr;
    for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
         control = CMSG_NXTHDR(&header, control)) {
        if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_TIMESTAMPNS &&
            control->cmsg_len >= CMSG_LEN(sizeof(timespec))) {
            waited = waiting_time(*control, now);
        } else if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO &&
                   control->cmsg_len >= CMSG_LEN(sizeof(in_pktinfo))) {
            std::memcpy(&info.emplace(), CMSG_DATA(control), sizeof(in_pktinfo));
        } else if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_RECVFRAGSIZE) {
            reassembled = true;
        }
    }
    const bool copied = options.copied_payload_len && !reassembled &&
                        message.msg_len <= *options.copied_payload_len;
    if (!info || copied) {
        return std::nullopt;
    }
    const Ipv4 destination = from_wire(info->ipi_addr);
    put_headers(rx_frame(index),
                {.destination_mac = destination == kBroadcastIpv4 ? kBroadcastMac : mac,
                 .interface_mac = mac,
                 .source = from_wire(from.sin_addr),
                 .destination = destination,
                 .source_port = ntohs(from.sin_port),
                 .destination_port = local_port,
                 .payload_len = message.msg_len});
    return RxFrame{.bytes = {rx_frame(index), kUdp4HeadersLen + message.msg_len},
                   .ifindex = static_cast<std::uint32_t>(info->ipi_ifindex),
                   .token = index,
                   .waited = waited};
}

// Returns how many the kernel took; when none, `error` says why.
std::size_t UdpPort::State::send_some(std::span<const Pending> frames, int& error) noexcept {
    const std::size_t count = std::min<std::size_t>(frames.size(), kBatch);
    for (std::size_t i = 0; i < count; ++i) {
        const Pending& next = frames[i];
        tx.peers[i] = {};
        tx.peers[i].sin_family = AF_INET;
        tx.peers[i].sin_addr = to_wire(next.destination);
        tx.peers[i].sin_port = htons(next.destination_port);
        msghdr& header = tx.prepare(i, {.iov_base = tx_frame(next.index) + next.payload_offset,
                                        .iov_len = next.payload_len});
        cmsghdr* const control = CMSG_FIRSTHDR(&header);
        control->cmsg_level = IPPROTO_IP;
        control->cmsg_type = IP_PKTINFO;
        control->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
        in_pktinfo info{};
        info.ipi_ifindex = static_cast<int>(next.ifindex);
        info.ipi_spec_dst = to_wire(next.source);
        std::memcpy(CMSG_DATA(control), &info, sizeof info);
    }
    const int sent =
        ::sendmmsg(fd.get(), tx.messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
    error = sent < 0 ? errno : 0;
    return sent < 0 ? 0 : static_cast<std::size_t>(sent);
}

// Takes what the kernel says of datagrams that left before; true if there was something. An error
// that waits is told to the next call on the socket, whatever that sends.
bool UdpPort::State::collect_errors() noexcept {
    bool any = false;
    for (int i = 0; i < kErrorBudget; ++i) {
        alignas(cmsghdr) std::array<std::byte, 512> control;
        msghdr header{};
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        if (::recvmsg(fd.get(), &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
            break;
        }
        any = true;
        for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
             part = CMSG_NXTHDR(&header, part)) {
            sock_extended_err what{};
            if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_RECVERR &&
                part->cmsg_len >= CMSG_LEN(sizeof what)) {
                std::memcpy(&what, CMSG_DATA(part), sizeof what);
                unreachable.add(what.ee_origin == SO_EE_ORIGIN_ICMP ? 1 : 0);
            }
        }
    }
    return any;
}

bool UdpPort::State::is_on_link(Ipv4 address) {
    const std::chrono::nanoseconds now = wall_time();
    if (now < link_read || now - link_read > kOnLinkAge) {
        link_read = now;
        on_link = read_prefixes(options.interface_name);
    }
    return std::any_of(on_link.begin(), on_link.end(),
                       [address](Ipv4Prefix prefix) { return prefix.contains(address); });
}

// Sends the frame as it was written, to the client's own MAC: the kernel has no room for another
// neighbour. Not to relays and not through a router, whose MAC is not known.
bool UdpPort::State::send_past_neighbours(const Pending& reply) {
    const ByteView frame{tx_frame(reply.index), reply.info.frame_len};
    const Mac destination = Mac::load(frame.data());
    if (link.get() < 0 || reply.info.ifindex == 0 || destination.is_zero() ||
        is_relayed({frame.data() + reply.payload_offset, reply.payload_len}) ||
        (reply.destination != kBroadcastIpv4 && !is_on_link(reply.destination))) {
        return false;
    }
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_protocol = htons(kEtherTypeIpv4);
    to.sll_ifindex = static_cast<int>(reply.info.ifindex);
    to.sll_halen = Mac::kLen;
    destination.store(reinterpret_cast<std::byte*>(to.sll_addr));
    return ::sendto(link.get(), frame.data(), frame.size(), MSG_DONTWAIT,
                    reinterpret_cast<const sockaddr*>(&to),
                    sizeof to) == static_cast<ssize_t>(frame.size());
}

Result<std::unique_ptr<UdpPort>, Error> UdpPort::open(const UdpOptions& options) {
    if (options.interface_name.size() >= IFNAMSIZ || options.rx_frame_count == 0 ||
        options.rx_frame_count > kMaxFrameCount || options.tx_frame_count == 0 ||
        options.tx_frame_count > kMaxFrameCount) {
        return Unexpected{system_error(EINVAL, "UDP socket options")};
    }
    auto state = std::make_unique<State>(options);
    const auto opened = state->open_socket();
    if (!opened) {
        return Unexpected{opened.error()};
    }
    return std::unique_ptr<UdpPort>{new UdpPort{std::move(state)}};
}

UdpPort::UdpPort(std::unique_ptr<State> state) : state_{std::move(state)} {
    unsent_.reserve(state_->tx_states.size());
}

UdpPort::~UdpPort() {
    unsent_.clear();
}

std::string_view UdpPort::interface_name() const noexcept {
    return state_->options.interface_name;
}

PortRole UdpPort::role() const noexcept {
    return state_->options.role;
}

int UdpPort::fd() const noexcept {
    return state_->options.role == PortRole::kRoute ? -1 : state_->fd.get();
}

std::uint64_t UdpPort::unreachable() const noexcept {
    return state_->unreachable.value();
}

std::uint16_t UdpPort::local_port() const noexcept {
    return state_->local_port;
}

std::uint64_t UdpPort::kernel_drops() const noexcept {
    std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
    socklen_t info_len = sizeof info;
    if (::getsockopt(state_->fd.get(), SOL_SOCKET, SO_MEMINFO, info.data(), &info_len) != 0) {
        return 0;
    }
    return info[SK_MEMINFO_DROPS];
}

std::size_t UdpPort::receive(std::span<RxFrame> batch) {
    State& s = *state_;
    const std::size_t wanted = std::min({batch.size(), s.rx_free.size(), std::size_t{kBatch}});
    if (wanted == 0) {
        return 0;
    }
    const auto slots = std::span{s.rx_free}.last(wanted);
    if (s.armed != wanted) {
        for (std::size_t i = 0; i < wanted; ++i) {
            static_cast<void>(s.rx.prepare(i, {.iov_base = s.rx_frame(slots[i]) + kUdp4HeadersLen,
                                               .iov_len = kMaxPayloadLen}));
        }
        s.armed = wanted;
    }
    const int received = ::recvmmsg(s.fd.get(), s.rx.messages.data(), static_cast<unsigned>(wanted),
                                    MSG_DONTWAIT, nullptr);
    if (received <= 0) {
        if (received < 0 && errno != EAGAIN) {
            static_cast<void>(s.collect_errors());  // what waits to be read stays readable
        }
        return 0;
    }
    s.armed = 0;

    const std::chrono::nanoseconds now = wall_time();
    std::size_t delivered = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(received); ++i) {
        if ((s.rx.messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) {
            counters_.rx_truncated.add();
            continue;
        }
        const auto frame = s.received_frame(slots[i], s.rx.messages[i], s.rx.peers[i], now);
        if (frame) {
            State::change(s.rx_states, slots[i], State::FrameState::kFree, State::FrameState::kOut);
            batch[delivered++] = *frame;
        }
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

void UdpPort::release(std::span<const RxFrame> batch) {
    state_->armed = 0;
    for (const RxFrame& frame : batch) {
        const auto index = static_cast<std::uint32_t>(frame.token);
        State::change(state_->rx_states, index, State::FrameState::kOut, State::FrameState::kFree);
        state_->rx_free.push_back(index);
    }
}

std::uint32_t UdpPort::tx_frame_count() const noexcept {
    return static_cast<std::uint32_t>(state_->tx_states.size());
}

std::optional<TxFrame> UdpPort::lend() {
    State& s = *state_;
    if (s.tx_free.empty()) {
        counters_.tx_no_frame.add();
        return std::nullopt;
    }
    const std::uint32_t index = s.tx_free.back();
    s.tx_free.pop_back();
    State::change(s.tx_states, index, State::FrameState::kFree, State::FrameState::kOut);
    return TxFrame{*this, MutableBytes{s.tx_frame(index), kTxFrameLen}, index};
}

void UdpPort::take_back(std::uint64_t token) noexcept {
    state_->free_tx(static_cast<std::uint32_t>(token), State::FrameState::kOut);
}

void UdpPort::submit(TxFrame frame, const TxInfo& info) {
    State& s = *state_;
    const auto index = static_cast<std::uint32_t>(frame.token());
    XD_ASSERT(info.frame_len > 0 && info.frame_len <= kTxFrameLen);
    const auto reply = FrameView::parse(frame.bytes().first(info.frame_len));
    if (!reply) {
        counters_.tx_errors.add();
        return;  // the frame returns to the pool
    }
    State::change(s.tx_states, index, State::FrameState::kOut, State::FrameState::kPending);
    frame.forget();
    const auto offset = static_cast<std::uint32_t>(reply->payload.data() - s.tx_frame(index));
    s.pending.push_back(
        {.index = index,
         .ifindex = s.options.role == PortRole::kRoute ? 0 : info.ifindex,
         .payload_offset = offset,
         .payload_len = static_cast<std::uint32_t>(reply->payload.size()),
         .source = reply->source,
         .destination = info.unconfigured_destination ? kBroadcastIpv4 : reply->destination,
         .destination_port = reply->destination_port,
         .info = info});
}

void UdpPort::flush() {
    State& s = *state_;
    std::size_t done = 0;
    while (done < s.pending.size()) {
        int error = 0;
        counters_.kicks.add();
        const std::size_t sent = s.send_some(std::span{s.pending}.subspan(done), error);
        counters_.tx_frames.add(sent);
        if (sent == 0) {
            State::Pending& first = s.pending[done];
            if (s.collect_errors() && !first.retried) {
                first.retried = true;
                continue;
            }
            if (error == ENOBUFS && s.send_past_neighbours(first)) {
                counters_.tx_frames.add();
                s.free_tx(first.index, State::FrameState::kPending);
                ++done;
                continue;
            }
            if (is_temporary(error)) {
                counters_.kick_retries.add();
                break;
            }
            if (is_source_error(error) && !first.source.is_zero()) {
                first.source = Ipv4{};  // once more, from an address that the kernel chooses
                continue;
            }
            counters_.tx_errors.add();
            State::change(s.tx_states, first.index, State::FrameState::kPending,
                          State::FrameState::kOut);
            unsent_.push_back(
                {TxFrame{*this, MutableBytes{s.tx_frame(first.index), kTxFrameLen}, first.index},
                 first.info});
            ++done;
            continue;
        }
        for (std::size_t i = 0; i < sent; ++i) {
            s.free_tx(s.pending[done + i].index, State::FrameState::kPending);
        }
        done += sent;
    }
    s.pending.erase(s.pending.begin(),
                    std::next(s.pending.begin(), static_cast<std::ptrdiff_t>(done)));
}

}  // namespace xdhcpd
