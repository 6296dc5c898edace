"""Mounted views for the parity tests, on top of what the helper's tests share."""

import ctypes
import errno
import itertools
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helper"))
import support  # noqa: E402

NOBODY = support.NOBODY
# Every way in which a view can be served.
KINDS = [(coherence, opens) for coherence in ("live", "snapshot") for opens in ("asked", "cached")]
_numbers = itertools.count()


class View:
    """A base directory and its mounted view; goes with `with`."""

    def __init__(self, rules, fill=None, coherence="live", opens="asked", options="", by_user=False):
        self.rules, self.fill, self.by_user = rules, fill, by_user
        self.options = f"coherence={coherence},open={opens}{options}"

    def __enter__(self):
        number = next(_numbers)
        self.top = os.path.join(support.Machine.work, f"view{number}")
        self.base = os.path.join(self.top, "base")
        self.dir = os.path.join(self.top, "view")
        os.makedirs(self.base)
        os.makedirs(self.dir)
        os.chmod(self.base, 0o777)
        os.chown(self.dir, NOBODY, NOBODY)
        if self.fill:
            self.fill(self.base)
        table = os.path.join(self.top, "table.aft")
        subprocess.run([support.Machine.make_table, table, *self.rules], check=True)
        # An ordinary user's view is that user's alone, and its helper has no capability at all.
        others = "" if self.by_user else "allow_other,"
        done = subprocess.run(
            [*support.user_words(self.by_user), support.Machine.helper, self.base, self.dir, "-o", f"table={table},{others}{self.options}"],
            capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            raise AssertionError(f"mount failed: {done.stderr}")
        return self

    def __exit__(self, *_):
        support.umount(self.dir)
        shutil.rmtree(self.top, ignore_errors=True)

    def b(self, *names):
        return os.path.join(self.base, *names)

    def v(self, *names):
        return os.path.join(self.dir, *names)


def put(path, content="", mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    os.chmod(path, mode)


def get(path):
    with open(path, "rb") as file:
        return file.read().decode("latin-1")


def outcome(call, *args, **kwargs):
    """What a call gives: its value, or the name of its error."""
    try:
        return call(*args, **kwargs)
    except OSError as error:
        return errno.errorcode.get(error.errno, error.errno)


def link_unnamed(fd, path):
    """Gives a file without a name one; os.link() would link the link in /proc."""
    if support.libc.linkat(-100, f"/proc/self/fd/{fd}".encode(), -100, path.encode(), 0x400) != 0:
        raise OSError(ctypes.get_errno(), path)


def start_as_user(call, user=NOBODY, groups=()):
    """Starts call() in a child that is an ordinary user. The result waits for it and gives what it returned, as text."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reader)
            os.setgroups(list(groups))
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            result = str(call()).encode()
            code = 0
        except BaseException as error:  # noqa: B902: the parent is to hear of anything
            result = f"raised {error!r}".encode()
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(result)
        os._exit(code)
    os.close(writer)

    def wait():
        with os.fdopen(reader, "rb") as pipe:
            text = pipe.read().decode()
        os.waitpid(child, 0)
        return text
    return wait


def as_user(call, user=NOBODY, groups=()):
    return start_as_user(call, user, groups)()


def tree(top):
    """Everything that a process can see below a directory, as sorted lines."""
    lines = []
    for directory, names, files in os.walk(top):
        for name in sorted(names + files):
            path = os.path.join(directory, name)
            info = os.lstat(path)
            line = f"{os.path.relpath(path, top)} {stat.filemode(info.st_mode)} {info.st_uid}:{info.st_gid}"
            if stat.S_ISLNK(info.st_mode):
                line += f" -> {os.readlink(path)}"
            elif stat.S_ISREG(info.st_mode):
                line += f" {info.st_size} links {info.st_nlink} {outcome(get, path)!r}"
            lines.append(line)
    return sorted(lines)


def same(test, actual, expected, what):
    """Fails with the first line that differs: the whole may be megabytes."""
    actual, expected = (lines.splitlines() if isinstance(lines, str) else lines for lines in (actual, expected))
    for mine, its in zip(actual, expected):
        if mine != its:
            test.fail(f"{what}: in the view {mine[:150]}, plain {its[:150]}")
    if len(actual) != len(expected):
        test.fail(f"{what}: {len(actual)} lines in the view, {len(expected)} plain; "
                  f"more: {(actual + expected)[min(len(actual), len(expected))][:300]}")


def run(words, cwd, **kwargs):
    """A program; its exit status and both outputs. Never waits for input."""
    done = subprocess.run(words, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, **kwargs)
    return done.returncode, done.stdout, done.stderr


def each_kind(test):
    """Runs a test method once for each way of serving."""
    def wrapper(self):
        for coherence, opens in KINDS:
            with self.subTest(coherence=coherence, opens=opens):
                test(self, dict(coherence=coherence, opens=opens))
    wrapper.__name__ = test.__name__
    wrapper.__doc__ = test.__doc__
    return wrapper


main = support.main
TestCase = unittest.TestCase
temporary = tempfile.mkdtemp
