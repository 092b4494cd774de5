"""IPv6-mostly networks (RFC 8925): dhcpcd, which knows option 108, stays without an IPv4 address; others get one."""

import subprocess

import pytest
from support.clients import Client
from support.netns import RUN_PREFIX, eventually, veth
from support.server import Server, configuration

SUBNET = {
    "subnet": "10.77.0.0/24",
    "interface": "srv0",
    "pools": [{"range": "10.77.0.10-10.77.0.250"}],
    "options": {"routers": ["10.77.0.1"]},
    "ipv6-mostly": {"wait": "30m"},
}


class Dhcpcd:
    """dhcpcd that asks for option 108, which deploy/demo-client does not."""

    def __init__(self, namespace, interface, directory):
        directory.mkdir()
        self.log_path = directory / "log"
        config = directory / "dhcpcd.conf"
        config.write_text(
            "clientid\nnoarp\nnoipv4ll\nnodev\ntimeout 20\nreboot 2\nscript /bin/true\n"
            "option subnet_mask, routers, ipv6_only_preferred\n",
            encoding="ascii",
        )
        namespace.run("ip", "link", "set", interface, "up")
        with open(self.log_path, "wb") as log:
            self.process = namespace.popen(
                "dhcpcd", "-4", "-B", "-d", "-f", str(config), interface, stdout=log, stderr=subprocess.STDOUT
            )

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=10)


@pytest.mark.rfc("8925 3.3")
@pytest.mark.parametrize("driver", ["xdp", "packet"])
def test_a_client_that_can_do_without_ipv4_burns_no_address(namespaces, tmp_path, driver):
    server_ns, client_ns = namespaces("srv"), namespaces("cli")
    # dhcpcd keeps files by interface name in fixed directories: the name is of this run only.
    interface = f"x{RUN_PREFIX.split('-')[1][-6:]}m"
    veth(server_ns, "srv0", client_ns, interface)
    server_ns.run("ip", "address", "add", "10.77.0.1/24", "dev", "srv0")
    with Server(server_ns, tmp_path, configuration("srv0", driver, [SUBNET], tmp_path)) as server:
        able = Dhcpcd(client_ns, interface, tmp_path / "able")
        try:
            eventually(
                lambda: "IPv6-Only Preferred received (1800 seconds)" in able.log(), 20, what="dhcpcd is told to wait"
            )
            status = server.status()
            assert status["sent_by_type"].keys() == {"offer"}, status["sent_by_type"]
            assert server.leases() == {}
            assert client_ns.addresses(interface) == []
        finally:
            able.close()
            print(able.log())

        other = Client("udhcpc", client_ns, interface, tmp_path / "udhcpc")
        try:
            address = other.start()
            assert list(server.leases()) == [address]
        finally:
            other.close()
