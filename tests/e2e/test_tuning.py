"""Tuning jobs on a real cluster: bad trials are stopped, and a job that has ended can be resumed."""

import json
import unittest

from cluster import ApiError, ClusterTest

# Reports every step through the metric file, as cloudml-hypertune does.
TRIAL = """
import json, os, sys, time, urllib.request
x = float(dict(a[2:].split("=", 1) for a in sys.argv[1:])["x"])
gain = 1 if x == 9 else x
path = os.environ["CLOUD_ML_HP_METRIC_FILE"]
os.makedirs(os.path.dirname(path), exist_ok=True)
lines = []
for step in range(1, 7):
    lines.append(json.dumps({"accuracy": str(gain * step), "checkpoint_path": "", "global_step": str(step),
                             "timestamp": time.time(), "trial": os.environ["CLOUD_ML_TRIAL_ID"]}, sort_keys=True) + "\\n")
    with open(path, "w") as f:
        f.writelines(lines)
    time.sleep(0.02)
# A bad trial would run forever: only the stopping rule ends it. Other trials run while a test holds them.
while x == 9 or os.path.exists(sys.argv[0] + ".hold"):
    time.sleep(0.02)
"""


class Tuning(ClusterTest):
    flags = ("--cpus", "4")

    def job(self, parameters, **more):
        program = self.cluster.data / "trial.py"
        program.write_text(TRIAL)
        study = {"metrics": [{"metricId": "accuracy", "goal": "MAXIMIZE"}], "parameters": parameters,
                 "algorithm": "GRID_SEARCH", **more.pop("study", {})}
        return self.api.create({
            "displayName": self.id(), "maxTrialCount": 4, "parallelTrialCount": 1, "studySpec": study,
            "trialJobSpec": {"workerPoolSpecs": [{
                "machineSpec": {"machineType": "custom-0.2-64"}, "replicaCount": "1",
                "containerSpec": {"imageUri": "host", "command": ["/usr/bin/python3", str(program)]}}]}, **more},
            "hyperparameterTuningJobs")

    def resume(self, name, **wanted):
        return self.api.call("POST", f"/v1/{name}:resume", wanted)

    def refused(self, call, *parts):
        with self.assertRaises(ApiError) as problem:
            call()
        self.assertEqual(problem.exception.http, 400, problem.exception)
        for part in parts:
            self.assertIn(part, problem.exception.status["message"])

    def test_the_median_rule_stops_a_bad_trial(self):
        # One after the other: each better than all before it, then the bad one, which would never end.
        job = self.job([{"parameterId": "x", "discreteValueSpec": {"values": [4, 5, 6, 7, 8, 9]}}], maxTrialCount=6,
                       study={"medianAutomatedStoppingSpec": {}})
        done = self.api.ended(job["name"])
        self.assertEqual(done["state"], "JOB_STATE_SUCCEEDED", done.get("error"))
        by_x = {t["parameters"][0]["value"]: t for t in done["trials"]}
        bad = by_x.pop(9)
        self.assertEqual(bad["state"], "SUCCEEDED")
        self.assertIn("median", bad["stoppingReason"])
        # The values that it measured, and none that a rule predicted.
        self.assertEqual(bad["finalMeasurement"], bad["measurements"][-1])
        self.assertEqual(float(bad["measurements"][-1]["metrics"][0]["value"]), float(bad["measurements"][-1]["stepCount"]))
        for trial in by_x.values():
            self.assertEqual(trial["state"], "SUCCEEDED")
            self.assertNotIn("stoppingReason", trial)
        self.assertEqual(done["bestTrial"]["id"], by_x[8]["id"])
        self.assertEqual(done["optimalTrials"], [by_x[8]["id"]])
        code, out, err = self.cluster.troupe("hp-tuning-jobs", "describe", job["name"], check=0)
        self.assertIn("median rule, 1 trial stopped", out)
        self.assertIn("stopped: ", out)
        self.assertIn(f"best trial {by_x[8]['id']}", out)

    def test_a_job_that_has_ended_can_be_resumed(self):
        job = self.job([{"parameterId": "x", "integerValueSpec": {"minValue": 2, "maxValue": 8}}], maxTrialCount=2)
        first = self.api.ended(job["name"])
        self.assertEqual(first["state"], "JOB_STATE_SUCCEEDED")
        self.refused(lambda: self.resume(job["name"]), "maxTrialCount", "2")
        self.refused(lambda: self.resume(job["name"], maxTrialCount=-1), "maxTrialCount")
        going = self.resume(job["name"], maxTrialCount=4, parallelTrialCount=2)
        self.assertEqual((going["maxTrialCount"], going["parallelTrialCount"]), (4, 2))
        self.assertNotIn("endTime", going)
        done = self.api.ended(job["name"])
        self.assertEqual(done["state"], "JOB_STATE_SUCCEEDED")
        self.assertEqual([t["id"] for t in done["trials"]], ["1", "2", "3", "4"])
        self.assertEqual(done["trials"][:2], first["trials"])
        self.assertEqual(len({t["parameters"][0]["value"] for t in done["trials"]}), 4)
        code, out, err = self.cluster.troupe("hp-tuning-jobs", "resume", job["name"], "--max-trial-count=5", "--wait", check=0)
        self.assertIn("goes on, with at most 5 trials, 2 at a time", out)
        self.assertIn("best trial", out)
        self.assertEqual(len(self.api.get(job["name"])["trials"]), 5)

    def test_a_running_job_cannot_be_resumed_and_a_cancelled_one_can(self):
        hold = self.cluster.data / "trial.py.hold"
        hold.touch()
        job = self.job([{"parameterId": "x", "integerValueSpec": {"minValue": 2, "maxValue": 8}}], maxTrialCount=2)
        self.api.in_state(job["name"], "JOB_STATE_RUNNING")
        self.refused(lambda: self.resume(job["name"], maxTrialCount=5), "not ended")
        self.api.call("POST", f"/v1/{job['name']}:cancel", {})
        self.assertEqual(self.api.ended(job["name"])["state"], "JOB_STATE_CANCELLED")
        hold.unlink()
        self.resume(job["name"])
        done = self.api.ended(job["name"])
        self.assertEqual(done["state"], "JOB_STATE_SUCCEEDED", done.get("error"))
        self.assertNotIn("error", done)
        with self.assertRaises(ApiError) as gone:
            self.resume("projects/local/locations/local/hyperparameterTuningJobs/12345")
        self.assertEqual(gone.exception.http, 404)


if __name__ == "__main__":
    unittest.main()
