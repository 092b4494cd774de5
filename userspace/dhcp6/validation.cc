#include "dhcp6/validation.h"

#include <array>

namespace xdhcpd::dhcp6 {
namespace {

enum class Need : std::uint8_t {
    kRequired,   // must be there; a server identifier must be ours
    kForbidden,  // must not be there
    kOptional,   // may be there; a server identifier must be ours
};

struct Rules {
    Need client_id;
    Need server_id;
    bool may_have_ia;
};

// Nothing for messages that are not for servers.
std::optional<Rules> rules_of(MessageType type) noexcept {
    switch (type) {
        case MessageType::kSolicit:
        case MessageType::kConfirm:
        case MessageType::kRebind:
            return Rules{Need::kRequired, Need::kForbidden, true};
        case MessageType::kRequest:
        case MessageType::kRenew:
        case MessageType::kDecline:
        case MessageType::kRelease:
            return Rules{Need::kRequired, Need::kRequired, true};
        case MessageType::kInformationRequest:
            return Rules{Need::kOptional, Need::kOptional, false};
        default:
            return std::nullopt;
    }
}

std::optional<Refusal> check_server_id(Need need, ByteView sent, ByteView own) noexcept {
    if (sent.empty()) {
        return need == Need::kRequired ? std::optional{Refusal::kNoServerId} : std::nullopt;
    }
    if (need == Need::kForbidden) {
        return Refusal::kUnexpectedServerId;
    }
    return equal_bytes(sent, own) ? std::nullopt : std::optional{Refusal::kOtherServer};
}

}  // namespace

std::string_view name(Refusal refusal) noexcept {
    static constexpr std::array<std::string_view, static_cast<std::size_t>(Refusal::kCount)> kNames{
        "not-for-servers",
        "unicast",
        "no-client-id",
        "no-server-id",
        "unexpected-server-id",
        "other-server",
        "ia-in-information-request"};
    return kNames[static_cast<std::size_t>(refusal)];
}

std::optional<Refusal> check_for_server(const MessageView& message,
                                        const Reception& reception) noexcept {
    const auto rules = rules_of(message.type());
    if (!rules || message.relay_type() == MessageType::kRelayReply) {
        return Refusal::kNotForServers;
    }
    if (reception.is_unicast && message.relays().empty()) {
        return Refusal::kUnicast;
    }
    if (rules->client_id == Need::kRequired && message.client_id().empty()) {
        return Refusal::kNoClientId;
    }
    if (const auto refusal =
            check_server_id(rules->server_id, message.server_id(), reception.server_id)) {
        return refusal;
    }
    if (!rules->may_have_ia && message.has_ia()) {
        return Refusal::kIaInInformationRequest;
    }
    return std::nullopt;
}

}  // namespace xdhcpd::dhcp6
