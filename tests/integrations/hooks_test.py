#!/usr/bin/env python3
"""What pre-commit, GitHub and GitLab would run, run here as their files define it, on good and bad policies.

    hooks_test.py AGENTFENSE_COMPILE SOURCE_DIR
"""

import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

import yaml

COMPILER, SOURCE = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2])

GOOD = "agentfense 1\n\npolicy p {\n  allow read /\n  limit none /secret\n\n  test {\n    none /secret/x\n  }\n}\n"
OPENED = GOOD.replace("limit none /secret", "limit view /secret").replace("none /secret/x", "view /secret/x")
DEAD = GOOD.replace("  limit", "  allow read /src\n  limit")
FAILING = GOOD.replace("none /secret/x", "read /secret/x")


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="agentfense-hooks-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        (self.dir / "bin").mkdir()
        (self.dir / "bin/agentfense-compile").symlink_to(COMPILER)
        self.work = self.dir / "work"
        self.work.mkdir()
        self.environment = {"PATH": f"{self.dir}/bin:{os.environ['PATH']}", "HOME": str(self.dir),
                            "GIT_CONFIG_NOSYSTEM": "1"}

    def write(self, name, text):
        (self.work / name).write_text(text)

    def run_in_work(self, *words, **more):
        return subprocess.run(words, cwd=self.work, env={**self.environment, **more}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120)

    def commit(self):
        for words in (("init", "-q"), ("add", "-A"),
                      ("-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-q", "-m", "base")):
            self.assertEqual(self.run_in_work("git", *words).returncode, 0)


class PreCommit(Case):
    def hook(self, identity, *files):
        hooks = {h["id"]: h for h in yaml.safe_load((SOURCE / ".pre-commit-hooks.yaml").read_text())}
        self.assertEqual(sorted(hooks), ["agentfense-check", "agentfense-fmt", "agentfense-test"])
        hook = hooks[identity]
        self.assertEqual(hook["language"], "system")
        taken = [f for f in files if re.search(hook["files"], f)]
        return self.run_in_work(*shlex.split(hook["entry"]), *hook.get("args", []), *taken)

    def test_check(self):
        self.write("a.afp", GOOD)
        self.write("b.afp", DEAD)
        self.assertEqual(self.hook("agentfense-check", "a.afp", "a.afp.txt").returncode, 0)
        run = self.hook("agentfense-check", "a.afp", "b.afp")
        self.assertEqual(run.returncode, 1)
        self.assertIn("b.afp:5:3: error", run.stdout)

    def test_fmt(self):
        # pre-commit fails a hook that changes files; the second run changes nothing.
        self.write("a.afp", GOOD.replace("allow read /", "allow   read  /"))
        self.assertEqual(self.hook("agentfense-fmt", "a.afp").returncode, 0)
        self.assertEqual((self.work / "a.afp").read_text(), GOOD)
        self.write("b.afp", "agentfense 1\npolicy {\n")
        self.assertEqual(self.hook("agentfense-fmt", "b.afp").returncode, 1)

    def test_test(self):
        self.write("a.afp", GOOD)
        self.write("b.afp", FAILING)
        self.assertEqual(self.hook("agentfense-test", "a.afp").returncode, 0)
        run = self.hook("agentfense-test", "a.afp", "b.afp")
        self.assertEqual(run.returncode, 1)
        self.assertIn("FAIL b.afp:8: /secret/x", run.stdout)


