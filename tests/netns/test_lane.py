"""The kernel lane: what a fast driver leaves to the kernel's stack is answered as well, and nothing twice."""

import itertools
import os
import socket
import time

import pytest
from conftest import driver_ids
from scapy.layers.inet import IP, UDP, IPOption_Router_Alert, IPOption_RR, fragment
from scapy.layers.l2 import Ether
from support.dhcp import BROADCAST_IP, BROADCAST_MAC, DISCOVER, OFFER, Wire, request
from support.netns import Namespace, eventually
from support.server import Server, configuration
from support.testbed import RELAY_MAC, SERVER_INTERFACE, SERVER_IP, SERVER_MAC, Testbed

FAST_DRIVERS = [driver for driver in driver_ids() if driver != "udp"]
LOOPBACK_IP = "192.0.2.5"  # an address of the server on lo
RELAY_IP = "10.79.0.254"
_ip_ids = itertools.count(1)
QUIET = 0.15  # seconds in which a second answer would have come

SUBNETS = [
    {"subnet": "10.77.0.0/24", "interface": SERVER_INTERFACE, "pools": [{"range": "10.77.0.10-10.77.0.200"}]},
    {"subnet": "10.79.0.0/24", "pools": [{"range": "10.79.0.10-10.79.0.200"}]},
]


@pytest.fixture(scope="module", params=FAST_DRIVERS)
def driver_bed(request, tmp_path_factory):  # noqa: F811  (pytest's own name)
    bed = Testbed(request.param, tmp_path_factory.mktemp(f"lane-{request.param}"), SUBNETS, local=[LOOPBACK_IP])
    bed.client_ns.run("ip", "link", "set", "cli0", "mtu", "9000")
    yield bed
    bed.close()


@pytest.fixture
def bed(driver_bed, request):  # noqa: F811
    driver_bed.begin(request.node.name)
    return driver_bed


def port(server, role):
    return next((port for port in server.status()["ports"] if port["role"] == role), None)


def lane_frames(bed):
    return port(bed.server, "lane")["rx_frames"]


def build(bed, options=(), **fields):
    xid = bed.xid()
    return request(DISCOVER, bed.mac(), xid, list(options), **fields), xid


def relayed(bed, destination=SERVER_IP):
    return build(
        bed, giaddr=RELAY_IP, hops=1, source_ip=RELAY_IP, destination_ip=destination, source_mac=RELAY_MAC,
        destination_mac=SERVER_MAC, source_port=67,
    )  # fmt: skip


def with_ip_options(frame, options):
    packet = Ether(frame)
    packet[IP].options = options
    for layer, field in ((IP, "chksum"), (IP, "len"), (IP, "ihl")):
        delattr(packet[layer], field)
    return bytes(packet)


def fragments(frame, size=104):
    packet = Ether(frame)
    packet[IP].id = next(_ip_ids)  # never that of a datagram whose fragments wait for the rest
    del packet[IP].chksum
    return [bytes(part) for part in fragment(packet, fragsize=size)]


def answered_once(bed, frames, xid):
    """Sends frames that are one request; exactly one answer comes. Returns it."""
    received, answered = (bed.server.status()[key] for key in ("received", "answered"))
    for frame in frames:
        bed.wire.send(frame)
    replies = bed.wire.replies(xid)
    assert len(replies) == 1, f"no answer; drops: {bed.server.dropped()}"
    assert not bed.wire.replies(xid, timeout=QUIET), "answered twice"
    status = bed.server.check_accounts()
    assert (status["received"], status["answered"]) == (received + 1, answered + 1)
    reply = replies[0]
    reply.check_wire(offloaded=True)
    assert (reply.type, reply.udp.sport, reply.ether.src) == (OFFER, 67, SERVER_MAC)
    return reply


def to_client(reply):
    """The lane cannot unicast to a client without an address: it broadcasts (RFC 2131 section 4.1)."""
    assert (reply.ether.dst, reply.ip.dst, reply.udp.dport) == (BROADCAST_MAC, BROADCAST_IP, 68)
    assert reply.ip.src == SERVER_IP


def to_relay(reply, source=SERVER_IP):
    assert (reply.ip.src, reply.ip.dst, reply.udp.dport) == (source, RELAY_IP, 67)
    assert reply.giaddr == RELAY_IP


def test_status_shows_the_lane_beside_the_driver(bed):
    status = bed.server.status()
    assert [(one["driver"], one["role"]) for one in status["ports"]] == [(bed.driver, "driver"), ("udp", "lane")]
    assert port(bed.server, "lane")["kernel_drops"] == {"receive_buffer_full": 0, "unreachable": 0}
    assert "lane" in bed.server.ctl_process("status").stdout


