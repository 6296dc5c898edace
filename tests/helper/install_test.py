#!/usr/bin/env python3
"""What `cmake --install` lays out: the program, its manual page, and the link where mount(8) looks for it."""

import os
import subprocess
import sys
import tempfile
import unittest

BUILD = sys.argv[1]


class Install(unittest.TestCase):
    def test_files(self):
        with tempfile.TemporaryDirectory() as stage:
            subprocess.run(["cmake", "--install", BUILD, "--component", "helper", "--prefix", "/opt/af"],
                           env={**os.environ, "DESTDIR": stage}, check=True, capture_output=True)
            program = stage + "/opt/af/bin/mount.agentfense"
            self.assertEqual(os.readlink(stage + "/sbin/mount.agentfense"), "/opt/af/bin/mount.agentfense")
            self.assertFalse(os.stat(program).st_mode & 0o6000, "it must not be set-id")
            self.assertTrue(os.path.exists(stage + "/opt/af/share/man/man8/mount.agentfense.8"))
            shown = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
            self.assertRegex(shown, r"^mount\.agentfense \d")
            # An installed program looks beside itself for presets, and not into the tree that it was built in.
            missing = subprocess.run([program, "run", "--preset", "none-such", "--base", "/", "--", "x"], capture_output=True, text=True)
            self.assertEqual(missing.returncode, 125)
            self.assertIn("/share/agentfense/presets;", missing.stderr)
            self.assertNotIn(BUILD, missing.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
