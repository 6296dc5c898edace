#!/usr/bin/env python3
"""The mount(8) protocol, end to end: as root, by mount(8) itself, from fstab, and by an ordinary user."""

import os
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from support import *  # noqa: E402,F403

SECRET = "the-hidden-content"


class MountTest(unittest.TestCase):
    def setUp(self):
        top = os.path.join(Machine.work, self.id().split(".")[-1])
        self.base = top + "/base"
        self.dir = top + "/dir"
        write(self.base + "/readme.txt", "hello\n")
        write(self.base + "/secrets/key", SECRET)
        os.makedirs(self.base + "/output")
        os.makedirs(self.base + "/inner")
        os.makedirs(self.dir)
        self.table = table("m.aft", "read", "write:/output", "none:/secrets")
        self.assertEqual(view_mounts(), [])

    def tearDown(self):
        for line in view_mounts():
            umount(line.split()[4])
        self.assertTrue(wait_until(lambda: not processes_with(self.base)), "a server outlived its view")

    def run_words(self, *words, **more):
        return subprocess.run(words, capture_output=True, text=True, timeout=60, **more)

    def mount(self, *words, options="", base=None, directory=None):
        return self.run_words(Machine.helper, base or self.base, directory or self.dir, "-o", f"table={self.table}{options}", *words)

    def mounted(self, *words, **more):
        result = self.mount(*words, **more)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))
        self.assertEqual(len(view_mounts()), 1)
        return self.server()

    def server(self):
        found = [pid for pid in processes_with(self.base) if os.readlink(f"/proc/{pid}/exe") == Machine.helper]
        self.assertEqual(len(found), 1)
        return found[0]

    def gone(self, pid, seconds=20):
        # A zombie has ended too; who reaps it is not ours to say.
        def ended():
            try:
                return read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()[0] == "Z"
            except OSError:
                return True
        return wait_until(ended, seconds)

    def as_user(self, *words):
        return self.run_words(*user_words(True), *words)


