"""Many one-replica `true` jobs submitted at once: jobs per second, and the time from submit to the end of each.

    python3 bench/burst.py [--jobs 200] [--clients 8]
"""

import argparse
import concurrent.futures
import datetime
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "e2e"))
from cluster import ENDED, cluster, shell_job  # noqa: E402


def seconds(timestamp):
    return datetime.datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--clients", type=int, default=8)
    options = parser.parse_args()
    body = shell_job("true", machine="custom-0.1-16")
    body["jobSpec"]["workerPoolSpecs"][0]["containerSpec"] = {"imageUri": "host", "command": ["true"]}
    with cluster() as running:
        began = time.time()
        with concurrent.futures.ThreadPoolExecutor(options.clients) as clients:
            names = [job["name"] for job in clients.map(lambda _: running.api.create(body), range(options.jobs))]
        accepted = time.time()
        jobs = [running.api.ended(name, 300) for name in names]
        assert all(job["state"] in ENDED for job in jobs)
        failed = [job for job in jobs if job["state"] != "JOB_STATE_SUCCEEDED"]
        lives = sorted(seconds(job["endTime"]) - seconds(job["createTime"]) for job in jobs)
        last = max(seconds(job["endTime"]) for job in jobs)
    print(f"{options.jobs} jobs: {len(failed)} failed; accepted in {accepted - began:.2f} s "
          f"({options.jobs / (accepted - began):.0f}/s); all ended after {last - began:.2f} s "
          f"({options.jobs / (last - began):.1f} jobs/s)")
    print(f"submit -> end: median {statistics.median(lives):.2f} s, p99 {lives[int(len(lives) * 0.99)]:.2f} s, max {lives[-1]:.2f} s")


if __name__ == "__main__":
    main()
