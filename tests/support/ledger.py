"""Rounds of leases acknowledged under load, a server killed in the midst of them, and each lease asked for again."""

import json
import subprocess
import time

from support.disk import ForgetfulDisk
from support.netns import eventually
from support.server import BUILD, Server

GUN = BUILD / "userspace/tools/xdhcpgun"
INTERFACE = "cli0"
# By what the server says to the client of an acknowledged lease. Lost: all that are not the same.
OUTCOMES = ("same", "refused", "silent", "given_twice")


def start_gun(client, *arguments):
    return subprocess.Popen(
        client.command(str(GUN), "-i", INTERFACE, "--json", "--quiet", "--driver", "xdp", *arguments),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def gun(client, *arguments):
    """A whole run; its report."""
    process = start_gun(client, *arguments)
    try:
        out, errors = process.communicate(timeout=60)
    except BaseException:
        process.kill()
        raise
    assert process.returncode == 0 or "--verify" in arguments, (arguments, out, errors)  # 1: some are not the same
    return json.loads(out)


def acknowledged(ledger):
    """How many leases it has, but for a line that a killed writer left half made."""
    text = ledger.read_text() if ledger.exists() else ""
    return sum(1 for line in text[: text.rfind("\n") + 1].splitlines() if not line.startswith("#"))


def holders(ledgers):
    """Of each address, the clients to which it was acknowledged."""
    found = {}
    for ledger in ledgers:
        text = ledger.read_text()
        for line in text[: text.rfind("\n") + 1].splitlines():
            if not line.startswith("#"):
                mac, address, *_ = line.split()
                found.setdefault(address, set()).add(mac)
    return found


class Rounds:
    """A server and its load. `server` and `client` are namespaces, `directory` is of this run, `disk` a ForgetfulDisk
    with the state directory, or None for the page cache. Leases must not end while it runs. `arguments` gives those of
    xdhcpgun, beside the common ones, by the number of the round."""

    def __init__(self, server, client, directory, config, disk=None, clients=15000, patience="2s",
                 arguments=lambda turn: ()):  # fmt: skip
        self.client, self.directory, self.disk = client, directory, disk
        self.clients, self.patience, self.arguments = clients, patience, arguments
        self.server = Server(server, directory, config, prefix=disk.prefix if disk else ())
        self.ledgers = []
        self.total = {"acknowledged": 0, **dict.fromkeys(OUTCOMES, 0)}

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.server.stop()
        finally:
            self.server.kill()

    def round(self, at_least=300):
        """New clients, killed at another moment each time, started again; the ledger of the round."""
        turn = len(self.ledgers)
        ledger = self.directory / f"ledger{turn}"
        load = start_gun(
            self.client, "--scenario", "dora", "--clients", str(self.clients),
            "--first-mac", f"02:00:{turn >> 8:02x}:{turn & 0xFF:02x}:00:00",
            "--duration", "1500ms", "--warmup", "0s", "--timeout", "300ms", "--ledger", str(ledger),
            *self.arguments(turn),
        )  # fmt: skip
        try:
            eventually(lambda: acknowledged(ledger) > at_least, interval=0.01, what="the load has begun")
            time.sleep(0.02 * (turn % 7))
            self.server.kill()
        finally:
            load.terminate()
            load.communicate(timeout=30)
        if self.disk:
            self.disk.cut_power()
        self.server.start()
        self.ledgers.append(ledger)
        return ledger

    def verify(self, ledgers):
        """Adds what becomes of the leases in these ledgers to the total."""
        for ledger in ledgers:
            turn = self.ledgers.index(ledger)
            report = gun(self.client, "--verify", str(ledger), "--verify-by", "init-reboot",
                         "--timeout", self.patience, *self.arguments(turn))["verify"]  # fmt: skip
            assert report["asked"] == sum(report[key] for key in OUTCOMES), report
            for key in OUTCOMES:
                self.total[key] += report[key]
            self.total["acknowledged"] += report["asked"]

    def shared(self):
        """How many addresses were acknowledged to more than one client."""
        return sum(1 for macs in holders(self.ledgers).values() if len(macs) > 1)


def forgetful_disk(directory, **more):
    return ForgetfulDisk(directory / "state", directory / "mirror", **more)
