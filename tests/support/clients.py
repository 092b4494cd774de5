"""The four real clients, through deploy/demo-client."""

import subprocess

from support.netns import eventually
from support.server import ROOT

KINDS = ("udhcpc", "dhclient", "dhcpcd", "systemd-networkd")


class Client:
    """One real client on one interface of a namespace; close() ends it and removes what it left."""

    def __init__(self, kind, namespace, interface, directory):
        self.kind = kind
        self.namespace = namespace
        self.interface = interface
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def _do(self, action, expected=(0,)):
        command = [str(ROOT / "deploy/demo-client"), action, self.kind, self.interface, str(self.directory)]
        done = subprocess.run(
            self.namespace.command(*command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=40,
            check=False,
        )
        assert done.returncode in expected, f"{action} {self.kind}: {done.returncode}: {done.stdout}\n{self.log()}"
        return done.returncode

    def start(self, timeout=25):
        """Starts the client and returns the address that its interface has got."""
        self._do("start")
        try:
            return eventually(
                lambda: (self.namespace.addresses(self.interface) or [None])[0],
                timeout,
                0.1,
                f"{self.kind} gets an address",
            )
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None

    def renew(self):
        """False when the client cannot be told to and renews by itself at T1."""
        return self._do("renew", (0, 3)) == 0

    def release(self):
        self._do("release")

    def close(self):
        self._do("stop")

    def log(self):
        path = self.directory / "log"
        return path.read_text(encoding="utf-8", errors="replace")[-6000:] if path.exists() else "(no log)"
