/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A cursor over the linear part of a frame. Nothing else touches packet bytes. */
#ifndef XD_CURSOR_BPF_H
#define XD_CURSOR_BPF_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct xd_cursor {
	void *pos;
	void *end;
};

/* Invalid after any helper that may move the packet. */
static __always_inline struct xd_cursor xd_cursor_open(const struct xdp_md *ctx)
{
	struct xd_cursor c = {
		.pos = (void *)(long)ctx->data,
		.end = (void *)(long)ctx->data_end,
	};

	return c;
}

/* Likewise over the metadata in front of the frame. */
static __always_inline struct xd_cursor xd_cursor_open_meta(const struct xdp_md *ctx)
{
	struct xd_cursor c = {
		.pos = (void *)(long)ctx->data_meta,
		.end = (void *)(long)ctx->data,
	};

	return c;
}

/* Take @len bytes, or NULL if the frame ends first. Nothing else moves the cursor. */
static __always_inline void *xd_cursor_take(struct xd_cursor *c, __u64 len)
{
	void *taken = c->pos;

	if (taken + len > c->end)
		return NULL;
	c->pos = taken + len;
	return taken;
}

/* Bytes that are left. */
static __always_inline __u64 xd_cursor_left(const struct xd_cursor *c)
{
	return c->end - c->pos;
}

#endif /* XD_CURSOR_BPF_H */
