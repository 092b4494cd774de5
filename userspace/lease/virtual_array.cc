#include "lease/virtual_array.h"

#include <sys/mman.h>

#include <cstdint>

namespace xdhcpd::lease::detail {

namespace {
constexpr std::size_t kHugePageLen = std::size_t{2} << 20;
}

void* map_zeroed(std::size_t len) noexcept {
    const bool is_huge = len >= kHugePageLen;
    // With a huge page to spare, the array can begin on a huge page boundary.
    const std::size_t mapped_len = is_huge ? len + kHugePageLen : len;
    void* const mapped = mmap(nullptr, mapped_len, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) {
        return nullptr;
    }
    if (!is_huge) {
        return mapped;
    }
    const auto address = reinterpret_cast<std::uintptr_t>(mapped);
    const std::size_t skipped_len = (kHugePageLen - address % kHugePageLen) % kHugePageLen;
    std::byte* const start = static_cast<std::byte*>(mapped) + skipped_len;
    if (skipped_len > 0) {
        unmap(mapped, skipped_len);
    }
    // The tail begins at the page after the array: munmap() of the array takes its last page as a
    // whole.
    constexpr std::size_t kSmallestPageLen = 4096;
    const std::size_t used_len = (len + kSmallestPageLen - 1) / kSmallestPageLen * kSmallestPageLen;
    const std::size_t tail_len = mapped_len - skipped_len;
    if (tail_len > used_len) {
        unmap(start + used_len, tail_len - used_len);
    }
    // Without transparent huge pages the array is only slower.
    static_cast<void>(madvise(start, len, MADV_HUGEPAGE));
    return start;
}

void unmap(void* start, std::size_t len) noexcept {
    static_cast<void>(munmap(start, len));
}

}  // namespace xdhcpd::lease::detail
