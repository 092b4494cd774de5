"""xdhcpgun against other servers (ISC dhcpd, dnsmasq), and its tagged clients against xdhcpd: every reply valid."""

import shutil
import subprocess

import pytest
from support.netns import eventually
from support.server import Server, configuration
from test_gun import POOL, SERVER_MAC, Responder, gun, sides  # noqa: F401  (sides is a fixture)

SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
SECOND = 1e6  # of the report's microseconds


def program(name):
    found = shutil.which(name, path=SYSTEM_PATH)
    if found is None:
        pytest.skip(f"{name} is not installed: deploy/install-packages test")
    return found


def start(namespace, directory, ready, *command):
    """A server whose output goes to server.log; returns once ready() is true of that log."""
    log = directory / "server.log"
    with open(log, "wb") as output:
        child = namespace.popen(*command, stdout=output, stderr=subprocess.STDOUT)

    def is_up():
        text = log.read_text(errors="replace")
        assert child.poll() is None, text
        return ready(text)

    eventually(is_up, 10, what=command[0])
    return log


def start_isc(namespace, directory):
    path, leases = directory / "dhcpd.conf", directory / "dhcpd.leases"
    leases.touch()
    path.write_text(
        "authoritative;\nping-check off;\nddns-update-style none;\ndefault-lease-time 3600;\n"
        "subnet 10.77.0.0 netmask 255.255.0.0 {\n  range 10.77.1.0 10.77.9.254;\n  option routers 10.77.0.1;\n}\n",
        encoding="ascii",
    )
    start(namespace, directory, lambda text: "Sending on   Socket/fallback" in text, program("dhcpd"), "-4", "-d",
          "--no-pid", "-cf", str(path), "-lf", str(leases), "srv0")  # fmt: skip


def start_dnsmasq(namespace, directory, *options):
    return start(namespace, directory, lambda text: "DHCP, IP range" in text, program("dnsmasq"), "--keep-in-foreground",
                 "--conf-file=/dev/null", "--port=0", "--user=root", "--no-hosts", "--no-resolv", "--interface=srv0",
                 "--dhcp-authoritative", f"--pid-file={directory / 'pid'}", "--log-facility=-", "--log-dhcp",
                 f"--dhcp-leasefile={directory / 'leases'}", "--dhcp-range=10.77.1.0,10.77.9.254,255.255.0.0,1h",
                 *options)  # fmt: skip


def complete(report, count):
    """All done, nothing lost on either side, no reply that is wrong."""
    assert (report["exchanges_completed"], report["lost"], report["invalid"]) == (count, 0, {}), report
    assert report["given_twice"] == 0 and report["generator"]["lost_in_generator"] == 0


@pytest.mark.parametrize("driver", ["xdp", "packet"])
@pytest.mark.parametrize("server", ["isc", "dnsmasq"])
def test_other_servers_answer_validly(sides, tmp_path, server, driver):  # noqa: F811
    """The kernel of such a server asks by ARP where a client that renews is: the generator answers for it."""
    server_ns, client = sides
    if server == "isc":
        start_isc(server_ns, tmp_path)
    else:
        start_dnsmasq(server_ns, tmp_path, "--no-ping")
    common = ("--driver", driver, "--clients", "40", "--count", "40", "--window", "4", "--timeout", "5s")
    report = gun(client, "--scenario", "dora", *common)
    complete(report, 40)
    assert report["leases_held"] == 40
    report = gun(client, "--scenario", "renew", *common, "--first-mac", "02:00:11:00:00:00")
    complete(report, 40)
    if server == "isc":
        assert report["arp_answers"] >= 40


def test_a_server_that_pings_first_is_slow_and_not_wrong(sides, tmp_path):  # noqa: F811
    """dnsmasq waits 3 s for an echo before it offers a new address, and offers nothing else meanwhile: longer than
    a client waits by default, so that exchanges are lost although every request gets its offer."""
    server, client = sides
    log = start_dnsmasq(server, tmp_path)
    common = ("--scenario", "dora", "--clients", "1", "--count", "1")
    report = gun(client, *common)
    assert (report["lost"], report["exchanges_completed"], report["invalid"]) == (1, 0, {})
    assert report["generator"]["lost_in_generator"] == 0
    # The offer to the first one is still to come. A client that waits longer gets its own.
    report = gun(client, *common, "--timeout", "8s")
    complete(report, 1)
    assert SECOND < report["latency_us"]["offer"]["max"] < 7 * SECOND
    assert log.read_text().count("DHCPOFFER") == 2


VLANS = [
    {**POOL, "subnet": "10.77.0.0/16"},
    {"subnet": "10.78.0.0/16", "interface": "srv0", "vlan": "100", "server-address": "10.77.0.1",
     "pools": [{"range": "10.78.1.0-10.78.9.254"}]},
    {"subnet": "10.79.0.0/16", "interface": "srv0", "vlan": "200.300-303", "server-address": "10.77.0.1",
     "pools": [{"range": "10.79.1.0-10.79.9.254"}]},
]  # fmt: skip


@pytest.mark.parametrize("driver", ["xdp", "packet"])
@pytest.mark.parametrize("serving", ["xdp", "packet"])
def test_tagged_clients_get_leases_of_their_network(sides, tmp_path, serving, driver):  # noqa: F811
    server, client = sides
    with Server(server, tmp_path, configuration("srv0", serving, VLANS, tmp_path, max_offers_per_relay=10000)):
        for vlan, network in (("", "10.77"), ("100", "10.78"), ("200.300-303", "10.79")):
            ledger = tmp_path / f"ledger{vlan}"
            tags = ("--vlan", vlan) if vlan else ()
            tpid = ("--outer-tpid", "0x88a8") if "." in vlan else ()
            report = gun(client, "--scenario", "dora", "--clients", "200", "--count", "200", "--driver", driver,
                         "--ledger", str(ledger), *tags, *tpid)  # fmt: skip
            complete(report, 200)
            addresses = {line.split()[1] for line in ledger.read_text().splitlines() if not line.startswith("#")}
            assert len(addresses) == 200
            assert all(address.startswith(network + ".") for address in addresses), vlan
        # Nobody serves that VLAN.
        report = gun(client, "--scenario", "dora", "--clients", "2", "--count", "2", "--driver", driver,
                     "--vlan", "101", "--timeout", "100ms")  # fmt: skip
        assert (report["lost"], report["exchanges_completed"]) == (2, 0)


@pytest.mark.parametrize("driver", ["xdp", "packet"])
def test_a_reply_without_the_clients_tag_is_invalid(sides, driver):  # noqa: F811
    server, client = sides
    with Responder(server, lambda fields, kind: None):  # whose socket takes tags off, and which adds none
        report = gun(client, "--scenario", "dora", "--driver", driver, "--vlan", "100", "--count", "2",
                     "--timeout", "200ms", expected=1)  # fmt: skip
    assert report["invalid"] == {"vlan-tags": 2}
    assert (report["exchanges_completed"], report["lost"]) == (0, 2)
