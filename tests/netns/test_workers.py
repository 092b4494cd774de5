"""Several workers: two queues with a worker each, or one port and two workers; loads, restarts, ports that leave."""

import json
import os
import subprocess

import pytest
from support import dhcp
from support.netns import eventually
from support.server import BUILD, Server, configuration

GUN = BUILD / "userspace/tools/xdhcpgun"
SERVER_MAC = "02:00:5e:00:53:fe"
POOL = {"subnet": "10.77.0.0/16", "interface": "srv0", "pools": [{"range": "10.77.1.0-10.77.250.254"}]}
CLIENTS = 600


def two_queues(server, left, client, right, mac):
    """A veth pair with two queues at both ends; what is sent by queue q arrives at queue q."""
    queues = ("numrxqueues", "2", "numtxqueues", "2")
    server.run(
        "ip", "link", "add", left, "address", mac, *queues,
        "type", "veth", "peer", "name", right, *queues, "netns", client.name,
    )  # fmt: skip
    for namespace, name in ((server, left), (client, right)):
        namespace.sysctl(f"net.ipv6.conf.{name}.disable_ipv6", 1)
        namespace.run("ip", "link", "set", name, "up")


@pytest.fixture
def sides(namespaces):
    server, client = namespaces("s"), namespaces("c")
    two_queues(server, "srv0", client, "cli0", SERVER_MAC)
    server.run("ip", "addr", "add", "10.77.0.1/16", "dev", "srv0")
    return server, client


def config(directory, workers, driver="xdp", **more):
    settings = configuration("srv0", driver, [POOL], directory, max_offers_per_relay=100000)
    settings.update({"workers": workers, "durability": "sync", **more})
    return settings


