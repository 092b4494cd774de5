// neighbor-proxies: of the configuration. One load, one thread.
#pragma once

#include <vector>

#include "config/reader.h"
#include "model/configuration.h"

namespace xdhcpd::config {

// A proxy and where its parts stand, for checks against others.
struct PlacedProxy {
    model::NeighborProxyConfiguration proxy;
    Place interface;             // of the interface's name
    std::vector<Place> targets;  // of each
};

// The proxies of the list that name an interface; what is wrong within them is reported.
[[nodiscard]] std::vector<PlacedProxy> read_neighbor_proxies(const Reader& reader,
                                                             const Value& list);

}  // namespace xdhcpd::config
