// Runs an XDP program on a frame, by bpf_prog_test_run.
#pragma once

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace xdhcpd::lab {

struct XdpRun {
    int error = 0;  // of the call
    std::uint32_t action = 0;
    std::uint32_t duration = 0;      // nanoseconds per frame
    std::vector<std::byte> out;      // what is there afterwards, metadata first; as asked for
    std::uint32_t metadata_len = 0;  // in front of the frame; as asked for
};

struct XdpRunOptions {
    std::uint32_t repeat = 1;
    std::uint32_t out_len = 0;  // room for `out`; 0: not asked for
    std::uint32_t live_batch =
        0;  // frames really go where the program sends them, so many at a time
};

[[nodiscard]] inline XdpRun run_xdp(int program_fd, std::uint32_t ifindex, ByteView frame,
                                    const XdpRunOptions& wanted = {}) {
    XdpRun run;
    run.out.resize(wanted.out_len);
    xdp_md context{};
    context.data_end = static_cast<std::uint32_t>(frame.size());
    context.ingress_ifindex = ifindex;
    xdp_md context_out{};
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.data_in = frame.data();
    options.data_size_in = static_cast<std::uint32_t>(frame.size());
    options.ctx_in = &context;
    options.ctx_size_in = sizeof context;
    if (wanted.out_len != 0) {
        options.data_out = run.out.data();
        options.data_size_out = wanted.out_len;
        options.ctx_out = &context_out;
        options.ctx_size_out = sizeof context_out;
    }
    if (wanted.live_batch != 0) {
        options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
        options.batch_size = wanted.live_batch;
    }
    options.repeat = static_cast<int>(wanted.repeat);
    run.error = bpf_prog_test_run_opts(program_fd, &options);
    run.action = options.retval;
    run.duration = options.duration;
    if (wanted.out_len != 0) {
        run.out.resize(options.data_size_out);
        run.metadata_len = context_out.data;
    }
    return run;
}

}  // namespace xdhcpd::lab
