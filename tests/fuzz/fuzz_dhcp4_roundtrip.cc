// What the parser reads, the writer writes, and the parser reads again. The first octets of the
// input choose the limits; the rest is a message.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "dhcp4/message_view.h"
#include "dhcp4/writer.h"

namespace {

using namespace xdhcpd;
using namespace xdhcpd::dhcp4;

constexpr std::size_t kChoiceLen = 5;
constexpr std::byte kGuard{0xa5};
constexpr std::size_t kGuardLen = 16;

struct Choice {
    std::size_t max_len;
    std::size_t out_len;  // kMinBootpLen at least
    bool keep_sname;
    bool keep_file;
};

Choice choose(ByteView bytes) {
    const unsigned flags = load_u8(&bytes[4]);
    return {load_be16(&bytes[0]), kMinBootpLen + load_be16(&bytes[2]) % 3000U, (flags & 1) != 0,
            (flags & 2) != 0};
}

ReplyHeader header_of(const MessageView& view, const Choice& choice) {
    ReplyHeader header{.htype = view.htype(),
                       .hlen = view.hlen(),
                       .hops = view.hops(),
                       .xid = view.xid(),
                       .secs = view.secs(),
                       .flags = view.flags(),
                       .ciaddr = view.ciaddr(),
                       .yiaddr = view.yiaddr(),
                       .siaddr = view.siaddr(),
                       .giaddr = view.giaddr(),
                       .chaddr = view.chaddr(),
                       .sname = {},
                       .file = {}};
    if (choice.keep_sname) {
        header.sname = view.sname();
    }
    if (choice.keep_file) {
        header.file = view.file();
    }
    return header;
}

void check_header(const MessageView& read, const ReplyHeader& written) {
    XD_ASSERT(read.op() == kBootReply && read.htype() == written.htype &&
              read.hlen() == written.hlen);
    XD_ASSERT(read.hops() == written.hops && read.xid() == written.xid &&
              read.secs() == written.secs);
    XD_ASSERT(read.flags() == written.flags && read.ciaddr() == written.ciaddr);
    XD_ASSERT(read.yiaddr() == written.yiaddr && read.siaddr() == written.siaddr);
    XD_ASSERT(read.giaddr() == written.giaddr && equal_bytes(read.chaddr(), written.chaddr));
    XD_ASSERT(written.sname.empty() || equal_bytes(read.sname(), written.sname));
    XD_ASSERT(written.file.empty() || equal_bytes(read.file(), written.file));
}

void round_trip(const MessageView& view, const Choice& choice) {
    std::vector<std::byte> storage(choice.out_len + 2 * kGuardLen, kGuard);
    const MutableBytes out = MutableBytes{storage}.subspan(kGuardLen, choice.out_len);
    const ReplyHeader header = header_of(view, choice);
    ReplyWriter writer{out, header, choice.max_len};
    std::array<bool, kOptionCodeCount> written{};
    std::size_t option_count = 0;
    view.for_each_option([&](OptionCode code, ByteView value) {
        if (code != OptionCode::kRelayAgentInformation && writer.add(code, value)) {
            written[static_cast<std::size_t>(code)] = true;
            ++option_count;
        }
    });
    XD_ASSERT(!written[static_cast<std::size_t>(OptionCode::kOverload)]);
    const ByteView relay = view.relay_agent_information();
    const std::size_t len = writer.finish(relay);

    const auto is_guard = [](std::byte octet) { return octet == kGuard; };
    XD_ASSERT(std::all_of(storage.begin(), storage.begin() + kGuardLen, is_guard));
    XD_ASSERT(std::all_of(storage.begin() + static_cast<std::ptrdiff_t>(kGuardLen + len),
                          storage.end(), is_guard));
    XD_ASSERT(len >= kMinBootpLen && len <= choice.out_len);
    const bool relay_written = !relay.empty() && !writer.relay_information_dropped();
    XD_ASSERT(relay_written || len <= std::max(choice.max_len, kMinBootpLen));

    static MessageView again;
    const auto result = again.parse(out.first(len));
    // The reply may be so long and split that the view has no room to join it.
    if (!result) {
        XD_ASSERT(result.error() == ParseError::kOptionTooLong && len > 1472);
        return;
    }
    check_header(again, header);
    again.for_each_option([&](OptionCode code, ByteView value) {
        if (code == OptionCode::kOverload) {
            return;
        }
        XD_ASSERT(equal_bytes(value, view.option(code)));
        XD_ASSERT(code == OptionCode::kRelayAgentInformation
                      ? relay_written
                      : written[static_cast<std::size_t>(code)]);
        --option_count;
    });
    XD_ASSERT(option_count + (relay_written ? 1 : 0) == 0);
    again.clear();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static MessageView view;
    const ByteView input{reinterpret_cast<const std::byte*>(data), size};
    if (input.size() < kChoiceLen || !view.parse(input.subspan(kChoiceLen))) {
        return 0;
    }
    round_trip(view, choose(input));
    view.clear();
    return 0;
}
