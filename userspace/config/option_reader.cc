#include "config/option_reader.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "dhcp4/option_text.h"
#include "dhcp4/options.h"

namespace xdhcpd::config {
namespace {

constexpr std::size_t kMaxOptionLen = 0xffff;
constexpr std::size_t kMaxNameLen = 64;  // longer than any name of the registry

enum class ValueType : std::uint8_t { kRegistry, kHex, kText, kIp, kU8, kU16, kU32 };

constexpr Choice<ValueType> kValueTypes[] = {{"hex", ValueType::kHex}, {"text", ValueType::kText},
                                             {"ip", ValueType::kIp},   {"u8", ValueType::kU8},
                                             {"u16", ValueType::kU16}, {"u32", ValueType::kU32}};

// The row that a key means; the error is reported.
const dhcp4::OptionInfo* find_row(const Reader& reader, const Node& key) {
    if (key.kind != Node::Kind::kScalar) {
        reader.reporter().error(key.place, "options: a name or number of an option was meant here");
        return nullptr;
    }
    const dhcp4::OptionInfo* row = nullptr;
    const auto number = parse_number(key.text, dhcp4::kOptionCodeCount - 1);
    if (number) {
        row = &dhcp4::option_info(static_cast<dhcp4::OptionCode>(*number));
    } else {
        row = dhcp4::find_option(key.text);
    }
    if (row == nullptr) {
        const bool digits = key.text.find_first_not_of("0123456789") == std::string::npos;
        std::string message = "unknown option " + in_quotes(key.text);
        const std::string_view near =
            key.text.size() <= kMaxNameLen ? dhcp4::nearest_option_name(key.text) : "";
        if (digits && !key.text.empty()) {
            message += "; numbers are 1 to 254, without leading zeros";
        } else if (!near.empty()) {
            message += "; " + in_quotes(near) + " was meant?";
        } else {
            message += "; a name such as 'routers' or a number was meant";
        }
        reader.reporter().error(key.place, message);
        return nullptr;
    }
    if (!row->configurable) {
        const bool marker =
            row->code == dhcp4::OptionCode::kPad || row->code == dhcp4::OptionCode::kEnd;
        reader.reporter().error(
            key.place, "option " + in_quotes(row->name) +
                           (marker ? " carries no value; numbers are 1 to 254"
                                   : " cannot be configured; the server computes it, or only "
                                     "clients and relays send it"));
        return nullptr;
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
std::optional<std::vector<std::byte>> encode_by_registry(const Reader& reader, const Value& value,
                                                         std::span<const Value> elements,
                                                         const dhcp4::OptionInfo& row) {
    std::vector<std::string> texts;
    for (const Value& element : elements) {
        texts.push_back(element.node->text);
    }
    auto encoded = dhcp4::encode_option(row, texts);
    if (encoded) {
        return std::move(encoded).value();
    }
    bool blamed = false;
    for (std::size_t i = 0; row.list && texts.size() > 1 && i < texts.size(); ++i) {
        const auto alone = dhcp4::encode_option(row, std::span{texts}.subspan(i, 1));
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
std::vector<std::byte> encode_element(const Reader& reader, const Value& element, ValueType type) {
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
            if (const auto address = parse_ipv4(element.node->text)) {
                bytes.resize(sizeof address->value);
                address->store(bytes.data());
            } else {
                reader.error(element, in_quotes(element.node->text) +
                                          " is not an IPv4 address, such as 192.0.2.1");
            }
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

std::optional<std::vector<std::byte>> encode_by_type(const Reader& reader, const Value& value,
                                                     std::span<const Value> elements,
                                                     const dhcp4::OptionInfo& row, ValueType type) {
    std::vector<std::byte> bytes;
    for (const Value& element : elements) {
        const std::vector<std::byte> part = encode_element(reader, element, type);
        if (part.empty()) {
            return std::nullopt;
        }
        bytes.insert(bytes.end(), part.begin(), part.end());
    }
    if (bytes.size() < row.min_len || bytes.size() > row.max_len) {
        std::string limits = std::to_string(row.min_len);
        if (row.max_len == dhcp4::kUnlimitedLen) {
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

std::optional<model::OptionValue> read_option(const Reader& reader, const Value& given,
                                              const dhcp4::OptionInfo& row) {
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
                     ? encode_by_registry(reader, value, *elements, row)
                     : encode_by_type(reader, value, *elements, row, *type);
    if (!bytes || !always) {
        return std::nullopt;
    }
    if (bytes->size() > kMaxOptionLen) {
        reader.error(value, std::to_string(bytes->size()) + " bytes; no message holds them");
        return std::nullopt;
    }
    return model::OptionValue{row.code, std::move(*bytes), *always};
}

}  // namespace

std::vector<model::OptionValue> read_options(const Reader& reader, const Value& options) {
    std::vector<model::OptionValue> result;
    if (options.node->kind != Node::Kind::kMap) {
        reader.error(options, "a map was meant, such as {routers: [192.0.2.1]}");
        return result;
    }
    std::array<Place, dhcp4::kOptionCodeCount> first_place{};
    std::bitset<dhcp4::kOptionCodeCount> seen;
    const auto& children = options.node->children;
    for (std::size_t i = 0; i + 1 < children.size(); i += 2) {
        const Node& key = *children[i];
        const dhcp4::OptionInfo* row = find_row(reader, key);
        if (row == nullptr) {
            continue;
        }
        const auto index = static_cast<std::size_t>(row->code);
        if (seen[index]) {
            reader.reporter().error(key.place, "duplicate option " + in_quotes(row->name) +
                                                   "; it is first on " +
                                                   to_string(first_place[index]));
            continue;
        }
        seen[index] = true;
        first_place[index] = key.place;
        if (children[i + 1]->kind == Node::Kind::kNull) {
            reader.reporter().error(
                key.place, about(key.text, "has no value; give it one or leave the option out"));
            continue;
        }
        if (auto option = read_option(reader, {children[i + 1], row->name}, *row)) {
            result.push_back(std::move(*option));
        }
    }
    return result;
}

const model::OptionValue* find_value(const std::vector<model::OptionValue>& options,
                                     dhcp4::OptionCode code) noexcept {
    const auto found = std::ranges::find(options, code, &model::OptionValue::code);
    return found == options.end() ? nullptr : &*found;
}

}  // namespace xdhcpd::config
