"""`troupe up` with a configuration and with directories named in different ways."""

import pathlib
import subprocess
import tempfile
import unittest

from cluster import TROUPE, Process, api_of

# Writes one measurement to the metric file, as cloudml-hypertune does, and prints the file's path.
TRIAL = """mkdir -p "$(dirname "$CLOUD_ML_HP_METRIC_FILE")" &&
printf '{"accuracy": "1", "global_step": "1", "timestamp": 1, "trial": "%s", "checkpoint_path": ""}\\n' \
  "$CLOUD_ML_TRIAL_ID" > "$CLOUD_ML_HP_METRIC_FILE" && echo "$CLOUD_ML_HP_METRIC_FILE" """


class Up(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def start(self, data, *arguments):
        """A cluster started from the test's folder, whose data are then in `data`."""
        up = Process(self.folder / "up.log", "up", "--listen", "127.0.0.1:0", *arguments,
                     prefix=["/usr/bin/env", "-C", str(self.folder)])
        self.addCleanup(up.stop)
        return api_of(data, up)

    def test_trials_find_their_metric_file_when_the_data_directory_is_relative(self):
        api = self.start(self.folder / "data", "--data", "data")
        job = api.create({
            "displayName": "relative", "maxTrialCount": 1, "parallelTrialCount": 1,
            "studySpec": {"metrics": [{"metricId": "accuracy", "goal": "MAXIMIZE"}], "parameters": [
                {"parameterId": "x", "doubleValueSpec": {"minValue": 0, "maxValue": 1}}]},
            "trialJobSpec": {"workerPoolSpecs": [{
                "machineSpec": {"machineType": "custom-0.2-64"}, "replicaCount": "1",
                "containerSpec": {"imageUri": "host", "command": ["/bin/sh", "-c", TRIAL]}}]}}, "hyperparameterTuningJobs")
        ended = api.ended(job["name"])
        self.assertEqual(ended["state"], "JOB_STATE_SUCCEEDED", ended)
        self.assertEqual(ended["trials"][0]["finalMeasurement"]["metrics"][0]["value"], 1)

    def test_the_directories_and_the_address_of_the_configuration_are_used(self):
        config = self.folder / "embedded.yaml"
        config.write_text("controller: {data_directory: kept}\n"
                          "agent: {data_directory: node-files, address: 127.0.0.2, name: n}\n")
        api = self.start(self.folder / "kept", "--config", config)
        job = api.create({"displayName": "address", "jobSpec": {"workerPoolSpecs": [{
            "replicaCount": "1", "containerSpec": {"imageUri": "host", "command": ["/bin/sh", "-c", "echo $CLUSTER_SPEC"]}}]}})
        self.assertEqual(api.ended(job["name"])["state"], "JOB_STATE_SUCCEEDED")
        self.assertTrue((self.folder / "node-files" / "n").is_dir())
        self.assertIn("127.0.0.2", str(api.lines(job["name"])))

    def test_a_link_in_the_configuration_is_refused_with_what_to_run_instead(self):
        config = self.folder / "embedded.yaml"
        config.write_text("controller: {link: {listen: '127.0.0.1:7801'}}\n")
        up = subprocess.run([TROUPE, "up", "--check-config", "--config", config], capture_output=True, text=True, timeout=30)
        self.assertEqual(up.returncode, 2)
        self.assertIn("controller.link: `troupe up` serves this machine alone", up.stderr)
        self.assertIn("run `troupe controller` and `troupe agent`", up.stderr)
        config.write_text("agent: {address: 127.0.0.1}\n")
        up = subprocess.run([TROUPE, "up", "--check-config", "--config", config], capture_output=True, text=True, timeout=30)
        self.assertEqual((up.returncode, up.stdout), (0, f"{config}: OK\n"))


if __name__ == "__main__":
    unittest.main()
