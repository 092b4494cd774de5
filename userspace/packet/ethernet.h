// The Ethernet header with its VLAN tags, which frames of IPv4 and IPv6 have in common.
#pragma once

#include <cstdint>
#include <optional>

#include "base/addresses.h"
#include "base/bytes.h"
#include "packet/headers.h"
#include "packet/vlan.h"

namespace xdhcpd {

enum class EthernetError : std::uint8_t {
    kTruncated,    // shorter than the header and its tags
    kTooManyTags,  // a third VLAN tag
};

struct EthernetHeader {
    Mac destination_mac;
    Mac source_mac;
    VlanTags tags;
    std::uint16_t ether_type = 0;  // behind the tags
    std::size_t len = 0;           // header and tags: 14, 18 or 22

    // Reads the start of `frame`. After an error the values mean nothing.
    [[nodiscard]] std::optional<EthernetError> read(ByteView frame) noexcept {
        constexpr std::size_t kEtherTypeLen = 2;
        if (frame.size() < kEthernetLen) {
            return EthernetError::kTruncated;
        }
        destination_mac = Mac::load(frame.data());
        source_mac = Mac::load(frame.data() + Mac::kLen);
        tags = {};
        len = kEthernetLen;
        ether_type = load_be16(frame.data() + len - kEtherTypeLen);
        while (ether_type == kEtherTypeVlan || ether_type == kEtherTypeQinq) {
            if (tags.count == VlanTags::kMaxCount) {
                return EthernetError::kTooManyTags;
            }
            if (frame.size() < len + VlanTags::kTagLen) {
                return EthernetError::kTruncated;
            }
            tags.tags[tags.count++] = VlanTag{ether_type, load_be16(frame.data() + len)};
            len += VlanTags::kTagLen;
            ether_type = load_be16(frame.data() + len - kEtherTypeLen);
        }
        return std::nullopt;
    }
};

// Writes header and tags at `at`; returns where what they carry begins. The caller guarantees the
// room.
[[gnu::always_inline]] inline std::byte* write_ethernet(std::byte* at, Mac destination_mac,
                                                        Mac source_mac, const VlanTags& tags,
                                                        std::uint16_t ether_type) noexcept {
    destination_mac.store(at);
    source_mac.store(at + Mac::kLen);
    at += 2 * Mac::kLen;
    for (const VlanTag& tag : tags.view()) {
        store_be16(at, tag.tpid);
        store_be16(at + 2, tag.tci);
        at += VlanTags::kTagLen;
    }
    store_be16(at, ether_type);
    return at + 2;
}

}  // namespace xdhcpd
