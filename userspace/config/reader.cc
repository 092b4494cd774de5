#include "config/reader.h"

#include <algorithm>
#include <array>

namespace xdhcpd::config {
namespace {

// What a node is, for people.
std::string_view kind_name(const Node& node) {
    switch (node.kind) {
        case Node::Kind::kNull:
            return "nothing";
        case Node::Kind::kScalar:
            return "a single value";
        case Node::Kind::kSequence:
            return "a list";
        case Node::Kind::kMap:
            return "a map";
    }
    return "nothing";
}

bool is_control(char character) {
    return static_cast<unsigned char>(character) < 0x20 || character == 0x7f;
}

// What the text of a node may mean as a number: "08" -> 8. Empty if nothing.
std::string number_hint(const Node& node) {
    const std::string& text = node.text;
    if (node.quoted && parse_number(text, ~std::uint64_t{0})) {
        return "; " + text + " without quotes was meant?";
    }
    const std::size_t significant = text.find_first_not_of('0');
    if (significant != 0 && significant != std::string::npos &&
        parse_number(text.substr(significant), ~std::uint64_t{0})) {
        return "; " + text.substr(significant) +
               " was meant? (a leading zero means octal to some readers)";
    }
    return {};
}

std::string duration_text(std::uint32_t value) {
    constexpr std::array<std::pair<std::uint32_t, char>, 3> kUnits{
        {{86400, 'd'}, {3600, 'h'}, {60, 'm'}}};
    if (value == kInfinite) {
        return "infinite";
    }
    for (const auto& [factor, unit] : kUnits) {
        if (value != 0 && value % factor == 0) {
            return std::to_string(value / factor) + unit;
        }
    }
    return std::to_string(value) + "s";
}

// "64MB", "64M" and "64mib" mean 64MiB, most probably. Empty if `text` is nothing like it.
std::string size_hint(std::string_view text) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    constexpr std::string_view kLetters = "kKmMgG";
    const std::size_t letter =
        digits < text.size() ? kLetters.find(text[digits]) : std::string_view::npos;
    if (digits == 0 || letter == std::string_view::npos || text.size() > digits + 3) {
        return {};
    }
    return "; " + std::string{text.substr(0, digits)} + kLetters[letter | 1] + "iB was meant?";
}

}  // namespace

bool is_host_address(Ipv4 address) noexcept {
    return (address.value >> 24) != 0 && !address.is_loopback() && (address.value >> 28) < 0xe;
}

bool is_global(const Ipv6& address) noexcept {
    return !address.is_unspecified() && !address.is_loopback() && !address.is_multicast() &&
           !address.is_link_local();
}

std::string about(std::string_view key, std::string_view message) {
    std::string result{key};
    result += key.empty() ? "" : ": ";
    return result += message;
}

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates) {
    const std::string_view near = nearest(word, candidates);
    if (!near.empty()) {
        return "; " + in_quotes(near) + " was meant?";
    }
    std::string text = candidates.size() == 1 ? "; " : "; one of ";
    for (const std::string_view candidate : candidates) {
        text += candidate == candidates.front() ? "" : ", ";
        text += candidate;
    }
    return text + " was meant";
}

void Reader::error(const Value& value, std::string_view message) const {
    reporter_->error(value.place(), about(value.key, message));
}

void Reader::warning(const Value& value, std::string_view message) const {
    reporter_->warning(value.place(), about(value.key, message));
}

std::optional<std::string_view> Reader::scalar(const Value& value, std::string_view meant) const {
    if (value.node->kind == Node::Kind::kScalar) {
        return value.node->text;
    }
    error(value, std::string{kind_name(*value.node)} + " stands here; " + std::string{meant});
    return std::nullopt;
}

void Reader::report_unknown_word(const Value& value, std::string_view word,
                                 std::span<const std::string_view> words) const {
    const bool has_switch = std::ranges::find(words, "on") != words.end();
    if (has_switch && (word == "true" || word == "false")) {
        error(value, in_quotes(word) + " is unknown; " +
                         (word == "true" ? "'on' was meant?" : "'off' was meant?"));
        return;
    }
    error(value, in_quotes(word) + " is unknown" + suggestion(word, words));
}

