#include "control/hook_queue.h"

#include <utility>

namespace xdhcpd::control {

void HookQueue::push(HookNews news) {
    if (const auto found = numbers_.find(news.prefix); found != numbers_.end()) {
        waiting_[found->second - first_number_] = std::move(news);
        return;
    }
    if (waiting_.size() >= capacity_) {
        static_cast<void>(pop());
        ++lost_;
    }
    numbers_.emplace(news.prefix, first_number_ + waiting_.size());
    waiting_.push_back(std::move(news));
}

std::optional<HookNews> HookQueue::pop() {
    if (waiting_.empty()) {
        return std::nullopt;
    }
    std::optional<HookNews> news{std::move(waiting_.front())};
    waiting_.pop_front();
    ++first_number_;
    numbers_.erase(news->prefix);
    return news;
}

}  // namespace xdhcpd::control
