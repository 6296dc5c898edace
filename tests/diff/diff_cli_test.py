#!/usr/bin/env python3
"""`diff` as its contract states it: every kind of side, exit status, text, JSON, trees.

    diff_cli_test.py AGENTFENSE_COMPILE PRESET_DIR
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

COMPILER, PRESETS = sys.argv[1], sys.argv[2]


def policy(*rules):
    return "agentfense 1\n\npolicy p {\n" + "".join(f"  {rule}\n" for rule in rules) + "}\n"


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="agentfense-diff-")
        self.dir = pathlib.Path(self.folder.name)
        self.addCleanup(self.folder.cleanup)

    def write(self, name, text):
        (self.dir / name).write_text(text)
        return name

    def diff(self, *words, status=0, stdin=b""):
        result = subprocess.run([COMPILER, "diff", *words, "--preset-dir", PRESETS], cwd=self.dir, input=stdin,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(result.returncode, status, result.stderr)
        return result.stdout.decode(), result.stderr.decode()

    def json(self, *words, status=1):
        return json.loads(self.diff(*words, "--format", "json", status=status)[0])

    def pair(self, old, new):
        self.write("old.afp", policy(*old))
        self.write("new.afp", policy(*new))
        return "old.afp", "new.afp"


class Text(Case):
    def test_classes_with_examples_and_rules(self):
        sides = self.pair(["allow read /", "limit none /data", "allow write /out"],
                          ["allow read /", "limit view /data", "limit none **/x.key", "allow write /out"])
        out, err = self.diff(*sides, status=1)
        self.assertEqual(out.splitlines(), [
            "raised:",
            "  none -> view  /data  (new: new.afp:5 limit view /data; old: old.afp:5 limit none /data)",
            "lowered:",
            "  read -> none  /x.key  (new: new.afp:6 limit none **/x.key; old: old.afp:4 allow read /)",
            "  write -> none  /out/x.key  (new: new.afp:6 limit none **/x.key; old: old.afp:6 allow write /out)",
            "rules only in old.afp:",
            "  old.afp:5 limit none /data",
            "rules only in new.afp:",
            "  new.afp:5 limit view /data",
            "  new.afp:6 limit none **/x.key",
        ])
        self.assertEqual(err, "")

    def test_names_that_appear_and_vanish(self):
        sides = self.pair(["allow read /a/b/c"], ["allow read /a/b/c", "allow read /k/f"])
        out, _ = self.diff(*sides, status=1)
        self.assertIn("  none -> read  /k/f  (new: new.afp:5 allow read /k/f; old: no rule allows it)\n", out)
        self.assertIn("directories that show now, for what is visible below them:\n"
                      "  hidden -> shown  /k  (for /k/f; new: new.afp:5 allow read /k/f; old: no rule allows it)\n", out)
        out, _ = self.diff(*reversed(sides), status=1)
        self.assertIn("directories that no longer show:\n"
                      "  shown -> hidden  /k  (for /k/f; new: no rule allows it; old: new.afp:5 allow read /k/f)\n", out)

    def test_equal_prints_no_difference_and_is_0(self):
        sides = self.pair(["allow read /", "limit none /a, /b"], ["limit none /b", "allow read /", "limit none /a"])
        out, err = self.diff(*sides)
        self.assertEqual(err, "equal: both policies give every path the same level and show the same names\n")
        self.assertNotIn("->", out)
        out, err = self.diff("old.afp", "old.afp")
        self.assertEqual(out, "")

    def test_same_output_on_every_run(self):
        runs = {self.diff("preset:agent-safe", "preset:ci-pipeline", status=1) for _ in range(3)}
        self.assertEqual(len(runs), 1)

    def test_hostile_bytes_are_escaped(self):
        sides = self.pair(["allow read /"], ["allow read /", r'limit none "/\x1b\[31m\xff", "/back\\slash"'])
        out, _ = self.diff(*sides, status=1)
        self.assertNotIn("\x1b", out)
        self.assertIn(r"  read -> none  /\x1B[31m\xFF  (new: ", out)
        data = self.json(*sides)
        self.assertEqual(data["classes"][0]["example"], r"/\x1B[31m\xFF")


class FailOn(Case):
    def test_policy_text_is_shown_as_it_is_written(self):
        sides = self.pair(["allow view /"], ["allow view /", 'allow read "/a\\x01"'])
        self.assertIn('new.afp:5 allow read "/a\\x01"', self.diff(*sides, status=1)[0])
        self.assertIn('"allow read \\"/a\\\\x01\\""', self.diff(*sides, "--format", "json", status=1)[0])

    def test_exit_status(self):
        low, high = ["allow read /"], ["allow write /"]
        for fail_on, up, down in (("any", 1, 1), ("raised", 1, 0), ("lowered", 0, 1), ("none", 0, 0)):
            sides = self.pair(low, high)
            self.diff(*sides, "--fail-on", fail_on, status=up)
            self.diff(*reversed(sides), "--fail-on", fail_on, status=down)
            self.diff("old.afp", "old.afp", "--fail-on", fail_on, status=0)
        self.diff(*sides, "--fail-on", "error", status=2)

    def test_raised_is_the_no_new_access_gate(self):
        sides = self.pair(["allow write /"], ["allow read /"])
        self.assertIn("no new access: ", self.diff(*sides, "--fail-on", "raised")[1])
        err = self.diff(*reversed(sides), "--fail-on", "raised", status=1)[1]
        self.assertTrue(err.startswith("new access: "), err)

    def test_a_name_that_appears_is_new_access(self):
        # /k/f rises and is lowered again for its name alone: what is left is the directory.
        sides = self.pair(["allow read /a"], ["allow read /a", "allow view /k/f"])
        out, _ = self.diff(*sides, "--fail-on", "raised", status=1)
        self.assertIn("hidden -> shown  /k", out)
        data = self.json(*sides)
        self.assertEqual({c["change"] for c in data["classes"]}, {"raised", "appears"})


class Sides(Case):
    def test_table_source_and_preset_are_compared_alike(self):
        sides = self.pair(["allow read /", "limit none /data"], ["allow read /"])
        for side in ("old", "new"):
            subprocess.run([COMPILER, "build", f"{side}.afp", "-o", f"{side}.aft", "-q"], cwd=self.dir, check=True)
        plain = self.json(*sides)["classes"]
        for old in ("old.afp", "old.aft"):
            for new in ("new.afp", "new.aft"):
                self.assertEqual(self.json(old, new)["classes"], plain)
        self.diff("old.afp", "old.aft")
        self.write("copy.afp", "agentfense 1\npolicy p extends preset:agent-safe {\n}\n")
        self.diff("preset:agent-safe", "copy.afp")

    def test_standard_input_is_one_side_at_most(self):
        self.pair(["allow read /"], ["allow read /"])
        self.diff("old.afp", "-", stdin=policy("allow read /").encode())
        self.diff("-", "old.afp", stdin=policy("allow write /").encode(), status=1)
        self.assertIn("one side only", self.diff("-", "-", status=2)[1])

    def test_policies_and_params_of_each_side(self):
        self.write("two.afp", 'agentfense 1\nparam who = "a"\npolicy x {\n  allow read /${who}\n}\n'
                              "policy y {\n  allow write /${who}\n}\n")
        self.diff("two.afp", "two.afp", status=2)
        self.diff("two.afp", "two.afp", "--policy", "x")
        self.diff("two.afp", "two.afp", "--old-policy", "x", "--new-policy", "y", status=1)
        self.diff("two.afp", "two.afp", "--policy", "x", "-D", "who=b")
        out, _ = self.diff("two.afp", "two.afp", "--policy", "x", "--new-define", "who=b", status=1)
        self.assertIn("none -> read  /b  ", out)
        self.diff("two.afp", "two.afp", "--policy", "x", "-D", "who", status=2)

    def test_a_side_that_does_not_compile_is_2_with_its_errors_alone(self):
        self.pair(["allow read /"], ["allow raed /"])
        for sides in (("old.afp", "new.afp"), ("new.afp", "old.afp")):
            out, err = self.diff(*sides, status=2)
            self.assertEqual(out, "")
            self.assertIn("new.afp:4:9: error: ", err)
            self.assertIn("new.afp: cannot be compared as long as it does not compile", err)
        self.diff("old.afp", "missing.afp", status=2)
        self.diff("old.afp", "preset:missing", status=2)
        self.diff("old.afp", status=2)

    def test_damaged_tables_directories_and_fifos_are_2(self):
        self.pair(["allow read /"], ["allow read /"])
        subprocess.run([COMPILER, "build", "old.afp", "-o", "old.aft", "-q"], cwd=self.dir, check=True)
        table = bytearray((self.dir / "old.aft").read_bytes())
        table[len(table) // 2] ^= 1
        (self.dir / "bad.aft").write_bytes(table)
        self.assertIn("is no sound table", self.diff("old.afp", "bad.aft", status=2)[1])
        os.mkfifo(self.dir / "fifo")
        self.diff("old.afp", "fifo", status=2)
        self.diff("old.afp", ".", status=2)


class Json(Case):
    def test_shape(self):
        sides = self.pair(["allow read /"], ["allow read /", 'allow write /out "results"', "allow write /tmp"])
        data = self.json(*sides)
        self.assertEqual(sorted(data), ["classes", "complete", "equal", "new", "old", "rules_added", "rules_removed"])
        self.assertEqual((data["equal"], data["complete"]), (False, True))
        self.assertEqual(data["old"]["name"], "old.afp")
        self.assertEqual(data["old"]["policy"], "p")
        self.assertRegex(data["old"]["source_digest"], "^[0-9a-f]{64}$")
        (c,) = data["classes"]
        self.assertEqual((c["change"], c["from"], c["to"], c["example"]), ("raised", "read", "write", "/out"))
        self.assertEqual([w["path"] for w in c["witnesses"]], ["/out", "/tmp"])
        self.assertEqual(c["witnesses"][0]["new_rule"],
                         {"file": "new.afp", "line": 5, "text": "allow write /out", "reason": "results"})
        self.assertEqual([r["text"] for r in data["rules_added"]], ["allow write /out", "allow write /tmp"])
        self.assertEqual(data["rules_removed"], [])
        self.assertTrue(self.json("old.afp", "old.afp", status=0)["equal"])

    def test_no_rule_is_null(self):
        data = self.json(*self.pair(["allow read /a"], ["allow read /a", "allow read /b"]))
        self.assertIsNone(data["classes"][0]["witnesses"][0]["old_rule"])


class Tree(Case):
    def setUp(self):
        super().setUp()
        tree = self.dir / "tree"
        for name in ("src/main.cc", "src/deep/more/x.key", "data/a", "data/b", "k/f", "k/g"):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text("x")
        self.sides = self.pair(["allow read /src", "allow read /data"],
                               ["allow read /src", "allow view /data", "limit none **/*.key", "allow read /k/f"])

    def test_files_that_change_are_counted_and_listed(self):
        out, _ = self.diff(*self.sides, "--tree", "tree", status=1)
        self.assertEqual(out[out.index("tree: "):].splitlines(), [
            "tree: 6 of 11 entries change",
            "  read -> view  /data",
            "  read -> view  /data/a",
            "  read -> view  /data/b",
            "  hidden -> shown  /k",
            "  none -> read  /k/f",
            "  read -> none  /src/deep/more/x.key",
        ])
        out, _ = self.diff(*self.sides, "--tree", "tree", "--limit", "2", status=1)
        self.assertTrue(out.endswith("  read -> view  /data/a\n  and 4 more entries\n"), out)

    def test_json_has_all(self):
        tree = self.json(*self.sides, "--tree", "tree", "--limit", "1")["tree"]
        self.assertEqual((tree["dir"], tree["entries"], tree["unreadable_directories"]), ("tree", 11, 0))
        self.assertEqual(tree["changed"][3], {"path": "/k", "change": "appears", "from": "none", "to": "none"})
        self.assertEqual(len(tree["changed"]), 6)

    def test_links_are_not_followed_and_hostile_names_are_escaped(self):
        (self.dir / "tree/data/loop").symlink_to("..")
        (self.dir / "tree/data/away").symlink_to("/")
        os.mkfifo(self.dir / "tree/data/fifo")
        (pathlib.Path(os.fsdecode(bytes(self.dir) + b"/tree/data/\x1b[31m\xff\n"))).write_text("x")
        out, _ = self.diff(*self.sides, "--tree", "tree", status=1)
        self.assertIn("tree: 10 of 15 entries change\n", out)
        self.assertIn("  read -> view  /data/\\x1B[31m\\xFF\\x0A\n", out)
        self.assertIn("  read -> view  /data/loop\n", out)

    def test_a_tree_that_is_none_is_2(self):
        self.assertIn("cannot be listed", self.diff(*self.sides, "--tree", "missing", status=2)[1])
        self.assertIn("cannot be listed", self.diff(*self.sides, "--tree", "tree/k/f", status=2)[1])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
