// renew-time-percent: and rebind-time-percent: of either protocol. One load, one thread.
#pragma once

#include <cstdint>

#include "config/reader.h"

namespace xdhcpd::config {

// T1 and T2 as thousandths; what is not given stays. That T1 does not come before T2 is reported.
void read_renewal(const Reader& reader, const MapReader& map, std::uint32_t& renew_permille,
                  std::uint32_t& rebind_permille);

}  // namespace xdhcpd::config