class Mounts(MountTest):
    def test_the_view_answers_on_return(self):
        self.mounted()
        self.assertEqual(read(self.dir + "/readme.txt"), "hello\n")
        self.assertEqual(sorted(os.listdir(self.dir)), ["inner", "output", "readme.txt"])
        self.assertFalse(os.path.lexists(self.dir + "/secrets"))
        write(self.dir + "/output/new", "x")
        self.assertEqual(read(self.base + "/output/new"), "x")
        with self.assertRaises(PermissionError):
            write(self.dir + "/new", "x")

    def test_what_the_mount_table_says(self):
        self.mounted(options=",noexec,noatime")
        fields = view_mounts()[0].split()
        self.assertEqual(fields[4], self.dir)
        for flag in ("nosuid", "nodev", "noexec", "noatime"):
            self.assertIn(flag, fields[5].split(","))
        self.assertEqual(fields[fields.index("-") + 1:][:2], ["fuse.agentfense", self.base])

    def test_umount_ends_the_server_within_a_second(self):
        server = self.mounted()
        subprocess.run(["umount", self.dir], check=True)
        self.assertTrue(self.gone(server, 1))

    def test_umount_of_a_busy_view_waits_for_its_user(self):
        server = self.mounted()
        with open(self.dir + "/readme.txt") as file:
            self.assertNotEqual(self.run_words("umount", self.dir).returncode, 0)
            subprocess.run(["umount", "-l", self.dir], check=True)
            self.assertEqual(file.read(), "hello\n")
            self.assertFalse(self.gone(server, 0.1))
        self.assertTrue(self.gone(server))

    def test_signals_unmount(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            server = self.mounted()
            os.kill(server, number)
            self.assertTrue(self.gone(server), number)
            self.assertEqual(view_mounts(), [], number)

    def test_a_killed_server_leaves_the_dead_mount_alone(self):
        server = self.mounted()
        os.kill(server, signal.SIGKILL)
        self.assertTrue(self.gone(server))
        self.assertEqual(len(view_mounts()), 1)
        with self.assertRaises(OSError):
            os.listdir(self.dir)
        subprocess.run(["umount", self.dir], check=True)
        self.mounted()

    def test_over_its_own_base_and_around_it(self):
        server = self.mounted(directory=self.base)
        self.assertFalse(os.path.lexists(self.base + "/secrets"))
        self.assertEqual(read(self.base + "/readme.txt"), "hello\n")
        os.kill(server, signal.SIGTERM)
        self.assertTrue(self.gone(server))
        self.assertEqual(read(self.base + "/secrets/key"), SECRET)
        above = os.path.dirname(self.base)
        self.mounted(directory=above)
        self.assertEqual(sorted(os.listdir(above)), ["inner", "output", "readme.txt"])

    def test_a_signal_takes_its_own_mount_and_no_other(self):
        server = self.mounted()
        mount("tmpfs", self.dir, "tmpfs")
        os.kill(server, signal.SIGTERM)
        self.assertTrue(self.gone(server))
        tops = [line for line in read("/proc/self/mountinfo").splitlines() if line.split()[4] == self.dir]
        for _ in tops:
            umount(self.dir)
        self.assertTrue(any(" - tmpfs " in line for line in tops))

    def test_read_only(self):
        self.mounted(options=",ro")
        with self.assertRaises(OSError) as caught:
            write(self.dir + "/output/new", "x")
        self.assertEqual(caught.exception.errno, 30)

    def test_other_users(self):
        self.mounted()
        self.assertIn("Permission denied", self.as_user("cat", self.dir + "/readme.txt").stderr)
        subprocess.run(["umount", self.dir], check=True)
        self.assertTrue(wait_until(lambda: not processes_with(self.base)))
        self.mounted(options=",allow_other")
        self.assertEqual(self.as_user("cat", self.dir + "/readme.txt").stdout, "hello\n")
        # The base's own permissions count: the user may not write where root alone may.
        self.assertIn("Permission denied", self.as_user("touch", self.dir + "/output/x").stderr)

    def test_both_coherences_and_both_opens(self):
        for options in (",coherence=snapshot", ",coherence=live,open=cached", ",coherence=snapshot,open=asked"):
            server = self.mounted(options=options)
            self.assertEqual(read(self.dir + "/readme.txt"), "hello\n", options)
            with self.assertRaises(OSError, msg=options):
                write(self.dir + "/readme.txt", "x")
            subprocess.run(["umount", self.dir], check=True)
            self.assertTrue(self.gone(server))

    def test_in_the_namespace_of_a_process(self):
        with subprocess.Popen(["unshare", "-m", "--propagation", "private", "sh", "-c", "echo; exec sleep 1000"],
                              stdout=subprocess.PIPE) as other:
            other.stdout.readline()
            try:
                for name in (str(other.pid), f"/proc/{other.pid}/ns/mnt"):
                    result = self.mount("-N", name)
                    self.assertEqual(result.returncode, 0, result.stderr)
                    self.assertEqual(view_mounts(), [])
                    self.assertEqual(len(view_mounts(f"/proc/{other.pid}/mountinfo")), 1)
                    subprocess.run(["nsenter", "-m", "-t", str(other.pid), "umount", self.dir], check=True)
                    self.assertTrue(wait_until(lambda: not processes_with(self.base)))
            finally:
                other.kill()
        self.assertEqual(self.mount("-N", "/nonexistent").returncode, 2)


class Refuses(MountTest):
    def refused(self, code, pattern, *words):
        result = self.run_words(Machine.helper, *words)
        self.assertEqual((result.returncode, result.stdout), (code, ""), result.stderr)
        self.assertRegex(result.stderr, r"^mount\.agentfense: [^\n]*" + pattern + r"[^\n]*\n$")
        self.assertEqual(view_mounts(), [])
        self.assertEqual(processes_with(self.base), [])

    def test_usage(self):
        given = f"table={self.table}"
        self.refused(1, "2 paths|1 path", self.base)
        self.refused(1, "no table was given", self.base, self.dir)
        self.refused(1, "unknown mount option bogus", self.base, self.dir, "-o", given + ",bogus")
        self.refused(1, "suid is refused", self.base, self.dir, "-o", given + ",suid")
        self.refused(1, "remount is refused", self.base, self.dir, "-o", given + ",remount")
        self.refused(1, "-t ext4", self.base, self.dir, "-o", given, "-t", "ext4")
        self.refused(1, "unknown option -x", self.base, self.dir, "-o", given, "-x")
        nothing = self.run_words(Machine.helper)
        self.assertEqual(nothing.returncode, 1)
        self.assertIn("Usage:", nothing.stderr)

    def test_failures(self):
        given = f"table={self.table}"
        self.refused(32, "there is no such file", self.base, self.dir, "-o", "table=/nonexistent.aft")
        self.refused(32, "is no name of a preset", self.base, self.dir, "-o", "preset=../x")
        self.refused(32, "there is no preset", self.base, self.dir, "-o", "preset=nonexistent")
        self.refused(32, "/nonexistent", "/nonexistent", self.dir, "-o", given)
        self.refused(32, "base directory", self.base + "/readme.txt", self.dir, "-o", given)
        self.refused(32, "there is no such directory", self.base, self.dir + "/none", "-o", given)
        self.refused(32, "it is not a directory", self.base, self.base + "/readme.txt", "-o", given)
        self.refused(32, "lies inside the base", self.base, self.base + "/inner", "-o", given)
        self.refused(32, "lies inside the base", "/", self.dir, "-o", given)

    def test_inside_the_base_by_another_name(self):
        os.symlink(self.base, self.dir + "/link")
        self.refused(32, "lies inside the base", self.base, self.dir + "/link/inner", "-o", f"table={self.table}")

    def test_fake_checks_all_and_mounts_nothing(self):
        result = self.mount("-f")
        self.assertEqual((result.returncode, result.stderr, view_mounts()), (0, "", []))
        self.refused(32, "there is no such directory", self.base, self.dir + "/none", "-f", "-o", f"table={self.table}")

    def test_sloppy_ignores_what_it_does_not_know(self):
        self.assertEqual(self.mount("-sf", options=",bogus=1").returncode, 0)
        told = self.mount("-sfv", options=",bogus=1,noauto")
        self.assertEqual(told.returncode, 0)
        self.assertIn("option bogus=1 has no effect", told.stderr)
        self.assertIn("option noauto has no effect", told.stderr)

    def test_without_a_device(self):
        cover = os.path.join(Machine.work, "no-device")
        write(cover, "")
        mount(cover, "/dev/fuse", "", MS_BIND)
        self.addCleanup(umount, "/dev/fuse")
        self.refused(32, "", self.base, self.dir, "-o", f"table={self.table}")

    def test_set_id_programs(self):
        program = os.path.join(Machine.work, "set-id")
        subprocess.run(["cp", Machine.helper, program], check=True)
        for mode in (0o4755, 0o2755):
            os.chmod(program, mode)
            result = self.as_user(program, "--version")
            self.assertEqual(result.returncode, 1)
            self.assertIn("set-id bit", result.stderr)
        os.remove(program)

    def test_help_and_version(self):
        self.assertIn("Usage:", self.run_words(Machine.helper, "--help").stdout)
        self.assertRegex(self.run_words(Machine.helper, "--version").stdout, r"^mount\.agentfense \d+\.\d+\.\d+\n$")


class Serves(MountTest):
    """The server by itself."""

    def test_gives_up_what_it_does_not_need(self):
        server = self.mounted()
        status = dict(line.split(":\t", 1) for line in read(f"/proc/{server}/status").splitlines() if ":\t" in line)
        self.assertEqual(status["NoNewPrivs"], "1")
        # CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, SETGID, SETUID, SYS_ADMIN
        allowed = 0b11011111 | 1 << 21
        for kind in ("CapPrm", "CapEff", "CapBnd", "CapInh"):
            self.assertEqual(int(status[kind], 16) & ~allowed, 0, kind)
        self.assertRegex(read(f"/proc/{server}/limits"), r"Max core file size +0 +0 ")

    def test_holds_nothing_of_the_callers(self):
        leak = os.open(self.base + "/secrets/key", os.O_RDONLY)
        self.addCleanup(os.close, leak)
        os.set_inheritable(leak, True)
        result = subprocess.run([Machine.helper, self.base, self.dir, "-o", f"table={self.table}"], close_fds=False,
                                capture_output=True, timeout=60, cwd=self.base)
        self.assertEqual(result.returncode, 0)
        server = self.server()
        held = [os.readlink(f"/proc/{server}/fd/{fd}") for fd in os.listdir(f"/proc/{server}/fd")]
        self.assertFalse([path for path in held if "secrets" in path or path.startswith("pipe:")], held)
        self.assertEqual(os.readlink(f"/proc/{server}/cwd"), "/")
        self.assertNotEqual(os.getsid(server), os.getsid(0))

    def test_links_no_compiler(self):
        shown = subprocess.run(["readelf", "-d", Machine.helper], capture_output=True, text=True, check=True).stdout
        needed = [line.split("[")[1].split("]")[0] for line in shown.splitlines() if "(NEEDED)" in line]
        self.assertTrue(needed)
        for library in needed:
            self.assertRegex(library, r"^(libc|libm|libpthread|libdl|librt|ld-linux[-\w]*|libfuse3|liburing|libnuma|libsodium|libz|"
                                      r"lib[a-z]+san|libstdc\+\+|libgcc_s)\.so")


class FromFstab(MountTest):
    """By mount(8), which looks for its helpers in /sbin."""

    def setUp(self):
        super().setUp()
        # The machine's directory, with one more program, for these tests alone.
        self.sbin = os.path.realpath("/sbin")
        layers = os.path.join(Machine.work, "layers-" + self.id().split(".")[-1])
        os.mkdir(layers)
        mount("tmpfs", layers, "tmpfs")
        for name in ("upper", "work"):
            os.mkdir(f"{layers}/{name}")
        os.chmod(layers + "/upper", 0o755)
        os.symlink(Machine.helper, layers + "/upper/mount.agentfense")
        self.addCleanup(umount, layers)
        mount("overlay", self.sbin, "overlay", 0, f"lowerdir={self.sbin},upperdir={layers}/upper,workdir={layers}/work")
        self.addCleanup(umount, self.sbin)
        self.fstab = layers + "/fstab"

    def write_fstab(self, options):
        write(self.fstab, f"{self.base} {self.dir} agentfense table={self.table}{options} 0 0\n")

    def test_by_type(self):
        result = self.run_words("mount", "-t", "agentfense", self.base, self.dir, "-o", f"table={self.table},ro")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(read(self.dir + "/readme.txt"), "hello\n")
        server = self.server()
        self.assertEqual(self.run_words("umount", self.dir).returncode, 0)
        self.assertTrue(self.gone(server))

    def test_failure_is_mounts_failure(self):
        result = self.run_words("mount", "-t", "agentfense", self.base, self.dir, "-o", "table=/nonexistent.aft")
        self.assertEqual(result.returncode, 32)
        self.assertIn("/nonexistent.aft", result.stderr)
        self.assertEqual(view_mounts(), [])

    def test_a_line_of_fstab(self):
        self.write_fstab(",ro,noauto,user,nofail,_netdev,x-systemd.automount,x-systemd.idle-timeout=1min,comment=view")
        for what in (self.dir, self.base):
            result = self.run_words("mount", "-T", self.fstab, what)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(read(self.dir + "/readme.txt"), "hello\n")
            server = self.server()
            subprocess.run(["umount", self.dir], check=True)
            self.assertTrue(self.gone(server))

    def test_mount_all_mounts_once(self):
        self.write_fstab(",nofail")
        for _ in range(2):
            result = self.run_words("mount", "-a", "-T", self.fstab)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(len(view_mounts()), 1)
        subprocess.run(["umount", self.dir], check=True)
        self.write_fstab(",noauto")
        self.run_words("mount", "-a", "-T", self.fstab)
        self.assertEqual(view_mounts(), [])

    def test_user_in_fstab(self):
        self.write_fstab(",user,noauto")
        mount(self.fstab, "/etc/fstab", "", MS_BIND)
        self.addCleanup(umount, "/etc/fstab")
        give_to_user(self.base)
        give_to_user(self.dir)
        result = self.as_user("mount", self.dir)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.as_user("cat", self.dir + "/readme.txt").stdout, "hello\n")
        server = self.server()
        result = self.as_user("umount", self.dir)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(self.gone(server))


