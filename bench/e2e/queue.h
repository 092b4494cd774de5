// Queue: an AF_XDP socket on one queue of one interface, as bare as it can be, for programs that
// show what is possible: every reply is written over its request and leaves in the same UMEM frame.
// No frame is lent, kept or accounted for; compare userspace/io/xsk, which a server needs.
//
// One thread. While a Queue lives its XDP program is attached by a bpf_link, which goes away with
// the process however it ends.
#pragma once

#include <xdp/xsk.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/addresses.h"
#include "base/error.h"
#include "base/result.h"

struct requests_bpf;

namespace xdhcpd::bench {

struct QueueOptions {
    std::string interface_name;
    std::uint32_t queue = 0;
    // Slots of each of the four rings, and UMEM frames: a power of two.
    std::uint32_t ring_size = 2048;
    // Frames taken at a time, 1..kMaxBatch.
    std::uint32_t batch = 64;
    // Frames that one sendto() may send (XDP_MAX_TX_SKB_BUDGET, Linux 6.17); 0 leaves it at 32.
    std::uint32_t tx_budget = 0;
    // Microseconds that a poll() busy-polls (SO_BUSY_POLL); 0 for none.
    std::uint32_t busy_poll_us = 0;
    // The kernel leaves the queue to this socket's polling (SO_PREFER_BUSY_POLL); works only with
    // napi_defer_hard_irqs and gro_flush_timeout of the interface set.
    bool prefer_busy_poll = false;
    // Wake the kernel only when it asks for it (XDP_USE_NEED_WAKEUP).
    bool need_wakeup = true;
    // Never sleep in poll().
    bool spin = false;
};

// A request, to be made the reply.
struct Packet {
    std::byte* data = nullptr;
    std::uint32_t len = 0;  // the request's; then the reply's, or 0 for none
};

struct QueueCounters {
    std::uint64_t received = 0;
    std::uint64_t sent = 0;
    std::uint64_t batches = 0;
    std::uint64_t kicks = 0;
    std::uint64_t polls = 0;
};

class Queue {
  public:
    static constexpr std::uint32_t kMaxBatch = 512;
    // Room of a packet: a UMEM frame less the kernel's headroom.
    static constexpr std::uint32_t kMaxPacketLen = 2048 - 256;

    // Needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF. Errors name the step.
    [[nodiscard]] static Result<std::unique_ptr<Queue>, Error> open(const QueueOptions& options);
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;
    ~Queue();

    // Takes a batch, lets `answer(Packet* packets, std::uint32_t count)` turn it into replies, and
    // sends them. Sleeps at most `timeout_ms` when nothing has arrived.
    template <typename Answer>
    void step(Answer&& answer, int timeout_ms);

    [[nodiscard]] const Mac& mac() const noexcept { return mac_; }
    [[nodiscard]] const QueueCounters& counters() const noexcept { return counters_; }
    // Frames that the kernel dropped because a ring was full or empty.
    [[nodiscard]] std::uint64_t kernel_drops() const noexcept;

  private:
    explicit Queue(const QueueOptions& options) : options_{options} {}
    [[nodiscard]] Result<Success, Error> start();
    [[nodiscard]] Result<Success, Error> set_options();
    void wait(int timeout_ms) noexcept;
    void recycle() noexcept;
    void kick() noexcept;
    void give_back(std::uint64_t address) noexcept;

    QueueOptions options_;
    Mac mac_;
    std::byte* area_ = nullptr;
    xsk_ring_prod fill_{};
    xsk_ring_cons completion_{};
    xsk_ring_cons rx_{};
    xsk_ring_prod tx_{};
    xsk_umem* umem_ = nullptr;
    xsk_socket* socket_ = nullptr;
    requests_bpf* program_ = nullptr;
    int fd_ = -1;       // owned by socket_
    int link_fd_ = -1;  // the bpf_link
    QueueCounters counters_;
    Packet packets_[kMaxBatch];
    std::uint64_t addresses_[kMaxBatch];
};

template <typename Answer>
void Queue::step(Answer&& answer, int timeout_ms) {
    recycle();
    std::uint32_t slot = 0;
    const std::uint32_t count = xsk_ring_cons__peek(&rx_, options_.batch, &slot);
    if (count == 0) {
        wait(timeout_ms);
        return;
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        const xdp_desc* const descriptor = xsk_ring_cons__rx_desc(&rx_, slot + i);
        addresses_[i] = descriptor->addr;
        packets_[i] = {area_ + descriptor->addr, descriptor->len};
        // The headers, and the cache line of the message type.
        __builtin_prefetch(packets_[i].data, 1);
        __builtin_prefetch(packets_[i].data + 64, 1);
        __builtin_prefetch(packets_[i].data + 256, 1);
        __builtin_prefetch(packets_[i].data + 320, 1);
    }
    xsk_ring_cons__release(&rx_, count);
    counters_.received += count;
    ++counters_.batches;

    answer(packets_, count);

    // As many slots as UMEM frames, and the kernel is done with a slot before its frame comes back.
    std::uint32_t tx_slot = 0;
    static_cast<void>(xsk_ring_prod__reserve(&tx_, count, &tx_slot));
    std::uint32_t replies = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
        if (packets_[i].len == 0) {
            give_back(addresses_[i]);
            continue;
        }
        xdp_desc* const descriptor = xsk_ring_prod__tx_desc(&tx_, tx_slot + replies);
        descriptor->addr = addresses_[i];
        descriptor->len = packets_[i].len;
        descriptor->options = 0;
        ++replies;
    }
    tx_.cached_prod -= count - replies;  // slots that were reserved and not used
    xsk_ring_prod__submit(&tx_, replies);
    counters_.sent += replies;
    kick();
}

}  // namespace xdhcpd::bench
