"""From submit to the first line of user code, on an idle one-machine cluster: each job is a shell one-liner that writes the
time it started to a file.

    python3 bench/start_latency.py [--jobs 50]

Prints median, p90 and maximum in ms, and the same for the full way to SUCCEEDED.
"""

import argparse
import pathlib
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "e2e"))
from cluster import cluster, shell_job  # noqa: E402


def summary(name, values):
    ordered = sorted(values)
    print(f"{name:34} median {statistics.median(ordered):7.1f} ms   p90 {ordered[int(len(ordered) * 0.9)]:7.1f} ms   "
          f"max {ordered[-1]:7.1f} ms   n={len(ordered)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=50)
    jobs = parser.parse_args().jobs
    first_line, whole = [], []
    with cluster() as running, tempfile.TemporaryDirectory() as directory:
        for number in range(jobs):
            mark = pathlib.Path(directory) / str(number)
            submitted = time.time()
            job = running.api.create(shell_job(f"date +%s.%N > {mark}"))
            while running.api.get(job["name"])["state"] not in ("JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED"):
                time.sleep(0.002)
            whole.append((time.time() - submitted) * 1000)
            first_line.append((float(mark.read_text()) - submitted) * 1000)
    summary("submit -> first line of user code", first_line)
    summary("submit -> SUCCEEDED, as polled", whole)


if __name__ == "__main__":
    main()
