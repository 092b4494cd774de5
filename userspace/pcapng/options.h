// Codes of the options of blocks (draft-ietf-opsawg-pcapng sections 3.5 and 4).
#pragma once

#include <cstdint>

namespace xdhcpd::pcapng {

inline constexpr std::uint16_t kEndOfOptions = 0;
inline constexpr std::uint16_t kComment = 1;

inline constexpr std::uint16_t kSectionHardware = 2;
inline constexpr std::uint16_t kSectionOs = 3;
inline constexpr std::uint16_t kSectionApplication = 4;

inline constexpr std::uint16_t kInterfaceName = 2;
inline constexpr std::uint16_t kInterfaceDescription = 3;
inline constexpr std::uint16_t kInterfaceTimeResolution = 9;

inline constexpr std::uint16_t kPacketFlags = 2;
inline constexpr std::uint16_t kPacketDropCount = 4;
inline constexpr std::uint16_t kPacketQueue = 6;

inline constexpr std::uint16_t kStatisticsStart = 2;
inline constexpr std::uint16_t kStatisticsEnd = 3;
inline constexpr std::uint16_t kStatisticsReceived = 4;
inline constexpr std::uint16_t kStatisticsDropped = 5;

// Values.
inline constexpr std::uint32_t kByteOrderMagic = 0x1a2b3c4d;
inline constexpr std::uint16_t kMajorVersion = 1;
inline constexpr std::uint16_t kMinorVersion = 0;
inline constexpr std::uint16_t kLinkTypeEthernet = 1;
inline constexpr std::uint8_t kNanoseconds = 9;  // time resolution 10^-9 s

}  // namespace xdhcpd::pcapng
