#!/usr/bin/env python3
"""A delta as mounts and `run` open, hold and leave it: as root, and for `run` (AGENTFENSE_TEST_AS_USER=1) as an ordinary user."""

import contextlib
import hashlib
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helper"))
from support import *  # noqa: E402,F403

RULES = ("read", "write:/output", "none:/secrets")


def picture(top):
    """All that can be told of a tree, but for access times."""
    seen = {}
    for directory, names, files in os.walk(top):
        for path in [directory, *(os.path.join(directory, name) for name in names + files)]:
            info = os.lstat(path)
            content = ""
            if stat.S_ISREG(info.st_mode):
                with open(path, "rb") as file:
                    content = hashlib.sha256(file.read()).hexdigest()
            elif stat.S_ISLNK(info.st_mode):
                content = os.readlink(path)
            seen[path] = (info.st_ino, info.st_mode, info.st_uid, info.st_gid, info.st_nlink, info.st_size, info.st_mtime_ns,
                          info.st_ctime_ns, content)
    return seen


class DeltaTest(unittest.TestCase):
    def setUp(self):
        # Not below /tmp: a tmpfs keeps no user attributes before Linux 6.6.
        self.top = tempfile.mkdtemp(prefix="agentfense-delta-test-", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, self.top, ignore_errors=True)
        os.chmod(self.top, 0o755)
        self.base = self.top + "/base"
        self.dir = self.top + "/dir"
        self.delta = self.top + "/delta"
        write(self.base + "/readme.txt", "hello\n")
        write(self.base + "/output/old", "old\n")
        write(self.base + "/output/other", "other\n")
        write(self.base + "/secrets/key", "hidden")
        os.makedirs(self.dir)
        if Machine.as_user:
            give_to_user(self.top)
        self.table = table("d.aft", *RULES)
        self.before = picture(self.base)

    def tearDown(self):
        for line in self.mounts():
            umount(line.split()[4])
        self.assertTrue(wait_until(lambda: not processes_with(self.base)), "a server outlived its view")
        self.assertEqual(picture(self.base), self.before, "the base is not as it was")

    def mounts(self):
        with open("/proc/self/mountinfo") as lines:
            return [line for line in lines if " - fuse.agentfense " in line and line.split()[4].startswith(self.top + "/")]

    def run_words(self, *words, **more):
        return subprocess.run([*user_words(Machine.as_user), *words], capture_output=True, text=True, timeout=60, **more)

    def mount(self, options="", *words, delta=None, base=None, directory=None, **more):
        return self.run_words(Machine.helper, base or self.base, directory or self.dir, "-o",
                              f"table={self.table},delta={delta or self.delta}{options}", *words, **more)

    def mounted(self, *words, **more):
        result = self.mount(*words, **more)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def refused(self, result, *parts, code=32):
        self.assertEqual((result.returncode, result.stdout), (code, ""), result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)
        self.assertIn("; ", result.stderr)  # what to do about it
        self.assertEqual(self.mounts(), [])

    def server(self):
        found = [pid for pid in processes_with(self.base) if os.readlink(f"/proc/{pid}/exe") == Machine.helper]
        self.assertEqual(len(found), 1)
        return found[0]


