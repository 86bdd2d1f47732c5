"""Makes the table from the peers' JSON lines: medians over rounds, shares of the bound, verdicts."""
import statistics

# A run is a result if the links were its bound: see netlab/calibrate.py.
MIN_SHARE = 0.90
MIN_IDLE = 0.10
TCP_CEILING = 1448 / 1514


def medians(rounds):
    """{(peer, size): row}: the median of each figure over the rounds; rounds are lists of lines."""
    seen = {}
    for lines in rounds:
        for line in lines:
            seen.setdefault((line["peer"], line["size_bytes"]), []).append(line)
    return {key: merged(lines) for key, lines in seen.items()}


def merged(lines):
    row = {"peer": lines[0]["peer"], "size_bytes": lines[0]["size_bytes"], "rounds": len(lines)}
    for figure in ("median_us", "p99_us", "min_us", "max_us", "algbw_GBps", "cpu_idle", "sent_factor", "iterations"):
        values = [line[figure] for line in lines if line[figure] is not None]
        row[figure] = statistics.median(values) if values else None
    row["wrong"] = sum(line["wrong"] for line in lines)
    return row


def bound_us(size_bytes, rate):
    """S/B: each byte out once and in once, on links of `rate` bits per second."""
    return size_bytes * 8 / rate * 1e6


def optimum_us(size_bytes, rate, ranks, kappa):
    """t*: the least time with reducers that have `kappa` links of a worker together, the rest of the
    work done among the workers. S/B with kappa = ranks, a ring's time with none."""
    kappa = min(kappa, ranks)
    if ranks < 2:
        return 0.0
    return 2 * ranks * (ranks - 1) / (ranks**2 + kappa * ranks - 2 * kappa) * bound_us(size_bytes, rate)


def ring_share(row, ranks, rate):
    """A ring's rate as a share of the highest rate that a ring can have on such links."""
    return 2 * (ranks - 1) / ranks * bound_us(row["size_bytes"], rate) / TCP_CEILING / row["median_us"]


def bound_by(row, rows, ranks, rate, calibrated):
    """'links', 'cpu', or 'latency' for sizes that are too small for either to be the bound. If no ring ran
    beside it, the lab's calibration decides whether the links can be the bound."""
    if row["cpu_idle"] is not None and row["cpu_idle"] < MIN_IDLE and not row["peer"].startswith("mpi"):
        return "cpu"
    small = row["size_bytes"] <= 65536
    ring = rows.get(("ring", row["size_bytes"]))
    if rate and ring and ranks > 1:
        links = ring_share(ring, ranks, rate) >= MIN_SHARE
    else:
        links = bool(rate) and calibrated and not small
    return "links" if links else "latency" if small else "cpu"


def annotate(rows, ranks, rate, kappa, calibrated=False):
    """Adds to every row its share of S/B and its bound; to Troupe's, the share of the optimum
    for this number of reducers, and the comparison with the others."""
    for row in rows.values():
        row["of_bound"] = bound_us(row["size_bytes"], rate) / row["median_us"] if rate else None
        row["bound_by"] = bound_by(row, rows, ranks, rate, calibrated)
    for (peer, size), row in rows.items():
        if peer == "troupe":
            compare(row, {other: rows[other, at]["median_us"] for other, at in rows if at == size})
            row["of_optimum"] = optimum_us(size, rate, ranks, kappa) / row["median_us"] if rate else None
    return rows


def compare(own, times):
    """How many times as long the others took at the same size; of Open MPI's modules the faster one counts."""
    rivals = {"vs_gloo": ["gloo"], "vs_mpi": ["mpi-tuned", "mpi-han"], "vs_ring": ["ring"]}
    for key, names in rivals.items():
        there = [times[name] for name in names if name in times]
        own[key] = min(there) / own["median_us"] if there else None


def size_text(size_bytes):
    for unit, name in ((1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")):
        if size_bytes >= unit and size_bytes % unit == 0:
            return f"{size_bytes // unit}{name}"
    return str(size_bytes)


def number(value, pattern):
    return "-" if value is None else pattern.format(value)


def table(rows, peers):
    """One line per size; for each peer its median time, bandwidth, share of S/B, bytes a worker sent
    per byte of the array, and idle CPU."""
    head = f"{'':>6}"
    units = f"{'size':>6}"
    for peer in peers:
        head += f" | {peer:^39}"
        units += f" | {'us':>10} {'GB/s':>7} {'%S/B':>5} {'sent':>5} {'idle':>4} {'':>3}"
    if "troupe" in peers:
        head += " | Troupe is faster than       Troupe"
        units += f" | {'gloo':>6} {'mpi':>6} {'ring':>6}   {'%t*':>5}  bound by"
    lines = [head, units]
    for size in sorted({size for _, size in rows}):
        line = f"{size_text(size):>6}"
        for peer in peers:
            row = rows.get((peer, size))
            line += " | " + (cell(row) if row else f"{'-':>39}")
        if ("troupe", size) in rows:
            own = rows["troupe", size]
            versus = [number(own[key], "{:.2f}x") for key in ("vs_gloo", "vs_mpi", "vs_ring")]
            share = None if own["of_optimum"] is None else 100 * own["of_optimum"]
            line += " | " + " ".join(f"{text:>6}" for text in versus)
            line += f"   {number(share, '{:.1f}'):>5}  {own['bound_by']}"
        lines.append(line)
    return "\n".join(lines)


def cell(row):
    share = None if row["of_bound"] is None else 100 * row["of_bound"]
    sent = row["sent_factor"] if row["sent_factor"] and row["size_bytes"] >= 65536 else None
    idle = None if row["cpu_idle"] is None else 100 * row["cpu_idle"]
    mark = "" if row["bound_by"] != "cpu" else "cpu"
    return (f"{row['median_us']:>10.1f} {row['algbw_GBps']:>7.4f} {number(share, '{:.1f}'):>5} "
            f"{number(sent, '{:.2f}'):>5} {number(idle, '{:.0f}'):>4} {mark:>3}")
