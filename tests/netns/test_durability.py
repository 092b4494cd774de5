"""Leases on stable storage: restarts, kill -9, power cuts, and disks that fail."""

import errno
import itertools
import os
import shutil
import subprocess

import pytest
from support import dhcp
from support.ledger import Rounds, forgetful_disk, gun
from support.netns import eventually, veth
from support.server import Server, configuration

SERVER_MAC = "02:00:5e:00:53:fe"
POOL = {"subnet": "10.77.0.0/16", "interface": "srv0", "pools": [{"range": "10.77.1.0-10.77.250.254"}]}
ROUNDS = 3  # many more by hand: bench/ledger


@pytest.fixture
def sides(namespaces):
    server, client = namespaces("s"), namespaces("c")
    veth(server, "srv0", client, "cli0", left_mac=SERVER_MAC)
    server.run("ip", "addr", "add", "10.77.0.1/16", "dev", "srv0")
    return server, client


POOL6 = {
    "subnet": "2001:db8:64::/64",
    "interface": "srv0",
    "pools": [{"range": "2001:db8:64::1:0:0-2001:db8:64::1:ffff:ffff"}],
    "prefix-pools": [{"prefix": "2001:db8:8000::/36", "delegated-length": 60}],
}
ASSOCIATIONS = ("address", "prefix")


@pytest.fixture
def sides6(sides):
    for namespace, interface in zip(sides, ("srv0", "cli0")):
        namespace.sysctl(f"net.ipv6.conf.{interface}.accept_dad", 0)
        namespace.sysctl(f"net.ipv6.conf.{interface}.disable_ipv6", 0)
    sides[0].run("ip", "address", "add", "2001:db8:64::1/64", "dev", "srv0", "nodad")
    return sides


def config(directory, durability="sync", driver="xdp"):
    settings = configuration("srv0", driver, [POOL], directory, max_offers_per_relay=100000)
    settings["durability"] = durability
    settings["state-directory"] = str(directory / "state")
    return settings


@pytest.mark.rfc("2131 3.1 4")
@pytest.mark.parametrize("driver", ["xdp", "packet", "udp"])
def test_leases_outlive_a_restart(sides, tmp_path, driver):
    server, client = sides
    ledger = tmp_path / "ledger"
    running = Server(server, tmp_path, config(tmp_path, driver=driver))
    with running:
        report = gun(client, "--scenario", "dora", "--clients", "300", "--count", "300", "--ledger", str(ledger))
        assert report["exchanges_completed"] == 300
        status = running.status()
        assert status["durability"] == "sync" and status["journal"]["state"] == "ok", status["journal"]
        before = running.leases()
    with running:
        after = running.leases()
        assert {address: lease["hw_address"] for address, lease in after.items()} == {
            address: lease["hw_address"] for address, lease in before.items()
        }
        verified = gun(client, "--verify", str(ledger), "--verify-by", "init-reboot")["verify"]
        assert verified["same"] == verified["asked"] == 300, verified
        assert "300 leases" in running.log()


@pytest.mark.rfc("2131 4.3.4")
def test_a_released_lease_stays_released_and_its_client_gets_it_again(sides, tmp_path):
    server, client = sides
    running = Server(server, tmp_path, config(tmp_path, driver="packet"))
    wire = dhcp.Wire(client, "cli0")
    xids = itertools.count(0x5e000000)
    mac, other = "02:00:00:00:00:07", "02:00:00:00:00:08"

    def lease(of):
        xid = next(xids)
        offer = wire.exchange(dhcp.request(dhcp.DISCOVER, of, xid), xid)
        options = [(50, dhcp.ip4(offer.yiaddr)), (54, dhcp.ip4("10.77.0.1"))]
        ack = wire.exchange(dhcp.request(dhcp.REQUEST, of, xid, options), xid)
        return ack.yiaddr

    try:
        with running:
            address = lease(mac)
            wire.send(dhcp.request(dhcp.RELEASE, mac, next(xids), [(54, dhcp.ip4("10.77.0.1"))], ciaddr=address))
            eventually(lambda: not running.leases(), what="released")
        with running:
            assert not running.leases()
            assert lease(other) != address, "free units are given on behind the last"
            assert lease(mac) == address
    finally:
        wire.close()


@pytest.fixture
def small_disk(tmp_path):
    """The state directory on a file system of its own, so small that a test can fill it."""
    directory = tmp_path / "state"
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k,mode=700", "tmpfs", str(directory)], check=True)
    yield directory
    subprocess.run(["umount", "--lazy", str(directory)], check=True)


def fill(directory):
    """Takes the last byte of the file system; the file that does."""
    path = directory / "filler"
    with open(path, "wb", buffering=0) as filler:
        for length in (4096, 512, 1):
            try:
                while filler.write(b"x" * length):
                    pass
            except OSError as error:
                assert error.errno == errno.ENOSPC
    return path


