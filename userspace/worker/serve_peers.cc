// Worker: messages that it hands over, and those that others have handed over to it.
#include <algorithm>
#include <array>
#include <utility>

#include "engine/decide.h"
#include "engine/shard_choice.h"
#include "worker/worker.h"

namespace xdhcpd::worker {

void Worker::settle() {
    if (!hand_over_) {
        return;
    }
    hand_over_->visit_peers([this](std::uint32_t peer) { serve_all_of(peer); });
    send_stored();
    lose_all_parked();
    hand_over_->publish();
}

void Worker::collect_last() {
    if (!hand_over_) {
        return;
    }
    static_cast<void>(collect());
    for (Port* const port : ports_) {
        port->flush();
    }
}

// Before the ports have their turn, so that what came back leaves with their flush.
std::size_t Worker::exchange(const model::Snapshot& snapshot) {
    std::size_t done = collect();
    hand_over_->visit_peers([&](std::uint32_t peer) { done += serve_peer(peer, snapshot); });
    return done;
}

std::size_t Worker::collect() {
    const BootTime now = clock_();
    return hand_over_->collect(
        [&](Loans::Loan loan, const HandedReply& reply) { finish(std::move(loan), reply, now); });
}

// A message that was handed over is answered, or known not to be.
void Worker::finish(Loans::Loan loan, const HandedReply& reply, BootTime now) {
    if (const auto drop = reply.drop()) {
        counters_.dropped[drop->index()].add();
        return;
    }
    TxInfo info;
    info.frame_len = reply.frame_len;
    info.ifindex = loan.ifindex;
    info.unconfigured_destination = reply.unconfigured_destination;
    const ByteView bytes = loan.frame.bytes().first(reply.frame_len);
    if (loan.routed && reply.routable && bytes.size() <= loan.routed.bytes().size()) {
        copy_bytes(loan.routed.bytes().data(), bytes);
        loan.port->route()->submit(std::move(loan.routed), info);
    } else {
        loan.port->submit(std::move(loan.frame), info);
    }
    counters_.answered.add();
    counters_.sent_by_type[reply.type.index()].add();
    counters_.latency.record(now - loan.received);
}

std::size_t Worker::serve_peer(std::uint32_t peer, const model::Snapshot& snapshot) {
    SpscRing<HandedMessage>& messages = hand_over_->messages_of(peer);
    const std::size_t count = std::min(messages.waiting(), kBatchLen);
    if (count == 0) {
        return 0;
    }
    const BootTime now = clock_();
    counters_.batches.add();
    counters_.taken_over.add(count);
    std::array<bool, kBatchLen> wanted{};
    for (std::size_t i = 0; i < count; ++i) {
        if (i + 2 < count) {
            engine::prefetch_frame(messages.at(i + 2).frame());
        }
        const HandedMessage& message = messages.at(i);
        // Anew, with the snapshot of this worker: whatever the request refers to is its own.
        const auto parsed = requests_[i].parse(message.frame(), message.ifindex, snapshot);
        if (!parsed) {
            refuse_peer(peer, message, requests_[i], parsed.error());
        } else if (shard_of(requests_[i]) != id_) {
            refuse_peer(peer, message, requests_[i], engine::Shed::kHandOverMoved);
        } else {
            wanted[i] = true;
            shard_->prefetch(requests_[i].tenant());
        }
    }
    for (std::size_t i = 0; i < count; ++i) {
        if (wanted[i]) {
            shard_->prefetch_record(requests_[i].tenant());
        }
    }
    for (std::size_t i = 0; i < count; ++i) {
        if (wanted[i]) {
            answer_peer(peer, messages.at(i), requests_[i], now);
        }
    }
    for (std::size_t i = 0; i < count; ++i) {
        if (messages.at(i).long_bytes != nullptr) [[unlikely]] {
            messages.at(i).long_bytes.reset();
        }
    }
    messages.release(count);
    if (log_) {
        log_->kick();
        send_stored();
    }
    hand_over_->publish();
    return count;
}

// Until the ring is empty, but no more than it can hold.
void Worker::serve_all_of(std::uint32_t peer) {
    const model::Snapshot* const snapshot = snapshots_.acquire(announcement_);
    std::size_t left = hand_over_->messages_of(peer).capacity();
    while (snapshot != nullptr && left != 0) {
        const std::size_t count = serve_peer(peer, *snapshot);
        if (count == 0) {
            break;
        }
        left -= std::min(left, count);
    }
}

void Worker::give_back_all(std::uint32_t from, const std::vector<Port*>& gone) {
    serve_all_of(from);
    for (const Port* const port : gone) {
        parked_.forget(*port,
                       [this](const ParkedReply& reply) { lose(reply, engine::Shed::kPortGone); });
    }
    hand_over_->publish();
}

void Worker::refuse_peer(std::uint32_t peer, const HandedMessage& message,
                         const engine::Request& request, engine::DropReason reason) {
    tell(*message.port, request, reason, message.received);
    HandedReply reply;
    reply.loan = message.loan;
    reply.reason = static_cast<std::uint16_t>(reason.index());
    hand_over_->give_back(peer, reply);
}

// As answer(), but the reply goes back to the worker whose port received the message.
void Worker::answer_peer(std::uint32_t peer, const HandedMessage& message,
                         const engine::Request& request, BootTime now) {
    engine::Journal journal = engine::Journal::kOff;
    if (log_) {
        journal =
            message.may_wait && parked_.has_room() ? log_->state() : engine::Journal::kBacklog;
    }
    const engine::Decision decision =
        engine::decide(request, *shard_, reply_cache_, now, journal, message.out);
    if (decision.drop) {
        refuse_peer(peer, message, request, *decision.drop);
        return;
    }
    if (!taps_.empty()) {
        taps_.record_answer(*message.port, request.bytes(), client_of(request),
                            message.out.first(decision.frame_len), message.received);
    }
    HandedReply reply;
    reply.loan = message.loan;
    reply.frame_len = decision.frame_len;
    reply.type = decision.reply_type;
    reply.routable = decision.routable;
    reply.unconfigured_destination = decision.unconfigured_destination;
    if (!log_ || !decision.promised || !must_wait(decision)) {
        hand_over_->give_back(peer, reply);
        return;
    }
    if (!message.may_wait || !parked_.has_room()) {
        refuse_peer(peer, message, request, engine::Shed::kJournalBacklog);
        return;
    }
    ParkedReply parked = make_parked(request, decision, message.received);
    parked.lender = peer;
    parked.handed = reply;
    parked.origin = message.port;
    parked.info.ifindex = message.ifindex;
    parked_.park(std::move(parked));
}

bool Worker::is_mine_of_many(Port& port, const engine::Request& request, BootTime now) {
    const std::uint32_t owner = shard_of(request);
    if (owner == id_) {
        return true;
    }
    const auto refused = hand_over_->give(owner, port,
                                          {.frame = request.bytes(),
                                           .ifindex = request.ifindex(),
                                           .may_be_routed = request.may_be_routed(),
                                           .received = now});
    if (refused) {
        explain(port, request, *refused, now);
    } else {
        counters_.handed_over.add();
    }
    return false;
}

std::uint32_t Worker::shard_of(const engine::Request& request) const noexcept {
    return engine::shard_of(request.tenant().identity, request.snapshot().hash_key,
                            hand_over_->worker_count());
}

}  // namespace xdhcpd::worker
