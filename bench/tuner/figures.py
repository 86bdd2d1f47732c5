"""The measurements that compare.py offers: each takes the arguments and gives a Figure."""
import statistics
import typing

import anchors
import plots
import score
import tables
import tasks
from peers import NAMES, PEERS
from tables import table, verdict

TRIALS = 100
FRONT_SEEDS = 10  # two objectives take longer
OWN = "Troupe"
RANDOM = "random"


class Figure(typing.NamedTuple):
    title: str
    parts: list  # Markdown
    brief: list  # one for each part of docs/tuning.md
    plots: dict = {}  # file name: SVG
    seeds_max: int = 1000  # the number that was requested, or less


def shortened(curves, trials):
    return {task: [run[:trials] for run in runs] for task, runs in curves.items()}


def mean(values):
    return statistics.mean(list(values))


class Comparison:
    """Curves of several optimisers on the same tasks: {name: {task: runs}}, Troupe's first."""

    def __init__(self, by_name, trials=TRIALS, yardstick=None, scored=None):
        self.by_name = {name: curves for name, curves in by_name.items() if curves}
        self.trials = trials
        self.names = list(by_name[OWN])
        self.yardstick = yardstick or by_name[RANDOM]
        # Tasks whose minimum is known.
        self.scored = [task for task in self.names if not task.startswith("krr")] if scored is None else scored

    @property
    def own(self):
        return self.by_name[OWN]

    def others(self):
        return [name for name in self.by_name if name != OWN]

    def score_of(self, name):
        """Over its tasks; None if one is missing."""
        curves = self.by_name[name]
        if not set(self.scored) <= set(curves):
            return None
        return score.score({task: curves[task] for task in self.scored}, self.yardstick, self.trials)

    def wins(self, other):
        theirs = self.by_name[other]
        return {task: score.win_rate(self.own[task], theirs[task], self.trials) for task in self.names if task in theirs}

    def scores(self):
        rows = [[name] + [tables.short(value) if value is None else f"{value:.2f}"
                          for value in (self.score_of(name), None if name == OWN else mean(self.wins(name).values()))]
                for name in self.by_name]
        return table(["", "score S", "Troupe's win-rate"], rows)

    def win_table(self):
        wins = {name: self.wins(name) for name in self.others()}
        rows = [[task] + [f"{wins[name][task]:.2f}" if task in wins[name] else "-" for name in wins] for task in self.names]
        rows.append(["mean"] + [f"**{mean(wins[name].values()):.2f}**" for name in wins])
        return table(["Troupe's win-rate"] + list(wins), rows)

    def against_random(self):
        """For each task the probability that Troupe's lead over random draws is chance."""
        return {task: score.chance_of_no_difference(self.own[task], self.yardstick[task], self.trials) for task in self.names}

    def efficiency(self):
        """The part of the others' trials that Troupe needs."""
        factors = {name: {task: score.trials_needed(shortened({0: self.by_name[name][task]}, self.trials)[0],
                                                    shortened({0: self.own[task]}, self.trials)[0])
                          for task in self.names if task in self.by_name[name]} for name in self.others()}
        rows = [[task] + [f"{factors[name][task]:.2f}" if task in factors[name] else "-" for name in factors]
                for task in self.names]
        overall = [statistics.geometric_mean(each.values()) for each in factors.values()]
        rows.append(["all (geometric mean)"] + [f"**{factor:.2f}**" for factor in overall])
        return table(["trials Troupe needs, of those of"] + list(factors), rows)

    def plot(self, title, drawn):
        by_task = {task: {name: self.by_name[name][task] for name in drawn
                          if name in self.by_name and task in self.by_name[name]} for task in self.names}
        return plots.svg({task: shortened(curves, self.trials) for task, curves in by_task.items()}, title)


def optuna(args, group, trials, seeds):
    """{peer's name: ({task: runs}, {task: seconds per suggestion})}"""
    found = {}
    for peer in PEERS[group]:
        curves, seconds = {}, {}
        for task in tasks.GROUPS[group]:
            if task.endswith("_flat"):
                continue
            entry = args.kept.need(peer, task, seeds, trials, measure=args.optuna)
            whole = [values[:trials] for values in entry["values"][:seeds] if len(values) >= trials]
            if whole:
                curves[task] = whole
                seconds[task] = entry["seconds"]
        if curves:
            found[NAMES[peer]] = curves, seconds
    return found


