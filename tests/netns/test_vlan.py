"""Clients behind VLAN tags, in the frame and in metadata, one and two: the right subnet, the same tags back."""

import itertools

import pytest
from support import dhcp
from support.served_link import CLIENT, SERVER, SERVER_MAC, ServedLink
from support.server import Server, configuration
from support.vlan import QINQ, VLAN, TaggedWire, metadata_tag, put_tags, tagged_request

XIDS = itertools.count(0x5000)


def subnet(number, vlan=None, **more):
    entry = {
        "subnet": f"10.{number}.0.0/24",
        "interface": SERVER,
        "pools": [{"range": f"10.{number}.0.10-10.{number}.0.99"}],
        **more,
    }
    if vlan is not None:
        entry["vlan"] = vlan
    return entry


SUBNETS = [subnet(77), subnet(1, 100), subnet(2, "200-299", **{"vlan-identity": True}), subnet(3, "7.8-9")]
CASES = [
    ([], "10.77."),
    ([(VLAN, 0x6064)], "10.1."),
    ([(QINQ, 100)], "10.1."),
    ([(VLAN, 250)], "10.2."),
    ([(QINQ, 0x2007), (VLAN, 8)], "10.3."),
    ([(VLAN, 7), (VLAN, 9)], "10.3."),
    ([(VLAN, 0xE000)], "10.77."),  # a priority tag is no VLAN
]
UNSERVED = [[(VLAN, 101)], [(VLAN, 7)], [(VLAN, 7), (VLAN, 10)], [(VLAN, 100), (VLAN, 100)]]


class Bed(ServedLink):
    def __init__(self, driver, directory, subnets):
        self.directory, self.driver, self.subnets = directory, driver, subnets
        super().__init__(f"v-{driver}")

    def prepare(self):
        self.server_ns.run("ip", "address", "add", "10.77.0.1/24", "dev", SERVER)
        self.server = Server(self.server_ns, self.directory, self.config(self.subnets))

    def config(self, subnets):
        return configuration(SERVER, self.driver, subnets, self.directory)

    def ask(self, message_type, client, tags, options=(), sent_tags=None, timeout=3.0, **fields):
        """(reply, its tags). `sent_tags`: those in the frame, when the others are added on the way."""
        xid = next(XIDS)
        inside = tags if sent_tags is None else sent_tags
        mac = f"02:00:5e:00:54:{client:02x}"
        frame = tagged_request(message_type, mac, xid, inside, options, **fields)
        return self.wire.exchange(frame, xid, timeout)

    def lease(self, client, tags, start, sent_tags=None):
        offer, seen = self.ask(dhcp.DISCOVER, client, tags, sent_tags=sent_tags)
        assert offer is not None, (tags, self.server.dropped(), self.server.xdp_verdicts())
        assert offer.type == dhcp.OFFER and offer.yiaddr.startswith(start), (tags, offer)
        assert seen == tags
        options = [(dhcp.REQUESTED, dhcp.ip4(offer.yiaddr)), (dhcp.SERVER_ID, offer.options[dhcp.SERVER_ID])]
        ack, seen = self.ask(dhcp.REQUEST, client, tags, options, sent_tags=sent_tags)
        assert ack.type == dhcp.ACK and ack.yiaddr == offer.yiaddr and seen == tags
        ack.check_wire()
        return ack.yiaddr


@pytest.fixture(params=["xdp", "packet"])
def bed(request, tmp_path):
    made = Bed(request.param, tmp_path, SUBNETS)
    try:
        made.server.start()
        yield made
        made.server.stop()
    finally:
        made.close()


def test_each_vlan_gets_its_subnet_and_its_tags_back(bed):
    for client, (tags, start) in enumerate(CASES):
        bed.lease(client, tags, start)


def test_tags_in_metadata_are_tags(bed, tmp_path):
    for client, (tags, start) in enumerate(CASES[1:], 16):
        with metadata_tag(bed.client_ns, CLIENT, tags[0], tmp_path):
            bed.lease(client, tags, start, sent_tags=tags[1:])


def test_unserved_vlan_gets_nothing_and_reaches_the_kernel(bed, tmp_path):
    kernel = TaggedWire(bed.server_ns, SERVER)  # sees what the driver's program passes
    try:
        for tags in UNSERVED:
            assert bed.ask(dhcp.DISCOVER, 32, tags, timeout=0.15) == (None, None), tags
            seen = [frame for frame in iter(lambda: kernel.receive(0.1), None) if frame[6:11] == b"\x02\0^\0T"]
            assert seen and seen[0][12:16] == put_tags(bytes(12), tags)[12:16], tags
        with metadata_tag(bed.client_ns, CLIENT, (VLAN, 101), tmp_path):
            assert bed.ask(dhcp.DISCOVER, 33, [], timeout=0.15) == (None, None)
        if bed.driver == "xdp":
            assert bed.server.xdp_verdicts()["pass_unknown_link"] == len(UNSERVED) + 1
        else:
            assert bed.server.dropped() == {"engine.unserved-vlan": len(UNSERVED) + 1}
    finally:
        kernel.close()


