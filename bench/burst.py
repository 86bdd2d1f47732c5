"""Many one-replica `true` jobs submitted at once: jobs per second, and the time from submit to the end of each.

    python3 bench/burst.py [--jobs 200] [--clients 8] [--json]

TROUPE_BUILD names another build directory.
"""

import argparse
import concurrent.futures
import datetime
import json
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "e2e"))
from cluster import cluster, shell_job  # noqa: E402


def seconds(timestamp):
    return datetime.datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp()


def measure(running, jobs, clients):
    """Submits `jobs` jobs from `clients` threads. Gives the seconds until all were acknowledged, the seconds until the last
    one ended, and the ended jobs."""
    body = shell_job("true", machine="custom-0.1-16")
    body["jobSpec"]["workerPoolSpecs"][0]["containerSpec"] = {"imageUri": "host", "command": ["true"]}
    began = time.time()
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        names = [job["name"] for job in pool.map(lambda _: running.api.create(body), range(jobs))]
    accepted = time.time()
    ended = [running.api.ended(name, 300) for name in names]
    last = max(seconds(job["endTime"]) for job in ended)
    return accepted - began, last - began, ended


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--json", action="store_true", help="print one line of JSON instead")
    options = parser.parse_args()
    with cluster() as running:
        accepted_s, ended_s, jobs = measure(running, options.jobs, options.clients)
    failed = [job for job in jobs if job["state"] != "JOB_STATE_SUCCEEDED"]
    lives = sorted(seconds(job["endTime"]) - seconds(job["createTime"]) for job in jobs)
    if options.json:
        print(json.dumps({"failed": len(failed), "submissions_per_s": len(jobs) / accepted_s, "jobs_per_s": len(jobs) / ended_s}))
        return
    print(f"{len(jobs)} jobs: {len(failed)} failed; accepted in {accepted_s:.2f} s ({len(jobs) / accepted_s:.0f}/s); "
          f"all ended after {ended_s:.2f} s ({len(jobs) / ended_s:.1f} jobs/s)")
    print(f"submit -> end: median {statistics.median(lives):.2f} s, p99 {lives[int(len(lives) * 0.99)]:.2f} s, max {lives[-1]:.2f} s")


if __name__ == "__main__":
    main()
