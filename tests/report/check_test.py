#!/usr/bin/env python3
"""`check` and `build --report` as programs and terminals see them: formats, exit status, colour.

    check_test.py AGENTFENSE_COMPILE SOURCE_DIR SAME_REPORT
"""

import json
import os
import pathlib
import pty
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml

COMPILER, SOURCE, SAME_REPORT = (os.path.abspath(word) for word in sys.argv[1:4])
CODES = re.findall(r'^AGENTFENSE_CODE\(\w+, "([a-z0-9-]+)"', (pathlib.Path(SOURCE) / "lang/codes.def").read_text(), re.M)
FORMATS = ("text", "json", "sarif", "github", "junit")

TEN_TEXT_MISTAKES = """agentfense 1
param who = "a/b"
set docs = { /docs /guides }
policy p extends nobody {
  alow read /a
  allow raed /b
  allow read src
  limit none /c]x[
  limit none sercets
  allow read /d\\*
  test {
    read /e*
  }
}
"""
TEN_TEXT_CODES = ["bad-value", "expected-comma", "unknown-policy", "unknown-statement", "expected-level", "unknown-set",
                  "unclosed-class", "unknown-set", "needs-quotes", "glob-in-test"]

TEN_MEANING_MISTAKES = """agentfense 1
policy p {
  allow read /
  allow write /out
  allow view /data
  allow read /src
  allow write /out/logs
  limit none /secret
  never read /src
  never write /out/final
  test {
    write /src/main.c
    read /secret/key
    none /docs
    view /out/x
    write /secret/x
  }
}
"""
TEN_MEANING_CODES = ["dead-rule"] * 3 + ["never-broken"] * 2 + ["test-failed"] * 5

# One near-miss and one name-exposure.
WARNING = "agentfense 1\npolicy w {\n  allow read /\n  limit none /key\n}\n"
NOTE = "agentfense 1\npolicy n {\n  allow read **/README.md\n}\n"
ERROR = "agentfense 1\npolicy e {\n  allow read /\n  allow read /a\n}\n"
CLEAN = "agentfense 1\npolicy c {\n  allow read /\n}\n"

HOSTILE = """agentfense 1
policy h {
  allow read /
  allow read "/50%,a:b::<&>']]>\\x01\\x0a\\xff"
  allow read "/::error::x %0A é"
}
"""


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="agentfense-check-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.env = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        for name, text in (("ten.afp", TEN_TEXT_MISTAKES), ("meaning.afp", TEN_MEANING_MISTAKES), ("warning.afp", WARNING),
                           ("note.afp", NOTE), ("error.afp", ERROR), ("clean.afp", CLEAN), ("hostile.afp", HOSTILE)):
            (self.dir / name).write_text(text)

    def run_compiler(self, *words, status=0, **more):
        result = subprocess.run([COMPILER, *words], cwd=self.dir, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, encoding="utf-8", env=self.env, timeout=120, **more)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return result

    def check(self, *words, status=0):
        return self.run_compiler("check", *words, status=status).stdout

    def findings(self, *words, status=0):
        reports = json.loads(self.check("--format=json", *words, status=status))["reports"]
        return [finding for report in reports for finding in report["findings"]]


class Mistakes(Case):
    def test_ten_mistakes_of_the_text_are_ten_findings(self):
        self.assertEqual([f["code"] for f in self.findings("ten.afp", status=1)], TEN_TEXT_CODES)
        text = self.check("ten.afp", status=1)
        self.assertEqual(re.findall(r"^ten\.afp:\d+:\d+: error: .*\[([a-z-]+)\]$", text, re.M), TEN_TEXT_CODES)

    def test_ten_mistakes_of_meaning_are_ten_errors(self):
        found = self.findings("meaning.afp", status=1)
        self.assertEqual([f["code"] for f in found if f["severity"] == "error"], TEN_MEANING_CODES)
        text = self.check("meaning.afp", status=1)
        self.assertEqual(re.findall(r"^meaning\.afp:\d+:\d+: error: .*\[([a-z-]+)\]$", text, re.M), TEN_MEANING_CODES)

    def test_the_summary_counts_them(self):
        result = self.run_compiler("check", "ten.afp", "meaning.afp", "clean.afp", status=1)
        self.assertEqual(result.stderr, "ten.afp: 10 errors\nmeaning.afp: 10 errors, 1 warning\nclean.afp: no findings\n")
        self.assertEqual(self.run_compiler("check", "-q", "ten.afp", status=1).stderr, "")


