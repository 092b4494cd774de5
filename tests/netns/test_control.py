"""Operating the server: control socket, xdhcpctl, reload, HTTP, the check command, and trouble at the start."""

import copy
import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest
from conftest import driver_ids
from support import dhcp
from support.netns import eventually, sh, veth
from support.server import ROOT, START_TIMEOUT, XDHCPCTL, XDHCPD, Server, configuration
from support.testbed import SERVER_INTERFACE, SERVER_IP, Testbed

DRIVER = driver_ids()[0]
SUBNET = {
    "subnet": "10.77.0.0/24",
    "interface": "srv0",
    "pools": [{"range": "10.77.0.10-10.77.0.60"}],
    "options": {"routers": ["10.77.0.1"], "domain-name-servers": ["192.0.2.53"]},
}


@pytest.fixture
def bed(tmp_path, request):
    bed = Testbed(DRIVER, tmp_path, [SUBNET])
    bed.begin(request.node.originalname)
    yield bed
    # A test that ended the server itself has set `process` to None.
    bed.close(check=bed.server.process is not None)


def config_of(bed, *subnets, **dhcp4):
    return configuration(SERVER_INTERFACE, DRIVER, list(subnets), bed.server.directory, **dhcp4)


# Control socket


def test_status(bed):
    bed.lease(bed.mac())
    bed.silent(dhcp.DISCOVER, bed.mac(), via="172.16.0.1")
    status = bed.server.ctl("status")
    assert (status["version"], status["state"], status["durability"]) == ("0.1.0", "serving", "sync")
    assert status["configuration"] == str(bed.server.config_path)
    port = status["ports"][0]
    assert (port["interface"], port["driver"], port["tx_errors"]) == ("srv0", DRIVER, 0)
    assert port["rx_frames"] >= 4 and port["tx_frames"] >= 3
    assert status["received_by_type"]["discover"] == 3 and status["received_by_type"]["request"] == 1
    assert status["sent_by_type"]["offer"] == 2 and status["sent_by_type"]["ack"] == 1
    assert (status["answered"], status["explained"]) == (3, 1)
    assert status["dropped"]["engine.no-subnet"] == 1
    people = bed.server.ctl_process("status")
    assert people.returncode == 0 and "srv0" in people.stdout and DRIVER in people.stdout


def test_leases_list_find_delete(bed):
    macs = [bed.mac() for _ in range(5)]
    addresses = [bed.lease(mac, [(dhcp.HOSTNAME, f"host{i}".encode())]).yiaddr for i, mac in enumerate(macs)]
    answer = bed.server.ctl("leases")
    assert sorted(lease["address"] for lease in answer["leases"]) == sorted(addresses)
    assert len(bed.server.ctl("leases", "list", "--limit", "2")["leases"]) == 2
    assert len(bed.server.ctl("leases", "list", "--subnet", "10.77.0.0/24")["leases"]) == 5
    for what in (macs[2], addresses[2], "host2"):
        (lease,) = bed.server.ctl("leases", "find", what)["leases"]
        assert (lease["address"], lease["hw_address"], lease["hostname"]) == (addresses[2], macs[2], "host2")
        assert lease["subnet"] == "10.77.0.0/24" and lease["state"] == "leased"
    people = bed.server.ctl_process("leases")
    assert all(address in people.stdout for address in addresses)
    bed.server.ctl("leases", "delete", addresses[2])
    assert addresses[2] not in bed.server.leases()
    assert bed.server.ctl_process("leases", "delete", addresses[2]).returncode != 0
    assert bed.offer(bed.mac(), [(dhcp.REQUESTED, dhcp.ip4(addresses[2]))]).yiaddr == addresses[2]


def test_leases_by_client_identifier(bed):
    ack = bed.lease(bed.mac(), [(dhcp.CLIENT_ID, b"\x00somebody")])
    (lease,) = bed.server.ask("leases", action="find", client_id=b"\x00somebody".hex())["leases"]
    assert lease["address"] == ack.yiaddr and lease["client_id"] == b"\x00somebody".hex()


