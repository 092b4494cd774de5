"""Commands that are told of routes to delegated prefixes: each event once, in order, and no harm to the server."""

import json
import pathlib
import stat
import subprocess
import tempfile
import time

import pytest
from support.netns import eventually
from support.server import XDHCPD, Server
from test_delegated_routes import CLIENTS, COUNT, delegated, link_local, routes, settings, sides  # noqa: F401
from test_gun import gun


def script(directory, name, text):
    path = directory / name
    path.write_text("#!/bin/sh\n" + text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return str(path)


class Recorder:
    """A hook that writes what it is told to a file: environment and standard input, a line each."""

    def __init__(self, directory, name="recorder"):
        self.file = directory / f"{name}.events"
        self.command = [
            script(
                directory,
                name,
                'read -r line\n'
                'echo "$XDHCPD_EVENT $XDHCPD_PREFIX ${XDHCPD_NEXT_HOP--} ${XDHCPD_INTERFACE--} $line" >>"$1"\n',
            ),
            str(self.file),
        ]

    def events(self):
        if not self.file.exists():
            return []
        found = []
        for line in self.file.read_text(encoding="utf-8").splitlines():
            event, prefix, next_hop, interface, text = line.split(" ", 4)
            expected = {"event": event, "prefix": prefix}
            if event == "route-added":
                expected.update(next_hop=next_hop, interface=interface)
            else:
                assert (next_hop, interface) == ("-", "-"), line
            assert json.loads(text) == expected
            found.append((event, prefix, next_hop, interface))
        return found

    def forget(self):
        self.file.unlink(missing_ok=True)


def usable_link_local(namespace):
    shown = json.loads(namespace.run("ip", "-json", "-6", "address", "show", "dev", "cli0", "scope", "link"))
    found = [info["local"] for link in shown for info in link.get("addr_info", []) if "local" in info]
    return found[0] if found and "tentative" not in str(shown) else None


def added(leases):
    return sorted(("route-added", prefix, link_local(mac), "srv0") for prefix, mac in leases.items())


def removed(leases):
    return sorted(("route-removed", prefix, "-", "-") for prefix in leases)


@pytest.mark.parametrize("installs", [True, False], ids=["with-routes", "without-routes"])
def test_are_told_of_leases_that_come_go_and_were_there(sides, tmp_path, installs):  # noqa: F811
    server, client = sides
    ledger = tmp_path / "ledger"
    recorder = Recorder(tmp_path)
    config = settings(tmp_path, **{"delegated-routes": installs}) | {"hooks": [{"command": recorder.command}]}
    running = Server(server, tmp_path, config)
    running.start()
    gun(client, "--scenario", "dora", "--count", str(COUNT), "--ledger", str(ledger), *CLIENTS)
    leases = delegated(ledger)
    assert len(leases) == COUNT
    eventually(lambda: len(recorder.events()) == COUNT, 10, what="an event for each lease")
    assert sorted(recorder.events()) == added(leases)
    assert set(routes(server)) == (set(leases) if installs else set())

    recorder.forget()
    running.kill()  # kill -9: what is told is what the journal has
    running.start()
    eventually(lambda: len(recorder.events()) == COUNT, 10, what="all of them again after the start")
    assert sorted(recorder.events()) == added(leases)

    recorder.forget()
    lost = sorted(leases)[:3]
    for prefix in lost:
        running.ctl("leases", "delete", prefix)
    eventually(lambda: len(recorder.events()) == 3, 10, what="their ends")
    assert sorted(recorder.events()) == removed(lost)

    status = running.status()["hooks"]
    assert [hook["command"] for hook in status] == [recorder.command]
    assert (status[0]["runs"]["failed"], status[0]["runs"]["timeout"], status[0]["lost"]) == (0, 0, 0)
    _, page = running.http("/metrics")
    assert f'xdhcpd_hook_runs_total{{hook="{recorder.command[0]}",result="ok"}}' in page
    assert recorder.command[0] in running.ctl_process("status").stdout
    running.stop()


@pytest.mark.rfc("8415 18.2.7")
def test_are_told_of_a_real_client_that_releases(sides, tmp_path):  # noqa: F811
    server, client = sides
    recorder = Recorder(tmp_path)
    leases, pid = tmp_path / "dhclient.leases", tmp_path / "dhclient.pid"
    config = tmp_path / "dhclient.conf"
    config.write_text("", encoding="utf-8")
    arguments = ("-6", "-P", "-d", "-sf", "/bin/true", "-cf", str(config), "-lf", str(leases), "-pf", str(pid))
    hooks = {"hooks": [{"command": recorder.command}]}
    with Server(server, tmp_path, settings(tmp_path, **{"delegated-routes": False}) | hooks):
        own = eventually(lambda: usable_link_local(client), 10, what="dhclient needs an address to ask from")
        dhclient = client.popen("dhclient", *arguments, "cli0")
        try:
            eventually(lambda: len(recorder.events()) == 1, 20, what="an event for the prefix")
            kind, prefix, next_hop, _ = recorder.events()[0]
            assert (kind, next_hop) == ("route-added", own)
            eventually(lambda: leases.exists() and prefix in leases.read_text(encoding="utf-8"), 10)
        finally:
            dhclient.kill()
            dhclient.wait(timeout=5)
        pid.unlink(missing_ok=True)
        client.run("dhclient", "-r", *arguments, "cli0")
        eventually(lambda: len(recorder.events()) == 2, 10, what="an event for the release")
        assert recorder.events()[1] == ("route-removed", prefix, "-", "-")


def test_come_and_go_by_reload(sides, tmp_path):  # noqa: F811
    server, client = sides
    ledger = tmp_path / "ledger"
    first, second = Recorder(tmp_path, "first"), Recorder(tmp_path, "second")
    config = settings(tmp_path, **{"delegated-routes": False})
    with Server(server, tmp_path, config) as running:
        gun(client, "--scenario", "dora", "--count", str(COUNT), "--ledger", str(ledger), *CLIENTS)
        leases = delegated(ledger)
        running.write(config | {"hooks": [{"command": first.command}]})
        running.ctl("reload")
        eventually(lambda: sorted(first.events()) == added(leases), 10, what="what there was before the hook")
        only_ends = {"command": second.command, "events": ["route-removed"]}
        running.write(config | {"hooks": [{"command": first.command}, only_ends]})
        running.ctl("reload")
        prefix = sorted(leases)[0]
        running.ctl("leases", "delete", prefix)
        eventually(lambda: second.events() == removed([prefix]), 10, what="the end of one")
        eventually(lambda: len(first.events()) == COUNT + 1, 10, what="the same for the other hook, and nothing else")
        running.write(config)
        assert any("removed" in line for line in running.ctl("reload")["changes"])
        running.ctl("leases", "delete", sorted(leases)[1])
        eventually(lambda: running.status()["hooks"] == [], 5)
        time.sleep(0.5)
        assert len(first.events()) == COUNT + 1


def test_that_hang_are_ended_and_hinder_nobody(sides, tmp_path):  # noqa: F811
    server, client = sides
    pids = tmp_path / "pids"
    hanging = script(tmp_path, "hanging", f"trap '' TERM\necho $$ >>{pids}\nwhile :; do sleep 0.1; done\n")
    failing = script(tmp_path, "failing", "echo it does not work >&2\nexit 7\n")
    recorder = Recorder(tmp_path)
    config = settings(tmp_path) | {
        "hooks": [{"command": [hanging], "timeout": "1s"}, {"command": [failing]}, {"command": recorder.command}]
    }
    running = Server(server, tmp_path, config)
    running.start()
    gun(client, "--scenario", "dora", "--count", str(COUNT), *CLIENTS)
    eventually(lambda: len(recorder.events()) == COUNT, 10, what="the other hooks go on")
    eventually(lambda: running.status()["hooks"][0]["runs"]["timeout"] >= 1, 10, what="it is ended")
    first = int(pids.read_text().split()[0])
    assert not pathlib.Path(f"/proc/{first}").exists()
    report = gun(client, "--scenario", "dora", "--count", str(COUNT), *CLIENTS)
    assert report["exchanges_completed"] == COUNT
    hooks = running.status()["hooks"]
    assert hooks[1]["runs"]["failed"] >= COUNT
    assert "exit code 7" in hooks[1]["last_problem"]
    log = running.log()
    assert "hanging: route-added" in log and "it took too long" in log
    assert "says: it does not work" in log
    assert log.count("exit code 7") <= 12  # of 20 and more
    children = pathlib.Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children").read_text().split()
    assert len(children) <= 2, children  # no zombies: at most what runs now
    begun = time.monotonic()
    running.stop()
    assert time.monotonic() - begun < 10
    assert all(not pathlib.Path(f"/proc/{pid}").exists() for pid in pids.read_text().split())


def test_run_without_what_the_server_has(sides):  # noqa: F811
    """As the unit runs it: a user with ambient capabilities. Neither they nor descriptors are the hook's."""
    server, client = sides
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if subprocess.run([*user, str(XDHCPD), "--version"], capture_output=True, check=False).returncode != 0:
        pytest.skip(f"{XDHCPD} is where only root may run it")
    capabilities = "+net_raw,+net_admin,+bpf,+perfmon,+net_bind_service"
    prefix = [*user, f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}"]
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        directory.chmod(0o777)  # where pytest puts its own, only root may go
        facts = directory / "facts"
        looking = script(
            directory,
            "looking",
            "{ grep -E '^(Cap|Sig|Uid)' /proc/self/status; ls /proc/$$/fd; } >$1.new\nmv $1.new $1\n",
        )
        config = settings(directory) | {
            "interfaces": [{"name": "srv0", "driver": "packet"}],
            "hooks": [{"command": [looking, str(facts)]}],
        }
        with Server(server, directory, config, prefix=prefix):
            gun(client, "--scenario", "dora", "--count", str(COUNT), *CLIENTS)
            eventually(facts.exists, 10)
            lines = facts.read_text(encoding="utf-8").splitlines()
    values = dict(line.split(":\t") for line in lines if ":" in line)
    assert values["Uid"].startswith("65534")
    for what in ("CapInh", "CapPrm", "CapEff", "CapAmb", "SigBlk", "SigIgn"):
        assert int(values[what], 16) & 0x7FFFFFFF == 0, what  # the two signals above are glibc's own; the shell's own mask flickers
    # From 10 on they are what a shell has of its script.
    assert {number for line in lines if line.isdigit() and (number := int(line)) < 10} <= {0, 1, 2}


def test_check_says_what_could_not_run(tmp_path, namespaces):
    server = namespaces("s")
    config = tmp_path / "xdhcpd.yaml"
    plain = tmp_path / "plain"
    plain.write_text("no program\n", encoding="utf-8")
    base = json.dumps(settings(tmp_path) | {"durability": "memory"})[:-1]

    def check(hooks):
        config.write_text(f'{base},\n"hooks": [{hooks}]}}\n', encoding="utf-8")
        done = server.popen(str(XDHCPD), "check", "-c", str(config), stdout=-1, stderr=-2, text=True)
        output, _ = done.communicate(timeout=20)
        return done.returncode, output

    code, output = check('{command: [/nowhere/hook]}, {command: [%s]}, {command: [/bin/true]}' % plain)
    assert code == 0
    assert f"{config}:2:11: warning: command: /nowhere/hook: No such file or directory" in output
    assert f"{plain} is not executable" in output
    assert "/bin/true" not in output
    code, output = check("{command: [hook]}")
    assert code == 1
    assert f"{config}:2:22: error: command: 'hook' is not an absolute path" in output


