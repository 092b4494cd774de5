#include "config/vlan_reader.h"

#include <algorithm>
#include <cstddef>
#include <string>

namespace xdhcpd::config {
namespace {

constexpr std::size_t kMaxVlanLen = 32;

std::optional<model::VlanRange> read_range(const Reader& reader, const Value& value) {
    const auto text = reader.text(value, kMaxVlanLen);
    if (!text) {
        return std::nullopt;
    }
    const auto range = model::parse_vlan_range(*text);
    if (!range) {
        reader.error(value, in_quotes(*text) + " " + std::string{range.error()});
        return std::nullopt;
    }
    return *range;
}

}  // namespace

std::vector<model::VlanRange> read_vlans(const Reader& reader, const Value& value) {
    std::vector<model::VlanRange> vlans;
    const bool is_list = value.node->kind == Node::Kind::kSequence;
    if (is_list && value.node->children.empty()) {
        reader.error(value, "the list is empty; a VLAN such as 100 was meant");
    }
    for (const Value& element : is_list ? reader.list(value) : std::vector{value}) {
        const auto range = read_range(reader, element);
        if (!range) {
            continue;
        }
        const auto other = std::ranges::find_if(
            vlans, [&](const model::VlanRange& have) { return have.overlaps(*range); });
        if (other != vlans.end()) {
            reader.error(element, in_quotes(element.node->text) + " overlaps " +
                                      model::to_string(*other) + " of the same subnet");
            continue;
        }
        vlans.push_back(*range);
    }
    return vlans;
}

std::optional<model::VlanRange> read_vlan(const Reader& reader, const Value& value) {
    const auto range = read_range(reader, value);
    if (range && range->size() != 1) {
        reader.error(value,
                     in_quotes(value.node->text) +
                         " is several VLANs; each has its own entry, such as 100 or 100.200");
        return std::nullopt;
    }
    return range;
}

}  // namespace xdhcpd::config
