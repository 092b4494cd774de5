// BasicClient: the state of one simulated client, 32 bytes with IPv4 addresses, and RetryTimers, a
// wheel whose links are in the clients themselves. One thread. No allocation after construction.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "base/addresses.h"
#include "base/assert.h"

namespace xdhcpd::gun {

// Since the run began.
using Time = std::chrono::nanoseconds;

enum class ClientState : std::uint8_t {
    kIdle,
    kWaiting,  // will start when its timer fires
    kDiscovering,
    kSelecting,
    kRenewing,
    kInitReboot,
};

inline constexpr std::uint32_t kNoClient = 0xffffffff;
// Value of Client::attempt: the last exchange got no answer in time.
inline constexpr std::uint8_t kGaveUp = 255;

// `Address` is what a lease is of; the default one is none.
template <typename Address>
struct BasicClient {
    Address held;     // of the lease that was acknowledged last
    Address address;  // what the exchange is about
    // Times in units of 256 ns, modulo 2^32 (18 minutes).
    std::uint32_t started = 0;       // the exchange
    std::uint32_t sent = 0;          // the latest message
    std::uint32_t next = kNoClient;  // in a slot of the wheel
    std::uint32_t previous = kNoClient;
    std::uint16_t due = 0;       // in wheel ticks, modulo 2^16
    std::uint16_t exchange = 0;  // number of the exchange, modulo 2^16
    std::uint8_t server = 0;     // index in the table of servers; 0 for none
    ClientState state = ClientState::kIdle;
    std::uint8_t attempt = 0;   // retransmissions of the latest message
    bool measured : 1 = false;  // the exchange counts
    bool unsent : 1 = false;    // the latest message waits for a frame to send it in
    bool has_timer : 1 = false;
    bool in_storm_done : 1 = false;  // has been counted among those that hold a lease
};
static_assert(sizeof(BasicClient<Ipv4>) == 32);

[[nodiscard]] constexpr std::uint32_t to_stamp(Time time) noexcept {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(time.count()) >> 8);
}
[[nodiscard]] constexpr Time since(std::uint32_t stamp, std::uint32_t earlier) noexcept {
    return Time{static_cast<std::int64_t>(stamp - earlier) << 8};
}

// Fires up to one tick late and never early.
template <typename Client>
class RetryTimers {
  public:
    static constexpr Time kTick = std::chrono::milliseconds{1};
    // Longest delay: dues are 16-bit ticks, and a difference must tell before from after.
    static constexpr Time kMaxDelay = kTick * 65500;

    explicit RetryTimers(std::span<Client> clients)
        : clients_{clients}, heads_(kSlots, kNoClient) {}

    // Replaces the client's timer. `delay` is at most kMaxDelay.
    void set(std::uint32_t index, Time now, Time delay) noexcept {
        cancel(index);
        const std::uint64_t due = tick_of(now + delay) + 1;
        Client& client = clients_[index];
        client.due = static_cast<std::uint16_t>(due);
        std::uint32_t& head = heads_[due % kSlots];
        client.next = head;
        client.previous = kNoClient;
        if (head != kNoClient) {
            clients_[head].previous = index;
        }
        head = index;
        client.has_timer = true;
    }
    void cancel(std::uint32_t index) noexcept {
        Client& client = clients_[index];
        if (!client.has_timer) {
            return;
        }
        if (client.previous == kNoClient) {
            heads_[client.due % kSlots] = client.next;
        } else {
            clients_[client.previous].next = client.next;
        }
        if (client.next != kNoClient) {
            clients_[client.next].previous = client.previous;
        }
        client.has_timer = false;
    }
    // Calls fire(index) for up to `limit` clients whose time has come; each has no timer then. The
    // rest come with the next call.
    template <typename Fire>
    void advance(Time now, std::size_t limit, Fire&& fire) {
        const std::uint64_t target = tick_of(now);
        while (done_ < target) {
            const auto due = static_cast<std::uint16_t>(done_ + 1);
            for (std::uint32_t index = heads_[(done_ + 1) % kSlots]; index != kNoClient;) {
                const std::uint32_t next = clients_[index].next;
                if (clients_[index].due == due) {
                    if (limit == 0) {
                        return;
                    }
                    --limit;
                    cancel(index);
                    fire(index);
                    // It may have set timers, but none in this slot that is due now.
                }
                index = next;
            }
            ++done_;
        }
    }

  private:
    static constexpr std::uint64_t kSlots = 4096;  // a divisor of 2^16, see `due`

    [[nodiscard]] static std::uint64_t tick_of(Time time) noexcept {
        return static_cast<std::uint64_t>(time / kTick);
    }

    std::span<Client> clients_;
    std::vector<std::uint32_t> heads_;
    std::uint64_t done_ = 0;  // ticks that have fired
};

}  // namespace xdhcpd::gun
