// DatagramPort: what UdpPort and Udp6Port have in common: frames, and batches of datagrams between
// them and a UDP socket. `Wire` says how the kernel writes addresses of the family:
//
//   Peer, PacketInfo          sockaddr_in and in_pktinfo, or those of IPv6
//   kLevel, kPacketInfo       IPPROTO_IP and IP_PKTINFO
//   kErrors, kIcmp            IP_RECVERR and SO_EE_ORIGIN_ICMP
//   kHeadersLen               bytes that are made in front of a payload
//   kToldLen                  room for what the kernel says of a datagram beside its time
//   read(cmsghdr, Told)       reads what it says of the family
//   ifindex, has_source, clear_source  of a PacketInfo
//
// Belongs to one thread.
#pragma once

#include <linux/errqueue.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/counters.h"
#include "io/udp/frame_pool.h"
#include "io/udp/udp_socket.h"
#include "packet/headers.h"
#include "packet/port.h"

namespace xdhcpd {

// What the kernel told about a datagram.
template <typename PacketInfo>
struct Told {
    std::optional<PacketInfo> info;  // where it came in
    std::uint8_t hop_limit = kDefaultHopLimit;
    bool special = false;  // came in fragments or behind extension headers
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

template <typename Wire>
class DatagramPort : public Port {
  public:
    // Bytes of a received frame, made-up headers included: a jumbo frame's worth. Options may fill
    // more than an MTU (RFC 3396); the kernel reassembles.
    static constexpr std::uint32_t kMaxRxFrameLen = 9216;

    ~DatagramPort() override { unsent_.clear(); }

    [[nodiscard]] PortRole role() const noexcept final { return socket_.options().role; }
    [[nodiscard]] std::string_view interface_name() const noexcept final {
        return socket_.options().interface_name;  // "" when bound to all
    }
    [[nodiscard]] std::uint32_t queue() const noexcept final { return 0; }
    [[nodiscard]] std::size_t receive(std::span<RxFrame> batch) final;
    void release(std::span<const RxFrame> batch) final;
    [[nodiscard]] std::uint32_t tx_frame_count() const noexcept final { return tx_frames_.count(); }
    [[nodiscard]] std::optional<TxFrame> lend() final;
    void submit(TxFrame frame, const TxInfo& info) final;
    void flush() final;
    [[nodiscard]] int fd() const noexcept final {
        return role() == PortRole::kRoute ? -1 : socket_.fd();
    }

    [[nodiscard]] std::uint16_t local_port() const noexcept { return socket_.local_port(); }
    // Datagrams the kernel dropped because the receive buffer was full, since open; any thread may
    // ask.
    [[nodiscard]] std::uint64_t kernel_drops() const noexcept { return socket_.kernel_drops(); }
    // ICMP errors about what was sent, those of our own kernel when nobody answers ARP or Neighbor
    // Solicitations included; any thread may ask.
    [[nodiscard]] std::uint64_t unreachable() const noexcept { return unreachable_.value(); }

  protected:
    // A reply as the kernel wants it.
    struct Reply {
        typename Wire::Peer peer{};
        typename Wire::PacketInfo info{};  // without a source the kernel chooses one
        ByteView payload;                  // in its frame
    };
    using Told = xdhcpd::Told<typename Wire::PacketInfo>;

    explicit DatagramPort(UdpSocket socket)
        : socket_{std::move(socket)},
          rx_frames_{socket_.options().rx_frame_count, kMaxRxFrameLen},
          tx_frames_{socket_.options().tx_frame_count, kTxFrameLen} {
        pending_.reserve(tx_frames_.count());
        unsent_.reserve(tx_frames_.count());
    }
    [[nodiscard]] const UdpSocket& socket() const noexcept { return socket_; }
    // Writes headers in front of the payload at `room` + kHeadersLen; returns the frame's length.
    virtual std::size_t make_headers(MutableBytes room, const typename Wire::Peer& from,
                                     const Told& told) noexcept = 0;
    // Nothing if the frame holds no datagram of the family.
    [[nodiscard]] virtual std::optional<Reply> read_reply(ByteView frame,
                                                          const TxInfo& info) const noexcept = 0;
    // Another way for what the kernel refused with `error`; true if it went.
    [[nodiscard]] virtual bool send_otherwise(ByteView /*frame*/, const Reply& /*reply*/,
                                              const TxInfo& /*info*/, int /*error*/) {
        return false;
    }

  private:
    static constexpr std::uint32_t kBatch = 64;  // messages per system call
    // Bytes of a frame to send with the headers we make. Replies are at most one MTU.
    static constexpr std::uint32_t kTxFrameLen = 2048;
    // Errors that are taken off the socket's queue at a time: the socket says when more are left.
    static constexpr int kErrorBudget = 256;

