// Tap: copies of the packets of one worker for one capture (`xdhcpctl capture`), through a ring of
// bytes in which the worker writes and the capture's thread reads. Neither ever waits: what finds
// no room is counted as missed.
//
// Thread rules: record functions belong to the worker's thread, front() and pop() to one reader,
// counters to any. A tap is attached and detached on the worker's thread (Worker::call()), so the
// worker needs no atomic to know its taps, and nothing of a detached tap is touched any more.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/addresses.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/counters.h"
#include "base/time.h"
#include "engine/drop_reason.h"
#include "packet/port.h"

namespace xdhcpd::worker {

// Which packets a tap takes; all of what is set. A reply goes with its request.
struct TapFilter {
    std::string interface;  // of the port; empty: any
    std::optional<Mac> hw_address;
    bool only_dropped = false;  // requests without an answer that should have one
};

// Size of a ring: some ten thousand DHCP messages, 10 ms at a million per second.
inline constexpr std::size_t kTapRingLen = std::size_t{1} << 22;
// Bytes kept of a frame, at most: more than any driver delivers.
inline constexpr std::uint32_t kMaxSnaplen = 16384;

// A packet as it lies in the ring, in front of its bytes.
struct TapRecord {
    static constexpr std::size_t kNameLen = 16;         // IFNAMSIZ of Linux
    static constexpr std::uint16_t kNoReason = 0xffff;  // answered, or itself a reply
    static constexpr std::uint32_t kPadding = ~0u;      // kept_len: the ring goes on at its start

    BootTime time;  // when the batch was received
    std::uint64_t missed_before = 0;
    std::uint32_t queue = 0;
    std::uint32_t frame_len = 0;
    std::uint32_t kept_len = 0;
    std::uint16_t reason = kNoReason;  // DropReason::index()
    bool outbound = false;
    std::array<char, kNameLen> interface_name{};  // NUL at the end

    [[nodiscard]] std::string_view interface() const noexcept { return interface_name.data(); }
    [[nodiscard]] std::optional<engine::DropReason> drop() const noexcept {
        return reason == kNoReason ? std::nullopt
                                   : std::optional{engine::DropReason::from_index(reason)};
    }
};

class Tap {
  public:
    struct Packet {
        TapRecord record;
        ByteView bytes;  // until pop()
    };

    // Takes all its memory and touches it, so that the worker meets no page fault. `ring_len` is a
    // power of two with room for two of the longest packets.
    explicit Tap(TapFilter filter, std::uint32_t snaplen = kMaxSnaplen,
                 std::size_t ring_len = kTapRingLen);

    // Worker's thread.
    [[nodiscard]] bool wants(const Port& port, Mac client,
                             std::optional<engine::DropReason> drop) const noexcept;
    void push(TapRecord record, ByteView frame) noexcept;

    // Reader's thread: the oldest packet, if there is one.
    [[nodiscard]] std::optional<Packet> front() noexcept;
    void pop() noexcept;

    // Any thread: packets that passed the filter and found room, or found none.
    [[nodiscard]] std::uint64_t taken() const noexcept { return taken_.value(); }
    [[nodiscard]] std::uint64_t missed() const noexcept { return missed_.value(); }

  private:
    static constexpr std::size_t kCacheLineLen = 64;
    // Records begin at multiples of this, so that a padding record always fits before the end.
    static constexpr std::size_t kStepLen = 64;
    static_assert(sizeof(TapRecord) <= kStepLen);
    static_assert(std::is_trivially_copyable_v<TapRecord>);

    [[nodiscard]] static std::size_t room_for(std::size_t kept_len) noexcept {
        return (sizeof(TapRecord) + kept_len + kStepLen - 1) / kStepLen * kStepLen;
    }

    TapFilter filter_;
    std::uint32_t snaplen_;
    std::size_t ring_len_;
    std::unique_ptr<std::byte[]> ring_;

    // Positions grow for ever; within the ring they are taken modulo its length.
    alignas(kCacheLineLen) std::atomic<std::uint64_t> written_{0};
    std::uint64_t read_seen_ = 0;     // worker: read_ as last looked at
    std::uint64_t missed_since_ = 0;  // worker: since the last packet that found room
    Counter taken_;
    Counter missed_;
    alignas(kCacheLineLen) std::atomic<std::uint64_t> read_{0};
    std::size_t front_len_ = 0;  // reader: room of the packet at the front
};

// The taps of a worker; its thread only. Without any, empty() is all that a packet costs.
class TapSet {
  public:
    static constexpr std::size_t kMaxCount = 4;

    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
    // The tap outlives its place here. No more than kMaxCount.
    void attach(Tap& tap) noexcept {
        XD_ASSERT(count_ < kMaxCount);
        taps_[count_++] = &tap;
    }
    // One that is not here is fine.
    void detach(const Tap& tap) noexcept {
        const auto end = std::remove(taps_.begin(), taps_.begin() + count_, &tap);
        count_ = static_cast<std::uint8_t>(end - taps_.begin());
    }

    // A request and its reply; `client` as client_of() says.
    void record_answer(const Port& port, ByteView request, Mac client, ByteView reply,
                       BootTime now) const noexcept;
    // A request that gets none.
    void record_drop(const Port& port, ByteView request, Mac client, engine::DropReason reason,
                     BootTime now) const noexcept;
    // What leaves without a request, to everybody (`client` is zero) or to one.
    void record_sent(const Port& port, Mac client, ByteView frame, BootTime now) const noexcept;

  private:
    std::array<Tap*, kMaxCount> taps_{};
    std::uint8_t count_ = 0;
};

}  // namespace xdhcpd::worker
