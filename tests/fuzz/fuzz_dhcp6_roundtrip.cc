// What the parser reads, the writer writes back through the same relays, and the parser reads
// again. The first two octets of the input choose the room; the rest is a message.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "dhcp6/message_view.h"
#include "dhcp6/writer.h"

namespace {

using namespace xdhcpd;
using namespace xdhcpd::dhcp6;

constexpr std::byte kGuard{0xa5};
constexpr std::size_t kGuardLen = 16;

// Each returns whether all fitted; nothing stays open.
bool write_lease(ReplyWriter& writer, Option option) {
    const OptionList* inner = nullptr;
    const auto address = read_ia_address(option.value);
    const auto prefix = read_ia_prefix(option.value);
    if (option.code == OptionCode::kIaAddress) {
        if (!writer.open_address(address->address, address->preferred_lifetime,
                                 address->valid_lifetime)) {
            return false;
        }
        inner = &address->options;
    } else if (option.code == OptionCode::kIaPrefix) {
        if (!writer.open_prefix(prefix->prefix, prefix->preferred_lifetime,
                                prefix->valid_lifetime)) {
            return false;
        }
        inner = &prefix->options;
    } else {
        return writer.add(option.code, option.value);
    }
    const bool fitted = writer.add_encoded(inner->bytes());
    writer.close();
    return fitted;
}

bool write_ia(ReplyWriter& writer, const IdentityAssociation& ia) {
    const bool opened = ia.code == OptionCode::kIaPd ? writer.open_ia_pd(ia.iaid, ia.t1, ia.t2)
                                                     : writer.open_ia_na(ia.iaid, ia.t1, ia.t2);
    if (!opened) {
        return false;
    }
    bool fitted = true;
    for (const Option option : ia.options) {
        const ReplyWriter::Mark mark = writer.mark();
        if (!write_lease(writer, option)) {
            writer.rewind(mark);
            fitted = false;
        }
    }
    writer.close();
    return fitted;
}

bool write_message(ReplyWriter& writer, const MessageView& view) {
    bool fitted = true;
    for (const Option option : view.options()) {
        const auto ia = read_ia(option);
        const bool is_built = ia && ia->code != OptionCode::kIaTa;
        fitted =
            (is_built ? write_ia(writer, *ia) : writer.add(option.code, option.value)) && fitted;
    }
    return fitted;
}

void compare(const MessageView& again, const MessageView& view, bool fitted) {
    XD_ASSERT(again.type() == view.type() && again.transaction_id() == view.transaction_id());
    XD_ASSERT(again.relays().size() == view.relays().size());
    for (std::size_t i = 0; i < view.relays().size(); ++i) {
        const Relay& back = again.relays()[i];
        const Relay& sent = view.relays()[i];
        XD_ASSERT(back.hop_count == sent.hop_count && back.link_address == sent.link_address);
        XD_ASSERT(back.peer_address == sent.peer_address);
        XD_ASSERT(back.source_port() == sent.source_port());
        XD_ASSERT(back.interface_id().has_value() == sent.interface_id().has_value());
        XD_ASSERT(equal_bytes(back.interface_id().value_or(ByteView{}),
                              sent.interface_id().value_or(ByteView{})));
    }
    if (fitted) {
        XD_ASSERT(again.message().size() == view.message().size());
        XD_ASSERT(equal_bytes(again.client_id(), view.client_id()));
        XD_ASSERT(equal_bytes(again.server_id(), view.server_id()));
    }
}

void round_trip(const MessageView& view, std::size_t room) {
    std::vector<std::byte> storage(room + 2 * kGuardLen, kGuard);
    const MutableBytes out = MutableBytes{storage}.subspan(kGuardLen, room);
    auto writer = ReplyWriter::begin(out, view.type(), view.transaction_id(), view.relays());
    const auto is_guard = [](std::byte octet) { return octet == kGuard; };
    if (writer) {
        const bool fitted = write_message(*writer, view);
        const std::size_t len = writer->finish();
        XD_ASSERT(len <= room);
        static MessageView again;
        XD_ASSERT(again.parse(out.first(len)).has_value());
        compare(again, view, fitted);
        again.clear();
    }
    XD_ASSERT(std::all_of(storage.begin(), storage.begin() + kGuardLen, is_guard));
    XD_ASSERT(std::all_of(storage.end() - kGuardLen, storage.end(), is_guard));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static MessageView view;
    const ByteView input{reinterpret_cast<const std::byte*>(data), size};
    if (size < 2 || !view.parse(input.subspan(2))) {
        return 0;
    }
    round_trip(view, load_be16(&input[0]) % 4096U);
    round_trip(view, size + 64);
    view.clear();
    return 0;
}
