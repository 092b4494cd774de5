"""The four real clients, through deploy/demo-client."""

import os
import subprocess

from support.netns import eventually
from support.server import ROOT

KINDS = ("udhcpc", "dhclient", "dhcpcd", "systemd-networkd")


class Client:
    """One real client on one interface of a namespace, of IPv4 only ("4") or of both families ("46"); close() ends it
    and removes what it left."""

    def __init__(self, kind, namespace, interface, directory, families="4"):
        self.kind = kind
        self.namespace = namespace
        self.interface = interface
        self.directory = directory
        self.families = families
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
            env={**os.environ, "XD_CLIENT_FAMILIES": self.families},
        )
        assert done.returncode in expected, f"{action} {self.kind}: {done.returncode}: {done.stdout}\n{self.log()}"
        return done

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
        return self._do("renew", (0, 3)).returncode == 0

    def facts(self):
        """What the client has, by name: address4, route4, dns4, address6, prefix, route6, dns6; "" for nothing."""
        return dict(line.split("=", 1) for line in self._do("show").stdout.splitlines())

    def release(self):
        self._do("release")

    def close(self):
        self._do("stop")

    def log(self):
        path = self.directory / "log"
        return path.read_text(encoding="utf-8", errors="replace")[-6000:] if path.exists() else "(no log)"
