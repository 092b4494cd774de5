// Typed access to a tree of YAML nodes: a value of the wanted type, or a report at its place and
// nothing. One load, one thread; borrows the tree and the reporter.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/addresses.h"
#include "config/diagnostic.h"
#include "config/values.h"
#include "config/yaml_tree.h"

namespace xdhcpd::config {

// A node with the key it stands under, which messages name.
struct Value {
    const Node* node;
    std::string_view key;

    [[nodiscard]] Place place() const noexcept { return node->place; }
};

template <typename T>
struct Choice {
    std::string_view word;
    T value;
};

// 0/8, 127/8, 224/4 and 240/4 are no host's address (RFC 1122 section 3.2.1.3, RFC 1112).
[[nodiscard]] bool is_host_address(Ipv4 address) noexcept;

// Neither unspecified, loopback, multicast nor link-local (RFC 4291 section 2.4).
[[nodiscard]] bool is_global(const Ipv6& address) noexcept;

// "NAME: MESSAGE"
[[nodiscard]] std::string about(std::string_view key, std::string_view message);
// "; 'candidate' was meant?", or "; one of a, b, c was meant" when none is near.
[[nodiscard]] std::string suggestion(std::string_view word,
                                     std::span<const std::string_view> candidates);

class Reader {
  public:
    explicit Reader(Reporter& reporter) : reporter_{&reporter} {}

    [[nodiscard]] Reporter& reporter() const noexcept { return *reporter_; }
    void error(const Value& value, std::string_view message) const;
    void warning(const Value& value, std::string_view message) const;

    // Any scalar, quoted or not, without control characters; 1..max_len bytes.
    [[nodiscard]] std::optional<std::string_view> text(const Value& value,
                                                       std::size_t max_len) const;
    // true or false, nothing else.
    [[nodiscard]] std::optional<bool> boolean(const Value& value) const;
    // A plain decimal number within min..max. `or_else` names what else could stand there, such as
    // " or auto", for the message.
    [[nodiscard]] std::optional<std::uint32_t> number(const Value& value, std::uint32_t min,
                                                      std::uint32_t max,
                                                      std::string_view or_else = {}) const;
    // Seconds within min..max; `infinite` only where kInfinite <= max.
    [[nodiscard]] std::optional<std::uint32_t> duration(const Value& value, std::uint32_t min,
                                                        std::uint32_t max) const;
    [[nodiscard]] std::optional<std::uint64_t> size(const Value& value, std::uint64_t min,
                                                    std::uint64_t max) const;
    // An address that a host can have.
    [[nodiscard]] std::optional<Ipv4> host_address(const Value& value) const;
    // A prefix without host bits.
    [[nodiscard]] std::optional<Ipv4Prefix> prefix(const Value& value) const;
    // "A-B" with A <= B, "A/L" without host bits, or "A" where `single` allows it.
    [[nodiscard]] std::optional<AddressRange> range(const Value& value, bool single) const;
    // Likewise of IPv6. An address is one that routers forward, or with `link_local` one of a link
    // too.
    [[nodiscard]] std::optional<Ipv6> host_address6(const Value& value,
                                                    bool link_local = false) const;
    [[nodiscard]] std::optional<Ipv6Prefix> prefix6(const Value& value) const;
    [[nodiscard]] std::optional<AddressRange6> range6(const Value& value, bool single) const;
    // Milliseconds, at most `max`.
    [[nodiscard]] std::optional<std::uint32_t> milliseconds(const Value& value,
                                                            std::uint32_t max) const;
    // The elements of a list that are not empty.
    [[nodiscard]] std::vector<Value> list(const Value& value) const;
    // Likewise, but a single value is a list of one.
    [[nodiscard]] std::vector<Value> one_or_more(const Value& value) const;

    template <typename T, std::size_t count>
    [[nodiscard]] std::optional<T> choice(const Value& value,
                                          const Choice<T> (&choices)[count]) const {
        const auto word = scalar(value, "a word was meant");
        if (!word) {
            return std::nullopt;
        }
        std::vector<std::string_view> words;
        for (const Choice<T>& candidate : choices) {
            if (candidate.word == *word) {
                return candidate.value;
            }
            words.push_back(candidate.word);
        }
        report_unknown_word(value, *word, words);
        return std::nullopt;
    }

  private:
    // The text of a scalar; `meant` ends the message for anything else.
    [[nodiscard]] std::optional<std::string_view> scalar(const Value& value,
                                                         std::string_view meant) const;
    void report_unknown_word(const Value& value, std::string_view word,
                             std::span<const std::string_view> words) const;

    Reporter* reporter_;
};

// Whether a missing part is a mistake of its own or the consequence of one that is reported.
enum class Completeness : std::uint8_t { kExpected, kReported };

// A map whose keys are known beforehand. Reports, when it is made, what is no map, unknown and
// duplicate keys and keys without a value.
class MapReader {
  public:
    MapReader(const Reader& reader, const Value& map, std::span<const std::string_view> keys);

    // The value of one of the keys; nullopt when it is not there or has been reported.
    [[nodiscard]] std::optional<Value> find(std::string_view key) const;
    // Likewise, but that it is missing is an error: "KEY is missing; MEANT". Silent if an unknown
    // key has been taken for a misspelt one.
    [[nodiscard]] std::optional<Value> require(std::string_view key, std::string_view meant) const;
    // Likewise, but silent too if its absence has been reported before.
    [[nodiscard]] std::optional<Value> find_expected(std::string_view key, std::string_view meant,
                                                     Completeness completeness) const {
        return completeness == Completeness::kExpected ? require(key, meant) : find(key);
    }
    [[nodiscard]] bool is_map() const noexcept { return is_map_; }
    // Whether an unknown key was reported with the suggestion that `key` was meant.
    [[nodiscard]] bool is_suggested(std::string_view key) const;

  private:
    void add(const Node& key, const Node& value, std::span<const std::string_view> keys);

    struct Entry {
        const Node* key;
        const Node* value;
    };
    const Reader* reader_;
    Value map_;
    std::vector<Entry> entries_;
    std::vector<std::string_view> suggested_;
    bool is_map_ = false;
};

}  // namespace xdhcpd::config
