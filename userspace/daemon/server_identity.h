// ServerIdentity: what must be the same after every restart for DHCPv6 clients to know us and for
// leases to find their units: the server's DUID, and the key by which the units of IPv6 ranges are
// named. It is made at the first start and kept in the file `identity` of the state directory;
// text, so that an operator can carry it to another machine:
//
//   xdhcpd identity 1
//   duid 0001000130f1a2b302005e005301
//   names-key 00112233445566778899aabbccddeeff
//   crc32c 0a1b2c3d
//
// Main thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/addresses.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/result.h"
#include "journal/file_layer.h"
#include "model/configuration.h"
#include "model/host_state.h"

namespace xdhcpd::daemon {

struct ServerIdentity {
    std::vector<std::byte> duid;  // 3..130 bytes (RFC 8415 section 11.1)
    HashKey names_key;

    bool operator==(const ServerIdentity& other) const noexcept {
        return duid == other.duid && names_key.k0 == other.names_key.k0 &&
               names_key.k1 == other.names_key.k1;
    }
};

// Of what a new identity is made.
struct IdentitySeed {
    Mac mac;                             // of an interface of ours; zero: there is none
    std::uint64_t unix_time = 0;         // seconds
    std::array<std::byte, 32> random{};  // unpredictable
};
// The MAC of the first configured interface that is there and has one; zero: none.
[[nodiscard]] Mac first_mac(const model::Configuration& configuration,
                            const model::HostState& host) noexcept;

// With a DUID-LLT (RFC 8415 section 11.2), or a random DUID-UUID (RFC 6355) without a MAC: it stays
// what it is when network cards are changed.
[[nodiscard]] ServerIdentity make_identity(const IdentitySeed& seed);
// For a server that keeps nothing: with a DUID-LL (RFC 8415 section 11.4), which is the same after
// a restart, or a DUID-UUID without a MAC.
[[nodiscard]] ServerIdentity make_passing_identity(const IdentitySeed& seed);

enum class IdentityFileError : std::uint8_t { kDamaged, kNewerFormat };
// "is damaged: ...", with what to do about it.
[[nodiscard]] std::string_view to_text(IdentityFileError error) noexcept;
[[nodiscard]] std::string encode_identity(const ServerIdentity& identity);
[[nodiscard]] Result<ServerIdentity, IdentityFileError> decode_identity(std::string_view text);

// Reads the identity of `directory`; makes one of `seed`, and the directory, if there is none. A
// damaged file is an error, never replaced: clients and leases may depend on what stood in it.
[[nodiscard]] Result<ServerIdentity, Error> load_identity(journal::FileLayer& files,
                                                          const std::string& directory,
                                                          const IdentitySeed& seed);

}  // namespace xdhcpd::daemon
