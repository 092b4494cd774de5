// Worker: messages that it hands over, and those that others have handed over to it.
#include <algorithm>
#include <array>
#include <utility>

#include "engine/decide.h"
#include "engine/shard_choice.h"
#include "engine/v6/decide.h"
#include "worker/promises.h"
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
        flush(*port);
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
    if (reply.late_from <= to_boot_seconds(now)) [[unlikely]] {
        lose_late(loan, reply, now);
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
    count_answer(reply.type);
    counters_.latency.record(now - loan.received);
}

// As is_still_true() for what waited for stable storage: this worker stood still meanwhile, with
// the machine asleep, maybe.
void Worker::lose_late(const Loans::Loan& loan, const HandedReply& reply, BootTime now) noexcept {
    Drop drop = describe_reply(loan.frame.bytes().first(reply.frame_len));
    drop.time = now;
    drop.reason = engine::Shed::kStale;
    drop.ifindex = loan.ifindex;
    drop.queue = loan.port->queue();
    drop_log_.add(drop);
    counters_.dropped[drop.reason.index()].add();
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
    enum class Way : std::uint8_t { kNone, kIpv4, kIpv6 };
    std::array<Way, kBatchLen> ways{};
    for (std::size_t i = 0; i < count; ++i) {
        if (i + 2 < count) {
            engine::prefetch_frame(messages.at(i + 2).frame());
        }
        const HandedMessage& message = messages.at(i);
        if (engine::v6::is_ipv6(message.frame())) {
            if (take_over(peer, message, requests6_[i], snapshot)) {
                ways[i] = Way::kIpv6;
                if (!requests6_[i].first_tenant().identity.empty()) {
                    shard_->prefetch(requests6_[i].first_tenant());
                }
            }
        } else if (take_over(peer, message, requests_[i], snapshot)) {
            ways[i] = Way::kIpv4;
            shard_->prefetch(requests_[i].tenant());
        }
    }
    for (std::size_t i = 0; i < count; ++i) {
        if (ways[i] == Way::kIpv4) {
            shard_->prefetch_record(requests_[i].tenant());
        } else if (ways[i] == Way::kIpv6 && !requests6_[i].first_tenant().identity.empty()) {
            shard_->prefetch_record(requests6_[i].first_tenant());
        }
    }
    for (std::size_t i = 0; i < count; ++i) {
        if (ways[i] == Way::kIpv4) {
            answer_peer(peer, messages.at(i), requests_[i], now);
        } else if (ways[i] == Way::kIpv6 && requests6_[i].is_dhcp6()) {
            answer_peer(peer, messages.at(i), requests6_[i], now);
        } else if (ways[i] == Way::kIpv6) {  // of Neighbor Discovery, only these are handed over
            refuse_peer(peer, messages.at(i), requests6_[i], solicit(requests6_[i], now));
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

template <typename Request>
bool Worker::take_over(std::uint32_t peer, const HandedMessage& message, Request& request,
                       const model::Snapshot& snapshot) {
    // Anew, with the snapshot of this worker: whatever the request refers to is its own.
    const auto parsed = request.parse(message.frame(), message.ifindex, snapshot);
    if (!parsed) {
        refuse_peer(peer, message, request, parsed.error());
        return false;
    }
    if (owner_of(request) != id_) {
        refuse_peer(peer, message, request, engine::Shed::kHandOverMoved);
        return false;
    }
    return true;
}

template <typename Request>
void Worker::refuse_peer(std::uint32_t peer, const HandedMessage& message, const Request& request,
                         engine::DropReason reason) {
    tell(*message.port, request, reason, message.received);
    HandedReply reply;
    reply.loan = message.loan;
    reply.reason = static_cast<std::uint16_t>(reason.index());
    hand_over_->give_back(peer, reply);
}

// As answer(), but the reply goes back to the worker whose port received the message.
template <typename Request>
void Worker::answer_peer(std::uint32_t peer, const HandedMessage& message, Request& request,
                         BootTime now) {
    engine::Journal journal = engine::Journal::kOff;
    if (log_) {
        journal = message.may_wait && parked_.has_room(max_promises(request))
                      ? log_->state()
                      : engine::Journal::kBacklog;
    }
    const auto decision = decide(request, now, journal, message.out);
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
    reply.unconfigured_destination = has_unconfigured_destination(decision);
    visit_promises(decision, [&](lease::Unit unit, bool /*must_write*/) {
        reply.late_from = std::min(reply.late_from,
                                   add_seconds(shard_->record(unit).started, engine::kLeaseSlack));
    });
    if (!log_ || promise_count(decision) == 0 || !must_wait(decision)) {
        hand_over_->give_back(peer, reply);
        return;
    }
    if (!message.may_wait || !parked_.has_room(promise_count(decision))) {
        refuse_peer(peer, message, request, engine::Shed::kJournalBacklog);
        return;
    }
    ParkedReply parked;
    parked.lender = peer;
    parked.handed = reply;
    parked.origin = message.port;
    parked.info.ifindex = message.ifindex;
    park(std::move(parked), request, decision, message.received);
}

template <typename Request>
bool Worker::is_mine_of_many(Port& port, const Request& request, BootTime now) {
    const std::uint32_t owner = owner_of(request);
    if (owner == id_) {
        return true;
    }
    const auto refused = hand_over_->give(owner, port,
                                          {.frame = request.bytes(),
                                           .ifindex = request.ifindex(),
                                           .may_be_routed = may_be_routed(request),
                                           .received = now});
    if (refused) {
        explain(port, request, *refused, now);
    } else {
        counters_.handed_over.add();
    }
    return false;
}

template bool Worker::is_mine_of_many(Port&, const engine::Request&, BootTime);
template bool Worker::is_mine_of_many(Port&, const engine::v6::Request&, BootTime);

std::uint32_t Worker::owner_of(const engine::Request& request) const noexcept {
    return engine::shard_of(request.tenant().identity, request.snapshot().hash_key,
                            hand_over_->worker_count());
}

// A message of DHCPv6 that names no client may be answered by anybody, as a Neighbor Solicitation.
std::uint32_t Worker::owner_of(const engine::v6::Request& request) const noexcept {
    if (request.is_dhcp6()) {
        return request.shard_key().empty()
                   ? id_
                   : engine::v6::shard_of(request, hand_over_->worker_count());
    }
    if (request.advertisement() == nullptr || request.ingress() == nullptr) {
        return id_;
    }
    const auto found =
        std::find_if(advertising_.begin(), advertising_.end(), [&](const AdvertisingWorker& one) {
            return one.interface == request.ingress()->interface.name;
        });
    return found != advertising_.end() ? found->worker : id_;
}

}  // namespace xdhcpd::worker
