/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the XDP program and userspace share: map keys and values, and the verdict enumeration.
 * Plain C, usable from both sides. Enumerators are appended, never renumbered.
 */
#ifndef XDHCPD_ABI_H
#define XDHCPD_ABI_H

#include <linux/types.h>

#ifdef __cplusplus
#define XD_SIZE_CHECK(type, size) static_assert(sizeof(type) == (size), #type)
#else
#define XD_SIZE_CHECK(type, size) _Static_assert(sizeof(type) == (size), #type)
#endif

/* Sizes of the maps. */
#define XD_MAX_QUEUES 256
#define XD_MAX_LINKS 16384
#define XD_MAX_LOCAL 16384
#define XD_MAX_CLIENTS 65536
#define XD_MAX_ND_TARGETS 16384

/*
 * Why a frame went where it went; index into the per-CPU array xd_verdicts. Exactly one is counted
 * per frame. XD_REDIRECTED and XD_DROP_... are the only ones that take the frame away from the
 * kernel's stack.
 */
enum xd_verdict {
	XD_PASS_NOT_IP,	      /* neither IPv4 nor IPv6, nor these behind one or two VLAN tags */
	XD_PASS_NOT_UDP,      /* IPv4, another protocol */
	XD_PASS_FRAGMENT,     /* any fragment, also the first: the kernel reassembles */
	XD_PASS_IP_OPTIONS,   /* header length other than 20 bytes */
	XD_PASS_OTHER_PORT,   /* UDP to another destination port */
	XD_PASS_TRUNCATED,    /* a header or an announced length reaches beyond the frame */
	XD_PASS_NOT_REQUEST,  /* to the server port, but no message for a server */
	XD_PASS_TOO_LONG,     /* longer than a UMEM frame, or in several buffers */
	XD_PASS_UNKNOWN_LINK, /* interface and tags are not in xd_links */
	XD_PASS_OTHER_HOST,   /* destination MAC is neither ours nor that of a group of ours */
	XD_PASS_NOT_LOCAL,    /* destination IP is neither a group nor an address of ours */
	XD_PASS_DISABLED,     /* xd_settings.enabled is 0 */
	XD_PASS_NO_SOCKET,    /* no AF_XDP socket on the frame's queue */
	XD_REDIRECTED,	      /* given to the socket of its queue */
	XD_PASS_NO_HEADROOM,  /* a stripped tag could not be put back */
	XD_DROP_CLIENT_RATE,  /* ours, but its client has sent more than xd_settings allows */
	XD_DROP_LINK_RATE,    /* ours, but its link has brought more than xd_settings allows */
	XD_PASS_NOT_SERVED,   /* the link is in xd_links, but not for this protocol */
	XD_PASS_OTHER_HEADER, /* IPv6, next header neither UDP nor ICMPv6: fragments too */
	XD_PASS_OTHER_ICMP,   /* ICMPv6, neither Router nor Neighbor Solicitation */
	XD_PASS_BAD_ND,	      /* a solicitation whose hop limit is not 255, or code not 0 */
	XD_PASS_NO_TARGET,    /* a Neighbor Solicitation for a target that is not ours to answer */
	XD_VERDICT_COUNT,     /* keep last; not a verdict */
};

/*
 * Key of xd_links: where a frame came in. Host byte order. VLAN identifiers without priority and
 * DEI; 0: no such tag. Priority tags (identifier 0) are left out, as in the kernel's stack, and
 * both TPIDs mean the same.
 */
struct xd_link_key {
	__u32 ifindex;
	__u16 outer_vid; /* 0..4095 */
	__u16 inner_vid; /* likewise; 0 if outer_vid is */
};
XD_SIZE_CHECK(struct xd_link_key, 8);

/* What is served on a link; flags of xd_link. */
enum xd_link_flag {
	XD_LINK_DHCP4 = 1,
	XD_LINK_DHCP6 = 2,
	XD_LINK_ADVERTISE = 4, /* Router Solicitations are ours */
	XD_LINK_PROXY = 8,     /* xd_nd_targets has targets of this link */
};