    struct Pending {
        std::uint32_t index = 0;
        bool retried = false;  // behind an error that was about another datagram
        Reply reply;
        TxInfo info;
    };
    // A union to get the alignment that CMSG_FIRSTHDR expects.
    template <std::size_t kLen>
    union Control {
        cmsghdr alignment;
        std::array<std::byte, kLen> bytes;
    };
    // What one direction hands to the kernel in one call.
    template <std::size_t kControlLen>
    struct Batch {
        std::array<mmsghdr, kBatch> messages{};
        std::array<iovec, kBatch> buffers{};
        std::array<typename Wire::Peer, kBatch> peers{};
        std::array<Control<kControlLen>, kBatch> controls{};

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

    [[nodiscard]] static bool is_temporary(int error) noexcept {
        return error == EAGAIN || error == EBUSY || error == ENETDOWN || error == EINTR;
    }
    // What kernels say to a source address that is not one of the host's, beside other meanings.
    [[nodiscard]] static bool is_source_error(int error) noexcept {
        return error == EINVAL || error == EADDRNOTAVAIL || error == ENETUNREACH;
    }
    [[nodiscard]] static std::chrono::nanoseconds wall_time() noexcept {
        return std::chrono::system_clock::now().time_since_epoch();
    }
    [[nodiscard]] static Told read_controls(msghdr header, std::chrono::nanoseconds now) noexcept;
    [[nodiscard]] std::optional<RxFrame> received_frame(std::size_t i, std::uint32_t index,
                                                        std::chrono::nanoseconds now) noexcept;
    [[nodiscard]] std::size_t send_some(std::span<const Pending> frames, int& error) noexcept;
    [[nodiscard]] bool collect_errors() noexcept;
    [[nodiscard]] TxFrame tx_frame(std::uint32_t index) noexcept {
        return TxFrame{*this, MutableBytes{tx_frames_.at(index), kTxFrameLen}, index};
    }
    void refuse(TxFrame frame, const TxInfo& info) {
        counters_.tx_errors.add();
        unsent_.push_back({std::move(frame), info});
    }
    void take_back(std::uint64_t token) noexcept final {
        tx_frames_.put_back(static_cast<std::uint32_t>(token));
    }

