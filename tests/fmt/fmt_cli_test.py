#!/usr/bin/env python3
"""fmt on the command line: what it writes, what it leaves alone, and what it and the other readers say of bad input.

    fmt_cli_test.py AGENTFENSE_COMPILE SOURCE_ROOT
"""

import os
import pathlib
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import unittest

COMPILER, ROOT = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2])
del sys.argv[1:3]

UGLY = b'agentfense 1\r\npolicy p{allow read  "/a" ,\n/b #x\n}'
FORMED = b"agentfense 1\npolicy p {\n  allow read /a, /b  #x\n}\n"


def run(*words, stdin=b"", user=None):
    return subprocess.run([*(user or []), COMPILER, *words], input=stdin, capture_output=True, timeout=60)


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="agentfense-fmt-")
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)

    def write(self, name, content=UGLY):
        pathlib.Path(name).write_bytes(content)

    def read(self, name):
        return pathlib.Path(name).read_bytes()


class Fmt(Case):
    def test_rewrites_in_place_and_keeps_the_mode(self):
        self.write("a.afp")
        os.chmod("a.afp", 0o600)
        result = run("fmt", "a.afp")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, b"", b"a.afp: rewritten\n"))
        self.assertEqual(self.read("a.afp"), FORMED)
        self.assertEqual(stat.S_IMODE(os.stat("a.afp").st_mode), 0o600)
        self.assertEqual(os.listdir(), ["a.afp"])

    def test_a_formed_file_is_not_touched(self):
        self.write("a.afp", FORMED)
        before = os.stat("a.afp")
        result = run("fmt", "a.afp")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, b"", b""))
        self.assertEqual((os.stat("a.afp").st_ino, os.stat("a.afp").st_mtime_ns), (before.st_ino, before.st_mtime_ns))

    def test_a_link_stays_and_its_file_is_rewritten(self):
        os.mkdir("real")
        self.write("real/a.afp")
        os.symlink("real/a.afp", "a.afp")
        self.assertEqual(run("fmt", "a.afp").returncode, 0)
        self.assertTrue(os.path.islink("a.afp"))
        self.assertEqual(self.read("real/a.afp"), FORMED)

    def test_check_lists_and_writes_nothing(self):
        self.write("a.afp")
        self.write("b.afp", FORMED)
        result = run("fmt", "--check", "a.afp", "b.afp")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (1, b"a.afp\n", b""))
        self.assertEqual(self.read("a.afp"), UGLY)
        self.assertEqual(run("fmt", "--check", "b.afp").returncode, 0)

    def test_standard_input_goes_to_standard_output(self):
        self.assertEqual(run("fmt", "-", stdin=UGLY).stdout, FORMED)
        result = run("fmt", "--check", "-", stdin=UGLY)
        self.assertEqual((result.returncode, result.stdout), (1, b"<stdin>\n"))
        self.write("a.afp")
        self.assertEqual(run("fmt", "-", "a.afp", stdin=UGLY).returncode, 2)
        self.assertEqual(self.read("a.afp"), UGLY)

    def test_a_file_with_errors_is_left_alone_and_the_others_are_not(self):
        self.write("bad.afp", b"agentfense 1\npolicy p { alow read  / }")
        self.write("a.afp")
        result = run("fmt", "bad.afp", "a.afp")
        self.assertEqual(result.returncode, 1)
        self.assertTrue(result.stderr.startswith(b"bad.afp:2:12: error: no statement starts with `alow`"), result.stderr)
        self.assertEqual(self.read("bad.afp"), b"agentfense 1\npolicy p { alow read  / }")
        self.assertEqual(self.read("a.afp"), FORMED)

    def test_what_cannot_be_written_is_left_whole(self):
        if os.geteuid() != 0 or not shutil.which("setpriv"):
            self.skipTest("takes root and setpriv")
        os.chmod(".", 0o755)
        self.write("a.afp")
        os.chmod("a.afp", 0o644)
        result = run("fmt", "a.afp", user=["setpriv", "--reuid=65534", "--clear-groups"])
        self.assertEqual(result.returncode, 2)
        self.assertEqual(result.stderr.count(b"\n"), 1, result.stderr)
        self.assertEqual(self.read("a.afp"), UGLY)

    def test_the_policies_of_this_tree_are_in_canonical_form(self):
        files = [str(f) for folder in ("stdlib-presets", "examples") for f in sorted((ROOT / folder).rglob("*.afp"))]
        self.assertGreater(len(files), 15)
        result = run("fmt", "--check", *files)
        self.assertEqual((result.returncode, result.stdout), (0, b""), result.stderr)


class BadInput(Case):
    """One clear error each, at once, in little memory."""

    def refused(self, status, word, *arguments, stdin=None, user=None):
        for command in ("build", "-o", "out.aft"), ("fmt", "--check"):
            with self.subTest(command=command[0], arguments=arguments):
                start = time.monotonic()
                source = open(stdin, "rb") if stdin else subprocess.DEVNULL
                with tempfile.TemporaryFile() as errors:
                    process = subprocess.Popen([*(user or []), COMPILER, *command, *arguments], stdin=source,
                                               stdout=subprocess.DEVNULL, stderr=errors)
                    _, code, usage = os.wait4(process.pid, 0)
                    process.returncode = os.waitstatus_to_exitcode(code)
                    errors.seek(0)
                    said = errors.read()
                if stdin:
                    source.close()
                self.assertEqual(process.returncode, status, said[:500])
                self.assertIn(word, said)
                self.assertEqual(said.count(b"error:"), 1, said[:500])
                self.assertLess(len(said), 1000)
                self.assertLess(time.monotonic() - start, 5)  # a second where nothing else runs
                self.assertLess(usage.ru_maxrss, 200 * 1024)

    def test_100_megabytes(self):
        with open("big", "wb") as file:
            file.truncate(100 << 20)
        self.refused(1, b"[file-too-large]", "big")
        self.refused(1, b"[file-too-large]", "-", stdin="big")

    def test_broken_utf8(self):
        self.write("a.afp", b"agentfense 1\npolicy p { allow read /\xff\xfe }\n")
        self.refused(1, b"[invalid-utf8]", "a.afp")

    def test_a_million_braces(self):
        self.write("a.afp", b"agentfense 1\npolicy p {\n  allow read /" + b"{a," * 1_000_000 + b"\n}\n")
        self.refused(1, b"[brace-nesting]", "a.afp")
        self.refused(1, b"[brace-nesting]", "-", stdin="a.afp")
        self.write("b.afp", b"agentfense 1\npolicy p {" + b"{" * 1_000_000)
        self.refused(1, b"[brace-nesting]", "b.afp")

    def test_what_is_no_readable_file(self):
        os.mkfifo("pipe")
        os.mkdir("folder")
        self.refused(2, b"no regular file [cannot-read]", "pipe")
        self.refused(2, b"it is a directory [cannot-read]", "folder")
        self.refused(2, b"No such file or directory [cannot-read]", "missing")
        if os.geteuid() != 0 or not shutil.which("setpriv"):
            self.skipTest("takes root and setpriv")
        os.chmod(".", 0o755)
        self.write("secret.afp", FORMED)
        os.chmod("secret.afp", 0)
        self.refused(2, b"Permission denied [cannot-read]", "secret.afp",
                     user=["setpriv", "--reuid=65534", "--clear-groups"])


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    unittest.main()
