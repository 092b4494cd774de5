#include "dhcp6/option_text.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "base/addresses.h"
#include "dhcp6/option_list.h"
#include "dhcp6/values.h"
#include "option_value/encode.h"
#include "option_value/format.h"

namespace xdhcpd::dhcp6 {
namespace {

using namespace option_value;

// Sub-options of a time server (RFC 5908 section 4).
constexpr std::uint16_t kNtpAddress = 1;
constexpr std::uint16_t kNtpGroup = 2;
constexpr std::uint16_t kNtpName = 3;
constexpr std::size_t kMaxLen = std::numeric_limits<std::uint16_t>::max();
constexpr std::size_t kEnterpriseLen = 4;

// An option that the registry does not have.
constexpr OptionInfo kUnregistered{OptionCode{}, "",  OptionType::kBytes, false, 0, kUnlimitedLen,
                                   "unassigned", true};

// What only clients, relays and servers among themselves write: bytes from people.
constexpr bool is_bytes_from_people(OptionType type) {
    switch (type) {
        case OptionType::kBytes:
        case OptionType::kRemoteId:
        case OptionType::kLinkLayer:
        case OptionType::kFqdn:
        case OptionType::kStatusCode:
        case OptionType::kIaNa:
        case OptionType::kIaTa:
        case OptionType::kIaPd:
        case OptionType::kIaAddress:
        case OptionType::kIaPrefix:
            return true;
        default:
            return false;
    }
}

// ---- text to bytes: each appends the value of one element and says whether the text was good

bool append_option(Bytes& out, std::uint16_t code, const Bytes& value) {
    if (value.size() > kMaxLen) {
        return false;
    }
    append_u16(out, code);
    append_u16(out, static_cast<std::uint16_t>(value.size()));
    append(out, value);
    return true;
}

// "code=value", or bytes as they are.
bool encode_suboption(Bytes& out, Text text) {
    const std::size_t equals = text.find('=');
    const auto code = parse_number<std::uint16_t>(text.substr(0, equals));
    if (equals == Text::npos || !code) {
        return encode_bytes(out, text);
    }
    const Text value_text = text.substr(equals + 1);
    Bytes value;
    return (encode_ipv6(value, value_text) || encode_bytes(value, value_text)) &&
           append_option(out, *code, value);
}

bool encode_text(Bytes& out, Text text) {
    if (text.size() > kMaxLen) {
        return false;
    }
    append_u16(out, static_cast<std::uint16_t>(text.size()));
    append(out, as_bytes(text));
    return true;
}

bool encode_ntp_server(Bytes& out, Text text) {
    Bytes value;
    if (const auto address = parse_ipv6(text)) {
        append(value, address->bytes());
        return append_option(out, address->is_multicast() ? kNtpGroup : kNtpAddress, value);
    }
    return encode_name(value, text) && append_option(out, kNtpName, value);
}

bool encode_option_code(Bytes& out, Text text) {
    if (const auto code = find_option_code(text)) {
        append_u16(out, static_cast<std::uint16_t>(*code));
        return true;
    }
    return encode_number<std::uint16_t>(out, text);
}

bool encode_element(Bytes& out, OptionType type, Text text) {
    switch (type) {
        case OptionType::kEmpty:
            return parse_flag(text) == true;
        case OptionType::kU8:
            return encode_number<std::uint8_t>(out, text);
        case OptionType::kU16:
            return encode_number<std::uint16_t>(out, text);
        case OptionType::kU32:
            return encode_number<std::uint32_t>(out, text);
        case OptionType::kSeconds:
            return encode_seconds(out, text);
        case OptionType::kIpv6:
            return encode_ipv6(out, text);
        case OptionType::kText:
            append(out, as_bytes(text));
            return true;
        case OptionType::kTexts:
            return encode_text(out, text);
        case OptionType::kDomainName:
        case OptionType::kDomainList:
            return encode_name(out, text);
        case OptionType::kOptionCodes:
            return encode_option_code(out, text);
        case OptionType::kOptions:
            return encode_suboption(out, text);
        case OptionType::kVendorClass:
            return out.empty() ? encode_number<std::uint32_t>(out, text) : encode_text(out, text);
        case OptionType::kVendorOptions:
            return out.empty() ? encode_number<std::uint32_t>(out, text)
                               : encode_suboption(out, text);
        case OptionType::kNtpServers:
            return encode_ntp_server(out, text);
        default:
            return is_bytes_from_people(type) && encode_bytes(out, text);
    }
}

Text wanted(const OptionInfo& option) {
    switch (option.type) {
        case OptionType::kEmpty:
            return "no value";
        case OptionType::kU8:
            return "a number 0..255";
        case OptionType::kU16:
            return option.list ? "numbers 0..65535" : "a number 0..65535";
        case OptionType::kU32:
            return "a number 0..4294967295";
        case OptionType::kSeconds:
            return "a time such as 3600, 90s, 15m, 12h, 7d or infinite";
        case OptionType::kIpv6:
            return option.list ? "IPv6 addresses" : "an IPv6 address";
        case OptionType::kText:
            return "text";
        case OptionType::kTexts:
            return "texts";
        case OptionType::kDomainName:
            return "a domain name such as example.org";
        case OptionType::kDomainList:
            return "domain names such as example.org";
        case OptionType::kOptionCodes:
            return "option names or codes";
        case OptionType::kOptions:
            return "options such as 1=0x0102 or 1=2001:db8::1, or bytes such as 0x0102";
        case OptionType::kVendorClass:
            return "an enterprise number, then texts";
        case OptionType::kVendorOptions:
            return "an enterprise number, then options such as 1=0x0102 or 1=2001:db8::1";
        case OptionType::kNtpServers:
            return "IPv6 addresses or domain names";
        default:
            return "bytes such as 0x0102 or 01:02, or text in double quotes";
    }
}

// ---- bytes to text: each returns nothing if the value does not have the shape

std::string format_option_code(const std::byte* at) {
    return option_name(static_cast<OptionCode>(load_be16(at)));
}

// "code=0x..", whatever the codes mean.
std::optional<std::string> format_suboptions(ByteView value) {
    const auto options = OptionList::parse(value);
    if (!options) {
        return std::nullopt;
    }
    std::string text;
    for (const Option option : *options) {
        append_element(
            text, std::to_string(static_cast<unsigned>(option.code)) + "=" + hex(option.value));
    }
    return text;
}

std::optional<std::string> format_texts(ByteView value) {
    std::string text;
    const bool is_whole =
        for_each_text(value, [&](ByteView element) { append_element(text, printable(element)); });
    return is_whole ? std::optional{text} : std::nullopt;
}

// An enterprise number and what `format` makes of the rest.
template <typename Format>
std::optional<std::string> format_enterprise(ByteView value, Format format) {
    if (value.size() < kEnterpriseLen) {
        return std::nullopt;
    }
    std::string text = std::to_string(load_be32(value.data()));
    if (value.size() == kEnterpriseLen) {
        return text;
    }
    const std::optional<std::string> rest = format(value.subspan(kEnterpriseLen));
    if (!rest) {
        return std::nullopt;
    }
    append_element(text, *rest);
    return text;
}

std::optional<std::string> format_ntp_server(Option option) {
    const auto code = static_cast<std::uint16_t>(option.code);
    if (code == kNtpName) {
        return format_name(option.value);
    }
    const bool is_address =
        (code == kNtpAddress || code == kNtpGroup) && option.value.size() == Ipv6::kLen;
    return is_address ? format_ipv6s(option.value) : std::nullopt;
}

std::optional<std::string> format_ntp_servers(ByteView value) {
    const auto options = OptionList::parse(value);
    if (!options) {
        return std::nullopt;
    }
    std::string text;
    for (const Option option : *options) {
        const auto server = format_ntp_server(option);
        if (!server) {
            return std::nullopt;
        }
        append_element(text, *server);
    }
    return text;
}

std::optional<std::string> format_link_layer(ByteView value) {
    const auto address = read_link_layer(value);
    if (!address) {
        return std::nullopt;
    }
    return "type=" + std::to_string(address->type) + " " + to_hex(address->address);
}

// Flags, then a name in wire format, perhaps without its root.
std::optional<std::string> format_fqdn(ByteView value) {
    const auto fqdn = read_client_fqdn(value);
    if (!fqdn) {
        return std::nullopt;
    }
    Bytes rooted{fqdn->name.begin(), fqdn->name.end()};
    if (rooted.empty() || rooted.back() != std::byte{0}) {
        rooted.push_back(std::byte{0});
    }
    const auto text = format_name(rooted);
    return text ? std::optional{"flags=" + hex(value.first(1)) + " " + *text} : std::nullopt;
}

std::optional<std::string> format_status(ByteView value) {
    const auto status = read_status(value);
    if (!status) {
        return std::nullopt;
    }
    const Text known = name(status->code);
    std::string text =
        known.empty() ? std::to_string(static_cast<unsigned>(status->code)) : std::string{known};
    if (!status->message.empty()) {
        text += " " + quoted(status->message);
    }
    return text;
}

std::string format_times(Text first, std::uint32_t a, Text second, std::uint32_t b) {
    std::byte octets[8];
    store_be32(octets, a);
    store_be32(octets + 4, b);
    return " " + std::string{first} + "=" + format_seconds(octets) + " " + std::string{second} +
           "=" + format_seconds(octets + 4);
}

// What is inside an address or prefix: leaves only, so that nothing calls itself.
std::string format_leaves(const OptionList& options) {
    std::string text;
    for (const Option option : options) {
        const auto status =
            option.code == OptionCode::kStatusCode ? format_status(option.value) : std::nullopt;
        text += " " + option_name(option.code) + "=" + (status ? *status : hex(option.value));
    }
    return text;
}

std::optional<std::string> format_ia_address(ByteView value) {
    const auto read = read_ia_address(value);
    if (!read) {
        return std::nullopt;
    }
    return to_string(read->address) +
           format_times("preferred", read->preferred_lifetime, "valid", read->valid_lifetime) +
           format_leaves(read->options);
}

std::optional<std::string> format_ia_prefix(ByteView value) {
    const auto read = read_ia_prefix(value);
    if (!read) {
        return std::nullopt;
    }
    return to_string(read->prefix) +
           format_times("preferred", read->preferred_lifetime, "valid", read->valid_lifetime) +
           format_leaves(read->options);
}

std::optional<std::string> format_in_ia(Option option) {
    switch (option.code) {
        case OptionCode::kIaAddress:
            return format_ia_address(option.value);
        case OptionCode::kIaPrefix:
            return format_ia_prefix(option.value);
        case OptionCode::kStatusCode:
            return format_status(option.value);
        default:
            return std::nullopt;
    }
}

std::optional<std::string> format_ia(Option option) {
    const auto association = read_ia(option);
    if (!association) {
        return std::nullopt;
    }
    std::string text = "iaid=" + std::to_string(association->iaid);
    if (option.code != OptionCode::kIaTa) {
        text += format_times("t1", association->t1, "t2", association->t2);
    }
    for (const Option inner : association->options) {
        const auto element = format_in_ia(inner);
        text +=
            " [" + option_name(inner.code) + " " + (element ? *element : hex(inner.value)) + "]";
    }
    return text;
}

std::optional<std::string> format_shape(const OptionInfo& option, ByteView value) {
    switch (option.type) {
        case OptionType::kEmpty:
            return value.empty() ? std::optional{std::string{}} : std::nullopt;
        case OptionType::kU8:
            return format_u8s(value);
        case OptionType::kU16:
            return format_u16s(value);
        case OptionType::kU32:
            return format_u32s(value);
        case OptionType::kSeconds:
            return format_elements(value, 4, format_seconds);
        case OptionType::kIpv6:
            return format_ipv6s(value);
        case OptionType::kText:
            return format_text(value);
        case OptionType::kTexts:
            return format_texts(value);
        case OptionType::kDomainName:
            return format_name(value);
        case OptionType::kDomainList:
            return format_names(value);
        case OptionType::kBytes:
            return value.size() < 2 ? hex(value) : to_hex(value);
        case OptionType::kOptionCodes:
            return format_elements(value, 2, format_option_code);
        case OptionType::kOptions:
            return format_suboptions(value);
        case OptionType::kVendorClass:
            return format_enterprise(value, format_texts);
        case OptionType::kVendorOptions:
            return format_enterprise(value, format_suboptions);
        case OptionType::kNtpServers:
            return format_ntp_servers(value);
        case OptionType::kRemoteId:
            return format_enterprise(value, [](ByteView id) { return std::optional{hex(id)}; });
        case OptionType::kLinkLayer:
            return format_link_layer(value);
        case OptionType::kFqdn:
            return format_fqdn(value);
        case OptionType::kStatusCode:
            return format_status(value);
        case OptionType::kIaNa:
        case OptionType::kIaTa:
        case OptionType::kIaPd:
            return format_ia({option.code, value});
        case OptionType::kIaAddress:
            return format_ia_address(value);
        case OptionType::kIaPrefix:
            return format_ia_prefix(value);
    }
    return std::nullopt;
}

}  // namespace

Result<std::vector<std::byte>, std::string> encode_option(OptionCode code,
                                                          std::span<const std::string> values) {
    const OptionInfo* const row = option_info(code);
    const OptionInfo& option = row != nullptr ? *row : kUnregistered;
    const auto complaint = [&](const std::string& got) {
        return Unexpected{option_name(code) + " wants " + std::string{wanted(option)} + ", got " +
                          got};
    };
    if (!option.list && values.size() != 1 &&
        !(option.type == OptionType::kEmpty && values.empty())) {
        return complaint(std::to_string(values.size()) + " values");
    }
    Bytes out;
    for (const std::string& value : values) {
        const bool verbatim = option.type == OptionType::kText || option.type == OptionType::kTexts;
        if (!encode_element(out, option.type, verbatim ? Text{value} : trimmed(value))) {
            return complaint(quoted(value));
        }
    }
    if (out.size() < option.min_len || out.size() > option.max_len) {
        const std::string limit = out.size() < option.min_len
                                      ? "at least " + std::to_string(option.min_len)
                                      : "at most " + std::to_string(option.max_len);
        return complaint(std::to_string(out.size()) + " octets where " + limit + " are needed");
    }
    return out;
}

std::string format_option(OptionCode code, ByteView value) {
    const OptionInfo* const row = option_info(code);
    const OptionInfo& option = row != nullptr ? *row : kUnregistered;
    // Also what has one value must not come twice: 32 octets are not an address.
    const bool fits = value.size() >= option.min_len && value.size() <= option.max_len;
    auto text = fits ? format_shape(option, value) : std::nullopt;
    return text ? *std::move(text) : hex(value);
}

}  // namespace xdhcpd::dhcp6
