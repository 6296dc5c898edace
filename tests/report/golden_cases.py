"""The golden cases: policies with what is said of them, as files of text for people.

    === CODE what it is about
    --- FILE                  the lines of a file; `*` gives every imported file that is not listed
    --- link NAME FILE        a second name (hard link) of a file
    --- options WORDS         of the command line
    --- prints                the text that is expected

In files <0xHH> is a byte, and <*N TEXT> repeats TEXT N times, % being the count and | a line end.
tests/lang/diagnostics.golden has the same form; diagnostics_test.cc reads it too.
"""

import os
import pathlib
import re
from dataclasses import dataclass, field


@dataclass
class Case:
    title: str
    files: dict = field(default_factory=dict)  # name -> text as written
    links: list = field(default_factory=list)  # (name, file)
    options: str = ""
    expected: str = ""

    @property
    def code(self):
        return self.title.split()[0]


def read_cases(path):
    cases, into = [], None
    for line in pathlib.Path(path).read_text().splitlines(keepends=True):
        head = line.rstrip("\n")
        if head.startswith("=== "):
            cases.append(Case(head[4:]))
            into = None
        elif head.startswith("--- options "):
            cases[-1].options = head[12:]
        elif head.startswith("--- link "):
            cases[-1].links.append(tuple(head[9:].split()))
        elif head == "--- prints":
            into = "prints"
        elif head.startswith("--- "):
            into = head[4:]
            cases[-1].files[into] = ""
        elif into == "prints":
            cases[-1].expected += line
        elif into is not None:
            cases[-1].files[into] += line
    return cases


def write_cases(path, cases):
    out = ""
    for case in cases:
        out += f"=== {case.title}\n"
        out += "".join(f"--- {name}\n{text}" for name, text in case.files.items())
        out += "".join(f"--- link {name} {file}\n" for name, file in case.links)
        out += f"--- options {case.options}\n" if case.options else ""
        out += f"--- prints\n{case.expected}"
    pathlib.Path(path).write_text(out)


def expand(text):
    def repeat(match):
        return b"".join(match[2].replace(b"%", b"%d" % n).replace(b"|", b"\n") for n in range(int(match[1])))

    return re.sub(rb"<\*(\d+) ([^>]*)>", repeat,
                  re.sub(rb"<0x(..)>", lambda match: bytes.fromhex(match[1].decode()), text.encode()))


def lay_out(case, folder):
    """Writes the files of a case below `folder`."""
    folder = pathlib.Path(folder)
    for name, text in case.files.items():
        if name == "*":
            continue
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(expand(text))
    if "*" in case.files:
        any_file = expand(case.files["*"])
        open_files = [folder / name for name in case.files if name != "*"]
        for _ in range(20):  # deeper than imports may nest
            open_files = [file.parent / name for file in open_files
                          for name in re.findall(r'import "([^"]+)"', file.read_text())]
            for file in open_files:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(any_file)
    for name, file in case.links:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        os.link(folder / file, folder / name)


def command_line(case):
    """Words after `check`: the options of diagnostics_test.cc are not all options of the command line."""
    source, words = "main.afp", []
    for word in case.options.split():
        if word.startswith("source="):
            source = word.removeprefix("source=")
        elif word != "--no-presets":
            words.append(word)
    if "--no-presets" not in case.options:
        words.append("--preset-dir=presets")
    return [*words, source]
