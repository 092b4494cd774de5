// InlineVector: up to kCapacity elements inside the object, made one after another in place. What
// is not made costs nothing: for lists on the stack of which most are short. Elements need not
// move.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "base/assert.h"

namespace xdhcpd {

template <typename T, std::size_t kCapacity>
class InlineVector {
  public:
    InlineVector() noexcept = default;
    InlineVector(const InlineVector&) = delete;
    InlineVector& operator=(const InlineVector&) = delete;
    ~InlineVector() { std::destroy_n(data(), size_); }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] bool full() const noexcept { return size_ == kCapacity; }
    // Requires !full().
    template <typename... Args>
    T& emplace_back(Args&&... args) {
        XD_ASSERT(!full());
        T* const made = std::construct_at(data() + size_, std::forward<Args>(args)...);
        ++size_;
        return *made;
    }
    [[nodiscard]] T& operator[](std::size_t i) noexcept { return data()[i]; }
    [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return data()[i]; }
    [[nodiscard]] T* begin() noexcept { return data(); }
    [[nodiscard]] T* end() noexcept { return data() + size_; }
    [[nodiscard]] const T* begin() const noexcept { return data(); }
    [[nodiscard]] const T* end() const noexcept { return data() + size_; }

  private:
    [[nodiscard]] T* data() noexcept { return reinterpret_cast<T*>(storage_); }
    [[nodiscard]] const T* data() const noexcept { return reinterpret_cast<const T*>(storage_); }

    alignas(T) std::byte storage_[kCapacity * sizeof(T)];
    std::size_t size_ = 0;
};

}  // namespace xdhcpd
