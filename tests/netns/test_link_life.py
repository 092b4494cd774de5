"""What happens to a link while clients ask: service comes back by itself, each change is one line of the log."""

import json
import re
import subprocess
import time

import pytest
from support import dhcp
from support.dhcp import Wire, request
from support.link_events import CLIENT_INTERFACE, OTHER_MAC, SERVER_INTERFACE, Link, compile_pass
from support.load import Load
from support.netns import Namespace, eventually
from support.server import XDHCPD, Server, configuration

SUBNETS = [{"subnet": "10.77.0.0/24", "interface": SERVER_INTERFACE, "pools": [{"range": "10.77.0.100-10.77.0.250"}]}]
BACK = 3.0  # seconds within which service must be back; it takes milliseconds


class Bed:
    def __init__(self, driver, directory, exists=True, subnets=None):
        self.driver, self.directory = driver, directory
        self.namespaces = [Namespace(f"{which}-{driver}") for which in ("s", "c", "a")]
        self.link, self.load, self.server = None, None, None
        try:
            if exists:
                self.link = Link(*self.namespaces)
            config = configuration(SERVER_INTERFACE, driver, subnets or SUBNETS, directory)
            self.server = Server(self.namespaces[0], directory, config)
        except BaseException:
            self.close()
            raise

    def make_link(self):
        self.link = Link(*self.namespaces)

    def start(self):
        self.server.start()
        return self

    def close(self):
        try:
            if self.load is not None:
                self.load.stop()
            if self.server is not None and self.server.process is not None and self.server.process.poll() is None:
                self.server.stop()
        finally:
            if self.server is not None:
                self.server.kill()
            for namespace in self.namespaces:
                namespace.close()

    def interface(self):
        return next(each for each in self.server.ask("status")["interfaces"] if each["name"] == SERVER_INTERFACE)

    def lines(self):
        """Lines of the log about the interface, without those of debugging."""
        marker = f"interface {SERVER_INTERFACE}:"
        return [line for line in self.server.log().splitlines() if marker in line and " debug: " not in line]

    def await_line(self, pattern, count):
        """Waits for line number `count` (from 1) about the interface, holds it to `pattern`."""
        eventually(lambda: len(self.lines()) >= count, BACK, 0.01, f"line {count}: {self.lines()}")
        assert re.search(pattern, self.lines()[count - 1]), self.lines()
        return self.lines()[count - 1]

    def begin(self, rate=200):
        self.load = Load(self.namespaces[1], CLIENT_INTERFACE, rate).start()
        eventually(lambda: len(self.load.answered) > 20, 5, what="answers before the event")
        return self.load

    def await_service(self):
        moment = time.monotonic()
        eventually(lambda: self.load.answered_since(moment) > 20, BACK + 2, 0.02, f"service again; {self.lines()}")


@pytest.fixture(params=["xdp", "xdp-generic", "packet", "udp"])
def bed(request, tmp_path):
    bed = Bed(request.param, tmp_path)
    yield bed
    bed.close()


@pytest.fixture
def xdp(tmp_path):
    bed = Bed("xdp", tmp_path)
    yield bed
    bed.close()


def test_deleted_and_made_again(bed):
    bed.start()
    bed.begin()
    first = len(bed.lines())
    bed.link.delete()
    bed.await_line(r"deleted; waiting for it", first + 1)
    status = bed.interface()
    assert (status["state"], status["ifindex"]) == ("absent", 0) and "deleted" in status["detail"]
    assert bed.server.ask("status")["state"] == "waiting"
    code, text = eventually(lambda: bed.server.http("/healthz") if bed.server.http("/healthz")[0] != 200 else None, BACK)
    assert (code, text) == (503, f"interface {SERVER_INTERFACE} is not served: deleted\n")
    received = bed.server.ask("status")["received"]
    bed.link.create()
    bed.await_service()
    assert bed.interface()["state"] == "serving" and bed.interface()["reopens"] >= 1
    again = [line for line in bed.lines() if "serving again after" in line]
    assert len(again) == 1, bed.lines()
    assert bed.server.ask("status")["received"] > received
    eventually(lambda: f'xdhcpd_interface_up{{interface="{SERVER_INTERFACE}"}} 1' in bed.server.http("/metrics")[1], BACK)
    text = bed.server.http("/metrics")[1]
    total = sum(float(n) for n in re.findall(r"xdhcpd_port_rx_frames_total\{[^}]*\} (\S+)", text))
    assert total >= received, "what closed ports have counted is still there"


def test_down_and_up(bed):
    bed.start()
    bed.begin()
    first = len(bed.lines())
    bed.link.down()
    bed.await_line(r"link down \(set down\)", first + 1)
    assert (bed.interface()["state"], bed.interface()["link"]) == ("down", "set down")
    assert bed.server.ask("status")["state"] == "serving", "there is nothing that the server could do"
    bed.link.up()
    bed.await_service()
    bed.await_line(r"link up.*serving again after", first + 2)
    assert len(bed.lines()) == first + 2, bed.lines()


