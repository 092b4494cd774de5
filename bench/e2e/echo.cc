// echo: sends every BOOTREQUEST back as the reply that a client wants to see, and knows nothing:
// the ceiling of the frame rate of a DHCP server on AF_XDP.
//
// The request's message type is taken from where every client puts it, behind the cookie. Addresses
// and ports are turned round, op and yiaddr are written, the latter being the low bits of the
// client's hardware address, so that clients with consecutive addresses each get one of their own;
// fixed options follow, without a UDP checksum. There is no parser, no table and no state. The
// frame has the length of a real server's reply (--reply-len).
#include <CLI/CLI.hpp>

#include "reply.h"
#include "run.h"

namespace xdhcpd::bench {
namespace {

constexpr ReplyOptions kOptions = make_options(kOffer);

struct Echo {
    Mac mac;
    std::uint32_t reply_len = kMinReplyLen;

    void operator()(Packet* packets, std::uint32_t count) const noexcept {
        for (std::uint32_t i = 0; i < count; ++i) {
            std::byte* const frame = packets[i].data;
            const std::uint8_t type = load_u8(frame + kOptionsAt + ReplyOptions::kTypeAt);
            const Ipv4 yiaddr{kFirstAddress +
                              (load_be32(frame + kChaddrAt + 2) & (kAddressCount - 1))};
            write_headers(frame, mac, yiaddr, reply_len);
            store_u8(frame + kBootpAt, 2);
            yiaddr.store(frame + kYiaddrAt);
            std::memcpy(frame + kOptionsAt, kOptions.bytes.data(), ReplyOptions::kLen);
            store_u8(frame + kOptionsAt + ReplyOptions::kTypeAt, type == kDiscover ? kOffer : kAck);
            store_u8(frame + kOptionsAt + ReplyOptions::kLen, 0xff);
            packets[i].len = reply_len;
        }
    }
};

}  // namespace
}  // namespace xdhcpd::bench

int main(int argc, char** argv) {
    using namespace xdhcpd::bench;
    Echo echo;
    return run_program(argc, argv,
                       {.name = "echo",
                        .description = "Bare AF_XDP echo of DHCP requests, for benchmarks",
                        .add_options =
                            [&echo](CLI::App& app) {
                                app.add_option("--reply-len", echo.reply_len,
                                               "Octets of a reply, from the Ethernet header on")
                                    ->capture_default_str()
                                    ->check(CLI::Range(kMinReplyLen, 1514U));
                            },
                        .serve =
                            [&echo](Queue& queue) {
                                echo.mac = queue.mac();
                                serve(queue, echo);
                                print_counters(queue, 0);
                                return 0;
                            }});
}