def test_expiry_of_a_lease_stands_still(bed):
    """Seconds of two clocks are not rounded apart: the moment is the same whenever it is asked for."""
    ack = bed.lease(bed.mac())
    moments = set()
    for _ in range(24):
        moments.add(bed.server.leases()[ack.yiaddr]["expires"])
        time.sleep(0.05)
    assert len(moments) == 1, moments


def test_subnets_and_workers(bed):
    bed.lease(bed.mac())
    bed.offer(bed.mac())
    (subnet,) = bed.server.ctl("subnets")["subnets"]
    assert (subnet["subnet"], subnet["interface"], subnet["size"]) == ("10.77.0.0/24", "srv0", 256)
    assert (subnet["pool_addresses"], subnet["leased"], subnet["declined"]) == (51, 1, 0)
    # `silent` and `fence` are not used here: the only open offer is ours.
    assert (subnet["offered"], subnet["free"]) == (1, 49)
    (worker,) = bed.server.ctl("workers")["workers"]
    assert worker["ports"] == ["srv0:0", "srv0:lane"] and worker["messages"] >= 3
    assert 0 < worker["latency_us"]["p50"] <= worker["latency_us"]["p99"] <= worker["latency_us"]["max"]
    assert worker["index_entries"] == 2 and worker["side_bytes"] <= worker["side_capacity"]
    assert bed.server.ctl_process("subnets").returncode == bed.server.ctl_process("workers").returncode == 0


def test_bad_requests_get_an_error(bed):
    for command in ("no-such-command", "", "leases"):
        arguments = {"action": "no-such-action"} if command == "leases" else {}
        answer = bed.server.ask(command, **arguments)
        assert answer["ok"] is False and answer["error"]
    for line in (b"not json\n", b"[]\n", b"{}\n", b'{"command":7}\n', b"\xff\xfe\n", b"{" * 5000 + b"\n"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(bed.server.socket_path))
            connection.sendall(line)
            assert json.loads(connection.recv(65536))["ok"] is False
    bed.fence()


def test_stop_drains_and_exits_0(bed):
    bed.lease(bed.mac())
    assert bed.server.ask("stop")["ok"] is True
    bed.server.wait()
    done = bed.server.ctl_process("status")
    assert done.returncode == 1 and "cannot connect" in done.stderr and "is xdhcpd running?" in done.stderr


def test_sent_is_answered_plus_explained_under_mixed_traffic(bed):
    before = bed.server.status()
    sent = 0
    for number in range(200):
        mac = f"02:00:5e:00:53:{number % 40:02x}"
        kind = (dhcp.DISCOVER, dhcp.REQUEST, dhcp.RELEASE, dhcp.DECLINE, dhcp.INFORM)[number % 5]
        via = "172.16.0.1" if number % 7 == 0 else None
        frame, _ = bed.frame(kind, mac, via=via)
        bed.wire.send(frame)
        sent += 1
    bed.fence()
    after = bed.server.check_accounts()
    assert after["received"] - before["received"] == sent + 1
    assert after["answered"] + after["explained"] - before["answered"] - before["explained"] == sent + 1
    assert sum(after["dropped"].values()) == after["explained"]


# Reload


def reload_and_wait(bed):
    generation = bed.server.status()["generation"]
    bed.server.process.send_signal(signal.SIGHUP)
    eventually(lambda: bed.server.status()["generation"] > generation, what="new generation")


