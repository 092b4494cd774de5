"""The servers that are compared: how each is started at its best, and what is known of its ACKs."""

import dataclasses
import json
import pathlib
import shutil
import subprocess
from typing import Callable

from harness.network import (
    FIRST_LEASE,
    LAST_LEASE,
    SERVER_ADDRESS,
    SERVER_CPU,
    SERVER_INTERFACE,
    BenchError,
    eventually,
    sh,
)

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/release"
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


@dataclasses.dataclass(frozen=True)
class Server:
    name: str  # on the command line
    title: str  # in tables
    start: Callable  # (network, directory) -> Popen; returns once it answers
    setting: str  # what was set, beside subnet and pool
    durable: str  # what an ACK promises
    max_clients: int  # more clients would not be feasible within the time of a run
    windows: tuple = (16, 32, 64, 128, 256)
    # A client that comes back within its lease may need no record. These rows see each client once: every run has a
    # new server without leases.
    new_clients: bool = False
    journal: Callable | None = None  # (directory) -> {"records": n, "syncs": n} since the start
    family: int = 4
    arguments: tuple = ()  # more of xdhcpgun


def tool(name):
    found = shutil.which(name, path=SYSTEM_PATH)
    if found is None:
        raise BenchError(f"{name} is not installed: deploy/install-packages bench")
    return found


def launch(network, directory, *command, ready, what, env=None, cpu=SERVER_CPU):
    """Starts a server on its core (None: on all) and waits until ready(); its output goes to server.log."""
    log = directory / "server.log"
    with open(log, "wb") as output:
        child = network.start("server", *command, cpu=cpu, stdout=output, stderr=subprocess.STDOUT, env=env)

    def is_up():
        if child.poll() is not None:
            raise BenchError(f"{what} ended with {child.returncode}: {log.read_text(errors='replace')[-2000:]}")
        return ready()

    eventually(is_up, f"start of {what}")
    return child


def start_bare(program):
    def start(network, directory):
        log = directory / "server.log"
        return launch(network, directory, BUILD / "bench/e2e" / program, "-i", SERVER_INTERFACE,
                      ready=lambda: "ready" in log.read_text(), what=program)  # fmt: skip

    return start


def launch_xdhcpd(network, directory, driver, durability, max_leases=1 << 21, subnet="10.64.0.0/10",
                  pool=f"{FIRST_LEASE}-{LAST_LEASE}", workers=1, cpu=SERVER_CPU):  # fmt: skip
    """xdhcpd with its control socket, and its leases if it keeps them, in the directory."""
    socket = directory / "control.sock"
    configuration = {
        "log": {"level": "warning"},
        "interfaces": [{"name": SERVER_INTERFACE, "driver": driver}],
        "control-socket": str(socket),
        "http": "off",
        "durability": durability,
        "max-leases": max_leases,
        "workers": workers,
        "dhcp4": {
            "max-offers-per-relay": max_leases,
            "subnets": [{
                "subnet": subnet,
                "interface": SERVER_INTERFACE,
                "pools": [{"range": pool}],
                "options": {"routers": [SERVER_ADDRESS], "domain-name-servers": ["192.0.2.53"]},
            }],
        },
    }  # fmt: skip
    if durability != "memory":
        configuration["state-directory"] = str(directory / "state")
    path = directory / "xdhcpd.yaml"
    path.write_text(json.dumps(configuration), encoding="utf-8")
    control = [str(BUILD / "userspace/tools/xdhcpctl"), "-s", str(socket), "status"]
    return launch(network, directory, BUILD / "userspace/daemon/xdhcpd", "-c", path, what=f"xdhcpd {driver}", cpu=cpu,
                  ready=lambda: subprocess.run(control, capture_output=True, check=False).returncode == 0)  # fmt: skip


def start_xdhcpd(driver, durability="memory"):
    return lambda network, directory: launch_xdhcpd(network, directory, driver, durability)


def xdhcpd_journal(directory):
    """What the journal has counted, as the server tells it."""
    answer = sh(BUILD / "userspace/tools/xdhcpctl", "-s", directory / "control.sock", "--json", "status")
    return {name: json.loads(answer)["journal"][name] for name in ("records", "syncs")}


