"""A disk that forgets what no completed sync has covered; see unsynced_loss.cc."""

import pathlib
import shutil
import subprocess

from support.server import BUILD

LIBRARY = BUILD / "tests/support/libxdhcpd_unsynced_loss.so"


class ForgetfulDisk:
    """The directory `directory` of a server that is started with `prefix`."""

    def __init__(self, directory, mirror, sync_lies=False):
        self.directory, self.mirror = pathlib.Path(directory), pathlib.Path(mirror)
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.mirror / "inodes").mkdir(parents=True)
        self.sync_lies = sync_lies

    @property
    def prefix(self):
        lies = ["XD_SYNC_LIES=1"] if self.sync_lies else []
        return ["env", f"LD_PRELOAD={LIBRARY}", f"XD_DISK={self.directory}", f"XD_MIRROR={self.mirror}", *lies]

    def cut_power(self):
        """After the server was killed: the directory becomes what was durable. Returns the names in it."""
        names = self.mirror / "names"
        durable = [line.split(" ", 1) for line in names.read_text().splitlines()] if names.exists() else []
        shutil.rmtree(self.directory)
        self.directory.mkdir()
        for identity, name in durable:
            source = self.mirror / "inodes" / identity
            if source.exists():
                source.rename(self.directory / name)
            else:
                (self.directory / name).touch()  # its name is durable, nothing in it is
        shutil.rmtree(self.mirror)
        (self.mirror / "inodes").mkdir(parents=True)
        # What is there now is durable: the next power cut must find it again.
        with open(self.mirror / "names", "w", encoding="utf-8") as out:
            for _, name in durable:
                identity = self._identity(self.directory / name)
                copy = str(self.mirror / "inodes" / identity)
                subprocess.run(["cp", "--sparse=always", str(self.directory / name), copy], check=True)
                out.write(f"{identity} {name}\n")
        return sorted(name for _, name in durable)

    @staticmethod
    def _identity(path):
        # %i inode, %W birth in seconds; the library adds nanoseconds, which %w has.
        inode, birth, text = subprocess.run(
            ["stat", "-c", "%i %W %w", str(path)], capture_output=True, text=True, check=True
        ).stdout.split(" ", 2)
        nanoseconds = int(text.split(".")[1].split(" ")[0]) if "." in text else 0
        return f"{inode}-{birth}.{nanoseconds}"


