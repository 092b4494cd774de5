"""Wireshark's dissectors as experts: no reply of the server makes them warn, whatever its type and way."""

import json
import shutil
import struct
import subprocess

import pytest
from conftest import driver_ids
from support import dhcp
from support.dhcp import (
    ACK,
    BROADCAST_FLAG,
    CLIENT_ID,
    DISCOVER,
    HOSTNAME,
    INFORM,
    NAK,
    OFFER,
    PARAMETERS,
    RAPID_COMMIT,
    RELAY_INFO,
    REQUEST,
    REQUESTED,
    SERVER_ID,
    ip4,
    mac_bytes,
    sub_options,
)
from support.netns import Namespace, veth
from support.server import Server, configuration
from support.vlan import QINQ, VLAN, TaggedWire, put_tags, take_tags

SERVER_MAC, RELAY_MAC = "02:00:5e:00:53:01", "02:00:5e:00:53:fe"
# Severities of expert items from "note" (0x00400000) on are complaints; "chat" (0x00200000) is not.
NOTE = 0x00400000
OPTIONS = {
    "routers": ["10.77.0.1"], "domain-name-servers": ["192.0.2.53", "192.0.2.54"], "domain-name": "example.org",
    "domain-search": ["example.org", "sub.example.org"], "ntp-servers": ["192.0.2.123"], "interface-mtu": 1400,
    "classless-static-route": ["198.51.100.0/24 10.77.0.9", "0.0.0.0/0 10.77.0.1"],
    "static-routes": ["198.51.100.7 10.77.0.9"],
}  # fmt: skip
ASKED = [(PARAMETERS, bytes((1, 3, 6, 15, 26, 28, 33, 42, 51, 54, 58, 59, 119, 121)))]
# Direct clients: their tags, and their network.
NETWORKS = {
    "untagged": ([], "10.77.0"), "tagged": ([(VLAN, 100)], "10.78.0"), "qinq": ([(QINQ, 200), (VLAN, 300)], "10.79.0"),
}  # fmt: skip


