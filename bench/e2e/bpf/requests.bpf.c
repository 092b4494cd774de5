// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Takes BOOTREQUESTs to UDP port 67, and DHCPv6 to UDP port 547, to the AF_XDP socket of their
 * queue, and passes the rest. The least that a DHCP server on AF_XDP can ask of XDP: no VLAN tag,
 * no local addresses, no counters.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define SERVER_PORT 67
#define BOOTREQUEST 1
#define SERVER_PORT6 547

/* AF_XDP sockets. Key: receive queue. Written by userspace once it is ready. */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

struct request {
	struct ethhdr ether;
	struct iphdr ip;
	struct udphdr udp;
	__u8 op;
} __attribute__((packed));

struct request6 {
	struct ethhdr ether;
	struct ipv6hdr ip;
	struct udphdr udp;
	__u8 type;
} __attribute__((packed));

static __always_inline int take_request6(struct xdp_md *ctx)
{
	const struct request6 *request = (void *)(long)ctx->data;

	if ((void *)(request + 1) > (void *)(long)ctx->data_end)
		return XDP_PASS;
	if (request->ether.h_proto != bpf_htons(ETH_P_IPV6) || request->ip.nexthdr != IPPROTO_UDP ||
	    request->udp.dest != bpf_htons(SERVER_PORT6))
		return XDP_PASS;
	return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);
}

SEC("xdp.frags")
int take_requests(struct xdp_md *ctx)
{
	const struct request *request = (void *)(long)ctx->data;

	if ((void *)(request + 1) > (void *)(long)ctx->data_end)
		return XDP_PASS;
	if (request->ether.h_proto == bpf_htons(ETH_P_IPV6))
		return take_request6(ctx);
	if (request->ether.h_proto != bpf_htons(ETH_P_IP) || request->ip.ihl != 5 ||
	    request->ip.protocol != IPPROTO_UDP || request->udp.dest != bpf_htons(SERVER_PORT) ||
	    request->op != BOOTREQUEST)
		return XDP_PASS;
	return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);
}

char _license[] SEC("license") = "Dual BSD/GPL";
