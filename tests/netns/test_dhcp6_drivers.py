"""The same DHCPv6 request gets the same payload from every driver, and the same frame from all but udp."""

import time

import pytest
from conftest import driver_ids
from scapy.layers.dhcp6 import (
    DHCP6_Advertise,
    DHCP6_Confirm,
    DHCP6_InfoRequest,
    DHCP6_Rebind,
    DHCP6_RelayForward,
    DHCP6_RelayReply,
    DHCP6_Release,
    DHCP6_Renew,
    DHCP6_Reply,
    DHCP6_Request,
    DHCP6_Solicit,
    DHCP6OptClientId,
    DHCP6OptElapsedTime,
    DHCP6OptIA_NA,
    DHCP6OptIA_PD,
    DHCP6OptIAAddress,
    DHCP6OptIAPrefix,
    DHCP6OptIfaceId,
    DHCP6OptOptReq,
    DHCP6OptRelayMsg,
    DHCP6OptServerId,
    DUID_LL,
)
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from support.served_link import CLIENT_MAC, SERVER_MAC, ServedLink
from support.server import Server, configuration

RELAY_MAC = "02:00:5e:00:53:fe"
SERVER_LL, CLIENT_LL, SERVER, RELAY = "fe80::1", "fe80::2", "2001:db8:1::1", "2001:db8:1::fe"
SERVERS, SERVERS_MAC = "ff02::1:2", "33:33:00:01:00:02"
SERVER_DUID = DUID_LL(lladdr=SERVER_MAC)
CLIENT_DUID = DUID_LL(lladdr=CLIENT_MAC)
ADDRESS, PREFIX = "2001:db8:1::50", "2001:db8:8000:100::"
QUIET = 0.3


class Bed(ServedLink):
    def __init__(self, driver, directory):
        self.driver, self.directory = driver, directory
        super().__init__(f"6-{driver}")

    def prepare(self):
        self.add_ipv6(SERVER_LL, SERVER)
        for address, mac in ((CLIENT_LL, CLIENT_MAC), (RELAY, RELAY_MAC)):
            self.server_ns.run("ip", "neigh", "replace", address, "lladdr", mac, "dev", "srv0", "nud", "permanent")
        config = configuration("srv0", self.driver, [], self.directory)
        del config["dhcp4"]
        config["dhcp6"] = {
            "server-duid": bytes(SERVER_DUID).hex(":"),
            "options": {"dns-servers": ["2001:db8::53"], "domain-search": ["example.org"]},
            "subnets": [
                {
                    "subnet": "2001:db8:1::/64",
                    "interface": "srv0",
                    "pools": [{"range": "2001:db8:1::1000-2001:db8:1::1fff"}],
                    "prefix-pools": [{"prefix": "2001:db8:8000::/40", "delegated-length": 56}],
                    "reservations": [
                        {"duid": bytes(CLIENT_DUID).hex(":"), "address": ADDRESS, "prefix": f"{PREFIX}/56"}
                    ],
                }
            ],
        }
        self.server = Server(self.server_ns, self.directory, config).start()

    def replies(self):
        """Frames that the server sent to a client or relay, until it is quiet."""
        frames = iter(lambda: self.wire.receive(QUIET), None)
        return [Ether(frame) for frame in frames if frame[12:14] == b"\x86\xdd" and frame[20] == 17]

    def ask(self, frame):
        self.wire.send(bytes(frame))
        found = self.replies()
        assert len(found) == 1, f"{len(found)} replies on {self.driver}: {self.server.log()[-2000:]}"
        return found[0]


def to_servers(message):
    return (
        Ether(src=CLIENT_MAC, dst=SERVERS_MAC)
        / IPv6(src=CLIENT_LL, dst=SERVERS, hlim=1)
        / UDP(sport=546, dport=547)
        / message
    )


def of_client(kind, trid, *options):
    message = kind(trid=trid) / DHCP6OptClientId(duid=CLIENT_DUID) / DHCP6OptElapsedTime(elapsedtime=0)
    for option in options:
        message = message / option
    return message


def conversation():
    """(name, frame, type of the reply), in order."""
    server = DHCP6OptServerId(duid=SERVER_DUID)
    oro = DHCP6OptOptReq(reqopts=[23, 24, 82])
    empty = (DHCP6OptIA_NA(iaid=7), DHCP6OptIA_PD(iaid=8))
    held = (
        DHCP6OptIA_NA(iaid=7, ianaopts=[DHCP6OptIAAddress(addr=ADDRESS)]),
        DHCP6OptIA_PD(iaid=8, iapdopt=[DHCP6OptIAPrefix(prefix=PREFIX, plen=56)]),
    )
    steps = [
        ("solicit", of_client(DHCP6_Solicit, 1, *empty, oro), DHCP6_Advertise),
        ("request", of_client(DHCP6_Request, 2, server, *held, oro), DHCP6_Reply),
        ("renew", of_client(DHCP6_Renew, 3, server, *held, oro), DHCP6_Reply),
        ("rebind", of_client(DHCP6_Rebind, 4, *held, oro), DHCP6_Reply),
        ("confirm", of_client(DHCP6_Confirm, 5, held[0]), DHCP6_Reply),
        ("information-request", of_client(DHCP6_InfoRequest, 6, oro), DHCP6_Reply),
    ]
    for name, message, kind in steps:
        yield name, to_servers(message), kind
    relayed = DHCP6_RelayForward(linkaddr=SERVER, peeraddr=CLIENT_LL) / DHCP6OptIfaceId(ifaceid=b"port 7")
    yield (
        "relayed",
        Ether(src=RELAY_MAC, dst=SERVER_MAC)
        / IPv6(src=RELAY, dst=SERVER)
        / UDP(sport=547, dport=547)
        / relayed
        / DHCP6OptRelayMsg(message=of_client(DHCP6_Renew, 7, server, *held)),
        DHCP6_RelayReply,
    )
    yield "release", to_servers(of_client(DHCP6_Release, 8, server, *held)), DHCP6_Reply


_first = {}


@pytest.mark.rfc("8415 18.3, 19.3")
@pytest.mark.parametrize("driver", driver_ids())
def test_payloads_are_the_same_on_every_driver(driver, tmp_path):
    bed = Bed(driver, tmp_path)
    try:
        for name, frame, kind in conversation():
            reply = bed.ask(frame)
            assert reply.haslayer(kind), (name, reply.show(dump=True))
            sender = SERVER if name == "relayed" else SERVER_LL
            assert (reply[IPv6].src, reply[IPv6].dst) == (sender, frame[IPv6].src), name
            assert (reply.dst, reply[UDP].sport) == (frame.src, 547), name
            assert reply[UDP].dport == (547 if name == "relayed" else 546), name
            payload = bytes(reply[UDP].payload)
            first_driver, expected = _first.setdefault(name, (driver, payload))
            assert payload.hex() == expected.hex(), f"{name}: {driver} differs from {first_driver}"
        time.sleep(0.1)
        assert bed.replies() == []
        bed.server.stop()
    finally:
        bed.close()
