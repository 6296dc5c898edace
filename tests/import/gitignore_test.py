#!/usr/bin/env python3
"""Imported ignore files against git itself, over random patterns and trees.

    gitignore_test.py AGENTFENSE_COMPILE

What git ignores must be hidden. What is hidden beyond that must have been announced by the importer.
"""

import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

COMPILER = sys.argv[1]
ROUNDS = 250

WHITELIST = ["/*", "!/src", "!/docs/", "*.key", "!/src/pub.key"]
FIXED = [
    ["*.log", "!important.log"],
    ["/build/", "node_modules", "**/dist/**", "a/b", "/a/*/c"],
    WHITELIST,
    ["*", "!a"],
    [r"\#a", r"\!b", "a\\ ", "[ab]c", "[!a]b", "?", "a**b", "/**", "!/a"],
    ["foo/**/bar", "**/x", "x/**", "**"],
    ["a", "!a", "a"],
    ["a/", "!b/"],
    ["[[:digit:]]*", "a[a-c]", "[]-]"],
]
NAMES = ["a", "b", "ab", "c", "src", "docs", "x.key", "pub.key", "x.log", "important.log", "#a", "!b", "bar", "foo", "x", "1", "]"]


def random_patterns(rng):
    words = ["a", "b", "*", "a*", "?b", "[ab]", "**", "x.key", "*.key", "src", "x"]
    out = []
    for _ in range(rng.randint(1, 5)):
        parts = [rng.choice(words) for _ in range(rng.randint(1, 3))]
        text = ("/" if rng.random() < 0.3 else "") + "/".join(parts) + ("/" if rng.random() < 0.25 else "")
        out.append(("!" if rng.random() < 0.35 else "") + text)
    return out


class Git(unittest.TestCase):
    def compare(self, patterns, rng):
        with tempfile.TemporaryDirectory(prefix="agentfense-ignore-") as folder:
            top = pathlib.Path(folder) / "tree"
            top.mkdir()
            subprocess.run(["git", "init", "-q", str(top)], check=True, env=dict(os.environ, HOME=folder, GIT_CONFIG_NOSYSTEM="1"))
            (top / ".git/info/exclude").write_text("")
            ignore = pathlib.Path(folder) / "list.gitignore"
            ignore.write_text("\n".join(patterns) + "\n")
            (top / ".git/info/exclude").write_text(ignore.read_text())
            names = NAMES if not rng else [rng.choice(NAMES) for _ in range(6)] + ["a", "b"]
            paths = set()
            picker = rng or random.Random(1)
            for _ in range(60):
                path = "/".join(picker.choice(names) for _ in range(picker.randint(1, 4)))
                try:
                    if picker.random() < 0.3:
                        (top / path).mkdir(parents=True, exist_ok=True)
                    else:
                        (top / path).parent.mkdir(parents=True, exist_ok=True)
                        if not (top / path).exists():
                            (top / path).write_text("")
                except (FileExistsError, NotADirectoryError):
                    continue
                parts = path.split("/")
                paths.update("/".join(parts[:i]) for i in range(1, len(parts) + 1))
            paths = sorted(paths)
            asked = subprocess.run(["git", "check-ignore", "--no-index", "--stdin", "-z"], cwd=top, text=True, input="\0".join(paths) + "\0",
                                   stdout=subprocess.PIPE, env=dict(os.environ, HOME=folder, GIT_CONFIG_NOSYSTEM="1"))
            self.assertIn(asked.returncode, (0, 1))
            ignored = set(asked.stdout.split("\0")) - {""}
            made = subprocess.run([COMPILER, "import", "--from", "gitignore", str(ignore), "-o", f"{folder}/p.afp"],
                                  text=True, stderr=subprocess.PIPE)
            self.assertEqual(made.returncode, 0, f"{patterns}: {made.stderr}")
            told = subprocess.run([COMPILER, "explain", "-q", f"{folder}/p.afp", *("/" + p for p in paths)], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.assertEqual(told.returncode, 0, told.stderr)
            hidden = set()
            for line in told.stdout.splitlines():
                path, level = line.split("\t")[:2]
                if level == "none":
                    hidden.add(path[1:])
            policy = pathlib.Path(f"{folder}/p.afp").read_text()
            self.assertEqual(ignored - hidden, set(), f"{patterns}: git ignores, the policy shows\n{policy}")
            more = {p for p in hidden - ignored if not any(q.startswith(p + "/") for q in paths if q not in hidden)}
            if more:
                self.assertIn("Stricter than the source", made.stderr, f"{patterns}: {sorted(more)}\n{policy}")
            return bool(ignored), not more

    def test_the_documented_forms(self):
        for patterns in FIXED:
            with self.subTest(patterns=patterns):
                self.compare(patterns, None)

    def test_random_patterns_and_trees(self):
        rng = random.Random(20)
        some = exact = 0
        for _ in range(ROUNDS):
            ignores, same = self.compare(random_patterns(rng), rng)
            some += ignores
            exact += same
        self.assertGreater(some, ROUNDS // 2)
        self.assertGreater(exact, ROUNDS // 2)

    def test_usual_files_are_carried_over_exactly(self):
        for patterns in (["*.log", "node_modules", "/build", "**/dist/**"], ["/*", "!/src"], ["*.key", "!/certs/pub.key"]):
            made = subprocess.run([COMPILER, "import", "--from", "gitignore", "-"], input="\n".join(patterns), text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.assertEqual((made.returncode, made.stderr), (0, ""), patterns)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
