"""xdhcpgun against xdhcpd, and against a responder that misbehaves on purpose."""

import contextlib
import json
import socket
import struct
import subprocess
import threading

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from support import dhcp
from support.netns import veth
from support.server import BUILD, Server, configuration

GUN = BUILD / "userspace/tools/xdhcpgun"
POOL = {"subnet": "10.77.0.0/16", "interface": "srv0", "pools": [{"range": "10.77.1.0-10.77.9.254"}]}
SERVER_MAC = "02:00:5e:00:53:fe"


@pytest.fixture
def sides(namespaces):
    server, client = namespaces("s"), namespaces("c")
    veth(server, "srv0", client, "cli0", left_mac=SERVER_MAC)
    server.run("ip", "addr", "add", "10.77.0.1/16", "dev", "srv0")
    return server, client


def gun(client, *arguments, expected=0):
    """Runs the generator; its report."""
    done = subprocess.run(
        client.command(str(GUN), "-i", "cli0", "--json", *arguments),
        capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == expected, f"{arguments}: {done.returncode}: {done.stdout}{done.stderr}"
    return json.loads(done.stdout)


@pytest.mark.parametrize("driver", ["xdp", "packet"])
def test_every_scenario_completes(sides, tmp_path, driver):
    server, client = sides
    with Server(server, tmp_path, configuration("srv0", "xdp", [POOL], tmp_path, max_offers_per_relay=10000)):
        ledger = str(tmp_path / "ledger")
        common = ("--driver", driver, "--clients", "500")
        report = gun(client, "--scenario", "dora", "--count", "500", "--ledger", ledger, *common)
        assert (report["exchanges_completed"], report["lost"], report["leases_held"]) == (500, 0, 500)
        assert report["invalid"] == {} and report["given_twice"] == 0 and report["driver"] == driver
        for how in ("init-reboot", "discover", "renew"):
            mac = ("--server-mac", SERVER_MAC)
            verified = gun(client, "--verify", ledger, "--verify-by", how, "--driver", driver, *mac)["verify"]
            assert verified["same"] == verified["asked"] == 500, how
        report = gun(client, "--scenario", "renew", "--count", "500", *common)
        assert report["exchanges_completed"] == 500 and report["lost"] == 0
        report = gun(client, "--scenario", "storm", "--storm-spread", "100ms", *common)
        assert report["storm"]["leases"] == 500 and report["storm"]["time_to_100_s"] < 10
        relay = ("--relay", "10.77.0.2", "--server", "10.77.0.1", "--server-mac", SERVER_MAC, "--circuit-id")
        report = gun(client, "--scenario", "dora", "--count", "300", *relay, *common)
        assert report["exchanges_completed"] == 300 and report["invalid"] == {}


@pytest.mark.parametrize("ring", ["64", "32768"])
def test_rings_of_any_size(sides, tmp_path, ring):
    server, client = sides
    with Server(server, tmp_path, configuration("srv0", "xdp", [POOL], tmp_path, max_offers_per_relay=10000)):
        report = gun(client, "--scenario", "dora", "--driver", "xdp", "--ring", ring, "--clients", "1000",
                     "--count", "1000", "--window", "32")  # fmt: skip
    assert (report["exchanges_completed"], report["lost"], report["invalid"]) == (1000, 0, {})
    assert report["generator"]["lost_in_generator"] == 0


class Responder:
    """Answers DISCOVER and REQUEST as it should, but for what `spoil(fields, type)` changes; None is silence."""

    def __init__(self, namespace, spoil):
        self.spoil, self.ended, self.count = spoil, threading.Event(), 0
        with namespace.inside():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
            self.socket.bind(("srv0", 0x0800))
        self.socket.settimeout(0.1)
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.ended.is_set():
            with contextlib.suppress(TimeoutError):
                frame = self.socket.recv(2048)
                if len(frame) > 282 and frame[42] == 1:
                    self.answer(frame)

    def answer(self, frame):
        payload = frame[42:]
        kind = {1: 2, 3: 5}[dict(dhcp.walk_options(payload[240:])[0])[53][0]]
        address = bytes((10, 77, 1, payload[33]))
        fields = {
            "op": 2, "xid": payload[4:8], "yiaddr": address, "chaddr": payload[28:34], "mac": payload[28:34],
            "options": {53: bytes((kind,)), 54: dhcp.ip4("10.77.0.1"), 51: dhcp.u32(600), 1: dhcp.ip4("255.255.0.0")},
        }  # fmt: skip
        if self.spoil(fields, kind) is False:
            return
        body = struct.pack("!BBBB4sHH4s4s8s16s192s", fields["op"], 1, 6, 0, fields["xid"], 0, 0, bytes(4),
                           fields["yiaddr"], bytes(8), fields["chaddr"], b"")  # fmt: skip
        body += dhcp.MAGIC + dhcp.encode_options(fields["options"].items())
        mac = ":".join(f"{octet:02x}" for octet in fields["mac"])
        self.socket.send(bytes(
            Ether(dst=mac, src=SERVER_MAC) / IP(src="10.77.0.1", dst=socket.inet_ntoa(fields["yiaddr"]))
            / UDP(sport=67, dport=68) / Raw(body.ljust(300, b"\0"))))  # fmt: skip

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        self.socket.close()


def without(code):
    return lambda fields, kind: fields["options"].pop(code)


def changed(**values):
    return lambda fields, kind: fields.update(values)


MISBEHAVIOURS = {
    "op": changed(op=1),
    "chaddr": changed(chaddr=bytes(6)),
    "server-id-missing": without(54),
    "lease-time-missing": without(51),
    "subnet-mask-missing": without(1),
    "message-type": without(53),
    "destination-mac": changed(mac=bytes.fromhex("020000aabbcc")),
    "address-changed": lambda fields, kind: kind == 5 and fields.update(yiaddr=bytes((10, 77, 2, 2))),
    "server-id-changed": lambda fields, kind: kind == 5 and fields["options"].update({54: bytes((9, 9, 9, 9))}),
}


@pytest.mark.parametrize("reason", MISBEHAVIOURS)
def test_misbehaviour_is_caught(sides, reason):
    server, client = sides
    with Responder(server, lambda fields, kind: (MISBEHAVIOURS[reason](fields, kind), None)[1]):
        report = gun(client, "--scenario", "dora", "--driver", "packet", "--count", "4", "--timeout", "200ms",
                     expected=0 if reason == "op" else 1)  # fmt: skip
    # The driver itself passes only BOOTREPLYs.
    assert report["invalid"] == ({} if reason == "op" else {reason: 4})
    assert report["exchanges_completed"] == 0 and report["lost"] == 4


def test_an_address_given_twice_is_found(sides):
    server, client = sides
    with Responder(server, lambda fields, kind: fields.update(yiaddr=bytes((10, 77, 3, 3)))):
        report = gun(client, "--scenario", "dora", "--driver", "packet", "--count", "3", "--window", "1", expected=1)
    assert report["given_twice"] == 2 and report["exchanges_completed"] == 3


def test_silence_is_loss_of_the_server(sides):
    server, client = sides
    with Responder(server, lambda fields, kind: fields["chaddr"][5] % 2 == 0):
        options = ("--scenario", "dora", "--driver", "packet", "--count", "10", "--timeout", "200ms")
        report = gun(client, *options, "--max-loss", "0.1", expected=1)
        assert gun(client, *options)["lost"] == 5
    assert (report["lost"], report["exchanges_completed"]) == (5, 5)
    assert report["generator"]["lost_in_generator"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--scenario or --verify"),
        (("--scenario", "dora", "--vlan", "5000"), "'5000' is not 100, 100.200"),
        (("--scenario", "dora", "--relay", "10.0.0.1"), "needs --server and --server-mac"),
        (("--scenario", "dora", "--duration", "5x"), "'5x' is not a time"),
        (("--verify", "/nonexistent"), "No such file"),
        (("--scenario", "storm", "--rate", "5"), "does not go with a storm"),
        (("--scenario", "dora", "--ring", "1000"), "a power of two from 64 to 32768"),
        (("--scenario", "dora", "--ring", "65536"), "a power of two from 64 to 32768"),
        (("--scenario", "dora", "--ring", "64", "--driver", "packet"), "--driver packet has none"),
    ],
)
def test_bad_usage_is_explained(sides, arguments, said):
    done = subprocess.run(sides[1].command(str(GUN), "-i", "cli0", *arguments), capture_output=True, text=True,
                          timeout=10, check=False)  # fmt: skip
    assert done.returncode == 2 and said in done.stderr, done.stderr
