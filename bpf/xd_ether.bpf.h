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

/* The outer tag when the NIC or the far end of a veth pair has put it into metadata. */
struct xd_stripped_tag {
	__be16 tpid; /* 0: none */
	__u16 tci;
};

/* An Ethernet header with one tag. */
struct xd_tagged_header {
	__u8 macs[2 * ETH_ALEN];
	__be16 tpid;
	struct xd_vlan_tag tag;
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

/* Note a VLAN in the link key. A priority tag names none, wherever it stands. */
static __always_inline void xd_enter_vlan(struct xd_link_key *link, __u16 vid)
{
	if (!link->outer_vid)
		link->outer_vid = vid;
	else if (vid)
		link->inner_vid = vid;
}

/* Take the tag that @proto announces; @proto becomes what follows. False if the frame ends first.
 */
static __always_inline bool xd_take_tag(struct xd_cursor *c, __be16 *proto,
					struct xd_link_key *link)
{
	const struct xd_vlan_tag *tag = xd_cursor_take(c, sizeof(*tag));

	if (!tag)
		return false;
	xd_enter_vlan(link, bpf_ntohs(tag->tci) & XD_VID_MASK);
	*proto = tag->next_proto;
	return true;
}

/* Addresses and tags. False if the frame ends within them. A third tag is left as the EtherType. */
static __always_inline bool xd_take_ether(struct xd_cursor *c, __u32 ifindex,
					  const struct xd_stripped_tag *stripped,
					  struct xd_ether *out)
{
	struct xd_link_key *link = &out->link;

	*link = (struct xd_link_key){ .ifindex = ifindex };
	out->header = xd_cursor_take(c, sizeof(*out->header));
	if (!out->header)
		return false;
	out->proto = out->header->h_proto;

	if (stripped->tpid)
		xd_enter_vlan(link, stripped->tci & XD_VID_MASK);
	else if (!xd_is_vlan(out->proto))
		return true;
	else if (!xd_take_tag(c, &out->proto, link))
		return false;
	if (!xd_is_vlan(out->proto))
		return true;
	return xd_take_tag(c, &out->proto, link);
}

/*
 * Put a stripped tag back behind the addresses. False, with the frame as it was, if there is no
 * room in front of it. Packet pointers taken before are invalid after.
 */
static __always_inline bool xd_put_tag_back(struct xdp_md *ctx,
					    const struct xd_stripped_tag *stripped)
{
	struct xd_cursor c;
	struct xd_tagged_header *header;

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(struct xd_vlan_tag)))
		return false;
	c = xd_cursor_open(ctx);
	header = xd_cursor_take(&c, sizeof(*header));
	if (!header)
		return false; /* cannot be: an Ethernet header was there before */
	/* The addresses move to the front; the EtherType behind them is in its place already. */
	__builtin_memmove(header->macs, header->macs + sizeof(struct xd_vlan_tag),
			  sizeof(header->macs));
	header->tpid = stripped->tpid;
	header->tag.tci = bpf_htons(stripped->tci);
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