def test_reload_keeps_leases_and_serves_the_new_configuration(bed):
    mac = bed.mac()
    ack = bed.lease(mac)
    second = {"subnet": "10.79.0.0/24", "pools": [{"range": "10.79.0.10-10.79.0.99"}]}
    changed = copy.deepcopy(SUBNET)
    changed["options"]["domain-name-servers"] = ["192.0.2.99"]
    bed.server.write(config_of(bed, changed, second))

    dry = bed.server.ctl("reload", "--dry-run")
    assert any("10.79.0.0/24" in change for change in dry["changes"]) and dry["leases_outside"] == []
    bed.silent(dhcp.DISCOVER, bed.mac(), via="10.79.0.254")

    done = bed.server.ctl("reload")
    assert any("10.79.0.0/24" in change for change in done["changes"])
    assert bed.offer(bed.mac(), via="10.79.0.254").yiaddr.startswith("10.79.0.")
    assert bed.server.leases()[ack.yiaddr]["hw_address"] == mac
    renewed = bed.ask(dhcp.REQUEST, mac, ciaddr=ack.yiaddr, unicast_from=ack.yiaddr, expect=dhcp.ACK)
    assert renewed.options[dhcp.DNS] == dhcp.ip4("192.0.2.99")


def test_reload_says_what_needs_a_restart_and_where_it_stands(bed):
    text = bed.server.config_path.read_text(encoding="utf-8")
    bed.server.write(text.replace('{\n', '{\n  "workers": 2,\n', 1).replace("127.0.0.1:9767", "127.0.0.1:9768"))
    http_line = next(number for number, line in enumerate(bed.server.config_path.read_text().splitlines(), 1)
                     if '"http"' in line)  # fmt: skip
    expected = {f"workers ({bed.server.config_path}:2): auto -> 2",
                f"http ({bed.server.config_path}:{http_line}): 127.0.0.1:9767 -> 127.0.0.1:9768"}  # fmt: skip
    for arguments in (["--dry-run"], [], []):  # until it is restarted
        answer = bed.server.ctl("reload", *arguments)
        assert (answer["changes"], set(answer["needs_restart"])) == ([], expected)
        page = bed.server.ctl_process("reload", *arguments).stdout
        assert all(f"needs a restart: {line}\n" in page for line in expected), page
    assert bed.server.log().count("reload: needs a restart: workers") == 4
    assert bed.server.http("/healthz")[0] == 200


def test_sighup_keeps_every_lease(bed):
    addresses = [bed.lease(bed.mac()).yiaddr for _ in range(10)]
    before = {address: lease["hw_address"] for address, lease in bed.server.leases().items()}
    reload_and_wait(bed)
    assert {address: lease["hw_address"] for address, lease in bed.server.leases().items()} == before
    assert sorted(before) == sorted(addresses)
    bed.fence()


def test_reload_tells_which_leases_fall_outside(bed):
    mac = bed.mac()
    ack = bed.lease(mac, [(dhcp.REQUESTED, dhcp.ip4("10.77.0.50"))])
    assert ack.yiaddr == "10.77.0.50"
    smaller = copy.deepcopy(SUBNET)
    smaller["pools"] = [{"range": "10.77.0.10-10.77.0.40"}]
    bed.server.write(config_of(bed, smaller))
    (outside,) = bed.server.ctl("reload", "--dry-run")["leases_outside"]
    assert (outside["address"], outside["hw_address"]) == ("10.77.0.50", mac)
    bed.server.ctl("reload")
    assert bed.server.ctl("subnets")["subnets"][0]["pool_addresses"] == 31


@pytest.mark.parametrize(
    "text",
    ["dhcp4: [", '{"dhcp4": {"subnets": [{"subnet": "10.77.0.0/33"}]}}', "no-such-key: 1\n"],
    ids=["syntax", "value", "unknown-key"],
)
def test_bad_reload_keeps_the_old_configuration(bed, text):
    mac = bed.mac()
    ack = bed.lease(mac)
    generation = bed.server.status()["generation"]
    bed.server.write(text)
    answer = bed.server.ask("reload", dry_run=False)
    assert answer["ok"] is False
    assert all(re.match(re.escape(str(bed.server.config_path)) + r":\d+:\d+: error: .", e) for e in answer["errors"])
    tool = bed.server.ctl_process("reload")
    assert tool.returncode != 0 and f"{bed.server.config_path}:" in tool.stdout + tool.stderr
    bed.server.process.send_signal(signal.SIGHUP)
    eventually(lambda: ": error: " in bed.server.log(), what="the mistake in the log")
    assert bed.server.status()["generation"] == generation
    assert bed.ask(dhcp.REQUEST, mac, ciaddr=ack.yiaddr, unicast_from=ack.yiaddr).type == dhcp.ACK


