// OptionTable: the options of one scope in wire form, found by code in one load. Built by the
// control thread, immutable afterwards.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "dhcp4/options.h"
#include "model/configuration.h"

namespace xdhcpd::model {

class OptionTable {
  public:
    OptionTable() = default;

    // Adds or replaces an option. Value 0..65535 bytes.
    void set(dhcp4::OptionCode code, ByteView value, bool always);
    // Adds every option of `options`, replacing those that are there.
    void merge(std::span<const OptionValue> options);

    [[nodiscard]] bool has(dhcp4::OptionCode code) const noexcept {
        return entries_[static_cast<std::size_t>(code)].present;
    }
    // The value, empty when absent or when it has no bytes.
    [[nodiscard]] ByteView value(dhcp4::OptionCode code) const noexcept {
        const Entry& entry = entries_[static_cast<std::size_t>(code)];
        return entry.present ? ByteView{bytes_}.subspan(entry.offset, entry.len) : ByteView{};
    }
    // Codes in ascending order: all, and those sent without being asked for.
    [[nodiscard]] std::span<const dhcp4::OptionCode> codes() const noexcept { return codes_; }
    [[nodiscard]] std::span<const dhcp4::OptionCode> always() const noexcept { return always_; }

  private:
    struct Entry {
        std::uint32_t offset = 0;
        std::uint16_t len = 0;
        bool present = false;
        bool always = false;
    };

    std::array<Entry, 256> entries_{};
    std::vector<std::byte> bytes_;
    std::vector<dhcp4::OptionCode> codes_;
    std::vector<dhcp4::OptionCode> always_;
};

}  // namespace xdhcpd::model
