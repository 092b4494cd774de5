"""Real clients: each gets a lease, renews it by unicast, releases it, and gets the same address again."""

import time

import pytest
from conftest import driver_ids
from support.clients import KINDS, Client
from support.netns import RUN_PREFIX, eventually, veth
from support.server import Server, configuration

LEASE_SECONDS = 8  # T1 after four: clients without a trigger renew by themselves
SUBNET = {
    "subnet": "10.77.0.0/24",
    "interface": "srv0",
    "pools": [{"range": "10.77.0.10-10.77.0.250"}],
    "options": {"routers": ["10.77.0.1"], "domain-name-servers": ["192.0.2.53"]},
}
CASES = [("xdp", kind) for kind in KINDS] + [(driver, "udhcpc") for driver in driver_ids() if driver != "xdp"]


def round_trip(server, client):
    """Get, renew, release, get again; every step seen from the client's interface and from the server."""
    address = client.start()
    lease = server.leases()[address]
    assert lease["state"] == "leased" and lease["expires_in"] <= LEASE_SECONDS

    received = server.status()["received_by_type"]
    # udhcpc keeps its xid: within a quarter of the lease its renewal counts as a retransmission.
    time.sleep(LEASE_SECONDS / 4 + 1)
    triggered = client.renew()
    eventually(
        lambda: server.status()["received_by_type"]["request"] > received["request"],
        timeout=3 if triggered else LEASE_SECONDS,
        what=f"{client.kind} renews",
    )
    assert server.leases()[address]["expires_in"] >= LEASE_SECONDS - 1, "the lease begins anew"
    after = server.status()["received_by_type"]
    assert after["discover"] == received["discover"], "a renewal needs no DISCOVER"
    assert client.namespace.addresses(client.interface) == [address]

    client.release()
    eventually(lambda: address not in server.leases(), what=f"{client.kind} releases")
    assert server.status()["received_by_type"]["release"] >= 1

    assert client.start() == address, "a former tenant gets its address back"
    assert server.leases()[address]["state"] == "leased"
    return address


@pytest.mark.rfc("2131 4.4")
@pytest.mark.parametrize(("driver", "kind"), CASES)
def test_client_gets_renews_releases_and_gets_again(namespaces, tmp_path, driver, kind):
    server_ns, client_ns = namespaces("srv"), namespaces("cli")
    # dhcpcd keeps files by interface name in fixed directories: the name is of this run only.
    interface = f"x{RUN_PREFIX.split('-')[1][-6:]}c"
    veth(server_ns, "srv0", client_ns, interface)
    server_ns.run("ip", "address", "add", "10.77.0.1/24", "dev", "srv0")
    times = {"default": f"{LEASE_SECONDS}s", "min": "4s", "max": "1h"}
    config = configuration("srv0", driver, [SUBNET], tmp_path, lease_time=times)
    with Server(server_ns, tmp_path, config) as server:
        assert server.driver() == driver
        client = Client(kind, client_ns, interface, tmp_path / kind)
        try:
            round_trip(server, client)
        finally:
            client.close()
            if driver.startswith("xdp"):
                print(server.xdp_verdicts())
        assert server.driver() != "xdp" or sum(server.xdp_verdicts().values()) > 0
