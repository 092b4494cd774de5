// What a worker counts. Written by the worker's thread, read by any.
// Invariant, up to frames in hand: received = answered + sum of dropped. It holds for each worker,
// since who receives a message counts what becomes of it, wherever that is decided.
#pragma once

#include <array>
#include <cstddef>

#include "base/counters.h"
#include "base/histogram.h"
#include "engine/drop_reason.h"
#include "engine/message_type.h"
#include "packet/frame_view.h"

namespace xdhcpd::worker {

struct WorkerCounters {
    Counter received;  // frames taken from ports
    // Replies given to ports, without those that the kernel refused at once: one of those is taken
    // back, within the round that gave it.
    Counter answered;
    std::array<Counter, engine::DropReason::kCount> dropped{};  // by DropReason::index()
    // By MessageType::index(); those that could be read.
    std::array<Counter, engine::MessageType::kCount> received_by_type{};
    // Replies, and what nobody asked for.
    std::array<Counter, engine::MessageType::kCount> sent_by_type{};
    EnumCounters<ChecksumState> checksums;  // of frames that could be read
    Counter handed_over;                    // messages given to the workers that know their clients
    Counter taken_over;                     // messages that others have given to this one
    Counter batches;                        // rounds of a port or another worker that brought some
    Counter polls;                          // times it went to sleep
    Counter expired;                        // offers, leases and quarantines that ended
    LatencyHistogram latency;               // receive to transmit, replies only

    // Received and neither answered nor dropped yet.
    [[nodiscard]] std::uint64_t in_flight() const noexcept {
        std::uint64_t done = answered.value();
        for (const Counter& counter : dropped) {
            done += counter.value();
        }
        const std::uint64_t all = received.value();
        return all > done ? all - done : 0;
    }
};

}  // namespace xdhcpd::worker