def test_ordinary_requests_are_answered_once_and_not_by_the_lane(bed):
    before = lane_frames(bed)
    for make in (build, relayed):
        frame, xid = make(bed)
        answered_once(bed, [frame], xid)
    assert lane_frames(bed) == before


@pytest.mark.rfc("791 3.2")
@pytest.mark.parametrize("order", ["forward", "backward"])
def test_fragments_are_reassembled_and_answered_once(bed, order):
    before = lane_frames(bed)
    for make, check in ((build, to_client), (relayed, to_relay)):
        frame, xid = make(bed)
        parts = fragments(frame)
        assert len(parts) > 2
        check(answered_once(bed, parts if order == "forward" else parts[::-1], xid))
    assert lane_frames(bed) == before + 2


def test_a_missing_fragment_gets_no_answer_and_harms_nobody(bed):
    frame, xid = build(bed)
    parts = fragments(frame)
    before = bed.server.status()["received"]
    for part in parts[:1] + parts[2:]:
        bed.wire.send(part)
    assert not bed.wire.replies(xid, timeout=QUIET)
    assert bed.server.status()["received"] == before
    frame, xid = build(bed)
    answered_once(bed, [frame], xid)


@pytest.mark.parametrize("option", ["record-route", "router-alert"])
def test_ip_options_are_answered_once(bed, option):
    options = [IPOption_RR(routers=["0.0.0.0"] * 3)] if option == "record-route" else [IPOption_Router_Alert()]
    before = lane_frames(bed)
    frame, xid = build(bed)
    reply = answered_once(bed, [with_ip_options(frame, options)], xid)
    if bed.driver != "packet":  # whose filter steps over IP options
        to_client(reply)
    frame, xid = relayed(bed)
    to_relay(answered_once(bed, [with_ip_options(frame, options)], xid))
    assert lane_frames(bed) == before + (0 if bed.driver == "packet" else 2)


