"""A host that serves IPv6 by XDP is the same neighbour, listener and router to everybody else as it is without.

client -- gateway -- upstream, with the kernels' own IPv6 on. The same things are done without a server and with it:
pings, address resolution, duplicate address detection, MLD, and frames through and to the gateway, bytes compared.
"""

import json
import select
import socket
import struct
import time

import pytest
from scapy.layers.dhcp6 import DHCP6_Advertise, DHCP6_RelayForward, DHCP6_Solicit, DHCP6OptClientId, DUID_LL
from scapy.layers.inet import UDP
from scapy.layers.inet6 import (
    ICMPv6ND_NS,
    ICMPv6ND_RS,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    RouterAlert,
)
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from support.netns import Namespace, eventually, sh
from support.server import Server, configuration
from support.vlan import TaggedWire

CLIENT_MAC, IN_MAC = "02:00:5e:00:53:02", "02:00:5e:00:53:01"
UPSTREAM_MAC, OUT_MAC = "02:00:5e:00:53:12", "02:00:5e:00:53:11"
CLIENT, GATEWAY, GATEWAY_UP, UPSTREAM = "fd00:77::2", "fd00:77::1", "fd00:78::1", "fd00:78::2"
CLIENT_LL, GATEWAY_LL = "fe80::2", "fe80::1"
LATE, TAKEN = "fd00:77::5", "fd00:77::6"
PROXIED, OWN_IN_PREFIX = "fd00:79::9", "fd00:79::1"
SERVERS, SERVERS_MAC = "ff02::1:2", "33:33:00:01:00:02"
GROUP = "ff0e::1234"
MARK = b"xdp6"


def ether():
    return Ether(src=CLIENT_MAC, dst=IN_MAC)


