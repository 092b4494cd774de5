#include "config/option_reader.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"
#include "dhcp4/option_text.h"
#include "dhcp4/options.h"
#include "dhcp6/option_text.h"
#include "dhcp6/options.h"

namespace xdhcpd::config {
namespace {

constexpr std::size_t kMaxOptionLen = 0xffff;
constexpr std::uint32_t kUnlimited = 0xffffffff;
constexpr std::size_t kMaxNameLen = 64;  // longer than any name of the registry

enum class ValueType : std::uint8_t { kRegistry, kHex, kText, kIp, kU8, kU16, kU32 };

constexpr Choice<ValueType> kValueTypes[] = {{"hex", ValueType::kHex}, {"text", ValueType::kText},
                                             {"ip", ValueType::kIp},   {"u8", ValueType::kU8},
                                             {"u16", ValueType::kU16}, {"u32", ValueType::kU32}};

// One option read, of either protocol.
struct Option {
    std::uint16_t code = 0;
    std::vector<std::byte> value;
    bool always = false;
};

// What the readers below want to know of an option of either protocol.
struct Row {
    std::uint16_t code = 0;
    std::string name;
    std::string_view reference;
    std::uint32_t min_len = 0;
    std::uint32_t max_len = kUnlimited;
    bool list = false;  // takes several values
    bool configurable = true;
};

class Registry {
  public:
    virtual ~Registry() = default;
    [[nodiscard]] virtual std::optional<Row> find(std::string_view name) const = 0;
    [[nodiscard]] virtual std::string_view nearest(const std::string& name) const = 0;
    [[nodiscard]] virtual Result<std::vector<std::byte>, std::string> encode(
        const Row& row, std::span<const std::string> texts) const = 0;
    // The bytes of an address of the protocol's family.
    [[nodiscard]] virtual std::optional<std::vector<std::byte>> encode_address(
        std::string_view text) const = 0;
    // Codes that stand for no option.
    [[nodiscard]] virtual bool is_marker(const Row& row) const = 0;

