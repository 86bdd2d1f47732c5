"""The tuner's benchmark: both definitions of the tasks agree, runs repeat to the bit, and scores are right."""
import json
import os
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom

from paths import BUILD, ROOT

sys.path.insert(0, os.path.join(ROOT, "bench", "tuner"))

import anchors
import plots
import score
import tasks

PROGRAM = os.path.join(BUILD, "bench", "tuner", "tune-functions")


def tune(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], check=True, capture_output=True, text=True).stdout


def curves(*arguments):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "curves.json")
        tune("--out", path, *arguments)
        with open(path) as file:
            return json.load(file)


class Tasks(unittest.TestCase):
    """tasks.hpp in C++ and tasks.py give the same values."""

    def check(self, group, tolerance=1e-9):
        seen, functions = set(), {}
        for line in tune("--tasks", group, "--evaluate", 8, "--seeds", 2).splitlines():
            found = json.loads(line)
            key = found["task"], found["seed"]
            if key not in functions:
                functions[key] = tasks.ALL[key[0]].make(key[1])
            active = {p.id for p in tasks.ALL[key[0]].parameters if p.active(found["point"])}
            self.assertEqual(active, set(found["point"]), key)
            values = functions[key](found["point"])
            values = values if isinstance(values, tuple) else (values,)
            self.assertEqual(len(values), len(found["values"]))
            for own, other in zip(values, found["values"]):
                self.assertLessEqual(abs(own - other), tolerance * max(1, abs(own)), found)
            seen.add(key[0])
        self.assertEqual(seen, set(tasks.GROUPS[group]))

    def test_public_tasks_agree(self):
        self.check("public", 1e-6)  # one of them solves a linear system that is nearly singular

    def test_held_out_tasks_agree(self):
        self.check("holdout")

    def test_conditional_tasks_agree(self):
        self.check("conditional", 1e-6)

    def test_tasks_with_two_objectives_agree(self):
        self.check("fronts")

    def test_the_minimum_is_zero(self):
        point = {f"x{i}": x for i, x in enumerate((0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573))}
        self.assertAlmostEqual(tasks.PUBLIC["hartmann6"].make(0)(point), 0, places=5)
        self.assertAlmostEqual(tasks.hartmann3([0.114614, 0.555649, 0.852547]), 0, places=5)
        self.assertAlmostEqual(tasks.PUBLIC["branin2"].make(0)({"x0": 3.14159265, "x1": 2.275}), 0, places=5)
        self.assertEqual(tasks.PUBLIC["rosenbrock5"].make(0)({f"x{i}": 1 for i in range(5)}), 0)
        best = {"f0": 1, "f1": 1, "d0": 1, "d1": 1, "i0": 1, "i1": 1, "c": "corner"}
        self.assertGreaterEqual(tasks.simplekd(best), 0)

    def test_an_unknown_task_is_refused_by_name(self):
        done = subprocess.run([PROGRAM, "--tasks", "branin3", "--out", os.devnull], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("branin3", done.stderr)


class Runs(unittest.TestCase):
    def test_the_same_seed_gives_the_same_curves(self):
        first, second = [curves("--tasks", "branin2,simplekd7,tree", "--seeds", 2, "--trials", 12) for _ in range(2)]
        self.assertEqual(first, second)
        self.assertEqual({task: [len(run) for run in runs] for task, runs in first.items()},
                         dict.fromkeys(("branin2", "simplekd7", "tree"), [12, 12]))
        self.assertNotEqual(first["branin2"][0], first["branin2"][1])

    def test_batches_workers_noise_and_failures_give_full_curves(self):
        for how in (("--batch", 4), ("--workers", 4), ("--failures", 0.3), ("--noise", 0.1)):
            runs = curves("--tasks", "branin2", "--seeds", 1, "--trials", 10, *how)["branin2"]
            self.assertEqual(len(runs[0]), 10, how)

    def test_two_objectives_give_two_values(self):
        values = curves("--tasks", "zdt1", "--seeds", 1, "--trials", 6)["zdt1"][0]
        self.assertEqual([len(point) for point in values], [2] * 6)


class Scores(unittest.TestCase):
    def test_the_best_so_far_never_rises(self):
        self.assertEqual(score.best_so_far([3, 4, 2, 5]), [3, 3, 2, 2])

    def test_quartiles_are_interpolated(self):
        self.assertEqual(score.quartiles([4, 1, 3, 2, 5]), (2, 3, 4))
        self.assertEqual(score.quantile([0, 10], 0.25), 2.5)

    def test_score_has_a_floor(self):
        random = {"t": [[10], [10], [20]]}
        self.assertAlmostEqual(score.score({"t": [[1], [0.1]]}, random, 1), -1.5)
        self.assertAlmostEqual(score.score({"t": [[0], [0]]}, random, 1), -3)
        self.assertAlmostEqual(score.score(random, random, 1), 0.1003433, places=6)

    def test_the_win_rate_counts_ties_half(self):
        self.assertEqual(score.win_rate([[1], [2]], [[2], [3]], 1), 0.875)
        self.assertEqual(score.win_rate([[0]], [[-1e-16]], 1), 0.5)

    def test_the_probability_of_chance_is_small_for_a_clear_difference(self):
        low, high = [[float(i)] for i in range(10)], [[20.0 + i] for i in range(10)]
        self.assertLess(score.chance_of_no_difference(low, high, 1), 1e-3)
        self.assertGreater(score.chance_of_no_difference(high, low, 1), 0.999)
        self.assertEqual(score.chance_of_no_difference([[1.0]] * 5, [[1.0]] * 5, 1), 0.5)
        # Five above five: the normal approximation of U = 0 with its correction, z = -2.507.
        self.assertAlmostEqual(score.chance_of_no_difference(low[:5], high[:5], 1), 0.0061, places=4)

    def test_the_log_efficiency_is_zero_for_the_same_curves_and_antisymmetric(self):
        base = [[100.0 / (i + 1) for i in range(100)]]
        fast = [[100.0 / (2 * (i + 1)) for i in range(100)]]
        self.assertAlmostEqual(score.log_efficiency(base, base), 0)
        self.assertLess(score.trials_needed(base, fast), 0.6)
        self.assertAlmostEqual(score.log_efficiency(base, fast), -score.log_efficiency(fast, base))

    def test_flat_parts_are_slanted_to_the_next_drop(self):
        self.assertEqual(score.slanted([4, 4, 2, 2, 2]), [4, 3, 2, 2, 2])

    def test_the_hypervolume_counts_only_points_before_the_corner(self):
        self.assertEqual(score.hypervolume([(1, 2), (2, 1), (3, 3), (2, 2)], (4, 4)), 8)
        self.assertEqual(score.hypervolume([(5, 0)], (4, 4)), 0)
        self.assertEqual(score.missing_hypervolume([(2, 2), (3, 3), (0, 0)], (4, 4), 16), [0.75, 0.75, 0])


class Files(unittest.TestCase):
    def test_stored_curves_have_every_task_with_100_trials(self):
        for name in ("random", "vizier-spec", "optuna-gp"):
            kept = anchors.curves(name)
            self.assertEqual(set(kept), set(tasks.PUBLIC))
            self.assertTrue(all(len(run) == 100 for runs in kept.values() for run in runs))

    def test_a_plot_is_xml(self):
        runs = [[10.0 / (i + 1) for i in range(100)], [5.0 / (i + 1) for i in range(100)], [0.0] * 100]
        drawn = plots.svg({"task": {"one": runs, "two": runs[:2]}, "other": {"one": runs}}, "Title")
        self.assertEqual(xml.dom.minidom.parseString(drawn).documentElement.tagName, "svg")


if __name__ == "__main__":
    unittest.main()
