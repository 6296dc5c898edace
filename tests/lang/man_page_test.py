#!/usr/bin/env python3
"""The man page of the language names every finding with its severity, and its example compiles and is in canonical form.

    man_page_test.py AGENTFENSE_COMPILE SOURCE_ROOT
"""

import pathlib
import re
import shutil
import subprocess
import sys
import unittest

COMPILER, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
del sys.argv[1:3]
PAGE = ROOT / "lang" / "agentfense-policy.5"


def compiler(*words, text):
    return subprocess.run([COMPILER, *words], input=text, capture_output=True, text=True)


class ManPage(unittest.TestCase):
    def test_names_every_finding(self):
        codes = (ROOT / "lang" / "codes.def").read_text().split("// Meaning")[1]
        expected = re.findall(r'AGENTFENSE_CODE\(\w+, "([^"]+)", (\w+),', codes)
        self.assertGreater(len(expected), 10)
        named = re.findall(r'^\.BR (\S+) " \((\w+)\)( \*)?"$', PAGE.read_text(), re.M)
        self.assertEqual([(code.replace("\\-", "-"), severity) for code, severity, _ in named], expected)

        source = (ROOT / "lang" / "diagnostics.cc").read_text().split("bool code_is_judgement")[1].split("return true")[0]
        judgements = {ident.replace("_", "-") for ident in re.findall(r"case Code::(\w+):", source)}
        self.assertEqual({code.replace("\\-", "-") for code, _, star in named if star}, judgements)

    def test_its_example_compiles_and_is_formed(self):
        example = PAGE.read_text().split(".SH EXAMPLES\n.EX\n")[1].split(".EE\n")[0].replace("\\-", "-")
        built = compiler("build", "-q", "-", "-o", "/dev/null", "--preset-dir", str(ROOT / "stdlib-presets"), text=example)
        self.assertIn("no regular file", built.stderr, built.stderr)  # all is well up to there
        self.assertEqual(built.stderr.count("\n"), 1, built.stderr)
        self.assertEqual(compiler("fmt", "-", text=example).stdout, example)

    def test_is_sound_roff(self):
        if not shutil.which("groff"):
            self.skipTest("takes groff")
        result = subprocess.run(["groff", "-man", "-ww", "-Tutf8", PAGE], capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
