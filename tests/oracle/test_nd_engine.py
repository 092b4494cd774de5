#!/usr/bin/env python3
"""Lets scapy read the frames of Neighbor Discovery that the engine makes of a configuration.

usage: test_nd_engine.py PROBE [unittest arguments]     exit code 77 without scapy
"""

import logging
import subprocess
import sys
import unittest

logging.getLogger("scapy").setLevel(logging.ERROR)
try:
    from scapy.layers.inet6 import (
        ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6NDOptDNSSL, ICMPv6NDOptDstLLAddr, ICMPv6NDOptMTU,
        ICMPv6NDOptPrefixInfo, ICMPv6NDOptRDNSS, ICMPv6NDOptRouteInfo, ICMPv6NDOptSrcLLAddr, IPv6, in6_chksum,
    )  # fmt: skip
    from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

MAC = "02:00:5e:00:53:01"
ROUTER_MAC = "02:00:5e:00:53:64"


class TestFrames(unittest.TestCase):
    def ask(self, command, argument):
        line = f"{command} {argument}\n"
        return Ether(bytes.fromhex(subprocess.run([PROBE], input=line, capture_output=True, text=True, check=True).stdout))

    def packet(self, frame):
        """The IPv6 packet of a frame, what every message of a router must have proven (RFC 4861 sections 4.2, 6.1.2)."""
        packet = frame[IPv6]
        self.assertEqual((packet.src, packet.hlim), ("fe80::1", 255))
        self.assertEqual(frame.src, ROUTER_MAC)
        self.assertEqual(in6_chksum(58, packet, bytes(packet.payload)), 0)
        self.assertEqual(packet.plen, len(bytes(packet.payload)))
        return packet

    def options(self, packet, kind):
        """Each option of this kind, cut out by hand: scapy steps over no option that it does not know."""
        return [kind(octets) for number, octets in self.raw_options(packet) if number == kind().type]

    def raw_options(self, packet):
        """(type, octets) of every option."""
        left, found = bytes(packet[ICMPv6ND_RA])[16:], []
        while left:
            found.append((left[0], left[: left[1] * 8]))
            left = left[left[1] * 8 :]
        return found

    def test_an_advertisement_says_what_was_configured(self):
        frame = self.ask("advertise", "all")
        packet = self.packet(frame)
        self.assertEqual((frame.dst, packet.dst), ("33:33:00:00:00:01", "ff02::1"))
        message = packet[ICMPv6ND_RA]
        self.assertEqual((message.chlim, message.M, message.O, message.prf), (64, 1, 0, 1))
        self.assertEqual((message.routerlifetime, message.reachabletime, message.retranstimer), (1800, 0, 0))
        self.assertEqual(packet[ICMPv6NDOptSrcLLAddr].lladdr, ROUTER_MAC)
        self.assertEqual(packet[ICMPv6NDOptMTU].mtu, 1480)
        prefixes = self.options(packet, ICMPv6NDOptPrefixInfo)
        self.assertEqual(
            [(p.prefix, p.prefixlen, p.L, p.A, p.validlifetime, p.preferredlifetime) for p in prefixes],
            [
                ("2001:db8:1::", 64, 1, 1, 86400, 14400),
                ("2001:db8:2::", 64, 1, 0, 1000, 1000),  # counts down (RFC 4861 section 6.2.1)
                ("2001:db8:3::", 64, 1, 1, 0, 0),  # withdrawn
            ],
        )
        route = packet[ICMPv6NDOptRouteInfo]
        self.assertEqual((route.prefix, route.plen, route.prf, route.rtlifetime), ("2001:db8:9::", 48, 3, 600))
        servers = self.options(packet, ICMPv6NDOptRDNSS)
        self.assertEqual(
            [(s.dns, s.lifetime) for s in servers],
            [(["2001:db8::53", "2001:db8::54"], 1200), (["2001:db8::99"], 0)],
        )
        (search,) = self.options(packet, ICMPv6NDOptDNSSL)
        self.assertEqual([name for name in search.searchlist if name != "."], ["example.org.", "lan.example.org."])
        self.assertEqual(search.lifetime, 1200)

    def test_options_that_scapy_does_not_read(self):
        options = self.raw_options(self.packet(self.ask("advertise", "all")))
        self.assertEqual([kind for kind, _ in options], [1, 5, 3, 3, 3, 24, 38, 25, 25, 31, 37])
        flags = [octets[3] for kind, octets in options if kind == 3]
        self.assertEqual(flags, [0xD0, 0x80, 0xC0])  # L, A, P (RFC 9762)
        by_kind = dict(options)
        # RFC 8781 section 4: 1800 s are 225 units of eight, length code 0 is /96.
        self.assertEqual(by_kind[38].hex(), "2602" + f"{225 << 3:04x}" + "0064ff9b" + "00" * 8)
        self.assertEqual(by_kind[37].rstrip(b"\0"), b"\x25\x03https://example.org/")

    def test_the_final_one(self):
        packet = self.packet(self.ask("advertise", "final"))
        self.assertEqual((packet[ICMPv6ND_RA].routerlifetime, packet[ICMPv6ND_RA].prf), (0, 0))
        self.assertEqual(packet[ICMPv6NDOptRouteInfo].rtlifetime, 0)

    def test_to_one_who_asked_and_in_a_vlan(self):
        frame = self.ask("advertise", "unicast")
        self.assertEqual((frame.dst, self.packet(frame).dst), ("02:00:5e:00:53:09", "fe80::9"))
        frame = self.ask("advertise", "vlan")
        self.packet(frame)
        self.assertEqual((frame[Dot1AD].vlan, frame[Dot1Q].vlan), (100, 200))

    def test_answers_of_a_proxy(self):
        for source, destination, solicited in (("fe80::9", "fe80::9", 1), ("::", "ff02::1", 0)):
            asked = Ether(src=MAC, dst="33:33:ff:00:00:09") / IPv6(src=source, dst="ff02::1:ff00:9", hlim=255)
            frame = self.ask("answer", bytes(asked / ICMPv6ND_NS(tgt="2001:db8::9")).hex())
            packet = self.packet(frame)
            message = packet[ICMPv6ND_NA]
            self.assertEqual((packet.dst, message.tgt), (destination, "2001:db8::9"))
            self.assertEqual((message.R, message.S, message.O), (1, solicited, 0))
            self.assertEqual(packet[ICMPv6NDOptDstLLAddr].lladdr, ROUTER_MAC)
            self.assertEqual(frame.dst, MAC if solicited else "33:33:00:00:00:01")


if __name__ == "__main__":
    PROBE = sys.argv.pop(1)
    unittest.main()
