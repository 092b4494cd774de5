"""A power cut in small: 250 clients at once on a /24 with 250 free addresses."""

import random

import pytest
from conftest import driver_ids
from support import dhcp
from support.testbed import Testbed

POOL = {"subnet": "10.77.0.0/24", "interface": "srv0", "pools": [{"range": "10.77.0.5-10.77.0.254"}]}
CLIENTS = 250


def exchange_all(bed, frames, timeout=20.0):
    """Sends all frames at once; {xid: reply}, asking again for those that got lost on the way."""
    waiting, replies = dict(frames), {}
    for _ in range(4):
        for frame in waiting.values():
            bed.wire.send(frame)
        for xid in list(waiting):
            found = bed.wire.replies(xid, timeout / 4 if not replies else 1.0)
            if found:
                replies[xid] = bed.check(found[0])
                del waiting[xid]
        if not waiting:
            return replies
    raise AssertionError(f"{len(waiting)} requests without an answer: {bed.server.dropped()}")


def offers_for(bed, discovers, quiet=0.4):
    """Sends all and collects the offers that come, until none has come for `quiet` seconds."""
    for frame in discovers.values():
        bed.wire.send(frame)
    offers, missing = {}, set(discovers)
    while missing:
        before = len(missing)
        for xid in list(missing):
            found = bed.wire.replies(xid, timeout=quiet if len(missing) == before and xid == min(missing) else 0)
            if found:
                offers[xid] = bed.check(found[0])
                missing.discard(xid)
        if len(missing) == before:
            break
    return offers


@pytest.mark.parametrize("driver", driver_ids())
def test_250_clients_at_once_on_250_addresses(driver, tmp_path):
    """All discover in one burst; who gets no offer (they are limited, so that a flood leaves something) asks again,
    as real clients do."""
    bed = Testbed(driver, tmp_path, [POOL])
    try:
        bed.begin("pool")
        macs = [bed.mac() for _ in range(CLIENTS)]
        waiting, found = list(macs), {}
        for _ in range(12):
            discovers, clients = {}, {}
            for mac in waiting:
                frame, xid = bed.frame(dhcp.DISCOVER, mac)
                discovers[xid], clients[xid] = frame, mac
            offers = offers_for(bed, discovers)
            assert len({offer.yiaddr for offer in offers.values()}) == len(offers)

            requests, owner = {}, {}
            for xid, offer in offers.items():
                chosen = [(dhcp.REQUESTED, dhcp.ip4(offer.yiaddr)), (dhcp.SERVER_ID, offer.options[dhcp.SERVER_ID])]
                frame, request_xid = bed.frame(dhcp.REQUEST, clients[xid], chosen)
                requests[request_xid], owner[request_xid] = frame, clients[xid]
            shuffled = list(requests.items())
            random.Random(250).shuffle(shuffled)
            acks = exchange_all(bed, dict(shuffled))
            assert all(ack.type == dhcp.ACK for ack in acks.values())
            for xid, ack in acks.items():
                assert ack.yiaddr not in found, "an address was given twice"
                found[ack.yiaddr] = owner[xid]
            waiting = [mac for mac in waiting if mac not in set(found.values())]
            if not waiting:
                break
        assert not waiting, f"{len(waiting)} clients without a lease: {bed.server.dropped()}"
        assert set(found) == {f"10.77.0.{last}" for last in range(5, 255)}

        leases = bed.server.leases()
        assert {address: lease["hw_address"] for address, lease in leases.items()} == found

        # The one too many.
        late = "02:00:5e:00:53:fb"
        frame, xid = bed.frame(dhcp.DISCOVER, late)
        before = bed.server.dropped().get("engine.no-free-address", 0)
        bed.wire.send(frame)
        frame, fence = bed.frame(dhcp.REQUEST, macs[0], ciaddr=first_of(found, macs[0]),
                                 unicast_from=first_of(found, macs[0]))  # fmt: skip
        assert bed.wire.exchange(frame, fence).type == dhcp.ACK
        assert not bed.wire.replies(xid, timeout=0.1)
        assert bed.server.dropped()["engine.no-free-address"] == before + 1
        (drop,) = bed.server.ctl("explain", late)["drops"]
        assert drop["reason"] == "engine.no-free-address"
        (subnet,) = bed.server.ctl("subnets")["subnets"]
        assert (subnet["pool_addresses"], subnet["leased"], subnet["free"]) == (CLIENTS, CLIENTS, 0)
        status, metrics = bed.server.http("/metrics")
        assert status == 200
        assert any("xdhcpd_space_units" in line and 'state="free"' in line and line.endswith(" 0")
                   for line in metrics.splitlines())  # fmt: skip

        # One line in the log per change of state, not per client.
        for _ in range(5):
            frame, _ = bed.frame(dhcp.DISCOVER, late)
            bed.wire.send(frame)
        bed.wire.drain()
        assert bed.server.dropped()["engine.no-free-address"] > before
    except BaseException:
        bed.close(check=False)
        raise
    bed.close()


def first_of(addresses, mac):
    return next(address for address, owner in addresses.items() if owner == mac)
