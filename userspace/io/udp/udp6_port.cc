#include "io/udp/udp6_port.h"

#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <iterator>
#include <utility>
#include <vector>

#include "base/addresses.h"
#include "base/assert.h"
#include "base/owned_fd.h"
#include "io/udp/frame_pool.h"
#include "packet/frame_view6.h"
#include "packet/frame_writer6.h"
#include "packet/headers.h"

namespace xdhcpd {
namespace {

// Messages per system call.
constexpr std::uint32_t kBatch = 64;
// Bytes of a frame to send with the headers we make. Replies are at most one MTU.
constexpr std::uint32_t kTxFrameLen = 2048;
constexpr std::uint32_t kMaxPayloadLen = Udp6Port::kMaxRxFrameLen - kUdp6HeadersLen;
constexpr std::uint32_t kMaxFrameCount = 1U << 20;

// All_DHCP_Relay_Agents_and_Servers and All_DHCP_Servers (RFC 8415 section 7.1).
constexpr std::array<Ipv6, 2> kGroups{Ipv6::of_groups({0xff02, 0, 0, 0, 0, 0, 1, 2}),
                                      Ipv6::of_groups({0xff05, 0, 0, 0, 0, 0, 1, 3})};

in6_addr to_wire(const Ipv6& address) noexcept {
    in6_addr wire{};
    std::memcpy(wire.s6_addr, address.octets.data(), Ipv6::kLen);
    return wire;
}
Ipv6 from_wire(const in6_addr& wire) noexcept {
    return Ipv6::load(reinterpret_cast<const std::byte*>(wire.s6_addr));
}

bool is_temporary(int error) noexcept {
    return error == EAGAIN || error == EBUSY || error == ENOBUFS || error == ENETDOWN ||
           error == EINTR;
}
// What kernels say to a source address that is not one of the host's, beside other meanings.
bool is_source_error(int error) noexcept {
    return error == EINVAL || error == EADDRNOTAVAIL || error == ENETUNREACH;
}
// What a destination means on one interface only (RFC 4007 section 4).
bool needs_scope(const Ipv6& address) noexcept {
    return address.is_link_local() || address.is_multicast();
}

std::chrono::nanoseconds wall_time() noexcept {
    return std::chrono::system_clock::now().time_since_epoch();
}

// What the kernel told about a datagram.
struct Told {
    std::optional<in6_pktinfo> info;
    std::uint8_t hop_limit = kDefaultHopLimit;
    // Came in fragments or behind extension headers.
    bool special = false;
    std::chrono::nanoseconds waited{0};
};

template <typename T>
[[nodiscard]] std::optional<T> read_control(const cmsghdr& control) noexcept {
    if (control.cmsg_len < CMSG_LEN(sizeof(T))) {
        return std::nullopt;
    }
    T value{};
    std::memcpy(&value, CMSG_DATA(&control), sizeof value);
    return value;
}

void read_ipv6_control(const cmsghdr& control, Told& told) noexcept {
    switch (control.cmsg_type) {
        case IPV6_PKTINFO:
            told.info = read_control<in6_pktinfo>(control);
            break;
        case IPV6_HOPLIMIT:
            if (const auto limit = read_control<int>(control)) {
                told.hop_limit = static_cast<std::uint8_t>(*limit);
            }
            break;
        case IPV6_RECVFRAGSIZE:
        case IPV6_HOPOPTS:
        case IPV6_DSTOPTS:
        case IPV6_RTHDR:
            told.special = true;
            break;
        default:
            break;
    }
}

[[nodiscard]] Told read_controls(msghdr header, std::chrono::nanoseconds now) noexcept {
    Told told;
    // Options that had no room: only they can be so long.
    told.special = (header.msg_flags & MSG_CTRUNC) != 0;
    for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
         control = CMSG_NXTHDR(&header, control)) {
        if (control->cmsg_level == IPPROTO_IPV6) {
            read_ipv6_control(*control, told);
        } else if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_TIMESTAMPNS) {
            // The stamp is of the wall clock, which may step: never negative.
            if (const auto stamp = read_control<timespec>(*control)) {
                const auto arrived =
                    std::chrono::seconds{stamp->tv_sec} + std::chrono::nanoseconds{stamp->tv_nsec};
                told.waited = std::max<std::chrono::nanoseconds>(now - arrived, {});
            }
        }
    }
    return told;
}

}  // namespace