class Status(Case):
    def test_fail_on_sets_the_least_finding_that_fails(self):
        expected = {  # file -> status for error, warning, note, never
            "error.afp": (1, 1, 1, 0), "warning.afp": (0, 1, 1, 0), "note.afp": (0, 0, 1, 0), "clean.afp": (0, 0, 0, 0)}
        for file, statuses in expected.items():
            for level, status in zip(("error", "warning", "note", "never"), statuses):
                for form in FORMATS:
                    self.check(file, f"--fail-on={level}", f"--format={form}", status=status)
        self.check("clean.afp", "warning.afp", "error.afp", status=1)

    def test_what_cannot_be_looked_at_is_status_2_whatever_else_is_found(self):
        for form in FORMATS:
            self.check("error.afp", "missing.afp", f"--format={form}", "--fail-on=never", status=2)
        self.check("clean.afp", "--tree=missing", status=2)

    def test_wrong_words_are_status_2_and_print_no_findings(self):
        for words in (("--format=xml",), ("--fail-on=fatal",), ("--severity=dead-rule",), ("--severity=dead=note",),
                      ("--severity=dead-rule=fatal",), ("--severity=expected-level=note",), ("-Dx",),
                      ("--severity=dead-rule=note", "--severity=dead-rule=error")):
            with self.subTest(words):
                result = self.run_compiler("check", "clean.afp", *words, status=2)
                self.assertEqual(result.stdout, "")
                self.assertNotEqual(result.stderr, "")
        self.run_compiler("check", status=2)

    def test_severity_changes_what_a_finding_is_and_whether_it_fails(self):
        self.check("warning.afp", "--severity=near-miss=error", status=1)
        self.check("warning.afp", "--severity=near-miss=note", "--fail-on=warning")
        self.check("error.afp", "--severity=dead-rule=warning")
        self.check("ten.afp", "--severity=expected-comma=error", status=1)
        for form, word in (("text", "warning: `allow"), ("json", '"severity": "warning"'), ("sarif", '"level": "warning"'),
                           ("github", "::warning file")):
            self.assertIn(word, self.check("error.afp", "--severity=dead-rule=warning", f"--format={form}"))

    def test_a_comment_answers_a_finding_in_every_format(self):
        (self.dir / "error.afp").write_text(ERROR.replace("  allow read /a\n", "  # agentfense: allow dead-rule soon\n  allow read /a\n"))
        self.assertEqual(self.check("error.afp", "--fail-on=note"), "")
        self.assertEqual(self.check("error.afp", "--format=github"), "")
        self.assertEqual(self.findings("error.afp")[0]["allowedReason"], "soon")
        sarif = json.loads(self.check("error.afp", "--format=sarif"))["runs"][0]["results"][0]
        self.assertEqual(sarif["suppressions"], [{"kind": "inSource", "justification": "soon"}])
        self.assertNotIn("<failure", self.check("error.afp", "--format=junit", "--fail-on=note"))


    def test_only_the_policy_s_own_comments_can_be_unused(self):
        comment = "  # agentfense: allow dead-rule kept\n"
        (self.dir / "base.afp").write_text("agentfense 1\npolicy base {\n" + comment + "  limit none /a\n}\n")
        (self.dir / "p.afp").write_text(
            'agentfense 1\nimport "base.afp"\npolicy other {\n' + comment + "  allow read /\n}\n"
            "policy p extends base {\n" + comment + "  allow read /\n}\n")
        found = [(f["code"], f["place"]["line"]) for f in self.findings("p.afp", "--policy", "p") if f["code"] == "unused-allow"]
        self.assertEqual(found, [("unused-allow", 8)])
        # Limits alone are a policy to be extended: what it allows can only be known there.
        self.assertEqual([f["code"] for f in self.findings("base.afp") if f["code"] == "unused-allow"], [])


