"""Vizier's API on a real cluster: a program that tunes itself asks for suggestions and reports results."""

import concurrent.futures
import contextlib
import math
import pathlib
import subprocess
import sys
import tempfile
import unittest

from cluster import PARENT, ROOT, ApiError, Cluster, ClusterTest

sys.path.insert(0, str(ROOT / "examples/vizier"))
import vizier  # noqa: E402  (the example is the client under test)

MINIMIZE = [{"metricId": "loss", "goal": "MINIMIZE"}]
X = {"parameterId": "x", "doubleValueSpec": {"minValue": 0, "maxValue": 1}}


def spec(**more):
    return {"metrics": MINIMIZE, "parameters": [X], **more}


def client_of(running):
    return vizier.Client(running.api.endpoint, running.api.token)


def loss(trial):
    return (vizier.parameters_of(trial)["x"] - 0.3) ** 2


class Studies(ClusterTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client = client_of(cls.cluster)

    def study(self, **more):
        return vizier.Study.create(self.client, self.id(), spec(**more))

    def refused(self, code, call, *parts):
        with self.assertRaises(vizier.ApiError) as problem:
            call()
        self.assertEqual(problem.exception.code, code, problem.exception)
        for part in parts:
            self.assertIn(part, str(problem.exception))

    def test_a_client_finds_the_minimum_of_a_function(self):
        study = self.study()
        self.assertEqual(study.resource["state"], "ACTIVE")
        for _ in range(12):
            [trial] = study.suggest("me")
            self.assertEqual((trial["state"], trial["clientId"]), ("ACTIVE", "me"))
            ended = study.complete(trial, {"loss": loss(trial)}, step=1)
            self.assertEqual(ended["state"], "SUCCEEDED")
        self.assertEqual([t["id"] for t in study.trials()], [str(n) for n in range(1, 13)])
        [best] = study.optimal()
        self.assertLess(vizier.metrics_of(best)["loss"], 0.005)
        self.assertEqual(best, min(study.trials(), key=loss))
        self.refused("ALREADY_EXISTS", self.study, study.name)
        found = vizier.Study.lookup(self.client, self.id())
        self.assertEqual(found.name, study.name)
        study.delete()
        self.refused("NOT_FOUND", study.trials, study.name)
        self.refused("NOT_FOUND", lambda: vizier.Study.lookup(self.client, self.id()), self.id())

    def test_clients_share_a_study_and_keep_their_trials(self):
        study = self.study()
        first, second = study.suggest("a", 2), study.suggest("b")
        self.assertEqual([t["id"] for t in first], ["1", "2"])
        self.assertEqual([t["id"] for t in second], ["3"])
        self.assertEqual([t["name"] for t in study.suggest("a", 2)], [t["name"] for t in first])
        study.complete(first[0], {"loss": 1})
        again = study.suggest("a", 2)
        self.assertIn(first[1]["name"], [t["name"] for t in again])
        self.assertNotIn(first[0]["name"], [t["name"] for t in again])
        points = [vizier.parameters_of(t)["x"] for t in study.trials()]
        self.assertEqual(len(set(points)), len(points))

    def test_many_clients_at_once_get_different_trials(self):
        study = self.study(algorithm="RANDOM_SEARCH")

        def work(client):
            done = []
            for _ in range(4):
                [trial] = study.suggest(client)
                done.append(study.complete(trial, {"loss": loss(trial)})["id"])
            return done

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            done = [number for some in pool.map(work, "abcdefgh") for number in some]
        self.assertEqual(sorted(map(int, done)), list(range(1, 33)))
        self.assertEqual({t["state"] for t in study.trials()}, {"SUCCEEDED"})
        self.assertEqual(study.optimal(), [min(study.trials(), key=loss)])

    def test_a_trial_that_a_client_created_is_suggested_first(self):
        study = self.study()
        own = self.client.call("POST", f"{study.name}/trials", {"parameters": [{"parameterId": "x", "value": 0.25}]})
        self.assertEqual(own["state"], "REQUESTED")
        [trial] = study.suggest("me")
        self.assertEqual(trial["name"], own["name"])
        self.assertEqual((vizier.parameters_of(trial), trial["state"]), ({"x": 0.25}, "ACTIVE"))

    def test_the_measurements_decide_if_there_is_no_final_one(self):
        study = self.study(measurementSelectionType="BEST_MEASUREMENT")
        [trial] = study.suggest("me")
        for step, value in ((1, 0.5), (2, 0.1), (3, 0.4)):
            measured = study.measure(trial, step, {"loss": value})
        self.assertEqual([m["stepCount"] for m in measured["measurements"]], ["1", "2", "3"])
        ended = study.complete(trial)
        self.assertEqual(vizier.metrics_of(ended), {"loss": 0.1})
        [trial] = study.suggest("me")
        ended = study.complete(trial)
        self.assertEqual(ended["state"], "INFEASIBLE")
        self.assertTrue(ended["infeasibleReason"])
        [trial] = study.suggest("me")
        ended = study.infeasible(trial, "out of memory")
        self.assertEqual((ended["state"], ended["infeasibleReason"]), ("INFEASIBLE", "out of memory"))

    def test_a_bad_trial_is_stopped_and_says_why(self):
        study = self.study(medianAutomatedStoppingSpec={})
        for value in (0.1, 0.2, 0.15, 0.3, 0.25):
            [trial] = study.suggest("me")
            for step in range(1, 6):
                study.measure(trial, step, {"loss": value + 1 / step})
            study.complete(trial)
        good, bad = study.suggest("good") + study.suggest("bad")
        for step in range(1, 4):
            study.measure(good, step, {"loss": 1 / step})
            study.measure(bad, step, {"loss": 9 + 1 / step})
        self.assertFalse(study.should_stop(good))
        operation = self.client.call("POST", f"{bad['name']}:checkTrialEarlyStoppingState", {})
        answer = self.client.result(operation)
        self.assertTrue(answer["shouldStop"])
        self.assertIn("median", answer["stoppingReason"])
        stopped = self.client.call("POST", f"{bad['name']}:stop", {})
        self.assertEqual(stopped["state"], "STOPPING")
        ended = study.complete(bad)
        self.assertEqual(ended["state"], "SUCCEEDED")
        # A predicted value never counts as measured.
        self.assertEqual(len(ended["measurements"]), 3)
        self.assertAlmostEqual(vizier.metrics_of(ended)["loss"], 9 + 1 / 3)
        self.assertIn("median", ended["stoppingReason"])

    def test_the_optimal_trials_of_two_objectives_are_their_front(self):
        study = vizier.Study.create(self.client, self.id(), {
            "metrics": [{"metricId": "loss", "goal": "MINIMIZE"}, {"metricId": "speed", "goal": "MAXIMIZE"}],
            "parameters": [X]})
        for measured in ({"loss": 1, "speed": 1}, {"loss": 2, "speed": 3}, {"loss": 3, "speed": 2}, {"loss": 0.5, "speed": 0}):
            [trial] = study.suggest("me")
            study.complete(trial, measured)
        self.assertEqual([t["id"] for t in study.optimal()], ["1", "2", "4"])

    def test_a_study_is_completed_when_its_grid_is_exhausted(self):
        study = vizier.Study.create(self.client, self.id(), {
            "metrics": MINIMIZE, "algorithm": "GRID_SEARCH",
            "parameters": [{"parameterId": "x", "integerValueSpec": {"minValue": 1, "maxValue": 3}}]})
        seen = []
        for trial in study.suggest("me", 3):
            seen.append(vizier.parameters_of(trial)["x"])
            study.complete(trial, {"loss": 1})
        self.assertEqual(sorted(seen), [1, 2, 3])
        self.assertEqual(study.suggest("me"), [])
        self.assertEqual(self.client.call("GET", study.name)["state"], "COMPLETED")

    def test_invalid_studies_are_refused(self):
        def refuse(study, *parts):
            self.refused("INVALID_ARGUMENT", lambda: vizier.Study.create(self.client, "x", study), *parts)

        def double(low, high, **more):
            return {"parameterId": "x", "doubleValueSpec": {"minValue": low, "maxValue": high}, **more}

        refuse({"metrics": MINIMIZE, "parameters": [X, X]}, "parameters[1]", "x")
        refuse({"metrics": MINIMIZE * 2, "parameters": [X]}, "metrics[1]", "loss")
        refuse({"metrics": MINIMIZE, "parameters": []}, "parameters")
        refuse({"metrics": [], "parameters": [X]}, "metrics")
        refuse(spec(parameters=[double(1, 0)]), "parameters[0]", "minValue", "maxValue")
        refuse(spec(parameters=[double(0, 1, scaleType="UNIT_LOG_SCALE")]), "parameters[0]", "logarithmic scale from 0")
        refuse(spec(parameters=[double(-1, 1, scaleType="UNIT_REVERSE_LOG_SCALE")]), "parameters[0]")
        refuse(spec(algorithm="GRID_SEARCH"), "GRID_SEARCH", "x")
        refuse(spec(parameters=[{"parameterId": "x", "discreteValueSpec": {"values": [2, 1]}}]), "parameters[0]")
        refuse(spec(parameters=[{"parameterId": "a b", "integerValueSpec": {"minValue": 1, "maxValue": 2}}]), "a b")
        child = {"parentCategoricalValues": {"values": ["sgd"]}, "parameterSpec": {**X, "parameterId": "m"}}
        parent = {"parameterId": "opt", "categoricalValueSpec": {"values": ["sgd", "adam"]}}
        refuse(spec(parameters=[{**parent, "conditionalParameterSpecs": [child, child]}]), "conditionalParameterSpecs[1]", "m")
        refuse(spec(parameters=[{**parent, "conditionalParameterSpecs": [
            {**child, "parentCategoricalValues": {"values": ["rmsprop"]}}]}]), "rmsprop")
        refuse(spec(medianAutomatedStoppingSpec={}, decayCurveStoppingSpec={}), "decayCurveStoppingSpec")
        refuse({**spec(), "colour": "red"}, "colour")
        refuse(spec(transferLearningConfig={"priorStudyNames": [f"{PARENT[4:]}/studies/9"]}), "priorStudyNames[0]", "studies/9")
        self.refused("INVALID_ARGUMENT", lambda: vizier.Study.create(self.client, "", spec()), "displayName")

    def test_invalid_measurements_are_refused(self):
        study = self.study()
        [trial] = study.suggest("me")
        study.measure(trial, 5, {"loss": 1})

        def refuse(code, call, *parts):
            self.refused(code, call, *parts)

        refuse("INVALID_ARGUMENT", lambda: study.measure(trial, 4, {"loss": 1}), "5")
        refuse("INVALID_ARGUMENT", lambda: study.measure(trial, 5, {"loss": 1}), "5")
        refuse("INVALID_ARGUMENT", lambda: study.measure(trial, -1, {"loss": 1}), "stepCount")
        refuse("INVALID_ARGUMENT", lambda: study.measure(trial, 6, {"speed": 1}), "speed")
        refuse("INVALID_ARGUMENT", lambda: study.measure(trial, 6, {}), "metrics")
        for value in ("NaN", "Infinity", "-Infinity"):
            refuse("INVALID_ARGUMENT", lambda v=value: study.measure(trial, 6, {"loss": v}), "loss", "finite")
            refuse("INVALID_ARGUMENT", lambda v=value: study.complete(trial, {"loss": v}), "loss", "finite")
        refuse("INVALID_ARGUMENT", lambda: study.complete(trial, {"speed": 1}), "speed")
        # Python's JSON module writes NaN without quotes, which is invalid JSON.
        refuse("INVALID_ARGUMENT", lambda: study.measure(trial, 6, {"loss": math.nan}), "request body:1:")
        self.assertEqual(len(self.client.call("GET", trial["name"])["measurements"]), 1)
        study.complete(trial, {"loss": 0.5}, step=6)
        refuse("FAILED_PRECONDITION", lambda: study.complete(trial, {"loss": 0.1}), trial["name"], "SUCCEEDED")
        refuse("FAILED_PRECONDITION", lambda: study.measure(trial, 7, {"loss": 1}), trial["name"], "SUCCEEDED")
        self.assertEqual(vizier.metrics_of(self.client.call("GET", trial["name"])), {"loss": 0.5})

    def test_invalid_trials_and_requests_are_refused(self):
        study = self.study()
        gone = {"name": f"{study.name}/trials/99"}
        for call in (lambda: study.complete(gone, {"loss": 1}), lambda: study.measure(gone, 1, {"loss": 1}),
                     lambda: study.should_stop(gone), lambda: self.client.call("GET", gone["name"]),
                     lambda: self.client.call("DELETE", gone["name"])):
            self.refused("NOT_FOUND", call, gone["name"])
        nowhere = vizier.Study(self.client, {"name": f"{PARENT[4:]}/studies/12345"})
        for call in (lambda: nowhere.suggest("me"), nowhere.trials, nowhere.optimal, nowhere.delete):
            self.refused("NOT_FOUND", call, nowhere.name)
        self.refused("INVALID_ARGUMENT", lambda: study.suggest("me", 0), "suggestionCount")
        self.refused("INVALID_ARGUMENT", lambda: study.suggest("me", -1), "suggestionCount")
        self.refused("INVALID_ARGUMENT", lambda: study.suggest(""), "clientId")

        def own(*parameters):
            return lambda: self.client.call("POST", f"{study.name}/trials", {
                "parameters": [{"parameterId": name, "value": value} for name, value in parameters]})
        self.refused("INVALID_ARGUMENT", own(("y", 1)), "y")
        self.refused("INVALID_ARGUMENT", own(("x", 2)), "x", "2")
        self.refused("INVALID_ARGUMENT", own(("x", "half")), "x", "half")
        self.refused("INVALID_ARGUMENT", own(("x", 0.5), ("x", 0.6)), "x")
        self.refused("INVALID_ARGUMENT", own(), "x")
        self.assertEqual(study.trials(), [])


class Crash(unittest.TestCase):
    def test_a_crash_loses_nothing_that_was_acknowledged(self):
        with tempfile.TemporaryDirectory(prefix="troupe-study-") as directory:
            running = Cluster(pathlib.Path(directory) / "data").start()
            try:
                self.check(running)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    running.kill()

    def check(self, running):
        study = vizier.Study.create(client_of(running), "crash", spec())
        completed, open_trials = {}, {}
        for point in range(4):
            for who in ("a", "b"):
                [trial] = study.suggest(who)
                if who in open_trials:
                    # The unfinished trial, with everything that was measured before the crash.
                    self.assertEqual(trial, open_trials[who])
                    completed[trial["name"]] = study.complete(trial, {"loss": loss(trial)})
                    [trial] = study.suggest(who)
                open_trials[who] = study.measure(trial, 1, {"loss": 1 + loss(trial)})
            # A suggestion may be under way when it dies; it was not answered, so the client asks again.
            study.client.call("POST", f"{study.name}/trials:suggest", {"clientId": "c", "suggestionCount": 1})
            running.kill()
            running.start()
            study.client = client_of(running)
            for name, trial in completed.items():
                self.assertEqual(study.client.call("GET", name), trial)
        [trial] = study.suggest("c")
        self.assertEqual(trial["clientId"], "c")
        self.assertEqual(len([t for t in study.trials() if t["clientId"] == "c"]), 1)
        self.assertEqual(len(completed), 6)

    def test_the_example_survives_its_controller(self):
        with tempfile.TemporaryDirectory(prefix="troupe-study-") as directory:
            running = Cluster(pathlib.Path(directory) / "data").start()
            workers = []
            try:
                for who in ("a", "b"):
                    workers.append(subprocess.Popen(
                        ["/usr/bin/python3", ROOT / "examples/vizier/tune.py", "--data", running.data, "--client-id", who,
                         "--trials=12", "--pause=0.01"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
                first = workers[0].stdout.readline()
                self.assertTrue(first.startswith("trial "), first)
                running.kill()
                running.start()
                for worker in workers:
                    out, err = worker.communicate(timeout=60)
                    self.assertEqual(worker.returncode, 0, out + err)
                    self.assertIn("best trial", out)
                study = vizier.Study.lookup(client_of(running), "branin")
                trials = study.trials()
                self.assertGreaterEqual(len(trials), 12)
                self.assertEqual({t["state"] for t in trials}, {"SUCCEEDED"})
                self.assertLessEqual({t["clientId"] for t in trials}, {"a", "b"})
            finally:
                for worker in workers:
                    if worker.poll() is None:
                        worker.kill()
                    worker.communicate()
                running.kill()


if __name__ == "__main__":
    unittest.main()
