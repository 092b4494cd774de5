"""IPv6 clients as they are: the kernel's SLAAC and neighbor resolution, dhclient, dhcp6c, rdisc6; over XDP."""

import json
import re
import shutil
import subprocess

import pytest
from support.netns import eventually, veth
from support.server import Server

DHCP6C = shutil.which("dhcp6c", path="/usr/sbin:/usr/bin")
PREFIX = "2001:db8:77::"
DNS = "2001:db8:77::53"
CONFIG = {
    "log": {"level": "debug", "format": "text"},
    "dhcp6": {
        "preferred-lifetime": "10m",
        "valid-lifetime": "20m",
        "subnets": [
            {
                "subnet": f"{PREFIX}/64",
                "interface": "srv0",
                "pools": [{"range": f"{PREFIX}1000-{PREFIX}1fff"}],
                "prefix-pools": [{"prefix": "2001:db8:100::/40", "delegated-length": 56}],
                "options": {"dns-servers": [DNS]},
            }
        ],
    },
    "router-advertisements": [
        {"interface": "srv0", "managed": True, "prefixes": [{"prefix": f"{PREFIX}/64"}], "dns-servers": [DNS]}
    ],
    "neighbor-proxies": [{"interface": "srv0", "targets": ["2001:db8:99::/64"]}],
}


@pytest.fixture(name="network")
def fixture_network(request, namespaces, tmp_path):
    """(server, client namespace): the server advertises and serves cli0. A parameter adds to the section dhcp6."""
    server_ns, client_ns = namespaces("srv"), namespaces("cli")
    veth(server_ns, "srv0", client_ns, "cli0")
    for namespace, interface in ((server_ns, "srv0"), (client_ns, "cli0")):  # veth() keeps it quiet
        namespace.sysctl(f"net.ipv6.conf.{interface}.disable_ipv6", 0)
    client_ns.sysctl("net.ipv6.conf.cli0.accept_ra", 2)
    server_ns.run("ip", "address", "add", f"{PREFIX}1/64", "dev", "srv0", "nodad")
    config = {
        **CONFIG,
        "dhcp6": {**CONFIG["dhcp6"], **getattr(request, "param", {})},
        "interfaces": [{"name": "srv0", "driver": "xdp"}],
        "control-socket": str(tmp_path / "control.sock"),
        "state-directory": str(tmp_path / "state"),
    }
    with Server(server_ns, tmp_path, config) as server:
        yield server, client_ns


def addresses6(namespace, interface="cli0"):
    """Its global IPv6 addresses that may be used."""
    shown = json.loads(namespace.run("ip", "-json", "-6", "address", "show", "dev", interface, "scope", "global"))
    return [info["local"] for link in shown for info in link.get("addr_info", []) if "local" in info and "tentative" not in info]


def default_route(namespace):
    return namespace.run("ip", "-6", "route", "show", "default").strip()


@pytest.mark.rfc("4862 5.5")
def test_kernel_configures_itself_and_forgets_the_router_that_stops(network):
    server, client = network
    eventually(lambda: any(each.startswith("2001:db8:77:") for each in addresses6(client)), 15, what="SLAAC")
    assert "proto ra" in default_route(client)
    server.stop()
    eventually(lambda: default_route(client) == "", 3, what="the final advertisement takes the route away")
    server.start()
    eventually(lambda: "proto ra" in default_route(client), 5, what="the first advertisement brings it back")


@pytest.mark.rfc("4861 7.2.8")
def test_kernel_resolves_proxied_and_own_addresses(network):
    server, client = network
    eventually(lambda: addresses6(client), 15, what="SLAAC")
    client.run("ip", "route", "add", "2001:db8:99::/64", "dev", "cli0")
    for target in ("2001:db8:99::5", f"{PREFIX}1"):
        client.run("bash", "-c", f"echo x >/dev/udp/{target}/9")
        eventually(
            lambda target=target: "lladdr" in client.run("ip", "-6", "neigh", "show", target, "dev", "cli0"),
            3,
            what=f"{target} is resolved",
        )
    assert server.status()["sent_by_type"]["nd.neighbor-advertisement"] == 1, "the own address is the kernel's matter"


