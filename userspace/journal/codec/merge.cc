#include "journal/codec/merge.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "journal/codec/record.h"

namespace xdhcpd::journal {
namespace {

[[nodiscard]] std::size_t len_of(const std::byte* record) noexcept {
    return load_le<std::uint16_t>(record + record_layout::kLen);
}

[[nodiscard]] ByteView view_of(const std::byte* record) noexcept {
    return {record, len_of(record)};
}

[[nodiscard]] std::uint64_t prefix_of(ByteView record) noexcept {
    return load_be64(record.data() + record_layout::kKey);
}

// Neighbouring addresses are far apart, and so are equal ones of different prefixes' lengths.
[[nodiscard]] std::size_t hash_of(ByteView record) noexcept {
    constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
    const std::byte* const key = record.data() + record_layout::kKey;
    std::uint64_t hash = load_le<std::uint64_t>(key) * kOdd;
    hash = (hash ^ (hash >> 32) ^ load_le<std::uint64_t>(key + 8)) * kOdd;
    hash = (hash ^ (hash >> 32) ^ load_le<std::uint16_t>(key + 16)) * kOdd;
    return static_cast<std::size_t>(hash ^ (hash >> 32));
}

}  // namespace

LatestRecords::LatestRecords() : slots_(1024) {}

ByteView LatestRecords::operator[](std::size_t index) const noexcept {
    return view_of(slots_[index].record);
}

LatestRecords::Slot& LatestRecords::find(std::uint64_t prefix, ByteView record) noexcept {
    const std::size_t mask = slots_.size() - 1;
    std::size_t index = hash_of(record) & mask;
    while (slots_[index].record != nullptr &&
           (slots_[index].prefix != prefix ||
            compare_keys(view_of(slots_[index].record), record) != 0)) {
        index = (index + 1) & mask;
    }
    return slots_[index];
}

void LatestRecords::grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
        if (slot.record != nullptr) {
            find(slot.prefix, view_of(slot.record)) = slot;
        }
    }
}

std::byte* LatestRecords::store(ByteView record) {
    if (kBlockLen - block_used_ < record.size()) {
        // Not make_unique, which would write zeros first.
        blocks_.emplace_back(new std::byte[kBlockLen]);
        block_used_ = 0;
    }
    std::byte* const to = blocks_.back().get() + block_used_;
    block_used_ += record.size();
    copy_bytes(to, record);
    return to;
}

void LatestRecords::add(ByteView record) {
    XD_ASSERT(record.size() >= kMinRecordLen && record.size() == len_of(record.data()));
    if (size_ * 2 >= slots_.size()) {
        grow();
    }
    const std::uint64_t prefix = prefix_of(record);
    Slot& slot = find(prefix, record);
    if (slot.record == nullptr) {
        slot = {prefix, store(record)};
        ++size_;
    } else if (is_newer(record, view_of(slot.record))) {
        if (len_of(slot.record) == record.size()) {
            copy_bytes(slot.record, record);
        } else {
            slot.record = store(record);
        }
    }
}

void LatestRecords::sort() {
    slots_.erase(std::remove_if(slots_.begin(), slots_.end(),
                                [](const Slot& slot) { return slot.record == nullptr; }),
                 slots_.end());
    std::sort(slots_.begin(), slots_.end(), [](const Slot& a, const Slot& b) {
        return a.prefix != b.prefix ? a.prefix < b.prefix
                                    : compare_keys(view_of(a.record), view_of(b.record)) < 0;
    });
}

bool is_forgotten(ByteView record, const ForgetRule& rule) noexcept {
    const auto status = static_cast<UnitStatus>(load_u8(record.data() + record_layout::kStatus));
    if (status == UnitStatus::kFree) {
        return true;
    }
    return (status == UnitStatus::kReleased || status == UnitStatus::kExpired) &&
           load_le<std::uint64_t>(record.data() + record_layout::kExpiry) < rule.drop_before;
}

void merge(const std::function<ByteView()>& next_old, const LatestRecords& newer,
           const ForgetRule* rule, const std::function<void(ByteView)>& emit) {
    std::size_t index = 0;
    for (ByteView old = next_old(); !old.empty(); old = next_old()) {
        int order = 1;  // of the newer record, compared with the old one
        for (; index < newer.size(); ++index) {
            order = compare_keys(newer[index], old);
            if (order >= 0) {
                break;
            }
            emit(newer[index]);
        }
        if (index < newer.size() && order == 0) {
            const ByteView replacement = newer[index++];
            if (is_newer(replacement, old)) {
                emit(replacement);
                continue;
            }
        }
        if (rule == nullptr || !is_forgotten(old, *rule)) {
            emit(old);
        }
    }
    for (; index < newer.size(); ++index) {
        emit(newer[index]);
    }
}

}  // namespace xdhcpd::journal
