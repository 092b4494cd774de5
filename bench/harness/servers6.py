"""The DHCPv6 servers that are compared; see servers.py."""

import json
import subprocess

from harness.network import SERVER_INTERFACE
from harness.servers import BUILD, SYSTEM_PATH, Server, launch, start_bare, tool, xdhcpd_journal

SUBNET = "2001:db8:64::/64"
FIRST, LAST = "2001:db8:64::1:0:0", "2001:db8:64::1:ffff:ffff"
PREFIXES, DELEGATED = "2001:db8:8000::/36", 60
NAME_SERVER = "2001:db8::53"


def launch_xdhcpd6(network, directory, durability, driver="xdp", max_leases=1 << 21, workers=1):
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
        "dhcp6": {
            "max-offers-per-relay": max_leases,
            "delegated-routes": False,
            "options": {"dns-servers": [NAME_SERVER]},
            "subnets": [{
                "subnet": SUBNET,
                "interface": SERVER_INTERFACE,
                "pools": [{"range": f"{FIRST}-{LAST}"}],
                "prefix-pools": [{"prefix": PREFIXES, "delegated-length": DELEGATED}],
            }],
        },
    }  # fmt: skip
    if durability != "memory":
        configuration["state-directory"] = str(directory / "state")
    path = directory / "xdhcpd.yaml"
    path.write_text(json.dumps(configuration), encoding="utf-8")
    control = [str(BUILD / "userspace/tools/xdhcpctl"), "-s", str(socket), "status"]
    return launch(network, directory, BUILD / "userspace/daemon/xdhcpd", "-c", path, what=f"xdhcpd {driver}",
                  ready=lambda: subprocess.run(control, capture_output=True, check=False).returncode == 0)  # fmt: skip


def start_xdhcpd6(durability="memory", driver="xdp"):
    return lambda network, directory: launch_xdhcpd6(network, directory, durability, driver)


def start_kea6(multi_threading, persist=True):
    def start(network, directory):
        socket = directory / "kea.sock"
        database = {"type": "memfile", "persist": persist, "lfc-interval": 0}
        if persist:
            database["name"] = str(directory / "kea-leases6.csv")
        configuration = {"Dhcp6": {
            "data-directory": str(directory),
            "interfaces-config": {"interfaces": [SERVER_INTERFACE]},
            "lease-database": database,
            "multi-threading": {"enable-multi-threading": multi_threading},
            "control-socket": {"socket-type": "unix", "socket-name": str(socket)},
            "preferred-lifetime": 3600,
            "valid-lifetime": 7200,
            "reservations-global": False,
            "reservations-in-subnet": False,
            "ddns-send-updates": False,
            "subnet6": [{
                "id": 1, "subnet": SUBNET, "interface": SERVER_INTERFACE,
                "pools": [{"pool": f"{FIRST} - {LAST}"}],
                "pd-pools": [{"prefix": PREFIXES.split("/")[0], "prefix-len": int(PREFIXES.split("/")[1]),
                              "delegated-len": DELEGATED}],
                "option-data": [{"name": "dns-servers", "data": NAME_SERVER}],
            }],
            "loggers": [{"name": "kea-dhcp6", "severity": "ERROR", "output_options": [{"output": "stdout"}]}],
        }}  # fmt: skip
        path = directory / "kea6.json"
        path.write_text(json.dumps(configuration), encoding="utf-8")
        env = {"PATH": SYSTEM_PATH, "KEA_PIDFILE_DIR": str(directory), "KEA_LOCKFILE_DIR": "none"}
        return launch(network, directory, tool("kea-dhcp6"), "-c", path, ready=socket.is_socket, what="Kea", env=env)

    return start