class Order(Case):
    def test_every_format_is_the_same_on_every_run(self):
        (self.dir / "tree").mkdir()
        for i in range(40):
            (self.dir / "tree" / f"file{i}").write_text("x")
        words = ["meaning.afp", "warning.afp", "hostile.afp", "ten.afp", "note.afp", "--all", "--tree=tree"]
        for form in FORMATS:
            outputs = {self.check(*words, f"--format={form}", status=1) for _ in range(3)}
            self.assertEqual(len(outputs), 1, form)
            self.assertGreater(len(outputs.pop()), 1000)

    def test_findings_are_sorted_by_file_place_and_code(self):
        (self.dir / "main.afp").write_text('agentfense 1\nimport "error.afp"\nimport "note.afp"\npolicy m extends e, n {\n'
                                           "  allow read /z, /y\n  limit none /k except /q, /k/x\n}\n")
        found = self.findings("main.afp", "--all", status=1)
        keys = [(f["place"]["file"], f["place"]["offset"], CODES.index(f["code"])) for f in found]
        self.assertGreater(len({key[0] for key in keys}), 1)
        self.assertEqual(keys, sorted(keys))


class Terminal(Case):
    def on_terminal(self, *words, **env):
        """What `check` writes to a terminal that is its stdout and stderr."""
        master, slave = pty.openpty()
        child = subprocess.Popen([COMPILER, "check", *words], cwd=self.dir, stdin=subprocess.DEVNULL, stdout=slave,
                                 stderr=slave, env={**self.env, "TERM": "xterm", **env})
        os.close(slave)
        out = b""
        try:
            while chunk := os.read(master, 1 << 16):
                out += chunk
        except OSError:  # how Linux says that the other end is closed
            pass
        os.close(master)
        child.wait(timeout=60)
        return out

    def test_colour_is_for_terminals_that_want_it(self):
        self.assertIn(b"\x1b[", self.on_terminal("error.afp"))
        self.assertIn(b"\x1b[", self.on_terminal("error.afp", NO_COLOR=""))  # no-color.org: empty does not count
        self.assertNotIn(b"\x1b", self.on_terminal("error.afp", NO_COLOR="1"))
        self.assertNotIn("\x1b", self.check("error.afp", status=1))
        self.env["TERM"] = "xterm"
        self.assertNotIn("\x1b", self.check("error.afp", status=1))

    def test_colour_adds_nothing_but_colour(self):
        plain = re.sub(rb"\x1b\[[0-9;]*m", b"", self.on_terminal("-q", "error.afp")).replace(b"\r\n", b"\n")
        self.assertEqual(plain.decode(), self.check("error.afp", status=1))

    def test_formats_for_programs_have_no_colour_on_a_terminal_either(self):
        for form in FORMATS[1:]:
            self.assertNotIn(b"\x1b", self.on_terminal("error.afp", f"--format={form}"))


def annotations(text):
    """As the runner of GitHub Actions reads them."""
    def unescape(value, more=()):
        for code, char in (("%0D", "\r"), ("%0A", "\n"), *more, ("%25", "%")):
            value = value.replace(code, char)
        return value

    out = []
    for line in text.splitlines():
        match = re.fullmatch(r"::(error|warning|notice) (.*?)::(.*)", line)
        assert match, line
        pairs = (pair.split("=", 1) for pair in match[2].split(","))
        properties = {key: unescape(value, (("%3A", ":"), ("%2C", ","))) for key, value in pairs}
        out.append((match[1], properties, unescape(match[3])))
    return out


class Github(Case):
    def test_names_and_messages_arrive_as_they_are(self):
        name = "50%,a:b::c.afp"
        (self.dir / name).write_text(HOSTILE)
        printed = self.check(name, "--format=github", status=1)
        self.assertNotIn("\r", printed)
        found = annotations(printed)
        self.assertEqual(len(found), 2)
        self.assertIn("file=50%25%2Ca%3Ab%3A%3Ac.afp,line=4,col=3,", printed)
        for (command, properties, message), finding in zip(found, self.findings(name, status=1)):
            self.assertEqual(command, "error")
            self.assertEqual((properties["file"], properties["title"]), (name, "dead-rule"))
            lines = message.split("\n")
            self.assertEqual(lines[:2], [finding["message"], "example: " + finding["example"]["text"]])
            self.assertTrue(lines[2].startswith(name + ":3:3: "))
        self.assertIn("::error::x %0A", found[1][2])

    def test_line_ends_in_a_file_s_name_start_no_annotation(self):
        name = "a\r\n::error::b.afp"
        (self.dir / name).write_text(ERROR)
        (self.dir / "x.afp").write_text("agentfense 1\r\npolicy p {\r\n  allow raed /\r\n}\r\n")
        self.assertEqual(len(annotations(self.check(name, "--format=github", status=1))), 1)
        self.assertEqual([a[1]["line"] for a in annotations(self.check("x.afp", "--format=github", status=1))], ["3"])

    def test_each_severity_has_its_command(self):
        found = annotations(self.check("error.afp", "warning.afp", "note.afp", "--format=github", status=1))
        self.assertEqual([a[0] for a in found], ["error", "warning", "notice"])

    def test_what_is_not_in_the_checkout_is_named_in_the_message(self):
        for _, properties, message in annotations(self.run_compiler(
                "check", "preset:nope", f"--preset-dir={SOURCE}/stdlib-presets", "--format=github", status=2).stdout):
            self.assertNotIn("file", properties)
            self.assertTrue(message.startswith("preset:nope: "))


