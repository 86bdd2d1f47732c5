"""bench/versions.py: its verdicts on made-up figures, and what it reads from the programs that it runs. Nothing is timed."""
import contextlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from paths import ROOT

import versions

TIME = versions.Measure("time_ms", "a time", "ms")
RATE = versions.Measure("rate", "a rate", "/s", higher_is_better=True)


def rounds(key, *triples):
    return [{name: {key: value} for name, value in zip(("old", "new", "again"), triple)} for triple in triples]


class Verdicts(unittest.TestCase):
    def test_a_difference_within_the_spread_of_old_against_old_is_none(self):
        row = versions.compare(TIME, rounds("time_ms", (100, 102, 97), (100, 103, 104), (100, 101, 103)))
        self.assertEqual(row["verdict"], "same")
        self.assertAlmostEqual(row["oldAgainstOld"][1], 1.04)

    def test_a_time_that_grows_by_more_than_the_spread_is_slower(self):
        row = versions.compare(TIME, rounds("time_ms", (100, 103, 100), (100, 103, 101)))
        self.assertEqual(row["verdict"], "slower")
        self.assertGreater(row["cost"], 1.02)

    def test_five_percent_are_slower_whatever_the_spread(self):
        self.assertEqual(versions.compare(TIME, rounds("time_ms", (100, 110, 90), (100, 110, 120)))["verdict"], "slower")

    def test_a_rate_that_falls_is_slower_and_one_that_grows_is_faster(self):
        self.assertEqual(versions.compare(RATE, rounds("rate", (200, 100, 201)))["verdict"], "slower")
        row = versions.compare(RATE, rounds("rate", (200, 400, 201)))
        self.assertEqual(row["verdict"], "faster")
        self.assertAlmostEqual(row["cost"], 0.5, places=2)

    def test_a_drift_of_the_machine_cancels_out(self):
        row = versions.compare(TIME, rounds("time_ms", (100, 110, 121), (121, 133.1, 146.41)))
        self.assertAlmostEqual(row["cost"], 1)
        self.assertEqual(row["verdict"], "same")


class Command(unittest.TestCase):
    def run_main(self, figures, *arguments):
        """Runs it on two directories that look like builds, with made-up figures; (exit status, output, JSON)."""
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for build in ("old", "new"):
                for program in versions.PROGRAMS:
                    (folder / build / program).parent.mkdir(parents=True)
                    (folder / build / program).touch()
            command = ["versions.py", "--old", str(folder / "old"), "--new", str(folder / "new"), "--out", str(folder / "out.json"),
                       *arguments]
            printed = io.StringIO()
            with mock.patch.object(versions, "measure", lambda build: figures(build.name)), mock.patch.object(sys, "argv", command), \
                    contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
                status = versions.main()
            return status, printed.getvalue(), json.loads((folder / "out.json").read_text())

    def test_equal_builds_are_the_same_in_every_measure(self):
        status, printed, written = self.run_main(lambda build: {m.key: 10.0 for m in versions.MEASURES}, "--quick")
        self.assertEqual(status, 0)
        self.assertEqual([row["verdict"] for row in written["rows"]], ["same"] * len(versions.MEASURES))
        self.assertEqual(len(written["rounds"]), 3)
        self.assertIn("| submit to first line | 10.0 ms | 10.0 ms | 1.000 | 1.000 .. 1.000 | 1.000 .. 1.000 | same |", printed)

    def test_a_slower_build_fails(self):
        status, printed, _ = self.run_main(
            lambda build: {m.key: 20.0 if build == "new" and m.key == "suggest_ms" else 10.0 for m in versions.MEASURES}, "--runs=2")
        self.assertEqual(status, 1)
        self.assertEqual([line.split("|")[1].strip() for line in printed.splitlines() if "| slower |" in line], ["suggest at 100 trials"])

    def test_a_directory_without_the_programs_is_refused(self):
        done = subprocess.run([sys.executable, os.path.join(ROOT, "bench", "versions.py"), "--old", "/nowhere", "--new", "/nowhere"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nowhere/cli/troupe", done.stderr)


class Programs(unittest.TestCase):
    """The programs give what versions.py reads."""

    def figures(self, name, *arguments):
        done = subprocess.run([sys.executable, os.path.join(ROOT, "bench", name), "--json", *arguments], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_start_latency(self):
        figures = self.figures("start_latency.py", "--jobs=2")
        self.assertGreater(figures["ended_ms"], figures["first_line_ms"])

    def test_burst(self):
        figures = self.figures("burst.py", "--jobs=4", "--clients=2")
        self.assertEqual(figures["failed"], 0)
        self.assertLess(figures["jobs_per_s"], figures["submissions_per_s"])


if __name__ == "__main__":
    unittest.main()
