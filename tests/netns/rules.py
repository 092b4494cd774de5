"""What the tests of the engine's rules (test_*_rules.py) have in common.

Each test runs on each driver against one server per file and driver, in the same order, with the same frames; the DHCP
payloads of the replies must not differ between drivers (the fixture compares them).
"""

import pytest
from conftest import driver_ids, hold_payloads_equal
from support.testbed import Testbed

INFINITE = 0xFFFFFFFF
LONG_OPTION = bytes(range(256)) + b"long" * 11  # 300 bytes: two instances on the wire
BLOCKS = {code: bytes((code,)) * length for code, length in ((224, 100), (225, 100), (226, 100), (227, 50))}
PRINTER_MAC = "02:00:5e:00:53:20"


def hex_option(value):
    return {"type": "hex", "value": "0x" + value.hex()}


SUBNETS = [
    {
        "subnet": "10.77.0.0/24",
        "interface": "srv0",
        "pools": [{"range": "10.77.0.10-10.77.0.200"}],
        "exclude": ["10.77.0.100-10.77.0.109"],
        "options": {
            "routers": ["10.77.0.1"],
            "domain-name-servers": ["192.0.2.53", "192.0.2.54"],
            "domain-name": "example.org",
        },
        "reservations": [
            {"hw-address": PRINTER_MAC, "address": "10.77.0.210", "hostname": "printer"},
            {"client-id": "01:02:00:5e:00:53:21", "address": "10.77.0.211"},
        ],
    },
    # Nothing may be leased of this one but .2, .3 and .4: network, router, local, relay and broadcast address.
    {
        "subnet": "192.0.2.0/29",
        "pools": [{"range": "192.0.2.0-192.0.2.7"}],
        "options": {"routers": ["192.0.2.1"]},
    },
    {"subnet": "10.79.0.0/24", "lease-time": {"default": "10m", "min": "5m", "max": "20m"},
     "pools": [{"range": "10.79.0.10-10.79.0.99"}]},
    {"subnet": "10.80.0.0/24", "lease-time": "infinite", "pools": [{"range": "10.80.0.10-10.80.0.99"}]},
    {"subnet": "10.81.0.0/24", "pools": [{"range": "10.81.0.10-10.81.0.99"}],
     "options": {"230": hex_option(LONG_OPTION), **{str(code): hex_option(value) for code, value in BLOCKS.items()}}},
    {"subnet": "10.82.0.0/24", "authoritative": False, "pools": [{"range": "10.82.0.10-10.82.0.99"}]},
    {"subnet": "10.83.0.0/24", "relays": ["10.83.0.254"], "pools": [{"range": "10.83.0.10-10.83.0.99"}]},
    {"subnet": "198.51.100.0/29", "shared-network": "floor", "pools": [{"range": "198.51.100.2-198.51.100.3"}]},
    {"subnet": "203.0.113.0/24", "shared-network": "floor", "pools": [{"range": "203.0.113.10-203.0.113.99"}]},
    {"subnet": "10.84.0.0/24", "next-server": "10.84.0.5", "server-hostname": "boot.example.org",
     "boot-file-name": "pxelinux.0", "pools": [{"range": "10.84.0.10-10.84.0.99"}]},
]  # fmt: skip


@pytest.fixture(scope="module", params=driver_ids())
def driver_bed(request, tmp_path_factory):
    driver = request.param
    bed = Testbed(driver, tmp_path_factory.mktemp(f"rules-{driver}"), SUBNETS, local=["192.0.2.5"])
    bed.begin("fence")
    bed.fence()
    yield bed
    try:
        bed.server.check_accounts()
    finally:
        bed.close()


@pytest.fixture
def bed(driver_bed, request):
    name = request.node.name.replace(driver_bed.driver, "", 1)
    driver_bed.begin(name)
    yield driver_bed
    hold_payloads_equal(name, driver_bed)