class Junit(Case):
    def test_an_xml_parser_reads_hostile_policies(self):
        for words in (("hostile.afp",), ("ten.afp", "meaning.afp", "hostile.afp", "--all"), ("missing.afp",)):
            status = 2 if "missing.afp" in words else 1
            root = xml.fromstring(self.check(*words, "--format=junit", status=status).encode())
            self.assertEqual(root.tag, "testsuites")
            cases = list(root.iter("testcase"))
            self.assertEqual(int(root.get("tests")), len(cases))
            self.assertEqual(int(root.get("failures")), len(list(root.iter("failure"))))
            self.assertGreater(len(list(root.iter("failure"))), 0)

    def test_text_arrives_as_it_is(self):
        root = xml.fromstring(self.check("hostile.afp", "--format=junit", status=1).encode())
        failures = list(root.iter("failure"))
        messages = [finding["message"] for finding in self.findings("hostile.afp", status=1)]
        self.assertEqual([failure.get("message") for failure in failures], messages)
        self.assertIn("<&>']]>", messages[0])

    def test_what_does_not_fail_the_command_fails_no_case(self):
        self.assertNotIn("<failure", self.check("warning.afp", "--format=junit"))
        self.assertIn("<failure", self.check("warning.afp", "--format=junit", "--fail-on=warning", status=1))


class Reports(Case):
    def setUp(self):
        super().setUp()
        (self.dir / "ok.afp").write_text(
            'agentfense 1\nimport "base.afp"\npolicy ok extends base except "/.git/HEAD" {\n'
            '  allow read /                     "all: <é> \\xff"\n  allow write /out\n  limit none "/50% \\xff", /x\n}\n')
        (self.dir / "base.afp").write_text("agentfense 1\npolicy base {\n  limit none /.git\n}\n")

    def build(self, report):
        self.run_compiler("build", "-q", "ok.afp", "-o", "ok.aft", "--report", report)
        return (self.dir / report).read_bytes()

    def test_json_and_binary_say_the_same(self):
        report = json.loads(self.build("ok.json"))
        self.build("ok.pb")
        self.assertEqual((self.dir / "ok.pb").read_bytes(), self.build("ok.binpb"))
        same = subprocess.run([SAME_REPORT, self.dir / "ok.pb", self.dir / "ok.json"], stderr=subprocess.PIPE, text=True)
        self.assertEqual(same.returncode, 0, same.stderr)
        for part in ("files", "rules", "overlaps", "findings", "weakenings", "nameExposures"):
            self.assertTrue(report[part], part)
        self.assertEqual(report["policy"], "ok")
        (self.dir / "other.json").write_text(json.dumps({**report, "policy": "other"}))
        self.assertEqual(subprocess.run([SAME_REPORT, self.dir / "ok.pb", self.dir / "other.json"],
                                        stderr=subprocess.DEVNULL).returncode, 1)

    def test_text_is_as_the_golden_file_says(self):
        text = re.sub(r"\b[0-9a-f]{64}\b", "SHA256", self.build("ok.txt").decode())
        text = re.sub(r"^(tool +agentfense-compile) .*$", r"\1 VERSION", text, flags=re.M)
        golden = pathlib.Path(SOURCE) / "tests/report/golden/report.txt"
        if os.environ.get("AGENTFENSE_WRITE_GOLDEN"):
            golden.write_text(text)
        self.assertEqual(text, golden.read_text())

    def test_sarif_of_a_build_is_that_of_a_check_with_all(self):
        built = json.loads(self.build("ok.sarif"))
        checked = json.loads(self.check("ok.afp", "--all", "--format=sarif"))
        self.assertEqual(built["runs"][0]["results"], checked["runs"][0]["results"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
