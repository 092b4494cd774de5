"""Leases come from other servers and go to them: files of the real programs, and real clients that notice nothing."""

import json
import signal
import time

import pytest
from conftest import driver_ids
from support import dhcp
from support.netns import eventually, sh
from support.other_servers import PROGRAMS, OtherServer
from support.server import ROOT, Server, configuration
from support.testbed import SERVER_INTERFACE, Testbed

DRIVER = driver_ids()[0]
FORMATS = ("json", "csv", "kea", "isc", "dnsmasq")
SUBNET = {
    "subnet": "10.77.0.0/24",
    "interface": SERVER_INTERFACE,
    "pools": [{"range": "10.77.0.10-10.77.0.250"}],
    "reservations": [
        {"hw-address": "02:00:5e:00:53:77", "address": "10.77.0.5"},
        {"hw-address": "02:00:5e:00:53:78", "address": "10.77.0.6"},
    ],
}
OTHER_SUBNET = {"subnet": "10.78.0.0/24", "pools": [{"range": "10.78.0.10-10.78.0.20"}]}
IDENTIFIED, PLAIN = "02:00:5e:00:53:11", "02:00:5e:00:53:12"


def counts(done):
    """The counts at the end of what `leases import` printed."""
    found = {}
    for line in done.stdout.splitlines():
        words = line.split()
        if len(words) == 2 and words[1].isdigit():
            found[words[0]] = int(words[1])
    return found


# Real servers, real clients


class RealClient:
    """udhcpc, with its client identifier or without one."""

    def __init__(self, namespace, interface, directory, arguments):
        directory.mkdir()
        self.namespace, self.interface, self.log = namespace, interface, directory / "log"
        script = ROOT / "deploy/demo-client-event"
        with open(self.log, "wb") as output:
            self.process = namespace.popen(
                "env", f"XD_CLIENT_DIRECTORY={directory}", "udhcpc", "-f", "-i", interface, "-s", str(script),
                "-t", "20", "-T", "1", "-A", "1", *arguments, stdout=output, stderr=output,
            )  # fmt: skip

    def address(self):
        return eventually(
            lambda: (self.namespace.addresses(self.interface) or [None])[0], 15, what=f"{self.interface} has an address"
        )

    def renewals(self):
        """How often a server has told this client that it has its lease."""
        return self.log.read_text(errors="replace").count(" obtained from ")


def renew(clients):
    """All ask for their addresses again, by unicast; returns the addresses they have then."""
    before = [client.renewals() for client in clients]
    for client in clients:
        client.process.send_signal(signal.SIGUSR1)
    for client, count in zip(clients, before):
        eventually(lambda: client.renewals() > count, 10, what=f"a client renews; {client.log.read_text()}")
    return [client.address() for client in clients]


@pytest.fixture
def street(namespaces, tmp_path):
    """A server's namespace and two clients on a bridge, the second one without a client identifier."""
    server, switch, first, second = (namespaces(name) for name in ("srv", "br", "c1", "c2"))
    switch.run("ip", "link", "add", "br0", "type", "bridge")
    switch.run("ip", "link", "set", "br0", "up")
    ends = ((server, SERVER_INTERFACE, "02:00:5e:00:53:01"), (first, "cli0", IDENTIFIED), (second, "cli0", PLAIN))
    for number, (namespace, name, mac) in enumerate(ends):
        sh("ip", "link", "add", name, "netns", namespace.name, "address", mac, "type", "veth",
           "peer", "name", f"p{number}", "netns", switch.name)  # fmt: skip
        switch.run("ip", "link", "set", f"p{number}", "master", "br0", "up")
        namespace.run("ip", "link", "set", name, "up")
    server.run("ip", "address", "add", "10.77.0.1/24", "dev", SERVER_INTERFACE)

    def clients():
        return (
            RealClient(first, "cli0", tmp_path / "first", ["-x", "hostname:named"]),
            RealClient(second, "cli0", tmp_path / "second", ["-C", "-x", "hostname:plain"]),
        )

    return server, clients


