#!/usr/bin/env python3
"""The manual page and the bash completion name every option that there is, and nothing else.

    documents_test.py AGENTFENSE_COMPILE SOURCE_DIR
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

COMPILER, SOURCE = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2])
PAGE = SOURCE / "compiler/agentfense-compile.1"
COMPLETION = SOURCE / "compiler/agentfense-compile.bash"
COMMON = {"--policy", "--preset-dir"}


def help_of(*words):
    return subprocess.run([COMPILER, *words, "--help"], capture_output=True, text=True, check=True).stdout


def commands():
    return re.findall(r"^  ([a-z]+)  +\S", help_of().split("Subcommands:")[1], re.M)


def options(command):
    """The option column: what a description or an example names is not offered here."""
    return set(re.findall(r"(?:^  |,)(--[a-z][a-z-]*)", help_of(command).split("Options:")[1], re.M))


def formats(command, option):
    found = re.search(option + r"[^\n]*?\{([a-z,]+)\}", help_of(command))
    return found.group(1).split(",")


class Manual(unittest.TestCase):
    def test_every_option_of_every_command_and_no_other(self):
        text = PAGE.read_text().replace("\\-", "-")
        body = text.split(".SH COMMANDS")[1].split(".SH POLICY OPTIONS")[0]
        sections = dict(re.findall(r"^\.SS ([a-z]+)\n(.*?)(?=^\.SS |\Z)", body, re.M | re.S))
        self.assertEqual(sorted(sections), sorted(commands()))
        self.assertEqual(len(sections), 10)
        for command, section in sections.items():
            # Headings alone: the line after .TP.
            named = {o for line in re.findall(r"^\.TP\n(.*)$", section, re.M) for o in re.findall(r"--[a-z][a-z-]*", line)}
            wanted = options(command) - {"--help"}
            if "Takes the policy options" in " ".join(section.split()):
                self.assertLessEqual(COMMON, wanted, command)
                wanted -= COMMON
            self.assertEqual(named, wanted, command)

    def test_it_is_well_formed(self):
        run = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", str(PAGE)], capture_output=True, text=True, check=True)
        self.assertEqual(run.stderr, "")
        helper = SOURCE / "mounthelper/mount.agentfense.8"
        run = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", str(helper)], capture_output=True, text=True, check=True)
        self.assertEqual(run.stderr, "")
        shown = subprocess.run(["groff", "-man", "-Tascii", "-P-c", str(PAGE)], capture_output=True, text=True, check=True).stdout
        self.assertIn("agentfense-compile explain review.afp /src/main.cc /.env", shown)


class Completion(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="agentfense-completion-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        (self.dir / "bin").mkdir()
        (self.dir / "bin/agentfense-compile").symlink_to(COMPILER)
        (self.dir / "work").mkdir()
        for name in "a.afp", "b.aft", "c.txt", "e.expect", "with space.afp":
            (self.dir / "work" / name).write_text("")
        (self.dir / "work/sub").mkdir()

    def complete(self, line):
        """What bash offers at the end of the line, with words broken as readline does."""
        script = r'''
            source "$1"
            COMP_LINE=$2 COMP_POINT=${#2}
            mapfile -t COMP_WORDS < <(printf '%s' "$2" | sed -E 's/([=:])/ \1 /g' | tr -s ' ' '\n')
            [[ $2 == *' ' ]] && COMP_WORDS+=('')
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _agentfense_compile
            printf '%s\n' "${COMPREPLY[@]}"
        '''
        environment = {**os.environ, "PATH": f"{self.dir}/bin:{os.environ['PATH']}"}
        run = subprocess.run(["bash", "--norc", "-c", script, "bash", str(COMPLETION), line], cwd=self.dir / "work",
                             env=environment, capture_output=True, text=True, check=True)
        self.assertEqual(run.stderr, "")
        return sorted(set(run.stdout.split("\n")) - {""})

    def test_commands(self):
        self.assertEqual(self.complete("agentfense-compile "), sorted(commands() + ["--help", "--version"]))
        self.assertEqual(self.complete("agentfense-compile ex"), ["explain"])

    def test_every_option_of_every_command_and_no_other(self):
        for command in commands():
            offered = self.complete(f"agentfense-compile {command} --")
            self.assertEqual({o for o in offered if o.startswith("--")}, options(command), command)

    def test_values(self):
        for command, option in (("check", "--format"), ("check", "--fail-on"), ("diff", "--format"), ("diff", "--fail-on"),
                                ("test", "--format"), ("import", "--from"), ("import", "--base")):
            self.assertEqual(self.complete(f"agentfense-compile {command} {option} "), sorted(formats(command, option)))
        offered = self.complete("agentfense-compile check --severity dead")
        self.assertEqual(offered, ["dead-rule=error", "dead-rule=note", "dead-rule=warning"])
        self.assertEqual(self.complete("agentfense-compile check --severity dead-rule=w"), ["warning"])

    def test_codes_are_those_of_the_compiler(self):
        known = set(re.findall(r'"([a-z-]+)"', (SOURCE / "lang/codes.def").read_text().split("// Meaning")[1]))
        offered = {word.split("=")[0] for word in self.complete("agentfense-compile check --severity ")}
        self.assertEqual(offered, known - {"too-complex", "internal-error"})

    def test_files(self):
        self.assertEqual(self.complete("agentfense-compile explain "), ["a.afp", "b.aft", "sub", "with space.afp"])
        self.assertEqual(self.complete("agentfense-compile verify "), ["b.aft", "sub"])
        self.assertEqual(self.complete("agentfense-compile test --expect "), ["e.expect", "sub"])
        self.assertEqual(self.complete("agentfense-compile check a.afp --tree "), ["sub"])

    def test_presets(self):
        names = [line.split()[0] for line in subprocess.run([COMPILER, "presets"], capture_output=True, text=True,
                                                             check=True).stdout.splitlines()]
        self.assertEqual(self.complete("agentfense-compile build pre"), ["preset:"])
        self.assertEqual(self.complete("agentfense-compile build preset:"), names)
        self.assertEqual(self.complete("agentfense-compile build preset:agent"), ["agent-safe"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