def start_gun(client, *arguments):
    return subprocess.Popen(
        client.command(str(GUN), "-i", "cli0", "--json", "--quiet", "--driver", "xdp", "--spread-queues", *arguments),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def finish(process, may_fail=False):
    try:
        out, errors = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 0 or may_fail, (out, errors)
    return json.loads(out)


def dora(client, ledger, *arguments):
    return finish(start_gun(
        client, "--scenario", "dora", "--clients", str(CLIENTS), "--count", str(CLIENTS), "--ledger", str(ledger),
        *arguments,
    ))  # fmt: skip


def verify(client, ledger, by):
    return finish(start_gun(client, "--verify", str(ledger), "--verify-by", by), may_fail=True)["verify"]


def workers(running):
    answer = running.ask("workers")
    assert answer["ok"], answer
    return answer["workers"]


@pytest.mark.parametrize("driver", ["xdp", "xdp-generic", "packet", "udp"])
def test_leases_outlive_restarts_with_other_numbers_of_workers(sides, tmp_path, driver):
    """Each client gets one lease whoever receives its messages, and finds it again whoever knows it then."""
    server, client = sides
    ledger = tmp_path / "ledger"
    with Server(server, tmp_path, config(tmp_path, 2, driver)) as running:
        assert dora(client, ledger)["exchanges_completed"] == CLIENTS
        both = workers(running)
        assert [worker["id"] for worker in both] == [0, 1]
        assert all(worker["index_entries"] > CLIENTS / 4 for worker in both), both
        assert sum(worker["index_entries"] for worker in both) == CLIENTS
        handed_over = sum(worker["handed_over"] for worker in both)
        assert handed_over == sum(worker["taken_over"] for worker in both) > CLIENTS / 2
        if driver == "xdp":  # without a native program, veth forgets which queue it was
            assert all(worker["messages"] > CLIENTS / 4 for worker in both), both
        if driver in ("xdp", "xdp-generic"):
            assert [[port for port in worker["ports"] if "lane" not in port] for worker in both] == [
                ["srv0:0"], ["srv0:1"],
            ]  # fmt: skip
        leases = running.leases()
        assert len(leases) == CLIENTS
        assert "workers: 2 (as configured)" in running.log()
    for count in (1, 3, 2):
        with Server(server, tmp_path, config(tmp_path, count, driver)) as running:
            assert {address: lease["hw_address"] for address, lease in running.leases().items()} == {
                address: lease["hw_address"] for address, lease in leases.items()
            }
            for by in ("init-reboot", "renew"):
                report = verify(client, ledger, by)
                assert report["same"] == report["asked"] == CLIENTS, (count, by, report)
            assert len(workers(running)) == count


def test_auto_is_a_worker_per_queue(sides, tmp_path):
    server, _ = sides
    with Server(server, tmp_path, config(tmp_path, "auto")) as running:
        allowed = len(running.ask("workers")["workers"])
        assert allowed <= 2
        assert f"workers: {allowed} (auto: 2 queues of fast drivers, " in running.log()
        assert "auto: 2 queues" in running.ctl_process("workers").stdout


def test_auto_says_that_queues_which_came_later_are_worth_a_restart(sides, tmp_path):
    server, _ = sides
    server.run("ip", "link", "set", "srv0", "down")
    server.run("ip", "link", "set", "srv0", "name", "later0")
    running = Server(server, tmp_path, config(tmp_path, "auto"))
    try:
        running.start(wait=False)
        eventually(lambda: "serving" in running.log(), what="waiting for the interface")
        assert len(running.ask("workers")["workers"]) == 1
        assert "restart" not in running.ctl_process("workers").stdout
        server.run("ip", "link", "set", "later0", "name", "srv0")
        server.run("ip", "link", "set", "srv0", "up")
        advice = "a restart would make 2 workers of 1 (auto: 2 queues of fast drivers, "
        if len(os.sched_getaffinity(0)) < 2:
            pytest.skip("one processor: a restart would bring no worker")
        eventually(lambda: running.ctl_process("workers").stdout.count(advice) == 1, what="the page says so")
        assert running.ctl_process("status").stdout.count(advice) == 1
        assert running.log().count(f"workers: {advice}") == 1
    finally:
        running.kill()


def test_one_lease_is_reached_from_every_worker(sides, tmp_path):
    """Operators find, delete, import and export what any worker has; metrics and health know all of them."""
    server, client = sides
    ledger = tmp_path / "ledger"
    with Server(server, tmp_path, config(tmp_path, 2)) as running:
        dora(client, ledger)
        leases = running.leases()
        assert len(leases) == CLIENTS
        exported = tmp_path / "leases.jsonl"
        done = running.ctl_process("leases", "export", "--output", str(exported))
        assert done.returncode == 0, done.stderr
        for address in sorted(leases)[:20]:
            assert running.ctl("leases", "find", address)["leases"][0]["address"] == address
            done = running.ctl_process("leases", "delete", address)
            assert done.returncode == 0, done.stderr
        assert len(running.leases()) == CLIENTS - 20
        done = running.ctl_process("leases", "import", str(exported))
        assert done.returncode == 0, done.stderr
        assert {a: lease["hw_address"] for a, lease in running.leases().items()} == {
            a: lease["hw_address"] for a, lease in leases.items()
        }
        assert verify(client, ledger, "renew")["same"] == CLIENTS
        status, page = running.http("/metrics")
        assert status == 200
        received = [line for line in page.splitlines() if line.startswith("xdhcpd_worker_messages_total{")]
        assert len(received) == 2 and all(float(line.split()[-1]) > 0 for line in received)
        names = [line.split(" ")[0] for line in page.splitlines() if line and not line.startswith("#")]
        assert len(names) == len(set(names)), "a series twice"
        assert running.http("/healthz")[0] == 200


def test_an_interface_leaves_and_returns_under_load(sides, namespaces, tmp_path):
    """Its frames come back from the other worker before its ports are destroyed, and the rest goes on."""
    server, client = sides
    far = namespaces("f")
    two_queues(server, "srv1", far, "far0", "02:00:5e:00:53:fd")
    server.run("ip", "addr", "add", "10.78.0.1/16", "dev", "srv1")
    both = config(tmp_path, 2)
    both["dhcp4"]["subnets"] = [
        POOL, {"subnet": "10.78.0.0/16", "interface": "srv1", "pools": [{"range": "10.78.1.0-10.78.250.254"}]},
    ]  # fmt: skip
    one = json.loads(json.dumps(both))
    del one["dhcp4"]["subnets"][1]["interface"]
    both["interfaces"].append({"name": "srv1", "driver": "xdp"})
    with Server(server, tmp_path, both) as running:
        load = ["--scenario", "dora", "--clients", "3000", "--duration", "4s", "--warmup", "0s", "--timeout", "200ms"]
        far_load = subprocess.Popen(
            far.command(str(GUN), "-i", "far0", "--json", "--quiet", "--driver", "xdp", "--spread-queues", *load,
                        "--first-mac", "02:00:00:77:00:00"),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        ledger = tmp_path / "ledger"
        near_load = start_gun(client, *load, "--ledger", str(ledger))
        eventually(lambda: running.status()["answered"] > 1000, what="the load has begun")
        for settings in (one, both) * 3:
            running.write(settings)
            answer = running.ask("reload")
            assert answer["ok"], answer
        near, away = finish(near_load), finish(far_load, may_fail=True)
        assert near["exchanges_completed"] > 1000 and away["exchanges_completed"] > 100
        running.check_accounts()
        assert verify(client, ledger, "renew")["given_twice"] == 0


@pytest.mark.parametrize("driver", ["xdp", "packet"])
def test_routed_replies_of_both_workers(sides, tmp_path, driver):
    """A relay behind a router: what the kernel routes leaves by the worker that received."""
    server, client = sides
    for namespace in sides:
        for scope in ("all", "default"):
            namespace.sysctl(f"net.ipv4.conf.{scope}.rp_filter", 0)
    server.sysctl("net.ipv4.conf.srv0.rp_filter", 0)
    server.run("ip", "route", "add", "default", "dev", "srv0")
    # The client side answers ARP for every address, also when the server asks.
    client.run("ip", "route", "add", "local", "default", "dev", "lo")
    client.sysctl("net.ipv4.conf.cli0.accept_local", 1)
    settings = config(tmp_path, 2, driver)
    settings["interfaces"][0]["reply-path"] = "route"
    wire = dhcp.Wire(client, "cli0")
    try:
        with Server(server, tmp_path, settings) as running:
            for i in range(40):
                relay = f"10.77.0.{100 + i}"
                fields = {
                    "giaddr": relay, "hops": 1, "source_ip": relay, "destination_ip": "10.77.0.1",
                    "source_mac": "02:00:5e:00:53:02", "destination_mac": SERVER_MAC, "source_port": 67,
                }  # fmt: skip
                frame = dhcp.request(dhcp.DISCOVER, f"02:00:5e:00:52:{i:02x}", 0x5200 + i, **fields)
                reply = wire.exchange(frame, 0x5200 + i)
                assert reply is not None, running.dropped()
                assert (reply.type, reply.ip.dst) == (dhcp.OFFER, relay)
            assert sum(worker["handed_over"] for worker in workers(running)) > 5
            routes = [port for port in running.status()["ports"] if port["role"] == "route"]
            assert sum(port["tx_frames"] for port in routes) == 40
            assert len(routes) == (2 if driver == "xdp" else 1)
    finally:
        wire.close()
