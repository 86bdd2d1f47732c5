"""The peers as real processes over loopback: right results, the JSON's fields, and how they fail."""
import contextlib
import io
import json
import os
import subprocess
import tempfile
import unittest

import paths

import collectives
import launch
from lab import Loopback

FIELDS = {"peer", "ranks", "size_bytes", "iterations", "median_us", "p50_us", "p99_us", "min_us", "max_us",
          "algbw_GBps", "wrong", "cpu_idle", "sent_factor"}


def program(peer):
    return os.path.join(paths.BUILD, "bench", "peers", "peer-" + peer)


class Ring(unittest.TestCase):
    def test_results_are_right_for_sizes_around_the_number_of_ranks(self):
        for workers in (1, 2, 3, 5):
            sizes = [4, 8, 20, 4 * (workers + 1), 100_000, 1_000_004]
            lines = launch.run_ranks(Loopback(workers), [
                program("ring"), "--sizes", ",".join(map(str, sizes)), "--max-iterations", "3",
                "--min-iterations", "3"], timeout_s=60)
            self.assertEqual([line["size_bytes"] for line in lines], sizes)
            for line in lines:
                self.assertEqual(set(line), FIELDS)
                self.assertEqual((line["wrong"], line["ranks"], line["iterations"]), (0, workers, 3))

    def test_a_rank_that_fails_ends_the_run(self):
        with self.assertRaisesRegex(launch.PeerFailure, "--sizes: 7: expected a multiple of 4"):
            launch.run_ranks(Loopback(2), [program("ring"), "--sizes", "7"], timeout_s=60)

    def test_a_peer_reports_an_error_without_a_launcher(self):
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PEER_")}
        done = subprocess.run([program("ring"), "--sizes", "8"], env=clean, capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("the environment has no PEER_MEETING", done.stderr)


class Table(unittest.TestCase):
    def test_every_peer_that_was_built_gives_all_fields(self):
        built = [peer for peer in ("troupe", "gloo", "ring") if os.path.exists(program(peer))]
        with tempfile.TemporaryDirectory() as folder:
            written = {kind: os.path.join(folder, kind) for kind in ("json", "svg")}
            with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.redirect_stderr(
                    io.StringIO()) as problems:
                status = collectives.main([
                    "--loopback", "--build", paths.BUILD, "--workers", "2", "--reducers", "2", "--sizes", "8,64K",
                    "--rounds", "1", "--timeout", "60", "--max-iterations", "3", "--peers", ",".join(built),
                    "--json", written["json"], "--svg", written["svg"]])
            self.assertEqual(status, 0, problems.getvalue())
            with open(written["json"]) as file:
                result = json.load(file)
            self.assertGreater(os.path.getsize(written["svg"]), 0)
        self.assertEqual({(row["peer"], row["size_bytes"]) for row in result["rows"]},
                         {(peer, size) for peer in built for size in (8, 65536)})
        self.assertTrue(all(row["wrong"] == 0 for row in result["rows"]))
        self.assertIn("2 workers, 2 reducers, this machine's loopback", shown.getvalue())


if __name__ == "__main__":
    unittest.main()
