#include "journal/codec/record.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"

namespace xdhcpd::journal {
namespace {

using namespace record_layout;

enum class Section : std::uint8_t { kIdentity = 1, kHostname = 2, kRelayInformation = 3 };

[[nodiscard]] std::size_t section_len(ByteView value) noexcept {
    return value.empty() ? 0 : kSectionHeaderLen + value.size();
}

// An empty value needs no section.
std::byte* put_section(std::byte* at, Section type, ByteView value) noexcept {
    if (value.empty()) {
        return at;
    }
    store_u8(at, static_cast<std::uint8_t>(type));
    store_le(at + 1, static_cast<std::uint16_t>(value.size()));
    copy_bytes(at + kSectionHeaderLen, value);
    return at + kSectionHeaderLen + value.size();
}

[[nodiscard]] bool is_zero(ByteView bytes) noexcept {
    return std::all_of(bytes.begin(), bytes.end(),
                       [](std::byte byte) { return byte == std::byte{}; });
}

[[nodiscard]] bool is_valid(const UnitKey& key) noexcept {
    switch (key.kind) {
        case UnitKind::kIpv4:
            return key.length == 32 && is_zero(ByteView{key.address}.subspan(4));
        case UnitKind::kIpv6Address:
            return key.length == 128;
        case UnitKind::kIpv6Prefix:
            return key.length >= 1 && key.length <= 128;
    }
    return false;
}

[[nodiscard]] bool take_section(UnitState& state, std::uint8_t type, ByteView value) noexcept {
    switch (static_cast<Section>(type)) {
        case Section::kIdentity:
            state.identity = value;
            return value.size() <= kMaxIdentityLen;
        case Section::kHostname:
            state.hostname = value;
            return value.size() <= kMaxHostnameLen;
        case Section::kRelayInformation:
            state.relay_information = value;
            return value.size() <= kMaxRelayInformationLen;
    }
    return true;
}

[[nodiscard]] bool take_sections(UnitState& state, ByteView sections) noexcept {
    while (!sections.empty()) {
        if (sections.size() < kSectionHeaderLen) {
            return false;
        }
        const std::size_t len = load_le<std::uint16_t>(sections.data() + 1);
        if (sections.size() - kSectionHeaderLen < len ||
            !take_section(state, load_u8(sections.data()),
                          sections.subspan(kSectionHeaderLen, len))) {
            return false;
        }
        sections = sections.subspan(kSectionHeaderLen + len);
    }
    return true;
}

}  // namespace

const char* to_text(RecordError error) noexcept {
    switch (error) {
        case RecordError::kTruncated:
            return "record runs over the end";
        case RecordError::kBadLength:
            return "record of impossible length";
        case RecordError::kBadChecksum:
            return "checksum of a record is wrong";
        case RecordError::kBadKey:
            return "record names no unit";
        case RecordError::kBadStatus:
            return "record has an unknown status";
        case RecordError::kBadSection:
            return "section of a record is malformed";
    }
    return "record is malformed";
}

std::size_t encoded_len(const UnitState& state) noexcept {
    return align_record(kSections + section_len(state.identity) + section_len(state.hostname) +
                        section_len(state.relay_information));
}

std::size_t encode(const UnitState& state, MutableBytes out) noexcept {
    const std::size_t len = encoded_len(state);
    XD_ASSERT(state.fits() && len <= out.size());
    std::byte* const to = out.data();
    store_le(to + kChecksum, std::uint32_t{0});
    store_le(to + kLen, static_cast<std::uint16_t>(len));
    store_u8(to + kKey, static_cast<std::uint8_t>(state.key.kind));
    store_u8(to + kKey + 1, state.key.length);
    std::memcpy(to + kKey + 2, state.key.address.data(), state.key.address.size());
    store_le(to + kVersion, state.version);
    store_le(to + kLastXid, state.last_xid);
    store_le(to + kExpiry, state.expiry);
    store_le(to + kToldExpiry, state.told_expiry);
    store_le(to + kStarted, state.started);
    store_u8(to + kStatus, static_cast<std::uint8_t>(state.status));
    store_u8(to + kFlags, state.flags);
    store_u8(to + kHwType, state.hw_type);
    store_u8(to + kHwLen, state.hw_len);
    state.mac.store(to + kMac);
    std::byte* end = to + kSections;
    end = put_section(end, Section::kIdentity, state.identity);
    end = put_section(end, Section::kHostname, state.hostname);
    end = put_section(end, Section::kRelayInformation, state.relay_information);
    store_le(to + kSectionsLen, static_cast<std::uint16_t>(end - (to + kSections)));
    std::memset(end, 0, static_cast<std::size_t>(to + len - end));
    return len;
}

Result<UnitState, RecordError> decode(ByteView record) noexcept {
    const auto delimited = first_record(record);
    if (!delimited) {
        return Unexpected{delimited.error()};
    }
    const std::byte* const from = delimited->data();
    UnitState state;
    state.key.kind = static_cast<UnitKind>(load_u8(from + kKey));
    state.key.length = load_u8(from + kKey + 1);
    std::memcpy(state.key.address.data(), from + kKey + 2, state.key.address.size());
    if (!is_valid(state.key)) {
        return Unexpected{RecordError::kBadKey};
    }
    state.version = load_le<std::uint32_t>(from + kVersion);
    state.last_xid = load_le<std::uint32_t>(from + kLastXid);
    state.expiry = load_le<std::uint64_t>(from + kExpiry);
    state.told_expiry = load_le<std::uint64_t>(from + kToldExpiry);
    state.started = load_le<std::uint64_t>(from + kStarted);
    const std::uint8_t status = load_u8(from + kStatus);
    if (status > static_cast<std::uint8_t>(kLastUnitStatus)) {
        return Unexpected{RecordError::kBadStatus};
    }
    state.status = static_cast<UnitStatus>(status);
    state.flags = load_u8(from + kFlags);
    state.hw_type = load_u8(from + kHwType);
    state.hw_len = load_u8(from + kHwLen);
    state.mac = Mac::load(from + kMac);
    const std::size_t sections_len = load_le<std::uint16_t>(from + kSectionsLen);
    if (sections_len > delimited->size() - kSections ||
        !take_sections(state, delimited->subspan(kSections, sections_len))) {
        return Unexpected{RecordError::kBadSection};
    }
    return state;
}

Result<ByteView, RecordError> first_record(ByteView bytes) noexcept {
    if (bytes.size() < kMinRecordLen) {
        return Unexpected{RecordError::kTruncated};
    }
    const std::size_t len = load_le<std::uint16_t>(bytes.data() + kLen);
    if (len < kMinRecordLen || len > kMaxRecordLen || len % kRecordAlign != 0) {
        return Unexpected{RecordError::kBadLength};
    }
    if (len > bytes.size()) {
        return Unexpected{RecordError::kTruncated};
    }
    return bytes.first(len);
}

void stamp(MutableBytes record, Seed seed) noexcept {
    store_le(record.data() + kChecksum, crc32c(seed, record.subspan(kLen)));
}

bool is_intact(ByteView record, Seed seed) noexcept {
    return load_le<std::uint32_t>(record.data() + kChecksum) == crc32c(seed, record.subspan(kLen));
}

bool is_newer(ByteView a, ByteView b) noexcept {
    if (version_of(a) != version_of(b)) {
        return version_of(a) > version_of(b);
    }
    const ByteView a_rest = a.subspan(kLen);
    const ByteView b_rest = b.subspan(kLen);
    return std::lexicographical_compare(b_rest.begin(), b_rest.end(), a_rest.begin(), a_rest.end());
}

}  // namespace xdhcpd::journal
