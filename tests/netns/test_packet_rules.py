"""Rules of the DHCPv4 engine, seen from outside on every driver, scapy as the judge.

Frames that no client should send, checksums that are left to others.
"""

import random
import socket

import pytest
from rules import bed, driver_bed  # noqa: F401
from support.dhcp import DISCOVER, OFFER, OVERLOAD, RELAY_INFO, REQUESTED, TYPE


# Bad packets

BAD = {
    "short": dict(payload_length=200),
    "no-options": dict(payload_length=238),
    "bad-cookie": dict(magic=b"\x63\x82\x53\x64"),
    "bad-hlen": dict(hlen=17),
    "bad-op": dict(op=3),
    "truncated-option": dict(raw_options=bytes((TYPE, 1, DISCOVER, 12, 200, 65)), payload_length=246),
    "type-of-two-bytes": dict(raw_options=bytes((TYPE, 2, DISCOVER, 0, 255))),
    "type-99": dict(raw_options=bytes((TYPE, 1, 99, 255))),
    "type-of-a-server": dict(raw_options=bytes((TYPE, 1, OFFER, 255))),
    "no-type": dict(raw_options=b"\xff"),
    "requested-of-three-bytes": dict(raw_options=bytes((TYPE, 1, DISCOVER, REQUESTED, 3, 1, 2, 3, 255))),
    "bad-overload": dict(raw_options=bytes((TYPE, 1, DISCOVER, OVERLOAD, 1, 9, 255))),
    "overload-runs-over": dict(raw_options=bytes((TYPE, 1, DISCOVER, OVERLOAD, 1, 1, 255)), file=b"\x0c\xff" + b"x" * 126),
    "relay-information-runs-over": dict(raw_options=bytes((TYPE, 1, DISCOVER, RELAY_INFO, 3, 1, 9, 1, 255))),
    "udp-checksum": dict(udp_fields={"chksum": 0x1234}),
    "ip-checksum": dict(ip_fields={"chksum": 0x1234}),
    "udp-length-long": dict(udp_fields={"len": 1000}),
    "udp-length-short": dict(udp_fields={"len": 7}),
    "ip-length-long": dict(ip_fields={"len": 1000}),
    "first-fragment": dict(ip_fields={"flags": 1}),
    "later-fragment": dict(ip_fields={"frag": 100}),
    "ip-version-5": dict(ip_fields={"version": 5}),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_bad_packet_gets_no_answer_and_a_count(bed, kind):
    mac = bed.mac()
    frame, xid = bed.frame(DISCOVER, mac, **BAD[kind])
    before = bed.server.status()
    reasons = bed.silent_frame(frame, xid)
    after = bed.server.status()
    # What a kernel filter or the kernel's own stack keeps from us is not received: only the fence is.
    received = after["received"] - before["received"]
    assert (sum(reasons.values()), received) in ((1, 2), (0, 1)), reasons
    if bed.driver.startswith("xdp"):
        assert after["xdp"] != before["xdp"], "the XDP program counts every frame"
    # One line per state, not per packet.
    assert mac not in bed.server.log()


@pytest.mark.rfc("2131 4.1")
def test_bootreply_is_none_of_our_business(bed):
    assert set(bed.silent(DISCOVER, bed.mac(), op=2)) <= {"engine.not-request"}


# Checksum offload: a local sender leaves the pseudo-header's sum only.


@pytest.mark.rfc("768")
def test_zero_udp_checksum_is_accepted(bed):
    bed.ask(DISCOVER, bed.mac(), expect=OFFER, udp_fields={"chksum": 0})


def test_checksum_left_to_offload_is_accepted(bed):
    """A client's own socket over veth: the kernel leaves the checksum partial."""
    frame, xid = bed.frame(DISCOVER, bed.mac(), via="10.79.0.254")
    with bed.client_ns.inside():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"cli0")
    with sender:
        sender.bind(("10.79.0.254", 0))
        sender.sendto(frame[42:], ("255.255.255.255", 67))
    (reply,) = bed.wire.replies(xid)
    assert bed.check(reply).type == OFFER


# Last, for what gets through differs between drivers and so does the state after it.


def test_random_bytes_do_not_stop_service(bed):
    generator = random.Random(2131)
    for number in range(300):
        frame, _ = bed.frame(DISCOVER, bed.mac() if number < 200 else "02:00:5e:00:53:99")
        damaged = bytearray(frame)
        for _ in range(generator.randint(1, 12)):
            damaged[generator.randrange(14, len(damaged))] = generator.randrange(256)
        bed.wire.send(bytes(damaged[: generator.randint(15, len(damaged))]))
    bed.fence()
    bed.wire.drain()
    bed.server.check_accounts()
    bed.recorded.clear()


def test_every_message_is_answered_or_explained(bed):
    bed.server.check_accounts()
