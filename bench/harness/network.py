"""A veth pair between two namespaces of this run, and processes pinned within it. Everything made is removed."""

import os
import pathlib
import subprocess
import time

SERVER_CPU, GENERATOR_CPU = 0, 1
SERVER_INTERFACE, CLIENT_INTERFACE = "srv0", "cli0"
SERVER_ADDRESS6, PREFIX6_LEN = "2001:db8:64::1", 64
SERVER_ADDRESS, CLIENT_ADDRESS, PREFIX_LEN = "10.64.0.1", "10.64.0.2", 10
FIRST_LEASE, LAST_LEASE = "10.65.0.0", "10.97.255.254"
RECEIVE_BUFFER = 8 << 20  # bytes; servers that read from a socket lose bursts with the default of 208 KiB
TICKS = os.sysconf("SC_CLK_TCK")
PREFIX = "xdcmp-"


class BenchError(Exception):
    """A measurement that could not be made, with the reason."""


def sh(*command, check=True, timeout=30):
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    if check and done.returncode != 0:
        raise BenchError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def remove_leftovers():
    """Removes namespaces of earlier runs whose process is gone."""
    directory = pathlib.Path("/run/netns")
    for path in directory.glob(f"{PREFIX}*") if directory.is_dir() else ():
        pid = path.name.split("-")[1]
        if not pathlib.Path(f"/proc/{pid}").exists():
            sh("ip", "netns", "del", path.name, check=False)


class KernelLimits:
    """While the block lasts: larger socket buffers by default, and room in the tables of neighbours, without which a
    server that sends by sockets reaches 1,024 clients."""

    AT_LEAST = {
        "/proc/sys/net/core/rmem_default": RECEIVE_BUFFER,
        "/proc/sys/net/core/rmem_max": RECEIVE_BUFFER,
        **{f"/proc/sys/net/{family}/neigh/default/gc_thresh{level}": 1 << 20
           for family in ("ipv4", "ipv6") for level in (3, 2, 1)},
    }  # fmt: skip

    def __enter__(self):
        self.old = {path: pathlib.Path(path).read_text(encoding="ascii") for path in self.AT_LEAST}
        for path, wanted in self.AT_LEAST.items():
            pathlib.Path(path).write_text(f"{max(wanted, int(self.old[path]))}\n", encoding="ascii")
        return self

    def __exit__(self, *_):
        for path, text in self.old.items():
            pathlib.Path(path).write_text(text, encoding="ascii")


class Network:
    """A new pair for every server, so that nothing of the one before it is left."""

    def __init__(self, queues=1, family=4):
        self.queues, self.family = queues, family
        self.names = {side: f"{PREFIX}{os.getpid()}-{side}" for side in ("server", "client")}
        self.children = []

    def __enter__(self):
        try:
            self._make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _make(self):
        for name in self.names.values():
            sh("ip", "netns", "add", name)
        queues = ("numtxqueues", str(self.queues), "numrxqueues", str(self.queues))
        sh("ip", "link", "add", SERVER_INTERFACE, "netns", self.names["server"], *queues, "type", "veth",
           "peer", "name", CLIENT_INTERFACE, "netns", self.names["client"], *queues)  # fmt: skip
        for side, interface, address in (("server", SERVER_INTERFACE, SERVER_ADDRESS),
                                         ("client", CLIENT_INTERFACE, CLIENT_ADDRESS)):  # fmt: skip
            # Without duplicate address detection, servers may begin at once.
            setting = "disable_ipv6=1" if self.family == 4 else "accept_dad=0"
            self.run(side, "sysctl", "-q", "-w", f"net.ipv6.conf.{interface}.{setting}")
            self.run(side, "ip", "link", "set", "lo", "up")
            self.run(side, "ip", "link", "set", interface, "up")
            self.run(side, "ip", "address", "add", f"{address}/{PREFIX_LEN}", "dev", interface)
        if self.family == 6:
            self.run("server", "ip", "address", "add", f"{SERVER_ADDRESS6}/{PREFIX6_LEN}", "dev", SERVER_INTERFACE,
                     "nodad")  # fmt: skip
            for side in self.names:  # servers bind to it when they start
                eventually(lambda side=side: "fe80::" in self.run(side, "ip", "-6", "address", "show", "scope", "link"),
                           f"link-local address of the {side}")  # fmt: skip

    def command(self, side, *command, cpu=None):
        pin = ["taskset", "-c", str(cpu)] if cpu is not None else []
        return ["nsenter", f"--net=/run/netns/{self.names[side]}", "--", *pin, *map(str, command)]

    def run(self, side, *command, **kwargs):
        return sh(*self.command(side, *command), **kwargs)

    def start(self, side, *command, cpu, **kwargs):
        child = subprocess.Popen(self.command(side, *command, cpu=cpu), stdin=subprocess.DEVNULL, **kwargs)
        self.children.append(child)
        return child

    def __exit__(self, *_):
        for child in reversed(self.children):
            stop(child)
        for name in self.names.values():
            sh("ip", "netns", "del", name, check=False)


def stop(child, timeout=5):
    """Ends a process that was started here."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(timeout=timeout)


def eventually(condition, what, timeout=20.0):
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise BenchError(f"{what}: not within {timeout:.0f} s")
        time.sleep(0.05)


class CpuTimes:
    """CPU time so far: of a process with all its threads, and of one core by kind. Difference of two is a Usage."""

    def __init__(self, pid):
        self.when = time.monotonic()
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(") ", 1)[1].split()
        self.process = (int(fields[11]) + int(fields[12])) / TICKS
        with open("/proc/stat", encoding="ascii") as file:
            numbers = next(line for line in file if line.startswith(f"cpu{SERVER_CPU} ")).split()[1:9]
        _user, _nice, _system, idle, iowait, _irq, softirq, steal = (int(number) / TICKS for number in numbers)
        self.core_idle, self.core_softirq, self.core_steal = idle + iowait, softirq, steal

    def until(self, later):
        seconds = later.when - self.when
        idle = min(1.0, (later.core_idle - self.core_idle) / seconds)
        return {
            "seconds": seconds,
            "process_s": later.process - self.process,
            "core_busy_s": seconds * (1.0 - idle),
            "core_softirq_s": later.core_softirq - self.core_softirq,
            "core_steal_s": later.core_steal - self.core_steal,
            "core_idle": idle,
        }
