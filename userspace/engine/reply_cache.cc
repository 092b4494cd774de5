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
    reply.head_sum = raw_sum(reply.head);
}

// False if there is no room for all of it.
[[nodiscard]] bool fill_tail(ReplyTemplate& reply, const model::Subnet& subnet,
                             ByteView list) noexcept {
    reply.tail.fill(std::byte{0});
    Block block{MutableBytes{reply.tail}.first(reply.tail.size() - 1)};  // END follows
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
    reply.tail_sum = raw_sum(block.bytes());
    reply.tail[reply.tail_len] = std::byte{static_cast<std::uint8_t>(OptionCode::kEnd)};
    return fits;
}

}  // namespace

void ReplyCache::fill(Entry& entry, const Key& key, const model::Subnet& subnet, MessageType type,
                      ByteView list) noexcept {
    entry.key = key;
    copy_bytes(entry.list.data(), list);
    fill_head(entry.reply, subnet, type);
    entry.fits = fill_tail(entry.reply, subnet, list);
}

}  // namespace xdhcpd::engine
