// HookQueue: the events that wait for one hook, oldest first and at most one per prefix. Values
// only; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "base/addresses.h"
#include "model/configuration.h"
#include "model/vlan_range.h"

namespace xdhcpd::control {

// What a hook is told.
struct HookNews {
    model::HookEvent event{};
    Ipv6Prefix prefix;
    Ipv6 next_hop;          // of route-added
    std::string interface;  // likewise
    model::VlanIds vlan{};  // of that interface
    bool operator==(const HookNews&) const = default;
};

class HookQueue {
  public:
    static constexpr std::size_t kCapacity = 4096;

    explicit HookQueue(std::size_t capacity = kCapacity) : capacity_{capacity} {}

    // What waits for the same prefix gives way and leaves its place in the queue: a client that
    // comes and goes neither fills the queue nor waits for ever. If there is no room the oldest is
    // lost.
    void push(HookNews news);
    [[nodiscard]] std::optional<HookNews> pop();
    // What waits for this prefix is no longer so.
    void forget(const Ipv6Prefix& prefix);

    [[nodiscard]] std::size_t size() const noexcept { return numbers_.size(); }
    [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }

  private:
    void drop_forgotten();

    std::size_t capacity_;
    std::deque<std::optional<HookNews>> waiting_;  // nothing: forgotten
    std::uint64_t first_number_ = 0;               // of the front; they are numbered as they come
    std::map<Ipv6Prefix, std::uint64_t> numbers_;  // of what waits
    std::uint64_t lost_ = 0;
};

}  // namespace xdhcpd::control
