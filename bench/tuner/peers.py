#!/usr/bin/python3
"""Optuna (Debian's python3-optuna) on the tasks of tasks.py. Its samplers do not change with Troupe, so their results
are stored in a file, and only missing ones are run:

    bench/tuner/peers.py --kept build/tuner/peers.json --tasks public --seeds 20
"""
import argparse
import importlib.util
import json
import os
import time
import warnings

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: matrices here are small, and threads would only cost

import tasks

# The samplers that each group of tasks is compared with.
PEERS = {
    "public": ["tpe", "tpe-multivariate", "cma-es"],
    "holdout": ["tpe", "cma-es"],
    "conditional": ["tpe-group"],
    "fronts": ["nsga-ii"],
}
NAMES = {"tpe": "Optuna TPE", "tpe-multivariate": "Optuna TPE, multivariate", "cma-es": "Optuna CMA-ES",
         "tpe-group": "Optuna TPE, multivariate, group", "nsga-ii": "Optuna NSGA-II"}


def installed():
    return importlib.util.find_spec("optuna") is not None


def sampler(peer, seed):
    from optuna import samplers
    if peer == "tpe":
        return samplers.TPESampler(seed=seed)
    if peer == "tpe-multivariate":
        return samplers.TPESampler(seed=seed, multivariate=True)
    if peer == "tpe-group":
        return samplers.TPESampler(seed=seed, multivariate=True, group=True)
    if peer == "cma-es":
        return samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
    return samplers.NSGAIISampler(seed=seed)


def ask(trial, parameters):
    """A trial's point. Discrete values are categories for Optuna, which has steps but no lists of numbers."""
    point = {}
    for p in parameters:
        if not p.active(point):
            continue
        if p.kind in ("discrete", "category"):
            point[p.id] = trial.suggest_categorical(p.id, list(p.values))
        elif p.kind == "integer":
            point[p.id] = trial.suggest_int(p.id, p.low, p.high)
        else:
            point[p.id] = trial.suggest_float(p.id, p.low, p.high, log=p.kind == "log")
    return point


def run(peer, name, seed, trials):
    """The value of every trial, and the seconds of CPU time that a suggestion took (without the tasks' own time)."""
    import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    task = tasks.ALL[name]
    function = task.make(seed)
    goals = ["minimize"] * max(1, len(task.reference))
    study = optuna.create_study(directions=goals, sampler=sampler(peer, seed))
    values, spent = [], 0.0
    for _ in range(trials):
        start = time.process_time()
        trial = study.ask()
        point = ask(trial, task.parameters)
        spent += time.process_time() - start
        values.append(function(point))
        start = time.process_time()
        study.tell(trial, values[-1])
        spent += time.process_time() - start
    return rounded(values), spent / trials


def rounded(values):
    return [[float(f"{v:.6g}") for v in value] if isinstance(value, tuple) else float(f"{value:.6g}") for value in values]


class Kept:
    """{"peer/task": {"values": [per seed, per trial], "seconds": [per seed]}} in a file."""

    def __init__(self, path):
        self.path = path
        self.runs = {}
        if os.path.exists(path):
            with open(path) as file:
                self.runs = json.load(file)

    def need(self, peer, name, seeds, trials, measure=True):
        """Runs the seeds that are missing or have too few trials; without `measure`, none."""
        entry = self.runs.setdefault(f"{peer}/{name}", {"values": [], "seconds": []})
        for seed in range(seeds) if measure else ():
            if seed < len(entry["values"]) and len(entry["values"][seed]) >= trials:
                continue
            values, seconds = run(peer, name, seed, trials)
            entry["values"][seed:seed + 1] = [values]
            entry["seconds"][seed:seed + 1] = [float(f"{seconds:.4g}")]
            self.save()
        return entry

    def save(self):
        os.makedirs(os.path.dirname(self.path) or ".", exist_ok=True)
        with open(self.path + ".new", "w") as file:
            json.dump(self.runs, file)
        os.replace(self.path + ".new", self.path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kept", default="build/tuner/peers.json")
    parser.add_argument("--tasks", default="public", choices=tasks.GROUPS)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--peers", nargs="+", choices=NAMES, help="of the group's, only these")
    args = parser.parse_args()
    kept = Kept(args.kept)
    for name in tasks.GROUPS[args.tasks]:
        if name.endswith("_flat"):
            continue
        for peer in args.peers or PEERS[args.tasks]:
            start = time.time()
            kept.need(peer, name, args.seeds, args.trials)
            print(f"{peer} on {name}: {time.time() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
