"""More clients than the kernel has room for neighbours (net.ipv4.neigh.default.gc_thresh3, one table for all
namespaces): the udp driver, whose unicast replies need an entry each."""

import pathlib
import struct
import time

import pytest
from support import dhcp
from support.netns import eventually
from support.testbed import Testbed

SUBNET = {"subnet": "10.77.0.0/16", "interface": "srv0", "pools": [{"range": "10.77.1.0-10.77.250.254"}]}
BEYOND = 300


def running_bed(directory, *prefix):
    made = Testbed("udp", directory, [SUBNET], serve=False)
    made.server_ns.run("ip", "address", "replace", "10.77.0.1/16", "dev", "srv0")
    made.server.prefix = list(prefix)
    made.server.start()
    made.begin("neighbours")
    return made


@pytest.fixture
def bed(tmp_path):
    made = running_bed(tmp_path)
    yield made
    made.close()


@pytest.fixture
def plain_bed(tmp_path):
    """As the driver is meant to run: without CAP_NET_RAW."""
    made = running_bed(tmp_path, "setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw")
    yield made
    made.close()


def table_size():
    return int(pathlib.Path("/proc/sys/net/ipv4/neigh/default/gc_thresh3").read_text(encoding="ascii"))


def mac_of(number):
    return "02:00:5e:" + struct.pack("!I", number).hex(":")[3:]


def ask_all(bed, addresses, fields, fence=True):
    """One INFORM from each address, as fast as they are answered; {address: reply or None}."""
    found = {}
    for number, address in enumerate(addresses):
        frame, xid = bed.frame(dhcp.INFORM, mac_of(number), ciaddr=address, xid=0x10000 + number,
                               **fields(address))  # fmt: skip
        bed.wire.send(frame)
        found[address] = xid
        if number % 16 == 15:
            time.sleep(0.005)  # a server that falls behind would shed
            bed.wire.drain()
    if fence:  # a broadcast answer, which takes a neighbour as well
        bed.fence()
    eventually(lambda: bed.server.status()["received_by_type"]["inform"] == len(found), what="all have arrived")
    bed.wire.drain()
    replies = {address: bed.wire.replies(xid, timeout=0.001) for address, xid in found.items()}
    assert all(len(some) <= 1 for some in replies.values())
    return {address: bed.check(some[0]) if some else None for address, some in replies.items()}


def addresses_of(third):
    return [f"10.77.{third + number // 250}.{number % 250 + 1}" for number in range(table_size() + BEYOND)]


def not_sent(bed):
    return bed.server.dropped().get("worker.not-sent", 0)


def test_every_client_is_answered_although_the_table_of_neighbours_is_full(bed):
    addresses = addresses_of(100)
    replies = ask_all(bed, addresses, lambda address: {"unicast_from": address})
    silent = [address for address, reply in replies.items() if reply is None]
    status = bed.server.check_accounts()
    assert status["sent_by_type"]["ack"] == len(addresses) - len(silent), status
    assert not silent, f"{len(silent)} of {len(addresses)} got nothing: {status}"
    assert all(reply.ip.dst == address for address, reply in replies.items())
    # Those that did not fit went to the client's own MAC, the others where ARP said.
    direct = [reply for number, reply in enumerate(replies.values()) if reply.ether.dst == mac_of(number)]
    assert len(direct) >= BEYOND


def test_without_privileges_who_got_no_reply_is_explained(plain_bed):
    addresses = addresses_of(100)
    replies = ask_all(plain_bed, addresses, lambda address: {"unicast_from": address}, fence=False)
    silent = [address for address, reply in replies.items() if reply is None]
    status = plain_bed.server.check_accounts()
    assert len(silent) >= BEYOND, "the table is larger than it says"
    assert not_sent(plain_bed) == len(silent), status
    assert status["sent_by_type"]["ack"] == len(addresses) - len(silent), status
    assert "gc_thresh3" in plain_bed.server.ctl_process("explain").stdout


def test_a_reply_to_a_relay_that_the_kernel_refuses_is_explained(bed):
    """A relay cannot be reached by broadcast: what the kernel did not send has a reason, and is not an answer."""
    relays = addresses_of(100)
    replies = ask_all(bed, relays, lambda address: {"via": address})
    silent = [address for address, reply in replies.items() if reply is None]
    status = bed.server.check_accounts()
    assert len(silent) >= BEYOND, "the table is larger than it says"
    assert not_sent(bed) == len(silent), status
    assert status["sent_by_type"]["ack"] == len(relays) - len(silent), status
    drops = bed.server.ask("explain")["drops"]
    refused = [drop for drop in drops if drop["reason"] == "worker.not-sent"]
    assert refused and {drop["giaddr"] for drop in refused} <= set(silent), refused[:3]
    # The next request, a broadcast answer, is not held up behind them.
    bed.fence()
