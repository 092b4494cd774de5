// VirtualArray: a zeroed array of fixed length whose untouched pages cost nothing. The one place of
// this module that asks the kernel for memory; as with operator new, running out of address space
// ends the process. Owns the mapping; move-only. Elements may be used from several threads as far
// as the element type allows.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "base/assert.h"

namespace xdhcpd::lease {

namespace detail {
// Zeroed memory, at least page-aligned (2 MiB-aligned with huge pages advised when that large), or
// nullptr.
[[nodiscard]] void* map_zeroed(std::size_t len) noexcept;
void unmap(void* start, std::size_t len) noexcept;
}  // namespace detail

template <typename T>
class VirtualArray {
    static_assert(std::is_trivially_destructible_v<T> && std::is_trivially_copyable_v<T>);

  public:
    VirtualArray() noexcept = default;
    explicit VirtualArray(std::size_t size) : size_{size} {
        if (size > 0) {
            data_ = static_cast<T*>(detail::map_zeroed(size * sizeof(T)));
            XD_ASSERT(data_ != nullptr);
        }
    }
    VirtualArray(VirtualArray&& other) noexcept
        : data_{std::exchange(other.data_, nullptr)}, size_{std::exchange(other.size_, 0)} {}
    VirtualArray& operator=(VirtualArray&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    VirtualArray(const VirtualArray&) = delete;
    VirtualArray& operator=(const VirtualArray&) = delete;
    ~VirtualArray() {
        if (data_ != nullptr) {
            detail::unmap(data_, size_ * sizeof(T));
        }
    }

    // Like a span, constness of the array is not constness of its elements. `i` < size().
    [[nodiscard]] T& operator[](std::size_t i) const noexcept { return data_[i]; }
    [[nodiscard]] T* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

  private:
    T* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace xdhcpd::lease
