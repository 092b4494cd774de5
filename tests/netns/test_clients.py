"""Real clients: each gets a lease, renews it by unicast, releases it, and gets the same address again; on a link with
IPv6, addresses of both families, a delegated prefix, servers and default routes."""

import ipaddress
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


POOL6 = ipaddress.ip_network("2001:db8:77::1000/116")
PREFIXES = ipaddress.ip_network("2001:db8:7700::/40")
DNS6 = "2001:db8:77::53"
DHCP6 = {
    "preferred-lifetime": f"{LEASE_SECONDS}s",
    "valid-lifetime": f"{4 * LEASE_SECONDS}s",
    "subnets": [
        {
            "subnet": "2001:db8:77::/64",
            "interface": "srv0",
            "pools": [{"range": f"{POOL6[0]}-{POOL6[-1]}"}],
            "prefix-pools": [{"prefix": str(PREFIXES), "delegated-length": 56}],
            "options": {"dns-servers": [DNS6]},
        }
    ],
}
ADVERTISEMENT = {
    "interface": "srv0",
    "managed": True,
    "other": True,
    "prefixes": [{"prefix": "2001:db8:77::/64"}],
    "dns-servers": [DNS6],
}
# systemd-networkd 252 gives its address of IPv4 back, what it has of IPv6 it keeps until that ends.
RELEASES6 = ("dhclient", "dhcpcd")


@pytest.fixture(name="dual")
def fixture_dual(namespaces, tmp_path):
    """dual(kind): a server and a client, not started, on a link with both families."""
    started = []

    def make(kind):
        server_ns, client_ns = namespaces("srv"), namespaces("cli")
        interface = f"x{RUN_PREFIX.split('-')[1][-6:]}c"
        veth(server_ns, "srv0", client_ns, interface)
        for namespace, name in ((server_ns, "srv0"), (client_ns, interface)):
            namespace.sysctl(f"net.ipv6.conf.{name}.disable_ipv6", 0)
        server_ns.run("ip", "address", "add", "10.77.0.1/24", "dev", "srv0")
        server_ns.run("ip", "address", "add", "2001:db8:77::1/64", "dev", "srv0", "nodad")
        config = configuration("srv0", "xdp", [SUBNET], tmp_path)
        config |= {"dhcp6": DHCP6, "router-advertisements": [ADVERTISEMENT]}
        client = Client(kind, client_ns, interface, tmp_path / kind, families="46")
        started.append(client)
        return Server(server_ns, tmp_path, config), client

    yield make
    for client in started:
        client.close()


def all_facts(client, names):
    """What the client has once it has all of `names`."""

    def complete():
        facts = client.facts()
        return facts if all(facts[name] for name in names) else None

    return eventually(complete, 25, 0.2, f"{client.kind} has {names}; {client.log()}")


def renewals(server):
    received = server.status()["received_by_type"]
    return received.get("dhcp6.renew", 0) + received.get("dhcp6.rebind", 0)


def leased6(server):
    """Leased addresses and leased prefixes."""
    return [pool["leased"] for pool in server.ask("subnets")["subnets6"][0]["pools"]]


@pytest.mark.rfc("4862 5.5")
def test_udhcpc_has_the_addresses_of_the_kernel_beside_it(dual):
    server, client = dual("udhcpc")
    with server:
        client.start()
        facts = all_facts(client, ("address4", "route4", "dns4", "address6", "route6"))
        assert ipaddress.ip_address(facts["address6"]) in ipaddress.ip_network("2001:db8:77::/64")
        assert facts["route6"] == link_local(server.namespace)
        assert facts["prefix"] == "" and leased6(server) == [0, 0]


@pytest.mark.rfc("8415 18.2")
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "udhcpc"])
def test_client_of_both_families_gets_renews_and_releases(dual, kind):
    server, client = dual(kind)
    with server:
        client.start()
        facts = all_facts(client, ("address4", "route4", "dns4", "address6", "prefix", "route6", "dns6"))
        assert facts["address4"] in server.leases()
        assert facts["route4"] == "10.77.0.1" and facts["dns4"] == "192.0.2.53"
        assert ipaddress.ip_address(facts["address6"]) in POOL6
        prefix = ipaddress.ip_network(facts["prefix"])
        assert prefix.subnet_of(PREFIXES) and prefix.prefixlen == 56
        assert facts["dns6"] == DNS6
        assert facts["route6"] == link_local(server.namespace)
        assert leased6(server) == [1, 1]
        route = f"{prefix} via {link_local(client.namespace, client.interface)} dev srv0"
        eventually(lambda: route in routes6(server), what=f"the gateway has {route}")

        before = renewals(server)
        client.renew()
        # systemd-networkd wakes up to ten seconds late, and rebinds when both times have passed by then.
        eventually(lambda: renewals(server) > before, timeout=2 * LEASE_SECONDS, what=f"{kind} renews")
        time.sleep(0.5)
        again = client.facts()
        assert again == facts, "a renewal changes nothing"
        if kind != "systemd-networkd":
            assert "dhcp6.rebind" not in server.status()["received_by_type"], "the server answers who renews"
        assert leased6(server) == [1, 1]

        client.release()
        if kind in RELEASES6:
            eventually(lambda: leased6(server) == [0, 0], what=f"{kind} releases")
            assert server.status()["received_by_type"]["dhcp6.release"] >= 1
            eventually(lambda: route not in routes6(server), what="the route goes with the lease")


def routes6(server):
    return server.namespace.run("ip", "-6", "route")


def link_local(namespace, interface="srv0"):
    shown = namespace.run("ip", "-6", "-o", "address", "show", "dev", interface, "scope", "link")
    return shown.split("inet6 ")[1].split("/")[0]