struct Udp6Port::State {
    struct Pending {
        std::uint32_t index = 0;
        std::uint32_t ifindex = 0;  // 0: by routing
        std::uint32_t payload_offset = 0;
        std::uint32_t payload_len = 0;
        Ipv6 source;  // unspecified: the kernel chooses
        Ipv6 destination;
        std::uint32_t scope = 0;
        std::uint16_t destination_port = 0;
    };
    // Unions to get the alignment that CMSG_FIRSTHDR expects.
    union RxControl {
        cmsghdr alignment;
        std::array<std::byte, CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(timespec)) +
                                  4 * CMSG_SPACE(sizeof(int))>
            bytes;
    };
    union TxControl {
        cmsghdr alignment;
        std::array<std::byte, CMSG_SPACE(sizeof(in6_pktinfo))> bytes;
    };
    // What one direction hands to the kernel in one call.
    template <typename Control>
    struct Batch {
        std::array<mmsghdr, kBatch> messages{};
        std::array<iovec, kBatch> buffers{};
        std::array<sockaddr_in6, kBatch> peers{};
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

    explicit State(const Udp6Options& wanted)
        : options{wanted},
          rx_frames{wanted.rx_frame_count, kMaxRxFrameLen},
          tx_frames{wanted.tx_frame_count, kTxFrameLen} {
        pending.reserve(wanted.tx_frame_count);
    }

    [[nodiscard]] Result<Success, Error> set_options();
    [[nodiscard]] Result<Success, Error> join_interface();
    [[nodiscard]] Result<Success, Error> bind();
    [[nodiscard]] std::optional<RxFrame> received_frame(std::size_t i, std::uint32_t index,
                                                        std::chrono::nanoseconds now) noexcept;
    [[nodiscard]] std::size_t send_some(std::span<const Pending> frames, int& error) noexcept;

    Udp6Options options;
    OwnedFd fd;
    std::uint32_t ifindex = 0;  // bound to
    Mac mac{};                  // its own
    std::uint16_t local_port = 0;

    FramePool rx_frames;
    FramePool tx_frames;
    std::vector<Pending> pending;

    Batch<RxControl> rx;
    Batch<TxControl> tx;
    // The first slots of `rx` are ready for the top of rx_frames: a lane is asked often and has
    // nothing.
    std::size_t armed = 0;
};

Result<Success, Error> Udp6Port::State::set_options() {
    const int on = 1;
    const auto set = [&](int level, int option) {
        return ::setsockopt(fd.get(), level, option, &on, sizeof on) == 0;
    };
    if (!set(IPPROTO_IPV6, IPV6_V6ONLY) || !set(SOL_SOCKET, SO_REUSEADDR) ||
        !set(IPPROTO_IPV6, IPV6_RECVPKTINFO) || !set(IPPROTO_IPV6, IPV6_RECVHOPLIMIT)) {
        return Unexpected{system_error(errno, "set options of IPv6 UDP socket")};
    }
    // Without it nothing is known of how long a datagram has waited.
    static_cast<void>(set(SOL_SOCKET, SO_TIMESTAMPNS));
    if (options.copied_payload_len &&
        (!set(IPPROTO_IPV6, IPV6_RECVFRAGSIZE) || !set(IPPROTO_IPV6, IPV6_RECVHOPOPTS) ||
         !set(IPPROTO_IPV6, IPV6_RECVDSTOPTS) || !set(IPPROTO_IPV6, IPV6_RECVRTHDR))) {
        return Unexpected{system_error(errno, "ask which datagrams had extension headers")};
    }
    if (options.role == PortRole::kRoute) {
        // Others may listen on the same port, and sockets of ours do: nothing is queued here.
        std::array<sock_filter, 1> drop_all{{BPF_STMT(BPF_RET | BPF_K, 0)}};
        const sock_fprog program{.len = drop_all.size(), .filter = drop_all.data()};
        if (::setsockopt(fd.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) {
            return Unexpected{system_error(errno, "set filter of IPv6 UDP socket")};
        }
    }
    const int buffer_len = static_cast<int>(
        std::min<std::uint32_t>(options.receive_buffer_len, std::uint32_t{1} << 30));
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer_len, sizeof buffer_len) != 0) {
        static_cast<void>(
            ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &buffer_len, sizeof buffer_len));
    }
    return Success{};
}