def falling(curves):
    return {task: [score.best_so_far(run) for run in runs] for task, runs in curves.items()}


def own_and_random(args, group, trials):
    own, seconds = args.troupe.curves(group, tasks=group, seeds=args.seeds, trials=trials)
    random, _ = args.troupe.curves(group + "-random", tasks=group, seeds=args.seeds, trials=trials, algorithm="RANDOM_SEARCH")
    return own, random, seconds


def sequential(args):
    """The public tasks, one trial after the other, beside Optuna and the stored anchors."""
    own, random, seconds = own_and_random(args, "public", 128)
    peers = optuna(args, "public", TRIALS, args.seeds)
    by_name = {OWN: own}
    by_name |= {anchors.NAMES[name]: anchors.curves(name) for name in ("vizier-spec", "optuna-gp")}
    by_name |= {name: falling(curves) for name, (curves, _) in peers.items()}
    by_name[RANDOM] = random
    found = Comparison(by_name, yardstick=anchors.curves("random"))
    early = [tables.regrets(found.by_name, trials) for trials in (25, 50)]
    verdicts = "\n".join(sequential_verdicts(found))
    brief = [tables.regrets(found.by_name, TRIALS), found.scores(), found.win_table(), verdicts]
    parts = early + brief[:-1] + [found.efficiency(), seconds_table(seconds, peers), random_table(found), verdicts]
    plot = found.plot("Best regret so far: median and quartiles over seeds",
                      [OWN, anchors.NAMES["vizier-spec"], anchors.NAMES["optuna-gp"], NAMES["tpe"], RANDOM])
    return Figure("Public tasks, one trial after the other", parts, brief, {"tuning-public.svg": plot})


def seconds_table(seconds, peers):
    def cell(values):
        return f"{1e3 * statistics.median(values):.1f}"

    rows = [[task, cell(values)] + [cell(spent[task]) if task in spent else "-" for _, spent in peers.values()]
            for task, values in seconds.items()]
    return table(["CPU ms per suggestion", OWN] + list(peers), rows)


def random_table(found):
    rows = [[task, f"{p:.1e}"] for task, p in found.against_random().items()]
    return table(["beside random draws", "p that Troupe's lead is luck"], rows)


def sequential_verdicts(found):
    vizier, gp = anchors.NAMES["vizier-spec"], anchors.NAMES["optuna-gp"]
    own_score = found.score_of(OWN)
    wins = {name: mean(found.wins(name).values()) for name in (vizier, gp)}
    lines = [verdict("score S, at most -2.15", f"{own_score:.2f}", own_score <= -2.15),
             verdict(f"win-rate against {vizier}, at least 0.60", f"{wins[vizier]:.2f}", wins[vizier] >= 0.6),
             verdict(f"win-rate against {gp}, at least 0.70", f"{wins[gp]:.2f}", wins[gp] >= 0.7)]
    worst = max(found.against_random().items(), key=lambda item: item[1])
    lines.append(verdict("better than random draws on every task (p < 0.01)", f"largest p {worst[1]:.1e} ({worst[0]})",
                         worst[1] < 0.01))
    columns = [anchors.curves(name) for name in anchors.NAMES] + [found.by_name[name] for name in found.others()]
    for task in ("rastrigin5s", "ackley10s"):
        medians = [statistics.median(score.after(curves[task], TRIALS)) for curves in columns if task in curves]
        own = statistics.median(score.after(found.own[task], TRIALS))
        lines.append(verdict(f"median on {task}, better than all others ({tables.short(min(medians))})", tables.short(own),
                             own < min(medians)))
    return lines


def holdout(args):
    """Functions and a training run for which nothing was tuned."""
    own, random, seconds = own_and_random(args, "holdout", TRIALS)
    peers = optuna(args, "holdout", TRIALS, args.seeds)
    found = Comparison({OWN: own} | {name: falling(curves) for name, (curves, _) in peers.items()} | {RANDOM: random})
    brief = [tables.regrets(found.by_name, TRIALS), found.scores()]
    parts = brief + [found.win_table(), found.efficiency(), seconds_table(seconds, peers), random_table(found)]
    plot = found.plot("Held-out tasks: best regret so far", [OWN, NAMES["tpe"], NAMES["cma-es"], RANDOM])
    return Figure("Held-out tasks", parts, brief, {"tuning-holdout.svg": plot})


