#include "model/space_registry6.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"
#include "lease/ipv6_names.h"

namespace xdhcpd::model {
namespace {

constexpr std::uint32_t kMinWindow = 1u << 16;
constexpr std::uint32_t kListLen = 1u << 12;  // units of one list; a subnet may have several

}  // namespace

void SpaceRegistry6::set_max_leases(std::uint32_t max_leases) noexcept {
    const std::uint64_t wanted = std::bit_ceil(2 * std::uint64_t{max_leases});
    window_ = static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(wanted, kMinWindow, lease::kMaxSpaceUnits));
}

}  // namespace xdhcpd::model