def data(length):
    return Raw((MARK * (length // 4 + 1))[:length])


def message(kind=DHCP6_Solicit):
    return kind(trid=0x4242) / DHCP6OptClientId(duid=DUID_LL(lladdr=CLIENT_MAC))


def solicit():
    return bytes(
        Ether(src=CLIENT_MAC, dst=SERVERS_MAC) / IPv6(src=CLIENT_LL, dst=SERVERS) / UDP(sport=546, dport=547) / message()
    )


def frames_to_pass():
    """What is other people's business, and what of ours is malformed or wrapped in headers."""
    frames = []
    relayed = DHCP6_RelayForward(linkaddr=CLIENT, peeraddr=CLIENT_LL) / message()
    # DHCPv6 in transit, of clients and relays, and other ports.
    for payload in (message(), relayed, message(DHCP6_Advertise)):
        for ports in ((546, 547), (547, 547), (547, 546), (4000, 4001)):
            frames.append(ether() / IPv6(src=CLIENT, dst=UPSTREAM) / UDP(sport=ports[0], dport=ports[1]) / payload)
    whole = bytes(UDP(sport=547, dport=547, len=8 + 1992) / data(1992))
    headers = [
        IPv6ExtHdrHopByHop(options=[RouterAlert()]),
        IPv6ExtHdrDestOpt(),
        IPv6ExtHdrRouting(type=0, addresses=[]),
        IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt(),
        IPv6ExtHdrFragment(id=8),  # alone
    ]
    for destination in (UPSTREAM, GATEWAY):
        for at in (0, 1000):
            fragment = IPv6ExtHdrFragment(nh=17, id=7, offset=at // 8, m=int(at == 0))
            frames.append(ether() / IPv6(src=CLIENT, dst=destination) / fragment / Raw(whole[at : at + 1000]))
        for header in headers:
            frames.append(ether() / IPv6(src=CLIENT, dst=destination) / header / UDP(sport=546, dport=547) / message())
        for length in (0, 7, 2000):
            frames.append(ether() / IPv6(src=CLIENT, dst=destination) / UDP(sport=546, dport=547, len=length) / data(64))
        frames.append(ether() / IPv6(src=CLIENT, dst=destination, plen=3000) / UDP(sport=546, dport=547) / data(64))
        frames.append(ether() / IPv6(src=CLIENT, dst=destination, hlim=1) / UDP(sport=4000, dport=4001) / data(8))
        # Solicitations that came through a router, or to the wrong place.
        frames.append(ether() / IPv6(src=CLIENT, dst=destination, hlim=254) / ICMPv6ND_NS(tgt=PROXIED) / data(8))
        frames.append(ether() / IPv6(src=CLIENT, dst=destination, hlim=64) / ICMPv6ND_RS())
    group = "ff02::1:ff00:1"
    for target in (GATEWAY, GATEWAY_LL, OWN_IN_PREFIX):  # the host's own neighbours ask
        ask = IPv6(src=CLIENT_LL, dst=group, hlim=255) / ICMPv6ND_NS(tgt=target)
        frames.append(Ether(src=CLIENT_MAC, dst="33:33:ff:00:00:01") / ask)
    return [bytes(frame) for frame in frames]


class Network:
    def __init__(self):
        self.client, self.gateway, self.upstream = (Namespace(f"6t-{name}") for name in ("cli", "gw", "up"))
        self.wires = {}
        sides = (
            (self.client, CLIENT_MAC, "in0", IN_MAC, (GATEWAY, GATEWAY_LL), (CLIENT, CLIENT_LL)),
            (self.upstream, UPSTREAM_MAC, "out0", OUT_MAC, (GATEWAY_UP, "fe80::11"), (UPSTREAM, "fe80::12")),
        )
        for namespace, mac, name, gateway_mac, near, far in sides:
            sh(
                "ip", "link", "add", name, "netns", self.gateway.name, "address", gateway_mac,
                "type", "veth", "peer", "name", "eth0", "netns", namespace.name, "address", mac,
            )  # fmt: skip
            for place, interface, addresses in ((self.gateway, name, near), (namespace, "eth0", far)):
                place.run("ip", "link", "set", interface, "addrgenmode", "none")
                place.run("ip", "link", "set", interface, "up")
                for address in addresses:
                    place.run("ip", "address", "add", f"{address}/64", "dev", interface, "nodad")
                # Nobody learns a router or an address from what the server advertises.
                place.sysctl(f"net.ipv6.conf.{interface}.accept_ra", 0)
            namespace.run("ip", "route", "add", "default", "via", near[0])
        self.gateway.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.gateway.sysctl("net.ipv6.icmp.ratelimit", 0)
        self.gateway.run("ip", "address", "add", f"{OWN_IN_PREFIX}/128", "dev", "lo", "nodad")
        self.wires = {
            "client": TaggedWire(self.client, "eth0"),
            "in0": TaggedWire(self.gateway, "in0"),
            "upstream": TaggedWire(self.upstream, "eth0"),
        }

    def close(self):
        for wire in self.wires.values():
            wire.close()
        for namespace in (self.client, self.gateway, self.upstream):
            namespace.close()

    def drain(self, place):
        return list(iter(lambda: self.wires[place].receive(0.2), None))

    def neighbour(self, address):
        """(MAC, state) that the client has for an address."""
        for entry in json.loads(self.client.run("ip", "-6", "-j", "neigh", "show", "dev", "eth0") or "[]"):
            if entry["dst"] == address:
                return entry.get("lladdr"), tuple(entry["state"])
        return None

    @staticmethod
    def echoes(namespace, interface, address, count):
        """How many of `count` echo requests are answered from that address."""
        with namespace.inside():
            pinger = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
            scope = socket.if_nametoindex(interface) if address.startswith("fe80") else 0
        answered = 0
        with pinger:
            pinger.settimeout(1)
            for sequence in range(count):
                # Type 128; the kernel fills the checksum.
                pinger.sendto(struct.pack("!BBHHH", 128, 0, 0, 0x6470, sequence) + MARK, (address, 0, 0, scope))
                wanted = struct.pack("!BB", 129, 0), struct.pack("!HH", 0x6470, sequence) + MARK
                deadline = time.monotonic() + 1
                while time.monotonic() < deadline:
                    try:
                        reply, sender = pinger.recvfrom(512)
                    except TimeoutError:
                        break
                    if (reply[:2], reply[4:]) == wanted and sender[0].partition("%")[0] == address:
                        answered += 1
                        break
        return answered

    def pings(self, address):
        """Resolves the address anew. (answers of three, MAC that was found)."""
        self.client.run("ip", "-6", "neigh", "flush", "dev", "eth0")
        answered = self.echoes(self.client, "eth0", address, 3)
        found = self.neighbour(address)
        return answered, found and found[0]

    def flags(self, namespace, interface, address):
        for link in json.loads(namespace.run("ip", "-6", "-j", "address", "show", "dev", interface)):
            for entry in link.get("addr_info", []):
                if entry.get("local") == address:
                    return {name for name in ("tentative", "dadfailed") if entry.get(name)}
        return None

    def detects_duplicates(self):
        """The gateway takes an address that is free, and not one that the client has."""
        outcome = []
        self.client.run("ip", "address", "replace", f"{TAKEN}/64", "dev", "eth0", "nodad")
        for address in (LATE, TAKEN):
            self.gateway.run("ip", "address", "add", f"{address}/64", "dev", "in0")
            eventually(
                lambda wanted=address: self.flags(self.gateway, "in0", wanted) != {"tentative"}, what=f"DAD of {address}"
            )
            outcome.append(sorted(self.flags(self.gateway, "in0", address)))
            self.gateway.run("ip", "address", "del", f"{address}/64", "dev", "in0")
        # And the other way: the client asks for what the gateway has.
        self.client.run("ip", "address", "add", f"{GATEWAY}/64", "dev", "eth0")
        eventually(lambda: self.flags(self.client, "eth0", GATEWAY) != {"tentative"}, what="DAD of the client")
        outcome.append(sorted(self.flags(self.client, "eth0", GATEWAY)))
        self.client.run("ip", "address", "del", f"{GATEWAY}/64", "dev", "eth0")
        return outcome

    @staticmethod
    def joined(namespace, interface):
        with namespace.inside():
            member = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            index = socket.if_nametoindex(interface)
        request = socket.inet_pton(socket.AF_INET6, GROUP) + struct.pack("@I", index)
        member.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)
        return member

    def reports(self):
        """Who is a member of a group it joins, after its MLD report has reached the other side: client and gateway."""

        def is_report(frame):  # the kernel may report other groups with it
            is_mld2 = frame[12:14] == b"\x86\xdd" and frame[20] == 0 and frame[62:63] == b"\x8f"
            return is_mld2 and socket.inet_pton(socket.AF_INET6, GROUP) in frame[62:]

        seen = []
        for namespace, interface, place in ((self.client, "eth0", "in0"), (self.gateway, "in0", "client")):
            self.drain(place)
            with self.joined(namespace, interface):
                groups = namespace.run("ip", "-6", "maddress", "show", "dev", interface)
                eventually(lambda at=place: any(map(is_report, self.drain(at))), what="MLD report")
                seen.append(GROUP in groups)
            assert GROUP not in namespace.run("ip", "-6", "maddress", "show", "dev", interface)
        return seen

    def refusals(self):
        """The kernel's errors: to a closed port, and beyond the hop limit, from the client."""
        kinds = []
        for destination, hops in ((GATEWAY, 64), (UPSTREAM, 1)):
            with self.client.inside():
                asker = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            with asker:
                asker.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hops)
                asker.setsockopt(socket.IPPROTO_IPV6, 25, 1)  # IPV6_RECVERR
                asker.connect((destination, 4009))
                asker.send(MARK)
                poll = select.poll()
                poll.register(asker, select.POLLERR)
                assert poll.poll(2000), f"no ICMPv6 error from {destination}"
                control = asker.recvmsg(64, 512, socket.MSG_ERRQUEUE)[1]
                # struct sock_extended_err: errno, origin, type, code
                kinds.append(struct.unpack_from("=IBBB", control[0][2])[2:])
        return kinds

    def passes(self):
        """What the gateway's own sockets see and what is forwarded, in order."""
        for place in self.wires:
            self.drain(place)
        for frame in frames_to_pass():
            self.wires["client"].send(frame)
            time.sleep(0.001)
        kept = {frame for frame in frames_to_pass()}
        seen = [frame for frame in self.drain("in0") if frame in kept]
        forwarded = [
            frame
            for frame in self.drain("upstream")
            if frame[12:14] == b"\x86\xdd" and frame[22:38] == socket.inet_pton(socket.AF_INET6, CLIENT)
        ]
        return seen, [frame for frame in forwarded if frame[54:55] not in (b"\x87", b"\x88")]

    def everything(self):
        eventually(lambda: self.echoes(self.gateway, "out0", UPSTREAM, 1), what="upstream")
        self.gateway.run("ip", "neigh", "replace", UPSTREAM, "lladdr", UPSTREAM_MAC, "dev", "out0", "nud", "permanent")
        return {
            "pings": {address: self.pings(address) for address in (GATEWAY, GATEWAY_LL, GATEWAY_UP, UPSTREAM)},
            "duplicates": self.detects_duplicates(),
            "reports": self.reports(),
            "refusals": self.refusals(),
            "frames": self.passes(),
        }


@pytest.fixture
def network():
    made = Network()
    try:
        yield made
    finally:
        made.close()


def serving(driver, directory):
    """DHCPv6, advertisements and a proxy on the client's side, all drivers' IPv6 at once."""
    subnets = [{"subnet": "10.77.0.0/24", "interface": "in0", "pools": [{"range": "10.77.0.10-10.77.0.20"}]}]
    config = configuration("in0", driver, subnets, directory)
    config["interfaces"].append({"name": "out0", "driver": driver})
    config["dhcp6"] = {
        "subnets": [
            {"subnet": "fd00:77::/64", "interface": "in0", "pools": [{"range": "fd00:77::1000-fd00:77::1fff"}]},
        ]
    }
    config["router-advertisements"] = [{"interface": "in0", "prefixes": [{"prefix": "fd00:77::/64"}]}]
    config["neighbor-proxies"] = [{"interface": "in0", "targets": ["fd00:79::/64", "fd00:7a::1"]}]
    return config


@pytest.mark.rfc("4861 7.2, 4862 5.4, 3810 5, 8200 4")
@pytest.mark.parametrize("driver", ["xdp", "xdp-generic", "packet"])
def test_the_hosts_own_ipv6_and_what_it_routes_are_as_before(network, driver, tmp_path):
    with network.gateway.inside():  # as the server will, so that the kernel refuses nothing there
        holder = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        holder.bind(("::", 547))
    with holder:
        without = network.everything()
    for address in (GATEWAY, GATEWAY_LL):
        assert without["pings"][address] == (3, IN_MAC), without["pings"]
    assert without["pings"][UPSTREAM][0] == 3
    failed = ["dadfailed", "tentative"]
    assert without["duplicates"] == [[], failed, failed]
    assert without["reports"] == [True, True]
    assert without["refusals"] == [(1, 4), (3, 0)]  # port unreachable, hop limit exceeded
    assert without["frames"][0] == frames_to_pass(), "the test itself loses or changes frames"
    assert len(without["frames"][1]) >= 20

    with Server(network.gateway, tmp_path, serving(driver, tmp_path)) as server:
        if driver != "packet":
            attached = network.gateway.run("ip", "-o", "link", "show")
            assert attached.count("prog/xdp") == 2, attached
        having = network.everything()
        for what, expected in without.items():
            assert having[what] == expected, what
        if driver != "packet":
            before = server.xdp_verdicts().get("redirected", 0)
            # And what is ours is taken.
            network.wires["client"].send(solicit())
            ask = IPv6(src=CLIENT_LL, dst="ff02::1:ff00:9", hlim=255) / ICMPv6ND_NS(tgt=PROXIED)
            network.wires["client"].send(bytes(Ether(src=CLIENT_MAC, dst="33:33:ff:00:00:09") / ask))
            rs = IPv6(src=CLIENT_LL, dst="ff02::2", hlim=255) / ICMPv6ND_RS()
            network.wires["client"].send(bytes(Ether(src=CLIENT_MAC, dst="33:33:00:00:00:02") / rs))
            eventually(lambda: server.xdp_verdicts()["redirected"] == before + 3, what="three frames taken")
