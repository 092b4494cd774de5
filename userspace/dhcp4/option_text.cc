#include "dhcp4/option_text.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "base/addresses.h"

namespace xdhcpd::dhcp4 {
namespace {

using Bytes = std::vector<std::byte>;
using Text = std::string_view;

constexpr std::uint32_t kInfiniteTime = 0xffffffff;  // RFC 2131 section 3.3
constexpr std::size_t kIpv4Len = 4;
constexpr std::size_t kMaxLabelLen = 63;        // RFC 1035 section 2.3.4
constexpr std::size_t kMaxNameLen = 255;        // likewise, lengths and root included
constexpr unsigned kPointerBits = 0xc0;         // RFC 1035 section 4.1.4
constexpr std::uint8_t kFqdnWireFormat = 0x04;  // the E bit of RFC 4702 section 2.1
constexpr std::size_t kFqdnHeaderLen = 3;       // flags and two response codes
constexpr std::uint8_t kSipNames = 0;           // RFC 3361 section 3
constexpr std::uint8_t kSipAddresses = 1;
// Names made of pointers grow when they are written out; beyond this a list is shown as
// hexadecimal.
constexpr std::size_t kMaxNameListText = 8192;

// ---- text to bytes: each appends the value of one element and says whether the text was good

void append(Bytes& out, ByteView bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}
void append_u8(Bytes& out, std::size_t value) {
    out.push_back(static_cast<std::byte>(value));
}
void append_u16(Bytes& out, std::uint16_t value) {
    std::byte bytes[2];
    store_be16(bytes, value);
    append(out, bytes);
}
void append_u32(Bytes& out, std::uint32_t value) {
    std::byte bytes[4];
    store_be32(bytes, value);
    append(out, bytes);
}

Text trimmed(Text text) {
    const std::size_t first = text.find_first_not_of(" \t");
    return first == Text::npos ? Text{}
                               : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

template <typename Integer>
std::optional<Integer> parse_number(Text text) {
    Integer value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional{value}
                                                                    : std::nullopt;
}

std::optional<bool> parse_flag(Text text) {
    if (text == "true" || text == "yes" || text == "on" || text == "1") {
        return true;
    }
    if (text == "false" || text == "no" || text == "off" || text == "0") {
        return false;
    }
    return std::nullopt;
}

// A count with an optional unit, in seconds.
std::optional<std::uint64_t> parse_time_span(Text text) {
    std::uint64_t unit = 1;
    if (!text.empty()) {
        constexpr std::pair<char, std::uint32_t> kUnits[] = {
            {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
        for (const auto& [letter, unit_seconds] : kUnits) {
            if (text.back() == letter) {
                unit = unit_seconds;
                text.remove_suffix(1);
                break;
            }
        }
    }
    const auto count = parse_number<std::uint32_t>(text);
    return count ? std::optional{*count * unit} : std::nullopt;
}

bool encode_seconds(Bytes& out, Text text) {
    if (text == "infinite" || text == "infinity") {
        append_u32(out, kInfiniteTime);
        return true;
    }
    const auto seconds = parse_time_span(text);
    if (!seconds || *seconds > kInfiniteTime) {
        return false;
    }
    append_u32(out, static_cast<std::uint32_t>(*seconds));
    return true;
}

bool encode_signed_seconds(Bytes& out, Text text) {
    const bool negative = text.starts_with('-');
    const auto seconds = parse_time_span(negative ? text.substr(1) : text);
    constexpr std::uint64_t kMax = std::numeric_limits<std::int32_t>::max();
    if (!seconds || *seconds > (negative ? kMax + 1 : kMax)) {
        return false;
    }
    const auto magnitude = static_cast<std::uint32_t>(*seconds);
    append_u32(out, negative ? 0 - magnitude : magnitude);
    return true;
}

template <typename Integer>
bool encode_number(Bytes& out, Text text) {
    const auto value = parse_number<Integer>(text);
    if (!value) {
        return false;
    }
    if constexpr (sizeof(Integer) == 1) {
        append_u8(out, *value);
    } else if constexpr (sizeof(Integer) == 2) {
        append_u16(out, *value);
    } else {
        append_u32(out, *value);
    }
    return true;
}

bool encode_ipv4(Bytes& out, Text text) {
    const auto address = parse_ipv4(text);
    if (!address) {
        return false;
    }
    append_u32(out, address->value);
    return true;
}

bool encode_ipv6(Bytes& out, Text text) {
    const auto address = parse_ipv6(text);
    if (!address) {
        return false;
    }
    append(out, address->octets);
    return true;
}

// "first second" or "first - second".
std::optional<std::pair<Text, Text>> split_pair(Text text) {
    const std::size_t space = text.find_first_of(" \t");
    if (space == Text::npos) {
        return std::nullopt;
    }
    Text second = trimmed(text.substr(space));
    if (second.starts_with("- ")) {
        second = trimmed(second.substr(1));
    }
    return std::pair{text.substr(0, space), second};
}

bool encode_ipv4_pair(Bytes& out, Text text) {
    const auto pair = split_pair(text);
    return pair && encode_ipv4(out, pair->first) && encode_ipv4(out, pair->second);
}

std::size_t significant_octets(std::uint8_t prefix_length) {
    return (std::size_t{prefix_length} + 7) / 8;
}

// RFC 3442: width, the octets of the destination that the width needs, router.
bool encode_classless_route(Bytes& out, Text text) {
    const auto pair = split_pair(text);
    if (!pair) {
        return false;
    }
    const auto destination = parse_ipv4_prefix(pair->first);
    const auto router = parse_ipv4(pair->second);
    if (!destination || !router || destination->network() != destination->address) {
        return false;
    }
    std::byte address[kIpv4Len];
    destination->address.store(address);
    append_u8(out, destination->length);
    append(out, ByteView{address}.first(significant_octets(destination->length)));
    append_u32(out, router->value);
    return true;
}

std::optional<unsigned> hex_digit(char digit) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(&digit, &digit + 1, value, 16);
    return error == std::errc{} && end == &digit + 1 ? std::optional{value} : std::nullopt;
}

// Pairs of digits that are `step` characters apart.
bool encode_hex_pairs(Bytes& out, Text text, std::size_t step) {
    for (std::size_t i = 0; i < text.size(); i += step) {
        const auto high = hex_digit(text[i]);
        const auto low = i + 1 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
        const bool separated =
            step == 2 || i + 2 == text.size() || (i + 3 < text.size() && text[i + 2] == ':');
        if (!high || !low || !separated) {
            return false;
        }
        append_u8(out, *high * 16 + *low);
    }
    return true;
}

// "0x0102", "01:02" (two octets at least: "10" might be meant as ten) or text in double quotes.
bool encode_bytes(Bytes& out, Text text) {
    if (text.starts_with("0x") || text.starts_with("0X")) {
        return encode_hex_pairs(out, text.substr(2), 2);
    }
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
        append(out, as_bytes(text.substr(1, text.size() - 2)));
        return true;
    }
    return text.find(':') != Text::npos && encode_hex_pairs(out, text, 3);
}

// "code=value", or bytes as they are.
bool encode_suboption(Bytes& out, Text text) {
    const std::size_t equals = text.find('=');
    const auto code = parse_number<std::uint8_t>(text.substr(0, equals));
    if (equals == Text::npos || !code) {
        return encode_bytes(out, text);
    }
    Bytes value;
    const Text value_text = text.substr(equals + 1);
    if ((!encode_ipv4(value, value_text) && !encode_bytes(value, value_text)) ||
        value.size() > std::numeric_limits<std::uint8_t>::max()) {
        return false;
    }
    append_u8(out, *code);
    append_u8(out, value.size());
    append(out, value);
    return true;
}

// One character of a name in text form, `\DDD` and `\c` included (RFC 1035 section 5.1); takes it
// off `text`.
std::optional<std::byte> take_name_octet(Text& text) {
    const char first = text.front();
    text.remove_prefix(1);
    if (first != '\\') {
        const bool plain = first > ' ' && first < 0x7f;
        return plain ? std::optional{static_cast<std::byte>(first)} : std::nullopt;
    }
    if (text.empty()) {
        return std::nullopt;
    }
    if (text.front() < '0' || text.front() > '9') {
        const char escaped = text.front();
        text.remove_prefix(1);
        return static_cast<std::byte>(escaped);
    }
    const auto value =
        text.size() >= 3 ? parse_number<std::uint8_t>(text.substr(0, 3)) : std::nullopt;
    if (!value) {
        return std::nullopt;
    }
    text.remove_prefix(3);
    return std::byte{*value};
}

// RFC 1035 section 3.1, without compression, which every receiver understands. "." is the root.
bool encode_name(Bytes& out, Text text) {
    const std::size_t start = out.size();
    if (text != ".") {
        do {
            const std::size_t length_at = out.size();
            append_u8(out, 0);
            while (!text.empty() && text.front() != '.') {
                const auto octet = take_name_octet(text);
                if (!octet) {
                    return false;
                }
                out.push_back(*octet);
            }
            const std::size_t label_len = out.size() - length_at - 1;
            if (label_len == 0 || label_len > kMaxLabelLen) {
                return false;
            }
            out[length_at] = static_cast<std::byte>(label_len);
            if (!text.empty()) {
                text.remove_prefix(1);  // the dot, which may be the last character
            }
        } while (!text.empty());
    }
    append_u8(out, 0);
    return out.size() - start <= kMaxNameLen;
}

bool encode_option_code(Bytes& out, Text text) {
    if (const OptionInfo* const option = find_option(text)) {
        append_u8(out, static_cast<std::size_t>(option->code));
        return true;
    }
    return encode_number<std::uint8_t>(out, text);
}

bool encode_message_type(Bytes& out, Text text) {
    for (std::size_t type = 1; type < kMessageTypeCount; ++type) {
        if (name(static_cast<MessageType>(type)) == text) {
            append_u8(out, type);
            return true;
        }
    }
    return encode_number<std::uint8_t>(out, text) && std::to_integer<unsigned>(out.back()) != 0 &&
           std::to_integer<unsigned>(out.back()) < kMessageTypeCount;
}

bool encode_flag(Bytes& out, Text text) {
    const auto flag = parse_flag(text);
    if (!flag) {
        return false;
    }
    append_u8(out, *flag ? 1 : 0);
    return true;
}

bool encode_element(Bytes& out, OptionType type, Text text) {
    switch (type) {
        case OptionType::kEmpty:
            return parse_flag(text) == true;
        case OptionType::kFlag:
            return encode_flag(out, text);
        case OptionType::kU8:
            return encode_number<std::uint8_t>(out, text);
        case OptionType::kU16:
            return encode_number<std::uint16_t>(out, text);
        case OptionType::kU32:
            return encode_number<std::uint32_t>(out, text);
        case OptionType::kI32:
            return encode_signed_seconds(out, text);
        case OptionType::kSeconds:
            return encode_seconds(out, text);
        case OptionType::kIpv4:
            return encode_ipv4(out, text);
        case OptionType::kIpv4Pair:
            return encode_ipv4_pair(out, text);
        case OptionType::kIpv6:
            return encode_ipv6(out, text);
        case OptionType::kText:
            append(out, as_bytes(text));
            return true;
        case OptionType::kDomainName:
        case OptionType::kDomainList:
            return encode_name(out, text);
        case OptionType::kClasslessRoutes:
            return encode_classless_route(out, text);
        case OptionType::kBytes:
        case OptionType::kFqdn:
            return encode_bytes(out, text);
        case OptionType::kSuboptions:
            return encode_suboption(out, text);
        case OptionType::kOptionCodes:
            return encode_option_code(out, text);
        case OptionType::kMessageType:
            return encode_message_type(out, text);
        case OptionType::kSipServers:
            return out.front() == std::byte{kSipAddresses} ? encode_ipv4(out, text)
                                                           : encode_name(out, text);
        case OptionType::kSlpAgents:
            return out.empty() ? encode_flag(out, text) : encode_ipv4(out, text);
        case OptionType::kSlpScope:
            if (out.empty()) {
                return encode_flag(out, text);
            }
            append(out, as_bytes(text));
            return true;
    }
    return false;
}

Text wanted(const OptionInfo& option) {
    switch (option.type) {
        case OptionType::kEmpty:
            return "no value";
        case OptionType::kFlag:
            return "true or false";
        case OptionType::kU8:
            return option.list ? "numbers 0..255" : "a number 0..255";
        case OptionType::kU16:
            return option.list ? "numbers 0..65535" : "a number 0..65535";
        case OptionType::kU32:
            return option.list ? "numbers 0..4294967295" : "a number 0..4294967295";
        case OptionType::kI32:
            return "seconds such as 3600, -3600 or 1h";
        case OptionType::kSeconds:
            return "a time such as 3600, 90s, 15m, 12h, 7d or infinite";
        case OptionType::kIpv4:
            return option.list ? "IPv4 addresses" : "an IPv4 address";
        case OptionType::kIpv4Pair:
            return "pairs of IPv4 addresses such as 198.51.100.0 192.0.2.1";
        case OptionType::kIpv6:
            return option.list ? "IPv6 addresses" : "an IPv6 address";
        case OptionType::kText:
            return "text";
        case OptionType::kDomainName:
            return "a domain name such as example.org";
        case OptionType::kDomainList:
            return "domain names such as example.org";
        case OptionType::kClasslessRoutes:
            return "routes such as 198.51.100.0/24 192.0.2.1, without host bits";
        case OptionType::kBytes:
        case OptionType::kFqdn:
            return "bytes such as 0x0102 or 01:02, or text in double quotes";
        case OptionType::kSuboptions:
            return "sub-options such as 1=0x0102 or 1=192.0.2.1, or bytes such as 0x0102";
        case OptionType::kOptionCodes:
            return "option names or codes";
        case OptionType::kMessageType:
            return "a message type";
        case OptionType::kSipServers:
            return "IPv4 addresses or domain names, not both";
        case OptionType::kSlpAgents:
            return "true or false, then IPv4 addresses";
        case OptionType::kSlpScope:
            return "true or false, then text";
    }
    return "a value";
}

std::string complaint(const OptionInfo& option, const std::string& got) {
    return std::string{option.name} + " wants " + std::string{wanted(option)} + ", got " + got;
}

// ---- bytes to text: each returns nothing if the value does not have the shape

std::string hex(ByteView value) {
    std::string text{"0x"};
    text += to_hex(value, 0);
    return text;
}

void append_element(std::string& text, const std::string& element) {
    if (!text.empty()) {
        text += ", ";
    }
    text += element;
}

std::string printable(ByteView value) {
    std::string text;
    for (const std::byte octet : value) {
        const auto c = std::to_integer<unsigned char>(octet);
        if (c == '\\') {
            text += "\\\\";
        } else if (c >= ' ' && c < 0x7f) {
            text += static_cast<char>(c);
        } else {
            text += "\\x";
            text += to_hex({&octet, 1});
        }
    }
    return text;
}

std::string quoted(Text text) {
    std::string result{"'"};
    result += printable(as_bytes(text));
    result += '\'';
    return result;
}

// RFC 2132 section 2: trailing NULs are not part of the text.
std::string format_text(ByteView value) {
    while (!value.empty() && value.back() == std::byte{0}) {
        value = value.first(value.size() - 1);
    }
    return printable(value);
}

void append_label(std::string& text, ByteView label) {
    if (!text.empty()) {
        text += '.';
    }
    for (const std::byte octet : label) {
        const auto c = std::to_integer<unsigned char>(octet);
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (plain) {
            text += static_cast<char>(c);
        } else {
            const std::string decimal = std::to_string(c);
            text += '\\';
            text.append(3 - decimal.size(), '0');
            text += decimal;
        }
    }
}

struct DecodedName {
    std::string text;
    std::size_t next;  // offset behind the name
};

// A name at `at`, which may point back into `value` (RFC 1035 section 4.1.4, RFC 3397 section 2). A
// pointer must go to before the labels that it continues, so that there is an end.
std::optional<DecodedName> decode_name(ByteView value, std::size_t at) {
    DecodedName name{{}, 0};
    std::size_t bound = at;
    std::size_t name_len = 1;
    while (at < value.size()) {
        const unsigned len = load_u8(&value[at]);
        if (len == 0) {
            name.next = name.next == 0 ? at + 1 : name.next;
            if (name.text.empty()) {
                name.text += '.';
            }
            return name;
        }
        if ((len & kPointerBits) == kPointerBits) {
            if (value.size() - at < 2) {
                return std::nullopt;
            }
            name.next = name.next == 0 ? at + 2 : name.next;
            at = load_be16(&value[at]) & ~(kPointerBits << 8) & 0xffff;
            if (at >= bound) {
                return std::nullopt;
            }
            bound = at;
            continue;
        }
        name_len += 1 + len;
        if (len > kMaxLabelLen || len > value.size() - at - 1 || name_len > kMaxNameLen) {
            return std::nullopt;
        }
        append_label(name.text, value.subspan(at + 1, len));
        at += 1 + len;
    }
    return std::nullopt;
}

std::optional<std::string> format_name(ByteView value) {
    auto name = decode_name(value, 0);
    return name && name->next == value.size() ? std::optional{std::move(name->text)} : std::nullopt;
}

std::optional<std::string> format_names(ByteView value) {
    std::string text;
    for (std::size_t at = 0; at < value.size();) {
        const auto name = decode_name(value, at);
        if (!name || text.size() > kMaxNameListText) {
            return std::nullopt;
        }
        append_element(text, name->text);
        at = name->next;
    }
    return text;
}

// Elements of one length, each formatted by `format`.
template <typename Format>
std::optional<std::string> format_elements(ByteView value, std::size_t element_len, Format format) {
    if (value.size() % element_len != 0) {
        return std::nullopt;
    }
    std::string text;
    for (; !value.empty(); value = value.subspan(element_len)) {
        append_element(text, format(value.data()));
    }
    return text;
}

std::optional<std::string> format_addresses(ByteView value) {
    return format_elements(value, kIpv4Len,
                           [](const std::byte* at) { return to_string(Ipv4::load(at)); });
}

std::optional<std::string> format_routes(ByteView value) {
    std::string text;
    while (!value.empty()) {
        const std::uint8_t width = load_u8(value.data());
        const std::size_t octets = significant_octets(width);
        if (width > 32 || value.size() < 1 + octets + kIpv4Len) {
            return std::nullopt;
        }
        std::byte address[kIpv4Len]{};
        copy_bytes(address, value.subspan(1, octets));
        append_element(text, to_string(Ipv4Prefix{Ipv4::load(address), width}) + " " +
                                 to_string(Ipv4::load(&value[1 + octets])));
        value = value.subspan(1 + octets + kIpv4Len);
    }
    return text;
}

std::optional<std::string> format_suboptions(OptionCode code, ByteView value) {
    std::string text;
    while (!value.empty()) {
        if (value.size() < 2 || load_u8(&value[1]) > value.size() - 2) {
            return std::nullopt;
        }
        const std::uint8_t suboption = load_u8(value.data());
        const std::size_t len = load_u8(&value[1]);
        Text known;
        if (code == OptionCode::kRelayAgentInformation) {
            known = name(static_cast<RelaySuboption>(suboption));
        }
        append_element(text, (known.empty() ? std::to_string(suboption) : std::string{known}) +
                                 "=" + hex(value.subspan(2, len)));
        value = value.subspan(2 + len);
    }
    return text;
}

// RFC 4702 section 2: flags, two obsolete octets, then a name in wire format, perhaps without its
// root, or ASCII.
std::optional<std::string> format_fqdn(ByteView value) {
    if (value.size() < kFqdnHeaderLen) {
        return std::nullopt;
    }
    const std::string flags = "flags=" + hex(value.first(1));
    const ByteView domain = value.subspan(kFqdnHeaderLen);
    if ((load_u8(value.data()) & kFqdnWireFormat) == 0) {
        return flags + " " + format_text(domain);
    }
    Bytes rooted{domain.begin(), domain.end()};
    if (rooted.empty() || rooted.back() != std::byte{0}) {
        rooted.push_back(std::byte{0});
    }
    const auto text = format_name(rooted);
    return text ? std::optional{flags + " " + *text} : std::nullopt;
}

std::optional<std::string> format_sip_servers(ByteView value) {
    if (value.size() > 1 && value[0] == std::byte{kSipNames}) {
        return format_names(value.subspan(1));
    }
    if (value.size() > 1 && value[0] == std::byte{kSipAddresses}) {
        return format_addresses(value.subspan(1));
    }
    return std::nullopt;
}

std::optional<std::string> format_flag(ByteView value) {
    if (value.size() != 1 || load_u8(value.data()) > 1) {
        return std::nullopt;
    }
    return load_u8(value.data()) == 1 ? "true" : "false";
}

// A "mandatory" octet and what follows it.
std::optional<std::string> format_slp(ByteView value, bool addresses) {
    auto text = value.empty() ? std::nullopt : format_flag(value.first(1));
    if (!text || value.size() == 1) {
        return text;
    }
    const auto rest =
        addresses ? format_addresses(value.subspan(1)) : std::optional{printable(value.subspan(1))};
    return rest ? std::optional{*text + ", " + *rest} : std::nullopt;
}

std::string format_seconds(const std::byte* at) {
    const std::uint32_t seconds = load_be32(at);
    return seconds == kInfiniteTime ? "infinite" : std::to_string(seconds) + "s";
}

std::string format_option_code(const std::byte* at) {
    return std::string{option_info(static_cast<OptionCode>(load_u8(at))).name};
}

std::optional<std::string> format_message_type(ByteView value) {
    const std::size_t type = value.size() == 1 ? load_u8(value.data()) : 0;
    if (type == 0 || type >= kMessageTypeCount) {
        return std::nullopt;
    }
    return std::string{name(static_cast<MessageType>(type))};
}

std::optional<std::string> format_shape(const OptionInfo& option, ByteView value) {
    switch (option.type) {
        case OptionType::kEmpty:
            return value.empty() ? std::optional{std::string{}} : std::nullopt;
        case OptionType::kFlag:
            return format_flag(value);
        case OptionType::kU8:
            return format_elements(value, 1,
                                   [](const std::byte* at) { return std::to_string(load_u8(at)); });
        case OptionType::kU16:
            return format_elements(
                value, 2, [](const std::byte* at) { return std::to_string(load_be16(at)); });
        case OptionType::kU32:
            return format_elements(
                value, 4, [](const std::byte* at) { return std::to_string(load_be32(at)); });
        case OptionType::kI32:
            return format_elements(value, 4, [](const std::byte* at) {
                return std::to_string(static_cast<std::int32_t>(load_be32(at))) + "s";
            });
        case OptionType::kSeconds:
            return format_elements(value, 4, format_seconds);
        case OptionType::kIpv4:
            return format_addresses(value);
        case OptionType::kIpv4Pair:
            return format_elements(value, 2 * kIpv4Len, [](const std::byte* at) {
                return to_string(Ipv4::load(at)) + " " + to_string(Ipv4::load(at + kIpv4Len));
            });
        case OptionType::kIpv6:
            return format_elements(value, Ipv6::kLen, [](const std::byte* at) {
                Ipv6 address;
                std::copy_n(at, Ipv6::kLen, address.octets.begin());
                return to_string(address);
            });
        case OptionType::kText:
            return format_text(value);
        case OptionType::kDomainName:
            return format_name(value);
        case OptionType::kDomainList:
            return format_names(value);
        case OptionType::kClasslessRoutes:
            return format_routes(value);
        case OptionType::kBytes:
            return value.size() < 2 ? hex(value) : to_hex(value);
        case OptionType::kSuboptions:
            return format_suboptions(option.code, value);
        case OptionType::kOptionCodes:
            return format_elements(value, 1, format_option_code);
        case OptionType::kMessageType:
            return format_message_type(value);
        case OptionType::kFqdn:
            return format_fqdn(value);
        case OptionType::kSipServers:
            return format_sip_servers(value);
        case OptionType::kSlpAgents:
            return format_slp(value, true);
        case OptionType::kSlpScope:
            return format_slp(value, false);
    }
    return std::nullopt;
}

}  // namespace

Result<std::vector<std::byte>, std::string> encode_option(const OptionInfo& option,
                                                          std::span<const std::string> values) {
    if (!option.list && values.size() != 1 &&
        !(option.type == OptionType::kEmpty && values.empty())) {
        return Unexpected{complaint(option, std::to_string(values.size()) + " values")};
    }
    Bytes out;
    if (option.type == OptionType::kSipServers) {
        const bool addresses = std::all_of(
            values.begin(), values.end(),
            [](const std::string& text) { return parse_ipv4(trimmed(text)).has_value(); });
        append_u8(out, addresses ? kSipAddresses : kSipNames);
    }
    if (option.type == OptionType::kSlpScope && values.size() > 2) {
        return Unexpected{complaint(option, std::to_string(values.size()) + " values")};
    }
    for (const std::string& value : values) {
        const bool verbatim = option.type == OptionType::kText;
        const bool address_as_name = option.type == OptionType::kSipServers &&
                                     out.front() == std::byte{kSipNames} &&
                                     parse_ipv4(trimmed(value)).has_value();
        if (address_as_name ||
            !encode_element(out, option.type, verbatim ? Text{value} : trimmed(value))) {
            return Unexpected{complaint(option, quoted(value))};
        }
    }
    if (out.size() < option.min_len || out.size() > option.max_len) {
        const std::string limit = out.size() < option.min_len
                                      ? "at least " + std::to_string(option.min_len)
                                      : "at most " + std::to_string(option.max_len);
        return Unexpected{complaint(
            option, std::to_string(out.size()) + " octets where " + limit + " are needed")};
    }
    return out;
}

std::string format_option(OptionCode code, ByteView value) {
    const OptionInfo& option = option_info(code);
    // Also what has one value must not come twice: 8 octets are not an address.
    const bool fits = value.size() >= option.min_len && value.size() <= option.max_len;
    auto text = fits ? format_shape(option, value) : std::nullopt;
    return text ? *std::move(text) : hex(value);
}

}  // namespace xdhcpd::dhcp4
