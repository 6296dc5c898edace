#!/usr/bin/env python3
"""test on the command line: results, .expect files, formats, coverage, and nothing that only looks like success.

    test_cli_test.py AGENTFENSE_COMPILE PRESET_DIR
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

COMPILER, PRESETS = sys.argv[1], sys.argv[2]

POLICY = """agentfense 1

policy p extends preset:secrets {
  allow read /
  allow write /out, /unused
  limit view /data
  test {
    read /src
    write /out/x, /data
    none /.env
  }
}
"""


class Test(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="agentfense-test-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.write("p.afp", POLICY)

    def write(self, name, text):
        (self.dir / name).write_text(text)

    def run_test(self, *words, status=0):
        run = subprocess.run([COMPILER, "test", *words, "--preset-dir", PRESETS], cwd=self.dir, text=True,
                             stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return run

    def test_a_line_for_each_failure_and_a_summary(self):
        run = self.run_test("p.afp", status=1)
        self.assertEqual(run.stdout,
                         "FAIL p.afp:9: /data: expected write, but the level is view: p.afp:6 limit view /data\n")
        self.assertEqual(run.stderr, "3 passed, 1 failed\n")
        run = self.run_test("p.afp", "-v", status=1)
        self.assertIn("ok   p.afp:8: read /src\n", run.stdout)
        self.assertEqual(len(run.stdout.splitlines()), 4)

    def test_expectations_know_the_params_of_their_policy(self):
        self.write("q.afp", 'agentfense 1\nparam tenant = "demo"\npolicy a {\n  allow write /out/${tenant}\n}\npolicy b {\n  allow read /${tenant}\n}\n')
        self.write("q.expect", "policy b\nread /${tenant}/x\n")
        self.assertEqual(self.run_test("q.afp", "-v").stdout, "ok   q.expect:2: read /demo/x\n")
        self.assertEqual(self.run_test("q.afp", "-v", "-D", "tenant=u1").stdout, "ok   q.expect:2: read /u1/x\n")
        self.write("q.expect", "policy b\nread /${tenant}, /${other}\n")
        run = self.run_test("q.afp", status=1)
        self.assertIn("q.expect:2:19: error: no param is named `other`", run.stderr)
        self.assertTrue(run.stderr.endswith("1 passed, 0 failed; 1 policy has errors\n"), run.stderr)

    def test_expectations_beside_and_named(self):
        self.write("p.afp", POLICY.replace(", /data", ""))
        self.write("p.expect", "policy p\nview /data/x\n")
        self.write("more.expect", "none /data # wrong\n")
        self.assertEqual(self.run_test("p.afp").stderr, "4 passed, 0 failed\n")
        run = self.run_test("p.afp", "--expect", "more.expect", "--expect", "p.expect", status=1)
        self.assertEqual(run.stdout,
                         "FAIL more.expect:1: /data: expected none, but the level is view: p.afp:6 limit view /data\n")
        self.assertEqual(run.stderr, "4 passed, 1 failed\n")
        self.run_test("p.afp", "--expect", "missing.expect", status=2)
        self.run_test("p.afp", "p.afp", "--expect", "more.expect", status=2)

    def test_every_error_of_an_expect_file_is_reported(self):
        self.write("p.afp", POLICY.replace(", /data", ""))
        self.write("p.expect", "raed /a\nread src\nview /data\n")
        run = self.run_test("p.afp", status=1)
        self.assertIn("p.expect:1:1: error:", run.stderr)
        self.assertIn("p.expect:2:6: error:", run.stderr)
        self.assertIn("4 passed, 0 failed; 1 policy has errors", run.stderr)

    def test_headers_choose_among_policies(self):
        self.write("two.afp", "agentfense 1\npolicy a { allow read /\n test { read / } }\npolicy b { allow view / }\n")
        self.run_test("two.afp", status=1)
        self.write("b.expect", "policy b\nview /x\n")
        self.write("two.expect", "policy a\nread /x\n")
        run = self.run_test("two.afp", "--expect", "b.expect", "-v")
        self.assertEqual(run.stdout, "ok   two.afp:3: read /\nok   two.expect:2: read /x\nok   b.expect:2: view /x\n")
        self.assertEqual(self.run_test("two.afp", "--policy", "a", "-v").stdout.count("ok"), 2)

    def test_other_errors_hide_no_results(self):
        self.write("p.afp", POLICY.replace("allow write /out", "allow read /src\n  allow write /out"))
        run = self.run_test("p.afp", "-v", status=1)
        self.assertIn("[dead-rule]", run.stderr)
        self.assertNotIn("[test-failed]", run.stderr)
        self.assertEqual(len(run.stdout.splitlines()), 4)
        self.write("p.afp", POLICY.replace("allow", "alow"))
        self.assertIn("NO TESTS WERE RUN", self.run_test("p.afp", status=1).stderr)

    def test_no_tests_are_no_success(self):
        self.write("none.afp", "agentfense 1\npolicy p { allow read / }\n")
        run = self.run_test("none.afp", status=1)
        self.assertIn("none.afp: has no tests, so nothing was checked", run.stderr)
        self.assertIn("NO TESTS WERE RUN", run.stderr)
        suite = ElementTree.fromstring(self.run_test("none.afp", "--format", "junit", status=1).stdout)
        self.assertEqual(len(list(suite.iter("failure"))), 1)

    def test_input_that_cannot_be_read_is_status_2(self):
        os.mkfifo(self.dir / "pipe.afp")
        os.mkdir(self.dir / "folder.expect")
        for words in (("missing.afp",), ("pipe.afp",), (".",), ("p.afp", "--expect", "pipe.afp"),
                      ("p.afp", "--expect", "folder.expect"), ("p.afp", "--format", "tap"), ("p.afp", "--fail-under", "x")):
            self.run_test(*words, status=2)
        with open(self.dir / "big.expect", "wb") as big:
            big.truncate(100 << 20)
        self.assertIn("larger than 4 MiB", self.run_test("p.afp", "--expect", "big.expect", status=2).stderr)

    def test_junit_and_json_say_the_same(self):
        suite = ElementTree.fromstring(self.run_test("p.afp", "--format", "junit", status=1).stdout)
        cases = list(suite.iter("testcase"))
        self.assertEqual([len(cases), len(list(suite.iter("failure")))], [4, 1])
        shown = json.loads(self.run_test("p.afp", "--format", "json", status=1).stdout)
        self.assertEqual((shown["passed"], shown["failed"]), (3, 1))
        bad = [t for t in shown["runs"][0]["tests"] if not t["passed"]]
        self.assertEqual(bad, [{"path": "/data", "expected": "write", "actual": "view", "passed": False, "file": "p.afp",
                                "line": 9, "rule": {"file": "p.afp", "line": 6, "text": "limit view /data"}}])

    def test_coverage(self):
        self.write("p.afp", POLICY.replace(", /data", ""))
        out = self.run_test("p.afp", "--coverage").stdout
        self.assertEqual(out, "coverage of p.afp: 50.0 %, 2 of 4 patterns and exceptions\n"
                         "  p.afp:5: /unused of `allow write /out, /unused`: no tested path is covered by it\n"
                         "  p.afp:6: /data of `limit view /data`: no tested path is covered by it\n")
        self.run_test("p.afp", "--fail-under", "50")
        self.assertIn("2 of 4 patterns", self.run_test("p.afp", "--fail-under", "50.1", status=1).stderr)
        shown = json.loads(self.run_test("p.afp", "--coverage", "--format", "json").stdout)["runs"][0]["coverage"]
        self.assertEqual((shown["percent"], len(shown["patterns"])), (50, 4))

    def test_each_preset_passes_its_own(self):
        presets = sorted(p.stem for p in pathlib.Path(PRESETS).glob("*.afp") if p.stem != "secrets")
        self.assertGreater(len(presets), 8)
        self.run_test(*[f"preset:{name}" for name in presets])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
