// States by number for the tests of the journal: what a state holds follows from its unit and its
// version, so that a state that was read is checked without being remembered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "journal/codec/record.h"
#include "journal/codec/unit_state.h"

namespace xdhcpd::journal {

// Owns the bytes of a state.
class TestState {
  public:
    TestState(std::uint32_t unit, std::uint32_t version, UnitStatus status = UnitStatus::kLeased) {
        const std::uint32_t mix = unit * 2654435761u + version * 40503u;
        identity_.assign(1 + mix % 24, static_cast<std::byte>(mix >> 8));
        hostname_.assign(mix % 3 == 0 ? mix % 64 : 0, static_cast<char>('a' + mix % 26));
        state_.key = UnitKey::ipv4(Ipv4{0x0a4d0000 + unit});
        state_.version = version;
        state_.status = status;
        state_.flags = static_cast<std::uint8_t>(mix >> 4);
        state_.expiry = 1'800'000'000 + mix % 10'000;
        state_.told_expiry = state_.expiry - mix % 100;
        state_.started = 1'700'000'000 + version;
        state_.last_xid = mix;
        state_.hw_type = 1;
        state_.hw_len = 6;
        store_be32(state_.mac.octets.data() + 2, mix);
    }

    [[nodiscard]] UnitState view() const {
        UnitState state = state_;
        state.identity = identity_;
        state.hostname = as_bytes(hostname_);
        return state;
    }
    [[nodiscard]] UnitState& own() { return state_; }

  private:
    UnitState state_;
    std::vector<std::byte> identity_;
    std::string hostname_;
};

[[nodiscard]] inline std::uint32_t unit_of(const UnitState& state) {
    return state.key.to_ipv4().value - 0x0a4d0000;
}

// A record as encode() makes it.
[[nodiscard]] inline std::vector<std::byte> encoded(const UnitState& state) {
    std::vector<std::byte> bytes(encoded_len(state));
    encode(state, bytes);
    return bytes;
}
[[nodiscard]] inline std::vector<std::byte> encoded(std::uint32_t unit, std::uint32_t version,
                                                    UnitStatus status = UnitStatus::kLeased) {
    return encoded(TestState{unit, version, status}.view());
}

[[nodiscard]] inline bool is_same(const UnitState& a, const UnitState& b) {
    return encoded(a) == encoded(b);
}
// Holds what TestState makes of its unit, version and status.
[[nodiscard]] inline bool is_genuine(const UnitState& state) {
    return is_same(state, TestState{unit_of(state), state.version, state.status}.view());
}

}  // namespace xdhcpd::journal