def test_no_carrier(xdp):
    xdp.start()
    first = len(xdp.lines())
    xdp.namespaces[1].run("ip", "link", "set", CLIENT_INTERFACE, "down")
    xdp.await_line(r"link down \(no carrier\)", first + 1)
    assert xdp.interface()["link"] == "no carrier"
    xdp.namespaces[1].run("ip", "link", "set", CLIENT_INTERFACE, "up")
    xdp.await_line(r"link up; serving again", first + 2)


def test_renamed_and_back(bed):
    bed.start()
    bed.begin()
    first = len(bed.lines())
    bed.link.rename(SERVER_INTERFACE, "other0")
    eventually(lambda: any("renamed to other0; waiting for it" in line for line in bed.lines()[first:]), BACK)
    assert bed.interface()["state"] == "absent"
    bed.link.rename("other0", SERVER_INTERFACE)
    bed.await_service()
    assert bed.interface()["state"] == "serving"


def test_moved_to_another_namespace_and_back(bed):
    bed.start()
    bed.begin()
    first = len(bed.lines())
    bed.link.move_away()
    bed.await_line(r"moved to another network namespace; waiting for it", first + 1)
    bed.link.move_back()
    bed.await_service()
    assert bed.interface()["state"] == "serving"


def test_moved_away_and_back_at_once(xdp):
    """The index stays the same, and yet its sockets are dead."""
    xdp.start()
    xdp.begin()
    index = xdp.interface()["ifindex"]
    xdp.link.move_away()
    xdp.link.move_back()
    xdp.await_service()
    assert xdp.interface()["reopens"] >= 1, (index, xdp.interface())


def test_addresses_come_and_go(xdp):
    xdp.start()
    xdp.begin()
    first = len(xdp.lines())
    xdp.link.ip("address", "add", "10.77.0.120/24", "dev", SERVER_INTERFACE)
    xdp.await_line(r"address 10\.77\.0\.120/24 added", first + 1)
    assert "10.77.0.120/24" in xdp.interface()["addresses"]
    xdp.link.ip("address", "del", "10.77.0.120/24", "dev", SERVER_INTERFACE)
    xdp.await_line(r"address 10\.77\.0\.120/24 removed", first + 2)
    xdp.load.stop()
    assert xdp.load.lost == 0, "a new address interrupts nothing"
    assert len(xdp.lines()) == first + 2


def test_mtu(xdp):
    xdp.start()
    xdp.begin()
    first = len(xdp.lines())
    xdp.link.mtu(3000)
    xdp.await_line(r"MTU 1500 -> 3000; serving again after [0-9.]+ s \(xdp native, 1 queue\)", first + 1)
    xdp.await_service()
    assert (xdp.interface()["mtu"], xdp.interface()["reopens"]) == (3000, 1)
    assert len(xdp.lines()) == first + 1


def test_queue_count(xdp):
    xdp.start()
    xdp.begin()
    first = len(xdp.lines())
    xdp.link.queues(4)
    xdp.await_line(r"1 -> 4 queues; serving again after [0-9.]+ s \(xdp native, 4 queues\)", first + 1)
    xdp.await_service()
    assert [port["queue"] for port in xdp.server.driver_ports()] == [0, 1, 2, 3]


def test_mac(xdp):
    xdp.start()
    first = len(xdp.lines())
    xdp.link.mac(OTHER_MAC)
    xdp.await_line(rf"MAC address .* -> {OTHER_MAC}", first + 1)
    assert xdp.interface()["mac"] == OTHER_MAC
    # The XDP program takes what is sent to the new one, and the reply comes from it.
    wire = Wire(xdp.namespaces[1], CLIENT_INTERFACE)
    try:
        before = xdp.server.ask("status")["xdp"][SERVER_INTERFACE]["redirected"]
        frame = request(
            dhcp.DISCOVER, "02:00:5e:00:53:77", 77, source_ip="10.77.0.200", destination_ip="10.77.0.1",
            destination_mac=OTHER_MAC,
        )  # fmt: skip
        reply = wire.exchange(frame, 77)
        assert reply is not None and reply.ether.src == OTHER_MAC
        assert xdp.server.ask("status")["xdp"][SERVER_INTERFACE]["redirected"] == before + 1
    finally:
        wire.close()


