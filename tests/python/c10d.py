"""The backend `troupe` of torch.distributed: three ranks and two reducers, all real processes.

Run by meson with TROUPE_LIB and REDUCTION_PEER set. Importing torch takes most of the time, so the ranks (c10d_rank.py)
are started once; each carries out all checks in turn and says how they went, and a test here is one check.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

RANKS, REDUCERS = 3, 2
RANK_PROGRAM = pathlib.Path(__file__).with_name("c10d_rank.py")


def run_ranks(directory):
    common = dict(os.environ, TROUPE_JOB="job-1", TROUPE_TOKEN="secret", TROUPE_ATTEMPT="0")
    peer = os.environ["REDUCTION_PEER"]
    reducer_env = dict(common, TROUPE_LISTEN="127.0.0.1:0", TROUPE_WORLD_SIZE=str(RANKS))
    processes = []
    try:
        for _ in range(REDUCERS):
            processes.append(subprocess.Popen([peer, "reducer"], env=reducer_env, stdout=subprocess.PIPE, text=True))
        ports = [reducer.stdout.readline().split()[1] for reducer in processes]
        rank_env = dict(
            common,
            TROUPE_REDUCERS=",".join(f"127.0.0.1:{port}" for port in ports),
            WORLD_SIZE=str(RANKS),
            STORES=directory,
            OMP_NUM_THREADS="1",
        )
        ranks = [
            subprocess.Popen(
                [sys.executable, str(RANK_PROGRAM)],
                env=dict(rank_env, RANK=str(rank)),
                stdout=subprocess.PIPE,
                text=True,
            )
            for rank in range(RANKS)
        ]
        processes += ranks
        outputs = [rank.communicate(timeout=150)[0] for rank in ranks]
        return outputs, [rank.returncode for rank in ranks]
    finally:
        for process in processes:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()


class Backend(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as directory:
            cls.outputs, cls.codes = run_ranks(directory)
        # Line by line, since a rank that fails may be cut short.
        cls.results = [
            dict(json.loads(line) for line in output.splitlines() if line.startswith("["))
            for output in cls.outputs
        ]

    def test_the_dead_rank_dies_and_the_others_end_well(self):
        self.assertEqual(self.codes, [0, 0, 7])


def add_test(name):
    def test(self):
        for rank, results in enumerate(self.results):
            if problem := results.get(name, "was not reached"):
                self.fail(f"rank {rank}: {problem}")

    setattr(Backend, f"test_{name}", test)


# The checks by their names in the program of a rank, which cannot be imported without torch.
for check in re.findall(r"^def check_(\w+)\(", RANK_PROGRAM.read_text(), re.MULTILINE):
    add_test(check)

if __name__ == "__main__":
    unittest.main()
