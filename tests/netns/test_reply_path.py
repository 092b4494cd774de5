"""interfaces[].reply-path: which way replies take whose destination the kernel can route to."""

import pytest
from conftest import driver_ids
from support.dhcp import ACK, BROADCAST_IP, DISCOVER, NAK, OFFER, REQUEST, REQUESTED, SERVER_ID, Wire, ip4, request
from support.netns import Namespace, veth
from support.server import Server, configuration

SERVER_MAC, RELAY_MAC, CLIENT_MAC = "02:00:5e:00:53:01", "02:00:5e:00:53:fe", "02:00:5e:00:53:20"
NEXT_HOP_MAC = "02:00:5e:00:53:12"  # of the second interface's far end
SERVER_IP, RELAY_IP = "10.77.0.1", "10.79.0.254"
QUIET = 0.15  # seconds in which a second answer would have come


class Bed:
    """A server on srv0 whose routes to relays and to the clients' addresses lead out of srv1."""

    def __init__(self, driver, reply_path, directory):
        self.server_ns = Namespace("s-path")
        self.far_ends = [Namespace("c-path"), Namespace("n-path")]
        self.wires, self.server = [], None
        try:
            veth(self.server_ns, "srv0", self.far_ends[0], "cli0", SERVER_MAC, "02:00:5e:00:53:02")
            veth(self.server_ns, "srv1", self.far_ends[1], "cli0", "02:00:5e:00:53:11", NEXT_HOP_MAC)
            for scope in ("all", "default", "srv0", "srv1"):
                self.server_ns.sysctl(f"net.ipv4.conf.{scope}.rp_filter", 0)
            run = self.server_ns.run
            run("ip", "address", "add", f"{SERVER_IP}/32", "dev", "srv0")
            run("ip", "address", "add", "10.78.0.1/24", "dev", "srv1")
            run("ip", "neighbour", "add", "10.78.0.2", "lladdr", NEXT_HOP_MAC, "dev", "srv1")
            for prefix in ("10.79.0.0/24", "10.77.0.0/24"):
                run("ip", "route", "add", prefix, "via", "10.78.0.2", "dev", "srv1")
            self.wires = [Wire(far_end, "cli0") for far_end in self.far_ends]
            config = configuration("srv0", driver, [
                {"subnet": "10.77.0.0/24", "interface": "srv0", "pools": [{"range": "10.77.0.10-10.77.0.99"}]},
                {"subnet": "10.79.0.0/24", "pools": [{"range": "10.79.0.10-10.79.0.99"}]},
            ], directory)  # fmt: skip
            config["interfaces"][0]["reply-path"] = reply_path
            self.server = Server(self.server_ns, directory, config).start()
        except BaseException:
            self.close()
            raise
        self._xid = 0

    def close(self):
        try:
            if self.server is not None and self.server.process is not None:
                self.server.stop()
        finally:
            if self.server is not None:
                self.server.kill()
            for wire in self.wires:
                wire.close()
            self.server_ns.close()
            for far_end in self.far_ends:
                far_end.close()

    def ask(self, message_type, options=(), **fields):
        """Sends to srv0. Returns (index of the wire that the one answer came by, answer)."""
        self._xid += 1
        self.wires[0].send(request(message_type, CLIENT_MAC, self._xid, list(options), **fields))
        answers = [(i, reply) for i, wire in enumerate(self.wires) for reply in wire.replies(self._xid, timeout=QUIET)]
        assert len(answers) == 1, f"{len(answers)} answers; drops: {self.server.dropped()}"
        self.server.check_accounts()
        return answers[0]


@pytest.fixture(params=[(driver, path) for driver in driver_ids() for path in ("mirror", "route")], ids="-".join)
def bed(request, tmp_path):  # noqa: F811  (pytest's own name)
    made = Bed(*request.param, tmp_path)
    made.driver, made.path = request.param
    yield made
    made.close()


def test_way_back(bed):
    """Relays and clients that have an address: as the kernel routes, or the way that the request came."""
    if bed.driver == "udp" and bed.path == "mirror":
        pytest.skip("a socket bound to srv0 has no route to a relay behind srv1")
    relayed = {
        "giaddr": RELAY_IP, "hops": 1, "source_ip": RELAY_IP, "destination_ip": SERVER_IP,
        "source_mac": RELAY_MAC, "destination_mac": SERVER_MAC, "source_port": 67,
    }  # fmt: skip
    routed = bed.path == "route"
    wire, offer = bed.ask(DISCOVER, **relayed)
    assert (wire, offer.type, offer.ip.src, offer.ip.dst, offer.udp.dport) == (
        int(routed), OFFER, SERVER_IP, RELAY_IP, 67
    )  # fmt: skip
    assert offer.ether.dst == (NEXT_HOP_MAC if routed else RELAY_MAC)

    # Without an address there is no route: back the way that it came.
    wire, offer = bed.ask(DISCOVER)
    assert (wire, offer.type) == (0, OFFER)
    chosen = [(REQUESTED, ip4(offer.yiaddr)), (SERVER_ID, offer.options[SERVER_ID])]
    wire, ack = bed.ask(REQUEST, chosen)
    assert (wire, ack.type) == (0, ACK)

    renewing = {
        "ciaddr": ack.yiaddr, "source_ip": ack.yiaddr, "destination_ip": SERVER_IP, "destination_mac": SERVER_MAC,
    }  # fmt: skip
    wire, ack = bed.ask(REQUEST, **renewing)
    assert (wire, ack.type, ack.ip.dst) == (int(routed), ACK, ack.yiaddr)
    assert ack.ether.dst == (NEXT_HOP_MAC if routed else CLIENT_MAC)

    # A NAK says that the address is wrong: it is broadcast on the client's link.
    wrong = {**renewing, "ciaddr": "10.79.0.20", "source_ip": "10.79.0.20", "destination_ip": BROADCAST_IP}
    wrong["destination_mac"] = "ff:ff:ff:ff:ff:ff"
    wire, nak = bed.ask(REQUEST, **wrong)
    assert (wire, nak.type, nak.ip.dst) == (0, NAK, BROADCAST_IP)
