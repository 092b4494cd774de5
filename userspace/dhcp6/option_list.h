// OptionList: options of DHCPv6 one after another (RFC 8415 section 21.1), as they stand in a
// message or inside an option. A view, valid as long as the bytes are, cheap to copy. One thread at
// a time. No allocation. Invariant: options fill the bytes exactly.
#pragma once

#include <cstddef>
#include <iterator>
#include <optional>

#include "base/bytes.h"
#include "dhcp6/options.h"

namespace xdhcpd::dhcp6 {

inline constexpr std::size_t kOptionHeaderLen = 4;  // code and length

struct Option {
    OptionCode code{};
    ByteView value;
};

class OptionList {
  public:
    class Iterator {
      public:
        using value_type = Option;
        using difference_type = std::ptrdiff_t;
        using iterator_category = std::forward_iterator_tag;
        using pointer = void;
        using reference = Option;

        Iterator() noexcept = default;
        explicit Iterator(ByteView left) noexcept : left_{left} {}
        Option operator*() const noexcept {
            return {static_cast<OptionCode>(load_be16(left_.data())),
                    left_.subspan(kOptionHeaderLen, load_be16(left_.data() + 2))};
        }
        Iterator& operator++() noexcept {
            left_ = left_.subspan(kOptionHeaderLen + load_be16(left_.data() + 2));
            return *this;
        }
        Iterator operator++(int) noexcept {
            const Iterator before = *this;
            ++*this;
            return before;
        }
        // Of iterators over one list.
        bool operator==(const Iterator& other) const noexcept {
            return left_.size() == other.left_.size();
        }

      private:
        ByteView left_;
    };

    // No options.
    OptionList() noexcept = default;

    // Nothing if an option runs past the end of `bytes`.
    static std::optional<OptionList> parse(ByteView bytes) noexcept {
        for (ByteView left = bytes; !left.empty();) {
            if (left.size() < kOptionHeaderLen) {
                return std::nullopt;
            }
            const std::size_t len = load_be16(left.data() + 2);
            if (len > left.size() - kOptionHeaderLen) {
                return std::nullopt;
            }
            left = left.subspan(kOptionHeaderLen + len);
        }
        return OptionList{bytes};
    }

    [[nodiscard]] ByteView bytes() const noexcept { return bytes_; }
    [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
    [[nodiscard]] Iterator begin() const noexcept { return Iterator{bytes_}; }
    [[nodiscard]] Iterator end() const noexcept { return Iterator{bytes_.last(0)}; }
    // The value of the first option with this code. Options that come twice are two, never one
    // (RFC 8415 section 21.1).
    [[nodiscard]] std::optional<ByteView> find(OptionCode code) const noexcept {
        for (const Option option : *this) {
            if (option.code == code) {
                return option.value;
            }
        }
        return std::nullopt;
    }
    [[nodiscard]] bool has(OptionCode code) const noexcept { return find(code).has_value(); }

  private:
    explicit OptionList(ByteView bytes) noexcept : bytes_{bytes} {}

    ByteView bytes_;
};

}  // namespace xdhcpd::dhcp6
