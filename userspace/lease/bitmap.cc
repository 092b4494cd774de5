#include "lease/bitmap.h"

#include <bit>

#include "base/assert.h"

namespace xdhcpd::lease {

namespace {
constexpr std::uint64_t kAllBits = ~std::uint64_t{0};

constexpr std::uint32_t words_for(std::uint32_t bits) noexcept {
    return bits / 64 + (bits % 64 != 0);
}
constexpr std::uint64_t bit_of(std::uint32_t index) noexcept {
    return std::uint64_t{1} << (index % 64);
}
// The bits of word `word` that lie in `range`, which overlaps it.
constexpr std::uint64_t mask_in(UnitRange range, std::uint32_t word) noexcept {
    std::uint64_t mask = kAllBits;
    if (word == range.first / 64) {
        mask &= kAllBits << (range.first % 64);
    }
    if (word == range.last / 64) {
        mask &= kAllBits >> (63 - range.last % 64);
    }
    return mask;
}
}  // namespace

UnitBitmap::UnitBitmap(std::uint32_t unit_count)
    : unit_count_{unit_count}, word_count_{words_for(unit_count)}, words_{word_count_} {
    XD_ASSERT(unit_count >= 1 && unit_count <= kMaxSpaceUnits);
    std::uint32_t total = 0;
    std::uint32_t children = word_count_;
    do {
        XD_ASSERT(level_count_ < kMaxLevels);
        children = words_for(children);
        level_start_[level_count_] = total;
        level_size_[level_count_] = children;
        total += children;
        ++level_count_;
    } while (children > 1);
    summaries_ = VirtualArray<std::uint64_t>{total};
}

std::uint64_t UnitBitmap::load_allowed(std::uint32_t word) const noexcept {
    return std::atomic_ref{words_[word].allowed}.load();
}

std::uint64_t UnitBitmap::load_taken(std::uint32_t word) const noexcept {
    return std::atomic_ref{words_[word].taken}.load();
}

std::uint64_t UnitBitmap::load_free(std::uint32_t word) const noexcept {
    return load_allowed(word) & ~load_taken(word);
}

std::atomic_ref<std::uint64_t> UnitBitmap::summary(std::uint32_t level,
                                                   std::uint32_t word) const noexcept {
    return std::atomic_ref{summaries_[level_start_[level] + word]};
}

bool UnitBitmap::is_child_empty(std::uint32_t level, std::uint32_t child) const noexcept {
    return level == 0 ? load_free(child) == 0 : summary(level - 1, child).load() == 0;
}

void UnitBitmap::mark(std::uint32_t level, std::uint32_t child) noexcept {
    for (; level < level_count_; ++level, child /= 64) {
        const auto word = summary(level, child / 64);
        if ((word.load() & bit_of(child)) == 0) {
            word.fetch_or(bit_of(child));
        }
    }
}

void UnitBitmap::unmark_if_full(std::uint32_t word) noexcept {
    std::uint32_t child = word;
    for (std::uint32_t level = 0; level < level_count_; ++level, child /= 64) {
        const auto bits = summary(level, child / 64);
        if ((bits.load() & bit_of(child)) == 0) {
            return;
        }
        const std::uint64_t left = bits.fetch_and(~bit_of(child)) & ~bit_of(child);
        if (!is_child_empty(level, child)) {  // somebody released or allowed meanwhile
            mark(level, child);
            return;
        }
        if (left != 0) {
            return;
        }
    }
}

void UnitBitmap::allow(UnitRange range) noexcept {
    XD_ASSERT(range.first <= range.last && range.last < unit_count_);
    for (std::uint32_t word = range.first / 64; word <= range.last / 64; ++word) {
        const std::uint64_t mask = mask_in(range, word);
        const std::uint64_t old = std::atomic_ref{words_[word].allowed}.fetch_or(mask);
        allowed_count_.fetch_add(static_cast<std::uint32_t>(std::popcount(mask & ~old)),
                                 std::memory_order_relaxed);
        if (load_free(word) != 0) {
            mark(0, word);
        }
    }
}

void UnitBitmap::forbid(UnitRange range) noexcept {
    XD_ASSERT(range.first <= range.last && range.last < unit_count_);
    for (std::uint32_t word = range.first / 64; word <= range.last / 64; ++word) {
        const std::uint64_t mask = mask_in(range, word);
        if ((load_allowed(word) & mask) == 0) {
            continue;
        }
        const std::uint64_t old = std::atomic_ref{words_[word].allowed}.fetch_and(~mask);
        allowed_count_.fetch_sub(static_cast<std::uint32_t>(std::popcount(mask & old)),
                                 std::memory_order_relaxed);
        if (load_free(word) == 0) {
            unmark_if_full(word);
        }
    }
}

bool UnitBitmap::try_take(std::uint32_t index) noexcept {
    const std::uint32_t word = index / 64;
    const std::uint64_t bit = bit_of(index);
    if ((load_free(word) & bit) == 0) {
        return false;
    }
    const std::uint64_t old = std::atomic_ref{words_[word].taken}.fetch_or(bit);
    if ((old & bit) != 0) {
        return false;
    }
    const std::uint64_t allowed = load_allowed(word);
    if ((allowed & bit) == 0) {  // forbidden between the two looks
        release(index);
        return false;
    }
    if ((allowed & ~old & ~bit) == 0) {
        unmark_if_full(word);
    }
    return true;
}

bool UnitBitmap::try_take_reserved(std::uint32_t index) noexcept {
    const std::uint32_t word = index / 64;
    const std::uint64_t bit = bit_of(index);
    const std::uint64_t old = std::atomic_ref{words_[word].taken}.fetch_or(bit);
    if ((old & bit) != 0) {
        return false;
    }
    if ((load_allowed(word) & ~old & ~bit) == 0) {
        unmark_if_full(word);
    }
    return true;
}

void UnitBitmap::release(std::uint32_t index) noexcept {
    const std::uint32_t word = index / 64;
    const std::uint64_t bit = bit_of(index);
    const std::uint64_t old = std::atomic_ref{words_[word].taken}.fetch_and(~bit);
    XD_ASSERT((old & bit) != 0);
    if ((load_allowed(word) & bit) != 0) {
        mark(0, word);
    }
}

std::optional<std::uint32_t> UnitBitmap::take_next(UnitRange within, std::uint32_t from,
                                                   std::uint32_t* loads) noexcept {
    XD_ASSERT(within.first <= within.last && within.last < unit_count_);
    if (!within.contains(from)) {
        from = within.first;
    }
    std::uint32_t looked_at = 0;
    auto taken = take_between(from, within.last, looked_at);
    if (!taken && from > within.first) {
        taken = take_between(within.first, from - 1, looked_at);
    }
    if (loads != nullptr) {
        *loads += looked_at;
    }
    return taken;
}

std::optional<std::uint32_t> UnitBitmap::take_between(std::uint32_t first, std::uint32_t last,
                                                      std::uint32_t& loads) noexcept {
    const std::uint32_t last_word = last / 64;
    for (std::uint32_t index = first; index <= last;) {
        const std::uint32_t word = index / 64;
        ++loads;
        const std::uint64_t free = load_free(word) & mask_in({index, last}, word);
        if (free != 0) {
            const std::uint32_t candidate =
                word * 64 + static_cast<std::uint32_t>(std::countr_zero(free));
            if (try_take(candidate)) {
                return candidate;
            }
            index = candidate + 1;  // another thread was faster, or it was forbidden
            continue;
        }
        const std::uint32_t next = next_marked(word + 1, loads);
        if (next > last_word) {
            return std::nullopt;
        }
        index = next * 64;
    }
    return std::nullopt;
}

std::uint32_t UnitBitmap::next_marked(std::uint32_t word, std::uint32_t& loads) const noexcept {
    std::uint32_t level = 0;
    std::uint32_t child = word;
    while (level < level_count_) {
        if (child >= child_count(level)) {
            return word_count_;
        }
        ++loads;
        const std::uint64_t bits = summary(level, child / 64).load() >> (child % 64);
        if (bits == 0) {  // go up, and on behind the part just seen
            child = child / 64 + 1;
            ++level;
            continue;
        }
        child += static_cast<std::uint32_t>(std::countr_zero(bits));
        if (level == 0) {
            return child;
        }
        // Down into the first marked child. Should it be empty by now, the next turn goes up and on
        // again.
        child *= 64;
        --level;
    }
    return word_count_;
}

bool UnitBitmap::allowed(std::uint32_t index) const noexcept {
    return (load_allowed(index / 64) & bit_of(index)) != 0;
}

bool UnitBitmap::taken(std::uint32_t index) const noexcept {
    return (load_taken(index / 64) & bit_of(index)) != 0;
}

std::uint32_t UnitBitmap::taken_count() const noexcept {
    std::uint32_t count = 0;
    for (std::uint32_t word = 0; word < word_count_; ++word) {
        count += static_cast<std::uint32_t>(std::popcount(load_taken(word)));
    }
    return count;
}

std::uint32_t UnitBitmap::free_count() const noexcept {
    return free_count({0, unit_count_ - 1});
}

std::uint32_t UnitBitmap::free_count(UnitRange range) const noexcept {
    std::uint32_t count = 0;
    for (std::uint32_t word = range.first / 64; word <= range.last / 64; ++word) {
        count += static_cast<std::uint32_t>(std::popcount(load_free(word) & mask_in(range, word)));
    }
    return count;
}

bool UnitBitmap::check_invariants() const noexcept {
    std::uint32_t allowed = 0;
    for (std::uint32_t word = 0; word < word_count_; ++word) {
        allowed += static_cast<std::uint32_t>(std::popcount(load_allowed(word)));
        const std::uint64_t inside = mask_in({0, unit_count_ - 1}, word);
        if (((load_allowed(word) | load_taken(word)) & ~inside) != 0) {
            return false;
        }
    }
    if (allowed != allowed_count()) {
        return false;
    }
    for (std::uint32_t level = 0; level < level_count_; ++level) {
        for (std::uint32_t child = 0; child < level_size_[level] * 64; ++child) {
            const bool is_marked = (summary(level, child / 64).load() & bit_of(child)) != 0;
            const bool is_empty = child >= child_count(level) || is_child_empty(level, child);
            if (is_marked == is_empty) {
                return false;
            }
        }
    }
    return level_size_[level_count_ - 1] == 1;
}

}  // namespace xdhcpd::lease
