"""Routes to delegated prefixes: they come with the lease, survive a killed server, go with the lease."""

import ipaddress
import json

import pytest
from support.netns import eventually, veth
from support.server import Server, configuration
from test_gun import SERVER_MAC, gun

PROTOCOL = "120"  # host/route_table.h
SUBNET = {"subnet": "2001:db8:77::/64", "interface": "srv0",
          "prefix-pools": [{"prefix": "2001:db8:8000::/40", "delegated-length": 56}]}  # fmt: skip
COUNT = 20
CLIENTS = ("--family", "6", "--association", "prefix", "--clients", str(COUNT))


@pytest.fixture
def sides(namespaces):
    server, client = namespaces("s"), namespaces("c")
    veth(server, "srv0", client, "cli0", left_mac=SERVER_MAC)
    for side, interface in ((server, "srv0"), (client, "cli0")):
        side.sysctl(f"net.ipv6.conf.{interface}.accept_dad", 0)
        side.sysctl(f"net.ipv6.conf.{interface}.disable_ipv6", 0)
    server.run("ip", "addr", "add", "2001:db8:77::1/64", "dev", "srv0", "nodad")
    eventually(lambda: "fe80::" in server.run("ip", "-6", "addr", "show", "dev", "srv0", "scope", "link"), 5)
    return server, client


def settings(directory, **more):
    config = configuration("srv0", "xdp", [], directory)
    del config["dhcp4"]
    config["dhcp6"] = {"subnets": [SUBNET], "valid-lifetime": "1h", "preferred-lifetime": "30m", **more}
    return config


def routes(namespace):
    found = json.loads(namespace.run("ip", "-6", "-j", "route", "show", "proto", PROTOCOL) or "[]")
    return {route["dst"]: (route.get("gateway", ""), route["dev"]) for route in found}


def delegated(ledger):
    lines = [line.split() for line in ledger.read_text().splitlines() if not line.startswith("#")]
    return {line[1]: line[0] for line in lines}


def link_local(mac):
    octets = [int(octet, 16) for octet in mac.split(":")]
    octets[0] ^= 2
    groups = [octets[0] << 8 | octets[1], octets[2] << 8 | 0xFF, 0xFE00 | octets[3], octets[4] << 8 | octets[5]]
    return str(ipaddress.ip_address("fe80::" + ":".join(f"{group:x}" for group in groups)))


def test_come_with_the_lease_survive_kill_and_go_when_switched_off(sides, tmp_path):
    server, client = sides
    ledger = tmp_path / "ledger"
    running = Server(server, tmp_path, settings(tmp_path))
    running.start()
    gun(client, "--scenario", "dora", "--count", str(COUNT), "--ledger", str(ledger), *CLIENTS)
    leases = delegated(ledger)
    assert len(leases) == COUNT
    eventually(lambda: set(routes(server)) == set(leases), 5, what="routes to all prefixes")
    assert all(via == (link_local(leases[prefix]), "srv0") for prefix, via in routes(server).items())

    running.kill()
    assert set(routes(server)) == set(leases)  # traffic goes on
    lost = sorted(leases)[0]
    server.run("ip", "-6", "route", "del", lost, "proto", PROTOCOL)
    server.run("ip", "-6", "route", "add", "2001:db8:ffff::/48", "via", "fe80::1", "dev", "srv0", "proto", PROTOCOL)
    server.run("ip", "-6", "route", "add", "2001:db8:eeee::/48", "via", "fe80::1", "dev", "srv0")  # somebody else's
    running.start()
    eventually(lambda: set(routes(server)) == set(leases), 5, what="what the leases say")
    assert "2001:db8:eeee::/48" in server.run("ip", "-6", "route")

    running.config_path.write_text(json.dumps(settings(tmp_path, **{"delegated-routes": False})), encoding="utf-8")
    running.ctl("reload")
    eventually(lambda: routes(server) == {}, 5, what="no routes")
    assert "2001:db8:eeee::/48" in server.run("ip", "-6", "route")
    running.stop()


def test_come_back_with_their_interface(sides, tmp_path):
    server, client = sides
    with Server(server, tmp_path, settings(tmp_path)):
        gun(client, "--scenario", "dora", "--count", str(COUNT), *CLIENTS)
        eventually(lambda: len(routes(server)) == COUNT, 5, what="routes to all prefixes")
        server.run("ip", "link", "set", "srv0", "down")
        server.run("ip", "link", "set", "srv0", "up")
        eventually(lambda: len(routes(server)) == COUNT, 20, what="routes again")


def has_vlan_interfaces(namespace):
    try:
        namespace.run("ip", "link", "add", "probe", "link", "lo", "type", "vlan", "id", "1")
    except RuntimeError:
        return False
    namespace.run("ip", "link", "del", "probe")
    return True


def test_of_a_vlan_lead_to_the_hosts_interface_there(sides, tmp_path):
    server, client = sides
    ledger = tmp_path / "ledger"
    config = settings(tmp_path, subnets=[{**SUBNET, "vlan": 100}])
    config["interfaces"][0]["driver"] = "packet"
    with Server(server, tmp_path, config) as running:
        gun(client, "--scenario", "dora", "--count", str(COUNT), "--ledger", str(ledger), "--vlan", "100", *CLIENTS)
        leases = delegated(ledger)
        assert len(leases) == COUNT
        eventually(lambda: running.status()["delegated_routes"]["wanted"] == COUNT, 5, what="they are wanted")
        counts = running.status()["delegated_routes"]
        assert (counts["installed"], counts["failed"]) == (0, 0), "no interface there"
        assert routes(server) == {}
        if not has_vlan_interfaces(server):
            pytest.skip("this kernel has no VLAN interfaces: only that there are no routes was seen")
        server.run("ip", "link", "add", "customers", "link", "srv0", "type", "vlan", "id", "100")
        server.run("ip", "link", "set", "customers", "up")
        eventually(lambda: set(routes(server)) == set(leases), 15, what="routes to all prefixes")
        assert all(via == (link_local(leases[prefix]), "customers") for prefix, via in routes(server).items())
        eventually(lambda: running.status()["delegated_routes"]["installed"] == COUNT, 5, what="they are counted")
        assert "xdhcpd_delegated_routes_installed 20" in running.http("/metrics")[1]
        server.run("ip", "link", "del", "customers")
        eventually(lambda: running.status()["delegated_routes"]["installed"] == 0, 15, what="they are gone")


def test_relayed_prefixes_have_none(sides, tmp_path):
    server, client = sides
    with Server(server, tmp_path, settings(tmp_path)):
        relay = ("--relay", "2001:db8:77::2", "--server", "2001:db8:77::1", "--server-mac", SERVER_MAC)
        report = gun(client, "--scenario", "dora", "--count", str(COUNT), *relay, *CLIENTS)
        assert report["exchanges_completed"] == COUNT
        assert routes(server) == {}
