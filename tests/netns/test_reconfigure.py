"""Reconfigure (RFC 8415 sections 18.3.11 and 20.4): clients that accept it renew when they are asked to."""

import hashlib
import hmac
import json
import re
import shutil
import struct
import subprocess
import time

import pytest
from scapy.layers.dhcp6 import (
    DHCP6_RelayForward,
    DHCP6_RelayReply,
    DHCP6_Renew,
    DHCP6_Request,
    DHCP6OptClientId,
    DHCP6OptElapsedTime,
    DHCP6OptIA_NA,
    DHCP6OptIA_PD,
    DHCP6OptIfaceId,
    DHCP6OptReconfAccept,
    DHCP6OptRelayMsg,
    DHCP6OptServerId,
    DUID_LL,
)
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from support.netns import eventually, veth
from support.server import Server
from support.vlan import TaggedWire

SERVER_MAC, CLIENT_MAC = "02:00:5e:00:53:01", "02:00:5e:00:53:02"
CLIENT_LL = "fe80::2"
PREFIX = "2001:db8:77::"
CLIENT_DUID = bytes(DUID_LL(lladdr=CLIENT_MAC))
RECONFIGURE, AUTHENTICATION, RECONFIGURE_MESSAGE, RECONFIGURE_ACCEPT = 10, 11, 19, 20


def configuration(directory, dns=f"{PREFIX}53", reconfigure=True):
    return {
        "log": {"level": "debug", "format": "text"},
        "interfaces": [{"name": "srv0", "driver": "packet"}],
        "http": "127.0.0.1:9767",
        "control-socket": str(directory / "control.sock"),
        "state-directory": str(directory / "state"),
        "dhcp6": {
            "reconfigure": reconfigure,
            "preferred-lifetime": "10m",
            "valid-lifetime": "20m",
            "subnets": [
                {
                    "subnet": f"{PREFIX}/64",
                    "interface": "srv0",
                    "pools": [{"range": f"{PREFIX}1000-{PREFIX}1fff"}],
                    "prefix-pools": [{"prefix": "2001:db8:100::/40", "delegated-length": 56}],
                    "options": {"dns-servers": [dns]},
                }
            ],
        },
        "router-advertisements": [{"interface": "srv0", "managed": True}],
    }


@pytest.fixture(name="link")
def fixture_link(namespaces):
    server_ns, client_ns = namespaces("srv"), namespaces("cli")
    veth(server_ns, "srv0", client_ns, "cli0", SERVER_MAC, CLIENT_MAC)
    server_ns.sysctl("net.ipv6.conf.srv0.disable_ipv6", 0)
    for address in ("fe80::1", f"{PREFIX}1"):
        server_ns.run("ip", "address", "add", f"{address}/64", "dev", "srv0", "nodad")
    return server_ns, client_ns


