#include "control/unit_name.h"

namespace xdhcpd::control {
namespace {

// Its index in a space; for people an address is also in the prefix that is delegated with it.
std::optional<std::uint32_t> index_in(const ServerState& state, const NamedSpace& named,
                                      const UnitName& name, bool in_prefixes) {
    if (!named.is_ipv6) {
        return name.address4 && named.prefix.contains(*name.address4)
                   ? std::optional{name.address4->value - named.prefix.address.value}
                   : std::nullopt;
    }
    if (!name.what6) {
        return std::nullopt;
    }
    const lease::Space& space = state.parts.registry.store().space(named.id);
    model::What6 what = *name.what6;
    const bool is_within = in_prefixes && what.kind == lease::SpaceKind::kIpv6Address &&
                           space.kind() == lease::SpaceKind::kIpv6Prefix;
    if (is_within) {
        const std::uint8_t length = space.ipv6_names().length();
        what = {space.kind(), {Ipv6Prefix{what.prefix.address, length}.network(), length}};
    }
    if (what.kind != space.kind() || what.prefix.length != space.ipv6_names().length()) {
        return std::nullopt;
    }
    if (!space.ipv6_names().is_list()) {
        return space.ipv6_names().find(what.prefix.address);
    }
    const auto& listed = state.parts.registry.ipv6().listed();
    const auto found = listed.find(what);
    return found != listed.end() &&
                   state.parts.registry.store().space_of(found->second).id() == named.id
               ? std::optional{space.index_of(found->second)}
               : std::nullopt;
}

}  // namespace

std::optional<UnitName> parse_unit_name(std::string_view text) {
    if (const auto address = parse_ipv4(text)) {
        return UnitName{*address, std::nullopt};
    }
    if (const auto address = parse_ipv6(text)) {
        return UnitName{std::nullopt,
                        model::What6{lease::SpaceKind::kIpv6Address, {*address, 128}}};
    }
    const auto prefix = parse_ipv6_prefix(text);
    return prefix ? std::optional{UnitName{std::nullopt,
                                           model::What6{lease::SpaceKind::kIpv6Prefix,
                                                        {prefix->network(), prefix->length}}}}
                  : std::nullopt;
}

std::vector<NamedUnit> units_of(const ServerState& state, const UnitName& name, bool in_prefixes) {
    std::vector<NamedUnit> units;
    for (const NamedSpace& space : state.named_spaces()) {
        if (const auto index = index_in(state, space, name, in_prefixes)) {
            units.push_back({space, *index});
        }
    }
    return units;
}

}  // namespace xdhcpd::control
