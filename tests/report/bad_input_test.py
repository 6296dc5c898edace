#!/usr/bin/env python3
"""Input that is no policy: one clear error each, no waiting, and little memory.

    bad_input_test.py AGENTFENSE_COMPILE

With AGENTFENSE_SANITIZED set the memory is not looked at: sanitizers take what they like.
"""

import os
import pathlib
import re
import resource
import socket
import subprocess
import sys
import tempfile
import unittest

COMPILER = os.path.abspath(sys.argv[1])
MOST_MEMORY = 500 << 10  # KiB
MILLION = 1_000_000
HEAD = b"agentfense 1\npolicy p {\n"

FAULTY_TEXTS = {  # name -> text, code of its one error
    "a bad byte": (HEAD + b"  allow read /\xff\n}\n", "invalid-utf8"),
    "an overlong slash": (HEAD + b"  allow read /a\xc0\xafb\n}\n", "invalid-utf8"),
    "a surrogate": (HEAD + b"  allow read /\xed\xa0\x80\n}\n", "invalid-utf8"),
    "a cut character": (HEAD + b"  allow read /\xe2\x82\n}\n", "invalid-utf8"),
    "Latin-1": (HEAD + "  allow read /café\n}\n".encode("latin-1"), "invalid-utf8"),
    "UTF-16": ("agentfense 1\n".encode("utf-16"), "byte-order-mark"),
    "UTF-16 without a mark": ("agentfense 1\n".encode("utf-16-le"), "nul-byte"),
    "no text at all": (bytes(range(256)) * 1000, "nul-byte"),
    "bytes above ASCII": (bytes(range(128, 256)) * 1000, "invalid-utf8"),
    "an empty file": (b"", "missing-version"),
    "braces in a pattern": (HEAD + b"  allow read /" + b"{" * MILLION + b"\n}\n", "brace-nesting"),
    "closed braces in a pattern": (HEAD + b"  allow read /" + b"{" * MILLION + b"}" * MILLION + b"\n}\n", "brace-nesting"),
    "alternatives in a pattern": (HEAD + b"  allow read /" + b"{a," * MILLION + b"}" * MILLION + b"\n}\n", "brace-nesting"),
    "params in a pattern": (HEAD + b"  allow read /" + b"${" * MILLION + b"\n}\n", "brace-nesting"),
    "blocks": (HEAD + b"{\n" * MILLION, "brace-nesting"),
    "closed blocks": (HEAD + b"{\n" * MILLION + b"}\n" * MILLION, "brace-nesting"),
    "blocks on one line": (HEAD + b"{" * MILLION, "brace-nesting"),
    "tests": (HEAD + b"test {\n" * (MILLION // 2), "brace-nesting"),
    "policies": (b"agentfense 1\n" + b"policy p{\n" * 400_000, "brace-nesting"),
    "sets": (b"agentfense 1\nset a = " + b"{ " * MILLION, "brace-nesting"),
    "a hundred megabytes of comments": (None, "file-too-large"),
    "a hundred megabytes of nothing": (None, "file-too-large"),
}


class BadInput(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="agentfense-bad-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)

    def check(self, *words, status, stdin=subprocess.DEVNULL, **more):
        """Runs `check` and returns what it prints."""
        # Through a small shell: a child counts the memory of who forks it as its own.
        with tempfile.NamedTemporaryFile() as out:
            shell = subprocess.Popen(["/bin/sh", "-c", '"$@"; exit $?', "sh", COMPILER, "check", *words], cwd=self.dir,
                                     stdin=stdin, stdout=out, stderr=subprocess.DEVNULL, **more)
            try:
                shell.wait(timeout=60)
            except subprocess.TimeoutExpired:
                shell.kill()
                self.fail("it waits for something")
            self.assertEqual(shell.returncode, status)
            return pathlib.Path(out.name).read_text()

    def one_error(self, printed, code, name=None):
        errors = re.findall(r"^(.*?): (?:error|warning): .*\[([a-z0-9-]+)\]$", printed, re.M)
        self.assertEqual([error[1] for error in errors], [code], printed[:2000])
        self.assertLess(len(printed), 3000)
        if name:
            self.assertTrue(errors[0][0].startswith(name), printed)

    def test_texts(self):
        for what, (text, code) in FAULTY_TEXTS.items():
            with self.subTest(what):
                file = self.dir / "x.afp"
                if what == "a hundred megabytes of comments":
                    file.write_bytes(b"# a comment\n" * 8_400_000)
                elif what == "a hundred megabytes of nothing":
                    with open(file, "wb") as out:
                        out.truncate(100 << 20)
                else:
                    file.write_bytes(text)
                self.one_error(self.check("x.afp", status=1), code, "x.afp")
                with open(file, "rb") as stdin:
                    self.one_error(self.check("-", status=1, stdin=stdin), code, "<stdin>")
                (self.dir / "main.afp").write_text('agentfense 1\nimport "x.afp"\npolicy main {\n  allow read /\n}\n')
                self.one_error(self.check("main.afp", status=1), code)

    def test_what_is_no_file_to_read(self):
        os.mkdir(self.dir / "folder.afp")
        os.mkfifo(self.dir / "pipe.afp")
        os.symlink("nowhere", self.dir / "dangling.afp")
        os.symlink("loop.afp", self.dir / "loop.afp")
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind(str(self.dir / "socket.afp"))
        for name, word in (("missing.afp", "No such file"), ("folder.afp", "it is a directory"),
                           ("pipe.afp", "it is no regular file"), ("dangling.afp", "No such file"),
                           ("loop.afp", "Too many levels"), ("socket.afp", "No such device"), ("/dev/zero", "it is no regular file"),
                           ("missing/x.afp", "No such file"), ("x" * 5000, "File name too long")):
            with self.subTest(name[:20]):
                printed = self.check(name, status=2)
                self.one_error(printed if len(name) < 100 else printed.replace(name, "long"), "cannot-read")
                self.assertIn(word, printed)
                if "/" in name or len(name) > 100:
                    continue
                (self.dir / "main.afp").write_text(f'agentfense 1\nimport "{name}"\npolicy main {{\n  allow read /\n}}\n')
                printed = self.check("main.afp", status=1)
                self.one_error(printed, "import-not-found", "main.afp:2:8")
                self.assertIn(word, printed)

    def test_an_unreadable_file(self):
        (self.dir / "x.afp").write_bytes(HEAD + b"}\n")
        os.chmod(self.dir / "x.afp", 0)
        os.chmod(self.dir, 0o755)
        user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        if user and subprocess.run([COMPILER, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   **user).returncode != 0:
            self.fail("an ordinary user cannot run the compiler here")
        printed = self.check("x.afp", status=2, **user)
        self.one_error(printed, "cannot-read", "x.afp")
        self.assertIn("Permission denied", printed)

    def test_bad_arguments_around_a_good_policy(self):
        (self.dir / "x.afp").write_bytes(HEAD + b"  allow read /\n}\n")
        (self.dir / "file").write_text("")
        for words in (("--tree=missing",), ("--tree=file",), ("-D", "x"), ("--format=",), ("--fail-on=",)):
            with self.subTest(words):
                self.assertEqual(self.check("x.afp", *words, status=2), "")


if not os.environ.get("AGENTFENSE_SANITIZED"):
    class Memory(unittest.TestCase):
        """By its name the last: the kernel keeps the highest use of all children."""

        def test_stays_within_the_budget(self):
            used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            self.assertGreater(used, 1 << 10, "nothing has run")
            self.assertLess(used, MOST_MEMORY)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
