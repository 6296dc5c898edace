#!/usr/bin/env python3
"""Holds the includes of the tree against the one flow: a file includes only what lies upstream.

    check_flow.py ROOT
"""

import pathlib
import re
import sys

# Folder (the longest that fits) -> what it may include of ours, itself aside.
FLOW = {
    "lang": [],
    "compiler/table": [],
    "compiler/automaton": ["lang"],
    "compiler/analysis": ["lang", "compiler/automaton"],
    "compiler/proof": ["lang", "compiler/table"],
    "compiler/tree": ["lang", "compiler/automaton", "compiler/analysis", "compiler/table"],
    "compiler/diff": ["lang", "compiler/table", "compiler/automaton", "compiler/analysis", "compiler/tree"],
    "compiler/explain": ["lang", "compiler/automaton", "compiler/analysis", "compiler/table"],
    "compiler/expect": ["lang", "compiler/automaton", "compiler/analysis", "compiler/explain"],
    "compiler/import": ["lang", "compiler/automaton", "compiler/analysis"],
    "compiler/report": ["lang", "compiler/automaton", "compiler/analysis", "compiler/table", "compiler/tree"],
    "compiler/cli": ["lang", "compiler"],
    "compiler": ["lang", "compiler"],
    "mounthelper/sys": [],
    "mounthelper/load": ["compiler/table", "mounthelper/sys"],
    "mounthelper/view": ["compiler/table", "mounthelper/sys"],
    "mounthelper/delta": ["compiler/table", "mounthelper/sys", "mounthelper/view"],
    "mounthelper/fuse": ["compiler/table", "mounthelper/sys", "mounthelper/view", "mounthelper/delta"],
    "mounthelper/launch": ["mounthelper/sys"],
    "mounthelper/mount": ["compiler/table", "mounthelper/sys", "mounthelper/load", "mounthelper/delta", "mounthelper/fuse"],
    "mounthelper/cli": ["compiler/table", "mounthelper"],
    "mounthelper": ["mounthelper"],
}

# Outside headers that only some files may see, by what the include line holds.
FENCES = {
    "antlr4": r"lang/parse",
    "AgentFenseParser": r"lang/parse",
    "AgentFenseLexer": r"lang/parse",
    "llvm/": r"(lang|compiler|lsp)/",
    "fuse_lowlevel.h": r"mounthelper/fuse/",
    "CLI/": r"(compiler|mounthelper)/cli/",
}

OURS = re.compile(r'^\s*#\s*include\s+"((?:lang|compiler|mounthelper|lsp|tests)/[^"]+)"')
ANY = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]')


def home(path):
    parts = pathlib.PurePosixPath(path).parent.parts
    for length in range(len(parts), 0, -1):
        folder = "/".join(parts[:length])
        if folder in FLOW:
            return folder
    return None


def faults(root):
    for top in ("lang", "compiler", "mounthelper"):
        for file in sorted((root / top).rglob("*")):
            if file.suffix not in (".h", ".cc"):
                continue
            name = file.relative_to(root).as_posix()
            here = home(name)
            for number, line in enumerate(file.read_text().splitlines(), 1):
                place = f"{name}:{number}"
                outside = ANY.match(line)
                for fence, allowed in FENCES.items():
                    if outside and fence in outside.group(1) and not re.match(allowed, name):
                        yield f"{place}: {outside.group(1)} is not for this folder"
                match = OURS.match(line)
                if not match:
                    continue
                there = home(match.group(1))
                if there is None:
                    yield f"{place}: {match.group(1)} is in no known folder"
                elif there != here and not any(there == up or there.startswith(up + "/") for up in FLOW[here]):
                    yield f"{place}: {here} includes {match.group(1)}, which is not upstream"


def main():
    root = pathlib.Path(sys.argv[1])
    found = list(faults(root))
    print("\n".join(found) or "every include runs with the flow")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
