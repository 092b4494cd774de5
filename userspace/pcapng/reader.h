// Reads pcapng as writer.h writes it: one section, numbers in network order, Ethernet, nanoseconds.
// Checks every length, for the bytes come from a socket. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "pcapng/blocks.h"

namespace xdhcpd::pcapng {

// Why bytes are not what we write.
enum class ReadError : std::uint8_t {
    kBadBlockLength,  // below a block's least, above kMaxBlockLen, not a multiple of 4, or the two
                      // differ
    kBadSection,      // another byte order or version
    kBadInterface,    // too short, or not Ethernet in nanoseconds
    kBadPacket,       // too short for its frame
    kBadStatistics,
    kBadOption,  // runs over its block's end, or a number has not its length
    kCount
};
// "bad-block-length"
[[nodiscard]] std::string_view name(ReadError error) noexcept;

struct Block {
    std::uint32_t type = 0;
    ByteView bytes;  // all of it
    ByteView body;   // between the lengths
};

// The first block of `bytes`; nothing if not all of it is there yet.
[[nodiscard]] Result<std::optional<Block>, ReadError> first_block(ByteView bytes) noexcept;

// What a block of the type says; options that we do not write are stepped over.
[[nodiscard]] Result<Section, ReadError> read_section(const Block& block) noexcept;
[[nodiscard]] Result<Interface, ReadError> read_interface(const Block& block) noexcept;
[[nodiscard]] Result<Packet, ReadError> read_packet(const Block& block) noexcept;
[[nodiscard]] Result<Statistics, ReadError> read_statistics(const Block& block) noexcept;

}  // namespace xdhcpd::pcapng
