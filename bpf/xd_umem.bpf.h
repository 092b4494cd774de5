/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Can an AF_XDP socket have the frame? */
#ifndef XD_UMEM_BPF_H
#define XD_UMEM_BPF_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "xd_ether.bpf.h"
#include "xd_maps.bpf.h"

/*
 * A frame in several buffers passes whatever its length: before Linux 6.6 the kernel cannot hand
 * one to an AF_XDP socket.
 */
static __always_inline bool xd_fits_umem(struct xdp_md *ctx, const struct xd_stripped_tag *stripped)
{
	__u64 frame_len = bpf_xdp_get_buff_len(ctx);
	__u64 added_len = stripped->tpid ? sizeof(struct xd_vlan_tag) : 0;

	return frame_len + added_len <= xd_max_frame_len &&
	       frame_len == (__u64)(ctx->data_end - ctx->data);
}

#endif /* XD_UMEM_BPF_H */
