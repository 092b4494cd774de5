"""Every rule of the DHCPv4 engine, seen from outside on every driver, scapy as the judge.

Each test runs on each driver against one server per driver, in the same order, with the same frames; the DHCP
payloads of the replies must not differ between drivers (the fixture compares them).
"""

import random
import socket

import pytest
from conftest import driver_ids, hold_payloads_equal
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
    OVERLOAD,
    PARAMETERS,
    RAPID_COMMIT,
    RELAY_INFO,
    RELEASE,
    REQUEST,
    REQUESTED,
    ROUTERS,
    SERVER_ID,
    SUBNET_MASK,
    SUBNET_SELECTION,
    T1,
    T2,
    TYPE,
    encode_options,
    ip4,
    mac_bytes,
    sub_options,
    u32,
)
from support.testbed import SERVER_IP, SERVER_MAC, Testbed

INFINITE = 0xFFFFFFFF
LONG_OPTION = bytes(range(256)) + b"long" * 11  # 300 bytes: two instances on the wire
BLOCKS = {code: bytes((code,)) * length for code, length in ((224, 100), (225, 100), (226, 100), (227, 50))}
PRINTER_MAC = "02:00:5e:00:53:20"


def hex_option(value):
    return {"type": "hex", "value": "0x" + value.hex()}


SUBNETS = [
    {
        "subnet": "10.77.0.0/24",
        "interface": "srv0",
        "pools": [{"range": "10.77.0.10-10.77.0.200"}],
        "exclude": ["10.77.0.100-10.77.0.109"],
        "options": {
            "routers": ["10.77.0.1"],
            "domain-name-servers": ["192.0.2.53", "192.0.2.54"],
            "domain-name": "example.org",
        },
        "reservations": [
            {"hw-address": PRINTER_MAC, "address": "10.77.0.210", "hostname": "printer"},
            {"client-id": "01:02:00:5e:00:53:21", "address": "10.77.0.211"},
        ],
    },
    # Nothing may be leased of this one but .2, .3 and .4: network, router, local, relay and broadcast address.
    {
        "subnet": "192.0.2.0/29",
        "pools": [{"range": "192.0.2.0-192.0.2.7"}],
        "options": {"routers": ["192.0.2.1"]},
    },
    {"subnet": "10.79.0.0/24", "lease-time": {"default": "10m", "min": "5m", "max": "20m"},
     "pools": [{"range": "10.79.0.10-10.79.0.99"}]},
    {"subnet": "10.80.0.0/24", "lease-time": "infinite", "pools": [{"range": "10.80.0.10-10.80.0.99"}]},
    {"subnet": "10.81.0.0/24", "pools": [{"range": "10.81.0.10-10.81.0.99"}],
     "options": {"230": hex_option(LONG_OPTION), **{str(code): hex_option(value) for code, value in BLOCKS.items()}}},
    {"subnet": "10.82.0.0/24", "authoritative": False, "pools": [{"range": "10.82.0.10-10.82.0.99"}]},
    {"subnet": "10.83.0.0/24", "relays": ["10.83.0.254"], "pools": [{"range": "10.83.0.10-10.83.0.99"}]},
    {"subnet": "198.51.100.0/29", "shared-network": "floor", "pools": [{"range": "198.51.100.2-198.51.100.3"}]},
    {"subnet": "203.0.113.0/24", "shared-network": "floor", "pools": [{"range": "203.0.113.10-203.0.113.99"}]},
    {"subnet": "10.84.0.0/24", "next-server": "10.84.0.5", "server-hostname": "boot.example.org",
     "boot-file-name": "pxelinux.0", "pools": [{"range": "10.84.0.10-10.84.0.99"}]},
]  # fmt: skip


@pytest.fixture(scope="module", params=driver_ids())
def driver_bed(request, tmp_path_factory):
    driver = request.param
    bed = Testbed(driver, tmp_path_factory.mktemp(f"rules-{driver}"), SUBNETS, local=["192.0.2.5"])
    bed.begin("fence")
    bed.fence()
    yield bed
    bed.close()


@pytest.fixture
def bed(driver_bed, request):
    name = request.node.name.replace(driver_bed.driver, "", 1)
    driver_bed.begin(name)
    yield driver_bed
    hold_payloads_equal(name, driver_bed)


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


# Options of the reply


