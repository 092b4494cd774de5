"""Rules of the DHCPv4 engine, seen from outside on every driver, scapy as the judge.

What stands in a reply: its options, by request, configuration and relay.
"""

import pytest
from rules import BLOCKS, LONG_OPTION, bed, driver_bed  # noqa: F401
from support.dhcp import (
    CLIENT_ID,
    DISCOVER,
    DNS,
    DOMAIN_NAME,
    HOSTNAME,
    MAX_SIZE,
    NAK,
    OFFER,
    OVERLOAD,
    PARAMETERS,
    RAPID_COMMIT,
    RELAY_INFO,
    REQUEST,
    REQUESTED,
    ROUTERS,
    SUBNET_MASK,
    TYPE,
    encode_options,
    ip4,
    sub_options,
)


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
