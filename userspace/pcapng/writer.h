// Writes the blocks of a pcapng file behind what is in `out` already. Pure but for memory; any
// thread. Numbers are in network order, which the magic of the section says and every reader takes.
//
// A file is one section, then interfaces and packets in any order as long as an interface comes
// before its packets, then statistics.
#pragma once

#include <cstddef>
#include <vector>

#include "pcapng/blocks.h"

namespace xdhcpd::pcapng {

// Longer texts are cut: the length of an option is 16 bits, and nobody reads so much.
inline constexpr std::size_t kMaxTextLen = 1024;

void append(std::vector<std::byte>& out, const Section& section);
void append(std::vector<std::byte>& out, const Interface& interface);
// At most kMaxBlockLen / 2 bytes of frame.
void append(std::vector<std::byte>& out, const Packet& packet);
void append(std::vector<std::byte>& out, const Statistics& statistics);

}  // namespace xdhcpd::pcapng