@pytest.mark.rfc("2132 9.8")
def test_parameter_request_list_orders_and_selects(bed):
    asked = [DOMAIN_NAME, DNS, ROUTERS]
    reply = bed.offer(bed.mac(), [(PARAMETERS, bytes(asked))])
    assert [code for code in reply.codes if code in asked] == asked
    reply = bed.offer(bed.mac(), [(PARAMETERS, bytes((SUBNET_MASK, DNS)))])
    assert DNS in reply.options and not {DOMAIN_NAME, ROUTERS} & set(reply.options)


@pytest.mark.rfc("2132 3.3")
def test_subnet_mask_stands_before_routers(bed):
    codes = bed.offer(bed.mac(), [(PARAMETERS, bytes((ROUTERS, SUBNET_MASK)))]).codes
    assert codes.index(SUBNET_MASK) < codes.index(ROUTERS)


@pytest.mark.rfc("2132 9.8")
def test_an_option_asked_for_twice_is_sent_once(bed):
    codes = bed.offer(bed.mac(), [(PARAMETERS, bytes((6, 6, 1, 1, 54, 51, 53)))]).codes
    assert len(codes) == len(set(codes))


@pytest.mark.rfc("6842 3")
def test_client_identifier_is_echoed(bed):
    mac, identifier = bed.mac(), b"\xff\x01\x02\x03\x04\x00\x03\x00\x01" + bytes(6)
    offer = bed.offer(mac, [(CLIENT_ID, identifier)])
    ack = bed.select(mac, offer, [(CLIENT_ID, identifier)])
    assert offer.options[CLIENT_ID] == ack.options[CLIENT_ID] == identifier
    assert CLIENT_ID not in bed.offer(bed.mac()).options


@pytest.mark.rfc("2131 4.2")
def test_client_identifier_names_the_client(bed):
    mac, identifier = bed.mac(), [(CLIENT_ID, b"\x00same client")]
    first = bed.lease(mac, identifier)
    assert bed.offer(bed.mac(), identifier).yiaddr == first.yiaddr
    assert bed.offer(mac).yiaddr != first.yiaddr


@pytest.mark.rfc("2132 9.14")
def test_too_short_client_identifier_falls_back_to_chaddr(bed):
    mac = bed.mac()
    assert bed.offer(mac, [(CLIENT_ID, b"\x01")]).yiaddr == bed.offer(mac).yiaddr


@pytest.mark.rfc("2131 2")
def test_boot_fields(bed):
    offer = bed.offer(bed.mac(), via="10.84.0.254")
    assert offer.siaddr == "10.84.0.5"
    assert offer.sname.rstrip(b"\0") == b"boot.example.org" and offer.file.rstrip(b"\0") == b"pxelinux.0"


@pytest.mark.rfc("3396 5")
def test_long_option_is_split(bed):
    reply = bed.offer(bed.mac(), [(PARAMETERS, bytes((1, 230))), (MAX_SIZE, b"\x05\xc0")], via="10.81.0.254")
    assert reply.codes.count(230) == 2 and reply.options[230] == LONG_OPTION


@pytest.mark.rfc("3396 7")
def test_split_options_of_a_request_are_joined(bed):
    identifier = bytes(range(1, 41))
    options = [(CLIENT_ID, identifier[:25]), (PARAMETERS, b"\x01"), (CLIENT_ID, identifier[25:]), (PARAMETERS, b"\x06")]
    reply = bed.offer(bed.mac(), options)
    assert reply.options[CLIENT_ID] == identifier
    assert DNS in reply.options and SUBNET_MASK in reply.options and ROUTERS not in reply.options


@pytest.mark.rfc("2132 9.3")
def test_overload_is_used_when_options_do_not_fit(bed):
    reply = bed.offer(bed.mac(), [(PARAMETERS, bytes((1, *BLOCKS)))], via="10.81.0.254")
    assert OVERLOAD in reply.options
    assert {code: reply.options.get(code) for code in BLOCKS} == BLOCKS
    assert len(reply.payload) <= 548


@pytest.mark.rfc("2132 9.3")
def test_overload_of_a_request_is_read(bed):
    in_file = encode_options([(REQUESTED, ip4("10.77.0.140"))])
    reply = bed.offer(bed.mac(), [(OVERLOAD, b"\x01")], file=in_file)
    assert reply.yiaddr == "10.77.0.140"
    in_sname = encode_options([(REQUESTED, ip4("10.77.0.141"))])
    reply = bed.offer(bed.mac(), [(OVERLOAD, b"\x03")], sname=in_sname, file=encode_options([(PARAMETERS, b"\x06")]))
    assert reply.yiaddr == "10.77.0.141" and DNS in reply.options and ROUTERS not in reply.options


