#include "sim/abroad.h"

#include <algorithm>

namespace xdhcpd::sim {

template <typename Visit>
void Abroad::visit_peers(Visit&& visit) const {
    for (std::uint32_t peer = 0; exchange_ != nullptr && peer < worker_count_; ++peer) {
        if (peer != worker_) {
            visit(peer);
        }
    }
}

void Abroad::look_before(std::uint32_t worker) {
    worker_ = worker;
    taken_.clear();
    given_back_.clear();
    returned_.clear();
    before_.assign(worker_count_, {});
    given_.assign(worker_count_, {});
    visit_peers([&](std::uint32_t peer) {
        auto& messages = exchange_->messages(peer, worker_);
        for (std::size_t i = 0; i < messages.waiting(); ++i) {
            before_[peer].messages.emplace_back(peer, messages.at(i).loan);
        }
        auto& replies = exchange_->replies(peer, worker_);
        for (std::size_t i = 0; i < replies.waiting(); ++i) {
            before_[peer].replies.emplace_back(worker_, replies.at(i).loan);
        }
    });
}

void Abroad::look_after() {
    look_for_taken();
    look_for_returned();
    look_for_given_back();
    look_for_given();
}

// In the order in which a worker goes round the others.
void Abroad::look_for_taken() {
    visit_peers([&](std::uint32_t peer) {
        const std::vector<Key>& waited = before_[peer].messages;
        const std::size_t left = exchange_->messages(peer, worker_).waiting();
        for (std::size_t i = 0; i < waited.size() - left; ++i) {
            const auto found = loans_.find(waited[i]);
            if (found == loans_.end() || found->second.where != Where::kOnTheWay) {
                throw Violation{"a worker takes over what nobody has given it"};
            }
            found->second.where = Where::kKept;
            taken_.push_back(&found->second);
        }
    });
}

void Abroad::look_for_returned() {
    visit_peers([&](std::uint32_t peer) {
        const std::vector<Key>& waited = before_[peer].replies;
        const std::size_t left = exchange_->replies(peer, worker_).waiting();
        for (std::size_t i = 0; i < waited.size() - left; ++i) {
            const auto found = loans_.find(waited[i]);
            if (found == loans_.end() || found->second.where != Where::kComingBack) {
                throw Violation{"a loan comes back that is not out"};
            }
            returned_.push_back(std::move(found->second));
            loans_.erase(found);
        }
    });
}

void Abroad::look_for_given_back() {
    visit_peers([&](std::uint32_t peer) {
        auto& replies = exchange_->replies(worker_, peer);
        for (std::size_t i = 0; i < replies.waiting(); ++i) {
            const worker::HandedReply& reply = replies.at(i);
            const auto found = loans_.find({peer, reply.loan});
            if (found == loans_.end() || found->second.where == Where::kOnTheWay) {
                throw Violation{"a reply to what was not taken over"};
            }
            Loan& loan = found->second;
            if (loan.where == Where::kComingBack) {
                continue;  // since an earlier step
            }
            loan.where = Where::kComingBack;
            loan.drop = reply.drop();
            if (!loan.drop) {
                const ByteView frame = loan.out.first(reply.frame_len);
                const auto answer = read_answer(frame);
                if (!answer) {
                    throw Violation{"a reply that cannot be read"};
                }
                loan.frame.assign(frame.begin(), frame.end());
                loan.answer = *answer;
            }
            given_back_.push_back(&loan);
        }
    });
}

void Abroad::look_for_given() {
    visit_peers([&](std::uint32_t peer) {
        auto& messages = exchange_->messages(worker_, peer);
        for (std::size_t i = 0; i < messages.waiting(); ++i) {
            if (!loans_.contains({worker_, messages.at(i).loan})) {
                given_[peer].push_back(&messages.at(i));
            }
        }
    });
}

bool Abroad::was_handed_over(const Sent& message) {
    for (auto& given : given_) {
        if (given.empty() || !std::ranges::equal(given.front()->frame(), message.frame)) {
            continue;
        }
        const worker::HandedMessage& slot = *given.front();
        given.erase(given.begin());
        Loan loan;
        loan.heard.message = message;
        loan.may_wait = slot.may_wait;
        loan.out = slot.out;
        loans_.emplace(Key{worker_, slot.loan}, std::move(loan));
        return true;
    }
    return false;
}

void Abroad::end_if(const std::function<bool(const Loan&)>& has_ended) {
    for (auto& [key, loan] : loans_) {
        loan.is_void |= loan.where != Where::kOnTheWay && has_ended(loan);
    }
}

std::size_t Abroad::count_of(std::uint32_t worker) const {
    return static_cast<std::size_t>(std::count_if(
        loans_.begin(), loans_.end(), [&](const auto& one) { return one.first.first == worker; }));
}

std::size_t Abroad::waiting_of(std::uint32_t worker) const {
    return static_cast<std::size_t>(std::count_if(
        loans_.begin(), loans_.end(),
        [&](const auto& one) { return one.first.first == worker && one.second.may_wait; }));
}

}  // namespace xdhcpd::sim
