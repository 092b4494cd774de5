#include "dhcp6/writer.h"

#include <algorithm>

#include "base/assert.h"

namespace xdhcpd::dhcp6 {
namespace {

constexpr std::size_t kMaxMessageLen = 65535;  // so that every length fits its 16 bits

// What a relay gets back without asking, or never.
constexpr bool is_echoed_anyway(OptionCode code) {
    return code == OptionCode::kInterfaceId || code == OptionCode::kRelayPort ||
           code == OptionCode::kRelayMessage;
}

bool contains(ByteView codes, OptionCode code) noexcept {
    for (; codes.size() >= 2; codes = codes.subspan(2)) {
        if (load_be16(codes.data()) == static_cast<std::uint16_t>(code)) {
            return true;
        }
    }
    return false;
}

}  // namespace

std::optional<ReplyWriter> ReplyWriter::begin(MutableBytes out, MessageType type,
                                              std::uint32_t transaction_id,
                                              std::span<const Relay> relays) noexcept {
    XD_ASSERT(transaction_id <= kMaxTransactionId && relays.size() <= kMaxRelayCount);
    ReplyWriter writer{out.first(std::min(out.size(), kMaxMessageLen))};
    for (const Relay& relay : relays) {
        if (!writer.begin_relay(relay)) {
            return std::nullopt;
        }
    }
    if (writer.room() < kMessageHeaderLen) {
        return std::nullopt;
    }
    store_be32(writer.out_.data() + writer.at_,
               static_cast<std::uint32_t>(type) << 24 | transaction_id);
    writer.at_ += kMessageHeaderLen;
    return writer;
}

bool ReplyWriter::begin_relay(const Relay& relay) noexcept {
    if (room() < kRelayHeaderLen) {
        return false;
    }
    std::byte* const header = out_.data() + at_;
    store_u8(header, static_cast<std::uint8_t>(MessageType::kRelayReply));
    store_u8(header + 1, relay.hop_count);
    relay.link_address.store(header + 2);
    relay.peer_address.store(header + 18);
    at_ += kRelayHeaderLen;
    if (!echo(relay)) {
        return false;
    }
    relayed_[relay_count_] = at_;
    if (option(OptionCode::kRelayMessage, 0) == nullptr) {
        return false;
    }
    ++relay_count_;
    return true;
}

bool ReplyWriter::echo(const Relay& relay) noexcept {
    for (const OptionCode code : {OptionCode::kInterfaceId, OptionCode::kRelayPort}) {
        const auto value = relay.options.find(code);
        if (value && !add(code, *value)) {
            return false;
        }
    }
    const auto asked = relay.options.find(OptionCode::kEchoRequest);
    if (!asked) {
        return true;
    }
    // By the relay's options rather than by its list: each goes back once, also if asked for twice.
    for (const Option option : relay.options) {
        if (contains(*asked, option.code) && !is_echoed_anyway(option.code) &&
            !add(option.code, option.value)) {
            return false;
        }
    }
    return true;
}

std::byte* ReplyWriter::option(OptionCode code, std::size_t len) noexcept {
    if (room() < kOptionHeaderLen || len > room() - kOptionHeaderLen) {
        return nullptr;
    }
    std::byte* const header = out_.data() + at_;
    store_be16(header, static_cast<std::uint16_t>(code));
    store_be16(header + 2, static_cast<std::uint16_t>(len));
    at_ += kOptionHeaderLen + len;
    return header + kOptionHeaderLen;
}

bool ReplyWriter::add(OptionCode code, ByteView value) noexcept {
    std::byte* const to = option(code, value.size());
    if (to == nullptr) {
        return false;
    }
    copy_bytes(to, value);
    return true;
}

bool ReplyWriter::add_u8(OptionCode code, std::uint8_t value) noexcept {
    const std::byte octet{value};
    return add(code, {&octet, 1});
}

bool ReplyWriter::add_u16(OptionCode code, std::uint16_t value) noexcept {
    std::array<std::byte, 2> octets{};
    store_be16(octets.data(), value);
    return add(code, octets);
}

bool ReplyWriter::add_u32(OptionCode code, std::uint32_t value) noexcept {
    std::array<std::byte, 4> octets{};
    store_be32(octets.data(), value);
    return add(code, octets);
}

bool ReplyWriter::add_ipv6(OptionCode code, const Ipv6& value) noexcept {
    return add(code, value.bytes());
}

bool ReplyWriter::add_status(StatusCode code, std::string_view message) noexcept {
    constexpr std::size_t kCodeLen = 2;
    std::byte* const to = option(OptionCode::kStatusCode, kCodeLen + message.size());
    if (to == nullptr) {
        return false;
    }
    store_be16(to, static_cast<std::uint16_t>(code));
    copy_bytes(to + kCodeLen, as_bytes(message));
    return true;
}

bool ReplyWriter::add_encoded(ByteView options) noexcept {
    if (options.size() > room()) {
        return false;
    }
    copy_bytes(out_.data() + at_, options);
    at_ += options.size();
    return true;
}

std::byte* ReplyWriter::open(OptionCode code, std::size_t fixed_len) noexcept {
    XD_ASSERT(depth_ < kMaxDepth);
    const std::size_t begin = at_;
    std::byte* const to = option(code, fixed_len);
    if (to != nullptr) {
        open_[depth_++] = begin;
    }
    return to;
}

bool ReplyWriter::open_ia(OptionCode code, std::uint32_t iaid, std::uint32_t t1,
                          std::uint32_t t2) noexcept {
    std::byte* const to = open(code, kIaNaLen);
    if (to == nullptr) {
        return false;
    }
    store_be32(to, iaid);
    store_be32(to + 4, t1);
    store_be32(to + 8, t2);
    return true;
}

bool ReplyWriter::open_ia_na(std::uint32_t iaid, std::uint32_t t1, std::uint32_t t2) noexcept {
    return open_ia(OptionCode::kIaNa, iaid, t1, t2);
}

bool ReplyWriter::open_ia_pd(std::uint32_t iaid, std::uint32_t t1, std::uint32_t t2) noexcept {
    return open_ia(OptionCode::kIaPd, iaid, t1, t2);
}

bool ReplyWriter::open_address(const Ipv6& address, std::uint32_t preferred_lifetime,
                               std::uint32_t valid_lifetime) noexcept {
    std::byte* const to = open(OptionCode::kIaAddress, kIaAddressLen);
    if (to == nullptr) {
        return false;
    }
    address.store(to);
    store_be32(to + 16, preferred_lifetime);
    store_be32(to + 20, valid_lifetime);
    return true;
}

bool ReplyWriter::open_prefix(const Ipv6Prefix& prefix, std::uint32_t preferred_lifetime,
                              std::uint32_t valid_lifetime) noexcept {
    XD_ASSERT(prefix.length <= kMaxPrefixLength);
    std::byte* const to = open(OptionCode::kIaPrefix, kIaPrefixLen);
    if (to == nullptr) {
        return false;
    }
    store_be32(to, preferred_lifetime);
    store_be32(to + 4, valid_lifetime);
    store_u8(to + 8, prefix.length);
    prefix.network().store(to + 9);
    return true;
}

void ReplyWriter::end_option(std::size_t begin) noexcept {
    store_be16(out_.data() + begin + 2, static_cast<std::uint16_t>(at_ - begin - kOptionHeaderLen));
}

void ReplyWriter::close() noexcept {
    XD_ASSERT(depth_ > 0);
    end_option(open_[--depth_]);
}

void ReplyWriter::rewind(Mark mark) noexcept {
    XD_ASSERT(mark.at <= at_ && mark.depth <= depth_);
    at_ = mark.at;
    depth_ = mark.depth;
}

std::size_t ReplyWriter::finish() noexcept {
    XD_ASSERT(depth_ == 0);
    for (std::size_t i = 0; i < relay_count_; ++i) {
        end_option(relayed_[i]);
    }
    return at_;
}

}  // namespace xdhcpd::dhcp6