std::optional<std::string_view> Reader::text(const Value& value, std::size_t max_len) const {
    const auto result = scalar(value, "a text was meant");
    if (!result) {
        return std::nullopt;
    }
    if (result->empty()) {
        error(value, "the text is empty; leave the key out, or give it a value");
        return std::nullopt;
    }
    if (std::ranges::any_of(*result, is_control)) {
        error(value, in_quotes(*result) + " has a control character");
        return std::nullopt;
    }
    if (result->size() > max_len) {
        error(value, in_quotes(*result) + " is " + std::to_string(result->size()) +
                         " bytes long; at most " + std::to_string(max_len) + " have room");
        return std::nullopt;
    }
    return result;
}

std::optional<bool> Reader::boolean(const Value& value) const {
    const auto word = scalar(value, "true or false was meant");
    if (!word) {
        return std::nullopt;
    }
    if (!value.node->quoted && (*word == "true" || *word == "false")) {
        return *word == "true";
    }
    std::string lower;
    for (const char character : *word) {
        const bool upper = character >= 'A' && character <= 'Z';
        lower += upper ? static_cast<char>(character - 'A' + 'a') : character;
    }
    constexpr std::array<std::string_view, 5> kYes{"true", "yes", "on", "y", "1"};
    constexpr std::array<std::string_view, 5> kNo{"false", "no", "off", "n", "0"};
    std::string_view hint = "true or false was meant";
    if (std::ranges::find(kYes, lower) != kYes.end()) {
        hint = "true was meant?";
    } else if (std::ranges::find(kNo, lower) != kNo.end()) {
        hint = "false was meant?";
    }
    error(value, in_quotes(*word) + (value.node->quoted ? " in quotes" : "") +
                     " is not a boolean; " + std::string{hint});
    return std::nullopt;
}

std::optional<std::uint32_t> Reader::number(const Value& value, std::uint32_t min,
                                            std::uint32_t max, std::string_view or_else) const {
    const std::string meant = "a whole number from " + std::to_string(min) + " to " +
                              std::to_string(max) + std::string{or_else};
    const auto digits = scalar(value, meant + " was meant");
    if (!digits) {
        return std::nullopt;
    }
    const auto result = parse_number(*digits, max);
    if (!result || *result < min || value.node->quoted) {
        error(value, "must be " + meant + ", not " + in_quotes(*digits) +
                         (value.node->quoted ? " in quotes" : "") + number_hint(*value.node));
        return std::nullopt;
    }
    return static_cast<std::uint32_t>(*result);
}

std::optional<std::uint32_t> Reader::duration(const Value& value, std::uint32_t min,
                                              std::uint32_t max) const {
    const auto word = scalar(value, "a duration was meant, such as 90s, 15m, 12h or 7d");
    if (!word) {
        return std::nullopt;
    }
    const auto result = parse_duration(*word);
    if (!result || *result < min || *result > max) {
        error(value, "must be a duration from " + duration_text(min) + " to " + duration_text(max) +
                         ", such as 90s, 15m, 12h or 7d, not " + in_quotes(*word));
        return std::nullopt;
    }
    return result;
}

std::optional<std::uint64_t> Reader::size(const Value& value, std::uint64_t min,
                                          std::uint64_t max) const {
    const auto word = scalar(value, "a size was meant, such as 64MiB");
    if (!word) {
        return std::nullopt;
    }
    const auto result = parse_size(*word);
    if (!result || *result < min || *result > max) {
        error(value, "must be a size from " + std::to_string(min >> 10) + "KiB to " +
                         std::to_string(max >> 30) + "GiB, not " + in_quotes(*word) +
                         (result ? "" : size_hint(*word)));
        return std::nullopt;
    }
    return result;
}

std::optional<Ipv4> Reader::host_address(const Value& value) const {
    const auto word = scalar(value, "an IPv4 address was meant");
    if (!word) {
        return std::nullopt;
    }
    const auto address = parse_ipv4(*word);
    if (!address) {
        error(value, in_quotes(*word) + " is not an IPv4 address, such as 192.0.2.1");
        return std::nullopt;
    }
    if (!is_host_address(*address)) {
        const std::string_view what = *address == kBroadcastIpv4 ? "the broadcast address"
                                      : address->is_multicast()  ? "a multicast address"
                                      : address->is_loopback()   ? "a loopback address"
                                                                 : "no host's address";
        error(value,
              in_quotes(*word) + " is " + std::string{what} + "; the address of a host was meant");
        return std::nullopt;
    }
    return address;
}

