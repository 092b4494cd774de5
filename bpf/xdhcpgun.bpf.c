// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * For the load generator: takes DHCP replies of both families, ARP requests and Neighbor
 * Solicitations for addresses that the kernel does not have, and advertisements that are not for
 * the kernel, to the AF_XDP socket of their queue. Everything else passes unchanged. See README.md.
 */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "xd_cursor.bpf.h"
#include "xd_ether.bpf.h"

#define XG_IP_FRAGMENT 0x3fff /* more fragments, or an offset */
#define XG_IP_HEADER_LEN 20
#define XG_SERVER_PORT 67 /* also of relays */
#define XG_CLIENT_PORT 68
#define XG_BOOTREPLY 2	 /* RFC 2131 section 2, op */
#define XG_ARP_REQUEST 1 /* RFC 826 */
#define XG_MAX_KERNEL_ADDRESSES 4096
#define XG_CLIENT_PORT6 546
#define XG_SERVER_PORT6 547 /* also of relays */
/* RFC 8415 section 7.3 */
#define XG_ADVERTISE 2
#define XG_REPLY 7
#define XG_RECONFIGURE 10
#define XG_RELAY_REPLY 13
/* RFC 4861 section 4 */
#define XG_ROUTER_ADVERTISEMENT 134
#define XG_NEIGHBOR_SOLICITATION 135
#define XG_NEIGHBOR_ADVERTISEMENT 136

/* What fits into a UMEM frame behind the kernel's headroom; longer frames pass. */
const volatile __u32 xg_max_frame_len = 1792;

/* AF_XDP sockets. Key: receive queue. Written by userspace once. */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, XD_MAX_QUEUES);
	__type(key, __u32);
	__type(value, __u32);
} xg_sockets SEC(".maps");

/*
 * IPv4 addresses of the host, network order: the kernel answers ARP for these itself. Written by
 * userspace at start; the value says nothing.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, XG_MAX_KERNEL_ADDRESSES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u32);
} xg_kernel_ips SEC(".maps");

/* Likewise of IPv6, for Neighbor Discovery. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, XG_MAX_KERNEL_ADDRESSES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct in6_addr);
	__type(value, __u32);
} xg_kernel_ip6s SEC(".maps");

/* ARP for Ethernet and IPv4 (RFC 826). */
struct xg_arp {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_len;
	__u8 protocol_len;
	__be16 operation;
	__u8 sender_mac[ETH_ALEN];
	__u8 sender_ip[4];
	__u8 target_mac[ETH_ALEN];
	__u8 target_ip[4];
};

/* Does it ask for an address that the kernel does not have? */
static __always_inline bool xg_wants_arp(struct xd_cursor *c)
{
	const struct xg_arp *arp = xd_cursor_take(c, sizeof(*arp));
	__u32 target;

	if (!arp || arp->operation != bpf_htons(XG_ARP_REQUEST))
		return false;
	__builtin_memcpy(&target, arp->target_ip, sizeof(target));
	return !bpf_map_lookup_elem(&xg_kernel_ips, &target);
}

/* Is it a DHCP reply, to a client or to a relay? */
static __always_inline bool xg_wants_ip(struct xd_cursor *c)
{
	const struct iphdr *ip = xd_cursor_take(c, XG_IP_HEADER_LEN);
	const struct udphdr *udp;
	const __u8 *op;

	if (!ip || ip->version != 4 || ip->ihl * 4 != XG_IP_HEADER_LEN ||
	    ip->protocol != IPPROTO_UDP || (ip->frag_off & bpf_htons(XG_IP_FRAGMENT)))
		return false;
	udp = xd_cursor_take(c, sizeof(*udp));
	if (!udp ||
	    (udp->dest != bpf_htons(XG_CLIENT_PORT) && udp->dest != bpf_htons(XG_SERVER_PORT)))
		return false;
	op = xd_cursor_take(c, sizeof(*op));
	return op && *op == XG_BOOTREPLY;
}

