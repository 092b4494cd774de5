"""Tables and plots of what was measured."""

COLOURS = {"offer": "#4c72b0", "ack": "#dd8452", "exchange": "#55a868"}


def ratio(value, base):
    return f"{value / base:.2f}" if base else "-"


def table(rows, reference="responder"):
    """[[cell]] with a heading; ratios to the responder and to the best Kea measured in the same set of runs."""
    base = rows.get(reference, {}).get("per_s")
    kea = max((row["per_s"] for name, row in rows.items() if name.startswith("kea")), default=None)
    echo = rows.get("echo", {}).get("at_max", {}).get("frames_per_s")
    lines = [["server", "clients", "window", "DORA/s", "spread", "loss", "of responder", "frames of echo", "x best Kea",
              "CPU s/M", "core s/M", "idle", "p50/p99 half, us", "p50/p99 5,000/s, us", "sync/ACK", "writes/ACK",
              "durable"]]  # fmt: skip
    for row in rows.values():
        top, common = row["at_max"], row.get("at_common")
        calls = row.get("system_calls", {"syncs_per_exchange": 0.0, "file_writes_per_exchange": 0.0})
        lines.append([
            row["title"], f"{row['clients']:,}", str(row["window"]), f"{row['per_s']:,.0f}", f"{row['spread']:.1%}",
            f"{top['loss']:.3%}", ratio(row["per_s"], base), ratio(top["frames_per_s"], echo), ratio(row["per_s"], kea),
            f"{top['cpu_s_per_million']:.2f}", f"{top['core_s_per_million']:.2f}", f"{top['core_idle']:.0%}",
            percentiles(row["at_half"]), percentiles(common), f"{calls['syncs_per_exchange']:.2f}",
            f"{calls['file_writes_per_exchange']:.2f}", row["durable"],
        ])  # fmt: skip
    return lines


def percentiles(run):
    if run is None:
        return "-"
    latency = run["latency_us"]["exchange"]
    return f"{latency['p50']:,.0f}/{latency['p99']:,.0f}"


def as_text(lines):
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def as_markdown(lines):
    heading, *rest = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([heading, "|" + "---|" * len(lines[0]), *rest])


def plot(rows, directory):
    """throughput.png, latency.png and cpu.png."""
    import matplotlib

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
        figure.savefig(directory / name, dpi=110)
        pyplot.close(figure)

    bars("throughput.png", [row["per_s"] for row in rows.values()],
         "DORA exchanges per second at < 0.1 % loss, server on one core (log scale)", "{:,.0f}")  # fmt: skip
    bars("cpu.png", [max(row["at_max"]["cpu_s_per_million"], 0.01) for row in rows.values()],
         "CPU seconds of the server process per million exchanges (log scale)", "{:,.1f}")  # fmt: skip

    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    points = ("p50", "p90", "p99", "p999", "max")
    for row in rows.values():
        latency = row["at_half"]["latency_us"]["exchange"]
        axes.plot(points, [latency[point] for point in points], marker="o", label=row["title"])
    axes.set_yscale("log")
    axes.set_ylabel("DISCOVER to ACK, us, at half of each server's own rate")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.tight_layout()
    figure.savefig(directory / "latency.png", dpi=110)
    pyplot.close(figure)