std::optional<Ipv4Prefix> Reader::prefix(const Value& value) const {
    const auto word = scalar(value, "a prefix was meant, such as 192.0.2.0/24");
    if (!word) {
        return std::nullopt;
    }
    const auto prefix = parse_ipv4_prefix(*word);
    if (!prefix) {
        const bool address = parse_ipv4(*word).has_value();
        error(value, in_quotes(*word) +
                         (address ? " is an address; its prefix length is missing, such as "
                                  : " is not a prefix such as ") +
                         (address ? std::string{*word} + "/24" : "192.0.2.0/24"));
        return std::nullopt;
    }
    if (prefix->network() != prefix->address) {
        const Ipv4Prefix meant{prefix->network(), prefix->length};
        error(value,
              std::string{*word} + " has host bits; " + xdhcpd::to_string(meant) + " was meant?");
        return std::nullopt;
    }
    return prefix;
}

std::optional<AddressRange> Reader::range(const Value& value, bool single) const {
    const std::string_view meant = single ? "an address, a range or a prefix was meant"
                                          : "a range such as 192.0.2.10-192.0.2.99 was meant";
    const auto word = scalar(value, meant);
    if (!word) {
        return std::nullopt;
    }
    if (word->find('/') != std::string_view::npos) {
        const auto whole = prefix(value);
        return whole ? std::optional{AddressRange{whole->network(), whole->broadcast()}}
                     : std::nullopt;
    }
    const auto address = parse_ipv4(*word);
    if (single && address) {
        return AddressRange{*address, *address};
    }
    const auto result = parse_range(*word);
    if (!result) {
        error(value, in_quotes(*word) + " is not a range; " + std::string{meant});
        return std::nullopt;
    }
    if (result->last < result->first) {
        error(value, "the range ends before it begins; " +
                         to_string(AddressRange{result->last, result->first}) + " was meant?");
        return std::nullopt;
    }
    return result;
}

std::optional<Ipv6> Reader::host_address6(const Value& value, bool link_local) const {
    const auto word = scalar(value, "an IPv6 address was meant");
    if (!word) {
        return std::nullopt;
    }
    const auto address = parse_ipv6(*word);
    if (!address) {
        error(value, in_quotes(*word) + " is not an IPv6 address, such as 2001:db8::1");
        return std::nullopt;
    }
    if (!is_global(*address) && !(link_local && address->is_link_local())) {
        const std::string_view what = address->is_link_local()    ? "a link-local address"
                                      : address->is_multicast()   ? "a multicast address"
                                      : address->is_unspecified() ? "no address"
                                                                  : "a loopback address";
        error(value,
              in_quotes(*word) + " is " + std::string{what} + "; the address of a host was meant");
        return std::nullopt;
    }
    return address;
}

std::optional<Ipv6Prefix> Reader::prefix6(const Value& value) const {
    const auto word = scalar(value, "a prefix was meant, such as 2001:db8:1::/64");
    if (!word) {
        return std::nullopt;
    }
    const auto prefix = parse_ipv6_prefix(*word);
    if (!prefix) {
        const bool address = parse_ipv6(*word).has_value();
        error(value, in_quotes(*word) +
                         (address ? " is an address; its prefix length is missing, such as "
                                  : " is not a prefix such as ") +
                         (address ? std::string{*word} + "/64" : "2001:db8:1::/64"));
        return std::nullopt;
    }
    if (prefix->network() != prefix->address) {
        const Ipv6Prefix meant{prefix->network(), prefix->length};
        error(value, std::string{*word} + " has bits behind its length; " +
                         xdhcpd::to_string(meant) + " was meant?");
        return std::nullopt;
    }
    return prefix;
}

std::optional<AddressRange6> Reader::range6(const Value& value, bool single) const {
    const std::string_view meant =
        single ? "an address, a range or a prefix was meant"
               : "a range such as 2001:db8:1::1000-2001:db8:1::1fff was meant";
    const auto word = scalar(value, meant);
    if (!word) {
        return std::nullopt;
    }
    if (word->find('/') != std::string_view::npos) {
        const auto whole = prefix6(value);
        return whole ? std::optional{AddressRange6{whole->network(), whole->last()}} : std::nullopt;
    }
    const auto address = parse_ipv6(*word);
    if (single && address) {
        return AddressRange6{*address, *address};
    }
    const auto result = parse_range6(*word);
    if (!result) {
        error(value, in_quotes(*word) + " is not a range; " + std::string{meant});
        return std::nullopt;
    }
    if (result->last < result->first) {
        error(value, "the range ends before it begins; " +
                         to_string(AddressRange6{result->last, result->first}) + " was meant?");
        return std::nullopt;
    }
    return result;
}

