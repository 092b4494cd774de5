// What stands beside a DHCPv6 lease, from the disk or an import: any bytes are read or refused, and
// what was read comes back from what is written of it.
#include <array>
#include <cstdint>
#include <span>

#include "base/assert.h"
#include "engine/v6/lease_note.h"

namespace {

using namespace xdhcpd;
using engine::v6::decode_lease_note;
using engine::v6::LeaseNote;

[[nodiscard]] bool is_same(const LeaseNote& a, const LeaseNote& b) {
    return a.next_hop == b.next_hop && a.interface == b.interface && a.vlan == b.vlan &&
           a.link_address == b.link_address && a.peer_address == b.peer_address &&
           equal_bytes(a.reconfigure_duid, b.reconfigure_duid) &&
           a.relay_address == b.relay_address && equal_bytes(a.interface_id, b.interface_id) &&
           equal_bytes(a.remote_id, b.remote_id) && equal_bytes(a.subscriber_id, b.subscriber_id);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto note = decode_lease_note(std::as_bytes(std::span{data, size}));
    if (!note) {
        return 0;
    }
    // What does not fit or says nothing without another part is left out the first time only.
    std::array<std::byte, engine::v6::kMaxLeaseNoteLen> bytes;
    const std::size_t len = encode(*note, bytes);
    XD_ASSERT(len <= bytes.size());
    const auto written = decode_lease_note(ByteView{bytes}.first(len));
    XD_ASSERT(written);
    std::array<std::byte, engine::v6::kMaxLeaseNoteLen> again;
    const std::size_t again_len = encode(*written, again);
    const auto read = decode_lease_note(ByteView{again}.first(again_len));
    XD_ASSERT(read && is_same(*read, *written));
    return 0;
}