@pytest.mark.parametrize("driver", ["auto", "xdp"])
def test_xdp_taken_by_somebody_else(driver, tmp_path):
    program = compile_pass(tmp_path)
    bed = Bed(driver, tmp_path)
    try:
        bed.link.attach(program)
        bed.server.start(wait=False)
        if driver == "xdp":
            # Nothing else is there to serve, so this is an error for the service manager.
            assert bed.server.process.wait(timeout=10) == 1
            assert re.search(r"nothing to serve: interface srv0: xdp: .*program \d+ 'xdt_pass'", bed.server.log())
            return
        eventually(bed.server._ready, 10)  # pylint: disable=protected-access
        status = bed.interface()
        assert status["driver"] == "packet" and "xdt_pass" in status["why"]
        bed.begin()
        bed.link.detach()
        eventually(lambda: bed.interface()["driver"] == "xdp", 5, what=f"the better driver; {bed.lines()}")
        bed.await_service()
        assert len([line for line in bed.lines() if "of somebody else is gone; serving again" in line]) == 1
    finally:
        bed.close()


def test_promised_driver_refused_is_tried_again(tmp_path):
    """It leaves, comes back with somebody's program on it, is not served, and is when that program goes."""
    program = compile_pass(tmp_path)
    bed = Bed("xdp", tmp_path)
    try:
        bed.start()
        bed.begin()
        first = len(bed.lines())
        bed.link.move_away()
        bed.await_line("moved to another", first + 1)
        bed.namespaces[2].run("ip", "link", "set", "dev", SERVER_INTERFACE, "xdp", "obj", str(program), "sec", "xdp")
        bed.link.move_back()
        refused = eventually(lambda: [line for line in bed.lines() if "not served: xdp:" in line], BACK)
        assert "xdt_pass" in refused[0] and "is held by no process" in refused[0]
        assert bed.interface()["state"] == "refused"
        bed.link.detach()
        bed.await_service()
        assert bed.interface()["state"] == "serving"
        assert len([line for line in bed.lines() if "of somebody else is gone" in line or "serving again" in line]) == 1
    finally:
        bed.close()


def test_starts_without_its_interface(tmp_path):
    bed = Bed("auto", tmp_path, exists=False)
    try:
        bed.server.start(wait=False)
        eventually(lambda: bed.server.ctl_process("status").returncode == 1 and "does not exist" in bed.server.log(), 10)
        answer = json.loads(bed.server.ctl_process("--json", "status").stdout)
        assert (answer["state"], answer["interfaces"][0]["state"]) == ("waiting", "absent")
        bed.make_link()
        eventually(lambda: bed.server.ctl_process("status").returncode == 0, BACK, what=bed.server.log())
        bed.begin()
    finally:
        bed.close()


def reload(server):
    done = server.ctl_process("reload")
    assert done.returncode == 0, done.stderr


def test_reload_adds_and_removes_interfaces(xdp):
    subnets = [dict(SUBNETS[0])]
    del subnets[0]["interface"]
    config = configuration(SERVER_INTERFACE, "udp", subnets, xdp.directory)
    xdp.server.write(config)
    xdp.start()
    xdp.namespaces[0].run("ip", "link", "add", "more0", "type", "veth", "peer", "name", "more1")
    config["interfaces"] = [{"name": SERVER_INTERFACE, "driver": "xdp"}, {"name": "more0", "driver": "packet"}]
    xdp.server.write(config)
    reload(xdp.server)
    states = {each["name"]: each["driver"] for each in xdp.server.ask("status")["interfaces"]}
    assert states == {SERVER_INTERFACE: "xdp", "more0": "packet"}
    assert "its configuration has changed; serving again" in xdp.server.log()
    xdp.begin()
    config["interfaces"].pop()
    xdp.server.write(config)
    reload(xdp.server)
    assert [each["name"] for each in xdp.server.ask("status")["interfaces"]] == [SERVER_INTERFACE]
    assert "interface more0: not served any more" in xdp.server.log()
    xdp.load.stop()
    assert xdp.load.lost == 0, "other interfaces do not notice"


def test_check_host_names_what_is_to_be_mended(xdp):
    """Before the server runs, with it, and with the link down."""

    def check(*arguments):
        done = xdp.namespaces[0].popen(str(XDHCPD), "check", "--host", "--json", *arguments, stdout=subprocess.PIPE)
        out, _ = done.communicate(timeout=20)
        findings = json.loads(out)["findings"]
        return done.returncode, {(each["subject"], each["topic"]): each for each in findings}

    file = str(xdp.server.config_path)
    code, findings = check("-c", file)
    assert findings[(SERVER_INTERFACE, "link")]["level"] == findings[("host", "port-67")]["level"] == "good"
    assert "veth" in findings[(SERVER_INTERFACE, "xdp")]["text"]
    xdp.link.down()
    code, findings = check("--interface", SERVER_INTERFACE, "nosuch0")
    assert code == 1
    assert findings[(SERVER_INTERFACE, "link")]["command"] == f"ip link set dev {SERVER_INTERFACE} up"
    assert findings[("nosuch0", "link")]["level"] == "mend"
    xdp.link.up()
    xdp.start()
    code, findings = check("-c", file)
    assert "held by xdhcpd" in findings[("host", "port-67")]["text"]
    assert (SERVER_INTERFACE, "xdp-program") not in findings, "it is our own"