@pytest.mark.rfc("2131 4.3.2")
def test_address_of_another_vlan_is_refused(bed):
    address = bed.lease(40, [(VLAN, 100)], "10.1.")
    wanted = [(dhcp.REQUESTED, dhcp.ip4(address))]
    for tags in ([(VLAN, 200)], [(QINQ, 7), (VLAN, 8)], []):
        reply, seen = bed.ask(dhcp.REQUEST, 40, tags, wanted)
        assert reply is not None and reply.type == dhcp.NAK and seen == tags
    reply, _ = bed.ask(dhcp.REQUEST, 40, [(VLAN, 100)], wanted)
    assert reply.type == dhcp.ACK and reply.yiaddr == address


def test_vlans_tell_equal_clients_apart_where_configured(bed):
    first = bed.lease(50, [(VLAN, 200)], "10.2.")
    assert bed.lease(50, [(VLAN, 201)], "10.2.") != first
    assert bed.lease(50, [(VLAN, 200)], "10.2.") == first


def test_reload_adds_and_removes_a_vlan(bed):
    tags = [(VLAN, 300)]
    assert bed.ask(dhcp.DISCOVER, 60, tags, timeout=0.15) == (None, None)
    bed.server.write(bed.config([*SUBNETS, subnet(4, 300)]))
    assert bed.server.ask("reload")["ok"]
    address = bed.lease(60, tags, "10.4.")
    shown = {entry["subnet"]: entry["vlan"] for entry in bed.server.ask("subnets")["subnets"]}
    assert shown["10.4.0.0/24"] == "300" and shown["10.3.0.0/24"] == "7.8-9" and shown["10.77.0.0/24"] == ""
    bed.server.write(bed.config(SUBNETS))
    assert bed.server.ask("reload")["ok"]
    assert bed.ask(dhcp.DISCOVER, 60, tags, timeout=0.15) == (None, None)
    bed.server.write(bed.config([*SUBNETS, subnet(4, 300)]))
    assert bed.server.ask("reload")["ok"]
    assert bed.lease(60, tags, "10.4.") == address


def test_relayed_clients_are_served_by_giaddr_whatever_the_tag(bed):
    relay = {
        "giaddr": "10.3.0.1",
        "source_ip": "10.3.0.1",
        "destination_ip": "10.77.0.1",
        "destination_mac": SERVER_MAC,
        "source_port": 67,
    }
    xid = next(XIDS)
    for tags in ([], [(VLAN, 100)]):
        bed.wire.send(tagged_request(dhcp.DISCOVER, "02:00:5e:00:54:46", xid, tags, **relay))
        reply = None
        while reply is None:
            frame = bed.wire.receive(3.0)
            assert frame is not None, bed.server.dropped()
            bare = frame[:12] + frame[12 + 4 * len(tags) :]
            if bare[12:14] == b"\x08\0" and bare[23] == 17 and bare[36:38] == b"\0\x43" and len(bare) > 282:
                reply = dhcp.Reply(bare)
        assert frame == put_tags(reply.frame, tags)
        assert reply.type == dhcp.OFFER and reply.yiaddr.startswith("10.3.")


@pytest.mark.parametrize("driver", ["xdp-generic", "udp"])
def test_driver_that_cannot_see_tags_is_refused(driver, tmp_path):
    made = Bed(driver, tmp_path, SUBNETS)
    try:
        made.server.start(wait=False)
        made.server.wait(expected=1)
        log = made.server.log()
        assert ("invisible" if driver == "xdp-generic" else "sees no VLAN tags") in log and "vlan:" in log
    finally:
        made.close()


@pytest.mark.parametrize("driver", ["xdp", "xdp-generic", "packet"])
def test_driver_that_may_take_a_tagged_client_for_an_untagged_one_is_warned_of(driver, tmp_path):
    made = Bed(driver, tmp_path, [subnet(77)])
    try:
        made.server.start()
        warnings = [line for line in made.server.log().splitlines() if "would be answered as an untagged one" in line]
        with metadata_tag(made.client_ns, CLIENT, (VLAN, 101), tmp_path):
            reply, _ = made.ask(dhcp.DISCOVER, 70, [], timeout=0.3)
        # The warning is there if and only if it is true.
        assert len(warnings) == (reply is not None) == (driver == "xdp-generic"), (warnings, reply)
        made.server.stop()
    finally:
        made.close()
