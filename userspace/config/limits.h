// Limits of a configuration that more than one reader knows.
#pragma once

#include <cstddef>
#include <cstdint>

namespace xdhcpd::config {

inline constexpr std::size_t kMaxInterfaceLen = 15;            // IFNAMSIZ less its NUL
inline constexpr std::uint32_t kMaxLeases = 1u << 26;          // units are numbered in 26 bits
inline constexpr std::uint32_t kMaxOfferTime = 3600;           // seconds
inline constexpr std::uint32_t kMaxDeclineTime = 365 * 86400;  // seconds
inline constexpr std::uint32_t kMaxWorkers = 64;  // each has a thread, and two ways to each other

}  // namespace xdhcpd::config
