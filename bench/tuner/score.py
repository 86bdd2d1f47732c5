"""Statistics of curves of regret: medians, the score S, win-rates, tests against random draws, log-efficiency, hypervolume.

A set of curves is {task: [one list of regrets per seed]}; all regrets are to be small."""
import bisect
import math
import statistics

# Below this regrets are rounding errors of the tasks.
LEAST = 1e-12
# A task counts as solved at this part of random search's regret; without a floor one solved task would outweigh all others.
FLOOR = 1e-3


def best_so_far(values):
    best, curve = math.inf, []
    for value in values:
        best = min(best, value)
        curve.append(best)
    return curve


def after(runs, trials):
    """The regret of every seed after so many trials."""
    return [max(run[trials - 1], LEAST) for run in runs]


def quantile(values, q):
    """Linear between the two values next to it."""
    ordered = sorted(values)
    place = q * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def quartiles(values):
    return quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75)


def score(curves, yardstick, trials=100):
    """S: the mean over tasks and seeds of log10 of the regret as a part of random search's median one."""
    return statistics.mean(task_score(runs, yardstick[task], trials) for task, runs in curves.items())


def task_score(runs, random_runs, trials):
    unit = statistics.median(after(random_runs, trials))
    return statistics.mean(math.log10(max(regret / unit, FLOOR)) for regret in after(runs, trials))


def win_rate(runs, others, trials=100):
    """The probability that a run beats one of the other optimiser; ties count half."""
    pairs = [(a, b) for a in after(runs, trials) for b in after(others, trials)]
    return sum(1.0 if a < b else 0.5 if a == b else 0.0 for a, b in pairs) / len(pairs)


def chance_of_no_difference(runs, others, trials=100):
    """The p-value of Mann and Whitney's test that the regrets of `runs` are lower (one-sided, with ties)."""
    a, b = after(runs, trials), after(others, trials)
    n, m = len(a), len(b)
    wins = win_rate(runs, others, trials) * n * m
    ties = [(a + b).count(value) for value in set(a + b)]
    total = n + m
    variance = n * m / 12 * (total + 1 - sum(t**3 - t for t in ties) / (total * (total - 1)))
    if variance == 0:
        return 0.5
    z = (wins - n * m / 2 - 0.5) / math.sqrt(variance)
    return 0.5 * math.erfc(z / math.sqrt(2))


def slanted(run):
    """A curve whose flat parts, but the last, are slopes to the next drop: so that reaching a level has a time."""
    corners = [0] + [i for i in range(1, len(run)) if run[i] < run[i - 1]]
    if corners[-1] != len(run) - 1:
        corners.append(len(run) - 1)
    made = []
    for start, end in zip(corners, corners[1:]):
        made += [run[start] + (run[end] - run[start]) * i / (end - start) for i in range(end - start)]
    return made + [run[-1]]


def median_curve(runs):
    return [statistics.median(column) for column in zip(*runs)]


def extended(run, steps):
    """Extended with the average slope of its second half."""
    half = run[len(run) // 2:]
    slope = (half[-1] - half[0]) / (len(half) - 1) if len(half) > 1 else 0
    return run + [run[-1] + slope * (i + 1) for i in range(steps)]


def first_reaches(curve, levels):
    """The index at which a falling curve reaches each level, or infinity."""
    rising = [-value for value in curve]
    found = [bisect.bisect_left(rising, -level) for level in levels]
    return [index if index < len(curve) else math.inf for index in found]


def log_efficiency(base, new):
    """Vizier's measure: by how much less trials `new` needs to the levels of regret that both pass, as a median of logarithms.
    exp(-result) is the part of `base`'s trials that it needs."""
    base, new = [[slanted([max(v, LEAST) for v in run]) for run in runs] for runs in (base, new)]
    levels = median_curve(base + new)
    steps = int(math.e * len(levels))
    reached = []
    for runs in (base, new):
        reached.append(first_reaches(median_curve([extended(run, steps) for run in runs]), levels))
    own = first_reaches(levels, levels)

    def gain(index, against):
        return -1.0 if math.isinf(index) else max(-1.0, min(1.0, math.log(1 + against) - math.log(1 + index)))

    return statistics.median(gain(n, at) - gain(b, at) for b, n, at in zip(*reached, own))


def trials_needed(base, new):
    """As a multiple of what `base` needs to the same regret."""
    return math.exp(-log_efficiency(base, new))


def hypervolume(points, reference):
    """Exact, of two objectives: the area that the points dominate, up to the reference corner."""
    area, lowest = 0.0, reference[1]
    for x, y in sorted((p[0], p[1]) for p in points):
        if x < reference[0] and y < lowest:
            area += (reference[0] - x) * (lowest - y)
            lowest = y
    return area


def missing_hypervolume(values, reference, whole):
    """After every trial, the part of the true front's hypervolume that is not covered."""
    curve, front = [], []
    for point in values:
        if not any(p[0] <= point[0] and p[1] <= point[1] for p in front):
            front = [p for p in front if not (point[0] <= p[0] and point[1] <= p[1])] + [point]
        curve.append(1 - hypervolume(front, reference) / whole)
    return curve
