#!/usr/bin/env python3
"""Checks the shape of the code: what clang-format and the compiler do not see.

    scripts/tidy.py              # all rules; exits with 1 if something is wrong
    scripts/tidy.py --rooms      # also prints how many lines each room has

The rules:

* a file of C++ or Python has at most 500 lines, a function at most 70, from the first line of its head to its end;
* every header opens with a paragraph that says what lives there, and so does every source without a header of its own name;
* includes follow the arrows below: a folder uses only the folders that its row names, a room only the rooms before it;
* every source is named in its folder's meson.build or in one above it, and lists of sources are sorted, one file per line;
* no room holds more than 17 % of the lines;
* files that documents, comments and scripts name exist, and so do names that documents give beside a link to a file,
  and papers that the code cites;
* words that readers with little English do not know are not used (PLAIN).

Violations that are known are listed in STILL_TO_DO. An entry that is no longer needed is reported, so the list only shrinks.
"""

import argparse
import ast
import pathlib
import re
import subprocess
import sys

from cpp_functions import functions_of

ROOT = pathlib.Path(__file__).resolve().parent.parent

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
ROOM_SHARE_MAX = 0.17

# Bottom-up: which folders a folder may include. A row names only folders whose rows stand above it, so there is no circle.
FOLDERS = {
    "base": [],
    "wire": ["base"],
    "store": ["base"],
    "tuner": ["base", "wire"],
    "core": ["base", "wire", "store", "tuner"],
    "link": ["base", "wire"],
    "runtime": ["base", "wire"],
    "actors": ["base", "wire", "store", "tuner", "core", "link", "runtime"],
    "api": ["base", "wire", "store", "tuner", "core"],
    "host": ["base", "wire", "store", "core", "link", "runtime", "actors", "api"],
    "reduction": ["base"],
    "python": ["reduction"],
    "cli": ["base", "wire", "store", "tuner", "core", "link", "runtime", "host", "reduction"],
    "bench": ["base", "wire", "tuner", "reduction"],
}

# Bottom-up: a room may include the rooms before it in its folder. "." is the folder's own files.
ROOMS = {
    "core": ["machines", "state", "validate", "scheduler", "nodes", "jobs", "studies", "cluster"],
    "runtime": ["shim", "."],
    "api": ["query", "backend", "logs", "resources", "http"],
    "reduction": ["kernels", "control", "transport", "reducer", "rank", "api"],
    "cli": ["terminal", "client", "bench", "jobs", "tune", "serve", "."],
}

# Violations that are known, by rule and place. Who fixes one deletes its line.
STILL_TO_DO = {
    # long_files
    # long_functions
    # openings
    # arrows
    # meson_lists
    # foreign_papers
    # plain_words
}


def tracked(*patterns):
    """Files of the repository, also those that are not committed yet; all of them without patterns."""
    command = ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted(name for name in set(names) if (ROOT / name).is_file())


def text_of(name):
    return (ROOT / name).read_text(errors="replace")


# --- the rules -------------------------------------------------------------------------------------------------------

CODE = ("*.cpp", "*.hpp", "*.h")


def long_files():
    for name in tracked(*CODE, "*.py"):
        lines = text_of(name).count("\n")
        if lines > FILE_LINES_MAX:
            yield name, f"{lines} lines; expected at most {FILE_LINES_MAX}"


def long_functions():
    for name in tracked(*CODE):
        for function, first, last in functions_of(text_of(name)):
            if last - first + 1 > FUNCTION_LINES_MAX:
                yield f"{name}:{function}", f"{last - first + 1} lines from line {first} on; expected at most {FUNCTION_LINES_MAX}"
    for name in tracked("*.py"):
        for node in ast.walk(ast.parse(text_of(name))):
            if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= FUNCTION_LINES_MAX:
                yield f"{name}:{node.name}", f"more than {FUNCTION_LINES_MAX} lines from line {node.lineno} on"


def openings():
    names = tracked(*CODE)
    headers = {pathlib.Path(name).with_suffix("") for name in names if not name.endswith(".cpp")}
    for name in names:
        if name.endswith(".cpp") and (pathlib.Path(name).with_suffix("") in headers or name.startswith("tests/")):
            continue
        if not re.match(r"(#pragma once\s+)?/[/*]", text_of(name)):
            yield name, "opens without a comment; expected what lives here and why"


