// Worker: frames of its own ports.
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "engine/decide.h"
#include "engine/shedding.h"
#include "engine/v6/decide.h"
#include "engine/v6/neighbor_answer.h"
#include "nd/message_view.h"
#include "packet/headers.h"
#include "worker/promises.h"
#include "worker/worker.h"

namespace xdhcpd::worker {
namespace {

// What is left to do of a frame.
enum class Way : std::uint8_t { kNone, kIpv4, kIpv6 };

// Nearly all of IPv4's frames have no tag, and then one look suffices.
[[nodiscard]] bool is_ipv6(ByteView frame) noexcept {
    if (frame.size() >= kEthernetLen && load_be16(frame.data() + 2 * Mac::kLen) == kEtherTypeIpv4)
        [[likely]] {
        return false;
    }
    return engine::v6::is_ipv6(frame);
}

}  // namespace

std::size_t Worker::serve(Port& port, const model::Snapshot& snapshot) {
    std::array<RxFrame, kBatchLen> frames;
    const std::size_t count = port.receive(frames);
    if (count == 0) {
        flush(port);  // completions, and what an earlier flush could not send
        return 0;
    }
    const BootTime now = clock_();
    // The first of a batch has waited longest.
    const engine::Load load = engine::load_of(port.fill_permille(), frames[0].waited);
    counters_.batches.add();
    counters_.received.add(count);

    // Two passes, so that the memory latencies of the batch overlap.
    std::array<Way, kBatchLen> ways{};
    for (std::size_t i = 0; i < count; ++i) {
        if (i + 2 < count) {
            engine::prefetch_frame(frames[i + 2].bytes);
        }
        if (is_ipv6(frames[i].bytes)) {
            ways[i] = admit(port, frames[i], snapshot, load, requests6_[i], now) ? Way::kIpv6
                                                                                 : Way::kNone;
            continue;
        }
        const auto parsed = requests_[i].parse(frames[i].bytes, frames[i].ifindex, snapshot);
        count_arrival(requests_[i]);
        if (!parsed) {
            explain(port, requests_[i], parsed.error(), now);
        } else if (const auto limit = rate_limiter_.take(requests_[i], port.filters_rate(), now)) {
            explain(port, requests_[i], *limit, now);
        } else if (const auto shed = engine::shed(requests_[i].message(), frames[i].waited, load)) {
            explain(port, requests_[i], *shed, now);
        } else if (is_mine(port, requests_[i], now)) {
            ways[i] = Way::kIpv4;
            shard_->prefetch(requests_[i].tenant());
        }
    }
    if (hand_over_) [[unlikely]] {
        hand_over_->publish();  // the others begin at once
    }
    for (std::size_t i = 0; i < count; ++i) {
        if (ways[i] == Way::kIpv4) {
            shard_->prefetch_record(requests_[i].tenant());
        } else if (ways[i] == Way::kIpv6 && !requests6_[i].first_tenant().identity.empty()) {
            shard_->prefetch_record(requests6_[i].first_tenant());
        }
    }
    std::size_t answered = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (ways[i] == Way::kIpv4) {
            answer(port, requests_[i], now, answered);
        } else if (ways[i] == Way::kIpv6 && requests6_[i].is_dhcp6()) {
            answer(port, requests6_[i], now, answered);
        } else if (ways[i] == Way::kIpv6) {
            answer_neighbor(port, requests6_[i], now, answered);
        }
    }
    if (log_) {
        log_->kick();  // the disk works while the frames leave
        send_stored();
    }
    flush(port);
    port.release(std::span{frames}.first(count));
    if (answered != 0) {
        counters_.latency.record(clock_() - now, answered);
    }
    return count;
}

inline bool Worker::is_mine(Port& port, const engine::Request& request, BootTime now) {
    return !hand_over_ || is_mine_of_many(port, request, now);
}

