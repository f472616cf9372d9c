#!/usr/bin/env python3
"""Compares replayed recordings with those that must pass.

usage: recordings.py replay-NAME.txt ...      (what a replay script printed, one file a replay)
recordings-passing.txt names what must be `ok` or `better`, as `<replay> <recording>`. Ends with 1 if one of them is not.
"""
import sys
from pathlib import Path

LIST = Path(__file__).with_name("recordings-passing.txt")
PASSING = ("ok", "better")


def listed():
    lines = (line.strip() for line in LIST.read_text().splitlines())
    return [tuple(line.split(" ", 1)) for line in lines if line and not line.startswith("#")]


def replayed(path):
    """The recordings of one replay: name to `ok`, `better` or `FAIL`."""
    lines = (line.split(None, 1) for line in path.read_text().splitlines())
    return {words[1].strip(): words[0] for words in lines if len(words) == 2 and words[0] in (*PASSING, "FAIL")}


def main(paths):
    results = {path.stem.removeprefix("replay-"): replayed(path) for path in map(Path, paths)}
    must = listed()
    lost = [(replay, name) for replay, name in must if results.get(replay, {}).get(name) not in PASSING]
    for replay, result in sorted(results.items()):
        passing = [name for name, verdict in result.items() if verdict in PASSING]
        print(f"{replay}: {len(passing)} of {len(result)} pass, {sum(r == replay for r, _ in must)} must")
        for name in passing:
            if (replay, name) not in must:
                print(f"could be added: {replay} {name}")
    for replay, name in lost:
        print(f"FAIL {replay} {name}: {results.get(replay, {}).get(name, 'not replayed')}")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
