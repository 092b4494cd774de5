// Integers in files are little endian. The caller guarantees that the bytes are there.
#pragma once

#include <bit>
#include <cstddef>
#include <cstring>

namespace xdhcpd::journal {

template <typename T>
[[nodiscard]] inline T load_le(const std::byte* from) noexcept {
    static_assert(std::endian::native == std::endian::little, "swap here");
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

template <typename T>
inline void store_le(std::byte* to, T value) noexcept {
    static_assert(std::endian::native == std::endian::little, "swap here");
    std::memcpy(to, &value, sizeof value);
}

}  // namespace xdhcpd::journal