bool Worker::admit(Port& port, const RxFrame& frame, const model::Snapshot& snapshot,
                   engine::Load load, engine::v6::Request& request, BootTime now) {
    const auto parsed = request.parse(frame.bytes, frame.ifindex, snapshot);
    count_arrival(request);
    if (!parsed) {
        explain(port, request, parsed.error(), now);
        return false;
    }
    if (const auto limit = rate_limiter_.take(request, port.filters_rate(), now)) {
        explain(port, request, *limit, now);
        return false;
    }
    if (request.is_dhcp6()) {
        if (const auto shed = engine::shed(request.message().type(), frame.waited, load)) {
            explain(port, request, *shed, now);
            return false;
        }
    }
    if (hand_over_ && !is_mine_of_many(port, request, now)) {
        return false;
    }
    if (request.is_dhcp6()) {
        if (!request.first_tenant().identity.empty()) {
            shard_->prefetch(request.first_tenant());
        }
        return true;
    }
    if (request.nd().type() == nd::MessageType::kNeighborSolicitation) {
        return true;
    }
    explain(port, request, solicit(request, now), now);
    return false;
}

// Together with its route, so that a routed reply leaves with the batch that made it and waits for
// no other port's.
void Worker::flush(Port& port) {
    port.flush();
    port.take_unsent([&](const UnsentFrame& unsent) { take_answer_back(port, unsent); });
    if (Port* const route = port.route(); route != nullptr) {
        route->flush();
        route->take_unsent([&](const UnsentFrame& unsent) { take_answer_back(*route, unsent); });
    }
}

// Counted when it is given to its port, so that who has the reply finds it counted.
void Worker::count_answer(engine::MessageType type) noexcept {
    counters_.answered.add();
    counters_.sent_by_type[type.index()].add();
}

// The kernel did not send it.
void Worker::take_answer_back(const Port& port, const UnsentFrame& unsent) noexcept {
    Drop drop = describe_reply(unsent.frame.bytes().first(unsent.info.frame_len));
    drop.time = clock_();
    drop.reason = engine::Shed::kNotSent;
    drop.ifindex = unsent.info.ifindex;
    drop.queue = port.queue();
    drop_log_.add(drop);
    Counter& sent = counters_.sent_by_type[drop.type.index()];
    sent.set(sent.value() - 1);
    counters_.answered.set(counters_.answered.value() - 1);
    counters_.dropped[drop.reason.index()].add();
}

// Counts what could be read, whether it will be answered or not.
void Worker::count_arrival(const engine::Request& request) noexcept {
    if (request.has_frame()) {
        counters_.checksums[request.frame().checksum].add();
    }
    if (!request.message().payload().empty()) {
        counters_.received_by_type[engine::MessageType{request.message().type()}.index()].add();
    }
}

void Worker::count_arrival(const engine::v6::Request& request) noexcept {
    if (request.has_frame()) {
        counters_.checksums[request.frame().checksum].add();
    }
    if (!request.type().is_none()) {
        counters_.received_by_type[request.type().index()].add();
    }
}

engine::Decision Worker::decide(engine::Request& request, BootTime now, engine::Journal journal,
                                MutableBytes out) noexcept {
    return engine::decide(request, *shard_, reply_cache_, now, journal, out);
}

engine::v6::Decision Worker::decide(engine::v6::Request& request, BootTime now,
                                    engine::Journal journal, MutableBytes out) noexcept {
    const engine::v6::Decision decision = engine::v6::decide(request, *shard_, now, journal, out);
    for (const engine::v6::Promise& promise : decision.promises()) {
        if (promise.is_moved) {
            route_changes_.note_lease(*shard_, promise.unit);
        }
    }
    return decision;
}