Result<Success, Error> Udp6Port::State::join_interface() {
    const std::string& name = options.interface_name;
    ifindex = ::if_nametoindex(name.c_str());
    if (ifindex == 0) {
        return Unexpected{system_error(errno, "interface " + name)};
    }
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, name.c_str(),
                     static_cast<socklen_t>(name.size())) != 0) {
        return Unexpected{system_error(errno, "bind IPv6 UDP socket to interface " + name)};
    }
    ifreq request{};
    name.copy(request.ifr_name, sizeof request.ifr_name - 1);
    if (::ioctl(fd.get(), SIOCGIFHWADDR, &request) != 0) {
        return Unexpected{system_error(errno, "read MAC address of " + name)};
    }
    std::memcpy(mac.octets.data(), request.ifr_hwaddr.sa_data, Mac::kLen);
    for (const Ipv6& group : kGroups) {
        ipv6_mreq membership{};
        membership.ipv6mr_multiaddr = to_wire(group);
        membership.ipv6mr_interface = ifindex;
        if (::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_JOIN_GROUP, &membership, sizeof membership) !=
            0) {
            return Unexpected{system_error(errno, "join " + to_string(group) + " on " + name)};
        }
    }
    return Success{};
}

Result<Success, Error> Udp6Port::State::bind() {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(options.server_port);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return Unexpected{system_error(
            errno, "bind IPv6 UDP socket to port " + std::to_string(options.server_port) +
                       (options.interface_name.empty() ? "" : " on " + options.interface_name))};
    }
    socklen_t address_len = sizeof address;
    if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &address_len) != 0) {
        return Unexpected{system_error(errno, "read address of IPv6 UDP socket")};
    }
    local_port = ntohs(address.sin6_port);
    return Success{};
}

// Message `i` of the batch, in frame `index`. Nothing when the kernel did not say where the
// datagram came in, or when the packet socket beside this one has it.
std::optional<RxFrame> Udp6Port::State::received_frame(std::size_t i, std::uint32_t index,
                                                       std::chrono::nanoseconds now) noexcept {
    const std::size_t payload_len = rx.messages[i].msg_len;
    const Told told = read_controls(rx.messages[i].msg_hdr, now);
    const bool copied =
        options.copied_payload_len && !told.special && payload_len <= *options.copied_payload_len;
    if (!told.info || copied) {
        return std::nullopt;
    }
    Udp6Headers headers;
    headers.ip.source = from_wire(rx.peers[i].sin6_addr);
    headers.ip.destination = from_wire(told.info->ipi6_addr);
    headers.ip.destination_mac =
        headers.ip.destination.is_multicast() ? headers.ip.destination.multicast_mac() : mac;
    headers.ip.hop_limit = told.hop_limit;
    headers.source_port = ntohs(rx.peers[i].sin6_port);
    headers.destination_port = local_port;
    const MutableBytes room{rx_frames.at(index), kUdp6HeadersLen + payload_len};
    const std::size_t frame_len = write_udp6_headers(room, headers, payload_len);
    return RxFrame{.bytes = room.first(frame_len),
                   .ifindex = static_cast<std::uint32_t>(told.info->ipi6_ifindex),
                   .token = index,
                   .waited = told.waited};
}

