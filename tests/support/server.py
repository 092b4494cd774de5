"""The server under test: its configuration, its process, its control socket, and what must hold when it ends."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import urllib.request

from support.netns import eventually

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("XDHCPD_BUILD", ROOT / "build/release"))
XDHCPD = BUILD / "userspace/daemon/xdhcpd"
XDHCPCTL = BUILD / "userspace/tools/xdhcpctl"

DRIVERS = ("xdp", "xdp-generic", "packet", "udp")
START_TIMEOUT = 20.0  # seconds; loading a BPF program under a sanitizer is slow
STOP_TIMEOUT = 20.0


def configuration(interface, driver, subnets, directory, **dhcp4):
    """A configuration as a dict; JSON is YAML, so it is written as that. `dhcp4` adds to that section."""
    section = {"lease-time": {"default": "1h", "min": "4s", "max": "1d"}, "subnets": subnets}
    section.update({key.replace("_", "-"): value for key, value in dhcp4.items()})
    return {
        "log": {"level": "debug", "format": "text"},
        "interfaces": [{"name": interface, "driver": driver}],
        "control-socket": str(directory / "control.sock"),
        "state-directory": str(directory / "state"),
        "http": "127.0.0.1:9767",
        "dhcp4": section,
    }


class Server:
    """xdhcpd in a namespace. Use as a context manager: leaving it stops the server and checks its accounts."""

    def __init__(self, namespace, directory, config=None, arguments=None, prefix=(), executable=XDHCPD):
        self.namespace = namespace
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.config_path = self.directory / "xdhcpd.yaml"
        self.log_path = self.directory / "xdhcpd.log"
        self.socket_path = self.directory / "control.sock"
        self.arguments = arguments or ["-c", str(self.config_path)]
        self.prefix = list(prefix)
        self.executable = executable
        self.process = None
        if config is not None:
            self.write(config)

    def write(self, config):
        text = config if isinstance(config, str) else json.dumps(config, indent=2) + "\n"
        self.config_path.write_text(text, encoding="utf-8")

    def start(self, wait=True):
        with open(self.log_path, "ab") as log:
            self.process = self.namespace.popen(
                *self.prefix, str(self.executable), *self.arguments, stdout=log, stderr=subprocess.STDOUT
            )
        if wait:
            eventually(self._ready, START_TIMEOUT, what=f"xdhcpd serving; log: {self.log_path}")
        return self

    def _ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"xdhcpd ended with {self.process.returncode}:\n{self.log()}")
        return self.ctl_process("status").returncode == 0

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    # Control socket, directly and through xdhcpctl.

    def ask(self, command, **arguments):
        """One request over the control socket; the answer object, whatever its `ok`."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(10)
            connection.connect(str(self.socket_path))
            connection.sendall(json.dumps({"command": command, **arguments}).encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                chunk = connection.recv(1 << 16)
                if not chunk:
                    break
                answer += chunk
        return json.loads(answer)

    def ctl_process(self, *arguments):
        return subprocess.run(
            [str(XDHCPCTL), "-s", str(self.socket_path), *arguments],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )

    def ctl(self, *arguments):
        """xdhcpctl --json: the answer object; fails if the tool does."""
        done = self.ctl_process("--json", *arguments)
        assert done.returncode == 0, f"xdhcpctl {arguments}: {done.returncode}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    def status(self):
        answer = self.ask("status")
        assert answer["ok"], answer
        return answer

    def leases(self):
        answer = self.ask("leases")
        assert answer["ok"], answer
        return {lease["address"]: lease for lease in answer["leases"]}

    def dropped(self):
        """Drop reasons and their counts, those that are zero left out."""
        return {reason: count for reason, count in self.status()["dropped"].items() if count}

    def xdp_verdicts(self):
        return {
            verdict: count
            for verdicts in self.status().get("xdp", {}).values()
            for verdict, count in verdicts.items()
            if count
        }

    def driver_ports(self):
        """The ports of drivers, without the kernel lanes beside them."""
        return [port for port in self.status()["ports"] if port["role"] == "driver"]

    def driver(self):
        return self.status()["ports"][0]["driver"]

    def http(self, path):
        """(status, body) of a request to the server's HTTP port, made inside its namespace."""
        with self.namespace.inside():
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:9767{path}", timeout=10) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, error.read().decode()

    # End of life.

    def check_accounts(self):
        """Every message received was answered or has a reason; the counters agree with each other."""
        eventually(lambda: self.status()["in_flight"] == 0, what="nothing in flight")
        status = self.status()
        assert status["received"] == status["answered"] + status["explained"], status
        # Advertisements answer nobody, or several at once.
        replies = {kind: n for kind, n in status["sent_by_type"].items() if kind != "nd.router-advertisement"}
        assert status["answered"] == sum(replies.values()), status
        return status

    def stop(self):
        """SIGTERM, exit code 0 and no sanitizer report; the caller's test fails otherwise."""
        if self.process is None:
            return
        assert self.process.poll() is None, f"server died with {self.process.returncode}:\n{self.log()}"
        try:
            self.check_accounts()
        finally:
            self.process.send_signal(signal.SIGTERM)
            self.wait()
        log = self.log()
        assert "Sanitizer" not in log and "runtime error:" not in log, log

    def wait(self, expected=0):
        """Waits for the process to end by itself."""
        try:
            code = self.process.wait(timeout=STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"xdhcpd does not end:\n{self.log()}") from None
        self.process = None
        assert code == expected, f"xdhcpd ended with {code}, expected {expected}:\n{self.log()}"

    def kill(self):
        """For clean-up after a failure: no checks."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=10)
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()
        else:
            self.kill()