std::optional<std::uint32_t> Reader::milliseconds(const Value& value, std::uint32_t max) const {
    const auto word = scalar(value, "a duration was meant, such as 500ms or 30s");
    if (!word) {
        return std::nullopt;
    }
    const auto result = parse_milliseconds(*word);
    if (!result || *result > max) {
        error(value, in_quotes(*word) +
                         (result ? " is out of range; at most " + std::to_string(max) + "ms"
                                 : " is not a duration; a number with ms, s, m or h behind it") +
                         " was meant");
        return std::nullopt;
    }
    return result;
}

std::vector<Value> Reader::one_or_more(const Value& value) const {
    if (value.node->kind == Node::Kind::kScalar) {
        return {value};
    }
    return list(value);
}

std::vector<Value> Reader::list(const Value& value) const {
    std::vector<Value> elements;
    if (value.node->kind != Node::Kind::kSequence) {
        const bool scalar = value.node->kind == Node::Kind::kScalar;
        error(value, std::string{kind_name(*value.node)} + " stands here; a list was meant" +
                         (scalar ? ", such as [" + value.node->text.substr(0, 64) + "]" : ""));
        return elements;
    }
    elements.reserve(value.node->children.size());
    for (const Node* child : value.node->children) {
        if (child->kind == Node::Kind::kNull) {
            error({child, value.key}, "an empty element");
        } else {
            elements.push_back({child, value.key});
        }
    }
    return elements;
}

MapReader::MapReader(const Reader& reader, const Value& map, std::span<const std::string_view> keys)
    : reader_{&reader}, map_{map}, is_map_{map.node->kind == Node::Kind::kMap} {
    if (!is_map_) {
        reader.error(map, std::string{kind_name(*map.node)} +
                              " stands here; a map was meant, such as {" +
                              std::string{keys.front()} + ": ...}");
        return;
    }
    const auto& children = map.node->children;
    entries_.reserve(children.size() / 2);
    for (std::size_t i = 0; i + 1 < children.size(); i += 2) {
        add(*children[i], *children[i + 1], keys);
    }
}

void MapReader::add(const Node& key, const Node& value, std::span<const std::string_view> keys) {
    Reporter& reporter = reader_->reporter();
    if (key.kind != Node::Kind::kScalar) {
        reporter.error(key.place,
                       about(map_.key, std::string{kind_name(key)} + " stands here as a key"));
        return;
    }
    if (std::ranges::find(keys, key.text) == keys.end()) {
        suggested_.push_back(nearest(key.text, keys));
        const std::string hint =
            key.text == "<<" ? "; merge keys are not supported" : suggestion(key.text, keys);
        reporter.error(key.place, about(map_.key, "unknown key " + in_quotes(key.text) + hint));
        return;
    }
    const auto first = std::ranges::find_if(
        entries_, [&key](const Entry& entry) { return entry.key->text == key.text; });
    if (first != entries_.end()) {
        reporter.error(key.place,
                       about(map_.key, "duplicate key " + in_quotes(key.text) +
                                           "; it is first on " + to_string(first->key->place)));
        return;
    }
    if (value.kind == Node::Kind::kNull) {
        reporter.error(key.place,
                       about(key.text, "has no value; give it one or leave the key out"));
    }
    entries_.push_back({&key, &value});
}

std::optional<Value> MapReader::find(std::string_view key) const {
    const auto entry = std::ranges::find_if(
        entries_, [key](const Entry& candidate) { return candidate.key->text == key; });
    if (entry == entries_.end() || entry->value->kind == Node::Kind::kNull) {
        return std::nullopt;
    }
    return Value{entry->value, key};
}

bool MapReader::is_suggested(std::string_view key) const {
    return std::ranges::find(suggested_, key) != suggested_.end();
}

std::optional<Value> MapReader::require(std::string_view key, std::string_view meant) const {
    const bool present =
        std::ranges::any_of(entries_, [key](const Entry& entry) { return entry.key->text == key; });
    if (is_map_ && !present && !is_suggested(key)) {
        reader_->reporter().error(
            map_.place(), about(map_.key, std::string{key} + " is missing; " + std::string{meant}));
    }
    return find(key);
}

}  // namespace xdhcpd::config
