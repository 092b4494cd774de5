// Result<T, E>: a value or the reason why there is none, with the member names of std::expected
// (C++23).
#pragma once

#include <utility>
#include <variant>

#include "base/assert.h"

namespace xdhcpd {

// Wraps an error on its way into a Result: `return Unexpected{ParseError::kTruncated};`
template <typename E>
struct Unexpected {
    E value;
};
template <typename E>
Unexpected(E) -> Unexpected<E>;

template <typename T, typename E>
class [[nodiscard]] Result {
  public:
    using value_type = T;
    using error_type = E;

    // NOLINTNEXTLINE(google-explicit-constructor): a function returns its value as it stands
    Result(T value) : state_{std::in_place_index<0>, std::move(value)} {}
    template <typename U>
    // NOLINTNEXTLINE(google-explicit-constructor): likewise for an error
    Result(Unexpected<U> error) : state_{std::in_place_index<1>, std::move(error.value)} {}

    [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    // Asking for what is not there is our bug, not an input.
    T& value() & noexcept { return *checked_value(); }
    [[nodiscard]] const T& value() const& noexcept { return *checked_value(); }
    T&& value() && noexcept { return std::move(*checked_value()); }
    [[nodiscard]] const E& error() const& noexcept {
        XD_ASSERT(!has_value());
        return *std::get_if<1>(&state_);
    }
    T& operator*() & noexcept { return value(); }
    const T& operator*() const& noexcept { return value(); }
    T&& operator*() && noexcept { return std::move(*this).value(); }
    T* operator->() noexcept { return checked_value(); }
    const T* operator->() const noexcept { return checked_value(); }

  private:
    T* checked_value() noexcept {
        XD_ASSERT(has_value());
        return std::get_if<0>(&state_);
    }
    [[nodiscard]] const T* checked_value() const noexcept {
        XD_ASSERT(has_value());
        return std::get_if<0>(&state_);
    }

    std::variant<T, E> state_;
};

// For operations that yield nothing but success.
struct Success {};

}  // namespace xdhcpd
