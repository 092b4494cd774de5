"""Kea's perfdhcp against every driver at a rate that no machine should drop at. Speed itself is bench/perfdhcp.sh."""

import re
import shutil
import subprocess

import pytest
from conftest import driver_ids
from support.netns import eventually, veth
from support.server import Server, configuration

PERFDHCP = shutil.which("perfdhcp", path="/usr/sbin:/usr/bin")
RATE, SECONDS = 1000, 4
SUBNET = {
    "subnet": "10.64.0.0/16",
    "interface": "srv0",
    "pools": [{"range": "10.64.1.0-10.64.255.254"}],
    "options": {"routers": ["10.64.0.1"]},
}
SUBNET6 = {
    "subnet": "2001:db8:64::/64",
    "interface": "srv0",
    "pools": [{"range": "2001:db8:64::1:0-2001:db8:64::1:ffff"}],
    "prefix-pools": [{"prefix": "2001:db8:8000::/40", "delegated-length": 56}],
    "options": {"dns-servers": ["2001:db8::53"]},
}


def statistics(output):
    """{exchange: {counter: number}} of perfdhcp's report."""
    found = {}
    for exchange, body in re.findall(r"\*\*\*Statistics for: (\S+)\*\*\*\n(.*?)(?=\*\*\*|\Z)", output, re.S):
        found[exchange] = {name: int(count) for name, count in re.findall(r"^([a-z ]+): (\d+)$", body, re.M)}
    return found


def run(namespace, *arguments):
    """Exchanges with ever new clients; {exchange: {counter: number}}, without a drop and without a lease given twice."""
    done = subprocess.run(
        namespace.command(PERFDHCP, "-r", str(RATE), "-R", "20000", "-p", str(SECONDS), "-W", "500000", "-u", *arguments),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    counts = statistics(done.stdout)
    assert len(counts) == 2, done.stdout + done.stderr
    for counted in counts.values():
        assert counted["received packets"] > 0.8 * RATE * SECONDS, done.stdout + done.stderr
        assert counted["drops"] == counted.get("rejected leases", 0) == 0, done.stdout
        assert counted.get("non unique addresses", 0) == 0, done.stdout
    return counts


@pytest.mark.skipif(PERFDHCP is None, reason="perfdhcp is not installed")
@pytest.mark.parametrize("driver", driver_ids())
def test_perfdhcp_at_a_moderate_rate_sees_no_drop(namespaces, tmp_path, driver):
    server_ns, client_ns = namespaces("srv"), namespaces("cli")
    veth(server_ns, "srv0", client_ns, "cli0")
    server_ns.run("ip", "address", "add", "10.64.0.1/16", "dev", "srv0")
    client_ns.run("ip", "address", "add", "10.64.0.2/16", "dev", "cli0")
    config = configuration("srv0", driver, [SUBNET], tmp_path, max_offers_per_relay=100000)
    config["log"]["level"] = "info"
    with Server(server_ns, tmp_path, config) as server:
        counts = run(client_ns, "-4", "-l", "10.64.0.2", "10.64.0.1")
        status = server.check_accounts()
        assert status["sent_by_type"]["ack"] >= counts["REQUEST-ACK"]["received packets"]
        assert status["sent_by_type"].get("nak", 0) == 0


@pytest.mark.skipif(PERFDHCP is None, reason="perfdhcp is not installed")
@pytest.mark.parametrize(
    "driver, leases",
    [(driver, "address-and-prefix") for driver in driver_ids()]
    + [(driver_ids()[0], leases) for leases in ("address-only", "prefix-only")],
)
def test_perfdhcp_of_ipv6_at_a_moderate_rate_sees_no_drop(namespaces, tmp_path, driver, leases):
    server_ns, client_ns = namespaces("srv"), namespaces("cli")
    veth(server_ns, "srv0", client_ns, "cli0")
    for namespace, interface in ((server_ns, "srv0"), (client_ns, "cli0")):
        namespace.sysctl(f"net.ipv6.conf.{interface}.accept_dad", 0)
        namespace.sysctl(f"net.ipv6.conf.{interface}.disable_ipv6", 0)
        eventually(lambda n=namespace: "fe80::" in n.run("ip", "-6", "address", "show", "scope", "link"), 5, what=interface)
    server_ns.run("ip", "address", "add", "2001:db8:64::1/64", "dev", "srv0", "nodad")
    config = configuration("srv0", driver, [], tmp_path)
    del config["dhcp4"]
    config["log"]["level"] = "info"
    # Thousands of delegations by one host: their routes are a matter of test_delegated_routes.py.
    config["dhcp6"] = {"max-offers-per-relay": 100000, "delegated-routes": False, "subnets": [SUBNET6]}
    with Server(server_ns, tmp_path, config) as server:
        counts = run(client_ns, "-6", "-e", leases, "-l", "cli0")
        answered = counts["REQUEST-REPLY"]["received packets"]
        status = server.check_accounts()
        assert status["sent_by_type"]["dhcp6.reply"] >= answered
        leased = {pool["length"]: pool["leased"] for pool in server.ask("subnets")["subnets6"][0]["pools"]}
        wanted = {128: leases != "prefix-only", 56: leases != "address-only"}
        assert all((count >= answered) if wanted[length] else count == 0 for length, count in leased.items()), leased