@pytest.mark.parametrize("kind", PROGRAMS)
def test_leases_move_here_and_back(street, tmp_path, kind):
    """Clients of another server renew here after an import, and there again after an export."""
    namespace, make_clients = street
    other = OtherServer(kind, namespace, SERVER_INTERFACE, tmp_path / "other")
    if not other.installed:
        pytest.skip(f"{PROGRAMS[kind][0]} is not installed")
    try:
        other.start()
        clients = make_clients()
        addresses = [client.address() for client in clients]
        assert len(set(addresses)) == 2
        other.stop()
        text = other.leases.read_text(errors="replace")
        assert all(address in text for address in addresses), text

        config = configuration(SERVER_INTERFACE, DRIVER, [SUBNET], tmp_path)
        with Server(namespace, tmp_path, config) as server:
            trial = server.ctl_process("leases", "import", "--dry-run", str(other.leases))
            assert trial.returncode == 0 and counts(trial)["imported"] == 2, trial.stdout + trial.stderr
            assert server.leases() == {}, "a dry run changes nothing"
            done = server.ctl_process("leases", "import", str(other.leases))
            assert done.returncode == 0 and counts(done)["imported"] == 2, done.stdout + done.stderr
            again = server.ctl_process("leases", "import", str(other.leases))
            assert again.returncode == 0 and counts(again)["unchanged"] == 2, again.stdout + again.stderr

            leases = server.leases()
            assert sorted(leases) == sorted(addresses)
            by_mac = {lease["hw_address"]: lease for lease in leases.values()}
            assert by_mac[IDENTIFIED]["client_id"] == "01" + IDENTIFIED.replace(":", "")
            assert by_mac[PLAIN]["client_id"] == ""
            assert (by_mac[IDENTIFIED]["hostname"], by_mac[PLAIN]["hostname"]) == ("named", "plain")
            assert all(3500 < lease["expires_in"] <= 3600 for lease in leases.values())

            assert renew(clients) == addresses, server.log()
            status = server.status()
            # udhcpc may send its request twice.
            assert set(status["received_by_type"]) == {"request"} and set(status["sent_by_type"]) == {"ack"}, status

            assert server.ctl_process("leases", "export", "--format", kind, "-o", str(other.leases)).returncode == 0

        other.start()
        assert renew(clients) == addresses, other.log()
    finally:
        other.stop()


# Round trips and rules, on made-up leases


@pytest.fixture(scope="module")
def only_bed(tmp_path_factory):
    bed = Testbed(DRIVER, tmp_path_factory.mktemp("bed"), [SUBNET, OTHER_SUBNET])
    yield bed
    bed.close()


@pytest.fixture
def bed(only_bed, request):
    """The same server for each test, without leases."""
    only_bed.begin(request.node.originalname)
    for address in only_bed.server.leases():
        only_bed.server.ask("leases", action="delete", address=address)
    return only_bed


