// What the arrival time costs that the XDP program writes in front of a frame: the whole redirect
// path (program, redirect, copy into the UMEM) with and without it, frame by frame through
// bpf_prog_test_run with live frames, into an AF_XDP socket that is emptied in between.
//
//     xdp_bench [PAIRS]      as root; default 1000 pairs of 1,024 frames each
//
// Exit code 77: not possible here, with the reason.
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <xdhcpd.skel.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "bpf/lab.h"
#include "bpf/xdhcpd_abi.h"
#include "io/xsk/xsk_port.h"
#include "support/test_run.h"

namespace xdhcpd {
namespace {

constexpr int kSkip = 77;
constexpr int kDefaultPairs = 1000;
constexpr std::uint32_t kFrames = 1024;  // in one test run
constexpr std::uint32_t kRingSize = 2048;

struct SkeletonDeleter {
    void operator()(xdhcpd_bpf* skeleton) const { xdhcpd_bpf__destroy(skeleton); }
};
using Program = std::unique_ptr<xdhcpd_bpf, SkeletonDeleter>;

[[nodiscard]] bool put(const bpf_map* map, const void* key, const void* value) {
    return bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY) == 0;
}

// The program as it is attached to xdsrv, with one link served.
[[nodiscard]] Program load(bool tell_arrival, std::uint32_t ifindex, int socket) {
    Program program{xdhcpd_bpf__open()};
    if (!program) {
        return program;
    }
    program->rodata->xd_tell_arrival = tell_arrival ? 1 : 0;
    xd_link_key link_key{};
    link_key.ifindex = ifindex;
    xd_link link{};
    link.flags = XD_LINK_DHCP4;
    std::memcpy(static_cast<void*>(link.mac), lab::kServerMac.octets.data(), Mac::kLen);
    xd_settings settings{};
    settings.enabled = 1;
    const std::uint32_t zero = 0;
    if (xdhcpd_bpf__load(program.get()) != 0 || !put(program->maps.xd_links, &link_key, &link) ||
        !put(program->maps.xd_settings, &zero, &settings) ||
        !put(program->maps.xd_sockets, &zero, &socket)) {
        program.reset();
    }
    return program;
}

// Takes what is there; how many, and how many of them said when they came.
struct Received {
    std::size_t frames = 0;
    std::size_t told = 0;
};
Received empty(XskPort& port) {
    Received received;
    std::array<RxFrame, 64> batch;
    while (const std::size_t count = port.receive(batch)) {
        for (std::size_t i = 0; i < count; ++i) {
            xd_arrival arrival{};
            std::memcpy(&arrival, batch[i].bytes.data() - sizeof arrival, sizeof arrival);
            received.told += arrival.time != 0 ? 1 : 0;
        }
        received.frames += count;
        port.release(std::span{batch}.first(count));
    }
    return received;
}

// Nanoseconds per frame; 0 when it failed.
[[nodiscard]] std::uint32_t run(const xdhcpd_bpf& program, std::uint32_t ifindex,
                                const lab::Frame& frame) {
    const lab::XdpRun run = lab::run_xdp(bpf_program__fd(program.progs.xd_ingress), ifindex, frame,
                                         {.repeat = kFrames, .live_batch = 64});  // of a NAPI poll
    return run.error == 0 ? std::max(run.duration, 1U) : 0;
}

struct Quartiles {
    double low, median, high;
};
[[nodiscard]] Quartiles quartiles(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const auto at = [&](std::size_t quarter) { return values[quarter * (values.size() - 1) / 4]; };
    return {at(1), at(2), at(3)};
}

int fail(const std::string& why) {
    static_cast<void>(std::fprintf(stderr, "xdp_bench: %s\n", why.c_str()));
    return EXIT_FAILURE;
}

int measure(int pairs) {
    if (const auto reason = lab::missing_privilege()) {
        std::printf("skipped: %s\n", reason->c_str());
        return kSkip;
    }
    if (const std::string problem = lab::enter_new_network(); !problem.empty()) {
        return fail(problem);
    }
    const std::uint32_t ifindex = ::if_nametoindex(lab::kServerInterface);
    auto port = XskPort::open({.interface_name = lab::kServerInterface,
                               .ifindex = ifindex,
                               .queue = 0,
                               .driver = "xdp",
                               .ring_size = kRingSize,
                               .frame_count = 2 * kRingSize,
                               .frame_len = 2048,
                               .max_tx_frame_len = 1522,
                               .bind_flags = 0});
    if (!port) {
        return fail(port.error().message);
    }
    const std::array<Program, 2> programs{load(false, ifindex, (*port)->fd()),
                                          load(true, ifindex, (*port)->fd())};
    if (!programs[0] || !programs[1]) {
        return fail("cannot load the XDP program");
    }
    const lab::Frame frame = lab::frame(lab::broadcast_request());
    std::array<std::vector<double>, 2> nanoseconds;
    std::vector<double> differences;
    for (int pair = 0; pair < pairs; ++pair) {
        for (std::size_t turn = 0; turn < 2; ++turn) {
            const std::size_t which = (turn + static_cast<std::size_t>(pair)) % 2;
            const std::uint32_t taken = run(*programs[which], ifindex, frame);
            const Received received = empty(**port);
            // Frames are used again, so only the first pair tells who writes in front of them.
            const bool is_as_asked =
                pair > 0 || received.told == (which == 1 ? std::size_t{kFrames} : 0);
            if (taken == 0 || received.frames != kFrames || !is_as_asked) {
                return fail("of " + std::to_string(kFrames) + " frames " +
                            std::to_string(received.frames) + " came and " +
                            std::to_string(received.told) + " said when");
            }
            nanoseconds[which].push_back(taken);
        }
        differences.push_back(nanoseconds[1].back() - nanoseconds[0].back());
    }
    const Quartiles without = quartiles(nanoseconds[0]);
    const Quartiles with = quartiles(nanoseconds[1]);
    const Quartiles difference = quartiles(differences);
    std::printf("redirect of a %zu byte frame, ns: median (quartiles) of %d runs of %u\n",
                frame.size(), pairs, kFrames);
    std::printf("without arrival time  %.0f (%.0f..%.0f)\n", without.median, without.low,
                without.high);
    std::printf("with arrival time     %.0f (%.0f..%.0f)\n", with.median, with.low, with.high);
    std::printf("difference of pairs   %.0f (%.0f..%.0f), %.1f %%\n", difference.median,
                difference.low, difference.high, 100 * difference.median / without.median);
    return EXIT_SUCCESS;
}

}  // namespace
}  // namespace xdhcpd

int main(int argc, char** argv) {
    const int pairs =
        argc > 1 ? std::atoi(argv[1]) : xdhcpd::kDefaultPairs;  // NOLINT(cert-err34-c)
    if (pairs <= 0) {
        static_cast<void>(std::fprintf(stderr, "usage: xdp_bench [PAIRS]\n"));
        return 2;
    }
    return xdhcpd::measure(pairs);
}
