#include "control/hook_queue.h"

#include <utility>

namespace xdhcpd::control {

void HookQueue::push(HookNews news) {
    if (const auto found = numbers_.find(news.prefix); found != numbers_.end()) {
        waiting_[found->second - first_number_] = std::move(news);
        return;
    }
    if (numbers_.size() >= capacity_) {
        static_cast<void>(pop());
        ++lost_;
    }
    numbers_.emplace(news.prefix, first_number_ + waiting_.size());
    waiting_.emplace_back(std::move(news));
}

void HookQueue::forget(const Ipv6Prefix& prefix) {
    const auto found = numbers_.find(prefix);
    if (found == numbers_.end()) {
        return;
    }
    waiting_[found->second - first_number_].reset();
    numbers_.erase(found);
    drop_forgotten();
}

// From the front; and all that lies between, once that is most of the queue.
void HookQueue::drop_forgotten() {
    while (!waiting_.empty() && !waiting_.front()) {
        waiting_.pop_front();
        ++first_number_;
    }
    if (waiting_.size() > 2 * capacity_) {
        std::erase_if(waiting_, [](const auto& news) { return !news; });
        first_number_ = 0;
        std::uint64_t number = 0;
        for (const auto& news : waiting_) {
            numbers_[news->prefix] = number++;
        }
    }
}

std::optional<HookNews> HookQueue::pop() {
    if (waiting_.empty()) {
        return std::nullopt;
    }
    std::optional<HookNews> news{std::move(waiting_.front())};
    waiting_.pop_front();
    ++first_number_;
    numbers_.erase(news->prefix);
    drop_forgotten();
    return news;
}

}  // namespace xdhcpd::control
