"""Rules of the DHCPv4 engine, seen from outside on every driver, scapy as the judge.

What becomes of each kind of message, in each state of its client.
"""

import pytest
from rules import INFINITE, PRINTER_MAC, bed, driver_bed  # noqa: F401
from support.dhcp import (
    ACK,
    BROADCAST_FLAG,
    BROADCAST_IP,
    BROADCAST_MAC,
    CLIENT_ID,
    DECLINE,
    DISCOVER,
    DNS,
    DOMAIN_NAME,
    HOSTNAME,
    INFORM,
    LEASE_TIME,
    MAX_SIZE,
    NAK,
    OFFER,
    PARAMETERS,
    RELEASE,
    REQUEST,
    REQUESTED,
    ROUTERS,
    SERVER_ID,
    SUBNET_MASK,
    T1,
    T2,
    TYPE,
    ip4,
    mac_bytes,
    u32,
)
from support.testbed import SERVER_IP


def test_driver_is_the_one_that_was_asked_for(bed):
    assert bed.server.driver() == bed.driver


# DISCOVER and OFFER


@pytest.mark.rfc("2131 4.3.1 table 3")
def test_offer_fields(bed):
    mac = bed.mac()
    reply = bed.offer(mac, [(PARAMETERS, bytes((1, 3, 6, 15)))], secs=7, flags=BROADCAST_FLAG)
    assert (reply.bootp.op, reply.bootp.htype, reply.bootp.hlen, reply.bootp.hops) == (2, 1, 6, 0)
    assert (reply.bootp.secs, reply.flags) == (0, BROADCAST_FLAG)
    assert (reply.ciaddr, reply.siaddr, reply.giaddr) == ("0.0.0.0", "0.0.0.0", "0.0.0.0")
    assert reply.yiaddr.startswith("10.77.0.") and 10 <= int(reply.yiaddr.split(".")[3]) <= 200
    assert reply.chaddr == mac_bytes(mac) + bytes(10)
    assert not any(reply.sname) and not any(reply.file)
    assert reply.type == OFFER and reply.codes[0] == TYPE
    assert reply.address(SERVER_ID) == SERVER_IP
    assert reply.number(LEASE_TIME) == 3600
    assert reply.address(SUBNET_MASK) == "255.255.255.0"
    assert reply.options[ROUTERS] == ip4("10.77.0.1")
    assert reply.options[DNS] == ip4("192.0.2.53") + ip4("192.0.2.54")
    assert reply.options[DOMAIN_NAME] == b"example.org"
    for forbidden in (REQUESTED, PARAMETERS, CLIENT_ID, MAX_SIZE):
        assert forbidden not in reply.options


@pytest.mark.rfc("2131 4.3.1 table 3")
def test_ack_fields(bed):
    mac = bed.mac()
    ack = bed.lease(mac, [(PARAMETERS, bytes((1, 3)))])
    assert (ack.bootp.op, ack.bootp.secs, ack.ciaddr, ack.siaddr) == (2, 0, "0.0.0.0", "0.0.0.0")
    assert ack.address(SERVER_ID) == SERVER_IP and ack.number(LEASE_TIME) == 3600
    assert ack.chaddr == mac_bytes(mac) + bytes(10)
    renewed = bed.ask(REQUEST, mac, expect=ACK, ciaddr=ack.yiaddr, unicast_from=ack.yiaddr)
    assert (renewed.ciaddr, renewed.yiaddr) == (ack.yiaddr, ack.yiaddr)
    for forbidden in (REQUESTED, PARAMETERS, CLIENT_ID, MAX_SIZE):
        assert forbidden not in ack.options


@pytest.mark.rfc("2131 4.3.1 table 3; 4.3.2")
def test_nak_fields(bed):
    mac = bed.mac()
    nak = bed.ask(REQUEST, mac, [(REQUESTED, ip4("10.99.0.5")), (CLIENT_ID, b"\x00nak")], expect=NAK)
    assert (nak.ciaddr, nak.yiaddr, nak.siaddr) == ("0.0.0.0", "0.0.0.0", "0.0.0.0")
    assert not any(nak.sname) and not any(nak.file)
    assert nak.address(SERVER_ID) == SERVER_IP
    assert nak.options[CLIENT_ID] == b"\x00nak"
    assert set(nak.options) <= {TYPE, SERVER_ID, 56, CLIENT_ID}


