// Associations of dhcpd6.leases:
//
//     ia-na "\001S\000^\000\003\000\001\002\000^\000S\001" {
//       cltt 3 2026/11/25 08:30:00;
//       iaaddr 2001:db8::10 {
//         binding state active;
//         preferred-life 3600;
//         max-life 7200;
//         ends 3 2026/11/25 10:30:00;
//       }
//     }
//
// and ia-pd with "iaprefix 2001:db8:8000:100::/56". The string is the IAID, as the machine that
// wrote the file has numbers in memory, and then the DUID. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lease_files/entry.h"
#include "lease_files/format.h"
#include "lease_files/isc_lexer.h"

namespace xdhcpd::lease_files {

// Reads them, as a part of the reader of such files, which counts the braces.
class IscAssociation {
  public:
    using Token = IscLexer::Token;
    using Tokens = std::span<const Token>;

    // `receiver` outlives it.
    explicit IscAssociation(Receiver& receiver) : receiver_{receiver} {}

    // Whether an association begins with it; not empty.
    [[nodiscard]] static bool is_head(Tokens head) noexcept;
    // "little-endian" or "big-endian", of all that follow.
    void set_byte_order(std::string_view name) noexcept { is_big_endian_ = name == "big-endian"; }

    void begin(Tokens head, std::uint64_t line);
    // What stands before a brace or a semicolon at that depth, which is 1 inside an association;
    // an opening brace counts already.
    void open(Tokens head, std::size_t depth, std::uint64_t line);
    void statement(Tokens words, std::size_t depth, std::uint64_t line);
    // A closing brace; what it closes still counts.
    void close(std::size_t depth);
    // Something in it was not understood, which has been told.
    void spoil() noexcept { is_broken_ = true; }

  private:
    void read_statement(Tokens words, std::uint64_t line);
    void fail(const Token& token, std::uint64_t line, const std::string& text);

    Receiver& receiver_;
    bool is_big_endian_ = false;
    bool is_usable_ = false;  // the association
    bool is_prefix_ = false;
    std::vector<std::byte> duid_;
    std::uint32_t iaid_ = 0;
    std::optional<std::int64_t> cltt_;
    bool in_lease_ = false;  // what stands at depth 2 is of lease_
    bool is_broken_ = false;
    bool has_end_ = false;
    Entry lease_;
    Place lease_place_;
};

// Appends such an association with the one lease. False, and nothing is appended, if there are no
// words for it.
[[nodiscard]] bool append_isc_association(const Entry& entry, std::string& out);

}  // namespace xdhcpd::lease_files
