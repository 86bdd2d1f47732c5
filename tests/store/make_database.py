#!/usr/bin/python3
"""Makes a database for tests/upgrade: runs a build of the version that is to be kept, brings jobs, studies and nodes into every
state that can be reached from outside, and kills the controller.

    tests/store/make_database.py BUILD OUT

BUILD is that version's build directory (with cli/troupe and runtime/troupe-shim). OUT gets database.tar.gz, the controller's
database as it was after kill -9; killed_at_micros; and answers.txt, what that version's REST API says of it after a restart: a
line with a resource's name, then a line with the answer.
"""

import contextlib
import gzip
import io
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request

# Short, and the same on every machine: it is part of the records.
HOME = pathlib.Path("/tmp/troupe-kept")
PARENT = "projects/local/locations/local"
ENDED = {"JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED"}

# A trial: three steps of its metric, then the end; from trial HOLD on it waits forever instead.
TRIAL = """
for argument in "$@"; do case $argument in --x=*) x=${argument#--x=};; esac; done
mkdir -p "$(dirname "$CLOUD_ML_HP_METRIC_FILE")"
for step in 1 2 3; do
  value=$(echo "$x $step" | awk '{print ($1 == 9 ? 1 : $1) * $2}')
  echo "{\\"accuracy\\": \\"$value\\", \\"global_step\\": \\"$step\\", \\"timestamp\\": 1.5, \\"trial\\": \\"$CLOUD_ML_TRIAL_ID\\"}" \
    >> "$CLOUD_ML_HP_METRIC_FILE"
  sleep 0.1
done
echo "step 3 of trial $CLOUD_ML_TRIAL_ID"
if [ $CLOUD_ML_TRIAL_ID -ge ${HOLD:-1000} ] || [ $x = 9 ]; then sleep 100000; fi
exit ${CODE:-0}
"""