@pytest.mark.rfc("2131 4.3.1")
def test_same_client_is_offered_the_same_address_again(bed):
    mac = bed.mac()
    assert bed.offer(mac).yiaddr == bed.offer(mac).yiaddr


@pytest.mark.rfc("2131 4.3.1")
def test_discover_of_a_bound_client_offers_its_address(bed):
    mac = bed.mac()
    assert bed.offer(mac).yiaddr == bed.lease(mac).yiaddr == bed.offer(mac).yiaddr


@pytest.mark.rfc("2131 4.3.1")
def test_former_tenant_gets_its_address_back(bed):
    mac, other = bed.mac(), bed.mac()
    ack = bed.lease(mac)
    bed.silent(RELEASE, mac, [(SERVER_ID, ip4(SERVER_IP))], ciaddr=ack.yiaddr, unicast_from=ack.yiaddr)
    assert bed.lease(other).yiaddr != ack.yiaddr
    assert bed.offer(mac).yiaddr == ack.yiaddr


@pytest.mark.rfc("2131 4.3.1")
def test_requested_address_is_honoured_when_free(bed):
    mac, other = bed.mac(), bed.mac()
    wanted = [(REQUESTED, ip4("10.77.0.123"))]
    assert bed.offer(mac, wanted).yiaddr == "10.77.0.123"
    assert bed.offer(other, wanted).yiaddr != "10.77.0.123"


@pytest.mark.rfc("2131 4.3.1")
def test_requested_address_outside_the_pools_is_not_offered(bed):
    for address in ("10.77.0.205", "10.77.0.105", "10.77.0.0", "10.77.0.255", SERVER_IP, "10.99.0.1"):
        assert bed.offer(bed.mac(), [(REQUESTED, ip4(address))]).yiaddr != address


def test_reservation_inside_and_outside_the_pools(bed):
    reply = bed.offer(PRINTER_MAC, [(PARAMETERS, bytes((1, HOSTNAME)))])
    assert reply.yiaddr == "10.77.0.210" and reply.options[HOSTNAME] == b"printer"
    assert bed.offer(bed.mac(), [(CLIENT_ID, bytes.fromhex("0102005e005321"))]).yiaddr == "10.77.0.211"
    assert bed.offer(bed.mac(), [(REQUESTED, ip4("10.77.0.210"))]).yiaddr != "10.77.0.210"


# REQUEST, four states


@pytest.mark.rfc("2131 4.3.2 SELECTING")
def test_selecting(bed):
    mac = bed.mac()
    offer = bed.offer(mac)
    ack = bed.select(mac, offer)
    assert (ack.type, ack.yiaddr) == (ACK, offer.yiaddr)
    lease = bed.server.leases()[ack.yiaddr]
    assert (lease["state"], lease["hw_address"]) == ("leased", mac)
    assert 3500 < lease["expires_in"] <= 3600


@pytest.mark.rfc("2131 4.3.2 SELECTING")
def test_selecting_another_server_withdraws_our_offer_at_once(bed):
    mac, other = bed.mac(), bed.mac()
    offer = bed.offer(mac)
    reasons = bed.silent(
        REQUEST, mac, [(REQUESTED, ip4(offer.yiaddr)), (SERVER_ID, ip4("10.77.0.77"))]
    )
    assert reasons == {"engine.other-server": 1}
    assert bed.offer(other, [(REQUESTED, ip4(offer.yiaddr))]).yiaddr == offer.yiaddr


@pytest.mark.rfc("2131 4.3.2 SELECTING")
def test_selecting_an_address_of_somebody_else_is_refused(bed):
    ack = bed.lease(bed.mac())
    mac = bed.mac()
    nak = bed.ask(REQUEST, mac, [(REQUESTED, ip4(ack.yiaddr)), (SERVER_ID, ip4(SERVER_IP))], expect=NAK)
    bed.sent_to(nak, BROADCAST_MAC, BROADCAST_IP)


@pytest.mark.rfc("2131 4.3.2 INIT-REBOOT")
def test_init_reboot_with_a_record(bed):
    mac = bed.mac()
    ack = bed.lease(mac)
    again = bed.ask(REQUEST, mac, [(REQUESTED, ip4(ack.yiaddr))], expect=ACK)
    assert again.yiaddr == ack.yiaddr and again.ciaddr == "0.0.0.0"


