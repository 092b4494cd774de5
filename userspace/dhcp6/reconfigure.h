// Reconfigure: the message by which a server asks a client to renew, and the key by which the
// client knows that it is the server's (Reconfigure Key Authentication Protocol, RFC 8415 sections
// 18.3.11 and 20.4). Pure; any thread. No allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "dhcp6/message_view.h"
#include "dhcp6/options.h"

namespace xdhcpd::dhcp6 {

// What all keys are made of; unpredictable.
using ReconfigureSecret = std::array<std::byte, 32>;
using ReconfigureKey = std::array<std::byte, 16>;

// The key of the client with this DUID: always the same, so that nobody has to remember it, and
// unpredictable without the secret (HMAC-SHA-256, RFC 2104).
[[nodiscard]] ReconfigureKey make_reconfigure_key(const ReconfigureSecret& secret,
                                                  ByteView client_id) noexcept;

// Value of the Authentication option (RFC 8415 sections 21.11 and 20.4): protocol 3, algorithm 1
// (HMAC-MD5), replay detection by a counter, and one octet of type with 16 more. Section 20.3: the
// counter grows with every message to a client.
inline constexpr std::size_t kReconfigureAuthenticationLen = 28;
using ReconfigureAuthentication = std::array<std::byte, kReconfigureAuthenticationLen>;
// Gives the client its key: in a Reply (section 20.4.1).
[[nodiscard]] ReconfigureAuthentication carry_key(const ReconfigureKey& key,
                                                  std::uint64_t replay) noexcept;

struct Reconfigure {
    MessageType wanted = MessageType::kRenew;  // kRenew, kRebind or kInformationRequest
    ByteView server_id;                        // DUIDs
    ByteView client_id;
    ReconfigureKey key;
    std::uint64_t replay = 0;
    std::span<const Relay>
        relays{};  // through which it goes; from the one that the server sends to
};
// Writes the message with its digest (section 20.4.2); returns its length, 0 if there is no room.
[[nodiscard]] std::size_t write_reconfigure(const Reconfigure& message, MutableBytes out) noexcept;

}  // namespace xdhcpd::dhcp6