def start_kea(multi_threading, persist=True):
    def start(network, directory):
        socket = directory / "kea.sock"
        database = {"type": "memfile", "persist": persist, "lfc-interval": 0}
        if persist:
            database["name"] = str(directory / "kea-leases4.csv")
        configuration = {"Dhcp4": {
            "interfaces-config": {"interfaces": [SERVER_INTERFACE], "dhcp-socket-type": "raw"},
            "lease-database": database,
            "multi-threading": {"enable-multi-threading": multi_threading},
            "control-socket": {"socket-type": "unix", "socket-name": str(socket)},
            "valid-lifetime": 3600,
            # Nothing is looked up or sent that the others do not look up or send.
            "reservations-global": False,
            "reservations-in-subnet": False,
            "ddns-send-updates": False,
            "subnet4": [{
                "id": 1, "subnet": "10.64.0.0/10", "interface": SERVER_INTERFACE,
                "pools": [{"pool": f"{FIRST_LEASE} - {LAST_LEASE}"}],
                "option-data": [{"name": "routers", "data": SERVER_ADDRESS},
                                {"name": "domain-name-servers", "data": "192.0.2.53"}],
            }],
            "loggers": [{"name": "kea-dhcp4", "severity": "ERROR", "output_options": [{"output": "stdout"}]}],
        }}  # fmt: skip
        path = directory / "kea.json"
        path.write_text(json.dumps(configuration), encoding="utf-8")
        env = {"PATH": SYSTEM_PATH, "KEA_PIDFILE_DIR": str(directory), "KEA_LOCKFILE_DIR": "none"}
        return launch(network, directory, tool("kea-dhcp4"), "-c", path, ready=socket.is_socket, what="Kea", env=env)

    return start


def start_dnsmasq(network, directory):
    pid = directory / "dnsmasq.pid"
    return launch(
        network, directory, tool("dnsmasq"), "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--user=root",
        "--no-hosts", "--no-resolv", f"--interface={SERVER_INTERFACE}", "--no-ping", "--dhcp-authoritative",
        "--quiet-dhcp", "--log-facility=/dev/null", f"--pid-file={pid}", "--dhcp-lease-max=1000000",
        f"--dhcp-leasefile={directory / 'dnsmasq.leases'}", f"--dhcp-range={FIRST_LEASE},{LAST_LEASE},255.192.0.0,1h",
        f"--dhcp-option=3,{SERVER_ADDRESS}", "--dhcp-option=6,192.0.2.53", ready=pid.is_file, what="dnsmasq",
    )  # fmt: skip


def start_isc(network, directory):
    leases, pid, path = directory / "dhcpd.leases", directory / "dhcpd.pid", directory / "dhcpd.conf"
    leases.touch()
    # A pool of 131,072: dhcpd allocates a record per address of its pools when it starts.
    path.write_text(
        "authoritative;\nping-check off;\nddns-update-style none;\ndefault-lease-time 3600;\ndhcp-cache-threshold 0;\n"
        "subnet 10.64.0.0 netmask 255.192.0.0 {\n"
        "  range 10.65.0.0 10.65.15.255;\n"
        f"  option routers {SERVER_ADDRESS};\n  option domain-name-servers 192.0.2.53;\n}}\n",
        encoding="ascii",
    )
    return launch(network, directory, tool("dhcpd"), "-4", "-f", "-q", "--no-pid", "-cf", path, "-lf", leases,
                  SERVER_INTERFACE, what="ISC dhcpd",
                  ready=lambda: "dhcpd" in network.run("server", "ss", "-0np"))  # fmt: skip


SERVERS = {
    server.name: server
    for server in (
        Server("echo", "AF_XDP echo", start_bare("echo"), "no server: no parser, no table", "no lease", 1_000_000),
        Server("responder", "AF_XDP responder", start_bare("responder"), "one table, nothing else",
               "no: memory only", 1_000_000),
        Server("xdhcpd", "xdhcpd, xdp", start_xdhcpd("xdp"), "driver: xdp, durability: memory",
               "no: memory only", 1_000_000),
        Server("xdhcpd-packet", "xdhcpd, packet", start_xdhcpd("packet"), "driver: packet, durability: memory",
               "no: memory only", 1_000_000),
        Server("xdhcpd-async", "xdhcpd, async", start_xdhcpd("xdp", "async"), "driver: xdp, durability: async",
               "within a second", 1_000_000),
        Server("xdhcpd-sync", "xdhcpd, sync", start_xdhcpd("xdp", "sync"), "driver: xdp, durability: sync",
               "yes: synced before the ACK", 1_000_000, (16, 64, 128, 256, 512), journal=xdhcpd_journal),
        Server("xdhcpd-sync-new", "xdhcpd, sync, new clients", start_xdhcpd("xdp", "sync"),
               "driver: xdp, durability: sync, every client once", "yes: synced before the ACK", 2_000_000,
               (64, 128, 256, 512), new_clients=True, journal=xdhcpd_journal),
        Server("kea", "Kea, one thread", start_kea(False), "memfile with file, no LFC, no reservations, errors logged",
               "no: written, not synced", 100_000, (1, 4, 16, 64, 128)),
        Server("kea-mt", "Kea, threads", start_kea(True), "as Kea, multi-threading on",
               "no: written, not synced", 100_000, (4, 16, 64, 128)),
        Server("kea-memory", "Kea, no lease file", start_kea(False, persist=False), "as Kea, memfile without file",
               "no: memory only", 100_000, (1, 4, 16, 64, 128)),
        Server("dnsmasq", "dnsmasq", start_dnsmasq, "no ping, authoritative, quiet", "yes: file rewritten and synced",
               1_000, (1, 4, 16)),
        Server("isc", "ISC dhcpd", start_isc, "no ping, authoritative, quiet", "yes: synced before the ACK",
               4_000, (1, 4, 16)),
    )
}  # fmt: skip
