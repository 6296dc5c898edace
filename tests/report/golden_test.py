#!/usr/bin/env python3
"""Every code of codes.def: what `check --all` prints, word for word, and its SARIF.

    golden_test.py AGENTFENSE_COMPILE SOURCE_DIR

The language's codes are cases of tests/lang/diagnostics.golden, the compiler's of golden/compiler.golden.
golden/sarif/CODE.json is the SARIF of the first case of that code: the rule, and the results that have it.
internal-error comes from no policy; internal_error_test.cc has it.

AGENTFENSE_WRITE_GOLDEN=1 writes golden/ anew with what is printed now; look at the difference before
committing it. (diagnostics.golden is written by diagnostics_test.cc.)
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from golden_cases import command_line, lay_out, read_cases, write_cases

COMPILER, SOURCE = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
OWN = SOURCE / "tests/report/golden/compiler.golden"
LANGUAGE = SOURCE / "tests/lang/diagnostics.golden"
SARIF = SOURCE / "tests/report/golden/sarif"
CODES = re.findall(r'^AGENTFENSE_CODE\(\w+, "([a-z0-9-]+)"', (SOURCE / "lang/codes.def").read_text(), re.M)
WRITE = bool(os.environ.get("AGENTFENSE_WRITE_GOLDEN"))


class Golden(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        # Away from the folder of presets beside the binary, whose name would stand in messages.
        folder = tempfile.TemporaryDirectory(prefix="agentfense-golden-")
        cls.addClassCleanup(folder.cleanup)
        cls.compiler = str(pathlib.Path(folder.name) / "bin" / "agentfense-compile")
        os.mkdir(os.path.dirname(cls.compiler))
        shutil.copy2(COMPILER, cls.compiler)
        cls.own, cls.language = read_cases(OWN), read_cases(LANGUAGE)

    def check(self, case, *options):
        with tempfile.TemporaryDirectory(prefix="agentfense-case-") as folder:
            lay_out(case, folder)
            result = subprocess.run([self.compiler, "check", "--all", *options, *command_line(case)], cwd=folder,
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    encoding="utf-8", timeout=120)
        self.assertIn(result.returncode, (0, 1, 2), result.stderr)
        return result.stdout

    def test_texts_are_as_the_golden_file_says(self):
        for case in self.own:
            with self.subTest(case.title):
                printed = self.check(case)
                if WRITE:
                    case.expected = printed
                self.assertEqual(printed, case.expected)
                self.assertIn(f"[{case.code}]", printed, "the case does not show its own code")
        if WRITE:
            write_cases(OWN, self.own)

    def test_the_command_prints_the_language_s_texts_too(self):
        for case in self.language:
            with self.subTest(case.title):
                self.assertEqual(self.check(case), case.expected)

    def test_sarif_is_as_the_golden_files_say(self):
        first = {}
        for case in self.language + self.own:
            first.setdefault(case.code, case)
        for code, case in first.items():
            with self.subTest(code):
                run = json.loads(self.check(case, "--format=sarif"))["runs"][0]
                rules = run["tool"]["driver"]["rules"]
                for result in run["results"]:
                    self.assertEqual(rules[result["ruleIndex"]]["id"], result["ruleId"])
                content = {"rule": [rule for rule in rules if rule["id"] == code],
                           "results": [result for result in run["results"] if result["ruleId"] == code]}
                self.assertTrue(content["results"])
                text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
                if WRITE:
                    SARIF.mkdir(exist_ok=True)
                    (SARIF / f"{code}.json").write_text(text)
                self.assertEqual(text, (SARIF / f"{code}.json").read_text())

    def test_every_code_is_covered(self):
        self.assertGreater(len(CODES), 70)
        expected = sorted(set(CODES) - {"internal-error"})
        self.assertEqual(sorted({case.code for case in self.language + self.own}), expected)
        self.assertEqual(sorted(file.stem for file in SARIF.glob("*.json")), expected)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