class Mounts(DeltaTest):
    def test_changes_go_to_the_delta_and_come_back(self):
        self.mounted()
        write(self.dir + "/output/new", "new\n")
        write(self.dir + "/output/old", "changed\n")
        os.unlink(self.dir + "/output/other")
        subprocess.run(["umount", self.dir], check=True)
        self.assertEqual(read(self.delta + "/upper/output/new"), "new\n")
        self.assertEqual(picture(self.base), self.before)
        # At once: the server of the last view may not be gone yet.
        self.mounted()
        self.assertEqual(sorted(os.listdir(self.dir + "/output")), ["new", "old"])
        self.assertEqual(read(self.dir + "/output/old"), "changed\n")

    def test_mounted_again_and_again(self):
        for i in range(20):
            self.mounted()
            write(f"{self.dir}/output/{i}", "x")
            subprocess.run(["umount", self.dir], check=True)
        self.assertEqual(len(os.listdir(self.delta + "/upper/output")), 20)

    def test_one_mount_at_a_time(self):
        self.mounted()
        write(self.dir + "/output/new", "new\n")
        other = self.top + "/other-dir"
        os.mkdir(other)
        result = self.mount(directory=other)
        self.assertEqual(result.returncode, 32)
        self.assertIn("it is in use by another process", result.stderr)
        self.assertEqual(len(self.mounts()), 1)
        self.assertEqual(read(self.dir + "/output/new"), "new\n")

    def test_a_killed_server_holds_nothing(self):
        self.mounted()
        write(self.dir + "/output/new", "new\n")
        os.kill(self.server(), signal.SIGKILL)
        subprocess.run(["umount", self.dir], check=True)
        self.mounted()
        self.assertEqual(read(self.dir + "/output/new"), "new\n")

    def test_read_only_shows_it_also_while_it_is_mounted(self):
        self.mounted()
        write(self.dir + "/output/new", "new\n")
        other = self.top + "/other-dir"
        os.mkdir(other)
        self.mounted(",ro", directory=other)
        self.assertEqual(read(other + "/output/new"), "new\n")
        with self.assertRaises(OSError) as caught:
            write(other + "/output/second", "x")
        self.assertEqual(caught.exception.errno, 30)
        umount(other)

    def test_read_only_on_a_read_only_file_system(self):
        shelf = self.top + "/shelf"
        os.mkdir(shelf)
        mount("tmpfs", shelf, "tmpfs")
        self.addCleanup(umount, shelf)
        self.mounted(delta=shelf + "/delta")
        write(self.dir + "/output/new", "new\n")
        umount(self.dir)
        self.assertTrue(wait_until(lambda: not processes_with(self.base)))
        subprocess.run(["mount", "-o", "remount,ro", shelf], check=True)
        self.assertIn("its file system is read-only", self.mount(delta=shelf + "/delta").stderr)
        self.mounted(",ro", delta=shelf + "/delta")
        self.assertEqual(read(self.dir + "/output/new"), "new\n")
        umount(self.dir)

    def test_keeps_the_table(self):
        self.mounted()
        with open(self.table, "rb") as a, open(self.delta + "/meta/table.aft", "rb") as b:
            self.assertEqual(a.read(), b.read())

    def test_a_relative_path_counts_from_where_the_caller_is(self):
        self.mounted(delta="delta", cwd=self.top)
        self.assertTrue(os.path.isfile(self.delta + "/meta/delta"))

    def test_verbose_names_it(self):
        result = self.mount(",delta-size=3M", "-v")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(f"changes go to the delta {self.delta}, up to 3145728 bytes", result.stderr)

    def test_the_limit_shows_in_statfs(self):
        self.mounted(",delta-size=64M")
        room = os.statvfs(self.dir)
        self.assertLessEqual(room.f_blocks * room.f_frsize, 64 << 20)
        self.assertGreater(room.f_bavail * room.f_frsize, 32 << 20)

    def test_fake_makes_nothing(self):
        result = self.mount("", "-f")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertFalse(os.path.lexists(self.delta))

    def test_over_the_base_itself(self):
        self.mounted(directory=self.base)
        write(self.base + "/output/new", "new\n")
        subprocess.run(["umount", self.base], check=True)
        self.assertEqual(read(self.delta + "/upper/output/new"), "new\n")


