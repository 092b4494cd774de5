// ParkedReplies: finished replies that wait for the record of their lease to be on stable storage.
// A queue, since the journal's sequences grow: first parked, first sent. Worker's thread only; no
// allocation after construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/addresses.h"
#include "base/assert.h"
#include "base/time.h"
#include "dhcp4/options.h"
#include "lease/unit.h"
#include "packet/port.h"

namespace xdhcpd::worker {

struct ParkedReply {
    std::uint64_t sequence = 0;  // of the journal; grows from one parked reply to the next
    Port* port = nullptr;        // that lent `frame`
    TxFrame frame;
    TxInfo info;
    lease::Unit unit;           // whose record the reply promises
    std::uint32_t version = 0;  // of that record
    BootTime received;
    Mac client;  // for who asks what became of it
    dhcp4::MessageType type = dhcp4::MessageType::kNone;
};

class ParkedReplies {
  public:
    // `capacity` is a power of two.
    explicit ParkedReplies(std::size_t capacity)
        : mask_{capacity - 1}, replies_{std::make_unique<ParkedReply[]>(capacity)} {
        XD_ASSERT(capacity != 0 && (capacity & mask_) == 0);
    }

    [[nodiscard]] std::size_t count() const noexcept { return end_ - begin_; }
    [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
    // Room in here, and the port keeps at least half of its frames for what waits for nothing.
    [[nodiscard]] bool has_room(const Port& port) const noexcept {
        return count() <= mask_ && port.parked() < port.tx_frame_count() / 2;
    }
    // Requires has_room() of the reply's port.
    void park(ParkedReply reply) noexcept {
        XD_ASSERT(has_room(*reply.port));
        reply.port->set_parked(reply.port->parked() + 1);
        replies_[end_++ & mask_] = std::move(reply);
    }
    // The reply that waits longest; not when empty().
    [[nodiscard]] const ParkedReply& front() const noexcept { return replies_[begin_ & mask_]; }
    [[nodiscard]] ParkedReply take_front() noexcept {
        XD_ASSERT(!empty());
        ParkedReply reply = std::move(replies_[begin_++ & mask_]);
        if (reply.port != nullptr) {
            reply.port->set_parked(reply.port->parked() - 1);
        }
        return reply;
    }
    // The port goes: calls lost(ParkedReply) for each of its replies. They keep their places,
    // without port and frame, so that what follows from their records being stored still does.
    template <typename Lost>
    void forget(const Port& port, Lost&& lost) {
        for (std::size_t i = begin_; i != end_; ++i) {
            ParkedReply& reply = replies_[i & mask_];
            if (reply.port == &port) {
                lost(std::as_const(reply));
                reply.port->set_parked(reply.port->parked() - 1);
                reply.frame = TxFrame{};
                reply.port = nullptr;
            }
        }
    }

  private:
    std::size_t mask_;
    std::unique_ptr<ParkedReply[]> replies_;
    std::size_t begin_ = 0;  // grow for ever; taken modulo the capacity
    std::size_t end_ = 0;
};

}  // namespace xdhcpd::worker
