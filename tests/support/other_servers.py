"""The servers that xdhcpd takes leases over from, each with a file of leases: start, stop, and where the file is."""

import json
import os
import pathlib
import shutil
import subprocess

from support.netns import eventually

SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
NETWORK, MASK, FIRST, LAST = "10.77.0.0", "255.255.255.0", "10.77.0.10", "10.77.0.250"


def _kea(directory, interface, leases):
    socket = directory / "kea.sock"
    configuration = {"Dhcp4": {
        "interfaces-config": {"interfaces": [interface], "dhcp-socket-type": "raw"},
        "lease-database": {"type": "memfile", "persist": True, "name": str(leases), "lfc-interval": 0},
        "control-socket": {"socket-type": "unix", "socket-name": str(socket)},
        "valid-lifetime": 3600,
        "subnet4": [{"id": 1, "subnet": f"{NETWORK}/24", "interface": interface,
                     "pools": [{"pool": f"{FIRST} - {LAST}"}]}],
        "loggers": [{"name": "kea-dhcp4", "severity": "INFO", "output_options": [{"output": "stdout"}]}],
    }}  # fmt: skip
    path = directory / "kea.json"
    path.write_text(json.dumps(configuration), encoding="utf-8")
    return ["kea-dhcp4", "-c", path], socket.is_socket


def _isc(directory, interface, leases):
    leases.touch()
    path = directory / "dhcpd.conf"
    path.write_text(
        "authoritative;\nping-check off;\nddns-update-style none;\ndefault-lease-time 3600;\n"
        f"subnet {NETWORK} netmask {MASK} {{\n  range {FIRST} {LAST};\n}}\n",
        encoding="ascii",
    )
    log = directory / "server.log"
    arguments = ["dhcpd", "-4", "-f", "-d", "--no-pid", "-cf", path, "-lf", leases, interface]
    return arguments, lambda: "Server starting service" in log.read_text(errors="replace")


def _dnsmasq(directory, interface, leases):
    pid = directory / "dnsmasq.pid"
    arguments = [
        "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--user=root", "--no-hosts",
        "--no-resolv", f"--interface={interface}", "--no-ping", "--dhcp-authoritative", "--log-facility=-",
        f"--pid-file={pid}", f"--dhcp-leasefile={leases}", f"--dhcp-range={FIRST},{LAST},{MASK},1h",
    ]  # fmt: skip
    return arguments, pid.is_file


# Of DHCPv6: addresses of 2001:db8:77::/64 and, but for dnsmasq, prefixes.
NETWORK6 = "2001:db8:77::"
FIRST6, LAST6, PREFIXES6 = f"{NETWORK6}1000", f"{NETWORK6}1fff", "2001:db8:100::"


def _kea6(directory, interface, leases):
    socket = directory / "kea.sock"
    configuration = {"Dhcp6": {
        "interfaces-config": {"interfaces": [interface]},
        "server-id": {"type": "LL", "htype": 1, "identifier": "02005E0053FE", "persist": False},
        "lease-database": {"type": "memfile", "persist": True, "name": str(leases), "lfc-interval": 0},
        "control-socket": {"socket-type": "unix", "socket-name": str(socket)},
        "valid-lifetime": 7200, "preferred-lifetime": 3600,
        "subnet6": [{"id": 1, "subnet": f"{NETWORK6}/64", "interface": interface,
                     "pools": [{"pool": f"{FIRST6} - {LAST6}"}],
                     "pd-pools": [{"prefix": PREFIXES6, "prefix-len": 40, "delegated-len": 56}]}],
        "loggers": [{"name": "kea-dhcp6", "severity": "INFO", "output_options": [{"output": "stdout"}]}],
    }}  # fmt: skip
    path = directory / "kea6.json"
    path.write_text(json.dumps(configuration), encoding="utf-8")
    return ["kea-dhcp6", "-c", path], socket.is_socket


def _isc6(directory, interface, leases):
    leases.touch()
    path = directory / "dhcpd6.conf"
    path.write_text(
        "authoritative;\nddns-update-style none;\ndefault-lease-time 7200;\npreferred-lifetime 3600;\n"
        f"subnet6 {NETWORK6}/64 {{\n  range6 {FIRST6} {LAST6};\n"
        f"  prefix6 {PREFIXES6} 2001:db8:1ff:ff00:: /56;\n}}\n",
        encoding="ascii",
    )
    log = directory / "server.log"
    arguments = ["dhcpd", "-6", "-f", "-d", "--no-pid", "-cf", path, "-lf", leases, interface]
    return arguments, lambda: "Server starting service" in log.read_text(errors="replace")


def _dnsmasq6(directory, interface, leases):
    pid = directory / "dnsmasq.pid"
    arguments = [
        "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--user=root", "--no-hosts",
        "--no-resolv", f"--interface={interface}", "--log-facility=-", f"--pid-file={pid}",
        f"--dhcp-leasefile={leases}", f"--dhcp-range={FIRST6},{LAST6},64,2h",
    ]  # fmt: skip
    return arguments, pid.is_file


# By the name of the format that xdhcpctl gives their file.
PROGRAMS = {
    "isc": ("dhcpd", "dhcpd.leases", _isc),
    "kea": ("kea-dhcp4", "kea-leases4.csv", _kea),
    "dnsmasq": ("dnsmasq", "dnsmasq.leases", _dnsmasq),
}


PROGRAMS6 = {
    "isc": ("dhcpd", "dhcpd6.leases", _isc6),
    "kea": ("kea-dhcp6", "kea-leases6.csv", _kea6),
    "dnsmasq": ("dnsmasq", "dnsmasq.leases", _dnsmasq6),
}


class OtherServer:
    """Serves `interface`, with the leases of the file `leases` if that is there already."""

    def __init__(self, kind, namespace, interface, directory, programs=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        program, file_name, self._prepare = (programs or PROGRAMS)[kind]
        self.installed = shutil.which(program, path=SYSTEM_PATH) is not None
        self.leases = self.directory / file_name
        self._namespace, self._interface = namespace, interface
        self._process = None

    def start(self):
        arguments, is_ready = self._prepare(self.directory, self._interface, self.leases)
        log = self.directory / "server.log"
        env = {**os.environ, "PATH": SYSTEM_PATH, "KEA_PIDFILE_DIR": str(self.directory), "KEA_LOCKFILE_DIR": "none"}
        with open(log, "ab") as output:
            self._process = self._namespace.popen(*map(str, arguments), stdout=output, stderr=output, env=env)

        def ready():
            assert self._process.poll() is None, log.read_text(errors="replace")
            return is_ready()

        eventually(ready, 15, what=f"{arguments[0]} serves")

    def stop(self):
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(timeout=10)
            self._process = None

    def log(self):
        return (self.directory / "server.log").read_text(errors="replace")[-4000:]
