// Values for people: any value of any option can be shown, without control characters; and what is
// shown of an option with one value, taken as text again, is refused with a sentence or encoded
// within the option's limits. The first two octets are the code.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/assert.h"
#include "dhcp6/option_text.h"

namespace {

using namespace xdhcpd;
using namespace xdhcpd::dhcp6;

bool printable(const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f; });
}

void encode(OptionCode code, const std::string& text) {
    const auto encoded = encode_option(code, {&text, 1});
    if (!encoded) {
        XD_ASSERT(encoded.error().find(option_name(code) + " wants ") == 0);
        XD_ASSERT(printable(encoded.error()));
        return;
    }
    const OptionInfo* const row = option_info(code);
    XD_ASSERT(row == nullptr ||
              (encoded->size() >= row->min_len && encoded->size() <= row->max_len));
    XD_ASSERT(printable(format_option(code, *encoded)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) {
        return 0;
    }
    const ByteView input{reinterpret_cast<const std::byte*>(data), size};
    const auto code = static_cast<OptionCode>(load_be16(&input[0]) % 160);
    const ByteView value = input.subspan(2);
    const std::string text = format_option(code, value);
    XD_ASSERT(printable(text));
    encode(code, text);
    encode(code, std::string{as_text(value)});
    return 0;
}
