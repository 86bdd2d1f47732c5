"""Compares two builds of Troupe: is the new one slower than the old one, by more than the old one differs from itself?

    python3 bench/versions.py --old /path/to/old/build --new build [--runs 10 | --quick] [--out versions.json]

Each round measures old, new, and old again, and compares new with the mean of the two. A measure's difference is the median
of that over the rounds; its noise is the range of "old again" against old. The verdict is `slower` where the difference is 5 %
or more, or lies outside of that range on the slow side. Exit status 1 if a measure is slower, 0 otherwise. Build both with the
same options, and let nothing else run meanwhile.

About 10 s for each build and round; ten rounds take five minutes, --quick (three rounds) a minute and a half.
"""

import argparse
import dataclasses
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SLOWER_MAX = 0.05
PROGRAMS = ("cli/troupe", "runtime/troupe-shim", "bench/tuner/tune-speed")


@dataclasses.dataclass(frozen=True)
class Measure:
    key: str
    title: str
    unit: str
    higher_is_better: bool = False


MEASURES = [
    Measure("first_line_ms", "submit to first line", "ms"),
    Measure("jobs_per_s", "jobs to their end", "/s", higher_is_better=True),
    Measure("submissions_per_s", "REST submissions", "/s", higher_is_better=True),
    Measure("suggest_ms", "suggest at 100 trials", "ms"),
    Measure("allreduce_8b_us", "all-reduce of 8 B", "us"),
    Measure("allreduce_16m_us", "all-reduce of 16 MiB", "us"),
]


def output_of(build, command):
    done = subprocess.run([str(part) for part in command], env={**os.environ, "TROUPE_BUILD": str(build)},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        sys.exit(f"versions.py: {' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr or done.stdout}")
    return done.stdout


def allreduce_us(build, size, iterations, warmup):
    """The median time of an all-reduce in place, of two ranks and a reducer over loopback."""
    with tempfile.TemporaryDirectory() as directory:
        report = pathlib.Path(directory) / "report.json"
        output_of(build, [build / "cli" / "troupe", "bench", "allreduce", "--ranks", 2, "--reducers", 1, "-b", size, "-e", size,
                          "-n", iterations, "-w", warmup, "-c", 0, "--in-place", "--json", report])
        return json.loads(report.read_text())["results"][0]["inPlace"]["p50Us"]


def measure(build):
    """All measures of one build, by key."""
    latency = json.loads(output_of(build, [sys.executable, HERE / "start_latency.py", "--jobs", 100, "--json"]))
    burst = json.loads(output_of(build, [sys.executable, HERE / "burst.py", "--jobs", 300, "--json"]))
    if burst["failed"]:
        sys.exit(f"versions.py: {burst['failed']} jobs of the burst failed with {build}")
    suggest = json.loads(output_of(build, [build / "bench" / "tuner" / "tune-speed", "--trials", 100, "--repeats", 20]))
    return {
        "first_line_ms": latency["first_line_ms"],
        "jobs_per_s": burst["jobs_per_s"],
        "submissions_per_s": burst["submissions_per_s"],
        "suggest_ms": suggest["median_ms"],
        "allreduce_8b_us": allreduce_us(build, "8", 10000, 500),
        "allreduce_16m_us": allreduce_us(build, "16M", 50, 5),
    }


def compare(kind, rounds):
    """The row of one measure. Ratios are costs: above 1 is slower, for times and for rates alike."""
    def cost(value, base):
        return base / value if kind.higher_is_better else value / base
    old, new, again = ([each[name][kind.key] for each in rounds] for name in ("old", "new", "again"))
    changes = [cost(value, math.sqrt(before * after)) for value, before, after in zip(new, old, again)]
    noise = [cost(value, base) for value, base in zip(again, old)]
    change = statistics.median(changes)
    # Old against old has no direction, so its range is as wide on either side.
    widest = max(max(ratio, 1 / ratio) for ratio in noise)
    if change >= 1 + SLOWER_MAX or change > widest:
        verdict = "slower"
    else:
        verdict = "faster" if change < 1 / widest else "same"
    return {"measure": kind.key, "title": kind.title, "unit": kind.unit, "old": statistics.median(old + again),
            "new": statistics.median(new), "cost": change, "costs": changes, "oldAgainstOld": noise, "verdict": verdict}


def spread(ratios):
    return f"{min(ratios):.3f} .. {max(ratios):.3f}"


def table(rows):
    """The comparison as a table in Markdown."""
    lines = ["| measure | old | new | new against old | its range | old against old | verdict |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        digits = 0 if row["old"] >= 1000 else 1
        lines.append(f"| {row['title']} | {row['old']:,.{digits}f} {row['unit']} | {row['new']:,.{digits}f} {row['unit']} | "
                     f"{row['cost']:.3f} | {spread(row['costs'])} | {spread(row['oldAgainstOld'])} | {row['verdict']} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=pathlib.Path, required=True, help="build directory of the old version")
    parser.add_argument("--new", type=pathlib.Path, required=True, help="build directory of the new version")
    parser.add_argument("--runs", type=int, default=10, help="rounds of old, new and old again")
    parser.add_argument("--quick", action="store_true", help="three rounds")
    parser.add_argument("--out", type=pathlib.Path, help="write everything that was measured to a JSON file")
    options = parser.parse_args()
    builds = {"old": options.old.resolve(), "new": options.new.resolve(), "again": options.old.resolve()}
    for build in builds.values():
        for program in PROGRAMS:
            if not (build / program).exists():
                sys.exit(f"versions.py: there is no {build / program}; build it: ninja -C {build} {program}")
    rounds = []
    for number in range(3 if options.quick else options.runs):
        rounds.append({name: measure(build) for name, build in builds.items()})
        print(f"round {number + 1}: " + json.dumps(rounds[-1]), file=sys.stderr, flush=True)
    rows = [compare(kind, rounds) for kind in MEASURES]
    print(table(rows))
    print(f"\n{len(rounds)} rounds; medians; ratios are costs: above 1, the new build is slower.")
    if options.out:
        options.out.write_text(json.dumps({"old": str(builds["old"]), "new": str(builds["new"]), "machine": platform.platform(),
                                           "cpus": os.cpu_count(), "rows": rows, "rounds": rounds}, indent=1) + "\n")
    return 1 if any(row["verdict"] == "slower" for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