class ByAnOrdinaryUser(MountTest):
    """Through fusermount3."""

    def setUp(self):
        super().setUp()
        if not os.path.exists("/usr/bin/fusermount3"):
            self.skipTest("there is no fusermount3")
        give_to_user(self.base)
        give_to_user(self.dir)

    def test_mount_and_umount(self):
        result = self.as_user(Machine.helper, self.base, self.dir, "-o", f"table={self.table}")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(self.as_user("cat", self.dir + "/readme.txt").stdout, "hello\n")
        server = self.server()
        self.assertEqual(self.as_user("fusermount3", "-u", self.dir).returncode, 0)
        self.assertTrue(self.gone(server))

    def test_a_signal_unmounts(self):
        self.assertEqual(self.as_user(Machine.helper, self.base, self.dir, "-o", f"table={self.table}").returncode, 0)
        server = self.server()
        os.kill(server, signal.SIGTERM)
        self.assertTrue(self.gone(server))
        self.assertEqual(view_mounts(), [])

    def test_where_the_user_may_not_mount(self):
        os.chown(self.dir, 0, 0)
        result = self.as_user(Machine.helper, self.base, self.dir, "-o", f"table={self.table}")
        self.assertEqual(result.returncode, 32)
        self.assertIn("fusermount3 refused", result.stderr)
        self.assertEqual(view_mounts(), [])


if __name__ == "__main__":
    main()
