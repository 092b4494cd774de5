"""Kernel lanes on two interfaces, and which of the server's addresses a reply names, on every driver and lane."""

import pytest
from conftest import driver_ids
from scapy.layers.inet import IPOption_Router_Alert
from support.dhcp import (
    BROADCAST_IP,
    BROADCAST_MAC,
    DISCOVER,
    OFFER,
    RELAY_INFO,
    SERVER_ID,
    Wire,
    ip4,
    request,
    sub_options,
)
from support.netns import Namespace, veth
from support.server import Server, configuration
from support.testbed import RELAY_MAC, SERVER_INTERFACE, SERVER_MAC, Testbed
from test_lane import FAST_DRIVERS, QUIET, fragments, with_ip_options

MACS = ("02:00:5e:00:53:01", "02:00:5e:00:53:11")
SERVER_ID_OVERRIDE = 11  # sub-option of option 82 (RFC 5107)


class TwoInterfaces:
    """One server on srv0 and srv1, with 10.77.0.0/24 on one and 10.78.0.0/24 on the other."""

    def __init__(self, driver, directory):
        self.server_ns, self.far_ends = Namespace("s-two"), [Namespace("c0-two"), Namespace("c1-two")]
        self.wires, self.server, self._xid = [], None, 0
        try:
            subnets = []
            for i, far_end in enumerate(self.far_ends):
                veth(self.server_ns, f"srv{i}", far_end, "cli0", MACS[i], f"02:00:5e:00:53:0{2 + i}")
                for scope in ("all", f"srv{i}"):
                    self.server_ns.sysctl(f"net.ipv4.conf.{scope}.rp_filter", 0)
                network = f"10.{77 + i}.0"
                self.server_ns.run("ip", "address", "add", f"{network}.1/24", "dev", f"srv{i}")
                self.wires.append(Wire(far_end, "cli0"))
                pools = [{"range": f"{network}.10-{network}.99"}]
                subnets.append({"subnet": f"{network}.0/24", "interface": f"srv{i}", "pools": pools})
            config = configuration("srv0", driver, subnets, directory)
            config["interfaces"].append({"name": "srv1", "driver": driver})
            self.server = Server(self.server_ns, directory, config).start()
        except BaseException:
            self.close()
            raise

    def close(self):
        if self.server is not None:
            self.server.kill()
        for wire in self.wires:
            wire.close()
        for namespace in (self.server_ns, *self.far_ends):
            namespace.close()

    def xid(self):
        self._xid += 1
        return self._xid

    def lanes(self):
        return [
            next(p["rx_frames"] for p in self.server.status()["ports"] if (p["interface"], p["role"]) == (name, "lane"))
            for name in ("srv0", "srv1")
        ]


@pytest.fixture(params=FAST_DRIVERS)
def two(request, tmp_path):  # noqa: F811  (pytest's own name)
    made = TwoInterfaces(request.param, tmp_path)
    made.driver = request.param
    yield made
    made.server.stop()
    made.close()


def test_each_lane_answers_for_its_own_interface_only(two):
    """Both lanes hold the same port of the same host; the kernel gives a datagram to the one of its interface."""
    shapes = {
        "plain": lambda frame: [frame],
        "fragments": fragments,
        "options": lambda frame: [with_ip_options(frame, [IPOption_Router_Alert()])],
    }
    # The packet driver steps over IP options.
    by_lane = {"plain": 0, "fragments": 1, "options": int(two.driver != "packet")}
    for name, shape in shapes.items():
        for i in (0, 1):
            before, xids = two.lanes(), (two.xid(), two.xid(), two.xid())
            mac = f"02:00:5e:00:{i + 1:02x}:{xids[0]:02x}"
            unicast = {"source_ip": f"10.{77 + i}.0.200", "destination_mac": MACS[i]}
            sent = [
                request(DISCOVER, mac, xids[0]),
                # To the address of the other interface: a host answers for all of its addresses.
                *(request(DISCOVER, mac, xids[1 + j], destination_ip=f"10.{77 + j}.0.1", **unicast) for j in (0, 1)),
            ]
            for frame in sent:
                for part in shape(frame):
                    two.wires[i].send(part)
            for xid, server_id in zip(xids, (f"10.{77 + i}.0.1", "10.77.0.1", "10.78.0.1"), strict=True):
                replies = two.wires[i].replies(xid)
                assert len(replies) == 1, f"{name} on srv{i}: {two.server.dropped()}"
                assert (replies[0].type, replies[0].address(SERVER_ID)) == (OFFER, server_id), name
                assert replies[0].yiaddr.startswith(f"10.{77 + i}.0."), name
            assert not any(wire.replies(xid, timeout=QUIET / 3) for wire in two.wires for xid in xids), "answered twice"
            grown = [after - old for after, old in zip(two.lanes(), before, strict=True)]
            assert grown == ([3 * by_lane[name], 0] if i == 0 else [0, 3 * by_lane[name]]), name
    status = two.server.check_accounts()
    assert (status["received"], status["answered"]) == (18, 18)


