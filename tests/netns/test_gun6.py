"""xdhcpgun --family 6 against other DHCPv6 servers (dnsmasq, ISC dhcpd): every reply valid."""

import pytest
from support.netns import eventually, veth
from test_gun import SERVER_MAC, gun
from test_gun_servers import program, start

SERVER_ADDRESS = "2001:db8:77::1"


@pytest.fixture
def sides(namespaces):
    server, client = namespaces("s"), namespaces("c")
    for side in (server, client):
        side.run("sysctl", "-q", "-w", "net.ipv6.conf.default.accept_dad=0")
    veth(server, "srv0", client, "cli0", left_mac=SERVER_MAC)
    for side, interface in ((server, "srv0"), (client, "cli0")):
        side.run("sysctl", "-q", "-w", f"net.ipv6.conf.{interface}.disable_ipv6=0")
    server.run("ip", "addr", "add", f"{SERVER_ADDRESS}/64", "dev", "srv0", "nodad")
    for side in (server, client):
        eventually(lambda side=side: "fe80::" in side.run("ip", "-6", "addr", "show", "scope", "link"), 5,
                   what="link-local address")  # fmt: skip
    return server, client


def start_dnsmasq(namespace, directory):
    start(namespace, directory, lambda text: "DHCPv6, IP range" in text, program("dnsmasq"), "--keep-in-foreground",
          "--conf-file=/dev/null", "--port=0", "--user=root", "--no-hosts", "--no-resolv", "--interface=srv0",
          "--dhcp-authoritative", f"--pid-file={directory / 'pid'}", "--log-facility=-", "--log-dhcp",
          f"--dhcp-leasefile={directory / 'leases'}", "--dhcp-range=2001:db8:77::1:0,2001:db8:77::1:ffff,64,1h")  # fmt: skip


def start_isc(namespace, directory):
    path, leases = directory / "dhcpd6.conf", directory / "dhcpd6.leases"
    leases.touch()
    path.write_text(
        "authoritative;\nddns-update-style none;\ndefault-lease-time 3600;\n"
        "subnet6 2001:db8:77::/64 {\n  range6 2001:db8:77::1:0 2001:db8:77::1:ffff;\n"
        "  prefix6 2001:db8:8000:: 2001:db8:80ff:ff00:: /56;\n}\n",
        encoding="ascii",
    )
    start(namespace, directory, lambda text: "Server starting service" in text, program("dhcpd"), "-6", "-f", "-d",
          "--no-pid", "-cf", str(path), "-lf", str(leases), "srv0")  # fmt: skip


@pytest.mark.parametrize("driver", ["xdp", "packet"])
@pytest.mark.parametrize("server", ["isc", "dnsmasq"])
def test_other_servers_answer_validly(sides, tmp_path, server, driver):
    server_ns, client = sides
    {"isc": start_isc, "dnsmasq": start_dnsmasq}[server](server_ns, tmp_path)
    ledger = str(tmp_path / "ledger")
    common = ("--family", "6", "--driver", driver, "--clients", "10", "--window", "4", "--timeout", "5s")
    report = gun(client, "--scenario", "dora", "--count", "10", "--ledger", ledger, *common)
    assert (report["exchanges_completed"], report["lost"], report["invalid"], report["leases_held"]) == (10, 0, {}, 10)
    for how in ("renew", "init-reboot", "discover"):
        verified = gun(client, "--family", "6", "--driver", driver, "--verify", ledger, "--verify-by", how)["verify"]
        assert verified["same"] == verified["asked"] == 10, how


def test_prefixes_are_delegated_and_kept(sides, tmp_path):
    server, client = sides
    start_isc(server, tmp_path)
    ledger = tmp_path / "ledger"
    # ISC dhcpd offers a free prefix to whoever asks before it is taken: one client at a time.
    common = ("--family", "6", "--association", "prefix", "--clients", "20", "--window", "1")
    report = gun(client, "--scenario", "dora", "--count", "20", "--ledger", str(ledger), *common)
    assert (report["exchanges_completed"], report["invalid"]) == (20, {})
    prefixes = {line.split()[1] for line in ledger.read_text().splitlines() if not line.startswith("#")}
    assert len(prefixes) == 20 and all(prefix.endswith("::/56") for prefix in prefixes)
    report = gun(client, "--scenario", "renew", "--count", "20", "--leases", str(ledger), *common)
    assert (report["exchanges_completed"], report["invalid"]) == (20, {})
