#include "journal/codec/snapshot.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "base/assert.h"
#include "journal/codec/little_endian.h"
#include "journal/codec/record.h"

namespace xdhcpd::journal {
namespace {

constexpr std::string_view kMagic = "xdhcpsnp";

// Places in the footer.
constexpr std::uint64_t kFooterMagic = 0x646e652070616e73;  // "snap end"
constexpr std::size_t kChecksum = 8;
constexpr std::size_t kCount = 16;
constexpr std::size_t kLen = 24;
constexpr std::size_t kGeneration = 32;
constexpr std::size_t kSalt = 40;
constexpr std::size_t kStamp = 48;

[[nodiscard]] std::uint64_t checksum(ByteView footer) noexcept {
    return crc32c(Seed{}, footer.subspan(kCount));
}

[[nodiscard]] Result<SnapshotHeader, Damage> decode_header(ByteView bytes) {
    const auto common = take_file_header(bytes, kMagic, "snapshot");
    if (!common) {
        return Unexpected{common.error()};
    }
    return SnapshotHeader{common->generation, common->salt, common->stamp};
}

// `at` is where the footer begins.
[[nodiscard]] Result<SnapshotFooter, Damage> decode_footer(ByteView bytes, std::uint64_t at) {
    if (load_le<std::uint64_t>(bytes.data()) != kFooterMagic ||
        load_le<std::uint64_t>(bytes.data() + kChecksum) != checksum(bytes)) {
        return Unexpected{Damage{at, "footer is damaged, or the file was cut"}};
    }
    const SnapshotFooter footer{{load_le<std::uint64_t>(bytes.data() + kGeneration),
                                 load_le<std::uint64_t>(bytes.data() + kSalt),
                                 load_le<std::uint64_t>(bytes.data() + kStamp)},
                                load_le<std::uint64_t>(bytes.data() + kCount),
                                load_le<std::uint64_t>(bytes.data() + kLen)};
    if (footer.len != at + kSnapshotFooterLen) {
        return Unexpected{Damage{at, "file is not as long as its footer says"}};
    }
    return footer;
}

}  // namespace

void encode(const SnapshotHeader& header, MutableBytes out) noexcept {
    XD_ASSERT(out.size() == kSnapshotHeaderLen);
    std::fill(out.begin(), out.end(), std::byte{});
    put_file_header(out, kMagic, {header.generation, header.salt, header.stamp});
}

void encode(const SnapshotFooter& footer, MutableBytes out) noexcept {
    XD_ASSERT(out.size() == kSnapshotFooterLen);
    std::fill(out.begin(), out.end(), std::byte{});
    store_le(out.data(), kFooterMagic);
    store_le(out.data() + kCount, footer.count);
    store_le(out.data() + kLen, footer.len);
    store_le(out.data() + kGeneration, footer.header.generation);
    store_le(out.data() + kSalt, footer.header.salt);
    store_le(out.data() + kStamp, footer.header.stamp);
    store_le(out.data() + kChecksum, checksum(out));
}

SnapshotReader::SnapshotReader(Read read, const SnapshotHeader& header, std::uint64_t records_end,
                               std::uint64_t count)
    : read_{std::move(read)},
      header_{header},
      seed_{header.seed()},
      records_end_{records_end},
      count_{count},
      buffer_(std::min<std::uint64_t>(kBufferLen, records_end - kSnapshotHeaderLen)) {}

struct SnapshotReader::Ends {
    Result<SnapshotHeader, Damage> header;
    Result<SnapshotFooter, Damage> footer;
};

SnapshotReader::Ends SnapshotReader::read_ends(const Read& read, std::uint64_t file_len) {
    if (file_len < kSnapshotHeaderLen + kSnapshotFooterLen) {
        const Damage damage{file_len, "file ends within its header"};
        return {Unexpected{damage}, Unexpected{damage}};
    }
    std::array<std::byte, kSnapshotHeaderLen> head{};
    std::array<std::byte, kSnapshotFooterLen> foot{};
    const std::uint64_t foot_at = file_len - foot.size();
    const auto read_all = [&](std::uint64_t offset, MutableBytes into) -> Result<Success, Damage> {
        const auto len = read(offset, into);
        if (!len) {
            return Unexpected{Damage{offset, len.error().message}};
        }
        if (*len != into.size()) {
            return Unexpected{Damage{offset + *len, "file has become shorter"}};
        }
        return Success{};
    };
    const auto head_read = read_all(0, head);
    const auto foot_read = read_all(foot_at, foot);
    return {head_read ? decode_header(head) : Unexpected{head_read.error()},
            foot_read ? decode_footer(foot, foot_at) : Unexpected{foot_read.error()}};
}

Result<SnapshotReader, Damage> SnapshotReader::open(Read read, std::uint64_t file_len) {
    const Ends ends = read_ends(read, file_len);
    if (!ends.header) {
        return Unexpected{ends.header.error()};
    }
    if (!ends.footer) {
        return Unexpected{ends.footer.error()};
    }
    return SnapshotReader{std::move(read), *ends.header, file_len - kSnapshotFooterLen,
                          ends.footer->count};
}

Result<SnapshotReader, Damage> SnapshotReader::salvage(Read read, std::uint64_t file_len) {
    const Ends ends = read_ends(read, file_len);
    if (!ends.header && !ends.footer) {
        return Unexpected{ends.header.error()};
    }
    // A file that was cut has records up to its end.
    SnapshotReader reader{std::move(read), ends.header ? *ends.header : ends.footer->header,
                          ends.footer ? file_len - kSnapshotFooterLen : file_len,
                          ends.footer ? ends.footer->count : 0};
    reader.salvaging_ = true;
    if (!ends.header) {
        reader.damage_ = ends.header.error();
    } else if (!ends.footer) {
        reader.damage_ = ends.footer.error();
    }
    return reader;
}

ByteView SnapshotReader::fail(std::string what) {
    if (!damage_) {
        damage_ = Damage{offset_, std::move(what)};
    }
    return {};
}

bool SnapshotReader::fill() {
    const std::uint64_t left = records_end_ - offset_;
    if (end_ - at_ >= std::min<std::uint64_t>(kMaxRecordLen, left)) {
        return true;
    }
    std::memmove(buffer_.data(), buffer_.data() + at_, end_ - at_);
    end_ -= at_;
    at_ = 0;
    const auto into = MutableBytes{buffer_}.subspan(
        end_, std::min<std::uint64_t>(buffer_.size() - end_, left - end_));
    const auto len = read_(offset_ + end_, into);
    if (!len || *len != into.size()) {
        static_cast<void>(fail(len ? "file has become shorter" : len.error().message));
        return false;
    }
    end_ += *len;
    return true;
}

ByteView SnapshotReader::next() {
    while (!(damage_ && !salvaging_) && offset_ < records_end_) {
        if (!fill()) {
            salvaging_ = false;  // what cannot be read cannot be passed over either
            return {};
        }
        const ByteView bytes = ByteView{buffer_}.subspan(at_, end_ - at_);
        const auto record = first_record(bytes);
        const char* const problem =
            !record                      ? to_text(record.error())
            : !is_intact(*record, seed_) ? to_text(RecordError::kBadChecksum)
            : !last_key_.empty() &&
                    std::memcmp(last_key_.data(), key_of(*record).data(), last_key_.size()) >= 0
                ? "records are not in order"
                : nullptr;
        if (problem == nullptr) {
            const ByteView key = key_of(*record);
            last_key_.assign(key.begin(), key.end());
            at_ += record->size();
            offset_ += record->size();
            ++seen_;
            return *record;
        }
        static_cast<void>(fail(problem));
        if (salvaging_) {
            const auto step = std::min<std::uint64_t>(kRecordAlign, records_end_ - offset_);
            at_ += step;
            offset_ += step;
        }
    }
    if (seen_ != count_) {
        return fail("holds " + std::to_string(seen_) + " records and should hold " +
                    std::to_string(count_));
    }
    return {};
}

}  // namespace xdhcpd::journal
