/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Is an IPv6 frame a DHCPv6 message for a server, or a solicitation that we answer? */
#ifndef XD_IPV6_BPF_H
#define XD_IPV6_BPF_H

#include <stdbool.h>
#include <linux/in.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>

#include "xd_ether.bpf.h"
#include "xd_maps.bpf.h"
#include "xd_rate.bpf.h"
#include "xd_umem.bpf.h"

#define XD_IP6_WORDS 4
#define XD_ICMPV6 58	    /* RFC 4443 section 1 */
#define XD_ND_HOP_LIMIT 255 /* RFC 4861 sections 6.1.1 and 7.1.1 */
#define XD_RELAY_FORW 12    /* RFC 8415 section 7.3 */
#define XD_TO_SERVERS                                                                              \
	(1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 9 | 1 << 11 |                  \
	 1 << XD_RELAY_FORW) /* message types, likewise */

enum xd_solicitation {
	XD_ROUTER_SOLICITATION = 133,
	XD_NEIGHBOR_SOLICITATION = 135,
};

/* What both solicitations begin with; RFC 4861 sections 4.1 and 4.3. */
struct xd_solicitation_header {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be32 reserved;
};

static __always_inline bool xd_ip6_is(const struct in6_addr *address, __u32 first, __u32 third,
				      __u32 last)
{
	const __be32 *words = address->in6_u.u6_addr32;

	return words[0] == bpf_htonl(first) && words[1] == 0 && words[2] == bpf_htonl(third) &&
	       words[3] == bpf_htonl(last);
}

/* ff02::1:2 and ff05::1:3; RFC 8415 section 7.1. */
static __always_inline bool xd_is_dhcp6_group(const struct in6_addr *address)
{
	return xd_ip6_is(address, 0xff020000, 0, 0x00010002) ||
	       xd_ip6_is(address, 0xff050000, 0, 0x00010003);
}

static __always_inline bool xd_is_local6(const struct in6_addr *address)
{
	struct xd_local6_key key;

	__builtin_memcpy(key.address, address, sizeof(key.address));
	return bpf_map_lookup_elem(&xd_local6, &key) != NULL;
}

/* To our MAC, or to a group's at that of the group; RFC 2464 section 7. */
static __always_inline bool xd_is_to_us(const __u8 *mac, const struct xd_link *link,
					const struct in6_addr *group)
{
	const __u8 *last;

	if (xd_mac_equal(mac, link->mac))
		return true;
	if (!group)
		return false;
	last = group->in6_u.u6_addr8 + 12;
	return mac[0] == 0x33 && mac[1] == 0x33 && mac[2] == last[0] && mac[3] == last[1] &&
	       mac[4] == last[2] && mac[5] == last[3];
}

/* XD_REDIRECTED when the link serves what @flag says. */
static __always_inline enum xd_verdict xd_find_link(const struct xd_ether *ether, __u32 flag,
						    struct xd_link **out)
{
	struct xd_link *link = bpf_map_lookup_elem(&xd_links, &ether->link);

	if (!link)
		return XD_PASS_UNKNOWN_LINK;
	*out = link;
	return link->flags & flag ? XD_REDIRECTED : XD_PASS_NOT_SERVED;
}

/* For us by interface, tags and addresses? @is_group: the destination is a group of servers. */
static __always_inline enum xd_verdict xd_addressed6(const struct xd_ether *ether, __u32 flag,
						     const struct ipv6hdr *ip, bool is_group,
						     struct xd_sender *sender)
{
	struct xd_link *link;
	enum xd_verdict verdict = xd_find_link(ether, flag, &link);

	if (verdict != XD_REDIRECTED)
		return verdict;
	if (!xd_is_to_us(ether->header->h_dest, link, is_group ? &ip->daddr : NULL))
		return XD_PASS_OTHER_HOST;
	if (!is_group && !xd_is_local6(&ip->daddr))
		return XD_PASS_NOT_LOCAL;
	sender->link = link;
	return XD_REDIRECTED;
}

/* The cursor stands behind the IPv6 header. Source: RFC 768, RFC 8415 sections 7 and 19. */
static __always_inline enum xd_verdict xd_classify_dhcp6(struct xdp_md *ctx, struct xd_cursor *c,
							 const struct xd_ether *ether,
							 const struct ipv6hdr *ip, __u64 room,
							 const struct xd_stripped_tag *stripped,
							 struct xd_sender *sender)
{
	const struct udphdr *udp = xd_cursor_take(c, sizeof(*udp));
	const __u8 *type;
	__u16 payload_len, udp_len;

	if (!udp)
		return XD_PASS_TRUNCATED;
	if (udp->dest != bpf_htons(xd_server_port6))
		return XD_PASS_OTHER_PORT;
	type = xd_cursor_take(c, sizeof(*type));
	if (!type)
		return XD_PASS_TRUNCATED;
	if (!xd_fits_umem(ctx, stripped))
		return XD_PASS_TOO_LONG;
	payload_len = bpf_ntohs(ip->payload_len);
	udp_len = bpf_ntohs(udp->len);
	if (payload_len > room || udp_len > payload_len || udp_len < sizeof(*udp) + sizeof(*type))
		return XD_PASS_TRUNCATED;
	if (*type > XD_RELAY_FORW || !(1 << *type & XD_TO_SERVERS))
		return XD_PASS_NOT_REQUEST;
	sender->is_direct = *type != XD_RELAY_FORW;
	return xd_addressed6(ether, XD_LINK_DHCP6, ip, xd_is_dhcp6_group(&ip->daddr), sender);
}