@pytest.mark.rfc("2131 4.3.2 INIT-REBOOT")
def test_init_reboot_without_a_record_is_silence(bed):
    assert bed.silent(REQUEST, bed.mac(), [(REQUESTED, ip4("10.77.0.150"))]) == {"engine.unknown-client": 1}


@pytest.mark.rfc("2131 4.3.2 INIT-REBOOT")
def test_init_reboot_on_the_wrong_link_is_refused(bed):
    nak = bed.ask(REQUEST, bed.mac(), [(REQUESTED, ip4("10.79.0.20"))], expect=NAK)
    bed.sent_to(nak, BROADCAST_MAC, BROADCAST_IP)


@pytest.mark.rfc("2131 4.3.2 INIT-REBOOT")
def test_init_reboot_with_the_wrong_address_is_refused(bed):
    mac = bed.mac()
    ack = bed.lease(mac)
    wrong = "10.77.0.199" if ack.yiaddr != "10.77.0.199" else "10.77.0.198"
    bed.ask(REQUEST, mac, [(REQUESTED, ip4(wrong))], expect=NAK)


@pytest.mark.rfc("2131 4.3.2")
def test_subnet_without_authority_never_refuses(bed):
    reasons = bed.silent(REQUEST, bed.mac(), [(REQUESTED, ip4("10.99.0.5"))], via="10.82.0.254")
    assert reasons == {"engine.not-authoritative": 1}


@pytest.mark.rfc("2131 4.3.2 RENEWING")
def test_renewing(bed):
    mac = bed.mac()
    ack = bed.lease(mac)
    renewed = bed.ask(REQUEST, mac, expect=ACK, ciaddr=ack.yiaddr, unicast_from=ack.yiaddr)
    assert renewed.yiaddr == ack.yiaddr and renewed.number(LEASE_TIME) == 3600
    bed.sent_to(renewed, mac, ack.yiaddr)


@pytest.mark.rfc("2131 4.3.2 REBINDING")
def test_rebinding(bed):
    mac = bed.mac()
    ack = bed.lease(mac)
    rebound = bed.ask(REQUEST, mac, expect=ACK, ciaddr=ack.yiaddr, source_ip=ack.yiaddr)
    assert rebound.yiaddr == ack.yiaddr
    bed.sent_to(rebound, mac, ack.yiaddr)


@pytest.mark.rfc("2131 4.3.2 RENEWING")
def test_renewing_of_an_address_that_is_somebody_elses_is_refused(bed):
    ack = bed.lease(bed.mac())
    bed.ask(REQUEST, bed.mac(), expect=NAK, ciaddr=ack.yiaddr, unicast_from=ack.yiaddr)


@pytest.mark.rfc("2131 4.3.6 table 4")
def test_request_without_any_address_is_explained(bed):
    assert bed.silent(REQUEST, bed.mac()) == {"engine.incomplete-request": 1}


@pytest.mark.rfc("2131 4.1")
def test_retransmitted_request_gets_the_same_ack(bed):
    mac = bed.mac()
    offer = bed.offer(mac)
    chosen = [(REQUESTED, ip4(offer.yiaddr)), (SERVER_ID, ip4(SERVER_IP))]
    xid = bed.xid()
    first = bed.ask(REQUEST, mac, chosen, expect=ACK, xid=xid)
    before = bed.server.leases()[first.yiaddr]["expires"]
    second = bed.ask(REQUEST, mac, chosen, expect=ACK, xid=xid)
    assert second.payload == first.payload
    assert bed.server.leases()[first.yiaddr]["expires"][:16] == before[:16]
    assert sum(lease["hw_address"] == mac for lease in bed.server.leases().values()) == 1


# DECLINE, RELEASE, INFORM


@pytest.mark.rfc("2131 4.3.3")
def test_decline_puts_the_address_into_quarantine(bed):
    mac, other = bed.mac(), bed.mac()
    ack = bed.lease(mac)
    declined = [(REQUESTED, ip4(ack.yiaddr)), (SERVER_ID, ip4(SERVER_IP))]
    assert bed.silent(DECLINE, mac, declined) == {"engine.declined": 1}
    assert bed.server.leases()[ack.yiaddr]["state"] == "declined"
    assert bed.offer(other, [(REQUESTED, ip4(ack.yiaddr))]).yiaddr != ack.yiaddr
    assert bed.offer(mac).yiaddr != ack.yiaddr


