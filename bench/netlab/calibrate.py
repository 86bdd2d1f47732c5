"""Whether a lab's links, and not the machine's CPU, are the bound of a run.

Each link is measured alone with one TCP stream; then all at once, each host sending to the next,
which loads every link both ways as an all-reduce through reducers does; then, if the
program was built, with a ring all-reduce of the workers. A figure counts only if the links were the bound.
"""
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "peers"))

import cpu
from lab import TCP_CEILING, LabError, rate_text
from launch import run_ring

RATES = ["1gbit", "500mbit", "300mbit", "200mbit", "100mbit"]
MIN_SHARE = 0.90  # of the links' capacity
MIN_IDLE = 0.10   # of the CPU


def verdict(share, idle):
    """'links' if a run is a result; otherwise 'cpu'."""
    return "links" if share >= MIN_SHARE and idle is not None and idle >= MIN_IDLE else "cpu"


def streams(lab, pairs, warm_s, measure_s):
    """Bits per second of each pair's stream, all at once, and the share of CPU idle meanwhile."""
    script = [sys.executable, "-S", "-E", os.path.join(HERE, "stream.py")]
    sinks, sources = [], []
    try:
        for _, receiver in pairs:
            sinks.append(lab.popen(receiver, [*script, "sink"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True))
        for (sender, receiver), sink in zip(pairs, sinks):
            port = sink.stdout.readline().strip()
            sources.append(lab.popen(sender, [*script, "source", lab.address(receiver), port]))
        for (sender, receiver), sink in zip(pairs, sinks):
            if sink.stdout.readline().strip() != "connected":
                raise LabError(f"no TCP connection from {sender} to {receiver}")
        begin = time.monotonic() + warm_s
        end = begin + measure_s
        for sink in sinks:
            sink.stdin.write(f"{begin} {end}\n")
            sink.stdin.flush()
        time.sleep(max(0, begin - time.monotonic()))
        before = cpu.ticks()
        time.sleep(max(0, end - time.monotonic()))
        idle = cpu.idle_share(before, cpu.ticks())
        return [goodput(json.loads(sink.communicate(timeout=30)[0])) for sink in sinks], idle
    finally:
        for process in sinks + sources:
            process.kill()
            process.wait()


def goodput(seen):
    return 8 * seen["bytes"] / seen["seconds"] if seen["seconds"] else 0.0


def ring_share(lab, program, megabytes):
    """The share of its own bound that a ring all-reduce of the workers reaches, and idle CPU."""
    seen = run_ring(lab, program, megabytes << 20)
    n = lab.workers
    bound_s = 2 * (n - 1) / n * (megabytes << 20) * 8 / (lab.rate * TCP_CEILING)
    return bound_s / (seen["median_us"] / 1e6), seen["cpu_idle"]


def calibrate(lab, ring_program=None):
    """Measures a lab that is up. The answer's 'bound' is 'links' or 'cpu'."""
    following = list(zip(lab.hosts, lab.hosts[1:] + lab.hosts[:1]))
    alone = {sender: streams(lab, [(sender, receiver)], 0.3, 0.4)[0][0] for sender, receiver in following}
    rates, idle = streams(lab, following, 0.7, 1.5)
    together = {sender: rate for (sender, _), rate in zip(following, rates)}
    found = {"rate": rate_text(lab.rate), "congestion": lab.congestion, "alone_bps": alone, "together_bps": together,
             "idle": idle}
    if not lab.shaped:
        return found | {"share": None, "ring_share": None, "ring_idle": None, "bound": "cpu"}
    shares = [together[sender] / (TCP_CEILING * min(lab.link_rate(sender), lab.link_rate(receiver)))
              for sender, receiver in following]
    found |= {"share": min(shares), "ring_share": None, "ring_idle": None, "bound": verdict(min(shares), idle)}
    if ring_program and lab.workers > 1:
        megabytes = max(4, min(32, lab.rate // 30_000_000))
        found["ring_share"], found["ring_idle"] = ring_share(lab, ring_program, megabytes)
        if verdict(found["ring_share"], found["ring_idle"]) == "cpu":
            found["bound"] = "cpu"
    return found


def report(found):
    """The result of calibrate as text."""
    mbit = lambda rates: "  ".join(f"{host} {rate / 1e6:.0f}" for host, rate in rates.items())
    percent = lambda share: "-" if share is None else f"{100 * share:.0f} %"
    lines = [f"links of {found['rate']}, TCP {found['congestion']}",
             f"each alone, Mbit/s of payload:   {mbit(found['alone_bps'])}",
             f"all at once, Mbit/s of payload:  {mbit(found['together_bps'])}",
             f"  slowest: {percent(found['share'])} of what its link can carry; CPU idle {percent(found['idle'])}"]
    if found["ring_share"] is not None:
        lines.append(f"ring all-reduce: {percent(found['ring_share'])} of its own bound; "
                     f"CPU idle {percent(found['ring_idle'])}")
    if found["bound"] == "links":
        lines.append("bound by the links: runs here are results")
    elif found["rate"] == "none":
        lines.append("not shaped: bound by the CPU; latencies of small messages mean something, bandwidths do not")
    else:
        lines.append("bound by the CPU: runs here are NOT results; choose a lower rate, or fewer hosts")
    return "\n".join(lines)


def auto_rate(make_lab, ring_program=None, say=lambda _: None):
    """The highest of RATES at which the links are the bound; make_lab makes a lab of a rate."""
    for rate in RATES:
        with make_lab(rate) as lab:
            found = calibrate(lab, ring_program)
        say(f"{rate}: bound by the {found['bound']}")
        if found["bound"] == "links":
            return rate
    raise LabError(f"even at {RATES[-1]} the CPU is the bound: this machine is too busy or too small for the lab")
