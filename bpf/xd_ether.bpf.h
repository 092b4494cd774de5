/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ethernet with up to two VLAN tags. */
#ifndef XD_ETHER_BPF_H
#define XD_ETHER_BPF_H

#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>

#include "xd_cursor.bpf.h"
#include "xdhcpd_abi.h"

#define XD_VID_MASK 0x0fff

/* A tag behind the addresses: control information, then the EtherType that follows. */
struct xd_vlan_tag {
	__be16 tci;
	__be16 next_proto;
};

struct xd_ether {
	struct ethhdr *header;
	__be16 proto; /* behind the tags */
	struct xd_link_key link;
};

static __always_inline bool xd_is_vlan(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD);
}

/* Addresses and tags. False if the frame ends within them. A third tag is left as the EtherType. */
static __always_inline bool xd_take_ether(struct xd_cursor *c, __u32 ifindex, struct xd_ether *out)
{
	struct xd_vlan_tag *tag;

	out->link = (struct xd_link_key){ .ifindex = ifindex };
	out->header = xd_cursor_take(c, sizeof(*out->header));
	if (!out->header)
		return false;
	out->proto = out->header->h_proto;

	if (!xd_is_vlan(out->proto))
		return true;
	tag = xd_cursor_take(c, sizeof(*tag));
	if (!tag)
		return false;
	out->link.outer_tpid = bpf_ntohs(out->proto);
	out->link.outer_vid = bpf_ntohs(tag->tci) & XD_VID_MASK;
	out->proto = tag->next_proto;

	if (!xd_is_vlan(out->proto))
		return true;
	tag = xd_cursor_take(c, sizeof(*tag));
	if (!tag)
		return false;
	out->link.inner_tpid = bpf_ntohs(out->proto);
	out->link.inner_vid = bpf_ntohs(tag->tci) & XD_VID_MASK;
	out->proto = tag->next_proto;
	return true;
}

static __always_inline bool xd_mac_is_broadcast(const __u8 *mac)
{
	return (mac[0] & mac[1] & mac[2] & mac[3] & mac[4] & mac[5]) == 0xff;
}

static __always_inline bool xd_mac_equal(const __u8 *a, const __u8 *b)
{
	return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) | (a[4] ^ b[4]) |
		(a[5] ^ b[5])) == 0;
}

#endif /* XD_ETHER_BPF_H */