def batches(args):
    """16 batches of 8, and 8 workers that end at random times, compared with one trial after the other."""
    curves = {"one by one": args.troupe.curves("public", tasks="public", seeds=args.seeds, trials=128)[0]}
    for name, options in {"16 batches of 8": {"batch": 8}, "8 workers": {"workers": 8}}.items():
        label = "public-" + "-".join(f"{key}{value}" for key, value in options.items())
        curves[name] = args.troupe.curves(label, tasks="public", seeds=args.seeds, trials=128, **options)[0]
    base = curves["one by one"]
    names = ["16 batches of 8", "8 workers"]
    factors = {name: {task: score.trials_needed(base[task], curves[name][task]) for task in base} for name in names}
    rows = []
    for task in base:
        rows.append([task] + [tables.spread(score.after(curves[name][task], 128)) for name in curves]
                    + [f"{factors[name][task]:.2f}" for name in names])
    overall = {name: statistics.geometric_mean(factors[name].values()) for name in names}
    rows.append(["all (geometric mean)", "", "", ""] + [f"**{overall[name]:.2f}**" for name in names])
    head = ["regret after 128 trials"] + list(curves) + [f"trials needed, {name}" for name in names]
    lines = []
    for name in names:
        worse = [f"{task} {factor:.2f}" for task, factor in factors[name].items() if factor > 1.15]
        lines.append(verdict(f"{name}: at most 1.15 of the trials, overall", f"{overall[name]:.2f}", overall[name] <= 1.15))
        lines.append(verdict(f"{name}: the same on every task", "above it: " + (", ".join(worse) or "none"), not worse))
    plot = plots.svg({task: {name: curves[name][task] for name in curves} for task in base},
                     "128 trials: one by one, in batches of 8, on 8 workers")
    parts = [table(head, rows), "\n".join(lines)]
    return Figure("Batches and workers", parts, parts, {"tuning-batches.svg": plot})


def conditional(args):
    """Conditional parameters inside the model, compared with the same parameters as ordinary ones, and with Optuna's TPE."""
    both, random, _ = own_and_random(args, "conditional", TRIALS)
    names = [name for name in both if not name.endswith("_flat")]
    by_name = {OWN: {name: both[name] for name in names},
               "Troupe, flat": {name: both[name + "_flat"] for name in names}}
    by_name |= {name: falling(curves) for name, (curves, _) in optuna(args, "conditional", TRIALS, args.seeds).items()}
    by_name[RANDOM] = {name: random[name] for name in names}
    found = Comparison(by_name)
    brief = [tables.regrets(found.by_name, TRIALS), found.win_table()]
    parts = [tables.regrets(found.by_name, trials) for trials in (25, 50)] + brief + [found.efficiency()]
    lines = []
    for name in found.others()[:-1]:
        rate = mean(found.wins(name).values())
        medians = [task for task in names if statistics.median(score.after(found.own[task], TRIALS))
                   > statistics.median(score.after(found.by_name[name][task], TRIALS))]
        lines.append(verdict(f"win-rate against {name}, above 0.5",
                             f"{rate:.2f}; medians worse on: {', '.join(medians) or 'none'}", rate > 0.5))
    plot = found.plot("Conditional parameters: best regret so far", found.by_name)
    verdicts = ["\n".join(lines)]
    return Figure("Conditional parameters", parts + verdicts, brief + verdicts, {"tuning-conditional.svg": plot})


VARIANTS = {"5 % noise": {"noise": 0.05}, "10 % fail": {"failures": 0.1}, "both": {"noise": 0.05, "failures": 0.1}}


