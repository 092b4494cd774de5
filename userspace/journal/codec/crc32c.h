// CRC32C (Castagnoli, RFC 3720 appendix B.4), by the instruction of SSE4.2 where there is one.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace xdhcpd::journal {

// What a checksum starts from. Every file has its own, so that what an older file left in a
// recycled one is not taken for its own.
struct Seed {
    std::uint32_t value = 0;
};

// The checksum of `bytes` going on from `seed`; Seed{} gives the common CRC32C.
[[nodiscard]] std::uint32_t crc32c(Seed seed, ByteView bytes) noexcept;

// The same by table, for machines without the instruction.
[[nodiscard]] std::uint32_t crc32c_by_table(Seed seed, ByteView bytes) noexcept;

// The seed of a file. The salt is random, so that no client can put something into a hostname that
// looks like a part of the file.
[[nodiscard]] Seed make_seed(std::uint64_t generation, std::uint64_t salt) noexcept;

}  // namespace xdhcpd::journal
