#include "dhcp4/option_text.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "base/addresses.h"
#include "option_value/encode.h"
#include "option_value/format.h"

namespace xdhcpd::dhcp4 {
namespace {

using namespace option_value;

constexpr std::size_t kIpv4Len = 4;
constexpr std::uint8_t kFqdnWireFormat = 0x04;  // the E bit of RFC 4702 section 2.1
constexpr std::size_t kFqdnHeaderLen = 3;       // flags and two response codes
constexpr std::uint8_t kSipNames = 0;           // RFC 3361 section 3
constexpr std::uint8_t kSipAddresses = 1;

// ---- text to bytes: each appends the value of one element and says whether the text was good

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
        return format_ipv4s(value.subspan(1));
    }
    return std::nullopt;
}

// A "mandatory" octet and what follows it.
std::optional<std::string> format_slp(ByteView value, bool addresses) {
    auto text = value.empty() ? std::nullopt : format_flag(value.first(1));
    if (!text || value.size() == 1) {
        return text;
    }
    const auto rest =
        addresses ? format_ipv4s(value.subspan(1)) : std::optional{printable(value.subspan(1))};
    return rest ? std::optional{*text + ", " + *rest} : std::nullopt;
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
            return format_u8s(value);
        case OptionType::kU16:
            return format_u16s(value);
        case OptionType::kU32:
            return format_u32s(value);
        case OptionType::kI32:
            return format_elements(value, 4, [](const std::byte* at) {
                return std::to_string(static_cast<std::int32_t>(load_be32(at))) + "s";
            });
        case OptionType::kSeconds:
            return format_elements(value, 4, format_seconds);
        case OptionType::kIpv4:
            return format_ipv4s(value);
        case OptionType::kIpv4Pair:
            return format_elements(value, 2 * kIpv4Len, [](const std::byte* at) {
                return to_string(Ipv4::load(at)) + " " + to_string(Ipv4::load(at + kIpv4Len));
            });
        case OptionType::kIpv6:
            return format_ipv6s(value);
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