template <typename Request>
void Worker::answer(Port& port, Request& request, BootTime now, std::size_t& answered) {
    // Frames come first: a decision changes leases, and then its reply must be able to leave.
    std::optional<TxFrame> frame = port.lend();
    Port* const route = may_be_routed(request) ? port.route() : nullptr;
    std::optional<TxFrame> routed = route != nullptr ? route->lend() : std::nullopt;
    if (!frame || (route != nullptr && !routed)) {
        explain(port, request, engine::Shed::kNoTxFrame, now);
        return;
    }
    const auto decision =
        decide(request, now, journal_for(port, max_promises(request)), frame->bytes());
    if (decision.drop) {
        explain(port, request, *decision.drop, now);
        return;
    }
    const ByteView reply = frame->bytes().first(decision.frame_len);
    if (!taps_.empty()) {
        taps_.record_answer(port, request.bytes(), client_of(request), reply, now);
    }
    TxInfo info;
    info.frame_len = decision.frame_len;
    info.ifindex = request.ifindex();
    info.unconfigured_destination = has_unconfigured_destination(decision);
    Port* sender = &port;
    if (routed && decision.routable && reply.size() <= routed->bytes().size()) {
        copy_bytes(routed->bytes().data(), reply);
        frame = std::move(routed);
        sender = route;
    }
    if (log_ && promise_count(decision) != 0 && must_wait(decision)) {
        // Room was looked for when a record may have been needed; a renewal that needs none waits
        // only if there is some.
        if (!parked_.has_room(*sender, promise_count(decision))) {
            explain(port, request, engine::Shed::kJournalBacklog, now);
            return;
        }
        ParkedReply parked;
        parked.port = sender;
        parked.frame = std::move(*frame);
        parked.info = info;
        parked.origin = sender;
        park(std::move(parked), request, decision, now);
        return;
    }
    sender->submit(std::move(*frame), info);
    count_answer(decision.reply_type);
    ++answered;
}

void Worker::answer_neighbor(Port& port, const engine::v6::Request& request, BootTime now,
                             std::size_t& answered) {
    std::optional<TxFrame> frame = port.lend();
    if (!frame) {
        explain(port, request, engine::Shed::kNoTxFrame, now);
        return;
    }
    TxInfo info;
    info.ifindex = request.ifindex();
    info.frame_len = engine::v6::answer_neighbor(request, frame->bytes());
    if (info.frame_len == 0) {
        explain(port, request, engine::Refusal6::kNoSourceAddress, now);
        return;
    }
    if (!taps_.empty()) {
        taps_.record_answer(port, request.bytes(), client_of(request),
                            frame->bytes().first(info.frame_len), now);
    }
    port.submit(std::move(*frame), info);
    count_answer(nd::MessageType::kNeighborAdvertisement);
    ++answered;
}

engine::DropReason Worker::solicit(const engine::v6::Request& request, BootTime now) noexcept {
    return advertiser_.solicit(request, now) ? engine::Refusal6::kScheduled
                                             : engine::Refusal6::kNotAllRouters;
}

// A reply that may be routed waits on either port.
engine::Journal Worker::journal_for(const Port& port, std::size_t units) noexcept {
    if (!log_) {
        return engine::Journal::kOff;
    }
    const bool has_room = parked_.has_room(port, units) &&
                          (port.route() == nullptr || parked_.has_room(*port.route(), units));
    return has_room ? log_->state() : engine::Journal::kBacklog;
}

template <typename Request>
void Worker::explain(const Port& port, const Request& request, engine::DropReason reason,
                     BootTime now) noexcept {
    counters_.dropped[reason.index()].add();
    tell(port, request, reason, now);
}

template <typename Request>
void Worker::tell(const Port& port, const Request& request, engine::DropReason reason,
                  BootTime now) noexcept {
    if (!taps_.empty()) {
        taps_.record_drop(port, request.bytes(), client_of(request), reason, now);
    }
    if (!is_expected(reason)) {
        drop_log_.add(describe(port, request, reason, now));
    }
}

template void Worker::explain(const Port&, const engine::Request&, engine::DropReason,
                              BootTime) noexcept;
template void Worker::explain(const Port&, const engine::v6::Request&, engine::DropReason,
                              BootTime) noexcept;
template void Worker::tell(const Port&, const engine::Request&, engine::DropReason,
                           BootTime) noexcept;
template void Worker::tell(const Port&, const engine::v6::Request&, engine::DropReason,
                           BootTime) noexcept;

}  // namespace xdhcpd::worker