def room_of(name):
    """("core", "jobs") for core/jobs/x.hpp; a folder without rooms is one room, and so is what lies below a room."""
    folder, *rest = pathlib.PurePosixPath(name).parts
    return (folder, rest[0] if len(rest) > 1 and folder in ROOMS else ".")


def includes_of(name):
    return re.findall(r'^\s*#\s*include\s+"([^"]+/[^"]+)"', text_of(name), re.MULTILINE)


def arrows():
    for folder, uses in FOLDERS.items():
        above = list(FOLDERS)[:list(FOLDERS).index(folder)]
        for used in uses:
            if used not in above:
                yield f"scripts/tidy.py:{folder}", f"names {used}, which stands below it; FOLDERS goes bottom-up"
    for name in tracked(*CODE):
        folder, room = room_of(name)
        if folder == "tests":
            continue
        if folder not in FOLDERS:
            yield name, "its folder is not in FOLDERS of scripts/tidy.py"
            continue
        rooms = ROOMS.get(folder, ["."])
        if room not in rooms:
            yield name, f"its room is not in ROOMS['{folder}'] of scripts/tidy.py"
            continue
        for included in includes_of(name):
            other, other_room = room_of(included)
            if other != folder and other in FOLDERS and other not in FOLDERS[folder]:
                yield f"{name} -> {included}", f"{folder} may not use {other}"
            if other == folder and other_room != room and other_room in rooms and rooms.index(other_room) > rooms.index(room):
                yield f"{name} -> {included}", f"the arrow runs up: {folder}/{other_room} stands above {folder}/{room}"


def quoted(text):
    return re.findall(r"'([^'\n]*)'", text)


def meson_lists():
    """Sources that no meson.build names, and lists that are not sorted or not one file per line."""
    named = set()
    for build in tracked("meson.build", "**/meson.build"):
        folder = pathlib.PurePosixPath(build).parent
        lines = [line.split("#")[0] for line in text_of(build).splitlines()]
        for word in quoted("\n".join(lines)):
            named.add((folder / word).as_posix() if ".." not in word else normal(folder / word))
        run = []  # sources on consecutive lines
        for number, line in enumerate(lines + [""], 1):
            sources = [word for word in quoted(line) if word.endswith((".cpp", ".capnp"))]
            alone = len(sources) == 1 and line.strip().rstrip(",)]").strip() == f"'{sources[0]}'"
            if len(sources) > 1:
                yield build, f"several sources on line {number}; expected one file per line"
            if alone:
                run.append(sources[0])
                continue
            if run != sorted(run):
                first = next(b for a, b in zip(run, run[1:]) if b < a)
                yield build, f"the list of sources is not sorted at '{first}'"
            run = []
    for name in tracked("*.cpp"):
        if name not in named:
            yield name, "no meson.build names it"


def normal(path):
    out = []
    for part in path.parts:
        out = out[:-1] if part == ".." else out + [part]
    return "/".join(out)


def room_shares():
    """Lines of each room, tests apart."""
    lines = {}
    for name in tracked(*CODE, "*.capnp", "*.py"):
        if name.startswith(("tests/", "examples/", "scripts/")):
            continue
        folder, *rest = pathlib.PurePosixPath(name).parts
        room = f"{folder}/{rest[0]}" if len(rest) > 1 and folder in ("core", "cli", "api", "reduction", "bench") else folder
        lines[room] = lines.get(room, 0) + text_of(name).count("\n")
    whole = sum(lines.values())
    return {room: (count, count / whole) for room, count in lines.items()}


def large_rooms():
    for room, (lines, share) in room_shares().items():
        if share > ROOM_SHARE_MAX:
            yield room, f"{lines} lines, {share:.1%} of all; expected at most {ROOM_SHARE_MAX:.0%}"


# A path in a text: two parts or more, the last one with an extension that files of this repository have.
PATH = re.compile(r"(?<![\w./{}$<>:-])((?:\.\./)?(?:[\w.-]+/)+[\w-]+\.(?:cpp|hpp|h|capnp|py|md|yaml|svg|js))(?![\w/])")
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


