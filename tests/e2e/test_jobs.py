"""A job's life from submit to end, on a one-machine cluster of real processes."""

import json
import pathlib
import unittest

from cluster import ENDED, PARENT, ApiError, ClusterTest, cluster, shell_job, wait_for


class Jobs(ClusterTest):
    flags = ("--cpus", "4")

    def test_a_job_runs_and_its_log_has_its_lines(self):
        job = self.api.create(shell_job('echo one; echo two >&2; echo \'{"severity": "WARNING", "message": "three", "n": 3}\''))
        self.assertIn(job["state"], ("JOB_STATE_QUEUED", "JOB_STATE_PENDING"))
        done = self.api.ended(job["name"])
        self.assertEqual(done["state"], "JOB_STATE_SUCCEEDED")
        self.assertTrue(done["createTime"] <= done["startTime"] <= done["endTime"])
        self.assertNotIn("error", done)
        entries = self.api.logs(job["name"], "workerpool0-0")
        # stdout and stderr are two pipes: their lines may come in any order.
        by_severity = {e["severity"]: e.get("textPayload") or e["jsonPayload"] for e in entries}
        self.assertEqual(by_severity, {"INFO": "one", "ERROR": "two", "WARNING": {"message": "three", "n": 3}})
        service = [e["textPayload"] for e in self.api.logs(job["name"], "service")]
        self.assertIn("Job is running.", service)
        self.assertEqual(service[-1], "Job completed successfully.")

    def test_the_environment_of_a_gang_is_that_of_vertex(self):
        out = self.cluster.data / "environment"
        out.mkdir()
        spec = shell_job(f'env > {out}/part-$RANK; mv {out}/part-$RANK {out}/$RANK', pools=2, baseOutputDirectory={"outputUriPrefix": f"{out}/base"})
        spec["jobSpec"]["workerPoolSpecs"][1]["replicaCount"] = "2"
        # The primary ends the job, so it waits for the others' files.
        spec["jobSpec"]["workerPoolSpecs"][0]["containerSpec"] = {
            "imageUri": "host", "command": ["/bin/sh", "-c"],
            "args": [f"env > {out}/0; until [ -s {out}/1 ] && [ -s {out}/2 ]; do sleep 0.05; done"]}
        job = self.api.create(spec)
        self.assertEqual(self.api.ended(job["name"])["state"], "JOB_STATE_SUCCEEDED", self.api.logs(job["name"]))
        for rank in range(3):
            env = dict(line.split("=", 1) for line in (out / str(rank)).read_text().splitlines() if "=" in line)
            self.assertEqual((env["RANK"], env["WORLD_SIZE"]), (str(rank), "3"))
            self.assertEqual(env["CLOUD_ML_JOB_ID"], job["name"].rsplit("/", 1)[1])
            self.assertEqual(env["AIP_MODEL_DIR"], f"{out}/base/model/")
            spec_of = json.loads(env["CLUSTER_SPEC"])
            self.assertEqual([len(spec_of["cluster"][f"workerpool{p}"]) for p in range(2)], [1, 2])
            self.assertEqual(spec_of["task"], {"type": f"workerpool{min(rank, 1)}", "index": max(0, rank - 1)})
            self.assertEqual(spec_of["cluster"]["workerpool0"][0], f'{env["MASTER_ADDR"]}:{env["MASTER_PORT"]}')
            tf = json.loads(env["TF_CONFIG"])
            self.assertEqual(tf["task"]["type"], "chief" if rank == 0 else "worker")
            self.assertNotIn("TROUPE_REDUCERS", env)

    def test_a_failing_replica_fails_the_job_with_its_exit_code(self):
        job = self.api.ended(self.api.create(shell_job("echo so long >&2; exit 3"))["name"])
        self.assertEqual(job["state"], "JOB_STATE_FAILED")
        self.assertEqual(job["error"]["code"], 3)
        self.assertIn("The replica workerpool0-0 exited with a non-zero status of 3.", job["error"]["message"])
        self.assertIn("so long", job["error"]["message"])

    def test_a_missing_executable_is_reported_by_name(self):
        spec = shell_job("")
        spec["jobSpec"]["workerPoolSpecs"][0]["containerSpec"] = {"imageUri": "host", "command": ["/no/such/program"]}
        job = self.api.ended(self.api.create(spec)["name"])
        self.assertEqual(job["state"], "JOB_STATE_FAILED")
        self.assertIn("/no/such/program", job["error"]["message"])
        self.assertIn("No such file", job["error"]["message"])

    def test_an_image_that_is_not_the_host_fails_the_job_with_the_reason(self):
        spec = shell_job("")
        spec["jobSpec"]["workerPoolSpecs"][0]["containerSpec"] = {"imageUri": "example.com/train:1"}
        job = self.api.ended(self.api.create(spec)["name"])
        self.assertEqual(job["state"], "JOB_STATE_FAILED")
        self.assertIn("example.com/train:1", job["error"]["message"])

    def test_a_death_by_signal_is_retried_in_place(self):
        mark = self.cluster.data / "once"
        job = self.api.create(shell_job(f"if [ -e {mark} ]; then exit 0; fi; touch {mark}; kill -SEGV $$"))
        self.assertEqual(self.api.ended(job["name"])["state"], "JOB_STATE_SUCCEEDED")

    def test_a_death_by_signal_without_retries_fails_with_the_name_of_the_signal(self):
        job = self.api.ended(self.api.create(
            shell_job("kill -SEGV $$", scheduling={"disableRetries": True}))["name"])
        self.assertEqual(job["state"], "JOB_STATE_FAILED")
        self.assertIn("SIGSEGV", job["error"]["message"])

    def test_the_primary_decides_and_the_others_are_stopped(self):
        pid_file = self.cluster.data / "worker-pid"
        spec = shell_job("exit 0", pools=2)
        spec["jobSpec"]["workerPoolSpecs"][0]["containerSpec"]["command"][2] = f"until [ -s {pid_file} ]; do sleep 0.02; done"
        spec["jobSpec"]["workerPoolSpecs"][1]["containerSpec"]["command"][2] = f"echo $$ > {pid_file}; exec sleep 1000"
        job = self.api.ended(self.api.create(spec)["name"])
        self.assertEqual(job["state"], "JOB_STATE_SUCCEEDED")
        pid = int(pid_file.read_text())
        wait_for("the worker to be stopped", lambda: not pathlib.Path(f"/proc/{pid}").exists())

    def test_a_cancelled_job_leaves_no_process(self):
        pid_file = self.cluster.data / "cancelled-pid"
        job = self.api.create(shell_job(f"echo $$ > {pid_file}; exec sleep 1000"))
        self.api.in_state(job["name"], "JOB_STATE_RUNNING")
        wait_for("the pid", lambda: pid_file.exists() and pid_file.read_text())
        self.assertEqual(self.api.call("POST", f"/v1/{job['name']}:cancel", {}), {})
        done = self.api.ended(job["name"])
        self.assertEqual(done["state"], "JOB_STATE_CANCELLED")
        self.assertEqual(done["error"]["code"], 1)
        self.assertFalse(pathlib.Path(f"/proc/{pid_file.read_text().strip()}").exists())

    def test_a_timeout_fails_the_job(self):
        job = self.api.ended(self.api.create(shell_job("sleep 1000", scheduling={"timeout": "1s"}))["name"])
        self.assertEqual(job["state"], "JOB_STATE_FAILED")
        self.assertEqual(job["error"]["code"], 4)

    def test_a_job_that_no_node_can_hold_waits_and_says_why(self):
        job = self.api.create(shell_job("true", machine="n1-highmem-96"))
        code, out, err = self.cluster.troupe("custom-jobs", "describe", job["name"], check=0)
        self.assertIn("96", out)
        self.assertEqual(self.api.get(job["name"])["state"], "JOB_STATE_QUEUED")
        self.api.call("POST", f"/v1/{job['name']}:cancel", {})
        self.assertEqual(self.api.ended(job["name"])["state"], "JOB_STATE_CANCELLED")

    def test_delete_removes_the_job_and_its_logs(self):
        job = self.api.create(shell_job("echo gone soon"))
        self.api.ended(job["name"])
        operation = self.api.call("DELETE", "/v1/" + job["name"])
        self.assertTrue(operation["done"])
        self.assertTrue(self.api.call("GET", "/v1/" + operation["name"])["done"])
        with self.assertRaises(ApiError) as gone:
            self.api.get(job["name"])
        self.assertEqual(gone.exception.http, 404)

    def test_a_flood_of_log_costs_bounded_disk(self):
        job = self.api.create(shell_job("head -c 1073741824 /dev/zero | tr '\\0' 'x' | fold -w 200; echo the end"))
        self.assertEqual(self.api.ended(job["name"], 240)["state"], "JOB_STATE_SUCCEEDED")
        used = sum(f.stat().st_size for f in (self.cluster.data / "agents").rglob("*") if f.is_file())
        self.assertLess(used, 400 << 20)

    def test_a_line_is_seen_while_the_job_runs(self):
        go = self.cluster.data / "go-on"
        job = self.api.create(shell_job(f"echo now; until [ -e {go} ]; do sleep 0.02; done"))
        wait_for("the line", lambda: "now" in self.api.lines(job["name"]))
        # A line can be read a moment before the replica's start is stored, so RUNNING may still be PENDING here.
        self.assertNotIn(self.api.get(job["name"])["state"], ENDED)
        go.touch()
        self.assertEqual(self.api.ended(job["name"])["state"], "JOB_STATE_SUCCEEDED")

    def test_a_list_is_filtered_and_paged(self):
        names = {self.api.ended(self.api.create(shell_job("true", name=f"page-{n}"))["name"])["name"] for n in range(5)}
        query = f'{PARENT}/customJobs?filter=display_name:"page-*"%20AND%20state="JOB_STATE_SUCCEEDED"&pageSize=2'.replace('"', "%22")
        found, token, pages = set(), "", 0
        while True:
            answer = self.api.call("GET", query + (f"&pageToken={token}" if token else ""))
            found |= {job["name"] for job in answer["customJobs"]}
            pages += 1
            token = answer.get("nextPageToken", "")
            if not token:
                break
        self.assertEqual(found, names)
        self.assertEqual(pages, 3)

    def test_the_command_line_creates_lists_and_shows_logs(self):
        code, out, err = self.cluster.troupe("custom-jobs", "create", "--display-name=by-hand", "--machine-type=custom-0.1-64",
                                             "--wait", "--", "/bin/sh", "-c", "echo hello from $RANK", check=0)
        code, out, err = self.cluster.troupe("custom-jobs", "stream-logs", "by-hand", check=0)
        self.assertIn("hello from 0", out)
        code, out, err = self.cluster.troupe("custom-jobs", "list", check=0)
        self.assertIn("by-hand", out)
        code, out, err = self.cluster.troupe("--format", "json", "nodes", "list", check=0)
        self.assertTrue(json.loads(out))
        code, out, err = self.cluster.troupe("custom-jobs", "create", "--display-name=fails", "--machine-type=custom-0.1-64",
                                             "--wait", "--", "/bin/false", check=1)

    def test_health_needs_no_token(self):
        self.api.call("GET", "/healthz", token="")


