// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Takes DHCP requests, Router and Neighbor Solicitations that are provably for this host to the
 * AF_XDP socket of their queue.
 * Everything else passes to the kernel's stack unchanged, malformed or not. What would be taken is
 * dropped if the operator has limited its rate; nothing else is ever dropped. See README.md.
 */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "xd_cursor.bpf.h"
#include "xd_dhcp4.bpf.h"
#include "xd_ether.bpf.h"
#include "xd_ipv6.bpf.h"
#include "xd_maps.bpf.h"
#include "xd_rate.bpf.h"
#include "xdhcpd_abi.h"

/* Whose frame is it? XD_REDIRECTED means ours. One branch per protocol. */
static __always_inline enum xd_verdict
xd_classify(struct xdp_md *ctx, const struct xd_stripped_tag *stripped, struct xd_sender *sender)
{
	struct xd_cursor cursor = xd_cursor_open(ctx);
	struct xd_ether ether;

	if (!xd_take_ether(&cursor, ctx->ingress_ifindex, stripped, &ether))
		return XD_PASS_TRUNCATED;
	if (ether.proto == bpf_htons(ETH_P_IP))
		return xd_classify_dhcp4(ctx, &cursor, &ether, stripped, sender);
	if (ether.proto == bpf_htons(ETH_P_IPV6))
		return xd_classify_ipv6(ctx, &cursor, &ether, stripped, sender);
	return XD_PASS_NOT_IP;
}

static __always_inline void xd_count(enum xd_verdict verdict)
{
	__u32 key = verdict;
	__u64 *frames = bpf_map_lookup_elem(&xd_verdicts, &key);

	if (frames)
		*frames += 1;
}

/*
 * Say in front of the frame when it came. Without room for that it goes without. The coarse clock
 * costs a load, and what waits for milliseconds is what userspace wants to know.
 */
static __always_inline void xd_stamp(struct xdp_md *ctx)
{
	struct xd_arrival *arrival;
	struct xd_cursor c;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*arrival)))
		return;
	c = xd_cursor_open_meta(ctx);
	arrival = xd_cursor_take(&c, sizeof(*arrival));
	if (!arrival)
		return; /* cannot be: the room has just been made */
	*arrival = (struct xd_arrival){
		.magic = XD_ARRIVAL_MAGIC,
		.time = bpf_ktime_get_coarse_ns(),
	};
}

/*
 * The target is named first and the tag put back last, so that a frame is changed only when it is
 * certain to leave. An empty slot of the map yields the fallback action. Only what would leave
 * costs a token, so that nothing else is ever dropped.
 */
static __always_inline enum xd_verdict xd_redirect(struct xdp_md *ctx,
						   const struct xd_stripped_tag *stripped,
						   const struct xd_sender *sender)
{
	const struct xd_settings *settings = sender->settings;
	enum xd_verdict verdict;

	if (bpf_redirect_map(&xd_sockets, ctx->rx_queue_index, XDP_PASS) != XDP_REDIRECT)
		return XD_PASS_NO_SOCKET;
	if (stripped->tpid && !xd_put_tag_back(ctx, stripped))
		return XD_PASS_NO_HEADROOM;
	if (settings && settings->limited) {
		verdict = xd_limit_rate(settings, sender);
		if (verdict != XD_REDIRECTED)
			return verdict;
	}
	if (xd_tell_arrival)
		xd_stamp(ctx);
	return XD_REDIRECTED;
}

static __always_inline int xd_action(enum xd_verdict verdict)
{
	switch (verdict) {
	case XD_REDIRECTED:
		return XDP_REDIRECT;
	case XD_DROP_CLIENT_RATE:
	case XD_DROP_LINK_RATE:
		return XDP_DROP;
	default:
		return XDP_PASS;
	}
}

/* The whole program; entries differ in how they are loaded and in what they know of stripped tags.
 */
static __always_inline int xd_run(struct xdp_md *ctx, const struct xd_stripped_tag *stripped)
{
	struct xd_sender sender = {};
	enum xd_verdict verdict = xd_classify(ctx, stripped, &sender);

	if (verdict == XD_REDIRECTED)
		verdict = xd_redirect(ctx, stripped, &sender);
	xd_count(verdict);
	return xd_action(verdict);
}

/* For every mode and for test runs: sees only tags that are in the frame. */
SEC("xdp.frags")
int xd_ingress(struct xdp_md *ctx)
{
	const struct xd_stripped_tag none = {};

	return xd_run(ctx, &none);
}

/* Linux 6.8; only in programs that are bound to a device. Negative when there is no tag to tell. */
extern int bpf_xdp_metadata_rx_vlan_tag(const struct xdp_md *ctx, __be16 *vlan_proto,
					__u16 *vlan_tci) __ksym __weak;

/* For native mode, bound to its device: sees stripped tags too. Not loaded unless asked for. */
SEC("?xdp.frags")
int xd_ingress_dev(struct xdp_md *ctx)
{
	struct xd_stripped_tag stripped = {};

	if (bpf_xdp_metadata_rx_vlan_tag(ctx, &stripped.tpid, &stripped.tci))
		stripped.tpid = 0;
	return xd_run(ctx, &stripped);
}

char _license[] SEC("license") = "Dual BSD/GPL";
