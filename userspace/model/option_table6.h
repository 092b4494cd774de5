// OptionTable6: the DHCPv6 options of one scope in wire form, sorted by code. Built by the control
// thread, immutable afterwards.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "dhcp6/options.h"
#include "model/configuration6.h"

namespace xdhcpd::model {

class OptionTable6 {
  public:
    OptionTable6() = default;

    // Adds or replaces an option. Value 0..65535 bytes.
    void set(dhcp6::OptionCode code, ByteView value, bool always);
    // Adds every option of `options`, replacing those that are there.
    void merge(std::span<const OptionValue6> options);

    [[nodiscard]] bool has(dhcp6::OptionCode code) const noexcept { return find(code) != nullptr; }
    // The value, empty when absent or when it has no bytes.
    [[nodiscard]] ByteView value(dhcp6::OptionCode code) const noexcept;
    // Code, length, value, as they are sent; empty when absent.
    [[nodiscard]] ByteView encoded(dhcp6::OptionCode code) const noexcept;
    // Codes in ascending order: all, and those sent without being asked for.
    [[nodiscard]] std::span<const dhcp6::OptionCode> codes() const noexcept { return codes_; }
    [[nodiscard]] std::span<const dhcp6::OptionCode> always() const noexcept { return always_; }

  private:
    struct Entry {
        dhcp6::OptionCode code{};
        bool always = false;
        std::uint32_t offset = 0;  // of the option in bytes_
        std::uint32_t len = 0;     // with its header
    };
    [[nodiscard]] const Entry* find(dhcp6::OptionCode code) const noexcept;

    std::vector<Entry> entries_;  // sorted
    std::vector<std::byte> bytes_;
    std::vector<dhcp6::OptionCode> codes_;
    std::vector<dhcp6::OptionCode> always_;
};

}  // namespace xdhcpd::model
