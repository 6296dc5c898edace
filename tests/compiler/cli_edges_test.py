#!/usr/bin/env python3
"""The command line at its edges: pipes, links, devices, lost output, and what it must not overwrite.

    cli_edges_test.py AGENTFENSE_COMPILE
"""

import os
import subprocess
import sys
import tempfile
import unittest

COMPILER = os.path.abspath(sys.argv.pop(1))


def run(*arguments, stdout=subprocess.PIPE):
    return subprocess.run([COMPILER, *arguments], stdin=subprocess.DEVNULL, stdout=stdout,
                          stderr=subprocess.PIPE, timeout=60)


class Edges(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="agentfense-edges-")
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)
        self.write("ok.afp", b"agentfense 1\npolicy p { allow read / }\n")

    def write(self, name, content):
        with open(name, "wb") as file:
            file.write(content)

    def refused(self, *arguments, word):
        before = sorted(os.listdir())
        result = run(*arguments)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertEqual(result.stderr.count(b"\n"), 1, result.stderr)
        self.assertIn(word, result.stderr)
        self.assertEqual(sorted(os.listdir()), before, "something was left behind")

    def test_a_table_takes_the_place_of_no_pipe_or_device(self):
        os.mkfifo("pipe")
        os.symlink("pipe", "to-pipe")
        os.symlink("nowhere", "dangling")
        self.refused("build", "ok.afp", "-o", "pipe", word=b"no regular file")
        self.refused("build", "ok.afp", "-o", "to-pipe", word=b"no regular file")
        self.refused("build", "ok.afp", "-o", "dangling", word=b"leads nowhere")
        self.assertTrue(os.path.islink("to-pipe"))

    def test_a_link_stays_and_its_file_is_replaced(self):
        os.mkdir("real")
        self.write("real/x.aft", b"old")
        os.symlink("real/x.aft", "x.aft")
        self.assertEqual(run("build", "-q", "ok.afp", "-o", "x.aft").returncode, 0)
        self.assertTrue(os.path.islink("x.aft"))
        self.assertEqual(run("verify", "real/x.aft").returncode, 0)

    def test_a_source_is_not_overwritten(self):
        self.write("main.afp", b'agentfense 1\nimport "sets.afp"\npolicy p { allow read s }\n')
        self.write("sets.afp", b"agentfense 1\nset s = { / }\n")
        os.link("sets.afp", "twin")
        for name in "main.afp", "./main.afp", "sets.afp", "twin":
            self.refused("build", "main.afp", "-o", name, word=b"source of this policy")
        self.assertEqual(run("build", "-q", "main.afp", "-o", "x.aft").returncode, 0)

    def test_no_command_waits_for_a_pipe(self):
        os.mkfifo("pipe")
        for arguments in ("explain", "pipe", "/x"), ("verify", "pipe"), ("dump", "pipe"), ("dump", "pipe", "--rules"):
            self.assertEqual(run(*arguments).returncode, 2, arguments)

    def test_what_cannot_be_read_is_no_fault_of_the_policy(self):
        self.refused("verify", "missing", word=b"No such file")
        self.refused("verify", ".", word=b"no regular file")
        self.assertEqual(run("verify", "ok.afp").returncode, 1)

    def test_lost_output_is_an_error(self):
        self.assertEqual(run("build", "-q", "ok.afp", "-o", "x.aft").returncode, 0)
        for arguments in (("explain", "ok.afp", "/x"), ("explain", "x.aft", "/x"), ("verify", "x.aft"),
                          ("dump", "x.aft"), ("dump", "ok.afp", "--rules"), ("--help",)):
            with open("/dev/full", "wb") as full:
                result = run(*arguments, stdout=full)
            self.assertEqual(result.returncode, 2, arguments)
            self.assertIn(b"standard output", result.stderr)


if __name__ == "__main__":
    unittest.main()
