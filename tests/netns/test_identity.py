"""The file `identity`: made once, the same after every restart, never replaced when it is damaged."""

import json
import re

import pytest
from support.netns import eventually, veth
from support.server import Server, configuration

SUBNET = {"subnet": "10.77.0.0/24", "interface": "srv0", "pools": [{"range": "10.77.0.10-10.77.0.250"}]}


@pytest.fixture
def network(namespaces):
    server_ns, client_ns = namespaces("srv"), namespaces("cli")
    veth(server_ns, "srv0", client_ns, "cli0")
    server_ns.run("ip", "address", "add", "10.77.0.1/24", "dev", "srv0")
    return server_ns


def refused(server):
    """What a server that must not start says."""
    server.start(wait=False)
    assert server.process.wait(timeout=20) == 1, server.log()
    return server.log()


@pytest.mark.rfc("8415 11.2")
def test_the_identity_outlives_a_restart_and_another_network_card(network, tmp_path):
    server_ns = network
    config = configuration("srv0", "packet", [SUBNET], tmp_path)
    path = tmp_path / "state" / "identity"
    (link,) = json.loads(server_ns.run("ip", "-j", "link", "show", "dev", "srv0"))
    mac = link["address"].replace(":", "")
    with Server(server_ns, tmp_path, config):
        text = path.read_text(encoding="ascii")
    duid = re.search(r"^duid ([0-9a-f]+)$", text, re.MULTILINE).group(1)
    assert re.fullmatch(rf"00010001[0-9a-f]{{8}}{mac}", duid), text
    assert path.stat().st_mode & 0o007 == 0, "it holds secrets"
    server_ns.run("ip", "link", "set", "srv0", "address", "02:00:5e:00:53:77")
    with Server(server_ns, tmp_path, config):
        assert path.read_text(encoding="ascii") == text


def test_a_damaged_identity_stops_the_start_and_stays(network, tmp_path):
    server_ns = network
    config = configuration("srv0", "packet", [SUBNET], tmp_path)
    path = tmp_path / "state" / "identity"
    with Server(server_ns, tmp_path, config):
        text = path.read_text(encoding="ascii")
    damaged = text.replace("names-key ", "names-key f")
    path.write_text(damaged, encoding="ascii")
    server = Server(server_ns, tmp_path, config)
    log = refused(server)
    assert f"state-directory: {path} is damaged: put a copy of it back" in log, log
    assert path.read_text(encoding="ascii") == damaged
    path.write_text(text, encoding="ascii")
    with Server(server_ns, tmp_path, config) as mended:
        eventually(lambda: mended.status()["state"] == "serving", what="the copy is as good")


def test_without_stable_storage_nothing_is_kept(network, tmp_path):
    config = configuration("srv0", "packet", [SUBNET], tmp_path)
    config["durability"] = "memory"
    with Server(network, tmp_path, config):
        assert not (tmp_path / "state").exists()
