// Bytes on the wire: views, and loads and stores in network order that work at any alignment.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

namespace xdhcpd {

using ByteView = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

static_assert(std::endian::native == std::endian::little ||
              std::endian::native == std::endian::big);

// From the machine's order to that of the network, or back.
template <typename T>
[[nodiscard]] constexpr T network_order(T value) noexcept {
    if constexpr (std::endian::native == std::endian::big || sizeof(T) == 1) {
        return value;
    } else if constexpr (sizeof(T) == 2) {
        return __builtin_bswap16(value);
    } else if constexpr (sizeof(T) == 4) {
        return __builtin_bswap32(value);
    } else {
        static_assert(sizeof(T) == 8);
        return __builtin_bswap64(value);
    }
}
// A word as it lies in memory, in no particular order.
template <typename T>
[[nodiscard]] inline T load_raw(const std::byte* from) noexcept {
    T word;
    std::memcpy(&word, from, sizeof word);
    return word;
}
template <typename T>
inline void store_raw(std::byte* to, T word) noexcept {
    std::memcpy(to, &word, sizeof word);
}

namespace detail {
template <typename T>
[[nodiscard]] inline T load_be(const std::byte* from) noexcept {
    return network_order(load_raw<T>(from));
}
template <typename T>
inline void store_be(std::byte* to, T value) noexcept {
    store_raw(to, network_order(value));
}
}  // namespace detail

// The caller guarantees that the bytes are there.
[[nodiscard]] inline std::uint8_t load_u8(const std::byte* from) noexcept {
    return std::to_integer<std::uint8_t>(*from);
}
[[nodiscard]] inline std::uint16_t load_be16(const std::byte* from) noexcept {
    return detail::load_be<std::uint16_t>(from);
}
[[nodiscard]] inline std::uint32_t load_be32(const std::byte* from) noexcept {
    return detail::load_be<std::uint32_t>(from);
}
[[nodiscard]] inline std::uint64_t load_be64(const std::byte* from) noexcept {
    return detail::load_be<std::uint64_t>(from);
}
inline void store_u8(std::byte* to, std::uint8_t value) noexcept {
    *to = std::byte{value};
}
inline void store_be16(std::byte* to, std::uint16_t value) noexcept {
    detail::store_be(to, value);
}
inline void store_be32(std::byte* to, std::uint32_t value) noexcept {
    detail::store_be(to, value);
}
inline void store_be64(std::byte* to, std::uint64_t value) noexcept {
    detail::store_be(to, value);
}

// Copies all of `from` to the start of `to`, which must be at least as long. Empty views are fine.
inline void copy_bytes(std::byte* to, ByteView from) noexcept {
    if (!from.empty()) {
        std::memcpy(to, from.data(), from.size());
    }
}

// Copies kLen >= 16 bytes in pieces of 16, the last of which overlaps the one before. For lengths
// in the hundreds, of which compilers make a string instruction that takes longer to start than
// this takes to end.
template <std::size_t kLen>
[[gnu::always_inline]] inline void copy_fixed(std::byte* to, const std::byte* from) noexcept {
    constexpr std::size_t kPieceLen = 16;
    static_assert(kLen >= kPieceLen);
    [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
        (std::memcpy(to + kIndex * kPieceLen, from + kIndex * kPieceLen, kPieceLen), ...);
    }
    (std::make_index_sequence<kLen / kPieceLen>{});
    std::memcpy(to + kLen - kPieceLen, from + kLen - kPieceLen, kPieceLen);
}

[[nodiscard]] inline bool equal_bytes(ByteView a, ByteView b) noexcept {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

[[nodiscard]] inline ByteView as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(ByteView bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace xdhcpd
