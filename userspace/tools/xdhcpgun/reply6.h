// ReplyReader6: as ReplyReader, of DHCPv6 servers and of what answers Neighbor Discovery.
//
// Two steps: read() needs to know only who the clients are; judge() compares with what the client
// is waiting for. Borrows the frame until the next read(). One thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/addresses.h"
#include "base/bytes.h"
#include "base/result.h"
#include "dhcp6/message_view.h"
#include "packet/frame_view6.h"
#include "tools/xdhcpgun/ledger6.h"
#include "tools/xdhcpgun/population.h"
#include "tools/xdhcpgun/reply.h"
#include "tools/xdhcpgun/request_frame6.h"

namespace xdhcpd::gun {

struct Expectation6 {
    RequestKind sent = RequestKind::kDiscover;
    Ipv6Prefix address{};      // what was asked for; unspecified for any
    bool any_address = false;  // another one is the caller's business
    ServerDuid server_id{};    // of the server chosen; empty for any
};

// Of a reply that is good as far as it has been judged.
struct Reply6 {
    std::uint32_t index = 0;           // the client
    std::optional<std::uint32_t> xid;  // none: Neighbor Discovery has none
    dhcp6::MessageType type = dhcp6::MessageType::kNone;
    bool refuses = false;  // a status other than Success, or nothing in the association
    Ipv6Prefix address;
    ServerDuid server_id;
    std::uint32_t lease_seconds = 0;  // valid lifetime
    Mac source_mac;

    [[nodiscard]] bool is_offer() const noexcept {
        return !refuses && (type == dhcp6::MessageType::kAdvertise || !xid);
    }
    [[nodiscard]] bool is_refusal() const noexcept { return refuses; }
    [[nodiscard]] bool is_of(std::uint32_t wanted) const noexcept { return !xid || *xid == wanted; }
};

class ReplyReader6 {
  public:
    ReplyReader6(const Population& population, const RequestFrames6& frames)
        : population_{population}, frames_{frames} {}

    [[nodiscard]] Result<Reply6, BadReply> read(ByteView frame) noexcept;
    // Of the reply read last.
    [[nodiscard]] std::optional<BadReply> judge(const Reply6& reply,
                                                const Expectation6& expected) const noexcept;
    // Nothing in a fixed place tells.
    [[nodiscard]] std::uint32_t guess_index(ByteView /*frame*/) const noexcept {
        return 0xffffffff;
    }

  private:
    [[nodiscard]] Result<Reply6, BadReply> read_discovery() const noexcept;
    [[nodiscard]] std::optional<BadReply> check_relays(std::uint32_t index) const noexcept;
    [[nodiscard]] std::optional<BadReply> read_association(Reply6& reply) const noexcept;

    const Population& population_;
    const RequestFrames6& frames_;
    FrameView6 frame_;
    dhcp6::MessageView message_;
};

}  // namespace xdhcpd::gun