/* Is it for one of the simulated hosts? All of them hear what is for a group. */
static __always_inline bool xg_wants_discovery(struct xd_cursor *c, const struct in6_addr *to)
{
	const struct icmp6hdr *icmp = xd_cursor_take(c, sizeof(*icmp));
	const struct in6_addr *target;
	struct in6_addr key;

	if (!icmp)
		return false;
	switch (icmp->icmp6_type) {
	case XG_ROUTER_ADVERTISEMENT:
	case XG_NEIGHBOR_ADVERTISEMENT:
		__builtin_memcpy(&key, to, sizeof(key));
		return key.in6_u.u6_addr8[0] != 0xff && !bpf_map_lookup_elem(&xg_kernel_ip6s, &key);
	case XG_NEIGHBOR_SOLICITATION:
		target = xd_cursor_take(c, sizeof(*target));
		if (!target)
			return false;
		__builtin_memcpy(&key, target, sizeof(key));
		return !bpf_map_lookup_elem(&xg_kernel_ip6s, &key);
	default:
		return false;
	}
}

/* Is it a DHCPv6 reply, to a client or to a relay, or Neighbor Discovery for one of them? */
static __always_inline bool xg_wants_ip6(struct xd_cursor *c)
{
	const struct ipv6hdr *ip = xd_cursor_take(c, sizeof(*ip));
	const struct udphdr *udp;
	const __u8 *type;

	if (!ip || ip->version != 6)
		return false;
	if (ip->nexthdr == IPPROTO_ICMPV6)
		return xg_wants_discovery(c, &ip->daddr);
	if (ip->nexthdr != IPPROTO_UDP)
		return false;
	udp = xd_cursor_take(c, sizeof(*udp));
	if (!udp ||
	    (udp->dest != bpf_htons(XG_CLIENT_PORT6) && udp->dest != bpf_htons(XG_SERVER_PORT6)))
		return false;
	type = xd_cursor_take(c, sizeof(*type));
	return type && (*type == XG_ADVERTISE || *type == XG_REPLY || *type == XG_RECONFIGURE ||
			*type == XG_RELAY_REPLY);
}

static __always_inline bool xg_fits_umem(struct xdp_md *ctx)
{
	__u64 frame_len = bpf_xdp_get_buff_len(ctx);

	return frame_len + sizeof(struct xd_vlan_tag) <= xg_max_frame_len &&
	       frame_len == (__u64)(ctx->data_end - ctx->data);
}

static __always_inline int xg_run(struct xdp_md *ctx, const struct xd_stripped_tag *stripped)
{
	struct xd_cursor cursor = xd_cursor_open(ctx);
	struct xd_ether ether;
	bool wanted = false;

	if (!xd_take_ether(&cursor, ctx->ingress_ifindex, stripped, &ether))
		return XDP_PASS;
	if (ether.proto == bpf_htons(ETH_P_IP))
		wanted = xg_wants_ip(&cursor);
	else if (ether.proto == bpf_htons(ETH_P_IPV6))
		wanted = xg_wants_ip6(&cursor);
	else if (ether.proto == bpf_htons(ETH_P_ARP))
		wanted = xg_wants_arp(&cursor);
	if (!wanted || !xg_fits_umem(ctx))
		return XDP_PASS;
	/* An empty slot of the map yields the fallback action. */
	if (bpf_redirect_map(&xg_sockets, ctx->rx_queue_index, XDP_PASS) != XDP_REDIRECT)
		return XDP_PASS;
	if (stripped->tpid && !xd_put_tag_back(ctx, stripped))
		return XDP_PASS;
	return XDP_REDIRECT;
}

/* For every mode: sees only tags that are in the frame. */
SEC("xdp.frags")
int xg_ingress(struct xdp_md *ctx)
{
	const struct xd_stripped_tag none = {};

	return xg_run(ctx, &none);
}

/* Linux 6.8; only in programs that are bound to a device. Negative when there is no tag to tell. */
extern int bpf_xdp_metadata_rx_vlan_tag(const struct xdp_md *ctx, __be16 *vlan_proto,
					__u16 *vlan_tci) __ksym __weak;

/* For native mode, bound to its device: sees stripped tags too. Not loaded unless asked for. */
SEC("?xdp.frags")
int xg_ingress_dev(struct xdp_md *ctx)
{
	struct xd_stripped_tag stripped = {};

	if (bpf_xdp_metadata_rx_vlan_tag(ctx, &stripped.tpid, &stripped.tci))
		stripped.tpid = 0;
	return xg_run(ctx, &stripped);
}

char _license[] SEC("license") = "Dual BSD/GPL";