class Refuses(DeltaTest):
    """What the sentences are about is tested in store_test; here, that they reach the caller and nothing is left."""

    def refused_unchanged(self, result, *parts, **more):
        self.refused(result, *parts, **more)
        self.assertEqual(picture(self.top), self.all_before)

    def setUp(self):
        super().setUp()
        self.all_before = picture(self.top)

    def test_a_file(self):
        write(self.delta, "x")
        self.all_before = picture(self.top)
        self.refused_unchanged(self.mount(), f"cannot use the delta {self.delta}: it is not a directory")
        self.refused_unchanged(self.mount("", "-f"), "it is not a directory")

    def test_a_foreign_directory(self):
        write(self.delta + "/letter", "mine")
        self.all_before = picture(self.top)
        self.refused_unchanged(self.mount(), "holds something else")

    def test_an_apply_that_was_cut_short(self):
        self.mounted()
        umount(self.dir)
        self.assertTrue(wait_until(lambda: not processes_with(self.base)))
        write(self.delta + "/meta/journal", "torn")
        self.refused(self.mount(), "an apply or a discard of it was cut short", "delta apply")

    def test_a_lock_that_is_a_link(self):
        self.mounted()
        umount(self.dir)
        self.assertTrue(wait_until(lambda: not processes_with(self.base)))
        os.unlink(self.delta + "/meta/lock")
        os.symlink("/etc/passwd", self.delta + "/meta/lock")
        self.refused(self.mount(), "its meta/lock is a symlink")

    def test_of_another_base(self):
        self.mounted()
        umount(self.dir)
        other = self.top + "/other"
        os.mkdir(other)
        self.assertTrue(wait_until(lambda: not processes_with(self.base)))
        self.all_before = picture(self.top)
        self.refused_unchanged(self.mount(base=other), "of another base, which was " + self.base)

    def test_inside_the_base(self):
        for path in (self.base + "/new", self.base + "/output", self.base):
            result = self.mount(delta=path)
            self.refused(result, "it lies inside the base " + self.base)
        self.assertEqual(picture(self.base).keys(), self.before.keys())
        # Nothing but the times of a directory in which a name was tried may differ, and not even those do.
        self.assertEqual(picture(self.base), self.before)

    def test_a_mount_on_the_delta(self):
        for directory in (self.delta, self.delta + "/view"):
            os.mkdir(directory)
            self.all_before = picture(self.top)
            self.refused_unchanged(self.mount(directory=directory), "it is the delta", "choose a directory outside")

    def test_an_absent_one_to_show(self):
        self.refused_unchanged(self.mount(",ro"), "there is no such directory")

    def test_a_limit_without_a_delta(self):
        result = self.run_words(Machine.helper, self.base, self.dir, "-o", f"table={self.table},delta-size=1M")
        self.refused_unchanged(result, "option delta-size limits a delta", code=1)

    def test_a_limit_that_is_none(self):
        self.refused_unchanged(self.mount(",delta-size=lots"), "option delta-size=lots is not a size", code=1)


