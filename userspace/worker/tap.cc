#include "worker/tap.h"

#include <bit>
#include <cstring>
#include <span>
#include <utility>

#include "worker/drop_log.h"

namespace xdhcpd::worker {
namespace {

[[nodiscard]] TapRecord record_of(const Port& port, BootTime now) noexcept {
    TapRecord record;
    record.time = now;
    record.queue = port.queue();
    const std::string_view name = port.interface_name().substr(0, TapRecord::kNameLen - 1);
    std::copy(name.begin(), name.end(), record.interface_name.begin());
    return record;
}

}  // namespace

Tap::Tap(TapFilter filter, std::uint32_t snaplen, std::size_t ring_len)
    : filter_{std::move(filter)},
      snaplen_{snaplen},
      ring_len_{ring_len},
      ring_{std::make_unique<std::byte[]>(ring_len)} {  // zeros it
    XD_ASSERT(std::has_single_bit(ring_len) && snaplen <= kMaxSnaplen &&
              2 * room_for(snaplen) <= ring_len);
}

bool Tap::wants(const Port& port, Mac client,
                std::optional<engine::DropReason> drop) const noexcept {
    if (filter_.only_dropped && (!drop || is_expected(*drop))) {
        return false;
    }
    return (filter_.interface.empty() || filter_.interface == port.interface_name()) &&
           (!filter_.hw_address || client == *filter_.hw_address);
}

void Tap::push(TapRecord record, ByteView frame) noexcept {
    const ByteView kept = frame.first(std::min<std::size_t>(frame.size(), snaplen_));
    const std::uint64_t written = written_.load(std::memory_order_relaxed);
    const std::size_t at = written & (ring_len_ - 1);
    const std::size_t room = room_for(kept.size());
    const std::size_t left = ring_len_ - at;  // before the end of the ring
    const std::size_t needed = room <= left ? room : left + room;
    if (written + needed - read_seen_ > ring_len_) {
        read_seen_ = read_.load(std::memory_order_acquire);
        if (written + needed - read_seen_ > ring_len_) {
            missed_.add();
            ++missed_since_;
            return;
        }
    }
    std::byte* to = ring_.get() + at;
    if (room > left) {
        TapRecord padding;
        padding.kept_len = TapRecord::kPadding;
        std::memcpy(to, &padding, sizeof padding);
        to = ring_.get();
    }
    record.missed_before = std::exchange(missed_since_, 0);
    record.frame_len = static_cast<std::uint32_t>(frame.size());
    record.kept_len = static_cast<std::uint32_t>(kept.size());
    std::memcpy(to, &record, sizeof record);
    copy_bytes(to + sizeof record, kept);
    taken_.add();
    written_.store(written + needed, std::memory_order_release);
}

std::optional<Tap::Packet> Tap::front() noexcept {
    std::uint64_t read = read_.load(std::memory_order_relaxed);
    const std::uint64_t written = written_.load(std::memory_order_acquire);
    while (read != written) {
        const std::size_t at = read & (ring_len_ - 1);
        Packet packet;
        std::memcpy(&packet.record, ring_.get() + at, sizeof packet.record);
        if (packet.record.kept_len != TapRecord::kPadding) {
            packet.bytes = {ring_.get() + at + sizeof packet.record, packet.record.kept_len};
            front_len_ = room_for(packet.record.kept_len);
            return packet;
        }
        read += ring_len_ - at;
        read_.store(read, std::memory_order_release);
    }
    return std::nullopt;
}

void Tap::pop() noexcept {
    XD_ASSERT(front_len_ != 0);
    read_.store(read_.load(std::memory_order_relaxed) + std::exchange(front_len_, 0),
                std::memory_order_release);
}

void TapSet::record_answer(const Port& port, ByteView request, Mac client, ByteView reply,
                           BootTime now) const noexcept {
    TapRecord record = record_of(port, now);
    for (Tap* const tap : std::span{taps_}.first(count_)) {
        if (tap->wants(port, client, std::nullopt)) {
            record.outbound = false;
            tap->push(record, request);
            record.outbound = true;
            tap->push(record, reply);
        }
    }
}

void TapSet::record_drop(const Port& port, ByteView request, Mac client, engine::DropReason reason,
                         BootTime now) const noexcept {
    TapRecord record = record_of(port, now);
    record.reason = static_cast<std::uint16_t>(reason.index());
    for (Tap* const tap : std::span{taps_}.first(count_)) {
        if (tap->wants(port, client, reason)) {
            tap->push(record, request);
        }
    }
}

void TapSet::record_sent(const Port& port, Mac client, ByteView frame,
                         BootTime now) const noexcept {
    TapRecord record = record_of(port, now);
    record.outbound = true;
    for (Tap* const tap : std::span{taps_}.first(count_)) {
        if (tap->wants(port, client, std::nullopt)) {
            tap->push(record, frame);
        }
    }
}

}  // namespace xdhcpd::worker
