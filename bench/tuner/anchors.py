"""Stored curves of optimisers that do not run here: anchors.json.gz, which names their origin."""
import functools
import gzip
import json
import os

NAMES = {"vizier-spec": "Vizier's published algorithm", "optuna-gp": "Optuna GP", "random": "uniform draws",
         "variant-ucb": "variant, UCB", "variant-logei": "variant, LogEI"}


@functools.cache
def stored():
    with gzip.open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "anchors.json.gz"), "rt") as file:
        return json.load(file)["curves"]


def curves(name):
    """{task: runs}"""
    return {key.partition("/")[2]: runs for key, runs in stored().items() if key.startswith(name + "/")}
