"""`troupe bench` with real reducers and ranks over loopback: its figures are right, and no process is left."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

from cluster import TROUPE, is_running, wait_for

SMALL = ["-n", "2", "-w", "1"]


def bench(*arguments, code=0, env=None):
    """Runs the command; returns (stdout, stderr)."""
    done = subprocess.run([TROUPE, "bench", *map(str, arguments)], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, env=env)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout, done.stderr


def rows(text):
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def children(pid):
    """Process ids of all that `pid` has started."""
    return [int(child) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()]


class Bench(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="troupe-bench-")
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def test_allreduce_prints_a_table_and_writes_json_and_a_plot(self):
        figures, plot = self.directory / "figures.json", self.directory / "plot.svg"
        out, err = bench("allreduce", "--ranks", 2, "--reducers", 1, "-b", 8, "-e", "1M", "-f", 8, *SMALL,
                         "--link", "1gbit", "--json", figures, "--plot", plot)
        self.assertEqual(err, "")
        table = rows(out)
        self.assertEqual([int(row[0]) for row in table], [8 * 8**i for i in range(6)])
        for row in table:
            self.assertEqual(len(row), 19, row)
            self.assertEqual((row[2:5], row[8], row[12]), (["float", "sum", "-1"], "0", "0"))
        self.assertIn("# Out of bounds values : 0 OK", out)

        report = json.loads(figures.read_text())
        self.assertEqual((report["ranks"], report["reducers"], report["wrong"]), (2, 1, 0))
        self.assertEqual([row["sizeBytes"] for row in report["results"]], [int(row[0]) for row in table])
        last = report["results"][-1]["inPlace"]
        self.assertAlmostEqual(last["algbwGBs"], 262144 / last["timeUs"] / 1e3)
        self.assertEqual(len(report["cpuSeconds"]["reducers"]), 1)
        self.assertEqual(len(report["cpuSeconds"]["otherRanks"]), 1)
        self.assertFalse([name for name in report["environment"]["variables"] if "TOKEN" in name])
        xml.etree.ElementTree.parse(plot)

    def test_results_are_right_for_types_and_operators(self):
        for kind, op in [("half", "avg"), ("bfloat16", "sum"), ("double", "prod"), ("int32", "min"), ("int64", "max"),
                         ("int8", "sum"), ("uint8", "avg")]:
            out, _ = bench("allreduce", "--ranks", 3, "--reducers", 2, "-b", "60K", "-e", "60K", "-d", kind, "-o", op,
                           *SMALL)
            self.assertEqual([(row[2:4], row[8], row[12]) for row in rows(out)], [([kind, op], "0", "0")])

    def test_the_other_collectives_give_right_results(self):
        for name, flags in [("reduce-scatter", []), ("allgather", ["-d", "half"]), ("broadcast", ["-r", 1])]:
            out, _ = bench(name, "--ranks", 2, "--reducers", 1, "-b", 8, "-e", "100K", "-f", 100, *SMALL, *flags)
            self.assertEqual(len(rows(out)), 3)
            self.assertIn("# Out of bounds values : 0 OK", out)
        out, _ = bench("barrier", "--ranks", 2, "--reducers", 1, *SMALL)
        self.assertEqual(rows(out)[0][:5], ["0", "0", "none", "none", "-1"])

    def test_ranks_combine_alone_without_reducers(self):
        out, _ = bench("allreduce", "--ranks", 3, "--reducers", 0, "-b", 8, "-e", "100K", "-f", 100, *SMALL)
        self.assertIn("# Out of bounds values : 0 OK", out)

    def test_a_rank_of_a_job_reports_missing_variables(self):
        _, err = bench("allreduce", code=2, env={name: value for name, value in os.environ.items() if name != "RANK"})
        self.assertIn("RANK is not set", err)
        _, err = bench("allreduce", code=1, env=os.environ | {"RANK": "0", "WORLD_SIZE": "2", "TROUPE_REDUCERS": "", "TROUPE_HUB": ""})
        self.assertIn("TROUPE_REDUCERS is not set", err)

    def test_no_process_is_left_whichever_signal_ends_it(self):
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGKILL:
            with subprocess.Popen([TROUPE, "bench", "allreduce", "--ranks", "2", "--reducers", "2", "-n", "1000000",
                                   "-b", "8", "-e", "8"], stdout=subprocess.PIPE, text=True,
                                  start_new_session=True) as command:
                self.addCleanup(command.kill)
                while not command.stdout.readline().startswith("#   "):
                    self.assertIsNone(command.poll())
                started = children(command.pid)
                self.assertEqual(len(started), 3)
                command.send_signal(number)
                self.assertEqual(command.wait(20), -number)
                wait_for("all to be gone", lambda: not any(map(is_running, started)))


if __name__ == "__main__":
    unittest.main()
