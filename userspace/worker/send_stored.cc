// Worker: replies that wait for stable storage.
#include <utility>

#include "worker/promises.h"
#include "worker/worker.h"

namespace xdhcpd::worker {

void Worker::lose_all_parked() {
    parked_.forget_all([this](const ParkedReply& reply) { lose(reply, engine::Shed::kNotStored); });
}

bool Worker::must_wait(lease::Unit unit, bool must_write) noexcept {
    if (must_write) {
        if (log_->write(*shard_, unit) <= log_->durable()) {
            return false;
        }
        const std::uint8_t flags = shard_->record(unit).flags;
        shard_->set_flags(unit, static_cast<std::uint8_t>(flags | engine::kFlagUnstored));
        return true;
    }
    return (shard_->record(unit).flags & engine::kFlagUnstored) != 0;
}

template <typename Decision>
bool Worker::must_wait(const Decision& decision) noexcept {
    bool waits = false;
    visit_promises(decision, [&](lease::Unit unit, bool must_write) {
        waits = must_wait(unit, must_write) || waits;  // all are written
    });
    return waits;
}

template bool Worker::must_wait(const engine::Decision&) noexcept;
template bool Worker::must_wait(const engine::v6::Decision&) noexcept;

template <typename Request, typename Decision>
void Worker::park(ParkedReply reply, const Request& request, const Decision& decision,
                  BootTime received) {
    reply.sequence = log_->last();
    reply.received = received;
    reply.client = client_of(request);
    reply.type = decision.reply_type;
    reply.asked = type_of(request);
    bool is_first = true;
    visit_promises(decision, [&](lease::Unit unit, bool /*must_write*/) {
        if (!is_first) {
            ParkedReply before;
            before.sequence = reply.sequence;
            before.unit = reply.unit;
            before.version = reply.version;
            before.goes_on = true;
            parked_.park(std::move(before));
        }
        is_first = false;
        reply.unit = unit;
        reply.version = shard_->record(unit).version;
    });
    parked_.park(std::move(reply));
}

template void Worker::park(ParkedReply, const engine::Request&, const engine::Decision&, BootTime);
template void Worker::park(ParkedReply, const engine::v6::Request&, const engine::v6::Decision&,
                           BootTime);

// Sends what has become durable meanwhile. The frames leave with the next flush of their ports.
void Worker::send_stored() {
    if (parked_.empty()) {
        return;
    }
    const std::uint64_t durable = log_->durable();
    const BootTime now = clock_();
    bool is_current = true;  // of all units of a reply
    while (!parked_.empty() && parked_.front().sequence <= durable) {
        ParkedReply reply = parked_.take_front();
        is_current = is_still_true(reply, now) && is_current;
        if (!reply.goes_on) {
            send_stored(std::move(reply), is_current, now);
            is_current = true;
        }
    }
    if (hand_over_) {
        hand_over_->publish();
    }
}

void Worker::send_stored(ParkedReply reply, bool is_current, BootTime now) {
    if (reply.is_lost()) {
        return;  // meanwhile, and counted
    }
    if (!is_current) {
        lose(reply, engine::Shed::kStale);
        return;
    }
    if (reply.port == nullptr) {
        hand_over_->give_back(reply.lender, reply.handed);
        return;
    }
    reply.port->submit(std::move(reply.frame), reply.info);
    count_answer(reply.type);
    counters_.latency.record(now - reply.received);
}

// A reply promises a lease from the moment that it arrives, so it must not be late by more than the
// lease is kept beyond its time, of which the clock may have passed a part of a second when that
// began; and what its client did meanwhile (another request, a release) was answered by itself.
bool Worker::is_still_true(const ParkedReply& reply, BootTime now) noexcept {
    if (!shard_->holds(reply.unit)) {
        return false;
    }
    const lease::Record& record = shard_->record(reply.unit);
    if (record.version != reply.version) {
        return false;
    }
    shard_->set_flags(reply.unit, static_cast<std::uint8_t>(record.flags & ~engine::kFlagUnstored));
    return to_boot_seconds(now).value - record.started.value < engine::kLeaseSlack;
}

void Worker::lose(const ParkedReply& reply, engine::DropReason reason) noexcept {
    if (reply.lender == ParkedReply::kNobody) {
        counters_.dropped[reason.index()].add();
    } else {
        HandedReply handed = reply.handed;
        handed.reason = static_cast<std::uint16_t>(reason.index());
        hand_over_->give_back(reply.lender, handed);
    }
    Drop drop;
    drop.time = clock_();
    drop.reason = reason;
    drop.ifindex = reply.info.ifindex;
    drop.queue = reply.origin->queue();
    drop.client = reply.client;
    drop.type = reply.asked;
    drop_log_.add(drop);
}

}  // namespace xdhcpd::worker
