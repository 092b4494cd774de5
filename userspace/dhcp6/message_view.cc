#include "dhcp6/message_view.h"

namespace xdhcpd::dhcp6 {
namespace {

// Lengths of values that are read without asking for them, wherever they stand.
struct FixedLength {
    OptionCode code;
    std::size_t len;
};
constexpr FixedLength kFixedLengths[] = {
    {OptionCode::kPreference, 1},        {OptionCode::kElapsedTime, 2},
    {OptionCode::kRapidCommit, 0},       {OptionCode::kReconfigureMessage, 1},
    {OptionCode::kReconfigureAccept, 0}, {OptionCode::kInformationRefreshTime, 4},
    {OptionCode::kSolMaxRt, 4},          {OptionCode::kInfMaxRt, 4},
    {OptionCode::kRelayPort, 2},
};

constexpr std::uint64_t bit_of(OptionCode code) {
    return std::uint64_t{1} << static_cast<unsigned>(code);
}
// Of a client or server, and of a relay, what may come only once (RFC 8415 section 21).
constexpr std::uint64_t kOnceInMessage =
    bit_of(OptionCode::kClientId) | bit_of(OptionCode::kServerId) |
    bit_of(OptionCode::kOptionRequest) | bit_of(OptionCode::kPreference) |
    bit_of(OptionCode::kElapsedTime) | bit_of(OptionCode::kStatusCode) |
    bit_of(OptionCode::kRapidCommit) | bit_of(OptionCode::kReconfigureMessage) |
    bit_of(OptionCode::kReconfigureAccept);
constexpr std::uint64_t kOnceInRelay =
    bit_of(OptionCode::kRelayMessage) | bit_of(OptionCode::kInterfaceId);

// Whether `code` is one of `once` and has been seen; notes that it has.
bool is_duplicate(OptionCode code, std::uint64_t once, std::uint64_t& seen) noexcept {
    if (static_cast<unsigned>(code) >= 64 || (bit_of(code) & once) == 0) {
        return false;
    }
    const bool duplicate = (seen & bit_of(code)) != 0;
    seen |= bit_of(code);
    return duplicate;
}

bool has_bad_length(Option option) noexcept {
    for (const FixedLength& fixed : kFixedLengths) {
        if (option.code == fixed.code) {
            return option.value.size() != fixed.len;
        }
    }
    switch (option.code) {
        case OptionCode::kOptionRequest:
        case OptionCode::kEchoRequest:
            return option.value.size() % 2 != 0;
        case OptionCode::kStatusCode:
        case OptionCode::kClientLinkLayer:
            return option.value.size() < 2;
        case OptionCode::kRemoteId:
            return option.value.size() < 4;
        default:
            return false;
    }
}

// An address or a prefix of an IA, `fixed_len` octets and options: nothing that belongs elsewhere
// is among those.
std::optional<ParseError> check_lease(ByteView value, std::size_t fixed_len) noexcept {
    if (value.size() < fixed_len) {
        return ParseError::kBadOptionLength;
    }
    const auto options = OptionList::parse(value.subspan(fixed_len));
    if (!options) {
        return ParseError::kOptionTruncated;
    }
    for (const Option option : *options) {
        if (is_ia(option.code)) {
            return ParseError::kNestedIa;
        }
        if (option.code == OptionCode::kIaAddress || option.code == OptionCode::kIaPrefix ||
            option.code == OptionCode::kRelayMessage) {
            return ParseError::kMisplacedOption;
        }
        if (has_bad_length(option)) {
            return ParseError::kBadOptionLength;
        }
    }
    return std::nullopt;
}

std::optional<ParseError> check_in_ia(OptionCode ia, Option option) noexcept {
    if (is_ia(option.code)) {
        return ParseError::kNestedIa;
    }
    const OptionCode foreign =
        ia == OptionCode::kIaPd ? OptionCode::kIaAddress : OptionCode::kIaPrefix;
    if (option.code == foreign || option.code == OptionCode::kRelayMessage) {
        return ParseError::kMisplacedOption;
    }
    if (option.code == OptionCode::kIaAddress) {
        return check_lease(option.value, kIaAddressLen);
    }
    if (option.code == OptionCode::kIaPrefix) {
        if (const auto error = check_lease(option.value, kIaPrefixLen)) {
            return error;
        }
        return load_u8(&option.value[8]) > kMaxPrefixLength
                   ? std::optional{ParseError::kBadPrefixLength}
                   : std::nullopt;
    }
    return has_bad_length(option) ? std::optional{ParseError::kBadOptionLength} : std::nullopt;
}

std::optional<ParseError> check_ia(Option ia) noexcept {
    const std::size_t fixed_len = ia.code == OptionCode::kIaTa ? kIaTaLen : kIaNaLen;
    if (ia.value.size() < fixed_len) {
        return ParseError::kBadOptionLength;
    }
    const auto options = OptionList::parse(ia.value.subspan(fixed_len));
    if (!options) {
        return ParseError::kOptionTruncated;
    }
    for (const Option option : *options) {
        if (const auto error = check_in_ia(ia.code, option)) {
            return error;
        }
    }
    return std::nullopt;
}

bool is_relayed(ByteView message) noexcept {
    if (message.empty()) {
        return false;
    }
    const auto type = static_cast<MessageType>(load_u8(message.data()));
    return type == MessageType::kRelayForward || type == MessageType::kRelayReply;
}

}  // namespace

std::string_view name(ParseError error) noexcept {
    static constexpr std::array<std::string_view, static_cast<std::size_t>(ParseError::kCount)>
        kNames{
            "truncated",         "unknown-type",         "option-truncated",   "bad-duid",
            "bad-option-length", "bad-prefix-length",    "duplicate-option",   "nested-ia",
            "misplaced-option",  "relay-chain-too-long", "no-relayed-message", "mixed-relay-chain"};
    return kNames[static_cast<std::size_t>(error)];
}

Result<Success, ParseError> MessageView::parse(ByteView payload) noexcept {
    clear();
    if (const auto error = read(payload)) {
        clear();
        return Unexpected{*error};
    }
    return Success{};
}

void MessageView::clear() noexcept {
    relay_count_ = 0;
    relay_type_ = MessageType::kNone;
    type_ = MessageType::kNone;
    transaction_id_ = 0;
    has_ia_ = false;
    message_ = {};
    options_ = {};
    client_id_ = {};
    server_id_ = {};
}

std::optional<ParseError> MessageView::read(ByteView payload) noexcept {
    ByteView left = payload;
    while (is_relayed(left)) {
        if (const auto error = read_relay(left)) {
            return error;
        }
    }
    if (left.size() < kMessageHeaderLen) {
        return ParseError::kTruncated;
    }
    const std::uint32_t type_and_id = load_be32(left.data());
    const std::uint32_t type = type_and_id >> 24;
    if (type == 0 || type >= kMessageTypeCount) {
        return ParseError::kUnknownType;
    }
    const auto options = OptionList::parse(left.subspan(kMessageHeaderLen));
    if (!options) {
        return ParseError::kOptionTruncated;
    }
    message_ = left;
    type_ = static_cast<MessageType>(type);
    transaction_id_ = type_and_id & kMaxTransactionId;
    options_ = *options;
    std::uint64_t seen = 0;
    for (const Option option : options_) {
        if (const auto error = read_option(option, seen)) {
            return error;
        }
    }
    return std::nullopt;
}

std::optional<ParseError> MessageView::read_relay(ByteView& left) noexcept {
    if (left.size() < kRelayHeaderLen) {
        return ParseError::kTruncated;
    }
    const auto type = static_cast<MessageType>(load_u8(left.data()));
    if (relay_count_ != 0 && type != relay_type_) {
        return ParseError::kMixedRelayChain;
    }
    relay_type_ = type;
    const std::uint8_t hop_count = load_u8(&left[1]);
    if (hop_count > kHopCountLimit || relay_count_ == kMaxRelayCount) {
        return ParseError::kRelayChainTooLong;
    }
    const auto options = OptionList::parse(left.subspan(kRelayHeaderLen));
    if (!options) {
        return ParseError::kOptionTruncated;
    }
    std::optional<ByteView> relayed;
    std::uint64_t seen = 0;
    for (const Option option : *options) {
        if (is_duplicate(option.code, kOnceInRelay, seen)) {
            return ParseError::kDuplicateOption;
        }
        if (has_bad_length(option)) {
            return ParseError::kBadOptionLength;
        }
        if (option.code == OptionCode::kRelayId && !is_duid_length(option.value.size())) {
            return ParseError::kBadDuid;
        }
        if (option.code == OptionCode::kRelayMessage) {
            relayed = option.value;
        }
    }
    if (!relayed) {
        return ParseError::kNoRelayedMessage;
    }
    relays_[relay_count_++] = {.hop_count = hop_count,
                               .link_address = Ipv6::load(&left[2]),
                               .peer_address = Ipv6::load(&left[18]),
                               .options = *options};
    left = *relayed;
    return std::nullopt;
}

std::optional<ParseError> MessageView::read_option(Option option, std::uint64_t& seen) noexcept {
    if (is_duplicate(option.code, kOnceInMessage, seen)) {
        return ParseError::kDuplicateOption;
    }
    if (has_bad_length(option)) {
        return ParseError::kBadOptionLength;
    }
    switch (option.code) {
        case OptionCode::kClientId:
        case OptionCode::kServerId:
            if (!is_duid_length(option.value.size())) {
                return ParseError::kBadDuid;
            }
            (option.code == OptionCode::kClientId ? client_id_ : server_id_) = option.value;
            return std::nullopt;
        case OptionCode::kIaNa:
        case OptionCode::kIaTa:
        case OptionCode::kIaPd:
            has_ia_ = true;
            return check_ia(option);
        case OptionCode::kIaAddress:
        case OptionCode::kIaPrefix:
        case OptionCode::kRelayMessage:
            return ParseError::kMisplacedOption;
        default:
            return std::nullopt;
    }
}

bool MessageView::requests(OptionCode code) const noexcept {
    for (ByteView left = option_request(); !left.empty(); left = left.subspan(2)) {
        if (load_be16(left.data()) == static_cast<std::uint16_t>(code)) {
            return true;
        }
    }
    return false;
}

Ipv6 MessageView::first_address() const noexcept {
    Ipv6 first;
    for_each_ia([&](const IdentityAssociation& association) {
        for (const Option option : association.options) {
            if (!first.is_unspecified()) {
                return;
            }
            if (option.code == OptionCode::kIaAddress) {
                const auto address = read_ia_address(option.value);
                first = address ? address->address : first;
            } else if (option.code == OptionCode::kIaPrefix) {
                const auto prefix = read_ia_prefix(option.value);
                first = prefix ? prefix->prefix.address : first;
            }
        }
    });
    return first;
}

}  // namespace xdhcpd::dhcp6
