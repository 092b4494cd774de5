// IscLexer: the words of dhcpd.leases, line by line. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace xdhcpd::lease_files {

class IscLexer {
  public:
    enum class Kind : std::uint8_t {
        kWord,    // letters, digits and most else
        kString,  // what stood between quotes, escapes resolved
        kMark,    // one of ; { } = ,
        kBroken,  // a string without an end
    };
    struct Token {
        Kind kind = Kind::kWord;
        std::string text;
        std::size_t column = 1;

        [[nodiscard]] bool is(std::string_view word) const noexcept {
            return kind != Kind::kString && text == word;
        }
    };

    explicit IscLexer(std::string_view line) : line_{line} {}

    // Nothing at the end of the line; a comment ends it.
    [[nodiscard]] std::optional<Token> next();

  private:
    [[nodiscard]] Token read_string();

    std::string_view line_;
    std::size_t at_ = 0;
};

}  // namespace xdhcpd::lease_files
