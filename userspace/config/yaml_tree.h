// A YAML text as a tree that remembers where everything stands and what was quoted. The only part
// that knows yaml-cpp: it takes the library's events, since its own tree merges duplicate keys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"

namespace xdhcpd::config {

// Limits of a text: nobody writes deeper structures or more elements, attackers of parsers do.
inline constexpr std::size_t kMaxTextLen = std::size_t{64} << 20;
inline constexpr std::size_t kMaxDepth = 32;
inline constexpr std::size_t kMaxNodeCount = std::size_t{16} << 20;  // with every alias written out
inline constexpr std::size_t kMaxAliasNodeCount = std::size_t{1} << 20;  // of them, by aliases

struct Node {
    enum class Kind : std::uint8_t { kNull, kScalar, kSequence, kMap };

    Kind kind = Kind::kNull;
    bool quoted = false;  // a scalar in quotes or a block scalar: text, never a number or boolean
    Place place;
    std::size_t expanded_count = 1;     // nodes at and below this one
    std::string text;                   // of a scalar
    std::vector<const Node*> children;  // of a sequence; of a map: key, value, key, value, ...
};

// Owns the nodes of one text; they stay where they are.
class Document {
  public:
    // Null for an empty text.
    [[nodiscard]] const Node* root() const noexcept { return root_; }
    void set_root(const Node& node) noexcept { root_ = &node; }
    Node& add(Node::Kind kind, Place place, std::string text = {}) {
        nodes_.push_back({kind, false, place, 1, std::move(text), {}});
        return nodes_.back();
    }

  private:
    std::deque<Node> nodes_;
    const Node* root_ = nullptr;
};

// Reads one document. Reports bytes that are not UTF-8, control characters, syntax errors, tags,
// unclosed quotes, a second document and structures beyond the limits; null after a syntax error,
// when nothing sensible is left to look at.
[[nodiscard]] std::unique_ptr<Document> parse_yaml(std::string_view text, Reporter& reporter);

}  // namespace xdhcpd::config
