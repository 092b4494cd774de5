#include "model/option_table.h"

#include <algorithm>

#include "base/assert.h"

namespace xdhcpd::model {
namespace {

void insert_sorted(std::vector<dhcp4::OptionCode>& codes, dhcp4::OptionCode code) {
    const auto at = std::lower_bound(codes.begin(), codes.end(), code);
    if (at == codes.end() || *at != code) {
        codes.insert(at, code);
    }
}

}  // namespace

void OptionTable::set(dhcp4::OptionCode code, ByteView value, bool always) {
    XD_ASSERT(value.size() <= 65535);
    Entry& entry = entries_[static_cast<std::size_t>(code)];
    entry = {static_cast<std::uint32_t>(bytes_.size()), static_cast<std::uint16_t>(value.size()),
             true, always};
    bytes_.insert(bytes_.end(), value.begin(), value.end());
    insert_sorted(codes_, code);
    if (always) {
        insert_sorted(always_, code);
    } else {
        std::erase(always_, code);
    }
}

void OptionTable::merge(std::span<const OptionValue> options) {
    for (const OptionValue& option : options) {
        set(option.code, option.value, option.always);
    }
}

}  // namespace xdhcpd::model
