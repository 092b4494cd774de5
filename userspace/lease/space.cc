#include "lease/space.h"

#include <utility>

namespace xdhcpd::lease {

Space::Space(SpaceId id, SpaceKind kind, std::uint32_t unit_count, Unit first,
             std::uint32_t shard_count, const SpaceName& name, std::optional<Ipv6Names> ipv6_names)
    : id_{id},
      kind_{kind},
      unit_count_{unit_count},
      first_{first},
      shard_count_{shard_count},
      name_{name},
      version_floor_{name.version_floor},
      ipv6_names_{std::move(ipv6_names)},
      bitmap_{unit_count},
      records_{unit_count},
      links_{unit_count},
      shares_{std::make_unique<SpaceShare[]>(shard_count)} {
    for (std::uint32_t shard = 0; shard < shard_count; ++shard) {
        shares_[shard].held = VirtualArray<std::uint64_t>{(unit_count + 63) / 64};
    }
}

std::uint64_t Space::held_total(HeldCount which) const noexcept {
    std::uint64_t total = 0;
    for (std::uint32_t shard = 0; shard < shard_count_; ++shard) {
        total += shares_[shard].held_counts[which].value();
    }
    return total;
}

bool Space::is_drained() const noexcept {
    return held_total(HeldCount::kOffered) + held_total(HeldCount::kLeased) +
               held_total(HeldCount::kDeclined) ==
           0;
}

}  // namespace xdhcpd::lease
