"""A line plot of the peers' times over the sizes as SVG, both axes logarithmic; needs no library."""
import math

from report import size_text

WIDTH, HEIGHT = 860, 520
LEFT, RIGHT, TOP, BOTTOM = 80, 150, 50, 60
COLOURS = ["#c0392b", "#2471a3", "#229954", "#884ea0", "#7f8c8d", "#b9770e"]


class Axis:
    """A logarithmic scale in pixels."""

    def __init__(self, low, high, start, end):
        self.low, self.high = math.log10(low), math.log10(high)
        if self.high == self.low:
            self.high += 1
        self.start, self.end = start, end

    def at(self, value):
        return self.start + (math.log10(value) - self.low) / (self.high - self.low) * (self.end - self.start)


def text(x, y, words, anchor="middle", size=12):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{words}</text>'


def line(x1, y1, x2, y2, colour="#dddddd"):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def svg(rows, peers, title):
    sizes = sorted({size for _, size in rows})
    times = [row["median_us"] for row in rows.values()]
    low, high = (10 ** edge for edge in (math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))))
    across = Axis(sizes[0], sizes[-1], LEFT, WIDTH - RIGHT)
    up = Axis(low, high, HEIGHT - BOTTOM, TOP)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', text(WIDTH / 2, 28, title, size=15)]
    for size in sizes:
        parts += [line(across.at(size), TOP, across.at(size), HEIGHT - BOTTOM),
                  text(across.at(size), HEIGHT - BOTTOM + 18, size_text(size), size=10)]
    time = low
    while time <= high:
        parts += [line(LEFT, up.at(time), WIDTH - RIGHT, up.at(time)),
                  text(LEFT - 8, up.at(time) + 4, time_text(time), "end")]
        time *= 10
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16, "bytes per rank; median time of an all-reduce"))
    for place, peer in enumerate(peers):
        parts += curve(rows, peer, sizes, across, up, COLOURS[place % len(COLOURS)], TOP + 10 + 20 * place)
    return "\n".join(parts + ["</svg>", ""])


def curve(rows, peer, sizes, across, up, colour, legend_y):
    points = [(across.at(size), up.at(rows[peer, size]["median_us"])) for size in sizes if (peer, size) in rows]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>']
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
    return parts + [line(WIDTH - RIGHT + 15, legend_y, WIDTH - RIGHT + 40, legend_y, colour),
                    text(WIDTH - RIGHT + 46, legend_y + 4, peer, "start")]


def time_text(microseconds):
    for unit, name in ((1e6, "s"), (1e3, "ms")):
        if microseconds >= unit:
            return f"{microseconds / unit:g} {name}"
    return f"{microseconds:g} us"
