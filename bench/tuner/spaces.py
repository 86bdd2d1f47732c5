"""Search spaces for peers in Python, and the parts of tasks."""
import dataclasses
import typing

import numpy as np


class Generator:
    """SplitMix64; unit() is uniform in [0, 1)."""

    def __init__(self, seed):
        self.state = seed % 2**64

    def unit(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) % 2**64
        z = self.state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return ((z ^ (z >> 31)) >> 11) * 2.0**-53

    def between(self, low, high):
        return low + (high - low) * self.unit()


@dataclasses.dataclass(frozen=True)
class Parameter:
    id: str
    kind: str  # real, log, integer, discrete, category
    low: float = 0
    high: float = 0
    values: tuple = ()
    parent: str = ""  # active only where this parameter has one of these values
    parent_values: tuple = ()

    def active(self, point):
        return not self.parent or point.get(self.parent) in self.parent_values


@dataclasses.dataclass(frozen=True)
class Task:
    parameters: list
    make: typing.Callable  # of a seed: the function, from a point (id to value) to a regret, or to a tuple of objectives
    reference: tuple = ()  # of several objectives: the corner from which hypervolume is measured
    front: typing.Callable = None  # and points of the true front


def real(id, low, high):
    return Parameter(id, "real", low, high)


def log(id, low, high):
    return Parameter(id, "log", low, high)


def integer(id, low, high):
    return Parameter(id, "integer", low, high)


def category(id, *values):
    return Parameter(id, "category", values=values)


def under(parent, values, parameter):
    return dataclasses.replace(parameter, parent=parent, parent_values=tuple(values))


def flat(task):
    """The same, with all parameters always active."""
    return dataclasses.replace(task, parameters=[dataclasses.replace(p, parent="", parent_values=())
                                                 for p in task.parameters])


def reals(count, low, high):
    return [real(f"x{i}", low, high) for i in range(count)]


def vector(point, count, prefix="x"):
    return np.array([point[f"{prefix}{i}"] for i in range(count)], dtype=float)


def drawn(count, seed, low, high):
    random = Generator(seed)
    return np.array([random.between(low, high) for _ in range(count)])
