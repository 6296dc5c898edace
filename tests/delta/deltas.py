"""Views over a delta, for the tests of the delta layer.

AGENTFENSE_DELTA_STAND_IN=1 puts the kernel's own overlayfs in the place of the view: the tests are then held against
the file system whose format a delta has, and what differs must be documented (`stand_in`).
"""

import ast
import contextlib
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "parity"))
import views  # noqa: E402
from views import KINDS, NOBODY, support  # noqa: E402

stand_in = os.environ.get("AGENTFENSE_DELTA_STAND_IN") == "1"
WRITE_ALL = ("allow write /",)


def ops_program():
    """Beside the program that makes the tables' folder: tests/parity/make_rule_table, tests/delta/delta_ops."""
    return os.path.join(os.path.dirname(support.Machine.make_table), "..", "delta", "delta_ops")


def ops(*words):
    """What delta_ops says and how it ends; see the head of delta_ops.cc."""
    done = subprocess.run([ops_program(), *map(str, words)], capture_output=True, text=True, timeout=300)
    if done.returncode not in (0, 1):
        raise AssertionError(f"delta_ops {words}: {done.stdout}{done.stderr}")
    return done.returncode, done.stdout.strip()


def difference(left, right, detail="seen"):
    """The first difference of two trees, or an empty string."""
    return ops("same", left, right, detail)[1]


def whole(top):
    """Everything about a tree but access times, to tell whether it has been touched."""
    return ops("tree", top, "all")[1].splitlines()


@contextlib.contextmanager
def overlay(upper, work, base, target):
    """The kernel's overlayfs over the same delta."""
    os.makedirs(target, exist_ok=True)
    support.mount("overlay", target, "overlay", 0, f"userxattr,lowerdir={base},upperdir={upper},workdir={work}")
    try:
        yield target
    finally:
        support.check(support.libc.umount2(target.encode(), 0), f"umount {target}")


class Delta:
    """A base, a delta, and the view of both; goes with `with`, and then the base must be what it was."""

    def __init__(self, fill=None, rules=WRITE_ALL, coherence="live", opens="asked", options="", top=None, base=None, check=True):
        self.rules, self.fill, self.given_top, self.given_base = rules, fill, top, base
        self.options = f"coherence={coherence},open={opens}{options}"
        self.check = check  # whether the base is looked at before and after
        self.mounted = False

    def __enter__(self):
        self.top = self.given_top or views.temporary(prefix="delta", dir=support.Machine.work)
        os.makedirs(self.top, exist_ok=True)
        os.chmod(self.top, 0o755)
        self.base = self.given_base or os.path.join(self.top, "base")
        self.dir = os.path.join(self.top, "view")
        self.delta = os.path.join(self.top, "delta")
        self.table = os.path.join(self.top, "table.aft")
        os.makedirs(self.base, exist_ok=True)
        os.makedirs(self.dir, exist_ok=True)
        if self.fill:
            self.fill(self.base)
        subprocess.run([support.Machine.make_table, self.table, *self.rules], check=True)
        self.before = whole(self.base) if self.check else None
        try:
            self.mount()
        except BaseException:
            shutil.rmtree(self.top, ignore_errors=True)
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            if self.mounted:
                support.umount(self.dir)
                support.wait_until(lambda: not self.helpers())
            if kind is None:
                self.check_base()
        finally:
            shutil.rmtree(self.top, ignore_errors=True)

    def mount_words(self):
        return [support.Machine.helper, self.base, self.dir, "-o",
                f"table={self.table},delta={self.delta},allow_other,{self.options}"]

    def mount(self):
        if stand_in:
            for name in ("upper", "work"):
                if not os.path.exists(os.path.join(self.delta, name)):
                    os.makedirs(os.path.join(self.delta, name))
                    shutil.copystat(self.base, os.path.join(self.delta, name))
                    info = os.stat(self.base)
                    os.chown(os.path.join(self.delta, name), info.st_uid, info.st_gid)
                    os.chmod(os.path.join(self.delta, name), info.st_mode & 0o7777)
            support.mount("overlay", self.dir, "overlay", 0,
                          f"userxattr,lowerdir={self.base},upperdir={self.upper()},workdir={self.delta}/work")
        else:
            done = subprocess.run(self.mount_words(), capture_output=True, text=True, timeout=60)
            if done.returncode != 0:
                raise AssertionError(f"mount failed: {done.stderr}")
        self.mounted = True

    def umount(self):
        """Fails where something is still open in the view."""
        support.check(support.libc.umount2(self.dir.encode(), 0), f"umount {self.dir}")
        self.mounted = False
        if not support.wait_until(lambda: not self.helpers()):
            raise AssertionError("the helper outlives its mount")

    def helpers(self):
        return [pid for pid in support.processes_with(self.dir) if pid in support.processes_with(support.Machine.helper)]

    def remount(self):
        self.umount()
        self.mount()

    def kernel(self):
        """The same delta as the kernel's overlayfs shows it. REQUIRES: not mounted."""
        return overlay(self.upper(), os.path.join(self.delta, "work"), self.base, os.path.join(self.top, "kernel"))

    def check_base(self):
        if not self.check:
            return
        after = whole(self.base)
        for line in set(self.before) ^ set(after):
            raise AssertionError(f"the base has changed: {line[:300]}")

    def upper(self, *names):
        return os.path.join(self.delta, "upper", *names)

    def b(self, *names):
        return os.path.join(self.base, *names)

    def v(self, *names):
        return os.path.join(self.dir, *names)


@contextlib.contextmanager
def several(*managers):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(manager) for manager in managers]


def main():
    if stand_in:
        print("the kernel's overlayfs stands in for the view")
    views.main()


TestCase = views.TestCase
def give(top, user):
    for directory, names, files in os.walk(top):
        os.lchown(directory, user, user)
        for name in names + files:
            os.lchown(os.path.join(directory, name), user, user)


def as_user(call, user):
    """What call() gives in a child that is this user; must be made of literals."""
    text = views.as_user(lambda: repr(call()), user)
    if text.startswith("raised"):
        raise AssertionError(text)
    return ast.literal_eval(text)


outcome, get, put, run = views.outcome, views.get, views.put, views.run