class Wire:
    """A client that scapy writes; what it gets is read by hand, as a client would."""

    def __init__(self, namespace):
        self.wire = TaggedWire(namespace, "cli0")

    def send(self, message, *options, duid=CLIENT_DUID):
        message = message / DHCP6OptClientId(duid=DUID_LL(duid)) / DHCP6OptElapsedTime(elapsedtime=0)
        for option in options:
            message = message / option
        frame = Ether(src=CLIENT_MAC, dst="33:33:00:01:00:02") / IPv6(src=CLIENT_LL, dst="ff02::1:2", hlim=1)
        self.wire.send(bytes(frame / UDP(sport=546, dport=547) / message))

    def receive(self, kind, timeout=3.0):
        """(payload, {code: value}) of the next message of that type, or None."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            frame = self.wire.receive(left)
            if frame is None or frame[12:14] != b"\x86\xdd" or frame[20] != 17 or frame[62] != kind:
                continue
            payload, options, at = frame[62:], {}, 4
            while at < len(payload):
                code, length = struct.unpack_from("!HH", payload, at)
                options[code] = payload[at + 4 : at + 4 + length]
                at += 4 + length
            assert options[1] == CLIENT_DUID and Ether(frame)[UDP].dport == 546
            assert Ether(frame)[IPv6].dst == CLIENT_LL and Ether(frame)[IPv6].src == "fe80::1"
            return payload, options
        return None

    def close(self):
        self.wire.close()


@pytest.fixture(name="client")
def fixture_client(link):
    server_ns, client_ns = link
    server_ns.run("ip", "neigh", "replace", CLIENT_LL, "lladdr", CLIENT_MAC, "dev", "srv0", "nud", "permanent")
    client = Wire(client_ns)
    yield client
    client.close()


def server_id(server):
    return DHCP6OptServerId(duid=DUID_LL(bytes.fromhex(server.status()["server_duid"].replace(":", ""))))


def get_lease(client, server, *options):
    """Options of the Reply that gives one client an address and a prefix."""
    client.send(DHCP6_Request(trid=1), server_id(server), DHCP6OptIA_NA(iaid=7), DHCP6OptIA_PD(iaid=8), *options)
    return client.receive(7)[1]


def counts(server):
    return server.status()["reconfigure"]


def verify(payload, options, key, wanted):
    """As the client does it: protocol 3, HMAC-MD5 over the message with a digest of zeros."""
    assert payload[:4] == b"\x0a\0\0\0"
    assert list(options) == [2, 1, RECONFIGURE_MESSAGE, AUTHENTICATION]
    assert options[RECONFIGURE_MESSAGE] == bytes([wanted])
    authentication = options[AUTHENTICATION]
    assert authentication[:3] == b"\x03\x01\0" and authentication[11] == 2
    assert payload.endswith(authentication)
    expected = hmac.new(key, payload[:-16] + bytes(16), hashlib.md5).digest()
    assert authentication[12:] == expected
    return struct.unpack("!Q", authentication[3:11])[0]


@pytest.mark.rfc("8415 18.3.11, 20.4")
def test_a_client_is_asked_until_it_renews(link, client, tmp_path):
    with Server(link[0], tmp_path, configuration(tmp_path)) as server:
        had = get_lease(client, server, DHCP6OptReconfAccept())
        assert had[RECONFIGURE_ACCEPT] == b"" and had[AUTHENTICATION][:3] == b"\x03\x01\0"
        assert had[AUTHENTICATION][11] == 1
        key, replay = had[AUTHENTICATION][12:], struct.unpack("!Q", had[AUTHENTICATION][3:11])[0]

        assert server.ctl_process("reconfigure", "--all").stdout .startswith("asked 1 clients to renew\n")
        first = verify(*client.receive(RECONFIGURE), key, 5)
        again = verify(*client.receive(RECONFIGURE, 4), key, 5)
        assert replay < first < again
        assert counts(server)["waiting"] == 1

        ias = (DHCP6OptIA_NA(iaid=7), DHCP6OptIA_PD(iaid=8))
        client.send(DHCP6_Renew(trid=9), server_id(server), *ias, DHCP6OptReconfAccept())
        assert client.receive(7)[1][AUTHENTICATION][12:] == key
        eventually(lambda: counts(server)["answered"] == 1, 8, what="the server sees that it has renewed")
        assert counts(server) == {"waiting": 0, "sent": 2, "refused": 0, "answered": 1, "unanswered": 0}
        assert client.receive(RECONFIGURE, 1) is None
        _, text = server.http("/metrics")
        assert 'xdhcpd_reconfigure_messages_total{result="sent"} 2' in text
        assert 'xdhcpd_reconfigure_clients_total{result="answered"} 1' in text


@pytest.mark.rfc("8415 20.3, 20.4")
def test_key_and_counter_go_on_after_a_restart(link, client, tmp_path):
    server = Server(link[0], tmp_path, configuration(tmp_path))
    with server:
        had = get_lease(client, server, DHCP6OptReconfAccept())
        key = had[AUTHENTICATION][12:]
        server.ctl("reconfigure", "--rebind", "--subnet", f"{PREFIX}/64")
        before = verify(*client.receive(RECONFIGURE), key, 6)
    with server:
        server.ctl("reconfigure", CLIENT_DUID.hex(":"))
        assert verify(*client.receive(RECONFIGURE), key, 5) > before
        assert (tmp_path / "state" / "reconfigure").stat().st_mode & 0o007 == 0, "the secret is nobody else's"


@pytest.mark.rfc("8415 21.20")
def test_only_who_accepts_it_is_asked(link, client, tmp_path):
    with Server(link[0], tmp_path, configuration(tmp_path)) as server:
        assert AUTHENTICATION not in get_lease(client, server)
        assert server.ctl_process("reconfigure", "--all").stdout.splitlines() == [
            "asked 0 clients to renew",
            "not asked: 2 leases of clients that did not say that they accept Reconfigure",
        ]
        assert client.receive(RECONFIGURE, 1) is None
        for arguments, why in (
            ([], "wants address, client_id, subnet or all"),
            ([f"{PREFIX}1fff"], "there is no lease of DHCPv6 of"),
            (["00:03:00:01:02:00:5e:00:53:77"], "there is no lease of DHCPv6 of the client"),
            (["--subnet", "2001:db8:5::/64"], "2001:db8:5::/64"),
        ):
            done = server.ctl_process("reconfigure", *arguments)
            assert done.returncode == 1 and why in done.stderr, (arguments, done)
        server.write(json.dumps(configuration(tmp_path, reconfigure=False)))
        server.ctl("reload")
        assert RECONFIGURE_ACCEPT not in get_lease(client, server, DHCP6OptReconfAccept())
        done = server.ctl_process("reconfigure", "--all")
        assert done.returncode == 1 and "reconfigure: is not set" in done.stderr


@pytest.mark.rfc("8415 18.3.11, 19.3")
def test_a_client_without_an_address_is_asked_through_its_relay(link, client, tmp_path):
    relay = f"{PREFIX}fe"
    link[0].run("ip", "neigh", "replace", relay, "lladdr", CLIENT_MAC, "dev", "srv0", "nud", "permanent")
    with Server(link[0], tmp_path, configuration(tmp_path)) as server:
        request = DHCP6_Request(trid=1) / DHCP6OptClientId(duid=DUID_LL(CLIENT_DUID)) / server_id(server)
        inner = request / DHCP6OptIA_PD(iaid=8) / DHCP6OptReconfAccept()
        client.wire.send(
            bytes(
                Ether(src=CLIENT_MAC, dst=SERVER_MAC)
                / IPv6(src=relay, dst=f"{PREFIX}1")
                / UDP(sport=547, dport=547)
                / DHCP6_RelayForward(linkaddr=relay, peeraddr="fe80::77")
                / DHCP6OptIfaceId(ifaceid=b"port 3")
                / DHCP6OptRelayMsg(message=inner)
            )
        )
        eventually(lambda: server.status()["sent_by_type"].get("dhcp6.reply"), what="it has a prefix")
        assert server.ctl("reconfigure", "--all") == {"ok": True, "asked": 1, "again": 0, "unwilling": 0, "unreachable": 0}

        def through_relay():
            frame = client.wire.receive(1.0)
            if frame is None or frame[12:14] != b"\x86\xdd" or frame[20] != 17 or frame[62] != 13:
                return None
            message = Ether(frame)[DHCP6OptRelayMsg].message
            return Ether(frame) if bytes(message)[0] == RECONFIGURE else None

        seen = eventually(through_relay, 5, what="a Relay-reply with a Reconfigure")
        assert (seen[IPv6].dst, seen[UDP].dport) == (relay, 547)
        assert seen[DHCP6_RelayReply].peeraddr == "fe80::77" and seen[DHCP6_RelayReply].linkaddr == relay
        assert seen[DHCP6OptIfaceId].ifaceid == b"port 3"


class Dibbler:
    """dibbler-client, the one of Debian 12 that accepts Reconfigure. Its paths are fixed: it gets its own mounts."""

    CONFIG = """log-level 8
