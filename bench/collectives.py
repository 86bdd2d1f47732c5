#!/usr/bin/env python3
"""All-reduce by Troupe, Gloo, Open MPI and a plain ring: on the same links, in the same run.

    sudo bench/collectives.py --build build                       4 workers, 4 reducers, links of the best rate
    sudo bench/collectives.py --build build --workers 8 --reducers 8 --sizes 4M..64M
    sudo bench/collectives.py --build build --unshaped --sizes 8..16K     latency, links that do not bound
    bench/collectives.py --build build --loopback                 software overhead only; needs no root

Every round runs every peer once, so that other load on the machine affects all of them equally; figures
are medians of the rounds. A time is that of the slowest rank, measured from a barrier in shared memory.
All results are checked. On shaped links the lab is calibrated first, and a row names its bound: the
links, the CPU (then it is no result), or neither, which is latency. `sent` is the number of bytes that a
worker's card sent per byte of the array: 1 through reducers, 2(n-1)/n in a ring. `t*` is the least time
with this number of reducers: S/B if they are enough, a ring's time if there are none. Open MPI polls
while it waits, so its idle CPU means little.
"""
import argparse
import json
import os
import platform
import re
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [os.path.join(HERE, "netlab"), os.path.join(HERE, "peers")]

import calibrate
import cpu
import launch
import plot
import report
from lab import Lab, LabError, Loopback, bits_per_second, rate_text

PEERS = ["troupe", "gloo", "mpi-tuned", "mpi-han", "ring"]
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def size_of(text):
    match = re.fullmatch(r"(\d+)([KMG]?)", text.upper())
    if not match or int(match[1]) * UNITS[match[2]] % 4 or int(match[1]) == 0:
        raise LabError(f"a size of '{text}': expected bytes, a multiple of 4, such as 8, 64K or 16M")
    return int(match[1]) * UNITS[match[2]]


def sizes_of(text):
    """'8,4K,1M', or '8..64M' in steps of four (the last one always included)."""
    sizes = []
    for part in text.split(","):
        first, dots, last = part.partition("..")
        if not dots:
            sizes.append(size_of(part))
            continue
        size, end = size_of(first), size_of(last)
        while size < end:
            sizes.append(size)
            size *= 4
        sizes.append(end)
    return sorted(set(sizes))


def assignment(text):
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"'{text}': expected NAME=VALUE")
    return name, value


class Runner:
    """Runs one peer at all sizes, in a lab or over loopback."""

    def __init__(self, args, sizes):
        self.args, self.sizes = args, sizes

    def program(self, peer):
        return os.path.join(self.args.build, "bench", "peers", "peer-" + peer.split("-")[0])

    def available(self):
        """Those of the requested peers that were built and can run with this number of reducers."""
        asked = [peer for peer in self.args.peers if peer != "troupe" or self.args.reducers]
        there = [peer for peer in asked if os.path.exists(self.program(peer))]
        for peer in set(asked) - set(there):
            print(f"no {self.program(peer)}: {peer} is left out (scripts/packages --bench, then set up a build again)",
                  file=sys.stderr)
        return there

    def run(self, peer, place):
        argv = [self.program(peer), "--name", peer, "--sizes", ",".join(map(str, self.sizes)),
                "--seconds", str(self.args.seconds), "--min-iterations", str(self.args.min_iterations),
                "--max-iterations", str(self.args.max_iterations)]
        if peer == "troupe":
            return launch.run_troupe(place, argv, [self.args.troupe], timeout_s=self.args.timeout)
        if peer.startswith("mpi"):
            # Its priority is what makes HAN all-reduce; otherwise the module `tuned` does.
            settings = {"coll_han_priority": "100"} if peer == "mpi-han" else {"coll": "^han"}
            return launch.run_mpi(place, argv, settings | dict(self.args.mca), timeout_s=self.args.timeout)
        return launch.run_ranks(place, argv, timeout_s=self.args.timeout)


def run_rounds(runner, place, peers, rounds):
    """A list of JSON lines per round, what failed, and how busy the machine was before each round. The
    order rotates, so that no peer always follows the same one."""
    done, failures, busy = [], [], []
    for number in range(rounds):
        order = peers[number % len(peers):] + peers[:number % len(peers)]
        lines = []
        busy.append(cpu.busy_share())
        for peer in order:
            try:
                lines += runner.run(peer, place)
            except launch.PeerFailure as failure:
                failures.append(f"round {number + 1}, {peer}: {failure}")
                print(failures[-1], file=sys.stderr)
        done.append(lines)
        print(f"round {number + 1} of {rounds} done", file=sys.stderr)
    return done, failures, busy


def make_place(args, rate):
    if args.loopback:
        return Loopback(args.workers, args.reducers)
    return Lab(workers=args.workers, reducers=args.reducers, rate=bits_per_second(rate), name=args.name,
               reducer_rate=bits_per_second(args.reducer_rate), congestion=args.congestion)


