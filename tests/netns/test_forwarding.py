"""A gateway that serves DHCP by XDP forwards, and receives, exactly what it does without: bytes compared.

client -- gateway -- upstream. The same frames are sent without a server and with it; what the gateway's own packet
sockets see, and what arrives at the far ends, must be the same bytes in the same order.
"""

import contextlib
import socket
import time

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    RouterAlert,
)
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw
from support import dhcp
from support.netns import Namespace, sh
from support.server import Server, configuration
from support.vlan import QINQ, VLAN, TaggedWire, put_tags

CLIENT_MAC, IN_MAC = "02:00:5e:00:53:02", "02:00:5e:00:53:01"
UPSTREAM_MAC, OUT_MAC = "02:00:5e:00:53:12", "02:00:5e:00:53:11"
CLIENT, GATEWAY, GATEWAY_UP, UPSTREAM = "10.77.0.2", "10.77.0.1", "10.78.0.1", "10.78.0.2"
CLIENT6, GATEWAY6, UPSTREAM6 = "fd00:77::2", "fd00:77::1", "fd00:78::2"
MARK = b"xdfw"
MTU = 9000


def ether(up=True, **fields):
    return Ether(src=CLIENT_MAC if up else UPSTREAM_MAC, dst=IN_MAC if up else OUT_MAC, **fields)


