// HandOver: one worker's end of the ways between workers. A message whose client belongs to another
// shard goes to that shard's worker, together with the bytes of an empty frame that the receiving
// port lends; the reply is written there, and what became of it comes back. The frame itself, an
// object that calls its port, never leaves the receiver: it lies in a table of loans, and what
// travels is the number of the loan.
//
// Never blocks and never loses: a message that finds no place is refused at once; a reply always
// finds one, because no more loans are out than a ring of replies has slots.
//
// Owner: the worker. One thread, except where it says otherwise.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/addresses.h"
#include "base/bytes.h"
#include "base/spsc_ring.h"
#include "base/time.h"
#include "engine/drop_reason.h"
#include "engine/message_type.h"
#include "packet/port.h"
#include "worker/wake_up.h"

namespace xdhcpd::worker {

// A message on its way to the worker that knows its client. The message is copied: it is short, and
// its port has the frame back at once. One that is longer than any network sends in a single frame
// takes memory of its own.
struct HandedMessage {
    // With what stands before it, an odd number of cache lines: the beginnings of all slots must
    // not fall into the same sets of a cache.
    static constexpr std::size_t kMaxLen = 2176;

    const Port* port;  // that received it: its name and queue may be read; it stays while out
    MutableBytes out;  // of the lent frame, for the reply
    BootTime received;
    std::uint32_t loan;
    std::uint32_t ifindex;
    std::uint32_t len;
    bool may_wait;                            // the reply may wait for stable storage in that frame
    std::unique_ptr<std::byte[]> long_bytes;  // instead of `bytes`
    alignas(64) std::array<std::byte, kMaxLen> bytes;

    [[nodiscard]] ByteView frame() const noexcept {
        return {long_bytes != nullptr ? long_bytes.get() : bytes.data(), len};
    }
};
static_assert(sizeof(HandedMessage) == 64 + HandedMessage::kMaxLen);

// What became of it.
struct HandedReply {
    static constexpr std::uint16_t kAnswered = 0xffff;

    std::uint32_t loan = 0;
    std::uint32_t frame_len = 0;       // of the finished reply in the lent frame
    std::uint16_t reason = kAnswered;  // or DropReason::index(): the frame is empty
    engine::MessageType type;
    bool routable = false;
    bool unconfigured_destination = false;
    // From that second on the reply must not leave: what it promises is not kept so long.
    BootSeconds late_from = BootSeconds::never();

    [[nodiscard]] std::optional<engine::DropReason> drop() const noexcept {
        return reason == kAnswered ? std::nullopt
                                   : std::optional{engine::DropReason::from_index(reason)};
    }
};

// Frames that are out: with a message at another worker. Fixed places; the receiver's thread only.
class Loans {
  public:
    // More than what travels in the rings and waits for stable storage on a busy machine.
    static constexpr std::size_t kMax = 4096;

    struct Loan {
        Port* port = nullptr;  // null: not in use
        TxFrame frame;
        TxFrame routed;  // of the port's route, if the reply may leave by that
        BootTime received;
        std::uint32_t ifindex = 0;
        bool may_wait = false;  // and counts among the parked frames of its ports
    };

    Loans();

    [[nodiscard]] std::size_t out() const noexcept { return kMax - free_.size(); }
    // Requires out() < kMax.
    [[nodiscard]] std::uint32_t add(Loan loan) noexcept;
    [[nodiscard]] Loan take(std::uint32_t number) noexcept;
    // Looks at all of them.
    [[nodiscard]] bool has_any_of(const Port& port) const noexcept;

  private:
    std::vector<Loan> loans_;
    std::vector<std::uint32_t> free_;
};

// All ways between the workers of a server; one object, made before them and destroyed behind them.
class Exchange {
  public:
    // Slots of each way, 2240 bytes each: fewer when there are many ways, whose number grows with
    // the square of the workers, while what one worker gives spreads over all of them.
    [[nodiscard]] static constexpr std::size_t slots_for(std::uint32_t worker_count) noexcept {
        return std::clamp<std::size_t>(std::bit_floor(std::size_t{512} / worker_count), 32, 256);
    }
    static constexpr std::size_t kReplySlots = Loans::kMax;

