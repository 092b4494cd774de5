// ReconfigureKeyring: the secret of which the keys of DHCPv6 clients are made, and the counter by
// which they tell a Reconfigure message from an old one (RFC 8415 sections 20.3, 20.4). Both must
// outlive restarts: a client keeps its key, and believes no message that counts lower than the
// last.
//
// The counter is microseconds of Unix time, but never less than what an earlier run may have
// reached, whatever the clock says. That is kept in the file `reconfigure` of the state directory,
// some way ahead:
//
//   xdhcpd reconfigure 1
//   secret 00112233...eeff
//   counter 1796000000000000
//   crc32c 0a1b2c3d
//
// Control thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/result.h"
#include "base/time.h"
#include "journal/file_layer.h"
#include "model/configuration6.h"

namespace xdhcpd::control {

class ReconfigureKeyring {
  public:
    // What is written is ahead of the counter by this much, in microseconds, and written again when
    // half of it is used up.
    static constexpr std::uint64_t kAhead = std::uint64_t{24} * 3600 * 1'000'000;

    // Of a server that keeps nothing: `fresh` is its secret.
    void open(const dhcp6::ReconfigureSecret& fresh, std::uint64_t unix_time, BootTime now);
    // Reads the file of `directory`, or makes it with the secret `fresh`. A damaged one is made
    // anew, see problem(). `unix_time` in seconds. An error names the file; one that cannot be
    // read stays as it is, and the keys are `fresh` and passing ones.
    [[nodiscard]] Result<Success, Error> open(journal::FileLayer& files, std::string directory,
                                              const dhcp6::ReconfigureSecret& fresh,
                                              std::uint64_t unix_time, BootTime now);
    // About once a minute or more often: writes when it is time. Until an error is mended, a
    // restart may count lower than before.
    [[nodiscard]] Result<Success, Error> keep(BootTime now);

    [[nodiscard]] const model::ReconfigureKeys& keys() const noexcept { return keys_; }
    // What was wrong with the file; empty: nothing.
    [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

  private:
    [[nodiscard]] Result<Success, Error> store(std::uint64_t counter);

    journal::FileLayer* files_ = nullptr;
    std::string directory_;
    std::string problem_;
    model::ReconfigureKeys keys_;
    std::uint64_t stored_ = 0;  // counter that the file has
};

// The content of the file.
struct ReconfigureFile {
    dhcp6::ReconfigureSecret secret{};
    std::uint64_t counter = 0;
};
[[nodiscard]] std::string encode_reconfigure_file(const ReconfigureFile& content);
// Nothing if it is damaged.
[[nodiscard]] std::optional<ReconfigureFile> decode_reconfigure_file(std::string_view text);

}  // namespace xdhcpd::control
