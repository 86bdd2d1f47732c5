"""Small multiples as SVG: for every task the median curves with a band from the lower to the upper quartile. Needs no library."""
import math

from score import quartiles

PANEL_WIDTH, PANEL_HEIGHT = 250, 165
LEFT, RIGHT, TOP, BOTTOM = 48, 10, 24, 22
COLUMNS = 4
POINTS = 26  # of a curve
COLOURS = ["#c0392b", "#2471a3", "#229954", "#884ea0", "#b9770e", "#7f8c8d"]


class Axis:
    def __init__(self, low, high, start, end, log=False):
        self.log = log
        self.low, self.high = (math.log10(low), math.log10(high)) if log else (low, high)
        if self.high <= self.low:
            self.high = self.low + 1
        self.start, self.end = start, end

    def at(self, value):
        if self.log:
            value = math.log10(value) if value > 0 else self.low
        return self.start + (min(max(value, self.low), self.high) - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self):
        if not self.log:
            return []
        first, last = math.ceil(self.low), math.floor(self.high)
        step = max(1, math.ceil((last - first) / 4))
        return [10.0**power for power in range(first, last + 1, step)]


def text(x, y, words, anchor="middle", size=10, colour="#222222"):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{words}</text>'


def line(x1, y1, x2, y2, colour="#e3e3e3", width=1):
    return f'<line x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}" stroke="{colour}" stroke-width="{width}"/>'


def path(points):
    return " ".join(f"{x:.0f},{y:.1f}" for x, y in points)


def sampled(length):
    """About POINTS places of a curve, both ends among them."""
    return sorted({round(i * (length - 1) / (POINTS - 1)) for i in range(POINTS)})


def number(value):
    return f"{value:g}" if 1e-3 <= value < 1e4 else f"1e{round(math.log10(value))}"


def panel(task, curves, left, top, colours):
    """Axes and curves of one task; `curves` is {name: runs}."""
    summary = {name: [(i + 1, quartiles([run[i] for run in runs])) for i in sampled(len(runs[0]))]
               for name, runs in curves.items()}
    values = [v for points in summary.values() for _, three in points for v in three]
    high = max(values)
    low = max(min((v for v in values if v > 0), default=high), high * 1e-9)
    up = Axis(low, high, top + PANEL_HEIGHT - BOTTOM, top + TOP, log=True)
    trials = max(len(runs[0]) for runs in curves.values())
    across = Axis(1, trials, left + LEFT, left + PANEL_WIDTH - RIGHT)
    parts = [text(left + PANEL_WIDTH / 2, top + 15, task, size=12)]
    for tick in up.ticks():
        parts += [line(across.start, up.at(tick), across.end, up.at(tick)),
                  text(across.start - 4, up.at(tick) + 3, number(tick), "end", 9)]
    for tick in [1] + [round(trials * part / 4) for part in (1, 2, 3, 4)]:
        parts += [line(across.at(tick), up.start, across.at(tick), up.end),
                  text(across.at(tick), up.start + 13, tick, size=9)]
    for name, points in summary.items():
        band = [(across.at(n), up.at(q[2])) for n, q in points] + [(across.at(n), up.at(q[0])) for n, q in reversed(points)]
        parts.append(f'<polygon points="{path(band)}" fill="{colours[name]}" fill-opacity="0.13"/>')
    for name, points in summary.items():
        middle = [(across.at(n), up.at(q[1])) for n, q in points]
        parts.append(f'<polyline points="{path(middle)}" fill="none" stroke="{colours[name]}" stroke-width="1.6"/>')
    return parts


def svg(by_task, title):
    """`by_task`: {task: {name: runs}}; the first name of all is drawn in the first colour, and so on."""
    names = list(dict.fromkeys(name for curves in by_task.values() for name in curves))
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
    columns = min(COLUMNS, len(by_task))
    width = columns * PANEL_WIDTH
    height = 52 + math.ceil(len(by_task) / columns) * PANEL_HEIGHT
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
             f'<rect width="{width}" height="{height}" fill="white"/>', text(width / 2, 18, title, size=13)]
    at = 12
    for name in names:
        parts += [line(at, 36, at + 22, 36, colours[name], 3), text(at + 27, 40, name, "start", 11)]
        at += 45 + 6.3 * len(name)
    for i, (task, curves) in enumerate(by_task.items()):
        parts += panel(task, curves, i % columns * PANEL_WIDTH, 50 + i // columns * PANEL_HEIGHT, colours)
    return "\n".join(parts + ["</svg>", ""])
