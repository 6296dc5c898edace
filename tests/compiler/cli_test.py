#!/usr/bin/env python3
"""The command line as its contract states it: output, exit status, and nothing half-done.

    cli_test.py AGENTFENSE_COMPILE PRESET_DIR
"""

import hashlib
import os
import pathlib
import resource
import struct
import subprocess
import sys
import tempfile
import unittest

COMPILER, PRESETS = sys.argv[1], sys.argv[2]

GOOD = """agentfense 1

policy p extends preset:secrets {
  allow read /
  allow write /out
  limit view /data
}
"""


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="agentfense-cli-")
        self.dir = pathlib.Path(self.folder.name)
        self.addCleanup(self.folder.cleanup)

    def write(self, name, text):
        (self.dir / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    def run_compiler(self, *words, status=0):
        result = subprocess.run([COMPILER, *words], cwd=self.dir, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)
        self.assertEqual(result.returncode, status, result.stderr)
        return result

    def build(self, text, *more, status=0, out="p.aft"):
        self.write("p.afp", text)
        return self.run_compiler("build", "p.afp", "-o", out, "--preset-dir", PRESETS, *more, status=status)


class Build(Case):
    def test_writes_a_table_that_verifies(self):
        self.build(GOOD)
        self.assertIn("sound", self.run_compiler("verify", "p.aft").stdout)
        self.assertEqual(os.stat(self.dir / "p.aft").st_mode & 0o022, 0)

    def test_same_sources_give_the_same_bytes_wherever_they_lie(self):
        self.build(GOOD)
        first = (self.dir / "p.aft").read_bytes()
        (self.dir / "elsewhere").mkdir()
        self.write("elsewhere/p.afp", GOOD)
        self.run_compiler("build", "elsewhere/p.afp", "-o", "q.aft", "--preset-dir", PRESETS)
        self.assertEqual((self.dir / "q.aft").read_bytes(), first)

    def test_errors_leave_nothing_behind_and_the_old_table_alone(self):
        self.build(GOOD)
        before = (self.dir / "p.aft").read_bytes()
        self.build(GOOD.replace("read /", "raed /"), status=1)
        self.assertEqual((self.dir / "p.aft").read_bytes(), before)
        self.build(GOOD.replace("}", "  test { write /src }\n}"), status=1, out="new.aft")
        self.assertEqual(sorted(os.listdir(self.dir)), ["p.afp", "p.aft"])

    def test_unwritable_output_is_status_2_and_leaves_nothing(self):
        self.assertIn("missing/p.aft", self.build(GOOD, status=2, out="missing/p.aft").stderr)
        (self.dir / "folder").mkdir()
        self.build(GOOD, status=2, out="folder")
        self.assertEqual(sorted(os.listdir(self.dir)), ["folder", "p.afp"])

    def test_missing_source_is_status_2(self):
        self.assertIn("none.afp", self.run_compiler("build", "none.afp", "-o", "p.aft", status=2).stderr)

    def test_ten_mistakes_are_ten_errors(self):
        text = "agentfense 1\n\npolicy p {\n" + "".join(f"  allow raed /x{i}\n" for i in range(10)) + "}\n"
        self.assertEqual(self.build(text, status=1).stderr.count(": error: "), 10)

    def test_params_come_from_the_command_line(self):
        text = 'agentfense 1\nparam who = "demo"\npolicy p {\n  allow write /home/${who}\n}\n'
        self.build(text, "-D", "who=u42")
        self.assertIn("/home/u42\twrite\t", self.run_compiler("explain", "p.aft", "/home/u42").stdout)
        for bad in ("who=a/b", "who=..", "who=", "nobody=x", "who"):
            self.build(text, "-D", bad, status=2 if "=" not in bad else 1, out="bad.aft")
        self.assertFalse((self.dir / "bad.aft").exists())

    def test_dead_rule_is_an_error_with_a_fix(self):
        errors = self.build(GOOD.replace("limit view", "allow view"), status=1).stderr
        self.assertIn("p.afp:6:3: error: `allow view /data` changes nothing", errors)
        self.assertIn("[dead-rule]", errors)
        self.assertIn("fix: limit", errors)


class Explain(Case):
    def test_one_line_a_path_from_source_and_table_alike(self):
        self.build(GOOD)
        paths = ["/", "/src/a.c", "/out/x", "/data/y", "/src/.env"]
        lines = self.run_compiler("explain", "p.aft", *paths).stdout.splitlines()
        self.assertEqual(lines[:4], [
            "/\tread\tp.afp:4 allow read /",
            "/src/a.c\tread\tp.afp:4 allow read /",
            "/out/x\twrite\tp.afp:5 allow write /out",
            "/data/y\tview\tp.afp:6 limit view /data",
        ])
        self.assertRegex(lines[4], r"^/src/\.env\tnone\tpreset:secrets:\d+ limit none nocase \*\*/\.env\*$")
        source = self.run_compiler("explain", "-q", "p.afp", *paths, "--preset-dir", PRESETS).stdout.splitlines()
        self.assertEqual(source, lines)

    def test_no_rule_and_traversable_directories_are_told(self):
        self.build("agentfense 1\npolicy p {\n  allow read /a/b\n}\n")
        lines = self.run_compiler("explain", "p.aft", "/a", "/z").stdout.splitlines()
        self.assertTrue(lines[0].startswith("/a\tnone\tno rule allows it (a directory here shows"))
        self.assertEqual(lines[1], "/z\tnone\tno rule allows it")

    def test_a_path_that_is_none_is_status_2(self):
        self.build(GOOD)
        for bad in ("src", "", "/a/../b", "/./a"):
            self.run_compiler("explain", "p.aft", bad, status=2)


class Tables(Case):
    def test_damage_is_refused_with_the_check_that_found_it(self):
        self.build(GOOD)
        table = bytearray((self.dir / "p.aft").read_bytes())
        table[len(table) // 2] ^= 1
        self.write("bad.aft", bytes(table))
        self.assertRegex(self.run_compiler("verify", "bad.aft", status=1).stderr, r"check `[a-z-]+`")
        self.write("short.aft", bytes(table[:100]))
        self.run_compiler("verify", "short.aft", status=1)
        self.run_compiler("dump", "short.aft", status=2)

    def test_huge_counts_are_refused_within_a_small_memory(self):
        self.build(GOOD)
        table = (self.dir / "p.aft").read_bytes()
        cap, refused = 256 << 20, 0
        for at in range(8, 44 + 13 * 16, 4):
            for count in (0xFFFFFFFF, 0x7FFFFFFF, 0x10000000):
                body = bytearray(table[:-32])
                body[at:at + 4] = struct.pack("<I", count)
                self.write("huge.aft", bytes(body) + hashlib.sha256(body).digest())
                result = subprocess.run([COMPILER, "verify", "huge.aft"], cwd=self.dir, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True,
                                        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (cap, cap)))
                self.assertIn(result.returncode, (0, 1), f"{at}: {result.stderr}")
                if result.returncode == 1:
                    refused += 1
                    self.assertRegex(result.stderr, r"check `[a-z-]+`", at)
        self.assertGreater(refused, 100)

    def test_dump_is_stable_text_and_json(self):
        import json
        self.build(GOOD)
        self.assertEqual(self.run_compiler("dump", "p.aft").stdout, self.run_compiler("dump", "p.aft").stdout)
        self.assertIsInstance(json.loads(self.run_compiler("dump", "p.aft", "--json").stdout), dict)


class Usage(Case):
    def test_wrong_words_are_status_2_and_help_is_0(self):
        self.run_compiler(status=2)
        self.run_compiler("frobnicate", status=2)
        self.run_compiler("build", "x.afp", status=2)
        for command in ("build", "explain", "verify", "dump", "presets"):
            self.assertIn("Example:", self.run_compiler(command, "--help").stdout)

    def test_presets_are_listed_with_a_line_each(self):
        lines = self.run_compiler("presets", "--preset-dir", PRESETS).stdout.splitlines()
        self.assertEqual(sorted(lines), lines)
        self.assertIn("agent-safe", [line.split()[0] for line in lines])
        self.assertTrue(all(len(line.split()) > 3 for line in lines))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
