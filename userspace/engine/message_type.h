// MessageType: what kind of message, of any protocol that the server speaks, in one row for
// counters, the log of unanswered frames and captures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
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
    [[nodiscard]] constexpr std::size_t index() const noexcept {
        switch (protocol_) {
            case Protocol::kDhcp4:
                return code_ < dhcp4::kMessageTypeCount ? code_ : 0;
            case Protocol::kDhcp6:
                return kDhcp6Start + (code_ < dhcp6::kMessageTypeCount ? code_ : 0);
            case Protocol::kNd:
                break;
        }
        const bool is_known = code_ >= kFirstNd && code_ - kFirstNd + 1u < kNdCount;
        return kNdStart + (is_known ? code_ - kFirstNd + 1u : 0u);
    }
    // `index` < kCount
    [[nodiscard]] static MessageType from_index(std::size_t index) noexcept;
    // Whether messages of this type could be read: that of no protocol's is not.
    [[nodiscard]] constexpr bool is_none() const noexcept { return code_ == 0; }
    // "discover", "solicit", "router-solicitation"; without a type "bootp" or "unknown"
    [[nodiscard]] std::string_view name() const noexcept;
    // Unique among all protocols: "discover", "dhcp6.solicit", "nd.router-solicitation"
    [[nodiscard]] std::string full_name() const;

    bool operator==(const MessageType&) const = default;

  private:
    static constexpr std::size_t kDhcp6Start = dhcp4::kMessageTypeCount;
    static constexpr std::size_t kNdStart = kDhcp6Start + dhcp6::kMessageTypeCount;
    // Codes of Neighbor Discovery begin here; the place in front of them is for none.
    static constexpr std::uint8_t kFirstNd =
        static_cast<std::uint8_t>(nd::MessageType::kRouterSolicitation);

    Protocol protocol_ = Protocol::kDhcp4;
    std::uint8_t code_ = 0;
};

}  // namespace xdhcpd::engine
