#!/usr/bin/env python3
"""SARIF as the format's own validator sees it: Microsoft's Sarif.Multitool, fetched once by npm.

    sarif_valid_test.py AGENTFENSE_COMPILE SOURCE_DIR BUILD_DIR

Every error and every warning of the validator fails, but for IGNORED. Where npm cannot fetch it the test
is skipped (77), in CI and with AGENTFENSE_MUST_WORK=1 it fails.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from golden_cases import command_line, lay_out, read_cases

COMPILER, SOURCE, BUILD = (pathlib.Path(word).resolve() for word in sys.argv[1:4])
PACKAGE = "@microsoft/sarif-multitool-linux@5.7.0"
FOLDER = BUILD / "sarif-multitool"
MULTITOOL = FOLDER / "node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool"

# Notes (snippets and contents of sources, a web page for each rule) are advice and not looked at.
IGNORED = {
    "SARIF2005": "asks for informationUri: there is no web page to name",
}


def missing():
    """Why the validator cannot run, after fetching it where that was needed."""
    if not MULTITOOL.exists():
        if shutil.which("npm") is None:
            return "there is no npm; tests/install-deps.sh installs it"
        FOLDER.mkdir(exist_ok=True)
        npm = subprocess.run(["npm", "install", "--prefix", FOLDER, "--no-save", "--no-audit", "--no-fund",
                              "--ignore-scripts", PACKAGE], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, timeout=300)
        if npm.returncode != 0 or not MULTITOOL.exists():
            return f"npm cannot install {PACKAGE}:\n{npm.stdout}"
    MULTITOOL.chmod(0o755)
    return None


class Valid(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="agentfense-sarif-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.logs = self.dir / "logs"
        self.logs.mkdir()

    def check(self, name, *words, cwd=None):
        result = subprocess.run([COMPILER, "check", "--format=sarif", *words], cwd=cwd or self.dir, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", timeout=120)
        self.assertIn(result.returncode, (0, 1, 2), result.stderr)
        (self.logs / f"{name}.sarif").write_text(result.stdout)
        return json.loads(result.stdout)["runs"][0]["results"]

    def complaints(self):
        out = self.dir / "complaints.json"
        result = subprocess.run([MULTITOOL, "validate", f"{self.logs}/*.sarif", "-o", out, "--level", "Error;Warning",
                                 "--kind", "Fail", "--rule-kind", "Sarif;Ghas", "--log", "ForceOverwrite"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env={**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}, timeout=500)
        self.assertTrue(out.exists(), result.stdout)
        run = json.loads(out.read_text())["runs"][0]
        self.assertTrue(run["invocations"][0]["executionSuccessful"], result.stdout)
        # That it looked at each log is seen from the one complaint that each of them earns.
        seen = {complaint["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].rsplit("/", 1)[-1]
                for complaint in run["results"]}
        self.assertEqual(len(seen), len(list(self.logs.iterdir())), result.stdout)
        return [f"{c['ruleId']} {c['message']} {c['locations'][0]['physicalLocation']}" for c in run["results"]
                if c["ruleId"] not in IGNORED]

    def test_the_sarif_of_every_code(self):
        cases = read_cases(SOURCE / "tests/lang/diagnostics.golden") + read_cases(SOURCE / "tests/report/golden/compiler.golden")
        found, plain = [], []
        for number, case in enumerate(cases):
            folder = self.dir / f"case{number}"
            folder.mkdir()
            lay_out(case, folder)
            if case.options:
                found += self.check(f"{number}-{case.code}", "--all", *command_line(case), cwd=folder)
            else:
                plain.append(f"case{number}/main.afp")
        found += self.check("plain", "--all", *plain)
        codes = {result["ruleId"] for result in found}
        self.assertGreater(len(codes), 70)
        self.assertEqual(self.complaints(), [])

    def test_runs_of_every_kind(self):
        (self.dir / "tree").mkdir()
        (self.dir / "tree/file").write_text("x")
        (self.dir / "one.afp").write_text("agentfense 1\npolicy one extends preset:secrets {\n  allow read /\n"
                                          "  # agentfense: allow dead-rule said twice\n  allow read /a\n}\n")
        name = "odd & 100% <é> \udcff.afp"
        (self.dir / name).write_bytes(b'agentfense 1\npolicy two {\n  allow read /\n  allow read "/\\x01\\xff\xff<&>"\n}\n')
        (self.dir / "clean.afp").write_text("agentfense 1\npolicy clean {\n  allow read /\n}\n")
        presets = f"--preset-dir={SOURCE}/stdlib-presets"
        several = self.check("several", "one.afp", name, "clean.afp", self.dir / "one.afp", "missing.afp", "preset:agent-safe",
                             "--all", "--tree=tree", presets)
        self.assertTrue(any(result.get("suppressions") for result in several))
        self.assertTrue({"cannot-read", "dead-rule", "stale-pattern"} <= {result["ruleId"] for result in several})
        self.assertEqual(self.check("clean", "clean.afp"), [])
        for example in sorted((SOURCE / "examples").rglob("*.afp")):
            self.check(f"example-{example.stem}", example.relative_to(SOURCE), "--all", presets, cwd=SOURCE)
        subprocess.run([COMPILER, "build", "-q", "clean.afp", "-o", "clean.aft", "--report", "logs/built.sarif"],
                       cwd=self.dir, check=True)
        self.assertEqual(self.complaints(), [])

    def test_the_validator_can_complain(self):
        (self.dir / "x.afp").write_text("agentfense 1\npolicy x {\n  allow raed /\n}\n")
        self.check("x", "x.afp")
        log = json.loads((self.logs / "x.sarif").read_text())
        log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["endLine"] = 1
        (self.logs / "x.sarif").write_text(json.dumps(log))
        complaints = self.complaints()
        self.assertEqual([complaint.split()[0] for complaint in complaints], ["SARIF1007"])


if __name__ == "__main__":
    reason = missing()
    if reason:
        must = os.environ.get("AGENTFENSE_MUST_WORK") == "1" or os.environ.get("CI") == "true"
        print(f"{'cannot run' if must else 'skipped'}: {reason}")
        sys.exit(1 if must else 77)
    unittest.main(argv=sys.argv[:1])
