#include "tools/xdhcpgun/gun.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "packet/headers.h"
#include "tools/xdhcpgun/arp.h"
#include "tools/xdhcpgun/neighbor.h"

namespace xdhcpd::gun {
namespace {

constexpr Time kNoFramePause = std::chrono::milliseconds{1};
constexpr std::uint32_t kInfiniteLease = 0xffffffff;  // RFC 2131 section 3.3
constexpr std::size_t kMaxServers = 255;
constexpr std::size_t kMaxBusyLook = 256;  // clients looked at for an idle one
constexpr std::uint16_t kMaxLateExchanges = 16;
// Attempts of a client that renew needs a lease for.
constexpr std::uint32_t kPrepareRetries = 5;

[[nodiscard]] std::uint16_t ether_type(ByteView frame) noexcept {
    std::size_t at = kEthernetLen - 2;
    std::uint16_t type = 0;
    for (int tags = 0; tags < 3 && frame.size() >= at + 2; ++tags) {
        type = load_be16(frame.data() + at);
        if (type != kEtherTypeVlan && type != kEtherTypeQinq) {
            break;
        }
        at += VlanTags::kTagLen;
    }
    return type;
}

}  // namespace

template <typename Family>
BasicGun<Family>::BasicGun(const Settings& settings, const Population& population,
                           const Frames& frames, Port& port, Hooks hooks)
    : settings_{settings},
      population_{population},
      request_frames_{frames},
      senders_{&port},
      hooks_{std::move(hooks)},
      reader_{population, frames},
      random_{settings.population.seed},
      clients_(population.size()),
      timers_{clients_},
      book_{population.size()},
      servers_(1) {
    acknowledged_.reserve(kBatch);
    submitted_.reserve(4 * kBatch);
    ledger_text_.reserve(kBatch * kBatch);
}

template <typename Family>
Results BasicGun<Family>::results() const noexcept {
    const auto held = std::count_if(clients_.begin(), clients_.end(),
                                    [](const Client& c) { return !is_none(c.held); });
    return {exchanges_,
            counts_,
            storm_,
            verify_,
            static_cast<std::uint64_t>(held),
            measure_end_ - measure_begin_,
            behind_};
}

template <typename Family>
std::uint8_t BasicGun<Family>::server_index(const ServerId& id, Mac mac) {
    for (std::size_t i = 1; i < servers_.size(); ++i) {
        if (servers_[i].id == id) {
            servers_[i].mac = mac;
            return static_cast<std::uint8_t>(i);
        }
    }
    if (servers_.size() > kMaxServers) {
        return 0;
    }
    servers_.push_back({id, mac});
    return static_cast<std::uint8_t>(servers_.size() - 1);
}

template <typename Family>
std::size_t BasicGun<Family>::adopt(std::span<const Entry> entries) {
    for (const Entry& entry : entries) {
        const auto index = population_.find(entry.mac);
        if (!index) {
            continue;
        }
        if (entry.expired(hooks_.unix_start)) {
            ++verify_.expired;
            continue;
        }
        Client& client = clients_[*index];
        const Mac mac = population_.settings().server_mac;
        client.server = server_index(entry.server_id, mac.is_zero() ? kBroadcastMac : mac);
        client.address = entry.address;
        const std::uint64_t age =
            hooks_.unix_start - std::min(hooks_.unix_start, entry.unix_seconds);
        const bool endless = entry.lease_seconds == kInfiniteLease;
        note_holder(*index, entry.address,
                    endless
                        ? kInfiniteLease
                        : entry.lease_seconds - static_cast<std::uint32_t>(std::min<std::uint64_t>(
                                                    age, entry.lease_seconds)),
                    Time{});
        to_verify_.push_back(*index);
    }
    return to_verify_.size();
}

// An address belongs to one client at a time, for as long as its lease lasts.
template <typename Family>
void BasicGun<Family>::note_holder(std::uint32_t index, const Address& address,
                                   std::uint32_t lease_seconds, Time now) {
    Client& client = clients_[index];
    client.held = address;
    const auto now_ns = static_cast<std::uint64_t>(now.count());
    const std::uint64_t expiry = lease_seconds == kInfiniteLease
                                     ? ~std::uint64_t{0}
                                     : now_ns + lease_seconds * std::uint64_t{1'000'000'000};
    const auto before = book_.put({address, index, expiry});
    if (before.has_value() && before->client != index && before->expiry > now_ns &&
        clients_[before->client].held == address) {
        ++counts_.given_twice;
        if (hooks_.complain) {
            hooks_.complain(to_string(address) + " given twice: to " +
                            to_string(population_.mac(before->client)) + ", which holds it, and " +
                            to_string(population_.mac(index)));
        }
    }
}

// --- receiving

template <typename Family>
void BasicGun<Family>::handle(std::span<const RxFrame> batch, Time now) {
    // First pass: fetch the clients' state, so that the waits for memory overlap.
    for (const RxFrame& frame : batch) {
        const std::uint32_t index = reader_.guess_index(frame.bytes);
        if (index < clients_.size()) {
            __builtin_prefetch(&clients_[index], 1);
        }
    }
    for (const RxFrame& frame : batch) {
        if (!handle_neighbor(frame.bytes)) {
            ++counts_.received;
            handle_reply(frame.bytes, now);
        }
    }
    commit_batch();
}

template <>
bool BasicGun<Dhcp4Family>::handle_neighbor(ByteView frame) {
    if (ether_type(frame) != kEtherTypeArp) {
        return false;
    }
    ++counts_.arp_requests;
    const auto question = parse_arp_request(frame);
    if (!question) {
        return true;
    }
    Mac mac;
    if (population_.is_relay(question->target)) {
        mac = request_frames_.own_mac();
    } else if (const auto entry = book_.find(question->target);
               entry && clients_[entry->client].held == question->target) {
        mac = population_.relayed() ? request_frames_.own_mac() : population_.mac(entry->client);
    } else {
        return true;
    }
    Port& port = *senders_.front();
    if (auto lent = port.lend()) {
        const std::size_t len = write_arp_answer(lent->bytes(), *question, mac);
        port.submit(std::move(*lent), {.frame_len = static_cast<std::uint32_t>(len)});
        ++counts_.arp_answers;
    }
    return true;
}

template <>
bool BasicGun<Dhcp6Family>::handle_neighbor(ByteView frame) {
    const auto question = parse_neighbor_request(frame);
    if (!question) {
        return false;
    }
    ++counts_.arp_requests;
    Mac mac = request_frames_.own_mac();
    if (!population_.is_relay(question->target)) {
        const auto index = population_.find(question->target);
        if (!index) {
            return true;
        }
        mac = population_.mac(*index);
    }
    Port& port = *senders_.front();
    if (auto lent = port.lend()) {
        const std::size_t len = write_neighbor_answer(lent->bytes(), *question, mac);
        port.submit(std::move(*lent), {.frame_len = static_cast<std::uint32_t>(len)});
        ++counts_.arp_answers;
    }
    return true;
}

template <typename Family>
void BasicGun<Family>::handle_late(const Reply& reply) noexcept {
    // An exchange of this client's recent past, or nobody's at all?
    const Client& client = clients_[reply.index];
    for (std::uint16_t back = 1; back <= std::min(kMaxLateExchanges, client.exchange); ++back) {
        if (reply.is_of(
                Family::xid(population_, reply.index, std::uint16_t(client.exchange - back)))) {
            ++counts_.late_replies;
            return;
        }
    }
    ++counts_.invalid[static_cast<std::size_t>(BadReply::kXid)];
}

template <typename Family>
void BasicGun<Family>::handle_reply(ByteView frame, Time now) {
    const auto read = reader_.read(frame);
    if (!read) {
        ++counts_.invalid[static_cast<std::size_t>(read.error())];
        return;
    }
    const Reply& reply = *read;
    Client& client = clients_[reply.index];
    if (!reply.is_of(Family::xid(population_, reply.index, client.exchange))) {
        handle_late(reply);
        return;
    }
    const bool discovers = client.state == ClientState::kDiscovering;
    // A second answer to what has been answered: of a retransmission, or of another server.
    const bool answered =
        client.state == ClientState::kIdle || client.state == ClientState::kWaiting ||
        (!discovers && reply.is_offer() && client.state == ClientState::kSelecting);
    if (answered) {
        ++(client.attempt == kGaveUp ? counts_.late_replies : counts_.duplicate_replies);
        return;
    }
    const bool verifies = settings_.scenario == Scenario::kVerify;
    const typename Family::Expectation expected{
        .sent = kind_of(client),
        .address = discovers ? Address{} : client.address,
        .any_address = verifies,
        .server_id = discovers || client.state == ClientState::kInitReboot || verifies
                         ? ServerId{}
                         : servers_[client.server].id};
    if (const auto bad = reader_.judge(reply, expected)) {
        ++counts_.invalid[static_cast<std::size_t>(*bad)];
        return;
    }
    if (reply.is_refusal()) {
        take_nak(reply.index, now);
    } else if (discovers && reply.is_offer()) {
        take_offer(reply.index, reply, now);
    } else {
        take_ack(reply.index, reply, now);
    }
}

template <typename Family>
void BasicGun<Family>::take_offer(std::uint32_t index, const Reply& reply, Time now) {
    Client& client = clients_[index];
    const Time latency = since(to_stamp(now), client.sent);
    if (client.measured) {
        exchanges_.offer.record(latency);
    }
    if (settings_.scenario == Scenario::kVerify) {
        ++(reply.address == client.address ? verify_.same : verify_.other_address);
        acknowledged_.push_back({index, Time{-1}, since(to_stamp(now), client.started)});
        finish(index);
        return;
    }
    if (settings_.scenario == Scenario::kDiscover ||
        settings_.scenario == Scenario::kRouterSolicit ||
        settings_.scenario == Scenario::kNeighborSolicit) {
        acknowledged_.push_back({index, Time{-1}, since(to_stamp(now), client.started)});
        finish(index);
        return;
    }
    client.address = reply.address;
    client.server = server_index(reply.server_id, reply.source_mac);
    client.state = ClientState::kSelecting;
    client.attempt = 0;
    send(index, now);
}

template <typename Family>
void BasicGun<Family>::take_ack(std::uint32_t index, const Reply& reply, Time now) {
    Client& client = clients_[index];
    if (settings_.scenario == Scenario::kVerify) {
        ++(reply.address == client.address ? verify_.same : verify_.other_address);
    }
    client.server = server_index(reply.server_id, reply.source_mac);
    if (hooks_.write_ledger) {
        append_line(
            ledger_text_,
            {.mac = population_.mac(index),
             .address = reply.address,
             .unix_seconds = hooks_.unix_start +
                             static_cast<std::uint64_t>(
                                 std::chrono::duration_cast<std::chrono::seconds>(now).count()),
             .lease_seconds = reply.lease_seconds,
             .server_id = reply.server_id});
    }
    note_holder(index, reply.address, reply.lease_seconds, now);
    acknowledged_.push_back(
        {index, since(to_stamp(now), client.sent), since(to_stamp(now), client.started)});
    count_storm_lease(index, now);
    finish(index);
}

// Acknowledgements count once they are in the ledger.
template <typename Family>
void BasicGun<Family>::commit_batch() {
    if (!ledger_text_.empty()) {
        hooks_.write_ledger(ledger_text_);
        ledger_text_.clear();
    }
    for (const Acknowledged& one : acknowledged_) {
        if (phase_ == Phase::kPrepare) {
            ++prepared_;
        }
        if (!clients_[one.index].measured) {
            continue;
        }
        ++exchanges_.completed;
        exchanges_.completed_in_time += phase_ == Phase::kMeasure ? 1 : 0;
        if (one.latency >= Time{}) {
            exchanges_.ack.record(one.latency);
        }
        exchanges_.exchange.record(one.exchange);
    }
    acknowledged_.clear();
}

template <typename Family>
void BasicGun<Family>::take_nak(std::uint32_t index, Time now) {
    Client& client = clients_[index];
    ++counts_.naks;
    client.held = Address{};
    if (settings_.scenario == Scenario::kStorm) {
        finish(index);
        begin(index, now, now);  // RFC 2131 section 3.1 (5): starts anew
        return;
    }
    verify_.refused += settings_.scenario == Scenario::kVerify ? 1 : 0;
    exchanges_.refused += client.measured ? 1 : 0;
    prepare_failures_ += phase_ == Phase::kPrepare ? 1 : 0;
    finish(index);
}

template <typename Family>
void BasicGun<Family>::count_storm_lease(std::uint32_t index, Time now) noexcept {
    Client& client = clients_[index];
    if (settings_.scenario != Scenario::kStorm || client.in_storm_done) {
        return;
    }
    client.in_storm_done = true;
    ++storm_.leases;
    for (std::size_t i = 0; i < StormCounts::kShares.size(); ++i) {
        const double wanted = StormCounts::kShares[i] * static_cast<double>(clients_.size());
        if (!storm_.reached[i].has_value() && static_cast<double>(storm_.leases) >= wanted) {
            storm_.reached[i] = now - measure_begin_;
        }
    }
}

// --- sending

template <typename Family>
RequestKind BasicGun<Family>::kind_of(const Client& client) const noexcept {
    switch (client.state) {
        case ClientState::kSelecting:
            return RequestKind::kSelecting;
        case ClientState::kRenewing:
            return RequestKind::kRenewing;
        case ClientState::kInitReboot:
            return RequestKind::kInitReboot;
        default:
            return settings_.scenario == Scenario::kVerify ? RequestKind::kDiscoverAgain
                                                           : RequestKind::kDiscover;
    }
}

template <typename Family>
Time BasicGun<Family>::retry_delay(const Client& client) noexcept {
    const bool backs_off = settings_.retransmit || settings_.scenario == Scenario::kStorm;
    if (!backs_off || phase_ == Phase::kPrepare) {
        return settings_.timeout;
    }
    const Time base =
        Family::kFirstBackoff * (1 << std::min(client.attempt, Family::kMaxBackoffShift));
    const Time jitter =
        Time{random_.below(Family::kBackoffJitterNs)} - Time{Family::kBackoffJitterNs / 2};
    return base + jitter;
}

template <typename Family>
void BasicGun<Family>::send(std::uint32_t index, Time now) {
    Client& client = clients_[index];
    Port& port = *senders_[next_sender_];
    next_sender_ = (next_sender_ + 1) % senders_.size();
    auto lent = port.lend();
    client.unsent = !lent.has_value();
    if (!lent) {
        timers_.set(index, now, kNoFramePause);
        return;
    }
    const Server& server = servers_[client.server];
    const std::uint64_t waited_ns =
        static_cast<std::uint64_t>(since(to_stamp(now), client.started).count());
    const std::size_t len = request_frames_.write(
        lent->bytes(), kind_of(client),
        {.index = index,
         .xid = Family::xid(population_, index, client.exchange),
         .secs = static_cast<std::uint16_t>(std::min<std::uint64_t>(
             now < since(client.started, 0) ? 0 : waited_ns / 1'000'000'000, 0xffff)),
         .address = client.address,
         .server_id = server.id,
         .server_mac = server.mac});
    port.submit(std::move(*lent), {.frame_len = static_cast<std::uint32_t>(len)});
    ++counts_.sent;
    submitted_.push_back(index);
    timers_.set(index, now, retry_delay(client));
}

template <typename Family>
void BasicGun<Family>::sent_at(Time now) noexcept {
    const bool open_loop = settings_.rate > 0 && phase_ != Phase::kPrepare;
    for (const std::uint32_t index : submitted_) {
        Client& client = clients_[index];
        const bool first = client.attempt == 0 && (client.state == ClientState::kDiscovering ||
                                                   client.state == ClientState::kRenewing ||
                                                   client.state == ClientState::kInitReboot);
        if (first && open_loop) {
            client.sent = client.started;  // the schedule's time: no coordinated omission
            continue;
        }
        client.sent = to_stamp(now);
        if (first) {
            client.started = client.sent;
        }
    }
    submitted_.clear();
}

template <typename Family>
void BasicGun<Family>::begin(std::uint32_t index, Time now, Time scheduled) {
    Client& client = clients_[index];
    const bool measures = phase_ == Phase::kMeasure;
    ++client.exchange;
    client.attempt = 0;
    client.measured = measures;
    client.started = to_stamp(scheduled);
    client.state = ClientState::kDiscovering;
    if (phase_ != Phase::kPrepare) {
        if (settings_.scenario == Scenario::kRenew) {
            client.address = client.held;
            client.state = ClientState::kRenewing;
        } else if (settings_.scenario == Scenario::kVerify) {
            ++verify_.asked;
            client.state = settings_.verify_by == VerifyBy::kRenew ? ClientState::kRenewing
                           : settings_.verify_by == VerifyBy::kInitReboot
                               ? ClientState::kInitReboot
                               : ClientState::kDiscovering;
        }
    }
    exchanges_.started += measures ? 1 : 0;
    ++in_flight_;
    send(index, now);
}

template <typename Family>
void BasicGun<Family>::finish(std::uint32_t index) noexcept {
    timers_.cancel(index);
    clients_[index].state = ClientState::kIdle;
    clients_[index].attempt = 0;
    --in_flight_;
}

template <typename Family>
void BasicGun<Family>::give_up(std::uint32_t index) noexcept {
    Client& client = clients_[index];
    exchanges_.lost += client.measured ? 1 : 0;
    verify_.silent += settings_.scenario == Scenario::kVerify ? 1 : 0;
    prepare_failures_ += phase_ == Phase::kPrepare ? 1 : 0;
    finish(index);
    client.attempt = kGaveUp;
}

template <typename Family>
void BasicGun<Family>::fire(std::uint32_t index, Time now) {
    Client& client = clients_[index];
    if (client.state == ClientState::kWaiting) {
        begin(index, now, now);
        return;
    }
    if (client.unsent) {
        send(index, now);
        return;
    }
    ++counts_.timeouts;
    const bool storm = settings_.scenario == Scenario::kStorm;
    const bool is_request = client.state != ClientState::kDiscovering;
    if (storm && is_request && client.attempt >= Family::kRequestAttempts) {
        client.state = ClientState::kDiscovering;
        client.attempt = 0;
        ++client.exchange;
    } else {
        const std::uint32_t limit = phase_ == Phase::kPrepare ? kPrepareRetries
                                    : settings_.retransmit    ? Family::kRequestAttempts
                                                              : settings_.retries;
        if (!storm && client.attempt >= limit) {
            give_up(index);
            return;
        }
        client.attempt = static_cast<std::uint8_t>(std::min(client.attempt + 1, kGaveUp - 1));
    }
    ++counts_.retransmissions;
    send(index, now);
}

// --- the run

template <typename Family>
void BasicGun<Family>::enter(Phase phase, Time now) noexcept {
    phase_ = phase;
    rate_origin_ = now;
    rate_count_ = 0;
    if (phase == Phase::kWarmup || phase == Phase::kMeasure) {
        measure_begin_ = phase == Phase::kWarmup ? now + settings_.warmup : now;
        measure_end_ = measure_begin_ + settings_.duration;
        behind_ = Time{};
    } else if (phase == Phase::kDrain) {
        measure_end_ = std::min(measure_end_, now);
        drain_end_ = now + settings_.timeout * (settings_.retransmit ? 1 : settings_.retries + 1) +
                     RetryTimers<Client>::kTick * 4;
    }
}

template <typename Family>
void BasicGun<Family>::stop(Time now) noexcept {
    if (phase_ == Phase::kPrepare || phase_ == Phase::kWarmup) {
        measure_begin_ = measure_end_ = now;
    }
    if (phase_ != Phase::kDone && phase_ != Phase::kDrain) {
        enter(Phase::kDrain, now);
    }
}

template <typename Family>
void BasicGun<Family>::update_phase(Time now) {
    const bool storm = settings_.scenario == Scenario::kStorm;
    const bool verify = settings_.scenario == Scenario::kVerify;
    if (!started_) {
        started_ = true;
        const bool prepares = settings_.scenario == Scenario::kRenew && to_verify_.empty();
        const bool warms = !storm && !verify && settings_.warmup > Time{};
        enter(prepares ? Phase::kPrepare : warms ? Phase::kWarmup : Phase::kMeasure, now);
        if (storm) {
            curve_next_ = now + std::chrono::seconds{1};
            for (std::uint32_t i = 0; i < clients_.size(); ++i) {
                const double share = static_cast<double>(random_.next() >> 11) * 0x1p-53;
                clients_[i].state = ClientState::kWaiting;
                const auto delay = static_cast<std::int64_t>(
                    share * static_cast<double>(settings_.storm_spread.count()));
                timers_.set(i, now, Time{delay});
            }
        }
    }
    if (phase_ == Phase::kPrepare && cursor_ >= clients_.size() && in_flight_ == 0) {
        cursor_ = 0;
        enter(settings_.warmup > Time{} ? Phase::kWarmup : Phase::kMeasure, now);
    }
    if (phase_ == Phase::kWarmup && now >= measure_begin_) {
        phase_ = Phase::kMeasure;
    }
    if (storm && phase_ == Phase::kMeasure) {
        const bool over = storm_.leases == clients_.size() || now >= measure_end_;
        if (now >= curve_next_ || over) {
            storm_.curve.push_back(
                {.leases = storm_.leases,
                 .sent = counts_.sent - curve_base_.sent,
                 .received = counts_.received - curve_base_.received,
                 .retransmissions = counts_.retransmissions - curve_base_.retransmissions});
            curve_base_ = counts_;
            curve_next_ += std::chrono::seconds{1};
        }
        if (over) {
            measure_end_ = now;
            exchanges_.lost = clients_.size() - storm_.leases;
            phase_ = Phase::kDone;
        }
        return;
    }
    if (phase_ == Phase::kMeasure) {
        const bool all_verified = verify && cursor_ >= to_verify_.size();
        const bool counted =
            settings_.exchange_limit > 0 && exchanges_.started >= settings_.exchange_limit;
        const bool timed_out = !verify && settings_.exchange_limit == 0 && now >= measure_end_;
        if (timed_out) {
            enter(Phase::kDrain, now);
        } else if ((all_verified || counted) && in_flight_ == 0) {
            measure_end_ = now;
            phase_ = Phase::kDone;
        }
    }
    if (phase_ == Phase::kDrain && (in_flight_ == 0 || now >= drain_end_)) {
        for (const Client& client : clients_) {
            exchanges_.lost += client.measured && client.state != ClientState::kIdle ? 1 : 0;
        }
        phase_ = Phase::kDone;
    }
}

template <typename Family>
std::optional<std::uint32_t> BasicGun<Family>::next_client() noexcept {
    if (settings_.scenario == Scenario::kVerify) {
        return cursor_ < to_verify_.size() ? std::optional{to_verify_[cursor_++]} : std::nullopt;
    }
    if (phase_ == Phase::kPrepare) {
        return cursor_ < clients_.size() ? std::optional{cursor_++} : std::nullopt;
    }
    for (std::size_t look = 0; look < std::min(kMaxBusyLook, clients_.size()); ++look) {
        const std::uint32_t index = cursor_;
        cursor_ = cursor_ + 1 == clients_.size() ? 0 : cursor_ + 1;
        const Client& client = clients_[index];
        const bool able = settings_.scenario != Scenario::kRenew || !is_none(client.held);
        if (client.state == ClientState::kIdle && able) {
            return index;
        }
    }
    return std::nullopt;
}

// Begins exchanges that are due, at most a batch.
template <typename Family>
bool BasicGun<Family>::start_due(Time now) {
    if (settings_.scenario == Scenario::kStorm || phase_ == Phase::kDrain ||
        phase_ == Phase::kDone) {
        return false;
    }
    const bool open_loop = settings_.rate > 0 && phase_ != Phase::kPrepare;
    std::size_t count = 0;
    for (; count < kBatch; ++count) {
        const bool limited = settings_.exchange_limit > 0 && phase_ == Phase::kMeasure &&
                             exchanges_.started >= settings_.exchange_limit;
        Time scheduled = now;
        if (limited) {
            break;
        }
        if (open_loop) {
            scheduled =
                rate_origin_ + Time{static_cast<std::int64_t>(static_cast<double>(rate_count_) *
                                                              1e9 / settings_.rate)};
            if (scheduled > now) {
                break;
            }
            behind_ = std::max(behind_, now - scheduled);
            ++rate_count_;
        } else if (in_flight_ >= settings_.window) {
            break;
        }
        const auto index = next_client();
        if (!index) {
            counts_.clients_busy += open_loop ? 1 : 0;
            break;
        }
        begin(*index, now, scheduled);
    }
    return count > 0;
}

template <typename Family>
bool BasicGun<Family>::advance(Time now) {
    update_phase(now);
    bool worked = false;
    timers_.advance(now, kBatch, [&](std::uint32_t index) {
        fire(index, now);
        worked = true;
    });
    return start_due(now) || worked;
}

template <typename Family>
Time BasicGun<Family>::next_event(Time now) const noexcept {
    Time next = now + RetryTimers<Client>::kTick;
    if (settings_.rate > 0 && (phase_ == Phase::kWarmup || phase_ == Phase::kMeasure)) {
        next = std::min(
            next, rate_origin_ + Time{static_cast<std::int64_t>(static_cast<double>(rate_count_) *
                                                                1e9 / settings_.rate)});
    }
    return next;
}

template class BasicGun<Dhcp4Family>;
template class BasicGun<Dhcp6Family>;

}  // namespace xdhcpd::gun
