"""xdhcpctl capture: what a capture holds is what was on the wire, on every driver, and it never costs an answer."""

import json
import os
import signal
import socket
import subprocess

import pytest
from conftest import driver_ids
from scapy.utils import RawPcapNgReader
from support import dhcp
from support.netns import eventually
from support.server import XDHCPCTL
from support.testbed import Testbed

DRIVER = driver_ids()[0]
SUBNET = {
    "subnet": "10.77.0.0/24",
    "interface": "srv0",
    "pools": [{"range": "10.77.0.10-10.77.0.200"}],
    "options": {"routers": ["10.77.0.1"]},
}
NO_SUBNET = "engine.no-subnet: no configured subnet serves the link that the client is on"


@pytest.fixture
def bed(tmp_path, request):
    bed = Testbed(getattr(request, "param", DRIVER), tmp_path, [SUBNET])
    bed.begin(request.node.originalname)
    yield bed
    bed.close(check=bed.server.process is not None)


class Capture:
    """xdhcpctl capture as a process; ends with the test, whatever happens."""

    def __init__(self, bed, *arguments, stdout=subprocess.PIPE):
        running = len(captures_of(bed))
        command = [str(XDHCPCTL), "-s", str(bed.server.socket_path), "capture", *arguments]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True
        )
        eventually(
            lambda: self.process.poll() is not None or len(captures_of(bed)) > running, 5, 0.01, "the capture runs"
        )

    def end(self, number=signal.SIGINT, code=0):
        """(standard output, last line of standard error)"""
        if number is not None:
            self.process.send_signal(number)
        out, error = self.process.communicate(timeout=10)
        assert self.process.returncode == code, error
        return out, error.strip().splitlines()[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate(timeout=10)


def captures_of(bed):
    return bed.server.status()["captures"]


def tshark(path):
    """Fields of each packet as Wireshark sees them; a malformed one fails."""
    done = subprocess.run(
        ["tshark", "-n", "-r", str(path), "-T", "json"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "malformed" not in done.stdout.lower()
    return [packet["_source"]["layers"] for packet in json.loads(done.stdout)]


def frames(path):
    """The frames as scapy reads them."""
    reader = RawPcapNgReader(str(path))
    try:
        return [bytes(frame) for frame, _ in reader]
    finally:
        reader.close()


@pytest.mark.parametrize("bed", driver_ids(), indirect=True)
def test_a_capture_holds_what_was_on_the_wire(bed, tmp_path):
    path = tmp_path / "all.pcapng"
    mac = bed.mac()
    with Capture(bed, "-w", str(path)) as capture:
        request, xid = bed.frame(dhcp.DISCOVER, mac)
        offer = bed.wire.exchange(request, xid)
        lost, _ = bed.frame(dhcp.DISCOVER, mac, via="172.16.0.1")
        bed.wire.send(lost)
        ack = bed.select(mac, offer)
        _, summary = capture.end()
    assert summary == "5 packets captured, 0 missed"
    kept = frames(path)
    assert len(kept) == 5
    for index, expected in ((0, request), (1, offer.frame), (2, lost), (4, ack.frame)):
        if bed.driver == "udp":
            assert kept[index][42:] == expected[42:]
        else:
            assert kept[index] == expected

    layers = tshark(path)
    flat = [json.dumps(layer) for layer in layers]
    for index, verdict in ((0, "answered"), (2, NO_SUBNET), (3, "answered")):
        assert verdict in flat[index], flat[index]
    for index, direction in enumerate(("0x1", "0x2", "0x1", "0x1", "0x2")):
        flags = layers[index]["frame"]["frame.packet_flags_tree"]["frame.packet_flags_direction"]
        assert int(flags, 0) == int(direction, 0), layers[index]["frame"]
    assert all(layer["frame"]["frame.interface_id_tree"]["frame.interface_name"] == "srv0" for layer in layers)
    now = float(subprocess.run(["date", "+%s"], capture_output=True, text=True, check=True).stdout)
    done = subprocess.run(
        ["tcpdump", "-n", "-tt", "-r", str(path)], capture_output=True, text=True, timeout=20, check=False
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and len(lines) == 5 and all("BOOTP/DHCP" in line for line in lines), done
    assert all(abs(float(line.split()[0]) - now) < 60 for line in lines), lines


def test_a_pipe_shows_packets_at_once(bed):
    ctl = f"exec {XDHCPCTL} -s {bed.server.socket_path} capture -w - | exec tcpdump -l -n -r -"
    shell = subprocess.Popen(
        ["sh", "-c", ctl], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        eventually(lambda: captures_of(bed), what="the capture runs")
        bed.offer(bed.mac())
        os.set_blocking(shell.stdout.fileno(), False)
        seen = []

        def both_lines():
            seen.append(shell.stdout.read() or b"")
            return b"".join(seen).count(b"BOOTP/DHCP") == 2

        eventually(both_lines, 0.5, 0.02, "both packets")
    finally:
        os.killpg(shell.pid, signal.SIGTERM)
        shell.wait(timeout=10)
        shell.stdout.close()
    eventually(lambda: not captures_of(bed), 1, what="the capture is gone")


def test_lines_and_json_for_people_and_programs(bed):
    mac = bed.mac()
    with Capture(bed) as text, Capture(bed, "--json") as objects:
        offer = bed.offer(mac)
        bed.silent(dhcp.DISCOVER, mac, via="172.16.0.1")
        lines = text.end()[0].splitlines()
        packets = [json.loads(line) for line in objects.end()[0].splitlines()]
    assert len(lines) == len(packets) == 5
    assert [packet["direction"] for packet in packets[:3]] == ["in", "out", "in"]
    assert [packet["verdict"] for packet in packets[:3]] == ["answered", "sent", "engine.no-subnet"]
    assert packets[1]["address"] == offer.yiaddr and packets[1]["message_type"] == "offer"
    assert packets[2]["giaddr"] == "172.16.0.1" and packets[2]["hw_address"] == mac
    assert "srv0:0" in lines[0] and mac in lines[0] and lines[0].endswith("answered")
    assert offer.yiaddr in lines[1] and NO_SUBNET in lines[2]


def test_filters(bed, tmp_path):
    mine, other = bed.mac(), bed.mac()
    paths = [tmp_path / name for name in ("mac", "dropped", "short")]
    with (
        Capture(bed, "-w", str(paths[0]), "--hw-address", mine) as by_mac,
        Capture(bed, "-w", str(paths[1]), "--dropped", "--interface", "srv0") as dropped,
        Capture(bed, "-w", str(paths[2]), "--snaplen", "60") as short,
    ):
        bed.offer(mine)
        bed.offer(other)
        bed.silent(dhcp.DISCOVER, mine, via="172.16.0.1")
        assert by_mac.end()[1] == "3 packets captured, 0 missed"
        assert dropped.end()[1] == "1 packet captured, 0 missed"
        assert short.end()[1] == "7 packets captured, 0 missed"
    assert {len(frame) for frame in frames(paths[2])} == {60}
    assert all(int(layer["frame"]["frame.len"]) > 300 for layer in tshark(paths[2]))


def test_count_and_duration_end_a_capture(bed, tmp_path):
    path = tmp_path / "some"
    with Capture(bed, "-w", str(path), "-c", "3") as counted, Capture(bed, "--duration", "300ms") as timed:
        for _ in range(4):
            bed.offer(bed.mac())
        assert counted.end(None)[1] == "3 packets captured, 0 missed"
        assert timed.end(None)[1].endswith(" 0 missed")
    assert len(frames(path)) == 3
    assert not captures_of(bed)


def test_no_more_than_four_and_status_shows_them(bed):
    running = [Capture(bed, "--hw-address", "02:00:5e:00:53:77") for _ in range(4)]
    try:
        with Capture(bed) as late:
            late.process.wait(timeout=5)
            assert "4 captures are running" in late.end(None, 1)[1]
        shown = captures_of(bed)
        assert {one["pid"] for one in shown} == {one.process.pid for one in running}
        assert all(one["hw_address"] == "02:00:5e:00:53:77" for one in shown)
        assert "captures:" in bed.server.ctl_process("status").stdout
        running[0].process.kill()  # a connection that breaks frees its place
        eventually(lambda: len(captures_of(bed)) == 3, 1, what="one capture less")
        bed.offer(bed.mac())
    finally:
        for one in running:
            one.__exit__()
    eventually(lambda: not captures_of(bed), 1, what="no capture")


def test_mistakes_are_said_clearly(bed, tmp_path):
    def says(*arguments, code=1):
        done = bed.server.ctl_process("capture", *arguments)
        assert done.returncode == code, (arguments, done)
        return done.stderr

    assert "interface 'eth9' is not served; srv0 is" in says("--interface", "eth9")
    assert "hw_address wants a MAC" in says("--hw-address", "x")
    assert "snaplen wants a number from 1 to 16384" in says("-w", str(tmp_path / "a"), "--snaplen", "99999")
    assert "--duration wants a time such as 10s" in says("--duration", "10", code=2)
    assert "choose one" in says("--json", "-w", str(tmp_path / "a"), code=2)
    says("--snaplen", "100", code=2)
    says("-c", "0", code=2)
    missing = tmp_path / "missing" / "file"
    assert f"cannot write {missing}: No such file" in says("-w", str(missing))
    for bad in ({"dropped": 7}, {"count": -1}, {"duration_ms": "x"}, {"interface": []}):
        answer = bed.server.ask("capture", **bad)
        assert answer["ok"] is False and answer["error"]
    assert not captures_of(bed)


def test_a_reader_that_stops_costs_packets_but_no_answer(bed):
    with socket.socket(socket.AF_UNIX) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(str(bed.server.socket_path))
        slow.sendall(b'{"command":"capture"}\n')
        assert b'"ok":true' in slow.recv(4096)  # and then nothing is read
        mac = bed.mac()
        frame, xid = bed.frame(dhcp.DISCOVER, mac)
        answers, rounds = 0, 0
        while not captures_of(bed)[0]["missed"]:
            for _ in range(40):
                for _ in range(16):
                    bed.wire.send(frame)
                answers += len(bed.wire.replies(xid, 5, 16))
                rounds += 16
            assert rounds < 60000, "never missed a packet"
        assert answers == rounds
        assert bed.server.status()["in_flight"] == 0
    eventually(lambda: not captures_of(bed), 2, what="the capture is gone")
    bed.fence()


def test_a_server_that_stops_ends_the_file(bed, tmp_path):
    path = tmp_path / "last"
    with Capture(bed, "-w", str(path)) as capture:
        bed.offer(bed.mac())
        bed.server.stop()
        bed.server.process = None
        assert capture.end(None)[1] == "2 packets captured, 0 missed"
    assert len(tshark(path)) == 2