def wait_for(event, condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            sys.exit(f"waited {seconds} s without success for {event}")
        time.sleep(0.05)
    return value


class Api:
    def __init__(self, data):
        self.endpoint = wait_for("an endpoint", lambda: (data / "endpoint").exists() and (data / "endpoint").read_text().strip())
        self.token = (data / "token").read_text().strip()

    def text(self, method, path, body=None):
        request = urllib.request.Request(self.endpoint + path, method=method, data=json.dumps(body).encode() if body is not None else None)
        request.add_header("content-type", "application/json")
        request.add_header("authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.read().decode()
        except urllib.error.HTTPError as problem:
            sys.exit(f"{method} {path}: {problem.code} {problem.read().decode()}")

    def call(self, method, name, body=None):
        return json.loads(self.text(method, "/v1/" + name, body) or "{}")

    def post(self, name, body=None):
        return self.call("POST", name, body or {})

    def create(self, collection, body):
        return self.post(f"{PARENT}/{collection}", body)["name"]

    def get(self, name):
        return self.call("GET", name)

    def in_state(self, name, *states):
        return wait_for(f"{name} to be {states}", lambda: self.get(name)["state"] in states)

    def ended(self, name):
        return self.in_state(name, *ENDED)

    def response(self, operation):
        done = wait_for(operation["name"], lambda: (o := self.get(operation["name"])).get("done") and o)
        return done.get("response", done.get("error"))


# Preloaded by the agent of node b: its signals have no effect, as with a process in an uninterruptible sleep.
NO_SIGNALS = """
#include <stdarg.h>
#include <sys/syscall.h>
#include <dlfcn.h>
long syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  long a[6];
  for (int i = 0; i < 6; ++i) a[i] = va_arg(list, long);
  va_end(list);
  if (number == SYS_pidfd_send_signal) return 0;
  long (*next)(long, ...) = dlsym((void*)-1L, "syscall");
  return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
"""


class Processes:
    """The cluster's processes, by name; none is left when this script ends."""

    def __init__(self, troupe):
        self.troupe = troupe
        self.by_name = {}

    def start(self, name, role, **environment):
        log = open(HOME / f"{name}.log", "ab")
        self.by_name[name] = subprocess.Popen([self.troupe, role, "--config", HOME / f"{name}.yaml"], stdout=log, stderr=log,
                                              stdin=subprocess.DEVNULL, start_new_session=True, env=os.environ | environment)

    def send(self, name, number):
        self.by_name[name].send_signal(number)

    def kill(self, name):
        process = self.by_name.pop(name)
        process.kill()
        process.wait()

    def shims(self, job=""):
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    command = (entry / "cmdline").read_bytes().decode(errors="replace")
                    if "troupe-shim" in command and str(HOME) in command and job.rsplit("/", 1)[-1] in command:
                        found.append((int(entry.name), command))
        return found

    def end(self):
        for name in list(self.by_name):
            self.kill(name)
        for pid, _ in self.shims():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        for entry in pathlib.Path("/proc").iterdir():  # what the shims had started
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if f"={HOME}/".encode() in (entry / "environ").read_bytes():
                        os.kill(int(entry.name), signal.SIGKILL)


def configure(troupe):
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    certificates = HOME / "ca"
    subprocess.run([troupe, "ca", "init", "--dir", certificates], check=True, stdout=subprocess.DEVNULL)

    def identity(name, *more):
        subprocess.run([troupe, "ca", "issue", "--dir", certificates, name, *more], check=True, stdout=subprocess.DEVNULL)
        return f"{{certificate: {certificates}/{name}.pem, key: {certificates}/{name}-key.pem, authority: {certificates}/authority.pem}}"

    (HOME / "controller.yaml").write_text(
        f"data_directory: {HOME}/controller\napi: {{listen: \"127.0.0.1:0\"}}\nlink: {{listen: \"127.0.0.1:{port}\"}}\n"
        f"tls: {identity('controller', '--host', '127.0.0.1')}\nnode_lost_after: 3s\ntermination_grace: 1s\n"
        "machine_types: {small: {cpus: 0.25, memory: 64MiB}}\n")
    resources = {"a": "{cpus: 8, memory: 4GiB, gpus: 2, gpu_type: NVIDIA_TESLA_T4}",
                 "b": "{cpus: 2, memory: 1GiB, gpus: 2, gpu_type: NVIDIA_L4}",
                 "c": "{cpus: 16, memory: 8GiB}"}
    for number, (name, amounts) in enumerate(resources.items()):
        (HOME / f"{name}.yaml").write_text(
            f"data_directory: {HOME}/{name}\nname: {name}\ncontroller: 127.0.0.1:{port}\naddress: 127.0.0.1\n"
            f"tls: {identity(name)}\nresources: {amounts}\nports: {24000 + 100 * number}-{24099 + 100 * number}\n")


def pool(script, machine="custom-0.1-64", count=1, gpus=None, env=None, image="host"):
    container = {"imageUri": image}
    if script:
        container |= {"command": ["/bin/sh", "-c", script, "sh"], "env": [{"name": k, "value": str(v)} for k, v in (env or {}).items()]}
    spec = {"machineType": machine}
    if gpus:
        spec |= {"acceleratorType": gpus, "acceleratorCount": 1}
    return {"machineSpec": spec, "replicaCount": str(count), "containerSpec": container}


def custom_jobs(api, processes):
    """Jobs in every state but PENDING, which comes last."""
    def job(name, *pools, spec=None, **more):
        return api.create("customJobs", {"displayName": name, "jobSpec": {"workerPoolSpecs": list(pools), **(spec or {})}, **more})

    sleep = "echo started; sleep 100000"
    t4 = "NVIDIA_TESLA_T4"
    # Only node c is large enough, and it is lost.
    moved = job("pending-after-a-lost-node", pool(sleep, "custom-12-64"))
    api.in_state(moved, "JOB_STATE_RUNNING")
    processes.kill("c")
    wait_for("the next attempt", lambda: not api.get(moved + ":status")["replicas"])

    done = job("succeeded", pool("echo hello; echo trouble >&2"), pool(sleep, count=2), labels={"team": "vision", "stage": "kept"},
               spec={"scheduling": {"timeout": "3600s"}, "baseOutputDirectory": {"outputUriPrefix": "gs://bucket/out"}})
    failed = job("failed", pool("echo about to fail; exit 3"))
    signalled = job("failed-by-signals", pool("kill -9 $$"), spec={"scheduling": {"disableRetries": True}})
    cancelled = job("cancelled", pool(sleep))
    job("running", pool(sleep, "small", gpus=t4), pool(sleep, "small"), spec={"scheduling": {"timeout": "604800s"}})
    # Its worker dies by a signal once, and is started again in place.
    once = f"if mkdir {HOME}/once 2>/dev/null; then kill -9 $$; fi; {sleep}"
    restarted = job("running-after-a-restart", pool(sleep), pool(once))
    api.in_state(cancelled, "JOB_STATE_RUNNING")
    api.post(cancelled + ":cancel")
    for name in (done, failed, signalled, cancelled):
        api.ended(name)
    deleted = job("deleted", pool("true"))
    api.ended(deleted)
    api.call("DELETE", deleted)
    wait_for("the restart", lambda: any(r["incarnation"] == 1 for r in api.get(restarted + ":status")["replicas"]))

    # On node b a shim is stopped, and the agent's signals have no effect: what it is to end never ends.
    ghost = job("deleted-while-stopping", pool(f"until [ -e {HOME}/frozen ]; do sleep 0.05; done", gpus="NVIDIA_L4"),
                pool(sleep, gpus="NVIDIA_L4"))
    api.in_state(ghost, "JOB_STATE_RUNNING")
    for pid, command in processes.shims(ghost):
        if "workerpool1" in command:
            os.kill(pid, signal.SIGSTOP)
    (HOME / "frozen").touch()
    api.ended(ghost)
    api.call("DELETE", ghost)
    wait_for("node b's quarantine", lambda: any(n["name"] == "b" and n.get("quarantine") for n in api.get(f"{PARENT}/nodes")["nodes"]), 120)

    job("queued-without-a-fitting-node", pool(sleep, "custom-96-1024"), pool(sleep), pool(None, "small", image="troupe/reductionserver"))
    job("queued-behind-others", pool(sleep, "custom-7.9-64"), spec={"scheduling": {"strategy": "FLEX_START", "maxWaitDuration": "0s"}})


def tuning_jobs(api):
    x = {"parameterId": "x", "discreteValueSpec": {"values": [4, 5, 6]}}
    accuracy = {"metricId": "accuracy", "goal": "MAXIMIZE"}

    def job(name, study=None, env=None, machine="small", **more):
        return api.create("hyperparameterTuningJobs", {
            "displayName": name, "maxTrialCount": 3, "parallelTrialCount": 1,
            "studySpec": {"metrics": [accuracy], "parameters": [x], "algorithm": "GRID_SEARCH", **(study or {})},
            "trialJobSpec": {"workerPoolSpecs": [pool(TRIAL, machine, env=env)]}, **more})

    done = job("grid-succeeded", labels={"kind": "grid"})
    stopped = job("stopped-by-the-median", maxTrialCount=6,
                  study={"parameters": [{**x, "discreteValueSpec": {"values": [4, 5, 6, 7, 8, 9]}}], "medianAutomatedStoppingSpec": {}})
    failed = job("failed", env={"CODE": 1}, maxFailedTrialCount=1)
    cancelled = job("cancelled", env={"HOLD": 2})
    for name in (done, failed, stopped):
        api.ended(name)
    wait_for("the trial to be cancelled", lambda: len(api.get(cancelled)["trials"]) == 2 and api.get(cancelled)["trials"][1].get("measurements"))
    api.post(cancelled + ":cancel")
    api.ended(cancelled)
    resumed = job("resumed", maxTrialCount=1)
    api.ended(resumed)
    api.post(resumed + ":resume", {"maxTrialCount": 2})
    api.ended(resumed)

    gaussian = {"parameters": [{"parameterId": "x", "doubleValueSpec": {"minValue": 1, "maxValue": 8}},
                               {"parameterId": "width", "integerValueSpec": {"minValue": 1, "maxValue": 512}, "scaleType": "UNIT_LOG_SCALE"},
                               {"parameterId": "kind", "categoricalValueSpec": {"values": ["sgd", "adam"]}}],
                "algorithm": "ALGORITHM_UNSPECIFIED", "decayCurveStoppingSpec": {}, "transferLearningConfig": {"priorStudyNames": [done]}}
    running = job("running", study=gaussian, env={"HOLD": 3}, maxTrialCount=6, parallelTrialCount=2)
    wait_for("four trials of it", lambda: len([t for t in api.get(running).get("trials", []) if t.get("measurements")]) == 4)
    waiting = job("waits-for-a-node", machine="custom-96-1024")
    wait_for("its first trial", lambda: api.get(waiting).get("trials"))
    deleted = job("deleted", maxTrialCount=1)
    api.ended(deleted)
    api.call("DELETE", deleted)


class Studies:
    """Client studies: short words for what their clients do."""

    X = {"parameterId": "x", "doubleValueSpec": {"minValue": 0, "maxValue": 1, "defaultValue": 0.5}}
    LOSS = {"metricId": "loss", "goal": "MINIMIZE"}

    def __init__(self, api):
        self.api = api

    def create(self, name, **spec):
        return self.api.create("studies", {"displayName": name, "studySpec": {"metrics": [self.LOSS], "parameters": [self.X], **spec}})

    def suggest(self, study, client="me", count=1, **more):
        operation = self.api.post(study + "/trials:suggest", {"clientId": client, "suggestionCount": count, **more})
        return self.api.response(operation).get("trials", [])

    def seed(self, name, count, width, stride, **spec):
        """A study of `width` parameters, with `count` trials whose points are given."""
        made = self.create(name, parameters=[{**self.X, "parameterId": f"x{i}"} for i in range(width)], **spec)
        for number in range(count):
            point = [{"parameterId": f"x{i}", "value": (number * (i + stride) % 41) / 41} for i in range(width)]
            self.api.post(made + "/trials", {"parameters": point})
        return made, self.suggest(made, count=count)

    def measure(self, trial, step, value):
        self.api.post(trial["name"] + ":addTrialMeasurement",
                      {"measurement": {"stepCount": str(step), "elapsedDuration": f"{step}.5s",
                                       "metrics": [{"metricId": "loss", "value": value}]}})

    def complete(self, trial, **metrics):
        body = {"finalMeasurement": {"metrics": [{"metricId": k, "value": v} for k, v in metrics.items()]}} if metrics else {}
        self.api.post(trial["name"] + ":complete", body)


def trials_in_each_state(api, studies):
    study = studies.create("every-state", medianAutomatedStoppingSpec={}, measurementSelectionType="BEST_MEASUREMENT")
    for value in (0.1, 0.2, 0.15, 0.3, 0.25):
        [trial] = studies.suggest(study)
        for step in range(1, 6):
            studies.measure(trial, step, value + 1 / step)
        studies.complete(trial)
    good, bad = studies.suggest(study, "good") + studies.suggest(study, "bad")
    for step in range(1, 4):
        studies.measure(good, step, 1 / step)
        studies.measure(bad, step, 9 + 1 / step)
    api.response(api.post(good["name"] + ":checkTrialEarlyStoppingState"))
    assert api.response(api.post(bad["name"] + ":checkTrialEarlyStoppingState"))["shouldStop"]
    api.post(bad["name"] + ":stop")  # STOPPING
    [broken] = studies.suggest(study, "broken")
    api.post(broken["name"] + ":complete", {"trialInfeasible": True, "infeasibleReason": "out of memory"})
    [empty] = studies.suggest(study, "empty")
    studies.complete(empty)
    api.call("DELETE", studies.suggest(study, "gone")[0]["name"])
    api.post(study + "/trials", {"parameters": [{"parameterId": "x", "value": 0.25}]})  # REQUESTED
    return study


def client_studies(api):
    """Returns those that the last calls are about: (waits for suggestions, waits for a check)."""
    studies = Studies(api)
    median = trials_in_each_state(api, studies)
    front = studies.create("front", metrics=[studies.LOSS, {"metricId": "speed", "goal": "MAXIMIZE"},
                                             {"metricId": "heat", "goal": "MINIMIZE", "safetyConfig": {"safetyThreshold": 5}}],
                           algorithm="RANDOM_SEARCH", observationNoise="HIGH")
    for measured in ((1, 1, 1), (2, 3, 1), (3, 2, 1), (0.5, 0, 1), (0.1, 9, 9)):
        studies.complete(studies.suggest(front)[0], **dict(zip(("loss", "speed", "heat"), measured)))

    grid = studies.create("exhausted", algorithm="GRID_SEARCH", parameters=[
        {"parameterId": "kind", "categoricalValueSpec": {"values": ["a", "b"]}, "conditionalParameterSpecs": [
            {"parentCategoricalValues": {"values": ["b"]},
             "parameterSpec": {"parameterId": "depth", "integerValueSpec": {"minValue": 1, "maxValue": 2}}}]}])
    for trial in studies.suggest(grid, count=3):
        studies.complete(trial, loss=1)
    studies.suggest(grid)

    asha = studies.create("asha", ashaAutomatedStoppingSpec={"minStepCount": "1", "reductionFactor": 3},
                          studyStoppingConfig={"maxNumTrials": 40, "maximumRuntimeConstraint": {"maxDuration": "86400s"}})
    [trial] = studies.suggest(asha, contexts=[{"description": "here", "parameters": [{"parameterId": "x", "value": 0.75}]}])
    studies.measure(trial, 1, 0.5)

    api.call("DELETE", studies.create("deleted"))

    large, trials = studies.seed("waits-for-suggestions", 25, 4, 3, transferLearningConfig={"priorStudyNames": [median, front]})
    for number, trial in enumerate(trials):
        studies.complete(trial, loss=number / 7)
    curves, trials = studies.seed("waits-for-a-check", 10, 1, 3, decayCurveStoppingSpec={"useElapsedDuration": True})
    for number, trial in enumerate(trials):
        for step in range(1, 7):
            studies.measure(trial, step, number + 1 / step)
        if number < 8:
            studies.complete(trial)
    dropped, trials = studies.seed("deleted-while-it-waited", 25, 4, 2)
    for number, trial in enumerate(trials):
        studies.complete(trial, loss=number / 7)
    waits = api.post(dropped + "/trials:suggest", {"clientId": "me", "suggestionCount": 20})
    api.call("DELETE", dropped)
    api.response(waits)
    return large, curves


def answers(api, waiting):
    """What the API says of everything that stays as it is: not of operations that wait for the tuner, nor of their studies' trials."""
    said = {}
    for collection in ("customJobs", "hyperparameterTuningJobs", "studies", "operations"):
        for resource in api.get(f"{PARENT}/{collection}?pageSize=1000").get(collection, []):
            name = resource["name"]
            names = [name]
            if collection in ("customJobs", "hyperparameterTuningJobs"):
                names.append(name + ":status")
            if collection == "studies":
                names.append(name + "/trials")
            if name in waiting:
                names = [name] if collection == "studies" else []
            said |= {each: api.text("GET", "/v1/" + each) for each in names}
    return said


def main():
    build, out = map(pathlib.Path, sys.argv[1:])
    troupe = build.resolve() / "cli" / "troupe"
    configure(troupe)
    processes = Processes(troupe)
    try:
        processes.start("controller", "controller")
        api = Api(HOME / "controller")
        (HOME / "no_signals.c").write_text(NO_SIGNALS)
        subprocess.run(["cc", "-shared", "-fPIC", "-w", "-o", HOME / "no_signals.so", HOME / "no_signals.c", "-ldl"], check=True)
        processes.start("a", "agent")
        processes.start("b", "agent", LD_PRELOAD=str(HOME / "no_signals.so"))
        processes.start("c", "agent")
        wait_for("three nodes", lambda: len([n for n in api.get(f"{PARENT}/nodes").get("nodes", []) if n.get("connected")]) == 3)
        custom_jobs(api, processes)
        tuning_jobs(api)
        large, curves = client_studies(api)

        # The last second: what is under way when the controller is killed.
        processes.send("a", signal.SIGSTOP)
        pending = api.create("customJobs", {"displayName": "pending", "jobSpec": {"workerPoolSpecs": [pool("sleep 100000", "small")]}})
        api.in_state(pending, "JOB_STATE_PENDING")
        waiting = [api.post(large + "/trials:suggest", {"clientId": "me", "suggestionCount": 20})["name"],
                   api.post(large + "/trials:suggest", {"clientId": "another", "suggestionCount": 1})["name"],
                   api.post(curves + "/trials/9:checkTrialEarlyStoppingState")["name"], large, curves]
        processes.kill("controller")
        killed_at = time.time_ns() // 1000

        for name in list(processes.by_name):
            processes.kill(name)
        store = HOME / "controller" / "store"
        kept = HOME / "kept"
        shutil.copytree(store, kept, ignore=shutil.ignore_patterns("LOG*", "LOCK", "owner"))
        (HOME / "controller" / "endpoint").unlink()
        processes.start("controller", "controller")
        api = Api(HOME / "controller")
        said = answers(api, waiting)
    finally:
        processes.end()

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path in sorted(kept.iterdir()):
            entry = archive.gettarinfo(path, f"store/{path.name}")
            entry.uid = entry.gid = entry.mtime = 0
            entry.uname = entry.gname = ""
            entry.mode = 0o644
            with open(path, "rb") as data:
                archive.addfile(entry, data)
    out.mkdir(parents=True, exist_ok=True)
    (out / "database.tar.gz").write_bytes(gzip.compress(packed.getvalue(), 9, mtime=0))
    (out / "answers.txt").write_text("".join(f"{name}\n{answer}\n" for name, answer in said.items()))
    (out / "killed_at_micros").write_text(f"{killed_at}\n")


if __name__ == "__main__":
    main()
