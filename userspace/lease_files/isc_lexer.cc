#include "lease_files/isc_lexer.h"

#include <algorithm>

#include "lease_files/text.h"

namespace xdhcpd::lease_files {
namespace {

constexpr std::string_view kSpace = " \t\r\v\f";
constexpr std::string_view kMarks = ";{}=,";

[[nodiscard]] bool is_octal(char c) noexcept {
    return '0' <= c && c <= '7';
}

}  // namespace

std::optional<IscLexer::Token> IscLexer::next() {
    at_ = line_.find_first_not_of(kSpace, at_);
    if (at_ == std::string_view::npos || line_[at_] == '#') {
        at_ = line_.size();
        return std::nullopt;
    }
    if (line_[at_] == '"') {
        return read_string();
    }
    Token token{Kind::kWord, {}, at_ + 1};
    if (kMarks.find(line_[at_]) != std::string_view::npos) {
        token.kind = Kind::kMark;
        token.text = line_[at_++];
        return token;
    }
    const std::size_t end = std::min(line_.find_first_of(" \t\r\v\f;{}=,\"#", at_), line_.size());
    token.text = line_.substr(at_, end - at_);
    at_ = end;
    return token;
}

// dhcpd writes what is not printable as three octal digits, and reads a few more escapes.
IscLexer::Token IscLexer::read_string() {
    constexpr unsigned kOctalLen = 3;
    Token token{Kind::kString, {}, at_ + 1};
    for (++at_; at_ < line_.size(); ++at_) {
        const char c = line_[at_];
        if (c == '"') {
            ++at_;
            return token;
        }
        if (c != '\\') {
            token.text += c;
            continue;
        }
        if (++at_ >= line_.size()) {
            break;
        }
        if (is_octal(line_[at_])) {
            unsigned value = 0;
            unsigned len = 0;
            for (; len < kOctalLen && at_ + len < line_.size() && is_octal(line_[at_ + len]);
                 ++len) {
                value = value * 8 + static_cast<unsigned>(line_[at_ + len] - '0');
            }
            token.text += static_cast<char>(value);
            at_ += len - 1;
            continue;
        }
        if (line_[at_] == 'x' && at_ + 2 < line_.size()) {
            if (const auto byte = parse_bytes(line_.substr(at_ + 1, 2));
                byte && byte->size() == 1) {
                token.text += static_cast<char>(byte->front());
                at_ += 2;
                continue;
            }
        }
        switch (line_[at_]) {
            case 't':
                token.text += '\t';
                break;
            case 'r':
                token.text += '\r';
                break;
            case 'n':
                token.text += '\n';
                break;
            case 'b':
                token.text += '\b';
                break;
            default:
                token.text += line_[at_];
        }
    }
    token.kind = Kind::kBroken;
    return token;
}

}  // namespace xdhcpd::lease_files
