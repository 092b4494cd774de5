// Worker: frames of its own ports.
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "engine/decide.h"
#include "engine/shedding.h"
#include "worker/worker.h"

namespace xdhcpd::worker {

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
    std::array<bool, kBatchLen> wanted{};
    for (std::size_t i = 0; i < count; ++i) {
        if (i + 2 < count) {
            engine::prefetch_frame(frames[i + 2].bytes);
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
            wanted[i] = true;
            shard_->prefetch(requests_[i].tenant());
        }
    }
    if (hand_over_) [[unlikely]] {
        hand_over_->publish();  // the others begin at once
    }
    for (std::size_t i = 0; i < count; ++i) {
        if (wanted[i]) {
            shard_->prefetch_record(requests_[i].tenant());
        }
    }
    std::size_t answered = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (wanted[i]) {
            answer(port, requests_[i], now, answered);
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

// Together with its route, so that a routed reply leaves with the batch that made it and waits for
// no other port's.
void Worker::flush(Port& port) {
    port.flush();
    if (port.route() != nullptr) {
        port.route()->flush();
    }
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

void Worker::answer(Port& port, engine::Request& request, BootTime now, std::size_t& answered) {
    // Frames come first: a decision changes leases, and then its reply must be able to leave.
    std::optional<TxFrame> frame = port.lend();
    Port* const route = request.may_be_routed() ? port.route() : nullptr;
    std::optional<TxFrame> routed = route != nullptr ? route->lend() : std::nullopt;
    if (!frame || (route != nullptr && !routed)) {
        explain(port, request, engine::Shed::kNoTxFrame, now);
        return;
    }
    const engine::Decision decision =
        engine::decide(request, *shard_, reply_cache_, now, journal_for(port), frame->bytes());
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
    info.unconfigured_destination = decision.unconfigured_destination;
    Port* sender = &port;
    if (routed && decision.routable && reply.size() <= routed->bytes().size()) {
        copy_bytes(routed->bytes().data(), reply);
        frame = std::move(routed);
        sender = route;
    }
    if (log_ && decision.promised && must_wait(decision)) {
        // Room was looked for when a record may have been needed; a renewal that needs none waits
        // only if there is some.
        if (!parked_.has_room(*sender)) {
            explain(port, request, engine::Shed::kJournalBacklog, now);
            return;
        }
        park(*sender, std::move(*frame), info, request, decision, now);
        return;
    }
    sender->submit(std::move(*frame), info);
    counters_.answered.add();
    counters_.sent_by_type[engine::MessageType{decision.reply_type}.index()].add();
    ++answered;
}

// A reply that may be routed waits on either port.
engine::Journal Worker::journal_for(const Port& port) noexcept {
    if (!log_) {
        return engine::Journal::kOff;
    }
    const bool has_room =
        parked_.has_room(port) && (port.route() == nullptr || parked_.has_room(*port.route()));
    return has_room ? log_->state() : engine::Journal::kBacklog;
}

void Worker::explain(const Port& port, const engine::Request& request, engine::DropReason reason,
                     BootTime now) noexcept {
    counters_.dropped[reason.index()].add();
    tell(port, request, reason, now);
}

void Worker::tell(const Port& port, const engine::Request& request, engine::DropReason reason,
                  BootTime now) noexcept {
    if (!taps_.empty()) {
        taps_.record_drop(port, request.bytes(), client_of(request), reason, now);
    }
    if (!is_expected(reason)) {
        drop_log_.add(describe(port, request, reason, now));
    }
}

}  // namespace xdhcpd::worker
