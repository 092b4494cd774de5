// Worker: replies that wait for stable storage.
#include <utility>

#include "dhcp4/options.h"
#include "worker/worker.h"

namespace xdhcpd::worker {

void Worker::lose_all_parked() {
    parked_.forget_all([this](const ParkedReply& reply) { lose(reply, engine::Shed::kNotStored); });
}

// Writes the record that the decision asks for. A reply without one waits as well while the last
// record of its unit does.
bool Worker::must_wait(const engine::Decision& decision) noexcept {
    const lease::Unit unit = *decision.promised;
    if (decision.must_write) {
        if (log_->write(*shard_, unit) <= log_->durable()) {
            return false;
        }
        const std::uint8_t flags = shard_->record(unit).flags;
        shard_->set_flags(unit, static_cast<std::uint8_t>(flags | engine::kFlagUnstored));
        return true;
    }
    return (shard_->record(unit).flags & engine::kFlagUnstored) != 0;
}

void Worker::park(Port& port, TxFrame frame, const TxInfo& info, const engine::Request& request,
                  const engine::Decision& decision, BootTime now) {
    ParkedReply reply = make_parked(request, decision, now);
    reply.port = &port;
    reply.frame = std::move(frame);
    reply.info = info;
    reply.origin = &port;
    parked_.park(std::move(reply));
}

// Without the frame that it waits in.
ParkedReply Worker::make_parked(const engine::Request& request, const engine::Decision& decision,
                                BootTime received) const noexcept {
    ParkedReply reply;
    reply.sequence = log_->last();
    reply.unit = *decision.promised;
    reply.version = shard_->record(reply.unit).version;
    reply.received = received;
    reply.client = client_of(request);
    reply.type = decision.reply_type;
    return reply;
}

// Sends what has become durable meanwhile. The frames leave with the next flush of their ports.
void Worker::send_stored() {
    if (parked_.empty()) {
        return;
    }
    const std::uint64_t durable = log_->durable();
    const BootTime now = clock_();
    while (!parked_.empty() && parked_.front().sequence <= durable) {
        send_stored(parked_.take_front(), now);
    }
    if (hand_over_) {
        hand_over_->publish();
    }
}

void Worker::send_stored(ParkedReply reply, BootTime now) {
    const bool is_current = is_still_true(reply, now);
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
    counters_.answered.add();
    counters_.sent_by_type[reply.type.index()].add();
    counters_.latency.record(now - reply.received);
}

// A reply promises a lease from the moment that it arrives, so it must not be late by more than the
// lease is kept beyond its time; and what its client did meanwhile (another request, a release) was
// answered by itself.
bool Worker::is_still_true(const ParkedReply& reply, BootTime now) noexcept {
    if (!shard_->holds(reply.unit)) {
        return false;
    }
    const lease::Record& record = shard_->record(reply.unit);
    if (record.version != reply.version) {
        return false;
    }
    shard_->set_flags(reply.unit, static_cast<std::uint8_t>(record.flags & ~engine::kFlagUnstored));
    return to_boot_seconds(now).value - record.started.value <= engine::kLeaseSlack;
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
    drop.type = engine::MessageType{dhcp4::MessageType::kRequest};
    drop_log_.add(drop);
}

}  // namespace xdhcpd::worker
