"""Network namespaces and veth pairs with names of this run only, removed again whatever happens.

Everything goes through ``nsenter --net`` rather than ``ip netns exec``: the latter remounts /sys, hides bpffs,
and does not work in a chroot.
"""

import contextlib
import ctypes
import json
import os
import subprocess
import time

RUN_PREFIX = f"xdt-{os.getpid()}-"
CLONE_NEWNET = 0x40000000
COMMAND_TIMEOUT = 20  # seconds; no command of the set-up takes more than a moment

_libc = ctypes.CDLL(None, use_errno=True)


def sh(*command, check=True, timeout=COMMAND_TIMEOUT, **kwargs):
    """Runs a command, returns its standard output; raises with its error output when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, **kwargs)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def eventually(condition, timeout=5.0, interval=0.05, what="condition"):
    """Polls until `condition()` is true and returns its value; fails after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: not within {timeout} s (last value: {value!r})")
        time.sleep(interval)


class Namespace:
    """One network namespace. Created by the constructor, removed by close(); processes started by popen() too."""

    _made = 0

    def __init__(self, name):
        Namespace._made += 1
        self.name = f"{RUN_PREFIX}{Namespace._made}-{name}"
        self.path = f"/run/netns/{self.name}"
        self._children = []
        sh("ip", "netns", "add", self.name)
        self.run("ip", "link", "set", "lo", "up")

    def command(self, *command):
        return ["nsenter", f"--net={self.path}", "--", *command]

    def run(self, *command, **kwargs):
        return sh(*self.command(*command), **kwargs)

    def popen(self, *command, **kwargs):
        child = subprocess.Popen(self.command(*command), stdin=subprocess.DEVNULL, **kwargs)
        self._children.append(child)
        return child

    @contextlib.contextmanager
    def inside(self):
        """The calling thread is in the namespace within the block; sockets opened there stay there."""
        with open("/proc/self/ns/net", "rb") as home, open(self.path, "rb") as there:
            self._setns(there.fileno())
            try:
                yield
            finally:
                self._setns(home.fileno())

    @staticmethod
    def _setns(fd):
        if _libc.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def sysctl(self, key, value):
        self.run("sysctl", "-q", "-w", f"{key}={value}")

    def addresses(self, interface):
        """IPv4 addresses of an interface, as strings without prefix length."""
        found = json.loads(self.run("ip", "-j", "-4", "address", "show", "dev", interface) or "[]")
        return [entry["local"] for link in found for entry in link.get("addr_info", [])]

    def close(self):
        for child in self._children:
            if child.poll() is None:
                child.kill()
            child.wait(timeout=10)
        sh("ip", "netns", "del", self.name, check=False)


def veth(left, left_name, right, right_name, left_mac=None, right_mac=None):
    """A veth pair between two namespaces, both ends up."""
    command = ["ip", "link", "add", left_name, "netns", left.name]
    command += ["address", left_mac] if left_mac else []
    command += ["type", "veth", "peer", "name", right_name, "netns", right.name]
    command += ["address", right_mac] if right_mac else []
    sh(*command)
    for namespace, name in ((left, left_name), (right, right_name)):
        namespace.sysctl(f"net.ipv6.conf.{name}.disable_ipv6", 1)
        namespace.run("ip", "link", "set", name, "up")


def remove_leftovers():
    """Removes namespaces of earlier runs whose process is gone."""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir("/run/netns"):
            parts = name.split("-")
            if name.startswith("xdt-") and parts[1].isdigit() and not os.path.exists(f"/proc/{parts[1]}"):
                sh("ip", "netns", "del", name, check=False)