# The server's addresses in the kernel's order: the first of srv0, the one in the clients' subnet; one on lo.
FIRST, INSIDE, LOOPBACK, FOREIGN = "10.70.0.1", "10.77.0.1", "192.0.2.5", "203.0.113.7"
ORDERED = [
    {"subnet": "10.77.0.0/24", "interface": SERVER_INTERFACE, "pools": [{"range": "10.77.0.10-10.77.0.99"}]},
    {"subnet": "10.79.0.0/24", "pools": [{"range": "10.79.0.10-10.79.0.99"}]},
    {"subnet": "10.80.0.0/24", "pools": [{"range": "10.80.0.10-10.80.0.99"}], "server-address": LOOPBACK},
]


@pytest.fixture(scope="module", params=driver_ids())
def ordered(request, tmp_path_factory):  # noqa: F811
    bed = Testbed(request.param, tmp_path_factory.mktemp(f"id-{request.param}"), ORDERED, [LOOPBACK], serve=False)
    try:
        bed.server_ns.run("ip", "address", "flush", "dev", SERVER_INTERFACE)
        for address in (FIRST, INSIDE):
            bed.server_ns.run("ip", "address", "add", f"{address}/24", "dev", SERVER_INTERFACE)
        bed.server_ns.run("ip", "route", "replace", "default", "dev", SERVER_INTERFACE)
        bed.server.start()
        yield bed
    finally:
        bed.close()


def relayed_by(giaddr, destination=None):
    """Fields of a relay's frame, to an address of the server or, without one, broadcast."""
    fields = {"giaddr": giaddr, "hops": 1, "source_ip": giaddr, "source_mac": RELAY_MAC, "source_port": 67}
    if destination is not None:
        fields.update(destination_ip=destination, destination_mac=SERVER_MAC)
    return fields


def override(address):
    return [(RELAY_INFO, sub_options((SERVER_ID_OVERRIDE, ip4(address))))]


# What is sent: (fields, options); then the server identifier and the source of the reply.
RULES = {
    "the relay's override before all, and the source stays ours": (
        relayed_by("10.80.0.254", FIRST), override(FOREIGN), FOREIGN, LOOPBACK),
    "the relay's override when it is ours, and the source with it": (
        relayed_by("10.80.0.254", FIRST), override(INSIDE), INSIDE, INSIDE),
    "the subnet's server-address before where it was sent to": (
        relayed_by("10.80.0.254", FIRST), [], LOOPBACK, LOOPBACK),
    "where it was sent to before what is in the subnet": (
        {"source_ip": "10.77.0.200", "destination_ip": LOOPBACK, "destination_mac": SERVER_MAC}, [],
        LOOPBACK, LOOPBACK),
    "where it was sent to, of a relay": (relayed_by("10.79.0.254", INSIDE), [], INSIDE, INSIDE),
    "the interface's address in the subnet before its first": ({}, [], INSIDE, INSIDE),
    "the interface's first address when none is in the subnet": (relayed_by("10.79.0.254"), [], FIRST, FIRST),
}  # fmt: skip


@pytest.mark.rfc("5107 4")
@pytest.mark.rfc("2131 4.1")
@pytest.mark.parametrize("way", ["driver", "lane"])
@pytest.mark.parametrize("rule", RULES)
def test_order_of_the_server_identifier(ordered, rule, way):
    if way == "lane" and ordered.driver == "udp":
        pytest.skip("the udp driver has no lane beside it")
    fields, options, server_id, source = RULES[rule]
    ordered.begin(f"{rule} {way}")
    frame, xid = ordered.frame(DISCOVER, ordered.mac(), options, **fields)
    for part in [frame] if way == "driver" else fragments(frame):
        ordered.wire.send(part)
    replies = ordered.wire.replies(xid)
    assert len(replies) == 1, ordered.server.dropped()
    reply = replies[0]
    reply.check_wire(offloaded=True)
    assert (reply.type, reply.address(SERVER_ID), reply.ip.src) == (OFFER, server_id, source)
    if not fields.get("giaddr"):
        assert reply.ip.dst in (reply.yiaddr, BROADCAST_IP) and reply.ether.dst in (ordered_mac(frame), BROADCAST_MAC)


def ordered_mac(frame):
    return ":".join(f"{octet:02x}" for octet in frame[6:12])