def exported(bed, form, *arguments):
    done = bed.server.ctl_process("leases", "export", "--format", form, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("form", FORMATS)
def test_export_import_export_is_the_same(bed, tmp_path, form):
    """A table with what is hard to write: commas, quotes, bytes that are not printable, no end, declined addresses."""
    now = int(time.time())
    rows = [
        {"address": "10.77.0.20", "hw_address": "02:00:5e:00:53:20", "hostname": 'a "b", c' if form != "dnsmasq" else "a-b"},
        {"address": "10.77.0.21", "client_id": "00:ff:22:5c:2c:0a", "hw_address": "02:00:5e:00:53:21"},
        {"address": "10.77.0.22", "hw_address": "02:00:5e:00:53:22", "expires": None},
        {"address": "10.78.0.10", "hw_address": "02:00:5e:00:53:23", "client_id": "01:02:00:5e:00:53:23",
         "relay_information": "01:04:65:74:68:31:02:02:00:ff" if form != "dnsmasq" else "", "hostname": "\\\\x" if form != "dnsmasq" else "x"},
    ]  # fmt: skip
    if form in ("json", "csv"):
        rows.append({"address": "10.77.0.23", "hw_type": 6, "hw_address": "02:00:5e:00:53:24", "hostname": "\\x00\\xff"})
    if form != "dnsmasq":
        rows.append({"address": "10.77.0.24", "state": "declined", "expires": now + 500})
    for row in rows:
        row.setdefault("expires", now + 1800)
        if row.get("state") != "declined":
            row["started"] = now - 60
    path = tmp_path / "leases.jsonl"
    path.write_text("".join(json.dumps({k: v for k, v in row.items() if v != ""}) + "\n" for row in rows))
    done = bed.server.ctl_process("leases", "import", str(path))
    assert done.returncode == 0 and counts(done) == {"imported": len(rows)}, done.stdout + done.stderr

    first = exported(bed, form)
    complete = [json.loads(line) for line in exported(bed, "json").splitlines()]
    assert [lease["address"] for lease in complete] == sorted(row["address"] for row in rows)
    for row in rows:
        bed.server.ctl("leases", "delete", row["address"])
    assert exported(bed, "json") == ""
    path = tmp_path / "leases"
    path.write_text(first)
    done = bed.server.ctl_process("leases", "import", str(path))
    assert done.returncode == 0 and counts(done) == {"imported": len(rows)}, done.stdout + done.stderr
    assert exported(bed, form) == first
    if form in ("json", "csv", "isc"):
        assert [json.loads(line) for line in exported(bed, "json").splitlines()] == complete
    assert len(exported(bed, form, "--subnet", "10.78.0.0/24")) < len(first)


def test_import_says_what_it_does_not_take_and_where(bed, tmp_path):
    """The rules, each with its line: nothing of another client's, reserved, outside, ended, or not understood."""
    held = bed.lease(bed.mac()).yiaddr
    mine = bed.mac()
    own = bed.lease(mine).yiaddr
    now = int(time.time())
    later = now + 7200
    lines = [
        f"{later} 02:00:5e:00:53:40 {held} * *",
        f"{later} 02:00:5e:00:53:41 192.0.2.9 * *",
        f"{later} 02:00:5e:00:53:42 10.77.0.6 * *",
        f"{later} 02:00:5e:00:53:43 10.77.0.251 * *",
        f"{now - 5} 02:00:5e:00:53:44 10.77.0.100 * *",
        f"{later} 02:00:5e:00:53 10.77.0.101 oops",
        f"{later} 02:00:5e:00:53:zz 10.77.0.102 * *",
        f"{later} {mine} {own} * *",
        f"{later} 02:00:5e:00:53:77 10.77.0.5 * *",
        f"{later} 02:00:5e:00:53:45 10.77.0.103 * *",
        f"{later} 02:00:5e:00:53:45 10.77.0.104 * *",
        f"{now + 60} 02:00:5e:00:53:46 10.77.0.105 * *",
        f"{later} 02:00:5e:00:53:47 10.77.0.105 * *",
        "duid 00:01:00:01:2b:2b:2b:2b:02:00:5e:00:53:01",
        f"{later} 12345 2001:db8::10 * 00:01:02",
        f"{later} T12345 2001:db8::11 * 00:01:02",
    ]
    path = tmp_path / "dnsmasq.leases"
    path.write_text("\n".join(lines) + "\n")
    done = bed.server.ctl_process("leases", "import", str(path))
    assert done.returncode == 1 and done.stderr == "", done.stderr
    told = [line for line in done.stdout.splitlines() if line.startswith(str(path))]
    found = {}
    for line in told:
        place, outcome = line[len(str(path)) + 1 :].split(": ")[:2]
        number, column = place.split(":")
        found[int(number)] = (int(column), outcome)
    # Line 8 is the same client with a later end, 9 a reservation of its own; 10 and 11 are one client: with the same
    # end the first of them stays. Line 12 is superseded by 13.
    assert found == {
        1: (1, "held"),
        2: (1, "outside"),
        3: (1, "reserved"),
        4: (1, "closed"),
        5: (1, "expired"),
        6: (len(lines[5]) + 1, "error"),
        7: (lines[6].index("02:") + 1, "error"),
        11: (1, "elsewhere"),
        15: (1, "outside"),
        16: (1, "temporary"),
    }
    assert counts(done) == {
        "closed": 1, "elsewhere": 1, "error": 2, "expired": 1, "held": 1, "imported": 3,
        "outside": 2, "renewed": 1, "reserved": 1, "superseded": 1, "temporary": 1,
    }  # fmt: skip
    leases = bed.server.leases()
    assert leases[own]["expires_in"] > 7000 and leases[held]["hw_address"] != "02:00:5e:00:53:40"
    assert leases["10.77.0.5"]["hw_address"] == "02:00:5e:00:53:77"
    ack = bed.ask(dhcp.REQUEST, "02:00:5e:00:53:47", ciaddr="10.77.0.105", unicast_from="10.77.0.105")
    assert (ack.type, ack.yiaddr) == (dhcp.ACK, "10.77.0.105")


def test_broken_files_and_those_of_nobody_are_refused_with_a_reason(bed, tmp_path):
    path = tmp_path / "file"
    for text, told in (
        ("address,duid,valid_lifetime,expire,subnet_id,pref_lifetime\n", "column lease_type is missing"),
        ('ia-na "\\001\\000" {\n  cltt 3 2026/11/25 08:00:00;\n}\n', "with an IAID and a DUID was meant"),
        ("what is this\n", "looks like no lease file"),
    ):
        path.write_text(text)
        done = bed.server.ctl_process("leases", "import", str(path))
        assert done.returncode == 1 and told in done.stdout + done.stderr, (done.stdout, done.stderr)
    done = bed.server.ctl_process("leases", "import", str(tmp_path / "missing"))
    assert done.returncode == 1 and "No such file" in done.stderr
    for arguments in (["--format", "yaml"], ["--kea-subnet-id", "10.77.0.0/24=7"], ["--json", "--format", "csv"]):
        assert bed.server.ctl_process("leases", "export", *arguments).returncode == 2
    bed.fence()


def test_an_export_writes_through_a_symbolic_link(bed, tmp_path):
    bed.lease(bed.mac())
    there = tmp_path / "there"
    there.mkdir()
    target, link = there / "leases", tmp_path / "link"
    link.symlink_to(target)
    done = bed.server.ctl_process("leases", "export", "-o", str(link))
    assert done.returncode == 1 and f"follow the link {link}" in done.stderr, done.stderr
    target.write_text("old")
    assert bed.server.ctl_process("leases", "export", "-o", str(link)).returncode == 0
    assert link.is_symlink() and json.loads(target.read_text())["state"] == "leased"
    assert [path.name for path in there.iterdir()] == ["leases"]


def test_kea_gets_its_own_subnet_numbers(bed):
    bed.lease(bed.mac())
    text = exported(bed, "kea", "--kea-subnet-id", "10.77.0.0/24=7")
    assert text.splitlines()[1].split(",")[5] == "7"
    wrong = bed.server.ctl_process("leases", "export", "--format", "kea", "--kea-subnet-id", "10.99.0.0/24=7")
    assert wrong.returncode == 1 and "there is no subnet 10.99.0.0/24" in wrong.stderr
