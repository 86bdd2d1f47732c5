"""Runs of Troupe's tuner by the program tune-functions, kept in the folder of a measurement."""
import json
import os
import subprocess
import sys


class RunError(Exception):
    pass


class Troupe:
    """`reuse`: curves that are there already are read again, not measured again."""

    def __init__(self, build, out, reuse=False):
        self.programs = os.path.join(build, "bench", "tuner")
        self.out, self.reuse = out, reuse
        os.makedirs(out, exist_ok=True)

    def program(self, name):
        path = os.path.join(self.programs, name)
        if not os.path.exists(path):
            raise RunError(f"{path} is not there: build it with `ninja -C BUILD bench/tuner/{name}`, or name the build "
                           "folder with --build")
        return path

    def curves(self, label, **options):
        """{task: runs} and {task: seconds per suggestion of every seed}; options are the program's own."""
        paths = [os.path.join(self.out, f"{label}{end}.json") for end in ("", "-seconds")]
        if not (self.reuse and all(map(os.path.exists, paths)) and enough(load(paths[0]), **options)):
            self.measure(label, paths, options)
        return tuple({task: runs[:options["seeds"]] for task, runs in load(path).items()} for path in paths)

    def measure(self, label, paths, options):
        argv = [self.program("tune-functions"), "--out", paths[0] + ".new", "--timings", paths[1] + ".new"]
        for name, value in options.items():
            argv += ["--" + name.replace("_", "-"), str(value)]
        print(f"{label}: {' '.join(argv[5:])}", file=sys.stderr, flush=True)
        subprocess.run(argv, check=True, stdout=sys.stderr)
        for path in paths:
            os.replace(path + ".new", path)

    def speed(self, *arguments):
        """The rows of tune-speed."""
        done = subprocess.run([self.program("tune-speed"), *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True)
        return [json.loads(line) for line in done.stdout.splitlines()]


def enough(curves, seeds, trials, **_):
    return all(len(runs) >= seeds and min(map(len, runs)) >= trials for runs in curves.values())


def load(path):
    with open(path) as file:
        return json.load(file)
