"""Tables and plots of what was measured."""

import statistics

COLOURS = {"offer": "#4c72b0", "ack": "#dd8452", "exchange": "#55a868"}


def ratio(value, base):
    return f"{value / base:.2f}" if base else "-"


# What an exchange is called, and what the least that can serve is: of DHCPv6 there is an echo only.
EXCHANGE = {4: "DORA", 6: "SARR"}
FIRST_TO_LAST = {4: "DISCOVER to ACK", 6: "Solicit to Reply"}
REFERENCE = {4: "responder", 6: "echo"}


def table(rows, family, contest=None):
    """[[cell]] with a heading; ratios to the best Kea measured in the same run, and to the reference and the echo: by
    the rounds of the contest if there was one."""
    reference = REFERENCE[family]
    base = rows.get(reference, {}).get("per_s")
    kea = max((row["per_s"] for name, row in rows.items() if name.startswith("kea")), default=None)
    echo = rows.get("echo", {}).get("at_max", {}).get("frames_per_s")
    lines = [["server", "clients", "window", f"{EXCHANGE[family]}/s", "spread", "loss", f"of {reference}", "frames of echo",
              "x best Kea", "CPU s/M", "core s/M", "idle", "p50/p99/p99.9 half, us", "5,000/s", "500/s",
              *per_answer(family, "sync", "writes"), "durable"]]  # fmt: skip
    for name, row in rows.items():
        top = row["at_max"]
        calls = row.get("system_calls", {"syncs_per_exchange": 0.0, "file_writes_per_exchange": 0.0})
        to_reference, to_echo = ratio(row["per_s"], base), ratio(top["frames_per_s"], echo)
        if name in (contest or {}):
            to_reference = middle(ratios(contest, name, reference, "per_s"))
            to_echo = middle(ratios(contest, name, "echo", "frames_per_s"))
        lines.append([
            row["title"], f"{row['clients']:,}", str(row["window"]), f"{row['per_s']:,.0f}", f"{row['spread']:.1%}",
            f"{top['loss']:.3%}", to_reference, to_echo, ratio(row["per_s"], kea),
            f"{top['cpu_s_per_million']:.2f}", f"{top['core_s_per_million']:.2f}", f"{top['core_idle']:.0%}",
            percentiles(row["at_half"]), percentiles(row.get("at_common")), percentiles(row.get("at_500")),
            f"{calls['syncs_per_exchange']:.2f}", f"{calls['file_writes_per_exchange']:.2f}", row["durable"],
        ])  # fmt: skip
    return lines


def per_answer(family, *counted):
    return [f"{what}/{'ACK' if family == 4 else 'Reply'}" for what in counted]


def ratios(contest, name, base, what):
    """Of one server to another, round by round, without rounds in which one of them lost frames."""
    pairs = zip(contest.get(name, ()), contest.get(base, ()))
    return [ours[what] / theirs[what] for ours, theirs in pairs if ours and theirs]


def middle(values):
    return f"{statistics.median(values):.2f}" if values else "-"


def contest_table(rows, family, contest):
    reference = REFERENCE[family]
    lines = [["server", f"{EXCHANGE[family]}/s, median", "least..most", f"of {reference}, rounds", "frames of echo, rounds",
              "rounds with loss"]]  # fmt: skip
    for name, runs in contest.items():
        rates = [run["per_s"] for run in runs if run]
        lines.append([
            rows[name]["title"], f"{statistics.median(rates):,.0f}" if rates else "-",
            f"{min(rates):,.0f}..{max(rates):,.0f}" if rates else "-",
            " ".join(f"{value:.2f}" for value in ratios(contest, name, reference, "per_s")),
            " ".join(f"{value:.2f}" for value in ratios(contest, name, "echo", "frames_per_s")),
            str(len(runs) - len(rates)),
        ])  # fmt: skip
    return lines


def journal_table(rows, family):
    """What was written at the highest rate; a heading alone is left out."""
    lines = [["server", f"{EXCHANGE[family]}/s", "records/s", "fdatasyncs/s", "leases per sync",
              *per_answer(family, "records")]]  # fmt: skip
    for row in rows.values():
        written = row["at_max"].get("journal")
        if written:
            lines.append([
                row["title"], f"{row['at_max']['per_s']:,.0f}", f"{written['records']:,.0f}", f"{written['syncs']:,.0f}",
                ratio(written["records"], written["syncs"]), ratio(written["records"], row["at_max"]["per_s"]),
            ])  # fmt: skip
    return lines if len(lines) > 1 else None


def perfdhcp_text(family, ceilings):
    """A line or two for each ceiling of load.perfdhcp_ceiling()."""
    text = ""
    for found in ceilings:
        last = "REQUEST to ACK" if family == 4 else "Request to Reply"
        what = "" if family == 4 else f", {found['leases']}"
        text += (f"\nperfdhcp -{family}{what} against xdhcpd: {found['per_s']:,.0f} exchanges/s without a drop, "
                 f"{found['ack_ms']} ms from {last}\n")  # fmt: skip
        if asked := found.get("could_not_send"):
            text += f"  asked for {asked:,}/s, which it could not send: its own limit\n"
        if more := found.get("first_with_drops"):
            text += f"  asked for {more['asked']:,}/s: {more['per_s']:,.0f}/s and {more['drops']:,} drops, perhaps its own\n"
    return text


def percentiles(run):
    if run is None:
        return "-"
    latency = run["latency_us"]["exchange"]
    return f"{latency['p50']:,.0f}/{latency['p99']:,.0f}/{latency['p999']:,.0f}"


def as_text(lines):
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def as_markdown(lines):
    heading, *rest = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([heading, "|" + "---|" * len(lines[0]), *rest])


def plot(rows, family, directory):
    """throughput.png, latency.png and cpu.png; of IPv6 throughput6.png and so on."""
    import matplotlib

    suffix = "" if family == 4 else "6"
    matplotlib.use("Agg")
    from matplotlib import pyplot

    titles = [row["title"] for row in rows.values()]

    def bars(name, values, label, text):
        figure, axes = pyplot.subplots(figsize=(8, 0.5 * len(titles) + 1.4))
        drawn = axes.barh(titles, values, color="#4c72b0")
        axes.bar_label(drawn, [text.format(value) for value in values], padding=3)
        axes.set_xscale("log")
        axes.set_xlim(right=max(values) * 4)
        axes.invert_yaxis()
        axes.set_xlabel(label)
        figure.tight_layout()
        figure.savefig(directory / f"{name}{suffix}.png", dpi=110)
        pyplot.close(figure)

    bars("throughput", [row["per_s"] for row in rows.values()],
         f"{EXCHANGE[family]} exchanges per second at < 0.1 % loss, server on one core (log scale)", "{:,.0f}")  # fmt: skip
    bars("cpu", [max(row["at_max"]["cpu_s_per_million"], 0.01) for row in rows.values()],
         "CPU seconds of the server process per million exchanges (log scale)", "{:,.1f}")  # fmt: skip

    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    points = ("p50", "p90", "p99", "p999", "max")
    for row in rows.values():
        latency = row["at_half"]["latency_us"]["exchange"]
        axes.plot(points, [latency[point] for point in points], marker="o", label=row["title"])
    axes.set_yscale("log")
    axes.set_ylabel(f"{FIRST_TO_LAST[family]}, us, at half of each server's own rate")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.tight_layout()
    figure.savefig(directory / f"latency{suffix}.png", dpi=110)
    pyplot.close(figure)
