"""Rules of the DHCPv4 engine, seen from outside on every driver, scapy as the judge.

Which subnet a request means, and where its reply goes.
"""

import pytest
from conftest import driver_ids
from rules import bed, driver_bed  # noqa: F401
from support.dhcp import (
    ACK,
    BROADCAST_FLAG,
    BROADCAST_IP,
    BROADCAST_MAC,
    CLIENT_ID,
    DISCOVER,
    NAK,
    PARAMETERS,
    RELAY_INFO,
    REQUEST,
    REQUESTED,
    SERVER_ID,
    SUBNET_SELECTION,
    ip4,
    mac_bytes,
    sub_options,
)
from support.testbed import SERVER_MAC, Testbed


# Which subnet


def test_giaddr_chooses_the_subnet(bed):
    reply = bed.offer(bed.mac(), via="10.79.0.254")
    assert reply.yiaddr.startswith("10.79.0.")
    bed.sent_to_relay(reply, "10.79.0.254")


@pytest.mark.rfc("2131 2")
def test_shared_network_uses_its_next_subnet_when_one_is_full(bed):
    found = [bed.lease(bed.mac(), via="198.51.100.1").yiaddr for _ in range(4)]
    assert len(set(found)) == 4
    assert set(found) >= {"198.51.100.2", "198.51.100.3"}
    assert sum(address.startswith("203.0.113.") for address in found) == 2


@pytest.mark.rfc("3011 2")
def test_subnet_selection_option(bed):
    wanted = [(SUBNET_SELECTION, ip4("10.79.0.0"))]
    mac = bed.mac()
    offer = bed.offer(mac, wanted, via="10.77.0.254")
    ack = bed.select(mac, offer, wanted, via="10.77.0.254")
    for reply in (offer, ack):
        assert reply.yiaddr.startswith("10.79.0.")
        assert reply.options[SUBNET_SELECTION] == ip4("10.79.0.0")
        bed.sent_to_relay(reply, "10.77.0.254")


@pytest.mark.rfc("3527 3")
def test_link_selection_sub_option(bed):
    relay_info = sub_options((5, ip4("10.79.0.0")))
    reply = bed.offer(bed.mac(), [(RELAY_INFO, relay_info)], via="10.77.0.254")
    assert reply.yiaddr.startswith("10.79.0.") and reply.options[RELAY_INFO] == relay_info
    bed.sent_to_relay(reply, "10.77.0.254")
    both = [(SUBNET_SELECTION, ip4("10.84.0.0")), (RELAY_INFO, relay_info)]
    assert bed.offer(bed.mac(), both, via="10.77.0.254").yiaddr.startswith("10.79.0.")


@pytest.mark.rfc("5107 4")
def test_server_identifier_override(bed):
    mac, relay_info = bed.mac(), sub_options((11, ip4("10.79.0.253")))
    options = [(RELAY_INFO, relay_info)]
    offer = bed.offer(mac, options, via="10.79.0.254")
    assert offer.address(SERVER_ID) == "10.79.0.253"
    ack = bed.select(mac, offer, options, via="10.79.0.254")
    assert ack.type == ACK and ack.address(SERVER_ID) == "10.79.0.253"
    # The client renews with what it believes to be its server; the relay puts the override in again.
    renewed = bed.ask(REQUEST, mac, options, expect=ACK, ciaddr=ack.yiaddr, via="10.79.0.254", source_ip="10.79.0.253")
    assert renewed.yiaddr == ack.yiaddr


def test_relay_that_is_not_on_the_list_gets_no_answer(bed):
    assert bed.silent(DISCOVER, bed.mac(), via="10.83.0.253") == {"engine.relay-not-allowed": 1}
    assert bed.offer(bed.mac(), via="10.83.0.254").yiaddr.startswith("10.83.0.")


def test_client_outside_every_subnet_is_explained(bed):
    mac = bed.mac()
    assert bed.silent(DISCOVER, mac, via="172.16.0.1") == {"engine.no-subnet": 1}
    (drop,) = bed.server.ctl("explain", mac)["drops"]
    assert (drop["hw_address"], drop["giaddr"], drop["message_type"]) == (mac, "172.16.0.1", "discover")
    assert (drop["reason"], drop["interface"]) == ("engine.no-subnet", "srv0")
    assert "subnet" in drop["text"] and drop["age_seconds"] < 60
    people = bed.server.ctl_process("explain", mac)
    assert people.returncode == 0 and "no-subnet" in people.stdout and "172.16.0.1" in people.stdout


@pytest.mark.rfc("950; 919; 2131 3.1")
def test_addresses_that_are_never_leased(bed):
    found = [bed.lease(bed.mac(), via="192.0.2.6").yiaddr for _ in range(3)]
    assert sorted(found) == ["192.0.2.2", "192.0.2.3", "192.0.2.4"]
    assert bed.silent(DISCOVER, bed.mac(), via="192.0.2.6") == {"engine.no-free-address": 1}


# Where the reply goes


@pytest.mark.rfc("2131 4.1")
def test_offer_is_unicast_to_chaddr_and_yiaddr(bed):
    mac = bed.mac()
    bed.sent_to_unconfigured(bed.offer(mac), mac)


@pytest.mark.rfc("2131 4.1")
def test_broadcast_flag_makes_the_reply_a_broadcast(bed):
    reply = bed.offer(bed.mac(), flags=BROADCAST_FLAG)
    bed.sent_to(reply, BROADCAST_MAC, BROADCAST_IP)
    assert reply.flags == BROADCAST_FLAG


