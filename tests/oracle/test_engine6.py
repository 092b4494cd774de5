#!/usr/bin/env python3
"""Holds DHCPv6 exchanges of the engine against scapy: scapy builds what clients send and reads what they get.

usage: test_engine6.py PROBE [unittest arguments]     exit code 77 without scapy
"""

import ipaddress
import logging
import subprocess
import sys
import unittest

logging.getLogger("scapy").setLevel(logging.ERROR)
try:
    from scapy.layers import dhcp6 as d6
    from scapy.layers.inet import UDP
    from scapy.layers.inet6 import IPv6, in6_chksum
    from scapy.layers.l2 import Ether
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

SERVER_MAC = "00:00:5e:00:53:fe"
POOL = (ipaddress.IPv6Address("2001:db8:1::1000"), ipaddress.IPv6Address("2001:db8:1::100f"))
PREFIXES = ipaddress.IPv6Network("2001:db8:100::/52")


class Engine:
    """The program with our engine, one line in and one out."""

    def __init__(self):
        self.process = subprocess.Popen([PROBE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, command, argument):
        self.process.stdin.write(f"{command} {argument}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()


class TestExchanges(unittest.TestCase):
    def setUp(self):
        self.engine = Engine()
        self.addCleanup(self.engine.close)
        self.xid = 0x1000

    def send(self, kind, *options, client=1, server=True, source=None, destination="ff02::1:2", relays=()):
        """The reply's DHCPv6 message; relays from the one next to the client on."""
        mac = f"02:00:5e:00:53:{client:02x}"
        self.xid += 1
        message = kind(trid=self.xid) / d6.DHCP6OptClientId(duid=d6.DUID_LL(hwtype=1, lladdr=mac))
        if server:
            message = message / d6.DHCP6OptServerId(duid=d6.DUID_LL(hwtype=1, lladdr=SERVER_MAC))
        for option in options:
            message = message / option
        for hop, relay in enumerate(relays):
            message = d6.DHCP6_RelayForward(hopcount=hop, **relay) / d6.DHCP6OptIfaceId(
                ifaceid=b"port%d" % hop) / d6.DHCP6OptRelayMsg(message=message)
        source = source or f"fe80::5eff:fe00:53{client:02x}"
        port = 547 if relays else 546
        frame = Ether(src=mac, dst="33:33:00:01:00:02") / IPv6(src=source, dst=destination)
        frame = frame / UDP(sport=port, dport=547) / message
        answer = self.engine.ask("frame", bytes(frame).hex())
        self.assertRegex(answer, "^[0-9a-f]+$")
        reply = Ether(bytes.fromhex(answer))
        self.assertEqual((reply.src, reply.dst), (SERVER_MAC, mac))
        self.assertEqual((reply[IPv6].dst, reply[UDP].sport, reply[UDP].dport), (source, 547, port))
        datagram = bytes(reply[UDP])
        self.assertEqual(in6_chksum(17, reply[IPv6], datagram), 0)
        self.assertEqual(reply[UDP].len, len(datagram))
        inner = reply[UDP].payload
        for relay in reversed(relays):
            self.assertIsInstance(inner, d6.DHCP6_RelayReply)
            self.assertEqual((inner.linkaddr, inner.peeraddr), (relay["linkaddr"], relay["peeraddr"]))
            self.assertTrue(inner[d6.DHCP6OptIfaceId].ifaceid.startswith(b"port"))
            inner = inner[d6.DHCP6OptRelayMsg].message
        self.assertEqual(inner.trid, self.xid)
        self.assertEqual(inner[d6.DHCP6OptClientId].duid.lladdr, mac)
        self.assertEqual(inner[d6.DHCP6OptServerId].duid.lladdr, SERVER_MAC)
        return inner

    def request(self, *options, **more):
        return self.send(d6.DHCP6_Request, *options, **more)

    def address_of(self, reply, iaid=1, preferred=3600, valid=7200):
        association = reply[d6.DHCP6OptIA_NA]
        self.assertEqual((association.iaid, association.T1, association.T2), (iaid, 1800, 2880))
        (leaf,) = association.ianaopts
        self.assertEqual((leaf.preflft, leaf.validlft), (preferred, valid))
        self.assertTrue(POOL[0] <= ipaddress.IPv6Address(leaf.addr) <= POOL[1])
        return leaf.addr

    def listed(self, address, iaid=1):
        return d6.DHCP6OptIA_NA(iaid=iaid, ianaopts=[d6.DHCP6OptIAAddress(addr=address, preflft=1, validlft=2)])

    def test_solicit_request_renew_release(self):
        oro = d6.DHCP6OptOptReq(reqopts=[24, 23])
        offer = self.send(d6.DHCP6_Solicit, d6.DHCP6OptIA_NA(iaid=1), oro, server=False)
        self.assertIsInstance(offer, d6.DHCP6_Advertise)
        self.assertEqual(offer[d6.DHCP6OptPref].prefval, 7)
        self.assertEqual(offer[d6.DHCP6OptDNSServers].dnsservers, ["2001:db8::53", "2001:db8::54"])
        self.assertEqual(offer[d6.DHCP6OptDNSDomains].dnsdomains, ["example.org."])
        address = self.address_of(offer)
        granted = self.request(self.listed(address))
        self.assertIsInstance(granted, d6.DHCP6_Reply)
        self.assertEqual(self.address_of(granted), address)
        self.assertEqual(self.engine.ask("pass", 1800), "ok")
        self.assertEqual(self.address_of(self.send(d6.DHCP6_Renew, self.listed(address))), address)
        self.assertEqual(self.address_of(self.send(d6.DHCP6_Rebind, self.listed(address), server=False)), address)
        released = self.send(d6.DHCP6_Release, self.listed(address))
        self.assertEqual(released[d6.DHCP6OptStatusCode].statuscode, 0)
        again = self.send(d6.DHCP6_Release, self.listed(address))
        (status,) = again[d6.DHCP6OptIA_NA].ianaopts
        self.assertEqual(status.statuscode, 3)

    def test_rapid_commit(self):
        reply = self.send(d6.DHCP6_Solicit, d6.DHCP6OptIA_NA(iaid=1), d6.DHCP6OptRapidCommit(), server=False)
        self.assertIsInstance(reply, d6.DHCP6_Reply)
        self.assertIn(d6.DHCP6OptRapidCommit, reply)
        self.address_of(reply)

    def test_delegated_prefix(self):
        reply = self.request(d6.DHCP6OptIA_PD(iaid=5))
        association = reply[d6.DHCP6OptIA_PD]
        self.assertEqual((association.iaid, association.T1, association.T2), (5, 1800, 2880))
        (leaf,) = association.iapdopt
        self.assertEqual((leaf.plen, leaf.preflft, leaf.validlft), (56, 3600, 7200))
        self.assertTrue(ipaddress.IPv6Network(f"{leaf.prefix}/56").subnet_of(PREFIXES))

    def test_every_client_gets_its_own(self):
        addresses = {self.address_of(self.request(d6.DHCP6OptIA_NA(iaid=1), client=n)) for n in range(1, 17)}
        self.assertEqual(len(addresses), 16)
        (status,) = self.request(d6.DHCP6OptIA_NA(iaid=1), client=17)[d6.DHCP6OptIA_NA].ianaopts
        self.assertEqual(status.statuscode, 2)

    def test_confirm_and_decline(self):
        address = self.address_of(self.request(d6.DHCP6OptIA_NA(iaid=1)))
        for where, status in ((address, 0), ("2001:db8:9::1", 4)):
            reply = self.send(d6.DHCP6_Confirm, self.listed(where), server=False)
            self.assertEqual(reply[d6.DHCP6OptStatusCode].statuscode, status)
        self.assertEqual(self.send(d6.DHCP6_Decline, self.listed(address))[d6.DHCP6OptStatusCode].statuscode, 0)
        self.assertNotEqual(self.address_of(self.request(self.listed(address), client=2)), address)

    def test_renew_elsewhere(self):
        reply = self.send(d6.DHCP6_Renew, self.listed("2001:db8:9::1"))
        (leaf,) = reply[d6.DHCP6OptIA_NA].ianaopts
        self.assertEqual((leaf.addr, leaf.preflft, leaf.validlft), ("2001:db8:9::1", 0, 0))

    def test_information_request(self):
        reply = self.send(d6.DHCP6_InfoRequest, d6.DHCP6OptOptReq(reqopts=[23, 32]), server=False)
        self.assertEqual(reply[d6.DHCP6OptInfoRefreshTime].reftime, 86400)
        self.assertEqual(reply[d6.DHCP6OptDNSServers].dnsservers, ["2001:db8::53", "2001:db8::54"])

    def test_relays(self):
        relays = (
            {"linkaddr": "2001:db8:1::5", "peeraddr": "fe80::1"},
            {"linkaddr": "::", "peeraddr": "2001:db8:1::5"},
        )
        reply = self.request(
            d6.DHCP6OptIA_NA(iaid=1), relays=relays, source="2001:db8:77::1", destination="2001:db8:1::1")
        self.assertIsInstance(reply, d6.DHCP6_Reply)
        self.address_of(reply)


if __name__ == "__main__":
    PROBE = sys.argv.pop(1)
    unittest.main()
