#include "lease/side_store.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/assert.h"

namespace xdhcpd::lease {

// Header word of a block: bit 0 used, bit 1 the block before is used, then
//   used: granules in bits 2..15, length of the entry in bits 16..31;
//   free: granules in bits 2..31; words 1 and 2 link the list, the last word of the block repeats
//   the granules.
namespace {
constexpr std::uint32_t kUsed = 1;
constexpr std::uint32_t kPreviousUsed = 2;
constexpr std::size_t kNextByte = 4;
constexpr std::size_t kPrevByte = 8;
constexpr std::size_t kFooterByte = SideStore::kGranuleLen - 4;
constexpr std::size_t kMaxGranuleCount = (std::size_t{1} << 30) - 1;
}  // namespace

SideStore::SideStore(std::size_t bytes) {
    const std::size_t granules = std::min(bytes / kGranuleLen, kMaxGranuleCount);
    if (granules < 2) {
        return;
    }
    limit_ = granule_count_ = granules - 1;
    granules_ = VirtualArray<Granule>{granules};
    add_free(1, static_cast<std::uint32_t>(granule_count_));
}

std::uint32_t SideStore::word(Offset at, std::size_t byte) const noexcept {
    std::uint32_t value = 0;
    std::memcpy(&value, granules_[at].bytes.data() + byte, sizeof value);
    return value;
}

void SideStore::set_word(Offset at, std::size_t byte, std::uint32_t value) noexcept {
    std::memcpy(granules_[at].bytes.data() + byte, &value, sizeof value);
}

bool SideStore::is_used(Offset at) const noexcept {
    return (word(at, 0) & kUsed) != 0;
}

bool SideStore::is_previous_used(Offset at) const noexcept {
    return (word(at, 0) & kPreviousUsed) != 0;
}

std::uint32_t SideStore::size_at(Offset at) const noexcept {
    const std::uint32_t header = word(at, 0);
    return (header & kUsed) != 0 ? (header & 0xffff) >> 2 : header >> 2;
}

void SideStore::set_previous_used(Offset at, bool used) noexcept {
    if (at <= granule_count_) {
        const std::uint32_t header = word(at, 0);
        set_word(at, 0, used ? header | kPreviousUsed : header & ~kPreviousUsed);
    }
}

void SideStore::add_free(Offset at, std::uint32_t granules) noexcept {
    const std::size_t list = std::min<std::size_t>(granules, kLargeClass);
    const Offset next = free_lists_[list];
    set_word(at, 0, granules << 2 | kPreviousUsed);  // two free neighbours would have been merged
    set_word(at, kNextByte, next);
    set_word(at, kPrevByte, 0);
    set_word(at + granules - 1, kFooterByte, granules);
    if (next != 0) {
        set_word(next, kPrevByte, at);
    }
    free_lists_[list] = at;
    class_bits_[list / 64] |= std::uint64_t{1} << (list % 64);
    set_previous_used(at + granules, false);
}

void SideStore::remove_free(Offset at, std::uint32_t granules) noexcept {
    const std::size_t list = std::min<std::size_t>(granules, kLargeClass);
    const Offset next = word(at, kNextByte);
    const Offset prev = word(at, kPrevByte);
    if (next != 0) {
        set_word(next, kPrevByte, prev);
    }
    if (prev != 0) {
        set_word(prev, kNextByte, next);
        return;
    }
    free_lists_[list] = next;
    if (next == 0) {
        class_bits_[list / 64] &= ~(std::uint64_t{1} << (list % 64));
    }
}

SideStore::Offset SideStore::find_free(std::uint32_t granules) const noexcept {
    for (std::size_t i = granules / 64; i < class_bits_.size(); ++i) {
        const std::uint64_t wanted =
            i == granules / 64 ? ~std::uint64_t{0} << (granules % 64) : ~std::uint64_t{0};
        const std::uint64_t bits = class_bits_[i] & wanted;
        if (bits != 0) {
            return free_lists_[i * 64 + static_cast<std::size_t>(std::countr_zero(bits))];
        }
    }
    return 0;
}

std::optional<SideRef> SideStore::allocate(std::size_t len) noexcept {
    if (len > kMaxEntryLen) {
        return std::nullopt;
    }
    const auto granules = static_cast<std::uint32_t>(granules_for(len));
    const bool is_reserved = granules <= std::exchange(reserved_, 0);
    const Offset at = find_free(granules);
    if (at == 0 || (!is_reserved && used_granules_ + granules > limit_)) {
        return std::nullopt;
    }
    const std::uint32_t found = size_at(at);
    remove_free(at, found);
    if (found > granules) {
        add_free(at + granules, found - granules);
    } else {
        set_previous_used(at + granules, true);
    }
    set_word(at, 0, static_cast<std::uint32_t>(len) << 16 | granules << 2 | kPreviousUsed | kUsed);
    used_granules_ += granules;
    return SideRef{at};
}

std::optional<SideRef> SideStore::allocate(ByteView bytes) noexcept {
    const auto ref = allocate(bytes.size());
    if (ref) {
        copy_bytes(get(*ref).data(), bytes);
    }
    return ref;
}

bool SideStore::reserve(std::size_t len) {
    XD_ASSERT(len <= kMaxEntryLen);
    const std::size_t granules = granules_for(len);
    if (find_free(static_cast<std::uint32_t>(granules)) == 0) {
        const std::size_t wanted = std::min(2 * granule_count_ + kMaxGranules, kMaxGranuleCount);
        if (wanted < granule_count_ + granules) {
            return false;
        }
        grow(wanted);
    }
    reserved_ = granules;
    return true;
}

void SideStore::grow(std::size_t granule_count) {
    VirtualArray<Granule> larger{granule_count + 1};
    if (granule_count_ != 0) {
        std::memcpy(larger.data(), granules_.data(), (granule_count_ + 1) * sizeof(Granule));
    }
    granules_ = std::move(larger);
    // What is new joins a free block in front of it.
    const Offset last = find_last_free();
    const Offset start = last != 0 ? last : static_cast<Offset>(granule_count_ + 1);
    if (last != 0) {
        remove_free(last, size_at(last));
    }
    granule_count_ = granule_count;
    add_free(start, static_cast<std::uint32_t>(granule_count_ + 1 - start));
}

SideStore::Offset SideStore::find_last_free() const noexcept {
    for (const Offset first : free_lists_) {
        for (Offset block = first; block != 0; block = word(block, kNextByte)) {
            if (block + size_at(block) == granule_count_ + 1) {
                return block;
            }
        }
    }
    return 0;
}

void SideStore::free(SideRef ref) noexcept {
    Offset at = ref.value;
    XD_ASSERT(at != 0 && at <= granule_count_ && is_used(at));
    std::uint32_t granules = size_at(at);
    used_granules_ -= granules;
    const Offset next = at + granules;
    if (next <= granule_count_ && !is_used(next)) {
        const std::uint32_t next_granules = size_at(next);
        remove_free(next, next_granules);
        granules += next_granules;
    }
    if (!is_previous_used(at)) {
        const std::uint32_t previous_granules = word(at - 1, kFooterByte);
        at -= previous_granules;
        remove_free(at, previous_granules);
        granules += previous_granules;
    }
    add_free(at, granules);
}

bool SideStore::resize(SideRef ref, std::size_t len) noexcept {
    const std::uint32_t granules = size_at(ref.value);
    if (len > kMaxEntryLen || granules_for(len) != granules) {
        return false;
    }
    const std::uint32_t flags = word(ref.value, 0) & 0xffff;
    set_word(ref.value, 0, static_cast<std::uint32_t>(len) << 16 | flags);
    return true;
}

MutableBytes SideStore::get(SideRef ref) noexcept {
    const std::size_t len = word(ref.value, 0) >> 16;
    // An entry's granules are neighbours, so its bytes are one piece of the arena.
    std::byte* const start = reinterpret_cast<std::byte*>(granules_.data() + ref.value);
    return {start + kHeaderLen, len};
}

ByteView SideStore::get(SideRef ref) const noexcept {
    const std::size_t len = word(ref.value, 0) >> 16;
    const std::byte* const start = reinterpret_cast<const std::byte*>(granules_.data() + ref.value);
    return {start + kHeaderLen, len};
}

bool SideStore::check_invariants() const noexcept {
    std::size_t used = 0;
    std::size_t free_blocks = 0;
    bool previous_used = true;
    std::size_t at = 1;
    while (at <= granule_count_) {
        const auto here = static_cast<Offset>(at);
        const std::size_t granules = size_at(here);
        if (granules == 0 || is_previous_used(here) != previous_used) {
            return false;
        }
        if (is_used(here)) {
            used += granules;
        } else {
            if (!previous_used || word(here + size_at(here) - 1, kFooterByte) != granules) {
                return false;
            }
            ++free_blocks;
        }
        previous_used = is_used(here);
        at += granules;
    }
    for (std::size_t list = 1; list < kClassCount; ++list) {
        const bool has_bit = (class_bits_[list / 64] >> (list % 64) & 1) != 0;
        if (has_bit != (free_lists_[list] != 0)) {
            return false;
        }
        Offset prev = 0;
        for (Offset block = free_lists_[list]; block != 0; block = word(block, kNextByte)) {
            const bool is_in_class = std::min<std::size_t>(size_at(block), kLargeClass) == list;
            if (is_used(block) || !is_in_class || word(block, kPrevByte) != prev ||
                free_blocks-- == 0) {
                return false;
            }
            prev = block;
        }
    }
    return at == granule_count_ + 1 && free_blocks == 0 && used == used_granules_;
}

}  // namespace xdhcpd::lease
