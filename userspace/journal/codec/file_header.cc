#include "journal/codec/file_header.h"

#include <cstring>
#include <string>

#include "base/assert.h"
#include "journal/codec/crc32c.h"
#include "journal/codec/little_endian.h"

namespace xdhcpd::journal {
namespace {

constexpr std::size_t kMagicLen = 8;
constexpr std::size_t kChecksum = 8;
constexpr std::size_t kFormatAt = 12;
constexpr std::size_t kGeneration = 16;
constexpr std::size_t kSalt = 24;
constexpr std::size_t kStamp = 32;

[[nodiscard]] std::uint32_t checksum(ByteView header) noexcept {
    return crc32c(Seed{}, header.subspan(kFormatAt));
}

}  // namespace

void put_file_header(MutableBytes header, std::string_view magic,
                     const FileHeader& common) noexcept {
    XD_ASSERT(header.size() == kFileHeaderLen && magic.size() == kMagicLen);
    copy_bytes(header.data(), as_bytes(magic));
    store_le(header.data() + kFormatAt, kFormat);
    store_le(header.data() + kGeneration, common.generation);
    store_le(header.data() + kSalt, common.salt);
    store_le(header.data() + kStamp, common.stamp);
    store_le(header.data() + kChecksum, checksum(header));
}

Result<FileHeader, Damage> take_file_header(ByteView header, std::string_view magic,
                                            std::string_view kind) {
    if (!equal_bytes(header.first(kMagicLen), as_bytes(magic))) {
        return Unexpected{Damage{0, "does not begin like a " + std::string{kind}}};
    }
    if (load_le<std::uint32_t>(header.data() + kChecksum) != checksum(header)) {
        return Unexpected{Damage{0, "header is damaged"}};
    }
    // Whatever a newer format changes, these places stay, so that this sentence can be said.
    const auto format = load_le<std::uint32_t>(header.data() + kFormatAt);
    if (format > kFormat) {
        return Unexpected{Damage{kFormatAt,
                                 "has format " + std::to_string(format) +
                                     ", and this xdhcpd reads up to " + std::to_string(kFormat) +
                                     ": it needs the newer xdhcpd that wrote it",
                                 true}};
    }
    if (format == 0) {
        return Unexpected{Damage{kFormatAt, "has format 0, which no xdhcpd wrote"}};
    }
    return FileHeader{load_le<std::uint64_t>(header.data() + kGeneration),
                      load_le<std::uint64_t>(header.data() + kSalt),
                      load_le<std::uint64_t>(header.data() + kStamp)};
}

}  // namespace xdhcpd::journal