/*
 * Whose neighbor is solicited? An address of this host is the kernel's to answer for, whatever the
 * prefixes say. Taken at its solicited-node group (RFC 4291 section 2.7.1) or, of who knows our
 * MAC, at the target itself. Its rate is not limited.
 */
static __always_inline enum xd_verdict xd_classify_neighbor(const struct xd_ether *ether,
							    const struct ipv6hdr *ip,
							    const struct in6_addr *target)
{
	const __be32 *words = target->in6_u.u6_addr32;
	const __u32 group = 0xff000000 | bpf_ntohl(words[3]);
	const bool is_group = xd_ip6_is(&ip->daddr, 0xff020000, 1, group);
	struct xd_nd_target_key key;
	struct xd_link *link;
	enum xd_verdict verdict = xd_find_link(ether, XD_LINK_PROXY, &link);
	int i;

	if (verdict != XD_REDIRECTED)
		return verdict;
	if (!xd_is_to_us(ether->header->h_dest, link, is_group ? &ip->daddr : NULL))
		return XD_PASS_OTHER_HOST;
	for (i = 0; !is_group && i < XD_IP6_WORDS; i++)
		if (ip->daddr.in6_u.u6_addr32[i] != words[i])
			return XD_PASS_NOT_LOCAL;
	if (xd_is_local6(target))
		return XD_PASS_NO_TARGET;
	key.prefix_len = XD_ND_LINK_BITS + 8 * sizeof(key.target);
	key.link = ether->link;
	__builtin_memcpy(key.target, target, sizeof(key.target));
	return bpf_map_lookup_elem(&xd_nd_targets, &key) ? XD_REDIRECTED : XD_PASS_NO_TARGET;
}

/* The cursor stands behind the IPv6 header. Source: RFC 4861 sections 6.1.1 and 7.1.1. */
static __always_inline enum xd_verdict xd_classify_nd(struct xdp_md *ctx, struct xd_cursor *c,
						      const struct xd_ether *ether,
						      const struct ipv6hdr *ip, __u64 room,
						      const struct xd_stripped_tag *stripped,
						      struct xd_sender *sender)
{
	const struct xd_solicitation_header *header = xd_cursor_take(c, sizeof(*header));
	const struct in6_addr *target = NULL;
	__u16 least_len = sizeof(*header);

	if (!header)
		return XD_PASS_TRUNCATED;
	if (header->type == XD_NEIGHBOR_SOLICITATION) {
		least_len += sizeof(*target);
		target = xd_cursor_take(c, sizeof(*target));
		if (!target)
			return XD_PASS_TRUNCATED;
	} else if (header->type != XD_ROUTER_SOLICITATION) {
		return XD_PASS_OTHER_ICMP;
	}
	if (ip->hop_limit != XD_ND_HOP_LIMIT || header->code != 0)
		return XD_PASS_BAD_ND;
	if (!xd_fits_umem(ctx, stripped))
		return XD_PASS_TOO_LONG;
	if (bpf_ntohs(ip->payload_len) > room || bpf_ntohs(ip->payload_len) < least_len)
		return XD_PASS_TRUNCATED;
	if (target)
		return xd_classify_neighbor(ether, ip, target);
	sender->is_direct = true;
	return xd_addressed6(ether, XD_LINK_ADVERTISE, ip, xd_ip6_is(&ip->daddr, 0xff020000, 0, 2),
			     sender);
}

/*
 * The cursor stands behind the EtherType. Nothing is judged before port or type are known to be
 * ours. Left to the kernel's stack: extension headers, and with them fragments and MLD. Checksums
 * are userspace's business. Source: RFC 8200 section 3.
 */
static __always_inline enum xd_verdict xd_classify_ipv6(struct xdp_md *ctx, struct xd_cursor *c,
							const struct xd_ether *ether,
							const struct xd_stripped_tag *stripped,
							struct xd_sender *sender)
{
	const struct ipv6hdr *ip = xd_cursor_take(c, sizeof(*ip));
	const __u64 room = xd_cursor_left(c);
	const __u32 settings_key = 0;
	enum xd_verdict verdict;

	if (!ip)
		return XD_PASS_TRUNCATED;
	if (ip->version != 6)
		return XD_PASS_NOT_IP;
	if (ip->nexthdr == IPPROTO_UDP)
		verdict = xd_classify_dhcp6(ctx, c, ether, ip, room, stripped, sender);
	else if (ip->nexthdr == XD_ICMPV6)
		verdict = xd_classify_nd(ctx, c, ether, ip, room, stripped, sender);
	else
		return XD_PASS_OTHER_HEADER;
	if (verdict != XD_REDIRECTED)
		return verdict;
	sender->settings = bpf_map_lookup_elem(&xd_settings, &settings_key);
	if (!sender->settings || !sender->settings->enabled)
		return XD_PASS_DISABLED;
	if (sender->settings->limited)
		xd_name_client(ether, sender);
	return XD_REDIRECTED;
}

#endif /* XD_IPV6_BPF_H */
