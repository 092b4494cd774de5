#include "dhcp4/message_view.h"

#include <algorithm>

namespace xdhcpd::dhcp4 {
namespace {

constexpr std::uint8_t kPad = static_cast<std::uint8_t>(OptionCode::kPad);
constexpr std::uint8_t kEnd = static_cast<std::uint8_t>(OptionCode::kEnd);

static_assert(kMaxMessageLen <= UINT16_MAX, "slots keep offsets and joined lengths in 16 bits");
static_assert(MessageView::kJoinRoom <= UINT16_MAX);

// Options whose values the accessors load without asking for their length.
struct FixedLength {
    OptionCode code;
    std::uint16_t len;
};
constexpr FixedLength kFixedLengths[] = {
    {OptionCode::kRequestedAddress, 4}, {OptionCode::kLeaseTime, 4},
    {OptionCode::kServerIdentifier, 4}, {OptionCode::kMaxMessageSize, 2},
    {OptionCode::kSubnetSelection, 4},
};
// Their bits in one word of present_.
[[nodiscard]] constexpr std::uint64_t fixed_length_bits(std::size_t word) noexcept {
    std::uint64_t bits = 0;
    for (const FixedLength& fixed : kFixedLengths) {
        const auto code = static_cast<std::size_t>(fixed.code);
        bits |= code / 64 == word ? std::uint64_t{1} << (code % 64) : 0;
    }
    return bits;
}
static_assert(fixed_length_bits(2) == 0 && fixed_length_bits(3) == 0, "see check_values()");

}  // namespace

std::string_view name(ParseError error) noexcept {
    switch (error) {
        case ParseError::kTruncated:
            return "truncated";
        case ParseError::kOversized:
            return "oversized";
        case ParseError::kBadOp:
            return "bad-op";
        case ParseError::kBadHlen:
            return "bad-hlen";
        case ParseError::kBadMagic:
            return "bad-magic";
        case ParseError::kOptionTruncated:
            return "option-truncated";
        case ParseError::kBadOverload:
            return "bad-overload";
        case ParseError::kBadMessageType:
            return "bad-message-type";
        case ParseError::kBadOptionLength:
            return "bad-option-length";
        case ParseError::kOptionTooLong:
            return "option-too-long";
        case ParseError::kBadRelayInformation:
            return "bad-relay-information";
        case ParseError::kCount:
            break;
    }
    return "unknown";
}

Result<Success, ParseError> MessageView::parse(ByteView payload) noexcept {
    clear();
    if (const auto error = read(payload)) [[unlikely]] {
        clear();
        return Unexpected{*error};
    }
    return Success{};
}

inline std::optional<ParseError> MessageView::read(ByteView payload) noexcept {
    if (payload.size() < kOptionsOffset) {
        return ParseError::kTruncated;
    }
    if (payload.size() > kMaxMessageLen) {
        return ParseError::kOversized;
    }
    base_ = payload.data();
    payload_len_ = payload.size();
    if (op() != kBootRequest && op() != kBootReply) {
        return ParseError::kBadOp;
    }
    if (hlen() > kChaddrLen) {
        return ParseError::kBadHlen;
    }
    if (load_be32(base_ + kFixedLen) != kMagicCookie) {
        return ParseError::kBadMagic;
    }
    if (!scan({kOptionsOffset, payload_len_})) {
        return ParseError::kOptionTruncated;
    }
    if (has(OptionCode::kOverload)) [[unlikely]] {
        if (const auto error = scan_fields()) {
            return error;
        }
    }
    const std::uint64_t any_joined = joined_[0] | joined_[1] | joined_[2] | joined_[3];
    if (any_joined != 0 && !join_parts()) [[unlikely]] {
        return ParseError::kOptionTooLong;
    }
    return check_values();
}

// What option 52 says.
std::optional<ParseError> MessageView::scan_fields() noexcept {
    const Slot slot = slots_[index(OptionCode::kOverload)];
    const bool whole = slot.len() == 1 && !test(joined_, index(OptionCode::kOverload));
    overload_ = whole ? load_u8(base_ + slot.offset()) : 0;
    if (overload_ < 1 || overload_ > (kOverloadFile | kOverloadSname)) {
        return ParseError::kBadOverload;
    }
    // RFC 2131 section 4.1: "file" first, then "sname".
    constexpr Area kFileArea{field::kFile, field::kFile + kFileLen};
    constexpr Area kSnameArea{field::kSname, field::kSname + kSnameLen};
    for (const auto& [bit, area] :
         {std::pair{kOverloadFile, kFileArea}, std::pair{kOverloadSname, kSnameArea}}) {
        if ((overload_ & bit) != 0 && !scan(area)) {
            return ParseError::kOptionTruncated;
        }
    }
    // RFC 2132 section 9.3 says nothing of a second one inside those fields: nobody can mean it.
    if (test(joined_, index(OptionCode::kOverload))) {
        return ParseError::kBadOverload;
    }
    return std::nullopt;
}

// Notes where the options of an area are. A code seen again goes into joined_, and its lengths add
// up.
inline bool MessageView::scan(Area area) noexcept {
    const std::byte* at = base_ + area.begin;
    const std::byte* const end = base_ + area.end;
    while (at != end) {
        const std::uint8_t code = load_u8(at);
        if (code == kPad) {
            ++at;
            continue;
        }
        if (code == kEnd) {
            return true;
        }
        if (end - at < 2) {
            return false;
        }
        const std::uint8_t len = load_u8(at + 1);
        at += 2;
        if (end - at < len) {
            return false;
        }
        std::uint64_t& word = present_[code / 64];
        const std::uint64_t bit = std::uint64_t{1} << (code % 64);
        if ((word & bit) == 0) [[likely]] {
            word |= bit;
            slots_[code] = {static_cast<std::size_t>(at - base_), len};
        } else {
            set(joined_, code);
            slots_[code] = {slots_[code].offset(), slots_[code].len() + len};
        }
        at += len;
    }
    return true;
}

// Copies the options that came in several parts, one after another, into join_room_.
bool MessageView::join_parts() noexcept {
    std::size_t used = 0;
    for (std::size_t code = 0; code < kOptionCodeCount; ++code) {
        if (!test(joined_, code)) {
            continue;
        }
        const std::size_t len = slots_[code].len();
        if (len > kJoinRoom - used) {
            return false;
        }
        // Until append_parts() has put the parts there, len says how much has been put.
        slots_[code] = {used, 0};
        used += len;
    }
    append_parts({kOptionsOffset, payload_len_});
    if ((overload_ & kOverloadFile) != 0) {
        append_parts({field::kFile, field::kFile + kFileLen});
    }
    if ((overload_ & kOverloadSname) != 0) {
        append_parts({field::kSname, field::kSname + kSnameLen});
    }
    return true;
}

// Walks an area again, which scan() has found well-formed.
void MessageView::append_parts(Area area) noexcept {
    for (std::size_t at = area.begin; at < area.end;) {
        const std::uint8_t code = load_u8(base_ + at);
        if (code == kEnd) {
            return;
        }
        if (code == kPad) {
            ++at;
            continue;
        }
        const std::uint8_t len = load_u8(base_ + at + 1);
        if (test(joined_, code)) {
            Slot& slot = slots_[code];
            copy_bytes(join_room_.data() + slot.offset() + slot.len(), {base_ + at + 2, len});
            slot = {slot.offset(), slot.len() + len};
        }
        at += std::size_t{2} + len;
    }
}

inline std::optional<ParseError> MessageView::check_values() noexcept {
    if (has(OptionCode::kMessageType)) {
        const ByteView value = option(OptionCode::kMessageType);
        const std::uint8_t type = value.size() == 1 ? load_u8(value.data()) : 0;
        if (type == 0 || type >= kMessageTypeCount) {
            return ParseError::kBadMessageType;
        }
        type_ = static_cast<MessageType>(type);
    }
    const std::uint64_t fixed_lengths =
        (present_[0] & fixed_length_bits(0)) | (present_[1] & fixed_length_bits(1));
    if (fixed_lengths != 0 && !has_fixed_lengths()) {
        return ParseError::kBadOptionLength;
    }
    return std::nullopt;
}

bool MessageView::has_fixed_lengths() const noexcept {
    return std::ranges::all_of(kFixedLengths, [this](const FixedLength& fixed) {
        return !has(fixed.code) || slots_[index(fixed.code)].len() == fixed.len;
    });
}

}  // namespace xdhcpd::dhcp4
