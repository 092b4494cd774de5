#include "dhcp4/writer.h"

#include <algorithm>

#include "base/assert.h"

namespace xdhcpd::dhcp4 {
namespace {

constexpr std::size_t kHeaderLen = 2;  // code and length
constexpr std::size_t kMaxPartLen = 255;
constexpr std::size_t kEndLen = 1;

// Octets that a value takes as one option or, above 255, as many full parts as needed.
constexpr std::size_t encoded_len(std::size_t value_len) {
    const std::size_t part_count = value_len == 0 ? 1 : (value_len + kMaxPartLen - 1) / kMaxPartLen;
    return value_len + part_count * kHeaderLen;
}
static_assert(encoded_len(0) == 2 && encoded_len(255) == 257 && encoded_len(256) == 260);

// Codes that only the writer itself may write.
constexpr bool is_reserved(OptionCode code) {
    return code == OptionCode::kPad || code == OptionCode::kEnd || code == OptionCode::kOverload;
}

// How much of a value the parts of an area can take.
std::size_t value_room(std::size_t room) {
    const std::size_t full = room / (kMaxPartLen + kHeaderLen);
    const std::size_t left = room % (kMaxPartLen + kHeaderLen);
    return full * kMaxPartLen + (left > kHeaderLen ? left - kHeaderLen : 0);
}

}  // namespace

ReplyWriter::ReplyWriter(MutableBytes out, const ReplyHeader& header, std::size_t max_len) noexcept
    : out_{out} {
    XD_ASSERT(out.size() >= kMinBootpLen);
    XD_ASSERT(header.hlen <= kChaddrLen && header.chaddr.size() <= kChaddrLen);
    XD_ASSERT(header.sname.size() <= kSnameLen && header.file.size() <= kFileLen);
    std::byte* const to = out.data();
    store_u8(to + field::kOp, kBootReply);
    store_u8(to + field::kHtype, header.htype);
    store_u8(to + field::kHlen, header.hlen);
    store_u8(to + field::kHops, header.hops);
    store_be32(to + field::kXid, header.xid);
    store_be16(to + field::kSecs, header.secs);
    store_be16(to + field::kFlags, header.flags);
    header.ciaddr.store(to + field::kCiaddr);
    header.yiaddr.store(to + field::kYiaddr);
    header.siaddr.store(to + field::kSiaddr);
    header.giaddr.store(to + field::kGiaddr);
    copy_bytes(to + field::kChaddr, header.chaddr);
    // Everything behind, up to the shortest message's end: what is not written later is PAD. (Of a
    // length that the compiler does not know: for a constant one GCC 12 takes "rep stos", at the
    // price of 20 ns.)
    const std::size_t chaddr_end = field::kChaddr + header.chaddr.size();
    std::memset(to + chaddr_end, 0, kMinBootpLen - chaddr_end);
    copy_bytes(to + field::kSname, header.sname);
    copy_bytes(to + field::kFile, header.file);
    store_be32(to + kFixedLen, kMagicCookie);

    const std::size_t limit = std::min(std::max(max_len, kMinBootpLen), out.size());
    options_ = {kOptionsOffset, limit - kEndLen};
    if (header.file.empty()) {
        file_ = {field::kFile, field::kFile + kFileLen - kEndLen};
    }
    if (header.sname.empty()) {
        sname_ = {field::kSname, field::kSname + kSnameLen - kEndLen};
    }
    reserve_ = header.file.empty() || header.sname.empty() ? kOverloadOptionLen : 0;
}

bool ReplyWriter::add(OptionCode code, ByteView value) noexcept {
    if (is_reserved(code)) {
        return false;
    }
    const std::size_t len = encoded_len(value.size());
    if (len + reserve_ <= options_.room()) [[likely]] {
        put(options_, code, value);
        return true;
    }
    const bool can_overload = overload_at_ != 0 || options_.room() >= kOverloadOptionLen;
    if (can_overload && value.size() <= kMaxPartLen) {
        if (len <= file_.room()) {
            overload(kOverloadFile);
            put(file_, code, value);
            return true;
        }
        if (len <= sname_.room()) {
            overload(kOverloadSname);
            put(sname_, code, value);
            return true;
        }
    }
    if (len <= options_.room()) {  // at the price of option 52
        put(options_, code, value);
        return true;
    }
    return can_overload && value.size() > kMaxPartLen && add_long(code, value);
}

// Divides a value between the areas, in the order in which the receiver joins them.
bool ReplyWriter::add_long(OptionCode code, ByteView value) noexcept {
    const std::size_t in_options = std::min(value.size(), value_room(options_.room() - reserve_));
    const std::size_t in_file = std::min(value.size() - in_options, value_room(file_.room()));
    const std::size_t in_sname = value.size() - in_options - in_file;
    if (in_sname > value_room(sname_.room())) {
        return false;
    }
    if (in_options != 0) {
        put(options_, code, value.first(in_options));
    }
    if (in_file != 0) {
        overload(kOverloadFile);
        put(file_, code, value.subspan(in_options, in_file));
    }
    if (in_sname != 0) {
        overload(kOverloadSname);
        put(sname_, code, value.last(in_sname));
    }
    return true;
}

// Writes a value that fits, in parts of 255 octets at most.
void ReplyWriter::put(Area& area, OptionCode code, ByteView value) noexcept {
    do {
        const std::size_t len = std::min(value.size(), kMaxPartLen);
        std::byte* const to = out_.data() + area.at;
        store_u8(to, static_cast<std::uint8_t>(code));
        store_u8(to + 1, static_cast<std::uint8_t>(len));
        copy_bytes(to + kHeaderLen, value.first(len));
        area.at += kHeaderLen + len;
        value = value.subspan(len);
    } while (!value.empty());
}

// Says in option 52 that a field holds options.
void ReplyWriter::overload(std::uint8_t bit) noexcept {
    if (overload_at_ == 0) {
        const std::byte none{0};
        reserve_ = 0;
        overload_at_ = options_.at + kHeaderLen;
        put(options_, OptionCode::kOverload, {&none, 1});
    }
    out_[overload_at_] |= std::byte{bit};
}

// The common case, a short value and room in the options area, without calls and branches on its
// length.
template <typename Integer>
bool ReplyWriter::add_integer(OptionCode code, Integer value) noexcept {
    constexpr std::size_t kLen = kHeaderLen + sizeof value;
    if (kLen + reserve_ > options_.room() || is_reserved(code)) [[unlikely]] {
        std::array<std::byte, sizeof value> bytes;
        detail::store_be(bytes.data(), value);
        return add(code, bytes);
    }
    std::byte* const to = out_.data() + options_.at;
    store_u8(to, static_cast<std::uint8_t>(code));
    store_u8(to + 1, sizeof value);
    detail::store_be(to + kHeaderLen, value);
    options_.at += kLen;
    return true;
}

bool ReplyWriter::add_u8(OptionCode code, std::uint8_t value) noexcept {
    return add_integer(code, value);
}

bool ReplyWriter::add_u16(OptionCode code, std::uint16_t value) noexcept {
    return add_integer(code, value);
}

bool ReplyWriter::add_u32(OptionCode code, std::uint32_t value) noexcept {
    return add_integer(code, value);
}

bool ReplyWriter::add_ipv4(OptionCode code, Ipv4 value) noexcept {
    return add_u32(code, value.value);
}

bool ReplyWriter::add_message_type(MessageType type) noexcept {
    return add_u8(OptionCode::kMessageType, static_cast<std::uint8_t>(type));
}

bool ReplyWriter::add_encoded(ByteView options) noexcept {
    if (options.size() + reserve_ > options_.room()) {
        return false;
    }
    copy_bytes(out_.data() + options_.at, options);
    options_.at += options.size();
    return true;
}

std::size_t ReplyWriter::finish(ByteView relay_agent_information) noexcept {
    constexpr std::byte kEnd{static_cast<std::uint8_t>(OptionCode::kEnd)};
    if (overload_at_ != 0) {
        // The fields are zero but for what was put there.
        if ((out_[overload_at_] & std::byte{kOverloadFile}) != std::byte{0}) {
            out_[file_.at] = kEnd;
        }
        if ((out_[overload_at_] & std::byte{kOverloadSname}) != std::byte{0}) {
            out_[sname_.at] = kEnd;
        }
    }
    if (!relay_agent_information.empty()) {
        options_.end = out_.size() - kEndLen;
        if (encoded_len(relay_agent_information.size()) <= options_.room()) {
            put(options_, OptionCode::kRelayAgentInformation, relay_agent_information);
        } else {
            relay_information_dropped_ = true;
        }
    }
    out_[options_.at] = kEnd;
    return std::max(options_.at + kEndLen, kMinBootpLen);
}

}  // namespace xdhcpd::dhcp4