# HTTP


def parse_metrics(text):
    """{name: {labels: value}}; fails on a line that is not Prometheus text format."""
    found, typed = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in typed, f"{name} is declared twice"
            typed[name] = kind
        elif line and not line.startswith("#"):
            match = re.fullmatch(r'([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (-?[\d.e+-]+|\+Inf|NaN)( \d+)?', line)
            assert match, line
            labels = frozenset(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
            assert labels not in found.setdefault(match[1], {}), f"{line} is there twice"
            found[match[1]][labels] = float(match[3])
            assert any(match[1] in (name, name + "_bucket", name + "_sum", name + "_count") for name in typed), line
    return found


def value(metrics, name, **labels):
    return sum(v for has, v in metrics[name].items() if set(labels.items()) <= set(has))


def test_metrics(bed):
    bed.lease(bed.mac())
    bed.silent(dhcp.DISCOVER, bed.mac(), via="172.16.0.1")
    code, text = bed.server.http("/metrics")
    assert code == 200
    metrics = parse_metrics(text)
    status = bed.server.status()
    assert value(metrics, "xdhcpd_build_info", version="0.1.0") == 1
    assert value(metrics, "xdhcpd_received_total", type="discover") == status["received_by_type"]["discover"]
    assert value(metrics, "xdhcpd_received_total") == status["received"]
    assert value(metrics, "xdhcpd_sent_total", type="ack") == 1
    assert value(metrics, "xdhcpd_sent_total") == status["answered"]
    assert value(metrics, "xdhcpd_dropped_total", stage="engine", reason="no-subnet") == 1
    assert value(metrics, "xdhcpd_space_units", subnet="10.77.0.0/24", state="leased") == 1
    assert value(metrics, "xdhcpd_space_units", subnet="10.77.0.0/24", state="size") == 256
    assert value(metrics, "xdhcpd_space_units", subnet="10.77.0.0/24", state="pool") == 51
    assert value(metrics, "xdhcpd_reply_latency_seconds_count") == status["answered"]
    assert value(metrics, "xdhcpd_reply_latency_seconds_bucket", le="+Inf") == status["answered"]
    assert value(metrics, "xdhcpd_port_rx_frames_total", interface="srv0", driver=DRIVER) >= 4
    if DRIVER.startswith("xdp"):
        # Read from the kernel about once a second.
        eventually(
            lambda: value(parse_metrics(bed.server.http("/metrics")[1]), "xdhcpd_xdp_verdicts_total", interface="srv0") >= 4,
            what="verdicts of the XDP program",
        )


def test_health_and_unknown_pages(bed):
    assert bed.server.http("/healthz") == (200, "ok") or bed.server.http("/healthz") == (200, "ok\n")
    assert bed.server.http("/no-such-page")[0] == 404


# Configuration


def check(path):
    return subprocess.run([str(XDHCPD), "check", "-c", str(path)], capture_output=True, text=True, timeout=20, check=False)


GOOD = """\
interfaces:
  - {name: eth1, driver: udp}
dhcp4:
  subnets:
    - subnet: 10.77.0.0/24
      interface: eth1
      pools: [{range: 10.77.0.10-10.77.0.250}]
"""


def test_check_of_a_good_configuration(tmp_path):
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    done = check(path)
    assert done.returncode == 0, done.stderr
    assert f"{path}: ok (1 subnet, 241 addresses in pools)" in done.stdout + done.stderr


def test_check_says_what_prefixes_of_neighbor_proxies_need(tmp_path):
    path = tmp_path / "proxies.yaml"
    path.write_text(
        "interfaces: [{name: eth1}]\n"
        "neighbor-proxies: [{interface: eth1, targets: [2001:db8:2::/64, 2001:db8:3::1]}]\n"
    )
    done = check(path)
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stdout.splitlines() if "snoops MLD" in line]
    assert len(told) == 1 and "interface eth1" in told[0] and "2001:db8:2::/64" in told[0], done.stdout


