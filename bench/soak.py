#!/usr/bin/env python3
"""Runs a million short all-reduces and a thousand long ones, and reports whether any process's memory grew.

    bench/soak.py --troupe build/cli/troupe

Each process's resident set is measured after a warm-up (a tenth of the time) and at the end. Exit status 1 if
one grew by more than a MiB.
"""

import argparse
import pathlib
import subprocess
import sys
import time

GROWTH_KIB = 1024


def resident_kib(pid):
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    except OSError:
        pass
    return None


def family(pid):
    """The process and all its children: ranks and reducers."""
    out = [pid]
    try:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                out += family(int(child))
    except OSError:
        pass
    return out


def soak(troupe, name, ranks, reducers, size, iterations):
    command = [troupe, "bench", "allreduce", "--ranks", str(ranks), "--reducers", str(reducers), "-b", size, "-e", size,
               "-n", str(iterations), "-w", "10", "-c", "0", "--in-place"]
    print("#", " ".join(command), flush=True)
    start = time.monotonic()
    run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    seen = {}  # pid -> [(seconds, KiB)]
    while run.poll() is None:
        for pid in family(run.pid):
            if (kib := resident_kib(pid)) is not None:
                seen.setdefault(pid, []).append((time.monotonic() - start, kib))
        time.sleep(0.25)
    took = time.monotonic() - start
    if run.returncode != 0:
        sys.exit(f"soak.py: {name}: the command ended with {run.returncode}")
    worst = 0
    for pid, samples in sorted(seen.items()):
        # In the last second the processes shut down.
        warm = [kib for at, kib in samples if took * 0.1 < at < took - 1]
        if len(warm) < 2:
            continue
        worst = max(worst, warm[-1] - warm[0])
        print(f"{name}: process {pid}: {warm[0]} KiB after the start, {warm[-1]} KiB at the end")
    print(f"{name}: {iterations} operations in {took:.0f} s, the most that a process grew: {worst} KiB", flush=True)
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--troupe", default="build/cli/troupe")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--reducers", type=int, default=2)
    parser.add_argument("--short", type=int, default=1_000_000, help="all-reduces of 8 bytes")
    parser.add_argument("--long", type=int, default=1_000, help="all-reduces of 4 MiB")
    args = parser.parse_args()
    worst = max(soak(args.troupe, "short", args.ranks, args.reducers, "8", args.short),
                soak(args.troupe, "long", args.ranks, args.reducers, "4M", args.long))
    if worst > GROWTH_KIB:
        sys.exit(f"soak.py: a process grew by {worst} KiB")


if __name__ == "__main__":
    main()
