// responder: the least that answers DISCOVER and REQUEST correctly, for each client with the same
// address every time: the ceiling of a DHCP server on AF_XDP.
//
// One pass over the options, one look-up in one table, fixed options, checksums. What a server must
// do and this does not: look at lengths and checksums of IP and UDP, expire a lease, store it,
// choose subnet and options, refuse with a NAK, answer INFORM, take RELEASE or DECLINE, count
// reasons.
#include <sys/mman.h>

#include <cstdio>

#include "reply.h"
#include "run.h"

namespace xdhcpd::bench {
namespace {

// Open addressing by hardware address. The slot is the lease: slot number = address, so a lease is
// the 8 octets of its key. Half full at most.
class Table {
  public:
    static constexpr std::uint32_t kSlots = kAddressCount;
    static constexpr std::uint32_t kNone = kSlots;
    static constexpr std::uint64_t kTaken = 1ULL << 63;

    Table() {
        void* const area =
            ::mmap(nullptr, kLen, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (area != MAP_FAILED) {
            static_cast<void>(::madvise(area, kLen, MADV_HUGEPAGE));
            slots_ = static_cast<std::uint64_t*>(area);
        }
    }
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;
    ~Table() { static_cast<void>(::munmap(slots_, kLen)); }

    [[nodiscard]] bool is_open() const noexcept { return slots_ != nullptr; }
    [[nodiscard]] static std::uint32_t home(std::uint64_t key) noexcept {
        // Multiplicative hashing (Knuth, TAOCP volume 3, section 6.4).
        return static_cast<std::uint32_t>((key * 0x9e3779b97f4a7c15ULL) >> (64 - 21));
    }
    void prefetch(std::uint32_t slot) const noexcept { __builtin_prefetch(slots_ + slot, 1); }
    // The slot of `key`, taken for it when it had none; kNone when the table is full.
    [[nodiscard]] std::uint32_t find_or_insert(std::uint64_t key, std::uint32_t slot) noexcept {
        for (;; slot = (slot + 1) % kSlots) {
            if (slots_[slot] == key) {
                return slot;
            }
            if (slots_[slot] == 0) {
                if (count_ == kSlots / 2) {
                    return kNone;
                }
                ++count_;
                slots_[slot] = key;
                return slot;
            }
        }
    }

  private:
    static constexpr std::size_t kLen = std::size_t{kSlots} * sizeof(std::uint64_t);
    static_assert(kSlots == 1U << 21);

    std::uint64_t* slots_ = nullptr;
    std::uint32_t count_ = 0;
};

// What a request says, and where its client identifier is.
struct Parsed {
    std::uint64_t key = 0;
    std::uint32_t slot = 0;
    Ipv4 requested;
    std::uint8_t type = 0;
    bool for_us = true;                    // no server identifier, or ours
    const std::byte* client_id = nullptr;  // code, length, value
};

class Responder {
  public:
    explicit Responder(const Mac& mac) : mac_{mac} {}

    [[nodiscard]] bool is_open() const noexcept { return table_.is_open(); }
    [[nodiscard]] std::uint64_t unanswered() const noexcept { return unanswered_; }

    void operator()(Packet* packets, std::uint32_t count) noexcept {
        Parsed parsed[Queue::kMaxBatch];
        for (std::uint32_t i = 0; i < count; ++i) {
            parse(packets[i], parsed[i]);
            table_.prefetch(parsed[i].slot);
        }
        for (std::uint32_t i = 0; i < count; ++i) {
            packets[i].len = answer(packets[i].data, parsed[i]);
            unanswered_ += packets[i].len == 0 ? 1 : 0;
        }
    }

  private:
    // Options that all replies of a type share, with the sum of the cookie and them.
    struct Template {
        explicit Template(std::uint8_t type) : options{make_options(type)} {
            alignas(8) std::array<std::byte, 64> words{};
            store_be32(words.data(), kCookie);
            std::memcpy(words.data() + 4, options.bytes.data(), ReplyOptions::kLen);
            words[4 + ReplyOptions::kLen] = std::byte{0xff};
            sum = raw_sum(words.data(), words.size());
        }
        ReplyOptions options;
        std::uint64_t sum = 0;
    };

