#!/usr/bin/env python3
"""`agentfense-compile import` as its contract states it: goldens, bad input, exit status.

    cli_test.py AGENTFENSE_COMPILE [--accept]
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

COMPILER = sys.argv[1]
ACCEPT = "--accept" in sys.argv
HERE = pathlib.Path(__file__).resolve().parent
PRESETS = ["agent-safe", "development", "full-access", "read-only", "view-only"]
HOST = ["--root", "/srv/app", "--home", "/home/u"]


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="agentfense-import-")
        self.addCleanup(self.folder.cleanup)
        self.dir = pathlib.Path(self.folder.name)

    def run_import(self, *words, status=0, text=None):
        done = subprocess.run([COMPILER, "import", *map(str, words)], cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              input=text if text is not None else b"", timeout=60)
        self.assertEqual(done.returncode, status, done.stderr.decode(errors="replace"))
        return done.stdout.decode(), done.stderr.decode()

    def check_policy(self, text):
        (self.dir / "made.afp").write_text(text)
        for words in (["build", "made.afp", "-o", "made.aft", "-q"], ["fmt", "--check", "made.afp"]):
            done = subprocess.run([COMPILER, *words], cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            self.assertEqual((done.returncode, done.stdout), (0, ""), text)

    def levels(self, text, *paths):
        (self.dir / "made.afp").write_text(text)
        done = subprocess.run([COMPILER, "explain", "-q", "made.afp", *paths], cwd=self.dir, stdout=subprocess.PIPE, text=True, check=True)
        return dict(line.split("\t")[:2] for line in done.stdout.splitlines())

    def golden(self, name, *words):
        policy, said = self.run_import(*words)
        self.check_policy(policy)
        file = HERE / "golden" / f"{name}.afp"
        if ACCEPT:
            file.write_text(policy)
        self.assertEqual(policy, file.read_text())
        for line in said.splitlines():
            self.assertIn("# " + line, policy.replace("#   ", "#   "))
        return policy, said


class Goldens(Case):
    def test_the_five_presets(self):
        for name in PRESETS:
            with self.subTest(preset=name):
                self.golden(name, HERE / "presets" / f"{name}.json", "--name", name)

    def test_what_its_code_leaves_open_is_named(self):
        for name, paths in (("agent-safe", ["/secrets/db.txt", "/.git/config", "/config/credentials/aws.json", "/tls.key/x"]),
                            ("development", ["/secrets/db.txt", "/tls.key/x"])):
            policy, said = self.run_import(HERE / "presets" / f"{name}.json")
            for path in paths:
                self.assertRegex(said, rf"documented none, its code (read|write): .*{path}")
            self.assertEqual(set(self.levels(policy, *paths).values()), {"none"})
            self.assertIn("differs from what the documents promise: nowhere, decided over all paths", said)
        for name in ("read-only", "full-access", "view-only"):
            said = self.run_import(HERE / "presets" / f"{name}.json")[1]
            self.assertIn("does otherwise than its documents: nowhere, decided over all paths", said)

    def test_claude(self):
        policy, said = self.golden("claude-settings", "--from", "claude", HERE / "inputs/claude-settings.json", *HOST)
        self.assertEqual(self.levels(policy, "/.env", "/.env.local", "/secrets/x", "/config/credentials.json", "/a/b/x.pem", "/package.json",
                                     "/.github/x", "/generated/x", "/private/x", "/private/readme.md", "/src/main.cc"),
                         {"/.env": "none", "/.env.local": "none", "/secrets/x": "none", "/config/credentials.json": "none", "/a/b/x.pem": "none",
                          "/package.json": "read", "/.github/x": "read", "/generated/x": "read", "/private/x": "none",
                          "/private/readme.md": "write", "/src/main.cc": "write"})
        for dropped in ("Bash(npm run lint)", "mcp__github", "WebFetch", "Edit(//tmp/scratch.txt)", "sandbox.network", "sandbox.excludedCommands", "`env`", "`hooks`",
                        "a policy cannot ask"):
            self.assertIn(dropped, said)

    def test_what_the_rest_says_already_is_named(self):
        settings = {"permissions": {"defaultMode": "acceptEdits", "allow": ["Read(./src/**)", "Edit(./src/**)"], "deny": ["Read(/secrets)", "Read(/secrets/deep)"]},
                    "sandbox": {"filesystem": {"allowRead": ["./notes"], "allowWrite": ["."]}}}
        policy, said = self.run_import("--from", "claude", "-", *HOST, text=json.dumps(settings).encode())
        self.assertEqual(said, "Left out, as the rest says it already:\n  sandbox.filesystem.allowRead ./notes: there is no denyRead that it opens\n"
                               "  allow Read(./src/**)\n  allow Edit(./src/**)\n  deny Read(/secrets/deep)\n  sandbox.filesystem.allowWrite .\n")
        self.assertIn("# deny Read(/secrets)\n", policy)
        (self.dir / ".gitignore").write_text("*.log\n!keep\nx.log\n")
        self.assertEqual(self.run_import(".gitignore")[1],
                         "Left out, as the rest says it already:\n  line 3: x.log\n  line 2: !keep: no line before it ignores what it names\n")
        rules = [{"pattern": "**/*.txt", "permission": "none", "priority": 5}, {"pattern": "**/a.txt", "permission": "none", "priority": 5},
                 {"pattern": "**/*", "permission": "read", "priority": 0}]
        made = json.loads(self.run_import("--from", "rules", "--json", "-", text=json.dumps(rules).encode())[0])
        self.assertEqual(made["already_said"], ['rule 2: "**/a.txt" none, priority 5'])

    def test_codex(self):
        policy, said = self.golden("codex-mode", "--from", "codex", HERE / "inputs/codex-mode.toml", *HOST)
        self.assertEqual(self.levels(policy, "/src/x", "/.git/config", "/.codex", "/.pyenv/shims/x"),
                         {"/src/x": "write", "/.git/config": "read", "/.codex": "read", "/.pyenv/shims/x": "write"})
        for dropped in ("network_access", "`model`", "`approval_policy`", "/opt/elsewhere"):
            self.assertIn(dropped, said)
        policy, said = self.golden("codex-profile", "--from", "codex", HERE / "inputs/codex-profile.toml", *HOST)
        self.assertEqual(self.levels(policy, "/src/x", "/a/b/x.env", "/private/x", "/private/notes/x", "/private/notes/x.env"),
                         {"/src/x": "write", "/a/b/x.env": "none", "/private/x": "none", "/private/notes/x": "read", "/private/notes/x.env": "none"})
        for dropped in (":minimal", "glob_scan_max_depth", "network"):
            self.assertIn(dropped, said)

    def test_gitignore(self):
        (self.dir / ".gitignore").write_text("# built\n/build/\n*.log\n!keep.log\nnode_modules\n")
        policy = self.run_import(".gitignore", "--base", "write")[0]
        self.check_policy(policy)
        self.assertEqual(self.levels(policy, "/build/x", "/a/x.log", "/a/keep.log", "/a/node_modules/b", "/src"),
                         {"/build/x": "none", "/a/x.log": "none", "/a/keep.log": "write", "/a/node_modules/b": "none", "/src": "write"})


class Forms(Case):
    def rules(self, value, *words, status=0):
        return self.run_import("--from", "rules", "-", *words, status=status, text=json.dumps(value).encode())

    def test_enclosing_forms_give_one_policy(self):
        rules = [{"pattern": "**/*", "permission": "read", "priority": "0"}, {"pattern": "**/*.key", "permission": "none", "priority": "100"}]
        gateway = [{"pattern": r["pattern"], "permission": "PERMISSION_" + r["permission"].upper(), "type": "PATTERN_TYPE_GLOB", "priority": int(r["priority"])} for r in rules]
        texts = {self.rules(form)[0] for form in (rules, {"permissions": rules}, {"my-preset": rules}, gateway)}
        self.assertEqual(len(texts), 1)
        several = {"a": rules, "b": rules[:1]}
        self.assertIn("--preset", self.rules(several, status=1)[1])
        self.assertIn("allow read /", self.rules(several, "--preset", "b")[0])
        self.assertIn("the list `b`", self.rules(several, "--preset", "a")[1])

    def test_documented_examples(self):
        secrets = [{"pattern": "**/*", "permission": "read"}, {"pattern": "/secrets/**", "permission": "none"}, {"pattern": "/secrets/public.key", "permission": "read"}]
        policy = self.rules(secrets)[0]
        self.check_policy(policy)
        self.assertEqual(self.levels(policy, "/app/main.py", "/secrets/private.key", "/secrets/public.key"),
                         {"/app/main.py": "read", "/secrets/private.key": "none", "/secrets/public.key": "read"})

    def test_json_and_strict(self):
        said = json.loads(self.rules([{"pattern": "/a/**", "permission": "read", "note": 1}], "--json")[0])
        self.assertTrue(said["decided_over_all_paths"])
        self.assertEqual(len(said["not_carried_over"]), 1)
        self.assertIn("allow read /a", said["policy"])
        self.rules([{"pattern": "/a/**", "permission": "read", "note": 1}], "--strict", status=1)
        self.rules([{"pattern": "/a/**", "permission": "read"}], "--strict")

    def test_output_file_is_whole_or_untouched(self):
        (self.dir / "out.afp").write_text("old")
        self.rules([{"pattern": "[", "permission": "none"}], "-o", "out.afp", status=1)
        self.assertEqual((self.dir / "out.afp").read_text(), "old")
        self.assertEqual(self.rules([], "-o", "out.afp")[0], "")
        self.check_policy((self.dir / "out.afp").read_text())


class BadInput(Case):
    def refused(self, text, *words, kind="rules", status=1):
        out, said = self.run_import("--from", kind, "-", *words, status=status, text=text if isinstance(text, bytes) else text.encode())
        self.assertEqual(out, "")
        self.assertEqual(len(said.splitlines()), 1, said)
        self.assertNotIn("\x1b", said)
        return said

    def test_faulty_lists(self):
        self.assertIn("is no JSON", self.refused("[{"))
        self.assertIn("is no JSON", self.refused(b'[{"pattern":"\xff\xfe","permission":"none"}]'))
        self.assertIn("deep", self.refused("[" * 1_000_000))
        self.assertIn("rule 1", self.refused("[3]"))
        self.assertIn("pattern", self.refused('[{"permission":"none"}]'))
        self.assertIn("unknown permission", self.refused('[{"pattern":"/a","permission":"noone"}]'))
        self.assertIn("priority", self.refused('[{"pattern":"/a","permission":"none","priority":1.5}]'))
        self.assertIn("type", self.refused('[{"pattern":"/a","permission":"none","type":"regex"}]'))
        self.assertIn("neither", self.refused("3"))

    def test_a_malformed_deny_never_fails_open(self):
        for pattern in ("/a[", "/a[b-", "/a\\\\", "/a**", "**.key", "/../x", "/a/./b", "[]a]", "/[b-a]", "/a\\u0000b"):
            said = self.refused(f'[{{"pattern":"**/*","permission":"read"}},{{"pattern":"{pattern}","permission":"none"}}]')
            self.assertIn("rule 2", said)
            self.assertIn("leave open what it hides", said)

    def test_steering_bytes_are_escaped(self):
        said = self.refused('[{"pattern":"/\\u001b[31m[","permission":"none"}]')
        self.assertIn("\\x1B", said)
        policy = self.run_import("--from", "rules", "-", text=b'[{"pattern":"/a\\n}\\u001b/**","permission":"read"}]')[0]
        self.check_policy(policy)

    def test_faulty_settings(self):
        self.assertIn("line 2", self.refused("a\n[b\n", kind="gitignore"))
        self.assertIn("is no JSON", self.refused("{", kind="claude"))
        self.assertIn("deep", self.refused("[" * 1_000_000, kind="claude"))
        self.assertIn("Read(a[)", self.refused('{"permissions":{"deny":["Read(a[)"]}}', kind="claude"))
        self.assertIn("deny", self.refused('{"permissions":{"deny":"Read"}}', kind="claude"))
        self.assertIn("is no TOML, line 2", self.refused("a = 1\nb = [", kind="codex"))
        self.assertIn("deep", self.refused("a = " + "[" * 1_000_000, kind="codex"))
        self.assertIn("unknown", self.refused('sandbox_mode = "yolo"', kind="codex"))
        self.assertIn("deny", self.refused('default_permissions = "x"\n[permissions.x.filesystem]\n"/a" = "dney"\n', kind="codex"))
        self.assertIn("no table", self.refused('default_permissions = "x"\n', kind="codex"))

    def test_files_that_cannot_be_read(self):
        self.run_import("nothing.json", status=2)
        self.run_import(self.dir, status=2)
        os.mkfifo(self.dir / "fifo.json")
        self.run_import("fifo.json", status=2)
        with open(self.dir / "large.json", "wb") as file:
            file.truncate(100 << 20)
        self.assertIn("larger", self.run_import("large.json", status=2)[1])
        (self.dir / "what.txt").write_text("hello")
        self.assertIn("--from", self.run_import("what.txt", status=2)[1])
        self.run_import("--name", "allow me", "what.txt", status=2)

    def test_kinds_are_told_apart(self):
        for name, text, expected in (("x.json", '[{"pattern":"/a","permission":"read"}]', "rule list"), (".gitignore", "a\n", "ignore file"),
                                     ("settings.json", '{"permissions":{"deny":["Read(a)"]}}', "Claude"), ("config.toml", "", "Codex")):
            (self.dir / name).write_text(text)
            self.assertIn(expected, self.run_import(name)[0].splitlines()[0])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
