// ParkedReplies: finished replies that wait for the record of their lease to be on stable storage.
// A queue, since the journal's sequences grow: first parked, first sent. Worker's thread only; no
// allocation after construction.
//
// A reply that promises several units has as many places, one behind the other and of one
// sequence: the last one has the frame.
//
// A reply to a message that another worker has handed over waits in a frame of that worker's port,
// known here by the number of its loan only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/addresses.h"
#include "base/assert.h"
#include "base/time.h"
#include "engine/message_type.h"
#include "lease/unit.h"
#include "packet/port.h"
#include "worker/hand_over.h"

namespace xdhcpd::worker {

struct ParkedReply {
    // `lender`, while the frame is of this worker's own port.
    static constexpr std::uint32_t kNobody = 0xffffffff;

    std::uint64_t sequence = 0;  // of the journal; grows from one parked reply to the next
    Port* port = nullptr;        // own: lent `frame`
    TxFrame frame;
    TxInfo info;
    std::uint32_t lender = kNobody;  // worker whose port `origin` lent the frame ...
    HandedReply handed;              // ... as what comes back to it
    const Port* origin = nullptr;    // that received the message
    lease::Unit unit;                // whose record the reply promises
    bool goes_on = false;            // and so does the next place for the same reply
    std::uint32_t version = 0;       // of that record
    BootTime received;
    Mac client;  // for who asks what became of it
    engine::MessageType type;
    engine::MessageType asked;  // type of the request

    // Its frame went with its port, or is in a place behind this.
    [[nodiscard]] bool is_lost() const noexcept { return port == nullptr && lender == kNobody; }
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
    // Room in here for a reply that promises `units`, and the port keeps at least half of its
    // frames for what waits for nothing.
    [[nodiscard]] bool has_room(const Port& port, std::size_t units = 1) const noexcept {
        return has_room(units) && port.parked() < port.tx_frame_count() / 2;
    }
    // For a frame that another worker has lent, which keeps count of its own ports.
    [[nodiscard]] bool has_room(std::size_t units = 1) const noexcept {
        return count() + units <= mask_ + 1;
    }
    // Requires has_room(), of the reply's port if it is an own one.
    void park(ParkedReply reply) noexcept {
        XD_ASSERT(reply.port != nullptr ? has_room(*reply.port) : has_room());
        if (reply.port != nullptr) {
            reply.port->set_parked(reply.port->parked() + 1);
        }
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
    // The port goes: calls lost(ParkedReply) for each reply in a frame of it, whoever lent that.
    // They keep their places, without port and frame, so that what follows from their records being
    // stored still does.
    template <typename Lost>
    void forget(const Port& port, Lost&& lost) {
        forget_if(
            [&port](const ParkedReply& reply) {
                return reply.port == &port ||
                       (reply.lender != ParkedReply::kNobody && reply.origin == &port);
            },
            lost);
    }
    // Everything, likewise.
    template <typename Lost>
    void forget_all(Lost&& lost) {
        forget_if([](const ParkedReply& reply) { return !reply.is_lost(); }, lost);
    }

  private:
    template <typename Is, typename Lost>
    void forget_if(const Is& is, const Lost& lost) {
        for (std::size_t i = begin_; i != end_; ++i) {
            ParkedReply& reply = replies_[i & mask_];
            if (!is(std::as_const(reply))) {
                continue;
            }
            lost(std::as_const(reply));
            if (reply.port != nullptr) {
                reply.port->set_parked(reply.port->parked() - 1);
                reply.frame = TxFrame{};
                reply.port = nullptr;
            }
            reply.lender = ParkedReply::kNobody;
        }
    }

    std::size_t mask_;
    std::unique_ptr<ParkedReply[]> replies_;
    std::size_t begin_ = 0;  // grow for ever; taken modulo the capacity
    std::size_t end_ = 0;
};

}  // namespace xdhcpd::worker