duid-type duid-ll
auth-protocol reconfigure-key
auth-methods digest-hmac-md5
reconfigure-accept 1
iface cli0 {
    ia
    option dns-server
}
"""

    def __init__(self, namespace, directory):
        self.log_path = directory / "log" / "dibbler-client.log"
        mounts = []
        for name, path in (("etc", "/etc/dibbler"), ("lib", "/var/lib/dibbler"), ("log", "/var/log/dibbler")):
            (directory / name).mkdir(parents=True)
            mounts.append(f"mount --bind {directory / name} {path}")
        (directory / "etc" / "client.conf").write_text(self.CONFIG, encoding="utf-8")
        (directory / "resolv.conf").touch()
        mounts.append(f"mount --bind {directory / 'resolv.conf'} /etc/resolv.conf")
        self.servers_path = directory / "resolv.conf"
        script = " && ".join([*mounts, "exec dibbler-client run"])
        self.process = namespace.popen("unshare", "--mount", "sh", "-c", script)

    def servers(self):
        return self.servers_path.read_text(encoding="utf-8")

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else "(no log)"

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=5)


def has_own_mounts():
    """Not in a plain chroot, whose root is no mount point and cannot be made private."""
    return subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0


@pytest.mark.skipif(shutil.which("dibbler-client") is None, reason="dibbler-client is not installed")
@pytest.mark.skipif(not has_own_mounts(), reason="there are no private mounts here, over the fixed paths of dibbler")
@pytest.mark.rfc("8415 18.2.11, 20.4")
def test_a_real_client_renews_when_it_is_asked(link, tmp_path):
    server_ns, client_ns = link
    client_ns.sysctl("net.ipv6.conf.cli0.disable_ipv6", 0)
    client_ns.sysctl("net.ipv6.conf.cli0.accept_ra", 0)
    client_ns.run("ip", "address", "add", f"{CLIENT_LL}/64", "dev", "cli0", "nodad")
    with Server(server_ns, tmp_path, configuration(tmp_path)) as server:
        real = Dibbler(client_ns, tmp_path / "dibbler")
        try:
            eventually(lambda: f"{PREFIX}53" in real.servers(), 25, 0.2, "it has a lease")
            assert server.ctl("reconfigure", "--all")["asked"] == 1
            eventually(lambda: counts(server)["answered"] == 1, 8, what="the server sees that it has renewed")
            assert server.status()["received_by_type"]["dhcp6.renew"] == 1
            assert counts(server)["sent"] == 1
            digests = re.findall(r"(received|proper) digest: (\S+)", real.log())
            assert len(digests) == 2 and digests[0][1] == digests[1][1], "it has checked the digest with its key"
        except AssertionError as error:
            raise AssertionError(f"{error}\n{real.log()}\n{real.servers()}") from None
        finally:
            real.close()