def start_dnsmasq6(network, directory):
    pid = directory / "dnsmasq.pid"
    return launch(
        network, directory, tool("dnsmasq"), "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--user=root",
        "--no-hosts", "--no-resolv", f"--interface={SERVER_INTERFACE}", "--dhcp-authoritative", "--quiet-dhcp6",
        "--log-facility=/dev/null", f"--pid-file={pid}", "--dhcp-lease-max=1000000",
        f"--dhcp-leasefile={directory / 'dnsmasq.leases'}", f"--dhcp-range={FIRST},{LAST},64,2h",
        f"--dhcp-option=option6:dns-server,[{NAME_SERVER}]", ready=pid.is_file, what="dnsmasq",
    )  # fmt: skip


def start_isc6(network, directory):
    leases, path = directory / "dhcpd6.leases", directory / "dhcpd6.conf"
    leases.touch()
    path.write_text(
        "authoritative;\nddns-update-style none;\ndefault-lease-time 7200;\ndhcp-cache-threshold 0;\n"
        f"subnet6 {SUBNET} {{\n  range6 {FIRST} {LAST};\n  option dhcp6.name-servers {NAME_SERVER};\n}}\n",
        encoding="ascii",
    )
    return launch(network, directory, tool("dhcpd"), "-6", "-f", "-q", "--no-pid", "-cf", path, "-lf", leases,
                  SERVER_INTERFACE, what="ISC dhcpd",
                  ready=lambda: "dhcpd" in network.run("server", "ss", "-ulnp"))  # fmt: skip


PREFIX = ("--association", "prefix")
SERVERS6 = {
    server.name: server
    for server in (
        Server("echo", "AF_XDP echo", start_bare("echo6"), "no server: no parser, no table", "no lease", 1_000_000,
               family=6),
        Server("xdhcpd", "xdhcpd, xdp", start_xdhcpd6(), "driver: xdp, durability: memory", "no: memory only",
               1_000_000, family=6),
        Server("xdhcpd-packet", "xdhcpd, packet", start_xdhcpd6(driver="packet"), "driver: packet, durability: memory",
               "no: memory only", 1_000_000, family=6),
        Server("xdhcpd-async", "xdhcpd, async", start_xdhcpd6("async"), "driver: xdp, durability: async",
               "within a second", 1_000_000, family=6),
        Server("xdhcpd-sync", "xdhcpd, sync", start_xdhcpd6("sync"), "driver: xdp, durability: sync",
               "yes: synced before the Reply", 1_000_000, (16, 64, 128, 256, 512), journal=xdhcpd_journal, family=6),
        Server("xdhcpd-sync-new", "xdhcpd, sync, new clients", start_xdhcpd6("sync"),
               "driver: xdp, durability: sync, every client once", "yes: synced before the Reply", 2_000_000,
               (64, 128, 256, 512), new_clients=True, journal=xdhcpd_journal, family=6),
        Server("xdhcpd-prefix", "xdhcpd, prefixes", start_xdhcpd6(), "driver: xdp, durability: memory, IA_PD",
               "no: memory only", 1_000_000, family=6, arguments=PREFIX),
        Server("kea", "Kea, one thread", start_kea6(False), "memfile with file, no LFC, no reservations, errors logged",
               "no: written, not synced", 100_000, (1, 4, 16, 64, 128), family=6),
        Server("kea-mt", "Kea, threads", start_kea6(True), "as Kea, multi-threading on", "no: written, not synced",
               100_000, (4, 16, 64, 128), family=6),
        Server("kea-memory", "Kea, no lease file", start_kea6(False, persist=False), "as Kea, memfile without file",
               "no: memory only", 100_000, (1, 4, 16, 64, 128), family=6),
        Server("dnsmasq", "dnsmasq", start_dnsmasq6, "authoritative, quiet; few clients, since each new neighbour costs it 0.2 s",
               "new leases: file rewritten and synced", 16, (1, 4, 16), family=6),
        Server("isc", "ISC dhcpd", start_isc6, "authoritative, quiet, dhcp-cache-threshold 0", "no: written, not synced",
               4_000, (1, 4, 16), family=6),
    )
}  # fmt: skip
