"""Priority-tagged frames (VID 0): every driver, and the kernel lane beside it, takes them as untagged."""

import itertools

import pytest
from conftest import driver_ids
from scapy.layers.inet import IP, IPOption_Router_Alert, fragment
from scapy.layers.l2 import Ether
from support import dhcp
from support.served_link import CLIENT, SERVER, SERVER_MAC, ServedLink
from support.server import Server, configuration
from support.vlan import QINQ, VLAN, metadata_tag, put_tags

SERVER_MAC_BYTES = bytes.fromhex(SERVER_MAC.replace(":", ""))
SUBNETS = [{"subnet": "10.77.0.0/24", "interface": SERVER, "pools": [{"range": "10.77.0.10-10.77.0.200"}]}]
QUIET = 0.15  # seconds in which an answer, or a second one, would have come

UNTAGGED = [[(VLAN, 0)], [(VLAN, 0xE000)], [(QINQ, 0x2000)], [(VLAN, 0), (VLAN, 0xE000)], [(QINQ, 0), (VLAN, 0)]]
OTHER_VLAN = [[(VLAN, 0), (VLAN, 101)], [(VLAN, 101), (VLAN, 0)], [(QINQ, 0), (VLAN, 101)]]


def whole(frame):
    return [frame]


def with_ip_option(frame):
    packet = Ether(frame)
    packet[IP].options = [IPOption_Router_Alert()]
    for field in ("chksum", "len", "ihl"):
        delattr(packet[IP], field)
    return [bytes(packet)]


_ip_ids = itertools.count(1)


def in_fragments(frame):
    packet = Ether(frame)
    packet[IP].id = next(_ip_ids)
    del packet[IP].chksum
    return [bytes(part) for part in fragment(packet, fragsize=104)]


FORMS = [whole, with_ip_option, in_fragments]


class Bed(ServedLink):
    def __init__(self, driver, directory):
        self.driver, self.directory = driver, directory
        self._numbers = itertools.count(1)
        super().__init__(f"p-{driver}")

    def prepare(self):
        self.server_ns.run("ip", "address", "add", "10.77.0.1/24", "dev", SERVER)
        self.server = Server(self.server_ns, self.directory, configuration(SERVER, self.driver, SUBNETS, self.directory))
        self.server.start()

    def send(self, form, tags):
        """One DISCOVER of a client of its own; returns its xid."""
        number = next(self._numbers)
        xid = 0x7000 + number
        for part in form(dhcp.request(dhcp.DISCOVER, f"02:00:5e:00:54:{number:02x}", xid)):
            self.wire.send(put_tags(part, tags))
        return xid

    def expect_untagged(self, form, tags, sent_tags):
        """An answer as an untagged client gets it. A driver gives tags back, those that it has seen; the kernel's
        stack sends none, which is the same network."""
        reply, seen = self.wire.await_reply(self.send(form, sent_tags), 3.0)
        assert reply is not None, (self.driver, form, tags, self.server.dropped())
        assert reply.type == dhcp.OFFER and reply.yiaddr.startswith("10.77.0.")
        assert seen in ([], tags, sent_tags)

    def expect_silence(self):
        """No answer on its way: neither a second one nor one that should not be."""
        received = iter(lambda: self.wire.receive(QUIET), None)
        assert [frame for frame in received if frame[:12].endswith(SERVER_MAC_BYTES)] == []

    def answered(self):
        return self.server.check_accounts()["answered"]


@pytest.fixture(scope="module", params=driver_ids())
def bed(request, tmp_path_factory):
    made = None
    try:
        made = Bed(request.param, tmp_path_factory.mktemp(f"priority-{request.param}"))
        yield made
        made.server.stop()
    finally:
        if made is not None:
            made.close()


def test_priority_tag_is_no_vlan(bed):
    before = bed.answered()
    for form, tags in itertools.product(FORMS, UNTAGGED):
        bed.expect_untagged(form, tags, tags)
    bed.expect_silence()
    assert bed.answered() == before + len(FORMS) * len(UNTAGGED)


def test_priority_tag_in_metadata_is_no_vlan(bed, tmp_path):
    before = bed.answered()
    tag = (VLAN, 0xE000)
    with metadata_tag(bed.client_ns, CLIENT, tag, tmp_path):
        for form, inner in itertools.product(FORMS, ([], [(VLAN, 0)])):
            bed.expect_untagged(form, [tag, *inner], inner)
    bed.expect_silence()
    assert bed.answered() == before + len(FORMS) * 2


def test_another_vlan_beside_a_priority_tag_stays_another(bed):
    before = bed.answered()
    for form, tags in itertools.product(FORMS, OTHER_VLAN):
        bed.send(form, tags)
    bed.expect_silence()
    assert bed.answered() == before
