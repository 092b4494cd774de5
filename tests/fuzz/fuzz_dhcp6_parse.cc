// Any payload: parsing neither crashes nor leaves a view whose accessors do, and what it accepts
// keeps its promises. A server's checks and everything for people run over it as well.
#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "dhcp6/message_view.h"
#include "dhcp6/option_text.h"
#include "dhcp6/validation.h"

namespace {

using namespace xdhcpd;
using namespace xdhcpd::dhcp6;

constexpr std::byte kOwnId[] = {std::byte{0}, std::byte{3}, std::byte{1}};

// Reads every octet, so that the sanitizer sees a bad range.
std::uint64_t touch(ByteView bytes) {
    std::uint64_t sum = 0;
    for (const std::byte octet : bytes) {
        sum += std::to_integer<std::uint64_t>(octet);
    }
    return sum;
}

std::uint64_t touch(const OptionList& options) {
    std::uint64_t sum = 0;
    for (const Option option : options) {
        sum += touch(option.value) + format_option(option.code, option.value).size();
        XD_ASSERT(options.has(option.code));
        static_cast<void>(read_vendor_class(option.value));
        static_cast<void>(read_vendor_options(option.value));
        static_cast<void>(read_client_fqdn(option.value));
        static_cast<void>(for_each_text(option.value, [&](ByteView text) { sum += touch(text); }));
    }
    return sum;
}

std::uint64_t touch_relay(const Relay& relay) {
    std::uint64_t sum = touch(relay.options) + touch(relay.interface_id().value_or(ByteView{}));
    sum += touch(relay.subscriber_id().value_or(ByteView{}));
    sum += touch(relay.relay_id().value_or(ByteView{})) + relay.source_port().value_or(0);
    if (const auto remote = relay.remote_id()) {
        sum += touch(remote->id);
    }
    if (const auto address = relay.client_link_layer()) {
        sum += touch(address->address);
    }
    XD_ASSERT(relay.hop_count <= kHopCountLimit && relay.options.has(OptionCode::kRelayMessage));
    return sum;
}

std::uint64_t touch_prefix(ByteView value) {
    const auto prefix = read_ia_prefix(value);
    XD_ASSERT(prefix.has_value());
    if (const auto excluded = prefix->options.find(OptionCode::kPdExclude)) {
        if (const auto read = read_pd_exclude(prefix->prefix, *excluded)) {
            XD_ASSERT(prefix->prefix.contains(*read));
            XD_ASSERT(make_pd_exclude(prefix->prefix, *read).has_value());
        }
    }
    return touch(prefix->options);
}

std::uint64_t touch_ia(const IdentityAssociation& ia) {
    std::uint64_t sum = touch(ia.options);
    for (const Option option : ia.options) {
        XD_ASSERT(!is_ia(option.code));
        if (option.code == OptionCode::kIaAddress) {
            XD_ASSERT(ia.code != OptionCode::kIaPd);
            const auto address = read_ia_address(option.value);
            XD_ASSERT(address.has_value());
            sum += touch(address->options);
        }
        if (option.code == OptionCode::kIaPrefix) {
            XD_ASSERT(ia.code == OptionCode::kIaPd);
            sum += touch_prefix(option.value);
        }
    }
    return sum;
}

void check_refusal(const MessageView& view, bool is_unicast) {
    const auto refusal = check_for_server(view, {.server_id = kOwnId, .is_unicast = is_unicast});
    if (refusal) {
        XD_ASSERT(*refusal < Refusal::kCount);
        return;
    }
    XD_ASSERT(view.server_id().empty() || equal_bytes(view.server_id(), kOwnId));
    XD_ASSERT(!view.client_id().empty() || view.type() == MessageType::kInformationRequest);
    XD_ASSERT(!is_unicast || !view.relays().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static MessageView view;  // used again and again, as the server does
    const ByteView payload{reinterpret_cast<const std::byte*>(data), size};
    const auto result = view.parse(payload);
    XD_ASSERT(result.has_value() == !view.message().empty());
    XD_ASSERT(result.has_value() || result.error() < ParseError::kCount);
    XD_ASSERT(view.relays().size() <= kMaxRelayCount);
    volatile std::uint64_t sink = touch(view.options()) + touch(view.option_request());
    for (const Relay& relay : view.relays()) {
        sink = sink + touch_relay(relay);
    }
    std::size_t ia_count = 0;
    view.for_each_ia([&](const IdentityAssociation& ia) {
        ++ia_count;
        sink = sink + touch_ia(ia);
    });
    XD_ASSERT((ia_count != 0) == view.has_ia());
    for (const ByteView duid : {view.client_id(), view.server_id()}) {
        XD_ASSERT(duid.empty() || is_duid_length(duid.size()));
        if (!duid.empty()) {
            if (const auto address = hardware_address_of(duid)) {
                sink = sink + touch(address->address);
            }
        }
    }
    sink = sink + view.elapsed_time().value_or(0);
    if (result) {
        check_refusal(view, false);
        check_refusal(view, true);
    }
    view.clear();
    return 0;
}
