// Tenants by number for the tests of this module.
#pragma once

#include <cstdint>
#include <vector>

#include "base/hash.h"
#include "lease/tenant.h"

namespace xdhcpd::lease {

// Owns the bytes of a tenant's identity.
class TestTenant {
  public:
    static constexpr HashKey kKey{0x5eed, 0xf00d};

    // The number comes first in the identity, which has `identity_len` >= 5 bytes.
    explicit TestTenant(std::uint32_t number, std::size_t identity_len = 8)
        : identity_(identity_len, std::byte{0xaa}), hw_{kBase} {
        identity_[0] = std::byte{1};
        store_be32(&identity_[1], number);
        store_be32(hw_.octets.data() + 2, load_be32(hw_.octets.data() + 2) + number);
        hash_ = hash_bytes(kKey, identity_);
    }
    // With a hash of the caller's choice, to make collisions.
    TestTenant(std::uint32_t number, std::size_t identity_len, std::uint64_t hash)
        : TestTenant{number, identity_len} {
        hash_ = hash;
    }

    [[nodiscard]] Tenant get() const noexcept {
        return {.identity = identity_, .hw = hw_, .hw_len = 6, .hw_type = 1, .hash = hash_};
    }
    // NOLINTNEXTLINE(google-explicit-constructor): so that tests read like the engine
    operator Tenant() const noexcept { return get(); }

  private:
    static constexpr Mac kBase{{std::byte{0x02}, std::byte{0x00}, std::byte{0x5e}, std::byte{0x00},
                                std::byte{0x53}, std::byte{0x00}}};

    std::vector<std::byte> identity_;
    Mac hw_;
    std::uint64_t hash_ = 0;
};

}  // namespace xdhcpd::lease