def data(length):
    return Raw((MARK * (length // 4 + 1))[:length])


def fragments(destination, port):
    whole = bytes(UDP(sport=68, dport=port, len=8 + 2992) / data(2992))
    parts = [whole[at : at + 1000] for at in range(0, len(whole), 1000)]
    for i, part in enumerate(parts):
        flags = "MF" if i + 1 < len(parts) else 0
        yield ether() / IP(src=CLIENT, dst=destination, id=port, proto=17, flags=flags, frag=i * 125) / Raw(part)


def message(up, op, source, destination, ports, giaddr="0.0.0.0", ciaddr="0.0.0.0"):
    frame = dhcp.request(
        dhcp.REQUEST, CLIENT_MAC, 0x4242, [(dhcp.CLIENT_ID, b"\0" + MARK)], op=op, giaddr=giaddr, ciaddr=ciaddr,
        source_ip=source, destination_ip=destination, source_port=ports[0], destination_port=ports[1],
        source_mac=CLIENT_MAC if up else UPSTREAM_MAC, destination_mac=IN_MAC if up else OUT_MAC,
    )  # fmt: skip
    return Raw(frame)


def udp(destination, length=64, port=67, **fields):
    return IP(src=CLIENT, dst=destination, **fields) / UDP(sport=68, dport=port) / data(length)


def from_client():
    """What the client's side sends: to others through us, to us, and what is for nobody."""
    frames = []
    for destination in (UPSTREAM, GATEWAY):
        frames += [*fragments(destination, 67), *fragments(destination, 4000)]
        for port in (67, 4000):
            frames.append(ether() / udp(destination, port=port, options=b"\x94\x04\0\0"))
            frames.append(ether() / udp(destination, 8000, port=port))  # jumbo
        frames += [ether() / udp(destination, 4), ether() / udp(destination, 65)]
        frames.append(message(True, 2, CLIENT, destination, (67, 67)))  # BOOTREPLY
        frames.append(message(True, 2, CLIENT, destination, (67, 68)))
        # Malformed: lengths beyond the frame and below the header, cut in the middle, other versions.
        for fields in ({"len": 3000}, {"len": 10}, {"ihl": 4}, {"ihl": 15}, {"version": 6}):
            frames.append(ether() / udp(destination, **fields))
        for length in (0, 7, 9, 2000):
            frames.append(ether() / IP(src=CLIENT, dst=destination) / UDP(sport=68, dport=67, len=length) / data(64))
        whole = bytes(message(True, 1, CLIENT, destination, (68, 67)))
        frames += [Raw(whole[:cut]) for cut in (16, 20, 34, 38, 42, 43, 200)]
    # DHCP in transit: renewing, and relayed, to a server that is not this one.
    frames.append(message(True, 1, CLIENT, UPSTREAM, (68, 67), ciaddr=CLIENT))
    frames.append(message(True, 1, CLIENT, UPSTREAM, (67, 67), giaddr=CLIENT))
    frames.append(message(True, 1, CLIENT, "10.79.0.9", (68, 67)))  # no route
    frames.append(Ether(src=CLIENT_MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(psrc=CLIENT, pdst="10.77.0.99"))
    frames.append(ether(type=0x1234) / data(60))
    # IPv6 with every kind of extension header, and MLD.
    payload = UDP(sport=546, dport=547) / data(64)
    headers = [
        IPv6ExtHdrHopByHop(options=[RouterAlert()]),
        IPv6ExtHdrDestOpt(),
        IPv6ExtHdrFragment(m=1, id=5),
        IPv6ExtHdrRouting(type=0, addresses=[]),
        IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / IPv6ExtHdrFragment(id=6),
    ]
    for destination in (UPSTREAM6, GATEWAY6):
        frames += [ether() / IPv6(src=CLIENT6, dst=destination) / header / payload for header in headers]
        frames.append(ether() / IPv6(src=CLIENT6, dst=destination) / payload)
    report = IPv6(src="fe80::2", dst="ff02::16", hlim=1) / IPv6ExtHdrHopByHop(options=[RouterAlert()])
    frames.append(Ether(src=CLIENT_MAC, dst="33:33:00:00:00:16") / report / Raw(b"\x8f\0\0\0\0\0\0\0"))
    # VLANs that nobody serves here, also with a DISCOVER in them.
    discover = dhcp.request(dhcp.DISCOVER, CLIENT_MAC, 0x4343)
    for tags in ([(VLAN, 200)], [(QINQ, 100), (VLAN, 7)], [(VLAN, 100), (VLAN, 101)], [(VLAN, 1)] * 3):
        frames += [Raw(put_tags(discover, tags)), Raw(put_tags(bytes(ether() / udp(UPSTREAM)), tags))]
    return [bytes(frame) for frame in frames]


def from_upstream():
    """Another server's replies on their way to clients and relays behind us, and requests to us by the other side."""
    frames = [
        message(False, 2, UPSTREAM, CLIENT, (67, 68)),
        message(False, 2, UPSTREAM, CLIENT, (67, 67), giaddr=CLIENT),
        message(False, 1, UPSTREAM, CLIENT, (68, 67)),
        message(False, 2, UPSTREAM, GATEWAY_UP, (67, 67)),
    ]
    return [bytes(frame) for frame in frames]


class Gateway:
    def __init__(self):
        self.client, self.gateway, self.upstream = (Namespace(f"fw-{name}") for name in ("cli", "gw", "up"))
        self.wires = {}
        sides = (
            (self.client, CLIENT_MAC, "in0", IN_MAC, (GATEWAY, GATEWAY6), (CLIENT, CLIENT6)),
            (self.upstream, UPSTREAM_MAC, "out0", OUT_MAC, (GATEWAY_UP, "fd00:78::1"), (UPSTREAM, UPSTREAM6)),
        )
        for namespace, mac, name, gateway_mac, own, far in sides:
            sh(
                "ip", "link", "add", name, "netns", self.gateway.name, "mtu", str(MTU), "address", gateway_mac,
                "type", "veth", "peer", "name", "eth0", "netns", namespace.name, "mtu", str(MTU), "address", mac,
            )  # fmt: skip
            namespace.sysctl("net.ipv6.conf.eth0.disable_ipv6", 1)  # its kernel stays silent
            namespace.run("ip", "link", "set", "eth0", "up")
            run = self.gateway.run
            run("ip", "link", "set", name, "addrgenmode", "none")
            run("ip", "link", "set", name, "up")
            run("ip", "address", "add", f"{own[0]}/24", "dev", name)
            run("ip", "address", "add", f"{own[1]}/64", "dev", name, "nodad")
            for address in far:
                run("ip", "neigh", "replace", address, "lladdr", mac, "dev", name, "nud", "permanent")
            self.wires[namespace] = TaggedWire(namespace, "eth0")
            self.wires[name] = TaggedWire(self.gateway, name)
        for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            self.gateway.sysctl(key, 1)
        for key in ("net.ipv4.icmp_ratelimit", "net.ipv4.conf.all.rp_filter"):
            self.gateway.sysctl(key, 0)

    def close(self):
        for wire in self.wires.values():
            wire.close()
        for namespace in (self.client, self.gateway, self.upstream):
            namespace.close()

    def pass_frames(self):
        """{place: frames}: what the gateway's own sockets saw, and what was forwarded, in order."""
        self.collect()  # what is left from before
        for namespace, frames in ((self.client, from_client()), (self.upstream, from_upstream())):
            for frame in frames:
                self.wires[namespace].send(frame)
                time.sleep(0.001)
        return self.collect()

    def collect(self):
        def forwarded(frame):
            return MARK in frame and frame[12:14] != b"\x08\x06" and b"\x3a" != frame[20:21] and frame[23:24] != b"\x01"

        wanted = {
            "in0": lambda frame: frame[6:12] == dhcp.mac_bytes(CLIENT_MAC),
            "out0": lambda frame: frame[6:12] == dhcp.mac_bytes(UPSTREAM_MAC),
            self.client: forwarded,
            self.upstream: forwarded,
        }
        seen = {}
        for place, accept in wanted.items():
            name = place if isinstance(place, str) else place.name.rsplit("-", 1)[-1]
            seen[name] = [frame for frame in iter(lambda at=place: self.wires[at].receive(0.2), None) if accept(frame)]
        return seen


@pytest.fixture
def gateway():
    made = Gateway()
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def udp_port_held(namespace):
    """The server keeps a socket on the port; without one the kernel answers with ICMP, which is not the question."""
    with namespace.inside():
        holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        holder.bind(("0.0.0.0", 67))
    with holder:
        yield


@pytest.mark.parametrize(("driver", "vlan"), [("xdp", None), ("xdp", "100"), ("xdp-generic", None)])
def test_what_is_not_ours_passes_unchanged(gateway, driver, vlan, tmp_path):
    with udp_port_held(gateway.gateway):
        without = gateway.pass_frames()
    sent = from_client()
    assert without["in0"] == sent, "the test itself loses or changes frames"
    assert without["out0"] == from_upstream()
    assert len(without["up"]) >= 25 and len(without["cli"]) == 3, {k: len(v) for k, v in without.items()}

    subnets = [{"subnet": "10.77.0.0/24", "interface": "in0", "pools": [{"range": "10.77.0.10-10.77.0.20"}]}]
    if vlan is not None:
        subnets.append(
            {"subnet": "10.70.0.0/24", "interface": "in0", "vlan": vlan, "pools": [{"range": "10.70.0.10-10.70.0.20"}]}
        )
    config = configuration("in0", driver, subnets, tmp_path)
    config["interfaces"].append({"name": "out0", "driver": driver})
    with Server(gateway.gateway, tmp_path, config) as server:
        attached = gateway.gateway.run("ip", "-o", "link", "show")
        assert attached.count("prog/xdp") == 2, attached
        having = gateway.pass_frames()
        verdicts = server.xdp_verdicts()
        assert "redirected" not in verdicts, verdicts
        for place, frames in without.items():
            assert len(having[place]) == len(frames), (place, verdicts)
            for i, (expected, got) in enumerate(zip(frames, having[place], strict=True)):
                assert got == expected, f"{place}: frame {i} was changed"
        # And what is ours is taken.
        offer = gateway.wires[gateway.client].exchange(dhcp.request(dhcp.DISCOVER, CLIENT_MAC, 0x99), 0x99)[0]
        assert offer is not None and offer.type == dhcp.OFFER
        assert server.xdp_verdicts()["redirected"] == 1
