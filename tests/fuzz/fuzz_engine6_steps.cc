// Drives the IPv6 engine through a sequence of messages and time steps taken from the input, and
// checks the store's invariants after each, that equal input gives equal output, and that every
// reply can be read.
//
// Input: steps of [kind, client, argument, length, length bytes of raw options].
#include <cstdint>
#include <cstdlib>

#include "support/engine6_harness.h"

namespace {

using namespace xdhcpd;           // NOLINT(google-build-using-namespace): a fuzz target is one file
using namespace xdhcpd::testing;  // NOLINT(google-build-using-namespace)

model::Configuration configuration() {
    auto result = small_configuration6();
    result.dhcp6.rapid_commit = true;
    result.dhcp6.reconfigure = true;
    result.dhcp6.lifetimes = {300, 600};
    result.dhcp6.options.push_back(option_value6(23, Bytes(16), true));
    auto& subnet = result.dhcp6.subnets[0];
    subnet.shared_network = "shared";
    auto& reservation = subnet.reservations.emplace_back();
    reservation.identifier = {model::IdentifierKind6::kDuid, duid_of(3)};
    reservation.addresses = {*parse_ipv6("2001:db8:1::1002"), *parse_ipv6("2001:db8:1::2")};
    reservation.prefixes = {*parse_ipv6_prefix("2001:db8:999::/48")};
    auto& second = result.dhcp6.subnets.emplace_back();
    second.prefix = *parse_ipv6_prefix("2001:db8:2::/64");
    second.interface = "eth1";
    second.shared_network = "shared";
    second.pools.push_back({*parse_ipv6("2001:db8:2::"), *parse_ipv6("2001:db8:2::7")});
    second.interface_id = bytes({7});
    return result;
}

std::string address_of(std::uint8_t argument) {
    constexpr const char* kDigits = "0123456789abcdef";
    const std::string digit{kDigits[argument % 16]};
    return argument < 128 ? "2001:db8:1::100" + digit : "2001:db8:2::" + digit;
}
std::string prefix_of(std::uint8_t argument) {
    return "2001:db8:100:" + std::to_string(argument % 10) + "00::/" +
           std::to_string(argument < 200 ? 56 : argument % 129);
}

void check(bool good, const std::string& what) {
    if (!good) {
        std::fprintf(stderr, "%s\n", what.c_str());
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Engine6 engine{configuration(), 20};
    Engine6 twin{configuration(), 20};
    for (std::size_t at = 0, steps = 0; at + 4 <= size && steps < 64; ++steps) {
        const std::uint8_t kind = data[at];
        const int client = data[at + 1] % 12;
        const std::uint8_t argument = data[at + 2];
        const std::size_t len = std::min<std::size_t>(data[at + 3], size - at - 4);
        const ByteView raw{reinterpret_cast<const std::byte*>(data + at + 4), len};
        at += 4 + len;

        if (kind == 0xfe) {  // with and without reservations
            auto changed = configuration();
            if ((argument & 1) != 0) {
                changed.dhcp6.subnets[0].reservations.clear();
            }
            engine.reload(changed);
            twin.reload(changed);
        } else if (kind % 16 == 15) {
            engine.pass(std::uint32_t{argument} * argument);
            twin.pass(std::uint32_t{argument} * argument);
        } else if (kind % 16 == 14) {
            const auto journal = static_cast<engine::Journal>(argument % 3);
            engine.journal = journal;
            twin.journal = journal;
        } else {
            Message6 message{kind % 14, client};
            message.xid(argument % 4);
            if ((kind & 0x10) != 0) {
                message.na(argument % 3, {address_of(argument)});
            }
            if ((kind & 0x20) != 0) {
                message.pd(argument % 3, {prefix_of(argument)});
            }
            if ((kind & 0x40) != 0) {
                message.option(14);
            }
            if ((argument & 2) != 0) {
                message.option(20);
            }
            message.raw(raw);
            const auto send = [&](Engine6& to) {
                return (kind & 0x80) == 0
                           ? to.send(message, client)
                           : to.send_relayed(message,
                                             {{(argument & 1) != 0 ? "2001:db8:1::1001" : "::",
                                               option6(18, {argument % 9})}});
            };
            const auto outcome = send(engine);
            const auto again = send(twin);
            check(outcome.reply.has_value() != outcome.drop.has_value(),
                  "neither answered nor explained");
            check(outcome.drop == again.drop, "equal input gives another decision");
            if (outcome.reply) {
                check(outcome.reply->bytes == again.reply->bytes,
                      "equal input gives another reply");
                check(outcome.reply->frame.checksum == ChecksumState::kFull, "bad checksum");
                check(outcome.reply->type() == 2 || outcome.reply->type() == 7, "not a reply");
                for (const engine::v6::Promise& promise : outcome.reply->decision.promises()) {
                    check(engine.shard.record(promise.unit).state == lease::LeaseState::kLeased,
                          "a promise that is not kept");
                }
            }
        }
        const std::string wrong = engine.shard.check_invariants();
        check(wrong.empty(), wrong);
        for (std::uint32_t id = 0; id < engine.store.space_limit(); ++id) {
            check(engine.store.space({static_cast<std::uint16_t>(id)}).bitmap().check_invariants(),
                  "bitmap");
        }
    }
    return 0;
}
