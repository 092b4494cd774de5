#include "journal/codec/merge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <vector>

#include "base/random.h"
#include "journal/codec/snapshot.h"
#include "states.h"

namespace xdhcpd::journal {
namespace {

using Records = std::vector<std::vector<std::byte>>;

// A snapshot file in memory, from records in order.
std::vector<std::byte> snapshot_of(const Records& records, std::uint64_t generation = 5) {
    const SnapshotHeader header{generation, 99, 1234};
    std::vector<std::byte> file(kSnapshotHeaderLen);
    encode(header, MutableBytes{file});
    for (std::vector<std::byte> record : records) {
        stamp(record, header.seed());
        file.insert(file.end(), record.begin(), record.end());
    }
    file.resize(file.size() + kSnapshotFooterLen);
    encode(SnapshotFooter{header, records.size(), file.size()},
           MutableBytes{file}.last(kSnapshotFooterLen));
    return file;
}

SnapshotReader::Read reading(const std::vector<std::byte>& file) {
    return [&file](std::uint64_t offset, MutableBytes into) -> Result<std::size_t, Error> {
        const std::size_t len =
            offset < file.size() ? std::min(into.size(), file.size() - offset) : 0;
        copy_bytes(into.data(), ByteView{file}.subspan(offset, len));
        return len;
    };
}

Result<SnapshotReader, Damage> read(const std::vector<std::byte>& file) {
    return SnapshotReader::open(reading(file), file.size());
}

Records merged(const Records& old, const Records& newer, const ForgetRule* rule = nullptr) {
    LatestRecords latest;
    for (const auto& record : newer) {
        latest.add(record);
    }
    latest.sort();
    std::size_t next = 0;
    Records result;
    merge([&] { return next < old.size() ? ByteView{old[next++]} : ByteView{}; }, latest, rule,
          [&](ByteView record) { result.emplace_back(record.begin(), record.end()); });
    return result;
}

// What merge should do, the slow way.
Records naive(const Records& old, const Records& newer) {
    std::map<std::vector<std::byte>, std::vector<std::byte>> by_key;
    for (const Records* records : {&old, &newer}) {
        for (const auto& record : *records) {
            const ByteView key = key_of(record);
            auto& place = by_key[{key.begin(), key.end()}];
            if (place.empty() || is_newer(record, place)) {
                place = record;
            }
        }
    }
    Records result;
    for (const auto& [key, record] : by_key) {
        result.push_back(record);
    }
    return result;
}

Records random_records(Random& random, std::size_t count) {
    Records records;
    for (std::size_t i = 0; i < count; ++i) {
        UnitState state = TestState{random.below(60), random.below(8)}.view();
        const TestState kept{unit_of(state), state.version};
        state = kept.view();
        state.key.kind = static_cast<UnitKind>(1 + random.below(3));
        state.key.length = state.key.kind == UnitKind::kIpv4 ? 32
                           : state.key.kind == UnitKind::kIpv6Address
                               ? 128
                               : std::uint8_t(56 + random.below(2));
        if (state.key.kind != UnitKind::kIpv4) {
            state.key.address[15] = static_cast<std::byte>(random.below(3));
        }
        records.push_back(encoded(state));
    }
    return records;
}

TEST(MergeTest, KeepsTheHighestVersionOfEachUnitInAnyOrder) {
    Random random{1};
    for (int round = 0; round < 300; ++round) {
        Records all = random_records(random, random.below(200));
        const Records expected = naive({}, all);
        for (std::size_t i = all.size(); i > 1; --i) {
            std::swap(all[i - 1], all[random.below(static_cast<std::uint32_t>(i))]);
        }
        const std::size_t cut =
            all.empty() ? 0 : random.below(static_cast<std::uint32_t>(all.size()));
        const auto middle = all.begin() + static_cast<std::ptrdiff_t>(cut);
        // Any part of it may have gone into a snapshot before.
        const Records old = merged({}, {all.begin(), middle});
        const Records result = merged(old, {middle, all.end()});
        ASSERT_EQ(result, expected) << "round " << round;
        ASSERT_EQ(merged(result, all), expected);  // once more changes nothing
        ASSERT_EQ(merged(result, {}), expected);
    }
}

TEST(MergeTest, ManyUnitsAreFoundAgain) {
    LatestRecords latest;
    for (std::uint32_t version = 1; version <= 2; ++version) {
        for (std::uint32_t unit = 0; unit < 20'000; ++unit) {
            latest.add(encoded((unit * 7919) % 20'000, version));
        }
    }
    latest.sort();
    ASSERT_EQ(latest.size(), 20'000u);
    for (std::uint32_t unit = 0; unit < 20'000; ++unit) {
        const auto state = decode(latest[unit]);
        ASSERT_EQ(unit_of(*state), unit);
        ASSERT_EQ(state->version, 2u);
    }
}

TEST(MergeTest, ErasedUnitsAreForgottenOnceTheOldSnapshotHeldThem) {
    const ForgetRule rule{};
    const Records erased{encoded(1, 8, UnitStatus::kFree)};
    const Records once = merged({encoded(1, 7)}, erased, &rule);
    EXPECT_EQ(once, erased);
    // An older state from a slower ring comes late, and does not bring the tenant back.
    EXPECT_TRUE(merged(once, {encoded(1, 7)}, &rule).empty());
    EXPECT_EQ(merged(once, {}, nullptr), erased);  // recovery forgets nothing
    EXPECT_EQ(merged(once, {encoded(1, 9)}, &rule), Records{encoded(1, 9)});
}

TEST(MergeTest, FormerTenantsAreForgottenSomeTimeAfterTheirLeaseEnded) {
    for (const UnitStatus status : {UnitStatus::kReleased, UnitStatus::kExpired}) {
        const Records former{encoded(1, 8, status)};
        const std::uint64_t expiry = TestState{1, 8}.view().expiry;
        const ForgetRule soon{expiry};
        const ForgetRule late{expiry + 1};
        EXPECT_EQ(merged(former, {}, &soon), former);
        EXPECT_TRUE(merged(former, {}, &late).empty());
        EXPECT_EQ(merged({}, former, &late), former);
    }
    const Records held{encoded(1, 8, UnitStatus::kLeased), encoded(2, 8, UnitStatus::kDeclined)};
    const ForgetRule never{kNever};
    EXPECT_EQ(merged(held, {}, &never), held);
}

TEST(SnapshotTest, RecordsReadAsTheyWereWritten) {
    Records records;
    for (std::uint32_t unit = 0; unit < 100'000; ++unit) {  // longer than the reader's buffer
        records.push_back(encoded(unit, 1 + unit % 5));
    }
    const auto file = snapshot_of(records);
    auto reader = read(file);
    ASSERT_TRUE(reader);
    EXPECT_EQ(reader->header().generation, 5u);
    EXPECT_EQ(reader->header().stamp, 1234u);
    EXPECT_EQ(reader->count(), records.size());
    for (const auto& record : records) {
        const ByteView found = reader->next();
        ASSERT_TRUE(equal_bytes(found.subspan(4), ByteView{record}.subspan(4)));
    }
    EXPECT_TRUE(reader->next().empty());
    EXPECT_FALSE(reader->damage());
}

TEST(SnapshotTest, EveryFlippedBitAndEveryTruncationIsDamage) {
    const Records records{encoded(1, 1), encoded(2, 1), encoded(3, 1)};
    const auto whole = snapshot_of(records);
    const auto is_damaged = [](const std::vector<std::byte>& file) {
        auto reader = read(file);
        if (!reader) {
            return true;
        }
        while (!reader->next().empty()) {
        }
        return reader->damage().has_value();
    };
    EXPECT_FALSE(is_damaged(whole));
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
        auto file = whole;
        file[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
        EXPECT_TRUE(is_damaged(file)) << bit;
    }
    for (std::size_t len = 0; len < whole.size(); ++len) {
        EXPECT_TRUE(is_damaged({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(len)}));
    }
}

TEST(SnapshotTest, RecordsOutOfOrderAreDamage) {
    const auto file = snapshot_of({encoded(2, 1), encoded(1, 1)});
    auto reader = read(file);
    ASSERT_TRUE(reader);
    EXPECT_FALSE(reader->next().empty());
    EXPECT_TRUE(reader->next().empty());
    ASSERT_TRUE(reader->damage());
    EXPECT_EQ(reader->damage()->what, "records are not in order");
}

// What repair finds in it.
std::vector<std::uint32_t> salvaged(const std::vector<std::byte>& file) {
    auto reader = SnapshotReader::salvage(reading(file), file.size());
    EXPECT_TRUE(reader);
    std::vector<std::uint32_t> units;
    for (ByteView record = reader->next(); !record.empty(); record = reader->next()) {
        units.push_back(unit_of(*decode(record)));
    }
    EXPECT_TRUE(reader->damage());
    return units;
}

TEST(SnapshotTest, RepairFindsEveryIntactRecordAroundDamage) {
    const Records records{encoded(1, 1), encoded(2, 1), encoded(3, 1)};
    const auto whole = snapshot_of(records);
    auto file = whole;
    file[kSnapshotHeaderLen + records[0].size() + 30] ^= std::byte{1};
    EXPECT_EQ(salvaged(file), (std::vector<std::uint32_t>{1, 3}));
    file = whole;
    file[20] ^= std::byte{1};  // the header
    EXPECT_EQ(salvaged(file), (std::vector<std::uint32_t>{1, 2, 3}));
    file = whole;
    file.back() ^= std::byte{1};  // the footer
    EXPECT_EQ(salvaged(file), (std::vector<std::uint32_t>{1, 2, 3}));
    file = whole;
    file.resize(file.size() - kSnapshotFooterLen - 16);
    EXPECT_EQ(salvaged(file), (std::vector<std::uint32_t>{1, 2}));
}

}  // namespace
}  // namespace xdhcpd::journal
