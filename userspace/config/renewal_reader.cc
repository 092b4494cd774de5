#include "config/renewal_reader.h"

#include <optional>
#include <string>

namespace xdhcpd::config {

void read_renewal(const Reader& reader, const MapReader& map, std::uint32_t& renew_permille,
                  std::uint32_t& rebind_permille) {
    const auto renew = map.find("renew-time-percent");
    const auto rebind = map.find("rebind-time-percent");
    bool good = true;
    const auto read = [&](const std::optional<Value>& member, std::uint32_t& permille) {
        if (member) {
            const auto percent = reader.number(*member, 1, 99);
            good = good && percent;
            permille = percent ? *percent * 10 : permille;
        }
    };
    read(renew, renew_permille);
    read(rebind, rebind_permille);
    // RFC 2131 section 4.4.5, RFC 8415 section 21.4: T1 before T2 before the end.
    if (good && (renew || rebind) && renew_permille >= rebind_permille) {
        const auto percent = [](std::uint32_t permille) {
            return std::to_string(permille / 10) + (permille % 10 == 0 ? "" : ".5");
        };
        reader.error(renew ? *renew : *rebind, "renewing (T1, " + percent(renew_permille) +
                                                   ") must come before rebinding (T2, " +
                                                   percent(rebind_permille) + ")");
    }
}

}  // namespace xdhcpd::config
