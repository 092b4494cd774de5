"""interfaces[].rate-limit: what a client, a relay and a link may send, on every driver."""

import socket
import time

import pytest
from conftest import driver_ids
from scapy.layers.inet import IPOption_Router_Alert
from support.dhcp import ACK, DISCOVER, RELAY_INFO, REQUEST, sub_options
from support.server import configuration
from support.testbed import RELAY_MAC, SERVER_IP, Testbed

QUIET = 0.2  # seconds in which another answer would have come
RELAYS = ("10.78.0.254", "10.78.0.253")
OTHER_PORT = 6767
SLOW = "1/h"  # no token comes back while a test runs
SUBNETS = [
    {"subnet": "10.77.0.0/24", "interface": "srv0", "pools": [{"range": "10.77.0.10-10.77.0.199"}]},
    {"subnet": "10.78.0.0/24", "pools": [{"range": "10.78.0.10-10.78.0.199"}]},
]


class LimitedBed(Testbed):
    """A bed that is told of limits before and while it serves."""

    def __init__(self, driver, directory, limits):
        super().__init__(driver, directory, SUBNETS, serve=False)
        self.begin("rate-limit")
        self.set(limits)
        self.server.start()

    def set(self, limits):
        config = limited_configuration(self.driver, self.server.directory, limits)
        self.server.write(config)

    def reload(self, limits):
        self.set(limits)
        self.server.ctl("reload")

    def flood(self, senders, **fields):
        """Sends a DISCOVER of each of these MACs at once; how many of them were answered."""
        xids = []
        for mac in senders:
            frame, xid = self.frame(DISCOVER, mac, **fields)
            self.wire.send(frame)
            xids.append(xid)
        deadline = time.monotonic() + QUIET
        return sum(len(self.wire.replies(xid, timeout=max(0.01, deadline - time.monotonic()))) for xid in xids)

    def macs(self, count):
        return [self.mac() for _ in range(count)]

    def passes_other_traffic(self, mac):
        """Whether a message to another port still reaches the kernel's socket."""
        with self.server_ns.inside():
            listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with listener:
            listener.bind((SERVER_IP, OTHER_PORT))
            listener.settimeout(2)
            frame, _ = self.frame(DISCOVER, mac, unicast_from="10.77.0.250", destination_port=OTHER_PORT)
            self.wire.send(frame)
            return len(listener.recv(2048)) == len(frame) - 42

    def limited(self):
        """Messages that were too many, by whose limit: dropped by the XDP program or by the worker."""
        counts = {"client": 0, "relay": 0, "link": 0}
        for verdict, count in self.server.xdp_verdicts().items():
            if verdict.startswith("drop_"):
                counts[verdict.split("_")[1]] += count
        for reason, count in self.server.dropped().items():
            if reason.startswith("worker.rate-limit-"):
                counts[reason.rsplit("-", 1)[1]] += count
        return {whom: count for whom, count in counts.items() if count}


def limited_configuration(driver, directory, limits):
    config = configuration("srv0", driver, SUBNETS, directory)
    if limits:
        config["interfaces"][0]["rate-limit"] = limits
    return config


@pytest.fixture(params=driver_ids())
def driver(request):
    return request.param


@pytest.fixture
def limited(driver, tmp_path):
    """A factory; what it made is closed, its accounts checked, when the test ends."""
    made = []

    def make(limits):
        made.append(LimitedBed(driver, tmp_path, limits))
        return made[-1]

    yield make
    for bed in made:
        bed.close()


def test_client(limited):
    """A client gets its burst; the others are not concerned; a reload changes it while clients are served."""
    bed = limited({"per-client": {"rate": SLOW, "burst": 6}})
    greedy, modest = bed.mac(), bed.mac()
    assert bed.flood(10 * [greedy]) == 6
    assert bed.limited() == {"client": 4}
    if bed.driver in ("packet", "udp"):
        drop = bed.explained(greedy)[0]
        assert drop["reason"] == "worker.rate-limit-client", drop
        assert "per-client" in drop["text"], drop
    # IP options: what the XDP program leaves to the kernel lane has its bucket in the worker.
    assert bed.flood(8 * [bed.mac()], ip_fields={"options": [IPOption_Router_Alert()]}) == 6
    assert bed.limited() == {"client": 6}
    assert bed.server.dropped().get("worker.rate-limit-client", 0) >= 2
    ack = bed.lease(modest)
    assert bed.ask(
        REQUEST, modest, expect=ACK, ciaddr=ack.yiaddr, unicast_from=ack.yiaddr
    ).yiaddr == ack.yiaddr  # fmt: skip
    assert bed.limited() == {"client": 6}

    assert bed.passes_other_traffic(greedy)

    interfaces = bed.server.status()["interfaces"]
    reopens, limit = interfaces[0]["reopens"], interfaces[0]["rate_limit"]
    assert limit == "1/h (burst 6) per client"
    assert "srv0: at most 1/h (burst 6) per client" in bed.server.ctl_process("status").stdout
    assert bed.flood(3 * [greedy]) == 0

    bed.reload({"per-client": {"rate": "1000/s", "burst": 20}})
    assert bed.flood(3 * [greedy]) == 3
    interface = bed.server.status()["interfaces"][0]
    assert (interface["rate_limit"], interface["reopens"]) == ("1000/s (burst 20) per client", reopens)
    before = bed.limited()
    bed.reload(None)
    assert bed.flood(30 * [greedy]) == 30
    assert bed.limited() == before
    metrics = bed.server.http("/metrics")[1]
    assert 'xdhcpd_dropped_total{' in metrics and "rate-limit-client" in metrics


def test_relays_and_links(limited):
    """Behind a router or a relay clients are told apart; a relay's port and a link have buckets of their own."""
    bed = limited({"per-client": {"rate": SLOW, "burst": 4}})
    # Clients of another network renew through one router, whose MAC all of their frames have.
    for _ in range(6):
        mac = bed.mac()
        ack = bed.lease(mac, via=RELAYS[0])
        renewed = bed.ask(
            REQUEST, mac, expect=ACK, ciaddr=ack.yiaddr, unicast_from=ack.yiaddr, source_mac=RELAY_MAC
        )  # fmt: skip
        assert renewed.yiaddr == ack.yiaddr
    assert bed.limited() == {}
    assert bed.flood(6 * [bed.mac()], via=RELAYS[0]) == 4
    assert bed.limited() == {"client": 2}

    bed.reload({"per-relay": {"rate": SLOW, "burst": 3}})
    port = [[(RELAY_INFO, sub_options((1, name)))] for name in (b"port-1", b"port-2")]
    assert bed.flood(bed.macs(5), options=port[0], via=RELAYS[0]) == 3
    assert bed.limited() == {"client": 2, "relay": 2}
    assert bed.flood(bed.macs(3), options=port[1], via=RELAYS[0]) == 3
    assert bed.flood(bed.macs(3), options=port[0], via=RELAYS[1]) == 3
    bed.lease(bed.mac())

    bed.reload({"per-link": {"rate": SLOW, "burst": 5}})
    assert bed.flood(bed.macs(8)) == 5
    assert bed.flood([bed.mac()], via=RELAYS[0]) == 0
    assert bed.limited() == {"client": 2, "relay": 2, "link": 4}
    assert bed.passes_other_traffic(bed.mac())
    bed.reload({"per-link": "1000/s", "per-client": "5/s"})
    bed.lease(bed.mac())
