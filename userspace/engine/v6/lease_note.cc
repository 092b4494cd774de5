#include "engine/v6/lease_note.h"

#include <algorithm>
#include <array>

#include "dhcp6/duid.h"

namespace xdhcpd::engine::v6 {
namespace {

enum class Tag : std::uint8_t {
    kNextHop = 1,
    kInterface = 2,
    kLinkAddress = 3,
    kPeerAddress = 4,
    kInterfaceId = 5,
    kRemoteId = 6,
    kSubscriberId = 7,
    kReconfigureDuid = 8,
    kRelay = 9,  // address, port
    kVlan = 10,  // outer and inner identifier
};
constexpr std::size_t kHeaderLen = 2;  // tag and length
constexpr std::size_t kMaxInterfaceLen = 15;
constexpr std::size_t kVlanLen = 4;
constexpr std::size_t kRelayLen = Ipv6::kLen + 2;

class Encoder {
  public:
    explicit Encoder(MutableBytes out) noexcept : out_{out} {}

    void add(Tag tag, ByteView value) noexcept {
        if (!value.empty() && value.size() + kHeaderLen <= out_.size() - len_) {
            store_u8(&out_[len_], static_cast<std::uint8_t>(tag));
            store_u8(&out_[len_ + 1], static_cast<std::uint8_t>(value.size()));
            copy_bytes(&out_[len_ + kHeaderLen], value);
            len_ += kHeaderLen + value.size();
        }
    }
    void add_cut(Tag tag, ByteView value) noexcept {
        const std::size_t room = out_.size() - len_;
        if (room > kHeaderLen) {
            add(tag, value.first(std::min(value.size(), room - kHeaderLen)));
        }
    }
    [[nodiscard]] std::size_t len() const noexcept { return len_; }
    [[nodiscard]] bool has_room(std::size_t value_len) const noexcept {
        return value_len + kHeaderLen <= out_.size() - len_;
    }

  private:
    MutableBytes out_;
    std::size_t len_ = 0;
};

[[nodiscard]] bool read_address(std::optional<Ipv6>& to, ByteView value) noexcept {
    if (value.size() != Ipv6::kLen) {
        return false;
    }
    to = Ipv6::load(value.data());
    return true;
}

[[nodiscard]] bool read_vlan(LeaseNote& note, ByteView value) noexcept {
    if (value.size() != kVlanLen) {
        return false;
    }
    note.vlan = {load_be16(value.data()), load_be16(&value[2])};
    return true;
}

[[nodiscard]] bool read_relay(LeaseNote& note, ByteView value) noexcept {
    if (value.size() != kRelayLen) {
        return false;
    }
    note.relay_address = Ipv6::load(value.data());
    note.relay_port = load_be16(&value[Ipv6::kLen]);
    return note.relay_port != 0;
}

[[nodiscard]] bool read(LeaseNote& note, Tag tag, ByteView value) noexcept {
    switch (tag) {
        case Tag::kNextHop:
            return read_address(note.next_hop, value);
        case Tag::kInterface:
            note.interface = as_text(value);
            return !value.empty() && value.size() <= kMaxInterfaceLen;
        case Tag::kLinkAddress:
            return read_address(note.link_address, value);
        case Tag::kPeerAddress:
            return read_address(note.peer_address, value);
        case Tag::kInterfaceId:
            note.interface_id = value;
            return true;
        case Tag::kRemoteId:
            note.remote_id = value;
            return true;
        case Tag::kSubscriberId:
            note.subscriber_id = value;
            return true;
        case Tag::kReconfigureDuid:
            note.reconfigure_duid = value;
            return dhcp6::is_duid_length(value.size());
        case Tag::kRelay:
            return read_relay(note, value);
        case Tag::kVlan:
            return read_vlan(note, value);
    }
    return true;
}

}  // namespace

std::size_t encode(const LeaseNote& note, MutableBytes out) noexcept {
    Encoder encoder{out.first(std::min(out.size(), kMaxLeaseNoteLen))};
    if (note.next_hop && !note.interface.empty() && note.interface.size() <= kMaxInterfaceLen) {
        encoder.add(Tag::kNextHop, note.next_hop->bytes());
        encoder.add(Tag::kInterface, as_bytes(note.interface));
        if (note.vlan.tagged()) {
            std::array<std::byte, kVlanLen> vlan{};
            store_be16(vlan.data(), note.vlan.outer);
            store_be16(&vlan[2], note.vlan.inner);
            encoder.add(Tag::kVlan, vlan);
        }
    }
    if (note.link_address) {
        encoder.add(Tag::kLinkAddress, note.link_address->bytes());
    }
    if (note.peer_address) {
        encoder.add(Tag::kPeerAddress, note.peer_address->bytes());
    }
    encoder.add(Tag::kReconfigureDuid, note.reconfigure_duid);
    if (note.relay_address && encoder.has_room(kRelayLen + kHeaderLen + note.interface_id.size())) {
        std::array<std::byte, kRelayLen> relay{};
        note.relay_address->store(relay.data());
        store_be16(&relay[Ipv6::kLen], note.relay_port);
        encoder.add(Tag::kRelay, relay);
    }
    encoder.add_cut(Tag::kInterfaceId, note.interface_id);
    encoder.add_cut(Tag::kRemoteId, note.remote_id);
    encoder.add_cut(Tag::kSubscriberId, note.subscriber_id);
    return encoder.len();
}

std::optional<LeaseNote> decode_lease_note(ByteView bytes) noexcept {
    LeaseNote note;
    while (!bytes.empty()) {
        if (bytes.size() < kHeaderLen) {
            return std::nullopt;
        }
        const auto tag = static_cast<Tag>(load_u8(bytes.data()));
        const std::size_t len = load_u8(&bytes[1]);
        if (len > bytes.size() - kHeaderLen || !read(note, tag, bytes.subspan(kHeaderLen, len))) {
            return std::nullopt;
        }
        bytes = bytes.subspan(kHeaderLen + len);
    }
    return note;
}

}  // namespace xdhcpd::engine::v6
