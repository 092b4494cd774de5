#include "model/option_table6.h"

#include <algorithm>
#include <array>

#include "base/assert.h"

namespace xdhcpd::model {
namespace {
constexpr std::size_t kHeaderLen = 4;
constexpr std::size_t kMaxValueLen = 0xffff;
}  // namespace

void OptionTable6::set(dhcp6::OptionCode code, ByteView value, bool always) {
    XD_ASSERT(value.size() <= kMaxValueLen);
    const auto at = std::lower_bound(
        entries_.begin(), entries_.end(), code,
        [](const Entry& entry, dhcp6::OptionCode wanted) { return entry.code < wanted; });
    const bool is_there = at != entries_.end() && at->code == code;
    Entry& entry = is_there ? *at : *entries_.insert(at, Entry{});
    entry.code = code;
    entry.always = always;
    // A replaced value stays behind unused: tables are built once.
    entry.offset = static_cast<std::uint32_t>(bytes_.size());
    entry.len = static_cast<std::uint32_t>(kHeaderLen + value.size());
    std::array<std::byte, kHeaderLen> header;
    store_be16(header.data(), static_cast<std::uint16_t>(code));
    store_be16(header.data() + 2, static_cast<std::uint16_t>(value.size()));
    bytes_.insert(bytes_.end(), header.begin(), header.end());
    bytes_.insert(bytes_.end(), value.begin(), value.end());
    codes_.clear();
    always_.clear();
    for (const Entry& each : entries_) {
        codes_.push_back(each.code);
        if (each.always) {
            always_.push_back(each.code);
        }
    }
}

void OptionTable6::merge(std::span<const OptionValue6> options) {
    for (const OptionValue6& option : options) {
        set(option.code, option.value, option.always);
    }
}

const OptionTable6::Entry* OptionTable6::find(dhcp6::OptionCode code) const noexcept {
    const auto at = std::lower_bound(
        entries_.begin(), entries_.end(), code,
        [](const Entry& entry, dhcp6::OptionCode wanted) { return entry.code < wanted; });
    return at != entries_.end() && at->code == code ? &*at : nullptr;
}

ByteView OptionTable6::encoded(dhcp6::OptionCode code) const noexcept {
    const Entry* const entry = find(code);
    return entry != nullptr ? ByteView{bytes_}.subspan(entry->offset, entry->len) : ByteView{};
}

ByteView OptionTable6::value(dhcp6::OptionCode code) const noexcept {
    const ByteView whole = encoded(code);
    return whole.empty() ? whole : whole.subspan(kHeaderLen);
}

}  // namespace xdhcpd::model