class Runs(DeltaTest):
    def setUp(self):
        super().setUp()
        self.temporary = self.top + "/temporary"
        os.mkdir(self.temporary)
        if Machine.as_user:
            give_to_user(self.temporary)

    def words(self, *options, command):
        return [Machine.helper, "run", "--table", self.table, "--base", self.base, *options, "--", "sh", "-c", command]

    @contextlib.contextmanager
    def started(self, *options, command):
        """A run whose end a failed test does not wait for."""
        process = subprocess.Popen([*user_words(Machine.as_user), *self.words(*options, command=command)], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": self.temporary})
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=60)

    def run_in(self, *options, command):
        return self.run_words(*self.words(*options, command=command), env={**os.environ, "TMPDIR": self.temporary})

    def test_ephemeral_leaves_nothing(self):
        result = self.run_in("--ephemeral", command="echo new > output/new; rm output/old; echo x >> output/other; cat output/new")
        self.assertEqual((result.returncode, result.stdout), (0, "new\n"), result.stderr)
        self.assertEqual(result.stderr, "agentfense: 1 added, 1 changed, 1 deleted; discarded with the temporary delta\n")
        self.assertEqual(os.listdir(self.temporary), [])

    def test_ephemeral_leaves_nothing_after_mode_000(self):
        result = self.run_in("--ephemeral", command="mkdir -p output/a/b; echo x > output/a/b/c; chmod 0 output/a/b output/a")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(os.listdir(self.temporary), [])

    def test_quiet(self):
        result = self.run_in("--ephemeral", "-q", command="echo new > output/new")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def test_nothing_to_say(self):
        result = self.run_in("--ephemeral", command="cat readme.txt")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "hello\n", ""))

    def test_keep_says_where(self):
        for options in ((), ("-q",)):
            result = self.run_in("--ephemeral", "--keep", *options, command="echo new > output/new")
            self.assertEqual(result.returncode, 0, result.stderr)
            path = re.search(r"see mount.agentfense delta diff (\S+) --base " + re.escape(self.base), result.stderr).group(1)
            self.assertEqual(read(path + "/upper/output/new"), "new\n")
            # A later one's sweep leaves it.
            self.assertEqual(self.run_in("--ephemeral", command="true").returncode, 0)
            again = self.run_in("--delta", path, command="cat output/new")
            self.assertEqual((again.returncode, again.stdout), (0, "new\n"), again.stderr)

    def test_what_the_policy_hides_is_not_counted(self):
        self.table = table("hides.aft", "write", "none:**/old")
        result = self.run_in("--ephemeral", command="rm -r output")
        self.assertEqual(result.stderr, "agentfense: 2 deleted; discarded with the temporary delta\n")

    def test_a_named_one_stays(self):
        result = self.run_in("--delta", self.delta, command="echo new > output/new; exit 3")
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertEqual(result.stderr, f"agentfense: 1 added; see mount.agentfense delta diff {self.delta} --base {self.base}\n")
        result = self.run_in("--delta", self.delta, "-q", command="cat output/new")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "new\n", ""))

    def test_read_only_shows_a_named_one(self):
        self.assertEqual(self.run_in("--delta", self.delta, command="echo new > output/new").returncode, 0)
        result = self.run_in("--delta", self.delta, "--ro", command="cat output/new; echo x > output/x || echo no")
        self.assertEqual((result.returncode, result.stdout), (0, "new\nno\n"), result.stderr)

    def test_one_at_a_time(self):
        with self.started("--delta", self.delta, command="echo ready; read line") as first:
            self.assertEqual(first.stdout.readline(), "ready\n")
            self.refused(self.run_in("--delta", self.delta, command="true"), "in use by another process", code=125)
            first.communicate("\n", timeout=60)
        self.assertEqual(self.run_in("--delta", self.delta, command="true").returncode, 0)

    def test_killed_and_swept(self):
        with self.started("--ephemeral", command="echo x > output/new; echo ready; exec sleep 1000") as first:
            self.assertEqual(first.stdout.readline(), "ready\n")
            self.assertEqual(len(os.listdir(self.temporary)), 1)
            self.assertEqual(self.run_in("--ephemeral", command="true").returncode, 0)
            self.assertEqual(len(os.listdir(self.temporary)), 1, "the living one's is gone")
            os.kill(first.pid, signal.SIGKILL)
        self.assertTrue(wait_until(lambda: not processes_with(self.base)))
        self.assertEqual(len(os.listdir(self.temporary)), 1)
        self.assertEqual(self.run_in("--ephemeral", command="true").returncode, 0)
        self.assertEqual(os.listdir(self.temporary), [])

    def test_a_signal_or_the_time_limit_leaves_nothing(self):
        with self.started("--ephemeral", command="echo x > output/new; echo ready; exec sleep 1000") as process:
            self.assertEqual(process.stdout.readline(), "ready\n")
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
            self.assertEqual(process.returncode, 128 + 15)
        result = self.run_in("--ephemeral", "--timeout", "0.5", command="echo x > output/new; exec sleep 1000")
        self.assertEqual(result.returncode, 124)
        self.assertEqual(os.listdir(self.temporary), [])

    def test_a_signal_after_the_command_ends_run(self):
        """What is said at the end does not fit into the pipe, so that run is still there."""
        with self.started("--delta", self.delta, command="echo x > output/new; echo ready; read line") as process:
            self.assertEqual(process.stdout.readline(), "ready\n")
            pipe = os.open(f"/proc/self/fd/{process.stderr.fileno()}", os.O_WRONLY | os.O_NONBLOCK)
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(pipe, b"." * 4096)
            os.close(pipe)
            process.stdin.write("\n")
            process.stdin.flush()

            def blocked():
                return int(re.search(r"SigBlk:\s*(\S+)", read(f"/proc/{process.pid}/status")).group(1), 16)

            self.assertTrue(wait_until(lambda: blocked() == 0))
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
            self.assertEqual(process.returncode, -signal.SIGTERM)
        self.assertEqual(read(self.delta + "/upper/output/new"), "x\n")

    def test_many_at_once_see_nothing_of_each_other(self):
        command = "echo $$ > output/new; i=0; while [ $i -lt 20 ]; do ls output; i=$((i+1)); done | sort -u | tr '\\n' ' '"
        started = [subprocess.Popen([*user_words(Machine.as_user), *self.words("--ephemeral", "-q", command=command)],
                                    stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": self.temporary}) for _ in range(10)]
        for process in started:
            out, _ = process.communicate(timeout=120)
            self.assertEqual((process.returncode, out), (0, "new old other "))
        self.assertEqual(os.listdir(self.temporary), [])

    def applied(self, result, *parts, code=0):
        self.assertEqual(result.returncode, code, result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)
        self.before = picture(self.base)  # what tearDown compares with

    def test_apply_on_success(self):
        command = "echo new > output/new; rm output/old; echo x >> output/other"
        self.applied(self.run_in("--ephemeral", "--apply-on-success", command=command),
                     f"agentfense: 1 added, 1 changed, 1 deleted; applied to {self.base}\n")
        self.assertEqual(sorted(os.listdir(self.base + "/output")), ["new", "other"])
        self.assertEqual(read(self.base + "/output/other"), "other\nx\n")
        self.assertEqual(os.listdir(self.temporary), [])
        result = self.run_in("--delta", self.delta, "--apply-on-success", "-q", command="echo more > output/more")
        self.applied(result)
        self.assertEqual(result.stderr, "")
        self.assertEqual(read(self.base + "/output/more"), "more\n")
        self.assertEqual(self.run_in("--delta", self.delta, command="true").stderr, "")

    def test_a_base_of_another_user(self):
        if not Machine.as_user:
            return  # root keeps every owner
        for path in (self.base, self.base + "/output/theirs"):
            os.makedirs(path, exist_ok=True)
            os.chown(path, 0, 0)
        os.makedirs(self.base + "/output/theirs/mine")
        os.chown(self.base + "/output/theirs/mine", NOBODY, NOBODY)
        self.before = picture(self.base)
        result = self.run_in("--delta", self.delta, command="echo new > output/theirs/mine/new; echo new > output/new")
        # The directories above were taken over, and belong to another now; that is no change.
        self.assertIn("agentfense: 2 added; see", result.stderr)
        self.assertEqual(self.run_words(Machine.helper, "delta", "apply", self.delta, "--base", self.base).returncode, 0)
        self.applied(self.run_in("--ephemeral", "--apply-on-success", command="rm output/theirs/mine/new"), "1 deleted; applied to")
        self.assertEqual(os.listdir(self.base + "/output/theirs/mine"), [])
        self.assertEqual(read(self.base + "/output/new"), "new\n")

    def test_apply_on_success_after_failure_does_nothing(self):
        result = self.run_in("--ephemeral", "--apply-on-success", command="echo new > output/new; exit 3")
        self.assertEqual(result.returncode, 3)
        self.assertIn("discarded with the temporary delta", result.stderr)
        self.assertEqual(os.listdir(self.temporary), [])
        result = self.run_in("--delta", self.delta, "--apply-on-success", command="echo new > output/new; kill -9 $$")
        self.assertEqual(result.returncode, 128 + 9)
        self.assertIn("1 added; see mount.agentfense delta diff", result.stderr)

    def test_a_conflict_keeps_the_delta_and_is_no_success(self):
        with self.started("--ephemeral", "--apply-on-success", command="echo mine > output/old; echo ready; read line") as process:
            self.assertEqual(process.stdout.readline(), "ready\n")
            write(self.base + "/output/old", "theirs\n")
            self.before = picture(self.base)
            _, err = process.communicate("\n", timeout=60)
        self.assertEqual(process.returncode, 125, err)
        self.assertIn("nothing was applied, because of conflicts with the base; see mount.agentfense delta apply ", err)
        path = re.search(r"delta apply (\S+) --base", err).group(1)
        self.assertEqual(read(path + "/upper/output/old"), "mine\n")

    def test_a_delta_with_an_apply_that_was_cut_short(self):
        self.assertEqual(self.run_in("--delta", self.delta, command="echo new > output/new").returncode, 0)
        write(self.delta + "/meta/journal", "torn")
        self.refused(self.run_in("--delta", self.delta, command="true"), "an apply or a discard of it was cut short", code=125)
        self.assertEqual(self.run_in("--delta", self.delta, "--ro", command="cat output/new").stdout, "new\n")

    def test_words_that_do_not_go_together(self):
        for options, part in ((("--ephemeral", "--delta", self.delta), "--delta excludes --ephemeral"),
                              (("--keep",), "--keep keeps a delta"),
                              (("--delta-size", "1M"), "--delta-size limits a delta"),
                              (("--apply-on-success",), "--apply-on-success applies a delta"),
                              (("--ephemeral", "--ro"), "--ro changes nothing"),
                              (("--delta", self.delta, "--ro", "--apply-on-success"), "--ro leaves nothing"),
                              (("--ephemeral", "--delta-size", "1k"), "--delta-size 1k is not a size"),
                              (("--delta", self.base + "/d"), "it lies inside the base"),
                              (("--delta", self.delta, "--ro"), "there is no such directory")):
            self.refused(self.run_in(*options, command="true"), part, code=125)
        self.assertFalse(os.path.lexists(self.delta))
        self.assertEqual(os.listdir(self.temporary), [])


if __name__ == "__main__":
    main()
