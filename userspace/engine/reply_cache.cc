#include "engine/reply_cache.h"

#include <algorithm>

#include "dhcp4/writer.h"
#include "engine/reply_options.h"
#include "packet/checksum.h"

namespace xdhcpd::engine {
namespace {

using dhcp4::MessageType;
using dhcp4::OptionCode;

constexpr std::uint8_t kHtypeEthernet = 1;
constexpr std::size_t kHeaderLen = 2;  // code and length
constexpr std::size_t kMaxPartLen = 255;

// The last eight codes of a list, zeros in front of shorter ones.
[[nodiscard]] std::uint64_t last_codes(ByteView list) noexcept {
    if (list.size() >= sizeof(std::uint64_t)) [[likely]] {
        return load_be64(list.data() + list.size() - sizeof(std::uint64_t));
    }
    std::uint64_t word = 0;
    for (const std::byte code : list) {
        word = word << 8 | std::to_integer<std::uint64_t>(code);
    }
    return word;
}

// Lists differ in length, or in their last codes; what this does not tell apart shares a place.
[[nodiscard]] std::uint64_t hash_of(std::uint32_t subnet, MessageType type, std::size_t list_len,
                                    std::uint64_t codes) noexcept {
    constexpr std::uint64_t kMultiplier = 0x9e3779b97f4a7c15;
    const std::uint64_t place =
        std::uint64_t{subnet} << 16 | list_len << 8 | static_cast<std::uint64_t>(type);
    return ((codes + place * kMultiplier) * kMultiplier) >> 40;
}

// Appends complete options to a buffer.
class Block {
  public:
    explicit Block(MutableBytes out) noexcept : out_{out} {}

    // False if there is no room; then the block is of no use.
    [[nodiscard]] bool add(OptionCode code, ByteView value) noexcept {
        do {  // RFC 3396 section 6
            const ByteView part = value.first(std::min(value.size(), kMaxPartLen));
            if (part.size() + kHeaderLen > out_.size() - len_) {
                return false;
            }
            store_u8(&out_[len_], static_cast<std::uint8_t>(code));
            store_u8(&out_[len_ + 1], static_cast<std::uint8_t>(part.size()));
            copy_bytes(out_.data() + len_ + kHeaderLen, part);
            len_ += kHeaderLen + part.size();
            value = value.subspan(part.size());
        } while (!value.empty());
        return true;
    }
    [[nodiscard]] ByteView bytes() const noexcept { return out_.first(len_); }

  private:
    MutableBytes out_;
    std::size_t len_ = 0;
};

void fill_head(ReplyTemplate& reply, const model::Subnet& subnet, MessageType type) noexcept {
    dhcp4::ReplyHeader header;
    header.htype = kHtypeEthernet;
    header.hlen = Mac::kLen;
    header.siaddr = subnet.next_server;
    header.sname = as_bytes(subnet.server_hostname);
    header.file = as_bytes(subnet.boot_file_name);
    std::array<std::byte, dhcp4::kDefaultMaxLen> message;
    dhcp4::ReplyWriter writer{message, header, message.size()};
    bool is_complete = writer.add_message_type(type);
    for (const OptionCode code : {OptionCode::kServerIdentifier, OptionCode::kLeaseTime,
                                  OptionCode::kRenewalTime, OptionCode::kRebindingTime}) {
        is_complete = writer.add_u32(code, 0) && is_complete;
    }
    XD_ASSERT(is_complete);  // 27 octets
    static_cast<void>(writer.finish({}));
    copy_bytes(reply.head.data(), ByteView{message}.first(ReplyTemplate::kHeadLen));
    reply.head_sum = ones_complement_sum(reply.head);
}

// False if there is no room for all of it.
[[nodiscard]] bool fill_tail(ReplyTemplate& reply, const model::Subnet& subnet,
                             ByteView list) noexcept {
    Block block{reply.tail};
    std::array<std::byte, 4> mask{};
    subnet.prefix.mask().store(mask.data());
    const bool fits =
        block.add(OptionCode::kSubnetMask, subnet.options.has(OptionCode::kSubnetMask)
                                               ? subnet.options.value(OptionCode::kSubnetMask)
                                               : ByteView{mask}) &&
        visit_requested_options(subnet, nullptr, list, [&](OptionCode code, ByteView value) {
            return block.add(code, value);
        });
    reply.tail_len = static_cast<std::uint16_t>(block.bytes().size());
    reply.tail_sum = ones_complement_sum(block.bytes());
    return fits;
}

}  // namespace

const ReplyTemplate* ReplyCache::find(const model::Snapshot& snapshot, const model::Subnet& subnet,
                                      MessageType type, ByteView list) noexcept {
    if (entries_.empty() || list.size() > kMaxListLen) {
        return nullptr;
    }
    const std::uint64_t codes = last_codes(list);
    Entry& entry = entries_[hash_of(subnet.index_in_snapshot, type, list.size(), codes) &
                            (entries_.size() - 1)];
    const bool is_it = entry.generation == snapshot.generation &&
                       entry.subnet == subnet.index_in_snapshot && entry.type == type &&
                       entry.last_codes == codes && entry.list_len == list.size() &&
                       (list.size() <= sizeof codes ||
                        std::memcmp(entry.list.data(), list.data(), list.size()) == 0);
    if (!is_it) [[unlikely]] {
        entry.generation = snapshot.generation;
        entry.subnet = subnet.index_in_snapshot;
        entry.type = type;
        entry.last_codes = codes;
        entry.list_len = static_cast<std::uint8_t>(list.size());
        copy_bytes(entry.list.data(), list);
        fill_head(entry.reply, subnet, type);
        entry.fits = fill_tail(entry.reply, subnet, list);
    }
    return entry.fits ? &entry.reply : nullptr;
}

}  // namespace xdhcpd::engine
