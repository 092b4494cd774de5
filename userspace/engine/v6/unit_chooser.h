// UnitChooser: which unit an IA gets. Order: reserved, what it holds, what it had, what it asks
// for, the next free one. Takes units from the shard as offers; the caller gives back what comes to
// nothing. Thread of the shard.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/time.h"
#include "engine/v6/ia_plan.h"
#include "engine/v6/places.h"
#include "engine/v6/request.h"
#include "lease/shard.h"

namespace xdhcpd::engine::v6 {

class UnitChooser {
  public:
    // `until`: when offers end. `counts_offers`: new offers count at their source, and are limited
    // there.
    UnitChooser(const Request& request, const Places& places, lease::Shard& shard,
                BootSeconds until, bool counts_offers) noexcept
        : request_{request},
          places_{places},
          shard_{shard},
          until_{until},
          counts_offers_{counts_offers} {}

    // What the IA's reservation gives: `plan.unit` or nothing. `rank`: how many IAs of the message
    // with a smaller IAID share the reservation.
    [[nodiscard]] lease::Unit reserved(const IaPlan& plan, std::size_t rank) noexcept;
    // Policy lets the IA keep the unit: in a pool, or reserved for it, and not the relay's own.
    [[nodiscard]] bool may_keep(const IaPlan& plan, lease::Unit unit) const noexcept;
    // A unit that the IA does not hold yet, taken as an offer; kNoUnit if there is none.
    [[nodiscard]] lease::Unit take_any(const IaPlan& plan) noexcept;
    // Likewise, but only one that the client listed.
    [[nodiscard]] lease::Unit take_listed(const IaPlan& plan) noexcept;
    // Whether there is anything to choose from.
    [[nodiscard]] bool can_have(const IaPlan& plan) const noexcept;

    // Why take_any() found nothing, where it is not for lack of free units.
    [[nodiscard]] std::optional<DropReason> obstacle() const noexcept { return obstacle_; }

  private:
    [[nodiscard]] std::span<const model::ReservedUnit> reserved_units(
        const IaPlan& plan) const noexcept;
    [[nodiscard]] lease::Unit take_next(const IaPlan& plan) noexcept;
    [[nodiscard]] lease::Unit take_next_in(const IaPlan& plan, const model::Pool6& pool) noexcept;
    [[nodiscard]] lease::Unit took(const Result<lease::Unit, lease::TakeError>& taken) noexcept;
    [[nodiscard]] bool is_relays_own(Association association, lease::Unit unit) const noexcept;
    [[nodiscard]] lease::OfferSource offer_source() const noexcept;
    [[nodiscard]] bool may_offer_more(Association association,
                                      lease::OfferSource source) const noexcept;
    [[nodiscard]] std::uint64_t free_units(Association association) const noexcept;

    const Request& request_;
    const Places& places_;
    lease::Shard& shard_;
    BootSeconds until_;
    bool counts_offers_;
    std::optional<DropReason> obstacle_;
};

}  // namespace xdhcpd::engine::v6