def test_check_of_the_example():
    done = check(ROOT / "deploy/xdhcpd.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


BAD_CONFIGURATIONS = {
    "unknown key": ("driver: udp", "drivr: udp", 2, "driver"),
    "address outside the subnet": ("10.77.0.250", "10.78.0.250", 7, "10.77.0.0/24"),
    "range backwards": ("10.77.0.10-10.77.0.250", "10.77.0.250-10.77.0.10", 7, "10.77.0"),
    "host bits": ("subnet: 10.77.0.0/24", "subnet: 10.77.0.1/24", 5, "10.77.0.0/24"),
    "unknown driver": ("driver: udp", "driver: dpdk", 2, "xdp"),
    "overlapping pools": (
        "pools: [{range: 10.77.0.10-10.77.0.250}]",
        "pools: [{range: 10.77.0.10-10.77.0.90}, {range: 10.77.0.90-10.77.0.99}]",
        7,
        "overlap",
    ),
    "min above max": ("dhcp4:\n", "dhcp4:\n  lease-time: {default: 1h, min: 2h, max: 1h}\n", 4, "min"),
    "syntax": ("dhcp4:\n", "dhcp4: [\n", None, ""),
}


@pytest.mark.parametrize("mistake", BAD_CONFIGURATIONS)
def test_check_points_at_the_mistake(tmp_path, mistake):
    old, new, line, hint = BAD_CONFIGURATIONS[mistake]
    assert old in GOOD
    path = tmp_path / "bad.yaml"
    path.write_text(GOOD.replace(old, new))
    done = check(path)
    assert done.returncode == 1
    found = re.findall(re.escape(str(path)) + r":(\d+):(\d+): error: (.+)", done.stderr)
    assert found, done.stderr
    assert line is None or int(found[0][0]) == line, done.stderr
    assert hint in done.stderr


def test_check_reports_every_mistake_in_one_run(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(GOOD.replace("driver: udp", "driver: dpdk").replace("10.77.0.250", "10.78.0.250"))
    done = check(path)
    assert len(re.findall(r":\d+:\d+: error: ", done.stderr)) >= 2


def test_subnet_that_nothing_serves_is_a_warning(tmp_path):
    path = tmp_path / "warn.yaml"
    path.write_text(GOOD.replace("      interface: eth1\n", "      interface: eth2\n"))
    done = check(path)
    assert re.search(r":\d+:\d+: (warning|error): .*eth2", done.stderr), done.stderr


def check_state(tmp_path, directory):
    """(exit code, findings about the state directory, each with the place of its key)."""
    path = tmp_path / "state.yaml"
    path.write_text(GOOD + f"state-directory: {directory}\n")
    done = check(path)
    place = re.escape(f"{path}:{GOOD.count(chr(10)) + 1}:18: ")
    found = re.findall(f"^{place}(error|warning|note): state-directory: (.*)$", done.stderr, re.MULTILINE)
    assert len(found) == len(done.stderr.splitlines()), done.stderr
    return done.returncode, found


def test_check_looks_at_the_state_directory(tmp_path, namespaces, small_state):
    state = tmp_path / "state"
    assert check_state(tmp_path, state) == (0, [])
    assert not state.exists(), "check changes nothing"
    state.mkdir()
    assert check_state(tmp_path, f"{state}/") == (0, [])
    assert list(state.iterdir()) == []

    code, ((severity, text),) = check_state(tmp_path, tmp_path / "no" / "state")
    assert (code, severity) == (1, "error") and "does not exist and cannot be made" in text and str(tmp_path / "no") in text
    (tmp_path / "file").write_text("")
    code, ((severity, text),) = check_state(tmp_path, tmp_path / "file")
    assert (code, severity) == (1, "error") and text.endswith("is not a directory")
    code, ((severity, text),) = check_state(tmp_path, tmp_path / "file" / "state")
    assert (code, severity) == (1, "error")

    # A file system in memory, with room, full, and read-only.
    small_state("size=128m")
    code, ((severity, text),) = check_state(tmp_path, tmp_path / "disk")
    assert (code, severity) == (0, "warning") and "no stable storage" in text
    small_state("size=1m")
    code, (_, (severity, text)) = check_state(tmp_path, tmp_path / "disk" / "state")
    assert (code, severity) == (0, "warning") and "MiB free" in text
    small_state("ro")
    for directory in ("disk", "disk/state"):
        code, ((severity, text),) = check_state(tmp_path, tmp_path / directory)
        assert (code, severity) == (1, "error") and "read-only" in text

    # Held by a server: no reason not to reload it.
    config = configuration("nosuch0", DRIVER, [{**SUBNET, "interface": "nosuch0"}], tmp_path)
    server = Server(namespaces("srv"), tmp_path, config)
    try:
        server.start(wait=False)
        eventually(lambda: "serving" in server.log(), 10)
        code, ((severity, text),) = check_state(tmp_path, state)
        assert (code, severity) == (0, "note") and f"(process {server.process.pid})" in text
    finally:
        server.kill()


@pytest.fixture
def small_state(tmp_path):
    """Mounts a tmpfs with these options on tmp_path/disk, instead of the one before."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(options):
        unmount()
        sh("mount", "-t", "tmpfs", "-o", options, "none", str(disk))

    def unmount():
        if disk.is_mount():
            sh("umount", str(disk))

    yield mount
    unmount()


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
def test_check_says_that_another_user_may_not_write_the_state_directory(public_path):
    (public_path / "state").mkdir(mode=0o755)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"]
    path = public_path / "state.yaml"
    for directory in ("state", "state/new"):
        path.write_text(GOOD + f"state-directory: {public_path}/{directory}\n")
        done = subprocess.run([*nobody, str(public_path / "xdhcpd"), "check", "-c", str(path)],
                              capture_output=True, text=True, timeout=20, check=False)  # fmt: skip
        assert done.returncode == 0 and "not writable" in done.stderr and "uid 65534" in done.stderr, done.stderr
    assert "warning: state-directory" in done.stderr


def test_missing_file_is_said(tmp_path):
    done = check(tmp_path / "none.yaml")
    assert done.returncode == 1 and "none.yaml" in done.stderr


def test_bad_configuration_at_start_exits_1_with_positions(namespaces, tmp_path):
    server = Server(namespaces("srv"), tmp_path, GOOD.replace("driver: udp", "driver: dpdk"))
    server.start(wait=False)
    server.wait(expected=1)
    assert re.search(r":2:\d+: error: ", server.log())


# Start


def test_quick_start_without_a_file(namespaces, tmp_path):
    server_ns, client_ns = namespaces("srv"), namespaces("cli")
    veth(server_ns, "srv0", client_ns, "cli0", "02:00:5e:00:53:01", "02:00:5e:00:53:02")
    server_ns.run("ip", "address", "add", f"{SERVER_IP}/24", "dev", "srv0")
    arguments = ["--interface", "srv0", "--range", "10.77.0.10-10.77.0.12", "--router", "10.77.0.1", "--dns",
                 "192.0.2.53,192.0.2.54", "--lease-time", "10m", "--driver", DRIVER,
                 "--control-socket", str(tmp_path / "control.sock"), "--http", "127.0.0.1:9767"]  # fmt: skip
    with Server(server_ns, tmp_path, arguments=arguments) as server:
        assert server.status()["configuration"] == "quick start"
        wire = dhcp.Wire(client_ns, "cli0")
        try:
            mac = "02:00:5e:00:53:44"
            reply = wire.exchange(dhcp.request(dhcp.DISCOVER, mac, 7), 7)
            assert reply.yiaddr.startswith("10.77.0.1") and reply.address(dhcp.SUBNET_MASK) == "255.255.255.0"
            assert reply.options[dhcp.ROUTERS] == dhcp.ip4("10.77.0.1") and reply.number(dhcp.LEASE_TIME) == 600
            assert reply.options[dhcp.DNS] == dhcp.ip4("192.0.2.53") + dhcp.ip4("192.0.2.54")
        finally:
            wire.close()
        assert server.http("/healthz")[0] == 200


def test_missing_interface_is_waited_for(namespaces, tmp_path):
    config = configuration("nosuch0", "auto", [{**SUBNET, "interface": "nosuch0"}], tmp_path)
    server = Server(namespaces("srv"), tmp_path, config)
    try:
        server.start(wait=False)
        eventually(lambda: "interface nosuch0: does not exist; waiting for it" in server.log(), 10)
        eventually(lambda: server.ctl_process("status").returncode == 1, 10)
        code, text = server.http("/healthz")
        assert (code, text) == (503, "interface nosuch0 is not served: does not exist\n")
    finally:
        server.kill()


def test_one_missing_interface_leaves_the_other_in_service(namespaces, tmp_path):
    server_ns, client_ns = namespaces("srv"), namespaces("cli")
    veth(server_ns, "srv0", client_ns, "cli0")
    server_ns.run("ip", "address", "add", f"{SERVER_IP}/24", "dev", "srv0")
    config = configuration("srv0", DRIVER, [SUBNET], tmp_path)
    config["interfaces"].append({"name": "nosuch0", "driver": "auto"})
    with Server(server_ns, tmp_path, config) as server:
        assert [port["interface"] for port in server.driver_ports()] == ["srv0"]
        assert "nosuch0" in server.log()


@pytest.mark.parametrize("driver", driver_ids())
@pytest.mark.parametrize("shared", ["control-socket", "http", "state-directory"])
def test_a_second_server_fails_before_it_touches_the_interfaces(driver, shared, tmp_path):
    bed = Testbed(driver, tmp_path / "first", [SUBNET])
    try:
        bed.begin(f"second-{shared}")
        first_config = configuration("srv0", driver, [SUBNET], tmp_path / "first")
        config = configuration("srv0", driver, [SUBNET], tmp_path / "second")
        config["http"] = "127.0.0.1:9768"
        config[shared] = first_config[shared]
        second = Server(bed.server_ns, tmp_path / "second", config)
        bed.lease(bed.mac())
        log = bed.server.log()
        second.start(wait=False)
        while second.process.poll() is None:
            bed.lease(bed.mac())
        second.wait(expected=1)
        bed.lease(bed.mac())
        assert "srv0" not in second.log(), "it was at the interface"
        assert bed.server.log() == log
        (interface,) = bed.server.status()["interfaces"]
        assert (interface["state"], interface["reopens"]) == ("serving", 0)
        assert bed.server.http("/healthz")[0] == 200
        assert bed.server.socket_path.exists()
    except BaseException:
        bed.close(check=False)
        raise
    bed.close()


UNPRIVILEGED = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--no-new-privs"]


@pytest.fixture
def public_path():
    """A directory that everybody can reach and write to, with a copy of the server: the checkout may be private."""
    with tempfile.TemporaryDirectory(prefix="xdt-") as name:
        path = pathlib.Path(name)
        path.chmod(0o777)
        shutil.copy(XDHCPD, path / "xdhcpd")
        yield path


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
def test_without_privileges_the_message_is_clear(namespaces, public_path):
    server_ns = namespaces("srv")
    veth(server_ns, "srv0", namespaces("cli"), "cli0")
    server_ns.run("ip", "address", "add", f"{SERVER_IP}/24", "dev", "srv0")
    config = configuration("srv0", "xdp", [SUBNET], public_path)
    config["http"] = "off"
    server = Server(server_ns, public_path, config, prefix=UNPRIVILEGED, executable=public_path / "xdhcpd")
    server.config_path.chmod(0o644)
    server.start(wait=False)
    server.wait(expected=1)
    log = server.log()
    assert "srv0" in log and re.search(r"(?i)permission|permitted|privilege|CAP_", log), log


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
def test_without_privileges_auto_serves_high_ports_over_udp(namespaces, public_path):
    server_ns = namespaces("srv")
    veth(server_ns, "srv0", namespaces("cli"), "cli0")
    server_ns.run("ip", "address", "add", f"{SERVER_IP}/24", "dev", "srv0")
    config = configuration("srv0", "udp", [SUBNET], public_path)
    config["http"] = "off"
    config["ports"] = {"server": 6767, "client": 6868}
    server = Server(server_ns, public_path, config, prefix=UNPRIVILEGED, executable=public_path / "xdhcpd")
    server.config_path.chmod(0o644)
    with server:
        assert server.driver() == "udp"


def attach_foreign_xdp(namespace, interface, tmp_path):
    """Attaches a program of its own to the interface, as another tool would; False where it cannot."""
    source = tmp_path / "pass.c"
    source.write_text(
        '__attribute__((section("xdp"), used)) int xdp_pass(void *ctx) { (void)ctx; return 2; }\n'
        'char terms[] __attribute__((section("license"), used)) = "GPL";\n'
    )
    clang = shutil.which("clang-14") or shutil.which("clang")
    if clang is None:
        return False
    sh(clang, "-target", "bpf", "-O2", "-c", str(source), "-o", str(tmp_path / "pass.o"))
    namespace.run("ip", "link", "set", "dev", interface, "xdp", "obj", str(tmp_path / "pass.o"), "sec", "xdp")
    return True


def test_auto_walks_down_and_says_why(namespaces, tmp_path):
    server_ns = namespaces("srv")
    veth(server_ns, "srv0", namespaces("cli"), "cli0")
    server_ns.run("ip", "address", "add", f"{SERVER_IP}/24", "dev", "srv0")
    if not attach_foreign_xdp(server_ns, "srv0", tmp_path):
        pytest.skip("no clang to make another XDP program with")
    config = configuration("srv0", "auto", [SUBNET], tmp_path)
    with Server(server_ns, tmp_path, config) as server:
        (port,) = server.driver_ports()
        assert port["driver"] in ("packet", "udp") and port["why"], port
        assert re.search(r"srv0.*xdp", server.log())


def test_auto_takes_xdp_where_it_can(namespaces, tmp_path):
    server_ns = namespaces("srv")
    veth(server_ns, "srv0", namespaces("cli"), "cli0")
    server_ns.run("ip", "address", "add", f"{SERVER_IP}/24", "dev", "srv0")
    config = configuration("srv0", "auto", [SUBNET], tmp_path)
    with Server(server_ns, tmp_path, config) as server:
        (port,) = server.driver_ports()
        assert port["driver"] == "xdp" and port["mode"].startswith("native") and port["why"] == ""
        assert "xdp" in server_ns.run("ip", "-d", "link", "show", "dev", "srv0")
    assert "prog/xdp" not in server_ns.run("ip", "-d", "link", "show", "dev", "srv0"), "a program stayed behind"


def test_nothing_stays_after_kill(namespaces, tmp_path):
    """The bpf_link dies with its owner; a new server attaches at once, and takes over the old socket."""
    server_ns = namespaces("srv")
    veth(server_ns, "srv0", namespaces("cli"), "cli0")
    server_ns.run("ip", "address", "add", f"{SERVER_IP}/24", "dev", "srv0")
    config = configuration("srv0", "xdp", [SUBNET], tmp_path)
    first = Server(server_ns, tmp_path, config).start()
    first.kill()
    eventually(lambda: "prog/xdp" not in server_ns.run("ip", "-d", "link", "show", "dev", "srv0"), START_TIMEOUT)
    with Server(server_ns, tmp_path, config) as second:
        assert second.driver() == "xdp"


def test_version():
    done = subprocess.run([str(XDHCPD), "--version"], capture_output=True, text=True, timeout=10, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "xdhcpd 0.1.0")


def test_tool_without_a_server(tmp_path):
    done = subprocess.run([str(XDHCPCTL), "-s", str(tmp_path / "none.sock"), "status"],
                          capture_output=True, text=True, timeout=10, check=False)  # fmt: skip
    assert done.returncode == 1 and "cannot connect to" in done.stderr and "is xdhcpd running?" in done.stderr
