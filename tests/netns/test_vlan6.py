"""IPv6 clients behind VLAN tags, in the frame and in metadata, one and two: DHCPv6 and Router Solicitations get the
addresses, prefixes and advertisements of their VLAN, behind its tags."""

import itertools

import pytest
from scapy.layers.dhcp6 import (
    DHCP6_Advertise,
    DHCP6_Confirm,
    DHCP6_Reply,
    DHCP6_Request,
    DHCP6_Solicit,
    DHCP6OptClientId,
    DHCP6OptElapsedTime,
    DHCP6OptIA_NA,
    DHCP6OptIA_PD,
    DHCP6OptIAAddress,
    DHCP6OptIAPrefix,
    DHCP6OptServerId,
    DHCP6OptStatusCode,
    DUID_LL,
)
from scapy.layers.inet import UDP
from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6ND_RS, ICMPv6NDOptPrefixInfo, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import Ether
from support.served_link import CLIENT, SERVER, SERVER_MAC, ServedLink
from support.server import Server, configuration
from support.vlan import QINQ, VLAN, metadata_tag, put_tags, take_tags

SERVER_LL = "fe80::1"
SERVERS, SERVERS_MAC = "ff02::1:2", "33:33:00:01:00:02"
ROUTERS, ROUTERS_MAC = "ff02::2", "33:33:00:00:00:02"
UDP_HEADER, ICMP6_HEADER = 17, 58
NOT_ON_LINK = 4
XIDS = itertools.count(0x6000)
# The number of a subnet is in its addresses, 2001:db8:NUMBER::, and in its prefixes, 2001:db8:NUMBER0xx::
SUBNETS = {5: None, 1: "100", 2: "200-299", 3: "7.8-9"}
ADVERTISED = {5: None, 1: "100", 2: "250", 3: "7.8", 4: "7.9"}
CASES = [
    ([], 5, 5),
    ([(VLAN, 0x6064)], 1, 1),
    ([(QINQ, 100)], 1, 1),
    ([(VLAN, 250)], 2, 2),
    ([(QINQ, 0x2007), (VLAN, 8)], 3, 3),
    ([(VLAN, 7), (VLAN, 9)], 3, 4),
    ([(VLAN, 0xE000)], 5, 5),  # a priority tag is no VLAN
]
UNSERVED = [[(VLAN, 101)], [(VLAN, 7)], [(VLAN, 7), (VLAN, 10)], [(VLAN, 100), (VLAN, 100)]]


def on_vlan(entry, vlan):
    return {**entry, "vlan": vlan} if vlan is not None else entry


def sections():
    """Those of DHCPv6 and of Router Advertisements."""
    subnets = [
        on_vlan(
            {
                "subnet": f"2001:db8:{number}::/64",
                "interface": SERVER,
                "pools": [{"range": f"2001:db8:{number}::1000-2001:db8:{number}::1fff"}],
                "prefix-pools": [{"prefix": f"2001:db8:{number}000::/40", "delegated-length": 56}],
            },
            vlan,
        )
        for number, vlan in SUBNETS.items()
    ]
    advertisements = [
        on_vlan({"interface": SERVER, "managed": True, "prefixes": [{"prefix": f"2001:db8:{number}::/64"}]}, vlan)
        for number, vlan in ADVERTISED.items()
    ]
    return {"dhcp6": {"subnets": subnets, "delegated-routes": False}}, {"router-advertisements": advertisements}


def advertised_tags(tags):
    """Advertisements are of a VLAN, not of a frame: no priority, and the TPIDs of IEEE 802.1Q."""
    identifiers = [tci & 0xFFF for _, tci in tags if tci & 0xFFF]
    return list(zip((QINQ, VLAN)[2 - len(identifiers) :], identifiers))


def check_sums(frame):
    """The checksum of UDP or ICMPv6 is the one that scapy computes."""
    rebuilt = Ether(bytes(frame))
    if UDP in rebuilt:
        del rebuilt[UDP].chksum
        assert Ether(bytes(rebuilt))[UDP].chksum == frame[UDP].chksum
    else:
        del rebuilt[ICMPv6ND_RA].cksum
        assert Ether(bytes(rebuilt))[ICMPv6ND_RA].cksum == frame[ICMPv6ND_RA].cksum


