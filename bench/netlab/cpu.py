"""How much of the machine's CPU time went unused between two moments, from /proc/stat."""
import time


def ticks(path="/proc/stat"):
    """Idle ticks and all ticks. Niced processes count as busy: between two sessions the kernel's
    automatic groups give a niced process its full share, so it takes CPU time from the measured programs."""
    with open(path) as stat:
        numbers = [int(word) for word in stat.readline().split()[1:9]]
    return numbers[3] + numbers[4], sum(numbers)


def idle_share(before, after):
    """0 to 1; None if too little time has passed."""
    total = after[1] - before[1]
    return (after[0] - before[0]) / total if total >= 20 else None


def busy_share(seconds=0.4):
    """The share of CPU time that other programs use while none of ours runs."""
    before = ticks()
    time.sleep(seconds)
    return 1 - (idle_share(before, ticks()) or 0)
