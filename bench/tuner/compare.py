#!/usr/bin/python3
"""Troupe's tuner beside Optuna's samplers and stored curves of others: the same functions, seeds and budgets.

    bench/tuner/compare.py all --seeds 20 --out build/tuner          everything; Optuna takes an hour the first time
    bench/tuner/compare.py sequential --no-optuna                    without running Optuna, with its stored results
    bench/tuner/compare.py sequential --reuse                        runs nothing; makes tables and plots again
    bench/tuner/compare.py speed --repeats 20                        suggestions in 20 dimensions, one core
    bench/tuner/compare.py all --reuse --docs docs                   puts tables and plots into docs/tuning.md

Writes under --out the curves (JSON), a table for each figure (Markdown), and plots (SVG); prints the tables.
Results of Optuna, which do not change, are stored in --kept, and only missing ones are run; that needs
Debian's python3-optuna (scripts/packages --bench).
"""
import argparse
import os
import platform
import sys
import time

import figures
import peers
import runs


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figure", choices=["all", *figures.ALL], nargs="+")
    parser.add_argument("--build", default="build")
    parser.add_argument("--out", default="build/tuner")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--kept", help="results of Optuna (OUT/peers.json)")
    parser.add_argument("--no-optuna", dest="optuna", action="store_false", help="take of Optuna only what is kept")
    parser.add_argument("--reuse", action="store_true", help="take Troupe's curves from --out where they are there")
    parser.add_argument("--repeats", type=int, default=20, help="of speed: suggestions for each number of trials")
    parser.add_argument("--study", action="store_true", help="of speed: a real study of 1000 trials as well")
    parser.add_argument("--docs", help="folder of tuning.md, whose tables and plots become these")
    return parser.parse_args()


def write(path, content):
    with open(path, "w") as file:
        file.write(content)


def seeds_text(args, figure):
    seeds = min(args.seeds, figure.seeds_max)
    return [f"{seeds} seeds."] if seeds else []


def document(folder, name, figure, closing):
    """Replaces the text between the marks of this figure in tuning.md, and the plots."""
    path = os.path.join(folder, "tuning.md")
    with open(path) as file:
        text = file.read()
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    if start in text and end in text:
        before, _, rest = text.partition(start)
        write(path, before + start + "\n\n".join(figure.brief + closing) + "\n" + end + rest.partition(end)[2])
    for file_name, content in figure.plots.items():
        write(os.path.join(folder, file_name), content)


def main():
    args = parse()
    args.troupe = runs.Troupe(args.build, args.out, args.reuse)
    args.kept = peers.Kept(args.kept or os.path.join(args.out, "peers.json"))
    if args.optuna and not peers.installed():
        print("python3-optuna is not installed (scripts/packages --bench): only what is kept of it is shown", file=sys.stderr)
        args.optuna = False
    for name in figures.ALL if "all" in args.figure else args.figure:
        start = time.time()
        figure = figures.ALL[name](args)
        text = "\n\n".join([f"## {figure.title}", *figure.parts,
                            *seeds_text(args, figure), f"{platform.machine()}, {time.time() - start:.0f} s in all.\n"])
        print(text, flush=True)
        for file_name, content in {name + ".md": text, **figure.plots}.items():
            write(os.path.join(args.out, file_name), content)
        if args.docs:
            document(args.docs, name, figure, seeds_text(args, figure))


if __name__ == "__main__":
    try:
        main()
    except runs.RunError as error:
        sys.exit(f"compare.py: {error}")
