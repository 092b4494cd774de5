// Small files of the state directory, whatever stands above a checksum that is right: read or
// refused, and what was read comes back from what is written of it.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "control/advertised_sets.h"
#include "control/reconfigure_keyring.h"
#include "journal/codec/summed_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace xdhcpd;
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    static_cast<void>(control::decode_reconfigure_file(text));
    static_cast<void>(control::decode_advertised(text));
    const std::string summed = journal::add_sum(std::string{text} + "\n");
    if (const auto content = control::decode_reconfigure_file(summed)) {
        const auto again =
            control::decode_reconfigure_file(control::encode_reconfigure_file(*content));
        XD_ASSERT(again && again->secret == content->secret && again->counter == content->counter);
    }
    if (const auto items = control::decode_advertised(summed)) {
        XD_ASSERT(control::decode_advertised(control::encode_advertised(*items)).has_value());
    }
    return 0;
}
