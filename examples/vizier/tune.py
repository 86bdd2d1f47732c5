"""Tunes a function through the REST API of a Troupe cluster: ask for a trial, evaluate it, report the result.

    build/cli/troupe up &
    /usr/bin/python3 examples/vizier/tune.py --trials=30

Run it several times at once, each with its own client id, and they share the work. Kill one, start it again with the
same client id, and it continues with its trial; kill the controller, and all of them wait until it is back.
"""

import argparse
import math
import pathlib
import socket
import sys
import time
import urllib.error

from vizier import Client, Study, metrics_of, parameters_of

# Branin's function: three best points, where it is 0.397887.
SPEC = {
    "metrics": [{"metricId": "loss", "goal": "MINIMIZE"}],
    "parameters": [
        {"parameterId": "x", "doubleValueSpec": {"minValue": -5, "maxValue": 10}},
        {"parameterId": "y", "doubleValueSpec": {"minValue": 0, "maxValue": 15}},
    ],
    "medianAutomatedStoppingSpec": {},
}
STEPS = 10


def branin(x, y):
    bend = y - 5.1 / (4 * math.pi ** 2) * x * x + 5 / math.pi * x - 6
    return bend * bend + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def evaluate(study, trial, pause):
    """Like a training run: the loss falls step by step and is reported, and the study may stop the trial early."""
    best = branin(**parameters_of(trial))
    # A trial that was begun before has its measurements already.
    last = max((int(each["stepCount"]) for each in trial.get("measurements", [])), default=0)
    for step in range(last + 1, STEPS + 1):
        time.sleep(pause)
        study.measure(trial, step, {"loss": best + 20 / step - 20 / STEPS})
        if step < STEPS and study.should_stop(trial):
            break
    return study.complete(trial)


def work_left(study, arguments):
    trials = study.trials()
    begun = any(t["state"] in ("ACTIVE", "STOPPING") and t.get("clientId") == arguments.client_id for t in trials)
    return begun or len(trials) < arguments.trials


def tune(study, arguments):
    while work_left(study, arguments):
        trials = study.suggest(arguments.client_id)
        if not trials:
            return
        for trial in trials:
            ended = evaluate(study, trial, arguments.pause)
            print(f"trial {ended['id']}: " + " ".join(f"{name}={value:.3f}" for name, value in parameters_of(ended).items())
                  + f" -> {metrics_of(ended)['loss']:.4f} {ended.get('stoppingReason', '')}", flush=True)


def main():
    home = pathlib.Path.home() / ".troupe"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=home, help="the data directory of `troupe up`")
    parser.add_argument("--study", default="branin", help="the study's display name; it is created if there is none")
    parser.add_argument("--client-id", default=socket.gethostname())
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds that a step takes")
    arguments = parser.parse_args()

    for attempt in range(60):
        try:
            # Read again each time: a controller that restarted may listen on another port.
            endpoint = (arguments.data / "endpoint").read_text().strip()
            client = Client(endpoint, (arguments.data / "token").read_text().strip())
            study = Study.open(client, arguments.study, SPEC)
            tune(study, arguments)
            best = study.optimal()[0]
            print(f"best trial {best['id']}: {parameters_of(best)} -> {metrics_of(best)['loss']:.4f}")
            return 0
        except (FileNotFoundError, ConnectionError, urllib.error.URLError) as problem:
            print(f"no controller, trying again: {problem}", file=sys.stderr)
            time.sleep(0.5)
    return 1


if __name__ == "__main__":
    sys.exit(main())
