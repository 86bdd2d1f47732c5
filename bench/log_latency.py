"""How long after a replica writes a line `troupe custom-jobs stream-logs` prints it, on an idle one-machine cluster.

    python3 bench/log_latency.py [--lines 40]
"""

import argparse
import pathlib
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "e2e"))
from cluster import TROUPE, cluster, shell_job  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=40)
    lines = parser.parse_args().lines
    late = []
    with cluster() as running:
        job = running.api.create(shell_job(f"for i in $(seq {lines}); do echo written $(date +%s.%N); sleep 0.13; done"))
        follower = subprocess.Popen([TROUPE, "--data", running.data, "custom-jobs", "stream-logs", job["name"]],
                                    stdout=subprocess.PIPE, text=True)
        for line in follower.stdout:
            if "written" in line:
                late.append((time.time() - float(line.split()[-1])) * 1000)
        follower.wait()
    late.sort()
    print(f"written -> printed by stream-logs: median {statistics.median(late):.0f} ms, "
          f"p90 {late[int(len(late) * 0.9)]:.0f} ms, max {late[-1]:.0f} ms, n={len(late)}")


if __name__ == "__main__":
    main()
