/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Settings fixed at load and all maps. */
#ifndef XD_MAPS_BPF_H
#define XD_MAPS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "xdhcpd_abi.h"

/* UDP destination port of requests, host order. */
const volatile __u16 xd_server_port = 67;
const volatile __u16 xd_server_port6 = 547;
/* What fits into a UMEM frame behind the kernel's headroom; longer frames pass. */
const volatile __u32 xd_max_frame_len = 1792;
/* Say in front of a redirected frame when it came; off only to measure what that costs. */
const volatile __u8 xd_tell_arrival = 1;

/*
 * Links that are served. Key: interface and tags. Written by userspace when the configuration or
 * the host's links change, read for every frame that looks like a request. Not preallocated: most
 * interfaces have one entry.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, XD_MAX_LINKS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct xd_link_key);
	__type(value, struct xd_link);
} xd_links SEC(".maps");

/*
 * Unicast addresses and directed broadcasts that are ours. Key: address; valid on every interface,
 * as in the kernel's own stack (a host answers for all of its addresses). Written by userspace when
 * addresses change.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, XD_MAX_LOCAL);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct xd_local_key);
	__type(value, struct xd_local);
} xd_local SEC(".maps");

/* Unicast addresses of IPv6 that are ours, likewise; link-local ones of all interfaces in one. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, XD_MAX_LOCAL);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct xd_local6_key);
	__type(value, struct xd_local);
} xd_local6 SEC(".maps");

/*
 * Targets of Neighbor Solicitations that we answer. Key: link and prefix; an exact target has all
 * bits. Written by userspace when the configuration changes, read on links with XD_LINK_PROXY.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, XD_MAX_ND_TARGETS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct xd_nd_target_key);
	__type(value, struct xd_nd_target);
} xd_nd_targets SEC(".maps");

/* The one settings record, key 0. Written by userspace at any time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xd_settings);
} xd_settings SEC(".maps");

/* Buckets of clients. Created by userspace; the entries are written by the program. */
struct xd_client_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 64); /* of the one made at load, as a pattern */
	__uint(key_size, sizeof(struct xd_client_key));
	__uint(value_size, sizeof(struct xd_client));
};

/*
 * The map of clients, key 0; empty while no rate of clients is limited, because a map that forgets
 * what was used least is allocated as a whole. Written by userspace with the settings. A client
 * that is forgotten has a full bucket.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct xd_client_map);
} xd_clients SEC(".maps");

/* AF_XDP sockets. Key: receive queue. Written by userspace before enabling and after disabling. */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, XD_MAX_QUEUES);
	__type(key, __u32);
	__type(value, __u32);
} xd_sockets SEC(".maps");

/* Frames by verdict. Key: enum xd_verdict. Written here, read by userspace, which sums the CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, XD_VERDICT_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} xd_verdicts SEC(".maps");

#endif /* XD_MAPS_BPF_H */
