#include "journal/codec/crc32c.h"

#include <array>
#include <cstddef>
#include <cstring>

#include "journal/codec/little_endian.h"

namespace xdhcpd::journal {
namespace {

constexpr std::uint32_t kPolynomial = 0x82f63b78;  // reflected

constexpr std::array<std::uint32_t, 256> make_table() noexcept {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t index = 0; index < table.size(); ++index) {
        std::uint32_t crc = index;
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
        }
        table[index] = crc;
    }
    return table;
}
constexpr auto kTable = make_table();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_by_instruction(Seed seed,
                                                                      ByteView bytes) noexcept {
    std::uint64_t crc = ~seed.value;
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= sizeof(std::uint64_t); left -= sizeof(std::uint64_t)) {
        crc = __builtin_ia32_crc32di(crc, load_le<std::uint64_t>(at));
        at += sizeof(std::uint64_t);
    }
    auto short_crc = static_cast<std::uint32_t>(crc);
    for (; left != 0; --left, ++at) {
        short_crc = __builtin_ia32_crc32qi(short_crc, std::to_integer<std::uint8_t>(*at));
    }
    return ~short_crc;
}
#endif

using Function = std::uint32_t (*)(Seed, ByteView) noexcept;

Function choose() noexcept {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) {
        return crc32c_by_instruction;
    }
#endif
    return crc32c_by_table;
}

const Function chosen = choose();

}  // namespace

std::uint32_t crc32c_by_table(Seed seed, ByteView bytes) noexcept {
    std::uint32_t crc = ~seed.value;
    for (const std::byte byte : bytes) {
        crc = (crc >> 8) ^ kTable[(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xff];
    }
    return ~crc;
}

std::uint32_t crc32c(Seed seed, ByteView bytes) noexcept {
    return chosen(seed, bytes);
}

Seed make_seed(std::uint64_t generation, std::uint64_t salt) noexcept {
    std::array<std::byte, 16> bytes{};
    store_le(bytes.data(), generation);
    store_le(bytes.data() + 8, salt);
    return Seed{crc32c(Seed{}, bytes)};
}

}  // namespace xdhcpd::journal