@pytest.mark.rfc("2131 4.1")
def test_relayed_reply_goes_to_giaddr_on_the_server_port(bed):
    mac = bed.mac()
    reply = bed.lease(mac, via="10.79.0.254")
    assert reply.giaddr == "10.79.0.254" and reply.flags == 0
    bed.sent_to_relay(reply, "10.79.0.254")
    bed.sent_to_relay(bed.offer(bed.mac(), via="10.79.0.254", flags=BROADCAST_FLAG), "10.79.0.254")


@pytest.mark.rfc("2131 4.1")
def test_ciaddr_wins_over_the_broadcast_flag(bed):
    mac = bed.mac()
    ack = bed.lease(mac)
    again = bed.ask(REQUEST, mac, expect=ACK, ciaddr=ack.yiaddr, unicast_from=ack.yiaddr, flags=BROADCAST_FLAG)
    bed.sent_to(again, mac, ack.yiaddr)


@pytest.mark.rfc("2131 4.1; 4.3.2")
def test_nak_without_a_relay_is_broadcast_even_with_ciaddr(bed):
    nak = bed.ask(REQUEST, bed.mac(), expect=NAK, ciaddr="10.99.0.5", unicast_from="10.99.0.5")
    bed.sent_to(nak, BROADCAST_MAC, BROADCAST_IP)


@pytest.mark.rfc("2131 4.3.2")
def test_nak_through_a_relay_sets_the_broadcast_flag(bed):
    nak = bed.ask(REQUEST, bed.mac(), [(REQUESTED, ip4("10.99.0.5"))], expect=NAK, via="10.79.0.254")
    assert nak.flags == BROADCAST_FLAG
    bed.sent_to_relay(nak, "10.79.0.254")


@pytest.mark.rfc("1542 2.1")
def test_reply_is_at_least_300_bytes(bed):
    reply = bed.offer(bed.mac(), [(PARAMETERS, b"\x01")], payload_length=260)
    assert len(reply.payload) == 300 and not any(reply.padding)


@pytest.mark.rfc("826; 2131 4.1")
@pytest.mark.parametrize(
    "chaddr", [bytes(6), mac_bytes(SERVER_MAC), bytes.fromhex("01005e000001"), b"\xff" * 6],
    ids=["zero", "own", "multicast", "broadcast"],
)  # fmt: skip
def test_odd_chaddr_is_never_a_destination(bed, chaddr):
    mac, identifier = bed.mac(), b"\x00odd" + chaddr
    frame, xid = bed.frame(DISCOVER, mac, [(CLIENT_ID, identifier)], chaddr=chaddr)
    before = sum(bed.server.dropped().values())
    bed.wire.send(frame)
    bed.fence()
    replies = bed.wire.replies(xid, timeout=0.05)
    for reply in replies:
        bed.check(reply)
        # To everybody or to the sender of the frame, never to what the field says.
        assert reply.ether.dst in (BROADCAST_MAC, mac)
        assert reply.ether.dst == BROADCAST_MAC or chaddr != b"\xff" * 6
    assert len(replies) == 1 or sum(bed.server.dropped().values()) == before + 1


@pytest.mark.rfc("2131 4.3.1; 4390 2.1")
def test_hlen_zero_needs_a_client_identifier(bed):
    mac = bed.mac()
    bare = dict(hlen=0, htype=32, chaddr=b"", flags=BROADCAST_FLAG)
    assert bed.silent(DISCOVER, mac, **bare) == {"engine.no-client-identity": 1}
    reply = bed.offer(mac, [(CLIENT_ID, b"\xff\x00infiniband")], **bare)
    assert (reply.bootp.hlen, reply.chaddr) == (0, bytes(16))
    bed.sent_to(reply, BROADCAST_MAC, BROADCAST_IP)


# Caps


@pytest.mark.parametrize("driver", driver_ids()[:1])
def test_offers_per_relay_are_capped(driver, tmp_path):
    """A flood of DISCOVERs through one relay cannot empty a pool; other relays and bound clients go on."""
    subnet = {"subnet": "10.79.0.0/24", "pools": [{"range": "10.79.0.10-10.79.0.99"}]}
    direct = {"subnet": "10.77.0.0/24", "interface": "srv0", "pools": [{"range": "10.77.0.10-10.77.0.99"}]}
    bed = Testbed(driver, tmp_path, [direct, subnet], max_offers_per_relay=5)
    try:
        bed.begin("cap")
        bound = bed.mac()
        bed.lease(bound, via="10.79.0.253")
        macs = [bed.mac() for _ in range(5)]
        for mac in macs:
            bed.offer(mac, via="10.79.0.254")
        assert bed.silent(DISCOVER, bed.mac(), via="10.79.0.254") == {"engine.offer-limit": 1}
        bed.offer(macs[0], via="10.79.0.254")  # an open offer is repeated
        bed.lease(bed.mac(), via="10.79.0.253")
        bed.lease(bed.mac())
        offer = bed.offer(macs[0], via="10.79.0.254")
        assert bed.select(macs[0], offer, via="10.79.0.254").type == ACK
        bed.offer(bed.mac(), via="10.79.0.254")  # a taken offer makes room for one
    except BaseException:
        bed.close(check=False)
        raise
    bed.close()