@pytest.mark.rfc("2131 4.3.3")
def test_decline_of_somebody_elses_address_changes_nothing(bed):
    ack = bed.lease(bed.mac())
    declined = [(REQUESTED, ip4(ack.yiaddr)), (SERVER_ID, ip4(SERVER_IP))]
    assert bed.silent(DECLINE, bed.mac(), declined) == {"engine.not-owner": 1}
    assert bed.server.leases()[ack.yiaddr]["state"] == "leased"


@pytest.mark.rfc("2131 4.3.4")
def test_release_by_the_owner_frees_the_address(bed):
    mac, other = bed.mac(), bed.mac()
    ack = bed.lease(mac)
    identifier = [(SERVER_ID, ip4(SERVER_IP))]
    assert bed.silent(RELEASE, mac, identifier, ciaddr=ack.yiaddr, unicast_from=ack.yiaddr) == {
        "engine.released": 1
    }
    assert ack.yiaddr not in bed.server.leases()
    assert bed.offer(other, [(REQUESTED, ip4(ack.yiaddr))]).yiaddr == ack.yiaddr


@pytest.mark.rfc("2131 4.3.4")
def test_release_by_another_client_changes_nothing(bed):
    mac = bed.mac()
    ack = bed.lease(mac)
    forged = dict(ciaddr=ack.yiaddr, unicast_from=ack.yiaddr)
    assert bed.silent(RELEASE, bed.mac(), [(SERVER_ID, ip4(SERVER_IP))], **forged) == {"engine.not-owner": 1}
    identified = [(SERVER_ID, ip4(SERVER_IP)), (CLIENT_ID, b"\x00somebody")]
    assert bed.silent(RELEASE, mac, identified, **forged) == {"engine.not-owner": 1}
    assert bed.server.leases()[ack.yiaddr]["state"] == "leased"


@pytest.mark.rfc("2131 4.3.5")
def test_inform_is_answered_without_an_address(bed):
    mac = bed.mac()
    reply = bed.ask(
        INFORM, mac, [(PARAMETERS, bytes((1, 6)))], expect=ACK, ciaddr="10.77.0.220", source_ip="10.77.0.220"
    )
    assert (reply.yiaddr, reply.ciaddr) == ("0.0.0.0", "10.77.0.220")
    assert not {LEASE_TIME, T1, T2} & set(reply.options)
    assert reply.options[DNS] == ip4("192.0.2.53") + ip4("192.0.2.54")
    bed.sent_to(reply, mac, "10.77.0.220")
    assert "10.77.0.220" not in bed.server.leases()


@pytest.mark.rfc("2131 4.3.5")
def test_inform_without_ciaddr_is_answered_to_the_ip_source(bed):
    mac = bed.mac()
    reply = bed.ask(INFORM, mac, expect=ACK, unicast_from="10.77.0.221")
    assert reply.yiaddr == "0.0.0.0"
    bed.sent_to(reply, mac, "10.77.0.221")


# Times


@pytest.mark.rfc("2131 4.3.1")
def test_lease_time_is_clamped(bed):
    def granted(asked):
        options = [] if asked is None else [(LEASE_TIME, u32(asked))]
        return bed.offer(bed.mac(), options, via="10.79.0.254").number(LEASE_TIME)

    assert [granted(asked) for asked in (None, 1, 0, 700, 5000, INFINITE)] == [600, 300, 300, 700, 1200, 1200]


@pytest.mark.rfc("2131 4.4.5")
def test_t1_and_t2(bed):
    ack = bed.lease(bed.mac())
    assert ack.number(T1) == 1800
    assert 0.86 * 3600 <= ack.number(T2) <= 0.875 * 3600
    assert ack.number(T1) < ack.number(T2) < ack.number(LEASE_TIME)


@pytest.mark.rfc("2131 3.3")
def test_infinite_lease(bed):
    ack = bed.lease(bed.mac(), via="10.80.0.254")
    assert ack.number(LEASE_TIME) == INFINITE
    assert ack.options.get(T1, u32(INFINITE)) == u32(INFINITE)
    assert ack.options.get(T2, u32(INFINITE)) == u32(INFINITE)
    lease = bed.server.leases()[ack.yiaddr]
    assert lease["expires_in"] is None and lease["expires"] is None