@pytest.mark.parametrize("length", [2500, 4000, 8000])
def test_long_requests_are_answered_once(bed, length):
    """Longer than any frame of the drivers: in fragments of an Ethernet MTU, as a client must send them."""
    before = lane_frames(bed)
    options = [(150 + i, bytes((i,)) * 200) for i in range(length // 202)]
    frame, xid = build(bed, options)
    to_client(answered_once(bed, fragments(frame, 1480), xid))
    assert lane_frames(bed) == before + 1


def test_a_datagram_beyond_the_longest_is_counted(bed):
    before = port(bed.server, "lane")["rx_truncated"]
    frame, xid = build(bed, [(150 + i, bytes(200)) for i in range(60)])
    for part in fragments(frame, 1480):
        bed.wire.send(part)
    eventually(lambda: port(bed.server, "lane")["rx_truncated"] == before + 1, what="counted as truncated")
    assert not bed.wire.replies(xid, timeout=0.02)


@pytest.mark.parametrize("destination", [SERVER_IP, LOOPBACK_IP])
def test_every_local_address_is_served_from_itself_once(bed, destination):
    frame, xid = relayed(bed, destination)
    to_relay(answered_once(bed, [frame], xid), destination)
    frame, xid = relayed(bed, destination)
    to_relay(answered_once(bed, fragments(frame), xid), destination)


def test_nobody_is_told_that_the_port_is_unreachable(bed):
    with bed.client_ns.inside():
        listener = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    with listener:
        for destination in (SERVER_IP, LOOPBACK_IP):
            frame, _ = relayed(bed, destination)
            for sent in ([frame], [with_ip_options(frame, [IPOption_Router_Alert()])], fragments(frame)):
                for part in sent:
                    bed.wire.send(part)
            # A reply of another server, which no driver takes.
            bed.wire.send(
                bytes(
                    Ether(src=RELAY_MAC, dst=SERVER_MAC)
                    / IP(src=RELAY_IP, dst=destination)
                    / UDP(sport=67, dport=67)
                    / (b"\x02" + bytes(299))
                )
            )
        bed.fence()
        listener.settimeout(QUIET)
        with pytest.raises(TimeoutError):
            while True:
                packet = listener.recv(2048)
                assert packet[(packet[0] & 15) * 4] != 3, "ICMP destination unreachable"


@pytest.mark.parametrize("driver", FAST_DRIVERS)
def test_long_frames_are_answered_once(driver, tmp_path):
    """At an MTU of 9000 a request that is longer than a frame of the driver comes in one piece."""
    bed = Testbed(driver, tmp_path, SUBNETS, serve=False)
    try:
        bed.begin("long-frames")
        for namespace, name in ((bed.server_ns, SERVER_INTERFACE), (bed.client_ns, "cli0")):
            namespace.run("ip", "link", "set", name, "mtu", "9000")
        bed.server.start()
        frame, xid = build(bed, [(150 + i, bytes(200)) for i in range(25)])
        to_client(answered_once(bed, [frame], xid))
        assert lane_frames(bed) == 1
    finally:
        bed.close()


def serve_one_queue(server_ns, wire, driver, queue, directory):
    """Each request is answered once while only `queue` is taken; returns how many were the lane's."""
    directory.mkdir()
    config = configuration(SERVER_INTERFACE, driver, SUBNETS[:1], directory)
    config["interfaces"][0]["queues"] = [queue]
    home, sent = os.sched_getaffinity(0), 0
    with Server(server_ns, directory, config) as server:
        for cpu in sorted(home):
            os.sched_setaffinity(0, {cpu})
            for _ in range(4):
                sent += 1
                xid = 0x51000000 + (queue << 8) + sent
                wire.send(request(DISCOVER, f"02:00:5e:00:51:{sent:02x}", xid))
                assert len(wire.replies(xid)) == 1, server.dropped()
                assert not wire.replies(xid, timeout=QUIET / 5)
        os.sched_setaffinity(0, home)
        by_lane = port(server, "lane")["rx_frames"]
        assert by_lane + port(server, "driver")["rx_frames"] == sent
        assert by_lane == server.xdp_verdicts().get("pass_no_socket", 0)
    return by_lane


@pytest.mark.parametrize("driver", [driver for driver in FAST_DRIVERS if driver != "packet"])
def test_a_queue_that_is_not_taken_is_served_by_the_lane(driver, tmp_path):
    server_ns, client_ns = Namespace("q-server"), Namespace("q-client")
    wire = None
    try:
        server_ns.run(
            "ip", "link", "add", SERVER_INTERFACE, "address", SERVER_MAC, "numrxqueues", "2", "numtxqueues", "2",
            "type", "veth", "peer", "name", "cli0", "numrxqueues", "2", "numtxqueues", "2", "netns", client_ns.name,
        )  # fmt: skip
        for namespace, name in ((server_ns, SERVER_INTERFACE), (client_ns, "cli0")):
            namespace.sysctl(f"net.ipv6.conf.{name}.disable_ipv6", 1)
            namespace.run("ip", "link", "set", name, "up")
        server_ns.run("ip", "address", "add", f"{SERVER_IP}/24", "dev", SERVER_INTERFACE)
        wire = Wire(client_ns, "cli0")
        # Which of the two queues gets a frame is the kernel's choice: leave out one, then the other.
        by_lane = [serve_one_queue(server_ns, wire, driver, queue, tmp_path / str(queue)) for queue in (0, 1)]
        assert sum(by_lane) > 0
    finally:
        if wire is not None:
            wire.close()
        server_ns.close()
        client_ns.close()


@pytest.mark.parametrize("driver", FAST_DRIVERS)
def test_requests_during_start_are_answered_once(driver, tmp_path):
    """From the moment on when the port is open none is lost, whichever port gets it."""
    bed = Testbed(driver, tmp_path, SUBNETS, serve=False)
    try:
        bed.begin("start")
        bed.server.start(wait=False)
        eventually(lambda: ":0043 " in bed.server_ns.run("cat", "/proc/net/udp"), timeout=20, interval=0.001,
                   what="port 67 open")  # fmt: skip
        xids = []
        for _ in range(100):
            frame, xid = build(bed)
            xids.append(xid)
            bed.wire.send(frame)
            time.sleep(0.001)
        for xid in xids:
            assert len(bed.wire.replies(xid)) == 1
        time.sleep(QUIET)
        bed.wire.drain()
        assert not any(bed.wire.replies(xid, timeout=0) for xid in xids)
        assert sum(one["rx_frames"] for one in bed.server.status()["ports"]) == len(xids)
    finally:
        bed.close()


@pytest.mark.parametrize("driver", FAST_DRIVERS)
def test_without_the_port_the_server_says_so_and_serves_without_lane(driver, tmp_path):
    bed = Testbed(driver, tmp_path, SUBNETS, serve=False)
    try:
        bed.begin("taken")
        with bed.server_ns.inside():
            other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            other.bind(("0.0.0.0", 67))
        with other:
            bed.server.start()
            assert "another DHCP server or relay on this host has it for itself" in bed.server.log()
            assert port(bed.server, "lane") is None
            assert bed.offer(bed.mac()).type == OFFER
    finally:
        bed.close()
