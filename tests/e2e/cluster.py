"""A real cluster in a temporary directory, for the end-to-end tests and the benchmarks: real processes, the REST API, nothing
faked. Every wait has a deadline, and every process is gone when the test ends."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TROUPE_BUILD", ROOT / "build"))
TROUPE = BUILD / "cli" / "troupe"
PARENT = "/v1/projects/local/locations/local"
ENDED = {"JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED"}


def is_running(pid):
    """Whether a process exists and is no zombie."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class ApiError(Exception):
    """An error answer of the API: HTTP status, and google.rpc.Status as received."""

    def __init__(self, http, status):
        super().__init__(f"{http}: {status}")
        self.http = http
        self.status = status


def wait_for(event, condition, seconds=30, pause=0.02):
    """Calls condition() until it returns something true, and returns that. Fails with the name of the event when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s without success for {event}")
        time.sleep(pause)


class Api:
    """The REST API of a running cluster."""

    def __init__(self, endpoint, token):
        self.endpoint = endpoint
        self.token = token

    def call(self, method, path, body=None, token=None, raw=None):
        data = raw if raw is not None else (json.dumps(body).encode() if body is not None else None)
        request = urllib.request.Request(self.endpoint + path, method=method, data=data)
        request.add_header("content-type", "application/json")
        token = self.token if token is None else token
        if token:
            request.add_header("authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.loads(response.read() or b"{}")
        except urllib.error.HTTPError as problem:
            with problem:
                text = problem.read()
            raise ApiError(problem.code, json.loads(text)["error"]) from None

    def create(self, job, kind="customJobs"):
        return self.call("POST", f"{PARENT}/{kind}", job)

    def get(self, name):
        return self.call("GET", "/v1/" + name)

    def ended(self, name, seconds=60):
        """The job once it has ended."""
        def look():
            job = self.get(name)
            return job if job["state"] in ENDED else None
        return wait_for(f"the end of {name}", look, seconds)

    def in_state(self, name, state, seconds=30):
        return wait_for(f"{name} to be {state}", lambda: (j := self.get(name))["state"] == state and j, seconds)

    def logs(self, name, task=None):
        """All log entries of the job so far, oldest first."""
        job_id = name.rsplit("/", 1)[1]
        entries, page = [], ""
        while True:
            answer = self.call("POST", "/v2/entries:list", {
                "resourceNames": ["projects/local"], "pageSize": 1000, "pageToken": page,
                "filter": f'resource.type="ml_job" AND resource.labels.job_id="{job_id}"'
                          + (f' AND resource.labels.task_name="{task}"' if task else ""),
                "orderBy": "timestamp asc"})
            entries += answer.get("entries", [])
            page = answer.get("nextPageToken", "")
            if not page or not answer.get("entries"):
                return entries

    def lines(self, name, task="workerpool0-0"):
        return [entry.get("textPayload", entry.get("jsonPayload")) for entry in self.logs(name, task)]


class Process:
    """One `troupe` server process and its log."""

    def __init__(self, log, *arguments, env=None, prefix=()):
        self.log = log
        self.out = open(log, "ab")
        self.process = subprocess.Popen([*prefix, TROUPE, *map(str, arguments)], stdout=self.out, stderr=subprocess.STDOUT,
                                        stdin=subprocess.DEVNULL, env=env, start_new_session=True)

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.out.close()

    def stop(self, seconds=20):
        """Asks it to end, and returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.log} did not end within {seconds} s of SIGTERM:\n{self.text()}") from None
        finally:
            self.out.close()

    def text(self):
        return pathlib.Path(self.log).read_text(errors="replace")


class Cluster:
    """`troupe up` on a data directory; may be killed and started again on the same data."""

    def __init__(self, data, *flags):
        self.data = pathlib.Path(data)
        self.flags = flags
        self.up = None
        self.api = None

    def start(self):
        with contextlib.suppress(FileNotFoundError):
            (self.data / "endpoint").unlink()
        self.up = Process(self.data.with_suffix(".log"), "up", "--data", self.data, "--listen", "127.0.0.1:0", *self.flags)
        self.api = api_of(self.data, self.up)
        return self

    def kill(self):
        self.up.kill()

    def stop(self):
        return self.up.stop()

    def replica_processes(self):
        """Pids of every shim that serves this data directory."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    command = (entry / "cmdline").read_bytes()
                    if b"troupe-shim" in command and str(self.data).encode() in command:
                        found.append(int(entry.name))
        return found

    def troupe(self, *arguments, check=None, seconds=60):
        """Runs the command against this cluster; (exit code, stdout, stderr)."""
        done = subprocess.run([TROUPE, "--data", self.data, *map(str, arguments)], capture_output=True, text=True,
                              timeout=seconds, stdin=subprocess.DEVNULL)
        if check is not None:
            assert done.returncode == check, (done.returncode, done.stdout, done.stderr)
        return done.returncode, done.stdout, done.stderr


def api_of(data, process, seconds=20):
    """The API of the server that writes its endpoint and token to `data`."""
    def published():
        if process.process.poll() is not None:
            raise AssertionError(f"the server ended with {process.process.returncode}:\n{process.text()}")
        endpoint = data / "endpoint"
        return endpoint.read_text().strip() if endpoint.exists() else None
    endpoint = wait_for(f"an endpoint in {data}", published, seconds)
    return Api(endpoint, (data / "token").read_text().strip())


@contextlib.contextmanager
def cluster(*flags):
    """A running one-machine cluster; all of its processes and files are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="troupe-e2e-") as directory:
        running = Cluster(pathlib.Path(directory) / "data", *flags).start()
        try:
            yield running
        finally:
            if running.up.process.poll() is None:
                running.stop()
            for pid in running.replica_processes():
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)


class ClusterTest(unittest.TestCase):
    """Tests that share one cluster, started with `flags`."""

    flags = ()

    @classmethod
    def setUpClass(cls):
        context = cluster(*cls.flags)
        cls.cluster = context.__enter__()
        cls.addClassCleanup(context.__exit__, None, None, None)
        cls.api = cls.cluster.api


def shell_job(script, name="job", machine="custom-0.1-64", pools=1, **spec):
    """A CustomJob that runs a shell script on every replica of `pools` one-replica pools."""
    def pool():
        return {"machineSpec": {"machineType": machine}, "replicaCount": "1",
                "containerSpec": {"imageUri": "host", "command": ["/bin/sh", "-c", script]}}
    return {"displayName": name, "jobSpec": {"workerPoolSpecs": [pool() for _ in range(pools)], **spec}}
