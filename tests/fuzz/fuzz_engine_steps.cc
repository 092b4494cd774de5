// Drives one engine through a sequence of messages and time steps taken from the input, and checks
// the store's invariants after each, and that the network's own addresses are never leased.
//
// Input: steps of [kind, client, argument, length, length bytes of raw options].
#include <cstdint>
#include <cstdlib>
#include <map>

#include "support/engine_harness.h"

namespace {

using namespace xdhcpd;           // NOLINT(google-build-using-namespace): a fuzz target is one file
using namespace xdhcpd::testing;  // NOLINT(google-build-using-namespace)

model::Configuration configuration() {
    auto result = small_configuration();
    result.dhcp4.rapid_commit = true;
    result.dhcp4.bootp = true;
    result.dhcp4.options.push_back(option_value(6, bytes({192, 0, 2, 53})));
    model::ReservationConfiguration reservation;
    reservation.identifier = {model::IdentifierKind::kClientId, bytes({0, 'r'})};
    reservation.address = ip("192.0.2.12");
    result.dhcp4.subnets[0].reservations.push_back(reservation);
    model::SubnetConfiguration second;
    second.prefix = parse_ipv4_prefix("203.0.113.0/29").value();
    second.shared_network = "shared";
    second.pools.push_back({ip("203.0.113.0"), ip("203.0.113.7")});
    result.dhcp4.subnets[0].shared_network = "shared";
    second.interface = "eth1";
    result.dhcp4.subnets.push_back(second);
    return result;
}

std::string address_of(std::uint8_t argument) {
    return argument < 128 ? "192.0.2." + std::to_string(argument % 32)
                          : "203.0.113." + std::to_string(argument % 8);
}

void check(bool good, const std::string& what) {
    if (!good) {
        std::fprintf(stderr, "%s\n", what.c_str());
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Engine engine{configuration(), 12};
    Engine uncached{configuration(), 12};  // every reply written option by option
    uncached.reply_cache = engine::ReplyCache{0};
    for (std::size_t at = 0, steps = 0; at + 4 <= size && steps < 64; ++steps) {
        const std::uint8_t kind = data[at];
        const int client = data[at + 1] % 20;
        const std::uint8_t argument = data[at + 2];
        const std::size_t len = std::min<std::size_t>(data[at + 3], size - at - 4);
        const ByteView raw{reinterpret_cast<const std::byte*>(data + at + 4), len};
        at += 4 + len;

        if (kind == 0xfe) {  // with and without reservations
            auto changed = configuration();
            if ((argument & 1) != 0) {
                changed.dhcp4.subnets[0].reservations.clear();
            }
            engine.reload(changed);
            uncached.reload(changed);
        } else if (kind % 16 == 15) {
            engine.pass(std::uint32_t{argument} * argument);
            uncached.pass(std::uint32_t{argument} * argument);
        } else {
            Message message{kind % 16 == 14 ? argument % 20 : (kind % 9), client};
            if ((kind & 0x10) != 0) {
                message.option_address(50, address_of(argument));
            }
            if ((kind & 0x20) != 0) {
                message.option_address(54, (argument & 1) != 0 ? "192.0.2.1" : "192.0.2.250");
            }
            if ((kind & 0x40) != 0) {
                message.ciaddr(address_of(argument));
            }
            if ((kind & 0x80) != 0) {
                message.giaddr(address_of(static_cast<std::uint8_t>(argument ^ 0x81)));
            }
            message.raw(raw);
            const auto outcome = engine.send(message);
            check(outcome.reply.has_value() != outcome.drop.has_value(),
                  "neither answered nor explained");
            const auto again = uncached.send(message);
            check(
                outcome.drop == again.drop && outcome.reply.has_value() == again.reply.has_value(),
                "the cache changes a decision");
            if (outcome.reply) {
                check(outcome.reply->bytes == again.reply->bytes, "the cache changes a reply");
                check(outcome.reply->frame.checksum == ChecksumState::kFull, "bad checksum");
                check(outcome.reply->message->op() == 2, "not a reply");
            }
        }
        const std::string wrong = engine.shard.check_invariants();
        check(wrong.empty(), wrong);
        for (const model::Subnet& subnet : engine.snapshot().subnets) {
            const lease::UnitBitmap& bitmap = engine.store.space(subnet.space).bitmap();
            check(bitmap.check_invariants(), "bitmap");
            check(!bitmap.taken(0) && !bitmap.taken(subnet.index(subnet.prefix.broadcast())),
                  "network or broadcast address leased");
        }
    }
    return 0;
}
