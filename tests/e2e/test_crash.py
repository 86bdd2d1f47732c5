"""kill -9 of the whole control plane (controller and agent in one process) at many moments of a burst of jobs: after the
restart every acknowledged job ends exactly once, and its program ran to its end exactly once."""

import collections
import concurrent.futures
import pathlib
import random
import tempfile
import threading
import time
import unittest
import urllib.error

from cluster import Cluster, shell_job, wait_for

KILL_POINTS = 20
JOBS_PER_ROUND = 12


class Crash(unittest.TestCase):
    def test_no_acknowledged_job_is_lost_or_ends_twice(self):
        chance = random.Random(7)
        with tempfile.TemporaryDirectory(prefix="troupe-crash-") as directory:
            done = pathlib.Path(directory) / "done"
            done.mkdir()
            running = Cluster(pathlib.Path(directory) / "data")
            acknowledged, ends = [], collections.defaultdict(set)
            running.start()
            try:
                for point in range(KILL_POINTS):
                    acknowledged += self.round(running, done, point, chance.uniform(0.0, 0.5))
                    running.start()
                    self.watch(running, acknowledged, ends)
                for name in acknowledged:
                    # Well below the minute after which a lost launch would be ordered again: none may be lost.
                    job = running.api.ended(name, 30)
                    self.assertEqual(job["state"], "JOB_STATE_SUCCEEDED", job)
                    ends[name].add((job["state"], job["endTime"]))
                # One end each, the same in every answer.
                self.assertEqual({name: len(seen) for name, seen in ends.items() if len(seen) != 1}, {})
                # Each program wrote one line at its end; a second line would be a second run.
                for name in acknowledged:
                    number = name.rsplit("/", 1)[1]
                    self.assertEqual((done / number).read_text().splitlines(), ["ran"],
                                     f"{number}: " + "; ".join(map(str, running.api.lines(name, "service"))))
                self.assertEqual(len(set(acknowledged)), len(acknowledged))
                wait_for("the last shims to go", lambda: not running.replica_processes())
            finally:
                running.kill()

    def round(self, running, done, point, delay):
        """Submits jobs from several threads, and kills the cluster after `delay`; returns the acknowledged ones."""
        names, stop = [], threading.Event()

        def submit():
            for _ in range(JOBS_PER_ROUND // 4):
                if stop.is_set():
                    return
                try:
                    job = running.api.create(shell_job(f'echo ran >> {done}/$CLOUD_ML_JOB_ID', name=f"point-{point}",
                                                       machine="custom-0.2-16"))
                    names.append(job["name"])
                except (OSError, urllib.error.URLError, ValueError):
                    return  # killed during the request: not acknowledged, so it may be lost

        with concurrent.futures.ThreadPoolExecutor(4) as clients:
            for _ in range(4):
                clients.submit(submit)
            time.sleep(delay)
            running.kill()
            stop.set()
        return names

    def watch(self, running, names, ends):
        for name in names:
            job = running.api.get(name)
            if job["state"] in ("JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED"):
                ends[name].add((job["state"], job["endTime"]))


if __name__ == "__main__":
    unittest.main()