def expert(path):
    """(frames, complaints) by tshark of a capture."""
    done = subprocess.run(
        ["tshark", "-n", "-r", str(path), "-T", "json", "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    frames = [packet["_source"]["layers"] for packet in json.loads(done.stdout)]
    found = []

    def walk(value, where):
        if isinstance(value, dict):
            severity = value.get("_ws.expert.severity")
            if severity is not None and int(severity, 0) >= NOTE:
                found.append((where, value.get("_ws.expert.message")))
            for key, below in value.items():
                if key == "_ws.malformed":
                    found.append((where, "malformed"))
                walk(below, where)
        elif isinstance(value, list):
            for below in value:
                walk(below, where)

    for number, layers in enumerate(frames):
        walk(layers, number)
    return frames, found


def write_pcap(path, frames):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number, frame in enumerate(frames):
            out.write(struct.pack("<IIII", number, 0, len(frame), len(frame)) + frame)
    return path


class Clients:
    """Sends requests of one network and keeps every reply as it was on the wire."""

    def __init__(self, wire, tags):
        self.wire, self.tags, self.frames, self.types, self._number = wire, tags, [], [], 0

    def ask(self, kind, expect, mac, options=(), **fields):
        self._number += 1
        xid = 0x5A000000 + (len(self.tags) << 16) + self._number
        reply, tags = self.wire.exchange(put_tags(dhcp.request(kind, mac, xid, list(options), **fields), self.tags), xid)
        assert reply is not None, f"no answer to {kind}, expected {expect}"
        assert (reply.type, tags) == (expect, self.tags)
        self.frames.append(put_tags(reply.frame, tags))
        self.types.append(reply.type)
        return reply


def converse(clients, network):
    """Every message type, in every state that has an answer."""
    mac = f"02:00:5e:00:{len(clients.tags):02x}:01"
    extra = [*ASKED, (HOSTNAME, b"printer"), (CLIENT_ID, b"\x01" + mac_bytes(mac))]
    offer = clients.ask(DISCOVER, OFFER, mac, extra)
    chosen = [(REQUESTED, ip4(offer.yiaddr)), (SERVER_ID, offer.options[SERVER_ID])]
    clients.ask(REQUEST, ACK, mac, extra + chosen)
    clients.ask(REQUEST, ACK, mac, [*extra, (REQUESTED, ip4(offer.yiaddr))])  # INIT-REBOOT
    held = {"ciaddr": offer.yiaddr, "source_ip": offer.yiaddr}
    clients.ask(REQUEST, ACK, mac, extra, **held)  # REBINDING
    to_server = {"destination_ip": "10.77.0.1", "destination_mac": SERVER_MAC}
    clients.ask(REQUEST, ACK, mac, extra, **held, **to_server)  # RENEWING
    clients.ask(INFORM, ACK, mac, ASKED, **held, **to_server)
    clients.ask(REQUEST, NAK, mac, [*extra, (REQUESTED, ip4("192.0.2.200"))])
    clients.ask(DISCOVER, OFFER, "02:00:5e:00:07:02", ASKED, flags=BROADCAST_FLAG)
    clients.ask(DISCOVER, ACK, "02:00:5e:00:07:03", [*ASKED, (RAPID_COMMIT, b"")])
    assert offer.yiaddr.startswith(network)


class RelayWire:
    """What a relay receives: to port 67. Same interface as TaggedWire."""

    def __init__(self, wire):
        self.wire = wire

    def exchange(self, frame, xid, timeout=3.0):
        self.wire.send(frame)
        while (received := self.wire.receive(timeout)) is not None:
            bare, tags = take_tags(received)
            if len(bare) > 282 and bare[12:14] == b"\x08\0" and bare[23] == 17 and bare[36:38] == b"\0\x43":
                reply = dhcp.Reply(bare)
                if reply.bootp.op == 2 and reply.xid == xid:
                    return reply, tags
        return None, None


def converse_relayed(clients):
    information = sub_options((1, b"port 7"), (2, b"switch"), (5, ip4("10.80.0.0")), (11, ip4("10.80.0.254")),
                              (151, b"\0red"), (152, b""))  # fmt: skip
    via = {"giaddr": "10.80.0.254", "hops": 1, "source_ip": "10.80.0.254", "source_mac": RELAY_MAC, "source_port": 67,
           "destination_ip": "10.77.0.1", "destination_mac": SERVER_MAC}  # fmt: skip
    for number, suffix in enumerate(([], [(RELAY_INFO, sub_options((1, b"port 7"), (2, b"switch")))],
                                     [(RELAY_INFO, information)])):  # fmt: skip
        mac = f"02:00:5e:00:09:0{number}"
        offer = clients.ask(DISCOVER, OFFER, mac, ASKED + suffix, **via)
        chosen = [(REQUESTED, ip4(offer.yiaddr)), (SERVER_ID, offer.options[SERVER_ID])]
        clients.ask(REQUEST, ACK, mac, ASKED + chosen + suffix, **via)
        clients.ask(REQUEST, NAK, mac, [(REQUESTED, ip4("192.0.2.200")), *suffix], **via)


@pytest.mark.parametrize("driver", driver_ids())
def test_experts_find_nothing_to_say(driver, tmp_path):
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed: deploy/install-packages test")
    tagged = driver in ("xdp", "packet")
    server_ns, client_ns = Namespace("s-tshark"), Namespace("c-tshark")
    wire = None
    try:
        veth(server_ns, "srv0", client_ns, "cli0", SERVER_MAC, "02:00:5e:00:53:02")
        for scope in ("all", "default", "srv0"):
            server_ns.sysctl(f"net.ipv4.conf.{scope}.rp_filter", 0)
        server_ns.run("ip", "address", "add", "10.77.0.1/24", "dev", "srv0")
        server_ns.run("ip", "route", "add", "default", "dev", "srv0")
        client_ns.run("ip", "route", "add", "local", "default", "dev", "lo")
        client_ns.sysctl("net.ipv4.conf.cli0.accept_local", 1)
        # Sent by the kernel's stack, a datagram has only the pseudo-header's sum until a card adds the rest.
        server_ns.run("ethtool", "-K", "srv0", "tx", "off")
        subnets = [
            {"subnet": f"{network}.0/24", "interface": "srv0", "pools": [{"range": f"{network}.10-{network}.99"}],
             "server-address": "10.77.0.1", **({"vlan": ".".join(str(vid) for _, vid in tags)} if tags else {})}
            for tags, network in NETWORKS.values()
            if tagged or not tags
        ]  # fmt: skip
        subnets.append({"subnet": "10.80.0.0/24", "pools": [{"range": "10.80.0.10-10.80.0.99"}]})
        config = configuration("srv0", driver, subnets, tmp_path, options=OPTIONS, rapid_commit=True)
        wire = TaggedWire(client_ns, "cli0")
        frames = []
        with Server(server_ns, tmp_path, config):
            for name, (tags, network) in NETWORKS.items():
                if tagged or not tags:
                    clients = Clients(wire, tags)
                    converse(clients, network)
                    frames += clients.frames
                    assert set(clients.types) == {OFFER, ACK, NAK}, name
            relays = Clients(RelayWire(wire), [])
            converse_relayed(relays)
            frames += relays.frames
        read, complaints = expert(write_pcap(tmp_path / "replies.pcap", frames))
        assert len(read) == len(frames) == 9 * (3 if tagged else 1) + 9
        assert all("dhcp" in layers for layers in read)
        assert not complaints, complaints
    finally:
        if wire is not None:
            wire.close()
        server_ns.close()
        client_ns.close()


def test_the_experts_speak_up_when_a_reply_is_wrong(tmp_path):
    """A cut option and a wrong checksum: otherwise their silence proves nothing."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed: deploy/install-packages test")
    good = dhcp.request(OFFER, "02:00:5e:00:53:20", 1, [(SERVER_ID, ip4("10.77.0.1"))], op=2, source_port=67,
                        destination_port=68)  # fmt: skip
    cut = dhcp.request(OFFER, "02:00:5e:00:53:20", 1, op=2, source_port=67, destination_port=68,
                       raw_options=b"\x35\x01\x02\x06\x40\x01", payload_length=246)  # fmt: skip
    broken = good[:40] + struct.pack("!H", (struct.unpack("!H", good[40:42])[0] ^ 0x5555) or 1) + good[42:]
    assert expert(write_pcap(tmp_path / "good.pcap", [good]))[1] == []
    assert expert(write_pcap(tmp_path / "cut.pcap", [cut]))[1]
    assert expert(write_pcap(tmp_path / "broken.pcap", [broken]))[1]
