// What an overloaded server lets go first, so that the work it does is of use (a power cut makes
// every client of a network come at once). Pure.
//
// Order: messages whose sender has given up waiting; DISCOVER and INFORM; REQUEST of clients that
// have no address yet. Renewals, RELEASE and DECLINE are never shed here: who has a lease keeps it.
// A client that gets no answer asks again, later each time (RFC 2131 section 4.1). Of DHCPv6:
// SOLICIT and INFORMATION-REQUEST; REQUEST and CONFIRM, whose sender goes on with what it has when
// nobody answers; RENEW, REBIND, RELEASE and DECLINE never.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "dhcp4/message_view.h"
#include "dhcp6/options.h"
#include "engine/drop_reason.h"

namespace xdhcpd::engine {

// How much waits in front of a port.
enum class Load : std::uint8_t {
    kNormal,
    kHigh,     // what arrives now waits long, or half of the room is taken
    kExtreme,  // three quarters
};

// Thousandths of a receive ring that are taken, beyond the batch at hand.
inline constexpr unsigned kHighFillPermille = 500;
inline constexpr unsigned kExtremeFillPermille = 750;
// Drivers that do not know how full their queue is know how long a frame has waited.
inline constexpr std::chrono::milliseconds kHighWait{100};
inline constexpr std::chrono::milliseconds kExtremeWait{400};
// Shortly before a client sends again (RFC 2131 section 4.1: 4 s, less one by chance): that message
// is on its way, and two answers would be one too many.
inline constexpr std::chrono::milliseconds kStaleWait{2500};

// Likewise of DHCPv6, whose clients begin with a second, less a tenth by chance (RFC 8415 sections
// 7.6 and 15).
inline constexpr std::chrono::milliseconds kStaleWait6{900};

// `fill_permille` as Port says it; `waited` of the oldest frame of the batch.
[[nodiscard]] Load load_of(unsigned fill_permille, std::chrono::nanoseconds waited) noexcept;

// Why this message is not to be answered; nothing when it is.
[[nodiscard]] std::optional<Shed> shed(const dhcp4::MessageView& message,
                                       std::chrono::nanoseconds waited, Load load) noexcept;
[[nodiscard]] std::optional<Shed> shed(dhcp6::MessageType type, std::chrono::nanoseconds waited,
                                       Load load) noexcept;

}  // namespace xdhcpd::engine