/* Value of xd_links. */
struct xd_link {
	__u32 flags;	 /* enum xd_link_flag */
	__u8 mac[6];	 /* unicast destination that is for us */
	__u8 padding[2]; /* 0 */
	__u32 spare;	 /* 0 */
	__u64 full_at;	 /* bucket of the link, as in xd_client; userspace writes 0: full */
};
XD_SIZE_CHECK(struct xd_link, 24);

/* Key of a map in xd_clients: who sends, with the VLANs of xd_link_key. */
struct xd_client_key {
	__u8 mac[6];	 /* source of the frame */
	__u16 outer_vid; /* host order */
	__u16 inner_vid;
};
XD_SIZE_CHECK(struct xd_client_key, 10);

/* Value of a map in xd_clients: a token bucket. */
struct xd_client {
	__u64 full_at; /* when it will be full again; nanoseconds of CLOCK_MONOTONIC */
};
XD_SIZE_CHECK(struct xd_client, 8);

/* Key of xd_local: a unicast address or directed broadcast of this host, on whichever interface. */
struct xd_local_key {
	__be32 address;
};
XD_SIZE_CHECK(struct xd_local_key, 4);

/* Key of xd_local6: a unicast address of this host, on whichever interface. Network order. */
struct xd_local6_key {
	__u8 address[16];
};
XD_SIZE_CHECK(struct xd_local6_key, 16);

/* Value of xd_local and xd_local6. */
struct xd_local {
	__u32 flags; /* none yet: 0 */
};
XD_SIZE_CHECK(struct xd_local, 4);

/*
 * Key of xd_nd_targets: whose Neighbor Solicitations are answered on a link. The link matches as a
 * whole, the target as far as its prefix goes.
 */
struct xd_nd_target_key {
	__u32 prefix_len; /* in bits, from link on: XD_ND_LINK_BITS + 0..128 */
	struct xd_link_key link;
	__u8 target[16]; /* network order */
};
#define XD_ND_LINK_BITS 64
XD_SIZE_CHECK(struct xd_nd_target_key, 28);

/* Value of xd_nd_targets. */
struct xd_nd_target {
	__u32 flags; /* none yet: 0 */
};
XD_SIZE_CHECK(struct xd_nd_target, 4);

/*
 * Metadata in front of a redirected frame; AF_XDP delivers it right before the descriptor's
 * address. Not there if the driver leaves no room for it. Userspace clears the magic once it has
 * read it, so that a record is never believed twice.
 */
#define XD_ARRIVAL_MAGIC 0x78644172
struct xd_arrival {
	__u32 magic; /* XD_ARRIVAL_MAGIC */
	__u32 spare; /* 0 */
	__u64 time;  /* nanoseconds of CLOCK_MONOTONIC_COARSE */
};
XD_SIZE_CHECK(struct xd_arrival, 16);

/*
 * What a token bucket allows: one token every interval, tolerance / interval + 1 at once. Both in
 * nanoseconds, their sum at most 2^62.
 */
struct xd_rate {
	__u64 interval; /* 0: no limit */
	__u64 tolerance;
};
XD_SIZE_CHECK(struct xd_rate, 16);

/*
 * A bucket that would not be full again for twice the time that an empty one takes and this many
 * nanoseconds more was emptied at another rate, and counts as full.
 */
#define XD_STALE_BUCKET_SLACK 1000000000ULL

/* The one value of xd_settings: what changes while the program runs. */
struct xd_settings {
	__u32 enabled;	       /* 0: everything passes */
	__u32 limited;	       /* not 0: one of the rates is a limit */
	struct xd_rate client; /* of one client that is on the link itself */
	struct xd_rate link;   /* of one entry of xd_links */
};
XD_SIZE_CHECK(struct xd_settings, 40);

#endif /* XDHCPD_ABI_H */