@pytest.mark.rfc("8415 18.2")
def test_dhclient_gets_address_prefix_and_servers(network, tmp_path):
    server, client = network
    eventually(lambda: addresses6(client), 15, what="SLAAC")
    (tmp_path / "dhclient.conf").write_text('interface "cli0" { request dhcp6.name-servers; }\n', encoding="utf-8")
    files = {flag: tmp_path / f"dhclient.{name}" for flag, name in (("-lf", "leases"), ("-pf", "pid"))}
    arguments = [part for flag, path in files.items() for part in (flag, str(path))]
    process = client.popen(
        "dhclient", "-6", "-N", "-P", "-d", "-sf", "/bin/true", "-cf", str(tmp_path / "dhclient.conf"), *arguments, "cli0"
    )
    try:
        leases = eventually(
            lambda: "name-servers" in (text := files["-lf"].read_text(encoding="utf-8", errors="replace")) and text
            if files["-lf"].exists()
            else None,
            20,
            what="dhclient has a lease",
        )
    finally:
        process.kill()
        process.wait(timeout=5)
    assert re.search(rf"iaaddr {PREFIX}1[0-9a-f]{{3}} ", leases), leases
    assert re.search(r"iaprefix 2001:db8:1[0-9a-f]{2}:[0-9a-f]*00::/56 ", leases), leases
    assert f"name-servers {DNS};" in leases
    subnet = server.ask("subnets")["subnets6"][0]
    assert [pool["leased"] for pool in subnet["pools"]] == [1, 1]
    assert server.status()["router_advertisements"][0]["interface"] == "srv0"


def start_dhcp6c(namespace, directory):
    """dhcp6c (WIDE) on cli0: an address there, and a /64 of the delegated prefix on lan0. It keeps its DUID at a fixed
    path, over which it gets a file system of its own; in a plain chroot, where "/" is no mount point, it has the path."""
    configuration = directory / "dhcp6c.conf"
    configuration.write_text(
        "interface cli0 { send ia-na 1, ia-pd 2; request domain-name-servers; };\n"
        "id-assoc na 1 { };\nid-assoc pd 2 { prefix-interface lan0 { sla-id 5; sla-len 8; ifid 9; }; };\n",
        encoding="ascii",
    )
    client = f"exec {DHCP6C} -f -D -c {configuration} -p {directory}/dhcp6c.pid cli0"
    private = ["unshare", "--mount"] if subprocess.run(["unshare", "--mount", "true"], check=False).returncode == 0 else []
    command = [*private, "sh", "-c", f"mount -t tmpfs tmpfs /var/lib/dhcpv6 && {client}" if private else client]
    with open(directory / "dhcp6c.log", "wb") as log:
        return namespace.popen(*command, stdout=log, stderr=subprocess.STDOUT)


@pytest.mark.skipif(DHCP6C is None, reason="dhcp6c is not installed")
@pytest.mark.rfc("8415 18.2")
# With a T2 of less than 30 s, dhcp6c would take times of its own.
@pytest.mark.parametrize(
    "network",
    [{"preferred-lifetime": "32s", "valid-lifetime": "32s", "renew-time-percent": 13, "rebind-time-percent": 98}],
    indirect=True,
)
def test_dhcp6c_gets_renews_and_releases_address_and_prefix(network, tmp_path):
    server, client = network
    veth(client, "lan0", client, "lan1")
    client.sysctl("net.ipv6.conf.lan0.disable_ipv6", 0)
    eventually(lambda: addresses6(client), 15, what="SLAAC")

    def held():
        """(address, address within the delegated prefix), once both are there."""
        leased = [each for each in addresses6(client) if re.fullmatch(rf"{PREFIX}1[0-9a-f]{{3}}", each)]
        return (leased[0], addresses6(client, "lan0")[0]) if leased and addresses6(client, "lan0") else None

    def ends():
        return {lease["type"]: lease["expires"] for lease in server.leases().values()}

    def is_renewed():
        return all(end > granted[kind] for kind, end in ends().items())

    process = start_dhcp6c(client, tmp_path)
    first = eventually(held, 20, what="dhcp6c has an address and a prefix")
    assert re.fullmatch(r"2001:db8:1[0-9a-f]{2}:[0-9a-f]*05::9", first[1]), first
    granted = ends()
    assert granted.keys() == {"address", "prefix"}
    eventually(is_renewed, 15, what="dhcp6c renews both at T1")
    assert held() == first
    asked = server.status()["received_by_type"]
    assert asked["dhcp6.renew"] >= 2 and "dhcp6.rebind" not in asked and ends().keys() == granted.keys()
    process.terminate()
    assert process.wait(timeout=10) == 0
    assert not set(first) & {*addresses6(client), *addresses6(client, "lan0")}
    eventually(lambda: ends() == {}, 3, what="both are released")
    assert server.status()["received_by_type"]["dhcp6.release"] == 2


@pytest.mark.rfc("4861 6.2.6")
def test_rdisc6_is_answered(network):
    _, client = network
    eventually(lambda: addresses6(client), 15, what="the link is ready")
    said = client.run("rdisc6", "-1", "cli0")
    for line in (r"Stateful address conf\.\s+:\s+Yes", rf"Prefix\s+: {PREFIX}/64", rf"Recursive DNS server\s+: {DNS}"):
        assert re.search(line, said), said