def stale_paths():
    """Paths below the repository's folders that documents, comments and scripts name, and links of documents, that do not
    exist. Paths that begin with another folder are not looked at: they may be anything."""
    folders = {name.split("/")[0] for name in tracked() if "/" in name} | set(FOLDERS)
    for name in tracked("*.md", *CODE, "*.py", "*.capnp", "*.yaml", "*meson.build", "scripts/*"):
        if name.startswith("tests/tidy/") or name == "scripts/tidy.py":
            continue
        text = text_of(name)
        named = {path for path in PATH.findall(text) if path.split("/")[0] in folders | {".."}}
        links = set(LINK.findall(text)) if name.endswith(".md") else set()
        for path in sorted(named | links):
            if not (ROOT / path).exists() and not ((ROOT / name).parent / path).exists():
                yield f"{name} -> {path}", "there is no such file"


PAPER = re.compile(r"(?<![\w./-])([\w-]+\.md)\b")


def foreign_papers():
    """Papers that the code cites and that are not in the repository."""
    papers = {pathlib.PurePosixPath(name).name for name in tracked("*.md")}
    for name in tracked(*CODE, "*.py", "*.capnp", "*.yaml", "*meson.build"):
        if name.startswith("tests/tidy/") or name == "scripts/tidy.py":
            continue
        for paper in sorted(set(PAPER.findall(text_of(name))) - papers):
            yield f"{name} -> {paper}", "the repository has no such paper"


# Words that readers with little English do not know, and what to write instead.
PLAIN = {
    "anew": "again", "for ever": "forever", "foretell": "predict", "foretold": "predicted", "foretells": "predicts",
    "by turns": "alternately", "in vain": "without success", "mend": "fix", "mended": "fixed", "mending": "fixing",
    "whoever": "the one that", "whomever": "the one that", "whom": "which, that",
}
PLAIN_WORDS = re.compile(r"\b(" + "|".join(PLAIN) + r")\b", re.IGNORECASE)


def plain_words():
    """Words of PLAIN in code, comments, messages and documents. A line that must keep one says "plain: keep"."""
    for name in tracked("*.md", *CODE, "*.py", "*.capnp", "*.yaml", "*meson.build", "scripts/*"):
        if name.startswith("tests/tidy/") or name == "scripts/tidy.py":
            continue
        for number, line in enumerate(text_of(name).splitlines(), 1):
            if (found := PLAIN_WORDS.search(line)) and "plain: keep" not in line:
                yield f"{name}: {found[1].lower()}", f"line {number}; write: {PLAIN[found[1].lower()]}"


# A link to a source file, followed by names in it: [core/jobs/restart.cpp](../core/jobs/restart.cpp) `judge`, `facts`
NAMES_IN_FILE = re.compile(r"\]\(([^)\s]+\.(?:cpp|hpp|h|capnp|py))\)((?:(?:,| and)? `[\w:~]+`)+)")


def stale_names():
    """Names that documents give beside a link to a source file, and that the file does not have."""
    for name in tracked("*.md"):
        for link, words in NAMES_IN_FILE.findall(text_of(name)):
            path = (ROOT / name).parent / link
            source = path.read_text(errors="replace") if path.exists() else ""
            for word in re.findall(r"`([^`]+)`", words):
                if not re.search(rf"\b{re.escape(word.split('::')[-1])}\b", source):
                    yield f"{name} -> {link} {word}", "the file has no such name"


RULES = [long_files, long_functions, openings, arrows, meson_lists, large_rooms, stale_paths, stale_names, foreign_papers, plain_words]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rooms", action="store_true", help="print how many lines each room has")
    options = parser.parse_args()
    if not (ROOT / ".git").exists():
        print("this is not a git checkout, so the files of the repository are not known: nothing is checked")
        return 77  # meson: skipped
    if options.rooms:
        for room, (lines, share) in sorted(room_shares().items(), key=lambda item: -item[1][0]):
            print(f"{room:24} {lines:6} {share:6.1%}")
    known = set(STILL_TO_DO)
    problems = 0
    for rule in RULES:
        for place, problem in rule():
            if place in STILL_TO_DO:
                known.discard(place)
                continue
            problems += 1
            print(f"{place}: {problem}", file=sys.stderr)
    for place in sorted(known):
        problems += 1
        print(f"scripts/tidy.py: {place} is no longer a violation; delete its line in STILL_TO_DO", file=sys.stderr)
    if STILL_TO_DO:
        print(f"{len(STILL_TO_DO)} known violations are still to do (STILL_TO_DO in scripts/tidy.py)")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