    std::string_view numbers;        // "1 to 254"
    std::string_view example;        // "routers"
    std::string_view address_meant;  // "an IPv4 address, such as 192.0.2.1"
    std::string_view options_meant;  // "{routers: [192.0.2.1]}"
};

class Registry4 final : public Registry {
  public:
    Registry4() {
        numbers = "1 to 254";
        example = "routers";
        address_meant = "an IPv4 address, such as 192.0.2.1";
        options_meant = "{routers: [192.0.2.1]}";
    }
    [[nodiscard]] std::optional<Row> find(std::string_view name) const override {
        const auto number = parse_number(name, dhcp4::kOptionCodeCount - 1);
        const dhcp4::OptionInfo* const info =
            number ? &dhcp4::option_info(static_cast<dhcp4::OptionCode>(*number))
                   : dhcp4::find_option(name);
        if (info == nullptr) {
            return std::nullopt;
        }
        const bool unlimited = info->max_len == dhcp4::kUnlimitedLen;
        return Row{static_cast<std::uint16_t>(info->code),
                   std::string{info->name},
                   info->reference,
                   info->min_len,
                   unlimited ? kUnlimited : info->max_len,
                   info->list,
                   info->configurable};
    }
    [[nodiscard]] std::string_view nearest(const std::string& name) const override {
        return dhcp4::nearest_option_name(name);
    }
    [[nodiscard]] Result<std::vector<std::byte>, std::string> encode(
        const Row& row, std::span<const std::string> texts) const override {
        return dhcp4::encode_option(dhcp4::option_info(static_cast<dhcp4::OptionCode>(row.code)),
                                    texts);
    }
    [[nodiscard]] std::optional<std::vector<std::byte>> encode_address(
        std::string_view text) const override {
        const auto address = parse_ipv4(text);
        if (!address) {
            return std::nullopt;
        }
        std::vector<std::byte> bytes(sizeof address->value);
        address->store(bytes.data());
        return bytes;
    }
    [[nodiscard]] bool is_marker(const Row& row) const override {
        const auto code = static_cast<dhcp4::OptionCode>(row.code);
        return code == dhcp4::OptionCode::kPad || code == dhcp4::OptionCode::kEnd;
    }
};

class Registry6 final : public Registry {
  public:
    Registry6() {
        numbers = "1 to 65535";
        example = "dns-servers";
        address_meant = "an IPv6 address, such as 2001:db8::1";
        options_meant = "{dns-servers: [2001:db8::53]}";
    }
    [[nodiscard]] std::optional<Row> find(std::string_view name) const override {
        const auto number = parse_number(name, kMaxCode);
        const auto code = number ? std::optional{static_cast<dhcp6::OptionCode>(*number)}
                                 : dhcp6::find_option_code(name);
        if (!code) {
            return std::nullopt;
        }
        Row row;
        row.code = static_cast<std::uint16_t>(*code);
        row.name = dhcp6::option_name(*code);
        row.reference = "unassigned";
        if (const dhcp6::OptionInfo* const info = dhcp6::option_info(*code)) {
            const bool unlimited = info->max_len == dhcp6::kUnlimitedLen;
            row.reference = info->reference;
            row.min_len = info->min_len;
            row.max_len = unlimited ? kUnlimited : info->max_len;
            row.list = info->list;
            row.configurable = info->configurable;
        }
        row.configurable = row.configurable && row.code != 0;
        return row;
    }
    [[nodiscard]] std::string_view nearest(const std::string& name) const override {
        return dhcp6::nearest_option_name(name);
    }
    [[nodiscard]] Result<std::vector<std::byte>, std::string> encode(
        const Row& row, std::span<const std::string> texts) const override {
        return dhcp6::encode_option(static_cast<dhcp6::OptionCode>(row.code), texts);
    }
    [[nodiscard]] std::optional<std::vector<std::byte>> encode_address(
        std::string_view text) const override {
        const auto address = parse_ipv6(text);
        if (!address) {
            return std::nullopt;
        }
        return std::vector<std::byte>(address->octets.begin(), address->octets.end());
    }
    [[nodiscard]] bool is_marker(const Row& row) const override { return row.code == 0; }

