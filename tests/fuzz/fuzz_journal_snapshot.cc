// Snapshots from any bytes. The first byte chooses:
//   0  a file as it is
//   1  a good snapshot with damage at chosen places: all records are told, or damage is
//   2  pairs of unit and version, some of which are in an old snapshot: merged as a map would
#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "base/assert.h"
#include "journal/codec/merge.h"
#include "journal/codec/record.h"
#include "journal/codec/snapshot.h"

using namespace xdhcpd;
using namespace xdhcpd::journal;

namespace {

std::vector<std::byte> record_of(std::uint8_t unit, std::uint8_t version) {
    UnitState state;
    state.key = UnitKey::ipv4(Ipv4{unit});
    state.version = version;
    std::vector<std::byte> record(encoded_len(state));
    encode(state, record);
    return record;
}

std::vector<std::byte> snapshot_of(const std::map<std::uint8_t, std::uint8_t>& versions) {
    const SnapshotHeader header{3, 77, 5};
    std::vector<std::byte> file(kSnapshotHeaderLen);
    encode(header, MutableBytes{file});
    for (const auto& [unit, version] : versions) {
        auto record = record_of(unit, version);
        stamp(record, header.seed());
        file.insert(file.end(), record.begin(), record.end());
    }
    file.resize(file.size() + kSnapshotFooterLen);
    encode(SnapshotFooter{header, versions.size(), file.size()},
           MutableBytes{file}.last(kSnapshotFooterLen));
    return file;
}

SnapshotReader::Read reading(ByteView file) {
    return [file](std::uint64_t offset, MutableBytes into) -> Result<std::size_t, Error> {
        const std::size_t len =
            offset < file.size() ? std::min<std::size_t>(into.size(), file.size() - offset) : 0;
        if (len != 0) {
            copy_bytes(into.data(), file.subspan(offset, len));
        }
        return len;
    };
}

std::uint64_t count_all(SnapshotReader& reader) {
    std::uint64_t count = 0;
    while (!reader.next().empty()) {
        ++count;
    }
    return count;
}

void try_file(ByteView file) {
    if (auto reader = SnapshotReader::open(reading(file), file.size())) {
        const std::uint64_t count = count_all(*reader);
        XD_ASSERT(reader->damage() || count == reader->count());
    }
    if (auto reader = SnapshotReader::salvage(reading(file), file.size())) {
        static_cast<void>(count_all(*reader));
    }
}

void try_damage(ByteView script) {
    const auto good = snapshot_of({{1, 1}, {2, 7}, {9, 2}});
    auto file = good;
    for (; script.size() >= 2; script = script.subspan(2)) {
        file[load_u8(script.data()) % file.size()] ^= script[1];
    }
    auto reader = SnapshotReader::open(reading(file), file.size());
    const bool is_read = reader && count_all(*reader) == 3 && !reader->damage();
    XD_ASSERT(is_read == (file == good));
    try_file(file);
}

void try_merge(ByteView script) {
    std::map<std::uint8_t, std::uint8_t> expected;
    std::map<std::uint8_t, std::uint8_t> old;
    LatestRecords latest;
    for (; script.size() >= 2; script = script.subspan(2)) {
        const std::uint8_t unit = load_u8(script.data()) / 2;
        const std::uint8_t version = load_u8(script.data() + 1);
        expected[unit] = std::max(expected[unit], version);
        if (load_u8(script.data()) % 2 == 0) {
            old[unit] = std::max(old[unit], version);
        } else {
            latest.add(record_of(unit, version));
        }
    }
    latest.sort();
    const auto file = snapshot_of(old);
    auto reader = SnapshotReader::open(reading(file), file.size());
    XD_ASSERT(reader.has_value());
    std::map<std::uint8_t, std::uint8_t> result;
    merge([&] { return reader->next(); }, latest, nullptr,
          [&](ByteView record) {
              const auto state = decode(record);
              const auto unit = static_cast<std::uint8_t>(state->key.to_ipv4().value);
              XD_ASSERT(result.empty() || result.rbegin()->first < unit);
              result[unit] = static_cast<std::uint8_t>(state->version);
          });
    XD_ASSERT(result == expected && !reader->damage());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const ByteView bytes{reinterpret_cast<const std::byte*>(data + 1), size - 1};
    switch (data[0] % 3) {
        case 0:
            try_file(bytes);
            break;
        case 1:
            try_damage(bytes);
            break;
        default:
            try_merge(bytes);
    }
    return 0;
}