class GitHub(Case):
    def action(self, **inputs):
        """The action's steps as the runner would take them; the first status that is not 0 ends it."""
        action = yaml.safe_load((SOURCE / "examples/github-action/action.yml").read_text())
        self.assertEqual(action["runs"]["using"], "composite")
        unknown = set(inputs) - set(action["inputs"])
        self.assertFalse(unknown)
        values = {name: inputs.get(name, spec.get("default", "")) for name, spec in action["inputs"].items()}
        for name, spec in action["inputs"].items():
            self.assertTrue(name in inputs or not spec.get("required"), name)

        def fill(text):
            text = re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda m: values[m.group(1)], text)
            self.assertNotIn("${{", text.replace("${{ github.workspace }}", ""))
            return text

        output = self.dir / "output"
        output.write_text("")
        said = ""
        for step in action["runs"]["steps"]:
            condition = re.fullmatch(r"\$\{\{ inputs\.([a-z-]+) (==|!=) '([a-z]*)' \}\}", step.get("if", ""))
            if condition:
                name, operator, value = condition.groups()
                if (values[name] == value) != (operator == "=="):
                    continue
            self.assertEqual(step["shell"], "bash")
            self.assertNotIn("${{", step["run"], "what a pull request chooses belongs into env")
            env = {name: fill(text) for name, text in step.get("env", {}).items()}
            run = self.run_in_work("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"],
                                   GITHUB_OUTPUT=str(output), GITHUB_WORKSPACE=str(self.work),
                                   RUNNER_TEMP=str(self.dir), **env)
            said += run.stdout + run.stderr
            if run.returncode != 0:
                return run.returncode, said, output.read_text()
        return 0, said, output.read_text()

    def test_good_policies_pass_and_leave_sarif(self):
        self.write("a.afp", GOOD)
        self.write("b.afp", GOOD)
        status, said, output = self.action(files="a.afp\nb.afp")
        self.assertEqual((status, output), (0, "sarif=agentfense.sarif\n"), said)
        self.assertEqual(json.loads((self.work / "agentfense.sarif").read_text())["version"], "2.1.0")

    def test_findings_are_annotated_and_fail(self):
        self.write("a.afp", DEAD)
        status, said, output = self.action(files="a.afp")
        self.assertEqual(status, 1)
        self.assertIn("::error file=a.afp,line=5", said)
        self.assertEqual(output, "sarif=agentfense.sarif\n")
        self.assertTrue(json.loads((self.work / "agentfense.sarif").read_text())["runs"][0]["results"])
        self.assertEqual(self.action(files="missing.afp")[0], 2)

    def test_tests_run(self):
        self.write("a.afp", FAILING)
        self.assertEqual(self.action(files="a.afp", sarif="", **{"fail-on": "never"})[0], 1)
        self.assertEqual(self.action(files="a.afp", sarif="", test="false", **{"fail-on": "never"})[0], 0)

    def test_new_access_fails_and_less_does_not(self):
        self.write("a.afp", GOOD)
        self.commit()
        self.assertEqual(self.action(files="a.afp", base="HEAD")[0], 0)
        self.write("a.afp", OPENED)
        status, said, _ = self.action(files="a.afp", base="HEAD")
        self.assertEqual(status, 1, said)
        self.assertIn("/secret", said)
        self.assertEqual(self.action(files="a.afp", base="HEAD", **{"diff-fail-on": "lowered"})[0], 0)
        self.write("b.afp", GOOD)
        status, said, _ = self.action(files="b.afp", base="HEAD")
        self.assertIn("::notice::b.afp is new", said)
        self.assertEqual(status, 0)
        self.assertNotEqual(self.action(files="a.afp", base="no-such-branch")[0], 0)

    def test_file_names_are_no_code(self):
        self.write("$(touch x).afp", GOOD)
        self.action(files="$(touch${IFS}pwned) ;touch${IFS}pwned")
        self.assertFalse((self.work / "pwned").exists())


class GitLab(Case):
    def job(self, name, **environment):
        pipeline = yaml.safe_load((SOURCE / "examples/gitlab/agentfense.gitlab-ci.yml").read_text())
        script = "\n".join(pipeline[name]["script"])
        return self.run_in_work("bash", "-eo", "pipefail", "-c", script, AGENTFENSE_FILES="a.afp", **environment), pipeline[name]

    def report(self, job):
        return ElementTree.parse(self.work / job["artifacts"]["reports"]["junit"]).getroot()

    def test_check_and_test_leave_junit(self):
        for text, status in ((GOOD, 0), (DEAD, 1), (FAILING, 1)):
            self.write("a.afp", text)
            run, job = self.job("agentfense:check")
            self.assertEqual(run.returncode, status, run.stderr)
            self.assertEqual(bool(list(self.report(job).iter("failure"))), status == 1)
        run, job = self.job("agentfense:test")
        self.assertEqual(run.returncode, 1)
        self.assertEqual(len(list(self.report(job).iter("failure"))), 1)

    def test_new_access_fails(self):
        self.write("a.afp", GOOD)
        self.commit()
        run, _ = self.job("agentfense:diff", CI_MERGE_REQUEST_DIFF_BASE_SHA="HEAD")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.write("a.afp", OPENED)
        run, _ = self.job("agentfense:diff", CI_MERGE_REQUEST_DIFF_BASE_SHA="HEAD")
        self.assertEqual(run.returncode, 1, run.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