def choose_rate(args, ring):
    if args.unshaped or args.loopback:
        return None
    if args.rate != "auto":
        return args.rate
    return calibrate.auto_rate(lambda rate: make_place(args, rate), ring, say=lambda text: print(text, file=sys.stderr))


def environment(args, place):
    def first_line(command):
        try:
            return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0]
        except (OSError, IndexError):
            return None
    with open("/proc/cpuinfo") as info:
        model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), None)
    return {"kernel": platform.release(), "cpu": model, "cpus": os.cpu_count(), "congestion": place.congestion,
            "mpi": first_line(["mpirun", "--version"]), "mca": dict(args.mca), "workers": args.workers,
            "reducers": args.reducers,
            "rate": rate_text(place.rate), "reducer_rate": rate_text(place.reducer_rate or place.rate),
            "troupe_settings": {key: value for key, value in os.environ.items()
                                if key.startswith(("UCX_", "TROUPE_")) and "TOKEN" not in key}}


def measure(args):
    runner = Runner(args, sizes_of(args.sizes))
    peers = runner.available()
    ring = runner.program("ring") if "ring" in peers else None
    with make_place(args, choose_rate(args, ring)) as place:
        found = calibrate.calibrate(place, ring) if place.shaped else None
        if found:
            print(calibrate.report(found), file=sys.stderr)
        rounds, failures, busy = run_rounds(runner, place, peers, args.rounds)
        rows = report.annotate(report.medians(rounds), args.workers, place.rate, kappa_of(place),
                               found is not None and found["bound"] == "links")
        return {"environment": environment(args, place), "peers": peers, "calibration": found,
                "rows": sorted(rows.values(), key=lambda row: (row["size_bytes"], peers.index(row["peer"]))),
                "rounds": rounds, "failures": failures, "busy": busy}, rows


def kappa_of(place):
    """The reducers' bandwidth together, in links of a worker."""
    return place.reducers * (place.reducer_rate or place.rate) / place.rate if place.rate else place.reducers


def headline(result):
    seen, found = result["environment"], result["calibration"]
    links = "this machine's loopback" if seen["congestion"] is None else (
        "links that are not shaped" if seen["rate"] == "none" else f"links of {seen['rate']}")
    bound = "" if found is None else f", bound by the {found['bound']}"
    return f"float32 all-reduce, {seen['workers']} workers, {seen['reducers']} reducers, {links}{bound}"


def parse(argv):
    parser = argparse.ArgumentParser(prog="collectives.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--build", default=os.environ.get("TROUPE_BUILD", "build"), help="build folder (build)")
    add("--troupe", help="the command `troupe` (the build folder's)")
    add("--workers", type=int, default=4)
    add("--reducers", type=int, default=4)
    add("--rate", default="auto", help="of each link; auto: the highest at which the links are the bound (auto)")
    add("--reducer-rate", help="of the reducers' links, where it differs")
    add("--unshaped", action="store_true", help="links that are not shaped: for latency")
    add("--loopback", action="store_true", help="no lab at all; needs no root")
    add("--congestion", help="TCP's congestion control in the lab")
    add("--sizes", default="8..64M", help="bytes: a list, or a range in steps of four (8..64M)")
    add("--rounds", type=int, default=5)
    add("--seconds", type=float, default=0.4, help="for each size, peer and round (0.4)")
    add("--min-iterations", type=int, default=3)
    add("--max-iterations", type=int, default=400)
    add("--timeout", type=float, default=300, help="seconds for a peer in a round (300)")
    add("--peers", type=lambda text: text.split(","), default=PEERS, help=",".join(PEERS))
    add("--mca", type=assignment, action="append", default=[], metavar="NAME=VALUE", help="a setting for Open MPI")
    add("--name", default="bench", help="the lab's name (bench)")
    add("--json", metavar="FILE", help="write everything there")
    add("--svg", metavar="FILE", help="plot there")
    args = parser.parse_args(argv)
    args.troupe = args.troupe or os.path.join(args.build, "cli", "troupe")
    unknown = set(args.peers) - set(PEERS)
    if unknown:
        parser.error(f"no peer {', '.join(sorted(unknown))}: there are {', '.join(PEERS)}")
    return args


def main(argv):
    args = parse(argv)
    # SIGTERM must not leave the lab behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        result, rows = measure(args)
    except (LabError, launch.PeerFailure) as problem:
        print(f"collectives.py: {problem}", file=sys.stderr)
        return 1
    title = headline(result)
    print(title + "\n" + report.table(rows, result["peers"]))
    if args.json:
        with open(args.json, "w") as file:
            json.dump(result, file, indent=1)
    if args.svg:
        with open(args.svg, "w") as file:
            file.write(plot.svg(rows, result["peers"], title))
    if max(result["busy"], default=0) > 0.05:
        print(f"The machine was not quiet: others took up to {100 * max(result['busy']):.0f} % of its CPU between the "
              "rounds. Times of small messages are too long.", file=sys.stderr)
    if result["calibration"] and result["calibration"]["bound"] != "links":
        print("The CPU bound this run, not the links: it is NOT a result.", file=sys.stderr)
        return 3
    return 1 if result["failures"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
