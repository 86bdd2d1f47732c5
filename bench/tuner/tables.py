"""Markdown tables of figures."""
import score


def table(head, rows):
    lines = ["| " + " | ".join(map(str, head)) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def short(value):
    if value is None:
        return "-"
    if abs(value) < 1e-9:
        return "0"
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.2g}" if abs(value) < 100 else f"{value:.3g}"


def spread(values):
    """The median, and the quartiles."""
    low, middle, high = score.quartiles(values)
    return f"{short(middle)} ({short(low)} .. {short(high)})"


def regrets(by_name, trials):
    """The regret of every task and optimiser after a number of trials; `by_name`: {name: {task: runs}}."""
    names = list(by_name)
    rows = []
    for task in by_name[names[0]]:
        cells = [score.after(by_name[name][task], trials) if task in by_name[name] else None for name in names]
        best = min(score.quantile(cell, 0.5) for cell in cells if cell)
        rows.append([task] + [bold(spread(cell), score.quantile(cell, 0.5) <= best * 1.0001) if cell else "-" for cell in cells])
    return table([f"after {trials} trials"] + names, rows)


def bold(text, yes):
    return f"**{text}**" if yes else text


def verdict(what, value, met):
    return f"* {what}: {value}{'' if met is None else ', met' if met else ', MISSED'}"