class Host:
    """A client by its number: addresses, DUID."""

    def __init__(self, number):
        self.mac, self.address = f"02:00:5e:00:54:{number:02x}", f"fe80::54{number:02x}"
        self.duid = DUID_LL(lladdr=self.mac)

    def message(self, kind, *options):
        message = kind(trid=next(XIDS)) / DHCP6OptClientId(duid=self.duid) / DHCP6OptElapsedTime(elapsedtime=0)
        for option in options:
            message = message / option
        headers = Ether(src=self.mac, dst=SERVERS_MAC) / IPv6(src=self.address, dst=SERVERS, hlim=1)
        return bytes(headers / UDP(sport=546, dport=547) / message)

    def solicitation(self):
        headers = Ether(src=self.mac, dst=ROUTERS_MAC) / IPv6(src=self.address, dst=ROUTERS, hlim=255)
        return bytes(headers / ICMPv6ND_RS() / ICMPv6NDOptSrcLLAddr(lladdr=self.mac))


class Bed(ServedLink):
    def __init__(self, driver, directory, advertises=True):
        self.driver, self.directory, self.advertises = driver, directory, advertises
        super().__init__(f"v6-{driver}")

    def prepare(self):
        self.add_ipv6(SERVER_LL, "2001:db8:5::1")
        dhcp6, advertisements = sections()
        config = {
            **configuration(SERVER, self.driver, [], self.directory),
            **dhcp6,
            **(advertisements if self.advertises else {}),
        }
        del config["dhcp4"]
        self.server = Server(self.server_ns, self.directory, config)

    def ask(self, host, frame, tags, sent_tags=None, timeout=3.0):
        """The reply to this host and its tags, or (None, None). `sent_tags`: those in the frame, when the others are
        added on the way."""
        self.wire.send(put_tags(frame, tags if sent_tags is None else sent_tags))
        while (received := self.wire.receive(timeout)) is not None:
            bare, seen = take_tags(received)
            if bare[12:14] == b"\x86\xdd" and bare[20] in (UDP_HEADER, ICMP6_HEADER):
                reply = Ether(bare)
                if reply[IPv6].dst == host.address:
                    assert (reply.src, reply.dst, reply[IPv6].src) == (SERVER_MAC, host.mac, SERVER_LL)
                    check_sums(reply)
                    return reply, seen
        return None, None

    def lease(self, host, tags, number, sent_tags=None):
        """Solicit to Reply; (address, prefix), both of that subnet."""
        empty = (DHCP6OptIA_NA(iaid=1), DHCP6OptIA_PD(iaid=2))
        offer, seen = self.ask(host, host.message(DHCP6_Solicit, *empty), tags, sent_tags)
        assert offer is not None, (tags, self.server.dropped(), self.server.xdp_verdicts())
        assert DHCP6_Advertise in offer and seen == tags
        address, prefix = offer[DHCP6OptIAAddress].addr, offer[DHCP6OptIAPrefix].prefix
        assert address.startswith(f"2001:db8:{number}::1") and prefix.startswith(f"2001:db8:{number}0"), (tags, address, prefix)
        reply, seen = self.ask(host, host.message(DHCP6_Request, *self.chosen(offer, address, prefix)), tags, sent_tags)
        assert DHCP6_Reply in reply and seen == tags
        assert (reply[DHCP6OptIAAddress].addr, reply[DHCP6OptIAPrefix].prefix) == (address, prefix)
        return address, prefix

    @staticmethod
    def chosen(offer, address, prefix):
        return (
            DHCP6OptServerId(duid=offer[DHCP6OptServerId].duid),
            DHCP6OptIA_NA(iaid=1, ianaopts=[DHCP6OptIAAddress(addr=address)]),
            DHCP6OptIA_PD(iaid=2, iapdopt=[DHCP6OptIAPrefix(prefix=prefix, plen=56)]),
        )

    def solicit_router(self, host, tags, number, sent_tags=None):
        reply, seen = self.ask(host, host.solicitation(), tags, sent_tags)
        assert reply is not None, (tags, self.server.dropped(), self.server.xdp_verdicts())
        assert ICMPv6ND_RA in reply and seen == advertised_tags(tags)
        prefixes = [option.prefix for option in iter_options(reply) if isinstance(option, ICMPv6NDOptPrefixInfo)]
        assert prefixes == [f"2001:db8:{number}::"], tags