class Tuning(unittest.TestCase):
    TRIAL = """
import json, os, sys, time
args = dict(a[2:].split("=", 1) for a in sys.argv[1:])
path = os.environ["CLOUD_ML_HP_METRIC_FILE"]
os.makedirs(os.path.dirname(path), exist_ok=True)
lines = []
for step in range(1, 4):
    lines.append(json.dumps({"accuracy": str(float(args["x"]) * step), "checkpoint_path": "", "global_step": str(step),
                             "timestamp": time.time(), "trial": os.environ["CLOUD_ML_TRIAL_ID"]}, sort_keys=True) + "\\n")
    with open(path, "w") as f:
        f.writelines(lines)
    time.sleep(0.05)
"""

    def study(self, directory, script=None, **more):
        program = directory / "trial.py"
        program.write_text(script or self.TRIAL)
        return {"displayName": "study", "maxTrialCount": 4, "parallelTrialCount": 2,
                "studySpec": {"metrics": [{"metricId": "accuracy", "goal": "MAXIMIZE"}],
                              "parameters": [{"parameterId": "x", "doubleValueSpec": {"minValue": 0, "maxValue": 1}}],
                              "algorithm": "RANDOM_SEARCH"},
                "trialJobSpec": {"workerPoolSpecs": [{
                    "machineSpec": {"machineType": "custom-0.2-64"}, "replicaCount": "1",
                    "containerSpec": {"imageUri": "host", "command": ["/usr/bin/python3", str(program)]}}],
                    "baseOutputDirectory": {"outputUriPrefix": str(directory / "out")}}, **more}

    def test_a_study_is_run_measured_and_ranked(self):
        with cluster() as running:
            job = running.api.create(self.study(running.data), "hyperparameterTuningJobs")
            done = running.api.ended(job["name"])
            self.assertEqual(done["state"], "JOB_STATE_SUCCEEDED")
            self.assertEqual([t["id"] for t in done["trials"]], ["1", "2", "3", "4"])
            for trial in done["trials"]:
                self.assertEqual(trial["state"], "SUCCEEDED")
                x = trial["parameters"][0]["value"]
                self.assertEqual([int(m["stepCount"]) for m in trial["measurements"]], [1, 2, 3])
                self.assertAlmostEqual(trial["finalMeasurement"]["metrics"][0]["value"], 3 * x)
                custom = running.api.get(trial["customJob"])
                self.assertEqual(custom["displayName"], f"study-trial-{trial['id']}")
                self.assertTrue((running.data / "out" / trial["id"] / "model").is_dir())
            best = max(done["trials"], key=lambda t: t["finalMeasurement"]["metrics"][0]["value"])
            code, out, err = running.troupe("hp-tuning-jobs", "describe", job["name"], check=0)
            self.assertIn("best", out.lower())
            self.assertIn(f'/{best["id"]}/model', out)

    def test_measurements_show_while_a_trial_runs(self):
        with cluster() as running:
            script = self.TRIAL + "\ntime.sleep(1000)\n"
            job = running.api.create(self.study(running.data, script, maxTrialCount=1, parallelTrialCount=1),
                                     "hyperparameterTuningJobs")
            def measured():
                trials = running.api.get(job["name"]).get("trials", [])
                return trials and len(trials[0].get("measurements", [])) == 3 and trials[0]
            trial = wait_for("three live measurements", measured)
            self.assertEqual(trial["state"], "ACTIVE")
            running.api.call("POST", f"/v1/{job['name']}:cancel", {})
            self.assertEqual(running.api.ended(job["name"])["state"], "JOB_STATE_CANCELLED")

    def test_a_script_written_for_cloudml_hypertune_runs_unchanged(self):
        script = ("import hypertune\n"
                  "hpt = hypertune.HyperTune()\n"
                  "hpt.report_hyperparameter_tuning_metric(hyperparameter_metric_tag='accuracy', metric_value=0.5, global_step=7)\n")
        with cluster() as running:
            job = running.api.create(self.study(running.data, script, maxTrialCount=1, parallelTrialCount=1),
                                     "hyperparameterTuningJobs")
            done = running.api.ended(job["name"])
            self.assertEqual(done["state"], "JOB_STATE_SUCCEEDED", done)
            final = done["trials"][0]["finalMeasurement"]
            self.assertEqual((final["stepCount"], final["metrics"]), ("7", [{"metricId": "accuracy", "value": 0.5}]))

    def test_a_failing_first_trial_fails_the_study(self):
        with cluster() as running:
            job = running.api.create(self.study(running.data, "raise SystemExit(1)"), "hyperparameterTuningJobs")
            done = running.api.ended(job["name"])
            self.assertEqual(done["state"], "JOB_STATE_FAILED")
            self.assertEqual(done["trials"][0]["state"], "INFEASIBLE")


if __name__ == "__main__":
    unittest.main()
