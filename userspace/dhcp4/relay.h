// RelayInformation: what relays wrote into option 82 (RFC 3046). A view: valid as long as the bytes
// are, cheap to copy. One thread at a time. No allocation. Invariant: sub-options fill the bytes
// exactly, link selection and server identifier override are addresses.
#pragma once

#include <optional>

#include "base/addresses.h"
#include "base/bytes.h"
#include "base/result.h"
#include "dhcp4/message_view.h"
#include "dhcp4/options.h"

namespace xdhcpd::dhcp4 {

class RelayInformation {
  public:
    // No sub-options.
    RelayInformation() noexcept = default;

    // Reads the value of option 82, MessageView::relay_agent_information(); an empty one has no
    // sub-options. `kBadRelayInformation`: a length runs past the end, or sub-option 5 or 11 does
    // not have 4 octets. There is neither PAD nor END among sub-options (RFC 3046 section 2.0).
    static Result<RelayInformation, ParseError> parse(ByteView value) noexcept;

    [[nodiscard]] bool empty() const noexcept { return value_.empty(); }
    [[nodiscard]] ByteView bytes() const noexcept { return value_; }
    [[nodiscard]] bool has(RelaySuboption code) const noexcept { return find(code).has_value(); }
    // The value of the first such sub-option; empty if absent or without value.
    [[nodiscard]] ByteView suboption(RelaySuboption code) const noexcept {
        return empty() ? ByteView{} : find(code).value_or(ByteView{});
    }
    // An address inside the client's subnet, instead of giaddr (RFC 3527).
    [[nodiscard]] std::optional<Ipv4> link_selection() const noexcept {
        return address(RelaySuboption::kLinkSelection);
    }
    // What option 54 of the reply must say (RFC 5107).
    [[nodiscard]] std::optional<Ipv4> server_id_override() const noexcept {
        return address(RelaySuboption::kServerIdOverride);
    }

    // Calls visit(RelaySuboption, ByteView value) for every sub-option, in their order.
    template <typename Visitor>
    void for_each(Visitor&& visit) const {
        for (std::size_t at = 0; at < value_.size();) {
            const std::size_t len = load_u8(&value_[at + 1]);
            visit(static_cast<RelaySuboption>(load_u8(&value_[at])), value_.subspan(at + 2, len));
            at += 2 + len;
        }
    }

  private:
    explicit RelayInformation(ByteView value) noexcept : value_{value} {}
    [[nodiscard]] std::optional<ByteView> find(RelaySuboption code) const noexcept;
    // Most messages have no option 82: that much is inline.
    [[nodiscard]] std::optional<Ipv4> address(RelaySuboption code) const noexcept {
        return empty() ? std::nullopt : find_address(code);
    }
    [[nodiscard]] std::optional<Ipv4> find_address(RelaySuboption code) const noexcept;

    ByteView value_;
};

}  // namespace xdhcpd::dhcp4
