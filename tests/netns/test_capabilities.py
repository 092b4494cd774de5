"""The rights that the systemd unit gives are enough for every driver."""

import os
import pathlib
import re
import shutil
import tempfile

import pytest
from conftest import driver_ids
from support.server import ROOT, XDHCPD
from support.testbed import Testbed

SUBNET = {"subnet": "10.77.0.0/24", "interface": "srv0", "pools": [{"range": "10.77.0.10-10.77.0.99"}]}
NOBODY = 65534


def of_the_unit():
    text = (ROOT / "deploy/xdhcpd.service").read_text(encoding="utf-8")
    ambient, bounding = (re.search(rf"^{key}=(.*)$", text, re.M)[1] for key in ("AmbientCapabilities", "CapabilityBoundingSet"))
    assert ambient == bounding
    return ",".join("+" + name.removeprefix("CAP_").lower() for name in ambient.split())


@pytest.mark.parametrize("driver", driver_ids())
def test_what_the_unit_gives_is_enough(driver):
    capabilities = f"-all,{of_the_unit()}"
    with tempfile.TemporaryDirectory() as home:  # tmp_path is not open for others
        os.chmod(home, 0o755)
        executable = shutil.copy(XDHCPD, home)
        directory = pathlib.Path(home) / "server"
        directory.mkdir()
        os.chown(directory, NOBODY, NOBODY)
        bed = Testbed(driver, directory, [SUBNET], serve=False)
        try:
            bed.server.executable = executable
            bed.server.prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs",
                                 *(f"--{which}={capabilities}" for which in ("inh-caps", "ambient-caps", "bounding-set"))]  # fmt: skip
            bed.server.start()
            bed.begin("capabilities")
            assert bed.server.driver() == driver
            assert bed.lease(bed.mac())
        finally:
            bed.close()