def robust(args):
    """Noise of 5 % of the interquartile range of random points, and 10 % of trials that fail."""
    own = {"neither": args.troupe.curves("public", tasks="public", seeds=args.seeds, trials=128)[0]}
    random = {}
    for name, options in VARIANTS.items():
        label = "public-" + "-".join(f"{key}{value}" for key, value in options.items())
        shape = {"tasks": "public", "seeds": args.seeds, "trials": TRIALS, **options}
        own[name] = args.troupe.curves(label, **shape)[0]
        random[name] = args.troupe.curves(label + "-random", algorithm="RANDOM_SEARCH", **shape)[0]
    yardstick = anchors.curves("random")
    scored = [task for task in own["neither"] if not task.startswith("krr")]
    rows = [["score S"] + [f"{score.score({task: curves[task] for task in scored}, yardstick):.2f}" for curves in own.values()],
            ["win-rate against random draws that have the same"] + ["-"]
            + [f"{mean(score.win_rate(own[name][task], random[name][task]) for task in own[name]):.2f}" for name in VARIANTS]]
    ended = all(len(run) >= TRIALS and max(run[19:TRIALS]) < 1e299
                for curves in own.values() for runs in curves.values() for run in runs)
    lines = [verdict("every study came to its end", "yes" if ended else "no", ended)]
    for name in VARIANTS:
        worst = max((score.chance_of_no_difference(own[name][task], random[name][task]), task) for task in own[name])
        lines.append(verdict(f"{name}: better than random draws that have the same, on every task (p < 0.01)",
                             f"largest p {worst[0]:.1e} ({worst[1]})", worst[0] < 0.01))
    parts = [tables.regrets(own, TRIALS), table(["", *own], rows), "\n".join(lines)]
    return Figure("Noise and failures", parts, parts)


def fronts(args):
    """Two objectives: the part of the true front's hypervolume that is still missing."""
    seeds = min(args.seeds, FRONT_SEEDS)
    own, seconds = args.troupe.curves("fronts", tasks="fronts", seeds=seeds, trials=200)
    random, _ = args.troupe.curves("fronts-random", tasks="fronts", seeds=seeds, trials=200, algorithm="RANDOM_SEARCH")
    peers = optuna(args, "fronts", 200, seeds)
    by_name = {OWN: own} | {name: curves for name, (curves, _) in peers.items()} | {RANDOM: random}
    missing = {name: {task: missing_share(task, runs[:seeds]) for task, runs in curves.items()}
               for name, curves in by_name.items()}
    brief = [tables.regrets(missing, trials) for trials in (100, 200)]
    parts = [tables.regrets(missing, 50)] + brief
    for trials in (100, 200):
        found = Comparison(missing, trials, scored=list(own))
        brief = brief + [f"After {trials} trials:\n\n" + found.win_table()]
        parts.append(brief[-1])
    parts += [seconds_table(seconds, peers)]
    plot = Comparison(missing, 200).plot("Part of the true front's hypervolume that is missing", missing)
    return Figure("Two objectives", parts, brief, {"tuning-fronts.svg": plot}, FRONT_SEEDS)


def missing_share(task, runs):
    made = tasks.ALL[task]
    whole = score.hypervolume(made.front(), made.reference)
    return [score.missing_hypervolume(values, made.reference, whole) for values in runs]


LIMITS_MS = {100: 20, 500: 150, 1000: 250}


def speed(args):
    """A suggestion in 20 dimensions on one core."""
    parts, lines = [], []
    for name, options in {"made-up trials": [], "batches of 8": ["--batch", 8, "--trials", "100,500,1000"]}.items():
        rows = args.troupe.speed("--repeats", args.repeats, *options)
        parts.append(f"A suggestion after so many trials in 20 dimensions; {name}:\n\n" + speed_table(rows))
        if not options:
            lines = [speed_verdict(row) for row in rows if row["trials"] in LIMITS_MS]
            lines.append(verdict("the same seed gives the same suggestion", ", ".join(row["same"] for row in rows),
                                 all(row["same"] == "yes" for row in rows)))
    if args.study:
        rows = args.troupe.speed("--repeats", args.repeats, "--study", "--trials", "100,500,1000")
        parts.append("The last suggestions of a real study before so many trials:\n\n" + speed_table(rows))
    parts.append("\n".join(lines))
    return Figure("Speed", parts, parts, {}, 0)


def speed_verdict(row):
    trials, ms = row["trials"], row["cpu_median_ms"]
    return verdict(f"median after {trials} trials, under {LIMITS_MS[trials]} ms", f"{ms:.0f} ms of CPU time",
                   ms < LIMITS_MS[trials])


def speed_table(rows):
    columns = {"trials": "trials", "suggestions": "suggestions", "CPU ms, median": "cpu_median_ms", "p90": "cpu_p90_ms",
               "elapsed ms, median": "median_ms", " p90": "p90_ms", "memory, MiB": "memory_mib", "repeats": "same"}
    return table(columns, [[row[key] for key in columns.values()] for row in rows])


ALL = {"sequential": sequential, "holdout": holdout, "batches": batches, "conditional": conditional, "robust": robust,
       "fronts": fronts, "speed": speed}
