"""Runs meson's tests and counts the test cases inside them: a doctest program or a unittest file has many.

Exits with 1 if anything failed. The last line of its output is `N passed, N failed`.
"""

import json
import pathlib
import re
import subprocess
import sys

BUILD = pathlib.Path(__file__).resolve().parent.parent / "build"
LOG = BUILD / "meson-logs" / "testlog.json"


def cases(entry):
    """(passed, failed) of one meson test, from its own summary if it prints one."""
    output = entry.get("stdout", "") + entry.get("stderr", "")
    ok = entry["result"] in ("OK", "EXPECTEDFAIL")
    doctest = re.search(r"\[doctest\] test cases:\s*\d+\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed", output)
    if doctest:
        passed, failed = int(doctest[1]), int(doctest[2])
    elif unittest := re.search(r"^Ran (\d+) tests? in", output, re.MULTILINE):
        failed = sum(int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", output))
        skipped = sum(int(n) for n in re.findall(r"skipped=(\d+)", output))
        passed = int(unittest[1]) - failed - skipped
    else:
        return (1, 0) if ok else (0, 1)
    # A program that fails without a failed case crashed, hung or leaked: that counts as one.
    return (passed, failed if failed or ok else 1)


def main():
    LOG.unlink(missing_ok=True)
    # One at a time: several of them start clusters, which would disturb each other on two cores.
    run = subprocess.run(["/usr/bin/python3", "/usr/bin/meson", "test", "-C", str(BUILD), "--no-rebuild",
                          "--num-processes", "1", "--print-errorlogs", *sys.argv[1:]])
    passed = failed = 0
    if LOG.exists():
        for line in LOG.read_text().splitlines():
            p, f = cases(json.loads(line))
            passed, failed = passed + p, failed + f
    if run.returncode and not failed:
        failed = 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
