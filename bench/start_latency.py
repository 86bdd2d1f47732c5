"""From submit to the first line of user code, on an idle one-machine cluster: each job is a shell one-liner that writes the
time it started to a file.

    python3 bench/start_latency.py [--jobs 50] [--json]

Prints median, p90 and maximum in ms, and the same for the whole time to SUCCEEDED. TROUPE_BUILD names another build directory.
"""

import argparse
import json
import pathlib
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "e2e"))
from cluster import ENDED, cluster, shell_job  # noqa: E402


def measure(running, jobs):
    """For each of `jobs` jobs, one after the other: ms from submit to its first line, and ms until it is seen to have ended."""
    first_line_ms, ended_ms = [], []
    with tempfile.TemporaryDirectory() as directory:
        for number in range(jobs):
            mark = pathlib.Path(directory) / str(number)
            submitted = time.time()
            job = running.api.create(shell_job(f"date +%s.%N > {mark}"))
            while running.api.get(job["name"])["state"] not in ENDED:
                time.sleep(0.002)
            ended_ms.append((time.time() - submitted) * 1000)
            first_line_ms.append((float(mark.read_text()) - submitted) * 1000)
    return first_line_ms, ended_ms


def summary(name, values):
    ordered = sorted(values)
    print(f"{name:34} median {statistics.median(ordered):7.1f} ms   p90 {ordered[int(len(ordered) * 0.9)]:7.1f} ms   "
          f"max {ordered[-1]:7.1f} ms   n={len(ordered)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=50)
    parser.add_argument("--json", action="store_true", help="print one line of JSON with the medians instead")
    options = parser.parse_args()
    with cluster() as running:
        first_line_ms, ended_ms = measure(running, options.jobs)
    if options.json:
        print(json.dumps({"first_line_ms": statistics.median(first_line_ms), "ended_ms": statistics.median(ended_ms)}))
        return
    summary("submit -> first line of user code", first_line_ms)
    summary("submit -> SUCCEEDED, as polled", ended_ms)


if __name__ == "__main__":
    main()
