"""Leases of DHCPv6 come from other servers and go to them; a real client keeps what it has, over restarts too."""

import json
import re
import subprocess
import time

import pytest
from conftest import driver_ids
from support.netns import eventually, veth
from support.other_servers import FIRST6, LAST6, NETWORK6, PREFIXES6, PROGRAMS6, OtherServer
from support.server import XDHCPCTL, Server

DRIVER = driver_ids()[0]
SUBNET = {
    "subnet": f"{NETWORK6}/64",
    "interface": "srv0",
    "pools": [{"range": f"{FIRST6}-{LAST6}"}],
    "prefix-pools": [{"prefix": f"{PREFIXES6}/40", "delegated-length": 56}],
}


@pytest.fixture(name="link")
def fixture_link(namespaces, tmp_path):
    """(server's namespace, configuration, ask): ask(PREFIX?) is a client that has forgotten what it had."""
    server_ns, client_ns = namespaces("srv"), namespaces("cli")
    veth(server_ns, "srv0", client_ns, "cli0")
    for namespace, interface in ((server_ns, "srv0"), (client_ns, "cli0")):
        namespace.sysctl(f"net.ipv6.conf.{interface}.accept_dad", 0)
        namespace.sysctl(f"net.ipv6.conf.{interface}.disable_ipv6", 0)
    server_ns.run("ip", "address", "add", f"{NETWORK6}1/64", "dev", "srv0", "nodad")
    shown = ("ip", "-6", "address", "show", "dev", "cli0")
    eventually(lambda: "fe80" in client_ns.run(*shown), 10, what="the link is ready")
    config = {
        "log": {"level": "debug", "format": "text"},
        "interfaces": [{"name": "srv0", "driver": DRIVER}],
        "control-socket": str(tmp_path / "control.sock"),
        "state-directory": str(tmp_path / "state"),
        "dhcp6": {"preferred-lifetime": "1h", "valid-lifetime": "2h", "subnets": [SUBNET]},
    }
    count = 0

    def ask(with_prefix=True):
        nonlocal count
        count += 1
        directory = tmp_path / f"client{count}"
        directory.mkdir()
        leases = directory / "leases"
        with open(directory / "log", "wb") as output:
            process = client_ns.popen(
                "dhclient", "-6", "-N", *(["-P"] if with_prefix else []), "-D", "LL", "-d", "-sf", "/bin/true",
                "-cf", "/dev/null", "-lf", str(leases), "-pf", str(directory / "pid"), "cli0",
                stdout=output, stderr=output,
            )  # fmt: skip

        def read():
            text = leases.read_text(errors="replace") if leases.exists() else ""
            address = re.search(r"iaaddr (\S+) ", text)
            prefix = re.search(r"iaprefix (\S+) ", text)
            has_all = address and bool(prefix) == with_prefix
            return (address[1], prefix[1] if prefix else None) if has_all else None

        try:
            return eventually(read, 20, what="a client has what it wants")
        finally:
            process.kill()  # it says no word
            process.wait(timeout=5)

    return server_ns, config, ask


def counts(done):
    """The counts at the end of what `leases import` printed."""
    rows = [line.split() for line in done.stdout.splitlines()]
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}


@pytest.mark.parametrize("kind", PROGRAMS6)
def test_leases_move_here_and_back(link, tmp_path, kind):
    """A client of another server has the same here after an import and a kill, and there again after an export."""
    namespace, config, ask = link
    has_prefixes = kind != "dnsmasq"
    other = OtherServer(kind, namespace, "srv0", tmp_path / "other", PROGRAMS6)
    if not other.installed:
        pytest.skip(f"{PROGRAMS6[kind][0]} is not installed")
    try:
        other.start()
        has = ask(has_prefixes)
        other.stop()
        names = {name for name in has if name}
        with Server(namespace, tmp_path, config) as server:
            trial = server.ctl_process("leases", "import", "--dry-run", str(other.leases))
            assert trial.returncode == 0 and counts(trial)["imported"] == len(names), trial.stdout + trial.stderr
            assert server.leases() == {}, "a dry run changes nothing"
            done = server.ctl_process("leases", "import", str(other.leases))
            assert done.returncode == 0 and counts(done)["imported"] == len(names), done.stdout + done.stderr
            leases = server.leases()
            assert set(leases) == names
            assert {lease["duid"][:8] for lease in leases.values()} == {"00030001"}
            assert len({lease["iaid"] for lease in leases.values()}) == 1
            server.kill()
            server.start()
            assert set(server.leases()) == names, server.log()
            assert ask(has_prefixes) == has, server.log()
            if has_prefixes:
                found = server.ask("leases", action="find", address=has[1].replace("::/56", "::7"))["leases"]
                assert [lease["address"] for lease in found] == [has[1]]
            arguments = ("-6", "--format", kind, "-o", str(other.leases))
            assert server.ctl_process("leases", "export", *arguments).returncode == 0
        arguments = [XDHCPCTL, "journal", "dump", tmp_path / "state"]
        dump = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
        assert all(f"{name} leased" in dump for name in names) and " duid 00:03:00:01:" in dump, dump
        other.start()
        assert ask(has_prefixes) == has, other.log()
    finally:
        other.stop()


@pytest.mark.parametrize("form", ("json", "csv", "kea", "isc"))
def test_export_import_export_is_the_same(link, tmp_path, form):
    namespace, config, _ = link
    now = int(time.time())
    rows = [
        {"address": f"{NETWORK6}1010", "duid": "00:03:00:01:02:00:5e:00:53:20", "iaid": 4294967295},
        {"address": f"{NETWORK6}1011", "duid": "00:04" + ":ab" * 128, "iaid": 0, "expires": None},
        {"address": "2001:db8:100:100::/56", "duid": "00:03:00:01:02:00:5e:00:53:20", "iaid": 7},
        {"address": f"{NETWORK6}1012", "state": "declined", "expires": now + 500},
    ]
    for row in rows:
        row.setdefault("expires", now + 1800)
        if row.get("state") != "declined":
            row["started"] = now - 60
    path = tmp_path / "leases.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with Server(namespace, tmp_path, config) as server:

        def exported(name):
            done = server.ctl_process("leases", "export", "-6", "--format", name)
            assert done.returncode == 0, done.stderr
            return done.stdout

        done = server.ctl_process("leases", "import", str(path))
        assert done.returncode == 0 and counts(done) == {"imported": len(rows)}, done.stdout + done.stderr
        first, complete = exported(form), exported("json")
        for row in rows:
            server.ctl("leases", "delete", row["address"])
        assert exported("json") == ""
        path.write_text(first)
        done = server.ctl_process("leases", "import", str(path))
        assert done.returncode == 0 and counts(done) == {"imported": len(rows)}, done.stdout + done.stderr
        assert exported(form) == first
        assert exported("json") == complete
