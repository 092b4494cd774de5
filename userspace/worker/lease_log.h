// LeaseLog: carries what a shard must not forget into the worker's ring of the journal, and knows
// how far that is stored. Worker's thread only.
#pragma once

#include <cstdint>

#include "base/counters.h"
#include "base/time.h"
#include "engine/decide.h"
#include "engine/v6/decide.h"
#include "journal/codec/unit_state.h"
#include "journal/ring.h"
#include "lease/shard.h"
#include "lease/unit.h"

namespace xdhcpd::worker {

// Between times since boot and those on disk, which are Unix seconds. Fixed while the server runs:
// a step of the wall clock ends no lease.
class DiskTime {
  public:
    DiskTime() = default;
    // `boot_epoch`: Unix seconds at which CLOCK_BOOTTIME was 0; may be negative in theory only.
    explicit DiskTime(std::uint64_t boot_epoch) noexcept : boot_epoch_{boot_epoch} {}

    [[nodiscard]] std::uint64_t to_disk(BootSeconds time) const noexcept {
        return time.is_never() ? journal::kNever : boot_epoch_ + time.value;
    }
    // What was before boot is 0, what does not fit is never.
    [[nodiscard]] BootSeconds from_disk(std::uint64_t time) const noexcept {
        if (time <= boot_epoch_) {
            return {};
        }
        const std::uint64_t value = time - boot_epoch_;
        return value >= BootSeconds::kNeverValue ? BootSeconds::never()
                                                 : BootSeconds{static_cast<std::uint32_t>(value)};
    }

  private:
    std::uint64_t boot_epoch_ = 0;
};

// The unit's name on disk.
[[nodiscard]] journal::UnitKey key_of(const lease::Space& space, lease::Unit unit) noexcept;

class LeaseLog final : public lease::ChangeSink {
  public:
    // The ring outlives the log.
    LeaseLog(journal::Ring& ring, DiskTime time) noexcept : ring_{ring}, time_{time} {}

    // Whether the next message may need a record: there is room for its own, and for those of the
    // leases that it ends.
    [[nodiscard]] engine::Journal state() noexcept {
        return ring_.has_room(kRecordsPerMessage) ? engine::Journal::kOpen
                                                  : engine::Journal::kBacklog;
    }
    // Writes the unit, which is leased, as it is. Returns the sequence that is to be awaited.
    // Requires state() to have been kOpen.
    std::uint64_t write(const lease::Shard& shard, lease::Unit unit) noexcept;
    // What ends without room for its record is not written: a crash brings the lease back, and it
    // ends by its time (RFC 2131 lets a RELEASE be lost as well).
    void on_end(const lease::Shard& shard, lease::Unit unit, lease::LeaseState next,
                std::uint32_t version) noexcept override;
    // Leases that an operator brings in.
    [[nodiscard]] bool has_room() const noexcept override {
        return ring_.has_room(kRecordsPerMessage);
    }
    void on_import(const lease::Shard& shard, lease::Unit unit) noexcept override {
        static_cast<void>(write(shard, unit));
    }

    // The sequence of the last record.
    [[nodiscard]] std::uint64_t last() const noexcept { return last_; }
    // Records up to this are on stable storage.
    [[nodiscard]] std::uint64_t durable() const noexcept { return ring_.durable(); }
    // Once per batch: lets the journal know that there are records.
    void kick() noexcept {
        if (is_written_) {
            is_written_ = false;
            ring_.kick();
        }
    }
    // Any thread: ends that were not written for want of room.
    [[nodiscard]] const Counter& unwritten_ends() const noexcept { return unwritten_ends_; }

  private:
    // Of DHCPv4: a grant, and the other units that the client had on its link. Of DHCPv6: grants to
    // several associations, and as many ends.
    static constexpr std::size_t kGrantsPerMessage = engine::v6::kMaxUnitsPerMessage;
    static constexpr std::size_t kRecordsPerMessage = 2 * kGrantsPerMessage;

    std::uint64_t append(const journal::UnitState& state) noexcept;

    journal::Ring& ring_;
    DiskTime time_;
    std::uint64_t last_ = 0;
    bool is_written_ = false;
    Counter unwritten_ends_;
};

}  // namespace xdhcpd::worker
