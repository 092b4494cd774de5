"""Kea's perfdhcp against every driver at a rate that no machine should drop at. Speed itself is bench/perfdhcp.sh."""

import re
import shutil
import subprocess

import pytest
from conftest import driver_ids
from support.netns import veth
from support.server import Server, configuration

PERFDHCP = shutil.which("perfdhcp", path="/usr/sbin:/usr/bin")
RATE, SECONDS = 1000, 4
SUBNET = {
    "subnet": "10.64.0.0/16",
    "interface": "srv0",
    "pools": [{"range": "10.64.1.0-10.64.255.254"}],
    "options": {"routers": ["10.64.0.1"]},
}


def statistics(output):
    """{exchange: {counter: number}} of perfdhcp's report."""
    found = {}
    for exchange, body in re.findall(r"\*\*\*Statistics for: (\S+)\*\*\*\n(.*?)(?=\*\*\*|\Z)", output, re.S):
        found[exchange] = {name: int(count) for name, count in re.findall(r"^([a-z ]+): (\d+)$", body, re.M)}
    return found


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
        done = subprocess.run(
            client_ns.command(PERFDHCP, "-4", "-l", "10.64.0.2", "-r", str(RATE), "-R", "20000", "-p", str(SECONDS),
                              "-W", "500000", "-u", "10.64.0.1"),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        counts = statistics(done.stdout)
        for exchange in ("DISCOVER-OFFER", "REQUEST-ACK"):
            assert counts[exchange]["received packets"] > 0.8 * RATE * SECONDS, done.stdout + done.stderr
            assert counts[exchange]["drops"] == 0, done.stdout
            assert counts[exchange].get("non unique addresses", 0) == 0, done.stdout
        status = server.check_accounts()
        assert status["sent_by_type"]["ack"] >= counts["REQUEST-ACK"]["received packets"]
        assert status["sent_by_type"].get("nak", 0) == 0
