// Records and segments from any bytes. The first byte chooses:
//   0  a record: what decodes encodes to the same state
//   1  a segment as it is, open and closed: what is told is intact and lies before the end
//   2  a good segment with damage at chosen places: what was durable is there or refused
#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/assert.h"
#include "journal/codec/segment.h"

using namespace xdhcpd;
using namespace xdhcpd::journal;

namespace {

constexpr SegmentHeader kHeader{7, 42, 0, 0, 1};

void try_record(ByteView bytes) {
    const auto state = decode(bytes);
    if (!state) {
        return;
    }
    std::vector<std::byte> record(encoded_len(*state));
    XD_ASSERT(encode(*state, record) == record.size());
    const auto again = decode(record);
    XD_ASSERT(again && again->key == state->key && again->version == state->version &&
              again->expiry == state->expiry && equal_bytes(again->identity, state->identity) &&
              equal_bytes(again->hostname, state->hostname) &&
              equal_bytes(again->relay_information, state->relay_information));
    XD_ASSERT(!is_newer(record, record));
}

void scan(ByteView file, std::optional<std::uint64_t> closed_at) {
    std::uint64_t told = 0;
    const auto result = scan_segment(file, kHeader, closed_at, [&](ByteView record) {
        XD_ASSERT(is_intact(record, kHeader.seed()) && decode(record));
        ++told;
    });
    XD_ASSERT(!result || (result->end <= std::max<std::size_t>(file.size(), kSegmentHeaderLen) &&
                          result->records == told));
}

void try_segment(ByteView bytes) {
    std::vector<std::byte> file(kSegmentHeaderLen);
    encode(kHeader, file);
    file.insert(file.end(), bytes.begin(), bytes.end());
    scan(file, std::nullopt);
    scan(file, file.size());
    scan(bytes, std::nullopt);
    static_cast<void>(decode_segment_header(bytes));
    static_cast<void>(decode_segment_header_copy(bytes));
    salvage_segment(file, kHeader, file.size(),
                    [](ByteView record) { XD_ASSERT(decode(record).has_value()); });
}

// Four groups of one record each; the first two are durable when the fourth is written.
void try_damage(ByteView script) {
    std::vector<std::byte> file(kSegmentHeaderLen);
    encode(kHeader, file);
    GroupBuilder group{4096};
    std::uint64_t durable = kSegmentHeaderLen;
    for (std::uint32_t i = 0; i < 4; ++i) {
        UnitState state;
        state.key = UnitKey::ipv4(Ipv4{i});
        state.identity = script.first(std::min<std::size_t>(script.size(), kMaxIdentityLen));
        std::vector<std::byte> record(encoded_len(state));
        encode(state, record);
        group.clear();
        group.add(record);
        const std::uint64_t offset = file.size();
        const ByteView bytes =
            group.finish(kHeader, {offset, i == 3 ? durable : kSegmentHeaderLen, 0, 0, 0});
        file.insert(file.end(), bytes.begin(), bytes.end());
        if (i == 1) {
            durable = file.size();
        }
    }
    const std::vector<std::byte> good = file;
    for (; script.size() >= 3; script = script.subspan(3)) {
        const std::size_t at =
            kSegmentHeaderLen + load_be16(script.data()) % (file.size() - kSegmentHeaderLen);
        file[at] ^= script[2];
    }
    std::vector<bool> told(4);
    const auto result = scan_segment(file, kHeader, std::nullopt, [&](ByteView record) {
        told.at(decode(record)->key.to_ipv4().value) = true;
    });
    const auto same_until = [&](std::uint64_t end) {
        return std::equal(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(end),
                          file.begin());
    };
    // The last group alone says that the first two are durable.
    const auto last =
        decode_group_header(ByteView{file}.subspan(durable + (durable - kSegmentHeaderLen) / 2),
                            kHeader, durable + (durable - kSegmentHeaderLen) / 2);
    if (result) {
        XD_ASSERT(!last || (same_until(durable) && told[0] && told[1]));
    } else {
        XD_ASSERT(!same_until(durable) && result.error().offset < durable);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const ByteView bytes{reinterpret_cast<const std::byte*>(data + 1), size - 1};
    switch (data[0] % 3) {
        case 0:
            try_record(bytes);
            break;
        case 1:
            try_segment(bytes);
            break;
        default:
            try_damage(bytes);
    }
    return 0;
}
