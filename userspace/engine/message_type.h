// MessageType: what kind of message, of any protocol that the server speaks, in one row for
// counters, the log of unanswered frames and captures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dhcp4/options.h"
#include "dhcp6/options.h"
#include "nd/message_view.h"

namespace xdhcpd::engine {

enum class Protocol : std::uint8_t { kDhcp4, kDhcp6, kNd };
// "dhcp4", "dhcp6" or "nd"
[[nodiscard]] std::string_view name(Protocol protocol) noexcept;

class MessageType {
  public:
    // Of no message that could be read.
    constexpr MessageType() noexcept = default;
    // NOLINTBEGIN(google-explicit-constructor): each protocol's type is a type
    constexpr MessageType(dhcp4::MessageType type) noexcept
        : protocol_{Protocol::kDhcp4}, code_{static_cast<std::uint8_t>(type)} {}
    constexpr MessageType(dhcp6::MessageType type) noexcept
        : protocol_{Protocol::kDhcp6}, code_{static_cast<std::uint8_t>(type)} {}
    constexpr MessageType(nd::MessageType type) noexcept
        : protocol_{Protocol::kNd}, code_{static_cast<std::uint8_t>(type)} {}
    // NOLINTEND(google-explicit-constructor)

    [[nodiscard]] constexpr Protocol protocol() const noexcept { return protocol_; }
    [[nodiscard]] constexpr std::uint8_t code() const noexcept { return code_; }
    // 0..kCount-1; codes that a protocol does not know share the place of its kNone.
    static constexpr std::size_t kNdCount = 5;  // none and the four of nd::MessageType
    static constexpr std::size_t kCount =
        dhcp4::kMessageTypeCount + dhcp6::kMessageTypeCount + kNdCount;
    [[nodiscard]] std::size_t index() const noexcept;
    [[nodiscard]] static MessageType from_index(std::size_t index) noexcept;
    // "discover", "solicit", "router-solicitation"; "none"
    [[nodiscard]] std::string_view name() const noexcept;

    bool operator==(const MessageType&) const = default;

  private:
    Protocol protocol_ = Protocol::kDhcp4;
    std::uint8_t code_ = 0;
};

}  // namespace xdhcpd::engine