    // `message_slots` is a power of two.
    Exchange(std::uint32_t worker_count, std::size_t message_slots);

    [[nodiscard]] std::uint32_t worker_count() const noexcept { return count_; }
    // Before any thread runs: whom to wake when something comes for worker `id`.
    void set_wake_up(std::uint32_t id, WakeUp& wake_up) noexcept { wake_ups_[id] = &wake_up; }
    void wake(std::uint32_t id) noexcept { wake_ups_[id]->wake(); }

    // From one worker to another; the rings of a worker with itself are not used.
    [[nodiscard]] SpscRing<HandedMessage>& messages(std::uint32_t from, std::uint32_t to) noexcept {
        return *messages_[from * count_ + to];
    }
    [[nodiscard]] SpscRing<HandedReply>& replies(std::uint32_t from, std::uint32_t to) noexcept {
        return *replies_[from * count_ + to];
    }

    // The end, any thread: a worker that was told to stop and expects nothing more says so once.
    void say_done() noexcept;
    [[nodiscard]] bool are_all_done() const noexcept { return done_.load() == count_; }

  private:
    std::uint32_t count_;
    std::vector<std::unique_ptr<SpscRing<HandedMessage>>> messages_;
    std::vector<std::unique_ptr<SpscRing<HandedReply>>> replies_;
    std::vector<WakeUp*> wake_ups_;
    std::atomic<std::uint32_t> done_{0};
};

class HandOver {
  public:
    // `id` < exchange.worker_count(), which is 2 or more. The exchange outlives this.
    HandOver(Exchange& exchange, std::uint32_t id);

    [[nodiscard]] std::uint32_t worker_count() const noexcept { return exchange_.worker_count(); }
    // Calls visit(peer) for each of the other workers.
    template <typename Visit>
    void visit_peers(Visit&& visit) const {
        for (std::uint32_t peer = 0; peer < exchange_.worker_count(); ++peer) {
            if (peer != id_) {
                visit(peer);
            }
        }
    }

    // The receiver ----------------------------------------------------------------------------

    struct Message {
        ByteView frame;
        std::uint32_t ifindex = 0;
        bool may_be_routed = false;
        BootTime received;
    };
    // Gives the message to worker `to`, which sees it after publish(); or says why not.
    [[nodiscard]] std::optional<engine::Shed> give(std::uint32_t to, Port& port,
                                                   const Message& message) noexcept;
    // Calls finish(Loans::Loan, const HandedReply&) for all that has come back; returns how many.
    template <typename Finish>
    std::size_t collect(Finish&& finish) {
        std::size_t sum = 0;
        visit_peers([&](std::uint32_t peer) {
            SpscRing<HandedReply>& ring = exchange_.replies(peer, id_);
            const std::size_t count = ring.waiting();
            for (std::size_t i = 0; i < count; ++i) {
                finish(take_loan(ring.at(i).loan), ring.at(i));
            }
            if (count != 0) {
                ring.release(count);
            }
            sum += count;
        });
        return sum;
    }
    [[nodiscard]] std::size_t loans_out() const noexcept { return loans_.out(); }
    [[nodiscard]] bool has_loan_of(const Port& port) const noexcept {
        return loans_.has_any_of(port);
    }

    // The owner of the client's shard -----------------------------------------------------------

    // What worker `from` has given: at(i) for i below waiting(), then release().
    [[nodiscard]] SpscRing<HandedMessage>& messages_of(std::uint32_t from) noexcept {
        return exchange_.messages(from, id_);
    }
    // Once per message of `to`; seen after publish().
    void give_back(std::uint32_t to, const HandedReply& reply) noexcept;

    // Both --------------------------------------------------------------------------------------

    // Shows the others what was given and given back since the last time, and wakes who sleeps.
    void publish() noexcept;
    // For the look before sleeping.
    [[nodiscard]] bool has_waiting() const noexcept;
    [[nodiscard]] Exchange& exchange() noexcept { return exchange_; }

  private:
    [[nodiscard]] Loans::Loan take_loan(std::uint32_t number) noexcept;

    Exchange& exchange_;
    std::uint32_t id_;
    Loans loans_;
    std::vector<std::uint8_t> touched_;  // by peer: something is to be published
};

}  // namespace xdhcpd::worker
