// The blocks of a capture file as values: what writer.h writes and reader.h reads
// (draft-ietf-opsawg-pcapng). Views borrow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace xdhcpd::pcapng {

// Block types (section 4).
inline constexpr std::uint32_t kSectionBlock = 0x0a0d0d0a;
inline constexpr std::uint32_t kInterfaceBlock = 1;
inline constexpr std::uint32_t kStatisticsBlock = 5;
inline constexpr std::uint32_t kPacketBlock = 6;

// Every block: type, length, body, length again (section 3.1).
inline constexpr std::size_t kBlockOverheadLen = 12;
// Longest block that a reader takes; ours are shorter than a frame and a few hundred bytes.
inline constexpr std::size_t kMaxBlockLen = std::size_t{1} << 20;

// How a packet went past the interface; epb_flags bits 0-1 (section 4.3.1).
enum class Direction : std::uint8_t { kUnknown = 0, kInbound = 1, kOutbound = 2 };
// To whom the link layer sent it; epb_flags bits 2-4.
enum class Reception : std::uint8_t { kUnknown = 0, kUnicast = 1, kMulticast = 2, kBroadcast = 3 };

// Start of a file: who wrote it. Empty texts are left out.
struct Section {
    std::string_view hardware;
    std::string_view os;
    std::string_view application;
};

// Interfaces are numbered from 0 in the order of their blocks. All are Ethernet without FCS and
// count time in nanoseconds.
struct Interface {
    std::string_view name;
    std::string_view description;  // empty: none
    std::uint32_t snaplen = 0;     // bytes kept of a frame; 0: all
};

struct Packet {
    std::uint32_t interface_id = 0;
    std::uint64_t time_ns = 0;    // since 1970
    ByteView frame;               // the bytes kept
    std::uint32_t frame_len = 0;  // on the wire
    Direction direction = Direction::kUnknown;
    Reception reception = Reception::kUnknown;
    std::optional<std::uint32_t> queue;
    std::uint64_t missed_before = 0;  // packets of this interface since the one before
    std::string_view comment;         // empty: none
};

// Closes an interface.
struct Statistics {
    std::uint32_t interface_id = 0;
    std::uint64_t time_ns = 0;
    std::uint64_t start_ns = 0;  // of the capture
    std::uint64_t end_ns = 0;
    std::uint64_t packets = 0;  // that the filter let through, missed ones among them
    std::uint64_t missed = 0;
};

}  // namespace xdhcpd::pcapng