    static void parse(const Packet& packet, Parsed& parsed) noexcept {
        parsed = Parsed{};
        const std::byte* const frame = packet.data;
        if (packet.len < kOptionsAt || load_be32(frame + kCookieAt) != kCookie) {
            return;
        }
        parsed.key = Table::kTaken | (load_be64(frame + kChaddrAt) >> 16);
        parsed.slot = Table::home(parsed.key);
        const std::byte* at = frame + kOptionsAt;
        const std::byte* const end = frame + packet.len;
        while (at + 2 <= end && *at != std::byte{0xff}) {
            if (*at == std::byte{0}) {
                ++at;
                continue;
            }
            const std::size_t len = load_u8(at + 1);
            const std::byte* const value = at + 2;
            if (value + len > end) {
                return;
            }
            switch (load_u8(at)) {
                case 53:
                    parsed.type = len == 1 ? load_u8(value) : std::uint8_t{0};
                    break;
                case 50:
                    parsed.requested = len == 4 ? Ipv4::load(value) : Ipv4{};
                    break;
                case 54:
                    parsed.for_us = len == 4 && Ipv4::load(value) == kServerAddress;
                    break;
                case 61:
                    parsed.client_id = at;
                    break;
                default:
                    break;
            }
            at = value + len;
        }
    }

    // Makes the request its reply; returns the length, 0 for none.
    std::uint32_t answer(std::byte* frame, const Parsed& parsed) noexcept {
        if ((parsed.type != kDiscover && parsed.type != kRequest) || !parsed.for_us) {
            return 0;
        }
        const std::uint32_t slot = table_.find_or_insert(parsed.key, parsed.slot);
        if (slot == Table::kNone) {
            return 0;
        }
        const Ipv4 yiaddr{kFirstAddress + slot};
        const Ipv4 wanted =
            parsed.requested.is_zero() ? Ipv4::load(frame + kCiaddrAt) : parsed.requested;
        if (parsed.type == kRequest && wanted != yiaddr) {
            return 0;
        }

        // RFC 6842: the client identifier comes back.
        std::array<std::byte, 257> client_id;
        std::size_t client_id_len = 0;
        if (parsed.client_id != nullptr) {
            client_id_len = 2 + std::size_t{load_u8(parsed.client_id + 1)};
            std::memcpy(client_id.data(), parsed.client_id, client_id_len);
        }
        const Template& shared = parsed.type == kDiscover ? offer_ : ack_;
        const std::size_t options_len = ReplyOptions::kLen + client_id_len + 1;
        const std::uint32_t frame_len =
            std::max(kMinReplyLen, static_cast<std::uint32_t>(kOptionsAt + options_len + 1) & ~1U);

        write_headers(frame, mac_, yiaddr, frame_len);
        store_u8(frame + kBootpAt, 2);
        store_u8(frame + kBootpAt + 3, 0);  // hops
        store_be16(frame + kSecsAt, 0);
        yiaddr.store(frame + kYiaddrAt);
        store_be32(frame + kSiaddrAt, 0);
        std::memset(frame + kSnameAt, 0, kCookieAt - kSnameAt);
        std::byte* at = frame + kOptionsAt;
        std::memcpy(at, shared.options.bytes.data(), ReplyOptions::kLen);
        at += ReplyOptions::kLen;
        std::uint64_t sum = shared.sum;
        if (client_id_len != 0) {
            std::memcpy(at, client_id.data(), client_id_len);
            at += client_id_len;
        }
        *at++ = std::byte{0xff};
        std::memset(at, 0, static_cast<std::size_t>(frame + frame_len - at));
        if (client_id_len != 0) {
            sum = raw_sum(frame + kCookieAt, frame_len - kCookieAt);
        }

        // Pseudo-header, UDP header, and what varies of the message.
        sum += raw_sum(frame + kIpAt + 12, 8) + raw_sum(frame + kUdpAt, kSnameAt - kUdpAt);
        std::array<std::byte, 4> pseudo{};
        pseudo[1] = std::byte{17};
        store_be16(pseudo.data() + 2, static_cast<std::uint16_t>(frame_len - kUdpAt));
        sum += raw_sum(pseudo.data(), pseudo.size());
        auto checksum = static_cast<std::uint16_t>(~fold(sum));
        checksum = checksum == 0 ? std::uint16_t{0xffff} : checksum;
        std::memcpy(frame + kUdpAt + 6, &checksum, 2);
        return frame_len;
    }

    Mac mac_;
    Table table_;
    std::uint64_t unanswered_ = 0;
    const Template offer_{kOffer};
    const Template ack_{kAck};
};

[[nodiscard]] int respond(Queue& queue) {
    Responder responder{queue.mac()};
    if (!responder.is_open()) {
        static_cast<void>(std::fputs("responder: no memory for the table\n", stderr));
        return 1;
    }
    serve(queue, responder);
    print_counters(queue, responder.unanswered());
    return 0;
}

}  // namespace
}  // namespace xdhcpd::bench

int main(int argc, char** argv) {
    return xdhcpd::bench::run_program(
        argc, argv,
        {.name = "responder",
         .description = "Minimal AF_XDP DHCP responder, for benchmarks",
         .serve = xdhcpd::bench::respond});
}
