"""What bench/compare stands on: its echo and its responder answer as a server does, and it measures them and xdhcpd."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest
from support.dhcp import ACK, DISCOVER, OFFER, PARAMETERS, REQUEST, REQUESTED, SERVER_ID, Wire, ip4, request
from support.netns import eventually, veth
from support.server import BUILD, ROOT, Server, configuration

GUN = pathlib.Path(os.environ.get("XDHCPD_GUN", BUILD / "userspace/tools/xdhcpgun"))
# As the load generator asks.
ASKED = (PARAMETERS, bytes((1, 3, 6, 15, 51, 54)))
SUBNET = {
    "subnet": "10.64.0.0/10",
    "interface": "srv0",
    "pools": [{"range": "10.65.0.0-10.65.15.254"}],
    "options": {"routers": ["10.64.0.1"], "domain-name-servers": ["192.0.2.53"]},
}


def dora(wire, mac, xid):
    """The OFFER and the ACK of a client that takes what it is offered."""
    offer = wire.exchange(request(DISCOVER, mac, xid, [ASKED]), xid)
    assert offer is not None and offer.type == OFFER
    chosen = [(REQUESTED, ip4(offer.yiaddr)), (SERVER_ID, offer.options[SERVER_ID]), ASKED]
    ack = wire.exchange(request(REQUEST, mac, xid + 1, chosen), xid + 1)
    assert ack is not None and ack.type == ACK and ack.yiaddr == offer.yiaddr
    return offer, ack


@pytest.fixture
def pair(namespaces):
    server, client = namespaces("srv"), namespaces("cli")
    veth(server, "srv0", client, "cli0")
    server.run("ip", "address", "add", "10.64.0.1/10", "dev", "srv0")
    wire = Wire(client, "cli0")
    yield server, wire
    wire.close()


@pytest.mark.parametrize("program", ["echo", "responder"])
def test_bare_server_answers_each_client_with_an_address_of_its_own(pair, tmp_path, program):
    server, wire = pair
    executable = BUILD / "bench/e2e" / program
    if not executable.is_file():
        pytest.skip(f"{executable} is not built")
    log = tmp_path / "log"
    with open(log, "wb") as output:
        process = server.popen(str(executable), "-i", "srv0", stdout=output, stderr=subprocess.STDOUT)
    eventually(lambda: "ready" in log.read_text(), what=f"start of {program}")
    addresses = []
    for number in range(100):
        offer, ack = dora(wire, f"02:00:00:00:00:{number:02x}", 1000 + 2 * number)
        for reply in (offer, ack):
            reply.check_wire(offloaded=program == "echo")  # which sends no UDP checksum
            assert reply.ether.dst == f"02:00:00:00:00:{number:02x}" and reply.ip.dst == reply.yiaddr
        addresses.append(ack.yiaddr)
    assert len(set(addresses)) == 100
    assert dora(wire, "02:00:00:00:00:07", 5000)[1].yiaddr == addresses[7]
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0
    counters = json.loads(log.read_text().splitlines()[-1])
    assert counters["received"] == counters["sent"] == 202 and counters["kernel_drops"] == 0


def test_echo_and_responder_send_frames_of_the_length_of_xdhcpd(pair, tmp_path):
    server, wire = pair
    with Server(server, tmp_path, configuration("srv0", "packet", [SUBNET], tmp_path)):
        lengths = {len(reply.frame) for reply in dora(wire, "02:00:00:00:00:01", 1)}
    assert lengths == {342}  # --reply-len of echo, kMinReplyLen of bench/e2e/reply.h


@pytest.mark.skipif(not GUN.is_file(), reason=f"{GUN} is not built")
@pytest.mark.parametrize(
    "family, servers, name",
    [(4, ["echo", "responder", "xdhcpd"], "compare"), (6, ["echo", "xdhcpd", "xdhcpd-prefix"], "compare6")],
)
def test_compare_measures_without_loss(tmp_path, family, servers, name):
    done = subprocess.run(
        [sys.executable, "-B", str(ROOT / "bench/compare"), "--quick", "--family", str(family), "--servers",
         ",".join(servers), "--gun", str(GUN), "--out", str(tmp_path)],
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((tmp_path / f"{name}.json").read_text())["rows"]
    assert list(rows) == servers
    for name, row in rows.items():
        assert row["per_s"] > 1000, (name, row)
        assert row["at_max"]["loss"] == 0 and row["at_max"]["given_twice"] == 0, (name, row)
        latency = row["at_half"]["latency_us"]["exchange"]
        assert 0 < latency["p50"] <= latency["p99"] <= latency["max"], (name, row)
