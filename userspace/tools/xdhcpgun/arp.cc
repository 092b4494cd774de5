#include "tools/xdhcpgun/arp.h"

#include "base/assert.h"
#include "packet/headers.h"

namespace xdhcpd::gun {
namespace {

constexpr std::size_t kArpLen = 28;
constexpr std::uint16_t kHardwareEthernet = 1;
constexpr std::uint16_t kRequest = 1;
constexpr std::uint16_t kReply = 2;

}  // namespace

std::optional<ArpRequest> parse_arp_request(ByteView frame) noexcept {
    if (frame.size() < kEthernetLen) {
        return std::nullopt;
    }
    ArpRequest request;
    std::size_t at = kEthernetLen;
    std::uint16_t type = load_be16(frame.data() + at - 2);
    while (type == kEtherTypeVlan || type == kEtherTypeQinq) {
        if (request.tags.count == VlanTags::kMaxCount || frame.size() < at + VlanTags::kTagLen) {
            return std::nullopt;
        }
        request.tags.tags[request.tags.count++] = {type, load_be16(frame.data() + at)};
        at += VlanTags::kTagLen;
        type = load_be16(frame.data() + at - 2);
    }
    if (type != kEtherTypeArp || frame.size() < at + kArpLen) {
        return std::nullopt;
    }
    const std::byte* const arp = frame.data() + at;
    if (load_be16(arp) != kHardwareEthernet || load_be16(arp + 2) != kEtherTypeIpv4 ||
        load_u8(arp + 4) != Mac::kLen || load_u8(arp + 5) != 4 || load_be16(arp + 6) != kRequest) {
        return std::nullopt;
    }
    request.sender_mac = Mac::load(arp + 8);
    request.sender = Ipv4::load(arp + 14);
    request.target = Ipv4::load(arp + 24);
    return request;
}

std::size_t write_arp_answer(MutableBytes to, const ArpRequest& request, Mac mac) noexcept {
    const std::size_t len = kEthernetLen + request.tags.count * VlanTags::kTagLen + kArpLen;
    XD_ASSERT(to.size() >= len);
    std::byte* at = to.data();
    request.sender_mac.store(at);
    mac.store(at + Mac::kLen);
    at += 2 * Mac::kLen;
    for (const VlanTag& tag : request.tags.view()) {
        store_be16(at, tag.tpid);
        store_be16(at + 2, tag.tci);
        at += VlanTags::kTagLen;
    }
    store_be16(at, kEtherTypeArp);
    at += 2;
    store_be16(at, kHardwareEthernet);
    store_be16(at + 2, kEtherTypeIpv4);
    store_u8(at + 4, Mac::kLen);
    store_u8(at + 5, 4);
    store_be16(at + 6, kReply);
    mac.store(at + 8);
    request.target.store(at + 14);
    request.sender_mac.store(at + 18);
    request.sender.store(at + 24);
    return len;
}

}  // namespace xdhcpd::gun
