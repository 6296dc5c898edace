#!/usr/bin/env python3
"""explain on the command line: its words, its JSON, and its edits applied to the text.

    explain_cli_test.py AGENTFENSE_COMPILE PRESET_DIR
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

COMPILER, PRESETS = sys.argv[1], sys.argv[2]

POLICY = """agentfense 1

policy p extends preset:secrets except /.env.example {
  allow read /
  allow write /out  "results"
  allow read /out
  limit view /data
  limit none /src/vendor except /src/vendor/a  "hidden"
  limit read /src
  never write /.github
  test { none /src/.env }
}
"""

TEXT = """\
/src/.env	none	preset:secrets:12 limit none nocase **/.env*
  allow read / (p.afp:4): a limit of a lower level decides
  limit read /src (p.afp:9): a limit of a lower level decides
  for write:
    p.afp:12: add `allow write /src/.env`
    p.afp:9: write `limit read /src except /src/.env`
    p.afp:3: write `extends preset:secrets except /.env.example, /src/.env`
      breaks the test `none /src/.env` at p.afp:11
  for read:
    p.afp:3: write `extends preset:secrets except /.env.example, /src/.env`
      breaks the test `none /src/.env` at p.afp:11
  for view:
    p.afp:12: add `limit view /src/.env`
    p.afp:3: write `extends preset:secrets except /.env.example, /src/.env`
      breaks the test `none /src/.env` at p.afp:11
/src/vendor/a	read	p.afp:9 limit read /src
  allow read / (p.afp:4): a limit of the same level decides
  limit none /src/vendor except /src/vendor/a (p.afp:8): opened here by its except /src/vendor/a (p.afp:8)
  for write:
    p.afp:12: add `allow write /src/vendor/a`
    p.afp:9: write `limit read /src except /src/vendor/a`
  for view:
    p.afp:12: add `limit view /src/vendor/a`
  for none:
    p.afp:12: add `limit none /src/vendor/a`
/out	write	p.afp:5 allow write /out
  allow read / (p.afp:4): another allow gives more: allow write /out (p.afp:5)
  allow read /out (p.afp:6): another allow gives more: allow write /out (p.afp:5)
  for read:
    p.afp:5: take `allow write /out` away
  or for read:
    p.afp:12: add `limit read /out`
      makes `allow write /out` at p.afp:5 a dead rule: take it away too
  for view:
    p.afp:12: add `limit view /out`
      makes `allow write /out` at p.afp:5 a dead rule: take it away too
  for none:
    p.afp:12: add `limit none /out`
      makes `allow write /out` at p.afp:5 a dead rule: take it away too
