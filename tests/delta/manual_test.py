#!/usr/bin/env python3
"""The manual page names every command and option of `mount.agentfense delta`, and nothing else.

    manual_test.py MOUNT.AGENTFENSE SOURCE_DIR
"""

import pathlib
import re
import subprocess
import sys
import unittest

HELPER, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2])
PAGE = SOURCE / "mounthelper/mount.agentfense.8"


def help_of(*words):
    return subprocess.run([HELPER, *words, "--help"], capture_output=True, text=True, check=True).stdout


class Manual(unittest.TestCase):
    def test_every_command_and_option_and_no_other(self):
        commands = re.findall(r"^  ([a-z]+)  +\S", help_of("delta").split("Commands:")[1], re.M)
        self.assertLessEqual({"status", "diff"}, set(commands))
        text = PAGE.read_text().replace("\\-", "-")
        body = text.split(".SH DELTA\n")[1].split("\n.SH ")[0] + "\n"
        sections = dict(re.findall(r"^\.SS ([a-z]+)\n(.*?)(?=^\.SS |\Z)", body, re.M | re.S))
        self.assertEqual(sorted(sections), sorted(commands))
        for command, section in sections.items():
            named = {o for line in re.findall(r"^\.TP\n(.*)$", section, re.M) for o in re.findall(r"--[a-z][a-z-]*", line)}
            listed = set(re.findall(r"(?:^  |,)(--[a-z][a-z-]*)", help_of("delta", command).split("Options:")[1], re.M))
            self.assertEqual(named, listed - {"--help"}, command)

    def test_the_short_help_names_each_use(self):
        for use in "mount.agentfense BASE DIR", "mount.agentfense run ", "mount.agentfense delta ":
            self.assertIn(f"  {use}", help_of().split("Mount options:")[0])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
