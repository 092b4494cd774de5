// Values for people: any value of any option can be shown, without control characters; and what is
// shown of an option with one value, taken as text again, is refused with a sentence or encoded
// within the option's limits.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/assert.h"
#include "dhcp4/option_text.h"

namespace {

using namespace xdhcpd;
using namespace xdhcpd::dhcp4;

bool printable(const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f; });
}

void encode(const OptionInfo& option, const std::string& text) {
    const auto encoded = encode_option(option, {&text, 1});
    if (!encoded) {
        XD_ASSERT(encoded.error().find(std::string{option.name} + " wants ") == 0);
        XD_ASSERT(printable(encoded.error()));
        return;
    }
    XD_ASSERT(encoded->size() >= option.min_len && encoded->size() <= option.max_len);
    XD_ASSERT(printable(format_option(option.code, *encoded)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const OptionInfo& option = option_info(static_cast<OptionCode>(data[0]));
    const ByteView value{reinterpret_cast<const std::byte*>(data + 1), size - 1};
    const std::string text = format_option(option.code, value);
    XD_ASSERT(printable(text));
    encode(option, text);
    encode(option, std::string{as_text(value)});
    if (option.code == OptionCode::kEnd) {  // seldom, for it is slow: it compares with every name
        static_cast<void>(nearest_option_name(as_text(value)));
    }
    return 0;
}
