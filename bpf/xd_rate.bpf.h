/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Token buckets per client and per link (interfaces[].rate-limit), for frames that are ours. A
 * bucket is one number, the time at which it will be full again (GCRA, ITU-T I.371 annex A), which
 * CPUs change by compare-and-swap.
 */
#ifndef XD_RATE_BPF_H
#define XD_RATE_BPF_H

#include <stdbool.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>

#include "xd_cursor.bpf.h"
#include "xd_ether.bpf.h"
#include "xd_maps.bpf.h"

#define XD_TAKE_TRIES 4

/* Whose tokens a frame costs. */
struct xd_sender {
	const struct xd_settings *settings; /* looked up once it is known to be ours */
	struct xd_link *link;		    /* where it came in; NULL: nothing is limited */
	struct xd_client_key client;
	bool is_direct; /* client says who sent it; otherwise userspace counts its client */
};

/* A message from behind op as far as the hardware address; RFC 2131 section 2. */
struct xd_bootp_rest {
	__u8 htype, hlen, hops;
	__be32 xid;
	__be16 secs, flags;
	__u8 ciaddr[4];
	__u8 yiaddr[4];
	__u8 siaddr[4];
	__u8 giaddr[4];
	__u8 chaddr[ETH_ALEN];
} __attribute__((packed));

static __always_inline bool xd_is_zero_ip(const __u8 *ip)
{
	return (ip[0] | ip[1] | ip[2] | ip[3]) == 0;
}

/*
 * Is the source of the frame the client? Not behind a relay, and not behind a router, which passes
 * on what clients with an address send to ours. Nobody else is believed to be behind one: switches
 * can hold a client to its MAC, but not to its chaddr. The worker asks the same in
 * engine/rate_limiter.cc and counts the others.
 */
static __always_inline bool xd_is_direct(const struct xd_bootp_rest *message,
					 const struct xd_ether *ether, const struct iphdr *ip)
{
	if (!xd_is_zero_ip(message->giaddr))
		return false;
	return ip->daddr == bpf_htonl(INADDR_BROADCAST) || xd_is_zero_ip(message->ciaddr) ||
	       xd_mac_equal(ether->header->h_source, message->chaddr);
}

static __always_inline void xd_name_client(const struct xd_ether *ether, struct xd_sender *sender)
{
	__builtin_memcpy(sender->client.mac, ether->header->h_source, ETH_ALEN);
	sender->client.outer_vid = ether->link.outer_vid;
	sender->client.inner_vid = ether->link.inner_vid;
}

/* The cursor stands behind op. */
static __always_inline void xd_name_sender(struct xd_cursor *c, const struct xd_ether *ether,
					   const struct iphdr *ip, struct xd_sender *sender)
{
	const struct xd_bootp_rest *message = xd_cursor_take(c, sizeof(*message));

	/* What is too short for a message is its sender's. */
	sender->is_direct = !message || xd_is_direct(message, ether, ip);
	xd_name_client(ether, sender);
}

/*
 * Take a token out of a bucket; false if there is none. Who loses the race with other CPUs several
 * times gets one for nothing.
 */
static __always_inline bool xd_take_token(__u64 *full_at, const struct xd_rate *rate, __u64 now)
{
	const __u64 tolerance = rate->tolerance, interval = rate->interval;
	const __u64 stale = 2 * (tolerance + interval) + XD_STALE_BUCKET_SLACK;
	int i;

	for (i = 0; i < XD_TAKE_TRIES; i++) {
		const __u64 seen = *(volatile __u64 *)full_at;
		__u64 from = seen;

		if (from < now || from - now > stale)
			from = now;
		if (from - now > tolerance)
			return false;
		if (__sync_val_compare_and_swap(full_at, seen, from + interval) == seen)
			return true;
	}
	return true;
}

static __always_inline bool xd_take_client(const struct xd_client_key *key,
					   const struct xd_rate *rate, __u64 now)
{
	const __u32 zero = 0;
	struct xd_client fresh = { .full_at = now + rate->interval };
	struct xd_client *client;
	void *clients = bpf_map_lookup_elem(&xd_clients, &zero);

	if (!clients)
		return true;
	client = bpf_map_lookup_elem(clients, key);
	if (client)
		return xd_take_token(&client->full_at, rate, now);
	/* If another CPU was faster, or there is no room, this frame costs nothing. */
	bpf_map_update_elem(clients, key, &fresh, BPF_NOEXIST);
	return true;
}

/* XD_REDIRECTED while the sender has tokens left; its own go first, so that it cannot take those of
 * its link.
 */
static __always_inline enum xd_verdict xd_limit_rate(const struct xd_settings *settings,
						     const struct xd_sender *sender)
{
	/* Not the coarse clock: a bucket of one token may refill several times in its tick. */
	const __u64 now = bpf_ktime_get_ns();

	if (settings->client.interval && sender->is_direct &&
	    !xd_take_client(&sender->client, &settings->client, now))
		return XD_DROP_CLIENT_RATE;
	if (settings->link.interval && sender->link &&
	    !xd_take_token(&sender->link->full_at, &settings->link, now))
		return XD_DROP_LINK_RATE;
	return XD_REDIRECTED;
}

#endif /* XD_RATE_BPF_H */
