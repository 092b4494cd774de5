// router-advertisements: of the configuration. One load, one thread.
#pragma once

#include <vector>

#include "config/reader.h"
#include "model/configuration.h"

namespace xdhcpd::config {

// What is advertised on one link, and where its parts stand, for checks against others.
struct PlacedAdvertisement {
    model::AdvertisementConfiguration advertisement;
    Place place;                      // of the element
    Place interface;                  // of the interface's name
    Place managed;                    // of managed: true; line 0 if it is not
    std::vector<Place> pd_preferred;  // by prefix; line 0 where it is not
};

// The advertisements of the list that name an interface; what is wrong within them is reported.
[[nodiscard]] std::vector<PlacedAdvertisement> read_advertisements(const Reader& reader,
                                                                   const Value& list);

}  // namespace xdhcpd::config
