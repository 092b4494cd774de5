#include "pcapng/writer.h"

#include <algorithm>

#include "base/assert.h"
#include "pcapng/options.h"

namespace xdhcpd::pcapng {
namespace {

// A block under construction; finish() fills in its length.
class Block {
  public:
    Block(std::vector<std::byte>& out, std::uint32_t type) : out_{out}, start_{out.size()} {
        put32(type);
        put32(0);
    }

    void put16(std::uint16_t value) { store_be16(grow(sizeof value), value); }
    void put32(std::uint32_t value) { store_be32(grow(sizeof value), value); }
    void put64(std::uint64_t value) { store_be64(grow(sizeof value), value); }
    // Padded with zeros to whole words.
    void put_padded(ByteView bytes) {
        constexpr std::size_t kWordLen = 4;
        copy_bytes(grow((bytes.size() + kWordLen - 1) / kWordLen * kWordLen), bytes);
    }

    void option(std::uint16_t code, ByteView value) {
        put16(code);
        put16(static_cast<std::uint16_t>(value.size()));
        put_padded(value);
    }
    void text(std::uint16_t code, std::string_view value) {
        if (!value.empty()) {
            option(code, as_bytes(value.substr(0, kMaxTextLen)));
        }
    }
    void number32(std::uint16_t code, std::uint32_t value) {
        put16(code);
        put16(sizeof value);
        put32(value);
    }
    void number64(std::uint16_t code, std::uint64_t value) {
        put16(code);
        put16(sizeof value);
        put64(value);
    }
    void end_options() {
        put16(kEndOfOptions);
        put16(0);
    }

    void finish() {
        const auto len = static_cast<std::uint32_t>(out_.size() - start_ + sizeof(std::uint32_t));
        put32(len);
        store_be32(out_.data() + start_ + sizeof(std::uint32_t), len);
    }

  private:
    [[nodiscard]] std::byte* grow(std::size_t len) {
        const std::size_t at = out_.size();
        out_.resize(at + len);
        return out_.data() + at;
    }

    std::vector<std::byte>& out_;
    std::size_t start_;
};

}  // namespace

void append(std::vector<std::byte>& out, const Section& section) {
    constexpr std::uint64_t kUnknownLen = ~std::uint64_t{0};
    Block block{out, kSectionBlock};
    block.put32(kByteOrderMagic);
    block.put16(kMajorVersion);
    block.put16(kMinorVersion);
    block.put64(kUnknownLen);
    block.text(kSectionHardware, section.hardware);
    block.text(kSectionOs, section.os);
    block.text(kSectionApplication, section.application);
    block.end_options();
    block.finish();
}

void append(std::vector<std::byte>& out, const Interface& interface) {
    constexpr std::byte kResolution{kNanoseconds};
    Block block{out, kInterfaceBlock};
    block.put16(kLinkTypeEthernet);
    block.put16(0);
    block.put32(interface.snaplen);
    block.text(kInterfaceName, interface.name);
    block.text(kInterfaceDescription, interface.description);
    block.option(kInterfaceTimeResolution, {&kResolution, 1});
    block.end_options();
    block.finish();
}

void append(std::vector<std::byte>& out, const Packet& packet) {
    XD_ASSERT(packet.frame.size() <= kMaxBlockLen / 2);
    Block block{out, kPacketBlock};
    block.put32(packet.interface_id);
    block.put64(packet.time_ns);  // high half, then low half
    block.put32(static_cast<std::uint32_t>(packet.frame.size()));
    block.put32(packet.frame_len);
    block.put_padded(packet.frame);
    block.text(kComment, packet.comment);
    block.number32(kPacketFlags, static_cast<std::uint32_t>(packet.direction) |
                                     static_cast<std::uint32_t>(packet.reception) << 2);
    if (packet.missed_before != 0) {
        block.number64(kPacketDropCount, packet.missed_before);
    }
    if (packet.queue) {
        block.number32(kPacketQueue, *packet.queue);
    }
    block.end_options();
    block.finish();
}

void append(std::vector<std::byte>& out, const Statistics& statistics) {
    Block block{out, kStatisticsBlock};
    block.put32(statistics.interface_id);
    block.put64(statistics.time_ns);
    block.number64(kStatisticsStart, statistics.start_ns);
    block.number64(kStatisticsEnd, statistics.end_ns);
    block.number64(kStatisticsReceived, statistics.packets);
    block.number64(kStatisticsDropped, statistics.missed);
    block.end_options();
    block.finish();
}

}  // namespace xdhcpd::pcapng
