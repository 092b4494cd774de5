"""Fixtures of the namespace tests: private namespaces, the server on a driver, payloads compared across drivers."""

import os
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.dont_write_bytecode = True

from support import netns  # noqa: E402  (needs the path above)
from support.server import DRIVERS, XDHCPCTL, XDHCPD  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "rfc(clause): the clause of a standard that the test holds the server to")


def pytest_collection_modifyitems(items):
    """Without privileges or binaries every test skips, aloud."""
    reason = None
    if os.geteuid() != 0:
        reason = "network namespaces need root"
    elif not (XDHCPD.is_file() and XDHCPCTL.is_file()):
        reason = f"{XDHCPD} or {XDHCPCTL} is not built"
    elif shutil.which("nsenter") is None or shutil.which("ip") is None:
        reason = "nsenter or ip is not installed"
    if reason is not None:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session", autouse=True)
def clean_slate():
    if os.geteuid() == 0:
        netns.remove_leftovers()


@pytest.fixture
def namespaces():
    """A factory of namespaces that are removed when the test ends."""
    made = []

    def make(name):
        made.append(netns.Namespace(name))
        return made[-1]

    yield make
    for namespace in made:
        namespace.close()


# What each test saw on the driver that ran it first: {test: (driver, [payload])}.
_first_payloads = {}


def hold_payloads_equal(test_name, bed):
    """Same requests, same DHCP payloads on every driver (bytes of UDP, whole)."""
    first_driver, expected = _first_payloads.setdefault(test_name, (bed.driver, bed.recorded))
    assert [p.hex() for p in bed.recorded] == [p.hex() for p in expected], (
        f"{bed.driver} answered differently from {first_driver}"
    )


def driver_ids():
    chosen = os.environ.get("XDHCPD_DRIVERS", ",".join(DRIVERS)).split(",")
    return [driver for driver in DRIVERS if driver in chosen]