    UdpSocket socket_;
    FramePool rx_frames_;
    FramePool tx_frames_;
    std::vector<Pending> pending_;
    Counter unreachable_;
    Batch<Wire::kToldLen + CMSG_SPACE(sizeof(timespec))> rx_;
    Batch<CMSG_SPACE(sizeof(typename Wire::PacketInfo))> tx_;
    // The first slots of rx_ are ready for the top of rx_frames_: a lane is asked often and has
    // nothing.
    std::size_t armed_ = 0;
};

template <typename Wire>
auto DatagramPort<Wire>::read_controls(msghdr header, std::chrono::nanoseconds now) noexcept
    -> Told {
    Told told;
    // Options that had no room: only extension headers can be so long.
    told.special = (header.msg_flags & MSG_CTRUNC) != 0;
    for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
         control = CMSG_NXTHDR(&header, control)) {
        if (control->cmsg_level == Wire::kLevel) {
            Wire::read(*control, told);
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

// Message `i` of the batch, in frame `index`. Nothing when the kernel did not say where the
// datagram came in, or when the packet socket beside this one has it.
template <typename Wire>
std::optional<RxFrame> DatagramPort<Wire>::received_frame(std::size_t i, std::uint32_t index,
                                                          std::chrono::nanoseconds now) noexcept {
    const std::size_t payload_len = rx_.messages[i].msg_len;
    const Told told = read_controls(rx_.messages[i].msg_hdr, now);
    const auto& copied_len = socket_.options().copied_payload_len;
    if (!told.info || (copied_len && !told.special && payload_len <= *copied_len)) {
        return std::nullopt;
    }
    const MutableBytes room{rx_frames_.at(index), Wire::kHeadersLen + payload_len};
    return RxFrame{.bytes = room.first(make_headers(room, rx_.peers[i], told)),
                   .ifindex = Wire::ifindex(*told.info),
                   .token = index,
                   .waited = told.waited};
}

template <typename Wire>
std::size_t DatagramPort<Wire>::receive(std::span<RxFrame> batch) {
    const std::size_t wanted =
        std::min({batch.size(), rx_frames_.free_count(), std::size_t{kBatch}});
    if (wanted == 0) {
        return 0;
    }
    if (armed_ != wanted) {
        for (std::size_t i = 0; i < wanted; ++i) {
            static_cast<void>(
                rx_.prepare(i, {.iov_base = rx_frames_.at(rx_frames_.peek(i)) + Wire::kHeadersLen,
                                .iov_len = kMaxRxFrameLen - Wire::kHeadersLen}));
        }
        armed_ = wanted;
    }
    const int received = ::recvmmsg(socket_.fd(), rx_.messages.data(),
                                    static_cast<unsigned>(wanted), MSG_DONTWAIT, nullptr);
    if (received <= 0) {
        if (received < 0 && errno != EAGAIN) {
            static_cast<void>(collect_errors());  // what waits to be read stays readable
        }
        return 0;
    }
    armed_ = 0;

    const std::chrono::nanoseconds now = wall_time();
    std::array<bool, kBatch> used{};
    std::size_t delivered = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(received); ++i) {
        if ((rx_.messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) {
            counters_.rx_truncated.add();
            continue;
        }
        if (const auto frame = received_frame(i, rx_frames_.peek(i), now)) {
            used[i] = true;
            batch[delivered++] = *frame;
        }
    }
    rx_frames_.take_used(std::span{used}.first(wanted));
    counters_.rx_frames.add(delivered);
    return delivered;
}

template <typename Wire>
void DatagramPort<Wire>::release(std::span<const RxFrame> batch) {
    armed_ = 0;
    for (const RxFrame& frame : batch) {
        rx_frames_.put_back(static_cast<std::uint32_t>(frame.token));
    }
}

template <typename Wire>
std::optional<TxFrame> DatagramPort<Wire>::lend() {
    const auto index = tx_frames_.take();
    if (!index) {
        counters_.tx_no_frame.add();
        return std::nullopt;
    }
    return tx_frame(*index);
}

template <typename Wire>
void DatagramPort<Wire>::submit(TxFrame frame, const TxInfo& info) {
    XD_ASSERT(info.frame_len > 0 && info.frame_len <= kTxFrameLen);
    const auto reply = read_reply(frame.bytes().first(info.frame_len), info);
    if (!reply) {
        refuse(std::move(frame), info);
        return;
    }
    const auto index = static_cast<std::uint32_t>(frame.token());
    tx_frames_.queue(index);
    frame.forget();
    pending_.push_back({.index = index, .reply = *reply, .info = info});
}

// Returns how many the kernel took; when none, `error` says why.
template <typename Wire>
std::size_t DatagramPort<Wire>::send_some(std::span<const Pending> frames, int& error) noexcept {
    const std::size_t count = std::min<std::size_t>(frames.size(), kBatch);
    for (std::size_t i = 0; i < count; ++i) {
        const Reply& reply = frames[i].reply;
        tx_.peers[i] = reply.peer;
        msghdr& header = tx_.prepare(i, {.iov_base = const_cast<std::byte*>(reply.payload.data()),
                                         .iov_len = reply.payload.size()});
        cmsghdr* const control = CMSG_FIRSTHDR(&header);
        control->cmsg_level = Wire::kLevel;
        control->cmsg_type = Wire::kPacketInfo;
        control->cmsg_len = CMSG_LEN(sizeof reply.info);
        std::memcpy(CMSG_DATA(control), &reply.info, sizeof reply.info);
    }
    const int sent =
        ::sendmmsg(socket_.fd(), tx_.messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
    error = sent < 0 ? errno : 0;
    return sent < 0 ? 0 : static_cast<std::size_t>(sent);
}

// Takes what the kernel says of datagrams that left before; true if there was something. An error
// that waits is told to the next call on the socket, whatever that sends.
template <typename Wire>
bool DatagramPort<Wire>::collect_errors() noexcept {
    bool any = false;
    for (int i = 0; i < kErrorBudget; ++i) {
        Control<512> room;
        msghdr header{};
        header.msg_control = room.bytes.data();
        header.msg_controllen = room.bytes.size();
        if (::recvmsg(socket_.fd(), &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
            break;
        }
        any = true;
        for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
             control = CMSG_NXTHDR(&header, control)) {
            if (control->cmsg_level == Wire::kLevel && control->cmsg_type == Wire::kErrors) {
                const auto what = read_control<sock_extended_err>(*control);
                unreachable_.add(what && what->ee_origin == Wire::kIcmp ? 1 : 0);
            }
        }
    }
    return any;
}

template <typename Wire>
void DatagramPort<Wire>::flush() {
    std::size_t done = 0;
    while (done < pending_.size()) {
        int error = 0;
        counters_.kicks.add();
        std::size_t sent = send_some(std::span{pending_}.subspan(done), error);
        if (sent != 0 && sent < std::min<std::size_t>(pending_.size() - done, kBatch)) {
            // The error that stopped it is not told again, but poll() goes on saying so.
            static_cast<void>(collect_errors());
        }
        if (sent == 0) {
            Pending& first = pending_[done];
            if (collect_errors() && !first.retried) {
                first.retried = true;
                continue;
            }
            if (is_temporary(error)) {
                counters_.kick_retries.add();
                break;
            }
            if (is_source_error(error) && Wire::has_source(first.reply.info)) {
                Wire::clear_source(first.reply.info);  // once more, from one the kernel chooses
                continue;
            }
            const ByteView frame{tx_frames_.at(first.index), first.info.frame_len};
            if (!send_otherwise(frame, first.reply, first.info, error)) {
                tx_frames_.unqueue(first.index);
                refuse(tx_frame(first.index), first.info);
                ++done;
                continue;
            }
            sent = 1;
        }
        counters_.tx_frames.add(sent);
        for (std::size_t i = 0; i < sent; ++i) {
            tx_frames_.put_back_sent(pending_[done + i].index);
        }
        done += sent;
    }
    pending_.erase(pending_.begin(),
                   std::next(pending_.begin(), static_cast<std::ptrdiff_t>(done)));
}

}  // namespace xdhcpd