// Returns how many the kernel took; when none, `error` says why.
std::size_t Udp6Port::State::send_some(std::span<const Pending> frames, int& error) noexcept {
    const std::size_t count = std::min<std::size_t>(frames.size(), kBatch);
    for (std::size_t i = 0; i < count; ++i) {
        const Pending& next = frames[i];
        tx.peers[i] = {};
        tx.peers[i].sin6_family = AF_INET6;
        tx.peers[i].sin6_addr = to_wire(next.destination);
        tx.peers[i].sin6_port = htons(next.destination_port);
        tx.peers[i].sin6_scope_id = next.scope;
        msghdr& header = tx.prepare(i, {.iov_base = tx_frames.at(next.index) + next.payload_offset,
                                        .iov_len = next.payload_len});
        cmsghdr* const control = CMSG_FIRSTHDR(&header);
        control->cmsg_level = IPPROTO_IPV6;
        control->cmsg_type = IPV6_PKTINFO;
        control->cmsg_len = CMSG_LEN(sizeof(in6_pktinfo));
        in6_pktinfo info{};
        info.ipi6_ifindex = next.ifindex;
        info.ipi6_addr = to_wire(next.source);
        std::memcpy(CMSG_DATA(control), &info, sizeof info);
    }
    const int sent =
        ::sendmmsg(fd.get(), tx.messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
    error = sent < 0 ? errno : 0;
    return sent < 0 ? 0 : static_cast<std::size_t>(sent);
}

Result<std::unique_ptr<Udp6Port>, Error> Udp6Port::open(const Udp6Options& options) {
    if (options.interface_name.size() >= IFNAMSIZ || options.rx_frame_count == 0 ||
        options.rx_frame_count > kMaxFrameCount || options.tx_frame_count == 0 ||
        options.tx_frame_count > kMaxFrameCount) {
        return Unexpected{system_error(EINVAL, "IPv6 UDP socket options")};
    }
    auto state = std::make_unique<State>(options);
    state->fd = OwnedFd{::socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (state->fd.get() < 0) {
        return Unexpected{system_error(errno, "open IPv6 UDP socket")};
    }
    if (auto set = state->set_options(); !set) {
        return Unexpected{set.error()};
    }
    if (!options.interface_name.empty()) {
        if (auto joined = state->join_interface(); !joined) {
            return Unexpected{joined.error()};
        }
    }
    if (auto bound = state->bind(); !bound) {
        return Unexpected{bound.error()};
    }
    return std::unique_ptr<Udp6Port>{new Udp6Port{std::move(state)}};
}

Udp6Port::Udp6Port(std::unique_ptr<State> state) noexcept : state_{std::move(state)} {}

Udp6Port::~Udp6Port() = default;

PortRole Udp6Port::role() const noexcept {
    return state_->options.role;
}

std::string_view Udp6Port::interface_name() const noexcept {
    return state_->options.interface_name;
}

int Udp6Port::fd() const noexcept {
    return state_->fd.get();
}

std::uint16_t Udp6Port::local_port() const noexcept {
    return state_->local_port;
}

std::uint64_t Udp6Port::kernel_drops() const noexcept {
    std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
    socklen_t info_len = sizeof info;
    if (::getsockopt(fd(), SOL_SOCKET, SO_MEMINFO, info.data(), &info_len) != 0) {
        return 0;
    }
    return info[SK_MEMINFO_DROPS];
}

std::size_t Udp6Port::receive(std::span<RxFrame> batch) {
    State& s = *state_;
    const std::size_t wanted =
        std::min({batch.size(), s.rx_frames.free_count(), std::size_t{kBatch}});
    if (wanted == 0) {
        return 0;
    }
    if (s.armed != wanted) {
        for (std::size_t i = 0; i < wanted; ++i) {
            static_cast<void>(
                s.rx.prepare(i, {.iov_base = s.rx_frames.at(s.rx_frames.peek(i)) + kUdp6HeadersLen,
                                 .iov_len = kMaxPayloadLen}));
        }
        s.armed = wanted;
    }
    const int received = ::recvmmsg(s.fd.get(), s.rx.messages.data(), static_cast<unsigned>(wanted),
                                    MSG_DONTWAIT, nullptr);
    if (received <= 0) {
        return 0;
    }
    s.armed = 0;

    const std::chrono::nanoseconds now = wall_time();
    std::array<bool, kBatch> used{};
    std::size_t delivered = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(received); ++i) {
        if ((s.rx.messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) {
            counters_.rx_truncated.add();
            continue;
        }
        if (const auto frame = s.received_frame(i, s.rx_frames.peek(i), now)) {
            used[i] = true;
            batch[delivered++] = *frame;
        }
    }
    s.rx_frames.take_used(std::span{used}.first(wanted));
    counters_.rx_frames.add(delivered);
    return delivered;
}

void Udp6Port::release(std::span<const RxFrame> batch) {
    state_->armed = 0;
    for (const RxFrame& frame : batch) {
        state_->rx_frames.put_back(static_cast<std::uint32_t>(frame.token));
    }
}

std::uint32_t Udp6Port::tx_frame_count() const noexcept {
    return state_->tx_frames.count();
}

std::optional<TxFrame> Udp6Port::lend() {
    const auto index = state_->tx_frames.take();
    if (!index) {
        counters_.tx_no_frame.add();
        return std::nullopt;
    }
    return TxFrame{*this, MutableBytes{state_->tx_frames.at(*index), kTxFrameLen}, *index};
}

void Udp6Port::take_back(std::uint64_t token) noexcept {
    state_->tx_frames.put_back(static_cast<std::uint32_t>(token));
}

void Udp6Port::submit(TxFrame frame, const TxInfo& info) {
    State& s = *state_;
    const auto index = static_cast<std::uint32_t>(frame.token());
    XD_ASSERT(info.frame_len > 0 && info.frame_len <= kTxFrameLen);
    const auto reply = FrameView6::parse(frame.bytes().first(info.frame_len));
    if (!reply || reply->protocol != Protocol6::kUdp) {
        counters_.tx_errors.add();
        return;  // the frame returns to the pool
    }
    s.tx_frames.queue(index);
    frame.forget();
    const bool scoped = needs_scope(reply->destination);
    s.pending.push_back(
        {.index = index,
         .ifindex = s.options.role == PortRole::kRoute && !scoped ? 0 : info.ifindex,
         .payload_offset =
             static_cast<std::uint32_t>(reply->payload.data() - s.tx_frames.at(index)),
         .payload_len = static_cast<std::uint32_t>(reply->payload.size()),
         .source = reply->source,
         .destination = reply->destination,
         .scope = scoped ? info.ifindex : 0,
         .destination_port = reply->destination_port});
}

void Udp6Port::flush() {
    State& s = *state_;
    std::size_t done = 0;
    while (done < s.pending.size()) {
        int error = 0;
        counters_.kicks.add();
        const std::size_t sent = s.send_some(std::span{s.pending}.subspan(done), error);
        counters_.tx_frames.add(sent);
        std::size_t finished = sent;
        if (sent == 0) {
            State::Pending& first = s.pending[done];
            if (is_temporary(error)) {
                counters_.kick_retries.add();
                break;
            }
            if (is_source_error(error) && !first.source.is_unspecified()) {
                first.source = Ipv6{};  // once more, from an address that the kernel chooses
                continue;
            }
            counters_.tx_errors.add();
            finished = 1;
        }
        for (std::size_t i = 0; i < finished; ++i) {
            s.tx_frames.put_back_sent(s.pending[done + i].index);
        }
        done += finished;
    }
    s.pending.erase(s.pending.begin(),
                    std::next(s.pending.begin(), static_cast<std::ptrdiff_t>(done)));
}

}  // namespace xdhcpd
