"""What can happen to a link under a running server, as commands; used by the tests and by bench/link_life."""

import subprocess

from support.netns import sh

SERVER_INTERFACE, CLIENT_INTERFACE = "srv0", "cli0"
SERVER_MAC, CLIENT_MAC, OTHER_MAC = "02:00:5e:00:53:01", "02:00:5e:00:53:02", "02:00:5e:00:53:03"
ADDRESS = "10.77.0.1/24"
QUEUES = 4

PASS_SOURCE = b"""
struct xdp_md;
__attribute__((section("xdp"), used)) int xdt_pass(struct xdp_md *ctx) { return 2; }
char xdt_license[] __attribute__((section("license"), used)) = "GPL";
"""


def compile_pass(directory):
    """A BPF object with an XDP program that passes everything, as somebody else's program."""
    path = directory / "pass.bpf.o"
    subprocess.run(
        ["clang-14", "-O2", "-g", "-target", "bpf", "-x", "c", "-c", "-", "-o", str(path)],
        input=PASS_SOURCE,
        check=True,
        timeout=20,
    )
    return path


class Link:
    """A veth pair between server and client side, and what can be done to it."""

    def __init__(self, server, client, aside=None):
        self.server, self.client, self.aside = server, client, aside
        self.create()

    def ip(self, *command):
        self.server.run("ip", *command)

    def create(self):
        sh(
            *("ip", "link", "add", SERVER_INTERFACE, "netns", self.server.name, "address", SERVER_MAC),
            *("numrxqueues", str(QUEUES), "numtxqueues", str(QUEUES), "type", "veth"),
            *("peer", "name", CLIENT_INTERFACE, "netns", self.client.name, "address", CLIENT_MAC),
            *("numrxqueues", "1", "numtxqueues", "1"),  # native XDP wants no more than we receive on
        )
        self.server.run("ethtool", "-L", SERVER_INTERFACE, "rx", "1", "tx", "1")
        for namespace, name in ((self.server, SERVER_INTERFACE), (self.client, CLIENT_INTERFACE)):
            namespace.sysctl(f"net.ipv6.conf.{name}.disable_ipv6", 1)
        self.ip("address", "add", ADDRESS, "dev", SERVER_INTERFACE)
        self.client.run("ip", "link", "set", CLIENT_INTERFACE, "up")
        self.ip("link", "set", SERVER_INTERFACE, "up")

    def delete(self):
        self.ip("link", "del", SERVER_INTERFACE)

    def down(self):
        self.ip("link", "set", SERVER_INTERFACE, "down")

    def up(self):
        self.ip("link", "set", SERVER_INTERFACE, "up")

    def rename(self, before, after):
        self.ip("link", "set", before, "down")
        self.ip("link", "set", before, "name", after)
        self.ip("link", "set", after, "up")

    def move_away(self):
        self.ip("link", "set", SERVER_INTERFACE, "netns", self.aside.name)

    def move_back(self):
        self.aside.run("ip", "link", "set", SERVER_INTERFACE, "netns", self.server.name)
        self.ip("address", "add", ADDRESS, "dev", SERVER_INTERFACE)
        self.up()

    def mtu(self, mtu):
        self.client.run("ip", "link", "set", CLIENT_INTERFACE, "mtu", str(mtu))
        self.ip("link", "set", SERVER_INTERFACE, "mtu", str(mtu))

    def queues(self, count):
        self.server.run("ethtool", "-L", SERVER_INTERFACE, "rx", str(count))

    def mac(self, mac):
        self.ip("link", "set", SERVER_INTERFACE, "address", mac)

    def attach(self, program):
        self.ip("link", "set", "dev", SERVER_INTERFACE, "xdp", "obj", str(program), "sec", "xdp")

    def detach(self):
        self.ip("link", "set", "dev", SERVER_INTERFACE, "xdp", "off")
