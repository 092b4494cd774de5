// Any payload: parsing neither crashes nor leaves a view whose accessors do; what they return lies
// in the payload or in the view.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "dhcp4/message_view.h"
#include "dhcp4/relay.h"

namespace {

using namespace xdhcpd;
using namespace xdhcpd::dhcp4;

// Reads every octet, so that the sanitizer sees a bad range.
std::uint64_t touch(ByteView bytes) {
    std::uint64_t sum = 0;
    for (const std::byte octet : bytes) {
        sum += std::to_integer<std::uint64_t>(octet);
    }
    return sum;
}

std::uint64_t touch_everything(const MessageView& view) {
    std::uint64_t sum =
        view.op() + view.htype() + view.hops() + view.xid() + view.secs() + view.flags();
    sum += view.ciaddr().value + view.yiaddr().value + view.siaddr().value + view.giaddr().value;
    sum += touch(view.chaddr()) + touch(view.sname()) + touch(view.file()) + touch(view.payload());
    sum += static_cast<std::uint64_t>(view.type());
    sum += view.requested_address().value_or(Ipv4{}).value +
           view.server_identifier().value_or(Ipv4{}).value;
    sum += view.subnet_selection().value_or(Ipv4{}).value + view.lease_time().value_or(0);
    sum += view.max_message_size().value_or(0) + touch(view.parameter_request_list());
    sum += touch(view.client_identifier());
    std::size_t option_count = 0;
    view.for_each_option([&](OptionCode code, ByteView value) {
        XD_ASSERT(view.has(code));
        sum += touch(value);
        ++option_count;
    });
    XD_ASSERT(option_count == view.option_count());
    return sum;
}

std::uint64_t touch_relay(ByteView value) {
    std::uint64_t sum = 0;
    if (const auto relay = RelayInformation::parse(value)) {
        std::size_t len = 0;
        relay->for_each([&](RelaySuboption code, ByteView suboption) {
            XD_ASSERT(relay->has(code));
            sum += touch(suboption) + touch(relay->suboption(code));
            len += 2 + suboption.size();
        });
        XD_ASSERT(len == value.size());
        sum += relay->link_selection().value_or(Ipv4{}).value;
        sum += relay->server_id_override().value_or(Ipv4{}).value;
    }
    return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static MessageView view;  // used again and again, as the server does
    const ByteView payload{reinterpret_cast<const std::byte*>(data), size};
    const auto result = view.parse(payload);
    XD_ASSERT(result.has_value() == !view.payload().empty());
    XD_ASSERT(result.has_value() || result.error() < ParseError::kCount);
    XD_ASSERT(result.has_value() || view.option_count() == 0);
    volatile std::uint64_t sink =
        touch_everything(view) + touch_relay(view.relay_agent_information());
    sink = sink + touch_relay(payload);
    view.clear();
    return 0;
}
