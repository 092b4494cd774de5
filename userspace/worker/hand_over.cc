#include "worker/hand_over.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/assert.h"

namespace xdhcpd::worker {
namespace {

// No more than half of a port's frames wait for stable storage. One that is out counts as waiting:
// nobody here knows better.
[[nodiscard]] bool may_wait_on(const Port& port) noexcept {
    return port.parked() < port.tx_frame_count() / 2;
}

void count_parked(const Loans::Loan& loan, bool is_parked) noexcept {
    if (!loan.may_wait) {
        return;
    }
    const auto count = [is_parked](Port& port) {
        port.set_parked(is_parked ? port.parked() + 1 : port.parked() - 1);
    };
    count(*loan.port);
    if (loan.routed) {
        count(*loan.port->route());
    }
}

}  // namespace

Loans::Loans() : loans_(kMax) {
    free_.reserve(kMax);
    for (std::uint32_t i = kMax; i-- > 0;) {
        free_.push_back(i);
    }
}

std::uint32_t Loans::add(Loan loan) noexcept {
    XD_ASSERT(!free_.empty() && loan.port != nullptr);
    const std::uint32_t number = free_.back();
    free_.pop_back();
    loans_[number] = std::move(loan);
    return number;
}

Loans::Loan Loans::take(std::uint32_t number) noexcept {
    XD_ASSERT(number < kMax && loans_[number].port != nullptr);
    Loan loan = std::move(loans_[number]);
    loans_[number].port = nullptr;
    free_.push_back(number);  // within what was reserved
    return loan;
}

bool Loans::has_any_of(const Port& port) const noexcept {
    return std::any_of(loans_.begin(), loans_.end(),
                       [&](const Loan& loan) { return loan.port == &port; });
}

Exchange::Exchange(std::uint32_t worker_count, std::size_t message_slots)
    : count_{worker_count},
      messages_(std::size_t{worker_count} * worker_count),
      replies_(messages_.size()),
      wake_ups_(worker_count) {
    for (std::size_t i = 0; i < messages_.size(); ++i) {
        if (i / count_ != i % count_) {
            messages_[i] = std::make_unique<SpscRing<HandedMessage>>(message_slots);
            replies_[i] = std::make_unique<SpscRing<HandedReply>>(kReplySlots);
        }
    }
}

void Exchange::say_done() noexcept {
    done_.fetch_add(1);
    for (WakeUp* const wake_up : wake_ups_) {
        wake_up->wake();
    }
}

HandOver::HandOver(Exchange& exchange, std::uint32_t id)
    : exchange_{exchange}, id_{id}, touched_(exchange.worker_count()) {
    XD_ASSERT(id < exchange.worker_count() && exchange.worker_count() >= 2);
}

std::optional<engine::Shed> HandOver::give(std::uint32_t to, Port& port,
                                           const Message& message) noexcept {
    HandedMessage* const slot = exchange_.messages(id_, to).claim();
    if (slot == nullptr || loans_.out() == Loans::kMax) {
        return engine::Shed::kHandOverFull;
    }
    std::optional<TxFrame> frame = port.lend();
    Port* const route = message.may_be_routed ? port.route() : nullptr;
    std::optional<TxFrame> routed = route != nullptr ? route->lend() : std::nullopt;
    if (!frame || (route != nullptr && !routed)) {
        return engine::Shed::kNoTxFrame;
    }
    if (message.frame.size() > HandedMessage::kMaxLen) [[unlikely]] {
        slot->long_bytes.reset(new (std::nothrow) std::byte[message.frame.size()]);
        if (slot->long_bytes == nullptr) {
            return engine::Shed::kHandOverFull;
        }
    }
    Loans::Loan loan;
    loan.port = &port;
    loan.received = message.received;
    loan.ifindex = message.ifindex;
    loan.may_wait = may_wait_on(port) && (route == nullptr || may_wait_on(*route)) &&
                    loans_.out() < Loans::kMax / 2;
    loan.frame = std::move(*frame);
    if (routed) {
        loan.routed = std::move(*routed);
    }
    count_parked(loan, true);
    slot->port = &port;
    slot->out = loan.frame.bytes();
    slot->received = message.received;
    slot->ifindex = message.ifindex;
    slot->len = static_cast<std::uint32_t>(message.frame.size());
    slot->may_wait = loan.may_wait;
    copy_bytes(slot->long_bytes != nullptr ? slot->long_bytes.get() : slot->bytes.data(),
               message.frame);
    slot->loan = loans_.add(std::move(loan));
    exchange_.messages(id_, to).push();
    touched_[to] = 1;
    return std::nullopt;
}

Loans::Loan HandOver::take_loan(std::uint32_t number) noexcept {
    Loans::Loan loan = loans_.take(number);
    count_parked(loan, false);
    return loan;
}

void HandOver::give_back(std::uint32_t to, const HandedReply& reply) noexcept {
    HandedReply* const slot = exchange_.replies(id_, to).claim();
    XD_ASSERT(slot != nullptr);  // the other has no more loans out than there are slots
    *slot = reply;
    exchange_.replies(id_, to).push();
    touched_[to] = 1;
}

void HandOver::publish() noexcept {
    visit_peers([this](std::uint32_t peer) {
        if (touched_[peer] == 0) {
            return;
        }
        touched_[peer] = 0;
        const bool has_messages = exchange_.messages(id_, peer).publish();
        const bool has_replies = exchange_.replies(id_, peer).publish();
        if (has_messages || has_replies) {
            exchange_.wake(peer);
        }
    });
}

bool HandOver::has_waiting() const noexcept {
    bool found = false;
    visit_peers([&](std::uint32_t peer) {
        found = found || exchange_.messages(peer, id_).has_waiting() ||
                exchange_.replies(peer, id_).has_waiting();
    });
    return found;
}

}  // namespace xdhcpd::worker
