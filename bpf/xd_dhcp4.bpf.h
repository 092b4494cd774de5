/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Is an IPv4 frame a DHCP request for us? */
#ifndef XD_DHCP4_BPF_H
#define XD_DHCP4_BPF_H

#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>

#include "xd_ether.bpf.h"
#include "xd_maps.bpf.h"
#include "xd_rate.bpf.h"
#include "xd_umem.bpf.h"

#define XD_IP_FRAGMENT 0x3fff /* more fragments, or an offset */
#define XD_IP_HEADER_LEN 20
#define XD_BOOTREQUEST 1 /* RFC 2131 section 2, op */

/* For us by interface, tags and addresses? XD_REDIRECTED if so. */
static __always_inline enum xd_verdict
xd_dhcp4_addressed(const struct xd_ether *ether, const struct iphdr *ip, struct xd_sender *sender)
{
	struct xd_local_key local = { .address = ip->daddr };
	struct xd_link *link;

	link = bpf_map_lookup_elem(&xd_links, &ether->link);
	if (!link)
		return XD_PASS_UNKNOWN_LINK;
	if (!(link->flags & XD_LINK_DHCP4))
		return XD_PASS_NOT_SERVED;
	if (!xd_mac_is_broadcast(ether->header->h_dest) &&
	    !xd_mac_equal(ether->header->h_dest, link->mac))
		return XD_PASS_OTHER_HOST;
	if (ip->daddr != bpf_htonl(INADDR_BROADCAST) && !bpf_map_lookup_elem(&xd_local, &local))
		return XD_PASS_NOT_LOCAL;
	sender->link = link;
	return XD_REDIRECTED;
}

/*
 * The cursor stands behind the EtherType. Nothing is judged before the destination port is known to
 * be ours: a gateway forwards other people's fragments, options and broken packets. Left to the
 * kernel's stack: fragments and IPv4 options. Checksums are userspace's business.
 * Source: RFC 791 section 3.1, RFC 768, RFC 2131 section 2.
 */
static __always_inline enum xd_verdict xd_classify_dhcp4(struct xdp_md *ctx, struct xd_cursor *c,
							 const struct xd_ether *ether,
							 const struct xd_stripped_tag *stripped,
							 struct xd_sender *sender)
{
	const struct iphdr *ip;
	const struct udphdr *udp;
	const __u8 *op;
	const __u32 settings_key = 0;
	enum xd_verdict verdict;
	__u64 ip_room = xd_cursor_left(c);
	__u16 ip_len, udp_len;

	ip = xd_cursor_take(c, XD_IP_HEADER_LEN);
	if (!ip)
		return XD_PASS_TRUNCATED;
	if (ip->version != 4)
		return XD_PASS_NOT_IP;
	if (ip->protocol != IPPROTO_UDP)
		return XD_PASS_NOT_UDP;
	if (ip->frag_off & bpf_htons(XD_IP_FRAGMENT))
		return XD_PASS_FRAGMENT;
	if (ip->ihl * 4 != XD_IP_HEADER_LEN)
		return XD_PASS_IP_OPTIONS;

	udp = xd_cursor_take(c, sizeof(*udp));
	if (!udp)
		return XD_PASS_TRUNCATED;
	if (udp->dest != bpf_htons(xd_server_port))
		return XD_PASS_OTHER_PORT;

	/* Ours by port: now be strict. Ethernet padding may follow the IP packet. */
	op = xd_cursor_take(c, sizeof(*op));
	if (!op)
		return XD_PASS_TRUNCATED;
	if (!xd_fits_umem(ctx, stripped))
		return XD_PASS_TOO_LONG;
	ip_len = bpf_ntohs(ip->tot_len);
	udp_len = bpf_ntohs(udp->len);
	if (ip_len > ip_room || udp_len > ip_len - XD_IP_HEADER_LEN ||
	    udp_len < sizeof(*udp) + sizeof(*op))
		return XD_PASS_TRUNCATED;
	if (*op != XD_BOOTREQUEST)
		return XD_PASS_NOT_REQUEST;

	verdict = xd_dhcp4_addressed(ether, ip, sender);
	if (verdict != XD_REDIRECTED)
		return verdict;
	sender->settings = bpf_map_lookup_elem(&xd_settings, &settings_key);
	if (!sender->settings || !sender->settings->enabled)
		return XD_PASS_DISABLED;
	if (sender->settings->limited)
		xd_name_sender(c, ether, ip, sender);
	return XD_REDIRECTED;
}

#endif /* XD_DHCP4_BPF_H */
