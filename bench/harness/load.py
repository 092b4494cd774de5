"""One server under the load of xdhcpgun (and perfdhcp): highest rate without loss, latency, CPU, system calls."""

import collections
import json
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

from harness.network import (
    CLIENT_ADDRESS,
    CLIENT_INTERFACE,
    GENERATOR_CPU,
    SERVER_ADDRESS,
    BenchError,
    CpuTimes,
    Network,
    sh,
    stop,
)

MAX_LOSS = 0.001  # of exchanges
LOW_RATE = 500  # exchanges per second: hardly two of them meet
COMMON_RATE = 5000  # exchanges per second at which all servers that can are compared
WARMUP = 1.0  # seconds
MAX_FILL = 20.0  # seconds to give each client its lease


def gun(network, program, seconds, *, clients, window=None, rate=None, warmup=WARMUP, first_mac=None, count=None,
        spread_queues=False, scenario="dora", arguments=()):  # fmt: skip
    """Starts a run of exchanges, by default DORA (of DHCPv6 the like), by a window in flight or at a rate; it may end
    after so many."""
    load = ["--window", window] if rate is None else ["--rate", f"{rate:.0f}"]
    load += ["--first-mac", first_mac] if first_mac else []
    load += ["--count", count] if count else []
    load += ["--spread-queues"] if spread_queues else []
    load += ["--family", "6"] if network.family == 6 else []
    load += arguments
    return network.start(
        "client", program, "-i", CLIENT_INTERFACE, "--driver", "xdp", "--scenario", scenario, "--clients", clients,
        *load, "--duration", f"{seconds:g}s", "--warmup", f"{warmup:g}s", "--timeout", "1s", "--json",
        "--cpu", GENERATOR_CPU, cpu=GENERATOR_CPU, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(process, seconds):
    """The run's report. xdhcpgun may end with an exit code for loss; then there is a report too."""
    try:
        output, errors = process.communicate(timeout=seconds + 20)
    except subprocess.TimeoutExpired as error:
        stop(process)
        raise BenchError("xdhcpgun does not end") from error
    time.sleep(0.1)  # the kernel takes up to 25 ms to let go of a queue of AF_XDP
    try:
        return json.loads(output[output.index("{") :])
    except ValueError as error:
        raise BenchError(f"xdhcpgun: exit {process.returncode}: {errors.strip() or output.strip()}") from error


def measure(network, program, server, seconds, journal=None, **load):
    """A run with the CPU time of the server, and what its journal counted, within it."""
    process = gun(network, program, seconds, **load)
    time.sleep(WARMUP + 0.2)
    written = journal() if journal else {}
    before = CpuTimes(server.pid)
    time.sleep(seconds - 0.4)
    used = before.until(CpuTimes(server.pid))
    written = {name: count - written[name] for name, count in journal().items()} if journal else {}
    report = finish(process, seconds)
    rate = report["exchanges_per_s"]
    exchanges = max(1.0, rate * used["seconds"])
    return {
        "load": load,
        "per_s": rate,
        "loss": report["loss_ratio"],
        "frames_per_s": report["frames_received"] / max(1e-9, report["exchanges_completed"]) * rate,
        "given_twice": report.get("given_twice", 0),
        "lost_in_generator": report.get("generator", {}).get("lost_in_generator", 0),
        "latency_us": report["latency_us"],
        "cpu_s_per_million": used["process_s"] / exchanges * 1e6,
        "core_s_per_million": used["core_busy_s"] / exchanges * 1e6,
        "core_idle": used["core_idle"],
        "core_softirq": used["core_softirq_s"] / used["seconds"],
        "core_steal": used["core_steal_s"] / used["seconds"],
        "journal": {name: count / used["seconds"] for name, count in written.items()},  # per second
    }


def count_system_calls(network, program, server, clients, arguments=()):
    """Syncs and writes to files per exchange, counted by strace at a modest rate."""
    rate, seconds = 200, 2
    with tempfile.NamedTemporaryFile(prefix="xdcmp-", suffix=".strace") as trace:
        tracer = network.start("server", "strace", "-f", "-y", "-qq", "-o", trace.name, "-p", server.pid,
                               "-e", "trace=fsync,fdatasync,sync_file_range,write,pwrite64,writev", cpu=GENERATOR_CPU,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        time.sleep(0.5)
        report = finish(gun(network, program, seconds, clients=clients, rate=rate, arguments=arguments), seconds)
        time.sleep(0.2)
        stop(tracer)
        text = pathlib.Path(trace.name).read_text(encoding="utf-8", errors="replace")
    # A descriptor with a path is a file; sockets and pipes have other names there.
    calls = collections.Counter(re.findall(r"^\d+ +(\w+)\(\d+</(?!dev/)[^>]*>", text, re.M))
    # The trace covers warm-up too.
    exchanges = max(1.0, report["exchanges_completed"] * (seconds + WARMUP) / seconds)
    return {
        "syncs_per_exchange": (calls["fsync"] + calls["fdatasync"]) / exchanges,
        "file_writes_per_exchange": (calls["write"] + calls["pwrite64"] + calls["writev"]) / exchanges,
    }


class Trial:
    """A server on a pair of its own, and runs against it: always the same one with its leases given out, or a new
    one for each run where each client shall come once."""

    def __init__(self, server, program, directory, options):
        self.server, self.program, self.directory, self.options = server, program, directory, options
        self.clients = server.max_clients if server.new_clients else min(server.max_clients, options.clients)
        self.filled, self.starts = 0, 0
        self.network = self.process = None

    def __enter__(self):
        self._start()
        if not self.options.quick and not self.server.new_clients:
            probe = self.run(1.0, window=self.server.windows[-2])
            self.filled = fill(self.network, self.program, self.clients, probe["per_s"], self.server.arguments)
        return self

    def __exit__(self, *_):
        self._end()

    def _start(self):
        self.network = Network(family=self.server.family)
        self.network.__enter__()
        directory = self.directory / str(self.starts)
        directory.mkdir()
        self.starts += 1
        try:
            self.process = self.server.start(self.network, directory)
        except BaseException:
            self._end()
            raise
        journal = self.server.journal
        self.journal = (lambda: journal(directory)) if journal else None
        self.is_used = False

    def _end(self):
        network, self.network = self.network, None
        if network is not None:
            network.__exit__(None, None, None)

    def run(self, seconds, **load):
        if self.is_used and self.server.new_clients:
            self._end()
            self._start()
        self.is_used = True
        done = measure(self.network, self.program, self.process, seconds, self.journal, clients=self.clients,
                       arguments=self.server.arguments, **load)  # fmt: skip
        if self.process.poll() is not None:
            raise BenchError(f"{self.server.title} ended during its run")
        return done


def find_window(trial, seconds):
    """The window of the highest rate without too much loss, and what each window gave."""
    windows = trial.server.windows
    if trial.options.quick:
        windows = windows[len(windows) // 2 :][:1]
    tried = [trial.run(seconds, window=window) for window in windows]
    passed = [run for run in tried if run["loss"] < MAX_LOSS and run["per_s"] > 0]
    if not passed:
        raise BenchError(f"loss at every window: {[(run['load']['window'], run['loss']) for run in tried]}")
    return max(passed, key=lambda run: run["per_s"])["load"]["window"], tried


def fill(network, program, clients, per_s, arguments=()):
    """Gives every client its lease; returns how many have one. Clients take turns."""
    if per_s <= 0:
        return 0
    seconds = min(MAX_FILL, 1.15 * clients / per_s)
    report = finish(gun(network, program, seconds, clients=clients, window=64, arguments=arguments), seconds)
    return min(clients, report["exchanges_completed"] + int(report["exchanges_per_s"] * WARMUP))


def compare_one(server, program, directory, options):
    """Everything about one server on a pair of its own."""
    with Trial(server, program, directory, options) as trial:
        window, tried = find_window(trial, max(1.0, options.seconds / 2))
        runs = [trial.run(options.seconds, window=window) for _ in range(options.repeat)]
        passed = sorted((run for run in runs if run["loss"] < MAX_LOSS), key=lambda run: run["per_s"])
        if not passed:
            raise BenchError(f"{server.title}: loss in every one of {len(runs)} runs with window {window}")
        best = passed[len(passed) // 2]
        rates = [run["per_s"] for run in passed]
        row = {
            "title": server.title,
            "setting": server.setting,
            "durable": server.durable,
            "clients": trial.clients,
            "clients_filled": trial.filled,
            "window": window,
            "per_s": statistics.median(rates),
            "spread": (max(rates) - min(rates)) / statistics.median(rates),
            "runs_with_loss": len(runs) - len(passed),
            "at_max": best,
            "sweep": tried,
            "at_half": trial.run(options.seconds, rate=best["per_s"] / 2),
        }
        if row["per_s"] > COMMON_RATE and not options.quick:
            row["at_common"] = trial.run(options.seconds, rate=COMMON_RATE)
        if not options.quick:
            row["at_500"] = trial.run(options.seconds, rate=LOW_RATE)
            row["system_calls"] = count_system_calls(trial.network, program, trial.process, trial.clients,
                                                    server.arguments)  # fmt: skip
    return row


def contest(servers, windows, program, directory, options, say):
    """The servers in turn, several rounds: the machine's speed changes from minute to minute, so only what was
    measured in the same round is compared. Returns {name: [run of each round, None with loss]}."""
    runs = {server.name: [] for server in servers}
    for number in range(options.rounds):
        for server in servers:
            place = directory / f"round-{number}-{server.name}"
            place.mkdir()
            with Trial(server, program, place, options) as trial:
                done = trial.run(options.seconds, window=windows[server.name])
            runs[server.name].append(done if done["loss"] < MAX_LOSS else None)
        say(f"round {number + 1}: " + ", ".join(
            f"{server.name} {runs[server.name][-1]['per_s']:,.0f}" if runs[server.name][-1] else f"{server.name} loss"
            for server in servers))  # fmt: skip
    return runs


def perfdhcp_ceiling(server, directory, leases="address-only", seconds=4):
    """The highest rate that perfdhcp (one thread) reaches without a drop, and the first with drops if there is one.
    `leases` is the type that its clients ask for; of DHCPv6 also prefix-only and address-and-prefix.

    Drops may be perfdhcp's own: a reply that its thread had no time to read counts as one.
    """
    best = {"asked": 0, "per_s": 0, "drops": 0, "ack_ms": None}
    family = ["-4", "-l", CLIENT_ADDRESS] if server.family == 4 else ["-6", "-e", leases, "-l", CLIENT_INTERFACE]
    with Network(family=server.family) as network:
        server.start(network, directory)
        for asked in range(10000, 100001, 5000):
            report = sh(*network.command("client", "perfdhcp", *family, "-g", "single", "-r", asked, "-R", 500000,
                                         "-p", seconds, "-W", 500000, SERVER_ADDRESS if server.family == 4 else "all",
                                         cpu=GENERATOR_CPU), check=False, timeout=seconds + 30)  # fmt: skip
            drops = sum(map(int, re.findall(r"^drops: (\d+)", report, re.M)))
            received = [int(number) for number in re.findall(r"^received packets: (\d+)", report, re.M)]
            if not received:
                raise BenchError(f"perfdhcp: {report.strip()[-500:]}")
            per_s = received[-1] / seconds
            delay = re.findall(r"^avg delay: ([\d.]+)", report, re.M)
            run = {"asked": asked, "per_s": per_s, "drops": drops, "ack_ms": float(delay[-1]) if delay else None}
            if drops > 0:
                best["first_with_drops"] = run
                break
            if per_s > best["per_s"]:
                best = run
            if per_s < 0.95 * asked:
                best["could_not_send"] = asked
                break
    return {"leases": leases, **best}
