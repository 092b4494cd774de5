#include "pcapng/reader.h"

#include <array>

#include "pcapng/options.h"

namespace xdhcpd::pcapng {
namespace {

constexpr std::size_t kWordLen = 4;
constexpr std::size_t kSectionLen = 16;  // of bodies, without options
constexpr std::size_t kInterfaceLen = 8;
constexpr std::size_t kPacketLen = 20;
constexpr std::size_t kStatisticsLen = 12;

[[nodiscard]] constexpr std::size_t padded(std::size_t len) noexcept {
    return (len + kWordLen - 1) / kWordLen * kWordLen;
}

[[nodiscard]] bool read_number(ByteView value, std::uint32_t& number) noexcept {
    if (value.size() != sizeof number) {
        return false;
    }
    number = load_be32(value.data());
    return true;
}
[[nodiscard]] bool read_number(ByteView value, std::uint64_t& number) noexcept {
    if (value.size() != sizeof number) {
        return false;
    }
    number = load_be64(value.data());
    return true;
}

// Calls take(code, value) -> bool for each option; false when one is bad. The end may be unmarked
// (section 3.5).
template <typename Take>
[[nodiscard]] bool read_options(ByteView rest, Take&& take) noexcept {
    while (!rest.empty()) {
        if (rest.size() < kWordLen) {
            return false;
        }
        const std::uint16_t code = load_be16(rest.data());
        const std::uint16_t len = load_be16(rest.data() + sizeof code);
        if (code == kEndOfOptions) {
            return len == 0;
        }
        rest = rest.subspan(kWordLen);
        if (padded(len) > rest.size() || !take(code, rest.first(len))) {
            return false;
        }
        rest = rest.subspan(padded(len));
    }
    return true;
}

}  // namespace

std::string_view name(ReadError error) noexcept {
    static constexpr std::array<std::string_view, static_cast<std::size_t>(ReadError::kCount)>
        kNames{"bad-block-length", "bad-section",    "bad-interface",
               "bad-packet",       "bad-statistics", "bad-option"};
    return kNames[static_cast<std::size_t>(error)];
}

Result<std::optional<Block>, ReadError> first_block(ByteView bytes) noexcept {
    constexpr std::size_t kHeadLen = 8;
    if (bytes.size() < kHeadLen) {
        return std::optional<Block>{};
    }
    const std::size_t len = load_be32(bytes.data() + kWordLen);
    if (len < kBlockOverheadLen || len > kMaxBlockLen || len % kWordLen != 0) {
        return Unexpected{ReadError::kBadBlockLength};
    }
    if (bytes.size() < len) {
        return std::optional<Block>{};
    }
    if (load_be32(bytes.data() + len - kWordLen) != len) {
        return Unexpected{ReadError::kBadBlockLength};
    }
    return std::optional{Block{load_be32(bytes.data()), bytes.first(len),
                               bytes.subspan(kHeadLen, len - kBlockOverheadLen)}};
}

Result<Section, ReadError> read_section(const Block& block) noexcept {
    if (block.body.size() < kSectionLen || load_be32(block.body.data()) != kByteOrderMagic ||
        load_be16(block.body.data() + kWordLen) != kMajorVersion) {
        return Unexpected{ReadError::kBadSection};
    }
    Section section;
    const bool good = read_options(block.body.subspan(kSectionLen),
                                   [&](std::uint16_t code, ByteView value) noexcept {
                                       if (code == kSectionHardware) {
                                           section.hardware = as_text(value);
                                       } else if (code == kSectionOs) {
                                           section.os = as_text(value);
                                       } else if (code == kSectionApplication) {
                                           section.application = as_text(value);
                                       }
                                       return true;
                                   });
    if (!good) {
        return Unexpected{ReadError::kBadOption};
    }
    return section;
}

Result<Interface, ReadError> read_interface(const Block& block) noexcept {
    if (block.body.size() < kInterfaceLen || load_be16(block.body.data()) != kLinkTypeEthernet) {
        return Unexpected{ReadError::kBadInterface};
    }
    Interface interface;
    interface.snaplen = load_be32(block.body.data() + kWordLen);
    bool nanoseconds = false;
    const bool good = read_options(
        block.body.subspan(kInterfaceLen), [&](std::uint16_t code, ByteView value) noexcept {
            if (code == kInterfaceName) {
                interface.name = as_text(value);
            } else if (code == kInterfaceDescription) {
                interface.description = as_text(value);
            } else if (code == kInterfaceTimeResolution) {
                nanoseconds = value.size() == 1 && load_u8(value.data()) == kNanoseconds;
            }
            return true;
        });
    if (!good) {
        return Unexpected{ReadError::kBadOption};
    }
    if (!nanoseconds) {
        return Unexpected{ReadError::kBadInterface};
    }
    return interface;
}

Result<Packet, ReadError> read_packet(const Block& block) noexcept {
    if (block.body.size() < kPacketLen) {
        return Unexpected{ReadError::kBadPacket};
    }
    Packet packet;
    packet.interface_id = load_be32(block.body.data());
    packet.time_ns = load_be64(block.body.data() + 4);
    const std::size_t kept_len = load_be32(block.body.data() + 12);
    packet.frame_len = load_be32(block.body.data() + 16);
    const ByteView rest = block.body.subspan(kPacketLen);
    if (kept_len > rest.size() || padded(kept_len) > rest.size()) {
        return Unexpected{ReadError::kBadPacket};
    }
    packet.frame = rest.first(kept_len);
    const bool good = read_options(rest.subspan(padded(kept_len)), [&](std::uint16_t code,
                                                                       ByteView value) noexcept {
        std::uint32_t number = 0;
        switch (code) {
            case kComment:
                packet.comment = as_text(value);
                return true;
            case kPacketFlags:
                if (!read_number(value, number)) {
                    return false;
                }
                packet.direction =
                    (number & 3) <= 2 ? static_cast<Direction>(number & 3) : Direction::kUnknown;
                packet.reception = (number >> 2 & 7) <= 3 ? static_cast<Reception>(number >> 2 & 7)
                                                          : Reception::kUnknown;
                return true;
            case kPacketDropCount:
                return read_number(value, packet.missed_before);
            case kPacketQueue:
                packet.queue = 0;
                return read_number(value, *packet.queue);
            default:
                return true;
        }
    });
    if (!good) {
        return Unexpected{ReadError::kBadOption};
    }
    return packet;
}

Result<Statistics, ReadError> read_statistics(const Block& block) noexcept {
    if (block.body.size() < kStatisticsLen) {
        return Unexpected{ReadError::kBadStatistics};
    }
    Statistics statistics;
    statistics.interface_id = load_be32(block.body.data());
    statistics.time_ns = load_be64(block.body.data() + 4);
    const bool good = read_options(block.body.subspan(kStatisticsLen),
                                   [&](std::uint16_t code, ByteView value) noexcept {
                                       switch (code) {
                                           case kStatisticsStart:
                                               return read_number(value, statistics.start_ns);
                                           case kStatisticsEnd:
                                               return read_number(value, statistics.end_ns);
                                           case kStatisticsReceived:
                                               return read_number(value, statistics.packets);
                                           case kStatisticsDropped:
                                               return read_number(value, statistics.missed);
                                           default:
                                               return true;
                                       }
                                   });
    if (!good) {
        return Unexpected{ReadError::kBadOption};
    }
    return statistics;
}

}  // namespace xdhcpd::pcapng