  private:
    static constexpr std::uint64_t kMaxCode = 0xffff;
};

// The row that a key means; the error is reported.
std::optional<Row> find_row(const Reader& reader, const Registry& registry, const Node& key) {
    if (key.kind != Node::Kind::kScalar) {
        reader.reporter().error(key.place, "options: a name or number of an option was meant here");
        return std::nullopt;
    }
    std::optional<Row> row = registry.find(key.text);
    if (!row) {
        const bool digits = key.text.find_first_not_of("0123456789") == std::string::npos;
        std::string message = "unknown option " + in_quotes(key.text);
        const std::string_view near =
            key.text.size() <= kMaxNameLen ? registry.nearest(key.text) : std::string_view{};
        if (digits && !key.text.empty()) {
            message += "; numbers are " + std::string{registry.numbers} + ", without leading zeros";
        } else if (!near.empty()) {
            message += "; " + in_quotes(near) + " was meant?";
        } else {
            message += "; a name such as " + in_quotes(registry.example) + " or a number was meant";
        }
        reader.reporter().error(key.place, message);
        return std::nullopt;
    }
    if (!row->configurable) {
        reader.reporter().error(
            key.place, "option " + in_quotes(row->name) +
                           (registry.is_marker(*row)
                                ? " carries no value; numbers are " + std::string{registry.numbers}
                                : " cannot be configured; the server computes it, or only "
                                  "clients and relays send it"));
        return std::nullopt;
    }
    return row;
}

// The scalars of a value, each with its node. Anything else is reported; nullopt then.
std::optional<std::vector<Value>> scalars(const Reader& reader, const Value& value) {
    std::vector<Value> elements{value};
    if (value.node->kind == Node::Kind::kSequence) {
        elements = reader.list(value);
        if (elements.size() != value.node->children.size()) {
            return std::nullopt;  // an empty element, reported by list()
        }
    }
    bool good = true;
    for (const Value& element : elements) {
        if (element.node->kind != Node::Kind::kScalar) {
            reader.error(element, "a value or a list of values was meant here");
            good = false;
        } else if (std::ranges::any_of(element.node->text, [](char character) {
                       return static_cast<unsigned char>(character) < 0x20 || character == 0x7f;
                   })) {
            reader.error(element,
                         in_quotes(element.node->text) +
                             " has a control character; {type: hex, value: ...} was meant?");
            good = false;
        }
    }
    return good ? std::optional{elements} : std::nullopt;
}

// By the registry's type. If it fails, the elements that are to blame are reported, else the whole.
std::optional<std::vector<std::byte>> encode_by_registry(const Reader& reader,
                                                         const Registry& registry,
                                                         const Value& value,
                                                         std::span<const Value> elements,
                                                         const Row& row) {
    std::vector<std::string> texts;
    for (const Value& element : elements) {
        texts.push_back(element.node->text);
    }
    auto encoded = registry.encode(row, texts);
    if (encoded) {
        return std::move(encoded).value();
    }
    bool blamed = false;
    for (std::size_t i = 0; row.list && texts.size() > 1 && i < texts.size(); ++i) {
        const auto alone = registry.encode(row, std::span{texts}.subspan(i, 1));
        if (!alone) {
            reader.reporter().error(elements[i].place(), alone.error());
            blamed = true;
        }
    }
    if (!blamed) {
        const bool one = elements.size() == 1;
        reader.reporter().error(one ? elements[0].place() : value.place(), encoded.error());
    }
    return std::nullopt;
}

// One element of a value whose type the configuration names; empty and reported if it is wrong.
std::vector<std::byte> encode_element(const Reader& reader, const Registry& registry,
                                      const Value& element, ValueType type) {
    std::vector<std::byte> bytes;
    const auto put_number = [&](std::uint32_t max, std::size_t len) {
        const auto number = reader.number(element, 0, max);
        for (std::size_t i = len; number && i > 0; --i) {
            bytes.push_back(static_cast<std::byte>(*number >> (8 * (i - 1))));
        }
    };
    switch (type) {
        case ValueType::kHex:
            if (auto hex = parse_hex(element.node->text)) {
                return std::move(*hex);
            }
            reader.error(element, in_quotes(element.node->text) +
                                      " is not hexadecimal, such as 0x0102ff or 01:02:ff");
            break;
        case ValueType::kText:
            if (const auto text = reader.text(element, kMaxOptionLen)) {
                bytes.assign(as_bytes(*text).begin(), as_bytes(*text).end());
            }
            break;
        case ValueType::kIp:
            if (auto address = registry.encode_address(element.node->text)) {
                return std::move(*address);
            }
            reader.error(element, in_quotes(element.node->text) + " is not " +
                                      std::string{registry.address_meant});
            break;
        case ValueType::kU8:
            put_number(0xff, 1);
            break;
        case ValueType::kU16:
            put_number(0xffff, 2);
            break;
        case ValueType::kU32:
            put_number(0xffffffff, 4);
            break;
        case ValueType::kRegistry:
            break;
    }
    return bytes;
}

std::optional<std::vector<std::byte>> encode_by_type(const Reader& reader, const Registry& registry,
                                                     const Value& value,
                                                     std::span<const Value> elements,
                                                     const Row& row, ValueType type) {
    std::vector<std::byte> bytes;
    for (const Value& element : elements) {
        const std::vector<std::byte> part = encode_element(reader, registry, element, type);
        if (part.empty()) {
            return std::nullopt;
        }
        bytes.insert(bytes.end(), part.begin(), part.end());
    }
    if (bytes.size() < row.min_len || bytes.size() > row.max_len) {
        std::string limits = std::to_string(row.min_len);
        if (row.max_len == kUnlimited) {
            limits = "at least " + limits;
        } else if (row.max_len != row.min_len) {
            limits += " to " + std::to_string(row.max_len);
        }
        reader.error(value, std::to_string(bytes.size()) + " bytes; " + limits + " were meant (" +
                                std::string{row.reference} + ")");
        return std::nullopt;
    }
    return bytes;
}

std::optional<Option> read_option(const Reader& reader, const Registry& registry,
                                  const Value& given, const Row& row) {
    Value value = given;
    auto type = std::optional{ValueType::kRegistry};
    auto always = std::optional{false};
    if (given.node->kind == Node::Kind::kMap) {
        constexpr std::array<std::string_view, 3> kKeys{"type", "value", "always"};
        const MapReader map{reader, given, kKeys};
        if (const auto word = map.find("type")) {
            type = reader.choice(*word, kValueTypes);
        }
        if (const auto word = map.find("always")) {
            always = reader.boolean(*word);
        }
        const auto inner = map.require("value", "the value to send was meant");
        if (!inner) {
            return std::nullopt;
        }
        value = {inner->node, given.key};
    }
    const auto elements = scalars(reader, value);
    if (!elements || !type) {
        return std::nullopt;
    }
    if (elements->empty()) {
        reader.error(value, "the list is empty; leave the option out, or give it a value");
        return std::nullopt;
    }
    auto bytes = *type == ValueType::kRegistry
                     ? encode_by_registry(reader, registry, value, *elements, row)
                     : encode_by_type(reader, registry, value, *elements, row, *type);
    if (!bytes || !always) {
        return std::nullopt;
    }
    if (bytes->size() > kMaxOptionLen) {
        reader.error(value, std::to_string(bytes->size()) + " bytes; no message holds them");
        return std::nullopt;
    }
    return Option{row.code, std::move(*bytes), *always};
}

std::vector<Option> read_map(const Reader& reader, const Registry& registry, const Value& options) {
    std::vector<Option> result;
    if (options.node->kind != Node::Kind::kMap) {
        reader.error(options, "a map was meant, such as " + std::string{registry.options_meant});
        return result;
    }
    std::map<std::uint16_t, Place> first_places;
    const auto& children = options.node->children;
    for (std::size_t i = 0; i + 1 < children.size(); i += 2) {
        const Node& key = *children[i];
        const auto row = find_row(reader, registry, key);
        if (!row) {
            continue;
        }
        const auto [first, is_new] = first_places.emplace(row->code, key.place);
        if (!is_new) {
            reader.reporter().error(key.place, "duplicate option " + in_quotes(row->name) +
                                                   "; it is first on " + to_string(first->second));
            continue;
        }
        if (children[i + 1]->kind == Node::Kind::kNull) {
            reader.reporter().error(
                key.place, about(key.text, "has no value; give it one or leave the option out"));
            continue;
        }
        if (auto option = read_option(reader, registry, {children[i + 1], row->name}, *row)) {
            result.push_back(std::move(*option));
        }
    }
    return result;
}

}  // namespace

std::vector<model::OptionValue> read_options(const Reader& reader, const Value& options) {
    std::vector<model::OptionValue> result;
    for (Option& option : read_map(reader, Registry4{}, options)) {
        result.push_back(
            {static_cast<dhcp4::OptionCode>(option.code), std::move(option.value), option.always});
    }
    return result;
}

std::vector<model::OptionValue6> read_options6(const Reader& reader, const Value& options) {
    std::vector<model::OptionValue6> result;
    for (Option& option : read_map(reader, Registry6{}, options)) {
        result.push_back(
            {static_cast<dhcp6::OptionCode>(option.code), std::move(option.value), option.always});
    }
    return result;
}

const model::OptionValue* find_value(const std::vector<model::OptionValue>& options,
                                     dhcp4::OptionCode code) noexcept {
    const auto found = std::ranges::find(options, code, &model::OptionValue::code);
    return found == options.end() ? nullptr : &*found;
}

}  // namespace xdhcpd::config