def iter_options(advertisement):
    option = advertisement[ICMPv6ND_RA].payload
    while option:
        yield option
        option = option.payload


@pytest.fixture(name="bed", params=["xdp", "packet"])
def fixture_bed(request, tmp_path):
    made = Bed(request.param, tmp_path)
    try:
        made.server.start()
        yield made
        made.server.stop()
    finally:
        made.close()


@pytest.mark.rfc("8415 13.1")
def test_each_vlan_gets_its_subnet_and_its_tags_back(bed):
    for number, (tags, subnet, _) in enumerate(CASES):
        bed.lease(Host(number), tags, subnet)


@pytest.mark.rfc("4861 6.2.6")
def test_each_vlan_gets_its_advertisement(bed):
    for number, (tags, _, advertised) in enumerate(CASES):
        bed.solicit_router(Host(number), tags, advertised)


def test_tags_in_metadata_are_tags(bed, tmp_path):
    for number, (tags, subnet, advertised) in enumerate(CASES[1:], 16):
        with metadata_tag(bed.client_ns, CLIENT, tags[0], tmp_path):
            bed.lease(Host(number), tags, subnet, sent_tags=tags[1:])
            bed.solicit_router(Host(number), tags, advertised, sent_tags=tags[1:])


def test_unserved_vlan_gets_nothing_and_is_explained(bed, tmp_path):
    host = Host(32)
    frames = (host.message(DHCP6_Solicit, DHCP6OptIA_NA(iaid=1)), host.solicitation())
    for tags in UNSERVED:
        for frame in frames:
            assert bed.ask(host, frame, tags, timeout=0.15) == (None, None), tags
    with metadata_tag(bed.client_ns, CLIENT, (VLAN, 101), tmp_path):
        for frame in frames:
            assert bed.ask(host, frame, [(VLAN, 101)], sent_tags=[], timeout=0.15) == (None, None)
    asked = len(UNSERVED) + 1
    if bed.driver == "xdp":
        assert bed.server.xdp_verdicts()["pass_unknown_link"] == len(frames) * asked
    else:
        reasons = ("engine6.unserved-vlan", "engine6.not-all-routers")
        assert bed.server.dropped() == {reason: asked for reason in reasons}
        explained = {(drop["reason"], drop["vlan"]) for drop in bed.server.ask("explain", hw_address=host.mac)["drops"]}
        assert explained == set(itertools.product(reasons, ("101", "7", "7.10", "100.100")))


@pytest.mark.rfc("8415 18.3.2, 18.3.3")
def test_address_of_another_vlan_is_not_on_link(bed):
    host = Host(40)
    address, prefix = bed.lease(host, [(VLAN, 100)], 1)
    offer, _ = bed.ask(host, host.message(DHCP6_Solicit, DHCP6OptIA_NA(iaid=1)), [(VLAN, 100)])
    addressed = DHCP6OptIA_NA(iaid=1, ianaopts=[DHCP6OptIAAddress(addr=address)])
    wanted = (
        host.message(DHCP6_Confirm, addressed),
        host.message(DHCP6_Request, *Bed.chosen(offer, address, prefix)[:2]),
    )
    for tags in ([(VLAN, 200)], [(QINQ, 7), (VLAN, 8)], []):
        for frame in wanted:
            reply, seen = bed.ask(host, frame, tags)
            assert reply[DHCP6OptStatusCode].statuscode == NOT_ON_LINK and seen == tags
    reply, _ = bed.ask(host, wanted[0], [(VLAN, 100)])
    assert reply[DHCP6OptStatusCode].statuscode == 0
    assert bed.lease(host, [(VLAN, 100)], 1) == (address, prefix)


@pytest.mark.parametrize("driver", ["xdp-generic", "udp"])
def test_driver_that_cannot_see_tags_is_refused(driver, tmp_path):
    made = Bed(driver, tmp_path, advertises=False)
    try:
        made.server.start(wait=False)
        made.server.wait(expected=1)
        log = made.server.log()
        assert ("invisible" if driver == "xdp-generic" else "sees no VLAN tags") in log and "vlan:" in log
    finally:
        made.close()