@pytest.mark.rfc("2131 3.1 4")
def test_on_a_full_disk_nobody_gets_a_lease_that_is_not_stored(sides, tmp_path, small_disk):
    """What needs no record goes on, everybody is told, and service returns by itself."""
    server, client = sides
    running = Server(server, tmp_path, config(tmp_path, driver="packet"))
    wire = dhcp.Wire(client, "cli0")
    xids = itertools.count(0x5e100000)

    def request(mac, address, *, renew=False):
        """The reply to a REQUEST, or None."""
        xid = next(xids)
        options = [] if renew else [(50, dhcp.ip4(address)), (54, dhcp.ip4("10.77.0.1"))]
        frame = dhcp.request(dhcp.REQUEST, mac, xid, options, ciaddr=address if renew else "0.0.0.0")
        return wire.exchange(frame, xid, timeout=0.5)

    def offered(mac):
        xid = next(xids)
        return wire.exchange(dhcp.request(dhcp.DISCOVER, mac, xid), xid).yiaddr

    first, second = "02:00:00:00:00:17", "02:00:00:00:00:18"
    try:
        with running:
            address = offered(first)
            assert request(first, address).type == dhcp.ACK
            filler = fill(small_disk)
            other = offered(second)  # an offer promises nothing
            # What is left of the last block may take a few records.
            for number in range(64):
                mac = f"02:00:00:00:01:{number:02x}"
                if request(mac, offered(mac)) is None:
                    break
            else:
                raise AssertionError("the disk is not full")
            assert request(second, other) is None
            assert request(first, address, renew=True).type == dhcp.ACK, "inside what is on disk already"
            assert running.http("/healthz")[0] == 503
            assert running.status()["journal"]["state"] == "failing", running.status()["journal"]
            told = running.ctl_process("status")
            assert told.returncode == 3, "neither fine nor not serving"
            first_line, _, rest = told.stdout.partition("\n")
            assert "serving without storing leases since" in first_line and "TROUBLE: leases cannot be stored" in rest
            assert running.ctl_process("--json", "status").returncode == 3
            assert "xdhcpd_journal_failing 1" in running.http("/metrics")[1]
            eventually(lambda: "leases cannot be stored" in running.log(), what="a line in the log")
            filler.unlink()
            eventually(lambda: running.http("/healthz")[0] == 200, what="stored again")
            assert running.ctl_process("status").returncode == 0
            assert request(second, other).type == dhcp.ACK
        with running:
            assert {address, other} <= set(running.leases())
    finally:
        wire.close()


def gets_a_lease(namespace, mac):
    wire = dhcp.Wire(namespace, "cli0")
    try:
        offer = wire.exchange(dhcp.request(dhcp.DISCOVER, mac, 0x71), 0x71)
        chosen = [(dhcp.REQUESTED, dhcp.ip4(offer.yiaddr)), (dhcp.SERVER_ID, offer.options[dhcp.SERVER_ID])]
        return wire.exchange(dhcp.request(dhcp.REQUEST, mac, 0x72, chosen), 0x72, timeout=0.5) is not None
    finally:
        wire.close()


def test_a_directory_that_is_removed_is_told_and_its_leases_can_be_kept(sides, tmp_path):
    server, client = sides
    state, export = tmp_path / "state", tmp_path / "leases.json"
    running = Server(server, tmp_path, config(tmp_path, driver="packet"))
    load = ("--scenario", "dora", "--clients", "20", "--count", "20")
    with running:
        assert gun(client, *load)["exchanges_completed"] == 20
        before = running.leases()
        state.rename(tmp_path / "away")
        assert not gets_a_lease(client, "02:00:00:00:02:01")

        def told():
            page = running.ctl_process("status")
            return page.returncode == 3 and page.stdout

        page = eventually(told, what="status says that nothing is stored")
        eventually(lambda: "is gone" in running.log(), what="so does the log")
        for text in (page, running.log()):
            assert f"{state}" in text and "is gone: nothing is stored until it is put back" in text, text
            assert "leases export" in text and "leases import" in text
        (tmp_path / "away").rename(state)
        eventually(lambda: running.ctl_process("status").returncode == 0, what="goes on by itself")

        shutil.rmtree(state)
        assert not gets_a_lease(client, "02:00:00:00:02:02")
        eventually(told, what="status says that nothing is stored")
        assert running.ctl_process("leases", "export", "-o", str(export)).returncode == 0
        running.kill()
    running.start()
    try:
        assert running.leases() == {}
        assert running.ctl_process("leases", "import", "-q", str(export)).returncode == 0
        after = running.leases()
        assert {a: lease["hw_address"] for a, lease in before.items()}.items() <= {
            a: lease["hw_address"] for a, lease in after.items()
        }.items()
        running.stop()
    finally:
        running.kill()


