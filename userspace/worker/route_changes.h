// RouteChanges: tells the control thread where delegated prefixes are reached from now on, or that
// their leases have ended, so that it can keep the kernel's routes. A ring of fixed size; when it
// is full, changes are lost and that is said: then everything is looked at anew.
//
// It stands in front of the shard's other sink. Producer: the worker's thread. Consumer: the
// control thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "base/addresses.h"
#include "base/spsc_ring.h"
#include "base/time.h"
#include "lease/shard.h"
#include "model/vlan_range.h"

namespace xdhcpd::worker {

// Where a delegated prefix is reached; without a next hop nowhere any more.
struct RouteChange {
    static constexpr std::size_t kMaxInterfaceLen = 15;

    BootTime time;  // of the change, by the worker's clock
    Ipv6Prefix prefix;
    std::optional<Ipv6> next_hop;
    std::array<char, kMaxInterfaceLen + 1> interface {};  // ends with zeros
    model::VlanIds vlan;  // of that interface, by which the client sent

    [[nodiscard]] std::string_view interface_name() const noexcept { return interface.data(); }
};

// What the lease of a unit says of that; nothing if it is not leased, no delegated prefix, or its
// client is behind a relay. The unit is one that the shard holds.
[[nodiscard]] std::optional<RouteChange> route_of(const lease::Shard& shard,
                                                  lease::Unit unit) noexcept;

class RouteChanges final : public lease::ChangeSink {
  public:
    static constexpr std::size_t kCapacity = 4096;

    explicit RouteChanges(BootTime (*clock)() noexcept) : ring_{kCapacity}, clock_{clock} {}

    // --- Worker's thread.
    // What the shard tells goes on to `next`; null: to nobody.
    void set_next(lease::ChangeSink* next) noexcept { next_ = next; }
    // The unit was granted or renewed.
    void note_lease(const lease::Shard& shard, lease::Unit unit) noexcept;
    // The unit is about to be let go; its lease has ended.
    void note_end(const lease::Shard& shard, lease::Unit unit) noexcept;
    // Once per batch: shows the control thread what there is.
    void publish() noexcept { ring_.publish(); }

    void on_end(const lease::Shard& shard, lease::Unit unit, lease::LeaseState next,
                std::uint32_t version) noexcept override;
    [[nodiscard]] bool has_room() const noexcept override {
        return next_ == nullptr || next_->has_room();
    }
    void on_import(const lease::Shard& shard, lease::Unit unit) noexcept override;

    // --- Control thread.
    // Calls visit(const RouteChange&) for what has come, in order.
    template <typename Visit>
    void take(Visit&& visit) {
        const std::size_t count = ring_.waiting();
        for (std::size_t i = 0; i < count; ++i) {
            visit(std::as_const(ring_.at(i)));
        }
        ring_.release(count);
    }
    // Whether changes were lost since the last call.
    [[nodiscard]] bool take_loss() noexcept { return is_lossy_.exchange(false); }

  private:
    void push(RouteChange change) noexcept;

    SpscRing<RouteChange> ring_;
    BootTime (*clock_)() noexcept;
    lease::ChangeSink* next_ = nullptr;
    std::atomic<bool> is_lossy_{false};
};

}  // namespace xdhcpd::worker