"""


class Explain(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="agentfense-explain-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)

    def run_compiler(self, *words, status=0):
        run = subprocess.run([COMPILER, *words], cwd=self.dir, stdin=subprocess.DEVNULL, capture_output=True)
        self.assertEqual(run.returncode, status, run.stderr.decode(errors="replace"))
        return run.stdout.decode()

    def explain(self, text, *words, status=0):
        (self.dir / "p.afp").write_text(text)
        return self.run_compiler("explain", "p.afp", "--preset-dir", PRESETS, *words, status=status)

    def test_words(self):
        # `allow read /out` is dead, which is an error of its own and hides nothing here.
        self.assertEqual(self.explain(POLICY, "/src/.env", "/src/vendor/a", "/out", status=1), TEXT)
        first = [line for line in TEXT.splitlines() if not line.startswith(" ")]
        self.assertEqual(self.explain(POLICY, "-q", "/src/.env", "/src/vendor/a", "/out", status=1).splitlines(), first)

    def test_a_preset_is_edited_in_a_policy_of_ones_own(self):
        out = self.run_compiler("explain", "preset:agent-safe", "/src/.env", "--preset-dir", PRESETS)
        self.assertIn("in a policy of your own that extends this preset: write "
                      "`extends preset:agent-safe except /src/.env`", out)
        self.assertIn("breaks `never view **/.git, **/.env, **/secrets`", out)
        self.assertNotRegex(out, r"(?m)^ +preset:")
        # What it makes useless in the preset is a note there, and no one's to take away.
        out = self.run_compiler("explain", "preset:agent-safe", "/", "--preset-dir", PRESETS)
        self.assertIn("add `allow write /`\n  for view:", out)
        self.assertNotIn("dead rule", out)

    def test_what_is_sealed_stays_shut(self):
        out = self.explain("agentfense 1\npolicy p extends preset:secrets sealed {\n  allow read /\n}\n", "/.env")
        self.assertIn("no way to read: limit none nocase **/.env* (preset:secrets:12) cannot be opened, "
                      "it is sealed at p.afp:2", out)

    def test_policy_text_is_shown_as_it_must_be_written(self):
        text = 'agentfense 1\npolicy p {\n  allow read "/a\\x01"\n}\n'
        self.assertIn('allow read "/a\\x01"\n', self.explain(text, "/a\x01"))
        shown = json.loads(self.explain(text, "/a\x01", "--json"))["paths"][0]
        self.assertEqual(shown["rule"]["text"], 'allow read "/a\\x01"')
        self.assertEqual(shown["covering"][0]["pattern"], '"/a\\x01"')
        edit = shown["changes"][0]["ways"][0]["edits"][0]
        self.assertEqual(edit["text"], 'allow write "/a\\x01"')
        self.assertEqual(edit["replace"]["by"].strip(), edit["text"])

    def test_a_table_says_what_it_knows(self):
        (self.dir / "p.afp").write_text("agentfense 1\npolicy p { allow read / }\n")
        self.run_compiler("build", "-q", "p.afp", "-o", "p.aft")
        self.assertEqual(self.run_compiler("explain", "p.aft", "/a"), "/a\tread\tp.afp:2 allow read /\n")
        shown = json.loads(self.run_compiler("explain", "p.aft", "/a", "--json"))
        self.assertEqual((shown["kind"], shown["paths"][0]["level"], shown["paths"][0]["rule"]["line"]),
                         ("table", "read", 2))

    def test_edits_of_the_text_give_what_they_promise(self):
        cases = {
            POLICY: ["/", "/src/.env", "/src/vendor/x", "/src/vendor/a", "/out/x", "/data", "/a b", "/.env", "/é,{x}"],
            'agentfense 1\npolicy p { allow read / }\n': ["/", "/x", '/q"\\\\t'],
            'agentfense 1\npolicy b {\n  limit none /a, /b except /a/x "why"\n  limit view /a\n}\n'
            'policy p extends b extends b except /b/y {\n  allow write /\n  allow read /z }\n':
                ["/a", "/a/x", "/a/y", "/b", "/b/y"],
        }
        edits = 0
        for text, paths in cases.items():
            for path in paths:
                words = [path, "--json", "--policy", "p"]
                # Other findings (dead rules) do not concern us here.
                (self.dir / "p.afp").write_text(text)
                run = subprocess.run([COMPILER, "explain", "p.afp", "--preset-dir", PRESETS, *words], cwd=self.dir,
                                     capture_output=True)
                shown = json.loads(run.stdout)["paths"][0]
                self.assertEqual(len(shown["changes"]), 3)
                for change in shown["changes"]:
                    self.assertTrue(change["ways"], (text, path, change["level"]))
                    for way in change["ways"]:
                        changed = bytearray(text.encode())
                        replacements = [edit["replace"] for edit in way["edits"]]
                        for r in sorted(replacements, key=lambda r: -r["offset"]):
                            changed[r["offset"]:r["offset"] + r["length"]] = r["by"].encode()
                        (self.dir / "p.afp").write_bytes(changed)
                        run = subprocess.run([COMPILER, "explain", "-q", "p.afp", path, "--policy", "p",
                                              "--preset-dir", PRESETS], cwd=self.dir, capture_output=True, text=True)
                        self.assertIn(f"\t{change['level']}\t", run.stdout, f"{path}:\n{changed.decode()}{run.stderr}")
                        edits += 1
                        if way["breaks"] == []:
                            self.assertNotIn("[never-broken]", run.stderr)
                            self.assertNotIn("[test-failed]", run.stderr)
        self.assertGreater(edits, 40)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
