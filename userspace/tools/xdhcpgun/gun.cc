#include "tools/xdhcpgun/gun.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "packet/headers.h"
#include "tools/xdhcpgun/arp.h"

namespace xdhcpd::gun {
namespace {

// RFC 2131 section 4.1: four seconds, doubled up to 64, each plus or minus one.
constexpr Time kFirstBackoff = std::chrono::seconds{4};
constexpr std::uint8_t kMaxBackoffShift = 4;
constexpr std::uint32_t kBackoffJitterNs = 2'000'000'000;
// RFC 2131 section 3.1 (5): a client retransmits its DHCPREQUEST four times, then starts anew.
constexpr std::uint8_t kRequestAttempts = 4;
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

Gun::Gun(const Settings& settings, const Population& population, const RequestFrames& frames,
         Port& port, Hooks hooks)
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

std::uint64_t Gun::leases_held() const noexcept {
    return static_cast<std::uint64_t>(std::count_if(
        clients_.begin(), clients_.end(), [](const Client& c) { return !c.held.is_zero(); }));
}

std::uint8_t Gun::server_index(Ipv4 id, Mac mac) {
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

std::size_t Gun::adopt(std::span<const LedgerEntry> entries) {
    for (const LedgerEntry& entry : entries) {
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
void Gun::note_holder(std::uint32_t index, Ipv4 address, std::uint32_t lease_seconds, Time now) {
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

void Gun::handle(std::span<const RxFrame> batch, Time now) {
    // First pass: fetch the clients' state, so that the waits for memory overlap.
    for (const RxFrame& frame : batch) {
        const std::uint32_t index = reader_.guess_index(frame.bytes);
        if (index < clients_.size()) {
            __builtin_prefetch(&clients_[index], 1);
        }
    }
    for (const RxFrame& frame : batch) {
        if (ether_type(frame.bytes) == kEtherTypeArp) {
            handle_arp(frame.bytes);
        } else {
            ++counts_.received;
            handle_reply(frame.bytes, now);
        }
    }
    commit_batch();
}

void Gun::handle_arp(ByteView frame) {
    ++counts_.arp_requests;
    const auto question = parse_arp_request(frame);
    if (!question) {
        return;
    }
    Mac mac;
    if (population_.is_relay(question->target)) {
        mac = request_frames_.own_mac();
    } else if (const auto entry = book_.find(question->target);
               entry && clients_[entry->client].held == question->target) {
        mac = population_.relayed() ? request_frames_.own_mac() : population_.mac(entry->client);
    } else {
        return;
    }
    Port& port = *senders_.front();
    auto lent = port.lend();
    if (!lent) {
        return;
    }
    const std::size_t len = write_arp_answer(lent->bytes(), *question, mac);
    port.submit(std::move(*lent), {.frame_len = static_cast<std::uint32_t>(len)});
    ++counts_.arp_answers;
}

void Gun::handle_late(const Reply& reply) noexcept {
    // An exchange of this client's recent past, or nobody's at all?
    const Client& client = clients_[reply.index];
    for (std::uint16_t back = 1; back <= std::min(kMaxLateExchanges, client.exchange); ++back) {
        if (population_.xid(reply.index, std::uint16_t(client.exchange - back)) == reply.xid) {
            ++counts_.late_replies;
            return;
        }
    }
    ++counts_.invalid[static_cast<std::size_t>(BadReply::kXid)];
}

void Gun::handle_reply(ByteView frame, Time now) {
    const auto read = reader_.read(frame);
    if (!read) {
        ++counts_.invalid[static_cast<std::size_t>(read.error())];
        return;
    }
    const Reply& reply = *read;
    Client& client = clients_[reply.index];
    if (reply.xid != population_.xid(reply.index, client.exchange)) {
        handle_late(reply);
        return;
    }
    const bool discovers = client.state == ClientState::kDiscovering;
    // A second answer to what has been answered: of a retransmission, or of another server.
    const bool answered = client.state == ClientState::kIdle ||
                          client.state == ClientState::kWaiting ||
                          (!discovers && reply.type == dhcp4::MessageType::kOffer &&
                           client.state == ClientState::kSelecting);
    if (answered) {
        ++(client.attempt == kGaveUp ? counts_.late_replies : counts_.duplicate_replies);
        return;
    }
    const bool verifies = settings_.scenario == Scenario::kVerify;
    const Expectation expected{
        .sent = kind_of(client),
        .address = discovers ? Ipv4{} : client.address,
        .any_address = verifies,
        .server_id = discovers || client.state == ClientState::kInitReboot || verifies
                         ? Ipv4{}
                         : servers_[client.server].id};
    if (const auto bad = reader_.judge(reply, expected)) {
        ++counts_.invalid[static_cast<std::size_t>(*bad)];
        return;
    }
    if (reply.type == dhcp4::MessageType::kNak) {
        take_nak(reply.index, now);
    } else if (discovers) {
        take_offer(reply.index, reply, now);
    } else {
        take_ack(reply.index, reply, now);
    }
}

void Gun::take_offer(std::uint32_t index, const Reply& reply, Time now) {
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
    if (settings_.scenario == Scenario::kDiscover) {
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

void Gun::take_ack(std::uint32_t index, const Reply& reply, Time now) {
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
void Gun::commit_batch() {
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

void Gun::take_nak(std::uint32_t index, Time now) {
    Client& client = clients_[index];
    ++counts_.naks;
    client.held = Ipv4{};
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

void Gun::count_storm_lease(std::uint32_t index, Time now) noexcept {
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

RequestKind Gun::kind_of(const Client& client) const noexcept {
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

Time Gun::retry_delay(const Client& client) noexcept {
    const bool backs_off = settings_.retransmit || settings_.scenario == Scenario::kStorm;
    if (!backs_off || phase_ == Phase::kPrepare) {
        return settings_.timeout;
    }
    const Time base = kFirstBackoff * (1 << std::min(client.attempt, kMaxBackoffShift));
    const Time jitter = Time{random_.below(kBackoffJitterNs)} - Time{kBackoffJitterNs / 2};
    return base + jitter;
}

void Gun::send(std::uint32_t index, Time now) {
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
         .xid = population_.xid(index, client.exchange),
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

void Gun::sent_at(Time now) noexcept {
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

void Gun::begin(std::uint32_t index, Time now, Time scheduled) {
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

void Gun::finish(std::uint32_t index) noexcept {
    timers_.cancel(index);
    clients_[index].state = ClientState::kIdle;
    clients_[index].attempt = 0;
    --in_flight_;
}

void Gun::give_up(std::uint32_t index) noexcept {
    Client& client = clients_[index];
    exchanges_.lost += client.measured ? 1 : 0;
    verify_.silent += settings_.scenario == Scenario::kVerify ? 1 : 0;
    prepare_failures_ += phase_ == Phase::kPrepare ? 1 : 0;
    finish(index);
    client.attempt = kGaveUp;
}

void Gun::fire(std::uint32_t index, Time now) {
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
    if (storm && is_request && client.attempt >= kRequestAttempts) {
        client.state = ClientState::kDiscovering;
        client.attempt = 0;
        ++client.exchange;
    } else {
        const std::uint32_t limit = phase_ == Phase::kPrepare ? kPrepareRetries
                                    : settings_.retransmit    ? kRequestAttempts
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

void Gun::enter(Phase phase, Time now) noexcept {
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
                     RetryTimers::kTick * 4;
    }
}

void Gun::stop(Time now) noexcept {
    if (phase_ == Phase::kPrepare || phase_ == Phase::kWarmup) {
        measure_begin_ = measure_end_ = now;
    }
    if (phase_ != Phase::kDone && phase_ != Phase::kDrain) {
        enter(Phase::kDrain, now);
    }
}

void Gun::update_phase(Time now) {
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

std::optional<std::uint32_t> Gun::next_client() noexcept {
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
        const bool able = settings_.scenario != Scenario::kRenew || !client.held.is_zero();
        if (client.state == ClientState::kIdle && able) {
            return index;
        }
    }
    return std::nullopt;
}

// Begins exchanges that are due, at most a batch.
bool Gun::start_due(Time now) {
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

bool Gun::advance(Time now) {
    update_phase(now);
    bool worked = false;
    timers_.advance(now, kBatch, [&](std::uint32_t index) {
        fire(index, now);
        worked = true;
    });
    return start_due(now) || worked;
}

Time Gun::next_event(Time now) const noexcept {
    Time next = now + RetryTimers::kTick;
    if (settings_.rate > 0 && (phase_ == Phase::kWarmup || phase_ == Phase::kMeasure)) {
        next = std::min(
            next, rate_origin_ + Time{static_cast<std::int64_t>(static_cast<double>(rate_count_) *
                                                                1e9 / settings_.rate)});
    }
    return next;
}

}  // namespace xdhcpd::gun
