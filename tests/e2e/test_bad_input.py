"""Bad input gives an error that names the place and the value, and the cluster continues."""

import socket
import unittest
import urllib.parse

from cluster import PARENT, ApiError, ClusterTest, shell_job


class BadInput(ClusterTest):
    def refused(self, http, code, *parts, body=None, raw=None, path=PARENT + "/customJobs", method="POST", token=None):
        with self.assertRaises(ApiError) as problem:
            self.api.call(method, path, body, raw=raw, token=token)
        self.assertEqual(problem.exception.http, http, problem.exception)
        self.assertEqual(problem.exception.status["status"], code)
        for part in parts:
            self.assertIn(part, problem.exception.status["message"])

    def test_malformed_json_is_refused_with_its_place(self):
        self.refused(400, "INVALID_ARGUMENT", "1:17", raw=b'{"displayName": }')

    def test_an_unknown_field_is_refused_with_a_suggestion(self):
        job = shell_job("true")
        job["jobSpec"]["workerPoolSpecs"][0]["containerSpec"]["imageUrl"] = "host"
        self.refused(400, "INVALID_ARGUMENT", "jobSpec.workerPoolSpecs[0].containerSpec.imageUrl", "imageUri", body=job)

    def test_a_value_of_the_wrong_type_is_refused(self):
        job = shell_job("true")
        job["displayName"] = 5
        self.refused(400, "INVALID_ARGUMENT", "displayName", "string", body=job)

    def test_a_second_primary_is_refused(self):
        job = shell_job("true")
        job["jobSpec"]["workerPoolSpecs"][0]["replicaCount"] = 2
        self.refused(400, "INVALID_ARGUMENT", "workerPoolSpecs[0]", "2", body=job)

    def test_a_job_without_pools_or_with_an_empty_first_pool_is_refused(self):
        self.refused(400, "INVALID_ARGUMENT", "workerPoolSpecs", body={"displayName": "x", "jobSpec": {}})
        self.refused(400, "INVALID_ARGUMENT", "workerPoolSpecs[0]",
                     body={"displayName": "x", "jobSpec": {"workerPoolSpecs": [{}]}})

    def test_an_empty_pool_between_others_is_skipped(self):
        job = shell_job("true")
        job["jobSpec"]["workerPoolSpecs"] += [{}, job["jobSpec"]["workerPoolSpecs"][0]]
        self.assertEqual(self.api.ended(self.api.create(job)["name"])["state"], "JOB_STATE_SUCCEEDED")

    def test_a_display_name_that_is_too_long_is_refused(self):
        self.refused(400, "INVALID_ARGUMENT", "displayName", "128", body=shell_job("true", name="x" * 129))

    def test_a_wrong_or_missing_token_is_refused(self):
        self.refused(401, "UNAUTHENTICATED", body=shell_job("true"), token="wrong")
        with self.assertRaises(ApiError) as problem:
            self.api.call("GET", PARENT + "/customJobs", token=" ")
        self.assertEqual(problem.exception.http, 401)

    def test_unknown_resources_filters_and_page_tokens_are_refused(self):
        self.refused(404, "NOT_FOUND", "12345", path=PARENT + "/customJobs/12345", method="GET")
        self.refused(404, "NOT_FOUND", path="/v1/nonsense", method="GET")
        self.refused(400, "INVALID_ARGUMENT", path=PARENT + "/customJobs?" + urllib.parse.urlencode({"filter": "colour=red"}),
                     method="GET")
        self.refused(400, "INVALID_ARGUMENT", path=PARENT + "/customJobs?pageToken=rubbish", method="GET")

    def test_a_study_with_an_invalid_parameter_is_refused(self):
        study = {"displayName": "s", "maxTrialCount": 2, "parallelTrialCount": 1, "trialJobSpec": shell_job("true")["jobSpec"],
                 "studySpec": {"metrics": [{"metricId": "m"}], "parameters": [
                     {"parameterId": "x", "scaleType": "UNIT_LOG_SCALE", "doubleValueSpec": {"minValue": 0, "maxValue": 1}}]}}
        self.refused(400, "INVALID_ARGUMENT", "parameters[0]", path=PARENT + "/hyperparameterTuningJobs", body=study)

    def test_yaml_errors_name_line_and_column(self):
        config = self.cluster.data / "bad.yaml"
        config.write_text("workerPoolSpecs:\n- replicaCount: 1\n  containerSpec:\n    imageUrl: host\n")
        code, out, err = self.cluster.troupe("custom-jobs", "create", "--display-name=x", f"--config={config}")
        self.assertNotEqual(code, 0)
        self.assertIn("bad.yaml:4:5", err)
        self.assertIn("imageUri", err)
        config.write_text("workerPoolSpecs: [\n")
        code, out, err = self.cluster.troupe("custom-jobs", "create", "--display-name=x", f"--config={config}")
        self.assertNotEqual(code, 0)
        self.assertIn("bad.yaml:", err)

    def test_up_serves_the_loopback_interface_only(self):
        code, out, err = self.cluster.troupe("up", "--listen", "0.0.0.0:0")
        self.assertEqual(code, 2)
        self.assertIn("0.0.0.0:0", err)
        self.assertIn("loopback", err)

    def test_a_second_cluster_on_the_same_data_is_refused(self):
        code, out, err = self.cluster.troupe("up", "--listen", "127.0.0.1:0")
        self.assertEqual(code, 1)
        self.assertIn(f"in use by process {self.cluster.up.pid}", err)

    def test_garbage_on_the_port_of_the_api_does_no_harm(self):
        host, port = self.api.endpoint.removeprefix("http://").split(":")
        for garbage in (b"\x00" * 4096, b"\x16\x03\x01" + bytes(range(256)) * 8, b"GET / HTTP/9.9\r\n\r\n", b""):
            with socket.create_connection((host, int(port)), timeout=10) as stranger:
                stranger.sendall(garbage)
        self.assertEqual(self.api.ended(self.api.create(shell_job("true"))["name"])["state"], "JOB_STATE_SUCCEEDED")


if __name__ == "__main__":
    unittest.main()
