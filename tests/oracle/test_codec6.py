#!/usr/bin/env python3
"""Holds the codecs of DHCPv6 and Neighbor Discovery against scapy: we read what scapy builds, scapy what we write.

usage: test_codec6.py PROBE [unittest arguments]     exit code 77 without scapy
"""

import logging
import random
import socket
import subprocess
import sys
import unittest

logging.getLogger("scapy").setLevel(logging.ERROR)
try:
    from scapy.layers import dhcp6 as d6
    from scapy.layers.inet6 import (
        ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_RS, ICMPv6NDOptDNSSL, ICMPv6NDOptDstLLAddr, ICMPv6NDOptMTU,
        ICMPv6NDOptPrefixInfo, ICMPv6NDOptRDNSS, ICMPv6NDOptRouteInfo, ICMPv6NDOptSrcLLAddr, IPv6, in6_chksum,
    )  # fmt: skip
    from scapy.layers.l2 import Ether
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

MAC = "02:00:5e:00:53:01"
ROUTER_MAC = "02:00:5e:00:53:64"


class Probe:
    """The program with our codecs, one line in and one out."""

    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, command, data=b"\0"):
        self.process.stdin.write(f"{command} {bytes(data).hex()}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def fields(self, command, data):
        """(key, value) pairs in their order."""
        return [tuple(field.split("=", 1)) for field in self.ask(command, data).split()]

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()


def address(rng):
    """The C library's text form, which below ::ffff:0:0/96 is not that of RFC 5952: hence the first octet."""
    return socket.inet_ntop(socket.AF_INET6, b"\x20" + bytes(rng.choice((0, 0, 0, 1, 255, 77)) for _ in range(15)))


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.probe = Probe(PROBE)

    @classmethod
    def tearDownClass(cls):
        cls.probe.close()


class TestDhcp6(Case):
    def association(self, rng):
        """An IA as scapy builds it, and the fields that we must read of it."""
        iaid, t1, t2, preferred, valid = (rng.getrandbits(32) for _ in range(5))
        where, length = address(rng), rng.randint(0, 128)
        if rng.random() < 0.5:
            leaf = d6.DHCP6OptIAAddress(addr=where, preflft=preferred, validlft=valid)
            built, code, lease = d6.DHCP6OptIA_NA(iaid=iaid, T1=t1, T2=t2, ianaopts=[leaf]), 3, ("address", where)
        else:
            leaf = d6.DHCP6OptIAPrefix(preflft=preferred, validlft=valid, plen=length, prefix=where)
            built, code = d6.DHCP6OptIA_PD(iaid=iaid, T1=t1, T2=t2, iapdopt=[leaf]), 25
            lease = ("prefix", f"{where}/{length}")
        times = [("t1", t1), ("t2", t2), lease, ("preferred", preferred), ("valid", valid)]
        return built, [("ia", code), ("iaid", iaid)] + times

    def message(self, rng):
        kind = rng.choice((d6.DHCP6_Solicit, d6.DHCP6_Request, d6.DHCP6_Renew, d6.DHCP6_Release))
        xid, codes = rng.getrandbits(24), [rng.getrandbits(16) for _ in range(rng.randint(1, 9))]
        client = d6.DUID_LL(hwtype=1, lladdr=MAC)
        server = d6.DUID_LLT(hwtype=1, timeval=rng.getrandbits(32), lladdr=ROUTER_MAC)
        elapsed, rapid = rng.getrandbits(16), rng.random() < 0.5
        built = kind(trid=xid) / d6.DHCP6OptClientId(duid=client) / d6.DHCP6OptServerId(duid=server)
        built = built / d6.DHCP6OptOptReq(reqopts=codes) / d6.DHCP6OptElapsedTime(elapsedtime=elapsed)
        built = built / d6.DHCP6OptRapidCommit() if rapid else built
        fields = [
            ("type", built.msgtype), ("xid", xid), ("client", bytes(client).hex()), ("server", bytes(server).hex()),
            ("oro", "".join(f"{code:04x}" for code in codes)), ("elapsed", elapsed), ("rapid", int(rapid)),
        ]  # fmt: skip
        associations = []
        for _ in range(rng.randint(0, 4)):
            association, more = self.association(rng)
            built, associations = built / association, associations + more
        return built, fields, associations

    def relay(self, rng, hop, built):
        link, peer = address(rng), address(rng)
        interface, subscriber, remote = (bytes(rng.getrandbits(8) for _ in range(rng.randint(1, 9))) for _ in range(3))
        enterprise = rng.getrandbits(32)
        relayed = d6.DHCP6_RelayForward(hopcount=hop, linkaddr=link, peeraddr=peer)
        relayed = relayed / d6.DHCP6OptIfaceId(ifaceid=interface) / d6.DHCP6OptSubscriberID(subscriberid=subscriber)
        relayed = relayed / d6.DHCP6OptRemoteID(enterprisenum=enterprise, remoteid=remote)
        relayed = relayed / d6.DHCP6OptClientLinkLayerAddr(lltype=1, clladdr=MAC) / d6.DHCP6OptRelayMsg(message=built)
        fields = [
            ("hop", hop), ("link", link), ("peer", peer), ("interface", interface.hex()),
            ("subscriber", subscriber.hex()), ("enterprise", enterprise), ("remote", remote.hex()),
            ("hwtype", 1), ("hwaddr", MAC.replace(":", "")),
        ]  # fmt: skip
        return relayed, fields

    def test_reads_what_scapy_builds(self):
        rng = random.Random(6)
        for _ in range(400):
            built, fields, associations = self.message(rng)
            relays = []
            for hop in range(rng.randint(0, 9)):
                built, more = self.relay(rng, hop, built)
                relays = more + relays
            expected = [(key, str(value)) for key, value in fields + relays + associations]
            self.assertEqual(self.probe.fields("dhcp6", bytes(built)), expected)

    def test_refuses_what_scapy_builds_too_deep(self):
        built = d6.DHCP6_Solicit(trid=1)
        for hop in range(10):
            built = d6.DHCP6_RelayForward(hopcount=min(hop, 8)) / d6.DHCP6OptRelayMsg(message=built)
        self.assertEqual(self.probe.ask("dhcp6", bytes(built)), "error=relay-chain-too-long")

    def check_reply(self, reply, xid):
        self.assertIsInstance(reply, d6.DHCP6_Reply)
        self.assertEqual(reply.trid, xid)
        self.assertEqual(bytes(reply[d6.DHCP6OptClientId].duid), bytes(d6.DUID_LL(hwtype=1, lladdr=MAC)))
        association = reply[d6.DHCP6OptIA_NA]
        self.assertEqual((association.iaid, association.T1, association.T2), (7, 1800, 2880))
        leaf, status = association.ianaopts
        self.assertEqual((leaf.addr, leaf.preflft, leaf.validlft), ("2001:db8::9", 3600, 7200))
        self.assertEqual((status.statuscode, status.statusmsg), (0, b"granted"))
        (prefix,) = reply[d6.DHCP6OptIA_PD].iapdopt
        self.assertEqual((prefix.prefix, prefix.plen, prefix.preflft, prefix.validlft), ("2001:db8:100::", 56, 3, 4))
        self.assertEqual(reply[d6.DHCP6OptPref].prefval, 255)
        self.assertEqual(reply[d6.DHCP6OptDNSServers].dnsservers, ["2001:db8::53"])
        self.assertEqual(reply[d6.DHCP6OptDNSDomains].dnsdomains, ["example.org."])
        self.assertEqual(reply[d6.DHCP6OptInfoRefreshTime].reftime, 86400)

    def test_scapy_reads_a_reply(self):
        request = d6.DHCP6_Solicit(trid=0x123456) / d6.DHCP6OptClientId(duid=d6.DUID_LL(hwtype=1, lladdr=MAC))
        self.check_reply(d6.DHCP6_Reply(bytes.fromhex(self.probe.ask("reply", bytes(request)))), 0x123456)

    def test_scapy_reads_a_reply_through_relays(self):
        rng = random.Random(7)
        for depth in range(1, 10):
            built = d6.DHCP6_Solicit(trid=depth) / d6.DHCP6OptClientId(duid=d6.DUID_LL(hwtype=1, lladdr=MAC))
            chain = []
            for hop in range(depth):
                built, fields = self.relay(rng, hop, built)
                chain.insert(0, dict(fields))
            left = d6.DHCP6_RelayReply(bytes.fromhex(self.probe.ask("reply", bytes(built))))
            for relay in chain:
                self.assertIsInstance(left, d6.DHCP6_RelayReply)
                back = (left.hopcount, left.linkaddr, left.peeraddr)
                self.assertEqual(back, (relay["hop"], relay["link"], relay["peer"]))
                self.assertEqual(left[d6.DHCP6OptIfaceId].ifaceid.hex(), relay["interface"])
                left = left[d6.DHCP6OptRelayMsg].message
            self.check_reply(left, depth)


class TestNeighborDiscovery(Case):
    def read(self, message, source="fe80::1", destination="ff02::1", hop_limit=255):
        frame = Ether(src=MAC, dst="33:33:00:00:00:01") / IPv6(src=source, dst=destination, hlim=hop_limit) / message
        return self.probe.fields("nd", bytes(frame))

    def test_reads_solicitations_and_advertisements(self):
        link_layer = ICMPv6NDOptSrcLLAddr(lladdr=MAC)
        fields = dict(self.read(ICMPv6ND_RS() / link_layer))
        self.assertEqual((fields["type"], fields["slla"]), ("133", MAC))
        fields = dict(self.read(ICMPv6ND_NS(tgt="2001:db8::9") / link_layer, destination="ff02::1:ff00:9"))
        self.assertEqual((fields["type"], fields["target"], fields["slla"]), ("135", "2001:db8::9", MAC))
        for bits in range(8):
            flags = {"R": bits & 1, "S": bits >> 1 & 1, "O": bits >> 2 & 1}
            message = ICMPv6ND_NA(tgt="2001:db8::9", **flags) / ICMPv6NDOptDstLLAddr(lladdr=MAC)
            fields = dict(self.read(message, destination="fe80::2"))
            self.assertEqual((fields["r"], fields["s"], fields["v"]), tuple(str(flags[flag]) for flag in "RSO"))
            self.assertEqual((fields["type"], fields["target"], fields["tlla"]), ("136", "2001:db8::9", MAC))

    def test_reads_router_advertisements(self):
        rng = random.Random(8)
        for _ in range(200):
            prf = rng.choice((0, 1, 3))
            life = rng.getrandbits(16)
            mtu, valid, preferred = (rng.getrandbits(32) for _ in range(3))
            message = ICMPv6ND_RA(chlim=7, M=1, O=0, prf=prf, routerlifetime=life, reachabletime=5, retranstimer=6)
            message = message / ICMPv6NDOptMTU(mtu=mtu)
            message = message / ICMPv6NDOptPrefixInfo(prefix="2001:db8::", prefixlen=64, L=1, A=0, validlifetime=valid,
                                                      preferredlifetime=preferred)  # fmt: skip
            message = message / ICMPv6NDOptRouteInfo(prefix="2001:db8:9::", plen=48, prf=3, rtlifetime=valid)
            message = message / ICMPv6NDOptRDNSS(dns=["2001:db8::53", "fe80::5"], lifetime=life)
            message = message / ICMPv6NDOptDNSSL(searchlist=["example.org."], lifetime=life)
            expected = [
                ("type", 134), ("target", "::"), ("r", 0), ("s", 0), ("v", 0), ("hlim", 7), ("m", 1), ("o", 0),
                ("prf", prf), ("life", life), ("reach", 5), ("retrans", 6), ("mtu", mtu), ("pio", "2001:db8::/64"),
                ("l", 1), ("a", 0), ("pvalid", valid), ("ppreferred", preferred), ("route", "2001:db8:9::/48"),
                ("rlife", valid), ("rprf", 3), ("dnslife", life), ("dns", "2001:db8::53"), ("dns", "fe80::5"),
                ("searchlife", life), ("search", "076578616d706c65036f726700000000"),
            ]  # fmt: skip
            self.assertEqual(self.read(message), [(key, str(value)) for key, value in expected])

    def test_refuses_what_the_rules_refuse(self):
        link_layer = ICMPv6NDOptSrcLLAddr(lladdr=MAC)
        for error, message, where in (
            ("bad-hop-limit", ICMPv6ND_RS(), {"hop_limit": 64}),
            ("bad-code", ICMPv6ND_RS(code=1), {}),
            ("bad-icmp-checksum", ICMPv6ND_RS(cksum=0x1234), {}),
            ("zero-length-option", ICMPv6ND_RS() / ICMPv6NDOptSrcLLAddr(len=0), {}),
            ("link-layer-of-unspecified", ICMPv6ND_RS() / link_layer, {"source": "::"}),
            ("source-not-link-local", ICMPv6ND_RA(), {"source": "2001:db8::1"}),
            ("multicast-target", ICMPv6ND_NS(tgt="ff02::1"), {}),
            ("probe-not-to-solicited-node", ICMPv6ND_NS(tgt="2001:db8::9"), {"source": "::"}),
            ("solicited-flag-in-multicast", ICMPv6ND_NA(tgt="2001:db8::9", S=1), {}),
        ):
            self.assertEqual(self.read(message, **where), [("error", error)])

    def packet(self, answer):
        """The IPv6 packet in an answer, its checksum proven."""
        packet = Ether(bytes.fromhex(answer))[IPv6]
        self.assertEqual(packet.hlim, 255)
        self.assertEqual(in6_chksum(58, packet, bytes(packet.payload)), 0)
        return packet

    def test_scapy_reads_an_advertisement(self):
        packet = self.packet(self.probe.ask("advertise"))
        self.assertEqual((packet.src, packet.dst), ("fe80::1", "ff02::1"))
        message = packet[ICMPv6ND_RA]
        self.assertEqual((message.chlim, message.M, message.O, message.prf), (64, 1, 1, 1))
        self.assertEqual((message.routerlifetime, message.reachabletime, message.retranstimer), (1800, 30000, 1000))
        self.assertEqual(packet[ICMPv6NDOptSrcLLAddr].lladdr, ROUTER_MAC)
        self.assertEqual(packet[ICMPv6NDOptMTU].mtu, 1480)
        prefix = packet[ICMPv6NDOptPrefixInfo]
        self.assertEqual((prefix.prefix, prefix.prefixlen, prefix.L, prefix.A), ("2001:db8:1::", 64, 1, 1))
        self.assertEqual((prefix.validlifetime, prefix.preferredlifetime), (86400, 14400))
        route = packet[ICMPv6NDOptRouteInfo]
        self.assertEqual((route.prefix, route.plen, route.prf, route.rtlifetime), ("2001:db8:9::", 48, 3, 600))
        self.assertEqual(packet[ICMPv6NDOptRDNSS].dns, ["2001:db8::53", "2001:db8::54"])
        self.assertEqual(packet[ICMPv6NDOptRDNSS].lifetime, 1800)
        self.assertEqual([name for name in packet[ICMPv6NDOptDNSSL].searchlist if name != "."], ["example.org."])
        self.assertEqual(packet[ICMPv6NDOptDNSSL].lifetime, 1200)

    def test_scapy_reads_the_answer_to_a_solicitation(self):
        for source, destination, solicited in (("fe80::9", "fe80::9", 1), ("::", "ff02::1", 0)):
            frame = Ether(src=MAC, dst="33:33:ff:00:00:09") / IPv6(src=source, dst="ff02::1:ff00:9", hlim=255)
            packet = self.packet(self.probe.ask("answer", bytes(frame / ICMPv6ND_NS(tgt="2001:db8::9"))))
            message = packet[ICMPv6ND_NA]
            self.assertEqual((packet.dst, message.tgt), (destination, "2001:db8::9"))
            self.assertEqual((message.R, message.S, message.O), (1, solicited, 0))
            self.assertEqual(packet[ICMPv6NDOptDstLLAddr].lladdr, ROUTER_MAC)


if __name__ == "__main__":
    PROBE = sys.argv.pop(1)
    unittest.main()