@pytest.mark.rfc("2132 9.10")
def test_maximum_size_below_576_counts_as_576_and_limits_before_option_82(bed):
    relay_info = sub_options((1, b"circuit" * 10), (2, b"remote" * 10))
    asked = [(PARAMETERS, bytes((1, 230, *BLOCKS)))]
    sizes = []
    for maximum in ([], [(MAX_SIZE, b"\x00\x40")], [(MAX_SIZE, b"\x02\x40")]):
        reply = bed.offer(bed.mac(), asked + maximum + [(RELAY_INFO, relay_info)], via="10.81.0.254")
        assert reply.options[RELAY_INFO] == relay_info
        without = len(reply.payload) - len(reply.padding) - len(relay_info) - 2
        assert 500 < without <= 548
        sizes.append(without)
    assert len(set(sizes)) == 1
    reply = bed.offer(bed.mac(), asked + [(MAX_SIZE, b"\x05\xc0"), (RELAY_INFO, relay_info)], via="10.81.0.254")
    assert reply.options[230] == LONG_OPTION and all(reply.options[code] == BLOCKS[code] for code in BLOCKS)


@pytest.mark.rfc("2132 3.1, 3.2")
def test_pad_anywhere_and_a_missing_end(bed):
    raw = bytes(7) + bytes((TYPE, 1, DISCOVER)) + bytes(3) + bytes((PARAMETERS, 1, 6)) + bytes(40)
    reply = bed.ask(None, bed.mac(), raw_options=raw, expect=OFFER)
    assert DNS in reply.options and ROUTERS not in reply.options
    raw = bytes((TYPE, 1, DISCOVER)) + bytes((REQUESTED, 4)) + ip4("10.77.0.142")
    assert bed.ask(None, bed.mac(), raw_options=raw, payload_length=246 + 3, expect=OFFER).yiaddr == "10.77.0.142"


@pytest.mark.rfc("4039 3")
def test_rapid_commit_is_off_by_default(bed):
    assert RAPID_COMMIT not in bed.offer(bed.mac(), [(RAPID_COMMIT, b"")]).options


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


# Relay information


@pytest.mark.rfc("3046 2.2")
def test_relay_information_is_echoed_byte_for_byte_and_last(bed):
    relay_info = sub_options((1, b"eth0/1:100"), (200, b"\x00\xff\x00"), (2, b"\x00\x01remote"), (1, b"again"))
    mac, options = bed.mac(), [(RELAY_INFO, relay_info), (HOSTNAME, b"behind-relay")]
    offer = bed.offer(mac, options, via="10.79.0.254")
    ack = bed.select(mac, offer, options, via="10.79.0.254")
    nak = bed.ask(REQUEST, bed.mac(), [(REQUESTED, ip4("10.99.0.5")), (RELAY_INFO, relay_info)],
                  expect=NAK, via="10.79.0.254")  # fmt: skip
    for reply in (offer, ack, nak):
        assert reply.options[RELAY_INFO] == relay_info and reply.codes[-1] == RELAY_INFO
    assert bed.server.leases()[ack.yiaddr]["relay_information"] == relay_info.hex()


@pytest.mark.rfc("3046 2.2; 3396 7")
def test_long_relay_information_is_echoed(bed):
    relay_info = sub_options((1, bytes(range(200))), (2, bytes(range(100))))
    reply = bed.offer(bed.mac(), [(RELAY_INFO, relay_info)], via="10.79.0.254")
    assert reply.options[RELAY_INFO] == relay_info and reply.codes[-2:] == [RELAY_INFO] * 2


@pytest.mark.rfc("3046 2.1")
def test_relay_information_without_giaddr_is_legal(bed):
    mac, relay_info = bed.mac(), sub_options((1, b"trusted-switch"))
    reply = bed.offer(mac, [(RELAY_INFO, relay_info)])
    assert reply.options[RELAY_INFO] == relay_info and reply.codes[-1] == RELAY_INFO
    bed.sent_to_unconfigured(reply, mac)


@pytest.mark.rfc("1542 4.1.1")
def test_more_than_sixteen_hops_is_dropped(bed):
    assert bed.offer(bed.mac(), via="10.79.0.254", hops=16).yiaddr.startswith("10.79.0.")
    assert bed.silent(DISCOVER, bed.mac(), via="10.79.0.254", hops=17) == {"engine.too-many-hops": 1}


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
