// Mailbox: work that other threads want a thread to do, done between its batches. Any thread posts;
// one takes. Looking into an empty box is one relaxed load.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace xdhcpd {

class Mailbox {
  public:
    using Work = std::function<void()>;

    // Any thread. The work runs on the owner's thread, in the order of posting, or never if the
    // owner ends first.
    void post(Work work) {
        const std::lock_guard lock{mutex_};
        waiting_.push_back(std::move(work));
        has_mail_.store(true);  // in one order with the owner's flag that says it sleeps
    }

    [[nodiscard]] bool has_mail() const noexcept { return has_mail_.load(); }

    // Owner's thread: does what is waiting and returns how much that was. What is posted meanwhile
    // waits.
    std::size_t run() {
        if (!has_mail()) {
            return 0;
        }
        std::vector<Work> batch;
        {
            const std::lock_guard lock{mutex_};
            batch.swap(waiting_);
            has_mail_.store(false);
        }
        for (Work& work : batch) {
            work();
        }
        return batch.size();
    }

  private:
    std::mutex mutex_;
    std::vector<Work> waiting_;
    std::atomic<bool> has_mail_{false};
};

}  // namespace xdhcpd