def test_trouble_with_the_directory_names_its_key(sides, tmp_path):
    server, _ = sides
    running = Server(server, tmp_path, config(tmp_path, driver="packet"))
    state = tmp_path / "state"
    for make in (lambda: state.write_text(""), lambda: (state.mkdir(), os.mkfifo(state / "segment-0000000001"))):
        make()
        running.start(wait=False)
        running.wait(expected=1)
        assert "state-directory: " in running.log(), running.log()
        state.unlink() if state.is_file() else shutil.rmtree(state)
        running.log_path.unlink()


def config6(directory):
    settings = config(directory)
    del settings["dhcp4"]
    settings["dhcp6"] = {"valid-lifetime": "1d", "preferred-lifetime": "12h", "max-offers-per-relay": 100000}
    settings["dhcp6"] |= {"delegated-routes": False, "subnets": [POOL6]}
    return settings


def arguments6(association):
    return ("--family", "6", "--association", association)


def rounds(sides, tmp_path, *, count, disk=None, patience="2s", association=None):
    """Kills the server `count` times in the middle of a load; acknowledged leases, and how they are found again.
    `association`: of DHCPv6, as xdhcpgun calls it, or "both", in turn; without it, of DHCPv4."""

    def arguments(turn):
        if association is None:
            return ()
        return arguments6(ASSOCIATIONS[turn % 2] if association == "both" else association)

    settings = config(tmp_path) if association is None else config6(tmp_path)
    with Rounds(*sides, tmp_path, settings, disk, patience=patience, arguments=arguments) as running:
        for _ in range(count):
            running.round()
            running.verify(running.ledgers)
        assert disk is not None and disk.sync_lies or running.shared() == 0
    return running.total


@pytest.mark.rfc("2131 3.1 4")
def test_no_acknowledged_lease_is_lost_by_kill(sides, tmp_path):
    total = rounds(sides, tmp_path, count=ROUNDS)
    assert total["acknowledged"] > 300 * ROUNDS
    assert total["same"] == total["acknowledged"], total


@pytest.mark.rfc("2131 3.1 4")
def test_no_acknowledged_lease_is_lost_by_a_power_cut(sides, tmp_path):
    disk = forgetful_disk(tmp_path)
    total = rounds(sides, tmp_path, count=ROUNDS, disk=disk)
    assert total["acknowledged"] > 300 * ROUNDS
    assert total["same"] == total["acknowledged"], total


def test_the_power_cut_is_one(sides, tmp_path):
    """The same with syncs that do nothing: leases must be lost, or the test above shows nothing."""
    disk = forgetful_disk(tmp_path, sync_lies=True)
    total = rounds(sides, tmp_path, count=1, disk=disk, patience="50ms")
    assert total["same"] < total["acknowledged"], total


@pytest.mark.rfc("8415 18.3.2")
@pytest.mark.parametrize("association", ASSOCIATIONS)
def test_leases_of_dhcpv6_outlive_a_restart(sides6, tmp_path, association):
    server, client = sides6
    ledger = tmp_path / "ledger"
    running = Server(server, tmp_path, config6(tmp_path))
    load = ("--scenario", "dora", "--clients", "300", "--count", "300", "--ledger", str(ledger))
    with running:
        assert gun(client, *load, *arguments6(association))["exchanges_completed"] == 300
        assert running.status()["journal"]["state"] == "ok"
    with running:
        again = gun(client, "--verify", str(ledger), "--verify-by", "init-reboot", *arguments6(association))["verify"]
        assert again["same"] == again["asked"] == 300, again
        assert "300 leases" in running.log()


# Server and journal are the same for both; a round of each, and one more of addresses after a round of prefixes.
@pytest.mark.rfc("8415 18.3.2")
def test_no_acknowledged_lease_of_dhcpv6_is_lost_by_kill(sides6, tmp_path):
    total = rounds(sides6, tmp_path, count=ROUNDS, association="both")
    assert total["acknowledged"] > 300 * ROUNDS
    assert total["same"] == total["acknowledged"], total


@pytest.mark.rfc("8415 18.3.2")
def test_no_acknowledged_lease_of_dhcpv6_is_lost_by_a_power_cut(sides6, tmp_path):
    disk = forgetful_disk(tmp_path)
    total = rounds(sides6, tmp_path, count=ROUNDS, disk=disk, association="both")
    assert total["acknowledged"] > 300 * ROUNDS
    assert total["same"] == total["acknowledged"], total


@pytest.mark.parametrize("association", ASSOCIATIONS)
def test_the_power_cut_is_one_for_dhcpv6(sides6, tmp_path, association):
    disk = forgetful_disk(tmp_path, sync_lies=True)
    total = rounds(sides6, tmp_path, count=1, disk=disk, patience="50ms", association=association)
    assert total["same"] < total["acknowledged"], total
