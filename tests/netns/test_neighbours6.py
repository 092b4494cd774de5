"""More DHCPv6 relays than the kernel has room for neighbours: replies that it refuses are explained, whether they
leave by a UDP socket of the interface or by the kernel's routing."""

import pathlib
import socket
import struct
import time

import pytest
from scapy.layers.dhcp6 import DHCP6_InfoRequest, DHCP6_RelayForward, DHCP6OptClientId, DHCP6OptRelayMsg, DUID_LL
from scapy.layers.inet import UDP
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IPv6
from scapy.layers.l2 import Ether
from support.netns import Namespace, eventually, veth
from support.server import Server, configuration
from support.vlan import TaggedWire

SERVER_MAC, CLIENT_MAC = "02:00:5e:00:53:01", "02:00:5e:00:53:02"
SERVER = "2001:db8:1::1"
BEYOND = 200
SOLICITATION, PORTS = 135, (547, 547)


def table_size():
    return int(pathlib.Path("/proc/sys/net/ipv6/neigh/default/gc_thresh3").read_text(encoding="ascii"))


def relayed(number):
    message = DHCP6_InfoRequest(trid=number) / DHCP6OptClientId(duid=DUID_LL(lladdr=CLIENT_MAC))
    return bytes(
        Ether(src=CLIENT_MAC, dst=SERVER_MAC)
        / IPv6(src=f"2001:db8:1::1:{number:x}", dst=SERVER)
        / UDP(sport=547, dport=547)
        / DHCP6_RelayForward(linkaddr=SERVER, peeraddr="fe80::2")
        / DHCP6OptRelayMsg(message=message)
    )


def advertisement(frame):
    """The answer to a Neighbor Solicitation."""
    target, asker = (socket.inet_ntop(socket.AF_INET6, frame[at : at + 16]) for at in (62, 22))
    return bytes(
        Ether(src=CLIENT_MAC, dst=SERVER_MAC)
        / IPv6(src=target, dst=asker, hlim=255)
        / ICMPv6ND_NA(tgt=target, R=0, S=1, O=1)
        / ICMPv6NDOptDstLLAddr(lladdr=CLIENT_MAC)
    )


def take_replies(wire, quiet):
    """Addresses of the relays that were answered, until the server is quiet; neighbours are answered meanwhile."""
    answered = []
    while (frame := wire.receive(quiet)) is not None:
        if frame[12:14] != b"\x86\xdd":
            continue
        if frame[20] == 58 and frame[54] == SOLICITATION:
            wire.send(advertisement(frame))
        elif frame[20] == 17 and struct.unpack_from("!HH", frame, 54) == PORTS:
            answered.append(frame[38:54])
    return answered


def settings(driver, reply_path, directory):
    config = configuration("srv0", driver, [], directory)
    del config["dhcp4"]
    config["interfaces"][0]["reply-path"] = reply_path
    config["dhcp6"] = {
        "options": {"dns-servers": ["2001:db8::53"]},
        "subnets": [{"subnet": "2001:db8:1::/64", "interface": "srv0"}],
    }
    return config


@pytest.mark.parametrize(("driver", "reply_path"), [("udp", "mirror"), ("packet", "route")])
def test_a_reply_that_the_kernel_refuses_is_explained(driver, reply_path, tmp_path):
    count = table_size() + BEYOND
    server_ns, client_ns = Namespace(f"s6n-{driver}"), Namespace(f"c6n-{driver}")
    wire = None
    try:
        veth(server_ns, "srv0", client_ns, "cli0", SERVER_MAC, CLIENT_MAC)
        server_ns.sysctl("net.ipv6.conf.srv0.disable_ipv6", 0)
        server_ns.run("ip", "address", "add", f"{SERVER}/64", "dev", "srv0", "nodad")
        wire = TaggedWire(client_ns, "cli0")
        with Server(server_ns, tmp_path, settings(driver, reply_path, tmp_path)) as server:
            answered = []
            for number in range(1, count + 1):
                wire.send(relayed(number))
                if number % 16 == 0:
                    answered += take_replies(wire, 0.005)
            eventually(lambda: server.status()["received"] >= count, what="all arrive")
            time.sleep(0.1)
            answered += take_replies(wire, 0.3)
            status = server.check_accounts()
            refused = server.dropped().get("worker.not-sent", 0)
            assert refused >= BEYOND, status
            assert status["answered"] == count - refused, status
            assert len(set(answered)) == len(answered)
            # To ask for a neighbour takes an entry, too: the last reply waits for one.
            assert count - refused - 2 <= len(answered) <= count - refused, status
            # All its frames are back: as many as it has cannot be out.
            assert all(port["tx_no_frame"] == 0 for port in status["ports"])
    finally:
        if wire is not None:
            wire.close()
        server_ns.close()
        client_ns.close()
